//! Runs the sync engine: QUIC, the encrypted vault, identity and pairing.
//!
//! # Role
//! [`Node`] is one person's notebook on one device: it introduces the model's rules to the engine,
//! keeps what the engine wants kept in the [`vault`], carries its frames over the [`transport`],
//! and turns documents into views. The program's window and the command line are both built on it.
//!
//! # Not here
//! What documents mean: `cairn-model`. What devices say to each other: `cairn-engine`.

mod bookmarks;
mod compression;
mod core;
#[doc(hidden)]
pub mod decoders;
mod drafts;
mod erasing;
mod events;
mod goals;
mod history;
mod network;
mod node;
pub mod pairing;
mod people;
mod relationships;
mod reports;
mod rules;
pub mod secret;
pub mod transport;
pub mod vault;
#[cfg(test)]
mod vectors;
mod views;
mod workers;

pub use bookmarks::{
    BOOKMARK_NAME_CHARACTERS_MAX, BOOKMARKS_MAX, BookmarkError, BookmarkLine, BookmarkName,
};
pub use cairn_engine::{
    BatchError, DeviceId, DocumentId, EraseError, GrantLine, IdError, PersonId, Refusal,
    Role as GrantRole, ShareError, ShareTerms,
};
pub use compression::Zstd;
pub use drafts::Draft;
pub use erasing::{AskedPerson, ErasureReport, FreshCopyError};
pub use events::{Events, NodeEvent};
pub use goals::{EditError, GoalLine, Marks};
pub use history::{DocumentChanges, HistoryLine, PastError, PointInTime};
pub use network::{NetworkError, SyncReport};
pub use node::{NAME_CHARACTERS_MAX, NewNotebook, Node, OpenError, Role, Whoami};
pub use people::{CancelPairing, Invitation, JoinError, Offer, PersonLine};
pub use reports::{DoctorReport, VerifyFault, VerifyReport};
