//! Stories of questions for heads that cross, and of answers to others than those that were asked.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::ChangeHash;
use cairn_engine::{DocumentId, Event, Role};
use world::Pair;

const HEADS: u8 = 4;
const NOTHING: u8 = 11;

/// What a message of heads says: the document, heads, samples, the number of the question that it
/// asks, to which question it is the answer and whether all of its heads are there, what is staged.
type Body = (
    DocumentId,
    Vec<[u8; 32]>,
    Vec<[u8; 32]>,
    Option<u64>,
    Option<(u64, u8)>,
    Option<(Vec<u8>, u64)>,
);

fn body(frame: &[u8]) -> Body {
    postcard::from_bytes(&frame[1..]).unwrap()
}

fn frame(kind: u8, body: &impl serde::Serialize) -> Vec<u8> {
    [vec![kind], postcard::to_allocvec(body).unwrap()].concat()
}

/// An answer that names a head which nobody has seen, and says that those of the question are there
/// durably.
fn answer(goal: DocumentId, question: u64) -> Vec<u8> {
    let body: Body = (goal, vec![[7; 32]], vec![], None, Some((question, 2)), None);
    frame(HEADS, &body)
}

fn question(goal: DocumentId, heads: &[ChangeHash], question: u64) -> Vec<u8> {
    let heads = heads.iter().map(|head| head.0).collect();
    let body: Body = (goal, heads, vec![], Some(question), None, None);
    frame(HEADS, &body)
}

/// A goal that two notebooks have, and that the other one has written in since they met.
fn gone_on_at_the_other() -> (Pair, DocumentId) {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    pair.world.write(1, goal, "theirs ");
    pair.world.open(0, goal);
    pair.world.take_events(0);
    (pair, goal)
}

/// Whether the first side is told now that all it has is delivered.
fn is_told_of_delivery(pair: &mut Pair, goal: DocumentId) -> bool {
    let all = pair.world.engine(0).heads(goal);
    let events = pair.world.take_events(0);
    let mut events = events.iter();
    events.any(|event| matches!(event, Event::Delivered { heads, .. } if *heads == all))
}

#[test]
fn what_becomes_durable_while_questions_cross_is_delivered_when_it_is_there() {
    for dialler in 0..2 {
        let mut moments = 0;
        loop {
            let (mut pair, goal) = gone_on_at_the_other();
            for side in 0..2 {
                pair.world.hold_storage(side, true);
            }
            pair.world.write(1, goal, "and more of ");
            pair.world.write(0, goal, "mine ");
            pair.world.wire(dialler, 1 - dialler);
            // It becomes durable while they compare what they have, so that both ask.
            pair.world.hold_storage(1, false);
            pair.world.write_all(1);
            let went_on = (0..moments).all(|_| pair.world.step());
            // What this side asked until now does not name it; what it asks from now on does.
            pair.world.hold_storage(0, false);
            pair.world.write_all(0);
            let mut delivered = false;
            while pair.world.step() {
                if is_told_of_delivery(&mut pair, goal) {
                    assert!(pair.world.stores(1, goal, "mine "), "{dialler} {moments}");
                    delivered = true;
                }
            }
            assert!(delivered, "{dialler} {moments}");
            assert_eq!(pair.title(0, goal), pair.title(1, goal));
            if !went_on {
                assert!(moments > 10, "{moments}");
                break;
            }
            moments += 1;
        }
    }
}

#[test]
fn questions_that_cross_are_answered_with_samples_and_nobody_asks_again() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    let before = [0, 1].map(|side| pair.world.sent_of_kind(side, HEADS).count());
    for side in 0..2 {
        pair.world.hold_storage(side, true);
    }
    pair.world.write(0, goal, "my ");
    pair.world.write(1, goal, "your ");
    pair.world.wire(0, 1);
    // The two were equal when they said hello.
    for side in 0..2 {
        pair.world.hold_storage(side, false);
        pair.world.write_all(side);
    }
    pair.world.run();
    assert_eq!(pair.heads(0, goal), pair.heads(1, goal));
    for side in 0..2 {
        let said: Vec<Body> = pair.world.sent_of_kind(side, HEADS).map(body).collect();
        let [question, answer] = &said[before[side]..] else {
            panic!("a question and an answer of each: {said:?}");
        };
        assert_eq!((question.3, question.4), (Some(1), None));
        assert_eq!((answer.3, answer.4), (None, Some((1, 0))));
        assert!(question.2.is_empty() && !answer.2.is_empty());
        assert!(!pair.world.settled(side).is_empty());
    }
}

/// A goal about which the first notebook asks the other, whose answers are made by hand: it has
/// written in it since they met.
fn asked_in_vain() -> (Pair, DocumentId) {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    pair.disconnect();
    pair.world.write(0, goal, "my ");
    pair.world.lose(HEADS);
    pair.world.connect(1, 0);
    pair.world.take_events(0);
    (pair, goal)
}

#[test]
fn an_answer_counts_once_and_only_for_the_question_that_it_names() {
    let (mut pair, goal) = asked_in_vain();
    for other in [0, 2, u64::MAX] {
        pair.world.frame(1, 0, answer(goal, other));
        pair.world.frame(1, 0, frame(NOTHING, &(goal, other)));
        assert!(!is_told_of_delivery(&mut pair, goal), "{other}");
    }
    pair.world.frame(1, 0, answer(goal, 1));
    assert!(is_told_of_delivery(&mut pair, goal));
    // Said once more it means nothing: it is not about what was written since.
    pair.world.write(0, goal, "all ");
    pair.world.frame(1, 0, answer(goal, 1));
    assert!(!is_told_of_delivery(&mut pair, goal));
}

#[test]
fn of_two_questions_the_last_waits_for_its_answer() {
    let (mut pair, goal) = asked_in_vain();
    pair.world.write(0, goal, "all ");
    // The owner's side asks again when consent changes, and names more than before.
    pair.share(0, goal, 1, Role::Read);
    pair.world.take_events(0);
    for answers in [answer(goal, 1), frame(NOTHING, &(goal, 1_u64))] {
        pair.world.frame(1, 0, answers);
        assert!(!is_told_of_delivery(&mut pair, goal));
    }
    pair.world.frame(1, 0, answer(goal, 2));
    assert!(is_told_of_delivery(&mut pair, goal));
}

#[test]
fn every_question_gets_one_answer_with_its_number_however_often_it_is_asked() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    let heads = pair.heads(0, goal);
    let numbers = [1, 1, u64::MAX, 0, 300, 1];
    for number in numbers {
        pair.world.frame(1, 0, question(goal, &heads, number));
    }
    let answers: Vec<(u64, u8)> = pair
        .world
        .sent_of_kind(0, HEADS)
        .map(body)
        .filter_map(|(_, _, _, asks, answers, _)| {
            assert_eq!(asks, None);
            answers
        })
        .collect();
    assert_eq!(answers, numbers.map(|number| (number, 2)));
}

#[test]
fn nothing_is_read_from_the_vault_for_who_asks_about_what_is_not_shared() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    pair.share(0, goal, 1, Role::Read);
    let [former, private] = ["former", "private"].map(|title| pair.create_with_title(0, title));
    pair.share(0, former, 1, Role::Read);
    pair.connect();
    pair.share(0, former, 1, Role::None);
    pair.disconnect();
    pair.world.restart(0);
    pair.connect();
    let unknown = DocumentId::from_bytes([7; 16]);
    let answers = [former, private, unknown].map(|document| {
        pair.world.frame(1, 0, question(document, &[], 1));
        let said = pair.world.sent_of_kind(0, NOTHING).last().unwrap();
        assert!(said[1..].starts_with(document.as_bytes()));
        assert_eq!(pair.title(0, document), None);
        said[17..].to_vec()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    pair.world.frame(1, 0, question(goal, &[], 2));
    assert_eq!(pair.title(0, goal).unwrap(), "goal");
}
