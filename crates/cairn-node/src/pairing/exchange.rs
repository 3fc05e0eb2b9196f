//! The exchange itself: SPAKE2 bound to the TLS session, then each side's card under proof.
//!
//! Invariants: the inviter's secrets are gone from the table before it answers, so an offer is
//! one guess; keys depend on the TLS exporter of *this* session, so a relay between two sessions
//! fails even when both ends know the code; the dialler proves first; a card is read only after
//! its proof.

use std::sync::Mutex;
use std::time::Duration;

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use quinn::{ConnectionError, RecvStream, SendStream, TransportErrorCode, VarInt};
use sha2::Sha256;
use spake2::{Ed25519Group, Identity, Password, Spake2};
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::{CARD_BYTES_MAX, Code, PairError, Paired};
use crate::secret::Key256;
use crate::transport::frame::{FrameError, read_short_frame};
use crate::transport::lock;

/// Payload of one frame.
pub(crate) const FRAME_BYTES_MAX: usize = 256;
/// How long one frame may take.
const FRAME_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the whole exchange may take.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);

/// First byte of the dialler's first frame.
const VERSION: u8 = 1;
/// A SPAKE2 message: the side's letter and a point.
const PAKE_BYTES: usize = 33;
/// An HMAC-SHA256.
const PROOF_BYTES: usize = 32;
/// What ChaCha20-Poly1305 adds.
const SEAL_BYTES: usize = 16;
/// The dialler's last frame: it has the inviter's card.
const RECEIVED: [u8; 1] = [1];

const EXPORTER_LABEL: &[u8] = b"EXPORTER-cairn-pairing-1";
const KEYS_LABEL: &[u8] = b"cairn pairing 1 keys";

/// Why the connection was closed, as the QUIC application error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Close {
    Done = 0,
    WrongCode = 1,
    Burnt = 2,
    Expired = 3,
    Malformed = 4,
    TimedOut = 5,
    Version = 6,
}

impl Close {
    pub(super) fn code(self) -> VarInt {
        VarInt::from_u32(self as u32)
    }
}

/// What both sides know: the spoken code, or the secret of a ticket.
pub(super) enum Secret {
    Code(Code),
    Ticket(Zeroizing<[u8; 16]>),
}

impl Secret {
    /// The kind, as in the dialler's first frame.
    fn kind(&self) -> u8 {
        match self {
            Self::Code(_) => 0,
            Self::Ticket(_) => 1,
        }
    }

    fn password(&self) -> Password {
        let bytes: &[u8] = match self {
            Self::Code(code) => code.text().as_bytes(),
            Self::Ticket(secret) => secret.as_slice(),
        };
        let mut password = Zeroizing::new(vec![self.kind()]);
        password.extend_from_slice(bytes);
        Password::new(&*password)
    }
}

/// Both secrets of an offer: whichever is tried, both are gone.
pub(super) struct Secrets {
    pub(super) code: Code,
    pub(super) ticket: Zeroizing<[u8; 16]>,
}

impl Secrets {
    fn of_kind(self, kind: u8) -> Option<Secret> {
        match kind {
            0 => Some(Secret::Code(self.code)),
            1 => Some(Secret::Ticket(self.ticket)),
            _ => None,
        }
    }
}

/// What ties the exchange to one TLS session.
#[derive(Debug, Clone, Copy)]
pub(super) enum Binding {
    /// The session's exporter.
    Exporter,
    /// Nothing: the control that shows what the exporter is for.
    #[cfg(test)]
    None,
}

impl Binding {
    fn bytes(self, connection: &quinn::Connection) -> Result<[u8; 32], PairError> {
        let mut bytes = [0; 32];
        match self {
            Self::Exporter => connection
                .export_keying_material(&mut bytes, EXPORTER_LABEL, b"")
                .map_err(|_no_material| PairError::Malformed)?,
            #[cfg(test)]
            Self::None => {}
        }
        Ok(bytes)
    }
}

/// How one incoming connection ended for the offer.
pub(super) enum Attempt {
    /// It never tried a code, or came after one was tried.
    Stray,
    /// It tried, and the offer is over.
    Ended(Result<Paired, PairError>),
}

/// What follows from a shared secret: two proofs, two seals, and the secret that is kept.
struct Keys {
    dialler: SideKeys,
    inviter: SideKeys,
    pair_secret: Key256,
}

struct SideKeys {
    confirm: Key256,
    seal: Key256,
}

impl Keys {
    /// HKDF-SHA256 with the session's bytes as salt over the PAKE key, and both first frames.
    fn derive(bound_to: &[u8; 32], pake_key: &[u8], hello: &[u8], reply: &[u8]) -> Self {
        let info = [KEYS_LABEL, hello, reply].concat();
        let mut output = Zeroizing::new([0; 160]);
        Hkdf::<Sha256>::new(Some(bound_to), pake_key)
            .expand(&info, output.as_mut_slice())
            .expect("160 bytes are five blocks of SHA-256");
        let mut rest = output.as_mut_slice();
        let mut next = || {
            let (key, after) = std::mem::take(&mut rest)
                .split_first_chunk_mut()
                .expect("five keys of 32 bytes were derived");
            rest = after;
            Key256::take(key)
        };
        Self {
            dialler: SideKeys {
                confirm: next(),
                seal: next(),
            },
            inviter: SideKeys {
                confirm: next(),
                seal: next(),
            },
            pair_secret: next(),
        }
    }
}

/// The dialler's side.
pub(super) async fn dial(
    connection: quinn::Connection,
    secret: Secret,
    card: &[u8],
    binding: Binding,
) -> Result<Paired, PairError> {
    let bound_to = binding.bytes(&connection)?;
    let streams = timeout(FRAME_TIMEOUT, connection.open_bi()).await;
    let (sender, receiver) = streams
        .map_err(|_elapsed| PairError::TimedOut)?
        .map_err(|error| ended(&error))?;
    let mut channel = Channel::new(connection, sender, receiver);
    let (pake, message) = Spake2::<Ed25519Group>::start_a(
        &secret.password(),
        &identity(b"dialer:", &bound_to),
        &identity(b"inviter:", &bound_to),
    );
    let mut hello = vec![VERSION, secret.kind()];
    hello.extend_from_slice(&message);
    drop(secret);
    channel.write(&[&hello]).await?;
    let reply = channel.read().await?;
    let pake_key = Zeroizing::new(
        pake.finish(&reply)
            .map_err(|_no_point| channel.refuse(Close::Malformed, PairError::Malformed))?,
    );
    let keys = Keys::derive(&bound_to, &pake_key, &hello, &reply);
    channel.write_card(&keys.dialler, card).await?;
    let their_card = channel.read_card(&keys.inviter).await?;
    channel.write(&[&RECEIVED]).await?;
    // Both cards are proven; whether the inviter's farewell arrives changes nothing.
    if timeout(FRAME_TIMEOUT, channel.connection.closed())
        .await
        .is_err()
    {
        tracing::debug!("the inviter did not close the pairing");
    }
    Ok(Paired {
        card: their_card,
        pair_secret: keys.pair_secret,
    })
}

/// The inviter's side, for one incoming connection.
pub(super) async fn answer(
    connection: quinn::Connection,
    secrets: &Mutex<Option<Secrets>>,
    expired: impl Fn() -> bool,
    card: &[u8],
    binding: Binding,
) -> Attempt {
    let streams = timeout(FRAME_TIMEOUT, connection.accept_bi()).await;
    let Ok(Ok((sender, receiver))) = streams else {
        connection.close(Close::TimedOut.code(), b"");
        return Attempt::Stray;
    };
    let mut channel = Channel::new(connection, sender, receiver);
    let Ok(hello) = channel.read().await else {
        return Attempt::Stray;
    };
    let (version, kind) = match hello.as_slice() {
        [version, kind @ (0 | 1), message @ ..] if message.len() == PAKE_BYTES => (*version, *kind),
        _ => {
            channel.close(Close::Malformed);
            return Attempt::Stray;
        }
    };
    if version != VERSION {
        channel.close(Close::Version);
        return Attempt::Stray;
    }
    // From here on the secrets are in nobody's reach but this attempt's.
    let Some(secret) = lock(secrets).take().and_then(|both| both.of_kind(kind)) else {
        channel.close(Close::Burnt);
        return Attempt::Stray;
    };
    if expired() {
        channel.close(Close::Expired);
        return Attempt::Ended(Err(PairError::Expired));
    }
    Attempt::Ended(answer_hello(&mut channel, secret, &hello, card, binding).await)
}

async fn answer_hello(
    channel: &mut Channel,
    secret: Secret,
    hello: &[u8],
    card: &[u8],
    binding: Binding,
) -> Result<Paired, PairError> {
    let bound_to = binding.bytes(&channel.connection)?;
    let (pake, reply) = Spake2::<Ed25519Group>::start_b(
        &secret.password(),
        &identity(b"dialer:", &bound_to),
        &identity(b"inviter:", &bound_to),
    );
    drop(secret);
    let pake_key = Zeroizing::new(
        pake.finish(&hello[2..])
            .map_err(|_no_point| channel.refuse(Close::Malformed, PairError::Malformed))?,
    );
    let keys = Keys::derive(&bound_to, &pake_key, hello, &reply);
    channel.write(&[&reply]).await?;
    let their_card = channel.read_card(&keys.dialler).await?;
    channel.write_card(&keys.inviter, card).await?;
    match channel.read().await {
        Ok(frame) if frame == RECEIVED => channel.close(Close::Done),
        Ok(_) | Err(_) => return Err(channel.refuse(Close::Malformed, PairError::Interrupted)),
    }
    Ok(Paired {
        card: their_card,
        pair_secret: keys.pair_secret,
    })
}

/// `dialer:` or `inviter:` and what the session is bound to.
fn identity(role: &[u8], bound_to: &[u8; 32]) -> Identity {
    Identity::new(&[role, bound_to].concat())
}

/// One stream with frames of at most 256 bytes, each within five seconds.
struct Channel {
    connection: quinn::Connection,
    sender: SendStream,
    receiver: RecvStream,
    deadline: Instant,
}

impl Channel {
    fn new(connection: quinn::Connection, sender: SendStream, receiver: RecvStream) -> Self {
        let deadline = Instant::now() + EXCHANGE_TIMEOUT;
        Self {
            connection,
            sender,
            receiver,
            deadline,
        }
    }

    fn close(&self, reason: Close) {
        self.connection.close(reason.code(), b"");
    }

    fn refuse(&self, reason: Close, error: PairError) -> PairError {
        self.close(reason);
        error
    }

    fn frame_deadline(&self) -> Instant {
        self.deadline.min(Instant::now() + FRAME_TIMEOUT)
    }

    async fn write(&mut self, frames: &[&[u8]]) -> Result<(), PairError> {
        let mut buffer = Vec::new();
        for frame in frames {
            let length = u16::try_from(frame.len()).expect("a frame is at most 256 bytes");
            buffer.extend_from_slice(&length.to_le_bytes());
            buffer.extend_from_slice(frame);
        }
        let deadline = self.frame_deadline();
        match timeout_at(deadline, self.sender.write_all(&buffer)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ended(&self.connection.closed().await)),
            Err(_elapsed) => Err(self.refuse(Close::TimedOut, PairError::TimedOut)),
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>, PairError> {
        let deadline = self.frame_deadline();
        let frame = read_short_frame(&mut self.receiver, FRAME_BYTES_MAX);
        match timeout_at(deadline, frame).await {
            Ok(Ok(Some(frame))) => Ok(frame),
            Ok(Err(FrameError::Lost)) => {
                let closed = timeout_at(deadline, self.connection.closed()).await;
                Err(closed.map_or(PairError::TimedOut, |error| ended(&error)))
            }
            Ok(Ok(None) | Err(_)) => Err(self.refuse(Close::Malformed, PairError::Malformed)),
            Err(_elapsed) => Err(self.refuse(Close::TimedOut, PairError::TimedOut)),
        }
    }

    /// Sends the card sealed, under a proof that this side knows the shared secret.
    async fn write_card(&mut self, keys: &SideKeys, card: &[u8]) -> Result<(), PairError> {
        let sealed = sealing(keys)
            .encrypt(&Nonce::default(), card)
            .map_err(|_too_long| PairError::CardTooLarge)?;
        let length = u16::try_from(sealed.len()).map_err(|_too_long| PairError::CardTooLarge)?;
        let mut head = proof(keys, &sealed).finalize().into_bytes().to_vec();
        head.extend_from_slice(&length.to_le_bytes());
        let mut frames = vec![head.as_slice()];
        frames.extend(sealed.chunks(FRAME_BYTES_MAX));
        self.write(&frames).await
    }

    async fn read_card(&mut self, keys: &SideKeys) -> Result<Zeroizing<Vec<u8>>, PairError> {
        let malformed = |channel: &Self| channel.refuse(Close::Malformed, PairError::Malformed);
        let head = self.read().await?;
        let Some((given, length)) = head
            .split_first_chunk::<PROOF_BYTES>()
            .and_then(|(given, length)| Some((given, length.try_into().ok()?)))
        else {
            return Err(malformed(self));
        };
        let length = usize::from(u16::from_le_bytes(length));
        if !(SEAL_BYTES..=CARD_BYTES_MAX + SEAL_BYTES).contains(&length) {
            return Err(malformed(self));
        }
        let mut sealed = Vec::with_capacity(length);
        while sealed.len() < length {
            let frame = self.read().await?;
            if frame.len() != FRAME_BYTES_MAX.min(length - sealed.len()) {
                return Err(malformed(self));
            }
            sealed.extend_from_slice(&frame);
        }
        proof(keys, &sealed)
            .verify_slice(given)
            .map_err(|_other_code| self.refuse(Close::WrongCode, PairError::WrongCode))?;
        sealing(keys)
            .decrypt(&Nonce::default(), sealed.as_slice())
            .map(Zeroizing::new)
            .map_err(|_forged| malformed(self))
    }
}

/// Each seal key is used once, so its nonce is zero.
fn sealing(keys: &SideKeys) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new_from_slice(keys.seal.expose()).expect("the key has 32 bytes")
}

fn proof(keys: &SideKeys, sealed: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(keys.confirm.expose())
        .expect("HMAC takes a key of any length");
    mac.update(sealed);
    mac
}

/// What the end of the connection means.
fn ended(error: &ConnectionError) -> PairError {
    let close = match error {
        ConnectionError::ApplicationClosed(close) => close,
        ConnectionError::TimedOut => return PairError::TimedOut,
        // The form a farewell takes while the inviter is still in the handshake (RFC 9000, 10.2.3).
        ConnectionError::ConnectionClosed(close)
            if close.error_code == TransportErrorCode::APPLICATION_ERROR =>
        {
            return PairError::Burnt;
        }
        _ => return PairError::Interrupted,
    };
    let is = |reason: Close| close.error_code == reason.code();
    if is(Close::WrongCode) {
        PairError::WrongCode
    } else if is(Close::Burnt) {
        PairError::Burnt
    } else if is(Close::Expired) {
        PairError::Expired
    } else if is(Close::TimedOut) {
        PairError::TimedOut
    } else if is(Close::Version) {
        PairError::Version
    } else if is(Close::Malformed) {
        PairError::Malformed
    } else {
        PairError::Interrupted
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pairing::ticket::Ticket;
    use crate::people::example_card;
    use crate::vectors::{compare, hex};

    fn side(keys: &SideKeys, card: &[u8]) -> Value {
        let sealed = sealing(keys).encrypt(&Nonce::default(), card).unwrap();
        json!({
            "confirm": hex(keys.confirm.expose()),
            "seal": hex(keys.seal.expose()),
            "sealed": hex(&sealed),
            "proof": hex(&proof(keys, &sealed).finalize().into_bytes()),
        })
    }

    fn ticket() -> Value {
        let addresses = ["192.0.2.7:4433", "[2001:db8::7]:443"];
        let ticket = Ticket {
            expires_seconds: 1_900_000_600,
            inviter_key: [0x31; 32],
            secret: Zeroizing::new([0x32; 16]),
            addresses: addresses.map(|address| address.parse().unwrap()).to_vec(),
        };
        json!({
            "expires": ticket.expires_seconds,
            "key": hex(&ticket.inviter_key),
            "secret": hex(ticket.secret.as_slice()),
            "addresses": addresses,
            "text": ticket.text().as_str(),
        })
    }

    /// From the key that SPAKE2 ends with on: before that everything is drawn anew each time.
    #[test]
    fn a_pairing_is_as_it_was() {
        let (exporter, pake_key) = ([0x33; 32], [0x34; 32]);
        let hello = [&[VERSION, 0, 0x41][..], &[0x35; 32]].concat();
        let reply = [&[0x42][..], &[0x36; 32]].concat();
        let keys = Keys::derive(&exporter, &pake_key, &hello, &reply);
        let (card, fields) = example_card();
        compare(
            "pairing.json",
            &json!({
                "ticket": ticket(),
                "exporter": hex(&exporter),
                "spake2_key": hex(&pake_key),
                "hello": hex(&hello),
                "reply": hex(&reply),
                "dialler": side(&keys.dialler, &card),
                "inviter": side(&keys.inviter, b""),
                "pair_secret": hex(keys.pair_secret.expose()),
                "card": { "bytes": hex(&card), "fields": fields },
            }),
        );
    }
}
