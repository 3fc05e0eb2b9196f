//! The one question the engine asks about meaning: may this author make these operations?

use automerge::ChangeHash;

use crate::id::PersonId;

/// One step of the path from the root of a document to what an operation touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// A key of a map.
    Key(String),
    /// An element of a list or a text.
    Element,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sets a scalar.
    Put,
    /// Makes a map, list or text.
    Make,
    /// Adds to a counter.
    Increment,
    /// Removes.
    Delete,
    /// Inserts an element into a list or text.
    Insert,
    /// Marks a range of a text.
    Mark,
}

/// One operation of a change, taken from the change itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Where.
    pub path: Vec<PathStep>,
    /// What.
    pub action: Action,
    /// Who wrote the values it replaces or removes; `None` for one nobody is known to have
    /// written.
    pub predecessor_authors: Vec<Option<PersonId>>,
    /// The value, where it is a short scalar: for sentences about the change.
    pub value: Option<Scalar>,
}

/// A short scalar value.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A text of at most 64 bytes.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A floating point number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// No value.
    Null,
}

impl Eq for Scalar {}

/// A change as its rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The document's kind; numbers are the model's.
    pub kind: u16,
    /// The document's owner.
    pub owner: PersonId,
    /// Who made the change.
    pub author: PersonId,
    /// The change.
    pub change: ChangeHash,
    /// What it does.
    pub operations: &'a [Operation],
}

/// The author may not make this change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this author may not make this change")]
pub struct Breach;

/// Rules for what each author may do, per kind of document.
///
/// Asked once, by the first device of the owner that receives another person's change. It must be
/// pure: the same change gets the same answer on every device.
pub trait DocumentRules: std::fmt::Debug + Send + Sync {
    /// Judges one change.
    ///
    /// # Errors
    /// [`Breach`] refuses the change and all that is built on it.
    fn judge(&self, judged: Judged<'_>) -> Result<(), Breach>;

    /// Whether documents of this kind never leave the device they were made on, not even for
    /// another device of the same person.
    fn stays_here(&self, _kind: u16) -> bool {
        false
    }
}

/// Rules that allow everything, for documents without meaning: tests and benches.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

impl DocumentRules for AllowAll {
    fn judge(&self, _judged: Judged<'_>) -> Result<(), Breach> {
        Ok(())
    }
}
