//! What changed, as sentences.

use crate::ChangeSummary::*;
use crate::testing::{ANN, BOB, Replica, rate, set, step};
use crate::{
    AuthoredChange, ChangeSummary, ClosingOutcome, GoalCommand, GoalState, Sentence, TextField,
    describe, tell,
};

const MINUTE: i64 = 60;

/// Edits of a goal with their authors and times.
#[derive(Default)]
struct Story(Vec<AuthoredChange>);

impl Story {
    fn push(&mut self, author: &str, minute: i64, facts: Vec<ChangeSummary>) {
        self.0.push(AuthoredChange {
            author: Some(author.to_owned()),
            at_seconds: minute * MINUTE,
            proven: true,
            facts,
        });
    }

    /// An edit that a person makes, on a replica of theirs with all changes so far.
    fn does(
        &mut self,
        replica: &mut Replica,
        author: &str,
        minute: i64,
        edit: GoalCommand,
    ) -> String {
        let mut theirs = replica.fork(author, self.0.len() as u8 + 10);
        let id = theirs.does(edit);
        self.push(author, minute, describe(&theirs.last_operations()));
        replica.pull(&mut theirs);
        id
    }
}

fn in_short(sentences: &[Sentence]) -> Vec<(&str, u64, ChangeSummary)> {
    let sentences = sentences.iter();
    sentences
        .map(|one| {
            let author = one.author.as_deref().unwrap_or("?");
            (author, one.count, one.fact.clone())
        })
        .collect()
}

#[test]
fn edits_of_one_text_in_one_sitting_are_one_sentence_for_each_author() {
    let mut story = Story::default();
    story.push(ANN, 0, vec![TitleChanged]);
    story.push(BOB, 1, vec![TitleChanged]);
    story.push(ANN, 5, vec![TitleChanged, WhyChanged]);
    // A pause of half an hour is still one sitting, counted from the last edit.
    story.push(ANN, 35, vec![TitleChanged]);
    story.push(ANN, 66, vec![TitleChanged]);
    // Clocks may go back.
    story.push(ANN, 60, vec![TitleChanged]);
    let told = tell(&story.0, None, None);
    let expected = [
        (ANN, 3, TitleChanged),
        (BOB, 1, TitleChanged),
        (ANN, 1, WhyChanged),
        (ANN, 2, TitleChanged),
    ];
    assert_eq!(in_short(&told), expected);
    let times = |sentence: &Sentence| (sentence.from_seconds, sentence.to_seconds);
    assert_eq!(times(&told[0]), (0, 35 * MINUTE));
    assert_eq!(times(&told[3]), (60 * MINUTE, 66 * MINUTE));
}

#[test]
fn an_unproven_edit_folds_into_no_proven_one() {
    let mut story = Story::default();
    story.push(ANN, 0, vec![TitleChanged]);
    story.push(ANN, 1, vec![TitleChanged]);
    story.0[1].proven = false;
    let told = tell(&story.0, None, None);
    let proven: Vec<bool> = told.iter().map(|sentence| sentence.proven).collect();
    assert_eq!(proven, [true, false]);
}

#[test]
fn writing_belongs_to_the_making_within_the_sitting_and_by_the_same_person() {
    let mut story = Story::default();
    let added = || StepAdded { step: "s".into() };
    let worded = || StepTextChanged { step: "s".into() };
    story.push(ANN, 0, vec![Created]);
    story.push(ANN, 1, vec![TitleChanged]);
    story.push(ANN, 2, vec![KindChanged { kind: None }]);
    story.push(ANN, 3, vec![added()]);
    story.push(ANN, 4, vec![worded()]);
    story.push(BOB, 5, vec![worded()]);
    story.push(ANN, 90, vec![worded()]);
    story.push(ANN, 91, vec![WhyChanged]);
    let told = tell(&story.0, None, None);
    let expected = [
        (ANN, 1, Created),
        (ANN, 1, added()),
        (BOB, 1, worded()),
        (ANN, 1, worded()),
        (ANN, 1, WhyChanged),
    ];
    assert_eq!(in_short(&told), expected);
}

#[test]
fn entries_of_a_log_are_counted() {
    let mood = |id: &str| MoodAdded {
        entry: format!("ann/{id}"),
        value: Some(3),
    };
    let mut story = Story::default();
    story.push(ANN, 0, vec![Created, mood("a")]);
    story.push(ANN, 5_000, vec![mood("b")]);
    let removed = MoodRemoved {
        entry: "ann/a".into(),
    };
    story.push(ANN, 9_000, vec![removed.clone(), mood("c")]);
    let told = tell(&story.0, None, None);
    assert_eq!(in_short(&told), [(ANN, 3, mood("c")), (ANN, 1, removed)]);
}

#[test]
fn a_rating_tells_its_note_and_the_same_persons_one_before() {
    let mut goal = Replica::goal("Walk");
    let mut story = Story::default();
    story.does(&mut goal, ANN, 0, rate(4));
    story.does(&mut goal, BOB, 1, rate(9));
    let before = goal.view();
    let told_from = story.0.len();
    let rating = GoalCommand::Rate {
        value: 6,
        note: "slowly".into(),
        at: Some(crate::Moment {
            at_millis: 1_000_000,
            offset_minutes: 0,
        }),
        copied_from: None,
    };
    let id = story.does(&mut goal, ANN, 100, rating);
    let told = tell(&story.0[told_from..], Some(&before), Some(&goal.view()));
    let [sentence] = told.as_slice() else {
        panic!("{told:?}")
    };
    let rated = Rated {
        rating: id,
        value: Some(6),
    };
    assert_eq!(sentence.fact, rated);
    assert_eq!(sentence.was, Some(4));
    assert_eq!(sentence.text.as_deref(), Some("slowly"));
    let all = tell(&story.0, None, Some(&goal.view()));
    let were: Vec<Option<u8>> = all.iter().map(|sentence| sentence.was).collect();
    assert_eq!(were, [None, None, Some(4)]);
}

#[test]
fn steps_are_told_with_their_words_also_once_removed() {
    let mut goal = Replica::goal("Walk");
    let mut story = Story::default();
    let kept = story.does(&mut goal, ANN, 0, step("buy shoes"));
    let gone = story.does(&mut goal, ANN, 1, step("buy a hat"));
    let before = goal.view();
    let from = story.0.len();
    let done = GoalCommand::SetStepDone {
        step: kept.clone(),
        done: true,
    };
    story.does(&mut goal, BOB, 2, done);
    let reworded = set(TextField::Step(kept.clone()), "buy red shoes");
    story.does(&mut goal, BOB, 3, reworded);
    story.does(&mut goal, ANN, 4, GoalCommand::RemoveStep { step: gone });
    let short_lived = story.does(&mut goal, ANN, 5, step("forget it"));
    let removed = GoalCommand::RemoveStep { step: short_lived };
    story.does(&mut goal, ANN, 6, removed);
    let told = tell(&story.0[from..], Some(&before), Some(&goal.view()));
    let texts: Vec<Option<&str>> = told.iter().map(|one| one.text.as_deref()).collect();
    let shoes = Some("buy red shoes");
    assert_eq!(texts, [shoes, shoes, Some("buy a hat"), None, None]);
}

#[test]
fn a_closing_tells_its_outcome_while_it_stands() {
    let mut goal = Replica::goal("Walk");
    let mut story = Story::default();
    let close = GoalCommand::Close {
        outcome: ClosingOutcome::GoodEnough,
        note: "so".into(),
    };
    story.does(&mut goal, ANN, 0, close);
    let outcome = |story: &Story, goal: &Replica| {
        let told = tell(&story.0, None, Some(&goal.view()));
        let closed = StateChanged {
            state: Some(GoalState::Closed),
        };
        let sentence = told.into_iter().find(|sentence| sentence.fact == closed);
        sentence.unwrap().outcome
    };
    assert_eq!(outcome(&story, &goal), Some(ClosingOutcome::GoodEnough));
    story.does(&mut goal, ANN, 1, GoalCommand::Reopen);
    assert_eq!(outcome(&story, &goal), None);
}

#[test]
fn what_is_written_in_anothers_name_is_not_told_as_theirs_nor_as_the_writers() {
    let rated = || Rated {
        rating: "ann/x".into(),
        value: Some(10),
    };
    let mut story = Story::default();
    story.push(BOB, 0, vec![rated()]);
    story.push(ANN, 0, vec![rated()]);
    let mut unknown = story.0[0].clone();
    unknown.author = None;
    story.0.push(unknown);
    let told = tell(&story.0, None, None);
    assert_eq!(
        in_short(&told),
        [(BOB, 1, Other), (ANN, 1, rated()), ("?", 1, rated())]
    );
}

#[test]
fn sentences_have_a_stable_shape() {
    let mut story = Story::default();
    story.push(ANN, 1, vec![TitleChanged]);
    let json = serde_json::to_string(&tell(&story.0, None, None)).unwrap();
    assert_eq!(
        json,
        r#"[{"author":"ann","proven":true,"from_seconds":60,"to_seconds":60,"count":1,"what":"title-changed","text":null,"was":null,"outcome":null}]"#
    );
}
