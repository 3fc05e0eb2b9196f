//! What came of batches whose end is still on its way: kept in the vault, so that a connection
//! that breaks goes on where it was.
//!
//! # Role
//! A large batch comes in pieces. They are put by, in memory and in the vault, until the last part
//! of their batch comes; then the whole goes through the gate. A peer that asks or is asked for
//! heads is told how much of its batch is here, and sends what is missing of it.
//!
//! # Invariants
//! * What is staged is bytes and no more: nothing of it is read before the batch is whole, and
//!   nothing of it is shown, passed on or acknowledged.
//! * Each device has an area of its own in each document, so that none can spoil another's batch,
//!   and all that one may fill is [`Limits::staging_bytes_max`](crate::Limits).
//! * In the vault lies only what came from devices that may write the document. It goes with their
//!   consent, with the first bytes that nobody honest sends, and when the batch is whole.

use std::collections::BTreeMap;

use crate::coding::ITEM_BYTES;
use crate::document::Document;
use crate::engine::Engine;
use crate::frame::Staged;
use crate::id::{DeviceId, DocumentId, PersonId};
use crate::session::ConnectionId;
use crate::statement::Role;
use crate::storage::{Append, DocumentAppend, StagedBytes, StagedPiece, StagedTransfer};

/// What came of one batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transfer {
    /// By what the sender finds the batch again.
    resume: Vec<u8>,
    pieces: Vec<Vec<u8>>,
    bytes: u64,
    /// Whether it lies in the vault too.
    kept: bool,
}

impl Transfer {
    /// What it takes to keep it, for limits.
    pub(crate) fn size(&self) -> usize {
        let bytes = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        bytes.saturating_add((self.pieces.len() + 1) * ITEM_BYTES)
    }

    /// All pieces in one.
    pub(crate) fn joined(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// What came of all batches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Staging {
    transfers: BTreeMap<(DeviceId, DocumentId), Transfer>,
}

impl Staging {
    /// What the vault had at start. Its bytes come with their documents.
    pub(crate) fn new(staged: &[StagedBytes]) -> Self {
        let transfers = staged.iter().map(|staged| {
            let transfer = Transfer {
                bytes: staged.bytes,
                kept: true,
                ..Transfer::default()
            };
            ((staged.device, staged.document), transfer)
        });
        Self {
            transfers: transfers.collect(),
        }
    }

    /// Takes in what the vault had of a document. What was dropped since stays dropped.
    pub(crate) fn loaded(&mut self, id: DocumentId, staged: Vec<StagedTransfer>) {
        for it in staged {
            let known = self.transfers.get_mut(&(it.device, id));
            // Where the document was let go of, more may have come than the vault had yet.
            if let Some(transfer) = known.filter(|known| known.pieces.is_empty()) {
                transfer.bytes = it.pieces.iter().map(|piece| piece.len() as u64).sum();
                transfer.resume = it.resume;
                transfer.pieces = it.pieces;
            }
        }
        self.transfers
            .retain(|(_, of), transfer| *of != id || !transfer.pieces.is_empty());
    }

    /// What is here of a device's batch, for that device.
    pub(crate) fn of(&self, device: DeviceId, id: DocumentId) -> Option<Staged> {
        let transfer = self.transfers.get(&(device, id))?;
        (!transfer.resume.is_empty() && !transfer.pieces.is_empty()).then(|| Staged {
            resume: transfer.resume.clone(),
            bytes: transfer.bytes,
        })
    }

    /// What is put by of one device, for limits.
    pub(crate) fn size_of(&self, device: DeviceId) -> usize {
        self.of_device(device)
            .map(|(_, transfer)| transfer.size())
            .sum()
    }

    fn of_device(&self, device: DeviceId) -> impl Iterator<Item = (DocumentId, &Transfer)> {
        let (first, last) = ([0; 16], [0xff; 16]);
        let range =
            (device, DocumentId::from_bytes(first))..=(device, DocumentId::from_bytes(last));
        self.transfers
            .range(range)
            .map(|((_, id), transfer)| (*id, transfer))
    }

    fn kept_size(&self) -> usize {
        let kept = self.transfers.values().filter(|transfer| transfer.kept);
        kept.map(Transfer::size).sum()
    }
}

impl Engine {
    /// A piece of a batch.
    pub(crate) fn piece_received(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        at: u64,
        resume: Vec<u8>,
        bytes: Vec<u8>,
    ) {
        let limits = &self.config.limits;
        let whole = limits.piece_bytes as u64;
        let is_odd = bytes.is_empty() || bytes.len() as u64 > whole || !at.is_multiple_of(whole);
        if is_odd || resume.len() > limits.resume_bytes_max || (at == 0) == resume.is_empty() {
            self.misbehaved(connection);
            return;
        }
        let Some(session) = self.sessions.get(&connection) else {
            return;
        };
        let (person, device) = (session.person, session.device);
        if at == 0 {
            self.unstage(device, id);
        }
        let before = self.staging.transfers.get(&(device, id));
        if before.map_or(0, |transfer| transfer.bytes) != at {
            // It belongs to a batch that was dropped here. Its last part tells.
            self.credit(connection, id);
            return;
        }
        if !self.has_room_to_stage(connection, id, bytes.len()) {
            self.misbehaved(connection);
            return;
        }
        self.expect(connection, id);
        let room = self.config.limits.staging_bytes_total_max;
        let fits = self.staging.kept_size() + bytes.len() + ITEM_BYTES <= room;
        let may_keep = fits && self.may_write(id, person);
        let transfer = self.staging.transfers.entry((device, id)).or_default();
        let keep = may_keep && (transfer.kept || at == 0);
        let was_kept = std::mem::replace(&mut transfer.kept, keep);
        if at == 0 {
            transfer.resume.clone_from(&resume);
        }
        transfer.bytes += bytes.len() as u64;
        transfer.pieces.push(bytes.clone());
        if keep {
            self.append_staging(id, |part| {
                if at == 0 {
                    // A batch before it may still be at the gate.
                    part.unstaged.push(device);
                }
                part.staged.push(StagedPiece {
                    device,
                    at,
                    resume,
                    bytes,
                });
            });
        } else if was_kept {
            self.append_staging(id, |part| part.unstaged.push(device));
        }
        self.credit(connection, id);
    }

    /// Whether a peer may have `bytes` more wait here. What is left of its other batches makes
    /// room.
    pub(crate) fn has_room_to_stage(
        &mut self,
        connection: ConnectionId,
        id: DocumentId,
        bytes: usize,
    ) -> bool {
        let Some(session) = self.sessions.get(&connection) else {
            return false;
        };
        let device = session.device;
        let open: usize = session.lanes.values().map(|lane| lane.staging.size()).sum();
        let waiting: usize = self
            .documents
            .values()
            .flat_map(|document| document.inbox.iter())
            .filter(|(from, _)| *from == connection)
            .map(|(_, waiting)| waiting.size())
            .sum();
        let new = open + waiting + bytes + ITEM_BYTES;
        let max = self.config.limits.staging_bytes_max;
        if new + self.staging.size_of(device) > max {
            let others: Vec<DocumentId> = self
                .staging
                .of_device(device)
                .map(|(other, _)| other)
                .filter(|other| *other != id)
                .collect();
            for other in others {
                self.unstage(device, other);
            }
        }
        new + self.staging.size_of(device) <= max
    }

    /// Takes out what came of a batch, now that its last part says that `bytes` of it came before.
    /// `None` if it is not what is here. The vault keeps its copy until the gate has judged.
    pub(crate) fn take_staged(
        &mut self,
        device: DeviceId,
        id: DocumentId,
        bytes: u64,
    ) -> Option<Transfer> {
        let transfer = self.staging.transfers.get(&(device, id))?;
        if transfer.bytes != bytes || transfer.pieces.is_empty() {
            return None;
        }
        self.staging.transfers.remove(&(device, id))
    }

    /// Puts back what was taken out: the batch was not judged, and its session is over.
    pub(crate) fn put_back(&mut self, device: DeviceId, id: DocumentId, transfer: Transfer) {
        if transfer.kept && !self.staging.transfers.contains_key(&(device, id)) {
            self.staging.transfers.insert((device, id), transfer);
        } else {
            self.staged_judged(device, id, &transfer);
        }
    }

    /// A batch that had come in pieces was judged: the vault's copy goes, unless the next batch
    /// has taken its place.
    pub(crate) fn staged_judged(&mut self, device: DeviceId, id: DocumentId, transfer: &Transfer) {
        let next = self.staging.transfers.get(&(device, id));
        if transfer.kept && next.is_none_or(|next| !next.kept) {
            self.append_staging(id, |part| part.unstaged.push(device));
        }
    }

    /// Drops what came of a batch.
    pub(crate) fn unstage(&mut self, device: DeviceId, id: DocumentId) {
        let transfer = self.staging.transfers.remove(&(device, id));
        if transfer.is_some_and(|transfer| transfer.kept) {
            self.append_staging(id, |part| part.unstaged.push(device));
        }
    }

    /// Drops what came of a device's batches, all or what is not in the vault.
    pub(crate) fn unstage_device(&mut self, device: DeviceId, kept_too: bool) {
        let all: Vec<DocumentId> = self
            .staging
            .of_device(device)
            .filter(|(_, transfer)| kept_too || !transfer.kept)
            .map(|(id, _)| id)
            .collect();
        for id in all {
            self.unstage(device, id);
        }
    }

    /// Drops what came of batches of a document.
    pub(crate) fn unstage_document(&mut self, id: DocumentId) {
        let devices: Vec<DeviceId> = self
            .staging
            .transfers
            .keys()
            .filter(|(_, of)| *of == id)
            .map(|(device, _)| *device)
            .collect();
        for device in devices {
            self.unstage(device, id);
        }
    }

    /// Drops what came from devices that may not write its document any more.
    pub(crate) fn drop_unwelcome(&mut self) {
        let unwelcome: Vec<(DeviceId, DocumentId)> = self
            .staging
            .transfers
            .keys()
            .filter(|(device, id)| {
                let person = self.people.owner_of(*device);
                !person.is_some_and(|person| {
                    let (revoked, _) = self.restriction(person, *device);
                    !revoked && self.may_write(*id, person)
                })
            })
            .copied()
            .collect();
        for (device, id) in unwelcome {
            self.unstage(device, id);
        }
    }

    /// Whether a person may write a document that flows between them and this device.
    fn may_write(&self, id: DocumentId, person: PersonId) -> bool {
        let writes = person == self.config.person || self.role(id, person) == Role::Write;
        writes && self.may_exchange(id, person)
    }

    fn append_staging(&mut self, id: DocumentId, fill: impl FnOnce(&mut DocumentAppend)) {
        let Some(row) = self.documents.get(&id).map(Document::row) else {
            return;
        };
        let mut part = DocumentAppend::new(row);
        fill(&mut part);
        let append = Append {
            statements: Vec::new(),
            documents: vec![part],
        };
        // Nothing of the document itself becomes durable by it.
        self.append(append, None);
    }
}
