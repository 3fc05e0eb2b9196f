//! Only who may write gets something written, and only in entries that are not another person's: the
//! owner's devices judge it when they admit it.
//!
//! A change that one of them admitted once counts everywhere and for ever, also after the consent
//! was taken back and also if that device lost it since. Entries are read twice: in what changes do
//! when they are admitted, and in whose values stand in the document.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{Key, ObjectId, OpId, OpType};
use automerge::{ActorId, Automerge, Change, ChangeHash, ObjId, ObjType, Prop, ROOT, ReadDoc};
use cairn_engine::{DeviceId, DocumentId, PersonId, Role};

use crate::device::Device;
use crate::rules::{entries_of, writer_of};
use crate::truth::Truth;
use crate::world::World;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Policy {
    judged: BTreeSet<ChangeHash>,
    /// How far each start of each device was looked at.
    seen: BTreeMap<(usize, u32, DocumentId), Vec<ChangeHash>>,
    /// Of each document, what lies in its entries.
    entries: BTreeMap<DocumentId, Entries>,
    pub(crate) judgements: u64,
}

impl Policy {
    /// Whether a device of the owner ever admitted somebody else's change.
    pub(crate) fn has_judged(&self, hash: &ChangeHash) -> bool {
        self.judged.contains(hash)
    }

    /// A document of its own changed on a device just now. Returns whose changes were judged there
    /// for the first time anywhere.
    pub(crate) fn changed(
        &mut self,
        device: &Device,
        document: DocumentId,
        truth: &Truth,
    ) -> Result<BTreeSet<PersonId>, String> {
        let mut authors = BTreeSet::new();
        let Some(automerge) = device.engine().read(document) else {
            return Ok(authors);
        };
        let seen = self
            .seen
            .entry((device.index, device.start, document))
            .or_default();
        let new = automerge.get_changes(seen);
        *seen = automerge.get_heads();
        let entries = self.entries.entry(document).or_default();
        let kind = device.engine().origin(document).map(|origin| origin.kind);
        let container = kind.and_then(entries_of);
        for change in new {
            let hash = change.hash();
            let author = truth.changes.get(&hash).map(|(_, author)| *author);
            let touched = container
                .map(|container| entries.read(&change, container))
                .unwrap_or_default();
            let Some(author) = author.filter(|author| *author != device.person) else {
                continue;
            };
            if touched.iter().any(|writer| *writer != author.to_string()) {
                return Err(format!(
                    "device {} admitted change {hash} of {document:?}, which writes in an entry of \
                     another person",
                    device.index
                ));
            }
            let new = self.judged.insert(hash);
            self.judgements += 1;
            if new && device.engine().role(document, author) < Role::Write {
                return Err(format!(
                    "device {} admitted change {hash} of {document:?} by one who may not write",
                    device.index
                ));
            }
            if new {
                authors.insert(author);
            }
        }
        Ok(authors)
    }
}

/// Objects of a document that are, or lie in, maps of entries with one writer.
#[derive(Debug, Default)]
struct Entries {
    containers: BTreeSet<OpId>,
    /// Objects in them with the person whose entry it is.
    inside: BTreeMap<OpId, String>,
}

impl Entries {
    /// Reads the operations of a change, and whose entries they touch. What only the owner may do
    /// touches nobody's.
    fn read(&mut self, change: &Change, container: &str) -> BTreeSet<String> {
        let mut touched = BTreeSet::new();
        let change = change.decode();
        for (index, operation) in change.operations.iter().enumerate() {
            let id = OpId::new(change.start_op.get() + index as u64, &change.actor_id);
            let makes = matches!(operation.action, OpType::Make(_));
            let key = match &operation.key {
                Key::Map(key) => key.as_str(),
                Key::Seq(_) => "",
            };
            let writer = match &operation.obj {
                ObjectId::Root if key == container => {
                    if makes && operation.pred.is_empty() {
                        self.containers.insert(id);
                        continue;
                    }
                    self.containers.extend(makes.then(|| id.clone()));
                    String::new()
                }
                ObjectId::Root => continue,
                ObjectId::Id(object) if self.containers.contains(object) => {
                    writer_of(key).unwrap_or_default().to_owned()
                }
                ObjectId::Id(object) => match self.inside.get(object) {
                    Some(writer) => writer.clone(),
                    None => continue,
                },
            };
            if makes && operation.obj != ObjectId::Root {
                self.inside.insert(id, writer.clone());
            }
            touched.insert(writer);
        }
        touched
    }
}

/// Every value in an entry of a document, those in conflict too, comes from the entry's writer. Only a
/// stolen device of the owner may have put others there: nobody judges an owner's changes. Returns
/// how many there are.
pub(crate) fn entries(world: &World, device: &Device, document: DocumentId) -> Result<u64, String> {
    if !device.is_honest() || !world.truth.owns(&document, device.person) {
        return Ok(0);
    }
    let kind = device.engine().origin(document).map(|origin| origin.kind);
    let (Some(automerge), Some(container)) =
        (device.engine().read(document), kind.and_then(entries_of))
    else {
        return Ok(0);
    };
    let changes = automerge.get_changes_meta(&[]);
    let makers = changes.into_iter().filter_map(|change| {
        let (_, person) = world.truth.changes.get(&change.hash)?;
        let device = world.truth.made_on.get(&change.hash).copied();
        Some((change.actor.into_owned(), (*person, device)))
    });
    let makers: BTreeMap<ActorId, (PersonId, Option<DeviceId>)> = makers.collect();
    let stolen = |id: &DeviceId| {
        let mut devices = world.devices.iter();
        devices.any(|it| it.stolen && it.id() == *id && it.person == device.person)
    };
    let mut found = 0;
    let maps = automerge.get_all(ROOT, container).unwrap_or_default();
    for (_, map) in maps {
        for key in automerge.keys(&map) {
            let mut actors = Vec::new();
            actors_at(automerge, &map, Prop::Map(key.clone()), &mut actors);
            found += actors.len() as u64;
            for actor in actors {
                let Some((person, made_on)) = makers.get(&actor) else {
                    return Err(format!(
                        "device {}: nobody wrote a value in entry {key} of {document:?}",
                        device.index
                    ));
                };
                let own = writer_of(&key) == Some(&person.to_string());
                if !own && !made_on.is_some_and(|it| stolen(&it)) {
                    return Err(format!(
                        "device {}: a value in entry {key} of {document:?} is of {person}",
                        device.index
                    ));
                }
            }
        }
    }
    Ok(found)
}

/// The actors of all values at a place, those in conflict too, and of all that lies in them.
fn actors_at(automerge: &Automerge, object: &ObjId, at: Prop, actors: &mut Vec<ActorId>) {
    for (value, id) in automerge.get_all(object, at).unwrap_or_default() {
        if let ObjId::Id(_, actor, _) = &id {
            actors.push(actor.clone());
        }
        match value.is_object().then(|| automerge.object_type(&id)) {
            Some(Ok(ObjType::Map | ObjType::Table)) => {
                for key in automerge.keys(&id) {
                    actors_at(automerge, &id, Prop::Map(key), actors);
                }
            }
            Some(Ok(ObjType::List | ObjType::Text)) => {
                for index in 0..automerge.length(&id) {
                    actors_at(automerge, &id, Prop::Seq(index), actors);
                }
            }
            Some(Err(_)) | None => {}
        }
    }
}
