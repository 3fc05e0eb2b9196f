//! Acknowledgements in both directions: what is durable where.

use std::collections::BTreeSet;

use automerge::ChangeHash;

use crate::document::Document;
use crate::engine::Engine;
use crate::event::Event;
use crate::frame::{Message, Refusal};
use crate::id::{DocumentId, PersonId};
use crate::mutants::broken;
use crate::session::ConnectionId;

impl Engine {
    /// Acknowledges to every peer what became durable of what it sent.
    pub(crate) fn acknowledge(&mut self, id: DocumentId) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let Some(contents) = document.loaded() else {
            return;
        };
        let (graph, durable) = (&contents.facts.graph, document.durable);
        let mut acks = Vec::new();
        for (connection, session) in &mut self.sessions {
            let Some(lane) = session.lanes.get_mut(&id) else {
                continue;
            };
            let (ready, waiting): (Vec<ChangeHash>, Vec<ChangeHash>) =
                lane.acknowledge.drain(..).partition(|hash| {
                    graph
                        .position(hash)
                        .is_some_and(|position| position < durable || broken("ack-before-durable"))
                });
            lane.acknowledge = waiting;
            if !ready.is_empty() {
                acks.push((*connection, ready));
            }
        }
        for (connection, heads) in acks {
            self.send(
                connection,
                &Message::Ack {
                    document: id,
                    heads,
                },
            );
        }
    }

    pub(crate) fn ack_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        heads: &[ChangeHash],
    ) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded) else {
            return;
        };
        let Some(lane) = self
            .sessions
            .get_mut(&connection)
            .and_then(|session| session.lanes.get_mut(&id))
        else {
            return;
        };
        let graph = &contents.facts.graph;
        // Only what was sent can be acknowledged.
        let sent = lane.sent.unwrap_or(0);
        let heads: Vec<ChangeHash> = heads
            .iter()
            .filter(|hash| graph.position(hash).is_some_and(|position| position < sent))
            .copied()
            .collect();
        lane.has_durably(graph, &heads);
        self.report_delivered(connection, id);
    }

    pub(crate) fn refusals_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        changes: Vec<(ChangeHash, Refusal)>,
    ) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let person = session.person;
        if let Some(lane) = session.lanes.get_mut(&id) {
            for (hash, _) in &changes {
                lane.unacknowledged.remove(hash);
            }
        }
        let judge = self.origin(id).map(|origin| origin.owner);
        if judge == Some(person) || person == self.config.person {
            self.refused_for_good(id, &changes);
        }
        self.ask_about_refused(id, &changes);
        let changes = self.not_apart(id, changes);
        if !changes.is_empty() {
            self.event(Event::RefusedByPeer {
                document: id,
                person,
                changes,
            });
        }
    }

    /// Of refused changes those that are not known to be apart: the others were brought to prove what
    /// stays, and nobody needs to be told.
    pub(crate) fn not_apart(
        &self,
        id: DocumentId,
        changes: Vec<(ChangeHash, Refusal)>,
    ) -> Vec<(ChangeHash, Refusal)> {
        let set_aside = self.documents.get(&id).map(|known| &known.set_aside);
        let apart = |hash: &ChangeHash| {
            set_aside.is_some_and(|known| known.iter().any(|(apart, _)| apart == hash))
        };
        let told = changes.into_iter();
        told.filter(|(hash, _)| !apart(hash)).collect()
    }

    /// Says so once when a peer has all of a document durably.
    pub(crate) fn report_delivered(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let (person, device) = (session.person, session.device);
        let Some(lane) = session.lanes.get_mut(&id) else {
            return;
        };
        let graph = &contents.facts.graph;
        let heads = graph.heads();
        let delivered = lane.has_all(graph) || broken("delivered-unasked");
        if delivered && lane.delivered != heads {
            lane.delivered = heads.to_vec();
            let heads = heads.to_vec();
            self.ask_for_proofs(connection, id);
            self.event(Event::Delivered {
                document: id,
                person,
                device,
                heads,
            });
        }
    }

    /// Whether nothing is on its way on a connection, in either direction, as far as this side can
    /// know; false for an unknown one.
    pub fn is_settled(&self, connection: ConnectionId) -> bool {
        self.sessions
            .get(&connection)
            .is_some_and(|session| session.is_settled() && !self.is_erasing_with(session.person))
    }

    pub(crate) fn report_settled(&mut self) {
        let mut settled = Vec::new();
        let people = self.sessions.values().map(|session| session.person);
        let waiting: BTreeSet<PersonId> = people
            .filter(|person| self.is_erasing_with(*person))
            .collect();
        for (connection, session) in &mut self.sessions {
            let now = session.is_settled() && !waiting.contains(&session.person);
            if now && !session.settled {
                settled.push(*connection);
            }
            session.settled = now;
        }
        for connection in settled {
            self.event(Event::Settled { connection });
        }
    }
}
