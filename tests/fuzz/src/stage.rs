//! The scene that scripts play on: a device with a shared and a private document, and what a paired
//! hostile device has to say to it.
//!
//! # Invariants
//! Everything hostile is made by a real engine first; nothing here knows how frames are built.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use automerge::transaction::Transactable;
use automerge::{AutomergeError, ChangeHash, ObjType, ROOT, ReadDoc};
use cairn_engine::coding::{Context, Uncompressed, encode};
use cairn_engine::{
    AllowAll, Append, Attestation, Changes, Claim, Config, ConnectionId, DeviceAdded, DeviceId,
    DocumentContent, DocumentId, DocumentRow, Engine, Input, Limits, LoadedDocument, Now, Output,
    PersonId, ProcessId, Restored, Role, ShareTerms, SignedStatement, Statement, content_frame,
    public_key,
};

use crate::mutate::{chunk_hash, leb};

/// The victim's name for the one connection.
const CONNECTION: ConnectionId = ConnectionId(1);
pub(crate) const SECRETS: [[u8; 32]; 2] = [[10; 32], [11; 32]];
pub(crate) const RECOVERIES: [[u8; 32]; 2] = [[100; 32], [101; 32]];

/// Longest time of a script: fifty years.
const MILLIS_MAX: u64 = 50 * 366 * 86_400_000;

/// States kept as looked at.
const STATES_MAX: usize = 1 << 16;

/// What a vault would keep.
#[derive(Debug, Clone, Default)]
struct Disk {
    statements: BTreeMap<[u8; 32], Vec<u8>>,
    rows: BTreeMap<DocumentId, DocumentRow>,
    contents: BTreeMap<DocumentId, DocumentContent>,
}

impl Disk {
    fn write(&mut self, append: Append) {
        for (hash, bytes) in append.statements {
            self.statements.insert(hash.0, bytes);
        }
        for part in append.documents {
            let content = self.contents.entry(part.row.document).or_default();
            if !part.set_aside.is_empty() {
                let gone = |chunk: &Vec<u8>| {
                    part.set_aside
                        .iter()
                        .any(|hash| hash.0 == chunk_hash(chunk))
                };
                content
                    .set_aside
                    .extend(content.changes.iter().filter(|chunk| gone(chunk)).cloned());
                content.changes.retain(|chunk| !gone(chunk));
            }
            if part.erased {
                let set_aside = std::mem::take(&mut content.set_aside);
                *content = DocumentContent {
                    set_aside,
                    ..DocumentContent::default()
                };
            }
            let changes = part.changes.into_iter().map(|(_, bytes)| bytes);
            content.changes.extend(changes);
            let apart = part.apart.into_iter().map(|(_, bytes)| bytes);
            content.set_aside.extend(apart);
            content.salts.extend(part.salts);
            let attestations = part.attestations.into_iter().map(|(_, bytes)| bytes);
            content.attestations.extend(attestations);
            self.rows.insert(part.row.document, part.row);
        }
    }
}

/// One device: its engine, its disk, what it sent.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) engine: Box<Engine>,
    disk: Disk,
    pub(crate) sent: VecDeque<Vec<u8>>,
    pub(crate) closed: bool,
    millis: u64,
}

impl Side {
    /// The victim with this on its disk.
    pub(crate) fn restored(
        restored: Restored,
        contents: Vec<(DocumentId, DocumentContent)>,
    ) -> Self {
        let disk = Disk {
            contents: contents.into_iter().collect(),
            ..Disk::default()
        };
        Self::with(0, 30, disk, restored)
    }

    fn start(index: usize, process: u8, disk: Disk) -> Self {
        let restored = Restored {
            statements: disk.statements.values().cloned().collect(),
            documents: disk.rows.values().cloned().collect(),
            ..Restored::default()
        };
        Self::with(index, process, disk, restored)
    }

    fn with(index: usize, process: u8, disk: Disk, restored: Restored) -> Self {
        let documents: Vec<_> = (restored.documents.iter().map(|row| row.document)).collect();
        let config = Config {
            person: person(index),
            device_secret: SECRETS[index].into(),
            process: ProcessId::from_bytes([process; 16]),
            seed: [process; 32],
            limits: Limits::default(),
            rules: Arc::new(AllowAll),
            compression: Arc::new(Uncompressed),
        };
        let mut engine = Box::new(Engine::new(config, restored));
        for document in documents {
            engine.open(document);
        }
        let mut side = Self {
            engine,
            disk,
            sent: VecDeque::new(),
            closed: false,
            millis: 0,
        };
        side.run();
        side
    }

    fn now(&self) -> Now {
        Now {
            ticks_millis: self.millis,
            wall_millis: 1_790_000_000_000 + self.millis as i64,
        }
    }

    pub(crate) fn connect(&mut self, peer: usize, dialled: bool) {
        self.connected(person(peer), device(peer), dialled);
    }

    /// The connection ends and another begins.
    pub(crate) fn connect_as(&mut self, person: PersonId, device: DeviceId) {
        let connection = CONNECTION;
        self.engine
            .handle(self.now(), Input::Disconnected { connection });
        self.run();
        self.connected(person, device, false);
    }

    fn connected(&mut self, person: PersonId, device: DeviceId, dialled: bool) {
        let input = Input::Connected {
            connection: CONNECTION,
            person,
            device,
            dialled,
        };
        self.closed = false;
        self.engine.handle(self.now(), input);
        self.run();
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, millis: u64) {
        self.millis = self.millis.saturating_add(millis).min(MILLIS_MAX);
        self.engine.expire(self.now());
        self.engine.follow_retirements();
        self.engine.handle(self.now(), Input::Tick);
        self.run();
    }

    /// Whether anything that was sent names a document.
    pub(crate) fn has_named(&self, document: DocumentId) -> bool {
        let id = document.as_bytes();
        let names = |frame: &Vec<u8>| frame.windows(id.len()).any(|window| window == id);
        self.sent.iter().any(names)
    }

    /// A frame comes, and everything that follows from it happens.
    pub(crate) fn hear(&mut self, bytes: Vec<u8>) {
        if !self.closed {
            let input = Input::Frame {
                connection: CONNECTION,
                bytes,
            };
            self.engine.handle(self.now(), input);
            self.run();
        }
    }

    fn run(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            self.millis += 1;
            let input = match output {
                Output::Append { ticket, append } => {
                    self.disk.write(append);
                    Input::Stored { ticket }
                }
                Output::Load { document } => {
                    let content = self.disk.contents.get(&document).cloned();
                    let content = content.unwrap_or_default();
                    let limits = Limits::default();
                    let result = LoadedDocument::from_content(document, content, &limits);
                    Input::Loaded { document, result }
                }
                Output::Run(job) => {
                    let done = job.run();
                    assert!(!done.panicked(), "a job of the engine panicked");
                    Input::JobDone(done)
                }
                Output::Send { bytes, .. } => {
                    self.sent.push_back(bytes);
                    continue;
                }
                Output::Close { .. } => {
                    self.closed = true;
                    continue;
                }
                Output::Event(_) => continue,
            };
            self.engine.handle(self.now(), input);
        }
    }

    fn create(&mut self, title: &str) -> DocumentId {
        let created = self.engine.create(self.now(), 1, |tx| {
            let text = tx.put_object(ROOT, "title", ObjType::Text)?;
            tx.put(ROOT, "schema", 1)?;
            tx.splice_text(&text, 0, 0, title)
        });
        let (document, ()) = created.expect("a small page can always be written");
        self.run();
        document
    }

    /// Writes into a document as far as it can be written; false if it was not.
    pub(crate) fn try_write(&mut self, document: DocumentId) -> bool {
        let written = self
            .engine
            .edit(self.now(), document, |tx| tx.put(ROOT, "written", 1));
        self.run();
        written.is_ok()
    }

    fn write(&mut self, document: DocumentId, round: usize) {
        let edited = self.engine.edit(self.now(), document, |tx| {
            let title = tx.get(ROOT, "title")?;
            if let Some((_, title)) = title {
                tx.splice_text(&title, round, 1, "übrig ")?;
            }
            let list = tx.put_object(ROOT, "list", ObjType::List)?;
            tx.insert(&list, 0, round as i64)?;
            let entry = tx.insert_object(&list, 1, ObjType::Map)?;
            tx.put(&entry, "done", round.is_multiple_of(2))?;
            tx.put(&entry, "share", 0.5)?;
            tx.delete(&list, 0)?;
            Ok::<(), AutomergeError>(())
        });
        edited.expect("a small edit can always be written");
        self.run();
    }
}

fn person(index: usize) -> PersonId {
    PersonId::from_bytes(public_key(&RECOVERIES[index]))
}

fn device(index: usize) -> DeviceId {
    DeviceId::from_bytes(public_key(&SECRETS[index]))
}

/// See the [module](self).
pub(crate) struct Stage {
    victim: Side,
    greeted: Side,
    pub(crate) shared: DocumentId,
    pub(crate) private: DocumentId,
    /// What the hostile device would honestly say, in order.
    pub(crate) frames: Vec<Vec<u8>>,
    /// The heads of the shared document that the victim has in the beginning.
    pub(crate) heads: Vec<ChangeHash>,
    /// Its changes that the victim has not got, each built on the one before.
    pub(crate) pending: Vec<Vec<u8>>,
    /// All of them in one frame.
    pub(crate) pending_frame: Vec<u8>,
    /// All of them in a piece, and then what proves them in a part that ends the batch.
    pub(crate) pieces: [Vec<u8>; 2],
    pub(crate) content: DocumentContent,
    /// The whole of it as a batch, encoded.
    pub(crate) coded: Vec<u8>,
    /// What encoding it goes by: the hostile device sends.
    pub(crate) context: Context,
    statements: Vec<Vec<u8>>,
    looked_at: Mutex<HashSet<[u8; 32]>>,
}

impl Stage {
    /// The same for everybody, made once.
    pub(crate) fn shared() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(Self::build)
    }

    fn build() -> Self {
        let mut sides = [0, 1].map(|index| {
            let added = DeviceAdded::countersigned(person(index), &SECRETS[index], 0);
            let added = SignedStatement::sign(Statement::DeviceAdded(added), &RECOVERIES[index]);
            let mut disk = Disk::default();
            let bytes = added.bytes().to_vec();
            disk.statements.insert(added.hash().0, bytes);
            Side::start(index, index as u8, disk)
        });
        for index in [0, 1] {
            let roster = sides[1 - index].engine.roster(person(1 - index));
            sides[index].engine.introduce(person(1 - index), &roster);
            sides[index].run();
        }
        let shared = sides[0].create("together");
        let private = sides[0].create("alone");
        let terms = ShareTerms {
            role: Role::Write,
            purpose: "together".into(),
            expires_millis: None,
        };
        let now = sides[0].now();
        let granted = sides[0].engine.share(now, shared, person(1), terms);
        granted.expect("a paired person can be given a role");
        meet(&mut sides);
        let known = sides[1].engine.heads(shared);
        let disk = sides[0].disk.clone();
        for round in 0..3 {
            sides[1].write(shared, round);
        }
        let pending = changes_since(&sides[1].engine, shared, &known);
        let [_, hostile] = &sides;
        let (content, hostile_disk) =
            (hostile.disk.contents[&shared].clone(), hostile.disk.clone());
        let statements = disk.statements.values().cloned().collect();
        let mut sides = [
            Side::start(0, 20, disk.clone()),
            Side::start(1, 21, hostile_disk),
        ];
        let frames = meet(&mut sides);
        assert_eq!(sides[0].engine.heads(shared), sides[1].engine.heads(shared));
        assert_ne!(sides[0].engine.heads(shared), known);
        let mut victim = Side::start(0, 20, disk);
        victim.connect(1, false);
        let mut greeted = victim.clone();
        greeted.hear(frames[0].clone());
        let context = Context {
            document: shared,
            sender: Some(device(1)),
        };
        let mut stage = Self {
            victim,
            greeted,
            shared,
            private,
            frames,
            heads: known,
            pending,
            pending_frame: Vec::new(),
            pieces: [Vec::new(), Vec::new()],
            content,
            coded: Vec::new(),
            context,
            statements,
            looked_at: Mutex::default(),
        };
        stage.coded = encode(&stage.batch(), &stage.context);
        let last = stage.pending.last().map(|chunk| chunk_hash(chunk));
        let last = last.expect("the hostile device wrote");
        stage.pending_frame = stage.signed(stage.pending.clone(), last);
        stage.pieces = stage.in_pieces(last);
        stage
    }

    /// The victim, just connected to the hostile device. A copy: to start it costs a signature
    /// check for each statement and attestation on its disk.
    pub(crate) fn victim(&self) -> Side {
        self.victim.clone()
    }

    /// The victim after the greeting, where changes would come.
    pub(crate) fn greeted(&self) -> Side {
        self.greeted.clone()
    }

    /// All of the shared document as a batch.
    pub(crate) fn batch(&self) -> Changes {
        let content = self.content.clone();
        Changes {
            salts: content.salts,
            changes: content.changes,
            attestations: content.attestations,
        }
    }

    /// What the victim has of people and consent, by hash.
    pub(crate) fn statements(&self) -> impl Iterator<Item = (&[u8; 32], &Vec<u8>)> {
        self.victim.disk.statements.iter()
    }

    /// What the victim has of documents.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&DocumentRow, &DocumentContent)> {
        let disk = &self.victim.disk;
        let rows = disk.rows.iter();
        rows.map(|(document, row)| (row, &disk.contents[document]))
    }

    /// Whether this is the first device with just this on its disk of the shared document.
    pub(crate) fn is_new(&self, side: &Side) -> bool {
        let mut hasher = blake3::Hasher::new();
        if let Some(content) = side.disk.contents.get(&self.shared) {
            for list in [&content.changes, &content.attestations] {
                hasher.update(&list.len().to_le_bytes());
                for bytes in list {
                    hasher.update(&bytes.len().to_le_bytes());
                    hasher.update(bytes);
                }
            }
        }
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if looked_at.len() >= STATES_MAX {
            looked_at.clear();
        }
        looked_at.insert(*hasher.finalize().as_bytes())
    }

    /// A frame with any changes, signed for by the hostile device.
    pub(crate) fn signed(&self, changes: Vec<Vec<u8>>, head: [u8; 32]) -> Vec<u8> {
        let proof = self.proof(head);
        content_frame(self.shared, DocumentContent { changes, ..proof })
    }

    fn proof(&self, head: [u8; 32]) -> DocumentContent {
        let claim = Claim {
            document: self.shared,
            process: ProcessId::from_bytes([1; 16]),
            counter: 1 << 20,
            heads: &[ChangeHash(head)],
            previous: None,
        };
        let sender = self.context.sender.expect("the hostile device");
        let attestation = Attestation::sign(claim, sender, &SECRETS[1]);
        DocumentContent {
            salts: self.content.salts.clone(),
            attestations: vec![attestation.bytes().to_vec()],
            ..DocumentContent::default()
        }
    }

    /// The pending changes as kinds 10 and 5 of `docs/protocol.md`.
    fn in_pieces(&self, last: [u8; 32]) -> [Vec<u8>; 2] {
        let changes = DocumentContent {
            changes: self.pending.clone(),
            salts: self.content.salts.clone(),
            ..DocumentContent::default()
        };
        // Kind, document, length and bytes of the part, whether it is the last, what came before.
        let frame = content_frame(self.shared, changes);
        let rest = &frame[1 + 16..frame.len() - 2];
        let length_bytes = rest.iter().take_while(|byte| **byte >= 0x80).count() + 1;
        let part = &rest[length_bytes..];
        let body = [&(part.len() as u32).to_le_bytes()[..], part].concat();
        let document = self.shared.as_bytes();
        let piece = [
            &[10],
            &document[..],
            &[0, 6],
            b"resume",
            &leb(body.len()),
            &body,
        ];
        let mut proof = content_frame(self.shared, self.proof(last));
        proof.pop();
        proof.extend(leb(body.len()));
        [piece.concat(), proof]
    }
}

/// Connects the two until nothing moves; gives what the second said.
fn meet(sides: &mut [Side; 2]) -> Vec<Vec<u8>> {
    let [victim, hostile] = sides;
    victim.connect(1, false);
    hostile.connect(0, true);
    let mut said = Vec::new();
    while !(victim.sent.is_empty() && hostile.sent.is_empty()) {
        while let Some(frame) = hostile.sent.pop_front() {
            said.push(frame.clone());
            victim.hear(frame);
        }
        while let Some(frame) = victim.sent.pop_front() {
            hostile.hear(frame);
        }
    }
    for side in sides {
        assert!(!side.closed, "honest devices understand each other");
        let connection = CONNECTION;
        let now = side.now();
        side.engine.handle(now, Input::Disconnected { connection });
        side.run();
    }
    said
}

fn changes_since(engine: &Engine, document: DocumentId, known: &[ChangeHash]) -> Vec<Vec<u8>> {
    let automerge = engine.read(document).expect("the document was opened");
    let changes = automerge.get_changes(known);
    let bytes = changes.iter().map(|change| change.raw_bytes().to_vec());
    bytes.collect()
}

/// Inputs to begin with: target, name and bytes.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let stage = Stage::shared();
    let mut seeds = Vec::new();
    let lists = [
        ("change_chunk", &stage.content.changes),
        ("attestation", &stage.content.attestations),
        ("statement", &stage.statements),
    ];
    for (target, list) in lists {
        for (index, bytes) in list.iter().enumerate() {
            seeds.push((target, format!("honest-{index}"), bytes.clone()));
        }
    }
    let frames = stage.frames.len();
    seeds.push(("session", "honest".into(), vec![0; frames]));
    seeds.push((
        "session",
        "raw".into(),
        [vec![0; 2], vec![2, 3, 5, 1, 9]].concat(),
    ));
    seeds.push(("session", "pieces".into(), vec![0, 4, 5]));
    seeds.push((
        "session",
        "piece-edited".into(),
        vec![0, 6, 1, 3, 0, 40, 1, 5],
    ));
    let edits = [vec![0; 3], vec![1, 0, 3, 1, 3, 0, 40, 1]].concat();
    seeds.push(("session", "edited".into(), edits));
    for (name, script) in [
        ("honest", vec![0; 4]),
        ("time", vec![1, 3, 0, 60, 1, 0, 0, 0]),
        ("columns", vec![2, 0, 0, 90, 0x7f, 3, 0, 95, 2, 0, 0]),
    ] {
        seeds.push(("gate", name.into(), script.clone()));
        seeds.push(("contents", name.into(), script));
    }
    let coded = [&[0][..], &stage.coded].concat();
    seeds.push(("coding", "coded".into(), coded));
    seeds.push(("coding", "edited".into(), vec![1, 1, 3, 0, 40, 1]));
    let chunks = [vec![2, 0], vec![1, 3, 0, 60, 1, 0, 2, 0, 0, 90, 0x7f]].concat();
    seeds.push(("coding", "chunks".into(), chunks));
    let broken = [vec![3, 0], vec![1, 3, 0, 60, 1, 0, 2, 0, 0, 90, 0x7f]].concat();
    seeds.push(("coding", "broken".into(), broken));
    seeds.extend(crate::node::seeds());
    seeds.extend(crate::rows::seeds());
    seeds.extend(crate::consent::seeds());
    seeds
}
