//! What the engine asks the vault to keep, and what it wants back at start and on load.
//!
//! # Role
//! Plain data. The engine puts an [`Append`] into an [`Output`](crate::Output); the vault writes it
//! in one durable transaction and answers with
//! [`Input::Stored`](crate::Input::Stored) or [`Input::StoreFailed`](crate::Input::StoreFailed).
//!
//! # Invariants
//! * All parts of one append are written in one transaction, in the order of the tickets.
//! * Writing the same row twice is not an error: rows are named by their content.
//! * Bytes are kept and given back exactly as received: signatures and hashes cover them.

use automerge::ChangeHash;

use crate::id::{DeviceId, DocumentId, PersonId};

/// Names one append; counts up from 1 within an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A 32-byte BLAKE3 hash of a signed statement or attestation: its name in the vault.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct RecordHash(pub [u8; 32]);

impl std::fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, ..] = self.0;
        write!(f, "RecordHash({a:02x}{b:02x}{c:02x}…)")
    }
}

/// One durable transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Append {
    /// Signed statements about people and consent (rosters, grants, author cards, receipts).
    pub statements: Vec<(RecordHash, Vec<u8>)>,
    /// What is new in documents.
    pub documents: Vec<DocumentAppend>,
}

/// What is new in one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentAppend {
    /// The row of the document index after this append; replaces the earlier row.
    pub row: DocumentRow,
    /// Whether all that was kept of the document goes, so that nothing of it can be read from the
    /// disk afterwards, but for the row and what `set_aside` names.
    pub erased: bool,
    /// New admitted changes in an order in which each comes after its dependencies: raw
    /// uncompressed change chunks.
    pub changes: Vec<(ChangeHash, Vec<u8>)>,
    /// Changes that are not part of the document any more: kept apart, in the order in which they
    /// came. One that is apart already stays so.
    pub set_aside: Vec<ChangeHash>,
    /// Changes that never were part of the document here, to be kept apart behind the others.
    pub apart: Vec<(ChangeHash, Vec<u8>)>,
    /// New salts of actors: a row for each (document, device, salt).
    pub salts: Vec<(DeviceId, [u8; 8])>,
    /// New attestations.
    pub attestations: Vec<(RecordHash, Vec<u8>)>,
    /// Attestations that newer ones of the same device replace.
    pub attestations_replaced: Vec<RecordHash>,
    /// Devices of which nothing is staged any more. Comes before `staged`.
    pub unstaged: Vec<DeviceId>,
    /// Pieces of batches whose end has not come. They are not part of the document.
    pub staged: Vec<StagedPiece>,
}

impl DocumentAppend {
    /// Nothing new but the row.
    pub fn new(row: DocumentRow) -> Self {
        Self {
            row,
            erased: false,
            changes: Vec::new(),
            set_aside: Vec::new(),
            apart: Vec::new(),
            salts: Vec::new(),
            attestations: Vec::new(),
            attestations_replaced: Vec::new(),
            unstaged: Vec::new(),
            staged: Vec::new(),
        }
    }
}

/// A piece of a batch that has not come whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPiece {
    /// The device that sent it.
    pub device: DeviceId,
    /// How many bytes of the batch come before it; names the piece within document and device.
    pub at: u64,
    /// Of the first piece: by what the device finds the batch again. Empty for later ones.
    pub resume: Vec<u8>,
    /// The piece.
    pub bytes: Vec<u8>,
}

/// All that is staged of one device in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedTransfer {
    /// The device that sent it.
    pub device: DeviceId,
    /// As it came with the first piece.
    pub resume: Vec<u8>,
    /// The pieces in order, without a gap from the first.
    pub pieces: Vec<Vec<u8>>,
}

/// How much is staged of one device in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedBytes {
    /// The document.
    pub document: DocumentId,
    /// The device that sent it.
    pub device: DeviceId,
    /// Bytes of all pieces.
    pub bytes: u64,
}

/// One line of the document index: enough to answer a peer without loading the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    /// The document.
    pub document: DocumentId,
    /// Who owns it for life.
    pub owner: PersonId,
    /// What kind of document it is; numbers are the model's.
    pub kind: u16,
    /// The random part of the id, see [`Origin`](crate::Origin).
    pub salt: [u8; 16],
    /// Heads of all admitted changes, sorted.
    pub heads: Vec<ChangeHash>,
}

/// What the vault gives the engine at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// All statements, in any order.
    pub statements: Vec<Vec<u8>>,
    /// The document index.
    pub documents: Vec<DocumentRow>,
    /// What is staged.
    pub staged: Vec<StagedBytes>,
}

/// What the vault gives the engine when a document is loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentContent {
    /// All changes in the order in which they were appended.
    pub changes: Vec<Vec<u8>>,
    /// All changes that were set aside or came to be kept apart, in order.
    pub set_aside: Vec<Vec<u8>>,
    /// All salts of actors.
    pub salts: Vec<(DeviceId, [u8; 8])>,
    /// All attestations that nothing replaced.
    pub attestations: Vec<Vec<u8>>,
    /// What is staged, one for each device.
    pub staged: Vec<StagedTransfer>,
}
