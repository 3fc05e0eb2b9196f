//! Strangers and paired peers that follow no rule of ours.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use quinn::{ConnectionError, Endpoint};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::*;
use crate::transport::connection::OPENING;
use crate::transport::frame::append_frame;
use crate::transport::label::label;
use crate::transport::tls::PeerKeys;

/// A peer that speaks QUIC but follows no rule of ours.
struct Stranger {
    endpoint: Endpoint,
}

impl Stranger {
    fn new() -> Self {
        let endpoint = endpoint::bind(HERE, None).unwrap();
        Self { endpoint }
    }

    async fn connect(
        &self,
        address: SocketAddr,
        name: &str,
        tls: rustls::ClientConfig,
    ) -> Result<quinn::Connection, ConnectionError> {
        let config = endpoint::client(tls, endpoint::transport(&endpoint::SESSION));
        let connecting = self.endpoint.connect_with(config, address, name);
        timeout(WAIT, connecting.unwrap()).await.unwrap()
    }

    /// Connects, sends a frame at once and gives back how it ended and how many bytes came.
    async fn intrude(
        &self,
        address: SocketAddr,
        name: &str,
        tls: rustls::ClientConfig,
    ) -> (ConnectionError, usize) {
        let connection = match self.connect(address, name, tls).await {
            Ok(connection) => connection,
            Err(error) => return (error, 0),
        };
        let mut bytes = 0;
        if let Ok((mut sender, mut receiver)) = connection.open_bi().await {
            let mut frames = Vec::new();
            append_frame(&mut frames, &OPENING);
            append_frame(&mut frames, b"let me in");
            if sender.write_all(&frames).await.is_ok() {
                let mut buffer = [0; 64];
                while let Ok(Ok(Some(read))) = timeout(WAIT, receiver.read(&mut buffer)).await {
                    bytes += read;
                }
            }
        }
        let error = timeout(WAIT, connection.closed()).await.unwrap();
        (error, bytes)
    }
}

fn client_tls(seed: &Key256) -> rustls::ClientConfig {
    tls::client(tls::certified_key(seed).unwrap(), Arc::new(PeerKeys::Any))
}

/// The label of a pair secret at the time of these tests.
fn label_now(secret: u8) -> String {
    label(&key(secret), NOW / EPOCH_SECONDS)
}

/// The TLS alert with which the other side refused, from its QUIC error code.
fn alert(error: &ConnectionError) -> u64 {
    match error {
        ConnectionError::ConnectionClosed(close) => u64::from(close.error_code) - 0x100,
        other => panic!("{other:?}"),
    }
}

const HANDSHAKE_FAILURE: u64 = 40;
const ACCESS_DENIED: u64 = 49;
const NO_APPLICATION_PROTOCOL: u64 = 120;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_refused_in_the_handshake_and_gets_no_byte() {
    let mut two = side(vec![relationship(2, 1, 50)]);
    let stranger = Stranger::new();
    let (error, bytes) = stranger
        .intrude(two.address, &label_now(50), client_tls(&key(99)))
        .await;
    assert_eq!((alert(&error), bytes), (ACCESS_DENIED, 0));
    two.heard_nothing();
    // The control: with the pinned key the same peer gets in.
    let pinned = client_tls(&tls_seed(1, 50));
    let connection = stranger
        .connect(two.address, &label_now(50), pinned)
        .await
        .unwrap();
    let _streams = open(&connection).await;
    two.connected().await;
}

/// Greets on a new stream, as a dialler does.
async fn open(connection: &quinn::Connection) -> (quinn::SendStream, quinn::RecvStream) {
    let (mut sender, receiver) = connection.open_bi().await.unwrap();
    let mut opening = Vec::new();
    append_frame(&mut opening, &OPENING);
    sender.write_all(&opening).await.unwrap();
    (sender, receiver)
}

/// Accepts any key and counts how many it was shown.
#[derive(Debug, Default)]
struct Probe(AtomicUsize);

impl ServerCertVerifier for Probe {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_label_is_shown_no_key() {
    let mut two = side(vec![relationship(2, 1, 50)]);
    let stranger = Stranger::new();
    let probe = Arc::new(Probe::default());
    let tls = || tls::client(tls::certified_key(&key(99)).unwrap(), probe.clone());
    for name in [
        label_now(51),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
    ] {
        let (error, bytes) = stranger.intrude(two.address, &name, tls()).await;
        assert_eq!((alert(&error), bytes), (ACCESS_DENIED, 0), "{name}");
    }
    assert_eq!(probe.0.load(Ordering::Relaxed), 0);
    // The control: who knows the label is shown the key (and still gets no further).
    let (error, bytes) = stranger.intrude(two.address, &label_now(50), tls()).await;
    assert_eq!((alert(&error), bytes), (ACCESS_DENIED, 0));
    assert_eq!(probe.0.load(Ordering::Relaxed), 1);
    two.heard_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_counts_only_in_the_relationship_it_is_pinned_in() {
    let mut hub = side(vec![relationship(1, 2, 50), relationship(1, 3, 51)]);
    let stranger = Stranger::new();
    let of_three = || client_tls(&tls_seed(3, 51));
    let (error, bytes) = stranger
        .intrude(hub.address, &label_now(50), of_three())
        .await;
    assert_eq!((alert(&error), bytes), (ACCESS_DENIED, 0));
    hub.heard_nothing();
    // The control: the same key under its own label.
    let connection = stranger
        .connect(hub.address, &label_now(51), of_three())
        .await
        .unwrap();
    let _streams = open(&connection).await;
    assert_eq!(hub.connected().await.1, [3; 32]);
}

#[tokio::test(flavor = "multi_thread")]
async fn classic_key_exchange_and_foreign_protocols_are_refused() {
    let mut two = side(vec![relationship(2, 1, 50)]);
    let stranger = Stranger::new();
    let own = || tls::certified_key(&tls_seed(1, 50)).unwrap();

    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let mut classic = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PeerKeys::Any))
        .with_client_cert_resolver(Arc::new(tls::OwnKey(own())));
    classic.alpn_protocols = vec![tls::ALPN.to_vec()];
    let (error, bytes) = stranger.intrude(two.address, &label_now(50), classic).await;
    assert_eq!((alert(&error), bytes), (HANDSHAKE_FAILURE, 0));

    let mut foreign = client_tls(&tls_seed(1, 50));
    foreign.alpn_protocols = vec![b"h3".to_vec()];
    let (error, bytes) = stranger.intrude(two.address, &label_now(50), foreign).await;
    assert_eq!((alert(&error), bytes), (NO_APPLICATION_PROTOCOL, 0));
    two.heard_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paired_peer_that_breaks_the_framing_is_closed() {
    let mut two = side(vec![relationship(2, 1, 50)]);
    let stranger = Stranger::new();
    let oversize = (FRAME_BYTES_MAX as u32 + 1).to_le_bytes();
    for (bytes, reason) in [
        (oversize, CloseReason::FrameTooLarge),
        (u32::MAX.to_le_bytes(), CloseReason::FrameTooLarge),
        (0_u32.to_le_bytes(), CloseReason::Malformed),
    ] {
        let pinned = client_tls(&tls_seed(1, 50));
        let connection = stranger.connect(two.address, &label_now(50), pinned).await;
        let connection = connection.unwrap();
        let (mut sender, _receiver) = open(&connection).await;
        two.connected().await;
        sender.write_all(&bytes).await.unwrap();
        assert_eq!(two.disconnected().await, Disconnect::Closed(reason));
        match timeout(WAIT, connection.closed()).await.unwrap() {
            ConnectionError::ApplicationClosed(close) => {
                assert_eq!(close.error_code, reason.code())
            }
            other => panic!("{other:?}"),
        }
    }
    let pinned = client_tls(&tls_seed(1, 50));
    let connection = stranger
        .connect(two.address, &label_now(50), pinned)
        .await
        .unwrap();
    let _first = open(&connection).await;
    two.connected().await;
    let _second = open(&connection).await;
    assert_eq!(
        two.disconnected().await,
        Disconnect::Closed(CloseReason::Malformed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_transport_is_closed_before_it_counts() {
    let mut two = side(vec![relationship(2, 1, 50)]);
    let stranger = Stranger::new();
    let pinned = client_tls(&tls_seed(1, 50));
    let connection = stranger
        .connect(two.address, &label_now(50), pinned)
        .await
        .unwrap();
    let (mut sender, _receiver) = connection.open_bi().await.unwrap();
    let mut opening = Vec::new();
    append_frame(&mut opening, &[OPENING[0] + 1]);
    sender.write_all(&opening).await.unwrap();
    match timeout(WAIT, connection.closed()).await.unwrap() {
        ConnectionError::ApplicationClosed(close) => {
            assert_eq!(close.error_code, CloseReason::Version.code());
        }
        other => panic!("{other:?}"),
    }
    two.heard_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn random_datagrams_do_not_disturb_a_live_connection() {
    let (one, at_one, mut two, _) = connected_pair().await;
    let noise = UdpSocket::bind(HERE).unwrap();
    let mut random = Redial::new(8);
    for round in 0..2_000_u32 {
        let length = 1 + round as usize % 1_400;
        let datagram: Vec<u8> = (0..length)
            .map(|_| random.next_delay().subsec_nanos() as u8)
            .collect();
        noise.send_to(&datagram, two.address).unwrap();
        if round % 100 == 0 {
            one.transport
                .send(at_one, round.to_le_bytes().to_vec())
                .unwrap();
            assert_eq!(two.frame().await, round.to_le_bytes());
        }
    }
    two.heard_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_nothing_costs_a_bounded_queue_and_is_closed() {
    let mut one = side(vec![relationship(1, 2, 50)]);
    let mut two = side_with(vec![relationship(2, 1, 50)], 1, NOW);
    one.transport.dial(&[2; 32], vec![two.address]).unwrap();
    two.connected().await;
    let (at_one, ..) = one.connected().await;
    let frame = vec![5; 256 << 10];
    let mut sent = 0;
    while one.transport.send(at_one, frame.clone()) == Ok(()) {
        sent += frame.len();
        assert!(one.transport.queued_bytes(at_one) <= SEND_QUEUE_BYTES_MAX);
        assert!(sent <= 2 * SEND_QUEUE_BYTES_MAX, "nothing bounds the queue");
    }
    assert!(sent >= SEND_QUEUE_BYTES_MAX);
    assert_eq!(
        one.disconnected().await,
        Disconnect::Closed(CloseReason::SendQueueFull)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_cannot_hold_many_connections() {
    let two = side_with(vec![relationship(2, 1, 50)], 256, NOW);
    let stranger = Stranger::new();
    let mut held = Vec::new();
    for _ in 0..12 {
        let pinned = client_tls(&tls_seed(1, 50));
        let connection = stranger
            .connect(two.address, &label_now(50), pinned)
            .await
            .unwrap();
        let (sender, mut receiver) = open(&connection).await;
        // Its answer shows that the listener has entered it.
        let mut answer = [0; 5];
        timeout(WAIT, receiver.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        held.push((connection, sender, receiver));
    }
    let open_ones = || {
        held.iter()
            .filter(|(c, ..)| c.close_reason().is_none())
            .count()
    };
    timeout(WAIT, async {
        while open_ones() > CONNECTIONS_PER_DEVICE_MAX {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(open_ones(), CONNECTIONS_PER_DEVICE_MAX);
    assert!(
        held.last().unwrap().0.close_reason().is_none(),
        "the newest stays"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ticket_is_ever_issued() {
    // A dialler that would resume if it were ever given the means.
    static SEEN: LazyLock<AtomicU64> = LazyLock::new(AtomicU64::default);
    #[derive(Debug)]
    struct Store;
    impl rustls::client::ClientSessionStore for Store {
        fn set_kx_hint(&self, _: ServerName<'static>, _: rustls::NamedGroup) {}
        fn kx_hint(&self, _: &ServerName<'_>) -> Option<rustls::NamedGroup> {
            None
        }
        fn set_tls12_session(
            &self,
            _: ServerName<'static>,
            _: rustls::client::Tls12ClientSessionValue,
        ) {
        }
        fn tls12_session(
            &self,
            _: &ServerName<'_>,
        ) -> Option<rustls::client::Tls12ClientSessionValue> {
            None
        }
        fn remove_tls12_session(&self, _: &ServerName<'static>) {}
        fn insert_tls13_ticket(
            &self,
            _: ServerName<'static>,
            _: rustls::client::Tls13ClientSessionValue,
        ) {
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
        fn take_tls13_ticket(
            &self,
            _: &ServerName<'static>,
        ) -> Option<rustls::client::Tls13ClientSessionValue> {
            None
        }
    }
    let mut two = side(vec![relationship(2, 1, 50)]);
    let stranger = Stranger::new();
    let mut tls = client_tls(&tls_seed(1, 50));
    tls.resumption = rustls::client::Resumption::store(Arc::new(Store));
    let connection = stranger
        .connect(two.address, &label_now(50), tls)
        .await
        .unwrap();
    let (_sender, mut receiver) = open(&connection).await;
    two.connected().await;
    // Tickets would come before the answer to the greeting.
    let mut answer = [0; 5];
    timeout(WAIT, receiver.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(SEEN.load(Ordering::Relaxed), 0);
}
