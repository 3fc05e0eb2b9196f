//! A paired device that follows the forms of a session and not its order: comparisons that come to
//! no end, batches in pieces that do not follow each other, more signatures than a batch may have.

use cairn_e2e::hostile::{Scene, number};
use cairn_engine::{DocumentContent, DocumentId, content_frame};
use cairn_node::BatchError;
use cairn_node::transport::CloseReason;

/// Messages of ranges that one side may send.
const RANGES_MAX: usize = 64;

/// The kind of a message that names heads or asks for them.
const HEADS: u8 = 4;

/// Bytes of a piece that is not the last.
const PIECE_BYTES: usize = 8 << 10;

fn scene() -> Scene {
    Scene::start(env!("CARGO_BIN_EXE_cairn-victim"))
}

/// One fingerprint of all documents (kind 3 of `docs/protocol.md`), which agrees with nobody's.
fn fingerprint_of_all(round: usize) -> Vec<u8> {
    let mut frame = vec![3, 1, 0, 1];
    frame.extend_from_slice(&(round as u64).to_le_bytes());
    frame
}

/// A piece of a large batch (kind 10).
fn piece(document: DocumentId, at: usize, bytes: usize) -> Vec<u8> {
    let resume: &[u8] = if at == 0 { b"mine" } else { b"" };
    let mut frame = vec![10];
    frame.extend_from_slice(document.as_bytes());
    frame.extend(number(at as u64));
    frame.extend(number(resume.len() as u64));
    frame.extend_from_slice(resume);
    frame.extend(number(bytes as u64));
    frame.resize(frame.len() + bytes, 0x11);
    frame
}

#[test]
fn a_comparison_that_never_agrees_ends_the_session() {
    let mut scene = scene();
    // What it wrote alone has the two compare when they meet again.
    scene.attacker.hang_up();
    scene.attacker.write(scene.calm, "alone");
    scene.attacker.connect(scene.victim.address());
    let mut said = 0;
    while said <= 2 * RANGES_MAX && scene.attacker.try_send(&fingerprint_of_all(said)) {
        said += 1;
        if said == RANGES_MAX / 2 {
            scene.served();
        }
    }
    assert!(said > RANGES_MAX, "{said} were taken");
    assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
    scene.attacker.connect(scene.victim.address());
    scene.attacker.settle();
    scene.attacker.is_heard(scene.calm);
    scene.unharmed();
}

#[test]
fn pieces_that_do_not_follow_each_other_are_passed_over() {
    const TIMES: usize = 200;
    const LAST: usize = usize::MAX / PIECE_BYTES;
    let mut scene = scene();
    for _ in 0..TIMES {
        // Begun anew again and again; two that leave something out; one that came before.
        for at in [0, 1, 3, LAST, 1, 0] {
            let piece = piece(scene.shared, at * PIECE_BYTES, PIECE_BYTES);
            scene.attacker.send(&piece);
        }
    }
    scene.served();
    scene.attacker.is_heard(scene.shared);
    // A last part that counts other bytes than came is answered by a question for the heads.
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let proof = DocumentContent {
        salts: vec![(scene.attacker.device.id(), salt)],
        attestations: vec![scene.attacker.device.attest(scene.shared, change.hash())],
        ..DocumentContent::default()
    };
    let mut last = content_frame(scene.shared, proof);
    assert_eq!(last.pop(), Some(0));
    last.extend(number(700));
    scene.attacker.send(&last);
    while scene.attacker.hear().expect("the connection stays")[0] != HEADS {}
    scene.attacker.is_heard(scene.shared);
    scene.unharmed();
}

#[test]
fn pieces_of_another_size_or_place_end_the_session() {
    let mut scene = scene();
    for (at, bytes) in [
        (0, PIECE_BYTES + 1),
        (1, PIECE_BYTES),
        (0, 0),
        (usize::MAX, PIECE_BYTES),
    ] {
        scene.attacker.send(&piece(scene.shared, at, bytes));
        assert_eq!(
            scene.attacker.closed(),
            CloseReason::Misbehaved,
            "{at}, {bytes}"
        );
        scene.attacker.connect(scene.victim.address());
        scene.attacker.settle();
        scene.served();
    }
    scene.attacker.is_heard(scene.shared);
    scene.unharmed();
}

#[test]
fn more_signatures_than_a_batch_may_have_are_not_checked() {
    let mut scene = scene();
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let proof = scene.attacker.device.attest(scene.shared, change.hash());
    let content = |signatures: usize| DocumentContent {
        changes: vec![change.bytes()],
        salts: vec![(scene.attacker.device.id(), salt)],
        attestations: vec![proof.clone(); signatures],
        ..DocumentContent::default()
    };
    let frames = [1_025, 1_024].map(|signatures| content_frame(scene.shared, content(signatures)));
    let [too_many, as_many] = frames;
    scene.attacker.send(&too_many);
    scene.victim.refuses_batch(BatchError::TooMany);
    scene.served();
    assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
    scene.attacker.connect(scene.victim.address());
    scene.attacker.settle();
    scene.attacker.send(&as_many);
    scene.attacker.is_heard(scene.shared);
    scene.unharmed();
}
