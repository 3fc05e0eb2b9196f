//! Handshakes that strangers begin and leave.

use tokio::net::UdpSocket;
use tokio::time::interval;

use super::*;
use crate::transport::tls::PeerKeys;

/// How often a stranger begins another handshake: as many as there are places within seconds.
const BEGINS_EVERY: Duration = Duration::from_millis(200);

/// A handshake of which the listener sees the first datagram alone: half of a hello.
async fn begin(listener: SocketAddr) -> (quinn::Endpoint, tokio::task::JoinHandle<()>) {
    let between = UdpSocket::bind(HERE).await.unwrap();
    let endpoint = endpoint::bind(HERE, None).unwrap();
    let tls = tls::client(
        tls::certified_key(&key(99)).unwrap(),
        Arc::new(PeerKeys::Any),
    );
    let config = endpoint::client(tls, endpoint::transport(&endpoint::SESSION));
    let address = between.local_addr().unwrap();
    let connecting = endpoint.connect_with(config, address, "nobody").unwrap();
    let mut buffer = [0; 2048];
    let (length, client) = between.recv_from(&mut buffer).await.unwrap();
    between.send_to(&buffer[..length], listener).await.unwrap();
    let running = tokio::spawn(async move {
        let _connecting = connecting;
        loop {
            let Ok((length, from)) = between.recv_from(&mut buffer).await else {
                return;
            };
            // Whoever is asked to prove that it can receive begins once more.
            let retry = from == listener && buffer[0] & 0xf0 == 0xf0;
            if !retry {
                continue;
            }
            between.send_to(&buffer[..length], client).await.unwrap();
            loop {
                let (length, from) = between.recv_from(&mut buffer).await.unwrap();
                // The token makes the first datagram of the hello another one.
                if from == client && length >= 1200 {
                    between.send_to(&buffer[..length], listener).await.unwrap();
                    break;
                }
            }
        }
    });
    (endpoint, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_strangers_leave_do_not_keep_a_paired_device_out() {
    let mut two = side(vec![relationship(2, 1, 50)]);
    let listener = two.address;
    let mut begun = Vec::new();
    for _ in 0..20 {
        begun.push(begin(listener).await);
    }
    let going_on = tokio::spawn(async move {
        let mut next = interval(BEGINS_EVERY);
        loop {
            next.tick().await;
            begun.push(begin(listener).await);
        }
    });
    for _ in 0..3 {
        let mut one = side(vec![relationship(1, 2, 50)]);
        one.transport.dial(&[2; 32], vec![listener]).unwrap();
        one.connected().await;
        two.connected().await;
        one.transport.shutdown().await;
        two.disconnected().await;
    }
    going_on.abort();
}
