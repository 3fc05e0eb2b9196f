//! After the faults: people put their things in order, and everything that is on its way arrives.

use crate::disk::Condition;
use crate::world::World;

/// Things that may happen after the faults until all must be at rest.
const CALM_EVENTS_MAX: u64 = 400_000;

/// Rounds of dialling in which every pair must have found each other.
const DIALS_MAX: usize = 20;

/// Rounds of decisions after which people must have nothing left to decide.
const DECISIONS_MAX: usize = 12;

impl World {
    /// All faults end.
    pub(crate) fn heal(&mut self) {
        self.calm = true;
        self.network.part(None);
        for device in 0..self.devices.len() {
            self.devices[device].disk.condition = Condition::Sound;
            if self.devices[device].disk.has_failed() {
                self.crash(device);
            }
            if self.devices[device].copy_of.is_some() && !self.devices[device].away {
                self.put_away(device);
            }
            if !self.devices[device].is_honest() {
                for (wire, _) in self.ends_of(device) {
                    self.cut(wire);
                }
            }
        }
    }

    /// People revoke what was stolen, lift pauses and decide about cuts, until there is nothing
    /// left to decide.
    pub(crate) fn put_in_order(&mut self) -> Result<(), String> {
        for _ in 0..DECISIONS_MAX {
            self.come_to_rest()?;
            let decided = self.revoke_the_lost()?
                + self.add_orphans()?
                + self.lift_pauses()?
                + self.decide_about_cuts()?;
            if decided == 0 {
                return Ok(());
            }
        }
        Err("people never come to an end of deciding about their devices".to_owned())
    }

    /// Devices that are to be revoked, because they were stolen or because a revocation was lost,
    /// are so in the eyes of all of their person's. Returns how many had to be.
    fn revoke_the_lost(&mut self) -> Result<usize, String> {
        let mut revoked = 0;
        for lost in 0..self.devices.len() {
            let it = &self.devices[lost];
            let (id, person) = (it.id(), it.person);
            if !it.stolen && !self.truth.revoked.contains(&id) {
                continue;
            }
            let by = (0..self.devices.len()).find(|device| {
                let it = &self.devices[*device];
                it.person == person && self.counts(*device) && !it.down
            });
            if let Some(by) = by.filter(|by| {
                let engine = self.devices[*by].engine();
                engine.devices(person).contains(&id)
            }) {
                self.revoke(by, lost)?;
                revoked += 1;
            }
        }
        Ok(revoked)
    }

    /// Everything that is still on its way arrives, and everyone finds everyone.
    pub(crate) fn come_to_rest(&mut self) -> Result<(), String> {
        let begun = self.events;
        for _ in 0..DIALS_MAX {
            while self.step(u64::MAX)? {
                if self.events - begun > CALM_EVENTS_MAX {
                    return Err("the world never comes to rest".to_owned());
                }
            }
            let dialled: usize = (0..self.devices.len())
                .map(|device| self.dial(device))
                .sum();
            if dialled == 0 {
                for device in &self.devices {
                    self.truth.read_statements(&device.disk.image);
                }
                return Ok(());
            }
        }
        Err("two devices that can reach each other never stay connected".to_owned())
    }
}
