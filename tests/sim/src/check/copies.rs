//! People are told of copied and of old vaults, and of nothing that is neither.
//!
//! A second reading of what the engine promises, from what really happened:
//! * A device that gets changes back which it made, and which its disk does not have, says how many
//!   ([`Event::VaultBehind`]): an older disk took its place, or the power went before they were saved.
//! * A device to which one start of another's process comes back after it met a later one, or that is
//!   brought a signature of its own, made by another start, over what this one wrote, says that a copy is
//!   in use ([`Event::DeviceCloned`]).
//! * Only a device that really was copied is called so.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{Append, Attestation, ConnectionId, DeviceId, DocumentId, Event};

use crate::device::Device;
use crate::truth::Truth;
use crate::wire_format::hash_of;

/// Starts of one device's process that the engine remembers.
const STARTS_MAX: usize = 16;

/// A start of a device's process.
type Start = (usize, u32);

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// Which start opened its end of a connection.
    opened: BTreeMap<ConnectionId, Start>,
    /// Which starts of a device another's start met, the newest last.
    met: BTreeMap<(Start, DeviceId), Vec<Start>>,
    /// Of which devices a start said that they are copied.
    told: BTreeSet<(Start, DeviceId)>,
    /// What each start wrote, and all that it gave to its disk.
    wrote: BTreeMap<Start, BTreeSet<ChangeHash>>,
    appended: BTreeMap<Start, BTreeSet<ChangeHash>>,
    /// Own changes that came back by the input that is at work, and how many the device says did.
    returned: BTreeMap<DocumentId, usize>,
    said: BTreeMap<DocumentId, usize>,
    /// Whether that input shows that a copy of the device is in use.
    copy_shown: bool,
    pub(crate) warnings: u64,
}

impl Copies {
    /// A device opened its end of a connection.
    pub(crate) fn opened(&mut self, device: &Device, connection: ConnectionId) {
        self.opened.insert(connection, start_of(device));
    }

    /// A person wrote something.
    pub(crate) fn wrote(&mut self, device: &Device, hash: ChangeHash) {
        let wrote = self.wrote.entry(start_of(device)).or_default();
        wrote.insert(hash);
    }

    /// A device understood the hello of another, which came from that one's end of the connection.
    pub(crate) fn connected(
        &mut self,
        device: &Device,
        peer: &Device,
        end: ConnectionId,
    ) -> Result<(), String> {
        let Some(theirs) = self.opened.get(&end).filter(|_| !peer.hostile) else {
            return Ok(());
        };
        let key = (start_of(device), peer.id());
        let met = self.met.entry(key).or_default();
        if met.last() == Some(theirs) {
            return Ok(());
        }
        let came_back = met.contains(theirs);
        met.retain(|known| known != theirs);
        if met.len() == STARTS_MAX {
            met.remove(0);
        }
        met.push(*theirs);
        if came_back && !self.told.contains(&key) {
            return Err(format!(
                "device {} met two copies of device {} in turn and told nobody",
                device.index, peer.index
            ));
        }
        Ok(())
    }

    /// A device tells its people something. `copied` says whether a device really was.
    pub(crate) fn event(
        &mut self,
        device: &Device,
        event: &Event,
        copied: impl Fn(&DeviceId) -> bool,
    ) -> Result<(), String> {
        match event {
            Event::VaultBehind { document, changes } => {
                self.warnings += 1;
                *self.said.entry(*document).or_default() += changes;
            }
            Event::DeviceCloned { device: other, .. } => {
                self.warnings += 1;
                self.told.insert((start_of(device), *other));
                if !copied(other) {
                    return Err(format!(
                        "device {} calls {other:?} copied, which it never was",
                        device.index
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A device gives something to its disk.
    pub(crate) fn appended(&mut self, device: &Device, append: &Append, truth: &Truth) {
        let start = start_of(device);
        for part in &append.documents {
            let document = part.row.document;
            for (hash, _) in &part.changes {
                let own = truth.made_on.get(hash) == Some(&device.id());
                let known = || {
                    let of = |starts: &BTreeMap<Start, BTreeSet<ChangeHash>>| {
                        starts.get(&start).is_some_and(|known| known.contains(hash))
                    };
                    of(&self.wrote) || of(&self.appended) || is_on_disk(device, document, hash)
                };
                if own && !known() {
                    *self.returned.entry(document).or_default() += 1;
                }
            }
            let apart = part.apart.iter().chain(&part.changes);
            let appended = self.appended.entry(start).or_default();
            appended.extend(apart.map(|(hash, _)| *hash));
            let mut signed = part.attestations.iter();
            self.copy_shown |= signed.any(|(_, bytes)| self.is_by_a_copy(device, document, bytes));
        }
    }

    /// Whether another start of the same device signed what this one wrote.
    fn is_by_a_copy(&self, device: &Device, document: DocumentId, bytes: &[u8]) -> bool {
        let (Some(wrote), Ok(signed)) = (
            self.wrote.get(&start_of(device)),
            Attestation::from_bytes(bytes.to_vec()),
        ) else {
            return false;
        };
        let automerge = device.engine().read(document);
        let Some(automerge) = automerge
            .filter(|_| signed.device() == device.id() && signed.process() != device.process())
        else {
            return false;
        };
        let mut open = signed.heads().to_vec();
        let mut seen = BTreeSet::new();
        while let Some(hash) = open.pop() {
            if wrote.contains(&hash) {
                return true;
            }
            if seen.insert(hash) {
                let change = automerge.get_change_meta_by_hash(&hash);
                open.extend(change.into_iter().flat_map(|change| change.deps));
            }
        }
        false
    }

    /// All that one input caused was done.
    pub(crate) fn done(&mut self, device: &Device) -> Result<(), String> {
        let returned = std::mem::take(&mut self.returned);
        let said = std::mem::take(&mut self.said);
        let copy_shown = std::mem::take(&mut self.copy_shown);
        if device.hostile {
            return Ok(());
        }
        if returned != said {
            return Err(format!(
                "device {} got changes of its own back that it did not have, {returned:?}, and \
                 says {said:?}",
                device.index
            ));
        }
        if copy_shown && !self.told.contains(&(start_of(device), device.id())) {
            return Err(format!(
                "device {} was shown that a copy of it is in use and told nobody",
                device.index
            ));
        }
        Ok(())
    }
}

fn start_of(device: &Device) -> Start {
    (device.index, device.start)
}

fn is_on_disk(device: &Device, document: DocumentId, hash: &ChangeHash) -> bool {
    let image = &device.disk.image;
    image.has_change(document, hash)
        || image
            .content(document)
            .set_aside
            .iter()
            .any(|chunk| hash_of(chunk) == Some(*hash))
}
