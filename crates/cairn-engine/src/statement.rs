//! Signed statements about people, devices and consent: their bytes, signatures and names.
//!
//! # Role
//! A statement is a small signed record. Rosters, grants, author cards and receipts are sets of
//! statements that peers merge by union; what a set means is decided in
//! [`people`](crate::people) and [`consent`](crate::consent).
//!
//! # Invariants
//! * The bytes received are the bytes kept, hashed and passed on.
//! * Fields added later go to the end of a body; bytes after the known fields are kept and ignored.
//!
//! Layout: `version u8 = 1 | kind u8 | signer 32 | body (postcard) | Ed25519 signature 64`. The
//! signature covers `"cairn statement v1"` and all bytes before it.

use automerge::ChangeHash;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::id::{DeviceId, DocumentId, PersonId};
use crate::storage::RecordHash;
use crate::wire::hash_lists;

const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 64;
const HEADER_BYTES: usize = 2 + 32;
const STATEMENT_DOMAIN: &[u8] = b"cairn statement v1";
const JOINS_DOMAIN: &[u8] = b"cairn device joins v1";

/// Largest statement: one must fit the 4 KiB that an introduction may carry.
pub const STATEMENT_BYTES_MAX: usize = 4096;

/// Why bytes are not a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Longer than [`STATEMENT_BYTES_MAX`] or shorter than header and signature.
    #[error("the statement has an impossible length")]
    Length,
    /// Written by a newer program.
    #[error("the statement has an unknown version or kind")]
    Unknown,
    /// The body does not decode.
    #[error("the statement's body is malformed")]
    Malformed,
    /// Not signed by the key it names.
    #[error("the statement's signature does not match")]
    Signature,
    /// Signed by a key that may not make this statement.
    #[error("the statement's signer may not make it")]
    Signer,
}

/// A device joined a person's roster. Signed by the person's recovery key or by a current device
/// of that person, and countersigned by the device itself: nobody can claim another's device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAdded {
    /// Whose device.
    pub person: PersonId,
    /// The device's signing key.
    pub device: DeviceId,
    /// When, by the signer's clock: milliseconds since the Unix epoch. Never judged.
    pub at_millis: i64,
    /// The device's own signature over `"cairn device joins v1"` ‖ person 32.
    pub joins: Vec<u8>,
}

impl DeviceAdded {
    /// The statement that the device with this secret joins a person's roster, countersigned.
    pub fn countersigned(person: PersonId, device_secret: &[u8; 32], at_millis: i64) -> Self {
        Self {
            person,
            device: DeviceId::from_bytes(public_key(device_secret)),
            at_millis,
            joins: sign(JOINS_DOMAIN, person.as_bytes(), device_secret).to_vec(),
        }
    }

    /// Whether the device itself has signed.
    pub fn is_countersigned(&self) -> bool {
        verify(
            JOINS_DOMAIN,
            self.person.as_bytes(),
            &self.joins,
            self.device.as_bytes(),
        )
        .is_ok()
    }
}

/// A device left a person's roster. Signed by the person's recovery key; outranks all else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRevoked {
    /// Whose device.
    pub person: PersonId,
    /// The device's signing key.
    pub device: DeviceId,
    /// Roster statements of that device that stay valid.
    pub statements_kept: Vec<RecordHash>,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// What stays of a revoked device's work in one document. Signed by the person's recovery key;
/// several are merged to the union of what they keep.
///
/// It is a statement about the document and not part of the roster: a roster is shown to everyone
/// the person is paired with, and a document exists only for those it is shared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCut {
    /// The document and its owner.
    pub origin: Origin,
    /// Whose device.
    pub person: PersonId,
    /// The device's signing key.
    pub device: DeviceId,
    /// Changes that stay valid: those of the device at or below these.
    #[serde(with = "hash_lists")]
    pub heads: Vec<ChangeHash>,
    /// Statements of the device about this document that stay valid.
    pub statements_kept: Vec<RecordHash>,
    /// Whether what lies beyond is refused for good. Until then it waits to be decided.
    pub closed: bool,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// Asks everyone to serve a device nothing until the recovery key decides. Signed by a device of
/// the same person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePaused {
    /// Whose device.
    pub person: PersonId,
    /// The device's signing key.
    pub device: DeviceId,
    /// Devices that the paused one has added and that are not paused with it, by the statements
    /// that added them.
    pub additions_kept: Vec<RecordHash>,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// Ends pauses of a device. Signed by the person's recovery key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseLifted {
    /// Whose device.
    pub person: PersonId,
    /// The device's signing key.
    pub device: DeviceId,
    /// The pauses that end.
    pub pauses: Vec<RecordHash>,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// What a document's id commits to.
///
/// `DocumentId = BLAKE3("cairn document v1" ‖ owner 32 ‖ kind u16 LE ‖ salt 16)[..16]`, so a peer
/// that learned an id cannot claim the document for itself, nor call it another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The owner, for life.
    pub owner: PersonId,
    /// The kind of document; numbers are the model's.
    pub kind: u16,
    /// Random.
    pub salt: [u8; 16],
}

impl Origin {
    /// The id that commits to this origin.
    pub fn document(&self) -> DocumentId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn document v1");
        hasher.update(self.owner.as_bytes());
        hasher.update(&self.kind.to_le_bytes());
        hasher.update(&self.salt);
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        DocumentId::from_bytes(bytes)
    }
}

/// What a grantee may do. The order is from more to less restrictive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Nothing: consent was taken back.
    None,
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// Consent of a document's owner for one person. Signed by a device of the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The document and its owner.
    pub origin: Origin,
    /// Who is allowed.
    pub grantee: PersonId,
    /// What they may do.
    pub role: Role,
    /// What for, in the owner's words; at most 500 characters.
    pub purpose: String,
    /// When the owner wants this to end, milliseconds since the Unix epoch. The owner's device
    /// then signs a new statement; nobody judges a change by it.
    pub expires_millis: Option<i64>,
    /// The statements this one supersedes.
    pub replaces: Vec<RecordHash>,
    /// Heads of the document when it was signed.
    #[serde(with = "hash_lists")]
    pub heads: Vec<ChangeHash>,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// Introduces another writer of a shared document to a grantee. Signed by a device of the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorCard {
    /// The document and its owner.
    pub origin: Origin,
    /// The writer.
    pub person: PersonId,
    /// What the owner calls the writer; at most 100 characters.
    pub label: String,
    /// The writer's devices.
    pub devices: Vec<DeviceId>,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// A document's id is not used any more: whoever has the document is asked to remove what is in it.
/// Signed by a device of the owner. Nothing takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRetired {
    /// The document and its owner.
    pub origin: Origin,
    /// Heads of what the signing device had of it. What somebody wrote beyond them, and the owner's
    /// side never took, stays with its writer as a draft.
    #[serde(with = "hash_lists")]
    pub heads: Vec<ChangeHash>,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// Tells one person in which document a retired one goes on. Signed by a device of the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentContinued {
    /// The retired document and its owner.
    pub origin: Origin,
    /// Who is told.
    pub person: PersonId,
    /// The document that goes on.
    pub successor: DocumentId,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// What a receipt confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReceiptKind {
    /// The statement is known and followed.
    Noted,
    /// The document was removed here, as asked.
    Erased,
}

/// A grantee's device took note of a statement of the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The document.
    pub document: DocumentId,
    /// The statement.
    pub statement: RecordHash,
    /// The grantee whose device signs.
    pub person: PersonId,
    /// What is confirmed.
    pub kind: ReceiptKind,
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// The TLS key of one device for one relationship. Signed by that device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsKey {
    /// Whose device.
    pub person: PersonId,
    /// The Ed25519 public key used in TLS.
    pub tls_public: [u8; 32],
    /// When, by the signer's clock.
    pub at_millis: i64,
}

/// A statement's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// See [`DeviceAdded`].
    DeviceAdded(DeviceAdded),
    /// See [`DeviceRevoked`].
    DeviceRevoked(DeviceRevoked),
    /// See [`Grant`].
    Grant(Grant),
    /// See [`AuthorCard`].
    AuthorCard(AuthorCard),
    /// See [`Receipt`].
    Receipt(Receipt),
    /// See [`TlsKey`].
    TlsKey(TlsKey),
    /// See [`DevicePaused`].
    DevicePaused(DevicePaused),
    /// See [`PauseLifted`].
    PauseLifted(PauseLifted),
    /// See [`DeviceCut`].
    DeviceCut(DeviceCut),
    /// See [`DocumentRetired`].
    DocumentRetired(DocumentRetired),
    /// See [`DocumentContinued`].
    DocumentContinued(DocumentContinued),
}

impl Statement {
    const fn kind(&self) -> u8 {
        match self {
            Self::DeviceAdded(_) => 1,
            Self::DeviceRevoked(_) => 2,
            Self::Grant(_) => 3,
            Self::AuthorCard(_) => 4,
            Self::Receipt(_) => 5,
            Self::TlsKey(_) => 6,
            Self::DevicePaused(_) => 7,
            Self::PauseLifted(_) => 8,
            Self::DeviceCut(_) => 9,
            Self::DocumentRetired(_) => 10,
            Self::DocumentContinued(_) => 11,
        }
    }

    /// The person whose roster this belongs to, for roster statements.
    pub(crate) const fn roster_of(&self) -> Option<PersonId> {
        match self {
            Self::DeviceAdded(body) => Some(body.person),
            Self::DeviceRevoked(body) => Some(body.person),
            Self::DevicePaused(body) => Some(body.person),
            Self::PauseLifted(body) => Some(body.person),
            Self::Grant(_)
            | Self::AuthorCard(_)
            | Self::Receipt(_)
            | Self::TlsKey(_)
            | Self::DeviceCut(_)
            | Self::DocumentRetired(_)
            | Self::DocumentContinued(_) => None,
        }
    }

    /// The document this is about, if it is about one.
    pub fn document(&self) -> Option<DocumentId> {
        match self {
            Self::Grant(body) => Some(body.origin.document()),
            Self::AuthorCard(body) => Some(body.origin.document()),
            Self::Receipt(body) => Some(body.document),
            Self::DeviceCut(body) => Some(body.origin.document()),
            Self::DocumentRetired(body) => Some(body.origin.document()),
            Self::DocumentContinued(body) => Some(body.origin.document()),
            Self::DeviceAdded(_)
            | Self::DeviceRevoked(_)
            | Self::TlsKey(_)
            | Self::DevicePaused(_)
            | Self::PauseLifted(_) => None,
        }
    }

    fn encode_body(&self) -> Vec<u8> {
        let body = match self {
            Self::DeviceAdded(body) => postcard::to_allocvec(body),
            Self::DeviceRevoked(body) => postcard::to_allocvec(body),
            Self::Grant(body) => postcard::to_allocvec(body),
            Self::AuthorCard(body) => postcard::to_allocvec(body),
            Self::Receipt(body) => postcard::to_allocvec(body),
            Self::TlsKey(body) => postcard::to_allocvec(body),
            Self::DevicePaused(body) => postcard::to_allocvec(body),
            Self::PauseLifted(body) => postcard::to_allocvec(body),
            Self::DeviceCut(body) => postcard::to_allocvec(body),
            Self::DocumentRetired(body) => postcard::to_allocvec(body),
            Self::DocumentContinued(body) => postcard::to_allocvec(body),
        };
        body.expect("plain data in memory always encodes")
    }

    fn decode_body(kind: u8, body: &[u8]) -> Result<Self, StatementError> {
        fn known_fields<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, StatementError> {
            let (value, _later_fields) =
                postcard::take_from_bytes(body).map_err(|_error| StatementError::Malformed)?;
            Ok(value)
        }
        Ok(match kind {
            1 => Self::DeviceAdded(known_fields(body)?),
            2 => Self::DeviceRevoked(known_fields(body)?),
            3 => Self::Grant(known_fields(body)?),
            4 => Self::AuthorCard(known_fields(body)?),
            5 => Self::Receipt(known_fields(body)?),
            6 => Self::TlsKey(known_fields(body)?),
            7 => Self::DevicePaused(known_fields(body)?),
            8 => Self::PauseLifted(known_fields(body)?),
            9 => Self::DeviceCut(known_fields(body)?),
            10 => Self::DocumentRetired(known_fields(body)?),
            11 => Self::DocumentContinued(known_fields(body)?),
            _ => return Err(StatementError::Unknown),
        })
    }
}

/// A statement whose signature was checked, with the bytes it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedStatement {
    bytes: Vec<u8>,
    signer: [u8; 32],
    statement: Statement,
}

impl std::fmt::Debug for SignedStatement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedStatement")
            .field("hash", &self.hash())
            .field("kind", &self.statement.kind())
            .finish_non_exhaustive()
    }
}

impl SignedStatement {
    /// Signs a statement with an Ed25519 key given by its 32-byte seed.
    pub fn sign(statement: Statement, secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let signer = key.verifying_key().to_bytes();
        let mut bytes = vec![VERSION, statement.kind()];
        bytes.extend_from_slice(&signer);
        bytes.extend_from_slice(&statement.encode_body());
        let signature = key.sign(&in_domain(STATEMENT_DOMAIN, &bytes));
        bytes.extend_from_slice(&signature.to_bytes());
        Self {
            bytes,
            signer,
            statement,
        }
    }

    /// Reads a statement and checks its signature.
    ///
    /// # Errors
    /// The sender's fault, or a newer version; nothing is kept.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, StatementError> {
        Unverified::from_bytes(bytes)?.verify()
    }

    /// The bytes as received or made.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The public key that signed.
    pub fn signer(&self) -> &[u8; 32] {
        &self.signer
    }

    /// The signing device, for statements that devices sign.
    pub fn signing_device(&self) -> DeviceId {
        DeviceId::from_bytes(self.signer)
    }

    /// What is stated.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The statement's name: BLAKE3 of all bytes but the signature.
    pub fn hash(&self) -> RecordHash {
        record_hash(&self.bytes)
    }
}

/// A statement that was read but whose signature was not checked: good for asking whether it is
/// known already, and for nothing else.
#[derive(Debug)]
pub(crate) struct Unverified(SignedStatement);

impl Unverified {
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, StatementError> {
        let smallest = HEADER_BYTES + SIGNATURE_BYTES;
        if bytes.len() < smallest || bytes.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::Length);
        }
        let (header, body) = bytes[..bytes.len() - SIGNATURE_BYTES].split_at(HEADER_BYTES);
        if header[0] != VERSION {
            return Err(StatementError::Unknown);
        }
        let signer: [u8; 32] = header[2..]
            .try_into()
            .map_err(|_error| StatementError::Length)?;
        let statement = Statement::decode_body(header[1], body)?;
        Ok(Self(SignedStatement {
            signer,
            statement,
            bytes,
        }))
    }

    pub(crate) fn verify(self) -> Result<SignedStatement, StatementError> {
        let bytes = &self.0.bytes;
        let (signed, signature) = bytes.split_at(bytes.len() - SIGNATURE_BYTES);
        verify(STATEMENT_DOMAIN, signed, signature, &self.0.signer)?;
        Ok(self.0)
    }

    pub(crate) fn statement(&self) -> &Statement {
        &self.0.statement
    }

    pub(crate) fn hash(&self) -> RecordHash {
        self.0.hash()
    }
}

/// BLAKE3 of a signed record without its signature, so that the name cannot be varied.
pub(crate) fn record_hash(bytes: &[u8]) -> RecordHash {
    let signed = &bytes[..bytes.len().saturating_sub(SIGNATURE_BYTES)];
    RecordHash(*blake3::hash(signed).as_bytes())
}

/// Signs `bytes` under a domain.
pub(crate) fn sign(domain: &[u8], bytes: &[u8], secret: &[u8; 32]) -> [u8; 64] {
    sign_with(domain, bytes, &SigningKey::from_bytes(secret))
}

/// Signs `bytes` under a domain with a key that is at hand.
pub(crate) fn sign_with(domain: &[u8], bytes: &[u8], key: &SigningKey) -> [u8; 64] {
    key.sign(&in_domain(domain, bytes)).to_bytes()
}

/// Checks a signature strictly (no small-order keys, no malleable signatures).
pub(crate) fn verify(
    domain: &[u8],
    bytes: &[u8],
    signature: &[u8],
    signer: &[u8; 32],
) -> Result<(), StatementError> {
    let key = VerifyingKey::from_bytes(signer).map_err(|_error| StatementError::Signature)?;
    let signature = Signature::from_slice(signature).map_err(|_error| StatementError::Signature)?;
    key.verify_strict(&in_domain(domain, bytes), &signature)
        .map_err(|_error| StatementError::Signature)
}

fn in_domain(domain: &[u8], bytes: &[u8]) -> Vec<u8> {
    [domain, bytes].concat()
}

/// The public half of an Ed25519 key given by its seed.
pub fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(secret).verifying_key().to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added() -> Statement {
        let person = PersonId::from_bytes([1; 32]);
        Statement::DeviceAdded(DeviceAdded::countersigned(person, &[2; 32], -5))
    }

    #[test]
    fn a_statement_comes_back_and_every_flipped_bit_is_found() {
        let signed = SignedStatement::sign(added(), &[3; 32]);
        let again = SignedStatement::from_bytes(signed.bytes().to_vec()).unwrap();
        assert_eq!(again, signed);
        assert_eq!(again.signer(), &public_key(&[3; 32]));
        for bit in 0..signed.bytes().len() * 8 {
            let mut bytes = signed.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SignedStatement::from_bytes(bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn later_fields_are_kept_and_ignored() {
        let mut bytes = SignedStatement::sign(added(), &[3; 32]).bytes().to_vec();
        bytes.truncate(bytes.len() - SIGNATURE_BYTES);
        bytes.extend_from_slice(b"a field of a later version");
        let signature = sign(STATEMENT_DOMAIN, &bytes, &[3; 32]);
        bytes.extend_from_slice(&signature);
        let read = SignedStatement::from_bytes(bytes.clone()).unwrap();
        assert_eq!(read.statement(), &added());
        assert_eq!(read.bytes(), bytes);
    }

    #[test]
    fn a_documents_id_commits_to_owner_kind_and_salt() {
        let origin = Origin {
            owner: PersonId::from_bytes([1; 32]),
            kind: 1,
            salt: [4; 16],
        };
        let mut ids = vec![origin.document()];
        ids.push(
            Origin {
                owner: PersonId::from_bytes([2; 32]),
                ..origin
            }
            .document(),
        );
        ids.push(Origin { kind: 2, ..origin }.document());
        ids.push(
            Origin {
                salt: [5; 16],
                ..origin
            }
            .document(),
        );
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4);
        assert_eq!(origin.document(), origin.document());
    }
}
