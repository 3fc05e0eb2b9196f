//! Everyone who may read a document has the same heads once the faults are over, and knows it.

use std::collections::BTreeSet;

use automerge::ChangeHash;
use cairn_engine::{DocumentId, Role};

use crate::device::Device;
use crate::world::World;

/// A document of an owner's device and another device that may read it.
struct Pair<'a> {
    document: DocumentId,
    owner: &'a Device,
    reader: &'a Device,
    role: Role,
}

/// Whether one of two devices took a statement of a device of somebody else that was revoked later,
/// which the revocation does not keep: the other will not take it from there, and they differ about
/// it for ever. Nobody is served more than the owner's device allows.
///
/// What a device of the lost one's own person has, or another of the same person, it brings to the
/// other.
pub(crate) fn left_behind(
    world: &World,
    document: DocumentId,
    one: &Device,
    other: &Device,
) -> bool {
    statements_left_behind(world, document, one, other)
        .next()
        .is_some()
}

/// The statements that were [left behind](left_behind).
pub(crate) fn statements_left_behind<'a>(
    world: &'a World,
    document: DocumentId,
    one: &'a Device,
    other: &'a Device,
) -> impl Iterator<Item = &'a [u8; 32]> {
    let of_lost = world
        .truth
        .statements
        .iter()
        .filter(move |(_, (about, signer))| {
            *about == Some(document) && world.truth.revoked.contains(signer)
        });
    let left = of_lost.filter(move |(hash, (_, signer))| {
        let mut devices = world.devices.iter();
        let lost = devices.find(|it| it.id() == *signer);
        let stays = |has: &Device, lacks: &Device| {
            lost.is_none_or(|lost| lost.person != has.person)
                && has.disk.image.has_statement(hash)
                && !lacks.disk.image.has_statement(hash)
        };
        one.person != other.person && (stays(one, other) || stays(other, one))
    });
    left.map(|(hash, _)| hash)
}

/// Whether two devices differ for ever about what a person of theirs may do in a document, because a
/// statement about just that was [left behind](left_behind).
pub(crate) fn is_disputed(
    world: &World,
    document: DocumentId,
    one: &Device,
    other: &Device,
) -> bool {
    [one.person, other.person].into_iter().any(|person| {
        let role = |device: &Device| device.engine().role(document, person);
        let mut left = statements_left_behind(world, document, one, other);
        role(one) != role(other) && left.any(|hash| world.truth.bears_on(hash, person))
    })
}

/// How often a device of a document's owner and another are excused from agreeing about it.
pub(crate) fn disputes(world: &World) -> u64 {
    let documents = world.truth.documents.iter();
    let disputes = documents.map(|(document, truth)| {
        let counting = world.peers.iter().filter(|(one, other)| {
            let both = world.counts(*one) && world.counts(*other);
            let (owner, reader) = (&world.devices[*one], &world.devices[*other]);
            let owned = owner.person == truth.owner;
            both && owned && is_disputed(world, *document, owner, reader)
        });
        counting.count() as u64
    });
    disputes.sum()
}

/// Every honest pair of an owner's device and a reader's.
fn pairs(world: &World) -> Vec<Pair<'_>> {
    let mut pairs = Vec::new();
    for (document, truth) in &world.truth.documents {
        for (one, other) in &world.peers {
            let (owner, reader) = (&world.devices[*one], &world.devices[*other]);
            let both = world.counts(*one) && world.counts(*other);
            if owner.person != truth.owner || !both || is_disputed(world, *document, owner, reader)
            {
                continue;
            }
            let role = owner.engine().role(*document, reader.person);
            pairs.push(Pair {
                document: *document,
                owner,
                reader,
                role,
            });
        }
    }
    pairs
}

/// Checks all documents of honest owners on all honest devices: who may read one has all of it and
/// nothing else, also after changes that the owner refused.
pub(crate) fn heads(world: &World) -> Result<(), String> {
    for pair in pairs(world) {
        let Pair {
            document,
            owner,
            reader,
            role,
        } = pair;
        let (from, to) = (owner.index, reader.index);
        let believed = reader.engine().role(document, reader.person);
        if believed != role {
            return Err(format!(
                "device {to} believes to have the role {believed:?} in {document:?}, \
                 the owner's device {from} says {role:?}"
            ));
        }
        if role == Role::None || owner.heads(document) == reader.heads(document) {
            continue;
        }
        let (all, theirs) = (hashes(owner, document), hashes(reader, document));
        if let Some(missing) = all.difference(&theirs).next() {
            return Err(format!(
                "device {to} lacks change {missing} of {document:?}, which device {from} has"
            ));
        }
        if let Some(extra) = theirs.difference(&all).next() {
            return Err(format!(
                "device {to} has change {extra} of {document:?}, the owner's device {from} lacks it{}",
                if owner.refused.contains(extra) {
                    " and has refused it"
                } else {
                    ""
                }
            ));
        }
    }
    Ok(())
}

/// After everyone wrote something from `since` on: each writer was told that it was delivered, and
/// that nothing is on its way any more.
pub(crate) fn told(
    world: &World,
    since: u64,
    written: &BTreeSet<(usize, DocumentId)>,
) -> Result<(), String> {
    for pair in pairs(world)
        .into_iter()
        .filter(|pair| pair.role >= Role::Read)
    {
        for (writer, peer) in [(pair.owner, pair.reader), (pair.reader, pair.owner)] {
            if !written.contains(&(writer.index, pair.document)) {
                continue;
            }
            let (at, to) = (writer.index, peer.index);
            let delivered = writer.delivered.get(&(pair.document, peer.id())).cloned();
            if delivered != writer.heads(pair.document) {
                return Err(format!(
                    "device {at} was never told that {:?} was delivered to device {to}",
                    pair.document
                ));
            }
            // What one holds to be shared and the other does not is asked for in vain.
            let mut documents = world.truth.documents.keys();
            let in_vain = documents.any(|it| is_disputed(world, *it, writer, peer));
            let settled = in_vain
                || world.network.open_wires().into_iter().any(|wire| {
                    let ends = &world.network.wires[wire].ends;
                    (0..2).any(|end| {
                        ends[end].device == at
                            && ends[1 - end].device == to
                            && writer.settled.get(&ends[end].connection) >= Some(&since)
                    })
                });
            if !settled {
                return Err(format!("device {at} never came to rest with device {to}"));
            }
        }
    }
    Ok(())
}

/// At rest, two notebooks say that they are equal in one exchange. Documents of a hostile person
/// may differ for ever: nobody but their owner could say which of two branches counts.
pub(crate) fn equal_hellos(world: &World) -> Result<(), String> {
    let owner = |document: &DocumentId| world.truth.documents.get(document).map(|it| it.owner);
    let hostile: BTreeSet<_> = world
        .devices
        .iter()
        .filter(|device| device.hostile)
        .map(|device| device.person)
        .collect();
    for device in world.devices.iter().filter(|it| world.counts(it.index)) {
        let differing = device.engine().counters().documents_differing;
        // What is erased is no document of a device any more, and its statements are still told.
        let excused = world.truth.documents.keys().any(|document| {
            // One device had it before the consent ended, the other hears of it too late.
            let ended = device.engine().role(*document, device.person) == Role::None;
            let of_hostile = owner(document).is_none_or(|owner| hostile.contains(&owner));
            let mut others = world.devices.iter().filter(|it| world.counts(it.index));
            others.any(|other| {
                let forked = other.person == device.person
                    && other.heads(*document) != device.heads(*document);
                ((of_hostile || ended) && forked) || left_behind(world, *document, device, other)
            })
        });
        if differing > 0 && !excused {
            return Err(format!(
                "device {} finds {differing} documents to differ although all are equal",
                device.index
            ));
        }
    }
    Ok(())
}

/// The positive control of the consent checker.
pub(crate) fn seen_by_search(world: &World) -> Result<(), String> {
    for pair in pairs(world) {
        let has_some = !hashes(pair.reader, pair.document).is_empty();
        if pair.owner.person != pair.reader.person && has_some {
            world.consent.arrived(pair.document, pair.reader.person)?;
        }
    }
    Ok(())
}

pub(crate) fn hashes(device: &Device, document: DocumentId) -> BTreeSet<ChangeHash> {
    device
        .engine()
        .read(document)
        .map(|automerge| {
            automerge
                .get_changes(&[])
                .iter()
                .map(|change| change.hash())
                .collect()
        })
        .unwrap_or_default()
}
