//! A second reading of the frames, independent of the engine's: for checkers and attackers.
//!
//! A frame is `kind u8 | body`, the body in postcard. Only what is needed here is taken apart.

use automerge::{Change, ChangeHash};
use cairn_engine::coding::{Context, pack, unpack};
use cairn_engine::{Changes, DeviceId, DocumentId, Limits, SignedStatement};

use crate::compression::Zstd;

pub(crate) const HELLO: u8 = 1;
pub(crate) const STATEMENTS: u8 = 2;
pub(crate) const HEADS: u8 = 4;
pub(crate) const CHANGES: u8 = 5;
pub(crate) const ACK: u8 = 6;
pub(crate) const REFUSED: u8 = 7;
const PIECE: u8 = 10;
const NOTHING: u8 = 11;

/// The body of a frame with changes: the document, the batch, whether it is the last part.
pub(crate) type ChangesBody = (DocumentId, Changes, bool);

/// Reads a frame with changes that a device sent.
pub(crate) fn changes(frame: &[u8], sender: DeviceId) -> Option<ChangesBody> {
    let (kind, body) = frame.split_first()?;
    if *kind != CHANGES {
        return None;
    }
    let (document, packed, last): (_, Vec<u8>, _) = postcard::from_bytes(body).ok()?;
    Some((document, batch(document, &packed, sender)?, last))
}

/// A piece of a large batch: of which document, at which place, which bytes.
pub(crate) fn piece(frame: &[u8]) -> Option<(DocumentId, u64, Vec<u8>)> {
    let (kind, body) = frame.split_first()?;
    if *kind != PIECE {
        return None;
    }
    let (document, at, _resume, bytes): (_, _, Vec<u8>, _) = postcard::from_bytes(body).ok()?;
    Some((document, at, bytes))
}

/// A part of a batch as it travels; it says itself whether it is compressed.
pub(crate) fn batch(document: DocumentId, packed: &[u8], sender: DeviceId) -> Option<Changes> {
    let context = Context {
        document,
        sender: Some(sender),
    };
    let bytes_max = Limits::default().batch_bytes_max;
    unpack(packed, &context, &Zstd, bytes_max).ok()
}

/// Writes a frame with changes.
pub(crate) fn changes_frame((document, batch, last): &ChangesBody) -> Vec<u8> {
    let context = Context {
        document: *document,
        sender: None,
    };
    let body = (document, pack(batch, &context, None), last, 0u64);
    let mut frame = vec![CHANGES];
    frame.extend(postcard::to_allocvec(&body).expect("plain data in memory always encodes"));
    frame
}

/// Writes a frame of signed statements.
pub(crate) fn statements_frame(statements: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = vec![STATEMENTS];
    frame.extend(postcard::to_allocvec(statements).expect("plain data in memory always encodes"));
    frame
}

/// Signed statements in a frame.
fn statements(frame: &[u8]) -> Option<Vec<Vec<u8>>> {
    let body = frame.strip_prefix(&[STATEMENTS])?;
    postcard::from_bytes(body).ok()
}

/// The document that a frame about one names first, whatever it says of it.
pub(crate) fn document(frame: &[u8]) -> Option<DocumentId> {
    let (kind, body) = frame.split_first()?;
    if ![HEADS, CHANGES, ACK, REFUSED].contains(kind) {
        return None;
    }
    let (document, _rest) = postcard::take_from_bytes(body).ok()?;
    Some(document)
}

/// Writes a frame of heads that asks for the receiver's.
pub(crate) fn heads_frame(document: DocumentId, heads: &[ChangeHash]) -> Vec<u8> {
    let heads: Vec<[u8; 32]> = heads.iter().map(|hash| hash.0).collect();
    let (asks, answers, staged) = (Some(1u64), None::<()>, None::<()>);
    let body = (document, &heads, &heads, asks, answers, staged);
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

/// Whether a frame repeats which document its receiver asked for, in which question, and says no
/// more.
pub(crate) fn is_nothing(frame: &[u8]) -> bool {
    let body = frame.strip_prefix(&[NOTHING]);
    let read = body.map(postcard::take_from_bytes::<(DocumentId, u64)>);
    matches!(read, Some(Ok((_, []))))
}

/// The hash of a change chunk.
pub(crate) fn hash_of(chunk: &[u8]) -> Option<ChangeHash> {
    Change::from_bytes(chunk.to_vec())
        .ok()
        .map(|change| change.hash())
}

/// A frame in a few words, for stories.
pub(crate) fn told(frame: &[u8], sender: DeviceId) -> String {
    let short = |hashes: Vec<ChangeHash>| {
        let names = hashes.iter().map(|hash| hash.to_string()[..6].to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    if let Some((document, batch, last)) = changes(frame, sender) {
        let chunks = batch.changes.iter();
        let hashes = chunks.filter_map(|chunk| hash_of(chunk)).collect();
        return format!(
            "changes of {document:?}: {} ({} salts, {} attestations, last {last})",
            short(hashes),
            batch.salts.len(),
            batch.attestations.len(),
        );
    }
    if let Some((document, at, bytes)) = piece(frame) {
        return format!("piece of {document:?}: {} bytes at {at}", bytes.len());
    }
    if let Some((document, hashes)) = promises(frame) {
        let what = if frame.first() == Some(&HEADS) {
            "heads"
        } else {
            "ack"
        };
        return format!("{what} of {document:?}: {}", short(hashes));
    }
    if let Some(statements) = statements(frame) {
        let said = statements.into_iter().filter_map(|bytes| {
            let signed = SignedStatement::from_bytes(bytes).ok()?;
            let name: String = signed.hash().0[..3]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let document = signed.statement().document();
            Some(format!(
                "\n              {name} {document:?} {:?}",
                signed.statement()
            ))
        });
        return format!("statements:{}", said.collect::<String>());
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
