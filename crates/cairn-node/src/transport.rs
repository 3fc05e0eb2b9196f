//! Connections between paired devices: QUIC with pairwise keys, frames in and out.
//!
//! Role: dials and listens, says whose device is at the other end, carries frames whole and in
//! order, counts bytes. Everything a peer does is an event on one bounded queue.
//!
//! Invariants: identity comes from the handshake alone; an unknown peer is refused in the
//! handshake, before any byte of a frame; nothing is connected before the peer's first frame;
//! every queue is bounded. Logs name connections by number, never people, keys or addresses.
//!
//! Not here: what frames mean (the engine), how relationships come about
//! ([`pairing`](crate::pairing)), where peers are.

mod connection;
mod dial;
pub(crate) mod endpoint;
pub(crate) mod frame;
mod handshake;
mod label;
mod listen;
pub(crate) mod noise;
mod redial;
mod relationship;
#[cfg(test)]
mod tests;
pub(crate) mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quinn::TransportConfig;
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

pub use connection::{
    CloseReason, ConnectionId, Counters, Disconnect, SEND_QUEUE_BYTES_MAX, SEND_QUEUE_FRAMES_MAX,
    SendError,
};
pub use dial::{DIAL_ADDRESSES_MAX, DialError, DialFailure, dial_config};
pub use frame::FRAME_BYTES_MAX;
pub(crate) use label::random_label;
pub use label::{Clock, EPOCH_SECONDS};
pub use redial::Redial;
pub use relationship::{PinnedDevice, Relationship, tls_public};

use connection::{FLUSH_TIMEOUT, Live, Opened};
use dial::Answered;
use handshake::IncomingHandshake;
use relationship::RelationshipSet;

/// Connections of one device that may be open at once: two dials that crossed and one that is
/// being replaced after a change of network, with one to spare. The oldest makes way; while as
/// many again are still ending, the device waits.
const CONNECTIONS_PER_DEVICE_MAX: usize = 4;

/// What happened on the network.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportEvent {
    /// A paired device is at the other end and has sent its first frame.
    Connected {
        /// Names the connection from now on.
        connection: ConnectionId,
        /// Whose device it is.
        person: [u8; 32],
        /// Which of their devices.
        device: [u8; 32],
        /// Where its packets come from; it may move later.
        remote: SocketAddr,
        /// Whether this side dialled.
        dialled: bool,
    },
    /// A frame arrived whole.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// Its payload, 1 byte to 1 MiB.
        bytes: Vec<u8>,
    },
    /// A connection ended; its last event.
    Disconnected {
        /// Which connection.
        connection: ConnectionId,
        /// Whose device it was.
        person: [u8; 32],
        /// Which of their devices.
        device: [u8; 32],
        /// Why it ended.
        end: Disconnect,
        /// What it carried.
        counters: Counters,
    },
    /// A dial found nobody.
    DialFailed {
        /// Who was dialled.
        person: [u8; 32],
        /// The most telling answer of all addresses.
        failure: DialFailure,
    },
}

/// What all tasks of one transport share.
struct Shared {
    endpoint: quinn::Endpoint,
    server: quinn::ServerConfig,
    transport: Arc<TransportConfig>,
    /// Locked before `connections` where both are needed.
    relationships: Arc<Mutex<RelationshipSet>>,
    connections: Mutex<BTreeMap<ConnectionId, Live>>,
    /// How many connections of a device, by its TLS key, have not greeted yet.
    greeting: Mutex<BTreeMap<[u8; 32], usize>>,
    next_connection: AtomicU64,
    /// A connection has left the table.
    ended: Notify,
    events: mpsc::Sender<TransportEvent>,
    clock: Clock,
    runtime: Handle,
}

/// A bound UDP port and the connections on it.
///
/// A cheap handle: clones share the port. No call waits for the network but
/// [`shutdown`](Self::shutdown). Dropping the last handle closes everything at once.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    _port: Arc<Port>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("connections", &lock(&self.shared.connections).len())
            .finish_non_exhaustive()
    }
}

/// Closes the endpoint with the last handle, which ends all tasks.
struct Port(quinn::Endpoint);

impl Drop for Port {
    fn drop(&mut self) {
        self.0.close(CloseReason::Shutdown.code(), b"");
    }
}

impl Transport {
    /// Binds a UDP port and listens for paired devices. Call it inside a tokio runtime, which then
    /// runs the transport's tasks.
    ///
    /// `events` is the one queue of everything that happens; its capacity is the caller's choice.
    /// While it is full, nothing more is read from any peer and each is slowed down by QUIC's
    /// windows; nothing is dropped.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be bound.
    pub fn bind(
        address: SocketAddr,
        relationships: Vec<Relationship>,
        clock: Clock,
        events: mpsc::Sender<TransportEvent>,
    ) -> io::Result<Self> {
        let mut set = RelationshipSet::default();
        for relationship in relationships {
            set.insert(relationship);
        }
        let relationships = Arc::new(Mutex::new(set));
        let transport = endpoint::transport(&endpoint::SESSION);
        // Each handshake gets its own copy of this configuration with its own resolver.
        let handshake = Arc::new(IncomingHandshake::new(relationships.clone(), clock.clone()));
        let tls = tls::server(handshake.clone(), handshake);
        let server = endpoint::server(tls, transport.clone());
        let endpoint = endpoint::bind(address, Some(server.clone()))?;
        let shared = Arc::new(Shared {
            endpoint: endpoint.clone(),
            server,
            transport,
            relationships,
            connections: Mutex::default(),
            greeting: Mutex::default(),
            next_connection: AtomicU64::new(1),
            ended: Notify::new(),
            events,
            clock,
            runtime: Handle::current(),
        });
        tokio::spawn(listen::run(shared.clone()));
        tracing::info!("listening");
        Ok(Self {
            shared,
            _port: Arc::new(Port(endpoint)),
        })
    }

    /// The bound address, with the port the operating system chose when 0 was asked for.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.shared.endpoint.local_addr()
    }

    /// Adds a relationship or replaces the one with the same person. Live connections of devices
    /// that are no longer listed are closed with [`CloseReason::Unpaired`].
    pub fn set_relationship(&self, relationship: Relationship) {
        let person = relationship.person;
        let mut set = lock(&self.shared.relationships);
        set.insert(relationship);
        self.shared.close_unpaired(&set, &person);
    }

    /// Forgets a relationship: its label gets no key any more, and its live connections are closed
    /// with [`CloseReason::Unpaired`].
    pub fn remove_relationship(&self, person: &[u8; 32]) {
        let mut set = lock(&self.shared.relationships);
        set.remove(person);
        self.shared.close_unpaired(&set, person);
    }

    /// Dials a person's devices at all these addresses at once (the first
    /// [`DIAL_ADDRESSES_MAX`]). The first that answers as one of their devices becomes a
    /// connected event; when none does, one dial-failed event tells.
    ///
    /// # Errors
    /// When there is no relationship with this person or no address; no event follows then.
    pub fn dial(&self, person: &[u8; 32], mut addresses: Vec<SocketAddr>) -> Result<(), DialError> {
        let relationship = lock(&self.shared.relationships)
            .person(person)
            .ok_or(DialError::NotPaired)?;
        addresses.truncate(DIAL_ADDRESSES_MAX);
        if addresses.is_empty() {
            return Err(DialError::NoAddress);
        }
        let dial = dial::run(self.shared.clone(), relationship, addresses);
        self.shared.runtime.spawn(dial);
        Ok(())
    }

    /// Queues one frame for a connection and returns at once.
    ///
    /// At most [`SEND_QUEUE_FRAMES_MAX`] frames or [`SEND_QUEUE_BYTES_MAX`] bytes wait; one more
    /// closes the connection with [`CloseReason::SendQueueFull`]. Who sends much looks at
    /// [`queued_bytes`](Self::queued_bytes) first.
    ///
    /// # Errors
    /// See [`SendError`]; the frame was not queued.
    pub fn send(&self, connection: ConnectionId, frame: Vec<u8>) -> Result<(), SendError> {
        lock(&self.shared.connections)
            .get_mut(&connection)
            .ok_or(SendError::NotConnected)?
            .send(frame)
    }

    /// Payload bytes that wait to be written; 0 for a connection that has ended.
    pub fn queued_bytes(&self, connection: ConnectionId) -> usize {
        lock(&self.shared.connections)
            .get(&connection)
            .map_or(0, Live::queued_bytes)
    }

    /// What a connection has carried so far; `None` once it has ended (its disconnected event has
    /// the last figures).
    pub fn counters(&self, connection: ConnectionId) -> Option<Counters> {
        lock(&self.shared.connections)
            .get(&connection)
            .map(Live::counters)
    }

    /// Ends a connection. [`CloseReason::Done`] and [`CloseReason::Shutdown`] let the queued
    /// frames arrive first, for at most two seconds; any other reason ends it at once. The
    /// disconnected event follows. A connection that has ended is left alone.
    pub fn close(&self, connection: ConnectionId, reason: CloseReason) {
        let ending = lock(&self.shared.connections)
            .get_mut(&connection)
            .and_then(|live| live.close(reason));
        if let Some(ending) = ending {
            self.shared.see_off(ending, reason);
        }
    }

    /// Ends all connections with [`CloseReason::Shutdown`] after their queued frames and waits, at
    /// most about five seconds, until the peers have been told.
    pub async fn shutdown(&self) {
        self.shared.endpoint.set_server_config(None);
        let ids: Vec<_> = lock(&self.shared.connections).keys().copied().collect();
        for id in ids {
            self.close(id, CloseReason::Shutdown);
        }
        let all_ended = async {
            loop {
                let ended = self.shared.ended.notified();
                if lock(&self.shared.connections).is_empty() {
                    break;
                }
                ended.await;
            }
        };
        if timeout(FLUSH_TIMEOUT, all_ended).await.is_err() {
            tracing::debug!("connections ended before their last frames were acknowledged");
        }
        self.shared
            .endpoint
            .close(CloseReason::Shutdown.code(), b"");
        if timeout(FLUSH_TIMEOUT, self.shared.endpoint.wait_idle())
            .await
            .is_err()
        {
            tracing::debug!("peers were not told of the end");
        }
    }
}

impl Shared {
    /// Gives a greeted connection its place in the table and starts it, if the key it presented
    /// is pinned *now*: the relationship may have changed during the handshake.
    fn open(self: &Arc<Self>, person: [u8; 32], dialled: bool, answered: Answered) {
        let Answered {
            connection,
            sender,
            receiver,
        } = answered;
        let Some((id, device, queue)) = self.enter(person, &connection) else {
            connection.close(CloseReason::Unpaired.code(), b"");
            return;
        };
        let opened = Opened {
            id,
            person,
            device,
            remote: connection.remote_address(),
            dialled,
            connection,
            queue,
        };
        let connection = connection::run(self.clone(), opened, sender, receiver);
        self.runtime.spawn(connection);
    }

    fn enter(
        &self,
        person: [u8; 32],
        connection: &quinn::Connection,
    ) -> Option<(ConnectionId, [u8; 32], connection::Queue)> {
        let key = presented_key(connection)?;
        // Held until the entry is made, so that no removal slips in between.
        let set = lock(&self.relationships);
        let device = set.person(&person)?.device(&key)?;
        let mut connections = lock(&self.connections);
        let of_device: Vec<_> = connections
            .iter()
            .filter(|(_, live)| live.device == device)
            .map(|(id, _)| *id)
            .collect();
        if of_device.len() >= 2 * CONNECTIONS_PER_DEVICE_MAX {
            return None;
        }
        if of_device.len() >= CONNECTIONS_PER_DEVICE_MAX
            && let Some(oldest) = of_device.first()
            && let Some(live) = connections.get_mut(oldest)
        {
            live.close(CloseReason::Superseded);
        }
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let (live, queue) = Live::new(person, device, key, connection.clone());
        connections.insert(id, live);
        Some((id, device, queue))
    }

    /// Closes the connections of this person whose key is pinned no longer.
    fn close_unpaired(&self, set: &RelationshipSet, person: &[u8; 32]) {
        let relationship = set.person(person);
        for live in lock(&self.connections).values_mut() {
            let pinned = relationship
                .as_ref()
                .is_some_and(|known| known.device(&live.tls_public) == Some(live.device));
            if live.person == *person && !pinned {
                live.close(CloseReason::Unpaired);
            }
        }
    }

    /// Ends a connection whose last frames nobody takes.
    fn see_off(&self, connection: quinn::Connection, reason: CloseReason) {
        self.runtime.spawn(async move {
            tokio::select! {
                _ = connection.closed() => {}
                () = sleep(FLUSH_TIMEOUT) => connection.close(reason.code(), b""),
            }
        });
    }
}

/// The TLS key the other end proved to hold.
fn presented_key(connection: &quinn::Connection) -> Option<[u8; 32]> {
    let identity = connection.peer_identity()?;
    let presented = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    match presented.as_slice() {
        [key] => tls::public_key(key),
        _ => None,
    }
}

/// Locks; what these locks guard is whole after each statement, so a panic elsewhere spoils
/// nothing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
