//! No acknowledged change is lost: what a device said it has durably, it has after every crash.
//!
//! A device says so to its people ([`Event::Stored`]), and to its peers in acknowledgements and in
//! its heads. Each is compared with the disk when it is said, and again after every restart. What a
//! device says that another has ([`Event::Delivered`]) is compared with that one's disk.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{DeviceId, DocumentId, Event};

use crate::disk::Image;
use crate::wire_format;
use crate::world::World;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    promised: BTreeMap<usize, BTreeSet<(DocumentId, ChangeHash)>>,
    /// What an owner erased, or would have but for a crash: nobody need keep it.
    erased: BTreeSet<DocumentId>,
    pub(crate) promises: u64,
    /// What devices had on their disks before a backup was copied over them.
    replaced: BTreeMap<usize, Vec<Image>>,
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

    /// Somebody copies an old backup over a device's disk: it cannot hold what came later.
    pub(crate) fn rolled_back(&mut self, device: usize, image: Image) {
        self.promised.remove(&device);
        self.replaced.entry(device).or_default().push(image);
    }
}

/// What a device calls delivered to another is on that one's disk, or was until it was erased or an
/// older disk took its place. What came from there is not delivered to it; what that builds on is.
pub(crate) fn delivered(
    world: &World,
    device: usize,
    peer: DeviceId,
    document: DocumentId,
    heads: &[ChangeHash],
) -> Result<(), String> {
    let peers: Vec<_> = world.devices.iter().filter(|it| it.id() == peer).collect();
    if peers.iter().any(|it| it.hostile) {
        return Ok(());
    }
    let replaced = &world.acknowledged.replaced;
    let had = |hash: &ChangeHash| {
        peers.iter().any(|it| {
            let earlier = replaced.get(&it.index).into_iter().flatten();
            let mut images = earlier.chain([&it.disk.image]);
            images.any(|image| image.ever_had(document, hash))
        })
    };
    let mut open = heads.to_vec();
    let mut seen = BTreeSet::new();
    while let Some(hash) = open.pop() {
        if had(&hash) || !seen.insert(hash) {
            continue;
        }
        if !world.consent.sent.contains(&(peer, hash)) {
            return Err(format!(
                "device {device} calls {document:?} delivered to {peer:?}, which has nothing of \
                 change {hash} on its disk"
            ));
        }
        let known = world.devices[device].engine().read(document);
        let change = known.and_then(|known| known.get_change_meta_by_hash(&hash));
        open.extend(change.into_iter().flat_map(|change| change.deps));
    }
    Ok(())
}
