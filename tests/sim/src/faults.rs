//! What breaks: connections, the network, disks, processes, clocks; and what people do to devices
//! and consent at the worst moment.
//!
//! A fault is counted when it really happened, not when it was tried.

use std::collections::BTreeSet;

use cairn_engine::{DocumentId, Role};

use crate::disk::Condition;
use crate::world::{Happening, World};

/// Everything that goes wrong in worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// A connection died.
    ConnectionCut,
    /// It died in the middle of a frame.
    FrameTorn,
    /// The network fell apart.
    Partition,
    /// A second connection was opened beside one that was in use.
    DuplicateDial,
    /// A process ended without warning.
    Crash,
    /// What was just being written was torn and thrown away.
    TornWrite,
    /// A commit took seconds.
    SlowDisk,
    /// A commit failed once.
    WriteError,
    /// A commit failed for want of room.
    FullDisk,
    /// There was little memory, and documents were let go of.
    LetGo,
    /// An old backup was copied over a vault.
    RolledBack,
    /// A copy of a vault was started while the original goes on.
    CopiedVault,
    /// A wall clock jumped.
    ClockJump,
    /// Consent was taken back while frames were on their way to the person.
    TakenBackInSync,
    /// Consent was taken back on one device while another of the owner admitted a change.
    AdmittedMeanwhile,
    /// Consent was changed on one device while another of the owner took it back.
    ChangedMeanwhile,
    /// The time of a consent was over, and a device of the owner took it back.
    ConsentExpired,
    /// A document that others could read was erased.
    Erased,
    /// A document that others could read was replaced by another.
    Replaced,
    /// One was erased while a person who was away wrote in it.
    ErasedMeanwhile,
    /// A device was added.
    DeviceAdded,
    /// A device was paused by another of its person.
    DevicePaused,
    /// A pause was lifted.
    PauseLifted,
    /// A device was revoked.
    DeviceRevoked,
    /// What a revoked device had done beyond its cut was kept.
    CutWidened,
    /// It was refused for good.
    CutClosed,
    /// A device was stolen.
    Stolen,
    /// A thief signed the revocation of an owner's device.
    EvictionForged,
    /// A thief signed consent, a pause or the end of one.
    StatementForged,
    /// A hostile person or a thief wrote in entries of others.
    EntryForged,
    /// A hostile device sent a frame with bits flipped or its end missing.
    Mutated,
    /// It sent a frame of an earlier time.
    Replayed,
    /// It sent frames in another order, twice or not at all.
    Reordered,
    /// It put a frame together itself, or from parts of others.
    Forged,
    /// It sent a frame beyond the limit.
    Oversized,
    /// An honest device closed a connection because of one of these.
    Repelled,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::ConnectionCut,
        Self::FrameTorn,
        Self::Partition,
        Self::DuplicateDial,
        Self::Crash,
        Self::TornWrite,
        Self::SlowDisk,
        Self::WriteError,
        Self::FullDisk,
        Self::LetGo,
        Self::RolledBack,
        Self::CopiedVault,
        Self::ClockJump,
        Self::TakenBackInSync,
        Self::AdmittedMeanwhile,
        Self::ChangedMeanwhile,
        Self::ConsentExpired,
        Self::Erased,
        Self::Replaced,
        Self::ErasedMeanwhile,
        Self::DeviceAdded,
        Self::DevicePaused,
        Self::PauseLifted,
        Self::DeviceRevoked,
        Self::CutWidened,
        Self::CutClosed,
        Self::Stolen,
        Self::EvictionForged,
        Self::StatementForged,
        Self::EntryForged,
        Self::Mutated,
        Self::Replayed,
        Self::Reordered,
        Self::Forged,
        Self::Oversized,
        Self::Repelled,
    ];
}

impl World {
    /// Counts a fault that happened.
    pub(crate) fn happened(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// Something breaks, and later something else.
    pub(crate) fn fault(&mut self) -> Result<(), String> {
        self.later(500, 25_000, Happening::Fault);
        let device = self.random.below(self.devices.len());
        match self.random.below(100) {
            0..20 => {
                let open = self.network.open_wires();
                if let Some(wire) = self.random.pick(&open).copied() {
                    self.cut(wire);
                }
            }
            20..26 => self.part_at_random(),
            26..34 => self.crash(device),
            34..38 => {
                let writing = self.devices.iter().filter(|it| it.disk.is_writing());
                let writing: Vec<usize> = writing.map(|it| it.index).collect();
                let device = self.random.pick(&writing).copied().unwrap_or(device);
                self.crash(device);
            }
            38..43 => self.devices[device].disk.condition = Condition::Slow,
            43..47 => self.devices[device].disk.condition = Condition::Failing,
            47..50 => self.devices[device].disk.condition = Condition::Full,
            50..56 => {
                for it in &mut self.devices {
                    it.disk.condition = Condition::Sound;
                }
            }
            56..60 => {
                let disk = &mut self.devices[device].disk;
                disk.backup = Some(disk.image.clone());
            }
            60..63 => {
                let saved = self.devices.iter().filter(|it| it.disk.backup.is_some());
                let saved: Vec<usize> = saved.map(|it| it.index).collect();
                if let Some(device) = self.random.pick(&saved).copied() {
                    self.restore(device);
                }
            }
            63..66 => self.jump(device)?,
            66..70 => self.dial_again(),
            70 => self.erase_apart()?,
            71..77 => self.take_back_in_sync()?,
            77..83 => self.take_back_apart()?,
            83..85 => self.copy_vault(device)?,
            85..87 => self.add_device(device)?,
            87..90 => self.pause_other(device)?,
            90..92 => {
                self.lift_pauses()?;
            }
            92..94 if self.losses => self.steal(device),
            94..97 if self.losses => self.revoke_other(device)?,
            97.. if self.losses => {
                self.decide_about_cuts()?;
            }
            _ => {}
        }
        self.reopen_failed();
        Ok(())
    }

    /// A wall clock goes wrong by up to a year in either direction.
    fn jump(&mut self, device: usize) -> Result<(), String> {
        let hours = i64::try_from(self.random.between(0, 20_000)).unwrap_or_default();
        self.devices[device].clock_millis = (hours - 10_000) * 3_600_000;
        self.happened(Fault::ClockJump);
        self.devices[device].expiry_awaited = None;
        self.drain(device)
    }

    fn part_at_random(&mut self) {
        let island: BTreeSet<usize> = (0..self.devices.len())
            .filter(|_| self.random.chance(50))
            .collect();
        self.part(island);
    }

    /// The network falls apart into two islands for a while.
    pub(crate) fn part(&mut self, island: BTreeSet<usize>) {
        self.happened(Fault::Partition);
        self.network.part(Some(island));
        for wire in self.network.open_wires() {
            let [one, other] = [0, 1].map(|end| self.network.wires[wire].ends[end].device);
            if !self.network.reaches(one, other) {
                self.cut(wire);
            }
        }
        self.later(1_000, 60_000, Happening::Join);
    }

    /// Somebody ends the process, copies an old backup over the vault and starts it again.
    fn restore(&mut self, device: usize) {
        if self.devices[device].disk.backup.is_some() && !self.devices[device].away {
            self.crash(device);
            let before = self.devices[device].disk.image.clone();
            if self.devices[device].disk.restore() {
                self.tell(|| format!("{device} gets an old backup"));
                self.acknowledged.rolled_back(device, before);
                self.happened(Fault::RolledBack);
            }
        }
    }

    /// A second connection where there is one already.
    fn dial_again(&mut self) {
        let open = self.network.open_wires();
        let Some(wire) = self.random.pick(&open).copied() else {
            return;
        };
        let [one, other] = [0, 1].map(|end| self.network.wires[wire].ends[end].device);
        let (from, to) = if self.random.chance(50) {
            (one, other)
        } else {
            (other, one)
        };
        self.connect(from, to);
        self.happened(Fault::DuplicateDial);
    }

    /// Consent is taken back from a person to whom frames are on their way right now. Without any
    /// such wire nothing happens.
    fn take_back_in_sync(&mut self) -> Result<(), String> {
        let mut chances = Vec::new();
        for wire in self.network.open_wires() {
            if !self.network.is_busy(wire) {
                continue;
            }
            for end in 0..2 {
                let ends = &self.network.wires[wire].ends;
                let (owner, reader) = (ends[end].device, ends[1 - end].device);
                chances.extend(self.shared_by(owner, reader, Role::Read));
            }
        }
        if let Some((owner, document, reader)) = self.random.pick(&chances).copied() {
            self.share_as(owner, document, reader, Role::None)?;
            self.happened(Fault::TakenBackInSync);
        }
        Ok(())
    }

    /// One device of an owner is alone for a while and takes consent back; meanwhile the grantee
    /// writes, and another device of the owner admits it or changes the consent.
    fn take_back_apart(&mut self) -> Result<(), String> {
        let mut chances = Vec::new();
        for (owner, reader) in self.peers.clone() {
            let other = self.others_of(owner).first().copied();
            let up = |device: usize| !self.devices[device].down;
            if let Some(other) = other.filter(|other| up(*other) && up(owner) && up(reader)) {
                let shared = self.shared_by(owner, reader, Role::Write).into_iter();
                chances.extend(shared.map(|shared| (shared, other)));
            }
        }
        let Some(((owner, document, reader), other)) = self.random.pick(&chances).copied() else {
            return Ok(());
        };
        self.part(BTreeSet::from([owner]));
        self.share_as(owner, document, reader, Role::None)?;
        if self.random.chance(30) && self.devices[other].documents().contains(&document) {
            let role = *self
                .random
                .pick(&[Role::Read, Role::Write])
                .unwrap_or(&Role::Read);
            self.share_as(other, document, reader, role)?;
            self.happened(Fault::ChangedMeanwhile);
        }
        self.write(reader, document)
    }

    /// A device is alone for a while and writes; meanwhile the owner erases the document.
    fn erase_apart(&mut self) -> Result<(), String> {
        let mut chances = Vec::new();
        for (owner, writer) in &self.peers {
            if !self.devices[*writer].down {
                chances.extend(self.shared_by(*owner, *writer, Role::Write));
            }
        }
        if let Some((owner, document, writer)) = self.random.pick(&chances).copied() {
            self.part(BTreeSet::from([writer]));
            self.write(writer, document)?;
            self.erase(owner, document)?;
            self.happened(Fault::ErasedMeanwhile);
        }
        Ok(())
    }

    /// Documents of a device's person that another person holds a role in, as the device knows.
    fn shared_by(
        &self,
        owner: usize,
        reader: usize,
        least: Role,
    ) -> Vec<(usize, DocumentId, usize)> {
        let (it, person) = (&self.devices[owner], self.devices[reader].person);
        if it.down || it.person == person || !it.is_honest() {
            return Vec::new();
        }
        it.documents()
            .into_iter()
            .filter(|document| self.truth.owns(document, it.person))
            .filter(|document| it.engine().role(*document, person) >= least)
            .map(|document| (owner, document, reader))
            .collect()
    }

    /// People close and open a program that says it cannot save, at some point.
    fn reopen_failed(&mut self) {
        for device in 0..self.devices.len() {
            if self.devices[device].disk.has_failed() && self.random.chance(40) {
                self.crash(device);
            }
        }
    }
}
