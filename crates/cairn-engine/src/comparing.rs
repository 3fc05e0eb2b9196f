//! What two devices share, and where it differs.
//!
//! # Role
//! The set is taken down when the hello is sent and compared as it was then, so that both sides
//! come to the same end; a document that changes meanwhile is looked at for itself afterwards.
//! [`ranges`](crate::ranges) finds the differing documents; of those that both have, the side that
//! compared a list of the other asks for the heads.

use std::collections::BTreeSet;

use crate::document::Document;
use crate::engine::Engine;
use crate::event::Event;
use crate::frame::{Hello, Message};
use crate::id::{DocumentId, PersonId};
use crate::mutants::broken;
use crate::pacing::Todo;
use crate::ranges::{Comparison, Found, Known, Range};
use crate::session::{Comparing, ConnectionId};

/// The digest of a whole set, for the hello.
pub(crate) fn fingerprint(items: &[(DocumentId, Known)]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn set fingerprint v1");
    for (document, known) in items {
        hasher.update(document.as_bytes());
        hasher.update(&known.consent);
        hasher.update(&known.heads);
    }
    *hasher.finalize().as_bytes()
}

/// The key of a session's fingerprints of ranges.
pub(crate) fn range_key(dialler: &[u8; 16], listener: &[u8; 16]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn range key v1");
    hasher.update(dialler);
    hasher.update(listener);
    *hasher.finalize().as_bytes()
}

impl Engine {
    /// Each document the two ever shared, sorted, with digests of what is known of it. Of one
    /// that is not shared any more it tells the consent only.
    pub(crate) fn shared_set(&mut self, person: PersonId) -> Vec<(DocumentId, Known)> {
        let me = self.config.person;
        let documents: Vec<DocumentId> = if person == me {
            let own = self.documents.values();
            own.filter(|document| self.is_common(document, me))
                .map(|document| document.id)
                .collect()
        } else {
            self.common
                .get(&person)
                .into_iter()
                .flatten()
                .copied()
                .collect()
        };
        documents
            .into_iter()
            .filter_map(|id| {
                if let Some(known) = self.documents.get(&id)?.known(person) {
                    return Some((id, known));
                }
                let flows = self.may_exchange(id, person);
                let document = self.documents.get_mut(&id)?;
                let known = known_to(document, me, person, flows);
                document.set_known(person, known);
                Some((id, known))
            })
            .collect()
    }

    /// Notes with whom a document is shared, after its consent changed.
    pub(crate) fn note_common(&mut self, id: DocumentId) {
        let me = self.config.person;
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let owner = document.origin.owner;
        if owner == me {
            let expiry = document.consent.next_expiry();
            let expiry = expiry.filter(|_| !broken("expiry-forgotten"));
            self.next_expiry = self.next_expiry.into_iter().chain(expiry).min();
            for grantee in document.consent.grantees() {
                self.common.entry(grantee).or_default().insert(id);
            }
        } else if document.consent.concerns(me) {
            self.common.entry(owner).or_default().insert(id);
        }
    }

    /// Notes that a document changed or came about: what was taken down of it for a comparison, if
    /// anything, is old.
    pub(crate) fn note_changed(&mut self, id: DocumentId) {
        for session in self.sessions.values_mut() {
            if !session.is_compared() {
                session.touched.insert(id);
            }
        }
    }

    /// Begins to compare, now that both hellos are known. The dialler speaks first.
    pub(crate) fn compare(&mut self, connection: ConnectionId, hello: &Hello) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let done = Comparing::Done { differed: false };
        let Comparing::Greeting {
            items,
            nonce,
            fingerprint,
        } = std::mem::replace(&mut session.comparing, done)
        else {
            return;
        };
        if fingerprint == hello.fingerprint {
            let equal = items.into_iter().map(|(id, _)| id).collect();
            self.compared(connection, equal);
            return;
        }
        if items.is_empty() || hello.documents == 0 {
            session.comparing = Comparing::Done { differed: true };
            let absent = items.into_iter().map(|(id, _)| (id, Found::Absent));
            self.go_on(connection, absent.collect());
            self.compared(connection, Vec::new());
            return;
        }
        let key = if session.dialled {
            range_key(&nonce, &hello.nonce)
        } else {
            range_key(&hello.nonce, &nonce)
        };
        let comparison = Comparison::new(items, key);
        let start = session.dialled.then(|| comparison.start());
        session.comparing = Comparing::Ranges(comparison);
        if let Some(ranges) = start {
            self.send(connection, &Message::Ranges(ranges));
        }
    }

    pub(crate) fn ranges_received(&mut self, connection: ConnectionId, ranges: &[Range]) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let answer = match &mut session.comparing {
            Comparing::Ranges(comparison) => comparison.answer(ranges).ok(),
            Comparing::Greeting { .. } | Comparing::Done { .. } => None,
        };
        let Some(answer) = answer else {
            self.misbehaved(connection);
            return;
        };
        if let Some(ranges) = answer.ranges {
            self.send(connection, &Message::Ranges(ranges));
        }
        self.go_on(connection, answer.differing);
        if !answer.done {
            return;
        }
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let done = Comparing::Done { differed: true };
        if let Comparing::Ranges(comparison) = std::mem::replace(&mut session.comparing, done) {
            self.compared(connection, comparison.equal().collect());
        }
    }

    /// Does what is this side's to do about documents that differ.
    fn go_on(&mut self, connection: ConnectionId, differing: Vec<(DocumentId, Found)>) {
        self.counters.documents_differing += differing.len() as u64;
        for (id, found) in differing {
            let Some(session) = self.sessions.get_mut(&connection) else {
                return;
            };
            session.lanes.entry(id).or_default();
            match found {
                Found::Absent => self.do_later(connection, id, Todo::Offer),
                Found::Differs { consent, ours } => {
                    if consent {
                        self.send_consent(connection, id);
                    }
                    if ours {
                        self.do_later(connection, id, Todo::Ask);
                    }
                }
            }
        }
        self.pump(connection);
    }

    /// From here on the documents in `equal` are known to be so, up to what was durable when the
    /// comparison began; those that changed since are looked at now.
    fn compared(&mut self, connection: ConnectionId, equal: Vec<DocumentId>) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let (person, device) = (session.person, session.device);
        let touched: BTreeSet<DocumentId> = std::mem::take(&mut session.touched);
        for id in equal {
            // What came of a batch for it came another way.
            self.unstage(device, id);
            if touched.contains(&id) || !self.may_exchange(id, person) {
                continue;
            }
            let Some(document) = self.documents.get(&id) else {
                continue;
            };
            let (durable, heads) = (document.durable, document.durable_heads.clone());
            let ahead = document.heads() != heads;
            let Some(session) = self.sessions.get_mut(&connection) else {
                return;
            };
            // There is a lane already if the peer came here earlier and pushed something.
            let pushed = session.lanes.contains_key(&id);
            if ahead || pushed {
                let lane = session.lanes.entry(id).or_default();
                lane.sent.get_or_insert(durable);
                self.collect(connection, id);
            }
            if !pushed && !heads.is_empty() {
                self.event(Event::Delivered {
                    document: id,
                    person,
                    device,
                    heads,
                });
            }
        }
        for id in touched {
            let document = self.documents.get(&id);
            if document.is_some_and(|document| self.is_common(document, person)) {
                self.reconcile(connection, id);
            }
        }
        self.say_synced(connection);
    }

    /// A document that the peer waits to hear of was looked at, or cannot be.
    pub(crate) fn opened(&mut self, connection: ConnectionId, id: DocumentId) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.opening.remove(&id);
        }
        self.open_next_for(connection);
        self.say_synced(connection);
    }

    /// Tells the peer that everything was said of the documents that differ.
    pub(crate) fn say_synced(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let compared = matches!(session.comparing, Comparing::Done { differed: true });
        let all_said = session.opening.is_empty() && session.pace.is_empty();
        if compared && all_said && !session.synced_sent {
            session.synced_sent = true;
            self.send(connection, &Message::Synced);
        }
    }
}

/// Digests of what is known of a document, as far as `person` should know it; `flows` says whether
/// its changes are among that.
fn known_to(document: &Document, me: PersonId, person: PersonId, flows: bool) -> Known {
    let mut consent = blake3::Hasher::new();
    consent.update(b"cairn set consent v1");
    if person == me {
        for signed in document.consent.statements() {
            consent.update(&signed.hash().0);
        }
    } else {
        let owned = document.origin.owner == me;
        let grantee = if owned { person } else { me };
        for signed in document.consent.known_to(grantee) {
            consent.update(&signed.hash().0);
        }
    }
    let mut heads = blake3::Hasher::new();
    heads.update(b"cairn set heads v1");
    if flows {
        for head in &document.durable_heads {
            heads.update(&head.0);
        }
        // Whoever has the proof is asked for it.
        if document.proofs_missing() {
            heads.update(b"proofs missing");
        }
    }
    Known {
        consent: *consent.finalize().as_bytes(),
        heads: *heads.finalize().as_bytes(),
    }
}
