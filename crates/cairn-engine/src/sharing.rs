//! Consent given, changed and taken back by the owner.

use std::collections::BTreeSet;

use crate::consent::GrantLine;
use crate::document::Document;
use crate::engine::{Engine, Now};
use crate::event::Event;
use crate::frame::Message;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::mutants::broken;
use crate::session::ConnectionId;
use crate::statement::{AuthorCard, Grant, Role, SignedStatement, Statement};

/// Longest purpose of a grant, in characters.
pub const PURPOSE_CHARACTERS_MAX: usize = 500;

/// Most statements that one grant may replace, and most heads it may name: keeps a statement
/// within its size.
const GRANT_LIST_MAX: usize = 40;

/// Most devices on one author card, which keeps it within the size of a statement; a person with
/// more gets several cards.
const CARD_DEVICES_MAX: usize = 100;

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
    /// Documents of this kind never leave the device.
    #[error("this document never leaves this device; nothing was shared")]
    StaysHere,
    /// The owner erased it; its id is not used any more.
    #[error("this document was erased; nothing was shared")]
    Retired,
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
        if self.sign_consent(now, id, grantee, terms)? {
            self.consent_changed(id, None);
            self.report_settled();
        }
        Ok(())
    }

    /// Signs and keeps what [`share`](Self::share) says, and tells nobody yet. Returns whether there was
    /// anything to sign.
    fn sign_consent(
        &mut self,
        now: Now,
        id: DocumentId,
        grantee: PersonId,
        terms: ShareTerms,
    ) -> Result<bool, ShareError> {
        let document = self.documents.get(&id).ok_or(ShareError::UnknownDocument)?;
        if document.origin.owner != self.config.person {
            return Err(ShareError::NotOwner);
        }
        if document.consent.is_retired() {
            return Err(ShareError::Retired);
        }
        if grantee == self.config.person {
            return Err(ShareError::Owner);
        }
        if self.config.rules.stays_here(document.origin.kind) {
            return Err(ShareError::StaysHere);
        }
        if !self.people.is_known(grantee) {
            return Err(ShareError::UnknownPerson);
        }
        if terms.purpose.chars().count() > PURPOSE_CHARACTERS_MAX {
            return Err(ShareError::PurposeTooLong);
        }
        if terms.role == Role::None && !document.consent.concerns(grantee) {
            return Ok(false);
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
        Ok(true)
    }

    /// Takes consent back whose time is over, in documents of this person, by an ordinary
    /// statement. To be called when the time of [`next_expiry`](Self::next_expiry) has come; every
    /// new connection does it too.
    pub fn expire(&mut self, now: Now) {
        if self.next_expiry.is_none_or(|at| at > now.wall_millis) {
            return;
        }
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
        let mut changed = BTreeSet::new();
        for (document, grantee, purpose) in over {
            let terms = ShareTerms {
                role: Role::None,
                purpose,
                expires_millis: None,
            };
            match self.sign_consent(now, document, grantee, terms) {
                Ok(_) => drop(changed.insert(document)),
                Err(error) => tracing::warn!(%error, "a consent that is over was not taken back"),
            }
        }
        // Only now: nobody is served by a consent that the next line would end.
        for document in &changed {
            self.consent_changed(*document, None);
        }
        if !changed.is_empty() {
            self.report_settled();
        }
        let own = self.documents.values().filter(|it| it.origin.owner == me);
        self.next_expiry = own
            .filter_map(|document| document.consent.next_expiry())
            .min();
    }

    /// When the next consent of this person for others should end, by the wall clock.
    pub fn next_expiry(&self) -> Option<i64> {
        self.next_expiry
    }

    /// Cards for devices of the writers of a document that are on none yet, so that readers can
    /// tell who wrote. Devices that were revoked are among them: what counts of their work is the
    /// owner's side's to judge, and readers must be able to follow.
    pub(crate) fn missing_cards(
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
            let Some(roster) = self.people.roster(person).filter(|_| writes) else {
                continue;
            };
            let carded: BTreeSet<DeviceId> = document
                .consent
                .cards()
                .filter(|card| card.person == person)
                .flat_map(|card| card.devices.iter().copied())
                .collect();
            let missing: Vec<DeviceId> = roster
                .all_devices()
                .filter(|device| !carded.contains(device))
                .collect();
            for devices in missing.chunks(CARD_DEVICES_MAX) {
                let card = AuthorCard {
                    origin: document.origin,
                    person,
                    label: String::new(),
                    devices: devices.to_vec(),
                    at_millis: now.wall_millis,
                };
                cards.push(self.sign(Statement::AuthorCard(card)));
            }
        }
        cards
    }

    /// Introduces new devices of a person to the readers of every document they write in here.
    pub(crate) fn introduce_devices(&mut self, now: Now, person: PersonId) {
        let written: Vec<DocumentId> = self
            .documents
            .values()
            .filter(|document| {
                document.origin.owner == self.config.person
                    && document.consent.role(person) == Role::Write
            })
            .map(|document| document.id)
            .collect();
        for id in written {
            let cards = self.missing_cards(now, id, person, Role::None);
            if cards.is_empty() {
                continue;
            }
            self.keep_consent(id, cards);
            self.tell_consent(id);
        }
    }

    /// Sends the consent of a document to everyone who may have it now, or owns it, and is
    /// connected.
    pub(crate) fn tell_consent(&mut self, id: DocumentId) {
        let owner = self.origin(id).map(|origin| origin.owner);
        let told = |person| owner == Some(person) || self.may_exchange(id, person);
        let connections: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_compared() && told(session.person))
            .map(|(connection, _)| *connection)
            .collect();
        for connection in connections {
            self.send_consent(connection, id);
        }
    }

    pub(crate) fn sign(&self, statement: Statement) -> SignedStatement {
        SignedStatement::sign(statement, &self.config.device_secret)
    }

    /// Merges consent statements into a document and queues them for the vault.
    pub(crate) fn keep_consent(&mut self, id: DocumentId, statements: Vec<SignedStatement>) {
        if let Some(document) = self.documents.get_mut(&id) {
            for signed in &statements {
                document.merge_consent(signed.clone());
            }
        }
        self.note_common(id);
        self.note_changed(id);
        self.append_document(id, statements, |_| {});
        self.drop_unwelcome();
        self.event(Event::Consent { document: id });
    }

    /// Brings every session, but for one, in line with the consent as it is now.
    pub(crate) fn consent_changed(&mut self, id: DocumentId, except: Option<ConnectionId>) {
        let connections: Vec<ConnectionId> = self.sessions.keys().copied().collect();
        for connection in connections {
            if Some(connection) == except {
                continue;
            }
            let Some(session) = self.sessions.get_mut(&connection) else {
                continue;
            };
            let person = session.person;
            // What an own device brought its owner hears from that one.
            let owner = |document: &Document| except.is_none() && document.origin.owner == person;
            let concerned = self
                .documents
                .get(&id)
                .is_some_and(|document| document.consent.concerns(person) || owner(document))
                || person == self.config.person;
            if !concerned || !session.greeted || session.restricted {
                continue;
            }
            if self.may_exchange(id, person) {
                self.reconcile(connection, id);
            } else {
                if let Some(session) = self.sessions.get_mut(&connection)
                    && !broken("consent-late")
                {
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
        // Cards and receipts mean nothing to one who does not know yet what they are about, and
        // what a revoked device signed counts by what the revocation keeps.
        statements.sort_by_key(|signed| match signed.statement() {
            Statement::DeviceCut(_) => 0,
            Statement::Grant(_) => 1,
            // Who never had consent is not told of it: it comes behind the grants that show it.
            Statement::DocumentRetired(_) => 2,
            _ => 3,
        });
        let statements = statements
            .into_iter()
            .map(|signed| signed.bytes().to_vec())
            .collect();
        self.await_confirmation(connection, id);
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

    /// After a statement: stops serving what is not shared any more, and waiting for answers about
    /// it, on every connection.
    pub(crate) fn stop_where_not_shared(&mut self, id: DocumentId) {
        let over: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| !self.may_exchange(id, session.person))
            .map(|(connection, _)| *connection)
            .collect();
        for connection in over {
            if let Some(session) = self.sessions.get_mut(&connection) {
                session.drop_lane(id);
            }
        }
    }

    /// Whether a document may flow between this device and a device of `person` now.
    pub(crate) fn may_exchange(&self, id: DocumentId, person: PersonId) -> bool {
        let me = self.config.person;
        self.documents.get(&id).is_some_and(|document| {
            let owner = document.origin.owner;
            if document.consent.is_retired() {
                return false;
            }
            if broken("consent-forgotten") {
                return self.is_common(document, person);
            }
            (person == me && !self.config.rules.stays_here(document.origin.kind))
                || (owner == me && document.consent.role(person) >= Role::Read)
                || (owner == person && document.consent.role(me) >= Role::Read)
        })
    }

    /// Whether the two ever shared a document, so that it belongs to the set they compare.
    pub(crate) fn is_common(&self, document: &Document, person: PersonId) -> bool {
        let me = self.config.person;
        let owner = document.origin.owner;
        (person == me && !self.config.rules.stays_here(document.origin.kind))
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
