//! Stories of how many frames and bytes changes take.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::ROOT;
use automerge::transaction::Transactable;
use cairn_engine::Role;
use world::{Pair, noise};

#[test]
fn a_large_difference_travels_in_frames_below_the_limit() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "");
    pair.share(0, goal, 1, Role::Write);
    for index in 0..60 {
        let words = format!("{index} {}", "walked by the river ".repeat(100));
        pair.edit(0, goal, |tx, title| {
            tx.splice_text(title, 0, 0, &words).unwrap()
        });
    }
    pair.connect();
    assert_eq!(pair.title(1, goal), pair.title(0, goal));
    assert!(pair.world.frames_sent() > 4 && pair.world.largest_frame() <= 1 << 20);
    pair.assert_proven(goal);
}

#[test]
fn what_does_not_compress_travels_in_pieces_and_is_taken_as_one_batch() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "noise");
    pair.share(0, goal, 1, Role::Write);
    for index in 0..40 {
        pair.edit(0, goal, |tx, _| {
            tx.put(ROOT, "noise", noise(10 + index, 60_000)).unwrap()
        });
    }
    pair.connect();
    assert_eq!(pair.heads(1, goal), pair.heads(0, goal));
    let frames = pair.world.change_frames(0, 1);
    assert!(frames.iter().sum::<usize>() > 2_400_000, "{frames:?}");
    let around = 200;
    assert!(frames.iter().all(|bytes| *bytes <= 8_192 + around));
    let pieces = frames.iter().sum::<usize>().div_ceil(8_192);
    assert!(frames.len() <= pieces + 1, "{frames:?}");
    assert_eq!(pair.world.staged_bytes(1), 0);
    pair.assert_proven(goal);
}

#[test]
fn a_difference_of_many_small_changes_travels_compressed_in_two_frames() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "");
    pair.share(0, goal, 1, Role::Write);
    for _ in 0..300 {
        pair.edit(0, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "walked ").unwrap()
        });
    }
    pair.connect();
    assert_eq!(pair.heads(1, goal), pair.heads(0, goal));
    let frames = pair.world.change_frames(0, 1);
    assert!(frames.len() == 2, "{frames:?}");
    assert!(frames.iter().sum::<usize>() < 1_000, "{frames:?}");
    pair.assert_proven(goal);
}

#[test]
fn a_live_edit_takes_few_bytes_and_a_large_one_arrives_as_well() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "walk");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    let before = pair.world.change_frames(0, 1).len();
    for _ in 0..3 {
        pair.edit(0, goal, |tx, title| {
            tx.splice_text(title, 4, 0, "s").unwrap()
        });
    }
    let frames = pair.world.change_frames(0, 1);
    assert_eq!(frames.len(), before + 3);
    assert!(
        frames[before..].iter().all(|bytes| *bytes <= 260),
        "{frames:?}"
    );
    pair.edit(0, goal, |tx, _| {
        tx.put(ROOT, "noise", noise(1, 60_000)).unwrap()
    });
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 4, 0, "s").unwrap()
    });
    assert_eq!(pair.heads(1, goal), pair.heads(0, goal));
    assert_eq!(pair.title(1, goal).as_deref(), Some("walkssss"));
    pair.assert_proven(goal);
}

#[test]
fn a_document_at_its_limit_travels_and_takes_no_more_edits_on_either_side() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "noise");
    pair.share(0, goal, 1, Role::Write);
    let mut written = 0;
    while pair.try_edit(0, goal, |tx, _| {
        tx.put(ROOT, "noise", noise(10 + written, 60_000)).unwrap();
    }) {
        written += 1;
        assert!(written < 140, "8 MiB hold no more");
    }
    assert!(written > 130, "{written}");
    let heads = pair.heads(0, goal);
    pair.connect();
    assert_eq!(pair.heads(1, goal), heads);
    for side in [0, 1] {
        let more = pair.try_edit(side, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "more").unwrap();
        });
        assert!(!more);
        assert_eq!(pair.heads(side, goal), heads);
    }
}
