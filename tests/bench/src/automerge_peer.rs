//! automerge's own sync as it ships: documents in memory, messages as bytes.

use automerge::sync::{Message, State, SyncDoc};
use automerge::{Automerge, Change, ChangeHash, ReadDoc};

use crate::measure::Traffic;

/// Two documents and what each side remembers of the other.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) documents: [Automerge; 2],
    states: [State; 2],
    pub(crate) traffic: Traffic,
    /// One-way trips after which a side last got changes.
    pub(crate) trips_to_visible: u32,
}

impl Pair {
    pub(crate) fn new(one: Automerge, other: Automerge) -> Self {
        Self {
            documents: [one, other],
            states: [State::new(), State::new()],
            traffic: Traffic::default(),
            trips_to_visible: 0,
        }
    }

    /// Sends messages until neither side has more to say; `first` speaks first, and only then the
    /// other answers.
    pub(crate) fn sync(&mut self, first: usize) {
        let mut trips = 0;
        let mut speaker = first;
        let mut silent = 0;
        while silent < 2 {
            trips += 1;
            let said = self.say(speaker, trips);
            silent = if said { 0 } else { silent + 1 };
            speaker = 1 - speaker;
        }
    }

    /// Sends messages in turn until both documents are equal, and says whose turn is next.
    pub(crate) fn until_equal(&mut self, first: usize) -> usize {
        const TRIPS_MAX: u32 = 10;
        let mut speaker = first;
        for trips in 1..=TRIPS_MAX {
            self.say(speaker, trips);
            speaker = 1 - speaker;
            if self.is_equal() {
                return speaker;
            }
        }
        unreachable!("automerge's sync brings an edit over in {TRIPS_MAX} messages")
    }

    /// One message from a side to the other, if it has one.
    fn say(&mut self, from: usize, trips: u32) -> bool {
        let to = 1 - from;
        let Some(message) = self.documents[from].generate_sync_message(&mut self.states[from])
        else {
            return false;
        };
        let bytes = message.encode();
        self.traffic.messages += 1;
        self.traffic.bytes += bytes.len() as u64;
        self.traffic.one_way_trips = self.traffic.one_way_trips.max(trips);
        let before = self.documents[to].get_heads();
        let message = Message::decode(&bytes).expect("a message that was just encoded");
        self.documents[to]
            .receive_sync_message(&mut self.states[to], message)
            .expect("a message of automerge's own");
        if self.documents[to].get_heads() != before {
            self.trips_to_visible = trips;
        }
        true
    }

    pub(crate) fn is_equal(&self) -> bool {
        self.documents[0].get_heads() == self.documents[1].get_heads()
    }
}

/// The least that automerge can do: the change's bytes, sent and applied as they are.
pub(crate) fn push_change(from: &Automerge, hash: &ChangeHash, to: &mut Automerge) -> usize {
    let change = from
        .get_change_by_hash(hash)
        .expect("the change that was just made");
    let bytes = change.raw_bytes().to_vec();
    let length = bytes.len();
    let change = Change::from_bytes(bytes).expect("automerge's own bytes");
    to.apply_changes([change])
        .expect("both documents were equal before");
    length
}
