//! The floor of any sync over QUIC: bytes pushed on one stream between two endpoints of this
//! machine, with the settings of a node's connections and otherwise quinn's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, ServerConfig, TransportConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::runtime::Runtime;

/// DER in front of an Ed25519 public key and in front of an Ed25519 seed (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Pushes that may be on their way; there is never more than one.
const ARRIVED_MAX: usize = 16;

/// Two endpoints, and a stream from one to the other.
pub(crate) struct RawQuic {
    runtime: Runtime,
    stream: quinn::SendStream,
    arrived: Receiver<Vec<u8>>,
    _ends: (Endpoint, Endpoint, quinn::Connection),
}

/// Why there is no pair of endpoints.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

impl RawQuic {
    pub(crate) fn open() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let (sender, arrived) = sync_channel(ARRIVED_MAX);
        let (stream, ends) = runtime.block_on(async {
            let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let listener = Endpoint::server(server()?, anywhere)?;
            let address = listener.local_addr()?;
            let accepting = listener.clone();
            tokio::spawn(async move {
                if let Err(error) = receive(&accepting, |bytes| sender.send(bytes).is_ok()).await {
                    unreachable!("a connection within this machine stays open: {error}");
                }
            });
            let dialler = Endpoint::client(anywhere)?;
            let connection = dialler.connect_with(client()?, address, "bench")?.await?;
            let stream = connection.open_uni().await?;
            Ok::<_, Failure>((stream, (listener, dialler, connection)))
        })?;
        Ok(Self {
            runtime,
            stream,
            arrived,
            _ends: ends,
        })
    }

    /// Sends bytes and waits until the other end has them all.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let length = u32::try_from(bytes.len())?.to_le_bytes();
        let frame = [&length, bytes].concat();
        self.runtime.block_on(self.stream.write_all(&frame))?;
        Ok(self.arrived.recv_timeout(Duration::from_secs(60))?)
    }
}

/// Reads frames until the other end is gone or nobody wants them.
async fn receive(
    listener: &Endpoint,
    mut arrived: impl FnMut(Vec<u8>) -> bool,
) -> Result<(), Failure> {
    let Some(incoming) = listener.accept().await else {
        return Ok(());
    };
    let connection = incoming.await?;
    let Ok(mut stream) = connection.accept_uni().await else {
        return Ok(());
    };
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).await.is_err() {
            return Ok(());
        }
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        if stream.read_exact(&mut bytes).await.is_err() || !arrived(bytes) {
            return Ok(());
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// As between two notebooks: no probes for larger packets, no spin bit.
fn transport() -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config.mtu_discovery_config(None).allow_spin(false);
    Arc::new(config)
}

pub(crate) fn server() -> Result<ServerConfig, Failure> {
    let seed = [42; 32];
    let pkcs8 = [&PKCS8_PREFIX[..], &seed].concat();
    let key = aws_lc_rs::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))?;
    let spki = [&SPKI_PREFIX[..], &cairn_engine::public_key(&seed)].concat();
    let own = CertifiedKey::new(vec![CertificateDer::from(spki)], key);
    let tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(
            own,
        ))));
    let crypto = Arc::new(QuicServerConfig::try_from(tls)?);
    let mut config = ServerConfig::with_crypto(crypto);
    config.transport_config(transport());
    Ok(config)
}

pub(crate) fn client() -> Result<ClientConfig, Failure> {
    let tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey(provider())))
        .with_no_client_auth();
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(transport());
    Ok(config)
}

/// Takes any raw key: what is measured is the push, between ends of one process.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls13RequiredForQuic.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature_with_raw_key(
            message,
            &SubjectPublicKeyInfoDer::from(cert.as_ref()),
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
