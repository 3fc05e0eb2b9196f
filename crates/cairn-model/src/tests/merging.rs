//! Replicas that edit apart show the same once they have met, in whatever order.

use proptest::prelude::*;

use crate::TextField::{GoodEnough, Step, Title, Why};
use crate::testing::{ANN, BOB, Replica, rate, set, splice, step};
use crate::{ClosingOutcome, GoalCommand, GoalKind, GoalState, Words};

#[test]
fn steps_ordered_at_the_same_time_keep_one_order() {
    let mut ann = Replica::goal("Walk");
    for text in ["a", "b", "c", "d"] {
        ann.does(step(text));
    }
    let mut bob = ann.fork(BOB, 1);
    let id = |replica: &Replica, text: &str| {
        replica
            .view()
            .steps
            .iter()
            .find(|step| step.text == text)
            .unwrap()
            .id
            .clone()
    };
    let after = |replica: &Replica, text, before: Option<&str>| GoalCommand::MoveStep {
        step: id(replica, text),
        after: before.map(|before| id(replica, before)),
    };
    ann.does(after(&ann, "d", Some("a")));
    bob.does(after(&bob, "c", Some("a")));
    bob.does(step("e"));
    ann.does(step("f"));
    let view = ann.meet(&mut bob);
    let order: String = view.steps.iter().map(|step| step.text.as_str()).collect();
    assert_eq!(order.len(), 6);
    assert!(
        order.starts_with("adc") || order.starts_with("acd"),
        "{order}"
    );
    assert!(order.ends_with("bef") || order.ends_with("bfe"), "{order}");
    // Something still fits between any two.
    let (first, second) = (view.steps[1].id.clone(), view.steps[5].id.clone());
    ann.does(GoalCommand::MoveStep {
        step: second.clone(),
        after: Some(first),
    });
    assert_eq!(ann.view().steps[2].id, second);
}

#[test]
fn a_state_set_two_ways_at_once_is_shown_as_a_conflict() {
    let mut ann = Replica::goal("Walk");
    let mut bob = ann.fork(BOB, 1);
    ann.does(GoalCommand::Pause);
    bob.does(GoalCommand::Close {
        outcome: ClosingOutcome::Achieved,
        note: Words::default(),
    });
    let view = ann.meet(&mut bob);
    let mut states = vec![view.state];
    states.extend(view.state_conflicts);
    states.sort();
    assert_eq!(states, [GoalState::Paused, GoalState::Closed]);
}

#[test]
fn a_step_removed_while_another_edits_it_is_gone() {
    let mut ann = Replica::goal("Walk");
    let id = ann.does(step("a"));
    let mut bob = ann.fork(BOB, 1);
    ann.does(GoalCommand::RemoveStep { step: id.clone() });
    bob.does(splice(Step(id), 1, 0, "b"));
    assert_eq!(ann.meet(&mut bob).steps, []);
}

#[test]
fn ones_own_two_devices_rate_without_conflict() {
    let mut phone = Replica::goal("Walk");
    let mut laptop = phone.fork(ANN, 2);
    phone.does(rate(3));
    laptop.does(rate(4));
    let view = phone.meet(&mut laptop);
    assert_eq!(view.ratings.len(), 2);
    assert_eq!(view.ignored, []);
}

/// An edit chosen by numbers; what does not apply is refused and changes nothing.
fn edit(replica: &mut Replica, (choice, place, letter): (u8, u8, char)) {
    let view = replica.view();
    let step_at = |place: u8| {
        let index = usize::from(place) % view.steps.len().max(1);
        view.steps
            .get(index)
            .map_or_else(String::new, |step| step.id.clone())
    };
    let insert = Words::from(letter.to_string());
    let position = usize::from(place) % (view.title.code_points() + 1);
    let newest = view.proposals.last();
    let proposal = newest.map_or_else(String::new, |proposal| proposal.id.clone());
    let command = match choice % 18 {
        0 | 1 => splice(Title, position, 0, &insert),
        2 => splice(Title, position, 1, ""),
        3 => set(
            Title,
            if place % 2 == 0 {
                "Walk"
            } else {
                "Walk to the sea"
            },
        ),
        4 => splice(GoodEnough, 0, 0, &insert),
        5 => set(Why, &insert),
        6 => GoalCommand::SetKind(GoalKind::ALL.get(usize::from(place % 8)).copied()),
        7 => step(&insert),
        8 => GoalCommand::MoveStep {
            step: step_at(place),
            after: Some(step_at(place / 2)).filter(|_| place % 2 == 0),
        },
        9 => GoalCommand::SetStepDone {
            step: step_at(place),
            done: letter.is_alphabetic(),
        },
        10 => GoalCommand::RemoveStep {
            step: step_at(place),
        },
        11 => splice(Step(step_at(place)), 0, 0, &insert),
        12 => rate(place % 12),
        13 => GoalCommand::Propose {
            wording: view.wording,
            parties: vec![ANN.to_owned(), BOB.to_owned()],
            reason: Words::default(),
        },
        14 | 15 => match newest {
            Some(newest) => GoalCommand::Accept {
                proposal,
                digest: newest.digest,
            },
            None => GoalCommand::Withdraw { proposal },
        },
        16 => GoalCommand::Withdraw { proposal },
        _ => match place % 4 {
            0 => GoalCommand::Pause,
            1 => GoalCommand::Resume,
            2 => GoalCommand::Close {
                outcome: ClosingOutcome::NotNow,
                note: insert,
            },
            _ => GoalCommand::Reopen,
        },
    };
    drop(replica.apply(&command));
}

/// Three devices of two persons with the same goal.
fn replicas() -> [Replica; 3] {
    let mut ann = Replica::goal("Walk");
    ann.does(step("a"));
    ann.does(step("b"));
    let bob = ann.fork(BOB, 1);
    let laptop = ann.fork(ANN, 2);
    [ann, bob, laptop]
}

type Edit = (u8, u8, u8, char);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(any::<Edit>(), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_order_of_merging_gives_the_same_view(edits in edits()) {
        let mut replicas = replicas();
        for (who, choice, place, letter) in edits {
            let who = usize::from(who);
            edit(&mut replicas[who % 3], (choice, place, letter));
            if who % 5 == 0 {
                let [first, second, _] = &mut replicas;
                second.pull(first);
            }
        }
        let [mut one, mut two, mut three] = replicas;
        let mut forward = one.fork(ANN, 7);
        forward.pull(&mut two);
        forward.pull(&mut three);
        let mut backward = three.fork(BOB, 8);
        backward.pull(&mut two);
        backward.pull(&mut one);
        prop_assert_eq!(forward.view(), backward.view());
        let saved = automerge::Automerge::load(&backward.document.save()).unwrap();
        let loaded = crate::GoalView::read(&saved, &crate::testing::Cast);
        prop_assert_eq!(forward.view(), loaded);
        prop_assert!(forward.view().ignored.is_empty());
    }

    #[test]
    fn an_agreement_always_has_the_yes_of_both_to_the_words_shown(edits in edits()) {
        let mut replicas = replicas();
        for (who, choice, place, letter) in edits {
            let who = usize::from(who);
            // Proposals and acceptances often, so that agreements come about.
            let choice = if choice % 3 == 0 { 13 + choice % 3 } else { choice };
            edit(&mut replicas[who % 3], (choice, place, letter));
            let [ann, bob, laptop] = &mut replicas;
            match who % 4 {
                0 => bob.pull(ann),
                1 => ann.pull(bob),
                2 => laptop.pull(bob),
                _ => (),
            }
            let view = bob.view();
            if let crate::Agreement::Agreed { proposal, by, .. } = &view.agreement {
                let agreed = view.proposals.iter().find(|known| known.id == *proposal).unwrap();
                prop_assert_eq!(&agreed.title, &view.title);
                prop_assert_eq!(&agreed.good_enough, &view.good_enough);
                prop_assert_eq!(agreed.kind.as_deref(), view.kind.map(GoalKind::as_str));
                prop_assert_eq!(by, &[ANN, BOB]);
                prop_assert!(view.kind_conflicts.is_empty());
            }
        }
    }
}
