//! Entries with one writer: forged ones are refused by the rules and ignored by the views.

use automerge::transaction::{Transactable, Transaction};
use automerge::{ObjId, ObjType, ROOT, ReadDoc};

use crate::testing::{ANN, BOB, Cast, Replica, rate, set, step};
use crate::{
    Action, DocumentKind, GoalCommand, IgnoredReason, MoodCommand, MoodLogView, NewMoodLog,
    Operation, PathStep, RuleBreach, TextField, Words, judge,
};

fn raw(replica: &mut Replica, edit: impl FnOnce(&mut Transaction<'_>)) {
    let mut transaction = replica.document.transaction();
    edit(&mut transaction);
    transaction.commit();
}

fn ratings(transaction: &Transaction<'_>) -> ObjId {
    transaction.get(ROOT, "ratings").unwrap().unwrap().1
}

fn put_rating(transaction: &mut Transaction<'_>, key: &str, value: i64) {
    let entry = transaction
        .put_object(ratings(transaction), key, ObjType::Map)
        .unwrap();
    transaction.put(&entry, "value", value).unwrap();
    transaction.put(&entry, "at", 1_i64).unwrap();
}

#[test]
fn a_forged_rating_is_a_breach_and_ignored() {
    let check = |writer: &str, key: &str, reason, breach| {
        let ann = Replica::goal("Walk");
        let mut other = ann.fork(writer, 1);
        raw(&mut other, |transaction| put_rating(transaction, key, 9));
        let view = other.view();
        assert_eq!(view.ratings, []);
        assert_eq!(view.ignored.len(), 1);
        assert_eq!(
            (view.ignored[0].key.as_str(), view.ignored[0].reason),
            (key, reason)
        );
        let judged = judge(DocumentKind::Goal, writer, &other.last_operations());
        assert_eq!(judged, Err(breach));
        assert_eq!(
            judge(DocumentKind::Relationship, writer, &other.last_operations()),
            Ok(())
        );
    };
    let of_another = RuleBreach::EntryOfAnother {
        container: "ratings",
    };
    let without = RuleBreach::EntryWithoutWriter {
        container: "ratings",
    };
    check(BOB, "ann/x", IgnoredReason::AnotherAuthor, of_another);
    check("zoe", "ann/x", IgnoredReason::UnknownAuthor, of_another);
    check(ANN, "bob/x", IgnoredReason::AnotherAuthor, of_another);
    check(ANN, "annx", IgnoredReason::Unreadable, without);
    check(ANN, "/x", IgnoredReason::Unreadable, without);
    check(ANN, "ann/", IgnoredReason::Unreadable, without);
    // The whole id must match, not just its beginning.
    let operations = [operation(&["ratings", "bob/x"], Action::Make, &[])];
    assert_eq!(judge(DocumentKind::Goal, "b", &operations), Err(of_another));
    assert_eq!(
        judge(DocumentKind::Goal, "bobby", &operations),
        Err(of_another)
    );
}

#[test]
fn a_field_written_below_anothers_entry_is_ignored() {
    let mut ann = Replica::goal("Walk");
    let rating = ann.does(rate(3));
    let mut bob = ann.fork(BOB, 1);
    raw(&mut bob, |transaction| {
        let (_, entry) = transaction
            .get(ratings(transaction), rating.as_str())
            .unwrap()
            .unwrap();
        transaction.put(&entry, "note", "not mine").unwrap();
    });
    let breach = RuleBreach::EntryOfAnother {
        container: "ratings",
    };
    assert_eq!(
        judge(DocumentKind::Goal, BOB, &bob.last_operations()),
        Err(breach)
    );
    ann.does(GoalCommand::EditRatingNote {
        rating,
        note: "mine".into(),
    });
    let view = ann.meet(&mut bob);
    assert_eq!(view.ratings[0].note, "mine");
    assert_eq!(view.ignored[0].field.as_deref(), Some("note"));
}

#[test]
fn a_rating_overwritten_at_the_same_time_survives() {
    let mut ann = Replica::goal("Walk");
    let mut bob = ann.fork(BOB, 1);
    let rating = ann.does(rate(3));
    raw(&mut bob, |transaction| put_rating(transaction, &rating, 9));
    let view = ann.meet(&mut bob);
    assert_eq!(view.ratings.len(), 1);
    assert_eq!(view.ratings[0].value, 3);
    assert_eq!(view.ignored[0].reason, IgnoredReason::AnotherAuthor);
}

#[test]
fn replacing_a_container_is_a_breach() {
    let mut bob = Replica::goal("Walk").fork(BOB, 1);
    raw(&mut bob, |transaction| {
        transaction
            .put_object(ROOT, "ratings", ObjType::Map)
            .unwrap();
    });
    let breach = RuleBreach::ContainerReplaced {
        container: "ratings",
    };
    assert_eq!(
        judge(DocumentKind::Goal, BOB, &bob.last_operations()),
        Err(breach)
    );
    raw(&mut bob, |transaction| {
        transaction.delete(ROOT, "ratings").unwrap()
    });
    assert_eq!(
        judge(DocumentKind::Goal, BOB, &bob.last_operations()),
        Err(breach)
    );
}

#[test]
fn a_container_made_twice_at_the_same_time_hides_nothing() {
    let mut ann = Replica::empty(ANN, 1);
    let mut bob = Replica::empty(BOB, 1);
    for replica in [&mut ann, &mut bob] {
        replica.does(rate(3));
        replica.does(step("one"));
    }
    let view = ann.meet(&mut bob);
    assert_eq!(view.ratings.len(), 2);
    assert_eq!(view.steps.len(), 2);
    let step = view.steps[0].id.clone();
    let hers = view
        .ratings
        .iter()
        .find(|rating| rating.writer == ANN)
        .unwrap()
        .id
        .clone();
    ann.does(GoalCommand::RemoveStep { step });
    ann.does(GoalCommand::RemoveRating { rating: hers });
    let view = ann.meet(&mut bob);
    assert_eq!((view.ratings.len(), view.steps.len()), (1, 1));
}

#[test]
fn commands_keep_their_own_rules() {
    let mut ann = Replica::goal("Walk");
    let created = judge(DocumentKind::Goal, ANN, &ann.last_operations());
    assert_eq!(created, Ok(()));
    let rating = ann.does(rate(3));
    let mut bob = ann.fork(BOB, 1);
    let edited = bob.does(step("one"));
    let commands = [
        rate(4),
        set(TextField::Title, "Run"),
        set(TextField::Step(edited.clone()), "1"),
        GoalCommand::RemoveStep { step: edited },
        GoalCommand::Pause,
        GoalCommand::SetKind(None),
    ];
    for command in commands {
        bob.does(command);
        assert_eq!(
            judge(DocumentKind::Goal, BOB, &bob.last_operations()),
            Ok(())
        );
    }
    let proposal = bob.proposes(ANN);
    assert_eq!(
        judge(DocumentKind::Goal, BOB, &bob.last_operations()),
        Ok(())
    );
    ann.pull(&mut bob);
    ann.accepts(&proposal).unwrap();
    assert_eq!(
        judge(DocumentKind::Goal, ANN, &ann.last_operations()),
        Ok(())
    );
    ann.does(GoalCommand::EditRatingNote {
        rating,
        note: "so".into(),
    });
    assert_eq!(
        judge(DocumentKind::Goal, ANN, &ann.last_operations()),
        Ok(())
    );
}

fn operation(path: &[&str], action: Action, predecessors: &[&str]) -> Operation {
    Operation {
        path: path
            .iter()
            .map(|key| PathStep::Key((*key).to_owned()))
            .collect(),
        action,
        predecessor_writers: predecessors
            .iter()
            .map(|by| Some((*by).to_owned()))
            .collect(),
        value: None,
    }
}

#[test]
fn rules_look_at_every_action_below_a_key() {
    let check = |path: &[&str], action, predecessors: &[&str], allowed: bool| {
        let judged = judge(
            DocumentKind::Goal,
            BOB,
            &[operation(path, action, predecessors)],
        );
        assert_eq!(judged.is_ok(), allowed, "{path:?} {action:?}");
    };
    for action in [
        Action::Put,
        Action::Make,
        Action::Increment,
        Action::Delete,
        Action::Insert,
        Action::Mark,
    ] {
        for container in ["ratings", "proposals", "acceptances"] {
            check(&[container, "ann/x"], action, &[], false);
            check(&[container, "ann/x", "note"], action, &[], false);
            check(&[container, "ann/x", "a", "b"], action, &[], false);
            check(&[container, "bob/x", "note"], action, &[BOB], true);
            check(&[container, "bob/x"], action, &[ANN], true);
            check(&[container], action, &[ANN], false);
            check(&[container], action, &[], action == Action::Make);
        }
        check(&["moods", "ann/x"], action, &[], true);
        check(&["later", "ann/x"], action, &[], true);
        check(&["why"], action, &[ANN], true);
    }
    let element = Operation {
        path: vec![PathStep::Key("ratings".to_owned()), PathStep::Element],
        ..operation(&[], Action::Insert, &[])
    };
    assert!(judge(DocumentKind::Goal, BOB, &[element]).is_err());
}

#[test]
fn a_forged_mood_is_a_breach_and_ignored() {
    let mut ann = Replica::empty(ANN, 1);
    let log = NewMoodLog { year: 2026 };
    ann.transact(|transaction, context| log.create(transaction, context))
        .unwrap();
    let mood = MoodCommand::Add {
        value: 5,
        note: Words::default(),
        at: None,
    };
    ann.transact(|transaction, context| mood.apply(transaction, context))
        .unwrap();
    assert_eq!(
        judge(DocumentKind::MoodLog, ANN, &ann.last_operations()),
        Ok(())
    );
    let breach = RuleBreach::EntryOfAnother { container: "moods" };
    assert_eq!(
        judge(DocumentKind::MoodLog, BOB, &ann.last_operations()),
        Err(breach)
    );
    let mut bob = ann.fork(BOB, 1);
    raw(&mut bob, |transaction| {
        let (_, moods) = transaction.get(ROOT, "moods").unwrap().unwrap();
        let entry = transaction
            .put_object(&moods, "ann/forged", ObjType::Map)
            .unwrap();
        transaction.put(&entry, "value", 0_i64).unwrap();
        transaction.put(&entry, "at", 0_i64).unwrap();
    });
    let view = MoodLogView::read(&bob.document, &Cast);
    assert_eq!(view.entries.len(), 1);
    assert_eq!(view.ignored[0].reason, IgnoredReason::AnotherAuthor);
}
