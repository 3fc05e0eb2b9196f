//! Nothing that the owner's side admitted is lost, whatever became of the consent since.
//!
//! What an owner's device has had durably is in the document at the end. Only what a lost device
//! did beyond its cut, one of two branches of a device that was copied, and what was built on either,
//! may have been taken out; it is kept aside. So it is where the lost device's words come back, because
//! another device of the owner turns out to have kept them: what was built on them stays a draft.
//! Each change is asked for its own reason.

use std::collections::{BTreeMap, BTreeSet};

use automerge::ChangeHash;
use cairn_engine::{ChangeChunk, DocumentContent, DocumentId, Limits, SignedStatement, Statement};

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
            let missing = had.into_iter().filter(|hash| !here.contains(hash));
            let missing: BTreeSet<ChangeHash> = missing.collect();
            if missing.is_empty() {
                continue;
            }
            let reasons = Reasons::new(world, device, document);
            let aside = set_aside(device, document);
            for hash in &missing {
                if !aside.contains(hash) || !reasons.excuse(hash, &missing) {
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

/// A change's place: no document holds two of one.
type Place = ([u8; 16], u64);

/// Why changes of a document may have been taken out on a device.
struct Reasons {
    /// What each change is built on, whether it is in the document or aside.
    built_on: BTreeMap<ChangeHash, Vec<ChangeHash>>,
    places: BTreeMap<ChangeHash, Place>,
    /// Places that a change in the document has.
    taken: BTreeSet<Place>,
    /// Changes of lost devices that no cut covers.
    beyond: BTreeSet<ChangeHash>,
    /// Those that some cut does not cover: others may have come to keep them since.
    once_beyond: BTreeSet<ChangeHash>,
}

impl Reasons {
    fn new(world: &World, device: &Device, document: DocumentId) -> Self {
        let limits = Limits::default();
        let mut reasons = Self {
            built_on: BTreeMap::new(),
            places: BTreeMap::new(),
            taken: BTreeSet::new(),
            beyond: BTreeSet::new(),
            once_beyond: BTreeSet::new(),
        };
        let DocumentContent {
            changes, set_aside, ..
        } = device.disk.image.content(document);
        let inside = changes.iter().map(|bytes| (bytes, true));
        for (bytes, is_inside) in inside.chain(set_aside.iter().map(|bytes| (bytes, false))) {
            let Ok(chunk) = ChangeChunk::parse(bytes, &limits) else {
                continue;
            };
            let place = (*chunk.actor(), chunk.seq());
            reasons.places.insert(chunk.hash(), place);
            let below = chunk.dependencies().collect();
            reasons.built_on.insert(chunk.hash(), below);
            if is_inside {
                reasons.taken.insert(place);
            }
        }
        reasons.read_cuts(world, device, document);
        reasons
    }

    fn read_cuts(&mut self, world: &World, device: &Device, document: DocumentId) {
        let mut cuts = Vec::new();
        for (_, bytes) in device.disk.image.statements() {
            if let Ok(signed) = SignedStatement::from_bytes(bytes.clone())
                && let Statement::DeviceCut(cut) = signed.statement()
                && cut.origin.document() == document
            {
                cuts.push((cut.device, self.at_or_below(&cut.heads)));
            }
        }
        for hash in self.places.keys() {
            let Some(lost) = world.truth.lost_maker(hash) else {
                continue;
            };
            let mut of_lost = cuts.iter().filter(|(device, _)| device == lost);
            if !of_lost.clone().any(|(_, kept)| kept.contains(hash)) {
                self.beyond.insert(*hash);
            }
            if self.beyond.contains(hash) || !of_lost.all(|(_, kept)| kept.contains(hash)) {
                self.once_beyond.insert(*hash);
            }
        }
    }

    fn at_or_below(&self, heads: &[ChangeHash]) -> BTreeSet<ChangeHash> {
        let mut open = heads.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(hash) = open.pop() {
            if seen.insert(hash) {
                open.extend(self.built_on.get(&hash).into_iter().flatten());
            }
        }
        seen
    }

    /// Whether a change that is missing may be: for its own sake, or for that of what it is built on.
    fn excuse(&self, hash: &ChangeHash, missing: &BTreeSet<ChangeHash>) -> bool {
        let gave_way = |hash: &ChangeHash| {
            let place = self.places.get(hash);
            missing.contains(hash) && place.is_some_and(|place| self.taken.contains(place))
        };
        let mut below = self.at_or_below(&[*hash]);
        below.remove(hash);
        self.beyond.contains(hash)
            || gave_way(hash)
            || below
                .iter()
                .any(|below| self.once_beyond.contains(below) || gave_way(below))
    }
}
