//! A stolen device: a notebook that works, in the wrong hands, until its owner revokes it.
//!
//! The engine on it is the real one. What the thief does beyond that is to sign statements that
//! only the recovery key may sign, and to send them to everyone.

use cairn_engine::{
    DeviceAdded, DeviceError, DevicePaused, DeviceRevoked, Grant, PauseLifted, Role,
    SignedStatement, Statement,
};

use crate::faults::Fault;
use crate::wire_format::statements_frame;
use crate::world::{Happening, World};

impl World {
    /// A device is stolen. Its owner has another one, and notices some time later.
    pub(crate) fn steal(&mut self, device: usize) {
        let stolen_already = self.devices.iter().any(|it| it.stolen);
        let id = self.devices[device].id();
        let copies = self.devices.iter().filter(|it| it.id() == id).count();
        if stolen_already || copies > 1 || self.others_of(device).is_empty() {
            return;
        }
        let sponsored = self.truth.added_by.values().any(|by| *by == id);
        if !self.counts(device) || sponsored {
            return;
        }
        self.devices[device].stolen = true;
        self.tell(|| format!("{device} is stolen"));
        self.happened(Fault::Stolen);
        self.later(0, 3_000, Happening::Thieve { device });
        if let Some(by) = self.others_of(device).first().copied() {
            self.later(5_000, 90_000, Happening::Revoke { by, device });
        }
    }

    /// The thief tries something.
    pub(crate) fn thieve(&mut self, device: usize) -> Result<(), String> {
        self.later(1_000, 15_000, Happening::Thieve { device });
        if self.devices[device].down {
            return Ok(());
        }
        let others = self.others_of(device);
        let Some(victim) = self.random.pick(&others).copied() else {
            return Ok(());
        };
        match self.random.below(8) {
            0..2 => self.forge_eviction(device, victim),
            2 => self.pause(device, victim)?,
            3 => self.evict_with_wrong_code(device, victim)?,
            4 | 5 => {
                let documents = self.devices[device].documents();
                if let Some(document) = self.random.pick(&documents).copied() {
                    self.forge_entry(device, document)?;
                }
            }
            _ => self.forge_statement(device, victim),
        }
        self.drain(device)
    }

    fn forge_eviction(&mut self, device: usize, victim: usize) {
        let revoked = DeviceRevoked {
            person: self.devices[device].person,
            device: self.devices[victim].id(),
            statements_kept: Vec::new(),
            at_millis: self.clocks(device).wall_millis,
        };
        if self.send_signed(device, Statement::DeviceRevoked(revoked)) {
            self.happened(Fault::EvictionForged);
        }
    }

    /// The engine itself is asked to evict, with a code that the thief made up.
    fn evict_with_wrong_code(&mut self, device: usize, victim: usize) -> Result<(), String> {
        let (now, id) = (self.clocks(device), self.devices[victim].id());
        let guessed: [u8; 32] = self.random.bytes();
        let engine = self.devices[device].engine_mut();
        match engine.revoke_device(now, id, &guessed, &[]) {
            Err(DeviceError::WrongRecoveryKey) => {
                self.happened(Fault::EvictionForged);
                Ok(())
            }
            other => Err(format!(
                "device {device} was to be refused without the recovery code: {other:?}"
            )),
        }
    }

    /// Consent, pauses and their end, signed by the stolen device: some are its to sign until it is
    /// revoked, some never are.
    fn forge_statement(&mut self, device: usize, victim: usize) {
        let (it, now) = (&self.devices[device], self.clocks(device));
        let at_millis = now.wall_millis;
        let (me, person, other) = (it.id(), it.person, self.devices[victim].id());
        let documents = it.documents();
        let document = self.random.pick(&documents).copied();
        let origin = document.and_then(|document| self.devices[device].engine().origin(document));
        let statement = match (self.random.below(4), origin) {
            (0, Some(origin)) => Statement::Grant(Grant {
                origin,
                // To the own person, or to whoever owns it: it must never mean anything.
                grantee: person,
                role: Role::Write,
                purpose: String::new(),
                expires_millis: None,
                replaces: Vec::new(),
                heads: Vec::new(),
                at_millis,
            }),
            (1, _) => Statement::PauseLifted(PauseLifted {
                person,
                device: me,
                pauses: Vec::new(),
                at_millis,
            }),
            (2, _) => {
                self.truth.paused.insert(other);
                Statement::DevicePaused(DevicePaused {
                    person,
                    device: other,
                    additions_kept: Vec::new(),
                    at_millis,
                })
            }
            _ => {
                let secret: [u8; 32] = self.random.bytes();
                let added = DeviceAdded::countersigned(person, &secret, at_millis);
                self.truth.added_by.insert(added.device, me);
                Statement::DeviceAdded(added)
            }
        };
        if self.send_signed(device, statement) {
            self.happened(Fault::StatementForged);
        }
    }

    /// Sends a statement that a device signed to everyone it is connected to. Returns whether
    /// there was anyone.
    fn send_signed(&mut self, device: usize, statement: Statement) -> bool {
        let signed = SignedStatement::sign(statement, self.devices[device].secret());
        let frame = statements_frame(&[signed.bytes().to_vec()]);
        let wires = self.ends_of(device);
        for (wire, end) in &wires {
            self.transmit(*wire, *end, frame.clone());
        }
        !wires.is_empty()
    }
}
