//! How long single edits take while much else is on its way, with one stream or several.
//!
//! # Role
//! Raw QUIC without Cairn, over a line that is slow and loses packets: a relay in between gives each
//! packet the time that such a line takes, and drops some, by a seed. It shows what more streams
//! would be worth; nothing else here depends on it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cairn_engine::SendWindow;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};

use crate::measure::{Spread, millis, percentile};
use crate::random::Random;
use crate::raw_quic::{Failure, client, server};
use crate::report::{Section, Table, spread};

/// A mobile line on a middling day: bytes a second, one way in milliseconds, bytes that wait for it.
const LINE_BYTES_A_SECOND: f64 = 1_250_000.0;
const DELAY: Duration = Duration::from_millis(25);
const WAITING_BYTES_MAX: f64 = 64_000.0;

/// A piece of a batch, and a single edit, as Cairn sends them.
const PIECE_BYTES: usize = 8 << 10;
const EDIT_BYTES: usize = 300;
/// What may be on its way to a peer that has not gone through it.
const UNPROCESSED_BYTES_MAX: usize = 1 << 20;
/// All of that in pieces, and the edits of a minute.
const FRAMES_WAITING_MAX: usize = 2_048;
const EDIT_EVERY: Duration = Duration::from_millis(50);

/// What one run found.
struct Found {
    all: Duration,
    edits: Vec<Duration>,
}

pub(crate) fn section(bulk_bytes: usize, runs: usize) -> Section {
    let mut table = Table {
        heading: vec![
            "packets lost",
            "streams",
            "under way at most",
            "an edit, ms (median of runs: min / median / max)",
            "everything, ms (min / median / max)",
        ],
        rows: Vec::new(),
    };
    let mut remarks = Vec::new();
    for lost in [0.0, 0.01, 0.05] {
        for (streams, follows) in [(1, true), (1, false), (8, false), (32, false)] {
            let found: Result<Vec<Found>, Failure> = (0..runs as u64)
                .map(|run| measure(bulk_bytes, streams, follows, lost, run))
                .collect();
            match found {
                Ok(found) => table.rows.push(row(lost, streams, follows, &found)),
                Err(error) => remarks.push(format!("With {streams} streams: {error}.")),
            }
        }
    }
    Section {
        title: "Streams: edits while much else is on its way".into(),
        about: format!(
            "Raw QUIC without Cairn over a line of 10 Mbit/s and 25 ms each way, made by a relay: {} kB \
             in pieces of 8 KiB, and an edit of 300 bytes every 50 ms. With one stream an edit waits \
             behind what is on its way; with more, edits have a stream of their own that goes first. Two \
             notebooks use one stream, and what may be under way follows the line (decision 0026). Wall time.",
            bulk_bytes / 1_000
        ),
        table,
        remarks,
        ..Section::default()
    }
}

fn row(lost: f64, streams: usize, follows: bool, found: &[Found]) -> Vec<String> {
    let edits = found.iter().map(|run| percentile(&run.edits, 50));
    vec![
        format!("{} %", lost * 100.0),
        streams.to_string(),
        if follows { "follows the line" } else { "1 MiB" }.to_owned(),
        spread(Spread::of(edits.map(millis))),
        spread(Spread::of(found.iter().map(|run| millis(run.all)))),
    ]
}

fn measure(
    bulk_bytes: usize,
    streams: usize,
    follows: bool,
    lost: f64,
    seed: u64,
) -> Result<Found, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Endpoint::server(server()?, anywhere)?;
        let line = relay(listener.local_addr()?, lost, seed).await?;
        let dialler = Endpoint::client(anywhere)?;
        let accepting = tokio::spawn(async move {
            let incoming = listener.accept().await.ok_or("nobody came")?;
            Ok::<_, Failure>((incoming.await?, listener))
        });
        let sending = dialler.connect_with(client()?, line, "bench")?.await?;
        let (receiving, _listener) = accepting.await??;
        let room = Arc::new(Room::new(follows));
        push(&sending, receiving, bulk_bytes, streams, room).await
    })
}

/// Sends everything and an edit now and then, until everything is there.
async fn push(
    sending: &Connection,
    receiving: Connection,
    bulk_bytes: usize,
    streams: usize,
    room: Arc<Room>,
) -> Result<Found, Failure> {
    let (arrived, mut arrivals) = mpsc::channel(FRAMES_WAITING_MAX);
    tokio::spawn(receive(receiving, room.clone(), arrived));
    let mut lanes = Vec::with_capacity(streams);
    for number in 0..streams {
        let stream = sending.open_uni().await?;
        stream.set_priority(i32::from(number == 0))?;
        lanes.push(Lane::new(stream));
    }
    let started = Instant::now();
    let edits = lanes[0].clone();
    let bulk = lanes.split_off(usize::from(streams > 1));
    let pieces = bulk_bytes.div_ceil(PIECE_BYTES);
    tokio::spawn(async move {
        for piece in 0..pieces {
            room.take(PIECE_BYTES).await;
            bulk[piece % bulk.len()].send(0, PIECE_BYTES);
        }
    });
    let mut sent = BTreeMap::new();
    let mut found = Found {
        all: Duration::ZERO,
        edits: Vec::new(),
    };
    let (mut left, mut number) = (pieces, 0);
    let mut next = tokio::time::interval(EDIT_EVERY);
    while left > 0 || !sent.is_empty() {
        tokio::select! {
            _ = next.tick(), if left > 0 => {
                number += 1;
                sent.insert(number, Instant::now());
                edits.send(number, EDIT_BYTES);
            }
            arrival = arrivals.recv() => match arrival {
                Some(0) => {
                    left -= 1;
                    found.all = started.elapsed();
                }
                Some(edit) => found.edits.extend(sent.remove(&edit).map(|at| at.elapsed())),
                None => return Err("the line broke".into()),
            },
        }
    }
    Ok(found)
}

/// What may be on its way.
struct Room {
    window: Mutex<SendWindow>,
    /// Whether that follows the line; otherwise it is always the same.
    follows: bool,
    more: Notify,
    started: Instant,
}

impl Room {
    fn new(follows: bool) -> Self {
        Self {
            window: Mutex::new(SendWindow::new(UNPROCESSED_BYTES_MAX)),
            follows,
            more: Notify::new(),
            started: Instant::now(),
        }
    }

    /// Waits until so many bytes may be sent.
    async fn take(&self, bytes: usize) {
        while !self.takes(bytes) {
            self.more.notified().await;
        }
    }

    fn takes(&self, bytes: usize) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = if self.follows {
            window.has_room()
        } else {
            window.in_flight() < UNPROCESSED_BYTES_MAX
        };
        if has_room {
            window.note_sent(bytes, self.now());
        }
        has_room
    }

    fn give_back(&self, bytes: usize) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.note_credited(bytes, self.now());
        self.more.notify_one();
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Frames that wait for a stream, in order.
#[derive(Clone)]
struct Lane(mpsc::Sender<Vec<u8>>);

impl Lane {
    fn new(mut stream: SendStream) -> Self {
        let (frames, mut waiting) = mpsc::channel::<Vec<u8>>(FRAMES_WAITING_MAX);
        tokio::spawn(async move {
            while let Some(frame) = waiting.recv().await {
                if stream.write_all(&frame).await.is_err() {
                    return;
                }
            }
        });
        Self(frames)
    }

    fn send(&self, number: u32, bytes: usize) {
        let mut frame = vec![0; 8 + bytes];
        frame[..4].copy_from_slice(&number.to_le_bytes());
        frame[4..8].copy_from_slice(&(bytes as u32).to_le_bytes());
        // Whoever reads is gone only at the end, and what may be on its way is less than the queue.
        self.0.try_send(frame).ok();
    }
}

async fn receive(connection: Connection, room: Arc<Room>, arrived: mpsc::Sender<u32>) {
    while let Ok(stream) = connection.accept_uni().await {
        tokio::spawn(read(stream, room.clone(), arrived.clone()));
    }
}

async fn read(mut stream: RecvStream, room: Arc<Room>, arrived: mpsc::Sender<u32>) {
    let mut header = [0; 8];
    while stream.read_exact(&mut header).await.is_ok() {
        let [a, b, c, d, length @ ..] = header;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        if stream.read_exact(&mut bytes).await.is_err() {
            return;
        }
        let number = u32::from_le_bytes([a, b, c, d]);
        if number == 0 {
            room.give_back(bytes.len());
        }
        if arrived.send(number).await.is_err() {
            return;
        }
    }
}

/// A slow line to an address. Gives the address of its near end.
async fn relay(to: SocketAddr, lost: f64, seed: u64) -> Result<SocketAddr, Failure> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let near = Arc::new(UdpSocket::bind(anywhere).await?);
    let far = Arc::new(UdpSocket::bind(anywhere).await?);
    let address = near.local_addr()?;
    let dialler = Arc::new(Mutex::new(None));
    let there = {
        let dialler = dialler.clone();
        move |from| {
            *dialler.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
            Some(to)
        }
    };
    let back = move |_| *dialler.lock().unwrap_or_else(PoisonError::into_inner);
    tokio::spawn(carry(near.clone(), far.clone(), lost, 2 * seed, there));
    tokio::spawn(carry(far, near, lost, 2 * seed + 1, back));
    Ok(address)
}

/// One direction of a line.
async fn carry(
    from: Arc<UdpSocket>,
    by: Arc<UdpSocket>,
    lost: f64,
    seed: u64,
    to: impl Fn(SocketAddr) -> Option<SocketAddr>,
) {
    let mut random = Random::new(seed);
    let mut buffer = vec![0; 2_048];
    let mut free_at = Instant::now();
    while let Ok((length, sender)) = from.recv_from(&mut buffer).await {
        let Some(to) = to(sender) else { continue };
        let now = Instant::now();
        let waiting = free_at.saturating_duration_since(now);
        let full = waiting.as_secs_f64() * LINE_BYTES_A_SECOND > WAITING_BYTES_MAX;
        if full || random.below(10_000) < (lost * 10_000.0) as usize {
            continue;
        }
        free_at = free_at.max(now) + Duration::from_secs_f64(length as f64 / LINE_BYTES_A_SECOND);
        let (packet, by, at) = (buffer[..length].to_vec(), by.clone(), free_at + DELAY);
        tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            by.send_to(&packet, to).await.ok();
        });
    }
}
