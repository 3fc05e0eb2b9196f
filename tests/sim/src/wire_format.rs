//! A second reading of the frames, independent of the engine's: for checkers and attackers.
//!
//! A frame is `kind u8 | body`, the body in postcard. Only what is needed here is taken apart.

use automerge::{Change, ChangeHash};
use cairn_engine::{DeviceId, DocumentId};

pub(crate) const STATEMENTS: u8 = 2;
pub(crate) const HEADS: u8 = 4;
pub(crate) const CHANGES: u8 = 5;
pub(crate) const ACK: u8 = 6;

/// Salts, change chunks and attestations of a batch.
pub(crate) type Batch = (Vec<(DeviceId, [u8; 8])>, Vec<Vec<u8>>, Vec<Vec<u8>>);

/// The body of a frame with changes: the document, the batch, whether it is the last part.
pub(crate) type ChangesBody = (DocumentId, Batch, bool);

/// Reads a frame with changes.
pub(crate) fn changes(frame: &[u8]) -> Option<ChangesBody> {
    let (kind, body) = frame.split_first()?;
    if *kind != CHANGES {
        return None;
    }
    postcard::from_bytes(body).ok()
}

/// Writes a frame with changes.
pub(crate) fn changes_frame(body: &ChangesBody) -> Vec<u8> {
    let mut frame = vec![CHANGES];
    frame.extend(postcard::to_allocvec(body).expect("plain data in memory always encodes"));
    frame
}

/// Writes a frame of heads.
pub(crate) fn heads_frame(document: DocumentId, heads: &[ChangeHash]) -> Vec<u8> {
    let heads: Vec<[u8; 32]> = heads.iter().map(|hash| hash.0).collect();
    let body = (document, &heads, &heads);
    let mut frame = vec![HEADS];
    frame.extend(postcard::to_allocvec(&body).expect("plain data in memory always encodes"));
    frame
}

/// What a device says it has durably: in acknowledgements and in its heads.
pub(crate) fn promises(frame: &[u8]) -> Option<(DocumentId, Vec<ChangeHash>)> {
    let (kind, body) = frame.split_first()?;
    if ![HEADS, ACK].contains(kind) {
        return None;
    }
    let ((document, hashes), _samples): ((DocumentId, Vec<[u8; 32]>), _) =
        postcard::take_from_bytes(body).ok()?;
    Some((document, hashes.into_iter().map(ChangeHash).collect()))
}

/// The hash of a change chunk.
pub(crate) fn hash_of(chunk: &[u8]) -> Option<ChangeHash> {
    Change::from_bytes(chunk.to_vec()).ok().map(|change| change.hash())
}
