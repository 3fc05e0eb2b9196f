//! Names of people, devices, documents and process starts, as bytes and as text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not the alphabet or not the length of this kind of id.
    #[error("not a valid id: wrong letters or wrong length")]
    Malformed,
    /// Right alphabet and length, but the check characters differ: a typing error.
    #[error("not a valid id: the check characters do not match, so a letter was mistyped")]
    Checksum,
}

macro_rules! key_id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        ///
        /// As text: lower-case base32 (RFC 4648, no padding) of the 32 bytes and 3 check bytes
        /// (BLAKE3 of kind and bytes), 56 letters. The check finds any mistyped letter.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The id with these bytes, an Ed25519 public key.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes of the public key.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first eight letters, for logs and spans; not unique.
            pub fn short(&self) -> String {
                let mut text = self.to_string();
                text.truncate(8);
                text
            }

            fn check(bytes: &[u8; 32]) -> [u8; 3] {
                let mut hasher = blake3::Hasher::new();
                hasher.update(concat!("cairn ", $prefix, " check").as_bytes());
                hasher.update(bytes);
                let hash = hasher.finalize();
                let [a, b, c, ..] = *hash.as_bytes();
                [a, b, c]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut bytes = Vec::with_capacity(35);
                bytes.extend_from_slice(&self.0);
                bytes.extend_from_slice(&Self::check(&self.0));
                let text = data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase();
                f.write_str(&text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let letters: String = text
                    .chars()
                    .filter(|letter| !matches!(letter, '-' | ' '))
                    .collect();
                let bytes = data_encoding::BASE32_NOPAD
                    .decode(letters.to_uppercase().as_bytes())
                    .map_err(|_error| IdError::Malformed)?;
                let (key, check) = bytes.split_at_checked(32).ok_or(IdError::Malformed)?;
                let key: [u8; 32] = key.try_into().map_err(|_error| IdError::Malformed)?;
                if check != Self::check(&key) {
                    return Err(IdError::Checksum);
                }
                Ok(Self(key))
            }
        }
    };
}

key_id!(
    PersonId,
    "person",
    "A person, named by the public half of their recovery key."
);
key_id!(
    DeviceId,
    "device",
    "A device, named by its Ed25519 signing key."
);

/// A document. The id commits to its owner and kind, see [`Origin`](crate::Origin).
///
/// As text: base58 with a four-byte check (bs58check), as `automerge:` URLs use it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId([u8; 16]);

impl DocumentId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The first six letters, for logs and spans; not unique.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(6);
        text
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.0).with_check().into_string())
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentId({})", self.short())
    }
}

impl FromStr for DocumentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let text = text.strip_prefix("automerge:").unwrap_or(text);
        let bytes =
            bs58::decode(text)
                .with_check(None)
                .into_vec()
                .map_err(|error| match error {
                    bs58::decode::Error::InvalidChecksum { .. } => IdError::Checksum,
                    _ => IdError::Malformed,
                })?;
        let bytes: [u8; 16] = bytes.try_into().map_err(|_error| IdError::Malformed)?;
        Ok(Self(bytes))
    }
}

/// One start of a device's process: 16 random bytes made when the vault is opened.
///
/// Counters of attestations run within it, so that a restored or copied vault never seems to
/// contradict itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessId([u8; 16]);

impl ProcessId {
    /// The id with these bytes, which must be fresh random ones for a new start.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "ProcessId({a:02x}{b:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_typing_errors_are_found() {
        let person = PersonId::from_bytes([7; 32]);
        let text = person.to_string();
        assert_eq!(text.len(), 56);
        assert_eq!(text.parse(), Ok(person));
        assert_eq!(text.to_uppercase().parse(), Ok(person));
        assert_eq!(text.parse::<DeviceId>(), Err(IdError::Checksum));
        let mut mistyped = text.into_bytes();
        mistyped[5] = if mistyped[5] == b'a' { b'b' } else { b'a' };
        let mistyped = String::from_utf8(mistyped).unwrap();
        assert_eq!(mistyped.parse::<PersonId>(), Err(IdError::Checksum));

        let document = DocumentId::from_bytes([9; 16]);
        assert_eq!(document.to_string().parse(), Ok(document));
        assert_eq!(format!("automerge:{document}").parse(), Ok(document));
        assert_eq!("".parse::<DocumentId>(), Err(IdError::Malformed));
        assert_eq!("x".parse::<PersonId>(), Err(IdError::Malformed));
    }
}
