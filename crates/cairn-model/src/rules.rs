//! Which operations of a change its author may make.
//!
//! # Invariants
//! - Judged on the change alone, never on a document's state: the same on every device.
//! - Entries with one writer live under a key that begins with that writer's id and `/`. Nobody
//!   else may write, delete or increment there, nor replace the map that holds them.
//! - Everything else, unknown keys too, is free to all who may write the document.
//!
//! # Not here
//! Who may write the document at all: the engine. What a view counts: [`GoalView`](crate::GoalView)
//! follows the same rule by itself, as an owner's changes are never refused.

use crate::document_kind::DocumentKind;
use crate::entry::split_key;
use crate::schema::{ACCEPTANCES, MOODS, PROPOSALS, RATINGS};

/// One step of the path from the root of a document to what an operation touches.
#[derive(Clone, PartialEq, Eq)]
pub enum PathStep {
    /// A key of a map.
    Key(String),
    /// An element of a list or a text.
    Element,
}

impl PathStep {
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Element => None,
        }
    }
}

impl std::fmt::Debug for PathStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Element => "Element",
        })
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sets a scalar.
    Put,
    /// Makes a map, list or text.
    Make,
    /// Adds to a counter.
    Increment,
    /// Removes.
    Delete,
    /// Inserts an element into a list or text.
    Insert,
    /// Marks a range of a text.
    Mark,
}

/// A scalar that an operation sets, as far as it is known.
#[derive(Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A short text.
    Text(String),
    /// A whole number.
    Integer(i64),
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Integer(_) => "Integer",
        })
    }
}

/// One operation of a change, taken from the change itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Where, from the root; the last step is what it sets, removes or inserts.
    pub path: Vec<PathStep>,
    /// What.
    pub action: Action,
    /// Who wrote the values it replaces or removes; `None` for one nobody is known to have
    /// written.
    pub predecessor_writers: Vec<Option<String>>,
    /// The value, where it is a short scalar: [`describe`](crate::describe) tells it, rules never
    /// look at it.
    pub value: Option<Scalar>,
}

/// Why a change may not be made by its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleBreach {
    /// It writes under a key that belongs to someone else.
    #[error("an entry of another person in {container}")]
    EntryOfAnother {
        /// The map of the entries.
        container: &'static str,
    },
    /// It writes under a key that names no writer.
    #[error("an entry without a writer in {container}")]
    EntryWithoutWriter {
        /// The map of the entries.
        container: &'static str,
    },
    /// It replaces or removes a map of entries with all that is in it.
    #[error("all entries of {container} replaced")]
    ContainerReplaced {
        /// The map of the entries.
        container: &'static str,
    },
}

/// Judges the operations of one change.
///
/// The owner's changes are judged like all others; that nobody refuses them is for the caller.
///
/// # Errors
/// The first [`RuleBreach`], in the order of the operations.
pub fn judge(kind: DocumentKind, author: &str, operations: &[Operation]) -> Result<(), RuleBreach> {
    let containers = one_writer_containers(kind);
    operations
        .iter()
        .try_for_each(|operation| judge_operation(containers, author, operation))
}

const fn one_writer_containers(kind: DocumentKind) -> &'static [&'static str] {
    match kind {
        DocumentKind::Goal | DocumentKind::GoalDraft => &[RATINGS, PROPOSALS, ACCEPTANCES],
        DocumentKind::MoodLog => &[MOODS],
        _ => &[],
    }
}

fn judge_operation(
    containers: &'static [&'static str],
    author: &str,
    operation: &Operation,
) -> Result<(), RuleBreach> {
    let [PathStep::Key(key), below @ ..] = operation.path.as_slice() else {
        return Ok(());
    };
    let Some(container) = containers
        .iter()
        .copied()
        .find(|container| container == key)
    else {
        return Ok(());
    };
    match below {
        [] => {
            let fresh =
                operation.action == Action::Make && operation.predecessor_writers.is_empty();
            if fresh {
                Ok(())
            } else {
                Err(RuleBreach::ContainerReplaced { container })
            }
        }
        [PathStep::Key(key), ..] => match split_key(key) {
            Some((writer, _)) if writer == author => Ok(()),
            Some(_) => Err(RuleBreach::EntryOfAnother { container }),
            None => Err(RuleBreach::EntryWithoutWriter { container }),
        },
        [PathStep::Element, ..] => Err(RuleBreach::EntryWithoutWriter { container }),
    }
}
