//! The people this notebook is paired with and the keys shared with them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use cairn_engine::{DeviceId, PersonId};
use serde::{Deserialize, Serialize};

use crate::core::lock;
use crate::node::Role;
use crate::secret::{Key256, SecretBytes};
use crate::transport::{PinnedDevice, Relationship};
use crate::vault::{Peer, Vault, VaultError};

/// Addresses kept for each person, best first; all are dialled at once.
pub(crate) const ADDRESSES_MAX: usize = 8;

/// A paired person with what is needed to reach them.
#[derive(Debug, Clone)]
pub(crate) struct Friend {
    pub(crate) person: PersonId,
    pub(crate) name: String,
    pub(crate) role: Option<Role>,
    pub(crate) pair_secret: Key256,
    pub(crate) tls_seed: Key256,
    /// Their devices with the TLS keys they use here.
    pub(crate) pinned: Vec<(DeviceId, [u8; 32])>,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// How the keys of a relationship are kept in the vault: postcard.
#[derive(Serialize, Deserialize)]
struct Keys {
    tls_seed: [u8; 32],
    pinned: Vec<([u8; 32], [u8; 32])>,
}

impl Friend {
    pub(crate) fn from_peer(peer: Peer) -> Option<Self> {
        let mut keys: Keys = postcard::from_bytes(peer.tls_key.expose()).ok()?;
        Some(Self {
            person: peer.person,
            name: peer.name,
            role: Role::from_number(peer.role),
            pair_secret: peer.pair_secret,
            tls_seed: Key256::take(&mut keys.tls_seed),
            pinned: keys
                .pinned
                .into_iter()
                .map(|(device, tls)| (DeviceId::from_bytes(device), tls))
                .collect(),
            addresses: peer.addresses,
        })
    }

    pub(crate) fn to_peer(&self) -> Peer {
        let keys = Keys {
            tls_seed: *self.tls_seed.expose(),
            pinned: self
                .pinned
                .iter()
                .map(|(device, tls)| (*device.as_bytes(), *tls))
                .collect(),
        };
        let bytes = postcard::to_allocvec(&keys).expect("plain data in memory always encodes");
        Peer {
            person: self.person,
            name: self.name.clone(),
            role: self.role.map_or(0, Role::number),
            pair_secret: self.pair_secret.clone(),
            tls_key: SecretBytes::from(bytes),
            devices: self.pinned.iter().map(|(device, _)| *device).collect(),
            addresses: self.addresses.clone(),
        }
    }

    /// What the transport needs: only devices that are current may connect.
    pub(crate) fn relationship(&self, current: &[DeviceId]) -> Relationship {
        let peers = self
            .pinned
            .iter()
            .filter(|(device, _)| current.contains(device))
            .map(|(device, tls)| PinnedDevice {
                device: *device.as_bytes(),
                tls_public: *tls,
            })
            .collect();
        Relationship {
            person: *self.person.as_bytes(),
            pair_secret: self.pair_secret.clone(),
            own_tls_seed: self.tls_seed.clone(),
            peers,
        }
    }
}

/// Everyone this notebook is paired with.
#[derive(Debug)]
pub(crate) struct Relationships {
    friends: Mutex<BTreeMap<PersonId, Friend>>,
}

impl Relationships {
    pub(crate) fn read(vault: &Vault) -> Result<Self, VaultError> {
        let friends = vault
            .peers()?
            .into_iter()
            .filter_map(Friend::from_peer)
            .map(|friend| (friend.person, friend))
            .collect();
        Ok(Self {
            friends: Mutex::new(friends),
        })
    }

    pub(crate) fn all(&self) -> Vec<Friend> {
        lock(&self.friends).values().cloned().collect()
    }

    pub(crate) fn friend(&self, person: PersonId) -> Option<Friend> {
        lock(&self.friends).get(&person).cloned()
    }

    /// Keeps a person durably.
    pub(crate) fn keep(&self, vault: &Vault, friend: Friend) -> Result<(), VaultError> {
        let mut friends = lock(&self.friends);
        vault.put_peer(friend.to_peer())?;
        friends.insert(friend.person, friend);
        Ok(())
    }

    /// Puts an address first. Returns the person if that changed something.
    pub(crate) fn remember(&self, person: PersonId, address: SocketAddr) -> Option<Friend> {
        let mut friends = lock(&self.friends);
        let friend = friends.get_mut(&person)?;
        if friend.addresses.first() == Some(&address) {
            return None;
        }
        friend.addresses.retain(|known| *known != address);
        friend.addresses.insert(0, address);
        friend.addresses.truncate(ADDRESSES_MAX);
        Some(friend.clone())
    }
}
