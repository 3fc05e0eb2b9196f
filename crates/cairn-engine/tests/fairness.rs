//! Stories of documents that one side asks for and the other has nothing to say of.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::transaction::Transactable;
use cairn_engine::{DocumentId, Event, Role};
use world::Pair;

const HEADS: u8 = 4;
const NOTHING: u8 = 11;
/// How many documents are asked for at a time.
const ASKED_MAX: usize = 16;

/// Documents that both have, and of which the first side has written more since.
fn differing(count: usize) -> (Pair, Vec<DocumentId>) {
    let mut pair = Pair::new();
    let mut goals: Vec<DocumentId> = (0..count)
        .map(|index| pair.create_with_title(0, &format!("{index}")))
        .collect();
    for goal in &goals {
        pair.share(0, *goal, 1, Role::Write);
    }
    pair.connect();
    pair.disconnect();
    for goal in &goals {
        pair.edit(0, *goal, |tx, title| {
            tx.splice_text(title, 0, 0, "more ").unwrap();
        });
    }
    // In the order in which they are asked for.
    goals.sort();
    (pair, goals)
}

fn arrived(pair: &mut Pair, goal: DocumentId) -> bool {
    pair.world.open(1, goal);
    pair.title(1, goal).unwrap().starts_with("more ")
}

#[test]
fn damaged_documents_do_not_hold_up_those_behind_them() {
    let (mut pair, goals) = differing(25);
    let (damaged, sound) = goals.split_at(20);
    for goal in damaged {
        pair.world.damage(0, *goal);
    }
    pair.world.restart(0);
    pair.world.take_events(0);
    pair.world.take_events(1);
    pair.connect();
    let events = pair.world.take_events(0).into_iter();
    let told = |event: &Event| matches!(event, Event::Damaged { .. });
    assert_eq!(events.filter(told).count(), damaged.len());
    for goal in sound {
        assert!(arrived(&mut pair, *goal));
    }
    for goal in damaged {
        assert!(!arrived(&mut pair, *goal));
    }
    // It comes to rest, and each was asked for once.
    assert!(!pair.world.settled(1).is_empty());
    let answers: Vec<&[u8]> = pair.world.sent_of_kind(0, NOTHING).collect();
    assert_eq!(answers.len(), damaged.len());
}

fn nothing(goal: DocumentId, question: u8) -> Vec<u8> {
    [[NOTHING].as_slice(), goal.as_bytes(), &[question]].concat()
}

#[test]
fn a_peer_that_has_nothing_to_say_of_anything_is_asked_once_for_each() {
    let (mut pair, goals) = differing(40);
    pair.world.lose(HEADS);
    pair.connect();
    pair.world.take_events(1);
    let before = pair.world.frames_sent();
    for question in 0..3 * goals.len() as u8 {
        for goal in &goals {
            pair.world.frame(0, 1, nothing(*goal, question));
        }
    }
    assert_eq!(pair.world.open_connections(), 1);
    // Questions are lost on the way; beside them little was said.
    assert!(pair.world.frames_sent() - before < goals.len());
    pair.world.lose_nothing();
    let goal = pair.create_with_title(0, "new");
    pair.share(0, goal, 1, Role::Read);
    assert_eq!(pair.title(1, goal).as_deref(), Some("new"));
    pair.disconnect();
    pair.connect();
    for goal in goals {
        assert!(arrived(&mut pair, goal));
    }
}

#[test]
fn nothing_is_said_of_what_was_not_asked_for_and_means_nothing() {
    let (mut pair, goals) = differing(3);
    pair.connect();
    let before = pair.world.frames_sent();
    for goal in [goals[0], DocumentId::from_bytes([9; 16])] {
        pair.world.frame(0, 1, nothing(goal, 1));
    }
    assert_eq!(pair.world.frames_sent(), before);
    pair.edit(0, goals[0], |tx, title| {
        tx.splice_text(title, 0, 0, "more and ").unwrap();
    });
    assert!(arrived(&mut pair, goals[0]));
}

#[test]
fn questions_that_nobody_answers_make_room_for_others_after_a_while() {
    let (mut pair, goals) = differing(ASKED_MAX + 10);
    pair.world.lose(HEADS);
    pair.connect();
    pair.world.lose_nothing();
    pair.world.pass(9_000);
    assert!(!goals.iter().any(|goal| arrived(&mut pair, *goal)));
    pair.world.pass(2_000);
    let (lost, others) = goals.split_at(ASKED_MAX);
    for goal in others {
        assert!(arrived(&mut pair, *goal));
    }
    for goal in lost {
        assert!(!arrived(&mut pair, *goal));
    }
    pair.disconnect();
    pair.connect();
    for goal in lost {
        assert!(arrived(&mut pair, *goal));
    }
}

#[test]
fn a_question_for_what_must_not_flow_is_answered_like_one_for_what_does_not_exist() {
    let (mut pair, goals) = differing(1);
    let private = pair.create_with_title(0, "private");
    let taken_back = goals[0];
    pair.share(0, taken_back, 1, Role::None);
    pair.connect();
    let unknown = DocumentId::from_bytes([9; 16]);
    for goal in [private, taken_back, unknown] {
        let before = pair.world.sent_of_kind(0, NOTHING).count();
        let no_heads_and_no_samples = [0, 0, 1, 77, 0, 0];
        let asks = [
            [HEADS].as_slice(),
            goal.as_bytes(),
            &no_heads_and_no_samples,
        ]
        .concat();
        pair.world.frame(1, 0, asks);
        let answers: Vec<&[u8]> = pair.world.sent_of_kind(0, NOTHING).skip(before).collect();
        assert_eq!(answers, [nothing(goal, 77).as_slice()]);
    }
}
