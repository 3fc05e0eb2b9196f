//! One operation of a change as its columns say it, and the iterators that read them.
//!
//! Nothing here allocates: keys and values borrow the bytes of the chunk.

use std::fmt;

use super::columns::{Booleans, Deltas, Reader, Runs};
use super::error::{ChunkError, Part};

/// Names an operation, and with it the object or element it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// At least 1; counted through a document, not through an actor.
    pub counter: u64,
    /// 0 for the author of the change, then its other actors counted from 1;
    /// [`ChangeChunk::actor_at`](super::ChangeChunk::actor_at) has the bytes.
    pub actor: usize,
}

/// The object an operation works in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectId {
    /// The map at the root of the document.
    Root,
    /// What the operation with this id made.
    Op(OpId),
}

/// The place in its object that an operation works on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// A key of a map.
    Map(&'a str),
    /// Before the first element of a list or text; only for inserts.
    Head,
    /// An element: the one to insert behind, or the one to work on.
    Element(OpId),
}

/// A scalar.
#[derive(Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// An unsigned number.
    Uint(u64),
    /// A signed number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A text; in a text object one character.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// The start of a counter.
    Counter(i64),
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// A type that automerge reserves and keeps as it is.
    Unknown {
        /// 10 to 15.
        code: u8,
        /// What it holds.
        bytes: &'a [u8],
    },
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq)]
pub enum Action<'a> {
    /// Writes or inserts a scalar.
    Put(Value<'a>),
    /// Makes a map.
    MakeMap,
    /// Makes a list.
    MakeList,
    /// Makes a text.
    MakeText,
    /// Makes a table; refused by [`ChangeChunk::parse`](super::ChangeChunk::parse), since
    /// automerge panics on a change that works in one.
    MakeTable,
    /// Removes what its predecessors wrote.
    Delete,
    /// Adds to the counters its predecessors wrote.
    Increment(i64),
    /// Begins a mark; the next operation of the change ends it.
    MarkBegin {
        /// What it is called.
        name: &'a str,
        /// What it says.
        value: Value<'a>,
        /// Whether text typed right before it belongs to it.
        expand: bool,
    },
    /// Ends the mark that the operation before began.
    MarkEnd {
        /// Whether text typed right behind it belongs to it.
        expand: bool,
    },
}

/// One operation. Its own id is [`ChangeChunk::start_op`](super::ChangeChunk::start_op) plus its
/// index, and the author.
///
/// These fields hold all that the chunk says about it, so that a rule that has judged them has
/// judged every byte.
#[derive(Debug, Clone)]
pub struct RawOperation<'a> {
    /// Where.
    pub object: ObjectId,
    /// On which place there.
    pub key: Key<'a>,
    /// Whether it inserts a new element behind `key`.
    pub insert: bool,
    /// What it does.
    pub action: Action<'a>,
    /// The operations it replaces, ascending by counter and bytes of the actor.
    pub predecessors: Predecessors<'a>,
}

/// The operations that one operation replaces.
#[derive(Clone)]
pub struct Predecessors<'a> {
    left: usize,
    actor: Runs<'a, u64>,
    counter: Deltas<'a>,
}

/// The operations of a change in the order of their ids.
#[derive(Clone)]
pub struct Operations<'a> {
    left: usize,
    object_actor: Runs<'a, u64>,
    object_counter: Runs<'a, u64>,
    key_actor: Runs<'a, u64>,
    key_counter: Deltas<'a>,
    key_text: Runs<'a, &'a str>,
    insert: Booleans<'a>,
    action: Runs<'a, u64>,
    value_meta: Runs<'a, u64>,
    value_bytes: Reader<'a>,
    predecessor_count: Runs<'a, u64>,
    predecessor_actor: Runs<'a, u64>,
    predecessor_counter: Deltas<'a>,
    expand: Booleans<'a>,
    mark_name: Runs<'a, &'a str>,
}

/// The columns in the order in which a chunk has them: identifier · 16 + type.
pub(crate) const COLUMNS: [u64; 14] = [
    0x01, 0x02, 0x11, 0x13, 0x15, 0x34, 0x42, 0x56, 0x57, 0x70, 0x71, 0x73, 0x94, 0xa5,
];

impl<'a> Operations<'a> {
    /// Decoders over the columns, in the order of [`COLUMNS`], an absent one empty; `left` is set
    /// by the caller once it has counted the rows.
    pub(super) fn new(columns: &[&'a [u8]; COLUMNS.len()]) -> Self {
        let [
            object_actor,
            object_counter,
            key_actor,
            key_counter,
            key_text,
            insert,
            action,
            value_meta,
            value_bytes,
            predecessor_count,
            predecessor_actor,
            predecessor_counter,
            expand,
            mark_name,
        ] = *columns;
        Self {
            left: 0,
            object_actor: Runs::new(object_actor, Part::Object),
            object_counter: Runs::new(object_counter, Part::Object),
            key_actor: Runs::new(key_actor, Part::Key),
            key_counter: Deltas::new(key_counter, Part::Key),
            key_text: Runs::new(key_text, Part::Key),
            insert: Booleans::new(insert, Part::Insert),
            action: Runs::new(action, Part::Action),
            value_meta: Runs::new(value_meta, Part::Value),
            value_bytes: Reader::new(value_bytes),
            predecessor_count: Runs::new(predecessor_count, Part::Predecessors),
            predecessor_actor: Runs::new(predecessor_actor, Part::Predecessors),
            predecessor_counter: Deltas::new(predecessor_counter, Part::Predecessors),
            expand: Booleans::new(expand, Part::Expand),
            mark_name: Runs::new(mark_name, Part::MarkName),
        }
    }

    /// Counts the rows and the predecessors run by run, before any row is decoded.
    pub(super) fn measure(
        &mut self,
        rows_max: usize,
        predecessors_max: usize,
    ) -> Result<usize, ChunkError> {
        self.predecessor_count.sum(predecessors_max as u64)?;
        let rows = self.action.count_rows(rows_max as u64)?;
        // At most `rows_max`, which is a `usize`.
        self.left = usize::try_from(rows).unwrap_or(usize::MAX);
        Ok(self.left)
    }

    /// The next operation; only in [`ChangeChunk::parse`](super::ChangeChunk::parse) can it fail.
    pub(super) fn row(&mut self) -> Result<RawOperation<'a>, ChunkError> {
        self.left = self.left.saturating_sub(1);
        let object = self.object()?;
        let key = self.key()?;
        let insert = self.insert.required()?;
        let action = self.action()?;
        let count = self.predecessor_count.required()?;
        let predecessors = Predecessors {
            // Within the sum of all counts, which `measure` has limited.
            left: usize::try_from(count).unwrap_or(usize::MAX),
            actor: self.predecessor_actor,
            counter: self.predecessor_counter,
        };
        for _ in 0..count {
            self.predecessor_actor.required()?;
            self.predecessor_counter.required()?;
        }
        Ok(RawOperation {
            object,
            key,
            insert,
            action,
            predecessors,
        })
    }

    /// Fails unless every column ended with the last row.
    pub(super) fn finish(&self) -> Result<(), ChunkError> {
        self.object_actor.finish()?;
        self.object_counter.finish()?;
        self.key_actor.finish()?;
        self.key_counter.finish()?;
        self.key_text.finish()?;
        self.insert.finish()?;
        self.action.finish()?;
        self.value_meta.finish()?;
        if !self.value_bytes.is_empty() {
            return Err(ChunkError::Rows(Part::Value));
        }
        self.predecessor_count.finish()?;
        self.predecessor_actor.finish()?;
        self.predecessor_counter.finish()?;
        self.expand.finish()?;
        self.mark_name.finish()
    }

    fn object(&mut self) -> Result<ObjectId, ChunkError> {
        let actor = self.object_actor.nullable()?;
        let counter = self.object_counter.nullable()?;
        match (actor, counter) {
            (None, None) => Ok(ObjectId::Root),
            (Some(actor), Some(counter)) => op_id(counter, actor, Part::Object).map(ObjectId::Op),
            _ => Err(ChunkError::Combination(Part::Object)),
        }
    }

    fn key(&mut self) -> Result<Key<'a>, ChunkError> {
        let actor = self.key_actor.nullable()?;
        let counter = self.key_counter.nullable()?;
        let text = self.key_text.nullable()?;
        match (actor, counter, text) {
            (None, None, Some(text)) => Ok(Key::Map(text)),
            (None, Some(0), None) => Ok(Key::Head),
            (Some(actor), Some(counter), None) => {
                op_id(counter, actor, Part::Key).map(Key::Element)
            }
            _ => Err(ChunkError::Combination(Part::Key)),
        }
    }

    fn action(&mut self) -> Result<Action<'a>, ChunkError> {
        let action = self.action.required()?;
        let value = self.value()?;
        let expand = self.expand.or_false()?;
        let mark_name = self.mark_name.nullable()?;
        if action != 7 && (expand || mark_name.is_some()) {
            return Err(ChunkError::Combination(Part::MarkName));
        }
        let plain = match (action, value) {
            (0, _) => Action::MakeMap,
            (1, value) => return Ok(Action::Put(value)),
            (2, _) => Action::MakeList,
            (3, _) => Action::Delete,
            (4, _) => Action::MakeText,
            (5, Value::Int(by)) => return Ok(Action::Increment(by)),
            (6, _) => Action::MakeTable,
            (7, value) => match mark_name {
                Some(name) => {
                    return Ok(Action::MarkBegin {
                        name,
                        value,
                        expand,
                    });
                }
                None => Action::MarkEnd { expand },
            },
            (5, _) => return Err(ChunkError::Combination(Part::Value)),
            _ => return Err(ChunkError::Range(Part::Action)),
        };
        // A value that no reader of the document ever sees could hide anything.
        if value != Value::Null {
            return Err(ChunkError::Combination(Part::Value));
        }
        Ok(plain)
    }

    fn value(&mut self) -> Result<Value<'a>, ChunkError> {
        const ENCODING: ChunkError = ChunkError::Encoding(Part::Value);
        let meta = self.value_meta.required()?;
        let length = usize::try_from(meta >> 4).ok().ok_or(ENCODING)?;
        let bytes = self.value_bytes.take(length);
        let bytes = bytes.ok_or(ChunkError::Rows(Part::Value))?;
        let number = |read: fn(&mut Reader<'a>) -> Option<i64>| {
            let mut reader = Reader::new(bytes);
            let number = read(&mut reader)?;
            reader.is_empty().then_some(number)
        };
        let signed = || number(Reader::signed).ok_or(ENCODING);
        match (meta & 15) as u8 {
            0 if bytes.is_empty() => Ok(Value::Null),
            1 if bytes.is_empty() => Ok(Value::Boolean(false)),
            2 if bytes.is_empty() => Ok(Value::Boolean(true)),
            3 => {
                let mut reader = Reader::new(bytes);
                let number = reader.unsigned().filter(|_| reader.is_empty());
                number.map(Value::Uint).ok_or(ENCODING)
            }
            4 => signed().map(Value::Int),
            5 => {
                let bytes = <[u8; 8]>::try_from(bytes).ok().ok_or(ENCODING)?;
                Ok(Value::Float(f64::from_le_bytes(bytes)))
            }
            6 => {
                let text = std::str::from_utf8(bytes).ok();
                text.map(Value::Text).ok_or(ENCODING)
            }
            7 => Ok(Value::Bytes(bytes)),
            8 => signed().map(Value::Counter),
            9 => signed().map(Value::Timestamp),
            code @ 10.. => Ok(Value::Unknown { code, bytes }),
            _ => Err(ENCODING),
        }
    }
}

fn op_id(counter: u64, actor: u64, part: Part) -> Result<OpId, ChunkError> {
    let actor = usize::try_from(actor).ok();
    let actor = actor.ok_or(ChunkError::Reference(part))?;
    Ok(OpId { counter, actor })
}

impl<'a> Iterator for Operations<'a> {
    type Item = RawOperation<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        // `parse` has read the same rows to their end without an error.
        self.row().ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Operations<'_> {}

impl Predecessors<'_> {
    pub(super) fn row(&mut self) -> Result<OpId, ChunkError> {
        self.left = self.left.saturating_sub(1);
        let actor = self.actor.required()?;
        op_id(self.counter.required()?, actor, Part::Predecessors)
    }
}

impl Iterator for Predecessors<'_> {
    type Item = OpId;

    fn next(&mut self) -> Option<OpId> {
        if self.left == 0 {
            return None;
        }
        // `parse` has read the same rows to their end without an error.
        self.row().ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Predecessors<'_> {}

// None of these print what somebody wrote.

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(key) => write!(f, "Map({} bytes)", key.len()),
            Self::Head => f.write_str("Head"),
            Self::Element(id) => f.debug_tuple("Element").field(id).finish(),
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean",
            Self::Uint(_) => "Uint",
            Self::Int(_) => "Int",
            Self::Float(_) => "Float",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
            Self::Counter(_) => "Counter",
            Self::Timestamp(_) => "Timestamp",
            Self::Unknown { .. } => "Unknown",
        })
    }
}

impl fmt::Debug for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(value) => write!(f, "Put({value:?})"),
            Self::MakeMap => f.write_str("MakeMap"),
            Self::MakeList => f.write_str("MakeList"),
            Self::MakeText => f.write_str("MakeText"),
            Self::MakeTable => f.write_str("MakeTable"),
            Self::Delete => f.write_str("Delete"),
            Self::Increment(_) => f.write_str("Increment"),
            Self::MarkBegin { .. } => f.write_str("MarkBegin"),
            Self::MarkEnd { .. } => f.write_str("MarkEnd"),
        }
    }
}

impl fmt::Debug for Predecessors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Operations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operations({} left)", self.left)
    }
}
