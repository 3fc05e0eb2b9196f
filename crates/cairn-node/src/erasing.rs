//! Erasing a document, and letting a fresh copy of a goal go on in its place.
//!
//! # Invariants
//! * A fresh copy is whole, or there is none and the goal is as it was.
//! * Nothing of a document's history is in its fresh copy: that is a document of its own, made from
//!   what is shown.

use automerge::transaction::Transactable;
use cairn_engine::{
    DeviceId, DocumentId, Engine, EraseError, Now, PersonId, ShareError, ShareTerms,
};
use cairn_model::{CommandError, EditContext, GoalCommand, GoalView};

use crate::goals::EditError;
use crate::node::Node;
use crate::views::KnownAuthors;

/// Operations of a fresh copy after which its next change begins: well below the 10,000 that a
/// change may have.
const OPERATIONS_AT_ONCE: usize = 4_000;
/// The same in bytes of words, of 256 KiB.
const WORDS_AT_ONCE: usize = 64 << 10;

/// What became of an erased document, as far as this notebook knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureReport {
    /// When it was erased, in Unix milliseconds by the clock of the device that did it.
    pub at_millis: i64,
    /// The fresh copy that goes on in its place, if this person may know of it.
    pub successor: Option<DocumentId>,
    /// Who is asked to remove it, this notebook's own person first.
    pub asked: Vec<AskedPerson>,
}

/// A person whose devices are asked to remove a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPerson {
    /// Who.
    pub person: PersonId,
    /// Their devices, and when each has removed it, in Unix milliseconds by its clock; `None` while
    /// it has not answered.
    pub devices: Vec<(DeviceId, Option<i64>)>,
}

/// Why no fresh copy was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreshCopyError {
    /// It cannot be read, or the copy cannot be written.
    #[error(transparent)]
    Document(#[from] EditError),
    /// Only the owner copies.
    #[error("only the owner of a goal can go on in a fresh copy of it; nothing was changed")]
    NotOwner,
    /// The copy cannot be shared.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// Other documents have none.
    #[error("only a goal can be copied afresh; nothing was changed")]
    NotAGoal,
    /// The old one cannot be retired.
    #[error(transparent)]
    Erase(#[from] EraseError),
}

impl Node {
    /// Erases a document of this person for good: here at once, on everyone's devices when they
    /// next meet one that knows of it. A device that stays away, a backup or paper cannot be forced.
    /// Once more changes nothing, and tells who has answered since.
    ///
    /// # Errors
    /// See [`EraseError`]; nothing was changed.
    pub fn erase(&self, document: DocumentId) -> Result<ErasureReport, EraseError> {
        self.core
            .with_engine(|engine, now| engine.erase(now, document))?;
        // Only then is it removed here, and said so.
        self.flush();
        self.erasure(document).ok_or(EraseError::UnknownDocument)
    }

    /// What became of an erased document; `None` for any other.
    pub fn erasure(&self, document: DocumentId) -> Option<ErasureReport> {
        let me = self.whoami().person;
        self.core.with_engine(|engine, _| {
            let erasure = engine.erasure(document)?;
            let others = erasure.asked.iter().filter(|person| **person != me);
            let asked = std::iter::once(&me).chain(others).map(|person| {
                let removed = erasure.removed.iter().filter(|it| it.0 == *person);
                let mut devices: Vec<(DeviceId, Option<i64>)> = Vec::new();
                for (_, device, at) in removed {
                    match devices.iter_mut().find(|(known, _)| known == device) {
                        Some((_, first)) => *first = (*first).min(Some(*at)),
                        None => devices.push((*device, Some(*at))),
                    }
                }
                for device in engine.devices(*person) {
                    if devices.iter().all(|(known, _)| *known != device) {
                        devices.push((device, None));
                    }
                }
                devices.sort_unstable();
                AskedPerson {
                    person: *person,
                    devices,
                }
            });
            Some(ErasureReport {
                at_millis: erasure.at_millis,
                successor: erasure.successor,
                asked: asked.collect(),
            })
        })
    }

    /// Makes a new goal with what this one shows now and nothing of its history, gives it the same
    /// consents, and erases this one. Gives the new one's id.
    ///
    /// Ratings of others are marked as copied, which proves nothing of who gave them; what was
    /// agreed is to be agreed anew.
    ///
    /// # Errors
    /// See [`FreshCopyError`]; the goal is as it was, and there is no other.
    pub fn fresh_copy(&self, document: DocumentId) -> Result<DocumentId, FreshCopyError> {
        self.copy_afresh(document, None)
    }

    /// As [`fresh_copy`](Self::fresh_copy), with consent for a person beside those that are carried
    /// over.
    ///
    /// # Errors
    /// See [`FreshCopyError`]; the goal is as it was, and there is no other.
    pub fn share_afresh(
        &self,
        document: DocumentId,
        with: PersonId,
        terms: ShareTerms,
    ) -> Result<DocumentId, FreshCopyError> {
        self.copy_afresh(document, Some((with, terms)))
    }

    fn copy_afresh(
        &self,
        document: DocumentId,
        consent: Option<(PersonId, ShareTerms)>,
    ) -> Result<DocumentId, FreshCopyError> {
        let kind = self.kind(document).ok_or(EditError::UnknownDocument)?;
        if !self.is_goal(document) {
            return Err(FreshCopyError::NotAGoal);
        }
        self.load(document)?;
        let writer = self.whoami().person.to_string();
        let fresh_id = self.fresh_ids()?;
        let context = EditContext {
            writer: &writer,
            now: self.moment_now(),
            fresh_id: &fresh_id,
        };
        // All under one lock: what arrives in between would be lost with the old document.
        self.core.with_engine(|engine, now| {
            let origin = engine.origin(document).ok_or(EditError::UnknownDocument)?;
            if origin.owner != engine.person() {
                return Err(FreshCopyError::NotOwner);
            }
            let authors = KnownAuthors::new(origin.owner, engine.authors(document));
            let automerge = engine.read(document).ok_or(EditError::UnknownDocument)?;
            let (goal, commands) = GoalView::read(automerge, &authors).copy(&writer);
            let made = engine.create(now, kind as u16, |transaction| {
                goal.create(transaction, &context)
            });
            let (successor, ()) = made.map_err(EditError::from)?;
            let done = write_all(engine, now, successor, &commands, &context)
                .map_err(FreshCopyError::from)
                .and_then(|()| {
                    if let Some((with, terms)) = consent {
                        engine.share(now, successor, with, terms)?;
                    }
                    Ok(engine.replace(now, document, successor)?)
                });
            if let Err(error) = done {
                engine.erase(now, successor)?;
                return Err(error);
            }
            Ok(successor)
        })
    }
}

/// Applies commands in as few changes as they fit in.
fn write_all(
    engine: &mut Engine,
    now: Now,
    document: DocumentId,
    commands: &[GoalCommand],
    context: &EditContext<'_>,
) -> Result<(), EditError> {
    let mut left = commands;
    while !left.is_empty() {
        let written = engine.edit(now, document, |transaction| {
            let mut bytes = 0;
            for (index, command) in left.iter().enumerate() {
                command.apply(transaction, context)?;
                bytes += words_in(command);
                if transaction.pending_ops() > OPERATIONS_AT_ONCE || bytes > WORDS_AT_ONCE {
                    return Ok(index + 1);
                }
            }
            Ok::<usize, CommandError>(left.len())
        })?;
        left = &left[written..];
    }
    Ok(())
}

/// Bytes of the words that a command of a copy writes.
fn words_in(command: &GoalCommand) -> usize {
    match command {
        GoalCommand::AddStep { text, .. } => text.len(),
        GoalCommand::Rate { note, .. } | GoalCommand::Close { note, .. } => note.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
