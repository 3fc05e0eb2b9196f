//! Who may connect: the people this device is paired with and the keys of their devices.
//!
//! Invariants: a key is valid only within the relationship it is pinned in; a label stands for at
//! most one relationship.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;

use super::label::label;
use crate::secret::Key256;

/// One device of the other person and the TLS key it uses in this relationship only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinnedDevice {
    /// The device's id (its signing key), which the transport only passes on.
    pub device: [u8; 32],
    /// Ed25519 public key of its end of this relationship's TLS handshakes.
    pub tls_public: [u8; 32],
}

/// What two people's devices share so that they can connect: made at pairing, kept in the vault.
#[derive(Debug, Clone)]
pub struct Relationship {
    /// The other person's id, or the own one for a person's further devices.
    pub person: [u8; 32],
    /// Known to all devices of both people; names the relationship in a handshake.
    pub pair_secret: Key256,
    /// Seed of this device's own Ed25519 TLS key, used in this relationship only.
    pub own_tls_seed: Key256,
    /// The devices that may connect. A device that is not listed is refused in the handshake.
    pub peers: Vec<PinnedDevice>,
}

impl Relationship {
    pub(crate) fn device(&self, tls_public: &[u8; 32]) -> Option<[u8; 32]> {
        self.peers
            .iter()
            .find(|peer| peer.tls_public == *tls_public)
            .map(|peer| peer.device)
    }
}

/// The public half of a TLS key, as it goes into the statement that the other person pins.
pub fn tls_public(seed: &Key256) -> [u8; 32] {
    SigningKey::from_bytes(seed.expose())
        .verifying_key()
        .to_bytes()
}

/// All relationships of this device, found by person or by label.
#[derive(Debug, Default)]
pub(crate) struct RelationshipSet {
    by_person: BTreeMap<[u8; 32], Arc<Relationship>>,
    /// Labels of the epochs around `labels_epoch`; empty when they must be computed anew.
    by_label: BTreeMap<String, [u8; 32]>,
    labels_epoch: u64,
}

impl RelationshipSet {
    pub(crate) fn insert(&mut self, relationship: Relationship) {
        self.by_person
            .insert(relationship.person, Arc::new(relationship));
        self.by_label.clear();
    }

    pub(crate) fn remove(&mut self, person: &[u8; 32]) {
        self.by_person.remove(person);
        self.by_label.clear();
    }

    pub(crate) fn person(&self, person: &[u8; 32]) -> Option<Arc<Relationship>> {
        self.by_person.get(person).cloned()
    }

    /// The relationship that a label stands for in this epoch, the one before or the one after.
    ///
    /// The labels are kept between calls, so a flood of unknown ones costs a lookup each.
    pub(crate) fn labelled(&mut self, name: &str, epoch: u64) -> Option<Arc<Relationship>> {
        if self.by_label.is_empty() || self.labels_epoch != epoch {
            self.by_label = self.labels_around(epoch);
            self.labels_epoch = epoch;
        }
        let person = self.by_label.get(name)?;
        self.by_person.get(person).cloned()
    }

    fn labels_around(&self, epoch: u64) -> BTreeMap<String, [u8; 32]> {
        let epochs = epoch.saturating_sub(1)..=epoch.saturating_add(1);
        let mut labels = BTreeMap::new();
        for relationship in self.by_person.values() {
            for epoch in epochs.clone() {
                let name = label(&relationship.pair_secret, epoch);
                labels.insert(name, relationship.person);
            }
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relationship(person: u8, secret: u8) -> Relationship {
        Relationship {
            person: [person; 32],
            pair_secret: Key256::take(&mut [secret; 32]),
            own_tls_seed: Key256::take(&mut [9; 32]),
            peers: Vec::new(),
        }
    }

    #[test]
    fn a_label_is_accepted_one_epoch_early_or_late_and_no_further() {
        let mut set = RelationshipSet::default();
        set.insert(relationship(1, 11));
        let secret = Key256::take(&mut [11; 32]);
        for (epoch, known) in [
            (98, false),
            (99, true),
            (100, true),
            (101, true),
            (102, false),
        ] {
            let found = set.labelled(&label(&secret, epoch), 100);
            assert_eq!(found.is_some(), known, "epoch {epoch}");
        }
    }

    #[test]
    fn a_removed_or_renewed_relationship_loses_its_label() {
        let mut set = RelationshipSet::default();
        set.insert(relationship(1, 11));
        let old = label(&Key256::take(&mut [11; 32]), 5);
        let new = label(&Key256::take(&mut [12; 32]), 5);
        assert!(set.labelled(&old, 5).is_some());
        set.insert(relationship(1, 12));
        assert!(set.labelled(&old, 5).is_none());
        assert!(set.labelled(&new, 5).is_some());
        set.remove(&[1; 32]);
        assert!(set.labelled(&new, 5).is_none());
    }
}
