//! Reads automerge change chunks by our own rules, before any code of automerge sees them.
//!
//! # Role
//! First step of the gate: [`ChangeChunk::parse`] checks size, checksum, form and every row of
//! every column of one change, and then shows what the change does, operation by operation, for
//! the steps that judge its order, its author and its policy.
//!
//! # Invariants
//! * Work and memory are bounded by the bytes and by [`Limits`]: run lengths are summed before
//!   rows are decoded, and nothing is allocated but a flag for each listed actor.
//! * No input panics or recurses.
//! * What is accepted here, `automerge::Change::from_bytes` accepts too; not the other way round.
//! * A change has one encoding. Automerge keeps no bytes of changes and builds them anew from
//!   what they say; for those accepted here these are the same bytes.
//! * The fields of [`RawOperation`] say all that the columns say: there is no part of a chunk
//!   where something can hide from a rule.
//!
//! # Not here
//! Whether dependencies, objects, elements and predecessors exist, and of which type an object is:
//! that needs the document.
//!
//! The format is described at <https://automerge.org/automerge-binary-format-spec/>.

mod columns;
mod error;
mod operation;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use automerge::ChangeHash;
use sha2::{Digest, Sha256};

pub(crate) use self::columns::Reader;
pub use self::error::{ChunkError, Part};
pub(crate) use self::operation::COLUMNS;
pub use self::operation::{
    Action, Key, ObjectId, OpId, Operations, Predecessors, RawOperation, Value,
};
use crate::limits::Limits;

/// The first bytes of every automerge chunk.
pub(crate) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The type of a plain change among the chunks.
pub(crate) const CHANGE: u8 = 1;
/// Bytes of an actor: the first half of the hash that ties it to its device and document.
pub(crate) const ACTOR_BYTES: usize = 16;
/// An other actor with its length in front, which LEB128 writes as one byte.
const LISTED_ACTOR_BYTES: usize = 1 + ACTOR_BYTES;
/// Automerge keeps sequence numbers in 32 bits and would cut longer ones off unseen.
const SEQUENCE_MAX: u64 = u32::MAX as u64;
/// Milliseconds from 1970, either way, 285,000 years: automerge panics when saving a document in
/// which two times are 2^63 apart.
const TIME_MAGNITUDE_MAX: u64 = 1 << 53;

/// A change that has been read to its last byte and found well formed.
#[derive(Clone)]
pub struct ChangeChunk<'a> {
    bytes: &'a [u8],
    hash: ChangeHash,
    dependencies: &'a [[u8; 32]],
    actor: &'a [u8; ACTOR_BYTES],
    seq: u64,
    start_op: u64,
    time: i64,
    message: &'a str,
    other_actors: &'a [[u8; LISTED_ACTOR_BYTES]],
    operations: Operations<'a>,
}

impl<'a> ChangeChunk<'a> {
    /// Reads one uncompressed change chunk that takes up all of `bytes`.
    ///
    /// Costs one pass of SHA-256 and one over the operations: some milliseconds for the largest
    /// change.
    ///
    /// # Errors
    /// Any fault of the bytes, all of them their maker's; nothing was kept.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, ChunkError> {
        if bytes.len() > limits.change_bytes_max {
            return Err(ChunkError::TooLarge { bytes: bytes.len() });
        }
        let (hash, mut body) = read_header(bytes)?;
        let chunk = Self::read_body(bytes, hash, &mut body, limits)?;
        chunk.scan(limits)?;
        Ok(chunk)
    }

    fn read_body(
        bytes: &'a [u8],
        hash: ChangeHash,
        body: &mut Reader<'a>,
        limits: &Limits,
    ) -> Result<Self, ChunkError> {
        let dependencies = read_dependencies(body, limits)?;
        let actor = body.prefixed();
        let actor = actor.ok_or(ChunkError::Encoding(Part::Author))?;
        let actor = actor.as_array().ok_or(ChunkError::Range(Part::Author))?;
        let seq = body
            .unsigned()
            .ok_or(ChunkError::Encoding(Part::Sequence))?;
        if !(1..=SEQUENCE_MAX).contains(&seq) {
            return Err(ChunkError::Range(Part::Sequence));
        }
        let start_op = body.unsigned().ok_or(ChunkError::Encoding(Part::StartOp))?;
        if start_op == 0 {
            return Err(ChunkError::Range(Part::StartOp));
        }
        let time = body.signed().ok_or(ChunkError::Encoding(Part::Time))?;
        if time.unsigned_abs() > TIME_MAGNITUDE_MAX {
            return Err(ChunkError::Range(Part::Time));
        }
        let message = body.prefixed().ok_or(ChunkError::Encoding(Part::Message))?;
        if message.len() > limits.change_message_bytes_max {
            return Err(ChunkError::Limit(Part::Message));
        }
        let message = std::str::from_utf8(message).ok();
        let message = message.ok_or(ChunkError::Encoding(Part::Message))?;
        let other_actors = read_other_actors(body, actor, limits)?;
        let mut operations = Operations::new(&read_columns(body)?);
        let count =
            operations.measure(limits.change_operations_max, limits.change_predecessors_max)?;
        start_op
            .checked_add(count as u64)
            .filter(|end| end - 1 <= limits.operation_counter_max)
            .ok_or(ChunkError::Limit(Part::StartOp))?;
        Ok(Self {
            bytes,
            hash,
            dependencies,
            actor,
            seq,
            start_op,
            time,
            message,
            other_actors,
            operations,
        })
    }

    /// Reads and judges every row.
    fn scan(&self, limits: &Limits) -> Result<(), ChunkError> {
        let mut operations = self.operations.clone();
        let mut references = References {
            chunk: self,
            own: self.start_op,
            named: vec![false; self.other_actors.len()],
        };
        let mut open_mark = None;
        for _ in 0..self.operations.len() {
            let operation = operations.row()?;
            references.check(&operation)?;
            check_form(&operation, limits)?;
            // Automerge takes the operation before an end for the beginning of the mark, and
            // cannot load a document again in which it is none.
            let begun = open_mark.take();
            match operation.action {
                Action::MarkEnd { .. } if begun == Some(operation.object) => {}
                Action::MarkEnd { .. } => return Err(ChunkError::Combination(Part::MarkName)),
                _ if begun.is_some() => return Err(ChunkError::Combination(Part::MarkName)),
                Action::MarkBegin { .. } => open_mark = Some(operation.object),
                _ => {}
            }
            references.own += 1;
        }
        if open_mark.is_some() {
            return Err(ChunkError::Combination(Part::MarkName));
        }
        operations.finish()?;
        references.finish()
    }

    /// The whole chunk, as it was received and as it is to be kept.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The change's name: SHA-256 over type, length and content.
    pub fn hash(&self) -> ChangeHash {
        self.hash
    }

    /// The changes it builds on, ascending, each once.
    pub fn dependencies(&self) -> impl ExactSizeIterator<Item = ChangeHash> + Clone + 'a {
        self.dependencies.iter().map(|hash| ChangeHash(*hash))
    }

    /// The actor that wrote it.
    pub fn actor(&self) -> &'a [u8; ACTOR_BYTES] {
        self.actor
    }

    /// The other actors its operations name, ascending, each once.
    pub fn other_actors(&self) -> impl ExactSizeIterator<Item = &'a [u8; ACTOR_BYTES]> + Clone {
        self.other_actors.iter().map(listed_actor)
    }

    /// The actor of an [`OpId`] of this change; `None` past the last.
    pub fn actor_at(&self, index: usize) -> Option<&'a [u8; ACTOR_BYTES]> {
        match index.checked_sub(1) {
            None => Some(self.actor),
            Some(other) => self.other_actors.get(other).map(listed_actor),
        }
    }

    /// Its number among the changes of its author, from 1.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The counter of its first operation, or of the next one if it has none; from 1.
    pub fn start_op(&self) -> u64 {
        self.start_op
    }

    /// The counter of its last operation; `start_op` − 1 if it has none.
    pub fn max_op(&self) -> u64 {
        // The sum was checked against the limit by `parse`.
        self.start_op
            .saturating_add(self.operation_count() as u64)
            .saturating_sub(1)
    }

    /// When it was written, as its author says, in the unit its author chose (ours:
    /// seconds since 1970).
    pub fn time(&self) -> i64 {
        self.time
    }

    /// A line about it, if there is one.
    pub fn message(&self) -> Option<&'a str> {
        (!self.message.is_empty()).then_some(self.message)
    }

    /// How many operations it has; none in a change that only joins heads.
    pub fn operation_count(&self) -> usize {
        self.operations.len()
    }

    /// Its operations, decoded anew from the columns at each call.
    pub fn operations(&self) -> Operations<'a> {
        self.operations.clone()
    }
}

impl fmt::Debug for ChangeChunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeChunk")
            .field("hash", &self.hash)
            .field("seq", &self.seq)
            .field("start_op", &self.start_op)
            .field("operations", &self.operation_count())
            .finish_non_exhaustive()
    }
}

/// Checks what a chunk begins with, and gives its hash and the content.
fn read_header(bytes: &[u8]) -> Result<(ChangeHash, Reader<'_>), ChunkError> {
    let mut reader = Reader::new(bytes);
    let magic = reader.array().ok_or(ChunkError::Magic)?;
    if *magic != MAGIC {
        return Err(ChunkError::Magic);
    }
    let checksum: &[u8; 4] = reader.array().ok_or(ChunkError::Length)?;
    let hashed = reader;
    let [chunk_type] = *reader.array().ok_or(ChunkError::Length)?;
    if chunk_type != CHANGE {
        return Err(ChunkError::ChunkType(chunk_type));
    }
    let length = reader
        .unsigned()
        .ok_or(ChunkError::Encoding(Part::Header))?;
    if length != reader.len() as u64 {
        return Err(ChunkError::Length);
    }
    let hash: [u8; 32] = Sha256::digest(hashed.rest()).into();
    if !hash.starts_with(checksum) {
        return Err(ChunkError::Checksum);
    }
    Ok((ChangeHash(hash), reader))
}

fn read_dependencies<'a>(
    body: &mut Reader<'a>,
    limits: &Limits,
) -> Result<&'a [[u8; 32]], ChunkError> {
    let hashes = read_list(body, limits.change_dependencies_max, Part::Dependencies)?;
    if !hashes.is_sorted_by(|one, next| one < next) {
        return Err(ChunkError::Order(Part::Dependencies));
    }
    Ok(hashes)
}

fn read_other_actors<'a>(
    body: &mut Reader<'a>,
    author: &[u8; ACTOR_BYTES],
    limits: &Limits,
) -> Result<&'a [[u8; LISTED_ACTOR_BYTES]], ChunkError> {
    let listed: &[[u8; LISTED_ACTOR_BYTES]] =
        read_list(body, limits.change_other_actors_max, Part::OtherActors)?;
    if listed.iter().any(|entry| entry[0] != ACTOR_BYTES as u8) {
        return Err(ChunkError::Range(Part::OtherActors));
    }
    let ascending = listed.is_sorted_by(|one, next| one < next);
    if !ascending || listed.iter().any(|entry| listed_actor(entry) == author) {
        return Err(ChunkError::Order(Part::OtherActors));
    }
    Ok(listed)
}

/// A number followed by as many entries of the same length.
fn read_list<'a, const N: usize>(
    body: &mut Reader<'a>,
    max: usize,
    part: Part,
) -> Result<&'a [[u8; N]], ChunkError> {
    let count = body.unsigned().ok_or(ChunkError::Encoding(part))?;
    let count = usize::try_from(count).ok().filter(|count| *count <= max);
    let length = count.and_then(|count| count.checked_mul(N));
    let bytes = body.take(length.ok_or(ChunkError::Limit(part))?);
    let (entries, _) = bytes.ok_or(ChunkError::Encoding(part))?.as_chunks();
    Ok(entries)
}

fn listed_actor(entry: &[u8; LISTED_ACTOR_BYTES]) -> &[u8; ACTOR_BYTES] {
    let [_, actor @ ..] = entry;
    actor
}

/// Reads the list of columns and cuts the rest of the chunk up into them.
fn read_columns<'a>(body: &mut Reader<'a>) -> Result<[&'a [u8]; COLUMNS.len()], ChunkError> {
    const ENCODING: ChunkError = ChunkError::Encoding(Part::ColumnList);
    let count = body.unsigned().ok_or(ENCODING)?;
    if count > COLUMNS.len() as u64 {
        return Err(ChunkError::Limit(Part::ColumnList));
    }
    let mut lengths = [0; COLUMNS.len()];
    let mut next = 0;
    for _ in 0..count {
        let name = body.unsigned().ok_or(ENCODING)?;
        let length = body.unsigned().ok_or(ENCODING)?;
        if name & 8 != 0 {
            return Err(ChunkError::CompressedColumn);
        }
        let index = COLUMNS.iter().position(|column| *column == name);
        let index = index.ok_or(ChunkError::UnknownColumn)?;
        if index < next {
            return Err(ChunkError::Order(Part::ColumnList));
        }
        // A column without bytes is left out, so that a change has one encoding.
        if length == 0 {
            return Err(ChunkError::Range(Part::ColumnList));
        }
        lengths[index] = usize::try_from(length).ok().ok_or(ENCODING)?;
        next = index + 1;
    }
    let mut columns: [&[u8]; COLUMNS.len()] = [&[]; COLUMNS.len()];
    for (column, length) in columns.iter_mut().zip(lengths) {
        *column = body.take(length).ok_or(ENCODING)?;
    }
    if !body.is_empty() {
        return Err(ChunkError::Footer);
    }
    Ok(columns)
}

/// Checks what one operation says about others.
struct References<'c, 'a> {
    chunk: &'c ChangeChunk<'a>,
    /// The counter of the operation at hand.
    own: u64,
    /// Which of the other actors have been named.
    named: Vec<bool>,
}

impl References<'_, '_> {
    fn check(&mut self, operation: &RawOperation<'_>) -> Result<(), ChunkError> {
        if let ObjectId::Op(id) = operation.object {
            self.check_id(id, Part::Object)?;
        }
        if let Key::Element(id) = operation.key {
            self.check_id(id, Part::Key)?;
        }
        let mut predecessors = operation.predecessors.clone();
        let mut last = None;
        for _ in 0..operation.predecessors.len() {
            let id = predecessors.row()?;
            self.check_id(id, Part::Predecessors)?;
            let place = (id.counter, self.chunk.actor_at(id.actor));
            if last.replace(place).is_some_and(|last| last >= place) {
                return Err(ChunkError::Order(Part::Predecessors));
            }
        }
        Ok(())
    }

    /// An operation can only name what its author had: earlier ones of this change, and others
    /// with counters below its first.
    fn check_id(&mut self, id: OpId, part: Part) -> Result<(), ChunkError> {
        let end = match id.actor.checked_sub(1) {
            None => self.own,
            Some(other) => {
                let named = self.named.get_mut(other);
                *named.ok_or(ChunkError::Reference(part))? = true;
                self.chunk.start_op
            }
        };
        if (1..end).contains(&id.counter) {
            Ok(())
        } else {
            Err(ChunkError::Reference(part))
        }
    }

    /// Automerge lists the actors it needs and no others; it could not rebuild the same bytes.
    fn finish(self) -> Result<(), ChunkError> {
        if self.named.contains(&false) {
            return Err(ChunkError::Reference(Part::OtherActors));
        }
        Ok(())
    }
}

/// Checks that the fields of one operation go together and are within the limits.
fn check_form(operation: &RawOperation<'_>, limits: &Limits) -> Result<(), ChunkError> {
    let insert = operation.insert;
    let replaces = operation.predecessors.len() > 0;
    match operation.key {
        Key::Map(key) if key.len() > limits.key_bytes_max => {
            return Err(ChunkError::Limit(Part::Key));
        }
        Key::Map(_) if insert => return Err(ChunkError::Combination(Part::Insert)),
        Key::Head if !insert => return Err(ChunkError::Combination(Part::Key)),
        _ => {}
    }
    if insert && replaces {
        return Err(ChunkError::Combination(Part::Predecessors));
    }
    let (value, inserts, needs_predecessor) = match operation.action {
        Action::Put(value) => (value, insert, false),
        // Automerge keeps them as a remark at what they replace; without that they are lost.
        Action::Delete | Action::Increment(_) => (Value::Null, false, true),
        Action::MarkBegin { name, value, .. } => {
            if name.len() > limits.key_bytes_max {
                return Err(ChunkError::Limit(Part::MarkName));
            }
            (value, true, false)
        }
        Action::MarkEnd { .. } => (Value::Null, true, false),
        Action::MakeTable => return Err(ChunkError::Range(Part::Action)),
        Action::MakeMap | Action::MakeList | Action::MakeText => (Value::Null, insert, false),
    };
    if insert != inserts {
        return Err(ChunkError::Combination(Part::Action));
    }
    if needs_predecessor && !replaces {
        return Err(ChunkError::Combination(Part::Predecessors));
    }
    let value_bytes = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) | Value::Unknown { bytes, .. } => bytes.len(),
        _ => 0,
    };
    if value_bytes > limits.value_bytes_max {
        return Err(ChunkError::Limit(Part::Value));
    }
    Ok(())
}
