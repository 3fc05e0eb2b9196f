//! A stolen device evicts nobody: devices leave a roster by their person's recovery key alone.

use std::collections::{BTreeMap, BTreeSet};

use cairn_engine::{DeviceId, PersonId};

use crate::device::Device;
use crate::truth::Truth;
use crate::world::World;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Evicted {
    /// Whom each device has known to be current since it started.
    known: BTreeMap<usize, BTreeMap<PersonId, BTreeSet<DeviceId>>>,
}

impl Evicted {
    /// A process started: it knows what its disk has.
    pub(crate) fn started(&mut self, device: usize) {
        self.known.remove(&device);
    }

    /// What a device knows of a person's devices changed.
    pub(crate) fn changed(
        &mut self,
        device: &Device,
        person: PersonId,
        truth: &Truth,
    ) -> Result<(), String> {
        let known = self.known.entry(device.index).or_default();
        let known = known.entry(person).or_default();
        let current: BTreeSet<DeviceId> = device.engine().devices(person).into_iter().collect();
        for gone in known.difference(&current) {
            let by_owner = truth.revoked.contains(gone) || truth.is_orphaned(gone);
            if !by_owner {
                return Err(format!(
                    "device {} struck a device off its person's roster that nobody may have revoked",
                    device.index
                ));
            }
        }
        *known = current;
        Ok(())
    }
}

/// At the end every device that was not revoked is known to all, and none of them is paused.
pub(crate) fn nobody(world: &World) -> Result<(), String> {
    for (one, other) in &world.peers {
        if !world.counts(*one) || !world.counts(*other) {
            continue;
        }
        let (one, other) = (&world.devices[*one], &world.devices[*other]);
        let engine = one.engine();
        let current = engine.devices(other.person).contains(&other.id());
        if !current || engine.is_paused(other.person, other.id()) {
            return Err(format!(
                "device {} holds device {} to be paused or revoked, and it is neither",
                one.index, other.index
            ));
        }
    }
    Ok(())
}
