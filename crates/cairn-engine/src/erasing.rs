//! Documents that their owner retires: erased, or continued in a fresh copy.
//!
//! # Role
//! The owner signs that a document's id is not used any more. Every device that learns of it, the
//! owner's and those of everyone who ever had consent, removes what is in the document, and confirms
//! that once it is durable. What is left is the statements: they tell an old device, a restored
//! backup or a copied vault the same, whenever it comes.
//!
//! # Invariants
//! * Nothing takes a retirement back: consent given at the same time, or later, counts for nothing.
//! * No change of a retired document is sent, admitted or made.
//! * A device confirms the removal only after the vault has said that it is durable.
//! * Words of this person that the owner's side never took are not lost: they stay apart as a draft,
//!   which no other device is sent.
//!
//! # Not here
//! What a fresh copy holds: the model and the node. That nothing of it can be read from the disk
//! afterwards: the vault.

use std::collections::BTreeSet;

use automerge::{ActorId, ChangeHash};

use crate::chunk::ChangeChunk;
use crate::document::{Body, Document};
use crate::engine::{Engine, Now};
use crate::event::Event;
use crate::graph::Cover;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::people::{Cuts, Standing};
use crate::session::ConnectionId;
use crate::sharing::{ShareError, ShareTerms};
use crate::statement::{
    DocumentContinued, DocumentRetired, Receipt, ReceiptKind, Role, SignedStatement, Statement,
};
use crate::storage::Ticket;

/// Most heads that a retirement names, which keeps it within the size of a statement; a document
/// has at most 64.
const RETIRED_HEADS_MAX: usize = 100;

/// Why a document was not erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// Nobody here has such a document.
    #[error("there is no such document here")]
    UnknownDocument,
    /// Only the owner asks for that.
    #[error("only the owner of a document can have it erased; nothing was changed")]
    NotOwner,
    /// The document that goes on is not one of this person's, or is the same.
    #[error("the new document is none of yours; nothing was changed")]
    NoSuccessor,
    /// It was erased before.
    #[error("this document was erased before; nothing was changed")]
    Retired,
    /// Consent could not be carried over.
    #[error(transparent)]
    Share(#[from] ShareError),
}

/// What became of a retired document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// When it was retired, by the signer's clock.
    pub at_millis: i64,
    /// The document in which it goes on, as far as this person was told.
    pub successor: Option<DocumentId>,
    /// Whom the owner asks to remove it, beside the owner's own devices; as far as known here.
    pub asked: BTreeSet<PersonId>,
    /// Which devices have confirmed that they did, and when by their clocks; as far as known here.
    pub removed: Vec<(PersonId, DeviceId, i64)>,
}

impl Engine {
    /// Retires a document of this person: its content is removed here at once, and everyone who
    /// ever had consent is asked to remove it too. It cannot be taken back; once more changes
    /// nothing.
    ///
    /// # Errors
    /// See [`EraseError`]; nothing was changed.
    pub fn erase(&mut self, now: Now, id: DocumentId) -> Result<(), EraseError> {
        if !self.is_own(id)?.consent.is_retired() {
            self.retire(now, id, Vec::new());
        }
        Ok(())
    }

    /// Lets another document of this person go on in the place of one: who may read the old one
    /// gets the same consent for the new one, with purpose and time, unless there is consent for them
    /// already, and is told its id; one who is not paired with this notebook does not. Then the old
    /// one is [erased](Self::erase).
    ///
    /// # Errors
    /// See [`EraseError`]; the old document is as it was.
    pub fn replace(
        &mut self,
        now: Now,
        id: DocumentId,
        successor: DocumentId,
    ) -> Result<(), EraseError> {
        self.expire(now);
        let document = self.is_own(id)?;
        if document.consent.is_retired() {
            return Err(EraseError::Retired);
        }
        let goes_on = self
            .is_own(successor)
            .map_err(|_error| EraseError::NoSuccessor)?;
        if successor == id || goes_on.consent.is_retired() {
            return Err(EraseError::NoSuccessor);
        }
        let mut carried = Vec::new();
        let mut told = vec![self.config.person];
        // A device in wrong hands can sign consent for anyone: the owner, or somebody unknown here.
        let grantees = document.consent.grantees().into_iter();
        let others = grantees.filter(|it| *it != self.config.person && self.people.is_known(*it));
        for person in others {
            let role = document.consent.role(person);
            let in_force = document.consent.in_force(person);
            let strictest = in_force.iter().find(|(_, grant)| grant.role == role);
            let Some((_, grant)) = strictest.filter(|_| role >= Role::Read) else {
                continue;
            };
            if goes_on.consent.concerns(person) {
                told.extend((goes_on.consent.role(person) >= Role::Read).then_some(person));
                continue;
            }
            told.push(person);
            let expires = in_force.iter().filter_map(|(_, it)| it.expires_millis);
            let terms = ShareTerms {
                role,
                purpose: grant.purpose.clone(),
                expires_millis: expires.min(),
            };
            carried.push((person, terms));
        }
        let origin = document.origin;
        let statements = told
            .into_iter()
            .map(|person| {
                self.sign(Statement::DocumentContinued(DocumentContinued {
                    origin,
                    person,
                    successor,
                    at_millis: now.wall_millis,
                }))
            })
            .collect();
        for (person, terms) in carried {
            self.share(now, successor, person, terms)?;
        }
        self.retire(now, id, statements);
        Ok(())
    }

    /// Whether a document is known here and was retired by its owner.
    pub fn is_retired(&self, id: DocumentId) -> bool {
        self.documents
            .get(&id)
            .is_some_and(|document| document.consent.is_retired())
    }

    /// What became of a retired document; `None` for any other.
    pub fn erasure(&self, id: DocumentId) -> Option<Erasure> {
        let consent = &self.documents.get(&id)?.consent;
        let times = consent.retirements().map(|(_, retired)| retired.at_millis);
        let removals = consent.removals();
        Some(Erasure {
            at_millis: times.min()?,
            successor: consent.successor(self.config.person),
            asked: consent.grantees(),
            removed: removals
                .map(|(person, device, receipt)| (person, device, receipt.at_millis))
                .collect(),
        })
    }

    fn is_own(&self, id: DocumentId) -> Result<&Document, EraseError> {
        let document = self.documents.get(&id).ok_or(EraseError::UnknownDocument)?;
        if document.origin.owner != self.config.person {
            return Err(EraseError::NotOwner);
        }
        Ok(document)
    }

    fn retire(&mut self, now: Now, id: DocumentId, mut statements: Vec<SignedStatement>) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let heads = document.heads().iter().take(RETIRED_HEADS_MAX);
        statements.push(self.sign(Statement::DocumentRetired(DocumentRetired {
            origin: document.origin,
            heads: heads.copied().collect(),
            at_millis: now.wall_millis,
        })));
        self.keep_consent(id, statements);
        self.remove_content(id, Vec::new());
        self.consent_changed(id, None);
        self.report_settled();
    }

    /// Goes on with removals that an earlier process did not bring to their end.
    pub fn follow_retirements(&mut self) {
        let retired: Vec<DocumentId> = self
            .documents
            .values()
            .filter(|document| document.consent.is_retired())
            .map(|document| document.id)
            .collect();
        for id in retired {
            self.follow_retirement(id);
        }
    }

    /// Removes what is in a document if its owner has retired it. One that is not in memory is read
    /// first, so that own words can be told from others'.
    pub(crate) fn follow_retirement(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let is_done =
            document.heads().is_empty() && document.consent.unanswered(self.device).is_empty();
        let under_way = matches!(self.erasing.get(&id), Some(Some(_)));
        if !document.consent.is_retired() || under_way {
            return;
        }
        if is_done {
            // A peer may have given back this device's receipt while the document was read.
            self.erasing.remove(&id);
            return;
        }
        match &document.body {
            Body::Cold | Body::Loading => {
                self.erasing.insert(id, None);
                self.open(id);
            }
            Body::Damaged => self.remove_content(id, Vec::new()),
            Body::Loaded(_) => {
                let drafts = self.drafts(document);
                self.remove_content(id, drafts);
            }
        }
    }

    /// Changes of this person that no device of the owner took and the retirement does not cover.
    fn drafts(&self, document: &Document) -> Vec<(ChangeHash, Vec<u8>)> {
        let (me, owner) = (self.config.person, document.origin.owner);
        let Some(contents) = document.loaded() else {
            return Vec::new();
        };
        let (graph, proofs) = (&contents.facts.graph, &contents.facts.proofs);
        if graph.len() == 0 {
            // Removed by an earlier process: what is apart is what stayed.
            return document.set_aside.to_vec();
        }
        let standings = self.standings(document, &contents.facts);
        let mine = |device: DeviceId| {
            matches!(
                standings.get(&device),
                Some(Standing::Current(person) | Standing::Cut(person, _)) if *person == me
            )
        };
        let mut drafts = Vec::new();
        if owner != me {
            let apart = document.set_aside.iter().filter(|(_, bytes)| {
                let chunk = ChangeChunk::parse(bytes, &self.config.limits);
                let actor = chunk.map(|chunk| ActorId::from(chunk.actor().as_slice()));
                actor.is_ok_and(|actor| proofs.device_of(&actor).is_some_and(mine))
            });
            drafts.extend(apart.cloned());
        }
        let mut covered = Cover::default();
        for head in document.consent.retirements().flat_map(|(_, it)| &it.heads) {
            graph.cover_down(&[*head], &mut covered, |_| {});
        }
        let cuts = Cuts::new(graph, &standings);
        let unseen = (0..graph.len()).filter(|position| {
            !covered.contains(*position)
                && contents.facts.author_device(*position).is_some_and(mine)
                && (owner == me || !cuts.is_judged(&standings, owner, proofs, *position))
        });
        let hashes: Vec<ChangeHash> = unseen.map(|at| graph.node(at).hash).collect();
        let bytes = hashes.iter().map(|hash| contents.change_bytes(hash));
        let unseen = hashes.iter().copied().zip(bytes);
        drafts.extend(unseen.filter_map(|(hash, bytes)| Some((hash, bytes?))));
        drafts
    }

    /// Forgets what is in a document and has the vault do the same, but for the drafts.
    fn remove_content(&mut self, id: DocumentId, drafts: Vec<(ChangeHash, Vec<u8>)>) {
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        let had = !document.heads().is_empty() || !document.set_aside.is_empty();
        let kept: Vec<ChangeHash> = drafts.iter().map(|(hash, _)| *hash).collect();
        document.remove_content(drafts);
        self.note_used(id);
        self.spare.take_if(|spare| spare.document == id);
        self.unstage_document(id);
        self.appending.retain(|waiting| waiting.document != id);
        let drafts = kept.len();
        self.append_document(id, Vec::new(), |part| {
            part.erased = true;
            part.set_aside = kept;
        });
        self.erasing.insert(id, Some(Ticket(self.tickets)));
        if had {
            self.event(Event::Erased {
                document: id,
                drafts,
            });
        }
        let connections: Vec<ConnectionId> = self.sessions.keys().copied().collect();
        for connection in connections {
            if let Some(session) = self.sessions.get_mut(&connection) {
                session.drop_lane(id);
                session.withheld.remove(&id);
            }
            self.credit(connection, id);
            self.opened(connection, id);
            self.pump(connection);
        }
    }

    /// Confirms removals that are durable now.
    pub(crate) fn erased_durably(&mut self, now: Now, stored: Ticket) {
        let removed = self.erasing.iter();
        let durable = removed.filter(|(_, ticket)| ticket.is_some_and(|it| it <= stored));
        let durable: Vec<DocumentId> = durable.map(|(id, _)| *id).collect();
        for id in durable {
            self.erasing.remove(&id);
            self.confirm_removal(now, id);
        }
    }

    /// Whether a removal is under way that a person will be told of.
    pub(crate) fn is_erasing_with(&self, person: PersonId) -> bool {
        let mut documents = self.erasing.keys().filter_map(|id| self.documents.get(id));
        documents.any(|document| self.is_common(document, person))
    }

    /// Notes that a device was told of a retirement and will confirm it to this one.
    pub(crate) fn await_confirmation(&mut self, connection: ConnectionId, id: DocumentId) {
        let me = self.config.person;
        if let (Some(session), Some(document)) =
            (self.sessions.get_mut(&connection), self.documents.get(&id))
            && document.consent.is_retired()
            && [session.person, document.origin.owner].contains(&me)
            && (session.person == me || document.consent.concerns(session.person))
            && !document.consent.unanswered(session.device).is_empty()
        {
            session.confirming.insert(id);
        }
    }

    /// Notes what devices have confirmed of a document.
    pub(crate) fn note_confirmations(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        for session in self.sessions.values_mut() {
            if session.confirming.contains(&id)
                && document.consent.unanswered(session.device).is_empty()
            {
                session.confirming.remove(&id);
            }
        }
    }

    fn confirm_removal(&mut self, now: Now, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let (me, owner) = (self.config.person, document.origin.owner);
        let receipts: Vec<SignedStatement> = document
            .consent
            .unanswered(self.device)
            .into_iter()
            .map(|statement| {
                self.sign(Statement::Receipt(Receipt {
                    document: id,
                    statement,
                    person: me,
                    kind: ReceiptKind::Erased,
                    at_millis: now.wall_millis,
                }))
            })
            .collect();
        if receipts.is_empty() {
            return;
        }
        self.keep_consent(id, receipts);
        let connections: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_compared() && [me, owner].contains(&session.person))
            .filter(|(_, session)| {
                let document = self.documents.get(&id);
                document.is_some_and(|document| self.is_common(document, session.person))
            })
            .map(|(connection, _)| *connection)
            .collect();
        for connection in connections {
            // With the retirement, of which this device of the owner may not have heard.
            self.send_consent(connection, id);
        }
    }
}
