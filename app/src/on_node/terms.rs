//! The node's and the model's terms as the window's, and back.

use cairn_model::{ChangeSummary, ClosingOutcome, GoalKind, GoalState};
use cairn_node::{DocumentId, PersonId};

use crate::view::{Event, GoalKey, Kind, Outcome, PersonKey, Role};

pub(super) fn key(document: DocumentId) -> GoalKey {
    GoalKey(*document.as_bytes())
}

pub(super) fn document(goal: GoalKey) -> DocumentId {
    DocumentId::from_bytes(goal.0)
}

pub(super) fn person_id(person: PersonKey) -> PersonId {
    PersonId::from_bytes(person.0)
}

pub(super) fn role(role: cairn_node::Role) -> Role {
    match role {
        cairn_node::Role::Client => Role::Client,
        cairn_node::Role::Therapist => Role::Therapist,
        cairn_node::Role::Supporter => Role::Supporter,
    }
}

pub(super) fn node_role(role: Role) -> cairn_node::Role {
    match role {
        Role::Client => cairn_node::Role::Client,
        Role::Therapist => cairn_node::Role::Therapist,
        Role::Supporter => cairn_node::Role::Supporter,
    }
}

pub(super) fn kind(kind: GoalKind) -> Kind {
    match kind {
        GoalKind::Symptom => Kind::Symptom,
        GoalKind::Behaviour => Kind::Behaviour,
        GoalKind::Emotion => Kind::Emotion,
        GoalKind::Relationship => Kind::Relationship,
        GoalKind::Growth => Kind::Growth,
        GoalKind::Clarity => Kind::Clarity,
    }
}

pub(super) fn model_kind(kind: Kind) -> GoalKind {
    match kind {
        Kind::Symptom => GoalKind::Symptom,
        Kind::Behaviour => GoalKind::Behaviour,
        Kind::Emotion => GoalKind::Emotion,
        Kind::Relationship => GoalKind::Relationship,
        Kind::Growth => GoalKind::Growth,
        Kind::Clarity => GoalKind::Clarity,
    }
}

pub(super) fn outcome(outcome: ClosingOutcome) -> Outcome {
    match outcome {
        ClosingOutcome::Achieved => Outcome::Achieved,
        ClosingOutcome::GoodEnough => Outcome::GoodEnough,
        ClosingOutcome::Partly => Outcome::Partly,
        ClosingOutcome::Changed => Outcome::Changed,
        ClosingOutcome::LetGo => Outcome::LetGo,
        ClosingOutcome::NotNow => Outcome::NotNow,
    }
}

pub(super) fn model_outcome(outcome: Outcome) -> ClosingOutcome {
    match outcome {
        Outcome::Achieved => ClosingOutcome::Achieved,
        Outcome::GoodEnough => ClosingOutcome::GoodEnough,
        Outcome::Partly => ClosingOutcome::Partly,
        Outcome::Changed => ClosingOutcome::Changed,
        Outcome::LetGo => ClosingOutcome::LetGo,
        Outcome::NotNow => ClosingOutcome::NotNow,
    }
}

pub(super) fn event(summary: &ChangeSummary) -> Event {
    match summary {
        ChangeSummary::Created => Event::Created,
        ChangeSummary::TitleChanged => Event::TitleChanged,
        ChangeSummary::WhyChanged => Event::WhyChanged,
        ChangeSummary::GoodEnoughChanged => Event::EnoughChanged,
        ChangeSummary::KindChanged { .. } => Event::KindChanged,
        ChangeSummary::StepAdded { .. } => Event::StepAdded,
        ChangeSummary::StepDone { .. } => Event::StepDone,
        ChangeSummary::StepReopened { .. } => Event::StepUndone,
        ChangeSummary::Rated { .. } => Event::Rated,
        ChangeSummary::Proposed { .. } => Event::Proposed,
        ChangeSummary::Accepted { .. } => Event::Accepted,
        ChangeSummary::StateChanged { state } => match state {
            Some(GoalState::Paused) => Event::Paused,
            Some(GoalState::Open) => Event::Resumed,
            Some(GoalState::Closed) => Event::Closed,
            None => Event::Other,
        },
        _ => Event::Other,
    }
}
