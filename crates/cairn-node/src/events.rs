//! What the node tells whoever listens.

use std::net::SocketAddr;
use std::time::Duration;

use cairn_engine::{BatchError, DocumentId, PersonId, Refusal};
use tokio::runtime::Handle;
use tokio::sync::broadcast;

/// Events that wait for a slow listener; a listener that is further behind loses the oldest and is
/// told so.
pub(crate) const EVENTS_WAITING_MAX: usize = 4096;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeEvent {
    /// The node listens for paired devices.
    Listening {
        /// Where.
        address: SocketAddr,
    },
    /// A paired device is connected.
    Connected {
        /// Whose.
        person: PersonId,
    },
    /// A connection ended.
    Disconnected {
        /// To whose device.
        person: PersonId,
    },
    /// Nothing is on its way between the two devices any more.
    Settled {
        /// Whose device.
        person: PersonId,
    },
    /// A document changed.
    Changed {
        /// Which.
        document: DocumentId,
        /// Whether somebody else changed it.
        by_others: bool,
    },
    /// All of a document is durable on this device.
    Stored {
        /// Which.
        document: DocumentId,
    },
    /// The vault failed: what is written from now on is in memory only.
    StoreFailed,
    /// A document in the vault is damaged and is left as it is.
    Damaged {
        /// Which.
        document: DocumentId,
    },
    /// A person's device has all of a document durably.
    Delivered {
        /// Which.
        document: DocumentId,
        /// To whom.
        person: PersonId,
    },
    /// Changes of a person were not taken.
    Refused {
        /// In which document.
        document: DocumentId,
        /// Whose device sent or refused them.
        person: PersonId,
        /// Whether the other side refused ours.
        by_peer: bool,
        /// Why, one for each change.
        reasons: Vec<Refusal>,
    },
    /// A person's device sent changes that no honest program writes: nothing of them was taken, and
    /// the connection is closed.
    BatchRefused {
        /// For which document.
        document: DocumentId,
        /// Whose device.
        person: PersonId,
        /// The first fault found.
        error: BatchError,
    },
    /// Own changes that the owner does not take were taken out of a document and kept aside.
    SetAside {
        /// Which document.
        document: DocumentId,
        /// How many.
        changes: usize,
    },
    /// A document was removed from this device, because its owner erased it.
    Erased {
        /// Which.
        document: DocumentId,
        /// How many own changes, which the owner's side never took, are kept aside.
        drafts: usize,
    },
    /// Changes of a revoked device came that its revocation does not cover; they wait until somebody
    /// decides.
    BeyondCut {
        /// In which document.
        document: DocumentId,
        /// Whose device it was.
        person: PersonId,
        /// How many.
        changes: usize,
    },
    /// The devices of a person changed: one was added, paused or revoked.
    Devices {
        /// Whose.
        person: PersonId,
    },
    /// This vault was older than what others had of it, and got back what it lacked.
    VaultBehind {
        /// In which document.
        document: DocumentId,
        /// How many changes came back.
        changes: usize,
    },
    /// Two copies of one device's vault are in use at the same time.
    DeviceCloned {
        /// Whose device; it may be this one.
        person: PersonId,
    },
    /// A device signed two different changes as the same one; one of them was taken.
    Forked {
        /// In which document.
        document: DocumentId,
        /// Whose device.
        person: PersonId,
    },
    /// Consent for a document changed, or a receipt came.
    Consent {
        /// Which.
        document: DocumentId,
    },
    /// The list of people changed.
    People,
    /// Someone could not be reached.
    Unreachable {
        /// Who.
        person: PersonId,
    },
}

/// A listener's queue of events.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<NodeEvent>,
    runtime: Handle,
}

impl Events {
    pub(crate) fn new(receiver: broadcast::Receiver<NodeEvent>, runtime: Handle) -> Self {
        Self { receiver, runtime }
    }

    /// Waits for the next event; `None` after the time, or when the node is gone. Not to be called
    /// inside an async runtime.
    pub fn next_within(&mut self, wait: Duration) -> Option<NodeEvent> {
        self.runtime
            .clone()
            .block_on(async { tokio::time::timeout(wait, self.next()).await.ok().flatten() })
    }

    /// Waits for the next event; `None` when the node is gone. Events lost to slowness are passed
    /// over.
    pub async fn next(&mut self) -> Option<NodeEvent> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(lost)) => {
                    tracing::warn!(lost, "a listener was too slow and lost events");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
