//! Incoming connections: screened, taken through their handshake, greeted.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Shared;
use super::connection::{CloseReason, OPENING};
use super::dial::Answered;
use super::endpoint::{self, HANDSHAKE_TIMEOUT};
use super::frame::{FrameError, read_frame};
use super::handshake::IncomingHandshake;
use super::tls;

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
    let greeted = timeout(HANDSHAKE_TIMEOUT, greeted(incoming, config)).await;
    drop(place);
    let (Ok(Some(answered)), Some(person)) = (greeted, handshake.person()) else {
        tracing::info!("incoming handshake ended without a connection");
        return;
    };
    shared.open(person, false, answered);
}

/// The handshake and the dialler's first frame.
async fn greeted(incoming: quinn::Incoming, config: quinn::ServerConfig) -> Option<Answered> {
    let connection = incoming.accept_with(Arc::new(config)).ok()?.await.ok()?;
    let (sender, mut receiver) = connection.accept_bi().await.ok()?;
    let fault = match read_frame(&mut receiver, OPENING.len()).await {
        Ok(Some(frame)) if frame == OPENING => {
            return Some(Answered {
                connection,
                sender,
                receiver,
            });
        }
        Ok(Some(_)) => CloseReason::Version,
        Err(FrameError::TooLarge) => CloseReason::FrameTooLarge,
        Ok(None) | Err(_) => CloseReason::Malformed,
    };
    connection.close(fault.code(), b"");
    None
}
