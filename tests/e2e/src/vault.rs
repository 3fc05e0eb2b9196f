//! What a vault of the node holds, for peers that are no node.

use cairn_node::secret::Key256;
use cairn_node::transport::{PinnedDevice, Relationship};
use cairn_node::vault::Peer;

/// The relationship with a person who has one device. The keys are as `docs/formats-vault.md`
/// lists them: the seed of the own TLS key, then one pinned device and its TLS key.
///
/// # Panics
/// When the vault keeps them otherwise.
pub fn relationship(peer: &Peer) -> Relationship {
    let keys = peer.tls_key.expose();
    let (seed, pinned) = keys.split_at(32);
    assert_eq!((pinned[0], pinned.len()), (1, 65), "one device is pinned");
    let key = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).expect("keys have 32 bytes");
    Relationship {
        person: *peer.person.as_bytes(),
        pair_secret: peer.pair_secret.clone(),
        own_tls_seed: Key256::take(&mut key(seed)),
        peers: vec![PinnedDevice {
            device: key(&pinned[1..33]),
            tls_public: key(&pinned[33..65]),
        }],
    }
}
