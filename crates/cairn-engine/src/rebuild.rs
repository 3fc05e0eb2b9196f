//! A document put together again without changes that its owner's side will not take.
//!
//! # Role
//! Someone may write while apart and learn later that consent had ended before. Their changes then
//! stand in the way of everything they write next, since a change descends from all that its author
//! had. So their device takes the refused changes and what was built on them out of the document,
//! goes on under a fresh actor, and keeps them aside as a draft: the words can be read, entered
//! again, or left.
//!
//! # Invariants
//! * What the owner's side refuses is set aside only while no device of the owner has judged it:
//!   nobody can make a device forget what was taken. Such are words of this person, and words of
//!   others that were judged by a device which was revoked since, beyond its cut. Beside them, what
//!   a revoked device made beyond its cut, once the recovery key has closed the cut, and a branch
//!   that gives way to another one of its device.
//! * Nothing is lost: what is set aside stays in the vault, and comes back if the owner's side
//!   turns out to have admitted it.
//! * The job starts when all of the document is durable and no other job of it is under way, so
//!   that no position in the graph is in anybody's hands when positions change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::{ActorId, ChangeHash};

use crate::attestation::Attestation;
use crate::chunk::ChangeChunk;
use crate::contents::{Contents, LoadError, LoadedDocument};
use crate::document::Body;
use crate::engine::{Engine, Output};
use crate::event::Event;
use crate::frame::Refusal;
use crate::graph::Position;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::jobs::{Job, Work};
use crate::limits::Limits;
use crate::pacing::Collecting;
use crate::people::{Cuts, Standing};
use crate::session::ConnectionId;
use crate::storage::{DocumentContent, RecordHash};
use crate::touched::Touched;

/// What the job is given.
#[derive(Debug, Clone)]
pub(crate) struct Rebuild {
    pub(crate) contents: Arc<Contents>,
    pub(crate) unwanted: BTreeSet<ChangeHash>,
    /// What is apart already.
    pub(crate) set_aside: Arc<Vec<(ChangeHash, Vec<u8>)>>,
    /// This device.
    pub(crate) device: DeviceId,
    /// Whose words were judged by whom, as far as known.
    pub(crate) owner: PersonId,
    pub(crate) standings: BTreeMap<DeviceId, Standing>,
    pub(crate) limits: Limits,
}

/// A document without some of its changes.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    pub(crate) loaded: LoadedDocument,
    /// What was taken out, in order.
    pub(crate) set_aside: Vec<(ChangeHash, Vec<u8>)>,
    /// Attestations that name heads which are gone.
    pub(crate) attestations_dropped: Vec<RecordHash>,
}

impl Rebuild {
    pub(crate) fn run(&self, document: DocumentId) -> Result<Rebuilt, LoadError> {
        let facts = &self.contents.facts;
        let mut gone: BTreeSet<Position> = BTreeSet::new();
        for position in 0..facts.graph.len() {
            let node = facts.graph.node(position);
            let mut dependencies = facts.graph.dependencies(position);
            let built_on = dependencies.any(|below| gone.contains(&below));
            if built_on || self.unwanted.contains(&node.hash) {
                gone.insert(position);
            }
        }
        let hashes: Vec<ChangeHash> = (0..facts.graph.len())
            .map(|position| facts.graph.node(position).hash)
            .collect();
        let chunks = self.contents.raw_changes(&hashes, &[]);
        if chunks.len() != hashes.len() {
            return Err(LoadError::Unappliable);
        }
        let kept = facts.proofs.all();
        let mut content = DocumentContent {
            salts: facts.proofs.salts().collect(),
            attestations: kept.map(|kept| kept.bytes().to_vec()).collect(),
            ..DocumentContent::default()
        };
        let mut set_aside = Vec::with_capacity(gone.len());
        for (position, chunk) in chunks.into_iter().enumerate() {
            if gone.contains(&position) {
                set_aside.push((hashes[position], chunk));
            } else {
                content.changes.push(chunk);
            }
        }
        let earlier = self.set_aside.iter().map(|(_, chunk)| chunk);
        let apart = set_aside.iter().map(|(_, chunk)| chunk);
        content.set_aside = earlier.chain(apart).cloned().collect();
        let mut loaded = LoadedDocument::from_content(document, content, &self.limits)?;
        self.keep_evidence(&mut loaded);
        let kept: BTreeSet<RecordHash> = loaded
            .contents
            .facts
            .proofs
            .all()
            .map(Attestation::hash)
            .collect();
        let attestations_dropped = facts
            .proofs
            .all()
            .map(Attestation::hash)
            .filter(|hash| !kept.contains(hash))
            .collect();
        Ok(Rebuilt {
            loaded,
            set_aside,
            attestations_dropped,
        })
    }

    /// Keeps evidence for what nobody will sign anew.
    fn keep_evidence(&self, loaded: &mut LoadedDocument) {
        let before = &self.contents.facts;
        let after = &mut loaded.contents.facts;
        let cuts = Cuts::new(&before.graph, &self.standings);
        let graph = &after.graph;
        let needed = |device: DeviceId, position: Position| {
            let before_it = before.graph.position(&graph.node(position).hash);
            before_it.is_some_and(|position| {
                let (standings, proofs) = (&self.standings, &before.proofs);
                cuts.needs_evidence(standings, self.owner, proofs, device, position)
            })
        };
        let kept = before.proofs.evidence();
        after.proofs.keep_evidence(graph, kept, self.device, needed);
        loaded.proofs_missing = after.proofs.are_missing(&after.graph);
    }
}

impl Engine {
    /// The owner's side, or another own device that already did so, does not take these changes. An
    /// own change without a proof is taken out too if none is known here: it would be refused for
    /// ever, with all that is built on it. Of another person's there is nothing more to wait for.
    pub(crate) fn refused_for_good(&mut self, id: DocumentId, changes: &[(ChangeHash, Refusal)]) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let Some(contents) = document.loaded() else {
            return;
        };
        let facts = &contents.facts;
        let standings = self.standings(document, facts);
        let cuts = Cuts::new(&facts.graph, &standings);
        let (me, owner) = (self.config.person, document.origin.owner);
        let for_good = |position: Position, refusal: Refusal| {
            let author = facts.author_device(position);
            let author = match author.and_then(|device| standings.get(&device)) {
                Some(Standing::Current(person) | Standing::Cut(person, _)) => Some(*person),
                Some(Standing::Unknown) | None => None,
            };
            let refused = match refusal {
                Refusal::NotAllowed => true,
                Refusal::Unproven => {
                    author != Some(me) || !facts.proofs.is_proven(&facts.graph, position)
                }
                _ => false,
            };
            let taken = || cuts.is_judged(&standings, owner, &facts.proofs, position);
            // The owner's words, of a device that was revoked, go when the cut is closed.
            refused && author != Some(owner) && !taken()
        };
        let unwanted: Vec<ChangeHash> = changes
            .iter()
            .filter(|(hash, refusal)| {
                let position = facts.graph.position(hash);
                position.is_some_and(|position| for_good(position, *refusal))
            })
            .map(|(hash, _)| *hash)
            .collect();
        if owner != me
            && let Some(document) = self.documents.get_mut(&id)
        {
            document.unwanted.extend(unwanted);
        }
        self.rebuild(id);
    }

    /// Takes out what revoked devices made beyond cuts that are closed.
    pub(crate) fn take_out_beyond_cuts(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let Some(contents) = document.loaded() else {
            return;
        };
        let facts = &contents.facts;
        let owner = document.origin.owner;
        let standings = self.standings(document, facts);
        let closed: BTreeMap<DeviceId, PersonId> = standings
            .iter()
            .filter_map(|(device, standing)| match standing {
                Standing::Cut(person, cut) if cut.is_final(&facts.graph) => {
                    Some((*device, *person))
                }
                _ => None,
            })
            .collect();
        let waits = standings.values().any(|standing| match standing {
            Standing::Cut(_, cut) => cut.closed && !cut.is_final(&facts.graph),
            Standing::Current(_) | Standing::Unknown => false,
        });
        if closed.is_empty() {
            if let Some(document) = self.documents.get_mut(&id) {
                document.cut_waits = waits;
            }
            return;
        }
        let cuts = Cuts::new(&facts.graph, &standings);
        let unwanted: Vec<ChangeHash> = (0..facts.graph.len())
            .filter(|position| {
                let device = facts.author_device(*position);
                let closed = device.and_then(|device| Some((device, closed.get(&device)?)));
                closed.is_some_and(|(device, person)| {
                    let judged = *person != owner
                        && cuts.is_judged(&standings, owner, &facts.proofs, *position);
                    !judged && !cuts.covers(device, *position)
                })
            })
            .map(|position| facts.graph.node(position).hash)
            .collect();
        if let Some(document) = self.documents.get_mut(&id) {
            document.cut_waits = waits;
            document.unwanted.extend(unwanted);
        }
        self.rebuild(id);
    }

    /// Starts the job as soon as nothing else is under way in the document.
    pub(crate) fn rebuild(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let Some(contents) = document.loaded().cloned() else {
            return;
        };
        let collecting = self
            .sessions
            .values()
            .filter_map(|session| session.lanes.get(&id))
            .any(|lane| lane.collecting == Collecting::Running);
        let busy = document.admitting || document.rebuilding || collecting;
        if document.unwanted.is_empty() || busy || !self.is_stored(id) || self.storage_failed {
            return;
        }
        let rebuild = Rebuild {
            standings: self.standings(document, &contents.facts),
            contents,
            unwanted: document.unwanted.clone(),
            set_aside: document.set_aside.clone(),
            device: self.device,
            owner: document.origin.owner,
            limits: self.config.limits.clone(),
        };
        if let Some(document) = self.documents.get_mut(&id) {
            document.rebuilding = true;
        }
        self.outputs.push_back(Output::Run(Job {
            document: id,
            connection: NO_CONNECTION,
            work: Work::Rebuild(Box::new(rebuild)),
        }));
    }

    /// Takes the rebuilt document, unless something was written meanwhile: then once more.
    pub(crate) fn rebuilt(
        &mut self,
        id: DocumentId,
        base: &Arc<Contents>,
        result: Result<Rebuilt, LoadError>,
    ) {
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        document.rebuilding = false;
        let unchanged =
            matches!(&document.body, Body::Loaded(current) if Arc::ptr_eq(current, base));
        if !unchanged || document.admitting {
            self.rebuild(id);
            return;
        }
        let Ok(rebuilt) = result else {
            // The document stays as it is: it can be read, but what comes next is refused too.
            tracing::error!(document = %id.short(), "a document could not be rebuilt");
            document.unwanted.clear();
            return;
        };
        document.unwanted.clear();
        if rebuilt.set_aside.is_empty() {
            return;
        }
        document.set_loaded(rebuilt.loaded);
        self.spare.take_if(|spare| spare.document == id);
        document.writer = None;
        // Statements that are still on their way to the vault count changes as they were before.
        for appending in &mut self.appending {
            appending.outdated(document);
        }
        // What is on its way may be built on what was taken out.
        self.unstage_document(id);
        self.keep_rebuilt(id, rebuilt.set_aside, rebuilt.attestations_dropped);
    }

    fn keep_rebuilt(
        &mut self,
        id: DocumentId,
        set_aside: Vec<(ChangeHash, Vec<u8>)>,
        dropped: Vec<RecordHash>,
    ) {
        let attested = self.attest(id);
        let gone = set_aside.iter().map(|(hash, _)| *hash).collect();
        self.append_document(id, Vec::new(), |part| {
            part.set_aside = gone;
            part.attestations_replaced = dropped;
            if let Some((attestation, replaced)) = attested {
                part.attestations = vec![(attestation.hash(), attestation.bytes().to_vec())];
                part.attestations_replaced.extend(replaced);
            }
        });
        let drafts = set_aside.iter();
        let drafts = drafts.filter(|(_, chunk)| self.is_draft(id, chunk));
        let changes: Vec<ChangeHash> = drafts.map(|(hash, _)| *hash).collect();
        if !changes.is_empty() {
            self.event(Event::SetAside {
                document: id,
                changes,
            });
        }
        self.event(Event::Changed {
            document: id,
            authors: BTreeSet::from([self.config.person]),
            touched: Touched::everything(),
        });
        let connections: Vec<ConnectionId> = self.sessions.keys().copied().collect();
        for connection in connections {
            let Some(session) = self.sessions.get_mut(&connection) else {
                continue;
            };
            // Without a lane the document was equal on both sides until now.
            let (person, compared) = (session.person, session.is_compared());
            if session.drop_lane(id) || (compared && self.may_exchange(id, person)) {
                self.reconcile(connection, id);
            }
        }
    }

    /// Raw chunks of changes that were set aside, in order; of a document of another person only
    /// those of this one. Empty if the document is not loaded.
    pub fn set_aside(&self, document: DocumentId) -> Vec<Vec<u8>> {
        let known = self.documents.get(&document);
        let apart = known.into_iter().flat_map(|known| &*known.set_aside);
        let chunks = apart.map(|(_, chunk)| chunk);
        let drafts = chunks.filter(|chunk| self.is_draft(document, chunk));
        drafts.cloned().collect()
    }

    /// Whether what is kept aside of a document is for this person to read.
    fn is_draft(&self, document: DocumentId, chunk: &[u8]) -> bool {
        let me = self.config.person;
        let Some(document) = self.documents.get(&document) else {
            return false;
        };
        let author = || {
            let chunk = ChangeChunk::parse(chunk, &self.config.limits).ok()?;
            let actor = ActorId::from(chunk.actor().as_slice());
            let device = document.loaded()?.facts.proofs.device_of(&actor)?;
            Some(self.people.owner_of(device))
        };
        // Of a document that was erased nobody knows the authors any more; what stays of it is own.
        document.origin.owner == me || author().is_none_or(|author| author == Some(me))
    }
}

/// Stands where a job is for no connection; real ones are never numbered so.
const NO_CONNECTION: ConnectionId = ConnectionId(u64::MAX);
