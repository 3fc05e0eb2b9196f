//! The names of what the model has: kinds, outcomes, authors.

use cairn_words::{TextId, Words, text_id};

use crate::view::{Author, Kind, Outcome, Role, Standing};

/// What a kind is called when it is chosen.
pub(super) fn kind(kind: Kind) -> TextId {
    match kind {
        Kind::Symptom => text_id!("goals-kind-symptom"),
        Kind::Behaviour => text_id!("goals-kind-behaviour"),
        Kind::Emotion => text_id!("goals-kind-emotion"),
        Kind::Relationship => text_id!("goals-kind-relationship"),
        Kind::Growth => text_id!("goals-kind-growth"),
        Kind::Clarity => text_id!("goals-kind-clarity"),
    }
}

/// What a kind is called in a list.
pub(super) fn kind_short(kind: Kind) -> TextId {
    match kind {
        Kind::Symptom => text_id!("goals-kind-symptom-short"),
        Kind::Behaviour => text_id!("goals-kind-behaviour-short"),
        Kind::Emotion => text_id!("goals-kind-emotion-short"),
        Kind::Relationship => text_id!("goals-kind-relationship-short"),
        Kind::Growth => text_id!("goals-kind-growth-short"),
        Kind::Clarity => text_id!("goals-kind-clarity-short"),
    }
}

/// How a goal turned out.
pub(super) fn outcome(outcome: Outcome) -> TextId {
    match outcome {
        Outcome::Achieved => text_id!("goal-close-achieved"),
        Outcome::GoodEnough => text_id!("goal-close-good-enough"),
        Outcome::Partly => text_id!("goal-close-partly"),
        Outcome::Changed => text_id!("goal-close-changed"),
        Outcome::LetGo => text_id!("goal-close-let-go"),
        Outcome::NotNow => text_id!("goal-close-not-now"),
    }
}

/// Where a goal stands.
pub(super) fn standing(words: &Words, standing: Standing) -> String {
    match standing {
        Standing::Focus => words.text(text_id!("goal-state-focus")).into_owned(),
        Standing::Paused => words.text(text_id!("goal-state-paused")).into_owned(),
        Standing::Closed(how) => {
            let how = words.text(outcome(how));
            words.format(text_id!("goal-state-closed"), &[("outcome", how.into())])
        }
    }
}

/// The name of an author.
pub(super) fn author(words: &Words, author: &Author) -> String {
    match author {
        Author::Me => words.text(text_id!("app-by-me")).into_owned(),
        Author::Other(name) => name.clone(),
        Author::Unknown => words.text(text_id!("app-by-unknown")).into_owned(),
    }
}

/// What someone uses the notebook as.
pub(super) fn role(role: Role) -> TextId {
    match role {
        Role::Client => text_id!("app-role-client"),
        Role::Therapist => text_id!("app-role-therapist"),
        Role::Supporter => text_id!("app-role-supporter"),
    }
}
