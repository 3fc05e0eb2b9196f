//! Heads and changes of one document: what a peer is missing, and what it is sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use automerge::ChangeHash;

use crate::coding::{Context, pack};
use crate::contents::Contents;
use crate::document::{Body, Document, Held};
use crate::engine::{Engine, Output};
use crate::frame::{Changes, HASHES_MAX, Message};
use crate::id::DocumentId;
use crate::jobs::{Collect, Job, Work};
use crate::session::{ConnectionId, Lane};

/// What is written at once, under the lock, when it is new. More than that leaves as a job.
const LIVE_BYTES_MAX: usize = 32 << 10;

impl Engine {
    /// Sends the consent of a document and, if it may flow, its heads.
    pub(crate) fn reconcile(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        if self.may_exchange(id, person) && !self.open(id) {
            if let Some(document) = self.documents.get_mut(&id)
                && !matches!(document.body, Body::Damaged)
            {
                document.held.push_back((connection, Held::Reconcile));
            }
            return;
        }
        self.send_consent(connection, id);
        if self.may_exchange(id, person) {
            self.send_heads(connection, id, true);
        }
        self.say_synced(connection);
    }

    /// Sends the heads of a document. A question is answered by one message that is none, so that
    /// there is an end to it; two questions that cross answer each other.
    fn send_heads(&mut self, connection: ConnectionId, id: DocumentId, asks: bool) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let samples = document
            .loaded()
            .map(|contents| contents.facts.graph.samples())
            .unwrap_or_default();
        let heads = if cfg!(cairn_mutant = "heads-before-durable") {
            document.heads().to_vec()
        } else {
            document.durable_heads.clone()
        };
        if let Some(session) = self.sessions.get_mut(&connection) {
            let lane = session.lanes.entry(id).or_default();
            lane.heads_sent = true;
            lane.asked |= asks;
        }
        self.send(
            connection,
            &Message::Heads {
                document: id,
                heads,
                samples,
                asks,
            },
        );
    }

    /// A message about one document. What must not flow is treated as if it did not exist.
    pub(crate) fn message(&mut self, connection: ConnectionId, message: Message) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        let id = match &message {
            Message::Heads { document, .. }
            | Message::Changes { document, .. }
            | Message::Ack { document, .. }
            | Message::Refused { document, .. } => *document,
            _ => return,
        };
        if !self.may_exchange(id, person) {
            self.counters.messages_ignored += 1;
            return;
        }
        if !self.open(id) {
            self.hold(connection, id, message);
            return;
        }
        match message {
            Message::Heads {
                heads,
                samples,
                asks,
                ..
            } => {
                self.heads_received(connection, id, &heads, &samples, asks);
            }
            Message::Changes { batch, last, .. } => {
                self.changes_received(connection, id, batch, last);
            }
            Message::Ack { heads, .. } => self.ack_received(connection, id, &heads),
            Message::Refused { changes, .. } => {
                self.refusals_received(connection, id, changes);
            }
            _ => {}
        }
    }

    pub(crate) fn hold(&mut self, connection: ConnectionId, id: DocumentId, message: Message) {
        /// A document loads in milliseconds; a peer that floods it meanwhile is closed.
        const HELD_MAX: usize = 64;
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        if matches!(document.body, Body::Damaged) {
            return;
        }
        let held = document.held.iter();
        if held.filter(|(from, _)| *from == connection).count() >= HELD_MAX {
            self.misbehaved(connection);
            return;
        }
        document
            .held
            .push_back((connection, Held::Message(message)));
    }

    pub(crate) fn heads_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        heads: &[ChangeHash],
        samples: &[ChangeHash],
        asks: bool,
    ) {
        if heads.len() > HASHES_MAX || samples.len() > HASHES_MAX {
            self.misbehaved(connection);
            return;
        }
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded).cloned() else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let graph = &contents.facts.graph;
        let lane = session.lanes.entry(id).or_default();
        let answer = !std::mem::replace(&mut lane.asked, false) && asks;
        let known: Vec<ChangeHash> = heads
            .iter()
            .chain(samples)
            .filter(|hash| graph.contains(hash))
            .copied()
            .collect();
        lane.expecting = heads.iter().any(|head| !graph.contains(head));
        let durable: Vec<ChangeHash> = heads
            .iter()
            .filter(|hash| graph.contains(hash))
            .copied()
            .collect();
        graph.cover_down(&durable, &mut lane.acknowledged, |_| {});
        if answer {
            self.send_heads(connection, id, false);
        }
        self.collect_missing(connection, id, &contents, known);
        self.report_delivered(connection, id);
        self.say_synced(connection);
    }

    /// Starts the job that writes what the peer is missing, if it misses anything.
    pub(crate) fn collect_missing(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        contents: &Arc<Contents>,
        known: Vec<ChangeHash>,
    ) {
        let Some(lane) = self
            .sessions
            .get_mut(&connection)
            .and_then(|session| session.lanes.get_mut(&id))
        else {
            return;
        };
        if lane.collecting {
            // One at a time: what comes meanwhile is looked at when it is done.
            return;
        }
        let until = contents.facts.graph.len();
        if contents.facts.graph.missing_from(&known).is_empty() {
            lane.sent = Some(until);
            return;
        }
        lane.collecting = true;
        let collect = Collect {
            contents: contents.clone(),
            known,
            until,
            frame_bytes_max: self.config.limits.frame_bytes_max,
            sender: self.device,
            compression: self.config.compression.clone(),
        };
        let work = Work::Collect(collect);
        self.outputs.push_back(Output::Run(Job {
            document: id,
            connection,
            work,
        }));
    }

    /// Sends what came to a document after what the peer of this lane was sent.
    pub(crate) fn collect(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded).cloned() else {
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
        let Some(sent) = lane.sent else {
            return;
        };
        if lane.collecting || sent >= graph.len() {
            return;
        }
        let mut known: BTreeSet<ChangeHash> = std::mem::take(&mut lane.theirs);
        let mut below = BTreeSet::new();
        for position in 0..sent {
            known.insert(graph.node(position).hash);
            below.extend(graph.node(position).dependencies.iter().copied());
        }
        for position in below {
            known.remove(&graph.node(position).hash);
        }
        self.collect_missing(connection, id, &contents, known.into_iter().collect());
    }

    pub(crate) fn collected(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        until: usize,
        frames: Vec<Vec<u8>>,
        tips: Vec<ChangeHash>,
    ) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        // Consent may have been taken back while the job ran.
        if !self.may_exchange(id, person) && cfg!(not(cairn_mutant = "consent-late")) {
            return;
        }
        let Some(lane) = self
            .sessions
            .get_mut(&connection)
            .and_then(|session| session.lanes.get_mut(&id))
        else {
            return;
        };
        lane.collecting = false;
        lane.sent = Some(until);
        lane.unacknowledged.extend(tips);
        for bytes in frames {
            self.outputs.push_back(Output::Send { connection, bytes });
        }
        self.rebuild(id);
        self.collect(connection, id);
    }

    /// Pushes a change made or admitted just now to every peer that may have it. `from` is the
    /// connection it came from.
    pub(crate) fn push_live(
        &mut self,
        id: DocumentId,
        batch: &Changes,
        tips: &[ChangeHash],
        from: Option<ConnectionId>,
    ) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded) else {
            return;
        };
        let count = contents.facts.graph.len();
        let before = count - batch.changes.len().min(count);
        let connections: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.index_done && self.may_exchange(id, session.person))
            .map(|(connection, _)| *connection)
            .collect();
        let context = Context {
            document: id,
            sender: Some(self.device),
        };
        let large = !batch.changes.is_empty() && batch.size() > LIVE_BYTES_MAX;
        let mut frame = None;
        let mut behind = Vec::new();
        for connection in connections {
            let Some(session) = self.sessions.get_mut(&connection) else {
                continue;
            };
            let lane = session.lanes.entry(id).or_insert_with(|| Lane {
                sent: Some(before),
                ..Lane::default()
            });
            if from == Some(connection) {
                if lane.sent == Some(before) {
                    lane.sent = Some(count);
                } else {
                    lane.theirs.extend(tips);
                }
                continue;
            }
            if lane.collecting || lane.sent != Some(before) {
                continue;
            }
            if large {
                behind.push(connection);
                continue;
            }
            lane.sent = Some(count);
            lane.unacknowledged.extend(tips);
            self.counters.changes_sent += batch.changes.len() as u64;
            if cfg!(cairn_mutant = "live-push-forgotten") {
                continue;
            }
            let bytes = frame.get_or_insert_with(|| {
                Message::Changes {
                    document: id,
                    batch: pack(batch, &context, None),
                    last: true,
                }
                .encode()
            });
            self.outputs.push_back(Output::Send {
                connection,
                bytes: bytes.clone(),
            });
        }
        for connection in behind {
            self.collect(connection, id);
        }
    }
}
