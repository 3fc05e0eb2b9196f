//! One live connection: its reader, its writer, its counters and how it ends.
//!
//! Role: one task reads frames into the event queue and waits when that is full, so a peer is
//! slowed down by whoever handles its frames; one task writes the queued frames.
//!
//! Invariants: a connection's events come in the order connected, frames, disconnected; the
//! queue of frames to send is bounded in frames and bytes.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quinn::{ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::timeout;

use super::frame::{FRAME_BYTES_MAX, FrameError, append_frame, read_frame};
use super::{Shared, TransportEvent, lock};

/// Frames that may wait to be written to one connection.
pub const SEND_QUEUE_FRAMES_MAX: usize = 4096;
/// Bytes of frames that may wait to be written to one connection: a slow peer costs no more.
pub const SEND_QUEUE_BYTES_MAX: usize = 32 << 20;

/// Frames are written together up to this size, so that many small ones share packets.
const WRITE_BATCH_BYTES: usize = 64 << 10;
/// How long the last frames may take to be acknowledged before an orderly end ends anyway.
pub(super) const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The first frame of each side: the transport's version.
pub(super) const OPENING: [u8; 1] = [1];

/// Names one live connection; never used twice by one [`Transport`](super::Transport).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

impl ConnectionId {
    /// The number that names it.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({})", self.0)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why one side closed a connection; travels as the QUIC application error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// Nothing more to say. Frames sent before are delivered first.
    #[error("done")]
    Done,
    /// The program ends. Frames sent before are delivered first.
    #[error("the program ended")]
    Shutdown,
    /// The person or the device is no longer paired.
    #[error("no longer paired")]
    Unpaired,
    /// A frame was announced that is larger than 1 MiB.
    #[error("a frame was larger than allowed")]
    FrameTooLarge,
    /// A frame was empty or cut, a second stream was opened, or the first frame was no greeting.
    #[error("a frame was malformed")]
    Malformed,
    /// Frames were queued faster than the peer took them.
    #[error("the peer took frames too slowly")]
    SendQueueFull,
    /// Another connection between the same two devices stays.
    #[error("another connection to the same device stays")]
    Superseded,
    /// The peer speaks another version of the transport.
    #[error("the peer speaks another version")]
    Version,
    /// What the peer said was refused above the transport.
    #[error("the peer broke the protocol")]
    Misbehaved,
}

impl CloseReason {
    const ALL: [Self; 9] = [
        Self::Done,
        Self::Shutdown,
        Self::Unpaired,
        Self::FrameTooLarge,
        Self::Malformed,
        Self::SendQueueFull,
        Self::Superseded,
        Self::Version,
        Self::Misbehaved,
    ];

    /// The code on the wire: its place in the list above, from 0.
    pub(super) fn code(self) -> VarInt {
        VarInt::from_u32(self as u32)
    }

    /// The reason that a code on the wire stands for.
    pub fn from_code(code: VarInt) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    fn flushes(self) -> bool {
        matches!(self, Self::Done | Self::Shutdown)
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disconnect {
    /// This side closed it.
    Closed(CloseReason),
    /// The other side closed it; `None` when it gave a reason this version does not know.
    ClosedByPeer(Option<CloseReason>),
    /// Nothing was heard for 30 s.
    TimedOut,
    /// The other side has forgotten the connection, or broke QUIC.
    Lost,
}

impl Disconnect {
    fn new(error: &ConnectionError, own: Option<CloseReason>) -> Self {
        match error {
            ConnectionError::LocallyClosed => Self::Closed(own.unwrap_or(CloseReason::Done)),
            ConnectionError::ApplicationClosed(close) => {
                Self::ClosedByPeer(CloseReason::from_code(close.error_code))
            }
            ConnectionError::TimedOut => Self::TimedOut,
            _ => Self::Lost,
        }
    }
}

/// What one connection has carried so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// UDP payload bytes sent up to the moment the connection counted as connected.
    pub handshake_sent_bytes: u64,
    /// UDP payload bytes received up to that moment.
    pub handshake_received_bytes: u64,
    /// UDP payload bytes sent in all, the handshake included.
    pub sent_bytes: u64,
    /// UDP payload bytes received in all, the handshake included.
    pub received_bytes: u64,
    /// Frames written to the stream.
    pub frames_sent: u64,
    /// Frames read from the stream.
    pub frames_received: u64,
}

/// What the tasks of a connection and its entry in the table share.
#[derive(Debug, Default)]
pub(super) struct Progress {
    queued_bytes: AtomicUsize,
    frames_sent: AtomicU64,
    frames_received: AtomicU64,
    own_reason: OnceLock<CloseReason>,
}

/// A connection's entry in the table.
pub(super) struct Live {
    pub(super) person: [u8; 32],
    pub(super) device: [u8; 32],
    pub(super) tls_public: [u8; 32],
    connection: quinn::Connection,
    queue: Option<mpsc::Sender<Vec<u8>>>,
    progress: Arc<Progress>,
    handshake_sent_bytes: u64,
    handshake_received_bytes: u64,
}

/// Why a frame was not taken for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection has ended or is ending; a disconnected event says why.
    #[error("the connection has ended, so the frame was not sent")]
    NotConnected,
    /// The frame is empty or larger than [`FRAME_BYTES_MAX`]; the connection is untouched.
    #[error("the frame is empty or larger than 1 MiB and was not sent")]
    Size,
    /// The queue was full: the connection is being closed with
    /// [`CloseReason::SendQueueFull`], because a session cannot go on with a frame missing.
    #[error("the peer took frames too slowly, so the connection was closed")]
    QueueFull,
}

impl Live {
    pub(super) fn new(
        person: [u8; 32],
        device: [u8; 32],
        tls_public: [u8; 32],
        connection: quinn::Connection,
    ) -> (Self, Queue) {
        let (sender, receiver) = mpsc::channel(SEND_QUEUE_FRAMES_MAX);
        let progress = Arc::<Progress>::default();
        let stats = connection.stats();
        let live = Self {
            person,
            device,
            tls_public,
            connection,
            queue: Some(sender),
            progress: progress.clone(),
            handshake_sent_bytes: stats.udp_tx.bytes,
            handshake_received_bytes: stats.udp_rx.bytes,
        };
        (live, Queue { receiver, progress })
    }

    pub(super) fn send(&mut self, frame: Vec<u8>) -> Result<(), SendError> {
        if frame.is_empty() || frame.len() > FRAME_BYTES_MAX {
            return Err(SendError::Size);
        }
        let queue = self.queue.as_ref().ok_or(SendError::NotConnected)?;
        let bytes = frame.len();
        let queued = self
            .progress
            .queued_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        let taken = if queued + bytes <= SEND_QUEUE_BYTES_MAX {
            queue.try_send(frame)
        } else {
            Err(TrySendError::Full(frame))
        };
        match taken {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                self.close(CloseReason::SendQueueFull);
                Err(SendError::QueueFull)
            }
            Err(TrySendError::Closed(_)) => Err(SendError::NotConnected),
        }
    }

    /// Ends the connection: at once, or after the queued frames for an orderly reason. The
    /// connection comes back when somebody must see to it that an orderly end ends.
    pub(super) fn close(&mut self, reason: CloseReason) -> Option<quinn::Connection> {
        self.progress.own_reason.get_or_init(|| reason);
        if reason.flushes() {
            self.queue.take().map(|_| self.connection.clone())
        } else {
            self.queue = None;
            self.connection.close(reason.code(), b"");
            None
        }
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.progress.queued_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn counters(&self) -> Counters {
        let stats = self.connection.stats();
        Counters {
            handshake_sent_bytes: self.handshake_sent_bytes,
            handshake_received_bytes: self.handshake_received_bytes,
            sent_bytes: stats.udp_tx.bytes,
            received_bytes: stats.udp_rx.bytes,
            frames_sent: self.progress.frames_sent.load(Ordering::Relaxed),
            frames_received: self.progress.frames_received.load(Ordering::Relaxed),
        }
    }
}

/// The frames that wait to be written.
pub(super) struct Queue {
    receiver: mpsc::Receiver<Vec<u8>>,
    progress: Arc<Progress>,
}

/// A connection that has its place in the table and is about to be announced.
pub(super) struct Opened {
    pub(super) id: ConnectionId,
    pub(super) person: [u8; 32],
    pub(super) device: [u8; 32],
    pub(super) remote: SocketAddr,
    pub(super) dialled: bool,
    pub(super) connection: quinn::Connection,
    pub(super) queue: Queue,
}

/// Runs a connection from its first event to its last.
pub(super) async fn run(
    shared: Arc<Shared>,
    opened: Opened,
    sender: SendStream,
    mut receiver: RecvStream,
) {
    let Opened {
        id,
        person,
        device,
        remote,
        dialled,
        connection,
        queue,
    } = opened;
    let progress = queue.progress.clone();
    tracing::info!(connection = id.0, dialled, "connected");
    tokio::spawn(write_frames(connection.clone(), sender, queue, !dialled));
    let announced = shared.events.send(TransportEvent::Connected {
        connection: id,
        person,
        device,
        remote,
        dialled,
    });
    if announced.await.is_ok() {
        let end = tokio::select! {
            end = read_frames(&shared, id, &mut receiver, &progress) => end,
            Ok(_) = connection.accept_bi() => Some(CloseReason::Malformed),
        };
        // After an orderly end of the stream the peer closes the connection itself.
        let wait = match end {
            Some(reason) => {
                progress.own_reason.get_or_init(|| reason);
                connection.close(reason.code(), b"");
                Duration::ZERO
            }
            None => FLUSH_TIMEOUT,
        };
        if !wait.is_zero() && timeout(wait, connection.closed()).await.is_err() {
            connection.close(CloseReason::Done.code(), b"");
        }
    } else {
        connection.close(CloseReason::Shutdown.code(), b"");
    }
    let error = connection.closed().await;
    let end = Disconnect::new(&error, progress.own_reason.get().copied());
    let live = lock(&shared.connections).remove(&id);
    let counters = live.map(|live| live.counters()).unwrap_or_default();
    shared.ended.notify_waiters();
    tracing::info!(connection = id.0, ?end, "disconnected");
    let told = shared.events.send(TransportEvent::Disconnected {
        connection: id,
        person,
        device,
        end,
        counters,
    });
    if told.await.is_err() {
        tracing::debug!(connection = id.0, "nobody listens any more");
    }
}

/// Hands frames over until the stream ends; the reason to close when the peer is at fault.
async fn read_frames(
    shared: &Shared,
    id: ConnectionId,
    stream: &mut RecvStream,
    progress: &Progress,
) -> Option<CloseReason> {
    loop {
        let bytes = match read_frame(stream, FRAME_BYTES_MAX).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(FrameError::Lost) => return None,
            Err(FrameError::TooLarge) => return Some(CloseReason::FrameTooLarge),
            Err(FrameError::Malformed) => return Some(CloseReason::Malformed),
        };
        progress.frames_received.fetch_add(1, Ordering::Relaxed);
        let event = TransportEvent::Frame {
            connection: id,
            bytes,
        };
        if shared.events.send(event).await.is_err() {
            return Some(CloseReason::Shutdown);
        }
    }
}

/// Writes queued frames until the queue is closed, then ends the connection in order.
async fn write_frames(
    connection: quinn::Connection,
    mut stream: SendStream,
    mut queue: Queue,
    greets: bool,
) {
    let mut buffer = Vec::new();
    if greets {
        append_frame(&mut buffer, &OPENING);
        if stream.write_all(&buffer).await.is_err() {
            return;
        }
    }
    while let Some(frame) = queue.receiver.recv().await {
        buffer.clear();
        let mut frames = 1;
        let mut bytes = frame.len();
        append_frame(&mut buffer, &frame);
        while buffer.len() < WRITE_BATCH_BYTES {
            let Ok(frame) = queue.receiver.try_recv() else {
                break;
            };
            append_frame(&mut buffer, &frame);
            bytes += frame.len();
            frames += 1;
        }
        if stream.write_all(&buffer).await.is_err() {
            return;
        }
        queue
            .progress
            .queued_bytes
            .fetch_sub(bytes, Ordering::Relaxed);
        queue
            .progress
            .frames_sent
            .fetch_add(frames, Ordering::Relaxed);
    }
    // A lost connection needs no orderly end; its reader reports it.
    if stream.finish().is_ok() && timeout(FLUSH_TIMEOUT, stream.stopped()).await.is_ok() {
        let reason = queue.progress.own_reason.get().copied();
        connection.close(reason.unwrap_or(CloseReason::Done).code(), b"");
    }
}
