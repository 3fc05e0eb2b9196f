//! What people do with their devices and vaults.

use cairn_engine::{DeviceAdded, DeviceError, DeviceId, DocumentId, Role, SignedStatement};

use super::{Disk, World};

/// Two paired people, 0 and 1.
pub(crate) fn two() -> World {
    let mut world = World::new(2);
    world.pair(0, 1);
    world
}

/// A goal of person 0 that person 1 writes in, on both sides.
pub(crate) fn shared_goal(world: &mut World, title: &str) -> DocumentId {
    let goal = world.create_with_title(0, title);
    world.share(0, goal, 1, Role::Write);
    world.connect(0, 1);
    world.disconnect_all();
    goal
}

pub(crate) fn assert_equal(world: &World, document: DocumentId, sides: &[usize], title: &str) {
    for side in sides {
        assert_eq!(
            world.title(*side, document).as_deref(),
            Some(title),
            "{side}"
        );
        assert_eq!(
            world.engine(*side).heads(document),
            world.engine(sides[0]).heads(document)
        );
        world.assert_proven(*side, document);
    }
}

impl World {
    /// A further device of a side's person, added by it. Returns the new side.
    pub(crate) fn add_device(&mut self, by: usize) -> usize {
        let (new, recovery) = (self.sides.len(), self.sides[by].recovery);
        let secret = [10 + new as u8; 32];
        let person = self.person(by);
        let added = DeviceAdded::countersigned(person, &secret, 0);
        self.sides[by].engine.add_device(added).unwrap();
        let mut disk = Disk::default();
        for bytes in self.sides[by].engine.rosters() {
            let signed = SignedStatement::from_bytes(bytes.clone()).unwrap();
            disk.statements.insert(signed.hash().0, bytes);
        }
        self.start_side(recovery, secret, 0, disk);
        self.run();
        new
    }

    pub(crate) fn device(&self, side: usize) -> DeviceId {
        self.sides[side].engine.device()
    }

    pub(crate) fn revoke(&mut self, by: usize, side: usize) -> Result<(), DeviceError> {
        let (now, device) = (self.now(), self.device(side));
        let it = &mut self.sides[by];
        let contents = it.disk.contents.values();
        let stored: Vec<Vec<u8>> = contents
            .flat_map(|content| content.attestations.clone())
            .collect();
        let done = it.engine.revoke_device(now, device, &it.recovery, &stored);
        self.run();
        done
    }

    pub(crate) fn widen_cut(
        &mut self,
        by: usize,
        document: DocumentId,
        side: usize,
    ) -> Result<(), DeviceError> {
        let (now, device) = (self.now(), self.device(side));
        let it = &mut self.sides[by];
        let done = it.engine.widen_cut(now, document, device, &it.recovery);
        self.run();
        done
    }

    pub(crate) fn close_cut(&mut self, by: usize, document: DocumentId, side: usize) {
        let (now, device) = (self.now(), self.device(side));
        let it = &mut self.sides[by];
        it.engine
            .close_cut(now, document, device, &it.recovery)
            .unwrap();
        self.run();
    }

    pub(crate) fn pause(&mut self, by: usize, side: usize) {
        let (now, device) = (self.now(), self.device(side));
        self.sides[by].engine.pause_device(now, device).unwrap();
        self.run();
    }

    /// Lifts a pause with this recovery key, or with the right one.
    pub(crate) fn lift_pause(
        &mut self,
        by: usize,
        side: usize,
        recovery: Option<[u8; 32]>,
    ) -> Result<(), DeviceError> {
        let (now, device) = (self.now(), self.device(side));
        let it = &mut self.sides[by];
        let recovery = recovery.unwrap_or(it.recovery);
        let done = it.engine.lift_pause(now, device, &recovery);
        self.run();
        done
    }

    pub(crate) fn is_paused(&self, at: usize, side: usize) -> bool {
        self.engine(at)
            .is_paused(self.person(side), self.device(side))
    }

    /// What the vault of a side is now.
    pub(crate) fn backup(&self, side: usize) -> Disk {
        self.sides[side].disk.clone()
    }

    /// Ends a process and starts it with another vault.
    pub(crate) fn restore(&mut self, side: usize, backup: Disk) {
        self.run();
        self.sides[side].disk = backup;
        self.crash(side);
    }

    /// Starts a copy of a side's vault. Returns the new side.
    pub(crate) fn copy_vault(&mut self, of: usize) -> usize {
        self.copy(of, 77)
    }

    /// Starts a copy of a whole machine that is just about to start: even its random numbers are
    /// the same. Returns the new side.
    pub(crate) fn copy_machine(&mut self, of: usize) -> usize {
        self.restart(of);
        self.copy(of, self.sides[of].starts)
    }

    fn copy(&mut self, of: usize, starts: u8) -> usize {
        let it = &self.sides[of];
        let (recovery, secret, disk) = (it.recovery, it.secret, it.disk.clone());
        self.start_side(recovery, secret, starts, disk);
        self.sides.len() - 1
    }
}
