//! How fast documents flow to a peer: what waits for its turn, and how much may be on its way.
//!
//! # Role
//! Of the documents that differ only a few are read from the vault and asked for at a time, and
//! only as many bytes of changes are under way as the peer has room for: it says how many it has
//! gone through. The document somebody looks at goes first.
//!
//! # Invariants
//! * Every frame of changes that a peer sends is credited once, whatever becomes of it.
//! * A change never overtakes one it is built on: while a lane is not
//!   [`Idle`](Collecting::Idle), nothing else is sent on it.

use std::collections::{BTreeSet, VecDeque};

use automerge::ChangeHash;

use crate::document::Document;
use crate::engine::{Engine, Output};
use crate::frame::{Message, Staged};
use crate::id::DocumentId;
use crate::jobs::{Collect, Job, Work};
use crate::limits::Limits;
use crate::mutants::broken;
use crate::session::{ConnectionId, Session};
use crate::window::SendWindow;

/// How many differing documents are read from the vault, asked for or waiting to be put together
/// at the same time. A question that nobody answers counts for a while only.
const LOOKED_AT_MAX: usize = 16;

/// With so many bytes on their way, single edits are gathered into batches: some hundred and
/// fifty edits.
const LIVE_BYTES_MAX: usize = 32 << 10;

/// What is to be done about a document that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Todo {
    /// Ask for the peer's heads.
    Ask,
    /// Send all of it.
    Offer,
}

/// A frame with changes that waits until the peer has room.
#[derive(Debug, Clone)]
struct Waiting {
    document: DocumentId,
    bytes: Vec<u8>,
    last: bool,
}

/// What waits on one connection.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    todo: VecDeque<(DocumentId, Todo)>,
    asked: BTreeSet<DocumentId>,
    queue: VecDeque<DocumentId>,
    running: bool,
    frames: VecDeque<Waiting>,
    /// What the peer was sent and has not gone through yet.
    window: SendWindow,
    /// Whether [`Engine::pump`] is at work, so that what it does may call for it.
    pumping: bool,
}

/// Whether what a peer is missing of a document is being put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Collecting {
    /// It is not.
    #[default]
    Idle,
    /// It waits for its turn; the peer has these changes and all below them.
    Queued {
        known: Vec<ChangeHash>,
        /// What came there of a batch that broke off.
        staged: Option<Staged>,
    },
    /// A job writes the frames.
    Running,
    /// The frames are being sent; then the peer has been sent the first `until` changes.
    Sending { until: usize, tips: Vec<ChangeHash> },
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            todo: VecDeque::new(),
            asked: BTreeSet::new(),
            queue: VecDeque::new(),
            running: false,
            frames: VecDeque::new(),
            window: SendWindow::new(limits.unprocessed_bytes_max),
            pumping: false,
        }
    }

    pub(crate) fn has_todo(&self) -> bool {
        !self.todo.is_empty()
    }

    /// Whether nothing waits: a peer that lacks a document learns of it only by its changes.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_todo() && self.queue.is_empty() && !self.running && self.frames.is_empty()
    }

    /// Whether a single edit may go out by itself.
    pub(crate) fn has_room_for_edits(&self) -> bool {
        self.window.in_flight() < LIVE_BYTES_MAX
    }
}

impl Session {
    /// Forgets where a document stands on this connection. Returns whether it stood anywhere.
    pub(crate) fn drop_lane(&mut self, id: DocumentId) -> bool {
        self.pace.frames.retain(|frame| frame.document != id);
        self.pace.queue.retain(|queued| *queued != id);
        self.lanes.remove(&id).is_some()
    }

    /// Whether another document may be looked at now.
    fn has_room_to_look(&mut self, now_millis: u64) -> bool {
        let others = self.opening.len() + self.pace.queue.len();
        if others + self.pace.asked.len() >= LOOKED_AT_MAX {
            let lanes = &self.lanes;
            self.pace.asked.retain(|id| {
                let asked = lanes.get(id).and_then(|lane| lane.asked.as_ref());
                asked.is_some_and(|asked| asked.until_millis > now_millis)
            });
        }
        others + self.pace.asked.len() < LOOKED_AT_MAX
    }

    /// When the first question that was not answered stops holding up what waits, in ticks.
    pub(crate) fn places_free_at(&self) -> Option<u64> {
        let lanes = self.pace.asked.iter().filter_map(|id| self.lanes.get(id));
        let asked = lanes.filter_map(|lane| lane.asked.as_ref());
        let first = asked.map(|asked| asked.until_millis).min();
        first.filter(|_| self.pace.has_todo())
    }

    /// The next of what waits: `first` if it does.
    fn next_todo(&mut self, first: Option<DocumentId>) -> Option<(DocumentId, Todo)> {
        let at = self.pace.todo.iter().position(|(id, _)| Some(*id) == first);
        self.pace.todo.remove(at.unwrap_or(0))
    }

    /// The next document to be collected, and whether it goes before what is being sent.
    fn next_queued(&mut self, first: Option<DocumentId>) -> Option<DocumentId> {
        let at = self.pace.queue.iter().position(|id| Some(*id) == first);
        if at.is_none() && !self.pace.frames.is_empty() {
            return None;
        }
        self.pace.queue.remove(at.unwrap_or(0))
    }
}

impl Engine {
    /// Says which document somebody is looking at, if any: it is exchanged before others.
    pub fn focus(&mut self, document: Option<DocumentId>) {
        self.focus = document;
    }

    /// Notes what is to be done about a document; it is done when its turn comes.
    pub(crate) fn do_later(&mut self, connection: ConnectionId, id: DocumentId, todo: Todo) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.pace.todo.push_back((id, todo));
        }
    }

    /// Notes that a peer was asked for the heads of a document.
    pub(crate) fn note_asked(&mut self, connection: ConnectionId, id: DocumentId) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.pace.asked.insert(id);
        }
    }

    /// Queues what the peer is missing of a document: what is not at or below `known`.
    pub(crate) fn collect_later(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        known: Vec<ChangeHash>,
        staged: Option<Staged>,
    ) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let Some(lane) = session.lanes.get_mut(&id) else {
            return;
        };
        match lane.collecting {
            Collecting::Idle => {
                lane.collecting = Collecting::Queued { known, staged };
                session.pace.queue.push_back(id);
                self.pump(connection);
            }
            Collecting::Queued { .. } => lane.collecting = Collecting::Queued { known, staged },
            // One at a time: what comes meanwhile is looked at when it is done.
            Collecting::Running | Collecting::Sending { .. } => {}
        }
    }

    /// Moves on whatever may move on a connection.
    pub(crate) fn pump(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        if std::mem::replace(&mut session.pace.pumping, true) {
            return;
        }
        loop {
            self.release(connection);
            let started = self.start_collecting(connection);
            let looked = self.look_at_next(connection);
            if !started && !looked {
                break;
            }
        }
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.pace.pumping = false;
        }
        self.say_synced(connection);
    }

    /// Looks at the next document that differs. Returns whether there was one.
    fn look_at_next(&mut self, connection: ConnectionId) -> bool {
        let (focus, now_millis) = (self.focus, self.ticks_millis);
        let Some(session) = self.sessions.get_mut(&connection) else {
            return false;
        };
        if !session.has_room_to_look(now_millis) {
            return false;
        }
        match session.next_todo(focus) {
            Some((id, Todo::Ask)) => self.ask(connection, id),
            Some((id, Todo::Offer)) => self.offer(connection, id),
            None => return false,
        }
        true
    }

    /// Sends the frames that wait, as far as the peer has room.
    fn release(&mut self, connection: ConnectionId) {
        loop {
            let Some(session) = self.sessions.get_mut(&connection) else {
                return;
            };
            if !session.pace.window.has_room() {
                return;
            }
            let Some(frame) = session.pace.frames.pop_front() else {
                return;
            };
            let (id, person) = (frame.document, session.person);
            let sending = session
                .lanes
                .get(&id)
                .is_some_and(|lane| matches!(lane.collecting, Collecting::Sending { .. }));
            // Consent may have been taken back while it waited.
            let allowed = self.may_exchange(id, person) || broken("consent-late");
            if sending && allowed {
                self.send_changes(connection, frame.bytes);
                if frame.last {
                    self.all_sent(connection, id);
                }
            }
        }
    }

    fn all_sent(&mut self, connection: ConnectionId, id: DocumentId) {
        let Some(lane) = self.lane_mut(connection, id) else {
            return;
        };
        if let Collecting::Sending { until, tips } = std::mem::take(&mut lane.collecting) {
            lane.sent = Some(until);
            lane.unacknowledged.extend(tips);
            self.collect(connection, id);
        }
    }

    /// Starts the next job that puts changes together. Returns whether anything was taken up.
    fn start_collecting(&mut self, connection: ConnectionId) -> bool {
        let focus = self.focus;
        let Some(session) = self.sessions.get_mut(&connection) else {
            return false;
        };
        if session.pace.running || !session.pace.window.has_room() {
            return false;
        }
        let Some(id) = session.next_queued(focus) else {
            return false;
        };
        let Some(lane) = session.lanes.get_mut(&id) else {
            return true;
        };
        let Some(contents) = self.documents.get(&id).and_then(Document::loaded) else {
            return true;
        };
        let Collecting::Queued { known, staged } = &mut lane.collecting else {
            return true;
        };
        let (known, staged) = (std::mem::take(known), staged.take());
        let until = contents.facts.graph.len();
        if contents.facts.graph.missing_from(&known).is_empty() {
            lane.collecting = Collecting::Idle;
            lane.sent = Some(until);
            return true;
        }
        lane.collecting = Collecting::Running;
        lane.resumed.clone_from(&staged);
        session.pace.running = true;
        let collect = Collect {
            contents: contents.clone(),
            known,
            staged,
            until,
            limits: self.config.limits.clone(),
            sender: self.device,
            compression: self.config.compression.clone(),
        };
        self.outputs.push_back(Output::Run(Job {
            document: id,
            connection,
            work: Work::Collect(Box::new(collect)),
        }));
        true
    }

    /// A job has put together what a peer is missing.
    pub(crate) fn collected(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        until: usize,
        frames: Vec<Vec<u8>>,
        tips: Vec<ChangeHash>,
    ) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            session.pace.running = false;
            // The lane may have been given up while the job ran, and even be new.
            if let Some(lane) = session.lanes.get_mut(&id)
                && lane.collecting == Collecting::Running
            {
                lane.collecting = Collecting::Sending { until, tips };
                let count = frames.len();
                let waiting = frames
                    .into_iter()
                    .enumerate()
                    .map(|(index, bytes)| Waiting {
                        document: id,
                        bytes,
                        last: index + 1 == count,
                    });
                if self.focus == Some(id) {
                    for frame in waiting.rev() {
                        session.pace.frames.push_front(frame);
                    }
                } else {
                    session.pace.frames.extend(waiting);
                }
            }
            self.pump(connection);
        }
        self.rebuild(id);
    }

    /// Sends a frame with changes.
    pub(crate) fn send_changes(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            session
                .pace
                .window
                .note_sent(bytes.len(), self.ticks_millis);
            self.outputs.push_back(Output::Send { connection, bytes });
        }
    }

    /// The peer has gone through this many bytes of changes.
    pub(crate) fn credit_received(&mut self, connection: ConnectionId, bytes: u32) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            let window = &mut session.pace.window;
            window.note_credited(bytes as usize, self.ticks_millis);
            self.pump(connection);
        }
    }

    /// Notes that a frame of changes came, to be credited when it was gone through.
    pub(crate) fn owe(&mut self, connection: ConnectionId, id: DocumentId, bytes: usize) {
        if let Some(session) = self.sessions.get_mut(&connection) {
            *session.owed.entry(id).or_default() += bytes;
        }
    }

    /// Tells the peer that what it sent of a document was gone through, or will never be.
    pub(crate) fn credit(&mut self, connection: ConnectionId, id: DocumentId) {
        if let Some(session) = self.sessions.get_mut(&connection)
            && let Some(bytes) = session.owed.remove(&id)
        {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.send(connection, &Message::Credit(bytes));
        }
    }
}
