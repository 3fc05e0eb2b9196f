//! A large batch on its way: cut into pieces, and found again when it broke off.
//!
//! # Role
//! The beginning of a large batch, all its changes in their usual parts, is one string of bytes that
//! travels in pieces; what proves the changes follows. The string depends on nothing but the
//! changes and their order, so that it can be made again, in a later session and by a later
//! process, from what the receiver gives back: heads from where and up to where it goes, and a
//! digest. Where the digest differs (another order, another version of the compressor) the batch
//! begins anew.

use automerge::ChangeHash;
use serde::{Deserialize, Serialize};

use crate::coding::CodingError;
use crate::frame::{Message, Staged};
use crate::graph::{Cover, Graph, Position};
use crate::id::DocumentId;
use crate::limits::Limits;
use crate::wire::hash_lists;

/// Bytes of the length in front of each part.
const LENGTH_BYTES: usize = 4;

/// By what the sender of a batch finds it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resume {
    /// The receiver had these and all below them.
    #[serde(with = "hash_lists")]
    pub(crate) base: Vec<ChangeHash>,
    /// The changes go up to these.
    #[serde(with = "hash_lists")]
    pub(crate) until: Vec<ChangeHash>,
    digest: [u8; 32],
}

impl Resume {
    pub(crate) fn new(base: Vec<ChangeHash>, until: Vec<ChangeHash>, body: &[u8]) -> Self {
        Self {
            base,
            until,
            digest: *blake3::hash(body).as_bytes(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("plain data in memory always encodes")
    }

    /// Reads what a receiver gave back; `None` if it is not what this program makes.
    pub(crate) fn from_bytes(bytes: &[u8], limits: &Limits) -> Option<Self> {
        if bytes.len() > limits.resume_bytes_max {
            return None;
        }
        postcard::from_bytes(bytes).ok()
    }

    /// The changes it stands for, in order; `None` if they are not all here.
    pub(crate) fn positions(&self, graph: &Graph) -> Option<Vec<Position>> {
        let (mut below, mut all) = (Cover::default(), Cover::default());
        let known = graph.cover_down(&self.base, &mut below, |_| {})
            && graph.cover_down(&self.until, &mut all, |_| {});
        known.then(|| {
            (0..graph.len())
                .filter(|position| all.contains(*position) && !below.contains(*position))
                .collect()
        })
    }

    /// Whether a body made again is the one that broke off.
    pub(crate) fn is_of(&self, body: &[u8]) -> bool {
        self.digest == *blake3::hash(body).as_bytes()
    }
}

/// Where to go on with a body of which the receiver has a part; `None` where no piece begins.
pub(crate) fn place_in(body: &[u8], staged: &Staged, limits: &Limits) -> Option<usize> {
    let at = usize::try_from(staged.bytes).ok()?;
    let begins = at % limits.piece_bytes == 0 || at == body.len();
    (begins && at <= body.len()).then_some(at)
}

/// Parts as one string of bytes.
pub(crate) fn body_of(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let length = u32::try_from(part.len()).expect("a part fits a frame");
        body.extend_from_slice(&length.to_le_bytes());
        body.extend_from_slice(part);
    }
    body
}

/// The parts of such a string, up to where it ends within one.
pub(crate) fn parts_of(body: &[u8]) -> impl Iterator<Item = Result<&[u8], CodingError>> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let now = rest.take().filter(|now| !now.is_empty())?;
        let part = now
            .split_first_chunk::<LENGTH_BYTES>()
            .and_then(|(length, after)| {
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                after.split_at_checked(length)
            });
        rest = part.map(|(_, after)| after);
        Some(part.map(|(part, _)| part).ok_or(CodingError::Malformed))
    })
}

/// The frames that bring a body from a place on.
pub(crate) fn piece_frames(
    document: DocumentId,
    body: &[u8],
    from: usize,
    resume: &[u8],
    limits: &Limits,
) -> Vec<Vec<u8>> {
    let pieces = body[from..].chunks(limits.piece_bytes).enumerate();
    let frames = pieces.map(|(index, bytes)| {
        let at = from + index * limits.piece_bytes;
        Message::Piece {
            document,
            at: at as u64,
            resume: if at == 0 { resume.to_vec() } else { Vec::new() },
            bytes: bytes.to_vec(),
        }
        .encode()
    });
    frames.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_from_a_body_and_from_no_beginning_of_one_that_ends_within_a_part() {
        let parts = [vec![1; 300], Vec::new(), vec![2; 5]];
        let body = body_of(&parts);
        let all: Result<Vec<_>, _> = parts_of(&body).collect();
        assert_eq!(all, Ok(parts.iter().map(Vec::as_slice).collect()));
        let ends = [0, 304, 308, body.len()];
        for length in 0..=body.len() {
            let whole = parts_of(&body[..length]).all(|part| part.is_ok());
            assert_eq!(whole, ends.contains(&length));
        }
        let huge: Vec<_> = parts_of(&[0xff; 8]).collect();
        assert_eq!(huge, [Err(CodingError::Malformed)]);
    }
}
