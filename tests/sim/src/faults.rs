//! What breaks: connections, the network, disks, processes, clocks; and somebody restores a backup.

use std::collections::BTreeSet;

use crate::disk::Condition;
use crate::world::{Happening, World};

impl World {
    /// Something breaks, and later something else.
    pub(crate) fn fault(&mut self) -> Result<(), String> {
        self.later(500, 25_000, Happening::Fault);
        let device = self.random.below(self.devices.len());
        let open = self.network.open_wires();
        match self.random.below(100) {
            0..30 => {
                if let Some(wire) = self.random.pick(&open).copied() {
                    self.cut(wire);
                }
            }
            30..40 => self.part(),
            40..58 => self.crash(device),
            58..66 => self.devices[device].disk.condition = Condition::Slow,
            66..71 => self.devices[device].disk.condition = Condition::Failing,
            71..75 => self.devices[device].disk.condition = Condition::Full,
            75..83 => {
                for it in &mut self.devices {
                    it.disk.condition = Condition::Sound;
                }
            }
            83..88 => {
                let disk = &mut self.devices[device].disk;
                disk.backup = Some(disk.image.clone());
            }
            88..91 => self.restore(device),
            91..95 => {
                let hours = self.random.between(0, 20_000);
                self.devices[device].clock_millis =
                    (i64::try_from(hours).unwrap_or_default() - 10_000) * 3_600_000;
            }
            _ => self.dial_again(device),
        }
        self.reopen_failed();
        Ok(())
    }

    /// The network falls apart into two islands for a while.
    fn part(&mut self) {
        let island: BTreeSet<usize> = (0..self.devices.len())
            .filter(|_| self.random.chance(50))
            .collect();
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
        if self.devices[device].disk.backup.is_some() {
            self.crash(device);
            if self.devices[device].disk.restore() {
                self.tell(|| format!("{device} gets an old backup"));
                self.acknowledged.forget(device);
            }
        }
    }

    /// A second connection where there is one already.
    fn dial_again(&mut self, device: usize) {
        let peers: Vec<usize> = self
            .peers
            .iter()
            .filter(|(one, _)| *one == device)
            .map(|(_, peer)| *peer)
            .collect();
        if let Some(peer) = self.random.pick(&peers).copied()
            && !self.devices[device].down
            && !self.devices[peer].down
            && self.network.reaches(device, peer)
        {
            let (wire, opens) = self.network.dial(self.now, device, peer, &mut self.random);
            for (end, at) in opens.into_iter().enumerate() {
                self.at(at, Happening::Open { wire, end });
            }
        }
    }

    /// People close and open a program that says it cannot save, at some point.
    fn reopen_failed(&mut self) {
        for device in 0..self.devices.len() {
            if self.devices[device].disk.has_failed() && self.random.chance(40) {
                self.crash(device);
            }
        }
    }

    /// All faults end.
    pub(crate) fn heal(&mut self) {
        self.calm = true;
        self.network.part(None);
        for device in 0..self.devices.len() {
            self.devices[device].disk.condition = Condition::Sound;
            if self.devices[device].disk.has_failed() {
                self.crash(device);
            }
            if self.devices[device].hostile {
                for wire in self.network.open_wires() {
                    if self.network.wires[wire]
                        .ends
                        .iter()
                        .any(|end| end.device == device)
                    {
                        self.cut(wire);
                    }
                }
            }
        }
    }
}
