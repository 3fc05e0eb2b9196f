//! Words that the owner's side refused, or never took before it erased the document, are kept as a
//! draft on the device that wrote them.
//!
//! That their author is not stuck shows the checker of convergence: everyone writes once more, and
//! is told that it was delivered.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::DocumentId;

use crate::check::converge::hashes;
use crate::device::Device;
use crate::wire_format::hash_of;
use crate::world::World;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Drafts {
    written: BTreeMap<usize, BTreeSet<(DocumentId, ChangeHash)>>,
}

impl Drafts {
    /// A person wrote something on a device of theirs.
    pub(crate) fn written(&mut self, device: usize, document: DocumentId, hash: ChangeHash) {
        let written = self.written.entry(device).or_default();
        written.insert((document, hash));
    }
}

/// What a device keeps aside of a document.
pub(crate) fn set_aside(device: &Device, document: DocumentId) -> BTreeSet<ChangeHash> {
    let chunks = device.engine().set_aside(document).into_iter();
    chunks.filter_map(|chunk| hash_of(&chunk)).collect()
}

/// What stays on a device's disk of a document that was erased.
fn kept_of_erased(device: &Device, document: DocumentId) -> BTreeSet<ChangeHash> {
    let content = device.disk.image.content(document);
    let aside = content.set_aside.iter();
    aside.filter_map(|chunk| hash_of(chunk)).collect()
}

/// Whatever was durable where it was written is in the document there, or aside. Returns how many
/// are aside.
pub(crate) fn kept(world: &World) -> Result<u64, String> {
    let mut drafts = 0;
    for device in world.devices.iter().filter(|it| world.counts(it.index)) {
        let mut of_document = BTreeMap::new();
        for (document, hash) in world
            .drafts
            .written
            .get(&device.index)
            .into_iter()
            .flatten()
        {
            if !device.disk.image.has_change(*document, hash) {
                continue;
            }
            let (here, aside) = of_document
                .entry(*document)
                .or_insert_with(|| (hashes(device, *document), set_aside(device, *document)));
            if here.contains(hash) {
                continue;
            }
            if !aside.contains(hash) {
                return Err(format!(
                    "device {}: change {hash} of {document:?}, written there, is neither in the \
                     document nor kept as a draft",
                    device.index
                ));
            }
            drafts += 1;
        }
    }
    Ok(drafts)
}

/// Whatever was durable where a grantee wrote it, and no device of the owner took, is still there
/// after the document was erased. Returns how many such changes there are.
pub(crate) fn kept_when_erased(world: &World) -> Result<u64, String> {
    let mut drafts = 0;
    let hostile = |person| {
        let mut devices = world.devices.iter();
        devices.any(|it| it.person == person && !it.is_honest())
    };
    for device in world.devices.iter().filter(|it| world.counts(it.index)) {
        let written = world.drafts.written.get(&device.index);
        for (document, hash) in written.into_iter().flatten() {
            let owner = world.truth.documents.get(document).map(|it| it.owner);
            if !device.engine().is_retired(*document)
                || owner.is_none_or(|owner| owner == device.person || hostile(owner))
                || !device.disk.image.ever_had(*document, hash)
                || world.policy.has_judged(hash)
            {
                continue;
            }
            if !kept_of_erased(device, *document).contains(hash) {
                return Err(format!(
                    "device {}: change {hash} of {document:?}, written there and taken by nobody, \
                     was not kept as a draft when the document was erased",
                    device.index
                ));
            }
            drafts += 1;
        }
    }
    Ok(drafts)
}
