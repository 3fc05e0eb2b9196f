//! Frames on a stream: a length, then that many bytes.
//!
//! Invariants: the length is judged before anything is allocated, and memory grows with what
//! arrived, not with what was announced.

use quinn::{ReadError, RecvStream};

/// The largest payload of one frame. Large enough for a change of 256 KiB with its proof, small
/// enough that eight peers sending the largest at once stay within 8 MiB.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// How much is reserved before the first byte of a frame arrived.
const RESERVE_BYTES_MAX: usize = 16 << 10;

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// Announced as larger than the cap.
    TooLarge,
    /// Empty, or the stream ended in the middle of it.
    Malformed,
    /// The connection or the stream ended first.
    Lost,
}

/// Where bytes come from, in order.
pub(crate) trait Source {
    /// Appends the next bytes, at least one and at most `bytes_max`; false at the end.
    async fn append(&mut self, to: &mut Vec<u8>, bytes_max: usize) -> Result<bool, FrameError>;
}

impl Source for RecvStream {
    async fn append(&mut self, to: &mut Vec<u8>, bytes_max: usize) -> Result<bool, FrameError> {
        match self.read_chunk(bytes_max, true).await {
            Ok(Some(chunk)) => {
                to.extend_from_slice(&chunk.bytes);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(ReadError::IllegalOrderedRead) => Err(FrameError::Malformed),
            Err(_) => Err(FrameError::Lost),
        }
    }
}

/// Reads one frame; `None` when the stream ended between two frames.
pub(crate) async fn read_frame(
    stream: &mut impl Source,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    read(stream, 4, bytes_max).await
}

/// Reads one frame whose length has two bytes, as in a pairing.
pub(crate) async fn read_short_frame(
    stream: &mut impl Source,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    read(stream, 2, bytes_max).await
}

async fn read(
    stream: &mut impl Source,
    length_bytes: usize,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    let mut header = Vec::with_capacity(length_bytes);
    while header.len() < length_bytes {
        let wanted = length_bytes - header.len();
        if !stream.append(&mut header, wanted).await? {
            let between = header.is_empty();
            return if between {
                Ok(None)
            } else {
                Err(FrameError::Malformed)
            };
        }
    }
    let bytes = header.iter().rev();
    let length = bytes.fold(0, |length, byte| (length << 8) | usize::from(*byte));
    if length > bytes_max {
        return Err(FrameError::TooLarge);
    }
    if length == 0 {
        return Err(FrameError::Malformed);
    }
    let mut payload = Vec::with_capacity(length.min(RESERVE_BYTES_MAX));
    while payload.len() < length {
        let wanted = length - payload.len();
        if !stream.append(&mut payload, wanted).await? {
            return Err(FrameError::Malformed);
        }
    }
    Ok(Some(payload))
}

/// Appends one frame to a buffer that is about to be written.
///
/// The caller has checked that the payload is within [`FRAME_BYTES_MAX`].
pub(crate) fn append_frame(buffer: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a frame is at most 1 MiB");
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(payload);
}
