//! The parts of a change chunk in the usual form.

use super::chunk_hash;
use super::columns::rows;
use crate::chunk::{ACTOR_BYTES, CHANGE, COLUMNS, MAGIC, Reader};

/// Where the column of actions stands in [`COLUMNS`]: it has a row for each operation.
pub(super) const ACTIONS: usize = 6;

/// See the [module](self). Together with their order these say every byte of the chunk.
pub(super) struct Parts<'a> {
    pub(super) hash: [u8; 32],
    pub(super) dependencies: &'a [[u8; 32]],
    pub(super) actor: &'a [u8; ACTOR_BYTES],
    pub(super) seq: u64,
    pub(super) start_op: u64,
    pub(super) time: i64,
    pub(super) message: &'a [u8],
    pub(super) other_actors: Vec<&'a [u8; ACTOR_BYTES]>,
    /// In the order of [`COLUMNS`], absent ones empty.
    pub(super) columns: [&'a [u8]; COLUMNS.len()],
    /// How many operations it has.
    pub(super) operations: u64,
}

impl<'a> Parts<'a> {
    /// `None` if the chunk has another form: then it is no change that anyone would accept.
    pub(super) fn of(chunk: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(chunk);
        if *reader.array()? != MAGIC {
            return None;
        }
        let checksum: &[u8; 4] = reader.array()?;
        if *reader.array()? != [CHANGE] {
            return None;
        }
        if reader.unsigned()? != reader.len() as u64 {
            return None;
        }
        let hash = chunk_hash(chunk);
        if !hash.starts_with(checksum) {
            return None;
        }
        let count = usize::try_from(reader.unsigned()?).ok()?;
        let (dependencies, _) = reader.take(count.checked_mul(32)?)?.as_chunks();
        let actor = reader.prefixed()?.as_array()?;
        let (seq, start_op) = (reader.unsigned()?, reader.unsigned()?);
        let time = reader.signed()?;
        let message = reader.prefixed()?;
        let mut other_actors = Vec::new();
        for _ in 0..reader.unsigned()? {
            other_actors.push(reader.prefixed()?.as_array()?);
        }
        let columns = columns(&mut reader)?;
        Some(Self {
            hash,
            dependencies,
            actor,
            seq,
            start_op,
            time,
            message,
            other_actors,
            columns,
            operations: rows(columns[ACTIONS])?,
        })
    }
}

fn columns<'a>(reader: &mut Reader<'a>) -> Option<[&'a [u8]; COLUMNS.len()]> {
    let mut lengths = [0; COLUMNS.len()];
    let mut next = 0;
    for _ in 0..reader.unsigned()? {
        let id = reader.unsigned()?;
        let place = COLUMNS.get(next..)?.iter().position(|known| *known == id)?;
        let length = usize::try_from(reader.unsigned()?).ok()?;
        if length == 0 {
            return None;
        }
        lengths[next + place] = length;
        next += place + 1;
    }
    let mut columns: [&[u8]; COLUMNS.len()] = [&[]; COLUMNS.len()];
    for (column, length) in columns.iter_mut().zip(lengths) {
        *column = reader.take(length)?;
    }
    reader.is_empty().then_some(columns)
}
