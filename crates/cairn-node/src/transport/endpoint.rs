//! The QUIC endpoint's limits, each with its reason.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    Endpoint, EndpointConfig, IdleTimeout, NoneTokenLog, NoneTokenStore, Runtime, TokioRuntime,
    TransportConfig, ValidationTokenConfig, VarInt,
};

use super::noise::Counting;

/// Connection attempts that wait to be looked at; more are refused by QUIC itself.
const INCOMING_MAX: usize = 16;
/// Bytes kept for one waiting attempt: a post-quantum hello is 1.5 KiB in two packets.
const INCOMING_BYTES_MAX: u64 = 64 << 10;
/// Bytes kept for all waiting attempts.
const INCOMING_BYTES_TOTAL_MAX: u64 = 1 << 20;
/// Handshakes in progress above which an address must first prove that it can receive (a QUIC
/// retry): a forged sender then costs one packet each.
const RETRY_ABOVE: usize = 4;

/// How long a handshake and its first frame may take.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What one connection may hold and how long it may be silent.
pub(crate) struct Limits {
    /// Bidirectional streams the peer may have open.
    pub(crate) streams: u32,
    /// Bytes of one stream that may be on the way unread.
    pub(crate) stream_window_bytes: u32,
    /// Bytes of all streams that may be on the way unread, in each direction.
    pub(crate) connection_window_bytes: u32,
    /// Silence after which a connection is lost.
    pub(crate) idle: Duration,
    /// How often a silent connection is kept from being lost.
    pub(crate) keep_alive: Option<Duration>,
}

/// Limits of a connection between paired devices: worst case 2 MiB of buffers each.
pub(crate) const SESSION: Limits = Limits {
    streams: 8,
    stream_window_bytes: 256 << 10,
    connection_window_bytes: 1 << 20,
    idle: Duration::from_secs(30),
    keep_alive: Some(Duration::from_secs(10)),
};

/// Limits of a pairing, whose whole exchange is under 20 KiB.
pub(crate) const PAIRING: Limits = Limits {
    streams: 1,
    stream_window_bytes: 32 << 10,
    connection_window_bytes: 32 << 10,
    idle: Duration::from_secs(10),
    keep_alive: None,
};

/// QUIC parameters for these limits.
///
/// Path-MTU probes are off: they would be most of the bytes of a reconnection that has nothing to
/// sync. The spin bit is off: it shows round-trip times to onlookers.
pub(crate) fn transport(limits: &Limits) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.streams))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(limits.stream_window_bytes))
        .receive_window(VarInt::from_u32(limits.connection_window_bytes))
        .send_window(u64::from(limits.connection_window_bytes))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(
            IdleTimeout::try_from(limits.idle).expect("a minute fits a QUIC timeout"),
        ))
        .keep_alive_interval(limits.keep_alive)
        .mtu_discovery_config(None)
        .allow_spin(false);
    Arc::new(config)
}

/// The listener's configuration around these TLS settings. No address tokens are handed out: they
/// would be a name that a client shows in clear at its next visit.
pub(crate) fn server(
    tls: rustls::ServerConfig,
    transport: Arc<TransportConfig>,
) -> quinn::ServerConfig {
    let mut tokens = ValidationTokenConfig::default();
    tokens.sent(0).log(Arc::new(NoneTokenLog));
    let mut config = quinn::ServerConfig::with_crypto(server_crypto(tls));
    config
        .transport_config(transport)
        .validation_token_config(tokens)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL_MAX);
    config
}

/// TLS settings in the form QUIC takes them.
pub(crate) fn server_crypto(tls: rustls::ServerConfig) -> Arc<QuicServerConfig> {
    Arc::new(
        QuicServerConfig::try_from(tls)
            .expect("the provider has TLS_AES_128_GCM_SHA256, as QUIC asks"),
    )
}

/// The dialler's configuration around these TLS settings; keeps no address tokens.
pub(crate) fn client(
    tls: rustls::ClientConfig,
    transport: Arc<TransportConfig>,
) -> quinn::ClientConfig {
    let crypto = QuicClientConfig::try_from(tls)
        .expect("the provider has TLS_AES_128_GCM_SHA256, as QUIC asks");
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config
        .transport_config(transport)
        .token_store(Arc::new(NoneTokenStore));
    config
}

/// Binds a UDP socket and starts QUIC version 1 on it; needs a tokio runtime around it.
pub(crate) fn bind(
    address: SocketAddr,
    server: Option<quinn::ServerConfig>,
) -> io::Result<Endpoint> {
    let mut config = EndpointConfig::default();
    config.supported_versions(vec![1]);
    let runtime = Arc::new(TokioRuntime);
    let socket = runtime.wrap_udp_socket(UdpSocket::bind(address)?)?;
    let socket = Arc::new(Counting::new(socket));
    Endpoint::new_with_abstract_socket(config, server, socket, runtime)
}

/// Asks an unproven address for a retry when `pending` handshakes are in progress already; gives
/// the attempt back when it may go on.
pub(crate) fn screen(incoming: quinn::Incoming, pending: usize) -> Option<quinn::Incoming> {
    if pending <= RETRY_ABOVE || incoming.remote_address_validated() || !incoming.may_retry() {
        return Some(incoming);
    }
    match incoming.retry() {
        Ok(()) => None,
        Err(back) => Some(back.into_incoming()),
    }
}
