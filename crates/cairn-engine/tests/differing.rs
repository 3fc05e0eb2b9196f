//! Stories of two notebooks that differ in little, or in everything.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::ChangeHash;
use automerge::transaction::Transactable;
use cairn_engine::{DocumentId, Event, Role};
use world::{Pair, World};

const HEADS: u8 = 4;
const CHANGES: u8 = 5;
const ACKNOWLEDGEMENT: u8 = 6;
const SYNCED: u8 = 8;
const CREDIT: u8 = 9;

/// As many letters as one change may bring in text, or nearly, of which none follows from those
/// before: it does not compress to much less than its size.
fn long_title(index: usize) -> String {
    let mut state = (index as u64 + 1) << 32;
    let mut letter = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        char::from_u32(0x4e00 + (state >> 52) as u32).unwrap()
    };
    (0..9_000).map(|_| letter()).collect()
}

fn shared_goals(pair: &mut Pair, count: usize) -> Vec<DocumentId> {
    let goals: Vec<DocumentId> = (0..count)
        .map(|index| pair.create_with_title(0, &format!("goal {index}")))
        .collect();
    for goal in &goals {
        pair.share(0, *goal, 1, Role::Write);
    }
    goals
}

fn heads(pair: &Pair, side: usize, goal: DocumentId) -> Vec<ChangeHash> {
    pair.world.engine(side).heads(goal)
}

fn append(pair: &mut Pair, side: usize, goal: DocumentId, letter: &str) {
    pair.world.open(side, goal);
    pair.edit(side, goal, |tx, title| {
        tx.splice_text(title, 0, 0, letter).unwrap();
    });
}

#[test]
fn few_of_many_documents_cost_bytes_for_the_few() {
    let mut pair = Pair::new();
    let goals = shared_goals(&mut pair, 300);
    pair.connect();
    pair.disconnect();
    for (index, goal) in goals.iter().step_by(30).enumerate() {
        append(&mut pair, index % 2, *goal, "x");
    }
    pair.world.restart(0);
    pair.world.restart(1);
    let before = pair.world.bytes_sent();
    pair.world.take_events(0);
    pair.world.take_events(1);
    pair.connect();
    // Nobody takes the exchange for over while documents are read from the vault.
    assert_eq!([0, 1].map(|side| pair.world.settled(side).len()), [1, 1]);
    for goal in &goals {
        assert_eq!(heads(&pair, 0, *goal), heads(&pair, 1, *goal));
    }
    for side in 0..2 {
        assert_eq!(pair.world.engine(side).counters().documents_loaded, 10);
    }
    let bytes = pair.world.bytes_sent() - before;
    assert!(bytes < 12_000, "{bytes} bytes for ten documents");
}

#[test]
fn an_empty_notebook_is_given_everything_in_one_trip() {
    for empty_dials in [false, true] {
        let mut pair = Pair::new();
        let goals = shared_goals(&mut pair, 40);
        let (dialler, listener) = if empty_dials { (1, 0) } else { (0, 1) };
        pair.world.connect(dialler, listener);
        for goal in goals {
            assert_eq!(heads(&pair, 0, goal), heads(&pair, 1, goal));
        }
        // Nobody has to ask for what an empty notebook lacks.
        for side in 0..2 {
            assert_eq!(pair.world.sent_of_kind(side, HEADS).count(), 0);
        }
        // It is not told that this is all before it has all.
        let said: Vec<u8> = pair.world.kinds_sent(0, 1, 0);
        let changes = said.iter().rposition(|kind| *kind == CHANGES);
        assert!(changes < said.iter().position(|kind| *kind == SYNCED));
    }
}

#[test]
fn histories_that_went_apart_meet_without_going_far_beyond_the_difference() {
    let mut pair = Pair::new();
    let goal = shared_goals(&mut pair, 1)[0];
    for _ in 0..200 {
        append(&mut pair, 0, goal, "a");
    }
    pair.connect();
    pair.disconnect();
    let before = [0, 1].map(|side| pair.world.engine(side).counters().changes_sent);
    for _ in 0..20 {
        append(&mut pair, 0, goal, "b");
        append(&mut pair, 1, goal, "c");
    }
    pair.connect();
    assert_eq!(heads(&pair, 0, goal), heads(&pair, 1, goal));
    pair.assert_proven(goal);
    for (side, before) in before.into_iter().enumerate() {
        let sent = pair.world.engine(side).counters().changes_sent - before;
        assert!((20..=40).contains(&sent), "{sent} changes for twenty");
    }
}

#[test]
fn what_is_written_after_every_kind_of_meeting_is_pushed_at_once() {
    // Equal, ahead, behind, gone apart, and new: whatever was found, later edits flow both ways.
    for (mine, theirs) in [(0, 0), (3, 0), (0, 3), (3, 3)] {
        for dialler in 0..2 {
            let mut pair = Pair::new();
            let goal = shared_goals(&mut pair, 1)[0];
            pair.connect();
            pair.disconnect();
            for _ in 0..mine {
                append(&mut pair, 0, goal, "m");
            }
            for _ in 0..theirs {
                append(&mut pair, 1, goal, "t");
            }
            pair.world.connect(dialler, 1 - dialler);
            for side in 0..2 {
                pair.world.take_events(side);
                append(&mut pair, side, goal, "live");
                assert_eq!(heads(&pair, 0, goal), heads(&pair, 1, goal));
                let events = pair.world.take_events(side);
                let delivered = events
                    .iter()
                    .any(|event| matches!(event, Event::Delivered { .. }));
                assert!(delivered, "{mine} {theirs} {dialler} {side}");
            }
        }
    }
}

#[test]
fn a_document_that_changes_while_sets_are_compared_is_not_forgotten() {
    let mut pair = Pair::new();
    let goals = shared_goals(&mut pair, 100);
    pair.connect();
    pair.disconnect();
    append(&mut pair, 0, goals[0], "x");
    pair.world.open(0, goals[50]);
    pair.world.open(1, goals[60]);
    pair.world.wire(1, 0);
    // Both have said what they share, and neither has heard it yet.
    for (side, goal) in [(0, goals[50]), (1, goals[60])] {
        let edited = pair.world.edit_unsent(side, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "y").unwrap();
        });
        assert!(edited);
    }
    pair.world.run();
    for goal in goals {
        assert_eq!(heads(&pair, 0, goal), heads(&pair, 1, goal));
    }
}

#[test]
fn a_peer_is_sent_no_more_than_it_says_to_have_gone_through() {
    let mut pair = Pair::new();
    let goals: Vec<DocumentId> = (0..150)
        .map(|index| pair.create_with_title(0, &long_title(index)))
        .collect();
    for goal in &goals {
        pair.share(0, *goal, 1, Role::Read);
    }
    pair.world.lose(CREDIT);
    pair.connect();
    let frames = pair.world.sent_of_kind(0, CHANGES);
    let sent: Vec<usize> = frames.map(<[u8]>::len).collect();
    let (total, largest) = (sent.iter().sum::<usize>(), sent.iter().max().unwrap());
    assert!(sent.len() < goals.len(), "not all of them fit");
    // As long as nothing is known of the line.
    let window = 256 << 10;
    assert!(total < window + largest, "{total}");
    assert!(total >= window, "{total}");
}

#[test]
fn the_document_somebody_looks_at_comes_first() {
    let mut pair = Pair::new();
    let goals = shared_goals(&mut pair, 60);
    pair.connect();
    pair.disconnect();
    for goal in &goals {
        append(&mut pair, 0, *goal, "x");
    }
    pair.world.focus(0, goals[33]);
    pair.world.focus(1, goals[33]);
    pair.connect();
    let first = pair.world.sent_of_kind(0, HEADS).next().unwrap();
    assert_eq!(&first[1..17], goals[33].as_bytes());
    for goal in goals {
        assert_eq!(heads(&pair, 0, goal), heads(&pair, 1, goal));
    }
}

#[test]
fn a_burst_of_edits_is_gathered() {
    let mut pair = Pair::new();
    let goal = shared_goals(&mut pair, 1)[0];
    pair.connect();
    let before = pair.world.sent_of_kind(0, CHANGES).count();
    for _ in 0..600 {
        pair.world.edit_unsent(0, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "x").unwrap();
        });
    }
    pair.world.run();
    assert_eq!(heads(&pair, 0, goal), heads(&pair, 1, goal));
    assert_eq!(pair.title(1, goal).unwrap().matches('x').count(), 600);
    let frames = pair.world.sent_of_kind(0, CHANGES).count() - before;
    assert!(frames < 300, "{frames} frames");
    assert!(!pair.world.settled(0).is_empty() && !pair.world.settled(1).is_empty());
}

#[test]
fn a_document_made_at_any_moment_of_a_meeting_reaches_the_other_side() {
    let mut moments = 0;
    loop {
        let mut world = World::new(1);
        let other = world.add_device(0);
        world.connect(0, other);
        world.create_with_title(0, "a");
        world.disconnect_all();
        world.create_with_title(other, "b");
        // It becomes durable when all is compared.
        world.hold_storage(0, true);
        world.wire(0, other);
        let went_on = world.run_some(moments, 0);
        let new = world.create_with_title(0, "c");
        world.hold_storage(0, false);
        world.run();
        assert_eq!(world.title(other, new).as_deref(), Some("c"), "{moments}");
        world.write(0, new, "d");
        assert_eq!(world.title(other, new).as_deref(), Some("dc"), "{moments}");
        if !went_on {
            break;
        }
        moments += 1;
    }
    assert!(moments > 10, "{moments}");
}

#[test]
fn a_document_first_heard_of_at_any_moment_of_a_meeting_is_passed_on() {
    let mut moments = 0;
    loop {
        let mut world = World::new(1);
        let (one, other) = (world.add_device(0), world.add_device(0));
        for (from, to) in [(0, one), (0, other), (one, other)] {
            world.connect(from, to);
        }
        world.disconnect_all();
        world.create_with_title(other, "b");
        world.connect(0, one);
        world.hold_storage(one, true);
        world.wire(one, other);
        let went_on = world.run_some(moments, one);
        let new = world.create_with_title(0, "c");
        world.hold_storage(one, false);
        world.run();
        assert_eq!(world.title(other, new).as_deref(), Some("c"), "{moments}");
        if !went_on {
            break;
        }
        moments += 1;
    }
    assert!(moments > 10, "{moments}");
}

#[test]
fn heads_that_a_peer_names_it_has_durably_whatever_became_of_an_acknowledgement() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(1, "a");
    pair.share(1, goal, 0, Role::Write);
    pair.connect();
    pair.world.lose(ACKNOWLEDGEMENT);
    append(&mut pair, 0, goal, "b");
    pair.world.lose_nothing();
    pair.world.take_events(0);
    // The owner's side asks again when consent changes, and names what it has.
    pair.share(1, goal, 0, Role::Read);
    assert_eq!(heads(&pair, 0, goal), heads(&pair, 1, goal));
    assert!(!pair.world.settled(0).is_empty());
}
