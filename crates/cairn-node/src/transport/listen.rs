//! Incoming connections: screened, taken through their handshake, greeted.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::connection::{CloseReason, OPENING};
use super::dial::Answered;
use super::endpoint::{self, HANDSHAKE_TIMEOUT};
use super::frame::{FrameError, read_frame};
use super::handshake::IncomingHandshake;
use super::tls;
use super::{CONNECTIONS_PER_DEVICE_MAX, Shared, lock, presented_key};

/// Handshakes in progress at once. One more ends the oldest: an honest one takes two round trips,
/// so whoever wants to keep others out has to send as many anew within that time.
const HANDSHAKES_MAX: usize = 16;

/// Accepts until the endpoint closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut running: VecDeque<AbortHandle> = VecDeque::new();
    while let Some(incoming) = shared.endpoint.accept().await {
        running.retain(|handshake| !handshake.is_finished());
        let Some(incoming) = endpoint::screen(incoming, running.len()) else {
            continue;
        };
        if running.len() == HANDSHAKES_MAX
            && let Some(oldest) = running.pop_front()
        {
            oldest.abort();
        }
        let accepted = tokio::spawn(accept(shared.clone(), incoming));
        running.push_back(accepted.abort_handle());
    }
}

/// Takes a connection through its handshake. From then on it is known who it is, and it waits at
/// that device's own cost.
async fn accept(shared: Arc<Shared>, incoming: quinn::Incoming) {
    let handshake = Arc::new(IncomingHandshake::new(
        shared.relationships.clone(),
        shared.clock.clone(),
    ));
    let mut config = shared.server.clone();
    config.crypto = endpoint::server_crypto(tls::server(handshake.clone(), handshake.clone()));
    let connected = timeout(HANDSHAKE_TIMEOUT, connected(incoming, config)).await;
    let (Ok(Some(connection)), Some(person)) = (connected, handshake.person()) else {
        tracing::info!("{ENDED_EARLY}");
        return;
    };
    tokio::spawn(async move {
        match greeted(&shared, connection).await {
            Some(answered) => shared.open(person, false, answered),
            None => tracing::info!("{ENDED_EARLY}"),
        }
    });
}

const ENDED_EARLY: &str = "incoming handshake ended without a connection";

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
