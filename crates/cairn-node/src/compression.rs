//! The engine's compression: zstd.
//!
//! # Invariants
//! A frame says how large its content is, and no more than that is allocated for it, once that is
//! found to be within the bound.

use cairn_engine::coding::{Compression, CompressionError};
use zstd::{bulk, zstd_safe};

/// Decision record 0011: beyond it only much more time helps.
const LEVEL: i32 = 7;

/// One zstd frame (RFC 8878) that names its content's size, without a dictionary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Zstd;

impl Compression for Zstd {
    fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        // It fails for want of memory only. What is not smaller is not used.
        bulk::compress(bytes, LEVEL).unwrap_or_else(|_error| bytes.to_vec())
    }

    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
        let size = zstd_safe::get_frame_content_size(bytes).ok().flatten();
        let size = size.and_then(|size| usize::try_from(size).ok());
        let size = size
            .filter(|size| *size <= bytes_max)
            .ok_or(CompressionError)?;
        let content = bulk::decompress(bytes, size).map_err(|_error| CompressionError)?;
        if content.len() == size {
            Ok(content)
        } else {
            Err(CompressionError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_comes_back_within_its_bound_and_no_further() {
        let content = b"the same words again and again. ".repeat(4_000);
        let compressed = Zstd.compress(&content);
        assert!(compressed.len() < 200);
        let size = content.len();
        assert_eq!(Zstd.decompress(&compressed, size), Ok(content.clone()));
        assert_eq!(
            Zstd.decompress(&compressed, size - 1),
            Err(CompressionError)
        );
        for length in 0..compressed.len() {
            let cut = &compressed[..length];
            assert_eq!(Zstd.decompress(cut, size), Err(CompressionError));
        }
        let two = compressed.repeat(2);
        assert_eq!(Zstd.decompress(&two, size), Err(CompressionError));
        assert_eq!(Zstd.decompress(&two, size * 2), Err(CompressionError));
        assert_eq!(Zstd.decompress(b"", size), Err(CompressionError));
    }

    #[test]
    fn a_frame_that_does_not_say_how_large_it_is_is_refused() {
        let streamed = zstd::stream::encode_all(&b"content"[..], LEVEL).unwrap();
        assert_eq!(Zstd.decompress(&streamed, 1_000), Err(CompressionError));
    }
}
