//! Secrets in memory: the passphrase, the recovery code and keys.
//!
//! # Invariants
//! * Wiped when dropped, and kept on the heap so that a move leaves no copy behind.
//! * `Debug` says what a secret is, never what it holds. None implements `Display`.
//!
//! # Not here
//! How they open a vault: [`vault`](crate::vault).

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

/// The longest passphrase file that is read; a longer one is not a passphrase.
const PASSPHRASE_FILE_BYTES_MAX: u64 = 4096;

/// 32 secret bytes: a data key, a pair secret or the seed of a signing key.
pub struct Key256(Box<[u8; 32]>);

impl Key256 {
    /// The key with these bytes, which are wiped in the caller's array.
    pub fn take(bytes: &mut [u8; 32]) -> Self {
        let key = Self(Box::new(*bytes));
        bytes.zeroize();
        key
    }

    /// A fresh random key.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut key = Self(Box::new([0; 32]));
        fill_random(&mut *key.0)?;
        Ok(key)
    }

    /// The 32 bytes.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Clone for Key256 {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl PartialEq for Key256 {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for Key256 {}

impl fmt::Debug for Key256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key256(…)")
    }
}

impl Drop for Key256 {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Secret bytes of any length, such as an encoded key or a setting.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// What a person types to open their vault.
///
/// Brought to Unicode normalisation form C, as RFC 8265 asks of passwords: keyboards of different
/// systems make "é" of one or of two code points, and a vault moves between systems. Nothing else
/// is changed: case and spaces count.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// The passphrase with this text. The caller wipes its own copy.
    pub fn new(text: &str) -> Self {
        // Form C never takes more than three times the bytes, so no reallocation leaves a copy.
        let mut normal = Zeroizing::new(String::with_capacity(text.len() * 3));
        normal.extend(text.nfc());
        Self(normal)
    }

    /// Reads the passphrase from a file; one line break at its end is not part of it.
    ///
    /// # Errors
    /// The file cannot be read, is longer than 4 KiB or is not UTF-8.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(PASSPHRASE_FILE_BYTES_MAX as usize + 1));
        let file = std::fs::File::open(path)?;
        file.take(PASSPHRASE_FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > PASSPHRASE_FILE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the passphrase file is longer than 4 KiB",
            ));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_not_text| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the passphrase file is not UTF-8",
            )
        })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        Ok(Self::new(text.strip_suffix('\r').unwrap_or(text)))
    }

    /// True for a passphrase without a single character.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Why a text is not a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryCodeError {
    /// Not 36 letters and digits, or one that no code contains.
    #[error("not a recovery code: it has 36 letters and digits in nine groups of four")]
    Malformed,
    /// The last group does not fit the others.
    #[error("not a recovery code: the last group does not fit the others, so a letter is mistyped")]
    Checksum,
}

/// 160 random bits on paper: opens the vault without the passphrase, and is the person's identity.
///
/// As text: Crockford's base32 (no I, L, O, U) of the 20 bytes, 32 letters and digits, then 4 that
/// are a check of 20 bits, in nine groups of four. On reading, case, spaces and dashes do not
/// matter, O counts as 0, and I and L count as 1.
pub struct RecoveryCode(Box<[u8; 20]>);

impl RecoveryCode {
    /// A fresh random code.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn random() -> io::Result<Self> {
        let mut code = Self(Box::new([0; 20]));
        fill_random(&mut *code.0)?;
        Ok(code)
    }

    /// The seed of the person's Ed25519 recovery key; its public half is the person's id.
    pub fn person_key_seed(&self) -> Key256 {
        self.derive(b"cairn recovery person key")
    }

    /// The key that wraps the vault's data key a second time.
    pub(crate) fn vault_key(&self) -> Key256 {
        self.derive(b"cairn recovery vault key")
    }

    /// The text for the printed sheet.
    pub fn to_text(&self) -> Zeroizing<String> {
        let coding = code_letters();
        let mut letters = Zeroizing::new(coding.encode(&*self.0));
        letters.push_str(&self.check());
        let mut text = Zeroizing::new(String::with_capacity(44));
        for (position, letter) in letters.chars().enumerate() {
            if position > 0 && position % 4 == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    fn check(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn recovery code check");
        hasher.update(&*self.0);
        let mut check = code_letters().encode(&hasher.finalize().as_bytes()[..5]);
        check.truncate(4);
        check
    }

    /// HKDF-SHA256 with an empty salt. A slow derivation would add nothing: the input is 160
    /// random bits.
    fn derive(&self, info: &[u8]) -> Key256 {
        let mut key = Key256(Box::new([0; 32]));
        Hkdf::<Sha256>::new(None, &*self.0)
            .expand(info, &mut *key.0)
            .expect("32 bytes are one block of SHA-256");
        key
    }
}

impl FromStr for RecoveryCode {
    type Err = RecoveryCodeError;

    fn from_str(text: &str) -> Result<Self, RecoveryCodeError> {
        // The bytes of an over-long text are not worth a copy that must be wiped.
        if text.len() > 256 {
            return Err(RecoveryCodeError::Malformed);
        }
        let mut letters = Zeroizing::new(String::with_capacity(text.len()));
        letters.extend(text.chars().filter(|c| !c.is_whitespace() && *c != '-'));
        let (code, check) = letters
            .split_at_checked(32)
            .filter(|(_, check)| check.len() == 4)
            .ok_or(RecoveryCodeError::Malformed)?;
        let coding = code_letters();
        let bytes = coding
            .decode(code.as_bytes())
            .map_err(|_letter| RecoveryCodeError::Malformed)?;
        let bytes = Zeroizing::new(bytes);
        let mut code = Self(Box::new([0; 20]));
        code.0.copy_from_slice(&bytes);
        let check = check.to_ascii_uppercase().replace('O', "0");
        if check.replace(['I', 'L'], "1") != code.check() {
            return Err(RecoveryCodeError::Checksum);
        }
        Ok(code)
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

impl Drop for RecoveryCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Fills the bytes from the system's generator.
pub(crate) fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

/// Crockford's base32, forgiving on reading.
fn code_letters() -> data_encoding::Encoding {
    let mut letters = data_encoding::Specification::new();
    letters.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    letters
        .translate
        .from
        .push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    letters
        .translate
        .to
        .push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    letters
        .encoding()
        .expect("32 distinct symbols and a translation into them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_comes_back_from_its_text_however_it_is_written() {
        let code = RecoveryCode::random().unwrap();
        let text = code.to_text();
        assert_eq!(text.len(), 44);
        assert_eq!(text.split('-').count(), 9);
        let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o");
        for text in [text.as_str(), sloppy.as_str(), &text.replace('1', "l")] {
            assert_eq!(*text.parse::<RecoveryCode>().unwrap().0, *code.0);
        }
    }

    #[test]
    fn any_single_mistyped_letter_of_a_recovery_code_is_found() {
        let text = RecoveryCode(Box::new([0x5a; 20])).to_text();
        for position in 0..text.len() {
            let mut typed = text.to_string().into_bytes();
            if typed[position] == b'-' {
                continue;
            }
            typed[position] = if typed[position] == b'7' { b'8' } else { b'7' };
            let typed = String::from_utf8(typed).unwrap();
            let error = typed.parse::<RecoveryCode>().unwrap_err();
            assert_eq!(error, RecoveryCodeError::Checksum, "{position}");
        }
        for text in ["", "é", "7777", &text[..43], &format!("{}7", *text)] {
            let error = text.parse::<RecoveryCode>().unwrap_err();
            assert_eq!(error, RecoveryCodeError::Malformed, "{text}");
        }
    }

    /// The text and both derived keys are a format: paper lives longer than programs.
    #[test]
    fn a_known_recovery_code_keeps_its_text_and_keys() {
        let code = RecoveryCode(Box::new(*b"twenty secret bytes!"));
        let hex = |key: Key256| data_encoding::HEXLOWER.encode(key.expose());
        assert_eq!(
            code.to_text().as_str(),
            "EHVP-AVKM-F4G7-6SB3-E9JQ-8832-F5T6-AWS1-ENJ1"
        );
        assert_eq!(
            [hex(code.person_key_seed()), hex(code.vault_key())],
            [
                "06255848934103b74c3544177626b8d5b5167744d50265b265c6ce046a16be3a",
                "9d1e1629bc0c77cc5c908dbaf41869d8f2f82c2d8d6c2c5fb712c447e63401f3",
            ]
        );
    }

    #[test]
    fn a_passphrase_is_the_same_from_every_keyboard_and_file() {
        let composed = Passphrase::new("na\u{ef}ve  Caf\u{e9}");
        let decomposed = Passphrase::new("nai\u{308}ve  Cafe\u{301}");
        assert_eq!(composed.expose(), decomposed.expose());
        assert_eq!(composed.expose(), "naïve  Café".as_bytes());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        for (content, expected) in [
            ("two words\n", "two words"),
            ("two words\r\n", "two words"),
            ("two words", "two words"),
            ("two words \n\n", "two words \n"),
        ] {
            std::fs::write(&path, content).unwrap();
            let read = Passphrase::read(&path).unwrap();
            assert_eq!(read.expose(), expected.as_bytes(), "{content:?}");
        }
        std::fs::write(&path, vec![b'a'; 4097]).unwrap();
        assert!(Passphrase::read(&path).is_err());
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(Passphrase::read(&path).is_err());
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let key = Key256::take(&mut [b'q'; 32]);
        let code = RecoveryCode(Box::new([b'q'; 20]));
        let shown = format!(
            "{key:?} {:?} {:?} {code:?}",
            SecretBytes::from(vec![b'q'; 9]),
            Passphrase::new("qqqq"),
        );
        assert_eq!(
            shown,
            "Key256(…) SecretBytes(9 bytes) Passphrase(…) RecoveryCode(…)"
        );
    }
}
