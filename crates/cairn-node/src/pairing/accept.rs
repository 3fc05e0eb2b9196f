//! The dialler's side of a pairing: finds the inviter and tries its code once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn::{ConnectionError, Endpoint};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::exchange::{Binding, Secret, dial};
use super::ticket::Ticket;
use super::{CARD_BYTES_MAX, Code, PairError, Paired};
use crate::secret::Key256;
use crate::transport::endpoint::{self, HANDSHAKE_TIMEOUT};
use crate::transport::tls::{self, PeerKeys};
use crate::transport::{Clock, random_label};

/// What the inviter gave to the person who accepts.
#[derive(Clone)]
pub enum Invitation {
    /// A ticket: it says where, and pins the inviter's key.
    Ticket(Ticket),
    /// A spoken code, and the address where the inviter waits. Which key answers there is not
    /// known beforehand; the exchange fails unless both ends of this very connection know the
    /// code.
    Code {
        /// The eight digits.
        code: Code,
        /// Where the inviter waits.
        address: SocketAddr,
    },
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ticket(_) => "Ticket(…)",
            Self::Code { .. } => "Code(…)",
        })
    }
}

/// Accepts an invitation: one try, then the invitation is used up. Call it inside a tokio runtime.
///
/// `card` is what the inviter gets, at most [`CARD_BYTES_MAX`]; nobody can
/// read it who does not know the code.
///
/// # Errors
/// See [`PairError`]; each says what is safe and what to do.
pub async fn accept(
    invitation: Invitation,
    card: &[u8],
    clock: &Clock,
) -> Result<Paired, PairError> {
    accept_bound(invitation, card, clock, Binding::Exporter).await
}

pub(super) async fn accept_bound(
    invitation: Invitation,
    card: &[u8],
    clock: &Clock,
    binding: Binding,
) -> Result<Paired, PairError> {
    if card.len() > CARD_BYTES_MAX {
        return Err(PairError::CardTooLarge);
    }
    let (secret, inviter, addresses) = match invitation {
        Invitation::Ticket(ticket) => {
            if clock.now_seconds() >= ticket.expires_seconds {
                return Err(PairError::Expired);
            }
            let key = PeerKeys::Pinned(vec![ticket.inviter_key]);
            (Secret::Ticket(ticket.secret), key, ticket.addresses)
        }
        Invitation::Code { code, address } => (Secret::Code(code), PeerKeys::Any, vec![address]),
    };
    let pinned = matches!(inviter, PeerKeys::Pinned(_));
    let own = tls::certified_key(&Key256::random()?).map_err(std::io::Error::other)?;
    let tls = tls::client(own, Arc::new(inviter));
    let config = endpoint::client(tls, endpoint::transport(&endpoint::PAIRING));
    let (_endpoint, connection) = first_answer(&config, addresses, pinned).await?;
    dial(connection, secret, card, binding).await
}

/// Tries all addresses at once; the first finished handshake wins.
async fn first_answer(
    config: &quinn::ClientConfig,
    addresses: Vec<SocketAddr>,
    pinned: bool,
) -> Result<(Endpoint, quinn::Connection), PairError> {
    let mut attempts = JoinSet::new();
    for address in addresses {
        let name = random_label()?;
        attempts.spawn(connect(config.clone(), address, name, pinned));
    }
    let mut telling = PairError::NoAnswer;
    while let Some(ended) = attempts.join_next().await {
        match ended {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(PairError::NoAnswer)) | Err(_) => {}
            Ok(Err(error)) => telling = error,
        }
    }
    Err(telling)
}

/// Each address has a port of its own, of its own family.
async fn connect(
    config: quinn::ClientConfig,
    address: SocketAddr,
    name: String,
    pinned: bool,
) -> Result<(Endpoint, quinn::Connection), PairError> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let endpoint = endpoint::bind(SocketAddr::new(any, 0), None)?;
    let connecting = endpoint
        .connect_with(config, address, &name)
        .map_err(|_bad_address| PairError::NoAnswer)?;
    let Ok(handshake) = timeout(HANDSHAKE_TIMEOUT, connecting).await else {
        return Err(PairError::NoAnswer);
    };
    match handshake {
        Ok(connection) => Ok((endpoint, connection)),
        Err(ConnectionError::TimedOut) => Err(PairError::NoAnswer),
        Err(ConnectionError::TransportError(_)) if pinned => Err(PairError::WrongInviter),
        Err(_) => Err(PairError::NotInviting),
    }
}
