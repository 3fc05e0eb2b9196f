//! A paired device that spoils the stream, holds connections or floods: it is closed for a reason
//! or waited for within bounds, while the honest person goes on being served.

use cairn_e2e::hostile::{Scene, question, statements_frame};
use cairn_node::transport::{CloseReason, FRAME_BYTES_MAX};

fn scene() -> Scene {
    Scene::start(env!("CARGO_BIN_EXE_cairn-victim"))
}

/// Connects anew after the victim has ended the connection before.
fn again(scene: &mut Scene) {
    scene.attacker.connect(scene.victim.address());
    scene.attacker.settle();
}

fn length(bytes: usize) -> [u8; 4] {
    (bytes as u32).to_le_bytes()
}

#[test]
fn oversized_frames_are_refused_by_their_length() {
    let mut scene = scene();
    for bytes in [FRAME_BYTES_MAX + 1, u32::MAX as usize] {
        scene.attacker.send_bytes(&length(bytes));
        scene.served();
        assert_eq!(scene.attacker.closed(), CloseReason::FrameTooLarge);
        again(&mut scene);
    }
    // The largest is read, and means nothing.
    scene.attacker.send(&vec![0xee; FRAME_BYTES_MAX]);
    assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
    again(&mut scene);
    scene.attacker.is_heard(scene.calm);
    scene.unharmed();
}

#[test]
fn empty_and_cut_frames_and_second_streams_are_malformed() {
    let mut scene = scene();
    scene.attacker.send_bytes(&length(0));
    assert_eq!(scene.attacker.closed(), CloseReason::Malformed);
    again(&mut scene);
    scene.attacker.send_bytes(&length(100));
    scene.attacker.send_bytes(&[1; 10]);
    scene.attacker.finish();
    assert_eq!(scene.attacker.closed(), CloseReason::Malformed);
    again(&mut scene);
    scene.attacker.open_second_stream();
    assert_eq!(scene.attacker.closed(), CloseReason::Malformed);
    scene.unharmed();
}

#[test]
fn a_frame_that_never_ends_holds_up_nobody_and_makes_way() {
    let mut scene = scene();
    scene.attacker.send_bytes(&length(FRAME_BYTES_MAX));
    for _ in 0..20 {
        assert!(scene.attacker.send_bytes(&[5; 100]));
        scene.served();
    }
    let endless = scene.attacker.leave();
    again(&mut scene);
    let ended = scene.attacker.left_closed(endless);
    assert_eq!(ended, CloseReason::Superseded);
    scene.attacker.is_heard(scene.calm);
    scene.unharmed();
}

#[test]
fn whoever_does_not_finish_its_hello_is_sent_away() {
    let mut scene = scene();
    let earlier = scene.attacker.leave();
    scene.attacker.greet(scene.victim.address());
    scene.attacker.send_bytes(&length(200));
    scene.attacker.send_bytes(&[1; 100]);
    assert_eq!(scene.attacker.left_closed(earlier), CloseReason::Superseded);
    scene.served();
    // After ten seconds.
    assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
    again(&mut scene);
    scene.unharmed();
}

#[test]
fn of_many_silent_connections_few_are_kept_and_none_for_long() {
    const CONNECTIONS: usize = 24;
    let mut scene = scene();
    let mut silent = vec![scene.attacker.leave()];
    for _ in 0..CONNECTIONS {
        scene.attacker.greet(scene.victim.address());
        silent.push(scene.attacker.leave());
    }
    scene.honest_returns();
    let last = silent.pop();
    for link in silent {
        assert_eq!(scene.attacker.left_closed(link), CloseReason::Superseded);
    }
    let last = last.map(|link| scene.attacker.left_closed(link));
    assert_eq!(last, Some(CloseReason::Misbehaved));
    again(&mut scene);
    scene.unharmed();
}

#[test]
fn half_open_connections_do_not_keep_the_honest_person_out() {
    const CONNECTIONS: usize = 40;
    let mut scene = scene();
    let address = scene.victim.address();
    let half_open: Vec<_> = (0..CONNECTIONS)
        .map(|_| scene.attacker.handshake(address))
        .collect();
    scene.honest_returns();
    let reasons: Vec<CloseReason> = half_open
        .iter()
        .map(|connection| scene.attacker.reason(connection))
        .collect();
    let waited = |reason: &&CloseReason| **reason == CloseReason::Malformed;
    let turned_away = |reason: &&CloseReason| **reason == CloseReason::Superseded;
    assert_eq!(reasons.iter().filter(waited).count(), 4, "{reasons:?}");
    let rest = reasons.iter().filter(turned_away).count();
    assert_eq!(rest, CONNECTIONS - 4, "{reasons:?}");
    scene.attacker.is_heard(scene.calm);
    scene.unharmed();
}

#[test]
fn a_flood_of_what_was_rightly_said_before_is_answered_within_bounds_or_ended() {
    const TIMES: usize = 3_000;
    let mut scene = scene();
    scene.attacker.is_heard(scene.shared);
    let mut said = scene.attacker.sent().to_vec();
    said.sort();
    said.dedup();
    assert!(said.len() >= 5, "hello, ranges, statements, heads, changes");
    let mut ended = 0;
    for frame in said {
        let mut taken = 0;
        while taken < TIMES && scene.attacker.try_send(&frame) {
            taken += 1;
        }
        scene.served();
        if taken < TIMES || !scene.attacker.is_still_heard(scene.calm) {
            let reason = scene.attacker.closed();
            let expected = [CloseReason::Misbehaved, CloseReason::SendQueueFull];
            assert!(expected.contains(&reason), "{reason}");
            ended += 1;
            again(&mut scene);
        }
    }
    assert!(ended > 0, "a second hello ends a session");
    scene.attacker.is_heard(scene.calm);
    scene.unharmed();
}

#[test]
fn answers_that_nobody_reads_end_the_connection() {
    let mut scene = scene();
    // Whoever has nothing is sent everything, again and again.
    let question = question(scene.calm, &[]);
    let mut taken = 0_u64;
    while scene.attacker.try_send(&question) {
        taken += 1;
    }
    assert!(taken > 1_000, "{taken} questions were taken");
    scene.served();
    assert_eq!(scene.attacker.closed(), CloseReason::SendQueueFull);
    again(&mut scene);
    scene.unharmed();
}

#[test]
fn statements_that_nobody_signed_are_passed_over_and_cost_little() {
    const FRAMES: usize = 40;
    let mut scene = scene();
    let forged: Vec<Vec<u8>> = (0..256_u16)
        .map(|number| {
            let mut bytes = vec![1, 3];
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.resize(300, 7);
            bytes
        })
        .collect();
    let frame = statements_frame(&forged);
    for _ in 0..FRAMES {
        scene.attacker.send(&frame);
    }
    scene.served();
    scene.attacker.is_heard(scene.calm);
    let too_many = statements_frame(&vec![forged[0].clone(); 257]);
    scene.attacker.send(&too_many);
    assert_eq!(scene.attacker.closed(), CloseReason::Misbehaved);
    scene.unharmed();
}
