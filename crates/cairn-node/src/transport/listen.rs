//! Incoming connections: screened, taken through their handshake, greeted.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::connection::{CloseReason, OPENING};
use super::dial::Answered;
use super::endpoint::{self, HANDSHAKE_TIMEOUT};
use super::frame::{FrameError, read_frame};
use super::handshake::IncomingHandshake;
use super::tls;
use super::{CONNECTIONS_PER_DEVICE_MAX, Shared, lock, presented_key};

/// Handshakes in progress at once; further attempts are dropped unanswered and come again by
/// themselves, as QUIC repeats its first packet.
const HANDSHAKES_MAX: usize = 16;

/// Accepts until the endpoint closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Some(incoming) = shared.endpoint.accept().await {
        let pending = HANDSHAKES_MAX - places.available_permits();
        let Some(incoming) = endpoint::screen(incoming, pending) else {
            continue;
        };
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(accept(shared.clone(), incoming, place));
            }
            Err(_full) => incoming.ignore(),
        }
    }
}

async fn accept(shared: Arc<Shared>, incoming: quinn::Incoming, place: OwnedSemaphorePermit) {
    let handshake = Arc::new(IncomingHandshake::new(
        shared.relationships.clone(),
        shared.clock.clone(),
    ));
    let mut config = shared.server.clone();
    config.crypto = endpoint::server_crypto(tls::server(handshake.clone(), handshake.clone()));
    let connected = timeout(HANDSHAKE_TIMEOUT, connected(incoming, config)).await;
    // From here on it is known who it is, and waits at its own cost.
    drop(place);
    let answered = match connected {
        Ok(Some(connection)) => greeted(&shared, connection).await,
        Ok(None) | Err(_) => None,
    };
    let (Some(answered), Some(person)) = (answered, handshake.person()) else {
        tracing::info!("incoming handshake ended without a connection");
        return;
    };
    shared.open(person, false, answered);
}

async fn connected(
    incoming: quinn::Incoming,
    config: quinn::ServerConfig,
) -> Option<quinn::Connection> {
    incoming.accept_with(Arc::new(config)).ok()?.await.ok()
}

/// Waits for the dialler's first frame.
async fn greeted(shared: &Shared, connection: quinn::Connection) -> Option<Answered> {
    let Some(_place) = GreetingPlace::take(shared, presented_key(&connection)?) else {
        connection.close(CloseReason::Superseded.code(), b"");
        return None;
    };
    let greeting = async {
        let (sender, mut receiver) = connection.accept_bi().await.ok()?;
        let frame = read_frame(&mut receiver, OPENING.len()).await;
        Some((sender, receiver, frame))
    };
    let fault = match timeout(HANDSHAKE_TIMEOUT, greeting).await {
        Ok(None) => return None,
        Ok(Some((sender, receiver, Ok(Some(frame))))) if frame == OPENING => {
            return Some(Answered {
                connection,
                sender,
                receiver,
            });
        }
        Ok(Some((_, _, Ok(Some(_))))) => CloseReason::Version,
        Ok(Some((_, _, Err(FrameError::TooLarge)))) => CloseReason::FrameTooLarge,
        Ok(Some(_)) | Err(_) => CloseReason::Malformed,
    };
    connection.close(fault.code(), b"");
    None
}

/// The place of a connection of a device among those that have not greeted yet: as many as it may
/// have open, so that it cannot hold all places for handshakes.
struct GreetingPlace<'a> {
    shared: &'a Shared,
    tls_public: [u8; 32],
}

impl<'a> GreetingPlace<'a> {
    fn take(shared: &'a Shared, tls_public: [u8; 32]) -> Option<Self> {
        let mut greeting = lock(&shared.greeting);
        let count = greeting.entry(tls_public).or_default();
        if *count == CONNECTIONS_PER_DEVICE_MAX {
            return None;
        }
        *count += 1;
        Some(Self { shared, tls_public })
    }
}

impl Drop for GreetingPlace<'_> {
    fn drop(&mut self) {
        let mut greeting = lock(&self.shared.greeting);
        if let Some(count) = greeting.get_mut(&self.tls_public) {
            *count -= 1;
            if *count == 0 {
                greeting.remove(&self.tls_public);
            }
        }
    }
}
