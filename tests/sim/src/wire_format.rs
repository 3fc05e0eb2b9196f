//! A second reading of the frames, independent of the engine's: for checkers and attackers.
//!
//! A frame is `kind u8 | body`, the body in postcard. Only what is needed here is taken apart.

use automerge::{Change, ChangeHash};
use cairn_engine::{DeviceId, DocumentId};

pub(crate) const HEADS: u8 = 4;
pub(crate) const CHANGES: u8 = 5;
pub(crate) const ACK: u8 = 6;
pub(crate) const REFUSED: u8 = 7;

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

/// Writes a frame of heads that asks for the receiver's.
pub(crate) fn heads_frame(document: DocumentId, heads: &[ChangeHash]) -> Vec<u8> {
    let heads: Vec<[u8; 32]> = heads.iter().map(|hash| hash.0).collect();
    let body = (document, &heads, &heads, true, 0u8);
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
    Change::from_bytes(chunk.to_vec())
        .ok()
        .map(|change| change.hash())
}

/// A frame in a few words, for stories.
pub(crate) fn told(frame: &[u8]) -> String {
    let short = |hashes: Vec<ChangeHash>| {
        let names = hashes.iter().map(|hash| hash.to_string()[..6].to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    if let Some((document, (salts, chunks, attestations), last)) = changes(frame) {
        let hashes = chunks.iter().filter_map(|chunk| hash_of(chunk)).collect();
        return format!(
            "changes of {document:?}: {} ({} salts, {} attestations, last {last})",
            short(hashes),
            salts.len(),
            attestations.len(),
        );
    }
    if let Some((document, hashes)) = promises(frame) {
        let what = if frame.first() == Some(&HEADS) {
            "heads"
        } else {
            "ack"
        };
        return format!("{what} of {document:?}: {}", short(hashes));
    }
    let kinds = [
        "nothing",
        "hello",
        "statements",
        "ranges",
        "heads",
        "changes",
        "ack",
        "refused",
        "synced",
        "credit",
    ];
    let kind = frame.first().and_then(|kind| kinds.get(usize::from(*kind)));
    format!("{} of {} bytes", kind.unwrap_or(&"unknown"), frame.len())
}
