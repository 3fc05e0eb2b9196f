//! What one change did, as a closed set of facts for the history; the words are elsewhere.

use serde::Serialize;

use crate::goal_kind::{GoalKind, GoalState};
use crate::rules::{Action, Operation, PathStep, Scalar};
use crate::schema::{
    ACCEPTANCES, CLOSING_NOTE, COPIED_FROM, CREATED, CREATED_BY, DIGEST, DONE, ENTERED,
    GOOD_ENOUGH, KIND, MOODS, NOTE, ORDER, OUTCOME, PARTIES, PROPOSALS, RATINGS, REASON, REVISION,
    SCHEMA, STATE, STATE_SINCE, STEPS, TEXT, TITLE, VALUE, WHY, WITHDRAWN, WITHDRAWN_DIGEST,
    WORDING_EDIT, YEAR,
};

/// One fact about a change. Ids are those of [`GoalView`](crate::GoalView).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangeSummary {
    /// The document was made; of its first content only moods are said beside it.
    Created,
    /// The title was edited.
    TitleChanged,
    /// The why was edited.
    WhyChanged,
    /// The good-enough text was edited.
    GoodEnoughChanged,
    /// The kind was set; `None` when it was left open again or is not known.
    KindChanged {
        /// The new kind.
        kind: Option<GoalKind>,
    },
    /// A step was added.
    StepAdded {
        /// Its id.
        step: String,
    },
    /// A step's text was edited.
    StepTextChanged {
        /// Its id.
        step: String,
    },
    /// A step was put elsewhere.
    StepMoved {
        /// Its id.
        step: String,
    },
    /// A step was done.
    StepDone {
        /// Its id.
        step: String,
    },
    /// A done step was opened again.
    StepReopened {
        /// Its id.
        step: String,
    },
    /// A step was removed.
    StepRemoved {
        /// Its id.
        step: String,
    },
    /// A rating was given.
    Rated {
        /// Its id.
        rating: String,
        /// The rating, when known.
        value: Option<i64>,
    },
    /// A rating's note was edited.
    RatingNoteChanged {
        /// Its id.
        rating: String,
    },
    /// A rating was removed.
    RatingRemoved {
        /// Its id.
        rating: String,
    },
    /// A wording was proposed.
    Proposed {
        /// The proposal's id.
        proposal: String,
    },
    /// A proposal was taken back.
    ProposalWithdrawn {
        /// The proposal's id.
        proposal: String,
    },
    /// A proposal was accepted.
    Accepted {
        /// The proposal's id.
        proposal: String,
    },
    /// An acceptance was taken back.
    AcceptanceWithdrawn {
        /// The proposal's id.
        proposal: String,
    },
    /// The goal was paused, resumed, closed or opened again.
    StateChanged {
        /// The new state, when known.
        state: Option<GoalState>,
    },
    /// A mood was noted.
    MoodAdded {
        /// The entry's id.
        entry: String,
        /// The mood, when known.
        value: Option<i64>,
    },
    /// A mood's note was edited.
    MoodNoteChanged {
        /// The entry's id.
        entry: String,
    },
    /// A mood was removed.
    MoodRemoved {
        /// The entry's id.
        entry: String,
    },
    /// Something this version has no name for.
    Other,
}

/// The facts about one change, each once, in the order of its operations.
///
/// Works on the operations of a goal's or a mood log's change alone, without the document.
pub fn describe(operations: &[Operation]) -> Vec<ChangeSummary> {
    let mut facts = Vec::new();
    for operation in operations {
        let Some(fact) = fact(operation, operations) else {
            continue;
        };
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }
    if facts.contains(&ChangeSummary::Created) {
        facts.retain(|fact| {
            matches!(
                fact,
                ChangeSummary::Created | ChangeSummary::MoodAdded { .. }
            )
        });
    }
    facts
}

/// The keys of a path up to the first element.
fn keys(operation: &Operation) -> Vec<&str> {
    operation.path.iter().map_while(PathStep::key).collect()
}

fn fact(operation: &Operation, all: &[Operation]) -> Option<ChangeSummary> {
    let keys = keys(operation);
    let fact = match keys.as_slice() {
        [SCHEMA] => ChangeSummary::Created,
        [TITLE] => ChangeSummary::TitleChanged,
        [WHY] => ChangeSummary::WhyChanged,
        [GOOD_ENOUGH] => ChangeSummary::GoodEnoughChanged,
        [KIND] => ChangeSummary::KindChanged {
            kind: text(operation).and_then(GoalKind::parse),
        },
        [STATE] => ChangeSummary::StateChanged {
            state: text(operation).and_then(GoalState::parse),
        },
        [key] if is_silent(key) => return None,
        [STEPS, below @ ..] => return step_fact(operation, below, all),
        [container @ (RATINGS | MOODS), below @ ..] => {
            return scale_fact(operation, container, below, all);
        }
        [container @ (PROPOSALS | ACCEPTANCES), below @ ..] => {
            return agreement_fact(operation, container, below);
        }
        _ => ChangeSummary::Other,
    };
    Some(fact)
}

/// Keys that are only ever written along with others that are told.
fn is_silent(key: &str) -> bool {
    let containers = [STEPS, RATINGS, PROPOSALS, ACCEPTANCES, MOODS];
    let beside = [WORDING_EDIT, OUTCOME, CLOSING_NOTE, CREATED_BY, YEAR];
    let moments = [STATE_SINCE, CREATED];
    containers.contains(&key)
        || beside.contains(&key)
        || moments
            .iter()
            .any(|keys| key == keys.at || key == keys.offset)
}

fn step_fact(operation: &Operation, below: &[&str], all: &[Operation]) -> Option<ChangeSummary> {
    let (id, field) = below.split_first()?;
    let step = (*id).to_owned();
    let deleted = operation.action == Action::Delete;
    if field.is_empty() {
        return Some(match operation.action {
            Action::Make => ChangeSummary::StepAdded { step },
            Action::Delete => ChangeSummary::StepRemoved { step },
            _ => ChangeSummary::Other,
        });
    }
    if makes(all, STEPS, id) {
        return None;
    }
    Some(match *field {
        [TEXT] => ChangeSummary::StepTextChanged { step },
        [ORDER] => ChangeSummary::StepMoved { step },
        [key] if key == DONE.at && deleted => ChangeSummary::StepReopened { step },
        [key] if key == DONE.at => ChangeSummary::StepDone { step },
        [key] if key == DONE.offset => return None,
        _ => ChangeSummary::Other,
    })
}

fn scale_fact(
    operation: &Operation,
    container: &str,
    below: &[&str],
    all: &[Operation],
) -> Option<ChangeSummary> {
    let is_mood = container == MOODS;
    let (id, field) = below.split_first()?;
    let id = (*id).to_owned();
    let made = makes(all, container, &id);
    Some(match (field, operation.action) {
        ([], Action::Make) => {
            let value = all
                .iter()
                .find(|other| keys(other) == [container, id.as_str(), VALUE]);
            let value = value.and_then(integer);
            if is_mood {
                ChangeSummary::MoodAdded { entry: id, value }
            } else {
                ChangeSummary::Rated { rating: id, value }
            }
        }
        ([], Action::Delete) if is_mood => ChangeSummary::MoodRemoved { entry: id },
        ([], Action::Delete) => ChangeSummary::RatingRemoved { rating: id },
        ([key], _) if made && (is_entered(key) || [VALUE, NOTE, COPIED_FROM].contains(key)) => {
            return None;
        }
        ([NOTE], _) if is_mood => ChangeSummary::MoodNoteChanged { entry: id },
        ([NOTE], _) => ChangeSummary::RatingNoteChanged { rating: id },
        _ => ChangeSummary::Other,
    })
}

fn agreement_fact(operation: &Operation, container: &str, below: &[&str]) -> Option<ChangeSummary> {
    let is_proposal = container == PROPOSALS;
    let (key, field) = below.split_first()?;
    let proposal = match key.split_once('/') {
        Some((_, proposal)) if !is_proposal => proposal.to_owned(),
        _ => (*key).to_owned(),
    };
    let quoted = [
        TITLE,
        KIND,
        GOOD_ENOUGH,
        PARTIES,
        REVISION,
        DIGEST,
        REASON,
        WITHDRAWN_DIGEST,
    ];
    Some(match (field, operation.action) {
        ([], Action::Make) if is_proposal => ChangeSummary::Proposed { proposal },
        ([], Action::Make) => ChangeSummary::Accepted { proposal },
        ([key], Action::Put) if key == &WITHDRAWN.at && is_proposal => {
            ChangeSummary::ProposalWithdrawn { proposal }
        }
        ([key], Action::Put) if key == &WITHDRAWN.at => {
            ChangeSummary::AcceptanceWithdrawn { proposal }
        }
        ([key], _) if key == &WITHDRAWN.offset || is_entered(key) => return None,
        ([key], _) if quoted.contains(key) => return None,
        _ => ChangeSummary::Other,
    })
}

fn is_entered(key: &str) -> bool {
    key == ENTERED.at || key == ENTERED.offset
}

/// True when the change makes the entry or step itself.
fn makes(all: &[Operation], container: &str, id: &str) -> bool {
    all.iter()
        .any(|operation| operation.action == Action::Make && keys(operation) == [container, id])
}

fn text(operation: &Operation) -> Option<&str> {
    match &operation.value {
        Some(Scalar::Text(text)) => Some(text),
        _ => None,
    }
}

fn integer(operation: &Operation) -> Option<i64> {
    match operation.value {
        Some(Scalar::Integer(number)) => Some(number),
        _ => None,
    }
}
