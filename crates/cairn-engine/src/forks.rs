//! Branches: two changes that one device signed as the same one.
//!
//! # Role
//! A machine that is copied together with its random numbers writes two changes with one number. No
//! document holds both. Which of them stays must not depend on which came first, or devices that were
//! brought different ones would stay apart for ever.
//!
//! What devices of the owner took counts. Where they took different ones, the smaller hash stays. Where
//! one and the same device has signed both, it lost the first in a crash: it stays with the second, and
//! others follow it.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{ActorId, ChangeHash};

use crate::admission::Admission;
use crate::attestation::Attestation;
use crate::chunk::ChangeChunk;
use crate::contents::Facts;
use crate::graph::Position;
use crate::id::DeviceId;
use crate::people::Standing;

/// What a batch shows of branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forks {
    /// Devices that signed a change of the batch where another one stands here.
    pub(crate) devices: BTreeSet<DeviceId>,
    /// The one that is here, if it gives way.
    pub(crate) gives_way: Option<ChangeHash>,
}

/// Where a change of the batch, by its place in it, stands against one that is here.
#[derive(Debug, Clone, Copy)]
struct Parting {
    there: usize,
    here: Position,
    device: DeviceId,
}

/// A batch with the places of those of its changes of which all below is known.
struct Placed<'a> {
    chunks: &'a [ChangeChunk<'a>],
    places: BTreeMap<ChangeHash, usize>,
}

impl Placed<'_> {
    /// Places of what lies at or below the heads of attestations.
    fn signed<'a>(&self, attestations: impl Iterator<Item = &'a Attestation>) -> BTreeSet<usize> {
        let mut open: Vec<ChangeHash> = attestations.flat_map(|it| it.heads().to_vec()).collect();
        let mut below = BTreeSet::new();
        while let Some(hash) = open.pop() {
            if let Some(place) = self.places.get(&hash)
                && below.insert(*place)
            {
                open.extend(self.chunks[*place].dependencies());
            }
        }
        below
    }
}

impl Admission {
    /// Finds changes of the batch that would stand where another one of their actor stands here.
    /// Only what the device itself has attested counts: anyone can make a change in its name.
    pub(crate) fn forks(
        &self,
        chunks: &[ChangeChunk<'_>],
        attestations: &[Attestation],
        facts: &Facts,
    ) -> Forks {
        let (placed, mut partings) = partings(chunks, facts);
        if partings.is_empty() {
            return Forks::default();
        }
        let mut by_device = BTreeMap::new();
        for attestation in attestations {
            if attestation.document() == self.document {
                let of_device: &mut Vec<&Attestation> =
                    by_device.entry(attestation.device()).or_default();
                of_device.push(attestation);
            }
        }
        let mut by_device: BTreeMap<DeviceId, BTreeSet<usize>> = by_device
            .into_iter()
            .filter(|(device, _)| {
                self.is_owners(*device) || partings.iter().any(|it| it.device == *device)
            })
            .map(|(device, signed)| (device, placed.signed(signed.into_iter())))
            .collect();
        let has_signed = |device: DeviceId, there: usize| {
            let signed = by_device.get(&device);
            signed.is_some_and(|signed| signed.contains(&there))
        };
        partings.retain(|it| has_signed(it.device, it.there));
        let devices = partings.iter().map(|it| it.device).collect();
        by_device.retain(|device, _| self.is_owners(*device));
        partings.retain(|it| by_device.values().any(|signed| signed.contains(&it.there)));
        // Branches of several actors may be built across each other: one pair at a time, the same
        // one for everybody.
        let pairs = partings.iter().map(|it| {
            let (here, there) = (facts.graph.node(it.here).hash, chunks[it.there].hash());
            (here.min(there), here, there, it)
        });
        let first = pairs.min_by_key(|(smaller, ..)| *smaller);
        let gives_way = first.filter(|(_, here, there, parting)| {
            let signed = by_device.iter();
            let signed = signed.filter(|(_, signed)| signed.contains(&parting.there));
            let took_there: BTreeSet<DeviceId> = signed.map(|(device, _)| *device).collect();
            let devices = self.standings.keys().copied();
            let took_here: BTreeSet<DeviceId> = devices
                .filter(|device| self.is_owners(*device))
                .filter(|device| facts.proofs.is_covered_by(*device, parting.here))
                .collect();
            let mut all = took_here.union(&took_there);
            match (took_here.is_empty(), all.next(), all.next()) {
                (true, ..) => true,
                // It lost the one that is here in a crash.
                (false, only, None) => self.sender.as_ref() == only,
                _ => there < here,
            }
        });
        Forks {
            devices,
            gives_way: gives_way.map(|(_, here, ..)| here),
        }
    }

    fn is_owners(&self, device: DeviceId) -> bool {
        let standing = self.standings.get(&device);
        matches!(standing, Some(Standing::Current(person)) if *person == self.origin.owner)
    }
}

/// The first change of each actor that differs from the one here, signed or not. Where two branches
/// part is known only if all below is.
fn partings<'a>(chunks: &'a [ChangeChunk<'a>], facts: &Facts) -> (Placed<'a>, Vec<Parting>) {
    let mut partings = Vec::new();
    let mut actors = BTreeSet::new();
    let mut places = BTreeMap::new();
    for (there, chunk) in chunks.iter().enumerate() {
        let is_known = |below| facts.graph.contains(&below) || places.contains_key(&below);
        if !chunk.dependencies().all(is_known) {
            continue;
        }
        places.insert(chunk.hash(), there);
        let actor = ActorId::from(chunk.actor().as_slice());
        let here = facts.graph.by_sequence(&actor, chunk.seq());
        let (Some(here), Some(device)) = (here, facts.proofs.device_of(&actor)) else {
            continue;
        };
        if facts.graph.node(here).hash != chunk.hash() && actors.insert(actor) {
            partings.push(Parting {
                there,
                here,
                device,
            });
        }
    }
    (Placed { chunks, places }, partings)
}
