//! Heads and changes of one document: what a peer is missing, and what it is sent.

use std::collections::BTreeSet;

use automerge::ChangeHash;

use crate::coding::{Context, pack};
use crate::contents::Contents;
use crate::document::{Body, Document, Held};
use crate::engine::Engine;
use crate::frame::{Changes, Has, Message, Question, Staged};
use crate::id::DocumentId;
use crate::mutants::broken;
use crate::pacing::Collecting;
use crate::session::{Asked, ConnectionId, Lane, Session};

/// What is coded at once, under the lock, when it is new. More than that leaves as a job.
const CODED_AT_ONCE_BYTES_MAX: usize = 32 << 10;

/// What a peer says it has.
struct Theirs {
    heads: Vec<ChangeHash>,
    samples: Vec<ChangeHash>,
    /// What came there of a batch of this side that broke off.
    staged: Option<Staged>,
}

impl Engine {
    /// Sends the consent of a document and, if it may flow, asks for the peer's heads.
    pub(crate) fn reconcile(&mut self, connection: ConnectionId, id: DocumentId) {
        if self.is_restricted(connection) {
            return;
        }
        self.send_origin(connection, id);
        self.send_consent(connection, id);
        self.ask(connection, id);
    }

    /// Asks for the peer's heads of a document, if it may flow.
    pub(crate) fn ask(&mut self, connection: ConnectionId, id: DocumentId) {
        if self.make_ready(connection, id, Held::Ask) {
            self.ask_heads(connection, id);
            self.opened(connection, id);
        }
    }

    /// Sends the consent of a document that the peer does not have and, if it may flow, all of it.
    pub(crate) fn offer(&mut self, connection: ConnectionId, id: DocumentId) {
        self.send_origin(connection, id);
        self.send_consent(connection, id);
        self.offer_changes(connection, id);
    }

    /// Sends all of a document, if it may flow, to a peer that does not have it.
    pub(crate) fn offer_changes(&mut self, connection: ConnectionId, id: DocumentId) {
        if self.make_ready(connection, id, Held::Offer) {
            let Some(session) = self.sessions.get_mut(&connection) else {
                return;
            };
            let person = session.person;
            session.lanes.entry(id).or_default().sent = Some(0);
            if self.may_exchange(id, person) {
                self.collect(connection, id);
            }
            self.opened(connection, id);
        }
    }

    /// Whether a document can be spoken of. If it has to be read from the vault first, `then` is
    /// done afterwards.
    fn make_ready(&mut self, connection: ConnectionId, id: DocumentId, then: Held) -> bool {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return false;
        };
        if !self.may_exchange(id, person) || self.open_for(connection, id) {
            return true;
        }
        let (Some(session), Some(document)) = (
            self.sessions.get_mut(&connection),
            self.documents.get_mut(&id),
        ) else {
            return false;
        };
        if matches!(document.body, Body::Damaged) {
            return true;
        }
        session.opening.insert(id);
        document.held.push_back((connection, then));
        false
    }

    /// Asks for the heads of a document, in the hope that one side has all of the other's.
    fn ask_heads(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        if !self.may_exchange(id, person) {
            if let Some(session) = self.sessions.get_mut(&connection) {
                session.withheld.insert(id);
            }
            return;
        }
        if self.documents.get(&id).and_then(Document::loaded).is_some() {
            self.send_heads(connection, id, None, true, false);
        }
    }

    /// Asks the peers for a document that this side learned just now to be shared with it.
    pub(crate) fn ask_withheld(&mut self, id: DocumentId) {
        let connections: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.withheld.contains(&id))
            .filter(|(_, session)| self.may_exchange(id, session.person))
            .map(|(connection, _)| *connection)
            .collect();
        for connection in connections {
            if let Some(session) = self.sessions.get_mut(&connection) {
                session.withheld.remove(&id);
            }
            self.reconcile(connection, id);
        }
    }

    fn send_heads(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        answers: Option<(Question, Has)>,
        asks: bool,
        sampled: bool,
    ) {
        let (Some(document), Some(session)) =
            (self.documents.get(&id), self.sessions.get_mut(&connection))
        else {
            return;
        };
        let samples = match document.loaded() {
            Some(contents) if sampled => contents.facts.graph.samples(),
            _ => Vec::new(),
        };
        let heads = if broken("heads-before-durable") {
            document.heads().to_vec()
        } else {
            document.durable_heads.clone()
        };
        let asks = asks.then(|| {
            session.questions += 1;
            session.lanes.entry(id).or_default().asked = Some(Asked {
                question: session.questions,
                durable: document.durable,
                heads: heads.clone(),
                until_millis: self.ticks_millis + self.config.limits.answer_timeout_millis,
            });
            session.questions
        });
        let staged = self.staging.of(session.device, id);
        if asks.is_some() {
            self.note_asked(connection, id);
        }
        self.send(
            connection,
            &Message::Heads {
                document: id,
                heads,
                samples,
                asks,
                answers,
                staged,
            },
        );
    }

    /// Where a document stands on a connection.
    pub(crate) fn lane_mut(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
    ) -> Option<&mut Lane> {
        self.sessions.get_mut(&connection)?.lanes.get_mut(&id)
    }

    /// A message about one document. What must not flow is treated as if it did not exist.
    pub(crate) fn message(&mut self, connection: ConnectionId, message: Message) {
        let Some(person) = self.sessions.get(&connection).map(|session| session.person) else {
            return;
        };
        let id = match &message {
            Message::Heads { document, .. }
            | Message::Changes { document, .. }
            | Message::Piece { document, .. }
            | Message::Ack { document, .. }
            | Message::Refused { document, .. } => *document,
            _ => return,
        };
        if !self.may_exchange(id, person) {
            self.counters.messages_ignored += 1;
            self.credit(connection, id);
            self.answer_nothing(connection, &message);
            return;
        }
        if !self.open_for(connection, id) {
            self.hold(connection, id, message);
            return;
        }
        match message {
            Message::Heads {
                heads,
                samples,
                asks,
                answers,
                staged,
                ..
            } => {
                let theirs = Theirs {
                    heads,
                    samples,
                    staged,
                };
                self.heads_received(connection, id, theirs, asks, answers);
            }
            Message::Changes {
                batch, last, after, ..
            } => {
                self.changes_received(connection, id, batch, last, after);
            }
            Message::Piece {
                at, resume, bytes, ..
            } => self.piece_received(connection, id, at, resume, bytes),
            Message::Ack { heads, .. } => self.ack_received(connection, id, &heads),
            Message::Refused { changes, .. } => {
                self.refusals_received(connection, id, changes);
            }
            _ => {}
        }
    }

    pub(crate) fn hold(&mut self, connection: ConnectionId, id: DocumentId, message: Message) {
        /// A document loads in milliseconds; a peer that floods it meanwhile is closed. As many
        /// small frames as may be under way, and the one that goes beyond.
        const HELD_MAX: usize = 256;
        let limits = &self.config.limits;
        let bytes_max = limits.unprocessed_bytes_max + limits.frame_bytes_max;
        let session = self.sessions.get(&connection);
        let owed = session.and_then(|session| session.owed.get(&id)).copied();
        let Some(document) = self.documents.get_mut(&id) else {
            return;
        };
        if matches!(document.body, Body::Damaged) {
            self.credit(connection, id);
            self.answer_nothing(connection, &message);
            return;
        }
        let held = document.held.iter();
        let count = held.filter(|(from, _)| *from == connection).count();
        if count >= HELD_MAX || owed.unwrap_or(0) > bytes_max {
            self.misbehaved(connection);
            return;
        }
        document
            .held
            .push_back((connection, Held::Message(message)));
        // The peer waits for what this will be answered with.
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.opening.insert(id);
        }
    }

    /// Answers a question for heads where there is nothing to say, whatever the reason.
    pub(crate) fn answer_nothing(&mut self, connection: ConnectionId, message: &Message) {
        if let Message::Heads {
            document,
            asks: Some(question),
            ..
        } = message
        {
            let (document, question) = (*document, *question);
            self.send(connection, &Message::Nothing { document, question });
        }
    }

    /// A peer has nothing to say of a document that it was asked for. It is not asked again.
    pub(crate) fn nothing_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        question: Question,
    ) {
        if let Some(lane) = self.lane_mut(connection, id)
            && lane.answered(question).is_some()
        {
            lane.expecting = false;
            self.pump(connection);
        }
    }

    /// Heads of the peer: a question, the answer to one, or both. Each question gets one answer.
    ///
    /// When one side has all of the other's heads, it knows what the other is missing. When
    /// neither has, both sides have written since: then samples of their histories travel, which
    /// lead to the newest change that both have, or to one at most twice as far back.
    fn heads_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        theirs: Theirs,
        asks: Option<Question>,
        answers: Option<(Question, Has)>,
    ) {
        let Theirs {
            heads,
            samples,
            staged,
        } = theirs;
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let durable = document.durable;
        let proofs_missing = document.proofs_missing();
        let Some(contents) = document.loaded().cloned() else {
            return;
        };
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let graph = &contents.facts.graph;
        let device = session.device;
        let lane = session.lanes.entry(id).or_default();
        let here: Vec<ChangeHash> = heads
            .iter()
            .filter(|hash| graph.contains(hash))
            .copied()
            .collect();
        let all_here = here.len() == heads.len();
        lane.expecting = !all_here;
        lane.has_durably(graph, &here);
        let answered = answers.and_then(|(question, has)| Some((lane.answered(question)?, has)));
        let has_mine = matches!(answered, Some((_, Has::Yes | Has::Durably)));
        if let Some((asked, has)) = &answered
            && has_mine
        {
            lane.sent = Some(lane.sent.unwrap_or(0).max(asked.durable));
            if *has == Has::Durably {
                lane.has_durably(graph, &asked.heads);
            } else {
                lane.unacknowledged.extend(&asked.heads);
            }
        }
        // Two questions that crossed: the batch went on after the first of them.
        let resumed = staged.is_some() && lane.resumed == staged;
        let equal = asks.is_some() && all_here && graph.missing_from(&here).is_empty();
        if let Some(question) = asks {
            let is_durable =
                |hash: &ChangeHash| graph.position(hash).is_some_and(|at| at < durable);
            let has_theirs = match (all_here, here.iter().all(is_durable)) {
                (false, _) => Has::No,
                (true, true) => Has::Durably,
                (true, false) => Has::Yes,
            };
            if has_theirs == Has::Yes {
                lane.acknowledge.extend(&here);
            }
            // The peer is still to answer a question that crossed this one.
            let crossed = lane.asked.is_some();
            let asked = crossed || answered.is_some();
            let sampled = !all_here && (asked || !samples.is_empty());
            // A proof that is missing here comes with the answer to a question of equals.
            let asks_back = (!all_here && samples.is_empty() && !crossed)
                || (equal && proofs_missing && !asked);
            let answer = Some((question, has_theirs));
            self.send_heads(connection, id, answer, asks_back, sampled);
        }
        if all_here {
            // It has nothing that is missing here, and goes on with nothing.
            self.unstage(device, id);
        }
        if equal {
            self.send_proofs(connection, id, &contents);
        }
        if resumed {
            self.collect(connection, id);
        } else if all_here || !samples.is_empty() {
            let known = here.into_iter().chain(samples);
            self.collect_later(connection, id, known.collect(), staged);
        } else if has_mine {
            self.collect(connection, id);
        }
        self.pump(connection);
        self.report_delivered(connection, id);
    }

    /// Asks a peer for its heads if a proof is missing here: where they are the same, proofs come
    /// with them.
    pub(crate) fn ask_for_proofs(&mut self, connection: ConnectionId, id: DocumentId) {
        let asked = |session: &Session| {
            session.is_compared() && !session.restricted && self.may_exchange(id, session.person)
        };
        let document = self.documents.get(&id);
        if document.is_some_and(Document::proofs_missing)
            && self.sessions.get(&connection).is_some_and(asked)
        {
            self.ask(connection, id);
        }
    }

    /// Sends attestations to a peer that misses no change. One that took changes out again may
    /// have lost the proof of what stays: a later attestation had replaced it.
    fn send_proofs(&mut self, connection: ConnectionId, id: DocumentId, contents: &Contents) {
        let mut batch = Changes::default();
        let proofs = &contents.facts.proofs;
        if !proofs.evidence().is_empty() {
            batch.salts = proofs.salts().collect();
            batch.add_evidence(proofs.evidence());
        }
        for known in proofs.attestations() {
            if batch.size() + known.bytes().len() > self.config.limits.frame_bytes_max / 2
                || batch.attestations.len() == self.config.limits.batch_attestations_max
            {
                break;
            }
            batch.attestations.push(known.bytes().to_vec());
        }
        if !batch.is_empty() {
            let context = Context {
                document: id,
                sender: Some(self.device),
            };
            let message = Message::Changes {
                document: id,
                batch: pack(&batch, &context, None),
                last: true,
                after: 0,
            };
            self.send_changes(connection, message.encode());
        }
    }

    /// Sends what came to a document after what the peer of this lane was sent.
    pub(crate) fn collect(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded).cloned() else {
            return;
        };
        let Some(lane) = self.lane_mut(connection, id) else {
            return;
        };
        let graph = &contents.facts.graph;
        let Some(sent) = lane.sent else {
            return;
        };
        if lane.collecting != Collecting::Idle || sent >= graph.len() {
            return;
        }
        let mut known: BTreeSet<ChangeHash> = std::mem::take(&mut lane.theirs);
        known.extend(graph.heads_of_first(sent));
        self.collect_later(connection, id, known.into_iter().collect(), None);
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
        let graph = &contents.facts.graph;
        let count = graph.len();
        let before = count - batch.changes.len().min(count);
        // A peer that gets nothing new with a proof has nothing to acknowledge.
        let new_tips: Vec<ChangeHash> = tips
            .iter()
            .filter(|tip| {
                graph
                    .position(tip)
                    .is_some_and(|position| position >= before)
            })
            .copied()
            .collect();
        let connections: Vec<ConnectionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.is_compared() && self.may_exchange(id, session.person))
            .map(|(connection, _)| *connection)
            .collect();
        let context = Context {
            document: id,
            sender: Some(self.device),
        };
        let new: Vec<usize> = (before..count).collect();
        let evident = !contents.facts.proofs.evidence_for(graph, &new).is_empty();
        let large = !batch.changes.is_empty() && batch.size() > CODED_AT_ONCE_BYTES_MAX || evident;
        let mut frame = None;
        let mut unknown = Vec::new();
        for connection in connections {
            let first = self
                .sessions
                .get(&connection)
                .is_some_and(|session| !session.lanes.contains_key(&id));
            if first {
                self.send_origin(connection, id);
            }
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
            if lane.collecting != Collecting::Idle || lane.sent != Some(before) {
                // It has not said what it has: it is still to ask, or had nothing to say.
                if lane.sent.is_none() && lane.asked.is_none() && !lane.expecting {
                    unknown.push(connection);
                }
                continue;
            }
            if large || !session.pace.has_room_for_edits() {
                self.collect(connection, id);
                continue;
            }
            lane.sent = Some(count);
            lane.unacknowledged.extend(&new_tips);
            self.counters.changes_sent += batch.changes.len() as u64;
            if broken("live-push-forgotten") {
                continue;
            }
            let bytes = frame.get_or_insert_with(|| {
                Message::Changes {
                    document: id,
                    batch: pack(batch, &context, None),
                    last: true,
                    after: 0,
                }
                .encode()
            });
            let bytes = bytes.clone();
            self.send_changes(connection, bytes);
        }
        for connection in unknown {
            self.ask(connection, id);
        }
    }
}
