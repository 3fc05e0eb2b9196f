//! Rosters while the engine runs: whose devices there are, and what follows when that changes.

use std::collections::BTreeMap;

use crate::contents::Facts;
use crate::document::Document;
use crate::engine::{CloseReason, Engine, Now, Output};
use crate::event::Event;
use crate::frame::Message;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::people::{Cuts, Roster, Standing};
use crate::session::ConnectionId;
use crate::statement::SignedStatement;
use crate::storage::Append;

impl Engine {
    /// Current devices of a person.
    pub fn devices(&self, person: PersonId) -> Vec<DeviceId> {
        self.people
            .roster(person)
            .map(|roster| roster.devices().collect())
            .unwrap_or_default()
    }

    /// Whether a device is served nothing until its person's recovery key decides.
    pub fn is_paused(&self, person: PersonId, device: DeviceId) -> bool {
        self.people.is_paused(person, device)
    }

    /// The roster statements of a person, to be given to a new relationship.
    pub fn roster(&self, person: PersonId) -> Vec<Vec<u8>> {
        let roster = self.people.roster(person);
        roster
            .into_iter()
            .flat_map(|roster| roster.statements().map(|signed| signed.bytes().to_vec()))
            .collect()
    }

    /// The roster statements of everyone known here: what a further device of this person starts
    /// with.
    pub fn rosters(&self) -> Vec<Vec<u8>> {
        self.people
            .everyone()
            .flat_map(|(_, roster)| roster.statements())
            .map(|signed| signed.bytes().to_vec())
            .collect()
    }

    /// Makes a person known whose roster statements came over an authenticated pairing. Statements
    /// about others are passed over. Returns the devices that are then current.
    pub fn introduce(&mut self, person: PersonId, statements: &[Vec<u8>]) -> Vec<DeviceId> {
        let read = statements
            .iter()
            .filter_map(|bytes| SignedStatement::from_bytes(bytes.clone()).ok())
            .filter(|signed| signed.statement().roster_of() == Some(person))
            .collect();
        self.keep_roster(read, true, None);
        self.devices(person)
    }

    /// Merges roster statements, keeps the new ones and does what follows from them. `from` is the
    /// connection they came on. Returns whose roster changed.
    pub(crate) fn keep_roster(
        &mut self,
        statements: Vec<SignedStatement>,
        introduce: bool,
        from: Option<ConnectionId>,
    ) -> Vec<PersonId> {
        let mut append = Append::default();
        let mut news = Vec::new();
        let mut changed = Vec::new();
        for signed in statements {
            let Some(person) = signed.statement().roster_of() else {
                continue;
            };
            let record = (signed.hash(), signed.bytes().to_vec());
            if self.people.merge(signed, introduce) {
                news.push((person, record.1.clone()));
                append.statements.push(record);
                if !changed.contains(&person) {
                    changed.push(person);
                }
            }
        }
        if append.statements.is_empty() {
            return changed;
        }
        self.append(append, None);
        for person in &changed {
            self.event(Event::Devices { person: *person });
            self.roster_changed(*person);
        }
        self.tell_rosters(&news, from);
        changed
    }

    /// Roster statements of a peer: about its own person, or about anyone from an own device.
    pub(crate) fn roster_statements(
        &mut self,
        now: Now,
        connection: ConnectionId,
        from: PersonId,
        statements: Vec<SignedStatement>,
    ) {
        let restricted = self
            .sessions
            .get(&connection)
            .is_none_or(|session| session.restricted);
        let own = from == self.config.person && !restricted;
        let limits = self.config.limits.clone();
        for signed in statements {
            let Some(person) = signed.statement().roster_of() else {
                continue;
            };
            let room = match self.people.roster(person) {
                Some(roster) => roster.has_room(&signed, person, limits.person_statements_max),
                None => own && self.people.everyone().count() < limits.people_max,
            };
            // A peer may also bring what it knows of this person's own roster: another own device
            // may have said it while this one was away.
            let concerns = person == from || person == self.config.person;
            if (own || concerns) && room {
                for person in self.keep_roster(vec![signed], own, Some(connection)) {
                    self.introduce_devices(now, person);
                }
            }
        }
    }

    /// Ends the sessions that a change of a roster concerns. A revoked device is sent nothing that
    /// was not sent yet; what it may know it gets when it connects again.
    fn roster_changed(&mut self, person: PersonId) {
        let over: Vec<(ConnectionId, CloseReason)> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.person == person || person == self.config.person)
            .filter_map(|(connection, session)| {
                let (revoked, paused) = self.restriction(session.person, session.device);
                let reason = match (session.restricted, revoked, paused) {
                    (false, true, _) => CloseReason::DeviceRevoked,
                    (false, false, true) => CloseReason::DevicePaused,
                    (true, false, false) => CloseReason::PauseLifted,
                    _ => return None,
                };
                Some((*connection, reason))
            })
            .collect();
        for (connection, reason) in over {
            self.outputs.retain(
                |output| !matches!(output, Output::Send { connection: to, .. } if *to == connection),
            );
            self.end_session(connection);
            self.close(connection, reason);
        }
        self.drop_unwelcome();
    }

    /// Whether a peer, or this device itself, is revoked or paused.
    pub(crate) fn restriction(&self, person: PersonId, device: DeviceId) -> (bool, bool) {
        let me = self.config.person;
        let revoked = |person, device| {
            let roster = self.people.roster(person);
            roster.is_some_and(|roster| roster.is_revoked(device))
        };
        (
            revoked(person, device) || revoked(me, self.device),
            self.is_paused(person, device) || self.is_paused(me, self.device),
        )
    }

    /// Whether a session carries nothing but rosters.
    pub(crate) fn is_restricted(&self, connection: ConnectionId) -> bool {
        let session = self.sessions.get(&connection);
        session.is_some_and(|session| session.restricted)
    }

    /// Passes new roster statements on to those who are connected and should know.
    fn tell_rosters(&mut self, news: &[(PersonId, Vec<u8>)], from: Option<ConnectionId>) {
        let me = self.config.person;
        let mut told = Vec::new();
        for (connection, session) in &self.sessions {
            let to = session.person;
            let concerns = |person: PersonId| {
                person == to || person == me || (to == me && !session.restricted)
            };
            let statements: Vec<Vec<u8>> = news
                .iter()
                .filter(|(person, _)| concerns(*person))
                .map(|(_, bytes)| bytes.clone())
                .collect();
            if session.greeted && Some(*connection) != from && !statements.is_empty() {
                told.push((*connection, statements));
            }
        }
        for (connection, statements) in told {
            self.send_statements(connection, statements);
        }
    }

    /// What two devices compare at the beginning: the roster of a person, and between devices of
    /// this person everything known of anyone.
    pub(crate) fn roster_digest(&self, person: PersonId, with: PersonId) -> [u8; 32] {
        if with != self.config.person {
            let roster = self.people.roster(person);
            return roster.map_or([0; 32], Roster::digest);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn rosters digest v1");
        for (person, roster) in self.people.everyone() {
            hasher.update(person.as_bytes());
            hasher.update(&roster.digest());
        }
        *hasher.finalize().as_bytes()
    }

    /// Sends what a peer does not know of the rosters that concern the two.
    pub(crate) fn send_rosters(
        &mut self,
        connection: ConnectionId,
        person: PersonId,
        hello: &crate::frame::Hello,
    ) {
        let me = self.config.person;
        if self.roster_digest(me, person) != hello.known_roster {
            let statements = if person == me && !self.is_restricted(connection) {
                self.rosters()
            } else {
                self.roster(me)
            };
            self.send_statements(connection, statements);
        }
        if person != me && self.roster_digest(person, person) != hello.own_roster {
            let statements = self.roster(person);
            self.send_statements(connection, statements);
        }
    }

    /// Whose words a device's changes are shown as. Admission follows author cards; showing does
    /// not, for a person whose roster is known here: otherwise an owner could put words into the
    /// mouth of someone who sits in front of this very notebook.
    pub(crate) fn shown_author(&self, document: &Document, device: DeviceId) -> Option<PersonId> {
        self.people.owner_of(device).or_else(|| {
            let card = document
                .consent
                .cards()
                .find(|card| card.devices.contains(&device))?;
            (!self.people.is_known(card.person)).then_some(card.person)
        })
    }

    /// What rosters, cuts and author cards say of a device in a document.
    pub(crate) fn standing(&self, document: &Document, device: DeviceId) -> Standing {
        let Some(person) = self.people.owner_of(device) else {
            return document
                .consent
                .cards()
                .find(|card| {
                    // The owner's side knows its writers by their rosters: a card that a stolen
                    // device signed must not make a stranger one of them.
                    let judge = document.origin.owner == self.config.person;
                    card.devices.contains(&device) && !(judge && self.people.is_known(card.person))
                })
                .map_or(Standing::Unknown, |card| Standing::Current(card.person));
        };
        let roster = self.people.roster(person);
        if roster.is_some_and(|roster| roster.is_revoked(device)) {
            Standing::Cut(person, document.consent.cut(person, device))
        } else {
            Standing::Current(person)
        }
    }

    /// What is known of every device that can have written or judged in a document.
    pub(crate) fn standings(
        &self,
        document: &Document,
        facts: &Facts,
    ) -> BTreeMap<DeviceId, Standing> {
        // Also of those who have no grant here: a restored backup may have lost it, and what they
        // wrote under it comes back with the judgement it had then.
        let rosters = self.people.everyone().map(|(_, roster)| roster);
        let introduced = document
            .consent
            .cards()
            .flat_map(|card| card.devices.iter().copied());
        facts
            .proofs
            .salts()
            .map(|(device, _)| device)
            .chain(rosters.flat_map(Roster::all_devices))
            .chain(introduced)
            .map(|device| (device, self.standing(document, device)))
            .collect()
    }

    /// What the revocations of devices leave of their work in a document.
    pub(crate) fn cuts(&self, document: &Document, facts: &Facts) -> Cuts {
        Cuts::new(&facts.graph, &self.standings(document, facts))
    }

    /// Tells a device of this person what the id of a document commits to, so that it can be taken
    /// there although nobody ever consented to anything about it.
    pub(crate) fn send_origin(&mut self, connection: ConnectionId, id: DocumentId) {
        let me = self.config.person;
        if let (Some(session), Some(document)) =
            (self.sessions.get(&connection), self.documents.get(&id))
            && session.person == me
            && document.origin.owner == me
        {
            let origin = document.origin;
            self.send(connection, &Message::Origin(origin));
        }
    }

    /// An own device has a document of this person.
    pub(crate) fn origin_received(
        &mut self,
        connection: ConnectionId,
        origin: crate::statement::Origin,
    ) {
        let me = self.config.person;
        let own = self
            .sessions
            .get(&connection)
            .is_some_and(|session| session.person == me);
        if !own || origin.owner != me || self.config.rules.stays_here(origin.kind) {
            self.counters.messages_ignored += 1;
            return;
        }
        self.make_room_for(origin);
    }
}
