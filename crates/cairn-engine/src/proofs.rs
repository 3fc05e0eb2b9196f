//! Who made each change of a document, and whether it is proven.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::ActorId;

use crate::attestation::{Attestation, actor_of};
use crate::graph::{Clock, Cover, Graph, Position};
use crate::id::{DeviceId, DocumentId};
use crate::layered::LayeredMap;
use crate::storage::RecordHash;

/// Actors of devices and what attestations cover.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proofs {
    salts: Arc<BTreeMap<DeviceId, BTreeSet<[u8; 8]>>>,
    devices: LayeredMap<ActorId, DeviceId>,
    attestations: BTreeMap<DeviceId, Vec<Kept>>,
    covers: BTreeMap<DeviceId, Cover>,
}

#[derive(Debug, Clone)]
struct Kept {
    attestation: Attestation,
    /// Whether no other one of its device proves all that it does.
    newest: bool,
}

/// What became of attestations that were added.
#[derive(Debug, Default)]
pub(crate) struct Added {
    /// Those of them that say something new.
    pub(crate) new: Vec<Attestation>,
    /// Kept ones that they replace.
    pub(crate) replaced: Vec<RecordHash>,
}

impl Proofs {
    /// Notes that a device uses a salt. Returns whether it is new.
    pub(crate) fn add_salt(
        &mut self,
        document: DocumentId,
        device: DeviceId,
        salt: [u8; 8],
    ) -> bool {
        let known = self.salts.get(&device);
        let new = !known.is_some_and(|salts| salts.contains(&salt));
        if new {
            let salts = Arc::make_mut(&mut self.salts);
            salts.entry(device).or_default().insert(salt);
            self.devices
                .insert(actor_of(device, document, salt), device);
        }
        new
    }

    /// The device an actor commits to, as far as its salt is known.
    pub(crate) fn device_of(&self, actor: &ActorId) -> Option<DeviceId> {
        self.devices.get(actor).copied()
    }

    pub(crate) fn salts(&self) -> impl Iterator<Item = (DeviceId, [u8; 8])> + '_ {
        self.salts
            .iter()
            .flat_map(|(device, salts)| salts.iter().map(|salt| (*device, *salt)))
    }

    pub(crate) fn attestations(&self) -> impl Iterator<Item = &Attestation> + '_ {
        let kept = self.attestations.values().flatten();
        kept.map(|known| &known.attestation)
    }

    /// Whether all heads an attestation names are in the graph: only then can it prove anything.
    pub(crate) fn is_complete(graph: &Graph, attestation: &Attestation) -> bool {
        attestation.heads().iter().all(|head| graph.contains(head))
    }

    /// Adds attestations that are complete. Gives those of them that say something new, and the
    /// kept ones that they replace.
    ///
    /// An attestation replaces those of the same device whose heads lie at or below its own. For
    /// each other device, one may stay beside it: the newest that this one vouches for. What nobody
    /// vouched for may be taken out of the document again, and with it the proof of what stays.
    pub(crate) fn add(&mut self, graph: &Graph, attestations: Vec<Attestation>) -> Added {
        let mut added = Added::default();
        let mut devices = BTreeSet::new();
        for attestation in attestations {
            let device = attestation.device();
            let cover = self.covers.entry(device).or_default();
            let mut says_more = false;
            graph.cover_down(attestation.heads(), cover, |_| says_more = true);
            let kept = self.attestations.entry(device).or_default();
            let known = kept.iter().any(|kept| kept.attestation == attestation);
            if !known && (says_more || is_below_one(graph, &attestation, kept)) {
                devices.insert(device);
                added.new.push(attestation.clone());
                kept.push(Kept {
                    attestation,
                    newest: true,
                });
            }
        }
        for device in devices {
            for gone in self.drop_superfluous(graph, device) {
                let before = added.new.len();
                added.new.retain(|new| new.hash() != gone);
                if added.new.len() == before {
                    added.replaced.push(gone);
                }
            }
        }
        added
    }

    /// Drops attestations of a device that prove nothing which others of it do not prove as well.
    fn drop_superfluous(&mut self, graph: &Graph, device: DeviceId) -> Vec<RecordHash> {
        let Some(kept) = self
            .attestations
            .get_mut(&device)
            .filter(|kept| kept.len() > 1)
        else {
            return Vec::new();
        };
        let heads: Vec<Vec<Position>> = kept
            .iter()
            .map(|known| graph.positions(known.attestation.heads()))
            .collect();
        let above = all_above(graph, &heads);
        for (known, above) in kept.iter_mut().zip(&above) {
            known.newest = above.is_empty();
        }
        let mut stay: BTreeSet<usize> = (0..kept.len())
            .filter(|index| kept[*index].newest)
            .collect();
        for (_, cover) in self.covers.iter().filter(|(by, _)| **by != device) {
            let vouched = |index: &usize| {
                let mut heads = heads[*index].iter();
                heads.all(|head| cover.contains(*head))
            };
            let mut older = (0..kept.len()).filter(|index| !above[*index].is_empty());
            stay.extend(older.find(|index| vouched(index) && !above[*index].iter().any(vouched)));
        }
        let mut index = 0..;
        let dropped = kept.extract_if(.., |_| index.next().is_none_or(|at| !stay.contains(&at)));
        dropped.map(|known| known.attestation.hash()).collect()
    }

    /// The newest attestations of each device: together they prove all that the kept ones do.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Attestation> + '_ {
        let kept = self.attestations.values().flatten();
        kept.filter(|known| known.newest)
            .map(|known| &known.attestation)
    }

    /// Whether a kept attestation of the same device, process start and number says something
    /// else: one process counts each number once.
    pub(crate) fn contradicts(&self, attestation: &Attestation) -> bool {
        self.of_device(attestation.device()).any(|kept| {
            kept.process() == attestation.process()
                && kept.counter() == attestation.counter()
                && kept != attestation
        })
    }

    /// Whether the device a change's actor commits to has attested it.
    pub(crate) fn is_proven(&self, graph: &Graph, position: Position) -> bool {
        self.device_of(graph.actor(graph.node(position).actor))
            .is_some_and(|device| self.is_covered_by(device, position))
    }

    /// Whether the proof of any change is missing.
    pub(crate) fn are_missing(&self, graph: &Graph) -> bool {
        !(0..graph.len()).all(|position| self.is_proven(graph, position))
    }

    /// Whether a device has attested that it made or admitted a change.
    pub(crate) fn is_covered_by(&self, device: DeviceId, position: Position) -> bool {
        self.covers
            .get(&device)
            .is_some_and(|cover| cover.contains(position))
    }

    /// Attestations of one device.
    pub(crate) fn of_device(&self, device: DeviceId) -> impl Iterator<Item = &Attestation> + '_ {
        let kept = self.attestations.get(&device).into_iter().flatten();
        kept.map(|known| &known.attestation)
    }
}

/// Whether all that an attestation covers lies within what one of the kept ones does.
fn is_below_one(graph: &Graph, attestation: &Attestation, kept: &[Kept]) -> bool {
    let heads = graph.positions(attestation.heads());
    kept.iter().any(|kept| {
        let clock = graph.clock_below(kept.attestation.heads());
        lie_within(graph, &heads, &clock)
    })
}

/// For each of several sets of heads, the others that it lies at or below. Of two that cover the
/// same only the first lies above the other.
fn all_above(graph: &Graph, heads: &[Vec<Position>]) -> Vec<Vec<usize>> {
    // Ancestors by clocks: a walk would go through the whole history at every edit.
    let clocks: Vec<Clock> = heads.iter().map(|heads| graph.clock(heads)).collect();
    let below = |one: usize, other: usize| lie_within(graph, &heads[one], &clocks[other]);
    let above = |one: usize| {
        let others = (0..heads.len()).filter(|other| *other != one && below(one, *other));
        let above = others.filter(|other| *other < one || !below(*other, one));
        above.collect()
    };
    (0..heads.len()).map(above).collect()
}

fn lie_within(graph: &Graph, positions: &[Position], clock: &Clock) -> bool {
    positions.iter().all(|position| {
        let node = graph.node(*position);
        clock.sequence(node.actor) >= node.sequence
    })
}
