//! Documents in memory, and those that are let go of.
//!
//! # Role
//! A document is read from the vault when somebody looks at it or a peer speaks of it. Whoever runs
//! the engine says how much may stay; what nobody needs just now goes, and is read again the next
//! time. So a peer that speaks of everything fills no memory.
//!
//! # Invariants
//! * What is let go of is durable as it is, and nothing is under way in it. Only its contents go:
//!   where sessions stand counts its changes, whose order is the same in the vault.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::document::{Body, Document};
use crate::engine::Engine;
use crate::id::DocumentId;
use crate::pacing::Collecting;
use crate::session::{ConnectionId, Lane};

/// Which documents are in memory, when each was used last and how many bytes its changes had then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    last: BTreeMap<DocumentId, (u64, usize)>,
    uses: u64,
    bytes: usize,
}

impl Recent {
    fn note_used(&mut self, id: DocumentId, bytes: usize) {
        self.uses += 1;
        let before = self.last.insert(id, (self.uses, bytes));
        self.bytes = self.bytes - before.map_or(0, |(_, bytes)| bytes) + bytes;
    }

    fn forget(&mut self, id: DocumentId) {
        let before = self.last.remove(&id);
        self.bytes -= before.map_or(0, |(_, bytes)| bytes);
    }

    /// The one that was used longest ago first.
    fn oldest_first(&self) -> Vec<DocumentId> {
        let mut all: Vec<(u64, DocumentId)> =
            self.last.iter().map(|(id, (at, _))| (*at, *id)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, id)| id).collect()
    }
}

impl Engine {
    /// Bytes of the changes of all documents that are in memory, as of when each was used last. What
    /// they take there is a few times as much.
    pub fn bytes_in_memory(&self) -> usize {
        self.recent.bytes
    }

    /// Lets go of documents, of the one that was used longest ago first, until the changes of those
    /// that stay have at most `bytes_max` bytes. What is not all on the disk stays, and that in
    /// which something is under way, and the document that somebody looks at. Gives those that went.
    pub fn let_go(&mut self, bytes_max: usize) -> Vec<DocumentId> {
        let mut gone = Vec::new();
        if self.recent.bytes <= bytes_max {
            return gone;
        }
        let appending: BTreeSet<DocumentId> = self.appending.iter().map(|it| it.document).collect();
        for id in self.recent.oldest_first() {
            if self.recent.bytes <= bytes_max {
                break;
            }
            if appending.contains(&id) || !self.may_go(id) {
                continue;
            }
            if let Some(document) = self.documents.get_mut(&id) {
                document.let_go();
            }
            self.spare.take_if(|spare| spare.document == id);
            self.recent.forget(id);
            gone.push(id);
        }
        gone
    }

    /// Notes that a document was used, and how large it is now.
    pub(crate) fn note_used(&mut self, id: DocumentId) {
        let contents = self.documents.get(&id).and_then(Document::loaded);
        if let Some(bytes) = contents.map(|contents| contents.facts.bytes) {
            self.recent.note_used(id, bytes);
        }
    }

    /// Has a document in memory because a peer speaks of it, as [`open`](Self::open) does. Only a few
    /// are read for one peer at a time; further ones wait.
    pub(crate) fn open_for(&mut self, connection: ConnectionId, id: DocumentId) -> bool {
        let known = self.documents.get(&id);
        if known.is_some_and(|known| matches!(known.body, Body::Cold))
            && let Some(session) = self.sessions.get_mut(&connection)
            && session.opening.len() >= self.config.limits.openings_max
        {
            if !session.opening_later.contains(&id) {
                session.opening_later.push_back(id);
            }
            return false;
        }
        self.open(id)
    }

    /// Goes on with what waits to be read for a peer.
    pub(crate) fn open_next_for(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        // Some were opened for somebody else meanwhile.
        let opening = &session.opening;
        session.opening_later.retain(|id| opening.contains(id));
        let under_way = opening.len() - session.opening_later.len();
        let room = self.config.limits.openings_max.saturating_sub(under_way);
        let next = room.min(session.opening_later.len());
        let next: Vec<DocumentId> = session.opening_later.drain(..next).collect();
        for id in next {
            self.open(id);
        }
    }

    /// Whether nothing would be lost, or come to a stop, without the contents of a document.
    fn may_go(&self, id: DocumentId) -> bool {
        let Some(document) = self.documents.get(&id) else {
            return false;
        };
        let Some(contents) = document.loaded() else {
            return false;
        };
        let count = contents.facts.graph.len();
        let rests = |lane: &Lane| {
            lane.collecting == Collecting::Idle
                && lane.acknowledge.is_empty()
                && lane.sent.is_none_or(|sent| sent == count)
        };
        let mut lanes = self.sessions.values().filter_map(|it| it.lanes.get(&id));
        self.focus != Some(id)
            && !self.storage_failed
            && !self.erasing.contains_key(&id)
            && document.is_at_rest()
            && lanes.all(rests)
    }
}

impl Document {
    /// Whether all of it is durable and nothing waits to happen in it.
    fn is_at_rest(&self) -> bool {
        self.heads() == self.durable_heads
            && !self.consent.is_retired()
            && !self.admitting
            && !self.rebuilding
            && self.unwanted.is_empty()
            && self.inbox.is_empty()
            && self.held.is_empty()
    }

    fn let_go(&mut self) {
        self.body = Body::Cold;
        self.set_aside = Arc::default();
    }
}
