//! Frames on a stream: a length, then that many bytes.
//!
//! Invariants: the length is judged before anything is allocated, and memory grows with what
//! arrived, not with what was announced.

use quinn::{ReadError, ReadExactError, RecvStream};

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

/// Reads one frame; `None` when the stream ended between two frames.
pub(crate) async fn read_frame(
    stream: &mut RecvStream,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    let mut header = [0; 4];
    match stream.read_exact(&mut header).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(ReadExactError::FinishedEarly(_)) => return Err(FrameError::Malformed),
        Err(ReadExactError::ReadError(error)) => return Err(lost(&error)),
    }
    let length = u32::from_le_bytes(header) as usize;
    if length > bytes_max {
        return Err(FrameError::TooLarge);
    }
    if length == 0 {
        return Err(FrameError::Malformed);
    }
    let mut payload = Vec::with_capacity(length.min(RESERVE_BYTES_MAX));
    while payload.len() < length {
        match stream.read_chunk(length - payload.len(), true).await {
            Ok(Some(chunk)) => payload.extend_from_slice(&chunk.bytes),
            Ok(None) => return Err(FrameError::Malformed),
            Err(error) => return Err(lost(&error)),
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

fn lost(error: &ReadError) -> FrameError {
    match error {
        ReadError::IllegalOrderedRead => FrameError::Malformed,
        _ => FrameError::Lost,
    }
}
