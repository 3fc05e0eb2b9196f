//! Attestations: a device's signature over what it has written and admitted in a document.
//!
//! # Role
//! automerge makes a device's change descend from all that device had before, so one signature
//! over the heads of a document proves every change of that device below them. The same signature
//! says which changes of others the device has admitted; signed by a device of the owner, this is
//! the judgement on policy that every other device follows.
//!
//! # Why an attacker cannot borrow it
//! Anyone can make a change under an actor that commits to another's device (salts are public).
//! Such a change is below no heads that device signed, since a device signs only heads of what it
//! has admitted and it admits nothing unproven.
//!
//! Layout: `version u8 = 1 | body (postcard) | Ed25519 signature 64`; the signature covers
//! `"cairn attestation v1"` and all bytes before it.

use automerge::{ActorId, ChangeHash};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, DocumentId, ProcessId};
use crate::statement::{StatementError, record_hash, sign_with, verify};
use crate::storage::RecordHash;
use crate::wire::hash_lists;

const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 64;
const ATTESTATION_DOMAIN: &[u8] = b"cairn attestation v1";

/// Largest attestation: heads of 256 concurrent branches and the fixed part.
pub const ATTESTATION_BYTES_MAX: usize = 256 * 33 + 512;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    document: DocumentId,
    device: DeviceId,
    process: ProcessId,
    counter: u64,
    #[serde(with = "hash_lists")]
    heads: Vec<ChangeHash>,
    previous: Option<RecordHash>,
}

/// What a new attestation says.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The document.
    pub document: DocumentId,
    /// The process start it belongs to.
    pub process: ProcessId,
    /// Counts up from 1 within process start and document.
    pub counter: u64,
    /// All heads the device has, sorted.
    pub heads: &'a [ChangeHash],
    /// The attestation before, of the same process start and document.
    pub previous: Option<RecordHash>,
}

/// An attestation whose signature was checked, with the bytes it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Attestation {
    bytes: Vec<u8>,
    body: Body,
}

impl std::fmt::Debug for Attestation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attestation")
            .field("document", &self.body.document)
            .field("device", &self.body.device)
            .field("counter", &self.body.counter)
            .field("heads", &self.body.heads.len())
            .finish_non_exhaustive()
    }
}

impl Attestation {
    /// Signs a claim with a device's key, given by its 32-byte seed.
    pub fn sign(claim: Claim<'_>, device: DeviceId, secret: &[u8; 32]) -> Self {
        Self::sign_with(claim, device, &SigningKey::from_bytes(secret))
    }

    /// [`sign`](Self::sign) with a key whose public half need not be worked out again.
    pub(crate) fn sign_with(claim: Claim<'_>, device: DeviceId, key: &SigningKey) -> Self {
        let body = Body {
            document: claim.document,
            device,
            process: claim.process,
            counter: claim.counter,
            heads: claim.heads.to_vec(),
            previous: claim.previous,
        };
        let mut bytes = vec![VERSION];
        bytes.extend(postcard::to_allocvec(&body).expect("plain data in memory always encodes"));
        let signature = sign_with(ATTESTATION_DOMAIN, &bytes, key);
        bytes.extend_from_slice(&signature);
        Self { bytes, body }
    }

    /// Reads an attestation and checks its signature. Whether the device belongs to anyone is for
    /// the caller to judge.
    ///
    /// # Errors
    /// The sender's fault, or a newer version; nothing is kept.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, StatementError> {
        if bytes.len() <= 1 + SIGNATURE_BYTES || bytes.len() > ATTESTATION_BYTES_MAX {
            return Err(StatementError::Length);
        }
        let (signed, signature) = bytes.split_at(bytes.len() - SIGNATURE_BYTES);
        if signed[0] != VERSION {
            return Err(StatementError::Unknown);
        }
        let (body, _later_fields): (Body, _) =
            postcard::take_from_bytes(&signed[1..]).map_err(|_error| StatementError::Malformed)?;
        let ascending = body.heads.is_sorted_by(|one, next| one < next);
        if body.heads.is_empty() || !ascending {
            return Err(StatementError::Malformed);
        }
        verify(
            ATTESTATION_DOMAIN,
            signed,
            signature,
            body.device.as_bytes(),
        )?;
        Ok(Self { body, bytes })
    }

    /// The bytes as received or made.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its name in the vault.
    pub fn hash(&self) -> RecordHash {
        record_hash(&self.bytes)
    }

    /// The document.
    pub fn document(&self) -> DocumentId {
        self.body.document
    }

    /// The device that signed.
    pub fn device(&self) -> DeviceId {
        self.body.device
    }

    /// The start of that device's process.
    pub fn process(&self) -> ProcessId {
        self.body.process
    }

    /// Counts up within process start and document.
    pub fn counter(&self) -> u64 {
        self.body.counter
    }

    /// The attestation before it, of the same process start and document.
    #[cfg(test)]
    pub(crate) fn previous(&self) -> Option<RecordHash> {
        self.body.previous
    }

    /// The heads it covers: they and all below them.
    pub fn heads(&self) -> &[ChangeHash] {
        &self.body.heads
    }
}

/// The actor of a device in a document: it commits to the device, nobody else can claim it.
///
/// `BLAKE3("cairn actor" ‖ device 32 ‖ document 16 ‖ salt 8)[..16]`.
pub fn actor_of(device: DeviceId, document: DocumentId, salt: [u8; 8]) -> ActorId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn actor");
    hasher.update(device.as_bytes());
    hasher.update(document.as_bytes());
    hasher.update(&salt);
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    ActorId::from(bytes.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::public_key;

    #[test]
    fn an_attestation_comes_back_and_every_flipped_bit_is_found() {
        let device = DeviceId::from_bytes(public_key(&[1; 32]));
        let heads = [ChangeHash([1; 32]), ChangeHash([2; 32])];
        let claim = Claim {
            document: DocumentId::from_bytes([3; 16]),
            process: ProcessId::from_bytes([4; 16]),
            counter: 300,
            heads: &heads,
            previous: Some(RecordHash([5; 32])),
        };
        let made = Attestation::sign(claim, device, &[1; 32]);
        let read = Attestation::from_bytes(made.bytes().to_vec()).unwrap();
        assert_eq!(read, made);
        assert_eq!(read.heads(), heads);
        for bit in 0..made.bytes().len() * 8 {
            let mut bytes = made.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Attestation::from_bytes(bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn heads_stand_once_and_in_order_and_there_are_some() {
        let device = DeviceId::from_bytes(public_key(&[1; 32]));
        let check = |heads: &[u8], counts: bool| {
            let heads: Vec<ChangeHash> = heads.iter().map(|byte| ChangeHash([*byte; 32])).collect();
            let claim = Claim {
                document: DocumentId::from_bytes([3; 16]),
                process: ProcessId::from_bytes([4; 16]),
                counter: 1,
                heads: &heads,
                previous: None,
            };
            let made = Attestation::sign(claim, device, &[1; 32]);
            let read = Attestation::from_bytes(made.bytes().to_vec());
            assert_eq!(read.is_ok(), counts, "{heads:?}");
        };
        check(&[1], true);
        check(&[1, 2, 9], true);
        check(&[], false);
        check(&[2, 1], false);
        check(&[1, 1], false);
    }

    #[test]
    fn an_actor_commits_to_device_document_and_salt() {
        let device = DeviceId::from_bytes([1; 32]);
        let document = DocumentId::from_bytes([2; 16]);
        let actor = actor_of(device, document, [3; 8]);
        assert_ne!(
            actor,
            actor_of(DeviceId::from_bytes([9; 32]), document, [3; 8])
        );
        assert_ne!(
            actor,
            actor_of(device, DocumentId::from_bytes([9; 16]), [3; 8])
        );
        assert_ne!(actor, actor_of(device, document, [9; 8]));
        assert_eq!(actor.to_bytes().len(), 16);
    }
}
