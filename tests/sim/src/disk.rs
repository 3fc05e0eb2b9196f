//! A virtual vault: appends become durable in groups after a while, or fail, or are lost.
//!
//! # Invariants
//! * An append counts whole or not at all, and in the order of the tickets: what power loss tears
//!   is thrown away when the vault is opened.
//! * After a failed write nothing is written until the vault is opened again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use automerge::ChangeHash;
use cairn_engine::{
    Append, DeviceId, DocumentContent, DocumentId, DocumentRow, Restored, SignedStatement,
    StagedBytes, StagedPiece, StagedTransfer, Ticket,
};

use crate::random::Random;

/// What a disk holds after power is lost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    statements: BTreeMap<[u8; 32], Vec<u8>>,
    rows: BTreeMap<DocumentId, DocumentRow>,
    contents: BTreeMap<DocumentId, Kept>,
    staged: BTreeMap<(DocumentId, DeviceId), Vec<StagedPiece>>,
}

/// What an image keeps of a document beside its row.
#[derive(Debug, Clone, Default)]
struct Kept {
    hashes: BTreeSet<ChangeHash>,
    /// Hashes of what was there before it was erased, too.
    ever: BTreeSet<ChangeHash>,
    changes: Vec<(ChangeHash, Vec<u8>)>,
    set_aside: Vec<(ChangeHash, Vec<u8>)>,
    salts: Vec<(cairn_engine::DeviceId, [u8; 8])>,
    attestations: BTreeMap<[u8; 32], Vec<u8>>,
}

impl Image {
    /// Adds a roster statement, if it is sound.
    pub(crate) fn add_roster(&mut self, bytes: Vec<u8>) {
        if let Ok(signed) = SignedStatement::from_bytes(bytes) {
            self.statements
                .insert(signed.hash().0, signed.bytes().to_vec());
        }
    }

    fn write(&mut self, append: Append) {
        for (hash, bytes) in append.statements {
            self.statements.insert(hash.0, bytes);
        }
        for part in append.documents {
            let kept = self.contents.entry(part.row.document).or_default();
            for (hash, bytes) in part.changes {
                kept.hashes.insert(hash);
                kept.ever.insert(hash);
                kept.changes.push((hash, bytes));
            }
            let gone = part.set_aside;
            let (aside, changes) = std::mem::take(&mut kept.changes)
                .into_iter()
                .partition(|(hash, _)| gone.contains(hash));
            kept.changes = changes;
            kept.set_aside.extend::<Vec<_>>(aside);
            if part.erased {
                let mut aside = std::mem::take(&mut kept.set_aside);
                aside.retain(|(hash, _)| gone.contains(hash));
                *kept = Kept {
                    set_aside: aside,
                    ever: std::mem::take(&mut kept.ever),
                    ..Kept::default()
                };
                self.staged.retain(|(of, _), _| *of != part.row.document);
            }
            kept.set_aside.extend(part.apart);
            kept.salts.extend(part.salts);
            for replaced in part.attestations_replaced {
                kept.attestations.remove(&replaced.0);
            }
            for (hash, bytes) in part.attestations {
                kept.attestations.insert(hash.0, bytes);
            }
            let document = part.row.document;
            for device in part.unstaged {
                self.staged.remove(&(document, device));
            }
            for piece in part.staged {
                let pieces = self.staged.entry((document, piece.device)).or_default();
                pieces.push(piece);
            }
            self.rows.insert(document, part.row);
        }
    }

    pub(crate) fn restored(&self) -> Restored {
        Restored {
            statements: self.statements.values().cloned().collect(),
            documents: self.rows.values().cloned().collect(),
            staged: self
                .staged
                .iter()
                .map(|((document, device), pieces)| StagedBytes {
                    document: *document,
                    device: *device,
                    bytes: pieces.iter().map(|piece| piece.bytes.len() as u64).sum(),
                })
                .collect(),
        }
    }

    pub(crate) fn content(&self, document: DocumentId) -> DocumentContent {
        self.contents
            .get(&document)
            .map_or_else(DocumentContent::default, |kept| DocumentContent {
                changes: kept
                    .changes
                    .iter()
                    .map(|(_, bytes)| bytes.clone())
                    .collect(),
                set_aside: kept
                    .set_aside
                    .iter()
                    .map(|(_, bytes)| bytes.clone())
                    .collect(),
                salts: kept.salts.clone(),
                attestations: kept.attestations.values().cloned().collect(),
                staged: self.staged_of(document),
            })
    }

    /// Every signed statement with its name.
    pub(crate) fn statements(&self) -> impl Iterator<Item = (&[u8; 32], &Vec<u8>)> {
        self.statements.iter()
    }

    pub(crate) fn has_statement(&self, hash: &[u8; 32]) -> bool {
        self.statements.contains_key(hash)
    }

    /// Every change of a document that was ever written here.
    pub(crate) fn hashes(&self, document: DocumentId) -> Vec<ChangeHash> {
        let kept = self.contents.get(&document);
        kept.map(|kept| kept.hashes.iter().copied().collect())
            .unwrap_or_default()
    }

    fn staged_of(&self, document: DocumentId) -> Vec<StagedTransfer> {
        let of_document = self.staged.iter().filter(|((of, _), _)| *of == document);
        let transfers = of_document.map(|((_, device), pieces)| StagedTransfer {
            device: *device,
            resume: pieces
                .first()
                .map(|first| first.resume.clone())
                .unwrap_or_default(),
            pieces: pieces.iter().map(|piece| piece.bytes.clone()).collect(),
        });
        transfers.collect()
    }

    /// Whether a change was ever durable here, erased or not.
    pub(crate) fn ever_had(&self, document: DocumentId, hash: &ChangeHash) -> bool {
        let kept = self.contents.get(&document);
        kept.is_some_and(|kept| kept.ever.contains(hash))
    }

    pub(crate) fn has_change(&self, document: DocumentId, hash: &ChangeHash) -> bool {
        self.contents
            .get(&document)
            .is_some_and(|kept| kept.hashes.contains(hash))
    }
}

/// How the disk behaves just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    Sound,
    /// Every commit takes seconds.
    Slow,
    /// The next commit fails.
    Failing,
    /// Every commit fails until room is made.
    Full,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) image: Image,
    /// An older image that somebody may copy back.
    pub(crate) backup: Option<Image>,
    pub(crate) condition: Condition,
    waiting: VecDeque<(Ticket, Append)>,
    /// How many of those that wait are in the commit that is under way.
    committing: usize,
    /// A write failed: closed until opened again.
    failed: bool,
}

/// What became of a commit.
#[derive(Debug)]
pub(crate) enum Commit {
    Stored(Vec<Ticket>),
    Failed(Vec<Ticket>),
}

impl Disk {
    pub(crate) fn new(image: Image) -> Self {
        Self {
            image,
            backup: None,
            condition: Condition::Sound,
            waiting: VecDeque::new(),
            committing: 0,
            failed: false,
        }
    }

    /// Takes an append.
    pub(crate) fn append(&mut self, ticket: Ticket, append: Append) {
        self.waiting.push_back((ticket, append));
    }

    /// Starts a commit of all that waits, if none is under way. Gives the time it takes.
    pub(crate) fn start_commit(&mut self, random: &mut Random) -> Option<u64> {
        if self.committing > 0 || self.waiting.is_empty() {
            return None;
        }
        self.committing = self.waiting.len();
        Some(match self.condition {
            Condition::Slow => random.between(500, 4_000),
            _ if self.failed => 0,
            _ => random.between(1, 25),
        })
    }

    pub(crate) fn finish_commit(&mut self) -> Commit {
        let group: Vec<_> = self.waiting.drain(..self.committing).collect();
        self.committing = 0;
        let tickets = group.iter().map(|(ticket, _)| *ticket).collect();
        match self.condition {
            Condition::Failing => {
                self.failed = true;
                self.condition = Condition::Sound;
            }
            Condition::Full => self.failed = true,
            Condition::Sound | Condition::Slow => {}
        }
        if self.failed {
            return Commit::Failed(tickets);
        }
        for (_, append) in group {
            self.image.write(append);
        }
        Commit::Stored(tickets)
    }

    /// Whether a commit is under way.
    pub(crate) fn is_writing(&self) -> bool {
        self.committing > 0
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Power is lost: of what was not reported as stored, the first few may have been written.
    /// Returns whether one that was being written is torn.
    pub(crate) fn crash(&mut self, random: &mut Random) -> bool {
        let written = if self.failed || self.waiting.is_empty() {
            0
        } else {
            random.below(self.waiting.len() + 1)
        };
        let torn = !self.failed && written < self.committing;
        for (_, append) in self.waiting.drain(..).take(written) {
            self.image.write(append);
        }
        self.committing = 0;
        self.failed = false;
        torn
    }

    /// Attestations of all documents.
    pub(crate) fn attestations(&self) -> Vec<Vec<u8>> {
        let kept = self.image.contents.values();
        kept.flat_map(|kept| kept.attestations.values().cloned())
            .collect()
    }

    /// The backup is copied over the vault.
    pub(crate) fn restore(&mut self) -> bool {
        match &self.backup {
            Some(backup) => {
                self.image = backup.clone();
                self.waiting.clear();
                self.committing = 0;
                self.failed = false;
                true
            }
            None => false,
        }
    }
}
