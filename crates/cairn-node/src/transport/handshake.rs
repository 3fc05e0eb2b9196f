//! One incoming handshake: the label chooses a relationship, and only its keys may follow.
//!
//! Invariants: a label that stands for no relationship gets no key, so a prober learns nothing; a
//! client's key is looked up in the relationship its own label named and nowhere else. Each
//! handshake has its own value of this type, because TLS does not show the label to whatever
//! verifies the client's key.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::label::Clock;
use super::lock;
use super::relationship::{Relationship, RelationshipSet};
use super::tls;

/// Resolver and verifier of one incoming handshake.
pub(crate) struct IncomingHandshake {
    relationships: Arc<Mutex<RelationshipSet>>,
    clock: Clock,
    named: OnceLock<Arc<Relationship>>,
}

impl IncomingHandshake {
    pub(crate) fn new(relationships: Arc<Mutex<RelationshipSet>>, clock: Clock) -> Self {
        Self {
            relationships,
            clock,
            named: OnceLock::new(),
        }
    }

    /// The person whose relationship the label named; `None` before the label was seen.
    pub(crate) fn person(&self) -> Option<[u8; 32]> {
        self.named.get().map(|relationship| relationship.person)
    }
}

impl fmt::Debug for IncomingHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IncomingHandshake(..)")
    }
}

impl ResolvesServerCert for IncomingHandshake {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let epoch = self.clock.epoch();
        let relationship = lock(&self.relationships).labelled(hello.server_name()?, epoch)?;
        let key = tls::certified_key(&relationship.own_tls_seed).ok()?;
        // A second hello of one handshake carries the same label, so the first value stands.
        self.named.get_or_init(|| relationship);
        Some(key)
    }

    fn only_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for IncomingHandshake {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let key = tls::only_key(end_entity, intermediates).ok_or_else(tls::refused)?;
        let named = self.named.get().ok_or_else(tls::refused)?;
        named
            .device(&key)
            .map(|_| ClientCertVerified::assertion())
            .ok_or_else(tls::refused)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls::no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        tls::verify_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
