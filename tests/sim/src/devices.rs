//! What people do to their devices: add, pause, revoke, copy, and decide what stays of a lost one.

use cairn_engine::{DeviceAdded, DeviceError, DeviceId, DocumentId, public_key};

use crate::device::Device;
use crate::disk::{Disk, Image};
use crate::faults::Fault;
use crate::world::{BEGINNING_MILLIS, Happening, World};

/// Most devices a world ends with, copies counted.
const DEVICES_MAX: usize = 12;

/// Most devices that are added or copied in a world.
const NEW_DEVICES_MAX: usize = 3;

impl World {
    /// Whether a device is one of its person's who can be asked to do something: honest, there and
    /// not revoked.
    pub(crate) fn counts(&self, device: usize) -> bool {
        let it = &self.devices[device];
        it.is_honest() && !it.away && !self.truth.revoked.contains(&it.id())
    }

    /// Whether nobody waits for a device any more.
    pub(crate) fn is_lost(&self, device: usize) -> bool {
        let it = &self.devices[device];
        it.away || self.truth.revoked.contains(&it.id())
    }

    /// Whether a device was added by one that was revoked since: whoever revoked that one without
    /// knowing of the addition does not know the added one either.
    pub(crate) fn is_orphaned(&self, device: usize) -> bool {
        self.truth.is_orphaned(&self.devices[device].id())
    }

    /// People pair two devices anew of which one does not know the other's: a backup from before
    /// it was added, or a crash. They can show what they know of their own devices, nothing else.
    pub(crate) fn introduce(&mut self, device: usize, peer: usize) {
        let (person, id) = (self.devices[peer].person, self.devices[peer].id());
        let engine = self.devices[device].engine();
        let known = engine.devices(person).contains(&id) || self.truth.revoked.contains(&id);
        if !known {
            let roster = self.devices[peer].engine().roster(person);
            self.devices[device].engine_mut().introduce(person, &roster);
            self.tell(|| format!("{device} is shown {peer}"));
        }
    }

    /// The other devices of a device's person that count.
    pub(crate) fn others_of(&self, device: usize) -> Vec<usize> {
        let it = &self.devices[device];
        (0..self.devices.len())
            .filter(|other| {
                let other = &self.devices[*other];
                other.person == it.person && other.id() != it.id()
            })
            .filter(|other| self.counts(*other))
            .collect()
    }

    fn may_grow(&self) -> bool {
        self.devices.len() < DEVICES_MAX.min(self.devices_first + NEW_DEVICES_MAX)
    }

    /// A person adds a further device. It is there once the one that added it has stored that.
    pub(crate) fn add_device(&mut self, device: usize) -> Result<(), String> {
        let it = &self.devices[device];
        let known = it.engine().devices(it.person).contains(&it.id());
        if !self.may_grow() || it.down || !self.counts(device) || !known {
            return Ok(());
        }
        let secret: [u8; 32] = self.random.bytes();
        let (person, start) = (it.person, it.start);
        let added = DeviceAdded::countersigned(person, &secret, BEGINNING_MILLIS);
        let it = &mut self.devices[device];
        if it.engine_mut().add_device(added).is_err() {
            return Err(format!("device {device} could not add another"));
        }
        let (new, by) = (DeviceId::from_bytes(public_key(&secret)), it.id());
        self.truth.added_by.insert(new, by);
        self.tell(|| format!("{device} adds a device"));
        self.later(
            2_000,
            8_000,
            Happening::Begin {
                by: device,
                start,
                secret: Box::new(secret),
            },
        );
        self.drain(device)
    }

    /// A device that another one added begins with what that one knows of people.
    pub(crate) fn begin_added(&mut self, by: usize, secret: [u8; 32]) -> Result<(), String> {
        if !self.devices[by].engine().is_all_stored() || !self.may_grow() {
            return Ok(());
        }
        let mut image = Image::default();
        for bytes in self.devices[by].engine().rosters() {
            image.add_roster(bytes);
        }
        let new = self.begin_device(by, secret, image);
        self.peers.extend([(by, new), (new, by)]);
        // Its person pairs what a copy added with the original too: nobody else would bring them
        // together.
        if let Some(original) = self.devices[by].copy_of {
            self.peers.extend([(original, new), (new, original)]);
        }
        self.tell(|| format!("{new} was added by {by}"));
        self.happened(Fault::DeviceAdded);
        self.drain(new)
    }

    /// Somebody starts a copy of a vault beside the original, and puts it away a while later.
    pub(crate) fn copy_vault(&mut self, of: usize) -> Result<(), String> {
        let copied = self.devices.iter().any(|it| it.copy_of.is_some());
        if !self.may_grow() || copied || !self.counts(of) || self.devices[of].disk.has_failed() {
            return Ok(());
        }
        let (secret, image) = (
            *self.devices[of].secret(),
            self.devices[of].disk.image.clone(),
        );
        let copy = self.begin_device(of, secret, image);
        self.devices[copy].copy_of = Some(of);
        self.tell(|| format!("{copy} is a copy of {of}"));
        self.happened(Fault::CopiedVault);
        self.later(10_000, 60_000, Happening::PutAway { device: copy });
        self.drain(copy)
    }

    /// A device more, paired with everyone `like` is paired with.
    fn begin_device(&mut self, like: usize, secret: [u8; 32], image: Image) -> usize {
        let new = self.devices.len();
        let person = self.devices[like].person;
        let disk = Disk::new(image);
        let device = Device::new(
            new,
            person,
            secret,
            disk,
            &self.limits,
            self.compressed,
            &mut self.random,
        );
        self.devices.push(device);
        let peers: Vec<usize> = self
            .peers
            .iter()
            .filter(|(one, _)| *one == like)
            .map(|(_, peer)| *peer)
            .collect();
        for peer in peers {
            self.peers.extend([(new, peer), (peer, new)]);
        }
        self.later(0, 1_000, Happening::Dial { device: new });
        self.later(500, 5_000, Happening::Act { device: new });
        new
    }

    /// Devices that were lost with the one that added them are added again by another. Returns how
    /// many.
    pub(crate) fn add_orphans(&mut self) -> Result<usize, String> {
        let mut added = 0;
        for device in 0..self.devices.len() {
            let it = &self.devices[device];
            let (person, id) = (it.person, it.id());
            if !self.is_orphaned(device) || !self.counts(device) {
                continue;
            }
            let by = self.others_of(device).into_iter().find(|by| {
                let engine = self.devices[*by].engine();
                !self.devices[*by].down && !engine.devices(person).contains(&id)
            });
            if let Some(by) = by {
                let secret = *self.devices[device].secret();
                let at_millis = self.clocks(by).wall_millis;
                let again = DeviceAdded::countersigned(person, &secret, at_millis);
                let done = self.devices[by].engine_mut().add_device(again);
                if let Err(error) = done {
                    return Err(format!("device {by} could not add {device} again: {error}"));
                }
                self.tell(|| format!("{by} adds {device} again"));
                added += 1;
                self.drain(by)?;
            }
        }
        Ok(added)
    }

    /// A device is never used again.
    pub(crate) fn put_away(&mut self, device: usize) {
        self.crash(device);
        self.devices[device].away = true;
    }

    /// A person asks everyone to serve another device of theirs nothing.
    pub(crate) fn pause_other(&mut self, device: usize) -> Result<(), String> {
        let others = self.others_of(device);
        let Some(other) = self.random.pick(&others).copied() else {
            return Ok(());
        };
        self.pause(device, other)
    }

    pub(crate) fn pause(&mut self, by: usize, other: usize) -> Result<(), String> {
        if self.devices[by].down || self.devices[by].away {
            return Ok(());
        }
        let (now, id) = (self.clocks(by), self.devices[other].id());
        if self.devices[by].engine_mut().pause_device(now, id).is_ok() {
            self.tell(|| format!("{by} pauses {other}"));
            self.truth.paused.insert(id);
            self.happened(Fault::DevicePaused);
        }
        self.drain(by)
    }

    /// People find their recovery code and lift all pauses of devices that are theirs. Returns how
    /// many.
    pub(crate) fn lift_pauses(&mut self) -> Result<usize, String> {
        let mut lifted = 0;
        for device in 0..self.devices.len() {
            if self.devices[device].down || !self.counts(device) {
                continue;
            }
            let person = self.devices[device].person;
            let recovery = self.recoveries[&person];
            let mine: Vec<DeviceId> = (0..self.devices.len())
                .filter(|other| self.devices[*other].person == person && self.counts(*other))
                .map(|other| self.devices[other].id())
                .collect();
            for other in mine {
                let now = self.clocks(device);
                let it = &mut self.devices[device];
                if it.engine_mut().lift_pause(now, other, &recovery).is_ok() {
                    self.tell(|| format!("{device} lifts the pause of {other}"));
                    self.happened(Fault::PauseLifted);
                    lifted += 1;
                }
            }
            self.drain(device)?;
        }
        Ok(lifted)
    }

    /// A person revokes a device that was stolen, or else another one, from this device.
    pub(crate) fn revoke_other(&mut self, device: usize) -> Result<(), String> {
        let person = self.devices[device].person;
        let stolen = self
            .devices
            .iter()
            .find(|it| it.person == person && it.stolen && !self.truth.revoked.contains(&it.id()));
        let lost = match stolen {
            Some(it) => it.index,
            None => {
                // Half of those that are said to be lost are not: they are found again.
                let mut others = self.others_of(device);
                let added_by = &self.truth.added_by;
                let id = |device: usize| self.devices[device].id();
                others.retain(|other| added_by.values().all(|by| *by != id(*other)));
                match self.random.pick(&others).copied() {
                    Some(other) if self.random.chance(50) => other,
                    _ => return Ok(()),
                }
            }
        };
        self.revoke(device, lost)
    }

    /// Revokes a device, if the one that does it may and can.
    pub(crate) fn revoke(&mut self, by: usize, lost: usize) -> Result<(), String> {
        if self.devices[by].down || !self.counts(by) {
            return Ok(());
        }
        let (now, id) = (self.clocks(by), self.devices[lost].id());
        let it = &mut self.devices[by];
        let stored = it.disk.attestations();
        let recovery = self.recoveries[&it.person];
        let done = it.engine_mut().revoke_device(now, id, &recovery, &stored);
        match done {
            Ok(()) => {
                self.tell(|| format!("{by} revokes {lost}"));
                self.truth.revoked.insert(id);
                self.happened(Fault::DeviceRevoked);
            }
            Err(DeviceError::UnknownDevice) => {}
            Err(error) => return Err(format!("device {by} could not revoke {lost}: {error}")),
        }
        self.drain(by)
    }

    /// People decide about what revoked devices of theirs did beyond the cut. Returns how often.
    pub(crate) fn decide_about_cuts(&mut self) -> Result<usize, String> {
        let mut decided = 0;
        for (document, lost) in self.beyond.clone() {
            decided += usize::from(self.decide_about(document, lost)?);
        }
        Ok(decided)
    }

    fn decide_about(&mut self, document: DocumentId, lost: DeviceId) -> Result<bool, String> {
        let owner = self.devices.iter().find(|it| it.id() == lost);
        let Some(person) = owner.map(|it| it.person) else {
            return Ok(false);
        };
        let able: Vec<usize> = (0..self.devices.len())
            .filter(|device| {
                let it = &self.devices[*device];
                it.person == person
                    && !it.down
                    && self.counts(*device)
                    && it.documents().contains(&document)
            })
            .collect();
        let Some(by) = self.random.pick(&able).copied() else {
            return Ok(false);
        };
        let (now, recovery) = (self.clocks(by), self.recoveries[&person]);
        let keep = self.random.chance(50);
        let engine = self.devices[by].engine_mut();
        let kept = keep && engine.widen_cut(now, document, lost, &recovery).is_ok();
        if kept {
            self.happened(Fault::CutWidened);
        } else {
            if let Err(error) = engine.close_cut(now, document, lost, &recovery) {
                self.tell(|| format!("{by} cannot close a cut: {error}"));
                return Ok(false);
            }
            self.happened(Fault::CutClosed);
        }
        self.tell(|| format!("{by} decides about {lost} in {document:?}: kept {kept}"));
        self.beyond.remove(&(document, lost));
        self.drain(by)?;
        Ok(true)
    }
}
