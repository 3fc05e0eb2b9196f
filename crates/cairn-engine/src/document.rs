//! A document as the engine holds it: its index row, its consent and, once loaded, its contents.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use automerge::{ActorId, ChangeHash};

use crate::consent::Consent;
use crate::contents::{Contents, LoadedDocument};
use crate::frame::{Message, Parts};
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::ranges::Known;
use crate::session::ConnectionId;
use crate::statement::{Origin, Role, SignedStatement};
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
    /// Digests of what each person it is compared with should know.
    known: BTreeMap<PersonId, Known>,
    /// The proof of a change is missing: it named what was taken out, and nobody has brought a
    /// newer one. Meaningful once loaded.
    proofs_missing: bool,
    /// A gate job is under way.
    pub(crate) admitting: bool,
    /// Changes that the owner's side does not take, or a closed cut leaves out, until the document is rebuilt.
    pub(crate) unwanted: BTreeSet<ChangeHash>,
    /// A closed cut names changes that are not here yet: what it leaves out is known once they are.
    pub(crate) cut_waits: bool,
    /// Changes of revoked devices that were refused because no cut covers them.
    pub(crate) beyond_cut: BTreeMap<DeviceId, BTreeSet<ChangeHash>>,
    /// Devices that were found to have signed two changes as the same one.
    pub(crate) forked: BTreeSet<DeviceId>,
    /// A rebuilding job is under way.
    pub(crate) rebuilding: bool,
    /// Changes that were taken out, in order, and others that prove what stays.
    pub(crate) set_aside: Arc<Vec<(ChangeHash, Vec<u8>)>>,
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
    /// The peer differs: it is asked for its heads.
    Ask,
    /// The peer does not have it: it is sent everything.
    Offer,
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
            known: BTreeMap::new(),
            proofs_missing: false,
            admitting: false,
            unwanted: BTreeSet::new(),
            cut_waits: false,
            beyond_cut: BTreeMap::new(),
            forked: BTreeSet::new(),
            rebuilding: false,
            set_aside: Arc::default(),
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

    /// Heads of what stays of a revoked device's work, as few as it takes.
    pub(crate) fn kept_heads(&self, person: PersonId, device: DeviceId) -> Vec<ChangeHash> {
        let heads: Vec<ChangeHash> = self.consent.cut(person, device).heads.into_iter().collect();
        let Some(contents) = self.loaded() else {
            return heads;
        };
        let graph = &contents.facts.graph;
        let unknown = heads.iter().filter(|head| !graph.contains(head)).copied();
        let mut kept: Vec<ChangeHash> = unknown.chain(graph.heads_below(&heads)).collect();
        kept.sort();
        kept
    }

    pub(crate) fn loaded(&self) -> Option<&Arc<Contents>> {
        match &self.body {
            Body::Loaded(contents) => Some(contents),
            Body::Cold | Body::Loading | Body::Damaged => None,
        }
    }

    /// Notes that the first `count` changes are durable, whose heads these are.
    pub(crate) fn set_durable(&mut self, count: usize, heads: Vec<ChangeHash>) {
        self.durable = count;
        if self.durable_heads != heads {
            self.durable_heads = heads;
            self.known.clear();
        }
    }

    /// Merges a statement about consent whose signer was checked. Returns whether it was new.
    pub(crate) fn merge_consent(&mut self, signed: SignedStatement) -> bool {
        self.known.clear();
        self.consent.merge(signed)
    }

    /// Forgets what is in the document, but for the changes that stay apart.
    pub(crate) fn remove_content(&mut self, set_aside: Vec<(ChangeHash, Vec<u8>)>) {
        let consent = std::mem::take(&mut self.consent);
        // A job that is under way ends some time, and has nothing to give any more.
        let (admitting, rebuilding) = (self.admitting, self.rebuilding);
        *self = Self {
            consent,
            admitting,
            rebuilding,
            set_aside: Arc::new(set_aside),
            ..Self::empty(self.origin)
        };
    }

    /// Digests of what `person` should know, if they were made since it last changed.
    pub(crate) fn known(&self, person: PersonId) -> Option<Known> {
        self.known.get(&person).copied()
    }

    pub(crate) fn set_known(&mut self, person: PersonId, known: Known) {
        self.known.insert(person, known);
    }

    pub(crate) fn set_loaded(&mut self, loaded: LoadedDocument) {
        let graph = &loaded.contents.facts.graph;
        self.set_durable(graph.len(), graph.heads().to_vec());
        self.set_aside = Arc::new(loaded.set_aside);
        self.body = Body::Loaded(Arc::from(loaded.contents));
        self.set_proofs_missing(loaded.proofs_missing);
    }

    pub(crate) fn proofs_missing(&self) -> bool {
        self.proofs_missing
    }

    /// Looks again whether a proof is missing, after some may have come.
    pub(crate) fn look_for_proofs(&mut self) {
        if self.proofs_missing
            && let Some(contents) = self.loaded()
        {
            let facts = &contents.facts;
            self.set_proofs_missing(facts.proofs.are_missing(&facts.graph));
        }
    }

    fn set_proofs_missing(&mut self, missing: bool) {
        if self.proofs_missing != missing {
            self.proofs_missing = missing;
            self.known.clear();
        }
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
