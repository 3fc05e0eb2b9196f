//! The attacker: rightly paired, with a real engine for honest words and its own hands on the wire.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use automerge::transaction::{Transactable, Transaction};
use automerge::{ActorId, AutomergeError, ChangeHash, ROOT, ReadDoc};
use cairn_engine::{
    AllowAll, Attestation, Claim, Config, ConnectionId, DeviceId, DocumentContent, DocumentId,
    Engine, Event, Input, Limits, Now, Output, PersonId, ProcessId, Role, ShareTerms,
    SignedStatement, Statement, actor_of, content_frame, public_key,
};
use cairn_node::Zstd;
use cairn_node::secret::{Key256, Passphrase};
use cairn_node::transport::{Clock, CloseReason, Relationship, dial_config};
use cairn_node::vault::{Setting, Vault};
use quinn::{ConnectionError, RecvStream, SendStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::chunk::{ChangeParts, number};
use super::scene::PASSPHRASE;
use crate::process::WAIT;
use crate::vault::relationship;

/// Frames of the victim that wait to be looked at; more are left on the wire.
const FRAMES_WAITING_MAX: usize = 256;

/// The first frame of each side, with its length.
const OPENING: [u8; 5] = [1, 0, 0, 0, 1];

/// A device of the attacker's person, on its roster or not.
#[derive(Debug, Clone, Copy)]
pub struct Device {
    secret: [u8; 32],
}

impl Device {
    /// The device with this signing key.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// Its id.
    pub fn id(&self) -> DeviceId {
        DeviceId::from_bytes(public_key(&self.secret))
    }

    /// The seed of its signing key.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Its signature over heads of a document.
    pub fn attest(&self, document: DocumentId, head: ChangeHash) -> Vec<u8> {
        let claim = Claim {
            document,
            process: ProcessId::from_bytes([9; 16]),
            counter: 1,
            heads: &[head],
            previous: None,
        };
        Attestation::sign(claim, self.id(), &self.secret)
            .bytes()
            .to_vec()
    }

    /// A statement signed by it.
    pub fn state(&self, statement: Statement) -> SignedStatement {
        SignedStatement::sign(statement, &self.secret)
    }
}

/// One connection to the victim.
#[derive(Debug)]
pub struct Link {
    id: ConnectionId,
    connection: quinn::Connection,
    sender: SendStream,
    frames: mpsc::Receiver<Vec<u8>>,
}

/// A paired device that speaks the protocol with a program of its own.
#[derive(Debug)]
pub struct Attacker {
    /// Its one device.
    pub device: Device,
    /// Its person's recovery key.
    pub recovery: Key256,
    person: PersonId,
    engine: Engine,
    relationship: Relationship,
    victim_device: DeviceId,
    runtime: Runtime,
    endpoint: quinn::Endpoint,
    link: Option<Link>,
    connections: u64,
    salts: u64,
    events: Vec<Event>,
    sent: Vec<Vec<u8>>,
    heard: Vec<Vec<u8>>,
    started: Instant,
}

impl Attacker {
    pub(super) fn open(folder: &Path, recovery: Key256) -> Self {
        let vault = Vault::open(folder, &Passphrase::new(PASSPHRASE))
            .expect("a copied vault can be opened");
        let setting = |setting| {
            let value = vault.setting(setting).expect("the vault can be read");
            let value = value.expect("a notebook has a person and a device");
            <[u8; 32]>::try_from(value.expose()).expect("ids and keys have 32 bytes")
        };
        let (person, secret) = (setting(Setting::Person), setting(Setting::DeviceSecret));
        let config = Config {
            person: PersonId::from_bytes(person),
            device_secret: secret.into(),
            process: ProcessId::from_bytes([7; 16]),
            seed: [8; 32],
            limits: Limits::default(),
            rules: Arc::new(AllowAll),
            compression: Arc::new(Zstd),
        };
        let peers = vault.peers().expect("the vault can be read");
        let relationship = relationship(&peers[0]);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("the system has threads to spare");
        let endpoint = {
            let _runtime = runtime.enter();
            quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())
                .expect("the system has a port to spare")
        };
        Self {
            device: Device::new(secret),
            recovery,
            person: PersonId::from_bytes(person),
            engine: Engine::new(config, vault.restored().expect("the vault can be read")),
            victim_device: DeviceId::from_bytes(relationship.peers[0].device),
            relationship,
            runtime,
            endpoint,
            link: None,
            connections: 0,
            salts: 0,
            events: Vec::new(),
            sent: Vec::new(),
            heard: Vec::new(),
            started: Instant::now(),
        }
    }

    /// Who it is.
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// The device of the victim that it is paired with.
    pub fn victim_device(&self) -> DeviceId {
        self.victim_device
    }

    /// Everything that its engine ever said.
    pub fn sent(&self) -> &[Vec<u8>] {
        &self.sent
    }

    /// Everything that the victim ever said and its engine took.
    pub fn heard(&self) -> &[Vec<u8>] {
        &self.heard
    }

    /// Its engine, for what it knows.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Connects as the paired device it is; the engine says hello. An earlier connection is left
    /// as it is.
    ///
    /// # Panics
    /// When it is not let in.
    pub fn connect(&mut self, address: SocketAddr) {
        let connection = self.greet(address);
        let connected = Input::Connected {
            connection,
            person: PersonId::from_bytes(self.relationship.person),
            device: self.victim_device,
            dialled: true,
        };
        self.handle(connected);
    }

    /// Connects and says nothing beyond the transport's greeting: its engine is not told.
    ///
    /// # Panics
    /// When it is not let in.
    pub fn greet(&mut self, address: SocketAddr) -> ConnectionId {
        let connection = self.handshake(address);
        let opened = self.runtime.block_on(async {
            let (mut sender, mut receiver) = connection.open_bi().await.ok()?;
            sender.write_all(&OPENING).await.ok()?;
            let mut greeting = OPENING;
            receiver.read_exact(&mut greeting).await.ok()?;
            assert_eq!(greeting, OPENING);
            Some((sender, receiver))
        });
        let (sender, receiver) = opened.expect("a paired device is greeted");
        let (waiting, frames) = mpsc::channel(FRAMES_WAITING_MAX);
        self.runtime.spawn(read_frames(receiver, waiting));
        self.connections += 1;
        let id = ConnectionId(self.connections);
        self.link = Some(Link {
            id,
            connection,
            sender,
            frames,
        });
        id
    }

    /// A QUIC connection with a finished handshake and nothing said on it.
    ///
    /// # Panics
    /// When the handshake is refused.
    pub fn handshake(&self, address: SocketAddr) -> quinn::Connection {
        self.try_handshake(address)
            .expect("a paired device may dial")
    }

    /// As [`handshake`](Self::handshake).
    ///
    /// # Errors
    /// When it is refused, or nobody answers.
    pub fn try_handshake(&self, address: SocketAddr) -> Result<quinn::Connection, ConnectionError> {
        let (config, name) = dial_config(&self.relationship, &Clock::system())
            .expect("the vault's relationship has a key");
        let _runtime = self.runtime.enter();
        let connecting = self.endpoint.connect_with(config, address, &name);
        let connecting = connecting.expect("the victim's address can be dialled");
        self.runtime.block_on(connecting)
    }

    /// The reason that the victim closed a connection for.
    ///
    /// # Panics
    /// When it was not the victim, or gave no reason.
    pub fn reason(&self, connection: &quinn::Connection) -> CloseReason {
        let closed = async { timeout(WAIT, connection.closed()).await };
        let end = self.runtime.block_on(closed);
        match end.expect("the victim closes the connection") {
            ConnectionError::ApplicationClosed(close) => {
                CloseReason::from_code(close.error_code).expect("the reason is a known one")
            }
            other => panic!("the victim did not close the connection: {other}"),
        }
    }

    /// Leaves the connection in use as it is, neither read nor ended, for as long as it is kept.
    ///
    /// # Panics
    /// When there is none.
    pub fn leave(&mut self) -> Link {
        self.link.take().expect("it is connected")
    }

    /// As [`closed`](Self::closed), for a connection that was left.
    ///
    /// # Panics
    /// When the victim does not close it.
    pub fn left_closed(&self, mut link: Link) -> CloseReason {
        let rest = async { while let Ok(Some(_)) = timeout(WAIT, link.frames.recv()).await {} };
        self.runtime.block_on(rest);
        self.reason(&link.connection)
    }

    /// Waits until the victim closes the connection in use, and gives its reason.
    ///
    /// # Panics
    /// When it does not.
    pub fn closed(&mut self) -> CloseReason {
        let link = self.leave();
        let connection = link.id;
        let reason = self.left_closed(link);
        self.handle(Input::Disconnected { connection });
        reason
    }

    /// Ends its connection in order.
    pub fn hang_up(&mut self) {
        let link = self.leave();
        let connection = link.id;
        link.connection.close(0_u32.into(), b"");
        self.handle(Input::Disconnected { connection });
    }

    /// Sends a frame. Whether it was still taken shows in what follows.
    pub fn send(&mut self, frame: &[u8]) {
        self.try_send(frame);
    }

    /// Sends a frame; false when the connection has ended.
    ///
    /// # Panics
    /// When the victim neither takes it nor closes the connection.
    pub fn try_send(&mut self, frame: &[u8]) -> bool {
        let length = u32::try_from(frame.len()).expect("frames are small");
        self.send_bytes(&[&length.to_le_bytes(), frame].concat())
    }

    /// Says that nothing more comes on its stream.
    ///
    /// # Panics
    /// When it has said so before.
    pub fn finish(&mut self) {
        let link = self.link.as_mut().expect("it is connected");
        link.sender.finish().expect("it was not finished before");
    }

    /// Opens another stream on its connection.
    ///
    /// # Panics
    /// When it is not connected.
    pub fn open_second_stream(&mut self) {
        let connection = &self.link.as_ref().expect("it is connected").connection;
        self.runtime.block_on(async {
            let (mut sender, _receiver) = connection.open_bi().await.expect("there is room");
            sender.write_all(&OPENING).await.expect("there is room");
        });
    }

    /// Sends bytes on the stream as they are; gives whether they were taken.
    ///
    /// # Panics
    /// When the victim neither takes them nor closes the connection.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> bool {
        let link = self.link.as_mut().expect("it is connected");
        let sending = async { timeout(WAIT, link.sender.write_all(bytes)).await };
        self.runtime
            .block_on(sending)
            .expect("the victim reads or closes")
            .is_ok()
    }

    /// Hears until nothing is on its way between the two.
    ///
    /// # Panics
    /// When the victim closes the connection, or says nothing for a very long time.
    pub fn settle(&mut self) {
        let id = self.link.as_ref().expect("it is connected").id;
        while !self.engine.is_settled(id) {
            assert!(self.hear().is_some(), "the connection was closed");
        }
    }

    /// The next frame, which its engine then takes; `None` when the connection has ended.
    ///
    /// # Panics
    /// When nothing comes for a very long time.
    pub fn hear(&mut self) -> Option<Vec<u8>> {
        let link = self.link.as_mut().expect("it is connected");
        let next = async { timeout(WAIT, link.frames.recv()).await };
        let frame = self.runtime.block_on(next).expect("the victim answers")?;
        let connection = link.id;
        self.heard.push(frame.clone());
        self.handle(Input::Frame {
            connection,
            bytes: frame.clone(),
        });
        Some(frame)
    }

    /// Writes something harmless into a goal and waits until the victim has it durably: it is
    /// still listened to, and all that it sent before was looked at.
    ///
    /// # Panics
    /// When the victim does not take it.
    pub fn is_heard(&mut self, document: DocumentId) {
        assert!(self.is_still_heard(document), "the connection stays");
    }

    /// As [`is_heard`](Self::is_heard); false when the victim ends the connection instead.
    ///
    /// # Panics
    /// When it does neither.
    pub fn is_still_heard(&mut self, document: DocumentId) -> bool {
        self.events.clear();
        self.write(document, "harmless");
        let delivered = |event: &Event| match event {
            Event::Delivered { document: of, .. } => *of == document,
            _ => false,
        };
        while !self.events.iter().any(delivered) {
            if self.hear().is_none() {
                return false;
            }
        }
        true
    }

    /// Writes a key of its own into a goal with its engine, which sends it.
    ///
    /// # Panics
    /// When its engine does not let it.
    pub fn write(&mut self, document: DocumentId, key: &str) {
        self.salts += 1;
        let (now, value) = (self.now(), self.salts as i64);
        self.engine
            .edit(now, document, |transaction| {
                transaction.put(ROOT, key, value)
            })
            .expect("it may write");
        self.run();
    }

    /// A document of its own with these values, that another person may write.
    ///
    /// # Panics
    /// When its engine does not let it.
    pub fn share_own(&mut self, kind: u16, values: &[Vec<u8>], with: PersonId) -> DocumentId {
        let now = self.now();
        let nothing = |_: &mut Transaction<'_>| Ok::<_, AutomergeError>(());
        let created = self.engine.create(now, kind, nothing);
        let (document, ()) = created.expect("an empty document can be made");
        for (number, value) in values.iter().enumerate() {
            let put = |transaction: &mut Transaction<'_>| {
                transaction.put(ROOT, format!("value {number}"), value.clone())
            };
            let edited = self.engine.edit(now, document, put);
            edited.expect("the values are within the limits");
            self.run();
        }
        let terms = ShareTerms {
            role: Role::Write,
            purpose: "to fill your memory".into(),
            expires_millis: None,
        };
        let shared = self.engine.share(now, document, with, terms);
        shared.expect("a paired person can be given a role");
        self.run();
        document
    }

    /// A sound change of an actor of its own that nobody has seen, and the salt of the actor.
    pub fn put(&mut self, document: DocumentId, key: &str) -> (ChangeParts, [u8; 8]) {
        self.salts += 1;
        let salt = self.salts.to_le_bytes();
        let actor = actor_of(self.device.id(), document, salt);
        (self.put_as(document, actor, key), salt)
    }

    /// A change by any actor on top of all that it knows of a document.
    ///
    /// # Panics
    /// When it does not know the document.
    pub fn put_as(&self, document: DocumentId, actor: ActorId, key: &str) -> ChangeParts {
        let heads = self.engine.heads(document);
        ChangeParts::put(heads, actor, self.next_operation(document), key)
    }

    /// The counter of the first operation on top of all that it knows of a document.
    ///
    /// # Panics
    /// When it does not know the document.
    pub fn next_operation(&self, document: DocumentId) -> u64 {
        let automerge = self.engine.read(document).expect("it has the document");
        let changes = automerge.get_changes(&[]);
        let last = changes.iter().map(automerge::Change::max_op).max();
        last.unwrap_or(0) + 1
    }

    /// A change by any actor, made with automerge on top of all that it knows of a document.
    ///
    /// # Panics
    /// When it does not know the document, or the edit fails.
    pub fn edited_as(
        &self,
        document: DocumentId,
        actor: ActorId,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
    ) -> (Vec<u8>, ChangeHash) {
        let mut copy = self
            .engine
            .read(document)
            .expect("it has the document")
            .clone();
        copy.set_actor(actor);
        let mut transaction = copy.transaction();
        edit(&mut transaction).expect("the edit fits the document");
        let (hash, _patches) = transaction.commit();
        let hash = hash.expect("the edit makes a change");
        let change = copy.get_change_by_hash(&hash);
        let change = change.expect("it was made a moment ago");
        (change.raw_bytes().to_vec(), hash)
    }

    /// Waits until it has a change of a person in a document, and gives the largest of their actors.
    ///
    /// # Panics
    /// When none comes.
    pub fn actor_of(&mut self, document: DocumentId, person: PersonId) -> ActorId {
        loop {
            let authors = self.engine.authors(document);
            let theirs = authors.into_iter().filter(|(_, author)| *author == person);
            match theirs.map(|(actor, _)| actor).max() {
                Some(actor) => return actor,
                None => assert!(self.hear().is_some(), "the connection stays"),
            }
        }
    }

    /// The frame that brings changes under its own device's signature over `head`.
    pub fn batch(
        &self,
        document: DocumentId,
        salts: &[[u8; 8]],
        changes: Vec<Vec<u8>>,
        head: ChangeHash,
    ) -> Vec<u8> {
        let salts = salts.iter().map(|salt| (self.device.id(), *salt));
        let content = DocumentContent {
            changes,
            salts: salts.collect(),
            attestations: vec![self.device.attest(document, head)],
            ..DocumentContent::default()
        };
        content_frame(document, content)
    }

    fn now(&self) -> Now {
        Now {
            ticks_millis: self.started.elapsed().as_millis() as u64,
            wall_millis: 1_795_000_000_000,
        }
    }

    fn handle(&mut self, input: Input) {
        self.engine.handle(self.now(), input);
        self.run();
    }

    fn is_in_use(&self, connection: ConnectionId) -> bool {
        self.link.as_ref().is_some_and(|link| link.id == connection)
    }

    /// Does what its engine wants done. Nothing is kept on a disk.
    fn run(&mut self) {
        let mut inputs = VecDeque::new();
        loop {
            while let Some(output) = self.engine.poll_output() {
                match output {
                    Output::Append { ticket, .. } => inputs.push_back(Input::Stored { ticket }),
                    Output::Load { document } => panic!("{document} was never kept"),
                    Output::Run(job) => inputs.push_back(Input::JobDone(job.run())),
                    Output::Send { connection, bytes } => {
                        if self.is_in_use(connection) {
                            self.send(&bytes);
                            self.sent.push(bytes);
                        }
                    }
                    Output::Close { connection, reason } => {
                        let used = self.is_in_use(connection);
                        assert!(!used, "its own engine ends it: {reason}");
                    }
                    Output::Event(event) => self.events.push(event),
                }
            }
            match inputs.pop_front() {
                Some(input) => self.engine.handle(self.now(), input),
                None => break,
            }
        }
    }
}

/// A frame of statements: kind 2 and a list of byte strings (`docs/protocol.md`).
pub fn statements_frame(statements: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = vec![2];
    frame.extend(number(statements.len() as u64));
    for bytes in statements {
        frame.extend(number(bytes.len() as u64));
        frame.extend_from_slice(bytes);
    }
    frame
}

/// A frame that says what one has of a document and asks for the heads of the other: kind 4, the
/// document, heads, no samples, a question with the number 1, no answer (`docs/protocol.md`).
pub fn question(document: DocumentId, heads: &[ChangeHash]) -> Vec<u8> {
    let mut frame = vec![4];
    frame.extend_from_slice(document.as_bytes());
    frame.extend(number(heads.len() as u64));
    for head in heads {
        frame.extend_from_slice(&head.0);
    }
    // Fields of a later version may follow: nothing of them is claimed.
    frame.extend_from_slice(&[0, 1, 1, 0, 0]);
    frame
}

/// Hands frames over until the stream or the test ends.
async fn read_frames(mut stream: RecvStream, frames: mpsc::Sender<Vec<u8>>) {
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).await.is_err() {
            return;
        }
        let mut frame = vec![0; u32::from_le_bytes(length) as usize];
        if stream.read_exact(&mut frame).await.is_err() || frames.send(frame).await.is_err() {
            return;
        }
    }
}
