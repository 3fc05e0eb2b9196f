//! Who made each change of a document, and whether it is proven.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::ActorId;

use crate::attestation::{Attestation, actor_of};
use crate::evidence::Evidence;
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
    evidence: Vec<Arc<Evidence>>,
    /// What evidence proves to be of each device.
    evident: BTreeMap<DeviceId, Cover>,
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

    /// All attestations that are kept, those of evidence too.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Attestation> + '_ {
        let evidence = self.evidence.iter().map(|it| &it.attestation);
        self.attestations().chain(evidence)
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
        let mut of_devices: BTreeMap<DeviceId, Vec<Attestation>> = BTreeMap::new();
        for attestation in attestations {
            let device = attestation.device();
            of_devices.entry(device).or_default().push(attestation);
        }
        for (device, attestations) in of_devices {
            let mut kept = self.attestations.remove(&device).unwrap_or_default();
            let before = kept.len();
            let cover = self.covers.entry(device).or_default();
            let mut reaches: Vec<Reach> = kept
                .iter()
                .map(|known| Reach::of(graph, &known.attestation))
                .collect();
            for attestation in attestations {
                let mut says_more = false;
                graph.cover_down(attestation.heads(), cover, |_| says_more = true);
                let reach = Reach::of(graph, &attestation);
                let is_new = kept.iter().all(|known| known.attestation != attestation);
                let is_older = || reaches.iter().any(|other| reach.is_within(other, graph));
                if is_new && (says_more || is_older()) {
                    reaches.push(reach);
                    kept.push(Kept {
                        attestation,
                        newest: true,
                    });
                }
            }
            let stays = self.which_stay(device, &mut kept, graph, &reaches);
            let mut index = 0..;
            kept.retain(|known| {
                let at = index.next().unwrap_or_default();
                match (at < before, stays.contains(&at)) {
                    (true, false) => added.replaced.push(known.attestation.hash()),
                    (false, true) => added.new.push(known.attestation.clone()),
                    _ => {}
                }
                stays.contains(&at)
            });
            self.attestations.insert(device, kept);
        }
        let before = self.evidence.clone();
        self.retain_evidence(graph, usize::MAX, |_, _| true);
        let left = before.iter().filter(|it| !self.evidence.contains(it));
        added.replaced.extend(left.map(|it| it.attestation.hash()));
        added
    }

    /// Devices with changes here that no plain attestation proves.
    pub(crate) fn unproven_devices(&self, graph: &Graph) -> BTreeSet<DeviceId> {
        let unproven = (0..graph.len()).filter(|position| !self.is_proven(graph, *position));
        unproven
            .filter_map(|position| self.device_of(graph.actor(graph.node(position).actor)))
            .collect()
    }

    /// Adds evidence that proves more than is proven without it, as long as there is room: all that
    /// lies in between has at most `max` bytes together.
    pub(crate) fn add_evidence(&mut self, graph: &Graph, found: Vec<Evidence>, max: usize) {
        if found.is_empty() {
            return;
        }
        for new in found {
            // Some of what lay in between may be in the document now.
            self.evidence.retain(|it| it.attestation != new.attestation);
            self.evidence.push(Arc::new(new));
        }
        self.retain_evidence(graph, max, |_, _| true);
    }

    /// Keeps the evidence that proves more than is proven without it and more than what comes before
    /// it, if it passes `keep`, which is given all that it covers, and there is room for it.
    fn retain_evidence(
        &mut self,
        graph: &Graph,
        max: usize,
        keep: impl Fn(&Evidence, &Cover) -> bool,
    ) {
        if self.evidence.is_empty() {
            return;
        }
        self.evident.clear();
        let mut between = BTreeSet::new();
        let mut bytes = 0;
        for evidence in std::mem::take(&mut self.evidence) {
            let device = evidence.attestation.device();
            let heads = graph.positions(&evidence.heads);
            let known = |cover: Option<&Cover>| {
                cover.is_some_and(|cover| heads.iter().all(|head| cover.contains(*head)))
            };
            if known(self.covers.get(&device)) || known(self.evident.get(&device)) {
                continue;
            }
            let mut cover = Cover::default();
            graph.cover_down(&evidence.heads, &mut cover, |_| {});
            if !keep(&evidence, &cover) {
                continue;
            }
            let mut with_this = between.clone();
            let more = evidence.bytes_beside(&mut with_this);
            if bytes + more <= max {
                (between, bytes) = (with_this, bytes + more);
                let evident = self.evident.entry(device).or_default();
                graph.cover_down(&evidence.heads, evident, |_| {});
                self.evidence.push(evidence);
            }
        }
    }

    /// Of evidence that was found, keeps what was `kept` before, and what proves changes of others
    /// than this device that are `needed`: those that nobody will sign anew.
    pub(crate) fn keep_evidence(
        &mut self,
        graph: &Graph,
        kept: &[Arc<Evidence>],
        this_device: DeviceId,
        needed: impl Fn(DeviceId, Position) -> bool,
    ) {
        if self.evidence.is_empty() {
            return;
        }
        let before = self.clone();
        self.retain_evidence(graph, usize::MAX, |evidence, cover| {
            let device = evidence.attestation.device();
            let needed = |position| needed(device, position);
            kept.iter().any(|it| it.attestation == evidence.attestation)
                || (device != this_device && before.proves_more(graph, evidence, cover, needed))
        });
    }

    pub(crate) fn evidence(&self) -> &[Arc<Evidence>] {
        &self.evidence
    }

    /// The evidence without which some of these changes would not be proven.
    pub(crate) fn evidence_for(&self, graph: &Graph, positions: &[Position]) -> Vec<Arc<Evidence>> {
        if self.evidence.is_empty() {
            return Vec::new();
        }
        let mut needed = self.clone();
        needed.retain_evidence(graph, usize::MAX, |evidence, cover| {
            self.proves_more(graph, evidence, cover, |position| {
                positions.binary_search(&position).is_ok()
            })
        });
        needed.evidence
    }

    /// Whether a change that evidence covers, which is its device's and of `those`, is not proven
    /// without it.
    fn proves_more(
        &self,
        graph: &Graph,
        evidence: &Evidence,
        cover: &Cover,
        those: impl Fn(Position) -> bool,
    ) -> bool {
        let device = evidence.attestation.device();
        (0..graph.len()).any(|position| {
            cover.contains(position)
                && self.device_of(graph.actor(graph.node(position).actor)) == Some(device)
                && !self.is_covered_by(device, position)
                && those(position)
        })
    }

    /// Which of a device's attestations prove something that no other of them does, or are the
    /// newest that another device vouches for.
    fn which_stay(
        &self,
        device: DeviceId,
        kept: &mut [Kept],
        graph: &Graph,
        reaches: &[Reach],
    ) -> BTreeSet<usize> {
        let all = 0..kept.len();
        // Of two that reach equally far only the first lies above the other.
        let above: Vec<Vec<usize>> = all
            .clone()
            .map(|one| {
                let is_within = |one: usize, other: usize| {
                    one != other && reaches[one].is_within(&reaches[other], graph)
                };
                let above = all.clone().filter(|other| is_within(one, *other));
                above
                    .filter(|other| *other < one || !is_within(*other, one))
                    .collect()
            })
            .collect();
        for (known, above) in kept.iter_mut().zip(&above) {
            known.newest = above.is_empty();
        }
        let mut stay: BTreeSet<usize> = all.clone().filter(|it| kept[*it].newest).collect();
        for (_, cover) in self.covers.iter().filter(|(by, _)| **by != device) {
            let vouched = |index: &usize| {
                let mut heads = reaches[*index].heads.iter();
                heads.all(|head| cover.contains(*head))
            };
            let mut older = all.clone().filter(|index| !above[*index].is_empty());
            stay.extend(older.find(|index| vouched(index) && !above[*index].iter().any(vouched)));
        }
        stay
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

    /// Whether evidence proves that the device a change's actor commits to has made it.
    pub(crate) fn is_evident(&self, graph: &Graph, position: Position) -> bool {
        let device = self.device_of(graph.actor(graph.node(position).actor));
        let cover = device.and_then(|device| self.evident.get(&device));
        cover.is_some_and(|cover| cover.contains(position))
    }

    /// Whether it is known here, in one way or the other, who made a change.
    pub(crate) fn is_settled(&self, graph: &Graph, position: Position) -> bool {
        self.is_proven(graph, position) || self.is_evident(graph, position)
    }

    /// Whether the proof of any change is missing.
    pub(crate) fn are_missing(&self, graph: &Graph) -> bool {
        !(0..graph.len()).all(|position| self.is_settled(graph, position))
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

/// How far an attestation reaches: its heads, and all below them as a clock. By walking each edit
/// would cost the whole history.
struct Reach {
    heads: Vec<Position>,
    clock: Clock,
}

impl Reach {
    fn of(graph: &Graph, attestation: &Attestation) -> Self {
        let heads = graph.positions(attestation.heads());
        let clock = graph.clock(&heads);
        Self { heads, clock }
    }

    fn is_within(&self, other: &Self, graph: &Graph) -> bool {
        self.heads.iter().all(|head| {
            let node = graph.node(*head);
            other.clock.sequence(node.actor) >= node.sequence
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::Claim;
    use crate::graph::NewNode;
    use crate::id::ProcessId;
    use crate::statement::public_key;
    use automerge::ChangeHash;

    fn hash(index: u8) -> ChangeHash {
        ChangeHash([index; 32])
    }

    /// Changes that know nothing of each other.
    fn apart(count: u8) -> Graph {
        let mut graph = Graph::default();
        for index in 1..=count {
            let node = NewNode {
                hash: hash(index),
                actor: ActorId::from([index; 16].as_slice()),
                sequence: 1,
                start_operation: 1,
                max_operation: 1,
                dependencies: Vec::new(),
            };
            graph.push(node).unwrap();
        }
        graph
    }

    fn signed(secret: u8, counter: u64, heads: &[u8]) -> Attestation {
        let heads: Vec<ChangeHash> = heads.iter().map(|index| hash(*index)).collect();
        let claim = Claim {
            document: DocumentId::from_bytes([9; 16]),
            process: ProcessId::from_bytes([8; 16]),
            counter,
            heads: &heads,
            previous: None,
        };
        let device = DeviceId::from_bytes(public_key(&[secret; 32]));
        Attestation::sign(claim, device, &[secret; 32])
    }

    #[test]
    fn one_device_cannot_fill_a_document_with_attestations() {
        let graph = apart(12);
        let all: Vec<u8> = (1..=12).collect();
        let mut proofs = Proofs::default();
        proofs.add(&graph, vec![signed(1, 1, &all), signed(2, 1, &all[..11])]);
        let pairs: Vec<Attestation> = (1..=12)
            .flat_map(|one| (one + 1..=12).map(move |other| [one, other]))
            .map(|pair| signed(1, 2, &pair))
            .collect();
        assert_eq!(pairs.len(), 66);
        let added = proofs.add(&graph, pairs.clone());
        // One that the other device vouches for may stay, whoever sends which of them how often.
        assert_eq!((added.new.len(), added.replaced.len()), (1, 0));
        proofs.add(&graph, pairs);
        assert_eq!(proofs.attestations().count(), 3);
        assert_eq!(proofs.newest().count(), 2);
    }

    #[test]
    fn one_that_says_nothing_new_and_lies_below_none_is_not_kept() {
        let graph = apart(3);
        let mut proofs = Proofs::default();
        proofs.add(&graph, vec![signed(1, 1, &[1, 2]), signed(1, 2, &[2, 3])]);
        let added = proofs.add(&graph, vec![signed(1, 3, &[1, 3])]);
        assert_eq!((added.new.len(), added.replaced.len()), (0, 0));
        let added = proofs.add(&graph, vec![signed(1, 4, &[1, 2, 3])]);
        assert_eq!((added.new.len(), added.replaced.len()), (0, 0));
        assert_eq!(proofs.newest().count(), 2);
    }
}
