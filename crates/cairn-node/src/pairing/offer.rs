//! The inviter's side of a pairing: a port of its own that waits for one attempt.
//!
//! Invariants: the first well-formed attempt, right or wrong, ends the offer; a stranger who only
//! makes noise does not.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::Endpoint;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::exchange::{Attempt, Binding, Close, Secrets, answer};
use super::ticket::{ADDRESSES_MAX, Ticket};
use super::{CARD_BYTES_MAX, Code, OfferLimiter, PairError, Paired};
use crate::secret::{Key256, fill_random};
use crate::transport::endpoint::{self, HANDSHAKE_TIMEOUT};
use crate::transport::tls::{self, OwnKey, PeerKeys};
use crate::transport::{Clock, lock, tls_public};

/// How long a code or ticket can be used: time to read out eight digits and type them twice.
pub const OFFER_SECONDS: u64 = 600;

/// Connections looked at at once; more are dropped unanswered and come again by themselves.
const ATTEMPTS_MAX: usize = 8;
/// How often the clock is looked at. It is the wall clock that counts: a computer that slept for
/// an hour wakes to an expired offer.
const EXPIRY_LOOK: Duration = Duration::from_secs(1);
/// How long to wait for the farewell to be acknowledged.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// An open invitation: one code, one ticket, one attempt.
///
/// Dropping it takes the invitation back.
pub struct Offer {
    endpoint: Endpoint,
    local_addr: SocketAddr,
    invited: Arc<Invited>,
    /// What the ticket says beside its secret.
    ticket: Ticket,
}

/// What the attempts share.
struct Invited {
    secrets: Mutex<Option<Secrets>>,
    card: Zeroizing<Vec<u8>>,
    clock: Clock,
    expires_seconds: u64,
    binding: Binding,
}

impl Invited {
    fn expired(&self) -> bool {
        self.clock.now_seconds() >= self.expires_seconds
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer(…)")
    }
}

impl Offer {
    /// Opens a port for one pairing and makes its code and ticket. Call it inside a tokio runtime.
    ///
    /// `addresses` go into the ticket, best first, at most eight; when empty, they are the bound
    /// address, or for a wildcard address those this machine sends from. `card` is what the other
    /// side gets, at most [`CARD_BYTES_MAX`], and only once it has proven
    /// that it knows the code.
    ///
    /// # Errors
    /// [`PairError::TooManyOffers`], [`PairError::CardTooLarge`], or [`PairError::Local`] when the
    /// port cannot be bound or no random bytes are given. Nothing is offered then.
    pub fn open(
        listen: SocketAddr,
        addresses: Vec<SocketAddr>,
        card: Zeroizing<Vec<u8>>,
        limiter: &mut OfferLimiter,
        clock: Clock,
    ) -> Result<Self, PairError> {
        Self::open_bound(listen, addresses, card, limiter, clock, Binding::Exporter)
    }

    pub(super) fn open_bound(
        listen: SocketAddr,
        mut addresses: Vec<SocketAddr>,
        card: Zeroizing<Vec<u8>>,
        limiter: &mut OfferLimiter,
        clock: Clock,
        binding: Binding,
    ) -> Result<Self, PairError> {
        if card.len() > CARD_BYTES_MAX {
            return Err(PairError::CardTooLarge);
        }
        let seed = Key256::random()?;
        let own = tls::certified_key(&seed).map_err(std::io::Error::other)?;
        let tls = tls::server(Arc::new(OwnKey(own)), Arc::new(PeerKeys::Any));
        let server = endpoint::server(tls, endpoint::transport(&endpoint::PAIRING));
        let endpoint = endpoint::bind(listen, Some(server))?;
        let local_addr = endpoint.local_addr()?;
        if addresses.is_empty() {
            addresses = reachable_at(local_addr);
        }
        addresses.truncate(ADDRESSES_MAX);
        let mut secret = Zeroizing::new([0; 16]);
        fill_random(secret.as_mut_slice())?;
        let secrets = Secrets {
            code: Code::random()?,
            ticket: secret,
        };
        let now_seconds = clock.now_seconds();
        limiter.count(now_seconds)?;
        let expires_seconds = now_seconds.saturating_add(OFFER_SECONDS);
        Ok(Self {
            endpoint,
            local_addr,
            ticket: Ticket {
                expires_seconds,
                inviter_key: tls_public(&seed),
                secret: Zeroizing::new([0; 16]),
                addresses,
            },
            invited: Arc::new(Invited {
                secrets: Mutex::new(Some(secrets)),
                card,
                clock,
                expires_seconds,
                binding,
            }),
        })
    }

    /// The code to be told; `None` once it was tried.
    pub fn code(&self) -> Option<Code> {
        lock(&self.invited.secrets)
            .as_ref()
            .map(|secrets| secrets.code.clone())
    }

    /// The ticket to be sent or shown; `None` once it was tried.
    pub fn ticket(&self) -> Option<Ticket> {
        let secret = lock(&self.invited.secrets)
            .as_ref()
            .map(|secrets| secrets.ticket.clone())?;
        Some(Ticket {
            secret,
            ..self.ticket.clone()
        })
    }

    /// Where it waits.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits for the one attempt.
    ///
    /// # Errors
    /// [`PairError::WrongCode`] when it did not know the code, [`PairError::Expired`] after ten
    /// minutes without one, [`PairError::Interrupted`] when it ended before both were sure, and
    /// others that name their cause. The offer is over in each case.
    pub async fn wait(self) -> Result<Paired, PairError> {
        let mut attempts = JoinSet::new();
        let result = self.first_attempt(&mut attempts).await;
        // Whoever is still connected came too late, and is told so before its task ends.
        self.endpoint.close(Close::Burnt.code(), b"");
        if timeout(FAREWELL_TIMEOUT, self.endpoint.wait_idle())
            .await
            .is_err()
        {
            tracing::debug!("a pairing connection did not end in time");
        }
        result
    }

    async fn first_attempt(&self, attempts: &mut JoinSet<Attempt>) -> Result<Paired, PairError> {
        loop {
            tokio::select! {
                // An attempt that is under way may finish; its own time is bounded.
                () = sleep(EXPIRY_LOOK), if lock(&self.invited.secrets).is_some() => {
                    if self.invited.expired() {
                        return Err(PairError::Expired);
                    }
                }
                Some(ended) = attempts.join_next() => {
                    if let Ok(Attempt::Ended(result)) = ended {
                        return result;
                    }
                }
                Some(incoming) = self.endpoint.accept() => {
                    let Some(incoming) = endpoint::screen(incoming, attempts.len()) else {
                        continue;
                    };
                    if attempts.len() < ATTEMPTS_MAX {
                        attempts.spawn(attempt(incoming, self.invited.clone()));
                    } else {
                        incoming.ignore();
                    }
                }
                else => return Err(PairError::Interrupted),
            }
        }
    }
}

async fn attempt(incoming: quinn::Incoming, invited: Arc<Invited>) -> Attempt {
    let Ok(connecting) = incoming.accept() else {
        return Attempt::Stray;
    };
    let Ok(Ok(connection)) = timeout(HANDSHAKE_TIMEOUT, connecting).await else {
        return Attempt::Stray;
    };
    let expired = || invited.expired();
    answer(
        connection,
        &invited.secrets,
        expired,
        &invited.card,
        invited.binding,
    )
    .await
}

/// Where others may reach a port bound to this address: itself, or for a wildcard the addresses
/// this machine would send from. Asking for those sends nothing.
pub(crate) fn reachable_at(local: SocketAddr) -> Vec<SocketAddr> {
    if !local.ip().is_unspecified() {
        return vec![local];
    }
    // Documentation addresses (RFC 5737, RFC 3849): only their route is looked up.
    let probes: [(IpAddr, IpAddr); 2] = [
        (
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv4Addr::new(192, 0, 2, 1).into(),
        ),
        (
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        ),
    ];
    let mut addresses = Vec::new();
    for (from, towards) in probes {
        if from.is_ipv6() && local.is_ipv4() {
            continue;
        }
        let source = UdpSocket::bind((from, 0)).and_then(|socket| {
            socket.connect((towards, 9))?;
            socket.local_addr()
        });
        if let Ok(source) = source {
            addresses.push(SocketAddr::new(source.ip(), local.port()));
        }
    }
    if addresses.is_empty() {
        addresses.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), local.port()));
    }
    addresses
}
