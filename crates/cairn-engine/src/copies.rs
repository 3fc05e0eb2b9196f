//! Copied and rolled-back vaults, and devices that contradict themselves.
//!
//! # Role
//! A restored backup is older than what others know of its device; a copied vault runs beside the
//! one it was copied from. Neither can overwrite anything, since each process start uses fresh
//! actors and counts its attestations anew, but people should know.
//!
//! # Invariants
//! * Nothing is concluded from what others claim of a device: only from its own signatures and from
//!   connections that the handshake has proven.
//! * A crash between sending and saving looks like a restored backup, and is one: only copies that
//!   are alive at the same time are called copies.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;

use crate::attestation::Attestation;
use crate::document::Document;
use crate::engine::Engine;
use crate::event::Event;
use crate::forks::Forks;
use crate::id::{DeviceId, DocumentId, PersonId, ProcessId};
use crate::mutants::broken;

/// Process starts of one device that are remembered.
const STARTS_MAX: usize = 16;

/// What is remembered to tell copies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Copies {
    /// Process starts that each device connected with, the newest last.
    starts: BTreeMap<DeviceId, Vec<ProcessId>>,
    told: BTreeSet<DeviceId>,
}

impl Engine {
    /// A device connected with this process start. One that comes back after another was seen
    /// means that two are alive: a process that ended never connects again.
    pub(crate) fn process_seen(&mut self, person: PersonId, device: DeviceId, process: ProcessId) {
        let starts = self.copies.starts.entry(device).or_default();
        if starts.last() == Some(&process) {
            return;
        }
        let before = starts.len();
        starts.retain(|known| *known != process);
        let came_back = starts.len() < before;
        if starts.len() == STARTS_MAX {
            starts.remove(0);
        }
        starts.push(process);
        if came_back {
            self.cloned(person, device);
        }
    }

    fn cloned(&mut self, person: PersonId, device: DeviceId) {
        if self.copies.told.insert(device) && !broken("copy-untold") {
            tracing::warn!("two copies of one device are in use");
            self.event(Event::DeviceCloned { person, device });
        }
    }

    /// Looks through what a peer brought for traces of copies, of this device and of others.
    pub(crate) fn look_for_copies(
        &mut self,
        id: DocumentId,
        changes: &[(ChangeHash, Vec<u8>)],
        attestations: &[Attestation],
        contradicted: &BTreeSet<DeviceId>,
    ) {
        let Some(document) = self.documents.get(&id) else {
            return;
        };
        let Some(contents) = document.loaded() else {
            return;
        };
        let facts = &contents.facts;
        let set_aside: BTreeSet<ChangeHash> =
            document.set_aside.iter().map(|(hash, _)| *hash).collect();
        let returned = changes
            .iter()
            .filter(|(hash, _)| !set_aside.contains(hash))
            .filter_map(|(hash, _)| facts.author_device(facts.graph.position(hash)?))
            .filter(|device| *device == self.device)
            .count();
        let own = attestations
            .iter()
            .any(|signed| signed.device() == self.device && self.is_by_a_copy(document, signed));
        let mut copied: BTreeSet<DeviceId> = contradicted.clone();
        if own {
            copied.insert(self.device);
        }
        if returned > 0 && !broken("old-vault-untold") {
            self.event(Event::VaultBehind {
                document: id,
                changes: returned,
            });
        }
        for device in copied {
            if let Some(person) = self.people.owner_of(device) {
                self.cloned(person, device);
            }
        }
    }

    /// Whether an attestation of this device was signed by a copy that runs now: it counts beyond
    /// what this process counted, or another process start knows what this one wrote.
    fn is_by_a_copy(&self, document: &Document, signed: &Attestation) -> bool {
        if signed.process() == self.config.process {
            let last = document.attestation == Some(signed.hash());
            return signed.counter() > document.attested
                || (signed.counter() == document.attested && !last);
        }
        let written = document.writer.as_ref();
        let contents = document.loaded();
        written.is_some_and(|actor| {
            contents
                .is_some_and(|contents| contents.facts.graph.covers_actor(signed.heads(), actor))
        })
    }

    /// Tells of devices that signed two changes as the same one, and takes out the branch that is here
    /// if it gives way.
    pub(crate) fn note_forks(&mut self, id: DocumentId, forks: Forks) {
        for device in forks.devices {
            let Some(document) = self.documents.get(&id) else {
                return;
            };
            let owner = self.people.owner_of(device);
            let Some(person) = owner.or_else(|| self.shown_author(document, device)) else {
                continue;
            };
            if let Some(document) = self.documents.get_mut(&id)
                && document.forked.insert(device)
            {
                self.event(Event::Forked {
                    document: id,
                    person,
                    device,
                });
            }
        }
        if let Some(document) = self.documents.get_mut(&id) {
            document.unwanted.extend(forks.gives_way);
        }
    }
}
