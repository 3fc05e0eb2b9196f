//! The compact change coding: how a batch of changes travels, with what proves them.
//!
//! # Role
//! Two functions, [`encode`] and [`decode`], without state between batches. What the rest of a
//! batch already says about a change is replaced by a reference, and what the changes have in
//! common lies side by side, so that a general compressor finds it. The layout is described byte
//! by byte in `docs/protocol.md`.
//!
//! # Invariants
//! * What was encoded comes back byte for byte, whatever the bytes are: a chunk or an attestation
//!   that does not have the usual form travels as it is.
//! * Decoding allocates in proportion to its input and to a given bound, and neither panics nor
//!   recurses, whatever the input.
//! * Nothing is judged: decoded chunks are as strange as before and go to the gate.

mod columns;
mod decoder;
mod encoder;
mod numbers;
mod packing;
mod parts;
mod proofs;
#[cfg(test)]
mod tests;

pub use self::packing::{Compression, CompressionError, Uncompressed, pack, unpack};

use sha2::{Digest, Sha256};

use crate::frame::Changes;
use crate::id::{DeviceId, DocumentId};

/// What each change, salt and attestation counts beside its own bytes towards the bound of
/// [`decode`]: what the decoder and the list of results need for it.
pub const ITEM_BYTES: usize = 64;

/// What both sides know before a batch comes.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The document.
    pub document: DocumentId,
    /// The device that sends; `None` if the receiver will not know it.
    pub sender: Option<DeviceId>,
}

/// Why bytes are not a batch. The fault of whoever made them; nothing is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodingError {
    /// The bytes end too soon, go on behind the end, or a number is out of range.
    #[error("the coded changes are malformed")]
    Malformed,
    /// Decoded it would be larger than allowed.
    #[error("the coded changes stand for more than is allowed")]
    TooLarge,
    /// Compressed in a way that is not known here, or not compressed at all.
    #[error("the coded changes cannot be expanded")]
    Compression,
}

/// The coded form of a batch.
pub fn encode(changes: &Changes, context: &Context) -> Vec<u8> {
    encoder::encode(changes, context)
}

/// The batch that a coded form stands for, which may have `bytes_max` bytes, each change, salt and
/// attestation counted with [`ITEM_BYTES`] more than its content.
///
/// # Errors
/// See [`CodingError`].
pub fn decode(bytes: &[u8], context: &Context, bytes_max: usize) -> Result<Changes, CodingError> {
    decoder::decode(bytes, context, bytes_max)
}

/// The name of a chunk within a batch: for a change chunk its hash.
fn chunk_hash(chunk: &[u8]) -> [u8; 32] {
    /// Magic and checksum, which are not hashed.
    const UNHASHED_BYTES: usize = 8;
    Sha256::digest(chunk.get(UNHASHED_BYTES..).unwrap_or_default()).into()
}
