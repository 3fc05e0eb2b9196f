//! Who changed what when: the changes of a document with their proven authors.

use automerge::{ActorId, ChangeHash};

use crate::attestation::actor_of;
use crate::contents::LoadedDocument;
use crate::engine::Engine;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::rules::Operation;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Its hash.
    pub hash: ChangeHash,
    /// When, by the author's clock: seconds since the Unix epoch. A claim, not a proof.
    pub at_seconds: i64,
    /// Whose device made it, if that device is known here.
    pub person: Option<PersonId>,
    /// The device its actor commits to.
    pub device: Option<DeviceId>,
    /// Whether an attestation of that device covers it or, after its revocation, what the
    /// person's recovery key signed about it.
    pub proven: bool,
    /// What it did, in order.
    pub operations: Vec<Operation>,
}

impl Engine {
    /// The changes of a loaded document from position `start` on, in the order of admission, which
    /// never changes while the engine runs. `None` if it is not loaded.
    ///
    /// From 0 it reads the whole history: tens of milliseconds for thousands of changes.
    pub fn history(&self, id: DocumentId, start: usize) -> Option<Vec<HistoryEntry>> {
        Some(self.past(id)?.entries_from(start))
    }

    /// Every actor of a loaded document that commits to a device of a known person.
    pub fn authors(&self, id: DocumentId) -> Vec<(ActorId, PersonId)> {
        let Some(document) = self.documents.get(&id) else {
            return Vec::new();
        };
        let Some(contents) = document.loaded() else {
            return Vec::new();
        };
        contents
            .facts
            .proofs
            .salts()
            .filter_map(|(device, salt)| {
                let person = self.shown_author(document, device)?;
                Some((actor_of(device, id, salt), person))
            })
            .collect()
    }

    /// The person whose device an actor of a loaded document commits to, if that is known.
    pub fn author_of(&self, id: DocumentId, actor: &ActorId) -> Option<PersonId> {
        let document = self.documents.get(&id)?;
        let device = document.loaded()?.facts.proofs.device_of(actor)?;
        self.shown_author(document, device)
    }
}

impl Engine {
    /// Changes of a document read from the vault that no known device attests.
    pub fn unproven(&self, id: DocumentId, loaded: &LoadedDocument) -> Vec<ChangeHash> {
        let Some(document) = self.documents.get(&id) else {
            return Vec::new();
        };
        let facts = &loaded.contents.facts;
        let cuts = self.cuts(document, facts);
        (0..facts.graph.len())
            .filter(|position| {
                let proven = facts.proofs.is_settled(&facts.graph, *position);
                !facts.author_device(*position).is_some_and(|device| {
                    (proven || cuts.covers(device, *position))
                        && self.shown_author(document, device).is_some()
                })
            })
            .map(|position| facts.graph.node(position).hash)
            .collect()
    }
}
