//! Statements that come from a peer, and the receipts that grantees give for them.

use std::collections::BTreeSet;

use crate::document::Document;
use crate::engine::{Engine, Now};
use crate::event::Event;
use crate::id::{DocumentId, PersonId};
use crate::session::ConnectionId;
use crate::statement::{
    Origin, Receipt, ReceiptKind, SignedStatement, Statement, StatementError, Unverified,
};

impl Engine {
    /// A peer's statements. Those that do not verify or do not concern the two are passed over.
    pub(crate) fn statements_received(
        &mut self,
        now: Now,
        connection: ConnectionId,
        statements: Vec<Vec<u8>>,
    ) {
        let Some(session) = self.sessions.get(&connection) else {
            return;
        };
        if statements.len() > self.config.limits.frame_statements_max {
            self.misbehaved(connection);
            return;
        }
        let (person, restricted) = (session.person, session.restricted);
        let mut touched = BTreeSet::new();
        let mut recovered = BTreeSet::new();
        let mut newly_cut = BTreeSet::new();
        let mut roster = Vec::new();
        for bytes in statements {
            let signed = match self.new_statement(bytes) {
                Ok(Some(signed)) => signed,
                Ok(None) => continue,
                Err(_) => {
                    self.counters.messages_ignored += 1;
                    continue;
                }
            };
            match signed.statement().document() {
                None => roster.push(signed),
                Some(_) if restricted => self.counters.messages_ignored += 1,
                Some(id) => {
                    let receipt = matches!(signed.statement(), Statement::Receipt(_));
                    let cut = matches!(signed.statement(), Statement::DeviceCut(_));
                    if self.consent_statement(person, id, signed) {
                        touched.insert(id);
                        if cut {
                            newly_cut.insert(id);
                        }
                        if !receipt && person != self.config.person && self.owns(id) {
                            recovered.insert(id);
                        }
                    }
                }
            }
        }
        // Once all of them are known: what one cut leaves out another may keep.
        for id in newly_cut {
            self.take_out_beyond_cuts(id);
        }
        for id in touched {
            let receipts = self.write_receipts(now, id);
            self.event(Event::Consent { document: id });
            self.send_statements(connection, receipts);
            self.stop_where_not_shared(id);
            self.ask_withheld(id);
            if recovered.contains(&id) {
                self.consent_recovered(now, id, person);
            } else {
                self.pass_on(connection, id, person);
            }
        }
        // Last, because it may end this very session.
        self.roster_statements(now, connection, person, roster);
    }

    /// Reads a statement and checks its signature, unless it is known: then there is nothing to
    /// check. A signature costs some 50 µs, a look far less.
    fn new_statement(&mut self, bytes: Vec<u8>) -> Result<Option<SignedStatement>, StatementError> {
        let read = Unverified::from_bytes(bytes)?;
        let hash = read.hash();
        let known = match (read.statement().document(), read.statement().roster_of()) {
            (Some(id), _) => self
                .documents
                .get(&id)
                .is_some_and(|document| document.consent.contains(&hash)),
            (None, Some(person)) => self
                .people
                .roster(person)
                .is_some_and(|roster| roster.contains(&hash)),
            (None, None) => false,
        };
        if known {
            return Ok(None);
        }
        self.counters.statements_verified += 1;
        read.verify().map(Some)
    }

    /// Passes on what a peer said about a document: to own devices, and what an own device said to
    /// everyone it concerns.
    fn pass_on(&mut self, from: ConnectionId, id: DocumentId, person: PersonId) {
        let me = self.config.person;
        if person == me {
            self.consent_changed(id, Some(from));
            return;
        }
        let own: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.person == me && session.is_compared())
            .map(|(connection, _)| *connection)
            .collect();
        for connection in own {
            self.send_consent(connection, id);
        }
    }

    /// A grantee returned statements that this device of the owner had lost, and with them may
    /// have lost the cards of writers; the grantee may not know what was stated since.
    fn consent_recovered(&mut self, now: Now, id: DocumentId, grantee: PersonId) {
        let cards = self.missing_cards(now, id, grantee, crate::statement::Role::None);
        if !cards.is_empty() {
            self.keep_consent(id, cards);
        }
        self.consent_changed(id, None);
    }

    fn owns(&self, id: DocumentId) -> bool {
        let document = self.documents.get(&id);
        document.is_some_and(|document| document.origin.owner == self.config.person)
    }

    /// Merges one consent statement. Returns whether it was new and valid.
    fn consent_statement(
        &mut self,
        from: PersonId,
        id: DocumentId,
        signed: SignedStatement,
    ) -> bool {
        if !self.may_state(from, id, &signed) {
            self.counters.messages_ignored += 1;
            return false;
        }
        let (origin, room) = match signed.statement() {
            // A grant is never refused for want of room: it may take a consent back.
            Statement::Grant(grant) => (Some(grant.origin), usize::MAX),
            Statement::DeviceCut(cut) => {
                let me = self.config.person;
                // One by the recovery key of this person shows by itself that there is a document.
                let own = (cut.person, cut.origin.owner) == (me, me);
                let may_bring = own || from == me || cut.origin.owner == from;
                let twice = self.config.limits.document_statements_max.saturating_mul(2);
                (may_bring.then_some(cut.origin), twice)
            }
            // The first is never refused either; more of them say nothing new.
            Statement::DocumentRetired(retired) if !self.is_retired(id) => {
                (Some(retired.origin), usize::MAX)
            }
            _ => (None, self.config.limits.document_statements_max),
        };
        if let Some(origin) = origin
            && !self.make_room_for(origin)
        {
            return false;
        }
        let Some(document) = self.documents.get_mut(&id) else {
            return false;
        };
        if document.consent.taken() >= room || !document.merge_consent(signed.clone()) {
            return false;
        }
        let retired = matches!(signed.statement(), Statement::DocumentRetired(_));
        self.note_common(id);
        self.note_changed(id);
        self.append_document(id, vec![signed], |_| {});
        self.drop_unwelcome();
        if retired {
            self.follow_retirement(id);
        }
        self.note_confirmations(id);
        true
    }

    /// Makes a document known by what its id commits to, if it is not and there is room.
    pub(crate) fn make_room_for(&mut self, origin: Origin) -> bool {
        let id = origin.document();
        if self.documents.contains_key(&id) {
            return true;
        }
        let owned = self
            .documents
            .values()
            .filter(|known| known.origin.owner == origin.owner)
            .count();
        if owned >= self.config.limits.person_documents_max {
            self.counters.messages_ignored += 1;
            return false;
        }
        self.documents.insert(id, Document::empty(origin));
        self.note_changed(id);
        true
    }

    /// Whether a peer may bring this statement, and its signer may make it.
    ///
    /// What a revoked device signed counts if the revocation keeps it, or if another device of the
    /// same person, which could sign it itself, or another own device had taken it before it knew.
    fn may_state(&self, from: PersonId, id: DocumentId, signed: &SignedStatement) -> bool {
        let me = self.config.person;
        let signer = signed.signing_device();
        let document = self.documents.get(&id);
        let signed_by = |person: PersonId| {
            self.people.roster(person).is_some_and(|roster| {
                let kept = || {
                    [me, person].contains(&from)
                        || document.is_some_and(|document| {
                            document.consent.keeps(person, signer, &signed.hash())
                        })
                };
                roster.has_device(signer) || (roster.is_revoked(signer) && kept())
            })
        };
        match signed.statement() {
            Statement::Grant(grant) => {
                let owner = grant.origin.owner;
                signed_by(owner)
                    && (from == me
                        || (owner == from && grant.grantee == me)
                        || (owner == me && grant.grantee == from))
            }
            Statement::AuthorCard(card) => {
                let owner = card.origin.owner;
                signed_by(owner)
                    && (from == me || [from, me].contains(&owner))
                    && document.is_some()
            }
            Statement::Receipt(receipt) => {
                signed_by(receipt.person)
                    && (from == me || [from, me].contains(&receipt.person))
                    && document.is_some_and(|known| {
                        let owner = known.origin.owner == receipt.person;
                        (owner || known.consent.concerns(receipt.person))
                            && known.consent.can_confirm(&receipt.statement, receipt.kind)
                    })
            }
            Statement::DocumentRetired(retired) => {
                let owner = retired.origin.owner;
                let had = || document.is_some_and(|known| known.consent.concerns(me));
                signed_by(owner) && (from == me || owner == me || (owner == from && had()))
            }
            Statement::DocumentContinued(told) => {
                let owner = told.origin.owner;
                signed_by(owner)
                    && document.is_some()
                    && (from == me || [(from, me), (me, from)].contains(&(owner, told.person)))
            }
            Statement::DeviceCut(cut) => {
                signed.signer() == cut.person.as_bytes()
                    && (from == me
                        || ([from, me].contains(&cut.person)
                            && [from, me].contains(&cut.origin.owner)))
            }
            _ => false,
        }
    }

    /// Signs a receipt for every grant to this person that has none, and gives the new ones.
    fn write_receipts(&mut self, now: Now, id: DocumentId) -> Vec<Vec<u8>> {
        let person = self.config.person;
        let Some(document) = self.documents.get(&id) else {
            return Vec::new();
        };
        let receipts: Vec<SignedStatement> = document
            .consent
            .unreceipted(person)
            .into_iter()
            .map(|statement| {
                self.sign(Statement::Receipt(Receipt {
                    document: id,
                    statement,
                    person,
                    kind: ReceiptKind::Noted,
                    at_millis: now.wall_millis,
                }))
            })
            .collect();
        let bytes = receipts
            .iter()
            .map(|signed| signed.bytes().to_vec())
            .collect();
        if !receipts.is_empty() {
            self.keep_consent(id, receipts);
        }
        bytes
    }
}
