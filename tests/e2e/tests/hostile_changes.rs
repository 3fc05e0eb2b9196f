//! Changes that no honest program writes, sent by a paired device with a write grant: refused by
//! their fault, at no cost, while the honest person goes on being served.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use automerge::ChangeHash;
use cairn_e2e::hostile::{ChangeParts, Scene, deltas, number, run, sealed, singles, text};
use cairn_engine::chunk::Part;
use cairn_engine::coding::{CodingError, Compression};
use cairn_engine::{
    Attestation, BatchError, ChunkError, Claim, DocumentContent, FitError, OrderError, ProcessId,
    Refusal, StatementError, content_frame,
};
use cairn_node::transport::CloseReason;

fn scene() -> Scene {
    Scene::start(env!("CARGO_BIN_EXE_cairn-victim"))
}

/// Sends a frame of changes to the shared goal that must be refused whole.
fn refused(scene: &mut Scene, frame: &[u8], expected: BatchError) {
    scene.attacker.send(frame);
    scene.served();
    scene.victim.refuses_batch(expected);
    assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
    // It may come back, and what it says honestly then is taken.
    scene.attacker.connect(scene.victim.address());
    scene.attacker.settle();
}

/// Sends one chunk under a good signature; it must be refused for `expected`.
fn chunk_refused(scene: &mut Scene, chunk: Vec<u8>, expected: ChunkError) {
    let head = ChangeHash([1; 32]);
    let frame = scene
        .attacker
        .batch(scene.shared, &[[1; 8]], vec![chunk], head);
    refused(scene, &frame, BatchError::Chunk(expected));
}

/// Sends a change that [`Attacker::put`](cairn_e2e::hostile::Attacker::put) made and the test then
/// spoilt.
fn change_refused(
    scene: &mut Scene,
    spoil: impl FnOnce(ChangeParts) -> ChangeParts,
    expected: BatchError,
) {
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let change = spoil(change);
    let bytes = vec![change.bytes()];
    let frame = scene
        .attacker
        .batch(scene.shared, &[salt], bytes, change.hash());
    refused(scene, &frame, expected);
}

#[test]
fn the_hand_made_change_is_taken_before_it_is_spoilt() {
    let mut scene = scene();
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let frame = scene
        .attacker
        .batch(scene.shared, &[salt], vec![change.bytes()], change.hash());
    scene.attacker.send(&frame);
    scene.attacker.is_heard(scene.shared);
    let writers = scene.victim.ask_about(scene.shared, "writers");
    let person = scene.attacker.person().to_string();
    let own = writers.as_array().unwrap().iter();
    let own = own.filter(|line| line[0] == person.as_str() && line[1] == true);
    assert_eq!(own.count(), 2, "{writers}");
    scene.unharmed();
}

#[test]
fn an_author_footer_is_refused() {
    let mut scene = scene();
    let footer = |change: ChangeParts| ChangeParts {
        footer: b"written by somebody else".to_vec(),
        ..change
    };
    change_refused(&mut scene, footer, ChunkError::Footer.into());
    // Beside the chunk instead of in it.
    let (change, _) = scene.attacker.put(scene.shared, "k");
    let longer = [change.bytes(), b"more".to_vec()].concat();
    chunk_refused(&mut scene, longer, ChunkError::Length);
    scene.unharmed();
}

#[test]
fn messages_of_automerges_own_protocol_are_no_frames_and_no_changes() {
    // One filter that divides by its length, which is 0, and one that asks for 2^27 probes.
    let by_zero = sync_message(&[1, 0, 7]);
    let probes = sync_message(&[&[1, 10][..], &number(1 << 27), &[0, 0]].concat());
    let mut scene = scene();
    for message in [by_zero, probes] {
        assert!(automerge::sync::Message::decode(&message).is_ok());
        scene.attacker.send(&message);
        scene.served();
        assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
        scene.attacker.connect(scene.victim.address());
        scene.attacker.settle();
        chunk_refused(&mut scene, message, ChunkError::Magic);
    }
    for kind in [0, 0x43, 0xff] {
        scene.attacker.send(&[kind; 100]);
        assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
        scene.attacker.connect(scene.victim.address());
        scene.attacker.settle();
    }
    scene.unharmed();
}

/// A message of automerge's sync protocol, version 1, that has one filter and nothing else.
fn sync_message(filter: &[u8]) -> Vec<u8> {
    let (no_heads, no_needs, one_filter, no_last, no_changes) = (0, 0, 1, 0, 0);
    let mut message = vec![0x42, no_heads, no_needs, one_filter, no_last];
    message.push(filter.len() as u8);
    message.extend_from_slice(filter);
    message.push(no_changes);
    message
}

#[test]
fn a_gap_in_the_sequence_is_refused() {
    let mut scene = scene();
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let change = ChangeParts { seq: 3, ..change };
    let frame = scene
        .attacker
        .batch(scene.shared, &[salt], vec![change.bytes()], change.hash());
    scene.attacker.send(&frame);
    scene.served();
    assert_eq!(scene.victim.refuses_changes(), [Refusal::Order]);
    scene.attacker.is_heard(scene.shared);
    for seq in [0, u64::MAX] {
        let gap = |change| ChangeParts { seq, ..change };
        change_refused(&mut scene, gap, ChunkError::Range(Part::Sequence).into());
    }
    scene.unharmed();
}

#[test]
fn operation_counters_near_the_largest_are_refused() {
    let mut scene = scene();
    for start_op in [1 << 31, u64::from(u32::MAX), u64::MAX] {
        let last = |change| ChangeParts { start_op, ..change };
        change_refused(&mut scene, last, ChunkError::Limit(Part::StartOp).into());
    }
    let largest = |change| ChangeParts {
        start_op: (1 << 31) - 1,
        ..change
    };
    change_refused(
        &mut scene,
        largest,
        FitError::Order(OrderError::StartOperation).into(),
    );
    scene.unharmed();
}

#[test]
fn deflate_bombs_are_not_opened() {
    let bomb = deflated_zeros(220);
    assert!(bomb.len() < 250 << 10, "{} bytes", bomb.len());
    let mut scene = scene();
    chunk_refused(&mut scene, sealed(2, &bomb), ChunkError::ChunkType(2));
    let column = |change: ChangeParts| change.with(0x57 | 8, bomb);
    change_refused(&mut scene, column, ChunkError::CompressedColumn.into());
    scene.unharmed();
}

#[test]
fn a_batch_that_expands_without_end_is_not_expanded() {
    let zeros = vec![0; 256 << 20];
    let packed = [vec![1], cairn_node::Zstd.compress(&zeros)].concat();
    drop(zeros);
    assert!(packed.len() < 900 << 10, "{} bytes", packed.len());
    let mut scene = scene();
    // Kind 5: the document, the packed batch, whether it is the last part, and that nothing came
    // in pieces before (`docs/protocol.md`).
    let mut frame = vec![5];
    frame.extend_from_slice(scene.shared.as_bytes());
    frame.extend(number(packed.len() as u64));
    frame.extend_from_slice(&packed);
    frame.extend_from_slice(&[1, 0]);
    refused(&mut scene, &frame, CodingError::Compression.into());
    scene.unharmed();
}

/// As many MiB of zeros, deflated.
fn deflated_zeros(mebibytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..mebibytes {
        std::io::Write::write_all(&mut encoder, &vec![0; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn documents_and_bundles_are_not_opened() {
    let mut scene = scene();
    let mut document = automerge::AutoCommit::new();
    automerge::transaction::Transactable::put(&mut document, automerge::ROOT, "k", 1).unwrap();
    let document = document.save();
    chunk_refused(&mut scene, document.clone(), ChunkError::ChunkType(0));
    // A document chunk's content under the other types' names, their checksums right.
    for chunk_type in [0, 3, 4, 255] {
        let chunk = sealed(chunk_type, &document[8..]);
        chunk_refused(&mut scene, chunk, ChunkError::ChunkType(chunk_type));
    }
    scene.unharmed();
}

#[test]
fn deep_nesting_is_refused_in_one_change_and_over_many() {
    let mut scene = scene();
    let nested = |change: ChangeParts, levels| {
        ChangeParts::nested(change.dependencies, change.actor, change.start_op, levels)
    };
    change_refused(
        &mut scene,
        |change| nested(change, 5_000),
        FitError::Nesting.into(),
    );
    change_refused(
        &mut scene,
        |change| nested(change, 17),
        FitError::Nesting.into(),
    );
    // Sixteen are allowed, and a later change cannot go on from there.
    let (change, salt) = scene.attacker.put(scene.shared, "n");
    let first = nested(change, 16);
    let deepest = first.start_op + 15;
    let next = ChangeParts {
        dependencies: vec![first.hash()],
        seq: 2,
        start_op: deepest + 1,
        ..nested(first.clone(), 2)
    };
    let inside = ChangeParts {
        columns: vec![
            (0x01, run(1, 0)),
            (0x02, run(1, deepest)),
            (0x15, text(1, "n")),
            (0x34, number(1)),
            (0x42, run(1, 0)),
            (0x56, run(1, 0)),
            (0x70, run(1, 0)),
        ],
        ..next
    };
    let frame = scene
        .attacker
        .batch(scene.shared, &[salt], vec![first.bytes()], first.hash());
    scene.attacker.send(&frame);
    scene.attacker.is_heard(scene.shared);
    let frame = scene
        .attacker
        .batch(scene.shared, &[salt], vec![inside.bytes()], inside.hash());
    refused(&mut scene, &frame, FitError::Nesting.into());
    scene.unharmed();
}

#[test]
fn a_flood_of_orphans_is_refused_and_not_kept() {
    const FRAMES: u64 = 10;
    const CHANGES_EACH: u64 = 4_000;
    let mut scene = scene();
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    for frame in 0..FRAMES {
        let orphans: Vec<ChangeParts> = (0..CHANGES_EACH)
            .map(|number| {
                let mut unknown = [0; 32];
                unknown[..8].copy_from_slice(&(frame * CHANGES_EACH + number).to_be_bytes());
                ChangeParts {
                    dependencies: vec![ChangeHash(unknown)],
                    ..change.clone()
                }
            })
            .collect();
        let head = orphans[0].hash();
        let bytes = orphans.iter().map(ChangeParts::bytes).collect();
        let frame = scene.attacker.batch(scene.shared, &[salt], bytes, head);
        scene.attacker.send(&frame);
    }
    scene.served();
    for _ in 0..FRAMES {
        let reasons = scene.victim.refuses_changes();
        assert_eq!(reasons, vec![Refusal::Order; CHANGES_EACH as usize]);
    }
    scene.attacker.is_heard(scene.shared);
    scene.unharmed();
}

#[test]
fn a_batch_that_never_ends_is_kept_up_to_a_bound() {
    let mut scene = scene();
    let content = DocumentContent {
        changes: vec![vec![0xaa; 900 << 10]],
        ..DocumentContent::default()
    };
    let mut part = content_frame(scene.shared, content);
    // The last byte but one says whether the batch ends with it (`docs/protocol.md`).
    assert!(part.ends_with(&[1, 0]));
    let place = part.len() - 2;
    part[place] = 0;
    let mut parts = 0;
    while scene.attacker.try_send(&part) {
        parts += 1;
        if parts == 10 {
            scene.served();
        }
    }
    assert!(parts > 10, "{parts} parts were taken");
    assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
    scene.attacker.connect(scene.victim.address());
    scene.attacker.settle();
    scene.unharmed();
}

#[test]
fn huge_run_lengths_are_refused_by_their_sum() {
    const HUGE: i64 = 1 << 40;
    let mut scene = scene();
    let rows = |change: ChangeParts| change.with(0x42, run(HUGE, 1));
    change_refused(&mut scene, rows, ChunkError::Limit(Part::Action).into());
    let all = |change: ChangeParts| {
        let change = change
            .with(0x15, text(HUGE, "k"))
            .with(0x34, number(HUGE as u64))
            .with(0x42, run(HUGE, 1))
            .with(0x56, run(HUGE, 0))
            .with(0x70, run(HUGE, 0));
        // Some bytes are the change it is built on.
        assert!(change.bytes().len() < 200);
        change
    };
    change_refused(&mut scene, all, ChunkError::Limit(Part::Action).into());
    scene.unharmed();
}

#[test]
fn a_predecessor_bomb_is_refused_by_its_sum() {
    const HUGE: i64 = 1 << 34;
    let mut scene = scene();
    let bomb = |change: ChangeParts| {
        change
            .with(0x70, run(1, HUGE as u64))
            .with(0x71, run(HUGE, 0))
            .with(0x73, deltas(HUGE, 1))
    };
    change_refused(
        &mut scene,
        bomb,
        ChunkError::Limit(Part::Predecessors).into(),
    );
    scene.unharmed();
}

#[test]
fn columns_that_automerge_would_write_otherwise_are_refused() {
    let mut scene = scene();
    let two = |change: ChangeParts| {
        change
            .with(0x15, text(2, "k"))
            .with(0x34, number(2))
            .with(0x42, run(2, 1))
            .with(0x56, run(2, 0))
            .with(0x70, run(2, 0))
    };
    // A run written as single rows, an overlong number, a column without rows, one of a later
    // format, and two in the wrong order.
    type Spoil = Box<dyn FnOnce(ChangeParts) -> ChangeParts>;
    let cases: Vec<(Spoil, ChunkError)> = vec![
        (
            Box::new(move |change| two(change).with(0x42, singles(&[1, 1]))),
            ChunkError::Encoding(Part::Action),
        ),
        (
            Box::new(|change| change.with(0x34, vec![0x81, 0])),
            ChunkError::Encoding(Part::Insert),
        ),
        (
            Box::new(|change| change.with(0x71, Vec::new())),
            ChunkError::Range(Part::ColumnList),
        ),
        (
            Box::new(|change| change.with(0x95, vec![1])),
            ChunkError::UnknownColumn,
        ),
        (
            Box::new(|mut change| {
                change.columns.swap(0, 1);
                change
            }),
            ChunkError::Order(Part::ColumnList),
        ),
    ];
    for (spoil, expected) in cases {
        change_refused(&mut scene, spoil, expected.into());
    }
    scene.unharmed();
}

#[test]
fn a_forged_attestation_is_refused() {
    let mut scene = scene();
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let attacker = &scene.attacker;
    let mut spoilt = attacker.device.attest(scene.shared, change.hash());
    *spoilt.last_mut().unwrap() ^= 1;
    let claim = Claim {
        document: scene.shared,
        process: ProcessId::from_bytes([9; 16]),
        counter: 1,
        heads: &[change.hash()],
        previous: None,
    };
    // In the name of the owner's device, which alone judges who may write.
    let of_owner = Attestation::sign(claim, attacker.victim_device(), attacker.device.secret());
    for attestation in [spoilt, of_owner.bytes().to_vec()] {
        let content = DocumentContent {
            changes: vec![change.bytes()],
            salts: vec![(scene.attacker.device.id(), salt)],
            attestations: vec![attestation],
            ..DocumentContent::default()
        };
        let frame = content_frame(scene.shared, content);
        refused(&mut scene, &frame, StatementError::Signature.into());
    }
    scene.unharmed();
}

#[test]
fn a_change_that_nobody_attests_is_not_taken() {
    let mut scene = scene();
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let content = DocumentContent {
        changes: vec![change.bytes()],
        salts: vec![(scene.attacker.device.id(), salt)],
        ..DocumentContent::default()
    };
    scene.attacker.send(&content_frame(scene.shared, content));
    scene.served();
    assert_eq!(scene.victim.refuses_changes(), [Refusal::Unproven]);
    scene.attacker.is_heard(scene.shared);
    scene.unharmed();
}

#[test]
fn an_actor_of_another_device_cannot_be_used() {
    let mut scene = scene();
    scene.honest_writes("By the honest person");
    for person in [scene.honest, scene.person] {
        let actor = scene.attacker.actor_of(scene.shared, person);
        let automerge = scene.attacker.engine().read(scene.shared).unwrap();
        let changes = automerge.get_changes(&[]);
        let written = changes.iter().filter(|change| *change.actor_id() == actor);
        let seq = written.count() as u64 + 1;
        let change = scene.attacker.put_as(scene.shared, actor, "stolen");
        let change = ChangeParts { seq, ..change };
        let frame = scene
            .attacker
            .batch(scene.shared, &[], vec![change.bytes()], change.hash());
        scene.attacker.send(&frame);
        assert_eq!(scene.victim.refuses_changes(), [Refusal::Unproven]);
    }
    scene.served();
    scene.attacker.is_heard(scene.shared);
    scene.unharmed();
}
