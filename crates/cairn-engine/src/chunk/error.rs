//! Why bytes are not a change we accept: which part is at fault, never what it says.

use std::fmt;

/// Why [`ChangeChunk::parse`](super::ChangeChunk::parse) refused bytes.
///
/// It is always the fault of whoever made the bytes: they are malformed or over a limit for every
/// receiver of this protocol version, and asking for them again gives the same answer. Nothing
/// was given to automerge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// More bytes than a change may have.
    #[error("change of {bytes} bytes is over the limit; nothing of it was read")]
    TooLarge {
        /// How many there were.
        bytes: usize,
    },
    /// The first bytes are not those of an automerge chunk.
    #[error("not an automerge chunk; nothing of it was read")]
    Magic,
    /// A chunk of another type: 0 a document, 2 a compressed change, 3 a bundle.
    #[error("chunk of type {0} instead of a plain change; it was not opened")]
    ChunkType(u8),
    /// The declared length is not the number of bytes that follow: cut short or with bytes behind.
    #[error("declared length of the change differs from its bytes; its content was not read")]
    Length,
    /// The bytes are not those the checksum was made for.
    #[error("checksum of the change does not match; its content was not read")]
    Checksum,
    /// A number is cut short, overlong or too large for its type, or a text is not UTF-8.
    #[error("wrong encoding in the {0} of a change; it was not applied")]
    Encoding(Part),
    /// A number has a value that the part cannot have.
    #[error("value out of range in the {0} of a change; it was not applied")]
    Range(Part),
    /// Longer, or more of it, than the [`Limits`](crate::Limits) allow.
    #[error("{0} of a change over the limit; it was not applied")]
    Limit(Part),
    /// Not in the one order they must have, or one of them twice.
    #[error("{0} of a change out of order or repeated; it was not applied")]
    Order(Part),
    /// The column has more or fewer rows than the change has operations.
    #[error("wrong number of rows in the {0} of a change; it was not applied")]
    Rows(Part),
    /// A row says what cannot be together with the rest of its operation.
    #[error("contradiction in the {0} of an operation; the change was not applied")]
    Combination(Part),
    /// An actor that the change does not list, or an operation that cannot come before this one.
    #[error("impossible reference in the {0} of an operation; the change was not applied")]
    Reference(Part),
    /// A column is deflated: its size when inflated is unknown.
    #[error("compressed column in a change; it was not opened")]
    CompressedColumn,
    /// A column that this version does not know, so that no rule can judge it.
    #[error("unknown column in a change; it was not applied")]
    UnknownColumn,
    /// Bytes after the last column: an author's name or unsigned data of a later format.
    #[error("bytes after the columns of a change; it was not applied")]
    Footer,
}

/// A part of a change chunk, in the order in which they stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// Magic, checksum, type and length.
    Header,
    /// Hashes of the changes it builds on.
    Dependencies,
    /// The actor that wrote it.
    Author,
    /// Its number among the changes of its author.
    Sequence,
    /// The counter of its first operation.
    StartOp,
    /// When it was written, as its author says.
    Time,
    /// A line about it.
    Message,
    /// The actors that operations refer to besides the author.
    OtherActors,
    /// Which columns follow and how long they are.
    ColumnList,
    /// The object an operation works in.
    Object,
    /// The map key or list element it works on.
    Key,
    /// Whether it inserts an element.
    Insert,
    /// What it does.
    Action,
    /// The value it writes.
    Value,
    /// The operations it replaces.
    Predecessors,
    /// Whether a mark grows with its text.
    Expand,
    /// What a mark is called.
    MarkName,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Dependencies => "dependencies",
            Self::Author => "author",
            Self::Sequence => "sequence number",
            Self::StartOp => "operation counter",
            Self::Time => "time",
            Self::Message => "message",
            Self::OtherActors => "other actors",
            Self::ColumnList => "column list",
            Self::Object => "object",
            Self::Key => "key",
            Self::Insert => "insert flag",
            Self::Action => "action",
            Self::Value => "value",
            Self::Predecessors => "predecessors",
            Self::Expand => "expand flag",
            Self::MarkName => "mark name",
        })
    }
}
