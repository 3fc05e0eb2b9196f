//! Consent given, changed and taken back by the owner, and noted by grantees.

use std::collections::BTreeSet;

use crate::consent::GrantLine;
use crate::document::Document;
use crate::engine::{Engine, Now, document_of};
use crate::event::Event;
use crate::frame::Message;
use crate::id::{DocumentId, PersonId};
use crate::session::ConnectionId;
use crate::statement::{AuthorCard, Grant, Receipt, ReceiptKind, Role, SignedStatement, Statement};
use crate::storage::Append;

/// Longest purpose of a grant, in characters.
pub const PURPOSE_CHARACTERS_MAX: usize = 500;

/// Most statements that one grant may replace, and most heads it may name: keeps a statement
/// within its size.
const GRANT_LIST_MAX: usize = 40;

/// Why consent was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// Nobody here has such a document.
    #[error("there is no such document here")]
    UnknownDocument,
    /// Only the owner shares.
    #[error("only the owner of a document can share it; nothing was changed")]
    NotOwner,
    /// Not paired with this person.
    #[error("this person is not paired with this notebook; nothing was shared")]
    UnknownPerson,
    /// Sharing with oneself means nothing.
    #[error("a document is not shared with its owner")]
    Owner,
    /// The purpose is too long.
    #[error("the purpose is longer than 500 characters; nothing was shared")]
    PurposeTooLong,
}

/// What the owner consents to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareTerms {
    /// What the person may do.
    pub role: Role,
    /// What for, in the owner's words.
    pub purpose: String,
    /// When it should end, milliseconds since the Unix epoch.
    pub expires_millis: Option<i64>,
}

impl Engine {
    /// Gives, changes or (with [`Role::None`]) takes back a person's consent. It replaces every
    /// statement this device knows and binds it at once. Nothing is said to a person who never had
    /// consent when it is taken back.
    ///
    /// # Errors
    /// See [`ShareError`]; nothing was changed.
    pub fn share(
        &mut self,
        now: Now,
        id: DocumentId,
        grantee: PersonId,
        terms: ShareTerms,
    ) -> Result<(), ShareError> {
        let document = self.documents.get(&id).ok_or(ShareError::UnknownDocument)?;
        if document.origin.owner != self.config.person {
            return Err(ShareError::NotOwner);
        }
        if grantee == self.config.person {
            return Err(ShareError::Owner);
        }
        if !self.people.is_known(grantee) {
            return Err(ShareError::UnknownPerson);
        }
        if terms.purpose.chars().count() > PURPOSE_CHARACTERS_MAX {
            return Err(ShareError::PurposeTooLong);
        }
        if terms.role == Role::None && !document.consent.concerns(grantee) {
            return Ok(());
        }
        let in_force = document.consent.in_force(grantee);
        let grant = Grant {
            origin: document.origin,
            grantee,
            role: terms.role,
            purpose: terms.purpose,
            expires_millis: terms.expires_millis,
            replaces: in_force
                .iter()
                .map(|(hash, _)| *hash)
                .take(GRANT_LIST_MAX)
                .collect(),
            heads: document
                .heads()
                .iter()
                .take(GRANT_LIST_MAX)
                .copied()
                .collect(),
            at_millis: now.wall_millis,
        };
        let mut statements = vec![self.sign(Statement::Grant(grant))];
        statements.extend(self.missing_cards(now, id, grantee, terms.role));
        self.keep_consent(id, statements);
        self.consent_changed(id);
        self.report_settled();
        Ok(())
    }

    /// Takes consent back whose time is over, in documents of this person. To be called at start
    /// and now and then; every new connection does it too.
    pub fn expire(&mut self, now: Now) {
        let me = self.config.person;
        let over: Vec<(DocumentId, PersonId, String)> = self
            .documents
            .values()
            .filter(|document| document.origin.owner == me)
            .flat_map(|document| {
                let expired = document.consent.lines().into_iter().filter(|line| {
                    let over = line.expires_millis.is_some_and(|at| at <= now.wall_millis);
                    line.in_force && line.role > Role::None && over
                });
                expired.map(|line| (document.id, line.grantee, line.purpose))
            })
            .collect();
        for (document, grantee, purpose) in over {
            let terms = ShareTerms {
                role: Role::None,
                purpose,
                expires_millis: None,
            };
            if let Err(error) = self.share(now, document, grantee, terms) {
                tracing::warn!(%error, "a consent that is over was not taken back");
            }
        }
    }

    /// Cards of the writers of a document that have none yet, so that readers can tell who wrote.
    fn missing_cards(
        &self,
        now: Now,
        id: DocumentId,
        grantee: PersonId,
        role: Role,
    ) -> Vec<SignedStatement> {
        let Some(document) = self.documents.get(&id) else {
            return Vec::new();
        };
        let mut writers = document.consent.grantees();
        writers.insert(grantee);
        let mut cards = Vec::new();
        for person in writers {
            let writes = document.consent.role(person) == Role::Write
                || (person == grantee && role == Role::Write);
            let devices = self.devices(person);
            let known = document
                .consent
                .cards()
                .any(|card| card.person == person && card.devices == devices);
            if writes && !known {
                let card = AuthorCard {
                    origin: document.origin,
                    person,
                    label: String::new(),
                    devices,
                    at_millis: now.wall_millis,
                };
                cards.push(self.sign(Statement::AuthorCard(card)));
            }
        }
        cards
    }

    fn sign(&self, statement: Statement) -> SignedStatement {
        SignedStatement::sign(statement, &self.config.device_secret)
    }

    /// Merges consent statements into a document and queues them for the vault.
    fn keep_consent(&mut self, id: DocumentId, statements: Vec<SignedStatement>) {
        if let Some(document) = self.documents.get_mut(&id) {
            for signed in &statements {
                document.merge_consent(signed.clone());
            }
        }
        self.note_common(id);
        self.note_changed(id);
        self.append_document(id, statements, |_| {});
        self.event(Event::Consent { document: id });
    }

    /// Brings every session in line with the consent as it is now.
    fn consent_changed(&mut self, id: DocumentId) {
        let connections: Vec<ConnectionId> = self.sessions.keys().copied().collect();
        for connection in connections {
            let Some(session) = self.sessions.get_mut(&connection) else {
                continue;
            };
            let person = session.person;
            let concerned = self
                .documents
                .get(&id)
                .is_some_and(|document| document.consent.concerns(person))
                || person == self.config.person;
            if !concerned || !session.greeted {
                continue;
            }
            if self.may_exchange(id, person) {
                self.reconcile(connection, id);
            } else {
                if let Some(session) = self.sessions.get_mut(&connection) {
                    session.drop_lane(id);
                }
                self.send_consent(connection, id);
            }
        }
    }

    /// Sends what a peer should know of a document's consent. A grantee returns the owner's own
    /// statements: the owner may have lost them in a crash or by a restored backup.
    pub(crate) fn send_consent(&mut self, connection: ConnectionId, id: DocumentId) {
        let (Some(session), Some(document)) =
            (self.sessions.get(&connection), self.documents.get(&id))
        else {
            return;
        };
        let me = self.config.person;
        let owner = document.origin.owner == me;
        let known_to = if owner { session.person } else { me };
        let mut statements: Vec<&SignedStatement> = if session.person == me {
            document.consent.statements().collect()
        } else {
            document.consent.known_to(known_to).collect()
        };
        // Cards and receipts mean nothing to one who does not know the grants yet.
        statements.sort_by_key(|signed| !matches!(signed.statement(), Statement::Grant(_)));
        let statements = statements
            .into_iter()
            .map(|signed| signed.bytes().to_vec())
            .collect();
        self.send_statements(connection, statements);
    }

    /// Sends statements in frames of at most half the limit.
    pub(crate) fn send_statements(&mut self, connection: ConnectionId, statements: Vec<Vec<u8>>) {
        let full = self.config.limits.frame_bytes_max / 2;
        let mut part = Vec::new();
        let mut size = 0;
        for bytes in statements {
            if size + bytes.len() > full || part.len() == self.config.limits.frame_statements_max {
                self.send(connection, &Message::Statements(std::mem::take(&mut part)));
                size = 0;
            }
            size += bytes.len() + 4;
            part.push(bytes);
        }
        if !part.is_empty() {
            self.send(connection, &Message::Statements(part));
        }
    }

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
        let person = session.person;
        let mut touched = BTreeSet::new();
        let mut recovered = BTreeSet::new();
        for bytes in statements {
            let Ok(signed) = SignedStatement::from_bytes(bytes) else {
                self.counters.messages_ignored += 1;
                continue;
            };
            match document_of(signed.statement()) {
                None => self.roster_statement(person, signed),
                Some(id) => {
                    let receipt = matches!(signed.statement(), Statement::Receipt(_));
                    if self.consent_statement(person, id, signed) {
                        touched.insert(id);
                        if !receipt && person != self.config.person && self.owns(id) {
                            recovered.insert(id);
                        }
                    }
                }
            }
        }
        for id in touched {
            let receipts = self.write_receipts(now, id);
            self.event(Event::Consent { document: id });
            self.send_statements(connection, receipts);
            self.stop_where_not_shared(connection, id);
            self.ask_withheld(id);
            if recovered.contains(&id) {
                self.consent_recovered(now, id, person);
            }
        }
    }

    /// A grantee returned statements that this device of the owner had lost, and with them may
    /// have lost the cards of writers; the grantee may not know what was stated since.
    fn consent_recovered(&mut self, now: Now, id: DocumentId, grantee: PersonId) {
        let cards = self.missing_cards(now, id, grantee, Role::None);
        if !cards.is_empty() {
            self.keep_consent(id, cards);
        }
        self.consent_changed(id);
    }

    fn owns(&self, id: DocumentId) -> bool {
        let document = self.documents.get(&id);
        document.is_some_and(|document| document.origin.owner == self.config.person)
    }

    fn roster_statement(&mut self, person: PersonId, signed: SignedStatement) {
        let about = match signed.statement() {
            Statement::DeviceAdded(added) => added.person,
            Statement::DeviceRevoked(revoked) => revoked.person,
            _ => return,
        };
        let record = (signed.hash(), signed.bytes().to_vec());
        // What the recovery key says is never refused for want of room.
        let room = signed.signer() == person.as_bytes()
            || self.people.roster(person).is_some_and(|roster| {
                roster.statements().count() < self.config.limits.person_statements_max
            });
        if about == person && room && self.people.merge(signed, false) {
            self.append(
                Append {
                    statements: vec![record],
                    ..Append::default()
                },
                None,
            );
        }
    }

    /// Merges one consent statement. Returns whether it was new and valid.
    fn consent_statement(
        &mut self,
        from: PersonId,
        id: DocumentId,
        signed: SignedStatement,
    ) -> bool {
        let me = self.config.person;
        let signer = signed.signing_device();
        let signed_by = |person: PersonId| {
            self.people
                .roster(person)
                .is_some_and(|roster| roster.has_device(signer))
        };
        let valid = match signed.statement() {
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
                    && self.documents.contains_key(&id)
            }
            Statement::Receipt(receipt) => {
                signed_by(receipt.person)
                    && (from == me || [from, me].contains(&receipt.person))
                    && self
                        .documents
                        .get(&id)
                        .is_some_and(|known| known.consent.contains(&receipt.statement))
            }
            _ => false,
        };
        if !valid {
            self.counters.messages_ignored += 1;
            return false;
        }
        if let Statement::Grant(grant) = signed.statement()
            && !self.documents.contains_key(&id)
        {
            let owned = self
                .documents
                .values()
                .filter(|known| known.origin.owner == grant.origin.owner)
                .count();
            if owned >= self.config.limits.person_documents_max {
                self.counters.messages_ignored += 1;
                return false;
            }
            self.documents.insert(id, Document::empty(grant.origin));
        }
        let statements_max = self.config.limits.document_statements_max;
        let Some(document) = self.documents.get_mut(&id) else {
            return false;
        };
        // A grant is never refused for want of room: it may take a consent back.
        let grant = matches!(signed.statement(), Statement::Grant(_));
        let full = document.consent.statements().count() >= statements_max;
        if (full && !grant)
            || document.consent.has_receipt_like(signed.statement())
            || !document.merge_consent(signed.clone())
        {
            return false;
        }
        self.note_common(id);
        self.note_changed(id);
        self.append_document(id, vec![signed], |_| {});
        true
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

    /// After a peer's statement: stops serving what is not shared any more.
    fn stop_where_not_shared(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        if !self.may_exchange(id, person)
            && let Some(session) = self.sessions.get_mut(&connection)
        {
            session.drop_lane(id);
        }
    }

    /// Whether a document may flow between this device and a device of `person` now.
    pub(crate) fn may_exchange(&self, id: DocumentId, person: PersonId) -> bool {
        let me = self.config.person;
        self.documents.get(&id).is_some_and(|document| {
            let owner = document.origin.owner;
            if cfg!(cairn_mutant = "consent-forgotten") {
                return self.is_common(document, person);
            }
            person == me
                || (owner == me && document.consent.role(person) >= Role::Read)
                || (owner == person && document.consent.role(me) >= Role::Read)
        })
    }

    /// Whether the two ever shared a document, so that it belongs to the set they compare.
    pub(crate) fn is_common(&self, document: &Document, person: PersonId) -> bool {
        let me = self.config.person;
        let owner = document.origin.owner;
        person == me
            || (owner == me && document.consent.concerns(person))
            || (owner == person && document.consent.concerns(me))
    }

    /// Everyone's consent for a document, as its owner's audit view.
    pub fn grants_in_force(&self, id: DocumentId) -> Vec<GrantLine> {
        self.consent(id)
            .into_iter()
            .filter(|line| line.in_force)
            .collect()
    }
}
