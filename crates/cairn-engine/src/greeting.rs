//! The start and end of a session: who is there, what the two share, where it differs.

use std::collections::BTreeMap;

use automerge::ChangeHash;

use crate::document::Document;
use crate::engine::{CloseReason, Engine, Now, Output};
use crate::event::Event;
use crate::frame::{Hello, IndexEntry, Message, PROTOCOL_VERSIONS};
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::session::{ConnectionId, Session};

/// Index entries in one frame: 48 bytes each, well below the frame limit.
const INDEX_ENTRIES_PER_FRAME: usize = 8192;

impl Engine {
    pub(crate) fn connected(
        &mut self,
        now: Now,
        connection: ConnectionId,
        person: PersonId,
        device: DeviceId,
        dialled: bool,
    ) {
        let (revoked, paused) = self.restriction(person, device);
        let known = self
            .people
            .roster(person)
            .is_some_and(|roster| roster.has_device(device) || roster.is_revoked(device));
        if !known || device == self.device {
            self.close(connection, CloseReason::UnknownDevice);
            return;
        }
        let other = self
            .sessions
            .iter()
            .find(|(_, session)| session.device == device)
            .map(|(other, session)| (*other, session.dialled));
        if let Some((other, other_dialled)) = other {
            // The connection dialled by the smaller device id stays; of two dialled by the same
            // side the newer one, since the older is dead and nobody noticed yet.
            let smaller_dialled = dialled == (self.device < device);
            if dialled == other_dialled || smaller_dialled {
                self.end_session(other);
                self.close(other, CloseReason::Duplicate);
            } else {
                self.close(connection, CloseReason::Duplicate);
                return;
            }
        }
        self.expire(now);
        self.introduce_devices(now, person);
        let until = now.ticks_millis + self.config.limits.handshake_timeout_millis;
        let mut session = Session::new(person, device, dialled, until);
        session.restricted = revoked || paused;
        let fingerprint = if session.restricted {
            [0; 32]
        } else {
            self.fingerprint(person)
        };
        self.sessions.insert(connection, session);
        let hello = Hello {
            versions: PROTOCOL_VERSIONS,
            process: self.config.process,
            own_roster: self.roster_digest(self.config.person, person),
            known_roster: self.roster_digest(person, person),
            fingerprint,
        };
        self.send(connection, &Message::Hello(hello));
    }

    pub(crate) fn frame(&mut self, now: Now, connection: ConnectionId, bytes: &[u8]) {
        let Some(session) = self.sessions.get(&connection) else {
            return;
        };
        let (greeted, restricted) = (session.greeted, session.restricted);
        match Message::decode(bytes, self.config.limits.frame_bytes_max) {
            Ok(Message::Hello(hello)) if !greeted => self.hello(connection, &hello),
            Ok(Message::Statements(statements)) if greeted => {
                self.statements_received(now, connection, statements);
            }
            // The peer may not know yet that one of the two is paused or revoked.
            Ok(Message::Hello(_)) | Err(_) => self.misbehaved(connection),
            Ok(_) if greeted && restricted => self.counters.messages_ignored += 1,
            Ok(Message::Index { entries, last }) if greeted => {
                self.index_received(connection, entries, last);
            }
            Ok(Message::Synced) if greeted => {
                if let Some(session) = self.sessions.get_mut(&connection) {
                    session.synced_received = true;
                }
            }
            Ok(
                message @ (Message::Heads { .. }
                | Message::Changes { .. }
                | Message::Ack { .. }
                | Message::Refused { .. }),
            ) if greeted => self.message(connection, message),
            Ok(Message::Origin(origin)) if greeted => self.origin_received(connection, origin),
            Ok(_) => self.misbehaved(connection),
        }
    }

    pub(crate) fn hello(&mut self, connection: ConnectionId, hello: &Hello) {
        let (oldest, newest) = hello.versions;
        if oldest.max(PROTOCOL_VERSIONS.0) > newest.min(PROTOCOL_VERSIONS.1) {
            self.end_session(connection);
            self.close(connection, CloseReason::Version);
            return;
        }
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        session.greeted = true;
        let (person, device) = (session.person, session.device);
        self.process_seen(person, device, hello.process);
        self.event(Event::Connected {
            connection,
            person,
            device,
        });
        self.send_rosters(connection, person, hello);
        if self.is_restricted(connection) {
            return;
        }
        if self.fingerprint(person) == hello.fingerprint {
            self.index_done(connection, &[]);
        } else {
            self.send_index(connection);
        }
    }

    /// Everything the two share, in one digest.
    pub(crate) fn fingerprint(&self, person: PersonId) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn set fingerprint v1");
        for (document, digest) in self.index(person) {
            hasher.update(document.as_bytes());
            hasher.update(&digest);
        }
        *hasher.finalize().as_bytes()
    }

    /// A line for each document the two ever shared. Of one that is not shared any more it tells
    /// the consent only.
    pub(crate) fn index(&self, person: PersonId) -> Vec<IndexEntry> {
        self.documents
            .values()
            .filter(|document| self.is_common(document, person))
            .map(|document| (document.id, self.entry_digest(document, person)))
            .collect()
    }

    pub(crate) fn entry_digest(&self, document: &Document, person: PersonId) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn set entry v1");
        let me = self.config.person;
        if person == me {
            for signed in document.consent.statements() {
                hasher.update(&signed.hash().0);
            }
        } else {
            let grantee = if document.origin.owner == me {
                person
            } else {
                me
            };
            for signed in document.consent.known_to(grantee) {
                hasher.update(&signed.hash().0);
            }
        }
        hasher.update(b"heads");
        if self.may_exchange(document.id, person) {
            for head in &document.durable_heads {
                hasher.update(&head.0);
            }
        }
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn send_index(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        if std::mem::replace(&mut session.index_sent, true) {
            return;
        }
        let person = session.person;
        let index = self.index(person);
        let mut parts = index.chunks(INDEX_ENTRIES_PER_FRAME).peekable();
        if parts.peek().is_none() {
            self.send(
                connection,
                &Message::Index {
                    entries: Vec::new(),
                    last: true,
                },
            );
        }
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            self.send(
                connection,
                &Message::Index {
                    entries: part.to_vec(),
                    last,
                },
            );
        }
    }

    pub(crate) fn index_received(
        &mut self,
        connection: ConnectionId,
        entries: Vec<IndexEntry>,
        last: bool,
    ) {
        self.send_index(connection);
        let documents_max = self.config.limits.person_documents_max * 2;
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let again = std::mem::replace(&mut session.index_complete, last);
        let received = session.index_received.get_or_insert_default();
        received.extend(entries);
        if again || received.len() > documents_max {
            self.misbehaved(connection);
            return;
        }
        if !last {
            return;
        }
        let theirs: BTreeMap<DocumentId, [u8; 32]> = session
            .index_received
            .take()
            .unwrap_or_default()
            .into_iter()
            .collect();
        let person = session.person;
        let differing: Vec<DocumentId> = self
            .index(person)
            .into_iter()
            .filter(|(document, digest)| theirs.get(document) != Some(digest))
            .map(|(document, _)| document)
            .collect();
        self.counters.documents_differing += differing.len() as u64;
        for document in &differing {
            if let Some(session) = self.sessions.get_mut(&connection) {
                session.lanes.entry(*document).or_default();
            }
        }
        self.index_done(connection, &differing);
        for document in differing {
            self.reconcile(connection, document);
        }
        self.say_synced(connection);
    }

    /// From here on every document that is not among `differing`, which is sorted, is known to be
    /// equal on both sides, up to what is durable here.
    pub(crate) fn index_done(&mut self, connection: ConnectionId, differing: &[DocumentId]) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        session.index_done = true;
        let (person, device) = (session.person, session.device);
        let equal: Vec<(DocumentId, Vec<ChangeHash>)> = self
            .documents
            .values()
            .filter(|document| !session.lanes.contains_key(&document.id))
            .map(|document| (document.id, document.durable_heads.clone()))
            .collect();
        let ahead: Vec<DocumentId> = self
            .documents
            .values()
            .filter(|document| {
                document.heads() != document.durable_heads
                    || session.lanes.contains_key(&document.id)
            })
            .map(|document| document.id)
            .collect();
        for (document, heads) in equal {
            if !heads.is_empty() && self.may_exchange(document, person) {
                self.event(Event::Delivered {
                    document,
                    person,
                    device,
                    heads,
                });
            }
        }
        for id in ahead {
            if self.may_exchange(id, person) {
                let durable = self.documents[&id].durable;
                if let Some(session) = self.sessions.get_mut(&connection)
                    && differing.binary_search(&id).is_err()
                {
                    // There is a lane already if the peer came here earlier and pushed something.
                    let lane = session.lanes.entry(id).or_default();
                    lane.sent.get_or_insert(durable);
                    self.collect(connection, id);
                }
            }
        }
    }

    /// Tells the peer that all statements and heads that differ were sent.
    pub(crate) fn say_synced(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let waiting = session.lanes.iter().any(|(id, lane)| {
            !lane.heads_sent
                && self
                    .documents
                    .get(id)
                    .is_some_and(|document| !document.held.is_empty())
        });
        if session.index_sent && session.index_done && !session.synced_sent && !waiting {
            session.synced_sent = true;
            self.send(connection, &Message::Synced);
        }
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, message: &Message) {
        self.outputs.push_back(Output::Send {
            connection,
            bytes: message.encode(),
        });
    }

    pub(crate) fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        self.outputs.push_back(Output::Close { connection, reason });
    }

    pub(crate) fn misbehaved(&mut self, connection: ConnectionId) {
        self.end_session(connection);
        self.close(connection, CloseReason::Protocol);
    }

    pub(crate) fn end_session(&mut self, connection: ConnectionId) {
        if let Some(session) = self.sessions.remove(&connection) {
            for document in self.documents.values_mut() {
                document.inbox.retain(|(from, _)| *from != connection);
                document.held.retain(|(from, _)| *from != connection);
            }
            if session.greeted {
                self.event(Event::Disconnected {
                    connection,
                    person: session.person,
                });
            }
        }
    }

    pub(crate) fn close_silent(&mut self, now: Now) {
        let silent: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                !session.greeted && session.hello_until_millis <= now.ticks_millis
            })
            .map(|(connection, _)| *connection)
            .collect();
        for connection in silent {
            self.end_session(connection);
            self.close(connection, CloseReason::Silence);
        }
    }
}
