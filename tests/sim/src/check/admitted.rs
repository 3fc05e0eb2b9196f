//! Nothing that the owner's side admitted is lost, whatever became of the consent since.
//!
//! What an owner's device has had durably is in the document at the end. Only what a lost device
//! did beyond its cut, one of two branches of a device that was copied, and what was built on either,
//! may have been taken out; it is kept aside. So it is where the lost device's words come back, because
//! another device of the owner turns out to have kept them: what was built on them stays a draft.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{ChangeChunk, DocumentId, Limits};

use crate::check::converge::hashes;
use crate::check::drafts::set_aside;
use crate::device::Device;
use crate::world::World;

/// Checks all documents on all devices of their owners.
pub(crate) fn kept(world: &World) -> Result<(), String> {
    for device in world.devices.iter().filter(|it| world.counts(it.index)) {
        for document in device.documents() {
            if !world.truth.owns(&document, device.person) {
                continue;
            }
            let here = hashes(device, document);
            let had = device.disk.image.hashes(document);
            let missing = || had.iter().filter(|hash| !here.contains(hash));
            let missing: BTreeSet<ChangeHash> = missing().copied().collect();
            if missing.is_empty() {
                continue;
            }
            let allowed = is_branch(device, document, &missing)
                || is_built_on_lost(world, device, document, &missing);
            let aside = set_aside(device, document);
            for hash in &missing {
                if !allowed || !aside.contains(hash) {
                    return Err(format!(
                        "device {}: change {hash} of {document:?} was admitted and is lost",
                        device.index
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Whether one of these changes, which were taken out, stands where another one of the same actor
/// stands in the document.
fn is_branch(device: &Device, document: DocumentId, gone: &BTreeSet<ChangeHash>) -> bool {
    let limits = Limits::default();
    let place = |bytes: &Vec<u8>| {
        let chunk = ChangeChunk::parse(bytes, &limits).ok()?;
        Some((chunk.hash(), (*chunk.actor(), chunk.seq())))
    };
    let changes = device.disk.image.content(document).changes;
    let places: BTreeSet<_> = changes.iter().filter_map(|it| Some(place(it)?.1)).collect();
    let aside = device.engine().set_aside(document);
    let mut aside = aside.iter().filter_map(place);
    aside.any(|(hash, place)| gone.contains(&hash) && places.contains(&place))
}

/// Whether a lost device made one of these changes, or one that lies below them.
fn is_built_on_lost(
    world: &World,
    device: &Device,
    document: DocumentId,
    gone: &BTreeSet<ChangeHash>,
) -> bool {
    let limits = Limits::default();
    let content = device.disk.image.content(document);
    let chunks = content.changes.iter().chain(&content.set_aside);
    let below: BTreeMap<ChangeHash, Vec<ChangeHash>> = chunks
        .filter_map(|bytes| {
            let chunk = ChangeChunk::parse(bytes, &limits).ok()?;
            Some((chunk.hash(), chunk.dependencies().collect()))
        })
        .collect();
    let mut open: Vec<ChangeHash> = gone.iter().copied().collect();
    let mut seen = BTreeSet::new();
    while let Some(hash) = open.pop() {
        if world.truth.is_of_lost(&hash) {
            return true;
        }
        if seen.insert(hash) {
            open.extend(below.get(&hash).into_iter().flatten());
        }
    }
    false
}
