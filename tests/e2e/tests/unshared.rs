//! A goal that was not shared does not leave: a peer that records every frame searches them.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use automerge::{Change, ScalarValue};
use cairn_e2e::{Notebook, WAIT, relationship};
use cairn_engine::coding::{Context, encode, unpack};
use cairn_engine::{
    AllowAll, Config, ConnectionId, DeviceId, DocumentId, Engine, Event, Input, Limits,
    LoadedDocument, Now, Output, PersonId, ProcessId,
};
use cairn_node::secret::Passphrase;
use cairn_node::transport::{Clock, Transport, TransportEvent};
use cairn_node::vault::{KdfCost, Setting, Vault};
use cairn_node::{CancelPairing, Invitation, NewNotebook, Node, Role, Zstd};
use tokio::sync::mpsc;

const SHARED: &[&str] = &["Sing again", "join the choir", "a little hoarse"];
const PRIVATE: &[&str] = &[
    "Leave the house",
    "nobody else may know",
    "open the window",
    "shaky hands",
    "a grey morning",
];

/// A real engine with a real vault's identity and a recorder between it and the network.
struct RecordingPeer {
    engine: Engine,
    vault: Vault,
    transport: Transport,
    events: mpsc::Receiver<TransportEvent>,
    started: Instant,
    /// Every frame that came, as it came.
    frames: Vec<Vec<u8>>,
    connection: Option<cairn_node::transport::ConnectionId>,
    settled: bool,
}

impl RecordingPeer {
    fn open(vault: Vault) -> Self {
        let person = vault.setting(Setting::Person).unwrap().unwrap();
        let device_secret = vault.setting(Setting::DeviceSecret).unwrap().unwrap();
        let config = Config {
            person: PersonId::from_bytes(person.expose().try_into().unwrap()),
            device_secret: <[u8; 32]>::try_from(device_secret.expose()).unwrap().into(),
            process: ProcessId::from_bytes([7; 16]),
            seed: [8; 32],
            limits: Limits::default(),
            rules: Arc::new(AllowAll),
            compression: Arc::new(Zstd),
        };
        let relationships = vault.peers().unwrap().iter().map(relationship).collect();
        let (sender, events) = mpsc::channel(1024);
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let transport = Transport::bind(loopback, relationships, Clock::system(), sender).unwrap();
        Self {
            engine: Engine::new(config, vault.restored().unwrap()),
            vault,
            transport,
            events,
            started: Instant::now(),
            frames: Vec::new(),
            connection: None,
            settled: false,
        }
    }

    fn handle(&mut self, input: Input) {
        let now = Now {
            ticks_millis: self.started.elapsed().as_millis() as u64,
            wall_millis: 1_795_000_000_000,
        };
        let mut inputs = std::collections::VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.engine.handle(now, input);
            while let Some(output) = self.engine.poll_output() {
                match output {
                    Output::Append { ticket, .. } => inputs.push_back(Input::Stored { ticket }),
                    Output::Load { document } => {
                        let content = self.vault.load(document).unwrap();
                        let limits = Limits::default();
                        let result = LoadedDocument::from_content(document, content, &limits);
                        inputs.push_back(Input::Loaded { document, result });
                    }
                    Output::Run(job) => inputs.push_back(Input::JobDone(job.run())),
                    Output::Send { bytes, .. } => {
                        self.transport
                            .send(self.connection.unwrap(), bytes)
                            .unwrap();
                    }
                    Output::Close { reason, .. } => panic!("closed: {reason}"),
                    Output::Event(Event::Settled { .. }) => self.settled = true,
                    Output::Event(_) => {}
                }
            }
        }
    }

    /// Takes what comes until both sides have all and `enough` says so.
    async fn record(&mut self, enough: impl Fn(&Self) -> bool) {
        while !(self.settled && enough(self)) {
            let event = tokio::time::timeout(WAIT, self.events.recv());
            match event
                .await
                .expect("something comes")
                .expect("the transport runs")
            {
                TransportEvent::Connected {
                    connection,
                    person,
                    device,
                    dialled,
                    ..
                } => {
                    self.connection = Some(connection);
                    self.handle(Input::Connected {
                        connection: ConnectionId(connection.number()),
                        person: PersonId::from_bytes(person),
                        device: DeviceId::from_bytes(device),
                        dialled,
                    });
                }
                TransportEvent::Frame { connection, bytes } => {
                    self.frames.push(bytes.clone());
                    let connection = ConnectionId(connection.number());
                    self.handle(Input::Frame { connection, bytes });
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// All changes in all frames.
    fn changes(&self) -> Vec<Change> {
        let frames = self.frames.iter();
        frames
            .filter_map(|frame| changes_in(frame))
            .flat_map(|(changes, _)| changes)
            .collect()
    }
}

/// Every change in a frame that brings changes, and the coded form of all that it brings.
fn changes_in(frame: &[u8]) -> Option<(Vec<Change>, Vec<u8>)> {
    const CHANGES: u8 = 5;
    let body = frame.strip_prefix(&[CHANGES])?;
    let (document, packed, _last): (DocumentId, Vec<u8>, bool) =
        postcard::from_bytes(body).unwrap();
    // Who sent it does not matter for what the changes say.
    let context = Context {
        document,
        sender: Some(DeviceId::from_bytes([0; 32])),
    };
    let bytes_max = Limits::default().batch_bytes_max;
    let batch = unpack(&packed, &context, &Zstd, bytes_max).unwrap();
    let changes = batch.changes.iter();
    let changes = changes.map(|chunk| Change::from_bytes(chunk.clone()).unwrap());
    Some((changes.collect(), encode(&batch, &context)))
}

/// The texts of a change, in the order of its operations: typed letters come as words again.
fn text_of(change: &Change) -> String {
    let decoded = change.decode();
    let values = decoded
        .operations
        .iter()
        .filter_map(|operation| operation.primitive_value());
    values
        .filter_map(|value| match value {
            ScalarValue::Str(text) => Some(text.to_string()),
            _ => None,
        })
        .collect()
}

/// Of the words, those that any text holds.
fn found(texts: &[String], words: &[&'static str]) -> Vec<&'static str> {
    words
        .iter()
        .copied()
        .filter(|word| texts.iter().any(|text| text.contains(word)))
        .collect()
}

/// A peer's vault, paired with the client by the real node.
fn paired_vault(client: &Notebook) -> (tempfile::TempDir, Vault, String) {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::new("recorder");
    let new = NewNotebook {
        role: Role::Therapist,
        name: "Recorder",
        passphrase: &passphrase,
        cost: KdfCost::CHEAP_FOR_TESTS,
    };
    let (node, _code) = Node::create(folder.path(), &new).unwrap();
    let mut offer = client.start(&["pair", "offer", "--listen", "127.0.0.1:0"]);
    let offered = offer.next_value();
    let invitation = Invitation::Code {
        code: offered["code"].as_str().unwrap(),
        address: offered["address"].as_str().unwrap().parse().unwrap(),
    };
    node.accept_pairing(&invitation, None, &CancelPairing::default())
        .unwrap();
    assert_eq!(offer.end(), Some(0));
    let person = node.whoami().person.to_string();
    node.shutdown();
    let vault = Vault::open(folder.path(), &passphrase).unwrap();
    (folder, vault, person)
}

#[test]
fn a_goal_that_was_not_shared_is_in_no_frame() {
    let client = Notebook::new("client", "Client");
    let (_folder, vault, recorder) = paired_vault(&client);
    let add = |title: &str, why: &str, step: &str, note: &str| {
        let added = client.json(&["goal", "add", "--title", title, "--why", why]);
        let goal = added["document"].as_str().unwrap().to_owned();
        client.json(&["goal", "step", "add", &goal, step]);
        client.json(&["goal", "rate", &goal, "3", "--note", note]);
        goal
    };
    add(PRIVATE[0], PRIVATE[1], PRIVATE[2], PRIVATE[3]);
    client.json(&["mood", "add", "2", "--note", PRIVATE[4]]);
    let shared = add(SHARED[0], "", SHARED[1], SHARED[2]);
    client.json(&["share", &shared, "--with", &recorder, "--role", "write"]);

    let (mut serving, address) = client.serve();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let peer = runtime.block_on(async {
        let person = *vault.peers().unwrap()[0].person.as_bytes();
        let mut peer = RecordingPeer::open(vault);
        peer.transport
            .dial(&person, vec![address.parse().unwrap()])
            .unwrap();
        peer.record(|peer| peer.changes().len() >= 3).await;
        peer
    });
    serving.wait_for("delivered");
    assert_eq!(serving.interrupt(), Some(0));

    let changes = peer.changes();
    let mut texts: Vec<String> = changes.iter().map(text_of).collect();
    assert_eq!(changes.len(), 3, "the shared goal, its step, its rating");
    assert_eq!(
        found(&texts, SHARED),
        SHARED,
        "the search finds what did leave"
    );
    texts.extend(
        peer.frames
            .iter()
            .map(|frame| changes_in(frame).map_or_else(|| frame.clone(), |(_, coded)| coded))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    );
    assert_eq!(found(&texts, PRIVATE), Vec::<&str>::new());
    assert!(peer.frames.len() > 3, "{} frames came", peer.frames.len());
}
