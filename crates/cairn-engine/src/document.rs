//! A document as the engine holds it: its index row, its consent and, once loaded, its contents.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use automerge::{ActorId, ChangeHash};

use crate::consent::Consent;
use crate::contents::{Contents, LoadedDocument};
use crate::frame::{Message, Parts};
use crate::id::{DocumentId, PersonId};
use crate::session::ConnectionId;
use crate::statement::{Origin, Role};
use crate::storage::{DocumentRow, RecordHash};

/// What is in memory of a document.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Only the index row.
    Cold,
    /// The vault was asked.
    Loading,
    /// All of it.
    Loaded(Arc<Contents>),
    /// The vault's copy is damaged; nothing is written over it.
    Damaged,
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) id: DocumentId,
    pub(crate) origin: Origin,
    pub(crate) consent: Consent,
    pub(crate) body: Body,
    /// This process's own actor here, from its first edit on.
    pub(crate) writer: Option<ActorId>,
    /// How many attestations this process signed here, and the last of them.
    pub(crate) attested: u64,
    pub(crate) attestation: Option<RecordHash>,
    /// Heads of what is durable: what peers are told.
    pub(crate) durable_heads: Vec<ChangeHash>,
    /// How many changes, counted from the first, are durable. Meaningful once loaded.
    pub(crate) durable: usize,
    /// A gate job is under way.
    pub(crate) admitting: bool,
    /// Own changes that the owner's side does not take, until the document is rebuilt.
    pub(crate) unwanted: BTreeSet<ChangeHash>,
    /// A rebuilding job is under way.
    pub(crate) rebuilding: bool,
    /// Own changes that were taken out, in order.
    pub(crate) set_aside: Vec<(ChangeHash, Vec<u8>)>,
    /// Batches that wait for the gate.
    pub(crate) inbox: VecDeque<(ConnectionId, Parts)>,
    /// Messages that wait until the document is loaded.
    pub(crate) held: VecDeque<(ConnectionId, Held)>,
}

/// What waits for a document to be loaded.
#[derive(Debug, Clone)]
pub(crate) enum Held {
    /// A peer's message.
    Message(Message),
    /// This side found that the peer differs.
    Reconcile,
}

impl Document {
    /// A document known only by its index row.
    pub(crate) fn cold(origin: Origin, heads: Vec<ChangeHash>) -> Self {
        Self {
            id: origin.document(),
            origin,
            consent: Consent::default(),
            body: Body::Cold,
            writer: None,
            attested: 0,
            attestation: None,
            durable_heads: heads,
            durable: 0,
            admitting: false,
            unwanted: BTreeSet::new(),
            rebuilding: false,
            set_aside: Vec::new(),
            inbox: VecDeque::new(),
            held: VecDeque::new(),
        }
    }

    /// A document that holds nothing yet.
    pub(crate) fn empty(origin: Origin) -> Self {
        let mut document = Self::cold(origin, Vec::new());
        document.body = Body::Loaded(Arc::default());
        document
    }

    /// Everyone beside the owner who may write now.
    pub(crate) fn writers(&self) -> BTreeSet<PersonId> {
        let grantees = self.consent.grantees().into_iter();
        grantees
            .filter(|person| self.consent.role(*person) == Role::Write)
            .collect()
    }

    pub(crate) fn loaded(&self) -> Option<&Arc<Contents>> {
        match &self.body {
            Body::Loaded(contents) => Some(contents),
            Body::Cold | Body::Loading | Body::Damaged => None,
        }
    }

    pub(crate) fn set_loaded(&mut self, loaded: LoadedDocument) {
        self.durable = loaded.contents.facts.graph.len();
        self.durable_heads = loaded.contents.facts.graph.heads().to_vec();
        self.set_aside = loaded.set_aside;
        self.body = Body::Loaded(Arc::from(loaded.contents));
    }

    /// Heads of everything here, durable or not.
    pub(crate) fn heads(&self) -> &[ChangeHash] {
        match &self.body {
            Body::Loaded(contents) => contents.facts.graph.heads(),
            Body::Cold | Body::Loading | Body::Damaged => &self.durable_heads,
        }
    }

    pub(crate) fn row(&self) -> DocumentRow {
        DocumentRow {
            document: self.id,
            owner: self.origin.owner,
            kind: self.origin.kind,
            salt: self.origin.salt,
            heads: self.heads().to_vec(),
        }
    }
}
