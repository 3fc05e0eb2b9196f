//! A coded batch as it travels: compressed where that makes it smaller.

use super::{CodingError, Context, decode, encode};
use crate::frame::Changes;

/// First byte of a batch that is not compressed.
const PLAIN: u8 = 0;
/// First byte of one that is.
const COMPRESSED: u8 = 1;

/// A general compressor. Devices that speak to each other must have the same.
pub trait Compression: std::fmt::Debug + Send + Sync {
    /// Compresses.
    fn compress(&self, bytes: &[u8]) -> Vec<u8>;

    /// Expands. The bytes are a peer's: no more than `bytes_max` and a fixed amount may be
    /// allocated for them.
    ///
    /// # Errors
    /// They are not what [`compress`](Self::compress) makes, or stand for more.
    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError>;
}

/// Why bytes cannot be expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes cannot be expanded within the bound")]
pub struct CompressionError;

/// Makes nothing smaller, for tests that look into frames.
#[derive(Debug, Clone, Copy, Default)]
pub struct Uncompressed;

impl Compression for Uncompressed {
    fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    fn decompress(&self, _bytes: &[u8], _bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
        Err(CompressionError)
    }
}

/// The form in which a batch travels; without `compression` it is made at once.
pub fn pack(
    changes: &Changes,
    context: &Context,
    compression: Option<&dyn Compression>,
) -> Vec<u8> {
    let coded = encode(changes, context);
    let compressed = compression.map(|compression| compression.compress(&coded));
    let smaller = compressed.filter(|compressed| compressed.len() < coded.len());
    let (form, bytes) = match smaller {
        Some(compressed) => (COMPRESSED, compressed),
        None => (PLAIN, coded),
    };
    let mut packed = Vec::with_capacity(1 + bytes.len());
    packed.push(form);
    packed.extend_from_slice(&bytes);
    packed
}

/// The batch that [`pack`] was given, if it and its coded form keep to the bound of [`decode`].
///
/// # Errors
/// See [`CodingError`].
pub fn unpack(
    packed: &[u8],
    context: &Context,
    compression: &dyn Compression,
    bytes_max: usize,
) -> Result<Changes, CodingError> {
    match packed.split_first() {
        Some((&PLAIN, coded)) => decode(coded, context, bytes_max),
        Some((&COMPRESSED, compressed)) => {
            let coded = compression
                .decompress(compressed, bytes_max)
                .map_err(|CompressionError| CodingError::Compression)?;
            decode(&coded, context, bytes_max)
        }
        _ => Err(CodingError::Malformed),
    }
}
