//! The ticket: an invitation as text for a link or a QR code, with the inviter's key in it.
//!
//! Invariants: whatever the text, reading it costs at most [`TEXT_BYTES_MAX`] bytes of work; a
//! mistyped letter is found by the check bytes. The check guards against mistakes, not against
//! people: who can change a ticket can write one.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

/// In front of every ticket: the program's name and the format's version.
const PREFIX: &str = "cairn1";
/// The longest text that is looked at; the longest valid ticket has 346 letters.
const TEXT_BYTES_MAX: usize = 512;
/// Addresses in one ticket.
pub(super) const ADDRESSES_MAX: usize = 8;
const CHECK_BYTES: usize = 4;

/// Where an inviter waits, its key, and a 128-bit secret that stands in for the code.
///
/// Wiped when dropped; `Debug` shows nothing of it. Whoever reads a ticket before it is used can
/// use it: send it over a channel that only the other person reads.
#[derive(Clone)]
pub struct Ticket {
    pub(super) expires_seconds: u64,
    pub(super) inviter_key: [u8; 32],
    pub(super) secret: Zeroizing<[u8; 16]>,
    pub(super) addresses: Vec<SocketAddr>,
}

/// Why a text is not a ticket; nobody was contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// Too long, another beginning, or letters that no ticket has.
    #[error("this is not a ticket, nobody was contacted, copy it whole from its beginning cairn1")]
    NotATicket,
    /// The check bytes differ.
    #[error("the ticket is damaged, nobody was contacted, copy it again")]
    Damaged,
    /// The check bytes fit, but the content makes no sense.
    #[error("the ticket makes no sense, nobody was contacted, ask for a new one")]
    Malformed,
}

impl Ticket {
    /// When it stops being valid, in seconds since 1970, UTC, on the inviter's clock.
    pub fn expires_seconds(&self) -> u64 {
        self.expires_seconds
    }

    /// Where the inviter waits, best first.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The text, about 110 letters for one address.
    pub fn text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        bytes.extend_from_slice(&self.expires_seconds.to_le_bytes());
        bytes.extend_from_slice(&self.inviter_key);
        bytes.extend_from_slice(self.secret.as_slice());
        for address in &self.addresses {
            match address.ip() {
                IpAddr::V4(ip) => {
                    bytes.push(4);
                    bytes.extend_from_slice(&ip.octets());
                }
                IpAddr::V6(ip) => {
                    bytes.push(6);
                    bytes.extend_from_slice(&ip.octets());
                }
            }
            bytes.extend_from_slice(&address.port().to_le_bytes());
        }
        let check = check(&bytes);
        bytes.extend_from_slice(&check);
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        text.push_str(PREFIX);
        BASE32_NOPAD.encode_append(&bytes, &mut text);
        text.make_ascii_lowercase();
        text
    }

    fn decode(content: &[u8]) -> Option<Self> {
        let (expires, rest) = content.split_first_chunk()?;
        let (inviter_key, rest) = rest.split_first_chunk()?;
        let (secret, mut rest) = rest.split_first_chunk()?;
        let mut addresses = Vec::new();
        while let Some((family, after)) = rest.split_first() {
            let (ip, after): (IpAddr, _) = match family {
                4 => {
                    let (ip, after) = after.split_first_chunk::<4>()?;
                    ((*ip).into(), after)
                }
                6 => {
                    let (ip, after) = after.split_first_chunk::<16>()?;
                    ((*ip).into(), after)
                }
                _ => return None,
            };
            let (port, after) = after.split_first_chunk()?;
            addresses.push(SocketAddr::new(ip, u16::from_le_bytes(*port)));
            rest = after;
        }
        if addresses.is_empty() || addresses.len() > ADDRESSES_MAX {
            return None;
        }
        Some(Self {
            expires_seconds: u64::from_le_bytes(*expires),
            inviter_key: *inviter_key,
            secret: Zeroizing::new(*secret),
            addresses,
        })
    }
}

/// BLAKE3, so that a random text passes once in 2^32.
fn check(content: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn ticket check");
    hasher.update(content);
    let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
    [a, b, c, d]
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Case does not matter, nor do spaces, line breaks and dashes.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(TicketError::NotATicket);
        }
        let mut letters = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        letters.extend(
            text.chars()
                .filter(|letter| !letter.is_whitespace() && *letter != '-')
                .map(|letter| letter.to_ascii_lowercase()),
        );
        letters
            .strip_prefix(PREFIX)
            .ok_or(TicketError::NotATicket)?;
        letters.make_ascii_uppercase();
        let bytes = BASE32_NOPAD
            .decode(&letters.as_bytes()[PREFIX.len()..])
            .map_err(|_not_base32| TicketError::NotATicket)?;
        let bytes = Zeroizing::new(bytes);
        let (content, expected) = bytes
            .split_last_chunk::<CHECK_BYTES>()
            .ok_or(TicketError::NotATicket)?;
        if check(content) != *expected {
            return Err(TicketError::Damaged);
        }
        Self::decode(content).ok_or(TicketError::Malformed)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            expires_seconds: 1_900_000_600,
            inviter_key: [0xab; 32],
            secret: Zeroizing::new([0xcd; 16]),
            addresses: vec![
                "192.0.2.7:4433".parse().unwrap(),
                "[2001:db8::7]:4434".parse().unwrap(),
            ],
        }
    }

    fn text_of(content: &[u8]) -> String {
        let mut bytes = content.to_vec();
        bytes.extend_from_slice(&check(content));
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes))
    }

    #[test]
    fn a_ticket_comes_back_from_its_text_however_it_was_copied() {
        let text = ticket().text();
        let broken_up = format!(" {}\n{} ", &text[..40], &text[40..]);
        for text in [text.as_str(), &text.to_uppercase(), &broken_up] {
            let read: Ticket = text.parse().unwrap();
            assert_eq!(read.expires_seconds, 1_900_000_600);
            assert_eq!(read.inviter_key, [0xab; 32]);
            assert_eq!(*read.secret, [0xcd; 16]);
            assert_eq!(read.addresses, ticket().addresses);
        }
        assert_eq!(format!("{:?}", ticket()), "Ticket(…)");
    }

    #[test]
    fn the_longest_ticket_fits_what_is_looked_at() {
        let longest = Ticket {
            addresses: vec!["[::1]:1".parse().unwrap(); ADDRESSES_MAX],
            ..ticket()
        };
        assert_eq!(longest.text().len(), 346);
        assert!(longest.text().parse::<Ticket>().is_ok());
    }

    #[test]
    fn every_changed_letter_is_found() {
        let text = ticket().text();
        for position in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[position] = if changed[position] == b'a' {
                b'b'
            } else {
                b'a'
            };
            let changed = String::from_utf8(changed).unwrap();
            assert!(changed.parse::<Ticket>().is_err(), "{position}");
        }
    }

    #[test]
    fn hostile_tickets_are_refused() {
        let head = [1; 56];
        let with = |tail: &[u8]| text_of(&[head.as_slice(), tail].concat());
        let too_many = [4, 127, 0, 0, 1, 1, 0].repeat(ADDRESSES_MAX + 1);
        for (text, expected) in [
            (String::new(), TicketError::NotATicket),
            ("cairn1".to_owned(), TicketError::NotATicket),
            ("cairn2aaaa".to_owned(), TicketError::NotATicket),
            ("cairn1é".to_owned(), TicketError::NotATicket),
            (
                "cairn1".to_owned() + &"a".repeat(600),
                TicketError::NotATicket,
            ),
            (with(&[]), TicketError::Malformed),
            (with(&[5, 1, 2]), TicketError::Malformed),
            (with(&[4, 127, 0, 0, 1, 1]), TicketError::Malformed),
            (with(&[6, 0, 0]), TicketError::Malformed),
            (with(&too_many), TicketError::Malformed),
            (text_of(&[1; 55]), TicketError::Malformed),
        ] {
            assert_eq!(text.parse::<Ticket>().unwrap_err(), expected, "{text}");
        }
    }
}
