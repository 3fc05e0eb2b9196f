//! Stories of connections that break while a large batch is on its way, and of peers that never
//! send the end of one.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::transaction::Transactable;
use cairn_engine::{DocumentId, Event, Role};
use world::{Pair, World};

const PIECE_BYTES: usize = 8 << 10;
/// Of one device.
const STAGING_BYTES_MAX: usize = 16 << 20;
const STAGING_BYTES_TOTAL_MAX: usize = 64 << 20;
/// What two that meet again say beside changes, and a piece that was cut.
const GREETING_BYTES: usize = 3_000;

/// Letters that hardly compress.
struct Letters(u64);

impl Letters {
    fn next(&mut self, count: usize) -> String {
        let letters = std::iter::repeat_with(|| {
            self.0 = self
                .0
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            char::from(b'a' + ((self.0 >> 40) % 26) as u8)
        });
        letters.take(count).collect()
    }
}

fn write(world: &mut World, side: usize, goal: DocumentId, changes: usize) {
    let mut letters = Letters(changes as u64);
    for _ in 0..changes {
        let words = letters.next(150);
        world.edit(side, goal, |tx, title| {
            tx.splice_text(title, 0, 0, &words).unwrap();
        });
    }
}

/// A pair of whom one has written so many changes that the other lacks: who knows of the document.
fn written(changes: usize) -> (Pair, DocumentId) {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "walk");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    write(&mut pair.world, 0, goal, changes);
    pair.world.take_events(0);
    (pair, goal)
}

/// Bytes that go over the wire from now until all rest.
fn bytes_to_meet(pair: &mut Pair) -> usize {
    let before = pair.world.bytes_sent();
    pair.connect();
    pair.world.bytes_sent() - before
}

fn assert_same(pair: &Pair, goal: DocumentId) {
    assert_eq!(pair.title(1, goal), pair.title(0, goal));
    assert_eq!(pair.heads(1, goal), pair.heads(0, goal));
    pair.assert_proven(goal);
    assert_eq!(pair.world.staged_bytes(0), 0);
    assert_eq!(pair.world.staged_bytes(1), 0);
}

/// Lets a meeting break after so many bytes. Nothing of the batch may count yet.
fn broken_after(start: &Pair, goal: DocumentId, bytes: usize) -> Pair {
    let mut pair = start.clone();
    pair.world.break_after(bytes);
    pair.connect();
    assert_eq!(pair.world.open_connections(), 0);
    pair.world.break_after(usize::MAX);
    assert_eq!(pair.title(1, goal).as_deref(), Some("walk"));
    let events = pair.world.take_events(0);
    let delivered = |event: &Event| matches!(event, Event::Delivered { .. });
    assert!(!events.iter().any(delivered), "{events:?}");
    pair
}

#[test]
fn a_batch_that_broke_off_anywhere_goes_on_where_it_was() {
    let (start, goal) = written(1_000);
    let whole = bytes_to_meet(&mut start.clone());
    assert!(whole > 5 * PIECE_BYTES, "{whole}");
    for at in [1, 3, 5, 8, 9] {
        let bytes = whole * at / 10;
        let mut pair = broken_after(&start, goal, bytes);
        if at % 5 == 3 {
            pair.world.restart(0);
        }
        if at % 2 == 1 {
            pair.world.restart(1);
        }
        let again = bytes_to_meet(&mut pair);
        let rest = whole - bytes + PIECE_BYTES + GREETING_BYTES;
        assert!(again <= rest, "{at}: {again} of {whole} after {bytes}");
        pair.world.open(0, goal);
        pair.world.open(1, goal);
        assert_same(&pair, goal);
        // The next meeting is one hello each.
        pair.disconnect();
        let frames = pair.world.frames_sent();
        pair.connect();
        assert_eq!(pair.world.frames_sent() - frames, 2);
    }
}

#[test]
fn a_batch_that_breaks_off_again_and_again_comes_through_piece_by_piece() {
    let (mut pair, goal) = written(1_000);
    let whole = bytes_to_meet(&mut pair.clone());
    let mut meetings = 0;
    while pair.title(1, goal) != pair.title(0, goal) {
        pair.world.restart(1);
        pair.world.break_after(GREETING_BYTES + PIECE_BYTES + 500);
        pair.connect();
        pair.world.open(1, goal);
        meetings += 1;
        assert!(meetings <= whole / PIECE_BYTES + 2, "{meetings}");
        pair.disconnect();
    }
    assert!(meetings > whole / PIECE_BYTES / 2, "{meetings}");
    assert_same(&pair, goal);
}

#[test]
fn what_both_wrote_meanwhile_comes_with_the_rest() {
    let (start, goal) = written(300);
    let whole = bytes_to_meet(&mut start.clone());
    let mut pair = broken_after(&start, goal, whole * 9 / 10);
    for side in [0, 1] {
        pair.edit(side, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "meanwhile ").unwrap();
        });
    }
    let again = bytes_to_meet(&mut pair);
    let rest = whole / 10 + PIECE_BYTES + GREETING_BYTES;
    assert!(again <= rest, "{again} of {whole}");
    assert_same(&pair, goal);
}

#[test]
fn an_edit_that_comes_before_the_rest_does_not_end_the_batch() {
    let (start, goal) = written(300);
    let whole = bytes_to_meet(&mut start.clone());
    let mut pair = broken_after(&start, goal, whole * 9 / 10);
    let before = pair.world.bytes_sent();
    pair.world.wire(0, 1);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 0, 0, "meanwhile ").unwrap();
    });
    let again = pair.world.bytes_sent() - before;
    assert!(
        again <= whole / 10 + PIECE_BYTES + GREETING_BYTES,
        "{again}"
    );
    assert_same(&pair, goal);
}

#[test]
fn what_another_device_brought_meanwhile_is_not_waited_for() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let laptop = world.add_device(0);
    let goal = world.create_with_title(0, "walk");
    world.share(0, goal, 1, Role::Write);
    world.connect(0, laptop);
    world.connect(0, 1);
    world.disconnect_all();
    write(&mut world, 0, goal, 300);
    world.connect(0, laptop);
    world.disconnect_all();
    world.break_after(22_000);
    world.connect(0, 1);
    world.break_after(usize::MAX);
    assert!(world.staged_bytes(1) > PIECE_BYTES);
    world.connect(laptop, 1);
    assert_eq!(world.title(1, goal), world.title(0, goal));
    world.connect(0, 1);
    world.edit(0, goal, |tx, title| {
        tx.splice_text(title, 0, 0, "on ").unwrap();
    });
    assert_eq!(world.title(1, goal), world.title(0, goal));
    assert_eq!(world.staged_bytes(1), 0);
}

#[test]
fn what_is_staged_goes_with_the_consent() {
    let (start, goal) = written(300);
    let whole = bytes_to_meet(&mut start.clone());
    let mut pair = broken_after(&start, goal, whole * 9 / 10);
    assert!(pair.world.staged_bytes(1) > PIECE_BYTES);
    pair.share(0, goal, 1, Role::None);
    pair.connect();
    assert_eq!(pair.world.staged_bytes(1), 0);
    assert_eq!(pair.title(1, goal).as_deref(), Some("walk"));
    // Given again, all comes anew.
    pair.share(0, goal, 1, Role::Read);
    assert_same(&pair, goal);
}

#[test]
fn an_owner_drops_what_is_staged_of_a_writer_who_may_not_write_any_more() {
    for role in [Role::Read, Role::None] {
        let mut pair = Pair::new();
        let goal = pair.create_with_title(0, "walk");
        pair.share(0, goal, 1, Role::Write);
        pair.connect();
        pair.disconnect();
        write(&mut pair.world, 1, goal, 300);
        pair.world.break_after(22_000);
        pair.connect();
        pair.world.break_after(usize::MAX);
        assert!(pair.world.staged_bytes(0) > PIECE_BYTES);
        pair.share(0, goal, 1, role);
        assert_eq!(pair.world.staged_bytes(0), 0);
        // What comes now is kept in memory at most, and refused.
        pair.connect();
        assert_eq!(pair.world.staged_bytes(0), 0);
        assert_eq!(pair.title(0, goal).as_deref(), Some("walk"));
        pair.disconnect();
        pair.world.restart(0);
        pair.world.open(0, goal);
        assert_eq!(pair.title(0, goal).as_deref(), Some("walk"));
    }
}

#[test]
fn what_is_staged_of_a_device_goes_when_it_is_revoked() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let laptop = world.add_device(0);
    let goal = world.create_with_title(0, "walk");
    world.share(0, goal, 1, Role::Write);
    world.connect(0, laptop);
    world.connect(0, 1);
    world.disconnect_all();
    write(&mut world, laptop, goal, 300);
    world.break_after(22_000);
    world.connect(laptop, 1);
    world.break_after(usize::MAX);
    assert!(world.staged_bytes(1) > PIECE_BYTES);
    world.revoke(0, laptop).unwrap();
    world.connect(0, 1);
    assert_eq!(world.staged_bytes(1), 0);
    assert_eq!(world.title(1, goal).as_deref(), Some("walk"));
}

/// A frame of kind 10.
fn piece(goal: DocumentId, at: usize, bytes: &[u8]) -> Vec<u8> {
    let resume: &[u8] = if at == 0 { b"again" } else { b"" };
    let body = (goal.as_bytes(), at as u64, resume, bytes);
    [vec![10], postcard::to_allocvec(&body).unwrap()].concat()
}

/// A frame of kind 5 that ends a batch of which so many bytes came before.
fn end(goal: DocumentId, after: usize) -> Vec<u8> {
    let part: &[u8] = &[0, 0, 0, 0];
    let body = (goal.as_bytes(), part, true, after as u64);
    [vec![5], postcard::to_allocvec(&body).unwrap()].concat()
}

#[test]
fn staged_garbage_ends_the_session_and_is_gone() {
    let (mut pair, goal) = written(0);
    pair.connect();
    let garbage = vec![0xa7; PIECE_BYTES];
    for at in 0..3 {
        pair.world
            .frame(0, 1, piece(goal, at * PIECE_BYTES, &garbage));
    }
    assert_eq!(pair.world.staged_bytes(1), 3 * PIECE_BYTES);
    pair.world.frame(0, 1, end(goal, 3 * PIECE_BYTES));
    assert_eq!(pair.world.open_connections(), 0);
    assert_eq!(pair.world.staged_bytes(1), 0);
    let events = pair.world.take_events(1);
    let refused = |event: &Event| matches!(event, Event::BatchRefused { .. });
    assert!(events.iter().any(refused), "{events:?}");
    write(&mut pair.world, 0, goal, 300);
    pair.connect();
    assert_same(&pair, goal);
}

#[test]
fn pieces_of_odd_sizes_and_places_end_the_session() {
    let whole = vec![0; PIECE_BYTES];
    let odd: [&[(usize, &[u8])]; 4] = [
        &[(0, &[])],
        &[(0, &[0; PIECE_BYTES + 1])],
        &[(5, &whole)],
        &[(0, &[1, 2, 3]), (3, &[4])],
    ];
    let (start, goal) = written(0);
    for pieces in odd {
        let mut pair = start.clone();
        pair.connect();
        for (at, bytes) in pieces {
            pair.world.frame(0, 1, piece(goal, *at, bytes));
        }
        assert_eq!(pair.world.open_connections(), 0);
        assert_eq!(pair.world.staged_bytes(1), 0);
    }
}

#[test]
fn the_end_of_a_batch_that_is_not_here_is_answered_with_a_question() {
    let (mut pair, goal) = written(0);
    pair.connect();
    let before = pair.world.frames_sent();
    // The middle of a batch whose beginning never came.
    pair.world.frame(0, 1, piece(goal, PIECE_BYTES, &[1]));
    pair.world.frame(0, 1, end(goal, PIECE_BYTES + 1));
    assert_eq!(pair.world.open_connections(), 1);
    let asked = pair.world.kinds_sent(1, 0, before);
    assert_eq!(asked.iter().filter(|kind| **kind == 4).count(), 1);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 0, 0, "long ").unwrap();
    });
    assert_same(&pair, goal);
}

#[test]
fn a_device_fills_its_own_area_and_no_more() {
    let (mut pair, goal) = written(0);
    let other = pair.create_with_title(0, "another");
    pair.share(0, other, 1, Role::Read);
    pair.connect();
    let garbage = vec![0xa7; PIECE_BYTES];
    // What is left of one batch makes room for the next.
    for document in [other, goal] {
        let mut at = 0;
        while at + 2 * PIECE_BYTES < STAGING_BYTES_MAX * 9 / 10 {
            pair.world.frame(0, 1, piece(document, at, &garbage));
            at += PIECE_BYTES;
            assert!(pair.world.staged_bytes(1) <= STAGING_BYTES_MAX);
        }
        assert_eq!(pair.world.open_connections(), 1);
        assert!(pair.world.staged_bytes(1) >= at);
    }
    let mut at = pair.world.staged_bytes(1);
    while pair.world.open_connections() == 1 {
        pair.world.frame(0, 1, piece(goal, at, &garbage));
        at += PIECE_BYTES;
        assert!(at <= STAGING_BYTES_MAX, "it takes more than it may");
    }
    assert_eq!(pair.world.staged_bytes(1), 0);
}

#[test]
fn all_devices_together_fill_a_part_of_the_vault_and_no_more() {
    let peers = 1..=5;
    let mut world = World::new(6);
    let mut goals = Vec::new();
    for peer in peers {
        world.pair(0, peer);
        let goal = world.create_with_title(peer, "theirs");
        world.share(peer, goal, 0, Role::Read);
        world.connect(peer, 0);
        goals.push((peer, goal));
    }
    let garbage = vec![0xa7; PIECE_BYTES];
    for (peer, goal) in &goals {
        let mut at = 0;
        while at < STAGING_BYTES_MAX * 9 / 10 {
            world.frame(*peer, 0, piece(*goal, at, &garbage));
            at += PIECE_BYTES;
        }
    }
    assert_eq!(world.open_connections(), 5);
    let staged = world.staged_bytes(0);
    assert!(staged > STAGING_BYTES_TOTAL_MAX / 2 && staged <= STAGING_BYTES_TOTAL_MAX);
    // The bound holds for a later process too.
    world.restart(0);
    let (peer, goal) = goals[4];
    world.connect(peer, 0);
    let mut at = 0;
    while at < STAGING_BYTES_MAX * 9 / 10 {
        world.frame(peer, 0, piece(goal, at, &garbage));
        at += PIECE_BYTES;
    }
    assert!(world.staged_bytes(0) <= STAGING_BYTES_TOTAL_MAX);
    assert_eq!(world.open_connections(), 1);
}

#[test]
fn a_reader_fills_nothing() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "walk");
    pair.share(0, goal, 1, Role::Read);
    pair.connect();
    pair.world.frame(1, 0, piece(goal, 0, &[0xa7; PIECE_BYTES]));
    assert_eq!(pair.world.open_connections(), 1);
    assert_eq!(pair.world.staged_bytes(0), 0);
}
