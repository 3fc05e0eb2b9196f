//! The transport over real UDP on 127.0.0.1, between peers that keep to the rules.

mod half_made;
mod hostile;
mod vectors;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;

use super::*;
use crate::secret::Key256;

/// Generous: a failing wait, never a passing condition.
const WAIT: Duration = Duration::from_secs(30);
const NOW: u64 = 1_900_000_000;
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn key(number: u8) -> Key256 {
    Key256::take(&mut [number; 32])
}

/// A device of the person with this number, in the relationship with this pair secret.
fn device(person: u8, secret: u8) -> PinnedDevice {
    PinnedDevice {
        device: [person; 32],
        tls_public: tls_public(&tls_seed(person, secret)),
    }
}

fn tls_seed(person: u8, secret: u8) -> Key256 {
    let mut seed = [person; 32];
    seed[0] = secret;
    Key256::take(&mut seed)
}

/// `own`'s side of its relationship with these other devices.
fn relationship(own: u8, other: u8, secret: u8) -> Relationship {
    Relationship {
        person: [other; 32],
        pair_secret: key(secret),
        own_tls_seed: tls_seed(own, secret),
        peers: vec![device(other, secret)],
    }
}

struct Side {
    transport: Transport,
    events: Receiver<TransportEvent>,
    address: SocketAddr,
}

fn side(relationships: Vec<Relationship>) -> Side {
    side_with(relationships, 64, NOW)
}

fn side_with(relationships: Vec<Relationship>, events_max: usize, now: u64) -> Side {
    let (sender, events) = mpsc::channel(events_max);
    let transport = Transport::bind(HERE, relationships, Clock::new(move || now), sender).unwrap();
    let address = transport.local_addr().unwrap();
    Side {
        transport,
        events,
        address,
    }
}

impl Side {
    async fn event(&mut self) -> TransportEvent {
        timeout(WAIT, self.events.recv()).await.unwrap().unwrap()
    }

    async fn connected(&mut self) -> (ConnectionId, [u8; 32], [u8; 32], bool) {
        match self.event().await {
            TransportEvent::Connected {
                connection,
                person,
                device,
                dialled,
                ..
            } => (connection, person, device, dialled),
            other => panic!("{other:?}"),
        }
    }

    async fn frame(&mut self) -> Vec<u8> {
        match self.event().await {
            TransportEvent::Frame { bytes, .. } => bytes,
            other => panic!("{other:?}"),
        }
    }

    async fn disconnected(&mut self) -> Disconnect {
        match self.event().await {
            TransportEvent::Disconnected { end, .. } => end,
            other => panic!("{other:?}"),
        }
    }

    async fn dial_failed(&mut self) -> DialFailure {
        match self.event().await {
            TransportEvent::DialFailed { failure, .. } => failure,
            other => panic!("{other:?}"),
        }
    }

    fn heard_nothing(&mut self) {
        let heard = self.events.try_recv();
        assert_eq!(heard.err(), Some(mpsc::error::TryRecvError::Empty));
    }
}

/// Persons 1 and 2 know each other by pair secret 50; 1 has dialled 2.
async fn connected_pair() -> (Side, ConnectionId, Side, ConnectionId) {
    let mut one = side(vec![relationship(1, 2, 50)]);
    let mut two = side(vec![relationship(2, 1, 50)]);
    one.transport.dial(&[2; 32], vec![two.address]).unwrap();
    let (at_two, ..) = two.connected().await;
    let (at_one, ..) = one.connected().await;
    (one, at_one, two, at_two)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_connect_and_exchange_frames() {
    let (mut one, at_one, mut two, at_two) = connected_pair().await;
    let large = vec![7; FRAME_BYTES_MAX];
    one.transport.send(at_one, b"first".to_vec()).unwrap();
    one.transport.send(at_one, large.clone()).unwrap();
    two.transport.send(at_two, b"back".to_vec()).unwrap();
    assert_eq!(two.frame().await, b"first");
    assert_eq!(two.frame().await, large);
    assert_eq!(one.frame().await, b"back");

    let counters = one.transport.counters(at_one).unwrap();
    assert_eq!((counters.frames_sent, counters.frames_received), (2, 1));
    assert!(counters.handshake_sent_bytes > 1200);
    assert!(counters.handshake_received_bytes > 1200);
    assert!(counters.sent_bytes > counters.handshake_sent_bytes + large.len() as u64);
    for size in [0, FRAME_BYTES_MAX + 1] {
        let refused = one.transport.send(at_one, vec![0; size]);
        assert_eq!(refused, Err(SendError::Size));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_comes_from_the_handshake_also_among_several_relationships() {
    let mut hub = side(vec![relationship(1, 2, 50), relationship(1, 3, 51)]);
    for (person, secret) in [(3, 51), (2, 50)] {
        let mut peer = side(vec![relationship(person, 1, secret)]);
        peer.transport.dial(&[1; 32], vec![hub.address]).unwrap();
        let (_, seen, device, dialled) = hub.connected().await;
        assert_eq!((seen, device, dialled), ([person; 32], [person; 32], false));
        let (_, seen, device, dialled) = peer.connected().await;
        assert_eq!((seen, device, dialled), ([1; 32], [1; 32], true));
        peer.transport.shutdown().await;
        assert_eq!(
            hub.disconnected().await,
            Disconnect::ClosedByPeer(Some(CloseReason::Shutdown))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_with_another_key_is_not_believed() {
    let mut one = side(vec![relationship(1, 2, 50)]);
    let mut impostor = side(vec![Relationship {
        own_tls_seed: key(99),
        ..relationship(2, 1, 50)
    }]);
    one.transport
        .dial(&[2; 32], vec![impostor.address])
        .unwrap();
    assert_eq!(one.dial_failed().await, DialFailure::WrongKey);
    impostor.heard_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_relationship_loses_its_connection_and_cannot_return() {
    let (mut one, _, mut two, _) = connected_pair().await;
    two.transport.remove_relationship(&[1; 32]);
    assert_eq!(
        two.disconnected().await,
        Disconnect::Closed(CloseReason::Unpaired)
    );
    assert_eq!(
        one.disconnected().await,
        Disconnect::ClosedByPeer(Some(CloseReason::Unpaired))
    );
    one.transport.dial(&[2; 32], vec![two.address]).unwrap();
    assert_eq!(one.dial_failed().await, DialFailure::Refused);
    let refused = two.transport.dial(&[1; 32], vec![one.address]);
    assert_eq!(refused, Err(DialError::NotPaired));
    two.heard_nothing();
    // Paired again, it connects again.
    two.transport.set_relationship(relationship(2, 1, 50));
    one.transport.dial(&[2; 32], vec![two.address]).unwrap();
    two.connected().await;
    one.connected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_cut_off_and_the_persons_other_device_is_not() {
    let old = Relationship {
        person: [1; 32],
        ..relationship(4, 2, 50)
    };
    let mut hub = side(vec![Relationship {
        peers: vec![device(1, 50), device(4, 50)],
        ..relationship(2, 1, 50)
    }]);
    let mut kept = side(vec![relationship(1, 2, 50)]);
    let mut revoked = side(vec![Relationship {
        person: [2; 32],
        ..old
    }]);
    kept.transport.dial(&[2; 32], vec![hub.address]).unwrap();
    let (at_hub, ..) = hub.connected().await;
    kept.connected().await;
    revoked.transport.dial(&[2; 32], vec![hub.address]).unwrap();
    let (_, person, device, _) = hub.connected().await;
    assert_eq!((person, device), ([1; 32], [4; 32]));
    revoked.connected().await;

    hub.transport.set_relationship(relationship(2, 1, 50));
    assert_eq!(
        hub.disconnected().await,
        Disconnect::Closed(CloseReason::Unpaired)
    );
    revoked.disconnected().await;
    revoked.transport.dial(&[2; 32], vec![hub.address]).unwrap();
    assert_eq!(revoked.dial_failed().await, DialFailure::Refused);
    hub.transport.send(at_hub, b"still here".to_vec()).unwrap();
    assert_eq!(kept.frame().await, b"still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_one_epoch_and_no_more() {
    for (behind, connects) in [(0, true), (1, true), (2, false)] {
        let mut two = side(vec![relationship(2, 1, 50)]);
        let then = NOW - behind * EPOCH_SECONDS;
        let mut one = side_with(vec![relationship(1, 2, 50)], 64, then);
        one.transport.dial(&[2; 32], vec![two.address]).unwrap();
        if connects {
            one.connected().await;
            two.connected().await;
        } else {
            assert_eq!(one.dial_failed().await, DialFailure::Refused);
            two.heard_nothing();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_addresses_one_connection_comes_about() {
    let dead = UdpSocket::bind(HERE).unwrap().local_addr().unwrap();
    let mut one = side(vec![relationship(1, 2, 50)]);
    let mut two = side(vec![relationship(2, 1, 50)]);
    let addresses = vec![dead, two.address, two.address, two.address, dead];
    one.transport.dial(&[2; 32], addresses).unwrap();
    let (at_one, ..) = one.connected().await;
    two.connected().await;
    one.transport.send(at_one, b"one".to_vec()).unwrap();
    assert_eq!(two.frame().await, b"one");
    one.transport.close(at_one, CloseReason::Done);
    assert_eq!(
        two.disconnected().await,
        Disconnect::ClosedByPeer(Some(CloseReason::Done))
    );
    two.heard_nothing();
    assert_eq!(
        one.transport.dial(&[2; 32], Vec::new()),
        Err(DialError::NoAddress)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_delivers_every_frame_to_a_slow_reader() {
    let mut one = side(vec![relationship(1, 2, 50)]);
    let mut two = side_with(vec![relationship(2, 1, 50)], 1, NOW);
    one.transport.dial(&[2; 32], vec![two.address]).unwrap();
    two.connected().await;
    let (at_one, ..) = one.connected().await;
    for number in 0..500_u32 {
        one.transport
            .send(at_one, number.to_le_bytes().to_vec())
            .unwrap();
    }
    one.transport.close(at_one, CloseReason::Done);
    assert_eq!(
        one.transport.send(at_one, vec![1]),
        Err(SendError::NotConnected)
    );
    assert_eq!(
        one.disconnected().await,
        Disconnect::Closed(CloseReason::Done)
    );
    for number in 0..500_u32 {
        assert_eq!(two.frame().await, number.to_le_bytes());
    }
    assert_eq!(
        two.disconnected().await,
        Disconnect::ClosedByPeer(Some(CloseReason::Done))
    );
}
