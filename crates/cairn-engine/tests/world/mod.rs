//! Engines joined by perfect virtual connections and a virtual disk, driven until nothing moves.

#![expect(dead_code, reason = "each file of tests uses a part of it")]

mod breaking;
mod consent;
pub(crate) mod devices;
mod disk;
mod limits;
mod moments;

use std::collections::VecDeque;
use std::sync::Arc;

use automerge::transaction::{Transactable, Transaction};
use automerge::{ChangeHash, ObjId, ObjType, ROOT, ReadDoc};
use cairn_engine::coding::{Compression, CompressionError};
use cairn_engine::{
    Append, Breach, CloseReason, Config, ConnectionId, DeviceAdded, DocumentId, DocumentRules,
    Engine, Event, Input, Judged, Limits, LoadedDocument, Now, Output, PersonId, ProcessId, Role,
    SignedStatement, Statement, Ticket, public_key,
};
use disk::Disk;

/// As the node compresses.
#[derive(Debug)]
struct Zstd;

impl Compression for Zstd {
    fn compress(&self, bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 3).unwrap()
    }

    fn decompress(&self, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, CompressionError> {
        zstd::bulk::decompress(bytes, bytes_max).map_err(|_error| CompressionError)
    }
}

/// Documents of this kind never leave their device.
pub(crate) const STAYS_HERE: u16 = 16;

/// Everyone may write everything.
#[derive(Debug)]
struct Rules;

impl DocumentRules for Rules {
    fn judge(&self, _judged: Judged<'_>) -> Result<(), Breach> {
        Ok(())
    }

    fn stays_here(&self, kind: u16) -> bool {
        kind == STAYS_HERE
    }
}

#[derive(Clone)]
struct Side {
    engine: Engine,
    recovery: [u8; 32],
    secret: [u8; 32],
    starts: u8,
    limits: Limits,
    disk: Disk,
    unwritten: VecDeque<(Ticket, Append)>,
    held: bool,
    /// Documents to be read once the disk answers again.
    unread: VecDeque<DocumentId>,
    events: Vec<Event>,
    /// Why it closed connections.
    closed: Vec<CloseReason>,
    /// The protocol versions its hellos name, if not those it speaks.
    versions: Option<(u8, u8)>,
}

/// Both ends of a connection: the side, and the connection's name there.
type Ends = [(usize, ConnectionId); 2];

#[derive(Clone)]
pub(crate) struct World {
    sides: Vec<Side>,
    wires: Vec<Ends>,
    next_connection: u64,
    sent: Vec<(usize, usize, Vec<u8>)>,
    lost: Option<u8>,
    /// How many more bytes pass before all connections break.
    left: Option<usize>,
    millis: u64,
}

fn config(recovery: &[u8; 32], secret: [u8; 32], start: u8, limits: &Limits) -> Config {
    Config {
        person: PersonId::from_bytes(public_key(recovery)),
        device_secret: secret.into(),
        process: ProcessId::from_bytes([secret[0] ^ start.wrapping_mul(31); 16]),
        seed: [secret[0].wrapping_add(start.wrapping_mul(17)); 32],
        limits: limits.clone(),
        rules: Arc::new(Rules),
        compression: Arc::new(Zstd),
    }
}

impl World {
    pub(crate) fn new(people: usize) -> Self {
        let mut world = Self {
            sides: Vec::new(),
            wires: Vec::new(),
            next_connection: 0,
            sent: Vec::new(),
            lost: None,
            left: None,
            millis: 0,
        };
        for index in 0..people as u8 {
            let (recovery, secret) = ([100 + index; 32], [10 + index; 32]);
            let person = PersonId::from_bytes(public_key(&recovery));
            let added = DeviceAdded::countersigned(person, &secret, 0);
            let first = SignedStatement::sign(Statement::DeviceAdded(added), &recovery);
            let mut disk = Disk::default();
            disk.add_statement(&first);
            world.start_side(recovery, secret, 0, disk);
        }
        world
    }

    fn start_side(&mut self, recovery: [u8; 32], secret: [u8; 32], starts: u8, disk: Disk) {
        let limits = Limits::default();
        let config = config(&recovery, secret, starts, &limits);
        let engine = Engine::new(config, disk.restored());
        self.sides.push(Side {
            engine,
            recovery,
            secret,
            starts,
            limits,
            disk,
            unwritten: VecDeque::new(),
            held: false,
            unread: VecDeque::new(),
            events: Vec::new(),
            closed: Vec::new(),
            versions: None,
        });
    }

    fn now(&self) -> Now {
        Now {
            ticks_millis: self.millis,
            wall_millis: 1_790_000_000_000 + self.millis as i64,
        }
    }

    pub(crate) fn engine(&self, side: usize) -> &Engine {
        &self.sides[side].engine
    }

    pub(crate) fn person(&self, side: usize) -> PersonId {
        self.sides[side].engine.person()
    }

    pub(crate) fn pair(&mut self, one: usize, other: usize) {
        for (at, of) in [(one, other), (other, one)] {
            let person = self.person(of);
            let roster = self.sides[of].engine.roster(person);
            let devices = self.sides[at].engine.introduce(person, &roster);
            assert!(!devices.is_empty());
        }
        self.run();
    }

    /// What a side would say with a key of its own.
    pub(crate) fn forge(&mut self, from: usize, to: usize, statement: Statement) {
        let signed = SignedStatement::sign(statement, &self.sides[from].secret);
        let length = signed.bytes().len();
        let mut bytes = vec![2, 1, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
        bytes.extend(signed.bytes());
        self.frame(from, to, bytes);
    }

    /// A frame from one side to another.
    pub(crate) fn frame(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        self.flood(from, to, &[bytes]);
    }

    /// The name at one side of its connection from another.
    fn connection(&self, from: usize, at: usize) -> ConnectionId {
        let is = |side: usize| move |end: &(usize, ConnectionId)| end.0 == side;
        let mut wires = self.wires.iter();
        let wire = wires.find(|wire| wire.iter().any(is(from)) && wire.iter().any(is(at)));
        wire.unwrap().iter().find(|end| is(at)(end)).unwrap().1
    }

    /// Kinds of the frames one side sent another, from the given one on.
    pub(crate) fn kinds_sent(&self, from: usize, to: usize, since: usize) -> Vec<u8> {
        self.sent[since..]
            .iter()
            .filter(|(one, other, _)| (*one, *other) == (from, to))
            .map(|(_, _, bytes)| bytes[0])
            .collect()
    }

    pub(crate) fn knows_each_other(&self, one: usize, other: usize) -> bool {
        !self.sides[one]
            .engine
            .devices(self.person(other))
            .is_empty()
    }

    /// Opens a connection; nothing moves yet.
    pub(crate) fn wire(&mut self, dialler: usize, listener: usize) {
        let ends = [
            (dialler, ConnectionId(self.next_connection)),
            (listener, ConnectionId(self.next_connection + 1)),
        ];
        self.next_connection += 2;
        self.wires.push(ends);
        for (index, (side, connection)) in ends.into_iter().enumerate() {
            let peer = ends[1 - index].0;
            let input = Input::Connected {
                connection,
                person: self.person(peer),
                device: self.sides[peer].engine.device(),
                dialled: index == 0,
            };
            let now = self.now();
            self.sides[side].engine.handle(now, input);
        }
    }

    pub(crate) fn connect(&mut self, one: usize, other: usize) {
        self.wire(one, other);
        self.run();
    }

    pub(crate) fn dial_both_ways(&mut self, one: usize, other: usize) {
        self.wire(one, other);
        self.wire(other, one);
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.wires.len()
    }

    pub(crate) fn disconnect_all(&mut self) {
        self.break_all();
        self.run();
    }

    /// Ends a process cleanly and starts it again.
    pub(crate) fn restart(&mut self, side: usize) {
        self.run();
        self.crash(side);
    }

    /// Ends a process; what was not written is lost.
    pub(crate) fn crash(&mut self, side: usize) {
        let lost: Vec<Ends> = self
            .wires
            .iter()
            .filter(|ends| ends.iter().any(|end| end.0 == side))
            .copied()
            .collect();
        self.wires
            .retain(|ends| !ends.iter().any(|end| end.0 == side));
        let now = self.now();
        let it = &mut self.sides[side];
        it.unwritten.clear();
        it.unread.clear();
        it.starts += 1;
        let config = config(&it.recovery, it.secret, it.starts, &it.limits);
        it.engine = Engine::new(config, it.disk.restored());
        for (other, connection) in lost.into_iter().flatten().filter(|end| end.0 != side) {
            self.sides[other]
                .engine
                .handle(now, Input::Disconnected { connection });
        }
        self.run();
    }

    /// Whether a side's disk answers nothing.
    pub(crate) fn hold_storage(&mut self, side: usize, held: bool) {
        self.sides[side].held = held;
    }

    pub(crate) fn open(&mut self, side: usize, document: DocumentId) {
        self.sides[side].engine.open(document);
        self.run();
    }

    /// Moves everything until nothing moves any more.
    pub(crate) fn run(&mut self) {
        loop {
            let mut moved = false;
            for side in 0..self.sides.len() {
                while let Some(output) = self.sides[side].engine.poll_output() {
                    moved = true;
                    self.millis += 1;
                    self.perform(side, output);
                }
                moved |= self.read_one(side) || self.write_one(side);
            }
            if !moved {
                return;
            }
        }
    }

    fn read_one(&mut self, side: usize) -> bool {
        let now = self.now();
        let it = &mut self.sides[side];
        if it.held {
            return false;
        }
        let Some(document) = it.unread.pop_front() else {
            return false;
        };
        let content = it.disk.content(document);
        let result = LoadedDocument::from_content(document, content, &Limits::default());
        it.engine.handle(now, Input::Loaded { document, result });
        true
    }

    fn write_one(&mut self, side: usize) -> bool {
        let now = self.now();
        let it = &mut self.sides[side];
        if it.held {
            return false;
        }
        let Some((ticket, append)) = it.unwritten.pop_front() else {
            return false;
        };
        it.disk.write(append);
        it.engine.handle(now, Input::Stored { ticket });
        true
    }

    fn perform(&mut self, side: usize, output: Output) {
        let now = self.now();
        let it = &mut self.sides[side];
        match output {
            Output::Append { ticket, append } => it.unwritten.push_back((ticket, append)),
            Output::Load { document } => it.unread.push_back(document),
            Output::Run(job) => {
                let done = job.run();
                assert!(!done.panicked());
                it.engine.handle(now, Input::JobDone(done));
            }
            Output::Event(event) => it.events.push(event),
            Output::Send {
                connection,
                mut bytes,
            } => {
                it.say_versions(&mut bytes);
                if let Some((peer, theirs)) = self.other_end(side, connection) {
                    if self.lost == Some(bytes[0]) {
                        return;
                    }
                    if !self.passes(bytes.len()) {
                        self.break_all();
                        return;
                    }
                    self.sent.push((side, peer, bytes.clone()));
                    let input = Input::Frame {
                        connection: theirs,
                        bytes,
                    };
                    self.sides[peer].engine.handle(now, input);
                }
            }
            Output::Close { connection, reason } => {
                it.closed.push(reason);
                if let Some((peer, theirs)) = self.other_end(side, connection) {
                    self.wires
                        .retain(|ends| !ends.contains(&(side, connection)));
                    let input = Input::Disconnected { connection: theirs };
                    self.sides[peer].engine.handle(now, input);
                }
            }
        }
    }

    fn other_end(&self, side: usize, connection: ConnectionId) -> Option<(usize, ConnectionId)> {
        self.wires.iter().find_map(|ends| {
            let at = ends.iter().position(|end| *end == (side, connection))?;
            Some(ends[1 - at])
        })
    }

    /// A side hears from another that it does not take these changes.
    pub(crate) fn refuse(
        &mut self,
        from: usize,
        to: usize,
        document: DocumentId,
        changes: &[ChangeHash],
    ) {
        let mut bytes = vec![7];
        bytes.extend(document.as_bytes());
        bytes.push(changes.len() as u8);
        for change in changes {
            bytes.extend(change.0);
            bytes.push(3);
        }
        self.frame(from, to, bytes);
    }

    pub(crate) fn take_events(&mut self, side: usize) -> Vec<Event> {
        std::mem::take(&mut self.sides[side].events)
    }

    pub(crate) fn settled(&self, side: usize) -> Vec<&Event> {
        let events = self.sides[side].events.iter();
        events
            .filter(|event| matches!(event, Event::Settled { .. }))
            .collect()
    }

    pub(crate) fn frames_sent(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn bytes_sent(&self) -> usize {
        self.sent.iter().map(|(_, _, bytes)| bytes.len()).sum()
    }

    /// Frames of a kind that a side sent.
    pub(crate) fn sent_of_kind(&self, side: usize, kind: u8) -> impl Iterator<Item = &[u8]> {
        self.sent
            .iter()
            .filter(move |(from, _, bytes)| *from == side && bytes[0] == kind)
            .map(|(_, _, bytes)| bytes.as_slice())
    }

    /// Loses all frames of a kind from now on.
    pub(crate) fn lose(&mut self, kind: u8) {
        self.lost = Some(kind);
    }

    /// Loses nothing any more.
    pub(crate) fn lose_nothing(&mut self) {
        self.lost = None;
    }

    /// Lets go of all documents that a side can do without.
    pub(crate) fn let_go(&mut self, side: usize) -> Vec<DocumentId> {
        self.let_go_to(side, 0)
    }

    pub(crate) fn let_go_to(&mut self, side: usize, bytes_max: usize) -> Vec<DocumentId> {
        self.sides[side].engine.let_go(bytes_max)
    }

    pub(crate) fn focus(&mut self, side: usize, document: DocumentId) {
        self.sides[side].engine.focus(Some(document));
    }

    pub(crate) fn largest_frame(&self) -> usize {
        self.sent
            .iter()
            .map(|(_, _, bytes)| bytes.len())
            .max()
            .unwrap_or(0)
    }

    /// Sizes of the frames with changes that went from one side to another.
    pub(crate) fn change_frames(&self, from: usize, to: usize) -> Vec<usize> {
        let frames = self.sent.iter();
        let frames = frames.filter(|(one, other, _)| (*one, *other) == (from, to));
        frames
            .filter(|(_, _, bytes)| [5, 10].contains(&bytes[0]))
            .map(|(_, _, bytes)| bytes.len())
            .collect()
    }

    /// Whether the id of a document ever went over the wire.
    pub(crate) fn said_about(&self, from: usize, to: usize, document: DocumentId) -> bool {
        self.sent
            .iter()
            .filter(|(one, other, _)| (*one, *other) == (from, to))
            .any(|(_, _, bytes)| {
                bytes
                    .windows(16)
                    .any(|window| window == document.as_bytes())
            })
    }

    pub(crate) fn create_with_title(&mut self, side: usize, title: &str) -> DocumentId {
        self.create_of_kind(side, 1, title)
    }

    pub(crate) fn create_of_kind(&mut self, side: usize, kind: u16, title: &str) -> DocumentId {
        let now = self.now();
        let (document, ()) = self.sides[side]
            .engine
            .create(now, kind, |tx| {
                let text = tx.put_object(ROOT, "title", ObjType::Text)?;
                tx.put(ROOT, "schema", 1)?;
                tx.splice_text(&text, 0, 0, title)
            })
            .unwrap();
        self.run();
        document
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.millis += millis;
    }

    pub(crate) fn try_edit(
        &mut self,
        side: usize,
        document: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>, &ObjId),
    ) -> bool {
        let edited = self.edit_unsent(side, document, edit);
        self.run();
        edited
    }

    /// An edit whose frames have not left yet.
    pub(crate) fn edit_unsent(
        &mut self,
        side: usize,
        document: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>, &ObjId),
    ) -> bool {
        self.edit_at(side, document, self.now().wall_millis, edit)
    }

    /// An edit by a device whose clock shows this time.
    pub(crate) fn try_edit_at(
        &mut self,
        side: usize,
        document: DocumentId,
        wall_millis: i64,
        edit: impl FnOnce(&mut Transaction<'_>, &ObjId),
    ) -> bool {
        let edited = self.edit_at(side, document, wall_millis, edit);
        self.run();
        edited
    }

    fn edit_at(
        &mut self,
        side: usize,
        document: DocumentId,
        wall_millis: i64,
        edit: impl FnOnce(&mut Transaction<'_>, &ObjId),
    ) -> bool {
        let now = Now {
            wall_millis,
            ..self.now()
        };
        let edited = self.sides[side].engine.edit(now, document, |tx| {
            let title = tx.get(ROOT, "title").unwrap().unwrap().1;
            edit(tx, &title);
            Ok::<(), std::convert::Infallible>(())
        });
        edited.is_ok()
    }

    /// Puts letters in front of the title.
    pub(crate) fn write(&mut self, side: usize, document: DocumentId, letters: &str) {
        self.open(side, document);
        self.edit(side, document, |tx, title| {
            tx.splice_text(title, 0, 0, letters).unwrap();
        });
    }

    pub(crate) fn edit(
        &mut self,
        side: usize,
        document: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>, &ObjId),
    ) {
        assert!(self.try_edit(side, document, edit));
    }

    pub(crate) fn title(&self, side: usize, document: DocumentId) -> Option<String> {
        text(&self.sides[side].engine, document)
    }

    pub(crate) fn stored_title(&self, side: usize, document: DocumentId) -> Option<String> {
        let it = &self.sides[side];
        let config = config(&it.recovery, it.secret, 99, &it.limits);
        let mut engine = Engine::new(config, it.disk.restored());
        engine.open(document);
        let content = it.disk.contents.get(&document)?.clone();
        let result = LoadedDocument::from_content(document, content, &Limits::default());
        engine.handle(self.now(), Input::Loaded { document, result });
        text(&engine, document)
    }

    pub(crate) fn assert_proven(&self, side: usize, document: DocumentId) {
        let history = self.sides[side].engine.history(document, 0).unwrap();
        assert!(!history.is_empty());
        for entry in history {
            assert!(entry.proven && entry.person.is_some(), "{entry:?}");
        }
    }
}

pub(crate) fn text(engine: &Engine, document: DocumentId) -> Option<String> {
    let automerge = engine.read(document)?;
    let (_, title) = automerge.get(ROOT, "title").ok()??;
    automerge.text(&title).ok()
}

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Two paired people.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) world: World,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let mut world = World::new(2);
        world.pair(0, 1);
        Self { world }
    }

    pub(crate) fn connect(&mut self) {
        self.world.connect(0, 1);
    }

    pub(crate) fn disconnect(&mut self) {
        self.world.disconnect_all();
    }

    pub(crate) fn create_with_title(&mut self, side: usize, title: &str) -> DocumentId {
        self.world.create_with_title(side, title)
    }

    pub(crate) fn share(&mut self, side: usize, document: DocumentId, with: usize, role: Role) {
        self.world.share(side, document, with, role);
    }

    pub(crate) fn edit(
        &mut self,
        side: usize,
        document: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>, &ObjId),
    ) {
        self.world.edit(side, document, edit);
    }

    pub(crate) fn try_edit(
        &mut self,
        side: usize,
        document: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>, &ObjId),
    ) -> bool {
        self.world.try_edit(side, document, edit)
    }

    pub(crate) fn title(&self, side: usize, document: DocumentId) -> Option<String> {
        self.world.title(side, document)
    }

    pub(crate) fn heads(&self, side: usize, document: DocumentId) -> Vec<ChangeHash> {
        self.world.engine(side).read(document).unwrap().get_heads()
    }

    pub(crate) fn assert_proven(&self, document: DocumentId) {
        self.world.assert_proven(0, document);
        self.world.assert_proven(1, document);
    }
}
