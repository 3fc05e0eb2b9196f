//! zstd, as the node compresses, for every other world.

use cairn_engine::coding::{Compression, CompressionError};
use zstd::{bulk, zstd_safe};

const LEVEL: i32 = 3;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Zstd;

impl Compression for Zstd {
    fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        bulk::compress(bytes, LEVEL).expect("bytes in memory always compress")
    }

    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
        let size = zstd_safe::get_frame_content_size(bytes).ok().flatten();
        let size = size.and_then(|size| usize::try_from(size).ok());
        let size = size.filter(|size| *size <= bytes_max);
        bulk::decompress(bytes, size.ok_or(CompressionError)?).map_err(|_error| CompressionError)
    }
}
