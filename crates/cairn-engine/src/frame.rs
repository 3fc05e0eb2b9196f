//! Messages between two devices and their bytes.
//!
//! A frame is one message: `kind u8 | body (postcard)`. The transport delimits frames; a frame is
//! at most [`Limits::frame_bytes_max`](crate::Limits) long, which bounds every allocation here. A
//! kind that the negotiated version does not know is an error; bytes after the known fields of a
//! body are fields of a later version and are ignored.

use std::sync::Arc;

use automerge::ChangeHash;
use serde::{Deserialize, Serialize};

use crate::coding::{CodingError, Context, ITEM_BYTES, pack};
use crate::evidence::Evidence;
use crate::id::{DeviceId, DocumentId, ProcessId};
use crate::ranges::Range;
use crate::staging::Transfer;
use crate::statement::Origin;
use crate::storage::DocumentContent;
use crate::transfer::parts_of;
use crate::wire::{byte_lists, byte_string, hash_lists};

/// Oldest and newest protocol version this program speaks.
pub const PROTOCOL_VERSIONS: (u16, u16) = (1, 1);

/// Most hashes in each list of a message of heads, acknowledgements or refusals; one with more does
/// not decode.
pub(crate) const HASHES_MAX: usize = 4096;

/// Opens a session. The first frame in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Oldest and newest version the sender speaks.
    pub(crate) versions: (u16, u16),
    /// The sender's process start.
    pub(crate) process: ProcessId,
    /// Digest of the sender's own roster.
    pub(crate) own_roster: [u8; 32],
    /// Digest of what the sender knows of the receiver's roster.
    pub(crate) known_roster: [u8; 32],
    /// Drawn for this session: both together are the key of its fingerprints of ranges.
    pub(crate) nonce: [u8; 16],
    /// How many documents the two share, as far as the sender knows.
    pub(crate) documents: u32,
    /// Fingerprint of all documents and statements the two share.
    pub(crate) fingerprint: [u8; 32],
}

/// New changes of a document with what proves them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Salts of the actors.
    pub salts: Vec<(DeviceId, [u8; 8])>,
    /// Change chunks, each after those of them that it is built on.
    pub changes: Vec<Vec<u8>>,
    /// Attestations.
    pub attestations: Vec<Vec<u8>>,
}

impl Changes {
    /// What it takes to keep it, for limits.
    pub(crate) fn size(&self) -> usize {
        let lists = self.changes.iter().chain(&self.attestations);
        let lists = lists.map(|bytes| bytes.len() + ITEM_BYTES);
        self.salts.len() * ITEM_BYTES + lists.sum::<usize>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.salts.is_empty() && self.changes.is_empty() && self.attestations.is_empty()
    }

    /// Adds evidence with the changes that it needs, each once.
    pub(crate) fn add_evidence(&mut self, evidence: &[Arc<Evidence>]) {
        for (_, chunk) in evidence.iter().flat_map(|it| &it.between) {
            if !self.changes.contains(chunk) {
                self.changes.push(chunk.clone());
            }
        }
        let signed = evidence.iter().map(|it| it.attestation.bytes().to_vec());
        self.attestations.extend(signed);
    }

    /// Takes the later half away; `None` if there is no half.
    pub(crate) fn split(&mut self) -> Option<Self> {
        let mut later = Self::default();
        if self.changes.len() > 1 {
            later.changes = self.changes.split_off(self.changes.len() / 2);
            later.attestations = std::mem::take(&mut self.attestations);
        } else if !self.changes.is_empty() && !self.attestations.is_empty() {
            later.attestations = std::mem::take(&mut self.attestations);
        } else if self.attestations.len() > 1 {
            later.attestations = self.attestations.split_off(self.attestations.len() / 2);
        } else {
            return None;
        }
        Some(later)
    }

    pub(crate) fn append(&mut self, mut later: Self) {
        self.salts.append(&mut later.salts);
        self.changes.append(&mut later.changes);
        self.attestations.append(&mut later.attestations);
    }
}

/// The parts of a batch that have come, as they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// What came before the parts in pieces.
    pub(crate) transfer: Option<Transfer>,
    parts: Vec<Vec<u8>>,
    size: usize,
}

impl Parts {
    /// What it takes to keep them, for limits.
    pub(crate) fn size(&self) -> usize {
        self.size + self.transfer.as_ref().map_or(0, Transfer::size)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(crate) fn push(&mut self, part: Vec<u8>) {
        self.size += part_size(&part);
        self.parts.push(part);
    }

    /// Goes through all parts, of what came in pieces first.
    pub(crate) fn each<E: From<CodingError>>(
        &self,
        mut visit: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(transfer) = &self.transfer {
            for part in parts_of(&transfer.joined()) {
                visit(part?)?;
            }
        }
        self.parts.iter().try_for_each(|part| visit(part))
    }
}

/// What it takes to keep a part.
pub(crate) fn part_size(part: &[u8]) -> usize {
    part.len() + ITEM_BYTES
}

/// The frame that brings all of `content` to a peer in one part, whatever its bytes are: what a
/// device with a program of its own could send. The engine itself sends only what it admitted.
pub fn content_frame(document: DocumentId, content: DocumentContent) -> Vec<u8> {
    let batch = Changes {
        salts: content.salts,
        changes: content.changes,
        attestations: content.attestations,
    };
    let context = Context {
        document,
        sender: None,
    };
    Message::Changes {
        document,
        batch: pack(&batch, &context, None),
        last: true,
        after: 0,
    }
    .encode()
}

/// Why a change was not admitted, as told to the device that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// It breaks the format or a limit. For good; not sent in this version.
    Malformed,
    /// It does not fit the order of changes here. Until it comes with what it lacks.
    Order,
    /// No attestation proves its author. Until one does.
    Unproven,
    /// Its author may not write this. Until the consent changes.
    NotAllowed,
    /// It is built on a change that was refused.
    BuiltOnRefused,
    /// automerge cannot apply it, or would write it differently. For good; not sent in this version.
    Unappliable,
    /// The document would grow over its limit.
    DocumentFull,
    /// Its device was revoked, and the revocation does not cover it. Until it does, or is closed.
    BeyondCut,
}

/// The number of a question for heads. Its answer repeats it.
pub(crate) type Question = u64;

/// Whether a device has what it was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Has {
    /// It does not.
    No,
    /// It has, and will acknowledge it once it is durable.
    Yes,
    /// It has, durably.
    Durably,
}

/// How far a batch has come that broke off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staged {
    /// By which its sender finds it again.
    #[serde(with = "byte_string")]
    pub(crate) resume: Vec<u8>,
    /// How many bytes of it have come.
    pub(crate) bytes: u64,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Hello(Hello),
    Statements(Vec<Vec<u8>>),
    Ranges(Vec<Range>),
    Heads {
        document: DocumentId,
        heads: Vec<ChangeHash>,
        /// Some of what lies below, for a peer that has gone another way since.
        samples: Vec<ChangeHash>,
        /// Whether the sender wants the receiver's heads back.
        asks: Option<Question>,
        /// Which question of the receiver's this answers, and whether the sender has all of the
        /// heads in it.
        answers: Option<(Question, Has)>,
        /// What came of a batch of the receiver's that broke off. Nothing of it is acknowledged.
        staged: Option<Staged>,
    },
    Changes {
        document: DocumentId,
        /// In the form of [`pack`].
        batch: Vec<u8>,
        last: bool,
        /// How many bytes in pieces came before and belong to this batch. Told with the last part.
        after: u64,
    },
    /// A piece of the beginning of a batch.
    Piece {
        document: DocumentId,
        /// How many bytes come before it.
        at: u64,
        /// With the first piece: by what the sender finds the batch again if it breaks off.
        resume: Vec<u8>,
        bytes: Vec<u8>,
    },
    Ack {
        document: DocumentId,
        heads: Vec<ChangeHash>,
    },
    Refused {
        document: DocumentId,
        changes: Vec<(ChangeHash, Refusal)>,
    },
    /// All was said of the documents that differ.
    Synced,
    /// This many bytes of frames with changes were gone through.
    Credit(u32),
    /// The answer to a question for heads where there is nothing to say: the document does not
    /// exist, must not flow between the two, or cannot be read. Nobody can tell which.
    Nothing {
        document: DocumentId,
        question: Question,
    },
    /// Between devices of one person: there is a document with this origin.
    Origin(Origin),
}

/// Why a frame was not understood. The sender's fault; the session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Longer than the limit.
    #[error("the frame is larger than allowed")]
    TooLarge,
    /// Empty, or of a kind this version does not know.
    #[error("the frame is of an unknown kind")]
    UnknownKind,
    /// The body does not decode.
    #[error("the frame is malformed")]
    Malformed,
}

#[derive(Serialize, Deserialize)]
struct StatementsBody(#[serde(with = "byte_lists")] Vec<Vec<u8>>);

#[derive(Serialize, Deserialize)]
struct PackedBody(#[serde(with = "byte_string")] Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Hashes(#[serde(with = "hash_lists")] Vec<ChangeHash>);

impl Message {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Hello(hello) => (1, postcard::to_allocvec(hello)),
            Self::Statements(list) => (2, postcard::to_allocvec(&StatementsBody(list.clone()))),
            Self::Ranges(ranges) => (3, postcard::to_allocvec(ranges)),
            Self::Heads {
                document,
                heads,
                samples,
                asks,
                answers,
                staged,
            } => {
                let (heads, samples) = (Hashes(heads.clone()), Hashes(samples.clone()));
                let body = (document, heads, samples, asks, answers, staged);
                (4, postcard::to_allocvec(&body))
            }
            Self::Changes {
                document,
                batch,
                last,
                after,
            } => {
                let batch = PackedBody(batch.clone());
                (5, postcard::to_allocvec(&(document, batch, last, after)))
            }
            Self::Ack { document, heads } => {
                (6, postcard::to_allocvec(&(document, Hashes(heads.clone()))))
            }
            Self::Refused { document, changes } => {
                let changes: Vec<([u8; 32], Refusal)> = changes
                    .iter()
                    .map(|(hash, refusal)| (hash.0, *refusal))
                    .collect();
                (7, postcard::to_allocvec(&(document, changes)))
            }
            Self::Synced => (8, Ok(Vec::new())),
            Self::Credit(bytes) => (9, postcard::to_allocvec(bytes)),
            Self::Piece {
                document,
                at,
                resume,
                bytes,
            } => {
                let (resume, bytes) = (PackedBody(resume.clone()), PackedBody(bytes.clone()));
                (10, postcard::to_allocvec(&(document, at, resume, bytes)))
            }
            Self::Nothing { document, question } => {
                (11, postcard::to_allocvec(&(document, question)))
            }
            Self::Origin(origin) => (12, postcard::to_allocvec(origin)),
        };
        let mut bytes = vec![kind];
        bytes.extend(body.expect("plain data in memory always encodes"));
        bytes
    }

    pub(crate) fn decode(bytes: &[u8], frame_bytes_max: usize) -> Result<Self, FrameError> {
        fn body<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FrameError> {
            let (value, _later_fields) =
                postcard::take_from_bytes(bytes).map_err(|_error| FrameError::Malformed)?;
            Ok(value)
        }
        fn hashes<T>(list: Vec<T>) -> Result<Vec<T>, FrameError> {
            let few = list.len() <= HASHES_MAX;
            few.then_some(list).ok_or(FrameError::Malformed)
        }
        if bytes.len() > frame_bytes_max {
            return Err(FrameError::TooLarge);
        }
        let (kind, rest) = bytes.split_first().ok_or(FrameError::UnknownKind)?;
        Ok(match kind {
            1 => Self::Hello(body(rest)?),
            2 => Self::Statements(body::<StatementsBody>(rest)?.0),
            3 => Self::Ranges(body(rest)?),
            4 => {
                type Answers = Option<(Question, Has)>;
                type Asks = Option<Question>;
                type Body = (DocumentId, Hashes, Hashes, Asks, Answers, Option<Staged>);
                let (document, heads, samples, asks, answers, staged): Body = body(rest)?;
                Self::Heads {
                    document,
                    heads: hashes(heads.0)?,
                    samples: hashes(samples.0)?,
                    asks,
                    answers,
                    staged,
                }
            }
            5 => {
                let (document, batch, last, after): (_, PackedBody, _, _) = body(rest)?;
                Self::Changes {
                    document,
                    batch: batch.0,
                    last,
                    after,
                }
            }
            6 => {
                let (document, heads): (_, Hashes) = body(rest)?;
                Self::Ack {
                    document,
                    heads: hashes(heads.0)?,
                }
            }
            7 => {
                let (document, changes): (_, Vec<([u8; 32], Refusal)>) = body(rest)?;
                let changes = hashes(changes)?
                    .into_iter()
                    .map(|(hash, refusal)| (ChangeHash(hash), refusal))
                    .collect();
                Self::Refused { document, changes }
            }
            8 => Self::Synced,
            9 => Self::Credit(body(rest)?),
            10 => {
                let (document, at, resume, bytes): (_, _, PackedBody, PackedBody) = body(rest)?;
                Self::Piece {
                    document,
                    at,
                    resume: resume.0,
                    bytes: bytes.0,
                }
            }
            11 => {
                let (document, question) = body(rest)?;
                Self::Nothing { document, question }
            }
            12 => Self::Origin(body(rest)?),
            _ => return Err(FrameError::UnknownKind),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Message> {
        let document = DocumentId::from_bytes([1; 16]);
        let hash = ChangeHash([2; 32]);
        vec![
            Message::Hello(Hello {
                versions: PROTOCOL_VERSIONS,
                process: ProcessId::from_bytes([7; 16]),
                own_roster: [8; 32],
                known_roster: [9; 32],
                nonce: [10; 16],
                documents: 300,
                fingerprint: [11; 32],
            }),
            Message::Statements(vec![vec![1, 2], vec![]]),
            Message::Ranges(crate::ranges::example()),
            Message::Heads {
                document,
                heads: vec![hash],
                samples: vec![hash, hash],
                asks: Some(300),
                answers: Some((7, Has::Durably)),
                staged: Some(Staged {
                    resume: vec![3; 100],
                    bytes: 8_192,
                }),
            },
            Message::Changes {
                document,
                batch: vec![5; 300],
                last: true,
                after: 8_200,
            },
            Message::Piece {
                document,
                at: 8_192,
                resume: vec![3; 100],
                bytes: vec![6; 8],
            },
            Message::Ack {
                document,
                heads: vec![hash],
            },
            Message::Refused {
                document,
                changes: vec![(hash, Refusal::NotAllowed)],
            },
            Message::Credit(300),
            Message::Nothing {
                document,
                question: 300,
            },
            Message::Origin(Origin {
                owner: crate::id::PersonId::from_bytes([12; 32]),
                kind: 300,
                salt: [13; 16],
            }),
        ]
    }

    #[test]
    fn every_message_comes_back_also_with_later_fields_and_no_prefix_of_it_is_one() {
        for message in examples() {
            let bytes = message.encode();
            assert_eq!(Message::decode(&bytes, bytes.len()), Ok(message.clone()));
            assert_eq!(
                Message::decode(&bytes, bytes.len() - 1),
                Err(FrameError::TooLarge)
            );
            for length in 0..bytes.len() {
                assert!(Message::decode(&bytes[..length], 1 << 20).is_err());
            }
            let later = [bytes.as_slice(), b"later"].concat();
            assert_eq!(Message::decode(&later, 1 << 20), Ok(message));
        }
        assert_eq!(Message::decode(&[99], 10), Err(FrameError::UnknownKind));
    }

    #[test]
    fn a_list_of_too_many_hashes_does_not_decode() {
        let document = DocumentId::from_bytes([1; 16]);
        let hashes = |more: usize| vec![ChangeHash([2; 32]); HASHES_MAX + more];
        let lists = |heads, samples| Message::Heads {
            document,
            heads,
            samples,
            asks: None,
            answers: None,
            staged: None,
        };
        let messages = |more: usize| {
            let refused = hashes(more).into_iter();
            [
                lists(hashes(more), vec![]),
                lists(vec![], hashes(more)),
                Message::Ack {
                    document,
                    heads: hashes(more),
                },
                Message::Refused {
                    document,
                    changes: refused.map(|hash| (hash, Refusal::Order)).collect(),
                },
            ]
        };
        for (most, too_many) in messages(0).into_iter().zip(messages(1)) {
            assert_eq!(Message::decode(&most.encode(), 1 << 20), Ok(most));
            let decoded = Message::decode(&too_many.encode(), 1 << 20);
            assert_eq!(decoded, Err(FrameError::Malformed));
        }
    }

    #[test]
    fn a_list_that_claims_to_be_huge_allocates_nothing() {
        let mut bytes = vec![2];
        bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(Message::decode(&bytes, 1 << 20), Err(FrameError::Malformed));
        bytes[0] = 3;
        assert_eq!(Message::decode(&bytes, 1 << 20), Err(FrameError::Malformed));
    }
}
