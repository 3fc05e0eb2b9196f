//! What the engine tells, and what it counts.

use std::collections::BTreeSet;

use automerge::ChangeHash;

use crate::admission::BatchError;
use crate::contents::LoadError;
use crate::frame::Refusal;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::session::ConnectionId;
use crate::touched::Touched;

/// What people or the driver may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A session is open: the peer's hello was understood.
    Connected {
        /// On which connection.
        connection: ConnectionId,
        /// Whose device.
        person: PersonId,
        /// Which device.
        device: DeviceId,
    },
    /// A session ended.
    Disconnected {
        /// On which connection.
        connection: ConnectionId,
        /// Whose device.
        person: PersonId,
    },
    /// The devices of a person changed: one was added, revoked, paused or is not paused any more.
    Devices {
        /// Whose devices.
        person: PersonId,
    },
    /// Nothing is on its way on this connection any more.
    Settled {
        /// On which connection.
        connection: ConnectionId,
    },
    /// A document is in memory.
    Loaded {
        /// Which one.
        document: DocumentId,
    },
    /// A document in the vault is damaged and is left as it is.
    Damaged {
        /// Which one.
        document: DocumentId,
        /// What is wrong.
        error: LoadError,
    },
    /// A document changed.
    Changed {
        /// Which one.
        document: DocumentId,
        /// Who wrote the changes.
        authors: BTreeSet<PersonId>,
        /// Where in it.
        touched: Touched,
    },
    /// All that was in a document at some moment is durable here.
    Stored {
        /// Which one.
        document: DocumentId,
        /// The heads that are durable.
        heads: Vec<ChangeHash>,
        /// Whether nothing newer waits.
        all: bool,
    },
    /// The vault failed: nothing is saved until it is opened again. Editing goes on in memory.
    StoreFailed,
    /// A device has all of a document durably.
    Delivered {
        /// Which document.
        document: DocumentId,
        /// Whose device.
        person: PersonId,
        /// Which device.
        device: DeviceId,
        /// The heads it has.
        heads: Vec<ChangeHash>,
    },
    /// Consent for a document changed, or a receipt came.
    Consent {
        /// Which document.
        document: DocumentId,
    },
    /// A peer sent changes that no honest program writes. Nothing of them was taken, and the
    /// connection is closed.
    BatchRefused {
        /// For which document.
        document: DocumentId,
        /// Whose device sent them.
        person: PersonId,
        /// The first fault found.
        error: BatchError,
    },
    /// Changes of a peer were refused here.
    Refused {
        /// Which document.
        document: DocumentId,
        /// Whose device sent them.
        person: PersonId,
        /// Which changes and why.
        changes: Vec<(ChangeHash, Refusal)>,
    },
    /// Own changes that the owner's side does not take, or what was built on changes of a revoked
    /// device, were taken out of a document and kept aside. Of a document of another person only own
    /// changes are named.
    SetAside {
        /// Which document.
        document: DocumentId,
        /// Which changes.
        changes: Vec<ChangeHash>,
    },
    /// What was in a document was removed, because its owner retired it.
    Erased {
        /// Which document.
        document: DocumentId,
        /// Changes of this person that the owner's side never took: they are kept aside.
        drafts: usize,
    },
    /// A peer brought changes of a revoked device that the revocation does not cover: someone had
    /// built on them. Or this device has such changes, and a peer does not take them. They can be
    /// kept, or refused for good.
    BeyondCut {
        /// Which document.
        document: DocumentId,
        /// Whose device made them.
        person: PersonId,
        /// The revoked device.
        device: DeviceId,
        /// Which changes.
        changes: Vec<ChangeHash>,
    },
    /// This device got changes back that it had made and does not have: its vault is older than
    /// what others know of it. They are here again.
    VaultBehind {
        /// Which document.
        document: DocumentId,
        /// How many changes.
        changes: usize,
    },
    /// Two copies of one device run at the same time. Told once.
    DeviceCloned {
        /// Whose device; it may be this one.
        person: PersonId,
        /// The device.
        device: DeviceId,
    },
    /// A device signed two different changes as the same one. Only one of them can be taken. Told
    /// once for each document.
    Forked {
        /// Which document.
        document: DocumentId,
        /// Whose device.
        person: PersonId,
        /// The device.
        device: DeviceId,
    },
    /// Changes were refused by a peer.
    RefusedByPeer {
        /// Which document.
        document: DocumentId,
        /// Whose device refused.
        person: PersonId,
        /// Which changes and why.
        changes: Vec<(ChangeHash, Refusal)>,
    },
}

/// Counters for reports; they never influence what the engine does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Documents asked from the vault.
    pub documents_loaded: u64,
    /// Documents that were found to differ when two notebooks met.
    pub documents_differing: u64,
    /// Changes sent.
    pub changes_sent: u64,
    /// Changes of others admitted.
    pub changes_received: u64,
    /// Statements whose signature was checked: those that were known already are not.
    pub statements_verified: u64,
    /// Messages that named a document the peer has no consent for, or that does not exist.
    pub messages_ignored: u64,
}
