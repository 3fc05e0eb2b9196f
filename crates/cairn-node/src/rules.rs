//! Introduces the model's rules to the engine.

use cairn_engine::{Action, Breach, DocumentRules, Judged, Operation, PathStep, Scalar};
use cairn_model::DocumentKind;

/// The model's rules, judged for the engine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ModelRules;

impl DocumentRules for ModelRules {
    /// Kinds that this version does not know have no rules: nobody refuses what it cannot judge.
    fn judge(&self, judged: Judged<'_>) -> Result<(), Breach> {
        let Some(kind) = DocumentKind::from_number(judged.kind) else {
            return Ok(());
        };
        let operations = model_operations(judged.operations);
        cairn_model::judge(kind, &judged.author.to_string(), &operations).map_err(|breach| {
            tracing::debug!(%breach, "a change breaks the rules of its document");
            Breach
        })
    }

    /// A therapist's private notes.
    fn stays_here(&self, kind: u16) -> bool {
        DocumentKind::from_number(kind) == Some(DocumentKind::PrivateNotes)
    }
}

/// The engine's operations as the model sees them: persons become writers.
pub(crate) fn model_operations(operations: &[Operation]) -> Vec<cairn_model::Operation> {
    operations
        .iter()
        .map(|operation| cairn_model::Operation {
            path: operation.path.iter().map(model_step).collect(),
            action: match operation.action {
                Action::Put => cairn_model::Action::Put,
                Action::Make => cairn_model::Action::Make,
                Action::Increment => cairn_model::Action::Increment,
                Action::Delete => cairn_model::Action::Delete,
                Action::Insert => cairn_model::Action::Insert,
                Action::Mark => cairn_model::Action::Mark,
            },
            predecessor_writers: operation
                .predecessor_authors
                .iter()
                .map(|author| author.map(|person| person.to_string()))
                .collect(),
            value: operation.value.as_ref().and_then(model_scalar),
        })
        .collect()
}

fn model_step(step: &PathStep) -> cairn_model::PathStep {
    match step {
        PathStep::Key(key) => cairn_model::PathStep::Key(key.clone()),
        PathStep::Element => cairn_model::PathStep::Element,
    }
}

fn model_scalar(value: &Scalar) -> Option<cairn_model::Scalar> {
    match value {
        Scalar::Text(text) => Some(cairn_model::Scalar::Text(text.clone())),
        Scalar::Integer(number) => Some(cairn_model::Scalar::Integer(*number)),
        Scalar::Float(_) | Scalar::Boolean(_) | Scalar::Null => None,
    }
}
