//! The engine behind its lock, and the tasks that bring it inputs.
//!
//! # Role
//! Lock, mutate, perform: whoever changes the engine holds its lock, takes a second one that stands
//! for the order of outputs before letting go of the first, and then hands them on. So outputs keep
//! their order without another thread in between, and who is woken by one finds the engine free.
//! Nothing that is done under either lock waits: appends, frames and jobs go into queues.
//!
//! To wake a thread takes time, and on two cores it may mean making way for it. So what a person may
//! wait for goes first, frames and events, and last the appends, whose thread encrypts and syncs.
//!
//! # Invariants
//! * The vault's thread and the workers never take the engine's lock; they leave word for the
//!   driver, the one task that does.
//! * No lock of this module is taken while the lock of the views is held, and the engine's not while
//!   that of the outputs is.

mod telling;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cairn_engine::{
    Append, ConnectionId, DocumentId, Engine, Input, Job, Limits, LoadError, LoadedDocument, Now,
    Output, PersonId, Ticket, Touched,
};
use tokio::sync::{Notify, broadcast, mpsc};

use crate::events::NodeEvent;
use crate::relationships::Relationships;
use crate::transport::{self, Transport, TransportEvent};
use crate::vault::{Bookmark, StoreReport, Vault};
use crate::views::{Entry, KnownAuthors, Views};
use crate::workers::Workers;

/// Called after every change that a person could see, from any thread and under a lock: it must not
/// call the node.
pub(crate) type OnChange = Box<dyn Fn() + Send + Sync>;

/// How long the note of a changed document may be missing in the vault. A note that a crash loses
/// is made anew when the document is loaded.
pub(crate) const NOTES_EVERY: Duration = Duration::from_secs(2);

/// What is shared between the node's handle, its tasks and its threads.
pub(crate) struct Core {
    engine: Mutex<Engine>,
    /// Held by who hands outputs on; taken with the engine's lock, and kept when that is let go.
    handing_on: Mutex<()>,
    /// Signalled after every input.
    progress: Condvar,
    pub(crate) vault: Vault,
    pub(crate) views: Mutex<Views>,
    pub(crate) workers: Workers,
    pub(crate) events: broadcast::Sender<NodeEvent>,
    pub(crate) on_change: OnceLock<OnChange>,
    pub(crate) network: Mutex<Network>,
    pub(crate) relationships: Relationships,
    pub(crate) limits: Limits,
    stored: Arc<Stored>,
    inbox: Mutex<VecDeque<Input>>,
    wake: Notify,
    started: Instant,
    pub(crate) stopping: AtomicBool,
    /// Whether the task that dials people is running.
    pub(crate) dialling: AtomicBool,
    /// When the vault failed, in Unix milliseconds; 0 while it has not.
    failed_millis: AtomicI64,
}

/// What the vault's thread leaves for the driver: tickets come in order, so the last is enough.
#[derive(Default)]
struct Stored {
    ticket: AtomicU64,
    failed: AtomicBool,
    wake: Notify,
}

/// What the engine put out at once, each part in its order.
#[derive(Default)]
struct Outputs {
    steps: Vec<Step>,
    appends: Vec<(Ticket, Append)>,
    /// Bookmarks of what is durable, or is once the appends are.
    meetings: Vec<(PersonId, Bookmark)>,
    /// Whether a person could see a difference.
    visible: bool,
}

/// Something to hand on.
enum Step {
    Send(ConnectionId, Vec<u8>),
    Close(ConnectionId, cairn_engine::CloseReason),
    Tell(NodeEvent),
    Load(DocumentId),
    Run(Job),
}

impl Outputs {
    fn tell(&mut self, event: NodeEvent) {
        self.steps.push(Step::Tell(event));
    }
}

/// The network as the engine's connections see it.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) transport: Option<Transport>,
    pub(crate) connections: BTreeMap<u64, Live>,
    pub(crate) finished: Vec<(PersonId, transport::Counters)>,
}

/// One connection.
pub(crate) struct Live {
    pub(crate) id: transport::ConnectionId,
    pub(crate) person: PersonId,
    /// How often this side spoke after it had listened.
    pub(crate) turns: u64,
    pub(crate) listened: bool,
    /// Whether a session came of it.
    pub(crate) greeted: bool,
    /// Whether everything was exchanged once.
    pub(crate) settled: bool,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

/// Locks; what these locks guard is whole after each call, so a panic elsewhere spoils nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(crate) fn new(
        engine: Engine,
        vault: Vault,
        views: Views,
        workers: Workers,
        relationships: Relationships,
        limits: Limits,
        events: broadcast::Sender<NodeEvent>,
    ) -> Result<Arc<Self>, crate::vault::VaultError> {
        let stored = Arc::new(Stored::default());
        let report = stored.clone();
        vault.on_report(Box::new(move |outcome| {
            match outcome {
                StoreReport::Stored { ticket } => {
                    report.ticket.fetch_max(ticket.0, Ordering::Release);
                }
                StoreReport::StoreFailed { .. } => report.failed.store(true, Ordering::Release),
            }
            report.wake.notify_one();
        }))?;
        Ok(Arc::new(Self {
            engine: Mutex::new(engine),
            handing_on: Mutex::default(),
            progress: Condvar::new(),
            vault,
            views: Mutex::new(views),
            workers,
            events,
            on_change: OnceLock::new(),
            network: Mutex::default(),
            relationships,
            limits,
            stored,
            inbox: Mutex::default(),
            wake: Notify::new(),
            started: Instant::now(),
            stopping: AtomicBool::new(false),
            dialling: AtomicBool::new(false),
            failed_millis: AtomicI64::new(0),
        }))
    }

    pub(crate) fn now(&self) -> Now {
        let ticks = self.started.elapsed().as_millis();
        Now {
            ticks_millis: u64::try_from(ticks).unwrap_or(u64::MAX),
            wall_millis: wall_millis(),
        }
    }

    /// Runs `call` on the engine and hands its outputs on.
    pub(crate) fn with_engine<T>(self: &Arc<Self>, call: impl FnOnce(&mut Engine, Now) -> T) -> T {
        let mut engine = lock(&self.engine);
        let value = call(&mut engine, self.now());
        for job in self.hand_on(engine) {
            self.run(job);
        }
        value
    }

    /// Brings the engine an input; quick jobs that come of it are done here, off the lock. For the
    /// driver alone, whose thread has the stack for it.
    fn handle(self: &Arc<Self>, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut engine = lock(&self.engine);
            engine.handle(self.now(), input);
            let quick = self.hand_on(engine);
            inputs.extend(quick.into_iter().map(|job| Input::JobDone(job.run())));
        }
    }

    /// Has a document in memory, waiting for the disk if need be; it is the one that somebody looks
    /// at. Returns false if it is unknown or damaged.
    pub(crate) fn load(self: &Arc<Self>, document: DocumentId) -> bool {
        let mut engine = lock(&self.engine);
        engine.focus(Some(document));
        loop {
            if engine.open(document) {
                return true;
            }
            let outputs = self.gather(&mut engine);
            let order = lock(&self.handing_on);
            for job in self.perform(outputs) {
                self.run(job);
            }
            drop(order);
            if !engine.is_loading(document) {
                return engine.open(document);
            }
            if self.stopping.load(Ordering::Acquire) {
                return false;
            }
            engine = self
                .progress
                .wait(engine)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets go of the engine and hands its outputs on, but for quick jobs, which are the caller's.
    fn hand_on(self: &Arc<Self>, mut engine: MutexGuard<'_, Engine>) -> Vec<Job> {
        let outputs = self.gather(&mut engine);
        self.progress.notify_all();
        let order = lock(&self.handing_on);
        drop(engine);
        let quick = self.perform(outputs);
        drop(order);
        quick
    }

    /// Takes the engine's outputs; what its events say is in the views from here on.
    fn gather(&self, engine: &mut Engine) -> Outputs {
        let mut outputs = Outputs::default();
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Append { ticket, append } => outputs.appends.push((ticket, append)),
                Output::Event(event) => outputs.visible |= self.tell(engine, event, &mut outputs),
                Output::Send { connection, bytes } => {
                    outputs.steps.push(Step::Send(connection, bytes));
                }
                Output::Close { connection, reason } => {
                    outputs.steps.push(Step::Close(connection, reason));
                }
                Output::Load { document } => outputs.steps.push(Step::Load(document)),
                Output::Run(job) => outputs.steps.push(Step::Run(job)),
            }
        }
        self.keep_small(engine, self.limits.memory_bytes_max);
        outputs
    }

    /// Puts outputs into their queues; quick jobs come back.
    fn perform(self: &Arc<Self>, outputs: Outputs) -> Vec<Job> {
        let mut quick = Vec::new();
        if outputs.visible {
            self.changed();
        }
        for step in outputs.steps {
            match step {
                Step::Send(connection, bytes) => self.send(connection, bytes),
                Step::Close(connection, reason) => {
                    tracing::info!(connection = connection.0, %reason, "closing");
                    self.close(connection, reason);
                }
                Step::Tell(event) => self.publish(event),
                Step::Load(document) => self.start_load(document),
                Step::Run(job) if job.is_quick() => quick.push(job),
                Step::Run(job) => self.run(job),
            }
        }
        for (ticket, append) in outputs.appends {
            if self.vault.append(ticket, append).is_err() {
                self.leave(Input::StoreFailed { ticket });
            }
        }
        for (person, meeting) in outputs.meetings {
            self.met(person, meeting);
        }
        quick
    }

    fn run(self: &Arc<Self>, job: Job) {
        let core = self.clone();
        self.workers
            .run(move || core.leave(Input::JobDone(job.run())));
    }

    fn start_load(self: &Arc<Self>, document: DocumentId) {
        let core = self.clone();
        self.workers.run(move || {
            let result = match core.vault.load(document) {
                Ok(content) => LoadedDocument::from_content(document, content, &core.limits),
                Err(error) => {
                    tracing::warn!(document = %document.short(), %error, "not read");
                    Err(LoadError::Storage)
                }
            };
            core.leave(Input::Loaded { document, result });
        });
    }

    /// Leaves an input for the driver.
    fn leave(&self, input: Input) {
        lock(&self.inbox).push_back(input);
        self.wake.notify_one();
    }

    /// Says that something visible changed.
    pub(crate) fn changed(&self) {
        lock(&self.views).revision += 1;
        if let Some(on_change) = self.on_change.get() {
            on_change();
        }
    }

    pub(crate) fn publish(&self, event: NodeEvent) {
        // Nobody listening is fine.
        drop(self.events.send(event));
    }

    fn send(&self, connection: ConnectionId, bytes: Vec<u8>) {
        let mut network = lock(&self.network);
        let Network {
            transport: Some(transport),
            connections,
            ..
        } = &mut *network
        else {
            return;
        };
        if let Some(live) = connections.get_mut(&connection.0) {
            if std::mem::take(&mut live.listened) {
                live.turns += 1;
            }
            if let Err(error) = transport.send(live.id, bytes) {
                tracing::debug!(connection = connection.0, %error, "a frame was not sent");
            }
        }
    }

    fn close(&self, connection: ConnectionId, reason: cairn_engine::CloseReason) {
        let mut network = lock(&self.network);
        if let Some(live) = network.connections.remove(&connection.0)
            && let Some(transport) = &network.transport
        {
            let reason = match reason {
                cairn_engine::CloseReason::Duplicate => transport::CloseReason::Superseded,
                cairn_engine::CloseReason::UnknownDevice
                | cairn_engine::CloseReason::DeviceRevoked
                | cairn_engine::CloseReason::DevicePaused => transport::CloseReason::Unpaired,
                cairn_engine::CloseReason::PauseLifted => transport::CloseReason::Done,
                cairn_engine::CloseReason::Version => transport::CloseReason::Version,
                _ => transport::CloseReason::Misbehaved,
            };
            transport.close(live.id, reason);
        }
    }

    /// Lets go of documents that nobody needs just now where more than so many bytes of them are in
    /// memory. Their views go along, but for the summaries.
    fn keep_small(&self, engine: &mut Engine, bytes_max: usize) {
        if engine.bytes_in_memory() <= bytes_max {
            return;
        }
        // Views are made from what is in memory.
        self.refresh(engine, self.stale(|_| true));
        let gone = engine.let_go(bytes_max);
        let mut views = lock(&self.views);
        for document in gone {
            views.entries.entry(document).or_default().let_go();
        }
    }

    fn mark_stale(&self, document: DocumentId, touched: Touched) {
        let mut views = lock(&self.views);
        let entry = views.entries.entry(document).or_default();
        entry.stale.get_or_insert_default().join(touched);
        entry.unsaved = true;
    }

    /// Makes the views anew whose documents have changed: when somebody looks, not at every change.
    pub(crate) fn freshen(&self, wanted: impl Fn(&Entry) -> bool) {
        let stale = self.stale(wanted);
        if !stale.is_empty() {
            self.refresh(&lock(&self.engine), stale);
        }
    }

    fn stale(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<DocumentId> {
        let views = lock(&self.views);
        let entries = views.entries.iter();
        let stale = entries.filter(|(_, entry)| entry.stale.is_some() && wanted(entry));
        stale.map(|(document, _)| *document).collect()
    }

    fn refresh(&self, engine: &Engine, stale: Vec<DocumentId>) {
        for document in stale {
            let (Some(origin), Some(automerge)) = (engine.origin(document), engine.read(document))
            else {
                continue;
            };
            if engine.is_retired(document) {
                continue;
            }
            let authors = KnownAuthors::new(origin.owner, engine.authors(document));
            let mut views = lock(&self.views);
            let entry = views.entries.entry(document).or_default();
            entry.refresh(origin.kind, automerge, authors);
        }
    }

    /// Writes the notes that are missing in the vault.
    pub(crate) fn save_notes(&self) {
        self.freshen(|_| true);
        let notes: Vec<(DocumentId, Vec<u8>)> = lock(&self.views)
            .entries
            .iter_mut()
            .filter(|(_, entry)| entry.unsaved)
            .filter_map(|(document, entry)| {
                entry.unsaved = false;
                Some((*document, entry.to_note()?))
            })
            .collect();
        for (document, note) in notes {
            if let Err(error) = self.vault.put_view(document, note) {
                tracing::warn!(%error, "a note was not kept");
            }
        }
    }

    fn has_unsaved_notes(&self) -> bool {
        lock(&self.views)
            .entries
            .values()
            .any(|entry| entry.unsaved)
    }

    /// The driver: brings the engine what the vault, the workers and the network have for it.
    pub(crate) async fn drive(self: Arc<Self>, mut network: mpsc::Receiver<TransportEvent>) {
        let mut notes_due = None;
        while !self.stopping.load(Ordering::Acquire) {
            let (timeout, expiry) = {
                let engine = lock(&self.engine);
                (engine.poll_timeout(), engine.next_expiry())
            };
            let tick = after(timeout.map(|at| {
                let wait = at.saturating_sub(self.now().ticks_millis);
                Duration::from_millis(wait)
            }));
            let expired = after(expiry.map(|at| {
                let wait = at.saturating_sub(wall_millis());
                let wait = wait.clamp(EXPIRY_MILLIS_MIN, EXPIRY_MILLIS_MAX);
                Duration::from_millis(wait.unsigned_abs())
            }));
            notes_due = notes_due.or_else(|| {
                self.has_unsaved_notes()
                    .then(|| Instant::now() + NOTES_EVERY)
            });
            let notes =
                after(notes_due.map(|due: Instant| due.saturating_duration_since(Instant::now())));
            tokio::select! {
                () = self.stored.wake.notified() => self.take_stored(),
                () = self.wake.notified() => self.take_inbox(),
                event = network.recv() => match event {
                    Some(event) => self.network_event(event),
                    None => return,
                },
                () = tick => self.handle(Input::Tick),
                () = expired => self.with_engine(|engine, now| engine.expire(now)),
                () = notes => {
                    notes_due = None;
                    self.save_notes();
                }
            }
        }
    }

    /// Ends [`drive`](Self::drive).
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake.notify_one();
        // Taken and let go, so that nobody checks before and waits after the signal.
        drop(lock(&self.engine));
        self.progress.notify_all();
    }

    /// Keeps the address a person was reached at.
    fn remember_address(&self, person: PersonId, address: std::net::SocketAddr) {
        if let Some(friend) = self.relationships.remember(person, address)
            && let Err(error) = self.vault.put_peer(friend.to_peer())
        {
            tracing::warn!(%error, "an address was not kept");
        }
    }

    /// When the vault failed, if it has.
    pub(crate) fn failed_millis(&self) -> Option<i64> {
        Some(self.failed_millis.load(Ordering::Acquire)).filter(|millis| *millis != 0)
    }

    /// Waits until every append so far is durable. Returns false if the vault has failed.
    pub(crate) fn wait_stored(&self) -> bool {
        let mut engine = lock(&self.engine);
        while !engine.is_all_stored() {
            if engine.has_storage_failed() || self.stopping.load(Ordering::Acquire) {
                return false;
            }
            engine = self
                .progress
                .wait(engine)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    fn take_stored(self: &Arc<Self>) {
        let ticket = Ticket(self.stored.ticket.load(Ordering::Acquire));
        let all = self.with_engine(|engine, now| {
            engine.handle(now, Input::Stored { ticket });
            engine.is_all_stored()
        });
        if all {
            self.changed();
        }
        if self.stored.failed.load(Ordering::Acquire) {
            self.handle(Input::StoreFailed { ticket });
        }
    }

    fn take_inbox(self: &Arc<Self>) {
        loop {
            let Some(input) = lock(&self.inbox).pop_front() else {
                return;
            };
            self.handle(input);
        }
    }

    fn network_event(self: &Arc<Self>, event: TransportEvent) {
        match event {
            TransportEvent::Connected {
                connection,
                person,
                device,
                remote,
                dialled,
            } => {
                let person = PersonId::from_bytes(person);
                let live = Live {
                    id: connection,
                    person,
                    turns: 1,
                    listened: false,
                    greeted: false,
                    settled: false,
                };
                lock(&self.network)
                    .connections
                    .insert(connection.number(), live);
                self.remember_address(person, remote);
                self.handle(Input::Connected {
                    connection: ConnectionId(connection.number()),
                    person,
                    device: cairn_engine::DeviceId::from_bytes(device),
                    dialled,
                });
            }
            TransportEvent::Frame { connection, bytes } => {
                if let Some(live) = lock(&self.network)
                    .connections
                    .get_mut(&connection.number())
                {
                    live.listened = true;
                }
                let connection = ConnectionId(connection.number());
                self.handle(Input::Frame { connection, bytes });
            }
            TransportEvent::Disconnected {
                connection,
                person,
                counters,
                ..
            } => {
                let person = PersonId::from_bytes(person);
                let known = {
                    let mut network = lock(&self.network);
                    network.finished.push((person, counters));
                    let surplus = network.finished.len().saturating_sub(FINISHED_MAX);
                    network.finished.drain(..surplus);
                    network.connections.remove(&connection.number())
                };
                let connection = ConnectionId(connection.number());
                self.handle(Input::Disconnected { connection });
                if !known.is_some_and(|live| live.greeted) {
                    self.publish(NodeEvent::Unreachable { person });
                }
            }
            TransportEvent::DialFailed { person, .. } => {
                self.publish(NodeEvent::Unreachable {
                    person: PersonId::from_bytes(person),
                });
            }
        }
    }
}

/// A consent whose time is over ends within so many milliseconds.
const EXPIRY_MILLIS_MIN: i64 = 1_000;
/// How long the wall clock is trusted to go like the timer, while a consent waits for its end.
const EXPIRY_MILLIS_MAX: i64 = 60_000;

/// Waits so long, or for ever.
async fn after(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// Counters of ended connections that are kept for reports.
const FINISHED_MAX: usize = 64;

/// The wall clock in milliseconds since the Unix epoch.
pub(crate) fn wall_millis() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
