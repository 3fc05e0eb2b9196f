//! The one thread that writes to the vault, with group commit.
//!
//! # Role
//! Takes all writes that wait, puts them into one transaction in the order in which they came,
//! makes it durable, and only then reports each.
//!
//! # Invariants
//! * A reported write survives the end of the process and the loss of power.
//! * After the first failed write nothing is written any more until the vault is opened again:
//!   a failed sync leaves the file in a state that nobody knows. The transaction is rolled back.
//! * Every write that was taken is reported once.
//! * After a write that erases, the log is emptied before it is reported: no older copy of a page
//!   is left. Should somebody read the vault for ten seconds on end, that is made up for with the
//!   next write.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use cairn_engine::{Append, Ticket};
use rusqlite::{Connection, TransactionBehavior};

use super::connection::{try_write_back, write_back};
use super::documents;
use super::error::{StopReason, VaultError};

/// Writes that may wait for the thread; when as many wait, the next caller waits too.
pub const WRITES_WAITING_MAX: usize = 1024;
/// A transaction takes no further write once it holds this many bytes, so that the log stays small.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreReport {
    /// Durable.
    Stored {
        /// Which append.
        ticket: Ticket,
    },
    /// Not stored, and nothing after it will be until the vault is opened again.
    StoreFailed {
        /// Which append.
        ticket: Ticket,
        /// Why.
        reason: StopReason,
    },
}

/// Takes the report on each append; called on the writing thread, so it must not block.
pub type OnReport = Box<dyn FnMut(StoreReport) + Send>;

type Write = Box<dyn FnOnce(&Connection) -> Result<(), VaultError> + Send>;

enum Request {
    Write(usize, Write, Reply),
    Listen(OnReport),
    Stop,
}

/// Who learns what became of a write.
enum Reply {
    Ticket(Ticket),
    /// As above, of an append that erases a document.
    Erased(Ticket),
    Caller(SyncSender<Result<(), StopReason>>),
    Nobody,
}

/// The handle of the writing thread.
pub(super) struct VaultWriter {
    queue: SyncSender<Request>,
    thread: Mutex<Option<JoinHandle<Ended>>>,
}

/// What the thread leaves behind: the connection, if all was written, with an empty log.
struct Ended(Result<Connection, VaultError>);

impl std::fmt::Debug for VaultWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultWriter").finish_non_exhaustive()
    }
}

impl VaultWriter {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> Result<Self, VaultError> {
        let (queue, requests) = sync_channel(WRITES_WAITING_MAX);
        let writing = Writing {
            connection,
            requests,
            on_report: None,
            stopped: None,
            log_holds_erased: false,
        };
        let thread = Builder::new()
            .name("vault writer".to_owned())
            .spawn(move || writing.run())
            .map_err(|error| VaultError::io("start the vault's thread", error))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Names who takes the reports on appends.
    pub(super) fn listen(&self, on_report: OnReport) -> Result<(), VaultError> {
        self.send(Request::Listen(on_report))
    }

    /// Queues an append; its report follows. Waits only while the queue is full.
    pub(super) fn append(&self, ticket: Ticket, append: Append) -> Result<(), VaultError> {
        let bytes = bytes_of(&append);
        let erases = append.documents.iter().any(|document| document.erased);
        let write: Write = Box::new(move |connection| documents::append(connection, &append));
        let reply = if erases {
            Reply::Erased(ticket)
        } else {
            Reply::Ticket(ticket)
        };
        self.send(Request::Write(bytes, write, reply))
    }

    /// Queues a write and waits until it is durable.
    pub(super) fn write(
        &self,
        write: impl FnOnce(&Connection) -> Result<(), VaultError> + Send + 'static,
    ) -> Result<(), VaultError> {
        let (reply, answer) = sync_channel(1);
        self.send(Request::Write(0, Box::new(write), Reply::Caller(reply)))?;
        answer
            .recv()
            .unwrap_or(Err(StopReason::Closed))
            .map_err(VaultError::WritingStopped)
    }

    /// Queues a write that can be made again from other data; nobody waits for it.
    pub(super) fn write_later(
        &self,
        bytes: usize,
        write: impl FnOnce(&Connection) -> Result<(), VaultError> + Send + 'static,
    ) -> Result<(), VaultError> {
        self.send(Request::Write(bytes, Box::new(write), Reply::Nobody))
    }

    /// Writes all that waits, writes the log back, and ends the thread. Gives the connection to
    /// close; nothing when it was stopped before.
    pub(super) fn stop(&self) -> Result<Option<Connection>, VaultError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = thread.take() else {
            return Ok(None);
        };
        // A thread that ended in a panic has no queue; join says so.
        let asked = self.queue.send(Request::Stop);
        tracing::debug!(asked = asked.is_ok(), "the vault's thread ends");
        match thread.join() {
            Ok(Ended(connection)) => connection.map(Some),
            Err(_panic) => Err(VaultError::WritingStopped(StopReason::Closed)),
        }
    }

    fn send(&self, request: Request) -> Result<(), VaultError> {
        self.queue
            .send(request)
            .map_err(|_gone| VaultError::WritingStopped(StopReason::Closed))
    }
}

/// The state of the thread.
struct Writing {
    connection: Connection,
    requests: Receiver<Request>,
    on_report: Option<OnReport>,
    stopped: Option<StopReason>,
    /// Whether something was erased and the log still holds older copies of its pages.
    log_holds_erased: bool,
}

impl Writing {
    fn run(mut self) -> Ended {
        let mut going = true;
        while going && let Ok(first) = self.requests.recv() {
            let mut group = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(request) = next {
                match request {
                    Request::Write(size, write, reply) => {
                        bytes += size;
                        group.push((write, reply));
                    }
                    Request::Listen(on_report) => self.on_report = Some(on_report),
                    Request::Stop => {
                        going = false;
                        break;
                    }
                }
                let full = bytes >= GROUP_BYTES_MAX || group.len() >= WRITES_WAITING_MAX;
                next = if full {
                    None
                } else {
                    self.requests.try_recv().ok()
                };
            }
            self.handle(group);
        }
        if let Some(reason) = self.stopped {
            return Ended(Err(VaultError::WritingStopped(reason)));
        }
        Ended(write_back(&self.connection).map(|()| self.connection))
    }

    fn handle(&mut self, group: Vec<(Write, Reply)>) {
        let (writes, replies): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let mut erases = replies.iter();
        self.log_holds_erased |= erases.any(|reply| matches!(reply, Reply::Erased(_)));
        if self.stopped.is_none()
            && let Err(error) = self.write(writes)
        {
            tracing::error!(%error, "the vault takes no more writes until it is opened again");
            self.stopped = Some(error.stop_reason());
        }
        let result = self.stopped.map_or(Ok(()), Err);
        for reply in replies {
            self.report(reply, result);
        }
    }

    fn write(&mut self, writes: Vec<Write>) -> Result<(), VaultError> {
        commit(&mut self.connection, writes)?;
        if self.log_holds_erased {
            self.log_holds_erased = !try_write_back(&self.connection)?;
            if self.log_holds_erased {
                tracing::warn!("the log could not be emptied yet after something was erased");
            }
        }
        Ok(())
    }

    fn report(&mut self, reply: Reply, result: Result<(), StopReason>) {
        match reply {
            Reply::Ticket(ticket) | Reply::Erased(ticket) => {
                if let Some(on_report) = &mut self.on_report {
                    on_report(match result {
                        Ok(()) => StoreReport::Stored { ticket },
                        Err(reason) => StoreReport::StoreFailed { ticket, reason },
                    });
                }
            }
            Reply::Caller(caller) => {
                let heard = caller.send(result).is_ok();
                tracing::trace!(heard, "a caller's write is done");
            }
            Reply::Nobody => {}
        }
    }
}

fn commit(connection: &mut Connection, writes: Vec<Write>) -> Result<(), VaultError> {
    if writes.is_empty() {
        return Ok(());
    }
    // Dropped without commit, a transaction is rolled back.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for write in writes {
        write(&transaction)?;
    }
    transaction.commit()?;
    Ok(())
}

/// How much of a transaction an append takes, near enough.
fn bytes_of(append: &Append) -> usize {
    let statements: usize = append.statements.iter().map(|(_, bytes)| bytes.len()).sum();
    let documents: usize = append
        .documents
        .iter()
        .map(|document| {
            let changes: usize = document.changes.iter().map(|(_, bytes)| bytes.len()).sum();
            let attestations = document.attestations.iter().map(|(_, bytes)| bytes.len());
            changes + attestations.sum::<usize>()
        })
        .sum();
    statements + documents
}
