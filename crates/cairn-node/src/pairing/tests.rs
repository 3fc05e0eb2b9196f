//! Pairings over real UDP on 127.0.0.1, honest and attacked.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::accept::accept_bound;
use super::exchange::{Binding, Close};
use super::*;
use crate::transport::endpoint;
use crate::transport::tls::{self, OwnKey, PeerKeys};
use crate::transport::{Clock, Redial};

/// Generous: a failing wait, never a passing condition.
const WAIT: Duration = Duration::from_secs(60);
const NOW: u64 = 1_900_000_000;
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn clock() -> Clock {
    Clock::new(|| NOW)
}

fn offer_with(card: &[u8], binding: Binding, clock: Clock) -> Offer {
    let card = Zeroizing::new(card.to_vec());
    let limiter = &mut OfferLimiter::new();
    Offer::open_bound(HERE, Vec::new(), card, limiter, clock, binding).unwrap()
}

fn offer() -> Offer {
    offer_with(b"card of the inviter", Binding::Exporter, clock())
}

fn by_code(offer: &Offer) -> Invitation {
    Invitation::Code {
        code: offer.code().unwrap(),
        address: offer.local_addr(),
    }
}

/// Another code than the offer's.
fn wrong_code(offer: &Offer) -> Code {
    let code = offer.code().unwrap();
    let last = if code.text().ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code.text()[..7]).parse().unwrap()
}

fn waiting(offer: Offer) -> JoinHandle<Result<Paired, PairError>> {
    tokio::spawn(async move { timeout(WAIT, offer.wait()).await.unwrap() })
}

async fn try_it(invitation: Invitation) -> Result<Paired, PairError> {
    timeout(WAIT, accept(invitation, b"card of the dialler", &clock()))
        .await
        .unwrap()
}

fn assert_paired(inviter: Result<Paired, PairError>, dialler: Result<Paired, PairError>) {
    let (inviter, dialler) = (inviter.unwrap(), dialler.unwrap());
    assert_eq!(*inviter.card, b"card of the dialler");
    assert_eq!(*dialler.card, b"card of the inviter");
    assert_eq!(inviter.pair_secret, dialler.pair_secret);
    assert_eq!(format!("{inviter:?}"), "Paired(…)");
}

/// What a dialler sees of an offer that is over: its farewell, its port closing, or silence.
fn is_too_late(result: &Result<Paired, PairError>) -> bool {
    matches!(
        result,
        Err(PairError::Burnt | PairError::NotInviting | PairError::NoAnswer)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_and_the_right_ticket_pair() {
    for ticket in [false, true] {
        let offer = offer();
        let invitation = if ticket {
            let text = offer.ticket().unwrap().text();
            Invitation::Ticket(text.parse().unwrap())
        } else {
            by_code(&offer)
        };
        let inviter = waiting(offer);
        let dialler = try_it(invitation).await;
        assert_paired(inviter.await.unwrap(), dialler);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pairing_has_a_secret_of_its_own_and_cards_of_any_size() {
    let mut secrets = Vec::new();
    for size in [0, 1, 240, 256, CARD_BYTES_MAX] {
        let card = vec![9; size];
        let offer = offer_with(&card, Binding::Exporter, clock());
        let invitation = by_code(&offer);
        let inviter = waiting(offer);
        let dialler = accept(invitation, &card, &clock()).await.unwrap();
        let inviter = inviter.await.unwrap().unwrap();
        assert_eq!((&*inviter.card, &*dialler.card), (&card, &card));
        secrets.push(*dialler.pair_secret.expose());
    }
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 5);

    let too_large = vec![0; CARD_BYTES_MAX + 1];
    let offer = offer();
    let refused = accept(by_code(&offer), &too_large, &clock()).await;
    assert!(matches!(refused, Err(PairError::CardTooLarge)));
    let limiter = &mut OfferLimiter::new();
    let refused = Offer::open(
        HERE,
        Vec::new(),
        Zeroizing::new(too_large),
        limiter,
        clock(),
    );
    assert!(matches!(refused, Err(PairError::CardTooLarge)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_shares_nothing_and_burns_the_right_one() {
    let offer = offer();
    let right = by_code(&offer);
    let wrong = Invitation::Code {
        code: wrong_code(&offer),
        address: offer.local_addr(),
    };
    let inviter = waiting(offer);
    assert!(matches!(try_it(wrong).await, Err(PairError::WrongCode)));
    assert!(matches!(inviter.await.unwrap(), Err(PairError::WrongCode)));
    let late = try_it(right).await;
    assert!(is_too_late(&late), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once() {
    let offer = offer();
    let (first, second) = (by_code(&offer), by_code(&offer));
    let inviter = waiting(offer);
    let first = try_it(first).await;
    assert_paired(inviter.await.unwrap(), first);
    let second = try_it(second).await;
    assert!(is_too_late(&second), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_with_the_right_code_one_is_paired() {
    let offer = offer();
    let (one, other) = (by_code(&offer), by_code(&offer));
    let inviter = waiting(offer);
    let (one, other) = tokio::join!(try_it(one), try_it(other));
    let (paired, refused) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    assert_paired(inviter.await.unwrap(), paired);
    assert!(is_too_late(&refused), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_offer_pairs_nobody() {
    let now = Arc::new(AtomicU64::new(NOW));
    let shown = now.clone();
    let clock = Clock::new(move || shown.load(Ordering::Relaxed));
    let offer = offer_with(b"card", Binding::Exporter, clock.clone());
    let (code, ticket) = (by_code(&offer), offer.ticket().unwrap());
    now.store(NOW + OFFER_SECONDS, Ordering::Relaxed);
    // Both at once: the attempt comes to an offer that has not looked at the clock yet, or no more.
    let (inviter, dialler) = tokio::join!(waiting(offer), try_it(code));
    assert!(matches!(inviter.unwrap(), Err(PairError::Expired)));
    assert!(dialler.is_err());
    let late = accept(Invitation::Ticket(ticket), b"card", &clock).await;
    assert!(matches!(late, Err(PairError::Expired)));

    // And without any attempt.
    let offer = offer_with(b"card", Binding::Exporter, clock);
    now.store(NOW + 2 * OFFER_SECONDS, Ordering::Relaxed);
    assert!(matches!(
        waiting(offer).await.unwrap(),
        Err(PairError::Expired)
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_pins_the_inviters_key_and_its_secret() {
    let offer = offer();
    let ticket = offer.ticket().unwrap();
    let other_key = Ticket {
        inviter_key: [7; 32],
        ..ticket.clone()
    };
    let inviter = waiting(offer);
    let refused = try_it(Invitation::Ticket(other_key)).await;
    assert!(
        matches!(refused, Err(PairError::WrongInviter)),
        "{refused:?}"
    );
    // The offer has seen no attempt and still stands.
    let dialler = try_it(Invitation::Ticket(ticket)).await;
    assert_paired(inviter.await.unwrap(), dialler);

    let offer = offer_with(b"card", Binding::Exporter, clock());
    let other_secret = Ticket {
        secret: Zeroizing::new([7; 16]),
        ..offer.ticket().unwrap()
    };
    let inviter = waiting(offer);
    let refused = try_it(Invitation::Ticket(other_secret)).await;
    assert!(matches!(refused, Err(PairError::WrongCode)), "{refused:?}");
    assert!(matches!(inviter.await.unwrap(), Err(PairError::WrongCode)));
}

/// A QUIC client with a fresh key that believes any listener.
async fn stranger(address: SocketAddr) -> (quinn::Endpoint, Connection) {
    let own = tls::certified_key(&Key256::random().unwrap()).unwrap();
    let tls = tls::client(own, Arc::new(PeerKeys::Any));
    let config = endpoint::client(tls, endpoint::transport(&endpoint::PAIRING));
    let endpoint = endpoint::bind(HERE, None).unwrap();
    let connecting = endpoint.connect_with(config, address, "name").unwrap();
    let connection = timeout(WAIT, connecting).await.unwrap().unwrap();
    (endpoint, connection)
}

/// A man in the middle: one TLS session with each side, frames passed on as they are, at most
/// this many of the dialler's. Gives his address.
fn relay(inviter: SocketAddr, dialler_frames_max: usize) -> SocketAddr {
    let own = tls::certified_key(&Key256::random().unwrap()).unwrap();
    let tls = tls::server(Arc::new(OwnKey(own)), Arc::new(PeerKeys::Any));
    let server = endpoint::server(tls, endpoint::transport(&endpoint::PAIRING));
    let listener = endpoint::bind(HERE, Some(server)).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let from_dialler = listener.accept().await.unwrap().await.unwrap();
        let (_endpoint, to_inviter) = stranger(inviter).await;
        let (dialler_out, dialler_in) = from_dialler.accept_bi().await.unwrap();
        let (inviter_out, inviter_in) = to_inviter.open_bi().await.unwrap();
        tokio::join!(
            pass_on(
                dialler_in,
                inviter_out,
                to_inviter.clone(),
                dialler_frames_max
            ),
            pass_on(inviter_in, dialler_out, to_inviter.clone(), usize::MAX),
            close_too(&from_dialler, &to_inviter),
            close_too(&to_inviter, &from_dialler),
        );
        timeout(WAIT, listener.wait_idle()).await.unwrap();
    });
    address
}

async fn pass_on(
    mut from: RecvStream,
    mut to: SendStream,
    connection: Connection,
    frames_max: usize,
) {
    for passed in 0.. {
        let mut header = [0; 2];
        if from.read_exact(&mut header).await.is_err() {
            return;
        }
        if passed == frames_max {
            connection.close(Close::Done.code(), b"");
            return;
        }
        let mut frame = vec![0; usize::from(u16::from_le_bytes(header))];
        from.read_exact(&mut frame).await.unwrap();
        if to
            .write_all(&[&header, frame.as_slice()].concat())
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn close_too(one: &Connection, other: &Connection) {
    if let ConnectionError::ApplicationClosed(close) = one.closed().await {
        other.close(close.error_code, b"");
    } else {
        other.close(Close::Done.code(), b"");
    }
}

async fn through_a_relay(binding: Binding, frames_max: usize) -> [Result<Paired, PairError>; 2] {
    let offer = offer_with(b"card of the inviter", binding, clock());
    let address = relay(offer.local_addr(), frames_max);
    let invitation = Invitation::Code {
        code: offer.code().unwrap(),
        address,
    };
    let inviter = waiting(offer);
    let card = b"card of the dialler";
    let dialler = accept_bound(invitation, card, &clock(), binding).await;
    [inviter.await.unwrap(), dialler]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_man_in_the_middle_with_the_right_code_is_found_out() {
    let [inviter, dialler] = through_a_relay(Binding::Exporter, usize::MAX).await;
    assert!(matches!(inviter, Err(PairError::WrongCode)), "{inviter:?}");
    assert!(matches!(dialler, Err(PairError::WrongCode)), "{dialler:?}");
}

/// The control of the test above: without the exporter the same man goes unnoticed.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_exporter_the_man_in_the_middle_would_succeed() {
    let [inviter, dialler] = through_a_relay(Binding::None, usize::MAX).await;
    assert_paired(inviter, dialler);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_before_both_are_sure_is_told_and_keeps_nothing_at_the_inviter() {
    // Greeting, head of the card, card; the dialler's last word is held back.
    let [inviter, dialler] = through_a_relay(Binding::None, 3).await;
    assert!(
        matches!(inviter, Err(PairError::Interrupted)),
        "{inviter:?}"
    );
    assert!(dialler.is_ok(), "{dialler:?}");
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = u16::try_from(payload.len()).unwrap().to_le_bytes().to_vec();
    frame.extend_from_slice(payload);
    frame
}

/// A well-formed first frame for any code: version 1, a spoken code, SPAKE2's side and the point 1.
fn hello() -> Vec<u8> {
    let mut hello = vec![1, 0, 0x41, 1];
    hello.extend_from_slice(&[0; 31]);
    hello
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_is_gone_before_the_first_answer() {
    let offer = offer();
    let address = offer.local_addr();
    let inviter = waiting(offer);
    let (_one_endpoint, one) = stranger(address).await;
    let (_two_endpoint, two) = stranger(address).await;
    let (mut sender, mut receiver) = one.open_bi().await.unwrap();
    sender.write_all(&frame(&hello())).await.unwrap();
    let mut answer = [0; 35];
    timeout(WAIT, receiver.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    // The first has its answer and has proven nothing yet; the second comes too late already.
    let (mut sender, _receiver) = two.open_bi().await.unwrap();
    sender.write_all(&frame(&hello())).await.unwrap();
    match timeout(WAIT, two.closed()).await.unwrap() {
        ConnectionError::ApplicationClosed(close) => {
            assert_eq!(close.error_code, Close::Burnt.code());
        }
        other => panic!("{other:?}"),
    }
    // The first falls silent, which ends the offer.
    assert!(matches!(inviter.await.unwrap(), Err(PairError::TimedOut)));
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_does_not_burn_a_code() {
    let offer = offer();
    let invitation = by_code(&offer);
    let address = offer.local_addr();
    let inviter = waiting(offer);
    let noise = UdpSocket::bind(HERE).unwrap();
    let mut random = Redial::new(5);
    for length in 1..1_000 {
        let datagram: Vec<u8> = (0..length)
            .map(|_| random.next_delay().subsec_nanos() as u8)
            .collect();
        noise.send_to(&datagram, address).unwrap();
    }
    let mut version_two = hello();
    version_two[0] = 2;
    let mut kind_two = hello();
    kind_two[1] = 2;
    for (bytes, close) in [
        (frame(b"hello"), Close::Malformed),
        (frame(&[]), Close::Malformed),
        (frame(&[0; 257]), Close::Malformed),
        (frame(&kind_two), Close::Malformed),
        (frame(&version_two), Close::Version),
        (vec![0xff; 300], Close::Malformed),
    ] {
        let (_endpoint, connection) = stranger(address).await;
        let (mut sender, _receiver) = connection.open_bi().await.unwrap();
        sender.write_all(&bytes).await.unwrap();
        match timeout(WAIT, connection.closed()).await.unwrap() {
            ConnectionError::ApplicationClosed(closed) => {
                assert_eq!(closed.error_code, close.code(), "{bytes:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let dialler = try_it(invitation).await;
    assert_paired(inviter.await.unwrap(), dialler);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_inviter_is_called_so() {
    // A transport answers at this address, and knows no such label.
    let (sender, _events) = tokio::sync::mpsc::channel(1);
    let transport = crate::transport::Transport::bind(HERE, Vec::new(), clock(), sender).unwrap();
    let address = transport.local_addr().unwrap();
    let code = "12345678".parse().unwrap();
    let refused = try_it(Invitation::Code { code, address }).await;
    assert!(
        matches!(refused, Err(PairError::NotInviting)),
        "{refused:?}"
    );
}

#[test]
fn nothing_secret_is_in_any_debug_output() {
    let code: Code = "12345678".parse().unwrap();
    let invitation = Invitation::Code {
        code,
        address: HERE,
    };
    assert_eq!(format!("{invitation:?}"), "Code(…)");
}
