//! Listening, dialling, and one reconciliation on request.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;

use cairn_engine::{ConnectionId, PersonId};

use crate::core::{Core, Network, lock};
use crate::events::NodeEvent;
use crate::node::{Node, fresh};
use crate::transport::{Clock, Counters, Redial, Transport};

/// Why the network could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The address cannot be bound.
    #[error("cannot listen on this address: {0}")]
    Bind(#[from] io::Error),
    /// Nobody to talk to.
    #[error("this notebook is not paired with anybody yet; nothing was sent")]
    NobodyPaired,
    /// No address is known.
    #[error("no address of any paired person is known; give one, or let the other side connect")]
    NoAddress,
    /// Nobody answered in time.
    #[error("nobody answered in time; nothing is lost, and what is here stays here")]
    NobodyAnswered,
    /// The time was over before all was exchanged.
    #[error("the time was over before everything was exchanged; nothing is lost, try again")]
    Unfinished,
}

/// What one reconciliation cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct SyncReport {
    /// Documents shared with the people reached.
    pub documents: u64,
    /// Documents that were loaded for it.
    pub documents_loaded: u64,
    /// Documents that differed.
    pub documents_differing: u64,
    /// Changes sent.
    pub changes_sent: u64,
    /// Changes of others taken in.
    pub changes_received: u64,
    /// UDP payload bytes sent after the handshake.
    pub sent_bytes: u64,
    /// UDP payload bytes received after the handshake.
    pub received_bytes: u64,
    /// UDP payload bytes of the handshakes, both ways.
    pub handshake_bytes: u64,
    /// How often this side had to wait for an answer, the hello included.
    pub round_trips: u64,
    /// How long it took from dialling to done.
    pub millis: u64,
}

impl Node {
    /// Listens for paired devices, and dials those whose address is known until they are
    /// connected. A node that is bound already stays at its address.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn listen(&self, address: SocketAddr) -> Result<SocketAddr, NetworkError> {
        let address = self.bind(address)?;
        if self.core.dialling.swap(true, Ordering::AcqRel) {
            return Ok(address);
        }
        self.core.publish(NodeEvent::Listening { address });
        let seed = u64::from_le_bytes(fresh()?);
        self.inner
            .handle
            .spawn(keep_dialling(self.core.clone(), seed));
        Ok(address)
    }

    fn bind(&self, address: SocketAddr) -> Result<SocketAddr, NetworkError> {
        let relationships = self
            .core
            .relationships
            .all()
            .into_iter()
            .map(|friend| {
                let devices = self
                    .core
                    .with_engine(|engine, _| engine.devices(friend.person));
                friend.relationship(&devices)
            })
            .collect();
        let mut network = lock(&self.core.network);
        if let Some(transport) = &network.transport {
            return Ok(transport.local_addr()?);
        }
        let _runtime = self.inner.handle.enter();
        let events = self.inner.network_events.clone();
        let transport = Transport::bind(address, relationships, Clock::system(), events)?;
        let local = transport.local_addr()?;
        network.transport = Some(transport);
        Ok(local)
    }

    /// Dials everyone paired at this address: whose device is there shows in the handshake. It is
    /// remembered for whoever answers.
    pub fn dial(&self, address: SocketAddr) {
        let network = lock(&self.core.network);
        if let Some(transport) = &network.transport {
            for friend in self.core.relationships.all() {
                if let Err(error) = transport.dial(friend.person.as_bytes(), vec![address]) {
                    tracing::debug!(%error, "not dialled");
                }
            }
        }
    }

    /// Reconciles once with everyone who answers, at the given addresses or else where they were
    /// last reached, and waits until nothing is on its way.
    ///
    /// # Errors
    /// See [`NetworkError`]; what was exchanged stays.
    pub fn sync_once(
        &self,
        addresses: &[SocketAddr],
        timeout: Duration,
    ) -> Result<SyncReport, NetworkError> {
        let friends = self.core.relationships.all();
        if friends.is_empty() {
            return Err(NetworkError::NobodyPaired);
        }
        let known = friends.iter().any(|friend| !friend.addresses.is_empty());
        let listening = lock(&self.core.network).transport.is_some();
        if addresses.is_empty() && !known && !listening {
            return Err(NetworkError::NoAddress);
        }
        let started = Instant::now();
        let before = self.core.with_engine(|engine, _| engine.counters());
        if !listening {
            self.bind(wildcard(addresses))?;
        }
        let mut events = self.subscribe();
        let mut waiting: BTreeSet<PersonId> = BTreeSet::new();
        {
            let network = lock(&self.core.network);
            if let Some(transport) = &network.transport {
                for friend in &friends {
                    let known = addresses.is_empty();
                    let to = if known { &friend.addresses } else { addresses };
                    let dialled = transport.dial(friend.person.as_bytes(), to.to_vec());
                    if dialled.is_ok() {
                        waiting.insert(friend.person);
                    }
                }
            }
        }
        let mut reached = false;
        let mut settled = BTreeSet::new();
        let mut lost = false;
        while let Some(left) = timeout.checked_sub(started.elapsed()) {
            match events.next_within(left) {
                Some(NodeEvent::Connected { .. }) => reached = true,
                Some(NodeEvent::Settled { person }) => {
                    settled.insert(person);
                }
                Some(NodeEvent::Disconnected { person }) if !self.is_connected_to(person) => {
                    lost |= !settled.contains(&person);
                    waiting.remove(&person);
                }
                Some(NodeEvent::Unreachable { person }) if !self.is_connected_to(person) => {
                    waiting.remove(&person);
                }
                Some(NodeEvent::Disconnected { .. } | NodeEvent::Unreachable { .. }) | None => {}
                Some(_) => continue,
            }
            let tried = waiting.iter().all(|person| self.is_connected_to(*person));
            if tried && self.is_settled() {
                break;
            }
        }
        let settled = !lost && self.is_settled();
        self.core.wait_stored();
        let after = self.core.with_engine(|engine, _| engine.counters());
        let mut report = self.report(&before, &after);
        report.millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if !reached && lock(&self.core.network).connections.is_empty() {
            return Err(NetworkError::NobodyAnswered);
        }
        if !settled {
            return Err(NetworkError::Unfinished);
        }
        Ok(report)
    }

    fn is_settled(&self) -> bool {
        let network = lock(&self.core.network);
        let connections: Vec<u64> = network.connections.keys().copied().collect();
        drop(network);
        self.core.with_engine(|engine, _| {
            connections
                .iter()
                .all(|number| engine.is_settled(ConnectionId(*number)))
        })
    }

    fn is_connected_to(&self, person: PersonId) -> bool {
        lock(&self.core.network)
            .connections
            .values()
            .any(|live| live.person == person)
    }

    fn report(
        &self,
        before: &cairn_engine::Counters,
        after: &cairn_engine::Counters,
    ) -> SyncReport {
        let network = lock(&self.core.network);
        let mut report = SyncReport {
            documents_loaded: after.documents_loaded - before.documents_loaded,
            documents_differing: after.documents_differing - before.documents_differing,
            changes_sent: after.changes_sent - before.changes_sent,
            changes_received: after.changes_received - before.changes_received,
            ..SyncReport::default()
        };
        let mut add = |counters: &Counters| {
            let handshake = counters.handshake_sent_bytes + counters.handshake_received_bytes;
            report.handshake_bytes += handshake;
            report.sent_bytes += counters.sent_bytes - counters.handshake_sent_bytes;
            report.received_bytes += counters.received_bytes - counters.handshake_received_bytes;
        };
        let Network {
            transport,
            connections,
            finished,
        } = &*network;
        for counters in connections
            .values()
            .filter_map(|live| transport.as_ref()?.counters(live.id))
            .chain(finished.iter().map(|(_, counters)| *counters))
        {
            add(&counters);
        }
        report.round_trips = connections
            .values()
            .map(|live| live.turns)
            .max()
            .unwrap_or(0);
        let reached: Vec<PersonId> = connections.values().map(|live| live.person).collect();
        drop(network);
        report.documents = self.core.with_engine(|engine, _| {
            reached
                .iter()
                .map(|person| engine.shared_with(*person) as u64)
                .sum()
        });
        report
    }
}

/// An address to dial from that can reach the given ones.
fn wildcard(addresses: &[SocketAddr]) -> SocketAddr {
    let loopback = !addresses.is_empty() && addresses.iter().all(|at| at.ip().is_loopback());
    match (addresses.iter().any(SocketAddr::is_ipv6), loopback) {
        (true, _) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        (false, true) => (std::net::Ipv4Addr::LOCALHOST, 0).into(),
        (false, false) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}

/// Dials everyone with a known address who is not connected, with growing pauses. While everyone
/// is connected nothing wakes it but an event.
async fn keep_dialling(core: Arc<Core>, seed: u64) {
    let mut schedules: BTreeMap<PersonId, Schedule> = BTreeMap::new();
    let mut events = core.events.subscribe();
    while !core.stopping.load(Ordering::Acquire) {
        let Some(next) = dial_due(&core, &mut schedules, seed) else {
            return;
        };
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(next.into()) => break,
                event = events.recv() => match event {
                    Ok(NodeEvent::Settled { person }) => {
                        // Only a connection that was of use lets the next pause be short.
                        if let Some(schedule) = schedules.get_mut(&person) {
                            schedule.redial.reset();
                        }
                    }
                    Ok(NodeEvent::Disconnected { person }) => {
                        if let Some(schedule) = schedules.get_mut(&person) {
                            schedule.due = Instant::now() + schedule.redial.next_delay();
                        }
                        break;
                    }
                    Ok(NodeEvent::People | NodeEvent::Unreachable { .. })
                    | Err(RecvError::Lagged(_)) => break,
                    Ok(_) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }
}

/// When one person is to be dialled next.
struct Schedule {
    redial: Redial,
    due: Instant,
}

/// Dials everyone who is due; gives when to look again, or `None` when the network is gone.
fn dial_due(
    core: &Core,
    schedules: &mut BTreeMap<PersonId, Schedule>,
    seed: u64,
) -> Option<Instant> {
    let now = Instant::now();
    let mut next = now + LOOK_AGAIN;
    let friends = core.relationships.all();
    let network = lock(&core.network);
    let transport = network.transport.as_ref()?;
    for (index, friend) in friends.into_iter().enumerate() {
        let connected = network
            .connections
            .values()
            .any(|live| live.person == friend.person);
        if connected || friend.addresses.is_empty() {
            continue;
        }
        let schedule = schedules.entry(friend.person).or_insert_with(|| Schedule {
            redial: Redial::new(seed.wrapping_add(index as u64)),
            due: now,
        });
        if schedule.due <= now {
            schedule.due = now + schedule.redial.next_delay();
            if let Err(error) = transport.dial(friend.person.as_bytes(), friend.addresses) {
                tracing::debug!(%error, "not dialled");
            }
        }
        next = next.min(schedule.due);
    }
    Some(next)
}

/// How long nothing is looked at when nobody is due: a wake-up an hour is no load.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
