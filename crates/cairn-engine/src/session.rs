//! A session with one device of another person, or another device of one's own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use automerge::ChangeHash;

use crate::frame::{Parts, Question, Staged};
use crate::graph::{Cover, Graph, Position};
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::mutants::broken;
use crate::pacing::{Collecting, Pace};
use crate::ranges::{Comparison, Known};

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
    /// One of the two devices is paused or revoked: the session carries rosters and nothing else.
    pub(crate) restricted: bool,
    /// Where the comparison of what the two share stands.
    pub(crate) comparing: Comparing,
    /// Documents that changed since the set was taken down: they are looked at one by one.
    pub(crate) touched: BTreeSet<DocumentId>,
    /// Documents that differ and that this side may not speak of, as far as it knows: asked for
    /// once the peer's statements say otherwise.
    pub(crate) withheld: BTreeSet<DocumentId>,
    /// Documents of which the peer waits to hear, while they are read from the vault.
    pub(crate) opening: BTreeSet<DocumentId>,
    /// Those of them that wait until fewer are being read for this peer.
    pub(crate) opening_later: VecDeque<DocumentId>,
    /// Retired documents whose removal the peer has not confirmed yet.
    pub(crate) confirming: BTreeSet<DocumentId>,
    pub(crate) synced_sent: bool,
    pub(crate) synced_received: bool,
    pub(crate) settled: bool,
    pub(crate) lanes: BTreeMap<DocumentId, Lane>,
    /// How many questions for heads the peer was asked: the number of the last one.
    pub(crate) questions: Question,
    pub(crate) pace: Pace,
    /// Bytes of frames with changes that came and were not credited yet.
    pub(crate) owed: BTreeMap<DocumentId, usize>,
}

/// How far the two sides are in finding out what differs.
#[derive(Debug, Clone)]
pub(crate) enum Comparing {
    /// The set of this side as its hello told of it, and the half of the key that it drew.
    Greeting {
        items: Vec<(DocumentId, Known)>,
        nonce: [u8; 16],
        fingerprint: [u8; 32],
    },
    /// Ranges go back and forth.
    Ranges(Comparison),
    /// Both know what differs.
    Done {
        /// Whether anything did, so that the peer tells when it has said all of it.
        differed: bool,
    },
}

/// Where a document stands within a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    /// What the peer was asked last, if it has not answered that. It names all that an earlier
    /// question named.
    pub(crate) asked: Option<Asked>,
    /// How many changes, counted from the first, the peer has or was sent. `None` until that is
    /// known, or while the document is not loaded.
    pub(crate) sent: Option<usize>,
    /// Changes that came from this peer and need not go back.
    pub(crate) theirs: BTreeSet<ChangeHash>,
    pub(crate) collecting: Collecting,
    /// What came there of a batch that broke off, when it was last gone on with.
    pub(crate) resumed: Option<Staged>,
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

/// A question for the heads of a document.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) question: Question,
    /// The heads in the question.
    pub(crate) heads: Vec<ChangeHash>,
    /// How many changes, counted from the first, they stood for.
    pub(crate) durable: usize,
    /// Until when it holds up questions for other documents, in ticks.
    pub(crate) until_millis: u64,
}

impl Session {
    pub(crate) fn new(
        person: PersonId,
        device: DeviceId,
        dialled: bool,
        hello_until_millis: u64,
        comparing: Comparing,
        pace: Pace,
    ) -> Self {
        Self {
            person,
            device,
            dialled,
            hello_until_millis,
            greeted: false,
            restricted: false,
            comparing,
            touched: BTreeSet::new(),
            withheld: BTreeSet::new(),
            opening: BTreeSet::new(),
            opening_later: VecDeque::new(),
            confirming: BTreeSet::new(),
            synced_sent: false,
            synced_received: false,
            settled: false,
            lanes: BTreeMap::new(),
            questions: 0,
            pace,
            owed: BTreeMap::new(),
        }
    }

    /// Whether both sides know what differs.
    pub(crate) fn is_compared(&self) -> bool {
        matches!(self.comparing, Comparing::Done { .. })
    }

    /// Whether nothing is on its way in either direction, as far as this side can know.
    pub(crate) fn is_settled(&self) -> bool {
        let said = match self.comparing {
            Comparing::Greeting { .. } | Comparing::Ranges(_) => self.restricted,
            Comparing::Done { differed } => !differed || self.synced_sent && self.synced_received,
        };
        self.greeted
            && said
            && self.opening.is_empty()
            && self.confirming.is_empty()
            && !self.pace.has_todo()
            && self.lanes.values().all(Lane::is_settled)
    }
}

impl Lane {
    /// What the peer was asked, if this is the question that waits for its answer.
    pub(crate) fn answered(&mut self, question: Question) -> Option<Asked> {
        self.asked
            .take_if(|asked| asked.question == question || broken("answers-mixed-up"))
    }

    /// Notes that the peer has these changes and all below them durably.
    pub(crate) fn has_durably(&mut self, graph: &Graph, heads: &[ChangeHash]) {
        graph.cover_down(heads, &mut self.acknowledged, |_| {});
        let acknowledged = &self.acknowledged;
        self.unacknowledged.retain(|hash| {
            !graph
                .position(hash)
                .is_some_and(|position| acknowledged.contains(position))
        });
    }

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
            open.extend(graph.dependencies(position));
        }
        true
    }

    fn is_settled(&self) -> bool {
        self.asked.is_none()
            && self.collecting == Collecting::Idle
            && !self.expecting
            && self.staging.is_empty()
            && self.unacknowledged.is_empty()
            && self.acknowledge.is_empty()
    }
}
