//! The sync engine: a deterministic state machine without IO.

mod admission;
mod attestation;
pub mod chunk;
pub mod coding;
mod comparing;
mod consent;
mod contents;
mod copies;
mod delivery;
mod devices;
mod document;
mod editing;
mod engine;
mod erasing;
mod event;
mod evidence;
mod exchange;
mod forks;
mod frame;
mod graph;
mod greeting;
mod history;
mod id;
mod intake;
mod jobs;
mod layered;
mod limits;
mod memory;
mod mutants;
mod objects;
mod pacing;
mod past;
mod people;
mod proofs;
mod random;
mod ranges;
mod rebuild;
mod received;
mod rosters;
mod rules;
mod session;
mod sharing;
mod spare;
mod staging;
mod statement;
mod storage;
#[cfg(test)]
mod tests;
mod touched;
mod transfer;
mod window;
mod wire;

pub use admission::BatchError;
pub use attestation::{ATTESTATION_BYTES_MAX, Attestation, Claim, actor_of};
pub use chunk::{ChangeChunk, ChunkError};
pub use consent::GrantLine;
pub use contents::{FitError, LoadError, LoadedDocument};
pub use devices::DeviceError;
pub use editing::EditError;
pub use engine::{CloseReason, Config, Engine, Input, Now, Output};
pub use erasing::{EraseError, Erasure};
pub use event::{Counters, Event};
pub use frame::{Changes, FrameError, PROTOCOL_VERSIONS, Refusal, content_frame};
pub use graph::OrderError;
pub use history::HistoryEntry;
pub use id::{DeviceId, DocumentId, IdError, PersonId, ProcessId};
pub use jobs::{Job, JobDone};
pub use limits::Limits;
#[cfg(cairn_mutants)]
pub use mutants::break_engines;
pub use past::{Past, PastError};
pub use people::current_devices;
pub use rules::{Action, AllowAll, Breach, DocumentRules, Judged, Operation, PathStep, Scalar};
pub use session::ConnectionId;
pub use sharing::{PURPOSE_CHARACTERS_MAX, ShareError, ShareTerms};
pub use statement::{
    AuthorCard, DeviceAdded, DeviceCut, DevicePaused, DeviceRevoked, DocumentContinued,
    DocumentRetired, Grant, Origin, PauseLifted, Receipt, ReceiptKind, Role, STATEMENT_BYTES_MAX,
    SignedStatement, Statement, StatementError, TlsKey, public_key,
};
pub use storage::{
    Append, DocumentAppend, DocumentContent, DocumentRow, RecordHash, Restored, StagedBytes,
    StagedPiece, StagedTransfer, Ticket,
};
pub use touched::Touched;
pub use window::SendWindow;
