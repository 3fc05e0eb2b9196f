//! The model's commands for what a person does to one goal.

use cairn_model::{Digest, GoalCommand};

use crate::view::{Kind, Outcome, Seen};

use super::terms::{model_kind, model_outcome};

pub(super) fn set_kind(kind: Kind) -> GoalCommand {
    GoalCommand::SetKind(Some(model_kind(kind)))
}

pub(super) fn add_step(text: String) -> GoalCommand {
    let text = text.into();
    GoalCommand::AddStep { text, done: None }
}

pub(super) fn rate(score: u8, note: String) -> GoalCommand {
    GoalCommand::Rate {
        value: score,
        note: note.into(),
        at: None,
        copied_from: None,
    }
}

pub(super) fn propose(seen: Seen, parties: Vec<String>) -> GoalCommand {
    GoalCommand::Propose {
        wording: Digest::from_bytes(seen),
        parties,
        reason: "".into(),
    }
}

pub(super) fn accept(proposal: String, seen: Seen) -> GoalCommand {
    let digest = Digest::from_bytes(seen);
    GoalCommand::Accept { proposal, digest }
}

pub(super) fn close(how: Outcome) -> GoalCommand {
    GoalCommand::Close {
        outcome: model_outcome(how),
        note: "".into(),
    }
}
