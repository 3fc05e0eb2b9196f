//! A hostile device: a valid pairing and a real engine, whose frames are tampered with on their way
//! out, and which sends some of its own making.

use std::collections::VecDeque;

use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ChangeHash, ROOT, ReadDoc};
use cairn_engine::{Attestation, Changes, Claim, DeviceId, DocumentId, ProcessId, actor_of};

use crate::entries::forge;
use crate::faults::Fault;
use crate::random::Random;
use crate::wire_format::{CHANGES, changes, changes_frame, heads_frame};
use crate::world::{Happening, World};

/// How many frames the attacker remembers.
const REMEMBERED_MAX: usize = 400;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Attacker {
    /// Frames with the devices that sent them.
    remembered: VecDeque<(DeviceId, Vec<u8>)>,
    /// A frame that is let go after the next one.
    held_back: Option<Vec<u8>>,
}

impl Attacker {
    /// Remembers a frame for later.
    pub(crate) fn overhear(&mut self, sender: DeviceId, frame: &[u8]) {
        if self.remembered.len() == REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back((sender, frame.to_vec()));
    }

    /// What goes out instead of an honest frame, and what is wrong with it. Most pass, or nobody
    /// would go on listening.
    pub(crate) fn tamper(
        &mut self,
        sender: DeviceId,
        frame: Vec<u8>,
        random: &mut Random,
    ) -> (Vec<Vec<u8>>, Option<Fault>) {
        self.overhear(sender, &frame);
        let (mut out, fault) = match random.below(100) {
            0..3 => (vec![mutated(frame, random)], Some(Fault::Mutated)),
            3..4 => (vec![truncated(frame, random)], Some(Fault::Mutated)),
            4..8 => (vec![frame.clone(), frame], Some(Fault::Reordered)),
            8..10 => (Vec::new(), Some(Fault::Reordered)),
            10..14 => {
                let earlier = self.replayed(random);
                (vec![frame, earlier], Some(Fault::Replayed))
            }
            14..17 => (vec![self.recombined(random), frame], Some(Fault::Forged)),
            17..20 if self.held_back.is_none() => {
                self.held_back = Some(frame);
                return (Vec::new(), Some(Fault::Reordered));
            }
            _ => (vec![frame], None),
        };
        out.extend(self.held_back.take());
        (out, fault)
    }

    /// A frame of an earlier time, as it was.
    fn replayed(&self, random: &mut Random) -> Vec<u8> {
        let index = random.below(self.remembered.len().max(1));
        let remembered = self.remembered.get(index);
        remembered
            .map(|(_, frame)| frame.clone())
            .unwrap_or_default()
    }

    /// Changes, salts and attestations of different frames under the name of one document.
    fn recombined(&self, random: &mut Random) -> Vec<u8> {
        let batches: Vec<_> = self
            .remembered
            .iter()
            .filter_map(|(sender, frame)| changes(frame, *sender))
            .collect();
        let pick = |random: &mut Random| random.pick(&batches).cloned();
        let Some((document, mut batch, _)) = pick(random) else {
            return mutated(self.replayed(random), random);
        };
        for _ in 0..random.below(4) {
            if let Some((_, other, _)) = pick(random) {
                match random.below(4) {
                    0 => batch.salts = other.salts,
                    1 => batch.changes.extend(other.changes),
                    2 => batch.changes = other.changes,
                    _ => batch.attestations = other.attestations,
                }
            }
        }
        if random.chance(30) {
            batch.changes.reverse();
        }
        let document = pick(random)
            .filter(|_| random.chance(30))
            .map_or(document, |other| other.0);
        changes_frame(&(document, batch, random.chance(90)))
    }
}

fn mutated(mut frame: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..random.between(1, 4) {
        if !frame.is_empty() {
            let at = random.below(frame.len());
            frame[at] ^= 1 << random.below(8);
        }
    }
    frame
}

fn truncated(mut frame: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let length = random.below(frame.len().max(1));
    frame.truncate(length);
    frame
}

impl World {
    /// The hostile device sends something that no engine would.
    pub(crate) fn attack(&mut self, device: usize) -> Result<(), String> {
        self.later(200, 15_000, Happening::Attack { device });
        let mine = self.ends_of(device);
        let Some((wire, end)) = self.random.pick(&mine).copied() else {
            return Ok(());
        };
        let documents = self.devices[device].documents();
        let document = self.random.pick(&documents).copied();
        let (fault, frames) = match (self.random.below(10), document) {
            (0, _) => (
                Fault::Replayed,
                vec![self.attacker.replayed(&mut self.random)],
            ),
            (1, _) => {
                let frame = self.attacker.replayed(&mut self.random);
                (Fault::Mutated, vec![mutated(frame, &mut self.random)])
            }
            (2, Some(document)) => (Fault::Forged, vec![heads_frame(document, &[]); 5]),
            (3, Some(document)) => {
                let heads = [ChangeHash(self.random.bytes())];
                (Fault::Forged, vec![heads_frame(document, &heads)])
            }
            (4 | 5, Some(document)) => {
                let forged = self.stolen_name(device, document);
                (Fault::Forged, forged.into_iter().collect())
            }
            (6, Some(document)) => return self.forge_entry(device, document),
            (7, Some(document)) => {
                let forged = self.forged_beside(device, document);
                (Fault::EntryForged, forged.into_iter().collect())
            }
            (8, _) if self.random.chance(10) => {
                let frame = vec![CHANGES; self.limits.frame_bytes_max + 1];
                (Fault::Oversized, vec![frame])
            }
            _ => (
                Fault::Forged,
                vec![self.attacker.recombined(&mut self.random)],
            ),
        };
        for frame in frames {
            self.happened(fault);
            self.transmit(wire, end, frame);
        }
        Ok(())
    }

    /// A change in another's name: under an actor that commits to another device, attested by this
    /// one.
    fn stolen_name(&mut self, device: usize, document: DocumentId) -> Option<Vec<u8>> {
        let it = &self.devices[device];
        let mut copy: Automerge = it.engine().read(document)?.clone();
        let actors: Vec<ActorId> = copy
            .get_changes(&[])
            .iter()
            .map(|change| change.actor_id().clone())
            .collect();
        let actor = self.random.pick(&actors)?.clone();
        copy.set_actor(actor);
        let mut transaction = copy.transaction();
        transaction.put(ROOT, "state", "stolen").ok()?;
        let (hash, _patches) = transaction.commit();
        let hash = hash?;
        self.signed_batch(device, document, &copy, None, hash)
    }

    /// A change in another's entry under an actor of the own device, built on what there was at some
    /// earlier time: it stands beside what was written since.
    fn forged_beside(&mut self, device: usize, document: DocumentId) -> Option<Vec<u8>> {
        let writer = self.writer(device, document)?;
        if self.truth.owns(&document, writer.person) {
            return None;
        }
        let it = &self.devices[device];
        let automerge = it.engine().read(document)?;
        let earlier: Vec<ChangeHash> = automerge
            .get_changes_meta(&[])
            .iter()
            .map(|change| change.hash)
            .collect();
        let base = *self.random.pick(&earlier)?;
        let mut copy = automerge.fork_at(&[base]).ok()?;
        let salt = self.random.bytes();
        copy.set_actor(actor_of(it.id(), document, salt));
        let mut transaction = copy.transaction();
        forge(&mut transaction, &mut self.random, writer).ok()?;
        let (hash, _patches) = transaction.commit();
        let hash = hash?;
        let made_on = self.devices[device].id();
        self.truth.made_on.insert(hash, made_on);
        self.signed_batch(device, document, &copy, Some(salt), hash)
    }

    /// The frame that brings one change with a signature of the device over it.
    fn signed_batch(
        &mut self,
        device: usize,
        document: DocumentId,
        copy: &Automerge,
        salt: Option<[u8; 8]>,
        hash: ChangeHash,
    ) -> Option<Vec<u8>> {
        let it = &self.devices[device];
        let change = copy.get_change_by_hash(&hash)?;
        let claim = Claim {
            document,
            process: ProcessId::from_bytes(self.random.bytes()),
            counter: 1,
            heads: &[hash],
            previous: None,
        };
        let attestation = Attestation::sign(claim, it.id(), it.secret());
        self.truth.changed(document, it.person, hash);
        let batch = Changes {
            salts: salt.map(|salt| (it.id(), salt)).into_iter().collect(),
            changes: vec![change.raw_bytes().to_vec()],
            attestations: vec![attestation.bytes().to_vec()],
        };
        Some(changes_frame(&(document, batch, true)))
    }
}
