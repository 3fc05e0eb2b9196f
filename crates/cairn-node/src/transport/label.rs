//! The server name of a handshake: a label that only the two sides of a relationship can name.
//!
//! Role: a dialler says which relationship it means without saying it to anybody else. The label
//! is HMAC(pair secret, epoch) and changes every ten minutes, so a capture shows no name that
//! stays.
//!
//! Not here: which key answers to a label ([`handshake`](super::handshake)).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::{Key256, fill_random};

/// How long one label stands, in seconds. Ten minutes: long enough that clocks of two devices
/// agree within one epoch either way, short enough that a name seen on one network is of no use
/// on the next.
pub const EPOCH_SECONDS: u64 = 600;

/// Bytes of the HMAC that become the label: 160 bits, 32 letters, within the 63 of a DNS label.
const LABEL_BYTES: usize = 20;

/// The wall clock, given by whoever starts the node: seconds since 1970, UTC.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// A clock that asks this function; it is called from any thread.
    pub fn new(now_seconds: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_seconds))
    }

    /// The operating system's clock; a time before 1970 reads as 0.
    pub fn system() -> Self {
        Self::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs())
        })
    }

    /// Seconds since 1970, UTC.
    pub fn now_seconds(&self) -> u64 {
        (self.0)()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.now_seconds() / EPOCH_SECONDS
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}

/// The label of a relationship in one epoch: 32 letters `a`–`z`, `2`–`7`.
pub(crate) fn label(pair_secret: &Key256, epoch: u64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(pair_secret.expose())
        .expect("HMAC takes a key of any length");
    mac.update(b"cairn server name 1");
    mac.update(&epoch.to_le_bytes());
    letters(&mac.finalize().into_bytes()[..LABEL_BYTES])
}

/// A label that stands for nothing and looks like any other.
///
/// # Errors
/// The system gave no random bytes.
pub(crate) fn random_label() -> io::Result<String> {
    let mut bytes = [0; LABEL_BYTES];
    fill_random(&mut bytes)?;
    Ok(letters(&bytes))
}

fn letters(bytes: &[u8]) -> String {
    let mut text = data_encoding::BASE32_NOPAD.encode(bytes);
    text.make_ascii_lowercase();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_dns_label_and_changes_with_secret_and_epoch() {
        let one = Key256::take(&mut [1; 32]);
        let two = Key256::take(&mut [2; 32]);
        let first = label(&one, 7);
        assert_eq!(first.len(), 32);
        assert!(
            first
                .bytes()
                .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
        );
        assert_eq!(first, label(&one, 7));
        assert_ne!(first, label(&one, 8));
        assert_ne!(first, label(&two, 7));
    }
}
