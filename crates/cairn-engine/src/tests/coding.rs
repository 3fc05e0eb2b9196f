//! Batches in the compact change coding, the usual and the strange.

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, ChangeHash, ObjType, ROOT, ScalarValue};
use serde_json::{Value, json};

use super::compare;
use super::json::{hex, salts};
use crate::attestation::{Attestation, Claim, actor_of};
use crate::coding::{Compression, CompressionError, Context, Uncompressed, encode, pack, unpack};
use crate::frame::Changes;
use crate::id::{DeviceId, DocumentId, ProcessId};
use crate::statement::public_key;
use crate::storage::RecordHash;

const BYTES_MAX: usize = 16 << 20;

fn document() -> DocumentId {
    DocumentId::from_bytes([0xf1; 16])
}

fn device(secret: u8) -> DeviceId {
    DeviceId::from_bytes(public_key(&[secret; 32]))
}

fn context() -> Context {
    Context {
        document: document(),
        sender: Some(device(1)),
    }
}

fn actor(number: u8) -> ActorId {
    actor_of(device(number), document(), [number; 8])
}

fn commit(
    automerge: &mut Automerge,
    time: i64,
    edit: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) {
    let mut tx = automerge.transaction();
    edit(&mut tx);
    tx.commit_with(CommitOptions::default().with_time(time))
        .0
        .unwrap();
}

/// Chunks of two writers: text, every kind of value, objects in objects, what is overwritten and
/// deleted, branches that are joined.
fn chunks() -> Vec<Vec<u8>> {
    let mut one = Automerge::new().with_actor(actor(1));
    let at = 1_790_000_000;
    commit(&mut one, at, |tx| {
        let title = tx.put_object(ROOT, "title", ObjType::Text).unwrap();
        tx.splice_text(&title, 0, 0, "Walk").unwrap();
        tx.put(ROOT, "done", false).unwrap();
        tx.put(ROOT, "count", ScalarValue::counter(3)).unwrap();
        let list = tx.put_object(ROOT, "list", ObjType::List).unwrap();
        tx.insert(&list, 0, 7_u64).unwrap();
        tx.insert(&list, 1, ScalarValue::Null).unwrap();
        tx.insert(&list, 2, vec![1_u8, 2, 3]).unwrap();
        let map = tx.insert_object(&list, 3, ObjType::Map).unwrap();
        tx.put(&map, "half", 0.5).unwrap();
        tx.put(&map, "at", ScalarValue::Timestamp(-5)).unwrap();
    });
    let title = automerge::ReadDoc::get(&one, ROOT, "title")
        .unwrap()
        .unwrap()
        .1;
    let list = automerge::ReadDoc::get(&one, ROOT, "list")
        .unwrap()
        .unwrap()
        .1;
    commit(&mut one, at + 5, |tx| {
        tx.splice_text(&title, 4, 0, " far").unwrap()
    });
    let mut two = one.fork().with_actor(actor(2));
    commit(&mut one, at + 9, |tx| {
        tx.splice_text(&title, 0, 1, "St").unwrap();
        tx.increment(ROOT, "count", 2).unwrap();
        tx.delete(&list, 1).unwrap();
    });
    commit(&mut two, at + 7, |tx| {
        tx.splice_text(&title, 8, 0, " 🙂").unwrap();
        tx.put(ROOT, "done", true).unwrap();
    });
    commit(&mut two, at + 8, |tx| tx.delete(ROOT, "done").unwrap());
    one.merge(&mut two).unwrap();
    commit(&mut one, at + 20, |tx| {
        let mark = Mark::new("bold".into(), true, 0, 3);
        tx.mark(&title, mark, ExpandMark::Both).unwrap();
        tx.put(ROOT, "done", "yes").unwrap();
    });
    let changes = one.get_changes(&[]);
    changes
        .iter()
        .map(|change| change.raw_bytes().to_vec())
        .collect()
}

fn hash(chunk: &[u8]) -> ChangeHash {
    automerge::Change::from_bytes(chunk.to_vec())
        .unwrap()
        .hash()
}

fn attest(
    secret: u8,
    of: DocumentId,
    heads: &[ChangeHash],
    previous: Option<RecordHash>,
) -> Attestation {
    let claim = Claim {
        document: of,
        process: ProcessId::from_bytes([secret; 16]),
        counter: 130,
        heads,
        previous,
    };
    Attestation::sign(claim, device(secret), &[secret; 32])
}

fn attestations(chunks: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let last = hash(chunks.last().unwrap());
    let before = hash(&chunks[chunks.len() - 3]);
    let first = attest(1, document(), &[last], Some(RecordHash([9; 32])));
    let mut heads = [before, ChangeHash([8; 32])];
    heads.sort_unstable();
    let second = attest(2, document(), &heads, Some(first.hash()));
    let foreign = attest(2, DocumentId::from_bytes([7; 16]), &[last], None);
    let list = [first, second, foreign];
    list.iter().map(|made| made.bytes().to_vec()).collect()
}

fn batches() -> Vec<(&'static str, Changes)> {
    let chunks = chunks();
    let mut wrong_sum = chunks[1].clone();
    wrong_sum[4] ^= 1;
    let mut longer = chunks[2].clone();
    longer.push(0);
    // What comes after a chunk that travels as it is refers to it all the same.
    let strange = vec![
        chunks[0].clone(),
        vec![1, 2, 3],
        wrong_sum,
        chunks[1].clone(),
        longer,
    ];
    let salts = vec![
        (device(1), [1; 8]),
        (device(2), [2; 8]),
        (device(2), [3; 8]),
    ];
    let batch = |salts: &[_], changes: &[Vec<u8>], attestations: Vec<Vec<u8>>| Changes {
        salts: salts.to_vec(),
        changes: changes.to_vec(),
        attestations,
    };
    vec![
        ("one change", batch(&salts[..1], &chunks[..1], vec![])),
        (
            "two writers who join",
            batch(&salts, &chunks, attestations(&chunks)),
        ),
        (
            "without what it is built on",
            batch(&[], &chunks[2..], vec![]),
        ),
        (
            "chunks that travel as they are",
            batch(&[], &strange, vec![]),
        ),
        (
            "proofs alone",
            batch(&salts[1..], &[], attestations(&chunks)),
        ),
        ("nothing", batch(&[], &[], vec![])),
    ]
}

/// Expands what a node would, for the test that the one compressed vector is a right one.
#[derive(Debug)]
struct Zstd;

impl Compression for Zstd {
    /// One zstd frame of one raw block (RFC 8878), which says how large its content is: nothing a
    /// compressor would do, but any decompressor expands it, and it stays as it is.
    fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        let size = u16::try_from(bytes.len()).unwrap();
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x60];
        frame.extend((size - 256).to_le_bytes());
        frame.extend(&(u32::from(size) << 3 | 1).to_le_bytes()[..3]);
        frame.extend(bytes);
        frame
    }

    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
        zstd::bulk::decompress(bytes, bytes_max).map_err(|_error| CompressionError)
    }
}

fn vector(name: &str, part: &[u8], batch: &Changes) -> Value {
    assert!(
        unpack(part, &context(), &Zstd, BYTES_MAX).as_ref() == Ok(batch),
        "{name}"
    );
    let list = |list: &[Vec<u8>]| list.iter().map(|bytes| hex(bytes)).collect::<Value>();
    json!({
        "name": name,
        "part": hex(part),
        "salts": salts(batch),
        "changes": list(&batch.changes),
        "attestations": list(&batch.attestations),
    })
}

#[test]
fn batches_are_coded_as_they_were() {
    let mut listed = Vec::new();
    for (name, batch) in batches() {
        listed.push(vector(name, &pack(&batch, &context(), None), &batch));
    }
    let (_, whole) = &batches()[1];
    let mut compressed = vec![1];
    compressed.extend(Zstd.compress(&encode(whole, &context())));
    listed.push(vector("compressed", &compressed, whole));

    let coded = pack(whole, &context(), None);
    let mut errors = vec![
        (String::new(), "empty"),
        ("02000000".into(), "unknown form"),
        ("0000000000".into(), "bytes behind the end"),
        (
            "00008000".into(),
            "a number that is not in its shortest form",
        ),
        ("00ffffffffffffffffff01".into(), "more changes than may be"),
        ("0001818002".into(), "a column that does not exist"),
        ("0001010101".into(), "an actor that is not in the table"),
        (
            "0000010200000000000000000".to_owned() + "0",
            "a device that is not in the table",
        ),
    ];
    let cut = data_encoding::HEXLOWER.encode(&coded[..coded.len() - 1]);
    errors.push((cut, "cut off"));
    for (bytes, why) in &errors {
        let bytes = data_encoding::HEXLOWER.decode(bytes.as_bytes()).unwrap();
        assert!(
            unpack(&bytes, &context(), &Uncompressed, BYTES_MAX).is_err(),
            "{why}"
        );
    }
    let errors: Value = errors
        .iter()
        .map(|(bytes, why)| json!({ "part": bytes, "why": why }))
        .collect();
    compare(
        "coding.json",
        &json!({
            "document": hex(document().as_bytes()),
            "sender": hex(device(1).as_bytes()),
            "batches": listed,
            "errors": errors,
        }),
    );
}
