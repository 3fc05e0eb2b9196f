//! A session with one device of another person, or another device of one's own.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;

use crate::frame::{IndexEntry, Parts};
use crate::graph::{Cover, Graph, Position};
use crate::id::{DeviceId, DocumentId, PersonId};

/// Names a connection; given by whoever runs the transport, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// The state of a session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) person: PersonId,
    pub(crate) device: DeviceId,
    /// Whether this side opened the connection.
    pub(crate) dialled: bool,
    /// When the peer's hello must have come, in ticks.
    pub(crate) hello_until_millis: u64,
    pub(crate) greeted: bool,
    /// Whether both sides said that they share the same set, or the index was exchanged.
    pub(crate) index_sent: bool,
    pub(crate) index_received: Option<Vec<IndexEntry>>,
    /// Whether the last part of the peer's index has come; there is one index in a session.
    pub(crate) index_complete: bool,
    pub(crate) index_done: bool,
    pub(crate) synced_sent: bool,
    pub(crate) synced_received: bool,
    pub(crate) settled: bool,
    pub(crate) lanes: BTreeMap<DocumentId, Lane>,
}

/// Where a document stands within a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    pub(crate) heads_sent: bool,
    /// The peer was asked for its heads and has not answered.
    pub(crate) asked: bool,
    /// How many changes, counted from the first, the peer has or was sent. `None` until that is
    /// known, or while the document is not loaded.
    pub(crate) sent: Option<usize>,
    /// Changes that came from this peer and need not go back.
    pub(crate) theirs: BTreeSet<ChangeHash>,
    /// A job is collecting changes for the peer.
    pub(crate) collecting: bool,
    /// The peer named heads that are not here: changes are on their way.
    pub(crate) expecting: bool,
    /// Parts of a batch whose last part has not come.
    pub(crate) staging: Parts,
    /// Tips of what was sent and not acknowledged.
    pub(crate) unacknowledged: BTreeSet<ChangeHash>,
    /// What the peer has durably.
    pub(crate) acknowledged: Cover,
    /// Changes that the peer sent in this session: it has them, durable or not.
    pub(crate) from_peer: BTreeSet<ChangeHash>,
    /// Tips received that are to be acknowledged once they are durable.
    pub(crate) acknowledge: Vec<ChangeHash>,
    /// The heads last reported as delivered.
    pub(crate) delivered: Vec<ChangeHash>,
}

impl Session {
    pub(crate) fn new(
        person: PersonId,
        device: DeviceId,
        dialled: bool,
        hello_until_millis: u64,
    ) -> Self {
        Self {
            person,
            device,
            dialled,
            hello_until_millis,
            greeted: false,
            index_sent: false,
            index_received: None,
            index_complete: false,
            index_done: false,
            synced_sent: false,
            synced_received: false,
            settled: false,
            lanes: BTreeMap::new(),
        }
    }

    /// Whether nothing is on its way in either direction, as far as this side can know.
    pub(crate) fn is_settled(&self) -> bool {
        self.greeted
            && self.index_done
            && (!self.index_sent || self.synced_sent && self.synced_received)
            && self.lanes.values().all(Lane::is_settled)
    }
}

impl Lane {
    /// Whether the peer has durably acknowledged everything that did not come from itself.
    pub(crate) fn has_all(&self, graph: &Graph) -> bool {
        let mut seen = Cover::default();
        let mut open: Vec<Position> = graph
            .heads()
            .iter()
            .filter_map(|head| graph.position(head))
            .collect();
        while let Some(position) = open.pop() {
            if self.acknowledged.contains(position) || !seen.insert(position) {
                continue;
            }
            let node = graph.node(position);
            if !self.from_peer.contains(&node.hash) {
                return false;
            }
            open.extend_from_slice(&node.dependencies);
        }
        true
    }

    fn is_settled(&self) -> bool {
        !self.asked
            && !self.collecting
            && !self.expecting
            && self.staging.is_empty()
            && self.unacknowledged.is_empty()
            && self.acknowledge.is_empty()
    }
}
