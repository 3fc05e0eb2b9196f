//! What is coded comes back, whatever it is; what is decoded stays within its bound.

use std::sync::OnceLock;

use automerge::ChangeHash;
use proptest::prelude::*;

use super::*;
use crate::attestation::{Attestation, Claim};
use crate::chunk::tests::histories::Histories;
use crate::id::ProcessId;
use crate::statement::public_key;
use crate::storage::RecordHash;

const ROOM: usize = 16 << 20;

fn context() -> Context {
    Context {
        document: DocumentId::from_bytes([1; 16]),
        sender: Some(device(2)),
    }
}

fn device(secret: u8) -> DeviceId {
    DeviceId::from_bytes(public_key(&[secret; 32]))
}

fn attestation(secret: u8, heads: &[[u8; 32]], previous: Option<[u8; 32]>) -> Vec<u8> {
    let heads: Vec<ChangeHash> = heads.iter().copied().map(ChangeHash).collect();
    let claim = Claim {
        document: context().document,
        process: ProcessId::from_bytes([secret; 16]),
        counter: 300,
        heads: &heads,
        previous: previous.map(RecordHash),
    };
    Attestation::sign(claim, device(secret), &[secret; 32])
        .bytes()
        .to_vec()
}

/// Chunks of several histories of five writers who merge at random.
fn histories() -> &'static [Vec<Vec<u8>>] {
    static HISTORIES: OnceLock<Vec<Vec<Vec<u8>>>> = OnceLock::new();
    HISTORIES.get_or_init(|| {
        let chunks = |seed| {
            let changes = Histories::random(seed, 120);
            let chunks = changes.iter().map(|change| change.raw_bytes().to_vec());
            chunks.collect()
        };
        (0..6).map(chunks).collect()
    })
}

fn batch(chunks: &[Vec<u8>]) -> Changes {
    let mut last = chunks.iter().rev().map(|chunk| chunk_hash(chunk));
    let last = [
        last.next().unwrap_or([3; 32]),
        last.next().unwrap_or([4; 32]),
    ];
    let first = attestation(2, &last[..1], Some([5; 32]));
    let record = crate::statement::record_hash(&first).0;
    let second = attestation(3, &[[0; 32], last[1]], Some(record));
    Changes {
        salts: vec![
            (device(2), [6; 8]),
            (device(3), [7; 8]),
            (device(3), [8; 8]),
        ],
        changes: chunks.to_vec(),
        attestations: vec![first, second, attestation(3, &last, None)],
    }
}

fn comes_back(batch: &Changes) -> Vec<u8> {
    let coded = encode(batch, &context());
    let decoded = decode(&coded, &context(), ROOM).unwrap();
    assert!(decoded == *batch);
    coded
}

/// The magic, a right checksum and a right length around any content.
fn chunk_around(body: &[u8]) -> Vec<u8> {
    let mut chunk = vec![0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, 1];
    numbers::put_unsigned(&mut chunk, body.len() as u64);
    chunk.extend_from_slice(body);
    let hash = chunk_hash(&chunk);
    chunk[4..8].copy_from_slice(&hash[..4]);
    chunk
}

/// The content of a chunk that automerge made.
fn body(chunk: &[u8]) -> &[u8] {
    let end = chunk[9..].iter().position(|byte| byte & 0x80 == 0).unwrap();
    &chunk[9 + end + 1..]
}

/// A change of actor 7…7 at the root with a column of keys, one of actions and one of elements.
fn plain_change(dependencies: &[[u8; 32]], seq: u8, start: u8, time: u8, element: u8) -> Vec<u8> {
    let mut body = vec![dependencies.len() as u8];
    body.extend(dependencies.concat());
    body.push(16);
    body.extend_from_slice(&[7; 16]);
    body.extend_from_slice(&[seq, start, time, 1, b'm', 1, 16]);
    body.extend_from_slice(&[8; 16]);
    body.extend_from_slice(&[3, 0x13, 2, 0x15, 3, 0x42, 2]);
    body.extend_from_slice(&[0x7f, element, 0x7f, 1, b'k', 2, 1]);
    chunk_around(&body)
}

#[test]
fn the_layout_is_the_one_that_is_written_down() {
    let first = plain_change(&[], 1, 1, 50, 0);
    let first_hash = chunk_hash(&first);
    let second = plain_change(&[first_hash], 2, 3, 53, 2);
    let third = plain_change(&[first_hash, [9; 32]], 4, 9, 52, 9);
    let last = chunk_hash(&third);
    let attestation = attestation(2, &[last, [9; 32]], None);
    let batch = Changes {
        salts: vec![(device(2), [6; 8])],
        changes: vec![first, second, vec![1, 2, 3], third],
        attestations: vec![attestation.clone()],
    };
    // The columns are those in places 3, 4 and 6.
    let form = 1 + 0b101_1000;
    let mut expected = vec![4, form, form, 0, form];
    // Authors: the first one is new. Sequence numbers: 1 and 2 as expected, then 4 instead of 3.
    expected.extend([[0].as_slice(), &[7; 16], &[0, 0]].concat());
    expected.extend([0, 0, 2]);
    // Dependencies: none; the change before; the change three places before, and an unknown one.
    expected.extend([[1, 0, 3, 3, 0].as_slice(), &[9; 32]].concat());
    // First operations: 1 and 3 as expected, 9 instead of 3. Times: 50, 3 later, 1 earlier.
    expected.extend([0, 0, 12]);
    expected.extend([100, 6, 1]);
    expected.extend([1, b'm', 1, b'm', 1, b'm']);
    expected.extend([[1, 1].as_slice(), &[8; 16], &[1, 1, 1, 1]].concat());
    // Elements: the head stays 0, 2 is one before the first operation 3, and 9 is the first of 9.
    expected.extend([2, 2, 2, 0x7f, 0, 0x7f, 0x7f, 0x7f, 1]);
    expected.extend([3, 3, 3].into_iter().chain([0x7f, 1, b'k'].repeat(3)));
    expected.extend([2, 2, 2, 2, 1, 2, 1, 2, 1]);
    expected.extend([3, 1, 2, 3]);
    // A salt of the sender, and its attestation: two heads, the last change and an unknown one.
    expected.extend([[1, 0].as_slice(), &[6; 8]].concat());
    expected.extend(
        [
            [1, 3, 0].as_slice(),
            &[2; 16],
            &[0xac, 2, 1, 0],
            &[9; 32],
            &[0],
        ]
        .concat(),
    );
    expected.extend(&attestation[attestation.len() - 64..]);
    assert_eq!(comes_back(&batch), expected);
}

#[test]
fn whole_histories_come_back_and_none_of_their_changes_travels_as_it_is() {
    for chunks in histories() {
        let coded = comes_back(&batch(chunks));
        let raw: usize = chunks.iter().map(Vec::len).sum();
        assert!(coded.len() < raw * 2 / 3, "{} of {raw}", coded.len());
        assert!(chunks.iter().all(|chunk| parts::Parts::of(chunk).is_some()));
    }
}

#[test]
fn an_empty_batch_and_one_without_changes_come_back() {
    comes_back(&Changes::default());
    let mut only_proofs = batch(&[]);
    comes_back(&only_proofs);
    only_proofs.salts.clear();
    only_proofs.attestations.push(vec![1; 70]);
    only_proofs.attestations.push(Vec::new());
    comes_back(&only_proofs);
}

#[test]
fn a_lone_change_is_coded_in_fewer_bytes_than_it_has_itself() {
    let chunk = &histories()[0][40];
    let lone = Changes {
        changes: vec![chunk.clone()],
        ..Changes::default()
    };
    assert!(comes_back(&lone).len() < chunk.len());
}

#[test]
fn an_attestation_costs_little_more_than_what_nobody_can_guess() {
    let chunk = &histories()[0][..1];
    let mut changes = Changes {
        changes: chunk.to_vec(),
        ..Changes::default()
    };
    let without = comes_back(&changes).len();
    changes
        .attestations
        .push(attestation(2, &[chunk_hash(&chunk[0])], Some([5; 32])));
    // Signature, process start, previous attestation; its form, device, counter, head, and which.
    assert_eq!(comes_back(&changes).len(), without + 64 + 16 + 32 + 6);
}

#[test]
fn what_is_meant_for_another_document_or_comes_from_an_unknown_device_comes_back() {
    let batch = batch(&histories()[0][..3]);
    let elsewhere = Context {
        document: DocumentId::from_bytes([9; 16]),
        sender: None,
    };
    let coded = encode(&batch, &elsewhere);
    assert!(decode(&coded, &elsewhere, ROOM).unwrap() == batch);
}

#[test]
fn every_prefix_and_every_longer_form_is_an_error() {
    let mut coded = comes_back(&batch(&histories()[0][..12]));
    for length in 0..coded.len() {
        assert!(decode(&coded[..length], &context(), ROOM).is_err());
    }
    coded.push(0);
    let error = decode(&coded, &context(), ROOM).unwrap_err();
    assert_eq!(error, CodingError::Malformed);
}

/// Everything that the bound is about.
fn counted(changes: &Changes) -> usize {
    let lists = changes.changes.iter().chain(&changes.attestations);
    lists.map(Vec::len).sum::<usize>() + changes.salts.len() * 40
}

#[test]
fn counts_that_claim_to_be_huge_are_refused_before_anything_is_kept_for_them() {
    let mut many = Vec::new();
    numbers::put_unsigned(&mut many, 1 << 40);
    let error = decode(&many, &context(), ROOM).unwrap_err();
    assert_eq!(error, CodingError::TooLarge);
    // One change with as many dependencies on the one before it, each in one byte.
    let chunk = chunk_around(body(&histories()[0][0]));
    let mut coded = vec![2, 0, 1, 0];
    coded.extend_from_slice(&[7; 16]);
    coded.push(0);
    numbers::put_unsigned(&mut coded, 1_000_001);
    coded.extend(std::iter::repeat_n(1, 1_000_000));
    coded.extend_from_slice(&[0, 0, 0, 0]);
    numbers::put_unsigned(&mut coded, chunk.len() as u64);
    coded.extend_from_slice(&chunk);
    coded.extend_from_slice(&[0, 0]);
    let error = decode(&coded, &context(), ROOM).unwrap_err();
    assert_eq!(error, CodingError::TooLarge);
    let decoded = decode(&coded, &context(), 40_000_000).unwrap();
    assert!(decoded.changes[1].len() > 32_000_000);
}

#[test]
fn the_bound_is_never_passed_and_twice_the_content_always_fits() {
    for chunks in histories() {
        let batch = batch(chunks);
        let coded = encode(&batch, &context());
        let size = counted(&batch);
        assert_eq!(
            decode(&coded, &context(), size - 1).unwrap_err(),
            CodingError::TooLarge
        );
        assert!(decode(&coded, &context(), size * 2).is_ok());
    }
}

#[test]
fn both_ends_of_the_range_of_numbers_come_back() {
    let mut changes = Vec::new();
    for start in [
        1_u64,
        2,
        1 << 62,
        i64::MAX as u64,
        i64::MAX as u64 + 1,
        u64::MAX,
    ] {
        for time in [0, i64::MIN, i64::MAX] {
            for counter in [
                0,
                1,
                -1,
                i64::MIN,
                i64::MAX,
                start as i64,
                (start as i64).wrapping_sub(1),
            ] {
                let mut body = vec![0, 16];
                body.extend_from_slice(&[7; 16]);
                numbers::put_unsigned(&mut body, start.wrapping_mul(3));
                numbers::put_unsigned(&mut body, start);
                numbers::put_signed(&mut body, time);
                body.extend_from_slice(&[0, 0]);
                let mut columns = [vec![0x7f], vec![0x7e], vec![2, 1]];
                numbers::put_unsigned(&mut columns[0], counter as u64);
                numbers::put_signed(&mut columns[1], counter);
                numbers::put_signed(&mut columns[1], start as i64);
                body.push(3);
                for (column, id) in columns.iter().zip([0x02, 0x13, 0x42]) {
                    body.extend_from_slice(&[id, column.len() as u8]);
                }
                body.extend(columns.concat());
                changes.push(chunk_around(&body));
            }
        }
    }
    comes_back(&Changes {
        changes,
        ..Changes::default()
    });
}

fn any_edit() -> impl Strategy<Value = (prop::sample::Index, u8, u8)> {
    (any::<prop::sample::Index>(), any::<u8>(), 0_u8..4)
}

fn edited(mut bytes: Vec<u8>, edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (at, byte, what) in edits {
        let at = at.index(bytes.len() + 1);
        match what {
            0 if at < bytes.len() => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            _ => {}
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn any_part_of_a_history_comes_back_in_any_order(
        history in 0_usize..6,
        picked in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let chunks = &histories()[history];
        let picked: Vec<_> = picked.iter().map(|index| index.get(chunks).clone()).collect();
        comes_back(&batch(&picked));
    }

    #[test]
    fn changes_that_were_tampered_with_come_back(
        history in 0_usize..6,
        from in any::<prop::sample::Index>(),
        edits in prop::collection::vec(prop::collection::vec(any_edit(), 0..4), 1..20),
        whole in any::<bool>(),
    ) {
        let chunks = &histories()[history];
        let from = from.index(chunks.len());
        let edited: Vec<_> = chunks[from..].iter().zip(&edits).map(|(chunk, edits)| {
            if whole {
                edited(chunk.clone(), edits)
            } else {
                chunk_around(&edited(body(chunk).to_vec(), edits))
            }
        }).collect();
        let mut batch = batch(&edited);
        batch.attestations[0] = self::edited(batch.attestations[0].clone(), &edits[0]);
        comes_back(&batch);
    }

    #[test]
    fn any_bytes_are_a_batch_within_the_bound_or_an_error(
        history in 0_usize..6,
        count in 0_usize..6,
        edits in prop::collection::vec(any_edit(), 1..6),
    ) {
        let coded = edited(encode(&batch(&histories()[history][..count]), &context()), &edits);
        if let Ok(batch) = decode(&coded, &context(), 20_000) {
            prop_assert!(counted(&batch) <= 20_000);
            comes_back(&batch);
        }
    }
}
