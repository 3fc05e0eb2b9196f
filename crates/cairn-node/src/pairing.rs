//! Pairing: two people's devices meet once, with a spoken code, a QR code or a link.
//!
//! Role: one side offers, the other accepts; both end with the other's card and a fresh pair
//! secret, or with nothing. What is on a card is the node's matter.
//!
//! Invariants: an offer is one guess; a card is readable only by who knew the code on this very
//! connection; a man in the middle is found out even when he relays the right code; codes, tickets
//! and keys are in no log and no `Debug`.
//!
//! Not here: connections between devices that are paired ([`transport`](crate::transport)).

mod accept;
mod code;
pub(crate) mod exchange;
mod limiter;
mod offer;
#[cfg(test)]
mod tests;
mod ticket;

use std::fmt;
use std::io;

use zeroize::Zeroizing;

pub use accept::{Invitation, accept};
pub use code::{Code, CodeError};
pub use limiter::OfferLimiter;
pub(crate) use offer::reachable_at;
pub use offer::{OFFER_SECONDS, Offer};
pub use ticket::{Ticket, TicketError};

use crate::secret::Key256;

/// The largest card: room for a roster of some fifty statements.
pub const CARD_BYTES_MAX: usize = 8 << 10;

/// What both sides have after a pairing.
pub struct Paired {
    /// The other side's card, 0 to 8 KiB, as it gave it: proven to come from who knew the code,
    /// otherwise unchecked.
    pub card: Zeroizing<Vec<u8>>,
    /// The same on both sides, and on nobody else's.
    pub pair_secret: Key256,
}

impl fmt::Debug for Paired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paired(…)")
    }
}

/// Why a pairing did not come about. Where the message does not say otherwise, neither side has
/// learned anything about the other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// The other side did not know the code, or sat on another connection (a man in the middle).
    #[error("the codes did not match, nothing was shared and this code is used up, make a new one")]
    WrongCode,
    /// Somebody tried this code before.
    #[error("this code was tried before, nothing was shared, ask for a new one")]
    Burnt,
    /// Ten minutes have passed.
    #[error("the code has expired, nothing was shared, ask for a new one")]
    Expired,
    /// No answer within ten seconds.
    #[error(
        "nobody answered, nothing was shared, check that the other device still shows the code \
         and that the address is right"
    )]
    NoAnswer,
    /// The device that answered does not hold the key in the ticket.
    #[error(
        "another device answered than the one that made the ticket, nothing was shared, ask for \
         a new ticket over a channel you trust"
    )]
    WrongInviter,
    /// What answered is no inviter, or one whose offer is over.
    #[error(
        "what answered is not waiting for a pairing, nothing was shared, check the address or ask \
         for a new code"
    )]
    NotInviting,
    /// The other side stopped talking for five seconds, or took more than thirty.
    #[error("the other device fell silent, nothing is kept, make a new code and try again")]
    TimedOut,
    /// The other side broke the protocol.
    #[error("the other device sent what no pairing contains, nothing is kept, make a new code")]
    Malformed,
    /// The other side speaks another version of pairing.
    #[error("the other device runs another version, nothing was shared, update both")]
    Version,
    /// The connection ended at a moment when only one side may be sure.
    #[error(
        "the connection ended too early, nothing is kept here, remove this person on the other \
         device if it shows them and pair again with a new code"
    )]
    Interrupted,
    /// Five offers within an hour.
    #[error("five codes were made within an hour, none was offered, wait {wait_seconds} seconds")]
    TooManyOffers {
        /// Until the next offer is allowed.
        wait_seconds: u64,
    },
    /// The own card is larger than [`CARD_BYTES_MAX`].
    #[error("the own card is larger than 8 KiB, nothing was shared")]
    CardTooLarge,
    /// The text is no code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The text is no ticket.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// This machine gave no port or no random bytes.
    #[error("this machine could not start a pairing, nothing was shared")]
    Local(#[from] io::Error),
}
