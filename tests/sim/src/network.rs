//! A virtual network: connections that delay, keep order, and die.
//!
//! # Invariants
//! * Frames of one direction arrive in the order sent, or not at all; nothing arrives after one
//!   that was lost.
//! * Each end learns of the death of a connection on its own, late.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cairn_engine::ConnectionId;

use crate::random::Random;

/// One end of a wire.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) device: usize,
    pub(crate) connection: ConnectionId,
    /// The engine was told of it.
    pub(crate) opened: bool,
    /// The engine was told of its end, or ended it.
    pub(crate) ended: bool,
    inbound: VecDeque<Vec<u8>>,
    /// When the last frame on its way here arrives.
    last_at: u64,
}

/// A connection between two devices.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The dialler first.
    pub(crate) ends: [End; 2],
    pub(crate) up: bool,
    latency: u64,
    jitter: u64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) wires: Vec<Wire>,
    by_connection: BTreeMap<ConnectionId, (usize, usize)>,
    next_connection: u64,
    /// Groups that do not reach each other; empty when all do.
    islands: Option<BTreeSet<usize>>,
}

impl Network {
    /// Whether packets pass between two devices.
    pub(crate) fn reaches(&self, one: usize, other: usize) -> bool {
        match &self.islands {
            Some(island) => island.contains(&one) == island.contains(&other),
            None => true,
        }
    }

    pub(crate) fn part(&mut self, island: Option<BTreeSet<usize>>) {
        self.islands = island;
    }

    /// A dial that will succeed: the wire and when the dialler and the listener learn of it.
    pub(crate) fn dial(
        &mut self,
        now: u64,
        dialler: usize,
        listener: usize,
        random: &mut Random,
    ) -> (usize, [u64; 2]) {
        let latency = if random.chance(80) {
            random.between(1, 40)
        } else {
            random.between(100, 800)
        };
        let jitter = random.between(0, latency);
        let opens = [now + 2 * latency + 1, now + latency];
        let ends = [dialler, listener].map(|device| {
            self.next_connection += 1;
            End {
                device,
                connection: ConnectionId(self.next_connection),
                opened: false,
                ended: false,
                inbound: VecDeque::new(),
                last_at: 0,
            }
        });
        let mut wire = Wire {
            ends,
            up: true,
            latency,
            jitter,
        };
        for (index, end) in wire.ends.iter_mut().enumerate() {
            end.last_at = opens[index];
            self.by_connection
                .insert(end.connection, (self.wires.len(), index));
        }
        self.wires.push(wire);
        (self.wires.len() - 1, opens)
    }

    pub(crate) fn find(&self, connection: ConnectionId) -> Option<(usize, usize)> {
        self.by_connection.get(&connection).copied()
    }

    /// Puts a frame on its way. Gives when it arrives, or `None` if it is lost.
    pub(crate) fn send(
        &mut self,
        now: u64,
        wire: usize,
        from: usize,
        bytes: Vec<u8>,
        random: &mut Random,
    ) -> Option<u64> {
        let wire = &mut self.wires[wire];
        let to = 1 - from;
        if !wire.up || wire.ends[to].ended || wire.ends[from].ended {
            return None;
        }
        let at = now + wire.latency + random.between(0, wire.jitter);
        let end = &mut wire.ends[to];
        end.last_at = end.last_at.max(at);
        end.inbound.push_back(bytes);
        Some(end.last_at)
    }

    /// The next frame that arrives at an end, unless it was lost meanwhile.
    pub(crate) fn arrive(&mut self, wire: usize, end: usize) -> Option<Vec<u8>> {
        let end = &mut self.wires[wire].ends[end];
        let frame = end.inbound.pop_front()?;
        (end.opened && !end.ended).then_some(frame)
    }

    /// A connection dies at some byte of what is on its way in each direction: frames that were
    /// whole by then still arrive, unless their receiver notices first. Gives when each end notices
    /// and how many frames were torn.
    pub(crate) fn cut(&mut self, now: u64, wire: usize, random: &mut Random) -> ([u64; 2], u64) {
        let wire = &mut self.wires[wire];
        wire.up = false;
        let mut torn = 0;
        for end in &mut wire.ends {
            let under_way: usize = end.inbound.iter().map(Vec::len).sum();
            let mut left = random.below(under_way + 1);
            let whole = end.inbound.iter().take_while(|frame| {
                let fits = frame.len() <= left;
                left -= if fits { frame.len() } else { 0 };
                fits
            });
            let whole = whole.count();
            torn += u64::from(left > 0);
            end.inbound.truncate(whole);
        }
        let notices = [(); 2].map(|()| {
            now + if random.chance(70) {
                random.between(0, 500)
            } else {
                random.between(0, 30_000)
            }
        });
        (notices, torn)
    }

    /// Whether frames are on their way over a wire, in either direction.
    pub(crate) fn is_busy(&self, wire: usize) -> bool {
        let ends = &self.wires[wire].ends;
        ends.iter().any(|end| !end.inbound.is_empty())
    }

    /// One end closes in order. Gives when the other notices; what is on its way there may still
    /// arrive.
    pub(crate) fn close(&mut self, now: u64, wire: usize, end: usize, random: &mut Random) -> u64 {
        let wire = &mut self.wires[wire];
        wire.ends[end].ended = true;
        wire.ends[end].inbound.clear();
        let other = &mut wire.ends[1 - end];
        if random.chance(50) {
            other.inbound.clear();
        }
        other.last_at.max(now + wire.latency)
    }

    /// Wires that neither end knows to be over.
    pub(crate) fn open_wires(&self) -> Vec<usize> {
        (0..self.wires.len())
            .filter(|index| {
                let wire = &self.wires[*index];
                wire.up && wire.ends.iter().all(|end| !end.ended)
            })
            .collect()
    }

    /// Whether a device believes to be connected, or is dialling.
    pub(crate) fn believes(&self, device: usize, peer: usize) -> bool {
        self.wires.iter().any(|wire| {
            (0..2).any(|index| {
                let (end, other) = (&wire.ends[index], &wire.ends[1 - index]);
                let knows = end.opened || index == 0;
                end.device == device && other.device == peer && knows && !end.ended
            })
        })
    }
}
