//! What a therapy goal notebook's documents mean: commands, views and rules. Pure.
//!
//! # Role
//! A document is an automerge document with the keys of `docs/schema.md`. [`GoalCommand`] and
//! [`MoodCommand`] write single fields of one inside the caller's transaction; [`GoalView`] and
//! [`MoodLogView`] read one, field by field; [`judge`] and [`describe`] look at the operations of
//! one change.
//!
//! # Invariants
//! - No clock, no randomness, no IO: the time, the writer and fresh ids come from [`EditContext`].
//! - A view never fails: what it cannot read is left out and named in `unreadable` or `ignored`.
//! - Two documents with the same changes give equal views, whatever the order of merging.
//! - A command never writes back what was read before its transaction.
//! - Whatever a person wrote is a [`Words`]: it never shows in a log or a `Debug` print.
//!
//! # Not here
//! Who may read, consent, proof of authorship: the engine. Words for people: `cairn-words`.

mod agreement;
mod anchor;
mod change_summary;
mod context;
mod document_kind;
mod entry;
mod goal_command;
mod goal_copy;
mod goal_kind;
mod goal_summary;
mod goal_view;
mod moment;
mod mood;
mod new_goal;
mod order;
mod part;
mod read;
mod rules;
mod schema;
mod steps;
mod telling;
mod text;
mod wording;
mod words;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use agreement::{Acceptance, Agreement, Proposal};
pub use anchor::{Lean, TextAnchor, TextSpan};
pub use change_summary::{ChangeSummary, describe};
pub use context::{CommandError, EditContext};
pub use document_kind::DocumentKind;
pub use entry::{Authors, IgnoredEntry, IgnoredReason};
pub use goal_command::{GoalCommand, GoalOutcome};
pub use goal_kind::{ClosingOutcome, GoalKind, GoalState};
pub use goal_summary::{AgreementState, GoalSummary, SummaryError};
pub use goal_view::{GoalView, Rating};
pub use moment::Moment;
pub use mood::{MoodCommand, MoodEntry, MoodLogView, NewMoodLog};
pub use new_goal::NewGoal;
pub use rules::{Action, Operation, PathStep, RuleBreach, Scalar, judge};
pub use schema::{
    CLOSING_NOTE_CODE_POINTS_MAX, NOTE_CODE_POINTS_MAX, PARTIES_MAX, REASON_CODE_POINTS_MAX,
    SCALE_MAX, SCHEMA_VERSION, TEXT_CODE_POINTS_MAX, holds_value, holds_words,
};
pub use steps::Step;
pub use telling::{AuthoredChange, Sentence, tell};
pub use text::TextField;
pub use wording::Digest;
pub use words::Words;
