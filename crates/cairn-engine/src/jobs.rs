//! Work that takes longer than the lock may be held: it leaves as a job and comes back as an input.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use automerge::ChangeHash;

use crate::admission::{Admission, Admitted, BatchError};
use crate::coding::{Compression, Context, pack};
use crate::contents::{Contents, LoadError};
use crate::frame::{Changes, Message, Staged};
use crate::graph::{Cover, Position};
use crate::id::{DeviceId, DocumentId};
use crate::limits::Limits;
use crate::rebuild::{Rebuild, Rebuilt};
use crate::session::ConnectionId;
use crate::transfer::{Resume, body_of, piece_frames, place_in};

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
    Collect(Box<Collect>),
}

/// What a peer is missing.
#[derive(Debug, Clone)]
pub(crate) struct Collect {
    pub(crate) contents: Arc<Contents>,
    /// What the peer has: these and all below them.
    pub(crate) known: Vec<ChangeHash>,
    /// What came there of a batch that broke off.
    pub(crate) staged: Option<Staged>,
    /// The number of changes up to which to look.
    pub(crate) until: Position,
    pub(crate) limits: Limits,
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
    pub(crate) panicked: bool,
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

    /// Does the work. A batch that makes anything panic is treated like one that cannot be applied.
    pub fn run(self) -> JobDone {
        let mut panicked = false;
        let result = match self.work {
            Work::Admit(mut admission) => {
                let result = caught(&mut panicked, || admission.run().map(Box::new));
                let result = result.unwrap_or(Err(BatchError::Unappliable));
                JobResult::Admitted { admission, result }
            }
            Work::Rebuild(rebuild) => {
                let result = caught(&mut panicked, || rebuild.run(self.document));
                let result = result.unwrap_or(Err(LoadError::Unappliable)).map(Box::new);
                let base = rebuild.contents;
                JobResult::Rebuilt { base, result }
            }
            Work::Collect(collect) => caught(&mut panicked, || collect.run(self.document))
                .unwrap_or(JobResult::CollectFailed),
        };
        JobDone {
            document: self.document,
            connection: self.connection,
            result,
            panicked,
        }
    }
}

/// What `work` gives, or `None` and a note if it panics.
fn caught<T>(panicked: &mut bool, work: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(work));
    *panicked |= result.is_err();
    result.ok()
}

impl JobDone {
    /// Whether code of the engine panicked, which is a defect: panics of automerge are expected and
    /// caught where it is called.
    pub fn panicked(&self) -> bool {
        self.panicked
    }
}

impl Collect {
    fn run(&self, document: DocumentId) -> JobResult {
        let graph = &self.contents.facts.graph;
        let mut missing = graph.missing_from(&self.known);
        missing.retain(|position| *position < self.until);
        let below: BTreeSet<Position> = missing
            .iter()
            .flat_map(|position| graph.dependencies(*position))
            .collect();
        let tips = missing
            .iter()
            .filter(|position| !below.contains(position))
            .map(|position| graph.node(*position).hash)
            .collect();
        let frames = self
            .resumed(document, &missing)
            .unwrap_or_else(|| self.anew(document, &missing));
        JobResult::Collected {
            until: self.until,
            frames,
            tips,
            changes: missing.len(),
        }
    }

    /// The rest of a batch that broke off, and what is missing beside it; `None` if it cannot be
    /// made again as it was.
    fn resumed(&self, document: DocumentId, missing: &[Position]) -> Option<Vec<Vec<u8>>> {
        let staged = self.staged.as_ref()?;
        let graph = &self.contents.facts.graph;
        let resume = Resume::from_bytes(&staged.resume, &self.limits)?;
        let positions = resume.positions(graph)?;
        let body = body_of(&self.parts(document, self.changes(&positions, &resume.base)));
        let at = place_in(&body, staged, &self.limits).filter(|_| resume.is_of(&body))?;
        let mut there = Cover::default();
        for position in positions {
            there.insert(position);
        }
        let beside: Vec<Position> = missing
            .iter()
            .filter(|position| !there.contains(**position))
            .copied()
            .collect();
        let mut frames = piece_frames(document, &body, at, &staged.resume, &self.limits);
        let mut rest = self.changes(&beside, &self.known);
        rest.append(self.proofs(missing));
        let parts = self.parts(document, rest);
        frames.extend(part_frames(document, parts, body.len()));
        Some(frames)
    }

    /// All that is missing. The changes of a large batch come first and in pieces.
    fn anew(&self, document: DocumentId, missing: &[Position]) -> Vec<Vec<u8>> {
        /// A batch of up to so many pieces is small enough to be sent again as a whole: it seldom
        /// fills one once it is compressed.
        const SMALL_PIECES_MAX: usize = 4;
        let graph = &self.contents.facts.graph;
        let changes = self.changes(missing, &self.known);
        let proofs = self.proofs(missing);
        if changes.size() + proofs.size() <= SMALL_PIECES_MAX * self.limits.piece_bytes {
            let mut whole = changes;
            whole.append(proofs);
            return part_frames(document, self.parts(document, whole), 0);
        }
        let parts = self.parts(document, changes);
        let proofs = self.parts(document, proofs);
        let body = body_of(&parts);
        let base = graph.heads_below(&self.known);
        let until = graph.heads_of_first(self.until).collect();
        let resume = Resume::new(base, until, &body).to_bytes();
        if body.len() <= self.limits.piece_bytes || resume.len() > self.limits.resume_bytes_max {
            return part_frames(document, [parts, proofs].concat(), 0);
        }
        let mut frames = piece_frames(document, &body, 0, &resume, &self.limits);
        frames.extend(part_frames(document, proofs, body.len()));
        frames
    }

    /// Changes without what proves them. None of them may lie at or below `known`.
    fn changes(&self, positions: &[Position], known: &[ChangeHash]) -> Changes {
        let graph = &self.contents.facts.graph;
        let hashes: Vec<ChangeHash> = positions
            .iter()
            .map(|position| graph.node(*position).hash)
            .collect();
        Changes {
            changes: self.contents.raw_changes(&hashes, known),
            ..Changes::default()
        }
    }

    /// What proves the changes of the document, and these in particular.
    fn proofs(&self, missing: &[Position]) -> Changes {
        let facts = &self.contents.facts;
        let attestations = facts.proofs.newest();
        let mut proofs = Changes {
            salts: facts.proofs.salts().collect(),
            changes: Vec::new(),
            attestations: attestations.map(|known| known.bytes().to_vec()).collect(),
        };
        proofs.add_evidence(&facts.proofs.evidence_for(&facts.graph, missing));
        proofs
    }

    /// A batch in as few parts as the limit on frames allows.
    fn parts(&self, document: DocumentId, batch: Changes) -> Vec<Vec<u8>> {
        /// Beyond the batch: kind, document, lengths and whether it is the last part.
        const AROUND_BYTES: usize = 48;
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
            if packed.len() + AROUND_BYTES > self.limits.frame_bytes_max
                && let Some(rest) = batch.split()
            {
                open.extend([rest, batch]);
                continue;
            }
            parts.push(packed);
        }
        parts
    }
}

/// The frames that bring the parts of a batch; `after` is how many bytes in pieces belong to it.
fn part_frames(document: DocumentId, parts: Vec<Vec<u8>>, after: usize) -> Vec<Vec<u8>> {
    let count = parts.len();
    let frames = parts.into_iter().enumerate().map(|(index, batch)| {
        let last = index + 1 == count;
        let after = if last { after as u64 } else { 0 };
        Message::Changes {
            document,
            batch,
            last,
            after,
        }
        .encode()
    });
    frames.collect()
}
