//! Dialling a person at several addresses at once; the first that answers as a paired device wins.
//!
//! Invariants: a finished handshake alone is no connection, because a listener judges the
//! dialler's key after the dialler believes itself connected: only the listener's first frame
//! counts. Only one attempt at a time asks for it, so the listener never sees two.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{ConnectionError, RecvStream, SendStream, TransportConfig};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{CloseReason, OPENING};
use super::endpoint::{self, HANDSHAKE_TIMEOUT};
use super::frame::{FrameError, append_frame, read_frame};
use super::label::{Clock, label};
use super::relationship::Relationship;
use super::tls::{self, PeerKeys};
use super::{Shared, TransportEvent};

/// Addresses tried at once; more are left out.
pub const DIAL_ADDRESSES_MAX: usize = 16;

/// How long a listener may take to answer the greeting after the handshake.
const GREETING_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a dial was not even started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// There is no relationship with this person.
    #[error("not paired with this person, so nobody was dialled")]
    NotPaired,
    /// The list of addresses is empty.
    #[error("no address is known, so nobody was dialled")]
    NoAddress,
}

/// Why a dial found nobody. Of several addresses the most telling answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum DialFailure {
    /// This machine could not send to the address.
    #[error("the address cannot be reached from here")]
    Unreachable,
    /// Nothing came back within 10 s.
    #[error("nobody answered within ten seconds")]
    NoAnswer,
    /// Something answered, but closed the connection.
    #[error("the other side closed the connection")]
    Closed,
    /// Something answered that does not hold a key of this person's devices.
    #[error("what answered is not a device of this person")]
    WrongKey,
    /// Something answered that does not know this relationship or this device.
    #[error("the other side does not know this device")]
    Refused,
}

/// A connection on which both sides have greeted.
pub(super) struct Answered {
    pub(super) connection: quinn::Connection,
    pub(super) sender: SendStream,
    pub(super) receiver: RecvStream,
}

/// Dials all addresses at once and registers the connection that answered first.
pub(super) async fn run(
    shared: Arc<Shared>,
    relationship: Arc<Relationship>,
    addresses: Vec<SocketAddr>,
) {
    let failure = match first_answer(&shared, &relationship, addresses).await {
        Ok(answered) => {
            shared.open(relationship.person, true, answered);
            return;
        }
        Err(failure) => failure,
    };
    tracing::debug!(%failure, "dial failed");
    let event = TransportEvent::DialFailed {
        person: relationship.person,
        failure,
    };
    if shared.events.send(event).await.is_err() {
        tracing::debug!("nobody listens any more");
    }
}

/// What a dialler presents: its QUIC configuration and the server name. `None` if the relationship
/// holds no valid key.
///
/// For programs that speak the frames themselves, such as tests; they are documented in
/// `docs/protocol.md`.
pub fn dial_config(
    relationship: &Relationship,
    clock: &Clock,
) -> Option<(quinn::ClientConfig, String)> {
    dialler(relationship, clock, endpoint::transport(&endpoint::SESSION))
}

fn dialler(
    relationship: &Relationship,
    clock: &Clock,
    transport: Arc<TransportConfig>,
) -> Option<(quinn::ClientConfig, String)> {
    let own = tls::certified_key(&relationship.own_tls_seed).ok()?;
    let pinned = relationship.peers.iter().map(|peer| peer.tls_public);
    let tls = tls::client(own, Arc::new(PeerKeys::Pinned(pinned.collect())));
    let config = endpoint::client(tls, transport);
    Some((config, label(&relationship.pair_secret, clock.epoch())))
}

async fn first_answer(
    shared: &Shared,
    relationship: &Relationship,
    addresses: Vec<SocketAddr>,
) -> Result<Answered, DialFailure> {
    let (config, name) = dialler(relationship, &shared.clock, shared.transport.clone())
        .ok_or(DialFailure::Unreachable)?;
    let greeting = Arc::new(Mutex::new(()));
    let mut attempts = JoinSet::new();
    for address in addresses {
        let connecting = shared.endpoint.connect_with(config.clone(), address, &name);
        let greeting = greeting.clone();
        attempts.spawn(async move {
            let connecting = connecting.map_err(|_no_route| DialFailure::Unreachable)?;
            let connection = timeout(HANDSHAKE_TIMEOUT, connecting)
                .await
                .map_err(|_elapsed| DialFailure::NoAnswer)?
                .map_err(|error| failure(&error))?;
            let turn = greeting.lock_owned().await;
            let greeted = timeout(GREETING_TIMEOUT, greet(connection)).await;
            let answered = greeted.map_err(|_elapsed| DialFailure::NoAnswer)??;
            Ok((answered, turn))
        });
    }
    let mut telling = DialFailure::Unreachable;
    while let Some(ended) = attempts.join_next().await {
        match ended {
            // The winner's turn lasts until the others are gone, so that none of them greets.
            Ok(Ok((answered, turn))) => {
                attempts.shutdown().await;
                drop(turn);
                return Ok(answered);
            }
            Ok(Err(failure)) => telling = telling.max(failure),
            Err(_aborted) => {}
        }
    }
    Err(telling)
}

async fn greet(connection: quinn::Connection) -> Result<Answered, DialFailure> {
    let (mut sender, mut receiver) = connection
        .open_bi()
        .await
        .map_err(|error| failure(&error))?;
    let mut opening = Vec::new();
    append_frame(&mut opening, &OPENING);
    if sender.write_all(&opening).await.is_err() {
        return Err(failure(&connection.closed().await));
    }
    match read_frame(&mut receiver, OPENING.len()).await {
        Ok(Some(frame)) if frame == OPENING => Ok(Answered {
            connection,
            sender,
            receiver,
        }),
        Ok(Some(_)) => {
            connection.close(CloseReason::Version.code(), b"");
            Err(DialFailure::Closed)
        }
        Err(FrameError::Lost) => Err(failure(&connection.closed().await)),
        Ok(None) | Err(_) => {
            connection.close(CloseReason::Malformed.code(), b"");
            Err(DialFailure::Closed)
        }
    }
}

fn failure(error: &ConnectionError) -> DialFailure {
    match error {
        ConnectionError::TimedOut => DialFailure::NoAnswer,
        // A TLS alert of the listener.
        ConnectionError::ConnectionClosed(_) => DialFailure::Refused,
        // This side's own verdict on the handshake.
        ConnectionError::TransportError(_) => DialFailure::WrongKey,
        _ => DialFailure::Closed,
    }
}
