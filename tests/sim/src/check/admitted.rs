//! Nothing that the owner's side admitted is lost, whatever became of the consent since.
//!
//! What an owner's device has had durably is in the document at the end. Only what a lost device
//! did beyond its cut, and what was built on that, may have been taken out; it is kept aside.

use crate::check::converge::hashes;
use crate::check::drafts::set_aside;
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
            let cut = missing().any(|hash| world.truth.is_of_lost(hash));
            let aside = set_aside(device, document);
            for hash in missing() {
                if !cut || !aside.contains(hash) {
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
