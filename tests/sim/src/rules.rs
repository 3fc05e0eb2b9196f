//! The rules of the documents in a world: the model's own, judged for the engine.
//!
//! Goals and mood logs have a map of entries with one writer each; documents of other kinds have none.

use cairn_engine::{Action, Breach, DocumentRules, Judged, Operation, PathStep, PersonId};
use cairn_model::DocumentKind;

/// Kinds of documents that people make: one that no version knows, goals, what two people keep
/// together, and mood logs.
pub(crate) const KINDS: u16 = 4;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Rules;

impl DocumentRules for Rules {
    fn judge(&self, judged: Judged<'_>) -> Result<(), Breach> {
        let Some(kind) = DocumentKind::from_number(judged.kind) else {
            return Ok(());
        };
        let operations: Vec<_> = judged.operations.iter().map(model_operation).collect();
        cairn_model::judge(kind, &judged.author.to_string(), &operations).map_err(|_breach| Breach)
    }
}

/// The map in documents of a kind whose entries have one writer each.
pub(crate) fn entries_of(kind: u16) -> Option<&'static str> {
    match DocumentKind::from_number(kind)? {
        DocumentKind::Goal => Some("ratings"),
        DocumentKind::MoodLog => Some("moods"),
        _ => None,
    }
}

/// The key of an entry of a person.
pub(crate) fn entry_key(writer: PersonId, name: &str) -> String {
    format!("{writer}/{name}")
}

/// The only person who may write below a key of such a map.
pub(crate) fn writer_of(key: &str) -> Option<&str> {
    key.split_once('/').map(|(writer, _)| writer)
}

fn model_operation(operation: &Operation) -> cairn_model::Operation {
    let path = operation.path.iter().map(|step| match step {
        PathStep::Key(key) => cairn_model::PathStep::Key(key.clone()),
        PathStep::Element => cairn_model::PathStep::Element,
    });
    let predecessors = operation.predecessor_authors.iter();
    cairn_model::Operation {
        path: path.collect(),
        action: match operation.action {
            Action::Put => cairn_model::Action::Put,
            Action::Make => cairn_model::Action::Make,
            Action::Increment => cairn_model::Action::Increment,
            Action::Delete => cairn_model::Action::Delete,
            Action::Insert => cairn_model::Action::Insert,
            Action::Mark => cairn_model::Action::Mark,
        },
        predecessor_writers: predecessors
            .map(|author| author.map(|person| person.to_string()))
            .collect(),
        value: None,
    }
}
