//! Change chunks written by hand, so that they can say what automerge never would.

use automerge::{ActorId, ChangeHash};
use sha2::{Digest, Sha256};

/// The type of a plain change among the chunks.
const CHANGE: u8 = 1;

/// A change in parts.
#[derive(Debug, Clone)]
pub struct ChangeParts {
    /// What it is built on.
    pub dependencies: Vec<ChangeHash>,
    /// Who wrote it.
    pub actor: ActorId,
    /// Its number among the changes of the actor.
    pub seq: u64,
    /// The counter of its first operation.
    pub start_op: u64,
    /// Columns by their name, in ascending order.
    pub columns: Vec<(u64, Vec<u8>)>,
    /// What follows the columns.
    pub footer: Vec<u8>,
}

impl ChangeParts {
    /// One operation: `key` = null in the root map, replacing nothing. Sound as it is.
    pub fn put(dependencies: Vec<ChangeHash>, actor: ActorId, start_op: u64, key: &str) -> Self {
        Self {
            dependencies,
            actor,
            seq: 1,
            start_op,
            columns: vec![
                (0x15, text(1, key)),
                (0x34, number(1)),
                (0x42, run(1, 1)),
                (0x56, run(1, 0)),
                (0x70, run(1, 0)),
            ],
            footer: Vec::new(),
        }
    }

    /// `levels` maps, each in the one before it, the first in the root map. Sound but for its depth.
    pub fn nested(
        dependencies: Vec<ChangeHash>,
        actor: ActorId,
        start_op: u64,
        levels: u64,
    ) -> Self {
        let inner = levels as i64 - 1;
        let counters: Vec<u64> = (start_op..start_op + levels - 1).collect();
        Self {
            columns: vec![
                (0x01, [vec![0, 1], run(inner, 0)].concat()),
                (0x02, [vec![0, 1], singles(&counters)].concat()),
                (0x15, text(levels as i64, "n")),
                (0x34, number(levels)),
                (0x42, run(levels as i64, 0)),
                (0x56, run(levels as i64, 0)),
                (0x70, run(levels as i64, 0)),
            ],
            ..Self::put(dependencies, actor, start_op, "n")
        }
    }

    /// With another column in the place of the one of this name.
    #[must_use]
    pub fn with(mut self, column: u64, bytes: Vec<u8>) -> Self {
        self.columns.retain(|(name, _)| *name != column);
        self.columns.push((column, bytes));
        self.columns.sort_by_key(|(name, _)| *name);
        self
    }

    /// What a chunk holds after its header.
    pub fn content(&self) -> Vec<u8> {
        let mut content = number(self.dependencies.len() as u64);
        for hash in &self.dependencies {
            content.extend_from_slice(&hash.0);
        }
        content.extend(number(self.actor.to_bytes().len() as u64));
        content.extend_from_slice(self.actor.to_bytes());
        content.extend(number(self.seq));
        content.extend(number(self.start_op));
        // No time, no message, no other actors.
        content.extend_from_slice(&[0, 0, 0]);
        content.extend(number(self.columns.len() as u64));
        for (name, bytes) in &self.columns {
            content.extend(number(*name));
            content.extend(number(bytes.len() as u64));
        }
        for (_, bytes) in &self.columns {
            content.extend_from_slice(bytes);
        }
        content.extend_from_slice(&self.footer);
        content
    }

    /// The chunk.
    pub fn bytes(&self) -> Vec<u8> {
        sealed(CHANGE, &self.content())
    }

    /// Its name.
    pub fn hash(&self) -> ChangeHash {
        ChangeHash(Sha256::digest(&self.bytes()[8..]).into())
    }
}

/// A chunk around any content, with the checksum that belongs to it.
pub fn sealed(chunk_type: u8, content: &[u8]) -> Vec<u8> {
    let mut hashed = vec![chunk_type];
    hashed.extend(number(content.len() as u64));
    hashed.extend_from_slice(content);
    let hash: [u8; 32] = Sha256::digest(&hashed).into();
    [&[0x85, 0x6f, 0x4a, 0x83], &hash[..4], &hashed].concat()
}

/// An unsigned LEB128 number.
pub fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn signed(mut value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !(-64..64).contains(&value) {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8 & 0x7f);
    bytes
}

/// A run of `length` rows of one number.
pub fn run(length: i64, value: u64) -> Vec<u8> {
    let length = if length == 1 { -1 } else { length };
    [signed(length), number(value)].concat()
}

/// A run of `length` rows, each `delta` more than the one before.
pub fn deltas(length: i64, delta: i64) -> Vec<u8> {
    let length = if length == 1 { -1 } else { length };
    [signed(length), signed(delta)].concat()
}

/// Single rows of numbers.
pub fn singles(rows: &[u64]) -> Vec<u8> {
    let rows_each = rows.iter().flat_map(|row| number(*row));
    signed(-(rows.len() as i64))
        .into_iter()
        .chain(rows_each)
        .collect()
}

/// A run of `length` rows of one text.
pub fn text(length: i64, text: &str) -> Vec<u8> {
    [run(length, text.len() as u64), text.as_bytes().to_vec()].concat()
}
