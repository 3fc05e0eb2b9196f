//! The start and end of a session: who is there, and which frames go where.

use std::collections::VecDeque;

use crate::comparing::fingerprint;
use crate::engine::{CloseReason, Engine, Now, Output};
use crate::event::Event;
use crate::frame::{Hello, Message, PROTOCOL_VERSIONS, Parts};
use crate::id::{DeviceId, PersonId};
use crate::pacing::Pace;
use crate::session::{Comparing, ConnectionId, Session};

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
        self.follow_retirements();
        self.introduce_devices(now, person);
        let until = now.ticks_millis + self.config.limits.handshake_timeout_millis;
        let restricted = revoked || paused;
        let items = if restricted {
            Vec::new()
        } else {
            self.shared_set(person)
        };
        let documents = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let fingerprint = if restricted {
            [0; 32]
        } else {
            fingerprint(&items)
        };
        let nonce = self.random.bytes();
        let comparing = Comparing::Greeting {
            items,
            nonce,
            fingerprint,
        };
        let pace = Pace::new(&self.config.limits);
        let mut session = Session::new(person, device, dialled, until, comparing, pace);
        session.restricted = restricted;
        self.sessions.insert(connection, session);
        let hello = Hello {
            versions: PROTOCOL_VERSIONS,
            process: self.config.process,
            own_roster: self.roster_digest(self.config.person, person),
            known_roster: self.roster_digest(person, person),
            nonce,
            documents,
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
            Ok(Message::Ranges(ranges)) if greeted => self.ranges_received(connection, &ranges),
            Ok(Message::Synced) if greeted => {
                if let Some(session) = self.sessions.get_mut(&connection) {
                    session.synced_received = true;
                }
            }
            Ok(Message::Nothing { document, question }) if greeted => {
                self.nothing_received(connection, document, question);
            }
            Ok(Message::Credit(bytes)) if greeted => self.credit_received(connection, bytes),
            Ok(
                message @ (Message::Heads { .. }
                | Message::Changes { .. }
                | Message::Piece { .. }
                | Message::Ack { .. }
                | Message::Refused { .. }),
            ) if greeted => {
                if let Message::Changes { document, .. } | Message::Piece { document, .. } =
                    &message
                {
                    self.owe(connection, *document, bytes.len());
                }
                self.message(connection, message);
            }
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
        self.compare(connection, hello);
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
        let device = self.sessions.get(&connection).map(|session| session.device);
        self.end_session(connection);
        self.close(connection, CloseReason::Protocol);
        if let Some(device) = device {
            self.unstage_device(device, true);
        }
    }

    pub(crate) fn end_session(&mut self, connection: ConnectionId) {
        if let Some(session) = self.sessions.remove(&connection) {
            let mut whole = Vec::new();
            for document in self.documents.values_mut() {
                let (gone, kept) = std::mem::take(&mut document.inbox)
                    .into_iter()
                    .partition(|(from, _)| *from == connection);
                document.inbox = kept;
                let gone: VecDeque<(ConnectionId, Parts)> = gone;
                let transfers = gone.into_iter().filter_map(|(_, parts)| parts.transfer);
                whole.extend(transfers.map(|transfer| (document.id, transfer)));
                document.held.retain(|(from, _)| *from != connection);
            }
            for (id, transfer) in whole {
                self.put_back(session.device, id, transfer);
            }
            self.unstage_device(session.device, false);
            self.drop_unwelcome();
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
        // Places of questions that nobody answered may be free.
        let open: Vec<ConnectionId> = self.sessions.keys().copied().collect();
        for connection in open {
            self.pump(connection);
        }
    }
}
