//! Stories of two and three engines on virtual time.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::transaction::Transactable;
use automerge::{ROOT, ReadDoc};
use cairn_engine::{Event, PastError, Refusal, Role};
use world::{Pair, World, text};

#[test]
fn a_shared_document_reaches_the_other_device_and_nothing_else_does() {
    let mut pair = Pair::new();
    let shared = pair.create_with_title(0, "shared");
    let private = pair.create_with_title(0, "private");
    pair.share(0, shared, 1, Role::Write);
    pair.connect();
    assert_eq!(pair.title(1, shared).as_deref(), Some("shared"));
    assert_eq!(pair.title(1, private), None);
    assert_eq!(pair.heads(0, shared), pair.heads(1, shared));
    // The positive control makes the search below mean something.
    assert!(pair.world.said_about(0, 1, shared));
    assert!(!pair.world.said_about(0, 1, private));
}

#[test]
fn edits_made_apart_meet_and_are_proven_on_both_sides() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "Walk to the park");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 12, 4, "lake").unwrap()
    });
    pair.edit(1, goal, |tx, title| {
        tx.splice_text(title, 0, 4, "Stroll").unwrap()
    });
    pair.connect();
    assert_eq!(pair.title(0, goal).as_deref(), Some("Stroll to the lake"));
    assert_eq!(pair.title(1, goal), pair.title(0, goal));
    pair.assert_proven(goal);
}

#[test]
fn the_past_tells_what_changed_since_and_shows_the_goal_as_it_was() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "Walk");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    let met = pair.heads(0, goal);
    pair.edit(1, goal, |tx, title| {
        tx.splice_text(title, 4, 0, " far").unwrap()
    });
    let past = pair.world.engine(0).past(goal).unwrap();
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 0, 4, "Run").unwrap()
    });

    let since = past.changed_since(&met);
    let all = pair.world.engine(0).history(goal, 0).unwrap();
    assert_eq!(since.len(), 1, "later edits do not show in a snapshot");
    assert_eq!(since[0], all[all.len() - 2]);
    assert!(since[0].proven);
    assert_ne!(since[0].person, all[0].person);
    assert!(past.changed_since(past.heads()).is_empty());

    let title_of = |past: &cairn_engine::Past, heads: &[automerge::ChangeHash]| {
        let document = past.as_of(heads).unwrap();
        let (_, title) = document.get(ROOT, "title").unwrap().unwrap();
        document.text(&title).unwrap()
    };
    assert_eq!(title_of(&past, &met), "Walk");
    assert_eq!(title_of(&past, past.heads()), "Walk far");
    assert_eq!(past.newest().get_heads(), past.heads());
    assert_eq!(pair.title(0, goal).as_deref(), Some("Run far"));

    // A head from after the snapshot is not in it.
    let later = pair.heads(0, goal);
    assert_eq!(past.as_of(&later).unwrap_err(), PastError::UnknownHead);
}

#[test]
fn the_heads_of_a_moment_hold_all_that_was_written_until_then() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "Walk");
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 4, 0, " far").unwrap()
    });
    let past = pair.world.engine(0).past(goal).unwrap();
    let times: Vec<i64> = past
        .changed_since(&[])
        .iter()
        .map(|entry| entry.at_seconds)
        .collect();
    let first = times.iter().min().unwrap();
    let last = times.iter().max().unwrap();
    assert_eq!(past.heads_at(*last), past.heads());
    assert!(past.heads_at(first - 1).is_empty());
    assert!(past.as_of(&[]).unwrap().is_empty());
}

#[test]
fn a_moment_takes_clocks_at_their_word_and_never_tears_a_change_from_what_it_builds_on() {
    const DAY: i64 = 86_400;
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    let made = pair.world.engine(0).history(goal, 0).unwrap()[0].at_seconds;
    let at = |day: i64| (made + day * DAY) * 1000;
    let append = |pair: &mut Pair, side, day, letter: &'static str| {
        let edited = pair.world.try_edit_at(side, goal, at(day), |tx, title| {
            let end = tx.length(title);
            tx.splice_text(title, end, 0, letter).unwrap();
        });
        assert!(edited);
    };
    // Apart: one writes on days 1 and 3; the other, whose clock is ahead, on day 9, then day 2.
    append(&mut pair, 0, 1, "b");
    append(&mut pair, 0, 3, "c");
    append(&mut pair, 1, 9, "x");
    append(&mut pair, 1, 2, "y");
    pair.connect();
    append(&mut pair, 0, 20, "z");

    let past = pair.world.engine(0).past(goal).unwrap();
    let letters = |day: i64| {
        let heads = past.heads_at(made + day * DAY);
        assert!(past.holds(&heads));
        let document = past.as_of(&heads).unwrap();
        assert_eq!(document.get_heads(), heads, "day {day}");
        let since = past.changed_since(&heads).len();
        let title = document.get(ROOT, "title").unwrap();
        let text = title.map_or_else(String::new, |(_, id)| document.text(&id).unwrap());
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        (letters.iter().collect::<String>(), heads.len(), since)
    };
    let check = |day, text: &str, heads, since| {
        assert_eq!(letters(day), (text.to_owned(), heads, since), "day {day}");
    };
    check(-1, "", 0, 6);
    check(0, "a", 1, 5);
    check(1, "ab", 1, 4);
    // What was written on day 2 builds on what claims to be from day 9.
    check(2, "abxy", 2, 2);
    check(3, "abcxy", 2, 1);
    check(9, "abcxy", 2, 1);
    check(20, "abcxyz", 1, 0);
    assert!(!past.holds(&[automerge::ChangeHash([7; 32])]));
}

#[test]
fn a_live_edit_is_pushed_acknowledged_after_storage_and_reported_once() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.world.take_events(0);
    pair.world.hold_storage(1, true);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    assert_eq!(pair.title(1, goal).as_deref(), Some("ab"));
    let delivered = |events: &[Event]| {
        events
            .iter()
            .filter(|event| matches!(event, Event::Delivered { .. }))
            .count()
    };
    assert_eq!(delivered(&pair.world.take_events(0)), 0);
    pair.world.hold_storage(1, false);
    pair.world.run();
    assert_eq!(delivered(&pair.world.take_events(0)), 1);
}

#[test]
fn equal_notebooks_say_one_hello_each_and_load_nothing() {
    let mut pair = Pair::new();
    for index in 0..20 {
        let goal = pair.create_with_title(0, &format!("goal {index}"));
        pair.share(0, goal, 1, Role::Write);
    }
    pair.connect();
    pair.disconnect();
    pair.world.restart(0);
    pair.world.restart(1);
    let before = pair.world.frames_sent();
    pair.connect();
    assert_eq!(pair.world.frames_sent() - before, 2);
    assert_eq!(pair.world.engine(0).counters().documents_loaded, 0);
    assert_eq!(pair.world.engine(1).counters().documents_loaded, 0);
    assert!(
        pair.world
            .take_events(0)
            .iter()
            .any(|event| matches!(event, Event::Settled { .. }))
    );
}

#[test]
fn an_edit_right_after_an_equal_hello_still_arrives() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    pair.world.restart(0);
    pair.connect();
    pair.world.open(0, goal);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    pair.edit(1, goal, |tx, title| {
        tx.splice_text(title, 0, 0, "c").unwrap()
    });
    assert_eq!(pair.title(0, goal).as_deref(), Some("cab"));
    assert_eq!(pair.title(1, goal).as_deref(), Some("cab"));
}

#[test]
fn sharing_and_taking_back_while_connected_take_effect_at_once_and_are_receipted() {
    let mut pair = Pair::new();
    pair.connect();
    let goal = pair.create_with_title(0, "a");
    assert_eq!(pair.title(1, goal), None);
    pair.share(0, goal, 1, Role::Write);
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
    pair.share(0, goal, 1, Role::None);
    let lines = pair.world.engine(0).consent(goal);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.receipt_millis.is_some()));
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
    assert!(!pair.try_edit(1, goal, |tx, title| {
        tx.splice_text(title, 0, 0, "x").unwrap()
    }));
    // Consent given again brings what was missed.
    pair.share(0, goal, 1, Role::Read);
    assert_eq!(pair.title(1, goal).as_deref(), Some("ab"));
}

#[test]
fn a_revocation_made_offline_reaches_the_grantee_at_the_next_meeting() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    pair.share(0, goal, 1, Role::None);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    pair.connect();
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
    assert_eq!(
        pair.world.engine(1).role(goal, pair.world.person(1)),
        Role::None
    );
    let lines = pair.world.engine(0).consent(goal);
    assert!(
        lines.iter().all(|line| line.receipt_millis.is_some()),
        "{lines:?}"
    );
    assert!(!pair.world.settled(0).is_empty() && !pair.world.settled(1).is_empty());
}

#[test]
fn changes_made_after_an_unseen_revocation_are_refused_and_nobody_loops() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    pair.share(0, goal, 1, Role::Read);
    pair.edit(1, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    pair.connect();
    assert_eq!(pair.title(0, goal).as_deref(), Some("a"));
    let refused = pair
        .world
        .take_events(0)
        .into_iter()
        .find_map(|event| match event {
            Event::Refused { changes, .. } => Some(changes),
            _ => None,
        });
    assert_eq!(
        refused.map(|changes| changes[0].1),
        Some(Refusal::NotAllowed)
    );
    assert!(
        pair.world
            .take_events(1)
            .iter()
            .any(|event| matches!(event, Event::RefusedByPeer { .. }))
    );
}

#[test]
fn refused_words_are_set_aside_and_what_is_written_later_arrives() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    pair.share(0, goal, 1, Role::Read);
    for letter in ["b", "c"] {
        pair.edit(1, goal, |tx, title| {
            tx.splice_text(title, 1, 0, letter).unwrap();
        });
    }
    pair.connect();
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
    assert_eq!(pair.world.engine(1).set_aside(goal).len(), 2);
    assert_eq!(
        pair.world.engine(0).heads(goal),
        pair.world.engine(1).heads(goal)
    );
    pair.disconnect();
    pair.world.restart(1);
    pair.world.open(1, goal);
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
    assert_eq!(pair.world.engine(1).set_aside(goal).len(), 2);

    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.edit(1, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "d").unwrap();
    });
    assert_eq!(pair.title(0, goal).as_deref(), Some("ad"));
    assert_eq!(
        pair.world.engine(0).heads(goal),
        pair.world.engine(1).heads(goal)
    );
    pair.world.assert_proven(0, goal);
    pair.world.assert_proven(1, goal);
}

#[test]
fn a_refusal_by_one_who_is_no_judge_sets_nothing_aside() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.edit(1, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap();
    });
    // The owner hears that the grantee refuses the owner's own change.
    let own = pair.world.engine(0).heads(goal);
    pair.world.refuse(1, 0, goal, &own);
    assert_eq!(pair.title(0, goal).as_deref(), Some("ab"));
    assert!(pair.world.engine(0).set_aside(goal).is_empty());
    // The grantee hears that the owner refuses what the owner took and built on.
    let taken = pair.world.engine(1).heads(goal);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 2, 0, "c").unwrap();
    });
    pair.world.refuse(0, 1, goal, &taken);
    assert_eq!(pair.title(1, goal).as_deref(), Some("abc"));
    assert!(pair.world.engine(1).set_aside(goal).is_empty());
}

#[test]
fn consent_for_a_time_ends_with_it() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.world.share_for(0, goal, 1, Role::Write, Some(60_000));
    pair.connect();
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
    pair.disconnect();
    pair.world.wait(120_000);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap();
    });
    pair.connect();
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
    let grantee = pair.world.person(1);
    assert_eq!(pair.world.engine(1).role(goal, grantee), Role::None);
}

#[test]
fn a_restart_uses_a_fresh_actor_and_loses_nothing() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    for round in 0..4 {
        pair.connect();
        pair.disconnect();
        let side = round % 2;
        pair.world.restart(side);
        pair.world.open(side, goal);
        pair.edit(side, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "x").unwrap()
        });
    }
    pair.connect();
    assert_eq!(pair.title(0, goal).as_deref(), Some("xxxxa"));
    assert_eq!(pair.title(1, goal).as_deref(), Some("xxxxa"));
    pair.assert_proven(goal);
}

#[test]
fn what_was_sent_before_a_crash_that_lost_it_comes_back() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.world.hold_storage(0, true);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    assert_eq!(pair.title(1, goal).as_deref(), Some("ab"));
    pair.world.crash(0);
    assert_eq!(pair.world.stored_title(0, goal).as_deref(), Some("a"));
    pair.world.hold_storage(0, false);
    pair.connect();
    pair.world.open(0, goal);
    assert_eq!(pair.title(0, goal).as_deref(), Some("ab"));
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 2, 0, "c").unwrap()
    });
    assert_eq!(pair.title(1, goal).as_deref(), Some("abc"));
    pair.assert_proven(goal);
}

#[test]
fn a_third_person_gets_the_others_words_from_the_owner_with_proof() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (0, 2)] {
        world.pair(one, other);
    }
    let goal = world.create_with_title(0, "a");
    world.share(0, goal, 1, Role::Write);
    world.share(0, goal, 2, Role::Read);
    world.connect(0, 1);
    world.connect(0, 2);
    world.run();
    world.edit(1, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    assert_eq!(world.title(0, goal).as_deref(), Some("ab"));
    assert_eq!(world.title(2, goal).as_deref(), Some("ab"));
    world.assert_proven(2, goal);
    assert!(!world.knows_each_other(1, 2));
}

#[test]
fn simultaneous_dials_leave_one_session() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.world.dial_both_ways(0, 1);
    pair.world.run();
    assert_eq!(pair.world.open_connections(), 1);
    assert_eq!(pair.title(1, goal).as_deref(), Some("a"));
}

#[test]
fn an_edit_that_is_too_large_changes_nothing() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    let huge = "x".repeat(300_000);
    assert!(!pair.try_edit(0, goal, |tx, title| {
        tx.splice_text(title, 0, 0, &huge).unwrap()
    }));
    assert!(!pair.try_edit(0, goal, |tx, _| tx.put(ROOT, "big", huge.as_str()).unwrap()));
    assert_eq!(pair.title(0, goal).as_deref(), Some("a"));
    let engine = pair.world.engine(0);
    assert!(
        engine
            .read(goal)
            .unwrap()
            .get(ROOT, "big")
            .unwrap()
            .is_none()
    );
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap()
    });
    assert_eq!(text(pair.world.engine(0), goal).as_deref(), Some("ab"));
}

#[test]
fn taking_back_what_was_never_given_says_nothing() {
    let mut pair = Pair::new();
    let private = pair.create_with_title(0, "private");
    pair.share(0, private, 1, Role::None);
    pair.connect();
    pair.share(0, private, 1, Role::None);
    assert!(!pair.world.said_about(0, 1, private));
    assert!(pair.world.engine(0).consent(private).is_empty());
}

#[test]
fn consent_that_a_crash_of_the_owner_lost_comes_back_from_the_grantee() {
    let mut pair = Pair::new();
    let old = pair.create_with_title(0, "old");
    pair.connect();
    pair.world.hold_storage(0, true);
    pair.share(0, old, 1, Role::Read);
    let new = pair.create_with_title(0, "new");
    pair.share(0, new, 1, Role::Write);
    pair.share(0, old, 1, Role::None);
    assert_eq!(pair.title(1, new).as_deref(), Some("new"));
    pair.world.crash(0);
    pair.world.hold_storage(0, false);
    assert!(pair.world.engine(0).consent(old).is_empty());
    assert_eq!(pair.title(0, new), None);
    pair.connect();
    let grantee = pair.world.person(1);
    assert_eq!(pair.world.engine(0).consent(old).len(), 2);
    assert_eq!(pair.world.engine(0).role(old, grantee), Role::None);
    assert_eq!(pair.world.engine(0).role(new, grantee), Role::Write);
    assert_eq!(pair.title(0, new).as_deref(), Some("new"));
    // Receipts are equal on both sides too, so that the next meeting is one hello each.
    pair.disconnect();
    let before = pair.world.frames_sent();
    pair.connect();
    assert_eq!(pair.world.frames_sent() - before, 2);
}

#[test]
fn a_reader_who_joins_later_learns_at_once_who_the_writers_are() {
    let mut world = World::new(3);
    for (one, other) in [(0, 1), (0, 2)] {
        world.pair(one, other);
        world.connect(one, other);
    }
    for index in 0..12 {
        let goal = world.create_with_title(0, &format!("{index}"));
        world.share(0, goal, 1, Role::Write);
        world.edit(1, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "x").unwrap();
        });
        world.share(0, goal, 2, Role::Read);
        assert_eq!(world.title(2, goal), Some(format!("x{index}")));
    }
}

#[test]
fn a_change_of_role_comes_to_rest_on_both_sides() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.connect();
    for role in [Role::Write, Role::Read, Role::Write] {
        pair.world.take_events(0);
        pair.share(0, goal, 1, role);
        assert!(!pair.world.settled(0).is_empty(), "{role:?}");
    }
    pair.world.take_events(1);
    pair.edit(1, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap();
    });
    assert!(!pair.world.settled(1).is_empty());
}

#[test]
fn an_edit_that_is_delivered_before_it_is_saved_here_comes_to_rest() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "a");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.world.hold_storage(0, true);
    pair.world.take_events(0);
    pair.edit(0, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap();
    });
    assert!(!pair.world.settled(0).is_empty());
}

#[test]
fn an_owner_who_forgot_a_reader_tells_them_what_was_decided_since() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "a");
    world.connect(0, 1);
    world.hold_storage(0, true);
    world.share(0, goal, 1, Role::Read);
    world.crash(0);
    world.hold_storage(0, false);
    // The reader needs the card of this writer, and the owner does not know of the reader.
    world.share(0, goal, 2, Role::Write);
    world.connect(0, 2);
    world.edit(2, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap();
    });
    world.connect(0, 1);
    assert_eq!(world.title(1, goal).as_deref(), Some("ab"));
    world.disconnect_all();
    let before = world.frames_sent();
    world.connect(0, 1);
    assert_eq!(world.frames_sent() - before, 2);
}

#[test]
fn a_writer_whose_grant_a_crash_lost_is_introduced_to_the_readers_again() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "a");
    world.share(0, goal, 1, Role::Read);
    world.connect(0, 2);
    world.hold_storage(0, true);
    world.share(0, goal, 2, Role::Write);
    world.crash(0);
    world.hold_storage(0, false);
    world.connect(0, 1);
    world.connect(0, 2);
    world.edit(2, goal, |tx, title| {
        tx.splice_text(title, 1, 0, "b").unwrap();
    });
    assert_eq!(world.title(1, goal).as_deref(), Some("ab"));
    world.assert_proven(1, goal);
}
