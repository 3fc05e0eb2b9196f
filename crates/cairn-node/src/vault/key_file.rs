//! The key file: the random data key of a vault, wrapped by the passphrase and by the recovery code.
//!
//! The bytes are documented in `docs/formats.md`, section "Vault".
//!
//! # Invariants
//! * Nothing in the file makes the program allocate or compute beyond the caps of [`KdfCost`].
//! * Replaced whole or not at all: a new file is written beside it, synced, then renamed.

use std::io::Write;
use std::path::Path;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use super::error::VaultError;
use super::folder;
use crate::secret::{Key256, Passphrase, RecoveryCode, fill_random};

/// The name of the key file in the vault's folder.
pub(super) const NAME: &str = "vault.key";

const MAGIC: &[u8; 8] = b"cairnkey";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 12;
const COST_AND_SALT_BYTES: usize = 28;
const NONCE_BYTES: usize = 24;
const WRAP_BYTES: usize = NONCE_BYTES + 32 + 16;
const FILE_BYTES: usize = HEAD_BYTES + COST_AND_SALT_BYTES + 2 * WRAP_BYTES;

const PASSPHRASE_DOMAIN: &[u8] = b"cairn vault passphrase wrap";
const RECOVERY_DOMAIN: &[u8] = b"cairn vault recovery wrap";

/// What deriving a key from a passphrase costs, with Argon2id (RFC 9106).
///
/// Kept in the key file. Caps hold for what is read as for what is made: at most 1 GiB of memory,
/// 64 passes, 16 lanes, and memory times passes at most 8 GiB, which takes seconds, not hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfCost {
    /// 64 MiB, 3 passes, 1 lane: about 0.15 s on a small machine. More than the minimum OWASP
    /// names (19 MiB, 2 passes), and little enough for an old laptop.
    pub const STANDARD: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 1,
    };

    /// 64 KiB, 1 pass: protects nothing; for tests and simulations that open many vaults.
    pub const CHEAP_FOR_TESTS: Self = Self {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    /// A cost within the caps, else nothing.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let sound = (1..=16).contains(&lanes)
            && (1..=64).contains(&passes)
            && (8 * lanes..=1024 * 1024).contains(&memory_kib)
            && memory_kib * passes <= 8 * 1024 * 1024;
        sound.then_some(Self {
            memory_kib,
            passes,
            lanes,
        })
    }

    fn derive(self, passphrase: &Passphrase, salt: &[u8; 16]) -> Result<Key256, VaultError> {
        let no_memory = || VaultError::Memory {
            mebibytes: self.memory_kib.div_ceil(1024),
        };
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .expect("the caps of KdfCost are narrower than Argon2's");
        // Argon2's own allocation is not wiped, so the blocks are ours.
        let mut blocks: Vec<Block> = Vec::new();
        let count = params.block_count();
        blocks
            .try_reserve_exact(count)
            .map_err(|_full| no_memory())?;
        blocks.resize(count, Block::default());
        let mut key = Zeroizing::new([0; 32]);
        let derived = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(passphrase.expose(), salt, &mut *key, &mut blocks);
        blocks.iter_mut().for_each(Zeroize::zeroize);
        derived.expect("salt and key have lengths that Argon2 takes, and passphrases are short");
        Ok(Key256::take(&mut key))
    }
}

/// A key file that was read and found well formed, or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFile {
    cost: KdfCost,
    salt: [u8; 16],
    passphrase_wrap: [u8; WRAP_BYTES],
    recovery_wrap: [u8; WRAP_BYTES],
}

impl KeyFile {
    /// Wraps the data key by both.
    pub(super) fn seal(
        data_key: &Key256,
        passphrase: &Passphrase,
        code: &RecoveryCode,
        cost: KdfCost,
    ) -> Result<Self, VaultError> {
        let unsealed = Self {
            cost,
            salt: [0; 16],
            passphrase_wrap: [0; WRAP_BYTES],
            recovery_wrap: wrap(&code.vault_key(), data_key, &recovery_associated_data())?,
        };
        unsealed.rewrapped(data_key, passphrase, cost)
    }

    /// The same file with the data key under another passphrase; the recovery wrap stays.
    pub(super) fn rewrapped(
        &self,
        data_key: &Key256,
        passphrase: &Passphrase,
        cost: KdfCost,
    ) -> Result<Self, VaultError> {
        if passphrase.is_empty() {
            return Err(VaultError::PassphraseEmpty);
        }
        let mut file = self.clone();
        file.cost = cost;
        fill_random(&mut file.salt).map_err(no_random)?;
        let key = cost.derive(passphrase, &file.salt)?;
        file.passphrase_wrap = wrap(&key, data_key, &file.passphrase_associated_data())?;
        Ok(file)
    }

    /// The data key, by the passphrase. Takes as long as the cost in the file says.
    pub(super) fn open(&self, passphrase: &Passphrase) -> Result<Key256, VaultError> {
        let key = self.cost.derive(passphrase, &self.salt)?;
        let associated = self.passphrase_associated_data();
        unwrap(&key, &self.passphrase_wrap, &associated).ok_or(VaultError::WrongPassphrase)
    }

    /// The data key, by the recovery code.
    pub(super) fn open_with_code(&self, code: &RecoveryCode) -> Result<Key256, VaultError> {
        let associated = recovery_associated_data();
        unwrap(&code.vault_key(), &self.recovery_wrap, &associated)
            .ok_or(VaultError::WrongRecoveryCode)
    }

    /// Reads and checks the form; [`VaultError::NotAVault`] when there is none.
    pub(super) fn read(folder: &Path) -> Result<Self, VaultError> {
        match folder::read_capped(&folder.join(NAME), FILE_BYTES + 1) {
            Ok(bytes) => Self::decode(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(VaultError::NotAVault {
                    folder: folder.to_owned(),
                })
            }
            Err(error) => Err(VaultError::io("read vault.key", error)),
        }
    }

    /// Replaces the file in the folder, or makes it.
    pub(super) fn write(&self, folder: &Path) -> Result<(), VaultError> {
        folder::replace(folder, NAME, |file| file.write_all(&self.encode()))
            .map_err(|error| VaultError::io("write vault.key", error))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.passphrase_wrap);
        bytes.extend_from_slice(&self.recovery_wrap);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let (head, body) = bytes
            .split_at_checked(HEAD_BYTES)
            .filter(|(head, _)| head.starts_with(MAGIC))
            .ok_or_else(|| VaultError::damaged("vault.key is not a key file"))?;
        let number = |bytes: &[u8], at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let found = number(head, MAGIC.len());
        if found > VERSION {
            return Err(VaultError::Newer {
                found,
                known: VERSION,
            });
        }
        if found != VERSION || bytes.len() != FILE_BYTES {
            return Err(VaultError::damaged(
                "vault.key has a wrong version or length",
            ));
        }
        let cost = KdfCost::new(number(body, 0), number(body, 4), number(body, 8));
        let cost = cost.ok_or_else(|| {
            VaultError::damaged("vault.key asks for an absurd effort to derive the key")
        })?;
        let mut file = Self {
            cost,
            salt: [0; 16],
            passphrase_wrap: [0; WRAP_BYTES],
            recovery_wrap: [0; WRAP_BYTES],
        };
        let (salt, wraps) = body[12..].split_at(16);
        let (passphrase_wrap, recovery_wrap) = wraps.split_at(WRAP_BYTES);
        file.salt.copy_from_slice(salt);
        file.passphrase_wrap.copy_from_slice(passphrase_wrap);
        file.recovery_wrap.copy_from_slice(recovery_wrap);
        Ok(file)
    }

    /// Everything before the wraps.
    fn head(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FILE_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.cost.memory_kib.to_le_bytes());
        bytes.extend_from_slice(&self.cost.passes.to_le_bytes());
        bytes.extend_from_slice(&self.cost.lanes.to_le_bytes());
        bytes.extend_from_slice(&self.salt);
        bytes
    }

    fn passphrase_associated_data(&self) -> Vec<u8> {
        [PASSPHRASE_DOMAIN, &self.head()].concat()
    }
}

/// The recovery wrap does not cover cost and salt: they change with the passphrase.
fn recovery_associated_data() -> Vec<u8> {
    [RECOVERY_DOMAIN, MAGIC, &VERSION.to_le_bytes()].concat()
}

fn wrap(
    key: &Key256,
    data_key: &Key256,
    associated: &[u8],
) -> Result<[u8; WRAP_BYTES], VaultError> {
    let mut nonce = [0; NONCE_BYTES];
    fill_random(&mut nonce).map_err(no_random)?;
    let payload = Payload {
        msg: data_key.expose(),
        aad: associated,
    };
    let sealed = XChaCha20Poly1305::new(key.expose().into())
        .encrypt(&XNonce::from(nonce), payload)
        .expect("32 bytes are within what the cipher takes");
    let mut wrapped = [0; WRAP_BYTES];
    wrapped[..NONCE_BYTES].copy_from_slice(&nonce);
    wrapped[NONCE_BYTES..].copy_from_slice(&sealed);
    Ok(wrapped)
}

fn unwrap(key: &Key256, wrapped: &[u8; WRAP_BYTES], associated: &[u8]) -> Option<Key256> {
    let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_BYTES>()?;
    let payload = Payload {
        msg: sealed,
        aad: associated,
    };
    let opened = XChaCha20Poly1305::new(key.expose().into())
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .ok()?;
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(&opened);
    Some(Key256::take(&mut bytes))
}

fn no_random(error: std::io::Error) -> VaultError {
    VaultError::io("take random bytes from the system", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (KeyFile, Key256, Passphrase, RecoveryCode) {
        let data_key = Key256::random().unwrap();
        let passphrase = Passphrase::new("over the hills");
        let code = RecoveryCode::random().unwrap();
        let cost = KdfCost::CHEAP_FOR_TESTS;
        let file = KeyFile::seal(&data_key, &passphrase, &code, cost).unwrap();
        (file, data_key, passphrase, code)
    }

    #[test]
    fn passphrase_and_recovery_code_both_open_and_survive_a_new_passphrase() {
        let (file, data_key, passphrase, code) = sealed();
        assert_eq!(file.encode().len(), 184);
        let file = KeyFile::decode(&file.encode()).unwrap();
        assert_eq!(file.open(&passphrase).unwrap(), data_key);
        assert_eq!(file.open_with_code(&code).unwrap(), data_key);

        let new = Passphrase::new("far away");
        let cost = KdfCost::new(128, 2, 2).unwrap();
        let file = file.rewrapped(&data_key, &new, cost).unwrap();
        let file = KeyFile::decode(&file.encode()).unwrap();
        assert_eq!(file.open(&new).unwrap(), data_key);
        assert_eq!(file.open_with_code(&code).unwrap(), data_key);
        assert!(matches!(
            file.open(&passphrase),
            Err(VaultError::WrongPassphrase)
        ));
        let other = RecoveryCode::random().unwrap();
        assert!(matches!(
            file.open_with_code(&other),
            Err(VaultError::WrongRecoveryCode)
        ));
        let empty = file.rewrapped(&data_key, &Passphrase::new(""), cost);
        assert!(matches!(empty, Err(VaultError::PassphraseEmpty)));
    }

    #[test]
    fn every_flipped_bit_is_noticed_by_the_wrap_that_covers_it() {
        let (file, data_key, passphrase, code) = sealed();
        let sound = file.encode();
        for position in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[position] ^= 1;
            let Ok(file) = KeyFile::decode(&bytes) else {
                assert!(position < 24, "refused at {position}");
                continue;
            };
            let by_passphrase = file.open(&passphrase).is_ok_and(|key| key == data_key);
            let by_code = file.open_with_code(&code).is_ok_and(|key| key == data_key);
            assert_eq!(by_passphrase, position >= 112, "at {position}");
            assert_eq!(by_code, position < 112, "at {position}");
        }
        for length in 0..sound.len() {
            assert!(KeyFile::decode(&sound[..length]).is_err(), "{length}");
        }
        assert!(KeyFile::decode(&[&sound[..], &[0]].concat()).is_err());
    }

    #[test]
    fn absurd_costs_and_newer_versions_are_refused_before_any_work() {
        let sound = sealed().0.encode();
        let with = |at: usize, value: u32| {
            let mut bytes = sound.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            KeyFile::decode(&bytes)
        };
        for (at, value) in [
            (12, 1 << 30), // 1 TiB of memory
            (12, u32::MAX),
            (12, 0),
            (12, 7),
            (16, u32::MAX),
            (16, 0),
            (20, 0),
            (20, u32::MAX),
            (8, 0),
        ] {
            let refused = with(at, value);
            assert!(
                matches!(refused, Err(VaultError::Damaged { .. })),
                "{at} {value}"
            );
        }
        assert!(matches!(
            with(8, 2),
            Err(VaultError::Newer { found: 2, known: 1 })
        ));
        // Each within its own cap, together hours of work.
        assert_eq!(KdfCost::new(1024 * 1024, 64, 1), None);
        for cost in [KdfCost::STANDARD, KdfCost::CHEAP_FOR_TESTS] {
            let again = KdfCost::new(cost.memory_kib, cost.passes, cost.lanes);
            assert_eq!(again, Some(cost));
        }
    }

    /// Argon2id, XChaCha20-Poly1305 and the layout are a format: this file opens for ever.
    #[test]
    fn a_key_file_of_version_1_opens() {
        let bytes = data_encoding::HEXLOWER
            .decode(
                b"636169726e6b6579010000000001000002000000010000007eb485d1ac041bce36f1503ca8778ef6\
              644498ff3ee5dab18d410c0b8c7ec9b5b5c90255ec62762ce128d6bc768dd235b888b738783f2a8a\
              690fdd831700bace4367fcb47da728b85a075db82f8fad691dc882bd20dc0141b9f8d9f3e1f55700\
              a3a9a792558a887f1f4dfb8fd66493a7fdb4b49b734c31d0d85cdba1f3e066e7a88fc5b33b0d1803\
              debf883f37319a0f8d5abcc771dfc3766fe983eb9e405fe9",
            )
            .unwrap();
        let file = KeyFile::decode(&bytes).unwrap();
        let data_key = file.open(&Passphrase::new("golden")).unwrap();
        assert_eq!(data_key.expose(), b"the data key of a golden vault..");
        let code: RecoveryCode = "EHVP-AVKM-F4G7-6SB3-E9JQ-8832-F5T6-AWS1-ENJ1"
            .parse()
            .unwrap();
        assert_eq!(file.open_with_code(&code).unwrap(), data_key);
    }
}
