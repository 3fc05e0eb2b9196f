//! People of a benchmark: keys from a number, and what they would keep in their vaults.

use cairn_engine::{
    Config, DeviceAdded, DeviceId, DocumentRules, Limits, PersonId, ProcessId, SignedStatement,
    Statement, public_key,
};
use std::sync::Arc;

/// A person with one device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) person: PersonId,
    pub(crate) device: DeviceId,
    pub(crate) secret: [u8; 32],
    /// Not known of a real notebook's person: it is kept on no device.
    recovery: Option<[u8; 32]>,
}

impl Identity {
    /// The same number gives the same person.
    pub(crate) fn numbered(number: u32) -> Self {
        let key = |of: u8| {
            let mut key = [of; 32];
            key[..4].copy_from_slice(&number.to_le_bytes());
            key
        };
        let (recovery, secret) = (key(100), key(10));
        Self {
            person: PersonId::from_bytes(public_key(&recovery)),
            device: DeviceId::from_bytes(public_key(&secret)),
            secret,
            recovery: Some(recovery),
        }
    }

    /// The person and device of a real notebook.
    pub(crate) fn of(person: PersonId, secret: [u8; 32]) -> Self {
        Self {
            person,
            device: DeviceId::from_bytes(public_key(&secret)),
            secret,
            recovery: None,
        }
    }

    /// The statement that makes the device one of the person's.
    pub(crate) fn roster(&self) -> Vec<u8> {
        let added = DeviceAdded::countersigned(self.person, &self.secret, 0);
        let recovery = self
            .recovery
            .expect("people of a benchmark have their recovery key");
        SignedStatement::sign(Statement::DeviceAdded(added), &recovery)
            .bytes()
            .to_vec()
    }

    /// What an engine of this device is made with.
    pub(crate) fn config(&self, limits: &Limits, rules: &Arc<dyn DocumentRules>) -> Config {
        Config {
            person: self.person,
            device_secret: self.secret.into(),
            process: ProcessId::from_bytes([self.secret[0]; 16]),
            seed: self.secret,
            limits: limits.clone(),
            rules: rules.clone(),
            compression: Arc::new(cairn_node::Zstd),
        }
    }
}
