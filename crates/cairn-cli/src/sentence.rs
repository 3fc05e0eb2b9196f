//! What changed, said in a sentence.

use cairn_model::{ChangeSummary, ClosingOutcome, GoalState, Sentence};
use cairn_node::Node;
use cairn_words::{TextId, Words, text_id};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::{moment, people};

/// A sentence for programs: the facts, and what people read.
///
/// # Errors
/// None that a sentence can cause.
pub(crate) fn in_json(node: &Node, told: &Sentence, words: &Words) -> Result<Value, Failure> {
    let mut json = serde_json::to_value(told)?;
    let fields = json.as_object_mut().expect("a sentence has named fields");
    for replaced in ["author", "from_seconds", "to_seconds"] {
        fields.remove(replaced);
    }
    let person = told.author.as_deref();
    let name = person.and_then(|person| node.name_of(person.parse().ok()?));
    json["person"] = json!(person);
    json["name"] = json!(name);
    json["from"] = json!(moment::utc_of_seconds(told.from_seconds));
    json["at"] = json!(moment::utc_of_seconds(told.to_seconds));
    json["sentence"] = json!(in_words(node, told, words));
    Ok(json)
}

/// A sentence for people with its time.
pub(crate) fn line(node: &Node, told: &Sentence, words: &Words) -> String {
    let when = moment::here(told.to_seconds);
    let sentence = in_words(node, told, words);
    let parts = [("when", when.into()), ("sentence", sentence.into())];
    words.format(text_id!("history-line"), &parts)
}

fn in_words(node: &Node, told: &Sentence, words: &Words) -> String {
    let me = node.whoami().person.to_string();
    let name = match told.author.as_deref() {
        Some(author) if author == me => words.text(text_id!("app-me")).into_owned(),
        Some(author) => people::call_by_text(node, author),
        None => words.text(text_id!("app-by-unknown")).into_owned(),
    };
    say(&name, told, words)
}

fn say(name: &str, told: &Sentence, words: &Words) -> String {
    let mut arguments: Vec<(&str, cairn_words::Value<'_>)> =
        vec![("name", name.into()), ("count", told.count.into())];
    let id = match (&told.fact, told.was, told.outcome) {
        (
            ChangeSummary::Rated {
                value: Some(value), ..
            },
            was,
            _,
        ) => {
            arguments.push(("value", (*value).into()));
            match was {
                Some(was) => {
                    arguments.push(("was", was.into()));
                    text_id!("history-rated-again")
                }
                None => text_id!("history-rated"),
            }
        }
        (ChangeSummary::StateChanged { .. }, _, Some(outcome)) => {
            arguments.push(("outcome", words.text(ending(outcome)).into()));
            text_id!("history-closed-as")
        }
        (fact, ..) => id(fact),
    };
    let mut said = words.format(id, &arguments);
    if let Some(text) = &told.text {
        let parts = [
            ("sentence", said.as_str().into()),
            ("words", text.as_str().into()),
        ];
        said = words.format(text_id!("history-with-words"), &parts);
    }
    if !told.proven {
        let parts = [("sentence", said.as_str().into())];
        said = words.format(text_id!("history-unproven"), &parts);
    }
    said
}

fn id(fact: &ChangeSummary) -> TextId {
    match fact {
        ChangeSummary::Created => text_id!("history-created"),
        ChangeSummary::TitleChanged => text_id!("history-title-changed"),
        ChangeSummary::WhyChanged => text_id!("history-why-changed"),
        ChangeSummary::GoodEnoughChanged => text_id!("history-enough-changed"),
        ChangeSummary::KindChanged { .. } => text_id!("history-kind-changed"),
        ChangeSummary::StepAdded { .. } => text_id!("history-step-added"),
        ChangeSummary::StepTextChanged { .. } => text_id!("history-step-reworded"),
        ChangeSummary::StepMoved { .. } => text_id!("history-step-moved"),
        ChangeSummary::StepDone { .. } => text_id!("history-step-done"),
        ChangeSummary::StepReopened { .. } => text_id!("history-step-reopened"),
        ChangeSummary::StepRemoved { .. } => text_id!("history-step-removed"),
        ChangeSummary::Rated { .. } => text_id!("history-rated-unknown"),
        ChangeSummary::RatingNoteChanged { .. } => text_id!("history-note-changed"),
        ChangeSummary::RatingRemoved { .. } => text_id!("history-rating-removed"),
        ChangeSummary::Proposed { .. } => text_id!("history-proposed"),
        ChangeSummary::ProposalWithdrawn { .. } => text_id!("history-proposal-withdrawn"),
        ChangeSummary::Accepted { .. } => text_id!("history-accepted"),
        ChangeSummary::AcceptanceWithdrawn { .. } => text_id!("history-acceptance-withdrawn"),
        ChangeSummary::StateChanged { state } => match state {
            Some(GoalState::Open) => text_id!("history-taken-up"),
            Some(GoalState::Paused) => text_id!("history-paused"),
            Some(GoalState::Closed) => text_id!("history-closed"),
            _ => text_id!("history-other"),
        },
        ChangeSummary::MoodAdded { .. } => text_id!("history-moods"),
        ChangeSummary::MoodNoteChanged { .. } => text_id!("history-mood-notes"),
        ChangeSummary::MoodRemoved { .. } => text_id!("history-moods-removed"),
        _ => text_id!("history-other"),
    }
}

fn ending(outcome: ClosingOutcome) -> TextId {
    match outcome {
        ClosingOutcome::Achieved => text_id!("goal-close-achieved"),
        ClosingOutcome::GoodEnough => text_id!("goal-close-good-enough"),
        ClosingOutcome::Partly => text_id!("goal-close-partly"),
        ClosingOutcome::Changed => text_id!("goal-close-changed"),
        ClosingOutcome::LetGo => text_id!("goal-close-let-go"),
        ClosingOutcome::NotNow => text_id!("goal-close-not-now"),
    }
}

#[cfg(test)]
mod tests {
    use cairn_words::Language;

    use super::*;

    fn told(fact: ChangeSummary) -> Sentence {
        Sentence {
            author: None,
            proven: true,
            from_seconds: 0,
            to_seconds: 0,
            count: 1,
            fact,
            text: None,
            was: None,
            outcome: None,
        }
    }

    #[test]
    fn facts_become_sentences() {
        let words = Words::new(Language::English);
        let check = |told: Sentence, expected: &str| {
            assert_eq!(say("Mara", &told, &words), expected);
        };
        let rated = |value| ChangeSummary::Rated {
            rating: "x".into(),
            value,
        };
        check(told(rated(Some(6))), "Mara rated this 6");
        let mut again = told(rated(Some(6)));
        again.was = Some(4);
        check(again.clone(), "Mara rated this 6 (was 4)");
        again.text = Some("slowly".into());
        check(again.clone(), "Mara rated this 6 (was 4): “slowly”");
        again.proven = false;
        check(
            again,
            "Mara rated this 6 (was 4): “slowly” (who wrote it is not proven)",
        );
        check(told(rated(None)), "Mara added a rating");
        let mut step = told(ChangeSummary::StepAdded { step: "x".into() });
        step.text = Some("buy shoes".into());
        check(step, "Mara added a step: “buy shoes”");
        let mut moods = told(ChangeSummary::MoodAdded {
            entry: "x".into(),
            value: None,
        });
        check(moods.clone(), "Mara noted a mood");
        moods.count = 3;
        check(moods, "Mara noted 3 moods");
        let state = |state| told(ChangeSummary::StateChanged { state });
        check(state(Some(GoalState::Open)), "Mara took this up again");
        let mut closed = state(Some(GoalState::Closed));
        check(closed.clone(), "Mara closed this");
        closed.outcome = Some(ClosingOutcome::GoodEnough);
        check(closed, "Mara closed this: Good enough");
        check(
            told(ChangeSummary::Accepted {
                proposal: "x".into(),
            }),
            "Mara agreed to the wording",
        );
    }
}
