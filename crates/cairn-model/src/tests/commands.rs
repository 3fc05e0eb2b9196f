//! Each command, its limits, its inverse.

use crate::TextField::{self, GoodEnough, Step, Title, Why};
use crate::testing::{ANN, BOB, Cast, Replica, rate, set, splice, step};
use crate::{
    AgreementState, ClosingOutcome, CommandError, EditContext, GoalCommand, GoalKind, GoalOutcome,
    GoalState, GoalSummary, GoalView, Lean, Moment, MoodCommand, MoodLogView, NewGoal, NewMoodLog,
    SummaryError, TEXT_CODE_POINTS_MAX, TextAnchor, TextSpan, Words,
};

#[test]
fn a_new_goal_shows_what_was_given() {
    let mut ann = Replica::empty(ANN, 1);
    let goal = NewGoal {
        title: "Sleep".into(),
        kind: Some(GoalKind::Symptom),
        why: "tired".into(),
        good_enough: "five nights".into(),
    };
    ann.transact(|transaction, context| goal.create(transaction, context))
        .unwrap();
    let view = ann.view();
    assert_eq!(view.title, "Sleep");
    assert_eq!(view.kind, Some(GoalKind::Symptom));
    assert_eq!(view.why, "tired");
    assert_eq!(view.good_enough, "five nights");
    assert_eq!(view.created_by.as_deref(), Some(ANN));
    assert_eq!(view.state, GoalState::Open);
    assert_eq!(view.schema, Some(1));
    assert!(view.ignored.is_empty() && view.unreadable.is_empty());
    let again = ann.transact(|transaction, context| goal.create(transaction, context));
    assert!(matches!(again, Err(CommandError::AlreadyCreated)));
}

#[test]
fn splices_count_code_points() {
    let check = |before: &str, (position, delete, insert): (usize, usize, &str), after: &str| {
        let mut ann = Replica::goal(before);
        let removed: String = before.chars().skip(position).take(delete).collect();
        ann.does(splice(Title, position, delete, insert));
        assert_eq!(ann.view().title, after);
        ann.does(splice(Title, position, insert.chars().count(), &removed));
        assert_eq!(ann.view().title, before);
    };
    check("naïve goal", (2, 3, "ï"), "naï goal");
    check("🏔️ hike", (2, 1, " a "), "🏔️ a hike");
    check("e\u{301}te\u{301}", (1, 1, ""), "ete\u{301}");
    check("👩‍👩‍👧 us", (1, 4, ""), "👩 us");
    check("", (0, 0, "日本"), "日本");
    check("end", (3, 0, "👍🏽"), "end👍🏽");
    check("all", (0, 3, ""), "");
}

#[test]
fn setting_a_text_edits_the_smallest_difference() {
    let mut ann = Replica::goal("Walk to the e\u{301}glise 🏔️");
    ann.does(set(Title, "Walk to the church 🏔️"));
    let operations = ann.last_operations();
    assert!(operations.len() < 20, "{}", operations.len());
    assert_eq!(ann.view().title, "Walk to the church 🏔️");
}

#[test]
fn places_outside_the_text_are_refused() {
    let check = |position, delete| {
        let mut ann = Replica::goal("abc");
        let error = ann
            .apply(&splice(Title, position, delete, "x"))
            .unwrap_err();
        assert!(matches!(
            error,
            CommandError::OutOfText { code_points: 3, .. }
        ));
        assert_eq!(ann.view().title, "abc");
    };
    check(4, 0);
    check(0, 4);
    check(3, 1);
    check(usize::MAX, 1);
    check(1, usize::MAX);
}

#[test]
fn texts_have_limits() {
    let check = |field: TextField, max: usize| {
        let mut ann = Replica::goal("x");
        let added = ann.does(step("walk"));
        let field = if let Step(_) = field {
            Step(added)
        } else {
            field
        };
        ann.does(set(field.clone(), &"é".repeat(max)));
        let error = ann
            .apply(&set(field.clone(), &"é".repeat(max + 1)))
            .unwrap_err();
        assert!(
            matches!(error, CommandError::TextTooLong { code_points_max, .. }
            if code_points_max == max)
        );
        let error = ann.apply(&splice(field.clone(), 1, 0, "x")).unwrap_err();
        assert!(matches!(error, CommandError::TextTooLong { .. }));
        ann.does(splice(field, 1, 1, "x"));
    };
    check(Title, 300);
    check(GoodEnough, 1_000);
    check(Why, TEXT_CODE_POINTS_MAX);
    check(Step(String::new()), 500);
    let paste = "x".repeat(300_000);
    assert!(Replica::goal("x").apply(&set(Why, &paste)).is_err());
}

#[test]
fn the_largest_replacement_fits_one_change() {
    let mut ann = Replica::goal("x");
    ann.does(set(Why, &"a".repeat(TEXT_CODE_POINTS_MAX)));
    ann.does(set(Why, &"b".repeat(TEXT_CODE_POINTS_MAX)));
    let change = ann.document.get_last_local_change().unwrap();
    assert!(change.len() <= 9_000, "{}", change.len());
    assert!(change.raw_bytes().len() < 256 << 10);
}

#[test]
fn two_halves_typed_at_once_are_both_kept() {
    let mut ann = Replica::goal("in the middle");
    let mut bob = ann.fork(BOB, 1);
    ann.does(splice(Title, 0, 2, "Right at"));
    bob.does(splice(Title, 7, 6, "end 🏁"));
    assert_eq!(ann.meet(&mut bob).title, "Right at the end 🏁");

    let mut ann = Replica::goal("Walk to the sea");
    let mut bob = ann.fork(BOB, 1);
    ann.does(set(Title, "Run to the sea"));
    bob.does(set(Title, "Walk to the mountains"));
    assert_eq!(ann.meet(&mut bob).title, "Run to the mountains");
}

#[test]
fn steps_are_added_moved_done_and_removed() {
    let mut ann = Replica::goal("Walk");
    let [a, b, c] = ["a", "b", "c"].map(|text| ann.does(step(text)));
    let order = |replica: &Replica| -> String {
        replica
            .view()
            .steps
            .iter()
            .map(|step| step.text.to_string())
            .collect()
    };
    assert_eq!(order(&ann), "abc");
    ann.does(GoalCommand::MoveStep {
        step: c.clone(),
        after: None,
    });
    assert_eq!(order(&ann), "cab");
    ann.does(GoalCommand::MoveStep {
        step: c.clone(),
        after: Some(a.clone()),
    });
    assert_eq!(order(&ann), "acb");
    let stay = GoalCommand::MoveStep {
        step: c.clone(),
        after: Some(a),
    };
    assert_eq!(ann.apply(&stay).unwrap(), GoalOutcome::Unchanged);

    ann.does(GoalCommand::SetStepDone {
        step: b.clone(),
        done: true,
    });
    let done = ann.view().steps[2].done.unwrap();
    assert_eq!(done.offset_minutes, 60);
    let again = GoalCommand::SetStepDone {
        step: b.clone(),
        done: true,
    };
    assert_eq!(ann.apply(&again).unwrap(), GoalOutcome::Unchanged);
    ann.does(GoalCommand::SetStepDone {
        step: b.clone(),
        done: false,
    });
    assert_eq!(ann.view().steps[2].done, None);

    ann.does(set(Step(b.clone()), "B"));
    ann.does(GoalCommand::RemoveStep { step: c.clone() });
    assert_eq!(order(&ann), "aB");
    for gone in [
        GoalCommand::RemoveStep { step: c.clone() },
        GoalCommand::SetStepDone {
            step: c.clone(),
            done: true,
        },
        GoalCommand::MoveStep {
            step: b,
            after: Some(c.clone()),
        },
        set(Step(c), "x"),
    ] {
        assert!(
            matches!(ann.apply(&gone), Err(CommandError::NoSuchStep)),
            "{gone:?}"
        );
    }
}

#[test]
fn ratings_are_their_writers_own() {
    let mut ann = Replica::goal("Walk");
    let first = ann.does(rate(3));
    let earlier = Moment {
        at_millis: -5,
        offset_minutes: -60,
    };
    let note = Words::from("a hard week");
    ann.does(GoalCommand::Rate {
        value: 10,
        note,
        at: Some(earlier),
        copied_from: None,
    });
    let view = ann.view();
    assert_eq!(
        view.ratings
            .iter()
            .map(|rating| rating.value)
            .collect::<Vec<_>>(),
        [10, 3]
    );
    assert_eq!(view.ratings[0].at, earlier);
    assert_eq!(view.ratings[0].note, "a hard week");

    let mut bob = ann.fork(BOB, 1);
    let edit = GoalCommand::EditRatingNote {
        rating: first.clone(),
        note: "mine".into(),
    };
    let remove = GoalCommand::RemoveRating {
        rating: first.clone(),
    };
    assert!(matches!(bob.apply(&edit), Err(CommandError::NotYours)));
    assert!(matches!(bob.apply(&remove), Err(CommandError::NotYours)));
    ann.does(edit.clone());
    assert_eq!(ann.apply(&edit).unwrap(), GoalOutcome::Unchanged);
    assert_eq!(ann.view().ratings[1].note, "mine");
    ann.does(remove);
    assert_eq!(ann.view().ratings.len(), 1);
    assert!(matches!(ann.apply(&edit), Err(CommandError::NoSuchEntry)));
    assert!(matches!(
        ann.apply(&rate(11)),
        Err(CommandError::ValueOutOfScale)
    ));
}

#[test]
fn states_follow_each_other() {
    let close = |outcome| GoalCommand::Close {
        outcome,
        note: "learned".into(),
    };
    let mut ann = Replica::goal("Walk");
    let refused = |replica: &mut Replica, command: &GoalCommand, expected| {
        let error = replica.apply(command).unwrap_err();
        assert!(matches!(error, CommandError::WrongState { state } if state == expected));
    };
    refused(&mut ann, &GoalCommand::Resume, GoalState::Open);
    refused(&mut ann, &GoalCommand::Reopen, GoalState::Open);
    ann.does(GoalCommand::Pause);
    refused(&mut ann, &GoalCommand::Pause, GoalState::Paused);
    ann.does(GoalCommand::Resume);
    assert_eq!(ann.view().state, GoalState::Open);
    ann.does(GoalCommand::Pause);
    ann.does(close(ClosingOutcome::LetGo));
    let view = ann.view();
    assert_eq!(
        (view.state, view.outcome),
        (GoalState::Closed, Some(ClosingOutcome::LetGo))
    );
    assert_eq!(view.closing_note, "learned");
    refused(&mut ann, &close(ClosingOutcome::Partly), GoalState::Closed);
    refused(&mut ann, &GoalCommand::Pause, GoalState::Closed);
    ann.does(GoalCommand::Reopen);
    let view = ann.view();
    assert_eq!((view.state, view.outcome), (GoalState::Open, None));
    assert_eq!(view.closing_note, "");
}

#[test]
fn a_writer_needs_a_valid_id() {
    let mut ann = Replica::goal("Walk");
    let result = ann.transact(|transaction, context| {
        rate(3).apply(
            transaction,
            &EditContext {
                writer: "a/b",
                ..*context
            },
        )
    });
    assert!(matches!(result, Err(CommandError::PersonInvalid)));
    assert_eq!(ann.view().ratings, []);
}

#[test]
fn a_mood_log_keeps_entries_by_time() {
    let mut ann = Replica::empty(ANN, 1);
    let log = NewMoodLog { year: 2026 };
    ann.transact(|transaction, context| log.create(transaction, context))
        .unwrap();
    let again = ann.transact(|transaction, context| log.create(transaction, context));
    assert!(matches!(again, Err(CommandError::AlreadyCreated)));
    let mut apply = |command: &MoodCommand| {
        ann.transact(|transaction, context| command.apply(transaction, context))
    };
    let add = |value, at_millis| MoodCommand::Add {
        value,
        note: "fine".into(),
        at: Some(Moment {
            at_millis,
            offset_minutes: 0,
        }),
    };
    let GoalOutcome::Created(later) = apply(&add(7, 20)).unwrap() else {
        panic!("no entry")
    };
    apply(&add(0, 10)).unwrap();
    assert!(matches!(
        apply(&add(11, 0)),
        Err(CommandError::ValueOutOfScale)
    ));
    let edit = MoodCommand::EditNote {
        entry: later.clone(),
        note: Words::default(),
    };
    assert_eq!(apply(&edit).unwrap(), GoalOutcome::Changed);
    assert_eq!(apply(&edit).unwrap(), GoalOutcome::Unchanged);
    let view = MoodLogView::read(&ann.document, &Cast);
    let mut refreshed = view.clone();
    let heads = ann.document.get_heads();
    assert_eq!(view.year, Some(2026));
    assert_eq!(
        view.entries
            .iter()
            .map(|entry| entry.value)
            .collect::<Vec<_>>(),
        [0, 7]
    );
    assert_eq!(
        (&*view.entries[0].note, &*view.entries[1].note),
        ("fine", "")
    );

    let mut bob = ann.fork(BOB, 1);
    let remove = MoodCommand::Remove { entry: later };
    let refused = bob.transact(|transaction, context| remove.apply(transaction, context));
    assert!(matches!(refused, Err(CommandError::NotYours)));
    ann.transact(|transaction, context| remove.apply(transaction, context))
        .unwrap();
    let view = MoodLogView::read(&ann.document, &Cast);
    assert_eq!(view.entries.len(), 1);
    assert_ne!(refreshed, view);
    refreshed.refresh(&ann.document, &Cast, Some(&ann.touched_since(&heads)));
    assert_eq!(refreshed, view);
}

#[test]
fn carets_stay_where_they_belong() {
    // Caret and selection start at `|`; what the other person does; where both are then.
    let check = |text: &str, other: GoalCommand, before: &str, after: &str| {
        let place = text.find('|').unwrap();
        let mut ann = Replica::goal(&text.replace('|', ""));
        let anchor = |lean| TextAnchor::new(&ann.document, &Title, place, lean).unwrap();
        let (caret, start) = (anchor(Lean::Before), anchor(Lean::After));
        let mut bob = ann.fork(BOB, 1);
        bob.does(other);
        ann.pull(&mut bob);
        let shown = |anchor: &TextAnchor| {
            let mut shown = ann.view().title.to_string();
            shown.insert(anchor.position(&ann.document).unwrap(), '|');
            shown
        };
        assert_eq!(shown(&caret), before);
        assert_eq!(shown(&start), after);
    };
    check("ab|cd", splice(Title, 0, 0, "X"), "Xab|cd", "Xab|cd");
    check("ab|cd", splice(Title, 2, 0, "X"), "ab|Xcd", "abX|cd");
    check("ab|cd", splice(Title, 3, 0, "X"), "ab|cXd", "ab|cXd");
    check("ab|cd", splice(Title, 1, 1, ""), "a|cd", "a|cd");
    check("ab|cd", splice(Title, 2, 1, ""), "ab|d", "ab|d");
    check("ab|cd", splice(Title, 0, 4, ""), "|", "|");
    check("ab|cd", splice(Title, 0, 3, ""), "|d", "|d");
    check("ab|", splice(Title, 2, 0, "X"), "ab|X", "abX|");
    check("|ab", splice(Title, 0, 0, "X"), "|Xab", "X|ab");
    check("|", splice(Title, 0, 0, "X"), "|X", "X|");
}

#[test]
fn undoing_an_insertion_spares_what_others_typed_inside() {
    let mut ann = Replica::goal("to the sea");
    ann.does(splice(Title, 0, 0, "Walk "));
    let span = TextSpan::new(&ann.document, &Title, 0..5).unwrap();
    let mut bob = ann.fork(BOB, 1);
    bob.does(splice(Title, 2, 1, "🐎"));
    bob.does(splice(Title, 0, 0, "> "));
    ann.pull(&mut bob);
    assert_eq!(ann.view().title, "> Wa🐎k to the sea");
    let ranges = span.ranges(&ann.document);
    assert_eq!(ranges, [2..4, 5..7]);
    for range in ranges.into_iter().rev() {
        ann.does(splice(Title, range.start, range.len(), ""));
    }
    assert_eq!(ann.view().title, "> 🐎to the sea");
    assert_eq!(span.ranges(&ann.document), []);
    assert_eq!(
        TextAnchor::new(&ann.document, &Title, 99, Lean::Before),
        None
    );
    assert_eq!(
        TextSpan::new(&ann.document, &Step("none".to_owned()), 0..1),
        None
    );
}

#[test]
fn a_copy_shows_the_same_without_history_or_agreement() {
    let mut ann = Replica::goal("Secret");
    ann.does(set(Title, "Walk"));
    let done = ann.does(step("one"));
    ann.does(step("two"));
    ann.does(GoalCommand::SetStepDone {
        step: done,
        done: true,
    });
    ann.does(rate(2));
    let proposal = ann.proposes(BOB);
    let mut bob = ann.fork(BOB, 1);
    bob.does(rate(8));
    bob.accepts(&proposal).unwrap();
    ann.pull(&mut bob);
    let note = Words::from("enough");
    ann.does(GoalCommand::Close {
        outcome: ClosingOutcome::GoodEnough,
        note,
    });

    let (goal, commands) = ann.view().copy(ANN);
    let mut copy = Replica::empty(ANN, 9);
    copy.transact(|transaction, context| goal.create(transaction, context))
        .unwrap();
    for command in commands {
        copy.does(command);
    }
    let (old, new) = (ann.view(), copy.view());
    assert_eq!(new.title, "Walk");
    assert_eq!(new.agreement.state(), AgreementState::NoProposal);
    assert_eq!((new.state, new.outcome), (old.state, old.outcome));
    let texts = |view: &GoalView| -> Vec<_> {
        view.steps
            .iter()
            .map(|step| (step.text.clone(), step.done))
            .collect()
    };
    assert_eq!(texts(&old), texts(&new));
    let raters: Vec<_> = new
        .ratings
        .iter()
        .map(|rating| {
            (
                rating.value,
                rating.writer.as_str(),
                rating.copied_from.as_deref(),
            )
        })
        .collect();
    assert_eq!(raters.len(), 2);
    assert!(raters.contains(&(2, ANN, None)) && raters.contains(&(8, ANN, Some(BOB))));
    assert_eq!(new.ignored, []);
    let (_, again) = new.copy(ANN);
    let copied = |command: &GoalCommand| matches!(command, GoalCommand::Rate { copied_from: Some(by), .. } if by == BOB);
    assert_eq!(again.iter().filter(|command| copied(command)).count(), 1);
}

#[test]
fn a_summary_comes_back_and_other_bytes_do_not() {
    let mut ann = Replica::goal("Walk 🏔️");
    let done = ann.does(step("one"));
    ann.does(step("two"));
    ann.does(GoalCommand::SetStepDone {
        step: done,
        done: true,
    });
    ann.does(rate(6));
    ann.proposes(BOB);
    let summary = GoalSummary::of(&ann.view());
    assert_eq!((summary.steps_open, summary.steps_done), (1, 1));
    assert_eq!(summary.agreement, AgreementState::Proposed);
    assert_eq!(summary.last_rating.as_ref().map(|rating| rating.0), Some(6));
    let bytes = summary.encode();
    assert_eq!(GoalSummary::decode(&bytes), Ok(summary));
    for length in 0..bytes.len() {
        assert_eq!(GoalSummary::decode(&bytes[..length]), Err(SummaryError));
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(GoalSummary::decode(&longer), Err(SummaryError));
    let newer = [&[2], &bytes[1..]].concat();
    assert_eq!(GoalSummary::decode(&newer), Err(SummaryError));
}

#[test]
fn views_and_commands_print_no_content() {
    let mut ann = Replica::goal("xyzzy");
    ann.does(step("xyzzy"));
    ann.proposes(BOB);
    let printed = format!("{:?} {:?}", ann.view(), set(Title, "xyzzy"));
    assert!(printed.contains("code points") && !printed.contains("xyzzy"));
}
