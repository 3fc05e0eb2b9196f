//! No byte of a document goes to a device whose person never had consent for it.
//!
//! Every frame is taken apart: each change in it is hashed and looked up among all changes that
//! were ever made, and beyond that every 16 and 32 bytes of the frame are looked up among the ids
//! of documents and changes. The same search must find what *is* shared, or it shows nothing.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{Changes, DeviceId, DocumentId, GrantLine, PersonId, RecordHash, Role};

use crate::device::Device;
use crate::truth::Truth;
use crate::wire_format;
use crate::world::World;

/// When all is at rest, no consent lasts beyond its time by the clock of the owner's device.
pub(crate) fn none_overdue(world: &World) -> Result<(), String> {
    for device in world.devices.iter().filter(|it| world.counts(it.index)) {
        if let Some((document, ..)) = world.overdue(device.index).first() {
            return Err(format!(
                "device {} upholds a consent for {document:?} whose time is over",
                device.index
            ));
        }
    }
    Ok(())
}

/// A frame on its way, and who is who.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) from: PersonId,
    pub(crate) device: DeviceId,
    pub(crate) to: PersonId,
    pub(crate) to_device: DeviceId,
    pub(crate) frame: &'a [u8],
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Consent {
    /// Which first two bytes ids have: most places of a frame are passed over by these.
    sieve: Vec<bool>,
    known: BTreeSet<[u8; 16]>,
    indexed: usize,
    /// How many changes were found on the way to a person, by document.
    found: BTreeMap<(DocumentId, PersonId), u64>,
    /// Which device ever sent which change: it has it, whatever became of its disk.
    pub(crate) sent: BTreeSet<(DeviceId, ChangeHash)>,
    pub(crate) changes_found: u64,
    /// Consent that each start of each device took back because its time was over.
    over: BTreeMap<(usize, u32), BTreeSet<RecordHash>>,
    /// What was sent of large batches, and how much of it was looked at.
    pieces: BTreeMap<(DeviceId, DeviceId, DocumentId), (Vec<u8>, usize)>,
}

impl Default for Consent {
    fn default() -> Self {
        Self {
            sieve: vec![false; 1 << 16],
            known: BTreeSet::new(),
            indexed: 0,
            found: BTreeMap::new(),
            sent: BTreeSet::new(),
            changes_found: 0,
            over: BTreeMap::new(),
            pieces: BTreeMap::new(),
        }
    }
}

impl Consent {
    /// `role` is what the sending device knows of the receiver's role now.
    pub(crate) fn sent(
        &mut self,
        truth: &Truth,
        sent: Sent<'_>,
        role: impl Fn(DocumentId) -> Role,
    ) -> Result<(), String> {
        self.index(truth);
        let changes = wire_format::changes(sent.frame, sent.device);
        if changes.is_none() && sent.frame.first() == Some(&wire_format::CHANGES) {
            return Err("changes on the wire do not decode".into());
        }
        // Beside what was signed about it, nothing names a document that is not shared any more.
        if let Some(document) = wire_format::document(sent.frame)
            && sent.from != sent.to
            && role(document) == Role::None
        {
            return Err(format!(
                "a frame of kind {} about {document:?} went to a person whose consent was taken \
                 back",
                sent.frame[0]
            ));
        }
        let mut brought = changes.map(|(document, batch, _)| (document, vec![batch]));
        if let Some((document, at, bytes)) = wire_format::piece(sent.frame) {
            brought = Some((document, self.parts(sent, document, at, &bytes)?));
        }
        if let Some((document, parts)) = brought {
            for chunk in parts.iter().flat_map(|part| &part.changes) {
                let Some(hash) = wire_format::hash_of(chunk) else {
                    return Err(format!(
                        "a change of {document:?} on the wire does not decode"
                    ));
                };
                let Some((of, _)) = truth.changes.get(&hash) else {
                    continue;
                };
                Self::may_pass(truth, *of, sent, "a change")?;
                self.sent.insert((sent.device, hash));
                self.changes_found += 1;
                *self.found.entry((*of, sent.to)).or_default() += 1;
            }
        }
        self.search(truth, sent)
    }

    /// A device of the owner has signed that a consent is over.
    pub(crate) fn ended(&mut self, device: &Device, statement: RecordHash) {
        let over = self.over.entry((device.index, device.start)).or_default();
        over.insert(statement);
    }

    /// What a device took back because its time was over never serves anyone there again.
    pub(crate) fn still_lasts(
        &self,
        from: &Device,
        to: &Device,
        frame: &[u8],
    ) -> Result<(), String> {
        let Some(over) = self.over.get(&(from.index, from.start)) else {
            return Ok(());
        };
        let piece = || wire_format::piece(frame).map(|(document, ..)| document);
        let Some(document) = wire_format::document(frame).or_else(piece) else {
            return Ok(());
        };
        let engine = from.engine();
        let mut lines = engine.grants_in_force(document).into_iter();
        let stands = |line: &GrantLine| line.grantee == to.person && over.contains(&line.statement);
        if from.person != to.person && lines.any(|line| stands(&line)) {
            return Err(format!(
                "device {} serves {document:?} by a consent whose time is over",
                from.index
            ));
        }
        Ok(())
    }

    /// The parts of a large batch that a piece completes.
    fn parts(
        &mut self,
        sent: Sent<'_>,
        document: DocumentId,
        at: u64,
        bytes: &[u8],
    ) -> Result<Vec<Changes>, String> {
        const LENGTH_BYTES: usize = 4;
        let of = (sent.device, sent.to_device, document);
        let (body, read) = self.pieces.entry(of).or_default();
        // It begins anew, or goes on where a broken connection left it.
        body.truncate(at as usize);
        body.extend_from_slice(bytes);
        *read = if at == 0 { 0 } else { *read };
        let mut parts = Vec::new();
        while let Some((length, rest)) = body
            .get(*read..)
            .and_then(|rest| rest.split_first_chunk::<LENGTH_BYTES>())
        {
            let length = u32::from_le_bytes(*length) as usize;
            let Some(part) = rest.get(..length) else {
                break;
            };
            let batch = wire_format::batch(document, part, sent.device);
            parts.push(batch.ok_or("a part of a batch on the wire does not decode")?);
            *read += LENGTH_BYTES + length;
        }
        Ok(parts)
    }

    /// Looks for ids anywhere in the bytes.
    fn search(&self, truth: &Truth, sent: Sent<'_>) -> Result<(), String> {
        for window in sent.frame.windows(16) {
            if !self.sieve[place([window[0], window[1]])] {
                continue;
            }
            let id: [u8; 16] = std::array::from_fn(|index| window[index]);
            if !self.known.contains(&id) {
                continue;
            }
            let document = DocumentId::from_bytes(id);
            if truth.documents.contains_key(&document) {
                Self::may_pass(truth, document, sent, "the id")?;
            }
            let low = ChangeHash(pad(id, 0));
            let high = ChangeHash(pad(id, 0xff));
            for (_, (of, _)) in truth.changes.range(low..=high) {
                Self::may_pass(truth, *of, sent, "the hash of a change")?;
            }
        }
        Ok(())
    }

    fn may_pass(
        truth: &Truth,
        document: DocumentId,
        sent: Sent<'_>,
        what: &str,
    ) -> Result<(), String> {
        // The answer to a question that named it, the same as for what does not exist.
        if wire_format::is_nothing(sent.frame) {
            return Ok(());
        }
        if !truth.may_know(&document, sent.to) {
            return Err(format!(
                "{what} of {document:?} went to a person who never had consent"
            ));
        }
        // A refusal only repeats hashes that came from the device it goes to.
        if sent.frame.first() == Some(&wire_format::REFUSED) {
            return Ok(());
        }
        let owner = truth.documents.get(&document).map(|truth| truth.owner);
        if sent.from != sent.to && owner != Some(sent.from) && owner != Some(sent.to) {
            return Err(format!(
                "{what} of {document:?} was passed on by one who does not own it"
            ));
        }
        Ok(())
    }

    fn index(&mut self, truth: &Truth) {
        let size = truth.documents.len() + truth.changes.len();
        if size == self.indexed {
            return;
        }
        self.indexed = size;
        let documents = truth.documents.keys().map(|id| *id.as_bytes());
        let changes = truth.changes.keys();
        let changes = changes.map(|hash| std::array::from_fn(|index| hash.0[index]));
        for id in documents.chain(changes) {
            self.sieve[place([id[0], id[1]])] = true;
            self.known.insert(id);
        }
    }

    /// The positive control: a document that a person has came past the search.
    pub(crate) fn arrived(&self, document: DocumentId, person: PersonId) -> Result<(), String> {
        if self.found.contains_key(&(document, person)) {
            return Ok(());
        }
        Err(format!(
            "{document:?} is with a grantee, but the search never saw a change of it pass"
        ))
    }
}

fn place(start: [u8; 2]) -> usize {
    usize::from(u16::from_le_bytes(start))
}

fn pad(start: [u8; 16], rest: u8) -> [u8; 32] {
    std::array::from_fn(|index| start.get(index).copied().unwrap_or(rest))
}
