//! Whatever reads bytes from outside, as functions of bytes alone: for fuzzing, no part of the API.
//!
//! # Not here
//! What the engine reads, and [`pairing::Ticket`](crate::pairing::Ticket) and
//! [`pairing::Code`](crate::pairing::Code), which are read from text by anybody.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cairn_engine::{DocumentContent, DocumentId, DocumentRow, PersonId, Restored};
use quinn::udp::RecvMeta;

use crate::pairing::exchange;
use crate::relationships::Friend;
use crate::secret::{Key256, SecretBytes};
use crate::transport::frame::{FrameError, Source, read_frame, read_short_frame};
use crate::transport::{FRAME_BYTES_MAX, noise};
use crate::vault::key_file::KeyFile;
pub use crate::vault::rows::Value;
use crate::vault::{Peer, VaultError, rows};
use crate::views::Entry;
use crate::{bookmarks, node};

/// What came out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// Whole frames, in order.
    pub frames: Vec<Vec<u8>>,
    /// Whether the stream ended between two of them.
    pub ended_well: bool,
}

/// Frames of a connection, from bytes that arrive in these pieces.
pub fn session_frames(pieces: &[&[u8]]) -> Frames {
    let mut stream = Pieces::new(pieces);
    frames(|| at_once(read_frame(&mut stream, FRAME_BYTES_MAX)))
}

/// Frames of a pairing, from bytes that arrive in these pieces.
pub fn pairing_frames(pieces: &[&[u8]]) -> Frames {
    let mut stream = Pieces::new(pieces);
    frames(|| at_once(read_short_frame(&mut stream, exchange::FRAME_BYTES_MAX)))
}

/// The longest frame of a pairing.
pub const PAIRING_FRAME_BYTES_MAX: usize = exchange::FRAME_BYTES_MAX;

/// A key file as it would be written again, if the bytes are one.
pub fn key_file(bytes: &[u8]) -> Option<Vec<u8>> {
    KeyFile::decode(bytes).ok().map(|file| file.encode())
}

/// Whether bytes are the card of a pairing, whatever it says.
pub fn is_card(bytes: &[u8]) -> bool {
    crate::people::is_card(bytes)
}

/// Whether bytes are the keys of a relationship as the vault keeps them.
pub fn is_relationship(bytes: &[u8]) -> bool {
    let peer = Peer {
        person: PersonId::from_bytes([0; 32]),
        name: String::new(),
        role: 0,
        pair_secret: Key256::take(&mut [0; 32]),
        tls_key: SecretBytes::from(bytes.to_vec()),
        devices: Vec::new(),
        addresses: Vec::new(),
    };
    Friend::from_peer(peer).is_some()
}

/// Whether bytes are the note on a document without heads.
pub fn is_note(bytes: &[u8]) -> bool {
    Entry::from_note(bytes, &[]).summary.is_some()
}

/// A vault's tables in memory, with any rows.
#[derive(Debug)]
pub struct Rows(rows::Rows);

/// What is left to the engine of a vault's rows, as far as they could be read.
#[derive(Debug)]
pub struct Read {
    /// What it gets at start.
    pub restored: Restored,
    /// What it gets of each document.
    pub contents: Vec<(DocumentId, DocumentContent)>,
    /// Why parts could not be read.
    pub refused: Vec<VaultError>,
    /// Peers, views, bookmarks and identities that mean something.
    pub understood: usize,
}

impl Rows {
    /// Empty tables.
    ///
    /// # Errors
    /// SQLite's.
    pub fn new() -> Result<Self, VaultError> {
        Ok(Self(rows::Rows::new()?))
    }

    /// The tables with the number of their columns.
    pub fn tables(&self) -> impl Iterator<Item = (&str, usize)> {
        let tables = self.0.tables().iter();
        tables.map(|table| (table.name.as_str(), table.columns))
    }

    /// Puts a row into a table, given by its place among them: false if it can hold no such row.
    pub fn put(&self, table: usize, values: &[Value]) -> bool {
        self.0.put(table, values)
    }

    /// Empties a table.
    ///
    /// # Errors
    /// SQLite's.
    pub fn clear(&self, table: usize) -> Result<(), VaultError> {
        self.0.clear(table)
    }

    /// Reads all that a notebook reads.
    pub fn read(&self) -> Read {
        let stored = self.0.read();
        let mut understood = 0;
        let mut count = |means: bool| understood += usize::from(means);
        for row in &stored.restored.documents {
            let view = stored.views.iter().find(|view| view.0 == row.document);
            let entry = view.map(|(_, note)| Entry::from_note(note, &row.heads));
            count(entry.is_some_and(|entry| entry.summary.is_some()));
        }
        for peer in stored.peers {
            let friend = Friend::from_peer(peer);
            count(friend.is_some_and(|friend| friend.relationship(&[]).peers.is_empty()));
        }
        for row in stored.bookmarks {
            count(bookmarks::line(row).is_some());
        }
        count(node::identity(|setting| self.0.setting(setting)).is_ok());
        Read {
            restored: stored.restored,
            contents: stored.contents,
            refused: stored.refused,
            understood,
        }
    }

    /// Writes all that a notebook writes about a document, and erases it.
    ///
    /// # Errors
    /// What was refused first.
    pub fn write(&self, row: &DocumentRow, content: &DocumentContent) -> Result<(), VaultError> {
        self.0.write(row, content)
    }
}

/// How many of the datagrams of one size in a buffer are noise.
pub fn noise(buffer: &[u8], length: usize, stride: usize) -> u64 {
    let meta = RecvMeta {
        len: length,
        stride,
        ..RecvMeta::default()
    };
    noise::noise_in(buffer, &meta)
}

/// Reads until there is no more, or no frame.
fn frames(mut next: impl FnMut() -> Result<Option<Vec<u8>>, FrameError>) -> Frames {
    let mut frames = Vec::new();
    loop {
        match next() {
            Ok(Some(frame)) => frames.push(frame),
            ended => {
                let ended_well = ended.is_ok();
                return Frames { frames, ended_well };
            }
        }
    }
}

fn at_once<T>(reading: impl Future<Output = T>) -> T {
    match pin!(reading).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read,
        Poll::Pending => unreachable!("bytes in memory are there at once"),
    }
}

/// A stream whose bytes arrive in pieces.
struct Pieces<'a> {
    piece: &'a [u8],
    rest: &'a [&'a [u8]],
}

impl<'a> Pieces<'a> {
    fn new(pieces: &'a [&'a [u8]]) -> Self {
        Self {
            piece: &[],
            rest: pieces,
        }
    }
}

impl Source for Pieces<'_> {
    async fn append(&mut self, to: &mut Vec<u8>, bytes_max: usize) -> Result<bool, FrameError> {
        while self.piece.is_empty() {
            let Some((next, rest)) = self.rest.split_first() else {
                return Ok(false);
            };
            (self.piece, self.rest) = (next, rest);
        }
        let (read, left) = self.piece.split_at(bytes_max.min(self.piece.len()));
        to.extend_from_slice(read);
        self.piece = left;
        Ok(true)
    }
}
