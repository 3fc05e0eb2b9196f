//! Work that takes longer than the lock may be held: it leaves as a job and comes back as an input.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use automerge::ChangeHash;

use crate::admission::{Admission, Admitted, BatchError};
use crate::coding::{Compression, Context, pack};
use crate::contents::{Contents, LoadError};
use crate::frame::{Changes, Message};
use crate::graph::Position;
use crate::id::{DeviceId, DocumentId};
use crate::rebuild::{Rebuild, Rebuilt};
use crate::session::ConnectionId;

/// Work for a worker thread with a stack of at least 8 MiB. Pure: it touches nothing outside.
#[derive(Debug, Clone)]
pub struct Job {
    pub(crate) document: DocumentId,
    pub(crate) connection: ConnectionId,
    pub(crate) work: Work,
}

#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// Run the gate over a batch.
    Admit(Box<Admission>),
    /// Put a document together without some of its changes.
    Rebuild(Box<Rebuild>),
    /// Write the frames with the changes a peer is missing.
    Collect(Collect),
}

/// What a peer is missing.
#[derive(Debug, Clone)]
pub(crate) struct Collect {
    pub(crate) contents: Arc<Contents>,
    /// What the peer has: these and all below them.
    pub(crate) known: Vec<ChangeHash>,
    /// The number of changes up to which to look.
    pub(crate) until: Position,
    pub(crate) frame_bytes_max: usize,
    /// This device.
    pub(crate) sender: DeviceId,
    pub(crate) compression: Arc<dyn Compression>,
}

/// What a job found.
#[derive(Debug)]
pub struct JobDone {
    pub(crate) document: DocumentId,
    pub(crate) connection: ConnectionId,
    pub(crate) result: JobResult,
}

#[derive(Debug)]
pub(crate) enum JobResult {
    Admitted {
        /// What the gate was given.
        admission: Box<Admission>,
        result: Result<Box<Admitted>, BatchError>,
    },
    Rebuilt {
        /// What it was made from.
        base: Arc<Contents>,
        result: Result<Box<Rebuilt>, LoadError>,
    },
    /// The document could not be written out.
    CollectFailed,
    Collected {
        until: Position,
        frames: Vec<Vec<u8>>,
        tips: Vec<ChangeHash>,
        changes: usize,
    },
}

/// Bytes of a batch that is admitted in about a millisecond, and of the document it is for.
const QUICK_BATCH_BYTES_MAX: usize = 4 << 10;
const QUICK_DOCUMENT_BYTES_MAX: usize = 2 << 20;

impl Job {
    /// Whether handing the job to another thread may take longer than the job: a live change to a
    /// document that is not large. The thread needs as large a stack all the same.
    pub fn is_quick(&self) -> bool {
        match &self.work {
            Work::Admit(admission) => {
                admission.parts.size() <= QUICK_BATCH_BYTES_MAX
                    && admission.contents.facts.bytes <= QUICK_DOCUMENT_BYTES_MAX
            }
            Work::Rebuild(_) | Work::Collect(_) => false,
        }
    }

    /// Does the work.
    pub fn run(self) -> JobDone {
        let result = match self.work {
            Work::Admit(mut admission) => {
                // A batch that makes anything panic is treated like one that cannot be applied.
                let result = catch_unwind(AssertUnwindSafe(|| admission.run().map(Box::new)))
                    .unwrap_or(Err(BatchError::Unappliable));
                JobResult::Admitted { admission, result }
            }
            Work::Rebuild(rebuild) => {
                let result = catch_unwind(AssertUnwindSafe(|| rebuild.run(self.document)))
                    .unwrap_or(Err(LoadError::Unappliable))
                    .map(Box::new);
                let base = rebuild.contents;
                JobResult::Rebuilt { base, result }
            }
            Work::Collect(collect) => catch_unwind(AssertUnwindSafe(|| collect.run(self.document)))
                .unwrap_or(JobResult::CollectFailed),
        };
        JobDone {
            document: self.document,
            connection: self.connection,
            result,
        }
    }
}

impl Collect {
    fn run(self, document: DocumentId) -> JobResult {
        let facts = &self.contents.facts;
        let mut missing = facts.graph.missing_from(&self.known);
        missing.retain(|position| *position < self.until);
        let hashes: Vec<ChangeHash> = missing
            .iter()
            .map(|position| facts.graph.node(*position).hash)
            .collect();
        let batch = Changes {
            salts: facts.proofs.salts().collect(),
            changes: self.contents.raw_changes(&hashes, &self.known),
            attestations: facts
                .proofs
                .attestations()
                .map(|known| known.bytes().to_vec())
                .collect(),
        };
        let frames = self.frames(document, batch);
        let below: std::collections::BTreeSet<Position> = missing
            .iter()
            .flat_map(|position| facts.graph.dependencies(*position))
            .collect();
        let tips = missing
            .iter()
            .filter(|position| !below.contains(position))
            .map(|position| facts.graph.node(*position).hash)
            .collect();
        JobResult::Collected {
            until: self.until,
            frames,
            tips,
            changes: hashes.len(),
        }
    }

    /// The frames that bring a batch, in as few parts as the limit on frames allows.
    fn frames(&self, document: DocumentId, batch: Changes) -> Vec<Vec<u8>> {
        /// Beyond the batch: kind, document, length and whether it is the last part.
        const AROUND_BYTES: usize = 32;
        /// A larger part is hardly better compressed, and seldom small enough.
        const PART_BYTES_MAX: usize = 4 << 20;
        let context = Context {
            document,
            sender: Some(self.sender),
        };
        let mut parts = Vec::new();
        let mut open = vec![batch];
        while let Some(mut batch) = open.pop() {
            if batch.size() > PART_BYTES_MAX
                && let Some(rest) = batch.split()
            {
                open.extend([rest, batch]);
                continue;
            }
            let packed = pack(&batch, &context, Some(&*self.compression));
            if packed.len() + AROUND_BYTES > self.frame_bytes_max
                && let Some(rest) = batch.split()
            {
                open.extend([rest, batch]);
                continue;
            }
            parts.push(packed);
        }
        let count = parts.len();
        let frames = parts.into_iter().enumerate().map(|(index, batch)| {
            let last = index + 1 == count;
            Message::Changes {
                document,
                batch,
                last,
            }
            .encode()
        });
        frames.collect()
    }
}
