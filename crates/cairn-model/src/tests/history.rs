//! What one change says it did.

use crate::ChangeSummary::*;
use crate::testing::{ANN, BOB, Replica, rate, set, splice, step};
use crate::{
    ChangeSummary, ClosingOutcome, GoalCommand, GoalKind, GoalState, MoodCommand, NewMoodLog,
    Operation, PathStep, TextField, Words, describe,
};

#[test]
fn each_command_tells_one_fact() {
    let mut ann = Replica::goal("Walk");
    assert_eq!(describe(&ann.last_operations()), [Created]);
    let mut tells = |command: GoalCommand, fact: fn(String) -> ChangeSummary| {
        let id = ann.does(command);
        assert_eq!(describe(&ann.last_operations()), [fact(id.clone())]);
        id
    };
    tells(set(TextField::Title, "Run"), |_| TitleChanged);
    tells(splice(TextField::GoodEnough, 0, 0, "so"), |_| {
        GoodEnoughChanged
    });
    tells(splice(TextField::Why, 0, 0, "so"), |_| WhyChanged);
    tells(GoalCommand::SetKind(Some(GoalKind::Growth)), |_| {
        KindChanged {
            kind: Some(GoalKind::Growth),
        }
    });
    tells(GoalCommand::SetKind(None), |_| KindChanged { kind: None });
    tells(GoalCommand::Pause, |_| StateChanged {
        state: Some(GoalState::Paused),
    });
    tells(GoalCommand::Resume, |_| StateChanged {
        state: Some(GoalState::Open),
    });
    let close = GoalCommand::Close {
        outcome: ClosingOutcome::Partly,
        note: "so".into(),
    };
    tells(close, |_| StateChanged {
        state: Some(GoalState::Closed),
    });
    tells(rate(6), |rating| Rated {
        rating,
        value: Some(6),
    });
    let done = GoalCommand::AddStep {
        text: "done".into(),
        done: Some(crate::Moment::default()),
    };
    tells(done, |step| StepAdded { step });
}

#[test]
fn edits_of_steps_and_entries_name_them() {
    let mut ann = Replica::goal("Walk");
    let id = ann.does(step("one"));
    let mut tells = |command: GoalCommand, fact: ChangeSummary| {
        ann.does(command);
        assert_eq!(describe(&ann.last_operations()), [fact]);
    };
    let step = || id.clone();
    tells(
        set(TextField::Step(step()), "two"),
        StepTextChanged { step: step() },
    );
    let done = |done| GoalCommand::SetStepDone {
        step: id.clone(),
        done,
    };
    tells(done(true), StepDone { step: step() });
    tells(done(false), StepReopened { step: step() });
    tells(
        GoalCommand::RemoveStep { step: step() },
        StepRemoved { step: step() },
    );

    let first = ann.does(crate::testing::step("first"));
    ann.does(crate::testing::step("second"));
    ann.does(GoalCommand::MoveStep {
        step: ann.view().steps[1].id.clone(),
        after: None,
    });
    assert!(
        matches!(&describe(&ann.last_operations())[..], [StepMoved { step }] if *step != first)
    );

    let rating = ann.does(rate(1));
    ann.does(GoalCommand::EditRatingNote {
        rating: rating.clone(),
        note: "so".into(),
    });
    assert_eq!(
        describe(&ann.last_operations()),
        [RatingNoteChanged {
            rating: rating.clone()
        }]
    );
    ann.does(GoalCommand::RemoveRating {
        rating: rating.clone(),
    });
    assert_eq!(describe(&ann.last_operations()), [RatingRemoved { rating }]);
}

#[test]
fn an_agreement_is_told_step_by_step() {
    let mut ann = Replica::goal("Walk");
    let id = ann.proposes(BOB);
    let proposal = || id.clone();
    assert_eq!(
        describe(&ann.last_operations()),
        [Proposed {
            proposal: proposal()
        }]
    );
    let mut bob = ann.fork(BOB, 1);
    bob.accepts(&id).unwrap();
    assert_eq!(
        describe(&bob.last_operations()),
        [Accepted {
            proposal: proposal()
        }]
    );
    bob.does(GoalCommand::Withdraw {
        proposal: proposal(),
    });
    assert_eq!(
        describe(&bob.last_operations()),
        [AcceptanceWithdrawn {
            proposal: proposal()
        }]
    );
    ann.does(GoalCommand::Withdraw {
        proposal: proposal(),
    });
    assert_eq!(
        describe(&ann.last_operations()),
        [ProposalWithdrawn {
            proposal: proposal()
        }]
    );
}

#[test]
fn moods_and_unknown_things_are_told() {
    let mut ann = Replica::empty(ANN, 1);
    let log = NewMoodLog { year: 2026 };
    ann.transact(|transaction, context| log.create(transaction, context))
        .unwrap();
    assert_eq!(describe(&ann.last_operations()), [Created]);
    let add = MoodCommand::Add {
        value: 5,
        note: Words::from("so"),
        at: None,
    };
    ann.transact(|transaction, context| add.apply(transaction, context))
        .unwrap();
    let facts = describe(&ann.last_operations());
    let [
        MoodAdded {
            entry,
            value: Some(5),
        },
    ] = facts.as_slice()
    else {
        panic!("{facts:?}")
    };
    let edit = MoodCommand::EditNote {
        entry: entry.clone(),
        note: Words::default(),
    };
    ann.transact(|transaction, context| edit.apply(transaction, context))
        .unwrap();
    let edited = [MoodNoteChanged {
        entry: entry.clone(),
    }];
    assert_eq!(describe(&ann.last_operations()), edited);
    let remove = MoodCommand::Remove {
        entry: entry.clone(),
    };
    ann.transact(|transaction, context| remove.apply(transaction, context))
        .unwrap();
    assert_eq!(
        describe(&ann.last_operations()),
        [MoodRemoved {
            entry: entry.clone()
        }]
    );

    let mut first = Replica::empty(ANN, 2);
    first
        .transact(|transaction, context| {
            log.create(transaction, context)?;
            add.apply(transaction, context)
        })
        .unwrap();
    let facts = describe(&first.last_operations());
    assert!(
        matches!(&facts[..], [Created, MoodAdded { value: Some(5), .. }]),
        "{facts:?}"
    );

    let unknown = Operation {
        path: vec![PathStep::Key("later".to_owned())],
        action: crate::Action::Put,
        predecessor_writers: Vec::new(),
        value: None,
    };
    assert_eq!(describe(&[unknown.clone(), unknown]), [Other]);
    assert_eq!(describe(&[]), []);
}

#[test]
fn facts_have_stable_names() {
    let json = serde_json::to_string(&[
        Rated {
            rating: "ann/x".to_owned(),
            value: Some(3),
        },
        StateChanged {
            state: Some(GoalState::Open),
        },
        TitleChanged,
    ])
    .unwrap();
    assert_eq!(
        json,
        r#"[{"what":"rated","rating":"ann/x","value":3},{"what":"state-changed","state":"open"},{"what":"title-changed"}]"#
    );
}
