//! What the list of goals shows of one, kept beside its document so that none has to be loaded.

use serde::{Deserialize, Serialize};

use crate::agreement::Agreement;
use crate::goal_kind::{ClosingOutcome, GoalKind, GoalState};
use crate::goal_view::GoalView;
use crate::moment::Moment;
use crate::words::Words;

/// Changes with every change of the fields or their order: an older summary is read anew from its
/// document.
const VERSION: u8 = 1;

/// A goal in one line. Derived state: always possible to make again from the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalSummary {
    /// What it is called.
    pub title: Words,
    /// What it is about; `None` when not chosen yet.
    pub kind: Option<GoalKind>,
    /// Where it stands.
    pub state: GoalState,
    /// How it ended; only of a closed goal.
    pub outcome: Option<ClosingOutcome>,
    /// Whether its wording is agreed.
    pub agreement: AgreementState,
    /// The newest rating: value, time, rater.
    pub last_rating: Option<(u8, Moment, String)>,
    /// How many steps are open.
    pub steps_open: u32,
    /// How many steps are done.
    pub steps_done: u32,
}

/// [`Agreement`] without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgreementState {
    /// Nobody has proposed a wording.
    NoProposal,
    /// The wording waits for acceptances.
    Proposed,
    /// The wording is agreed.
    Agreed,
    /// The wording was changed after the newest proposal.
    Changed,
}

/// Bytes that are no summary of this version: read the document instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a summary of this version")]
#[non_exhaustive]
pub struct SummaryError;

impl Agreement {
    /// The state without its details.
    pub const fn state(&self) -> AgreementState {
        match self {
            Self::NoProposal => AgreementState::NoProposal,
            Self::Proposed { .. } => AgreementState::Proposed,
            Self::Agreed { .. } => AgreementState::Agreed,
            Self::Changed { .. } => AgreementState::Changed,
        }
    }
}

impl GoalSummary {
    /// The summary of a goal.
    pub fn of(view: &GoalView) -> Self {
        let done = view.steps.iter().filter(|step| step.done.is_some()).count();
        let count = |steps| u32::try_from(steps).unwrap_or(u32::MAX);
        Self {
            title: view.title.clone(),
            kind: view.kind,
            state: view.state,
            outcome: view.outcome,
            agreement: view.agreement.state(),
            last_rating: view
                .ratings
                .last()
                .map(|rating| (rating.value, rating.at, rating.writer.clone())),
            steps_open: count(view.steps.len() - done),
            steps_done: count(done),
        }
    }

    /// A version byte and the fields in postcard's encoding.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION])
            .expect("a summary holds only types that postcard writes, into growing memory")
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`SummaryError`] for bytes of another version, or damaged ones.
    pub fn decode(bytes: &[u8]) -> Result<Self, SummaryError> {
        let Some((&VERSION, fields)) = bytes.split_first() else {
            return Err(SummaryError);
        };
        match postcard::take_from_bytes(fields) {
            Ok((summary, [])) => Ok(summary),
            _ => Err(SummaryError),
        }
    }
}
