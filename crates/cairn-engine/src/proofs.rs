//! Who made each change of a document, and whether it is proven.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::ActorId;

use crate::attestation::{Attestation, actor_of};
use crate::graph::{Cover, Graph, Position};
use crate::id::{DeviceId, DocumentId, ProcessId};
use crate::layered::LayeredMap;
use crate::storage::RecordHash;

/// Actors of devices and what attestations cover.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proofs {
    salts: Arc<BTreeMap<DeviceId, BTreeSet<[u8; 8]>>>,
    devices: LayeredMap<ActorId, DeviceId>,
    attestations: BTreeMap<(DeviceId, ProcessId), Vec<Attestation>>,
    covers: BTreeMap<DeviceId, Cover>,
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
        self.attestations.values().flatten()
    }

    /// Whether all heads an attestation names are in the graph: only then can it prove anything.
    pub(crate) fn is_complete(graph: &Graph, attestation: &Attestation) -> bool {
        attestation.heads().iter().all(|head| graph.contains(head))
    }

    /// Adds an attestation that is complete. Returns the ones it replaces, or `None` if it says
    /// nothing new and was not added.
    ///
    /// It replaces those of the same device whose heads lie at or below its own; one that an
    /// existing attestation covers in the same way is not added.
    pub(crate) fn add_attestation(
        &mut self,
        graph: &Graph,
        attestation: Attestation,
    ) -> Option<Vec<RecordHash>> {
        let device = attestation.device();
        let cover = self.covers.entry(device).or_default();
        let mut grew = false;
        let same_heads = attestation.heads().iter().all(|head| {
            graph
                .position(head)
                .is_some_and(|position| cover.contains(position))
        });
        graph.cover_down(attestation.heads(), cover, |_| grew = true);
        if same_heads && !grew && self.attestations().any(|old| old.device() == device) {
            return None;
        }
        // Ancestors by clocks: a walk would go through the whole history at every edit.
        let below = graph.clock_below(attestation.heads());
        let mut replaced = Vec::new();
        for ((of, _), kept) in &mut self.attestations {
            if *of == device {
                kept.retain(|old| {
                    let superseded = old.heads().iter().all(|head| {
                        graph.position(head).is_some_and(|position| {
                            let node = graph.node(position);
                            below.sequence(node.actor) >= node.sequence
                        })
                    });
                    if superseded {
                        replaced.push(old.hash());
                    }
                    !superseded
                });
            }
        }
        self.attestations.retain(|_, kept| !kept.is_empty());
        self.attestations
            .entry((device, attestation.process()))
            .or_default()
            .push(attestation);
        Some(replaced)
    }

    /// Whether a kept attestation of the same device, process start and number says something
    /// else: one process counts each number once.
    pub(crate) fn contradicts(&self, attestation: &Attestation) -> bool {
        let of_process = self
            .attestations
            .get(&(attestation.device(), attestation.process()));
        of_process.into_iter().flatten().any(|kept| {
            kept.counter() == attestation.counter() && kept.hash() != attestation.hash()
        })
    }

    /// Whether the device a change's actor commits to has attested it.
    pub(crate) fn is_proven(&self, graph: &Graph, position: Position) -> bool {
        self.device_of(graph.actor(graph.node(position).actor))
            .is_some_and(|device| self.is_covered_by(device, position))
    }

    /// Whether a device has attested that it made or admitted a change.
    pub(crate) fn is_covered_by(&self, device: DeviceId, position: Position) -> bool {
        self.covers
            .get(&device)
            .is_some_and(|cover| cover.contains(position))
    }

    /// Attestations of one device.
    pub(crate) fn of_device(&self, device: DeviceId) -> impl Iterator<Item = &Attestation> + '_ {
        self.attestations()
            .filter(move |attestation| attestation.device() == device)
    }
}
