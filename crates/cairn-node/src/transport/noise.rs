//! Datagrams that are not of this protocol: counted under the endpoint, which drops them unseen.
//!
//! Role: a socket around the real one that looks at the first bytes of what arrives and tells the
//! log, at most once a minute, that somebody sends noise to the port.
//!
//! Invariants: nothing is held back or changed; the log gets a number and nothing of the sender.
//!
//! Not here: well-formed first packets of unknown devices, which become handshakes and end in
//! [`listen`](super::listen).

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

use super::lock;

/// How long the log stays silent after a line: a flood of noise must not become a flood of lines.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// The smallest datagram in which a connection may begin (RFC 9000, 14.1).
const INITIAL_BYTES_MIN: usize = 1200;

/// A socket that counts noise. See the [module](self).
pub(crate) struct Counting {
    socket: Arc<dyn AsyncUdpSocket>,
    noise: Mutex<Noise>,
}

#[derive(Debug, Default)]
struct Noise {
    datagrams: u64,
    told: Option<Instant>,
}

impl Counting {
    pub(crate) fn new(socket: Arc<dyn AsyncUdpSocket>) -> Self {
        Self {
            socket,
            noise: Mutex::default(),
        }
    }

    fn note(&self, datagrams: u64) {
        let mut noise = lock(&self.noise);
        noise.datagrams += datagrams;
        if noise.told.is_none_or(|told| told.elapsed() >= LINE_EVERY) {
            noise.told = Some(Instant::now());
            let datagrams = std::mem::take(&mut noise.datagrams);
            tracing::info!(
                datagrams,
                "datagrams that are not of this protocol were dropped"
            );
        }
    }
}

/// Whether QUIC version 1 could begin or continue with a datagram, judged by what is unencrypted.
/// A short header looks like any other byte, so noise of that shape is not seen here.
fn may_be_quic(datagram: &[u8]) -> bool {
    let Some(first) = datagram.first() else {
        return false;
    };
    let (is_long, is_fixed) = (first & 0x80 != 0, first & 0x40 != 0);
    if !is_long {
        return is_fixed;
    }
    let is_initial = first & 0x30 == 0;
    datagram.get(1..5) == Some(&[0, 0, 0, 1])
        && is_fixed
        && (!is_initial || datagram.len() >= INITIAL_BYTES_MIN)
}

/// How many of the datagrams in one receive buffer are noise. The system may have put several of
/// one size, `meta.stride`, behind each other.
pub(crate) fn noise_in(buffer: &[u8], meta: &RecvMeta) -> u64 {
    let received = buffer.get(..meta.len).unwrap_or(buffer);
    if received.is_empty() {
        return 1;
    }
    received
        .chunks(meta.stride.max(1))
        .filter(|datagram| !may_be_quic(datagram))
        .count() as u64
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").finish_non_exhaustive()
    }
}

impl AsyncUdpSocket for Counting {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.socket.poll_recv(context, buffers, meta);
        if let Poll::Ready(Ok(count)) = received {
            let filled = buffers.iter().zip(meta.iter()).take(count);
            let noise = filled.map(|(buffer, meta)| noise_in(buffer, meta)).sum();
            if noise > 0 {
                self.note(noise);
            }
        }
        received
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: &[u8], bytes: usize, expected: bool) {
        let mut datagram = first.to_vec();
        datagram.resize(bytes.max(first.len()), 7);
        assert_eq!(may_be_quic(&datagram), expected, "{first:x?}, {bytes}");
    }

    #[test]
    fn only_what_could_be_quic_of_version_1_is_no_noise() {
        check(&[], 0, false);
        check(&[0x40], 30, true);
        check(&[0x00], 30, false);
        check(&[0xc0, 0, 0, 0, 1], 1200, true);
        check(&[0xc0, 0, 0, 0, 1], 1199, false);
        check(&[0xe0, 0, 0, 0, 1], 60, true);
        check(&[0xc0, 0, 0, 0, 2], 1200, false);
        check(&[0x80, 0, 0, 0, 1], 1200, false);
        check(&[0xc0, 0, 0], 3, false);
    }

    #[test]
    fn datagrams_that_came_as_one_are_counted_one_by_one() {
        let mut buffer = vec![0x40; 30];
        buffer.extend([0; 30]);
        buffer.extend([0; 10]);
        let mut meta = RecvMeta::default();
        (meta.len, meta.stride) = (70, 30);
        assert_eq!(noise_in(&buffer, &meta), 2);
    }
}
