//! A document's past: what changed since given heads, and the document as it was.
//!
//! # Role
//! A cheap snapshot taken under the lock, read on a worker: every reading here may take tens of
//! milliseconds for a long history, and touches nothing outside.
//!
//! # Invariants
//! * What is given out is a document of its own, built from the changes at or below the heads: no
//!   edit to it can reach the notebook.
//! * Times are the authors' clocks: claims, never proofs, and never used to order changes.
//!
//! # Not here
//! What changes mean, and their words: the model's and the texts'.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use automerge::{Automerge, Change, ChangeHash};

use crate::chunk::ChangeChunk;
use crate::contents::Contents;
use crate::engine::Engine;
use crate::graph::{Cover, Position};
use crate::history::HistoryEntry;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::limits::Limits;
use crate::people::Cuts;

/// A snapshot of a document with its whole history, taken by [`Engine::past`].
#[derive(Debug, Clone)]
pub struct Past {
    contents: Arc<Contents>,
    /// Whose the devices that write here are, as it was known when the snapshot was taken.
    people: BTreeMap<DeviceId, PersonId>,
    /// What stays of devices that were revoked.
    cuts: Arc<Cuts>,
    limits: Limits,
}

/// Why a document cannot be shown as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// One of the heads is not a change of this document, or has not arrived here.
    #[error("a change of that moment is not here")]
    UnknownHead,
    /// automerge cannot put the changes together.
    #[error("the document of that moment cannot be put together")]
    Unappliable,
}

impl Engine {
    /// The past of a loaded document as of now; later changes do not show in it. `None` if it is
    /// not loaded.
    ///
    /// Cheap enough for the lock. While it is kept, the next edit copies the document: let it go
    /// when the reading is done.
    pub fn past(&self, id: DocumentId) -> Option<Past> {
        let document = self.documents.get(&id)?;
        let contents = document.loaded()?;
        let devices = contents.facts.proofs.salts();
        let people = devices
            .filter_map(|(device, _)| Some((device, self.shown_author(document, device)?)))
            .collect();
        Some(Past {
            contents: Arc::clone(contents),
            people,
            cuts: Arc::new(self.cuts(document, &contents.facts)),
            limits: self.config.limits.clone(),
        })
    }
}

impl Past {
    /// Heads of the snapshot, sorted: with the heads asked for, the key of a kept answer.
    pub fn heads(&self) -> &[ChangeHash] {
        self.contents.facts.graph.heads()
    }

    /// automerge's state of the document with all its changes, to be read only.
    pub fn newest(&self) -> &Automerge {
        &self.contents.automerge
    }

    /// Whether all these heads are known here.
    pub fn holds(&self, heads: &[ChangeHash]) -> bool {
        let graph = &self.contents.facts.graph;
        heads.iter().all(|head| graph.position(head).is_some())
    }

    /// The changes that are not at or below `heads`, in the order of admission. Heads that are
    /// not known here are passed over.
    pub fn changed_since(&self, heads: &[ChangeHash]) -> Vec<HistoryEntry> {
        let positions = self.contents.facts.graph.missing_from(heads);
        self.entries(&positions, heads)
    }

    /// The changes from position `start` on, in the order of admission.
    pub fn entries_from(&self, start: usize) -> Vec<HistoryEntry> {
        let positions: Vec<Position> = (start..self.contents.facts.graph.len()).collect();
        self.entries(&positions, &[])
    }

    /// Heads of all changes whose author gave a time up to `seconds` (Unix), and of all below
    /// them, sorted. A change that such a change builds on belongs to the moment too, even if its
    /// author's clock was ahead.
    pub fn heads_at(&self, seconds: i64) -> Vec<ChangeHash> {
        let graph = &self.contents.facts.graph;
        let early: Vec<ChangeHash> = self
            .changes()
            .into_iter()
            .filter(|change| change.timestamp() <= seconds)
            .map(|change| change.hash())
            .collect();
        let mut cover = Cover::default();
        graph.cover_down(&early, &mut cover, |_| {});
        let mut below = Cover::default();
        let covered = (0..graph.len()).filter(|position| cover.contains(*position));
        for position in covered.clone() {
            for dependency in graph.dependencies(position) {
                below.insert(dependency);
            }
        }
        let mut heads: Vec<ChangeHash> = covered
            .filter(|position| !below.contains(*position))
            .map(|position| graph.node(position).hash)
            .collect();
        heads.sort_unstable();
        heads
    }

    /// The document as of `heads`, to be read only. Without heads it is empty.
    ///
    /// # Errors
    /// A head is not known here, or the changes cannot be put together.
    pub fn as_of(&self, heads: &[ChangeHash]) -> Result<Automerge, PastError> {
        let graph = &self.contents.facts.graph;
        let mut cover = Cover::default();
        if !graph.cover_down(heads, &mut cover, |_| {}) {
            return Err(PastError::UnknownHead);
        }
        let below = self.changes().into_iter().filter(|change| {
            graph
                .position(&change.hash())
                .is_some_and(|position| cover.contains(position))
        });
        let expected = (0..graph.len())
            .filter(|position| cover.contains(*position))
            .count();
        let mut automerge = Automerge::new();
        let changes: Vec<Change> = below.collect();
        let complete = changes.len() == expected;
        let applied = catch_unwind(AssertUnwindSafe(|| {
            automerge.apply_changes(changes).is_ok()
        }));
        let reached = automerge.get_heads();
        if !complete || !matches!(applied, Ok(true)) || !reached.iter().all(|it| heads.contains(it))
        {
            return Err(PastError::Unappliable);
        }
        Ok(automerge)
    }

    fn changes(&self) -> Vec<Change> {
        self.contents.automerge.get_changes(&[])
    }

    fn entries(&self, positions: &[Position], known: &[ChangeHash]) -> Vec<HistoryEntry> {
        let facts = &self.contents.facts;
        let person_of = |device: DeviceId| self.people.get(&device).copied();
        let hashes: Vec<ChangeHash> = positions
            .iter()
            .map(|position| facts.graph.node(*position).hash)
            .collect();
        let changes = self.contents.raw_changes(&hashes, known);
        let entries = changes.iter().filter_map(|bytes| {
            let chunk = ChangeChunk::parse(bytes, &self.limits).ok()?;
            let position = facts.graph.position(&chunk.hash())?;
            let device = facts.author_device(position);
            Some(HistoryEntry {
                hash: chunk.hash(),
                at_seconds: chunk.time(),
                person: device.and_then(person_of),
                device,
                proven: facts.proofs.is_settled(&facts.graph, position)
                    || device.is_some_and(|device| self.cuts.covers(device, position)),
                operations: facts.operations(&chunk, person_of),
            })
        });
        entries.collect()
    }
}
