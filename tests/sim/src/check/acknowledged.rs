//! No acknowledged change is lost: what a device said it has durably, it has after every crash.
//!
//! A device says so to its people ([`Event::Stored`]), and to its peers in acknowledgements and in
//! its heads. Each is compared with the disk when it is said, and again after every restart.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{DeviceId, DocumentId, Event};

use crate::disk::Image;
use crate::wire_format;
use crate::world::World;

/// At most one delivery in so many may be told too early.
const EARLY_ONE_IN: u64 = 50;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    promised: BTreeMap<usize, BTreeSet<(DocumentId, ChangeHash)>>,
    /// What an owner erased, or would have but for a crash: nobody need keep it.
    erased: BTreeSet<DocumentId>,
    pub(crate) promises: u64,
    deliveries: u64,
    overclaimed: u64,
}

impl Acknowledged {
    /// A device reports to its people.
    pub(crate) fn event(
        &mut self,
        device: usize,
        event: &Event,
        image: &Image,
    ) -> Result<(), String> {
        match event {
            Event::Stored {
                document, heads, ..
            } => self.promise(device, "reported as stored", *document, heads, image),
            _ => Ok(()),
        }
    }

    /// A device sends a frame.
    pub(crate) fn sent(
        &mut self,
        device: usize,
        frame: &[u8],
        image: &Image,
    ) -> Result<(), String> {
        match wire_format::promises(frame) {
            Some((document, heads)) => {
                self.promise(device, "told to a peer", document, &heads, image)
            }
            None => Ok(()),
        }
    }

    fn promise(
        &mut self,
        device: usize,
        how: &str,
        document: DocumentId,
        heads: &[ChangeHash],
        image: &Image,
    ) -> Result<(), String> {
        for hash in heads {
            if !image.has_change(document, hash) {
                return Err(format!(
                    "device {device}: change {hash} of {document:?} was {how} but is not on its disk"
                ));
            }
            self.promises += 1;
            if self.erased.contains(&document) {
                continue;
            }
            self.promised
                .entry(device)
                .or_default()
                .insert((document, *hash));
        }
        Ok(())
    }

    /// A device starts again from what its disk has.
    pub(crate) fn restarted(&self, device: usize, image: &Image) -> Result<(), String> {
        for (document, hash) in self.promised.get(&device).into_iter().flatten() {
            if !image.has_change(*document, hash) {
                return Err(format!(
                    "device {device}: change {hash} of {document:?} was promised and is gone"
                ));
            }
        }
        Ok(())
    }

    /// An owner erases a document.
    pub(crate) fn erased(&mut self, document: DocumentId) {
        self.erased.insert(document);
        for promised in self.promised.values_mut() {
            promised.retain(|(of, _)| *of != document);
        }
    }

    /// Somebody copied an old backup over a device's disk: it cannot hold what came later.
    pub(crate) fn forget(&mut self, device: usize) {
        self.promised.remove(&device);
    }
}

/// Whether what a device calls delivered to another is on that one's disk, or was until a backup
/// replaced it, or came from there.
pub(crate) fn is_delivered(
    world: &World,
    peer: DeviceId,
    document: DocumentId,
    heads: &[ChangeHash],
) -> bool {
    let mut peers = world.devices.iter().filter(|it| it.id() == peer);
    peers.any(|it| {
        let has = |hash: &ChangeHash| {
            it.disk.image.has_change(document, hash) || world.consent.sent.contains(&(peer, *hash))
        };
        it.hostile || it.rolled_back || heads.iter().all(has)
    })
}

impl Acknowledged {
    /// Notes that a device calls something delivered.
    pub(crate) fn delivered(&mut self, really: bool) {
        self.deliveries += 1;
        self.overclaimed += u64::from(!really);
    }

    /// Where two questions cross, the answer to the earlier is at times taken for one to the later:
    /// a delivery is then told some milliseconds too early. More than that is a fault.
    pub(crate) fn told_rightly(&self) -> Result<(), String> {
        if self.overclaimed * EARLY_ONE_IN > self.deliveries {
            return Err(format!(
                "{} of {} deliveries were told while the receiver had nothing on its disk",
                self.overclaimed, self.deliveries
            ));
        }
        Ok(())
    }
}
