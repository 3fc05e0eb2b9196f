//! Entries with one writer each: people write their own, a hostile person and a thief those of others.

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use cairn_engine::{DocumentId, PersonId};

use crate::faults::Fault;
use crate::random::Random;
use crate::rules::{entries_of, entry_key, writer_of};
use crate::workload::words;
use crate::world::World;

/// Entries that one person has in one map at most.
const ENTRIES_MAX: usize = 4;

/// The map of a document that has entries with one writer, and a person who writes in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) container: &'static str,
    pub(crate) person: PersonId,
}

impl World {
    /// A device's person as a writer of entries, if the document can have any.
    pub(crate) fn writer(&self, device: usize, document: DocumentId) -> Option<Writer> {
        let it = &self.devices[device];
        let kind = it.engine().origin(document)?.kind;
        Some(Writer {
            container: entries_of(kind)?,
            person: it.person,
        })
    }

    /// Somebody writes, well signed and as themselves, where only another person may.
    pub(crate) fn forge_entry(
        &mut self,
        device: usize,
        document: DocumentId,
    ) -> Result<(), String> {
        let Some(writer) = self.writer(device, document) else {
            return Ok(());
        };
        if !self.devices[device].engine_mut().open(document) {
            return self.drain(device);
        }
        let before = self.devices[device].heads(document);
        let seed = self.random.next();
        self.edit(device, document, |tx| {
            forge(tx, &mut Random::new(seed), writer).expect("edits fit what is there");
        })?;
        let owned = self.truth.owns(&document, writer.person);
        if self.devices[device].heads(document) != before && !owned {
            self.tell(|| format!("{device} wrote in another's entry there"));
            self.happened(Fault::EntryForged);
        }
        Ok(())
    }
}

/// A person writes one of their own entries.
pub(crate) fn write_own(
    tx: &mut Transaction<'_>,
    random: &mut Random,
    writer: Writer,
) -> Result<(), AutomergeError> {
    let Some(entries) = object(tx, &ROOT, writer.container)? else {
        return Ok(());
    };
    let key = entry_key(writer.person, &random.below(ENTRIES_MAX).to_string());
    let entry = object(tx, &entries, &key)?;
    match (random.below(8), entry) {
        (0..3, _) => {
            let entry = tx.put_object(&entries, &key, ObjType::Map)?;
            let note = tx.put_object(&entry, "note", ObjType::Text)?;
            tx.put(&entry, "times", ScalarValue::counter(1))?;
            tx.splice_text(&note, 0, 0, &words(random, 20))
        }
        (3, _) if tx.get(&entries, &key)?.is_some() => tx.delete(&entries, &key),
        (4, Some(entry)) if tx.get(&entry, "times")?.is_some() => tx.increment(&entry, "times", 1),
        (5, Some(entry)) => match object(tx, &entry, "note")? {
            Some(note) => tx.splice_text(&note, 0, 0, &words(random, 8)),
            None => Ok(()),
        },
        _ => tx.put(&entries, &key, words(random, 10)),
    }
}

/// One edit that its author may not make, if there is anything of another person.
pub(crate) fn forge(
    tx: &mut Transaction<'_>,
    random: &mut Random,
    writer: Writer,
) -> Result<(), AutomergeError> {
    let Some(entries) = object(tx, &ROOT, writer.container)? else {
        return Ok(());
    };
    let me = writer.person.to_string();
    let keys = tx.keys(&entries);
    let others: Vec<String> = keys.filter(|key| writer_of(key) != Some(&me)).collect();
    let Some(key) = random.pick(&others).cloned() else {
        return Ok(());
    };
    match random.below(8) {
        0 => tx.put(&entries, &key, "forged"),
        1 => tx.delete(&entries, &key),
        2 | 3 => put_again(tx, &entries, &key),
        4 => match object(tx, &entries, &key)? {
            Some(entry) if random.chance(30) => tx.put(&entry, "rating", 1),
            Some(entry) if tx.get(&entry, "times")?.is_some() && random.chance(50) => {
                tx.increment(&entry, "times", 1)
            }
            Some(entry) => put_again(tx, &entry, "note"),
            None => tx.put(&entries, &key, "forged"),
        },
        5 => {
            let person = writer_of(&key).unwrap_or_default().to_owned();
            tx.put(&entries, format!("{person}/forged"), "forged")
        }
        6 => tx.put(&entries, "nobody", "forged"),
        _ if random.chance(50) => tx.delete(ROOT, writer.container),
        _ => tx
            .put_object(ROOT, writer.container, ObjType::Map)
            .map(drop),
    }
}

/// Writes the value that is there already. automerge would leave it out, were it not removed first.
fn put_again(tx: &mut Transaction<'_>, object: &ObjId, key: &str) -> Result<(), AutomergeError> {
    let value = tx.get(object, key)?.map(|(value, _)| value.to_owned());
    match value {
        Some(Value::Object(kind)) => tx.put_object(object, key, kind).map(drop),
        Some(Value::Scalar(scalar)) => {
            tx.delete(object, key)?;
            tx.put(object, key, scalar.into_owned())
        }
        None => tx.put(object, key, "forged"),
    }
}

/// The object at a key, if it is one.
fn object(
    tx: &Transaction<'_>,
    parent: &ObjId,
    key: &str,
) -> Result<Option<ObjId>, AutomergeError> {
    let found = tx.get(parent, key)?;
    Ok(found.and_then(|(value, id)| value.is_object().then_some(id)))
}
