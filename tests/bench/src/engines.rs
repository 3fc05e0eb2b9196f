//! Engines joined by a queue, with vaults in memory, and jobs run in place.
//!
//! # Role
//! What an engine costs and nothing else: the disk keeps the bytes it is given without copying
//! them, and the network hands them over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use cairn_engine::{
    AllowAll, Append, ConnectionId, DocumentContent, DocumentId, DocumentRules, Engine, Event,
    Input, Limits, LoadedDocument, Now, Output, Restored, Role, ShareTerms, Ticket,
};

use crate::history::History;
use crate::identity::Identity;
use crate::measure::{Mark, Spent, Traffic};

/// What a vault would keep.
#[derive(Debug, Default)]
struct Disk {
    statements: Vec<Vec<u8>>,
    contents: BTreeMap<DocumentId, DocumentContent>,
}

impl Disk {
    fn write(&mut self, append: Append) {
        let statements = append.statements.into_iter();
        self.statements.extend(statements.map(|(_, bytes)| bytes));
        for part in append.documents {
            let content = self.contents.entry(part.row.document).or_default();
            let changes = part.changes.into_iter();
            content.changes.extend(changes.map(|(_, bytes)| bytes));
            content.salts.extend(part.salts);
            let attestations = part.attestations.into_iter();
            content
                .attestations
                .extend(attestations.map(|(_, bytes)| bytes));
        }
    }
}

#[derive(Debug)]
struct Side {
    engine: Engine,
    disk: Disk,
    unwritten: Vec<(Ticket, Append)>,
    /// For each connection the one-way trips that led here.
    heard: BTreeMap<ConnectionId, u32>,
    /// Trips that led to what is being handled now.
    trips: u32,
    changed: Option<(Mark, u32)>,
    delivered: u64,
}

#[derive(Debug)]
struct Frame {
    to: usize,
    connection: ConnectionId,
    bytes: Vec<u8>,
    trips: u32,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct World {
    sides: Vec<Side>,
    limits: Limits,
    rules: Arc<dyn DocumentRules>,
    wires: BTreeMap<(usize, ConnectionId), (usize, ConnectionId)>,
    next_connection: u64,
    queue: VecDeque<Frame>,
    pub(crate) traffic: Traffic,
    /// Bytes of the frames that carried edits.
    pub(crate) edit_bytes: u64,
    millis: u64,
}

impl World {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            sides: Vec::new(),
            limits: limits.clone(),
            rules: Arc::new(AllowAll),
            wires: BTreeMap::new(),
            next_connection: 0,
            queue: VecDeque::new(),
            traffic: Traffic::default(),
            edit_bytes: 0,
            millis: 0,
        }
    }

    /// Starts a device whose vault has these statements and documents. Gives its number.
    pub(crate) fn start<'a>(
        &mut self,
        identity: &Identity,
        statements: &[Vec<u8>],
        documents: impl Iterator<Item = &'a History>,
    ) -> usize {
        let mut restored = Restored {
            statements: statements.to_vec(),
            ..Restored::default()
        };
        let mut disk = Disk::default();
        for history in documents {
            restored.documents.push(history.row());
            disk.contents.insert(history.document(), history.content());
        }
        let config = identity.config(&self.limits, &self.rules);
        self.sides.push(Side {
            engine: Engine::new(config, restored),
            disk,
            unwritten: Vec::new(),
            heard: BTreeMap::new(),
            trips: 0,
            changed: None,
            delivered: 0,
        });
        self.sides.len() - 1
    }

    pub(crate) fn engine(&self, side: usize) -> &Engine {
        &self.sides[side].engine
    }

    /// Reads a document into memory.
    pub(crate) fn open(&mut self, side: usize, document: DocumentId) {
        self.sides[side].engine.open(document);
        self.run();
        assert!(self.sides[side].engine.read(document).is_some());
    }

    /// Joins two devices; what follows from it waits for [`run`](Self::run).
    pub(crate) fn connect(&mut self, dialler: usize, listener: usize) {
        let ends = [
            (dialler, ConnectionId(self.next_connection)),
            (listener, ConnectionId(self.next_connection + 1)),
        ];
        self.next_connection += 2;
        self.wires.insert(ends[0], ends[1]);
        self.wires.insert(ends[1], ends[0]);
        for (index, (side, connection)) in ends.into_iter().enumerate() {
            let peer = &self.sides[ends[1 - index].0].engine;
            let input = Input::Connected {
                connection,
                person: peer.person(),
                device: peer.device(),
                dialled: index == 0,
            };
            self.handle(side, input);
            self.drain(side);
        }
    }

    /// Moves everything until nothing moves any more. Frames come before the disk.
    pub(crate) fn run(&mut self) {
        for side in 0..self.sides.len() {
            self.drain(side);
        }
        loop {
            self.deliver();
            let mut stored = false;
            for side in 0..self.sides.len() {
                stored |= self.store(side);
            }
            if !stored {
                return;
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(frame) = self.queue.pop_front() {
            let side = &mut self.sides[frame.to];
            let heard = side.heard.entry(frame.connection).or_default();
            *heard = frame.trips.max(*heard);
            side.trips = frame.trips;
            let input = Input::Frame {
                connection: frame.connection,
                bytes: frame.bytes,
            };
            self.handle(frame.to, input);
            self.drain(frame.to);
        }
    }

    fn store(&mut self, side: usize) -> bool {
        let it = &mut self.sides[side];
        let mut last = None;
        for (ticket, append) in it.unwritten.drain(..) {
            it.disk.write(append);
            last = Some(ticket);
        }
        if let Some(ticket) = last {
            self.handle(side, Input::Stored { ticket });
            self.drain(side);
        }
        last.is_some()
    }

    fn handle(&mut self, side: usize, input: Input) {
        let now = self.now();
        self.sides[side].engine.handle(now, input);
    }

    fn drain(&mut self, side: usize) {
        while let Some(output) = self.sides[side].engine.poll_output() {
            self.perform(side, output);
        }
    }

    fn perform(&mut self, side: usize, output: Output) {
        let it = &mut self.sides[side];
        match output {
            Output::Append { ticket, append } => it.unwritten.push((ticket, append)),
            Output::Load { document } => {
                let content = it.disk.contents.get(&document).cloned().unwrap_or_default();
                let result = LoadedDocument::from_content(document, content, &self.limits);
                self.handle(side, Input::Loaded { document, result });
            }
            Output::Run(job) => {
                let done = job.run();
                self.handle(side, Input::JobDone(done));
            }
            Output::Event(Event::Changed { .. }) => {
                it.changed = Some((Mark::now(), it.trips));
            }
            Output::Event(Event::Delivered { .. }) => it.delivered += 1,
            Output::Event(
                event @ (Event::Refused { .. }
                | Event::RefusedByPeer { .. }
                | Event::Damaged { .. }
                | Event::StoreFailed),
            ) => unreachable!("a benchmark's own documents are sound: {event:?}"),
            Output::Event(_) => {}
            Output::Send { connection, bytes } => {
                let (to, theirs) = self.wires[&(side, connection)];
                let trips = it.heard.get(&connection).copied().unwrap_or(0) + 1;
                self.traffic.messages += 1;
                self.traffic.bytes += bytes.len() as u64;
                self.traffic.one_way_trips = self.traffic.one_way_trips.max(trips);
                self.queue.push_back(Frame {
                    to,
                    connection: theirs,
                    bytes,
                    trips,
                });
            }
            Output::Close { reason, .. } => {
                unreachable!("devices of a benchmark get on with each other: {reason}")
            }
        }
    }

    /// Edits at one side and gives what was spent until the change was in the document of `peer`.
    /// What else follows waits for [`run`](Self::run).
    pub(crate) fn edit_until_visible(
        &mut self,
        side: usize,
        peer: usize,
        document: DocumentId,
        word: &str,
    ) -> Spent {
        self.sides[peer].changed = None;
        let now = self.now();
        let started = Mark::now();
        self.sides[side]
            .engine
            .edit(now, document, |transaction| {
                crate::edits::append_word(transaction, word)
            })
            .expect("both may write, and there is room");
        let before = self.traffic.bytes;
        self.drain(side);
        self.edit_bytes += self.traffic.bytes - before;
        self.deliver();
        let (at, _) = self.sides[peer]
            .changed
            .expect("a live edit is applied when it comes");
        at.since(&started)
    }

    /// Trips after which a side saw the last change.
    pub(crate) fn trips_to_visible(&self, side: usize) -> u32 {
        self.sides[side].changed.map_or(0, |(_, trips)| trips)
    }

    /// How often a side heard that a peer has all of a document durably.
    pub(crate) fn deliveries(&self, side: usize) -> u64 {
        self.sides[side].delivered
    }

    /// Forgets what was sent so far.
    pub(crate) fn begin(&mut self) {
        self.traffic = Traffic::default();
    }

    fn now(&mut self) -> Now {
        self.millis += 1;
        Now {
            ticks_millis: self.millis,
            wall_millis: 1_800_000_000_000 + self.millis as i64,
        }
    }
}

/// Statements that two people have who are paired, and of whom one has shared these documents with
/// the other: those of the owner and those of the grantee before it heard of the documents.
pub(crate) fn shared<'a>(
    owner: &Identity,
    grantee: &Identity,
    documents: impl Iterator<Item = &'a History>,
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let rosters = vec![owner.roster(), grantee.roster()];
    let restored = Restored {
        statements: rosters.clone(),
        documents: documents.map(History::row).collect(),
        ..Restored::default()
    };
    let ids: Vec<DocumentId> = restored.documents.iter().map(|row| row.document).collect();
    let rules: Arc<dyn DocumentRules> = Arc::new(AllowAll);
    let mut engine = Engine::new(owner.config(&Limits::default(), &rules), restored);
    let now = Now {
        ticks_millis: 0,
        wall_millis: 1_800_000_000_000,
    };
    for document in ids {
        let terms = ShareTerms {
            role: Role::Write,
            purpose: "to work on it together".into(),
            expires_millis: None,
        };
        engine
            .share(now, document, grantee.person, terms)
            .expect("an owner shares with someone they know");
    }
    let mut statements = rosters.clone();
    while let Some(output) = engine.poll_output() {
        if let Output::Append { append, .. } = output {
            statements.extend(append.statements.into_iter().map(|(_, bytes)| bytes));
        }
    }
    (statements, rosters)
}
