//! Entries with one writer: values under a key that begins with the id of the only person who may
//! write there.
//!
//! # Invariants
//! - Who wrote an operation is asked of [`Authors`] by its actor, never read from the document.
//! - A value below such a key that anyone else wrote counts for nothing and is listed.

use std::collections::{BTreeMap, BTreeSet};

use automerge::iter::{DocItem, DocObjItem, MapRangeItem};
use automerge::transaction::Transactable;
use automerge::{
    ActorId, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value, ValueRef,
};
use serde::Serialize;

use crate::context::{CommandError, EditContext, is_person};
use crate::moment::Moment;
use crate::part::{Extent, Part, extent};
use crate::read::{self, containers};
use crate::schema::MomentKeys;
use crate::words::Words;

/// Who stands behind the actors of a document.
pub trait Authors {
    /// The person the document belongs to.
    fn owner(&self) -> &str;

    /// The person whose device made this actor's changes; `None` when nobody is proven to have.
    fn author_of(&self, actor: &ActorId) -> Option<&str>;
}

/// A value that counts for nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct IgnoredEntry {
    /// The map it is in: `ratings`, `proposals`, `acceptances`, `moods`; or the root's key.
    pub container: &'static str,
    /// Its key there, empty for a value of the root.
    pub key: String,
    /// The field below it; `None` for the whole entry.
    pub field: Option<String>,
    /// Who wrote it, as far as proven.
    pub author: Option<String>,
    /// Why.
    pub reason: IgnoredReason,
}

/// Why a value counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IgnoredReason {
    /// Written by a person other than the one its key names.
    AnotherAuthor,
    /// Nobody is proven to have written it.
    UnknownAuthor,
    /// Its key names no person, or the value is not of the expected shape or range.
    Unreadable,
    /// A proposal whose quoted texts, revision and persons do not give its digest.
    Misquoted,
    /// A proposal that does not ask both its proposer and the owner of the goal.
    PartiesIncomplete,
    /// An acceptance by a person the proposal does not ask, or of no proposal that counts.
    NotAsked,
}

/// One entry, holding just what its writer wrote.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) writer: String,
    fields: BTreeMap<String, ScalarValue>,
}

impl Entry {
    /// The fields of a map whoever wrote them, for commands that only refuse what cannot count.
    pub(crate) fn unchecked<D: ReadDoc>(
        document: &D,
        key: &str,
        writer: &str,
        map: &ObjId,
    ) -> Self {
        let scalars = document
            .map_range(map, ..)
            .filter_map(|item| match item.value {
                ValueRef::Scalar(scalar) => Some((item.key.into_owned(), scalar.into())),
                ValueRef::Object(_) => None,
            });
        Self {
            key: key.to_owned(),
            writer: writer.to_owned(),
            fields: scalars.collect(),
        }
    }

    pub(crate) fn integer(&self, field: &str) -> Option<i64> {
        self.fields.get(field).and_then(read::integer)
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        match self.fields.get(field) {
            Some(ScalarValue::Str(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn words(&self, field: &str) -> Words {
        self.text(field).unwrap_or_default().into()
    }

    pub(crate) fn bytes(&self, field: &str) -> Option<[u8; 32]> {
        match self.fields.get(field) {
            Some(ScalarValue::Bytes(bytes)) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }

    pub(crate) fn moment(&self, keys: MomentKeys) -> Option<Moment> {
        Some(read::moment(
            self.integer(keys.at)?,
            self.integer(keys.offset),
        ))
    }

    /// A value from 0 to [`SCALE_MAX`](crate::SCALE_MAX).
    pub(crate) fn scale(&self, field: &str) -> Option<u8> {
        let value = u8::try_from(self.integer(field)?).ok()?;
        (value <= crate::schema::SCALE_MAX).then_some(value)
    }

    pub(crate) fn ignored(&self, container: &'static str, reason: IgnoredReason) -> IgnoredEntry {
        IgnoredEntry {
            container,
            key: self.key.clone(),
            field: None,
            author: Some(self.writer.clone()),
            reason,
        }
    }
}

/// The person a key belongs to and the rest of the key.
pub(crate) fn split_key(key: &str) -> Option<(&str, &str)> {
    key.split_once('/')
        .filter(|(writer, rest)| is_person(writer) && !rest.is_empty())
}

/// For reading inside a command, which does not ask who wrote what.
pub(crate) struct Nobody;

impl Authors for Nobody {
    fn owner(&self) -> &str {
        ""
    }

    fn author_of(&self, _actor: &ActorId) -> Option<&str> {
        None
    }
}

pub(crate) fn author_of<'a>(authors: &'a dyn Authors, id: &ObjId) -> Option<&'a str> {
    match id {
        ObjId::Root => None,
        ObjId::Id(_, actor, _) => authors.author_of(actor),
    }
}

/// Reads every entry of a container, in key order; entries at the same key (made at the same time
/// in replaced containers) follow each other, the winner last.
pub(crate) fn read_entries<D: ReadDoc>(
    document: &D,
    container: &'static str,
    authors: &dyn Authors,
    ignored: &mut Vec<IgnoredEntry>,
) -> Vec<Entry> {
    let mut reader = EntryReader {
        document,
        container,
        authors,
        ignored,
    };
    let mut found: BTreeMap<String, Vec<ObjId>> = BTreeMap::new();
    let mut below: BTreeMap<ObjId, Vec<MapRangeItem<'_>>> = BTreeMap::new();
    for map in containers(document, container) {
        // One pass over the map and all below it: much cheaper than a look-up for each entry.
        for DocObjItem { obj, item } in document.iter_at(&map, None) {
            let DocItem::Map(item) = item else { continue };
            if *obj == map {
                let ids = if item.conflict {
                    reader.candidates(&item.key, reader.values(&map, &item.key))
                } else {
                    let is_map = matches!(item.value, ValueRef::Object(ObjType::Map));
                    reader.candidates(&item.key, vec![(is_map, item.id())])
                };
                found.entry(item.key.into_owned()).or_default().extend(ids);
            } else if let Some(fields) = below.get_mut(&*obj) {
                fields.push(item);
            } else {
                below.insert((*obj).clone(), vec![item]);
            }
        }
    }
    reader.entries(found, below)
}

/// Reads the entries at some keys of a container, as [`read_entries`] would.
fn read_entries_at<D: ReadDoc>(
    document: &D,
    container: &'static str,
    keys: &BTreeSet<&str>,
    authors: &dyn Authors,
    ignored: &mut Vec<IgnoredEntry>,
) -> Vec<Entry> {
    let mut reader = EntryReader {
        document,
        container,
        authors,
        ignored,
    };
    let mut found: BTreeMap<String, Vec<ObjId>> = BTreeMap::new();
    for map in containers(document, container) {
        for key in keys {
            let ids = reader.candidates(key, reader.values(&map, key));
            found.entry((*key).to_owned()).or_default().extend(ids);
        }
    }
    reader.entries(found, BTreeMap::new())
}

/// What a view lists of one container.
pub(crate) trait Listed {
    /// The entry's key.
    fn key(&self) -> &str;
}

/// Reads a container into a view's list: the entries that lie at or below the paths, or all.
/// Returns whether anything was read.
///
/// An entry that means nothing to `parse` is ignored; the list's order is the caller's.
pub(crate) fn read_listed<D: ReadDoc, T: Listed>(
    document: &D,
    (container, part): (&'static str, Part),
    authors: &dyn Authors,
    paths: Option<&BTreeSet<Vec<String>>>,
    (list, ignored): (&mut Vec<T>, &mut Vec<IgnoredEntry>),
    parse: impl Fn(&Entry) -> Option<T>,
) -> bool {
    let entries = match extent(paths, part) {
        Extent::Nothing => return false,
        Extent::All => {
            list.clear();
            ignored.retain(|entry| entry.container != container);
            read_entries(document, container, authors, ignored)
        }
        Extent::Entries(keys) => {
            list.retain(|item| !keys.contains(item.key()));
            ignored
                .retain(|entry| entry.container != container || !keys.contains(entry.key.as_str()));
            read_entries_at(document, container, &keys, authors, ignored)
        }
    };
    for entry in entries {
        let Some(item) = parse(&entry) else {
            ignored.push(entry.ignored(container, IgnoredReason::Unreadable));
            continue;
        };
        match list.last_mut() {
            Some(last) if last.key() == item.key() => *last = item,
            _ => list.push(item),
        }
    }
    true
}

struct EntryReader<'a, D> {
    document: &'a D,
    container: &'static str,
    authors: &'a dyn Authors,
    ignored: &'a mut Vec<IgnoredEntry>,
}

impl<D: ReadDoc> EntryReader<'_, D> {
    /// All values at a key, the winner last, and whether each is a map.
    fn values(&self, map: &ObjId, key: &str) -> Vec<(bool, ObjId)> {
        let values = read::values(self.document, map, key);
        let whether = |(value, id): (Value<'_>, ObjId)| (is_map(&value), id);
        values.into_iter().map(whether).collect()
    }

    /// Those of the values at a key that are maps and that the person it names wrote.
    fn candidates(&mut self, key: &str, all: Vec<(bool, ObjId)>) -> Vec<ObjId> {
        let Some((_, winner)) = all.last() else {
            return Vec::new();
        };
        let Some((writer, _)) = split_key(key) else {
            let author = author_of(self.authors, winner).map(str::to_owned);
            self.ignore(key, None, author, IgnoredReason::Unreadable);
            return Vec::new();
        };
        let mut ids = Vec::new();
        for (is_map, id) in all {
            if !self.wrote(writer, key, None, &id) {
                continue;
            }
            if is_map {
                ids.push(id);
            } else {
                let author = Some(writer.to_owned());
                self.ignore(key, None, author, IgnoredReason::Unreadable);
            }
        }
        ids
    }

    /// The entries at keys, with those of their fields that were read already.
    fn entries(
        &mut self,
        found: BTreeMap<String, Vec<ObjId>>,
        mut below: BTreeMap<ObjId, Vec<MapRangeItem<'_>>>,
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (key, mut ids) in found {
            ids.sort();
            for id in ids {
                let fields = below.remove(&id);
                let document = self.document;
                let fields = fields.unwrap_or_else(|| document.map_range(&id, ..).collect());
                entries.extend(self.entry(&key, &id, fields));
            }
        }
        entries
    }

    fn entry(&mut self, key: &str, id: &ObjId, items: Vec<MapRangeItem<'_>>) -> Option<Entry> {
        let (writer, _) = split_key(key)?;
        let mut fields = BTreeMap::new();
        for item in items {
            let field = item.key.as_ref();
            if !item.conflict && actor(id) == actor(&item.id()) {
                // The same actor as the entry's own, which is proven: the usual case.
                if let ValueRef::Scalar(scalar) = &item.value {
                    fields.insert(field.to_owned(), scalar.clone().into());
                }
                continue;
            }
            for (value, id) in read::values(self.document, id, field) {
                if let Value::Scalar(scalar) = value
                    && self.wrote(writer, key, Some(field), &id)
                {
                    fields.insert(field.to_owned(), scalar.into_owned());
                }
            }
        }
        Some(Entry {
            key: key.to_owned(),
            writer: writer.to_owned(),
            fields,
        })
    }

    fn wrote(&mut self, writer: &str, key: &str, field: Option<&str>, id: &ObjId) -> bool {
        let author = author_of(self.authors, id);
        if author == Some(writer) {
            return true;
        }
        let reason = match author {
            Some(_) => IgnoredReason::AnotherAuthor,
            None => IgnoredReason::UnknownAuthor,
        };
        self.ignore(key, field, author.map(str::to_owned), reason);
        false
    }

    fn ignore(
        &mut self,
        key: &str,
        field: Option<&str>,
        author: Option<String>,
        reason: IgnoredReason,
    ) {
        self.ignored.push(IgnoredEntry {
            container: self.container,
            key: key.to_owned(),
            field: field.map(str::to_owned),
            author,
            reason,
        });
    }
}

fn is_map(value: &Value<'_>) -> bool {
    matches!(value, Value::Object(ObjType::Map))
}

fn actor(id: &ObjId) -> Option<&ActorId> {
    match id {
        ObjId::Root => None,
        ObjId::Id(_, actor, _) => Some(actor),
    }
}

/// The map at `key` of the root, made when there is none.
pub(crate) fn ensure_container<T: Transactable>(
    transaction: &mut T,
    key: &str,
) -> Result<ObjId, AutomergeError> {
    match containers(transaction, key).pop() {
        Some(id) => Ok(id),
        None => transaction.put_object(ROOT, key, ObjType::Map),
    }
}

/// Makes the map of a new entry.
pub(crate) fn make_entry<T: Transactable>(
    transaction: &mut T,
    container: &str,
    key: &str,
) -> Result<ObjId, AutomergeError> {
    let map = ensure_container(transaction, container)?;
    transaction.put_object(map, key, ObjType::Map)
}

/// The winning map at a key of a container, and that container.
pub(crate) fn entry_map<D: ReadDoc>(
    document: &D,
    container: &str,
    key: &str,
) -> Option<(ObjId, ObjId)> {
    containers(document, container)
        .into_iter()
        .filter_map(|map| Some((read::maps(document, &map, key).pop()?, map)))
        .max()
}

/// The map of an entry of the writer's own, and the container it is in.
pub(crate) fn own_entry<D: ReadDoc>(
    document: &D,
    container: &str,
    key: &str,
    context: &EditContext<'_>,
) -> Result<(ObjId, ObjId), CommandError> {
    let found = entry_map(document, container, key).ok_or(CommandError::NoSuchEntry)?;
    match split_key(key) {
        Some((writer, _)) if writer == context.writer => Ok(found),
        _ => Err(CommandError::NotYours),
    }
}

pub(crate) fn put_moment<T: Transactable>(
    transaction: &mut T,
    object: &ObjId,
    keys: MomentKeys,
    moment: Moment,
) -> Result<(), AutomergeError> {
    transaction.put(object, keys.at, moment.at_millis)?;
    transaction.put(object, keys.offset, i64::from(moment.offset_minutes))
}

/// Sets a string that is absent when empty.
pub(crate) fn put_words<T: Transactable>(
    transaction: &mut T,
    object: &ObjId,
    key: &str,
    words: &str,
    code_points_max: usize,
) -> Result<(), CommandError> {
    let code_points = words.chars().count();
    if code_points > code_points_max {
        return Err(CommandError::TextTooLong {
            code_points,
            code_points_max,
        });
    }
    if !words.is_empty() {
        transaction.put(object, key, words)?;
    } else if !read::values(transaction, object, key).is_empty() {
        transaction.delete(object, key)?;
    }
    Ok(())
}
