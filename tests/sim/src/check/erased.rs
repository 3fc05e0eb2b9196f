//! What was erased is nowhere any more once the faults are over, and everyone has said so.

use cairn_engine::DocumentId;

use crate::check::converge::{is_disputed, statements_left_behind};
use crate::device::Device;
use crate::wire_format::hash_of;
use crate::world::World;

/// Checks every document that an honest device knows to be retired: whoever meets it and has anything
/// of the document knows it too, holds none of it but own drafts, and has confirmed that. Returns
/// how many there are.
pub(crate) fn check(world: &World) -> Result<usize, String> {
    let mut found = 0;
    for (document, truth) in &world.truth.documents {
        for (one, other) in &world.peers {
            let (owner, peer) = (&world.devices[*one], &world.devices[*other]);
            let knows = owner.engine().is_retired(*document);
            let in_use = |device: usize| world.counts(device) && !world.is_orphaned(device);
            let both = in_use(*one) && in_use(*other);
            if owner.person != truth.owner || !both || is_disputed(world, *document, owner, peer) {
                continue;
            }
            let mut left = statements_left_behind(world, *document, owner, peer);
            if peer.engine().is_retired(*document) && !knows {
                if left.any(|hash| world.truth.retirements.contains(hash)) {
                    continue;
                }
                return Err(format!(
                    "device {one} of the owner does not know that {document:?} was erased"
                ));
            }
            if knows {
                found += 1;
                gone(world, owner, *document)?;
                // Whom only a lost device had given a role is not asked by those who never heard of it.
                let unheard_of = !is_asked(owner, peer, *document)
                    && left.any(|hash| world.truth.bears_on(hash, peer.person));
                if unheard_of {
                    continue;
                }
                gone(world, peer, *document)?;
                answered(owner, peer, *document)?;
            }
        }
    }
    Ok(found)
}

fn gone(world: &World, device: &Device, document: DocumentId) -> Result<(), String> {
    let held = device.engine().heads(document).len();
    let content = device.disk.image.content(document);
    let kept = content.changes.len() + content.attestations.len() + content.staged.len();
    let author = |chunk: &Vec<u8>| Some(world.truth.changes.get(&hash_of(chunk)?)?.1);
    let mut aside = content.set_aside.iter();
    let others = aside.any(|chunk| author(chunk) != Some(device.person));
    if held == 0 && kept == 0 && content.salts.is_empty() && !others {
        return Ok(());
    }
    Err(format!(
        "device {} holds {document:?}, which was erased: {held} heads, {kept} things on its disk, \
         others' words among its drafts: {others}",
        device.index
    ))
}

fn is_asked(owner: &Device, peer: &Device, document: DocumentId) -> bool {
    let erasure = owner.engine().erasure(document);
    peer.person == owner.person || erasure.is_some_and(|it| it.asked.contains(&peer.person))
}

fn answered(owner: &Device, peer: &Device, document: DocumentId) -> Result<(), String> {
    let Some(erasure) = owner.engine().erasure(document) else {
        return Ok(());
    };
    let asked = is_asked(owner, peer, document);
    let confirmed = erasure.removed.iter().any(|it| it.1 == peer.id());
    if asked == confirmed {
        return Ok(());
    }
    Err(format!(
        "device {} is asked to remove {document:?}: {asked}, and has confirmed it: {confirmed}",
        peer.index
    ))
}
