//! Threads for work that may take longer than the engine's lock may be held.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Merging a hostile change must not overflow a worker's stack: automerge recurses into objects.
pub(crate) const STACK_BYTES: usize = 16 << 20;
/// Two: one long admission must not hold up the load of the page a person opens.
const THREADS: usize = 2;

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    /// At most one gate job for each document and one collection for each lane, as the engine
    /// asks for no more.
    waiting: VecDeque<Work>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let mut queue = self.lock();
            let work = loop {
                if let Some(work) = queue.waiting.pop_front() {
                    break work;
                }
                if queue.closed {
                    return;
                }
                queue = self
                    .wake
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            };
            drop(queue);
            // A job answers for its own panics; what gets here must not end the thread.
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                tracing::error!("a job ended in a panic");
            }
        }
    }
}

/// A handle to the workers; they end when [`close`](Self::close) is called.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").finish_non_exhaustive()
    }
}

impl Workers {
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let threads = (0..THREADS)
            .map(|number| {
                let shared = shared.clone();
                Builder::new()
                    .name(format!("cairn-worker-{number}"))
                    .stack_size(STACK_BYTES)
                    .spawn(move || shared.run())
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Queues work. After [`close`](Self::close) it is dropped.
    pub(crate) fn run(&self, work: impl FnOnce() + Send + 'static) {
        let mut queue = self.shared.lock();
        if !queue.closed {
            queue.waiting.push_back(Box::new(work));
            self.shared.wake.notify_one();
        }
    }

    /// Drops what waits and waits for what runs.
    pub(crate) fn close(&self) {
        {
            let mut queue = self.shared.lock();
            queue.closed = true;
            queue.waiting.clear();
            self.shared.wake.notify_all();
        }
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::warn!("a worker ended in a panic");
            }
        }
    }
}
