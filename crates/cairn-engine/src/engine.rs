//! The engine: documents, people and sessions behind one deterministic interface.
//!
//! # Role
//! [`Engine::handle`] takes an [`Input`]; then [`Engine::poll_output`] is called until it is empty;
//! then one timer is armed for [`Engine::poll_timeout`]. Local edits are made in place by
//! [`Engine::edit`] and never wait.
//!
//! # Invariants
//! * Same configuration and inputs, same outputs, byte for byte: time and seed are given.
//! * A peer can never make the engine panic or lose an admitted change; what it may make the engine
//!   hold is in [`Limits`], but for batches that wait for a worker.
//! * No input from a peer changes a document before the whole batch passed the gate.
//! * Nothing is acknowledged before it is durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use automerge::{Automerge, ChangeHash};
use ed25519_dalek::SigningKey;

use zeroize::Zeroizing;

use crate::coding::Compression;
use crate::consent::GrantLine;
use crate::contents::{LoadError, LoadedDocument};
use crate::copies::Copies;
use crate::document::{Body, Document, Held};
use crate::event::{Counters, Event};
use crate::id::{DeviceId, DocumentId, PersonId, ProcessId};
use crate::jobs::{Job, JobDone};
use crate::limits::Limits;
use crate::memory::Recent;
use crate::people::People;
use crate::rules::DocumentRules;
use crate::session::{ConnectionId, Session};
use crate::spare::Spare;
use crate::staging::Staging;
use crate::statement::{Origin, Role, SignedStatement};
use crate::storage::{Append, DocumentAppend, DocumentRow, Restored, Ticket};

/// The caller's clocks at the moment of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// A clock that never goes back, in milliseconds from any start: for timers.
    pub ticks_millis: u64,
    /// The wall clock, milliseconds since the Unix epoch: written into statements and changes,
    /// never judged.
    pub wall_millis: i64,
}

/// What an engine is made with.
#[derive(Clone)]
pub struct Config {
    /// Whose notebook it is.
    pub person: PersonId,
    /// The seed of this device's Ed25519 signing key.
    pub device_secret: Zeroizing<[u8; 32]>,
    /// This start of the process: 16 fresh random bytes.
    pub process: ProcessId,
    /// Where salts and document ids come from: 32 fresh random bytes.
    pub seed: [u8; 32],
    /// Bounds.
    pub limits: Limits,
    /// What authors may do.
    pub rules: Arc<dyn DocumentRules>,
    /// What makes batches of changes smaller.
    pub compression: Arc<dyn Compression>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// What happens to the engine.
#[derive(Debug)]
pub enum Input {
    /// A document that [`Output::Load`] asked for.
    Loaded {
        /// Which one.
        document: DocumentId,
        /// What the vault had.
        result: Result<LoadedDocument, LoadError>,
    },
    /// An append is durable.
    Stored {
        /// Which one.
        ticket: Ticket,
    },
    /// An append failed. Nothing later will be stored either until the vault is opened again.
    StoreFailed {
        /// Which one.
        ticket: Ticket,
    },
    /// A connection to a device whose key the handshake has proven.
    Connected {
        /// Its name.
        connection: ConnectionId,
        /// Whose device.
        person: PersonId,
        /// The device.
        device: DeviceId,
        /// Whether this side opened it.
        dialled: bool,
    },
    /// A whole frame came.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A connection is gone, for whatever reason.
    Disconnected {
        /// Which one.
        connection: ConnectionId,
    },
    /// A job that [`Output::Run`] asked for.
    JobDone(JobDone),
    /// The time of [`Engine::poll_timeout`] has come.
    Tick,
}

/// What the engine wants done.
#[derive(Debug, Clone)]
pub enum Output {
    /// Write durably, then answer with [`Input::Stored`] or [`Input::StoreFailed`].
    Append {
        /// Its name.
        ticket: Ticket,
        /// What to write.
        append: Append,
    },
    /// Read a document, put it together with [`LoadedDocument::from_content`] on a worker, answer
    /// with [`Input::Loaded`].
    Load {
        /// Which one.
        document: DocumentId,
    },
    /// Send a frame; frames of a connection keep their order.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Close a connection. No [`Input::Disconnected`] is needed for it.
    Close {
        /// Which one.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// Run a job on a worker and answer with [`Input::JobDone`].
    Run(Job),
    /// Something that people or the driver may want to know.
    Event(Event),
}

/// Why the engine closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The device is not on its person's roster, or not any more.
    #[error("the device is not known here")]
    UnknownDevice,
    /// No protocol version in common.
    #[error("no protocol version in common")]
    Version,
    /// The peer broke the protocol.
    #[error("the other device sent something that is not allowed")]
    Protocol,
    /// The peer said nothing in time.
    #[error("the other device did not answer")]
    Silence,
    /// Another connection to the same device stays.
    #[error("another connection to the same device is in use")]
    Duplicate,
    /// The device was removed from its person's devices.
    #[error("the device was removed by its owner")]
    DeviceRevoked,
    /// The device is served nothing until its person's recovery code decides.
    #[error("the device is paused until its owner decides with the recovery code")]
    DevicePaused,
    /// The device is not paused any more: the next connection is a usual one.
    #[error("the device is not paused any more; connect again")]
    PauseLifted,
}

/// An append on its way to the vault and what of its document it makes durable.
#[derive(Debug, Clone)]
pub(crate) struct Appending {
    ticket: Ticket,
    pub(crate) document: DocumentId,
    count: usize,
    heads: Vec<ChangeHash>,
}

impl Appending {
    /// A document all of which is durable was put together anew: it has fewer changes, all of them
    /// durable.
    pub(crate) fn outdated(&mut self, document: &Document) {
        if self.document == document.id {
            self.count = document.durable;
            self.heads.clone_from(&document.durable_heads);
        }
    }
}

/// All documents, people and sessions of one device, as a deterministic state machine.
///
/// A clone goes on by itself, for tests that begin at one moment many times. Two of one process start
/// must never meet the same peer.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) device: DeviceId,
    /// The device's key, of [`Config::device_secret`].
    pub(crate) key: SigningKey,
    pub(crate) random: crate::random::Random,
    pub(crate) people: People,
    pub(crate) documents: BTreeMap<DocumentId, Document>,
    /// The documents ever shared with each other person.
    pub(crate) common: BTreeMap<PersonId, BTreeSet<DocumentId>>,
    pub(crate) sessions: BTreeMap<ConnectionId, Session>,
    /// The document somebody looks at.
    pub(crate) focus: Option<DocumentId>,
    /// The ticks of the last input.
    pub(crate) ticks_millis: u64,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) tickets: u64,
    pub(crate) stored_ticket: Ticket,
    pub(crate) appending: VecDeque<Appending>,
    pub(crate) storage_failed: bool,
    pub(crate) counters: Counters,
    pub(crate) copies: Copies,
    pub(crate) staging: Staging,
    /// When the first consent that this person gave should end.
    pub(crate) next_expiry: Option<i64>,
    /// Documents whose content is removed, until that is durable; without a ticket while they are
    /// read from the vault for it.
    pub(crate) erasing: BTreeMap<DocumentId, Option<Ticket>>,
    /// Of the document that changes came into last.
    pub(crate) spare: Option<Spare>,
    pub(crate) recent: Recent,
}

impl Engine {
    /// An engine with what the vault kept. Statements that do not verify are left out.
    pub fn new(config: Config, restored: Restored) -> Self {
        let key = SigningKey::from_bytes(&config.device_secret);
        let device = DeviceId::from_bytes(key.verifying_key().to_bytes());
        let random = crate::random::Random::new(&config.seed);
        let mut engine = Self {
            config,
            device,
            key,
            random,
            people: People::default(),
            documents: BTreeMap::new(),
            common: BTreeMap::new(),
            sessions: BTreeMap::new(),
            focus: None,
            ticks_millis: 0,
            outputs: VecDeque::new(),
            tickets: 0,
            stored_ticket: Ticket(0),
            appending: VecDeque::new(),
            storage_failed: false,
            counters: Counters::default(),
            copies: Copies::default(),
            staging: Staging::new(&restored.staged),
            next_expiry: None,
            erasing: BTreeMap::new(),
            spare: None,
            recent: Recent::default(),
        };
        for row in restored.documents {
            let origin = Origin {
                owner: row.owner,
                kind: row.kind,
                salt: row.salt,
            };
            engine
                .documents
                .insert(row.document, Document::cold(origin, row.heads));
        }
        let statements = restored.statements.into_iter();
        for signed in statements.filter_map(|bytes| SignedStatement::from_bytes(bytes).ok()) {
            if !engine.people.merge(signed.clone(), true)
                && let Some(document) = signed.statement().document()
                && let Some(document) = engine.documents.get_mut(&document)
            {
                document.merge_consent(signed);
            }
        }
        let documents: Vec<DocumentId> = engine.documents.keys().copied().collect();
        for id in documents {
            engine.note_common(id);
        }
        engine.drop_unwelcome();
        engine
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.ticks_millis = self.ticks_millis.max(now.ticks_millis);
        match input {
            Input::Loaded { document, result } => self.document_loaded(document, result),
            Input::Stored { ticket } => {
                self.stored(ticket);
                self.erased_durably(now, ticket);
            }
            Input::StoreFailed { .. } => {
                if !self.storage_failed {
                    self.storage_failed = true;
                    self.event(Event::StoreFailed);
                }
            }
            Input::Connected {
                connection,
                person,
                device,
                dialled,
            } => {
                self.connected(now, connection, person, device, dialled);
            }
            Input::Frame { connection, bytes } => self.frame(now, connection, &bytes),
            Input::Disconnected { connection } => self.end_session(connection),
            Input::JobDone(done) => self.job_done(now, done),
            Input::Tick => self.close_silent(now),
        }
        self.report_settled();
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is wanted, in ticks.
    pub fn poll_timeout(&self) -> Option<u64> {
        let greetings = self
            .sessions
            .values()
            .filter(|session| !session.greeted)
            .map(|session| session.hello_until_millis);
        let answers = self.sessions.values().filter_map(Session::places_free_at);
        greetings.chain(answers).min()
    }

    /// This device.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Whose notebook it is.
    pub fn person(&self) -> PersonId {
        self.config.person
    }

    /// Counters since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The document index, without what was erased.
    pub fn rows(&self) -> impl Iterator<Item = DocumentRow> + '_ {
        let kept = self.documents.values();
        kept.filter(|document| !document.consent.is_retired())
            .map(Document::row)
    }

    /// automerge's state of a document that is loaded.
    pub fn read(&self, document: DocumentId) -> Option<&Automerge> {
        self.documents
            .get(&document)?
            .loaded()
            .map(|contents| &contents.automerge)
    }

    /// Asks the vault for a document that is not in memory; [`Event::Loaded`] follows. Returns
    /// whether it is in memory already.
    pub fn open(&mut self, document: DocumentId) -> bool {
        match self.documents.get_mut(&document) {
            Some(known) if matches!(known.body, Body::Cold) => {
                known.body = Body::Loading;
                self.counters.documents_loaded += 1;
                self.outputs.push_back(Output::Load { document });
                false
            }
            Some(known) => {
                let loaded = known.loaded().is_some();
                self.note_used(document);
                loaded
            }
            None => false,
        }
    }

    /// Whether the vault was asked for a document and has not answered yet.
    pub fn is_loading(&self, document: DocumentId) -> bool {
        self.documents
            .get(&document)
            .is_some_and(|document| matches!(document.body, Body::Loading))
    }

    /// What a document's id commits to.
    pub fn origin(&self, document: DocumentId) -> Option<Origin> {
        self.documents
            .get(&document)
            .map(|document| document.origin)
    }

    /// Heads of a document, durable or not; empty for an unknown one.
    pub fn heads(&self, document: DocumentId) -> Vec<ChangeHash> {
        self.documents
            .get(&document)
            .map(|known| known.heads().to_vec())
            .unwrap_or_default()
    }

    /// Everyone beside the owner who may read a document now.
    pub fn readers(&self, document: DocumentId) -> Vec<PersonId> {
        let Some(document) = self.documents.get(&document) else {
            return Vec::new();
        };
        let grantees = document.consent.grantees().into_iter();
        grantees
            .filter(|person| document.consent.role(*person) >= Role::Read)
            .collect()
    }

    /// How many documents were ever shared between this person and another.
    pub fn shared_with(&self, person: PersonId) -> usize {
        if person == self.config.person {
            return self.documents.len();
        }
        self.common.get(&person).map_or(0, BTreeSet::len)
    }

    /// Whether every append is durable.
    pub fn is_all_stored(&self) -> bool {
        self.stored_ticket.0 >= self.tickets
    }

    /// Whether the vault has failed: nothing is saved until it is opened again.
    pub fn has_storage_failed(&self) -> bool {
        self.storage_failed
    }

    /// Whether all of a document is durable here.
    pub fn is_stored(&self, document: DocumentId) -> bool {
        self.documents
            .get(&document)
            .is_some_and(|document| document.heads() == document.durable_heads)
    }

    /// What a person may do in a document; an owner may write.
    pub fn role(&self, document: DocumentId, person: PersonId) -> Role {
        match self.documents.get(&document) {
            Some(document) if document.consent.is_retired() => Role::None,
            Some(document) if document.origin.owner == person => Role::Write,
            Some(document) => document.consent.role(person),
            None => Role::None,
        }
    }

    /// The audit view of a document's consent, oldest first.
    pub fn consent(&self, document: DocumentId) -> Vec<GrantLine> {
        self.documents
            .get(&document)
            .map(|known| known.consent.lines())
            .unwrap_or_default()
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Queues an append. With a document, its new row and what becomes durable are noted.
    pub(crate) fn append(&mut self, append: Append, document: Option<DocumentId>) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        if let Some(known) = document.and_then(|id| self.documents.get(&id))
            && let Some(contents) = known.loaded()
        {
            let graph = &contents.facts.graph;
            let (count, heads) = (graph.len(), graph.heads().to_vec());
            self.appending.push_back(Appending {
                ticket,
                document: known.id,
                count,
                heads,
            });
        }
        self.outputs.push_back(Output::Append { ticket, append });
    }

    /// Queues an append about one document.
    pub(crate) fn append_document(
        &mut self,
        id: DocumentId,
        statements: Vec<SignedStatement>,
        fill: impl FnOnce(&mut DocumentAppend),
    ) {
        let Some(known) = self.documents.get(&id) else {
            return;
        };
        let mut part = DocumentAppend::new(known.row());
        fill(&mut part);
        let statements = statements
            .iter()
            .map(|signed| (signed.hash(), signed.bytes().to_vec()))
            .collect();
        self.append(
            Append {
                statements,
                documents: vec![part],
            },
            Some(id),
        );
    }

    fn document_loaded(&mut self, id: DocumentId, result: Result<LoadedDocument, LoadError>) {
        let Some(known) = self.documents.get_mut(&id) else {
            return;
        };
        if !matches!(known.body, Body::Loading) {
            return;
        }
        match result {
            Ok(mut loaded) => {
                let staged = std::mem::take(&mut loaded.staged);
                known.set_loaded(loaded);
                let held = std::mem::take(&mut known.held);
                self.note_used(id);
                self.staging.loaded(id, staged);
                self.event(Event::Loaded { document: id });
                self.take_out_beyond_cuts(id);
                self.follow_retirement(id);
                for (connection, held) in held {
                    match held {
                        Held::Message(message) => {
                            self.message(connection, message);
                            self.opened(connection, id);
                        }
                        Held::Ask => self.ask(connection, id),
                        Held::Offer => self.offer_changes(connection, id),
                    }
                    self.pump(connection);
                }
                let connections: Vec<ConnectionId> = self.sessions.keys().copied().collect();
                for connection in connections {
                    self.ask_for_proofs(connection, id);
                }
            }
            Err(error) => {
                known.body = Body::Damaged;
                let held = std::mem::take(&mut known.held);
                self.event(Event::Damaged {
                    document: id,
                    error,
                });
                self.follow_retirement(id);
                for (connection, held) in held {
                    if let Held::Message(message) = held {
                        self.answer_nothing(connection, &message);
                    }
                    self.credit(connection, id);
                    self.opened(connection, id);
                    self.pump(connection);
                }
            }
        }
    }

    fn stored(&mut self, ticket: Ticket) {
        self.stored_ticket = self.stored_ticket.max(ticket);
        let mut reached = BTreeSet::new();
        while self
            .appending
            .front()
            .is_some_and(|first| first.ticket <= ticket)
        {
            if let Some(done) = self.appending.pop_front()
                && let Some(document) = self.documents.get_mut(&done.document)
            {
                document.set_durable(done.count, done.heads);
                reached.insert(done.document);
            }
        }
        for id in reached {
            let heads = self.documents[&id].durable_heads.clone();
            let all = self.is_stored(id);
            self.event(Event::Stored {
                document: id,
                heads,
                all,
            });
            self.note_changed(id);
            self.acknowledge(id);
            self.rebuild(id);
        }
    }
}
