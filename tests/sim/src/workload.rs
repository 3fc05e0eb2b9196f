//! What people do: write, rearrange, delete, share, take back, erase and begin afresh.

use std::convert::Infallible;

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjType, ROOT, ReadDoc};
use cairn_engine::{DocumentId, EditError, Role, ShareTerms};

use crate::entries::write_own;
use crate::faults::Fault;
use crate::random::Random;
use crate::rules::{KINDS, entries_of};
use crate::world::{Happening, World};

/// Documents one device makes at most.
const DOCUMENTS_MAX: usize = 5;

/// Largest text that one act pastes.
const PASTE_CHARACTERS_MAX: u64 = 1_500;

impl World {
    /// A person does something, and something else later: seconds, or the next keystroke.
    pub(crate) fn act(&mut self, device: usize) -> Result<(), String> {
        let pause = match self.random.below(10) {
            0..3 => (80, 250),
            3..8 => (1_000, 25_000),
            _ => (30_000, 120_000),
        };
        self.later(pause.0, pause.1, Happening::Act { device });
        if self.devices[device].down {
            return Ok(());
        }
        let documents = self.devices[device].documents();
        let document = self.random.pick(&documents).copied();
        match (self.random.below(100), document) {
            (0..8, _) | (_, None) => self.create(device)?,
            (8..20, Some(document)) => self.share(device, document)?,
            (20..24, Some(document)) => {
                for _ in 0..self.random.between(5, 20) {
                    self.write(device, document)?;
                }
            }
            (24..26, Some(document)) => self.write_too_much(device, document)?,
            (26, Some(document)) => self.erase(device, document)?,
            (27, Some(document)) => self.replace(device, document)?,
            (_, Some(document)) => self.write(device, document)?,
        }
        self.drain(device)
    }

    fn create(&mut self, device: usize) -> Result<(), String> {
        let now = self.clocks(device);
        let it = &mut self.devices[device];
        let own = it
            .engine()
            .rows()
            .filter(|row| row.owner == it.person)
            .count();
        if own >= DOCUMENTS_MAX {
            return Ok(());
        }
        let kind = self.random.next() as u16 % KINDS;
        let words = words(&mut self.random, 40);
        let made = it.engine_mut().create(now, kind, |tx| {
            let text = tx.put_object(ROOT, "text", ObjType::Text)?;
            tx.put_object(ROOT, "entries", ObjType::Map)?;
            if let Some(container) = entries_of(kind) {
                tx.put_object(ROOT, container, ObjType::Map)?;
            }
            tx.splice_text(&text, 0, 0, &words)
        });
        let (document, ()) = made.map_err(|error| format!("device {device}: {error}"))?;
        let person = it.person;
        let heads = it.heads(document).unwrap_or_default();
        self.truth.created(document, person);
        let id = it.id();
        for hash in heads {
            self.copies.wrote(&self.devices[device], hash);
            self.truth.changed(document, person, hash);
            self.truth.made_on.insert(hash, id);
        }
        self.drain(device)
    }

    /// Edits a document if it is loaded, else asks for it.
    pub(crate) fn write(&mut self, device: usize, document: DocumentId) -> Result<(), String> {
        if !self.devices[device].engine_mut().open(document) {
            return self.drain(device);
        }
        let seed = self.random.next();
        let writer = self.writer(device, document);
        self.edit(device, document, |tx| {
            let mut random = Random::new(seed);
            match writer.filter(|_| random.chance(20)) {
                Some(writer) => write_own(tx, &mut random, writer),
                None => change_something(tx, &mut random),
            }
            .expect("edits fit what is there");
        })
    }

    /// Edits that are larger than allowed must leave everything as it was.
    fn write_too_much(&mut self, device: usize, document: DocumentId) -> Result<(), String> {
        if !self.devices[device].engine_mut().open(document) {
            return self.drain(device);
        }
        let before = self.devices[device].heads(document);
        let now = self.clocks(device);
        let made = self.devices[device].engine_mut().edit(now, document, |tx| {
            tx.put(ROOT, "large", "x".repeat(70_000))?;
            Ok::<(), AutomergeError>(())
        });
        if made.is_ok() || self.devices[device].heads(document) != before {
            return Err(format!(
                "device {device}: an edit beyond the limits changed a document"
            ));
        }
        self.drain(device)
    }

    pub(crate) fn edit(
        &mut self,
        device: usize,
        document: DocumentId,
        edit: impl FnOnce(&mut Transaction<'_>),
    ) -> Result<(), String> {
        let now = self.clocks(device);
        let it = &mut self.devices[device];
        let before = it.heads(document).unwrap_or_default();
        let may = it.engine().role(document, it.person) == Role::Write;
        let has_text = it
            .engine()
            .read(document)
            .is_some_and(|automerge| matches!(automerge.get(ROOT, "text"), Ok(Some(_))));
        if !has_text {
            return Ok(());
        }
        let edited = it.engine_mut().edit(now, document, |tx| {
            edit(tx);
            Ok::<(), Infallible>(())
        });
        match (edited, may) {
            (Ok(()), true) => {}
            (Err(EditError::NotAllowed | EditError::Retired), false) => return Ok(()),
            (Ok(()), false) => {
                return Err(format!("device {device} wrote without being allowed to"));
            }
            (Err(error), _) => return Err(format!("device {device}: an edit failed: {error}")),
        }
        let heads = it.heads(document).unwrap_or_default();
        if heads != before {
            let [hash] = heads.as_slice() else {
                return Err(format!("device {device}: an edit left several heads"));
            };
            let hash = *hash;
            self.copies.wrote(it, hash);
            self.truth.changed(document, it.person, hash);
            self.truth.made_on.insert(hash, it.id());
            self.drafts.written(device, document, hash);
            self.tell(|| format!("{device} writes {hash} in {document:?}"));
        }
        self.drain(device)
    }

    /// Erases a document, or tries to: only its owner may.
    pub(crate) fn erase(&mut self, device: usize, document: DocumentId) -> Result<(), String> {
        let now = self.clocks(device);
        let it = &mut self.devices[device];
        let (person, hostile) = (it.person, it.hostile);
        let is_read = !it.engine().readers(document).is_empty();
        let erased = it.engine_mut().erase(now, document).is_ok();
        let owned = self.truth.owns(&document, person);
        if erased != owned && !hostile {
            return Err(format!("device {device}: erasing {document:?} went wrong"));
        }
        if erased {
            self.tell(|| format!("{device} erases {document:?}"));
            self.acknowledged.erased(document);
            if is_read {
                self.happened(Fault::Erased);
            }
        }
        self.drain(device)
    }

    /// Lets another document go on in the place of one, or tries to.
    fn replace(&mut self, device: usize, document: DocumentId) -> Result<(), String> {
        let mut others = self.devices[device].documents();
        others.retain(|other| *other != document);
        let Some(successor) = self.random.pick(&others).copied() else {
            return Ok(());
        };
        let now = self.clocks(device);
        let it = &mut self.devices[device];
        let (person, hostile) = (it.person, it.hostile);
        let mut allowed = it.engine().readers(document);
        let is_read = !allowed.is_empty();
        allowed.extend(it.engine().readers(successor));
        let outcome = it.engine_mut().replace(now, document, successor);
        let replaced = outcome.is_ok();
        let readers = it.engine().readers(successor);
        let mut ids = [document, successor].into_iter();
        let owned = ids.all(|id| self.truth.owns(&id, person));
        if replaced != owned && !hostile {
            return Err(format!(
                "device {device}: replacing {document:?} went wrong: {outcome:?}"
            ));
        }
        if !readers.iter().all(|reader| allowed.contains(reader)) {
            return Err(format!(
                "device {device}: one who could read neither may read what replaces {document:?}"
            ));
        }
        if replaced {
            self.tell(|| format!("{device} replaces {document:?} by {successor:?}"));
            self.acknowledged.erased(document);
            if is_read {
                self.happened(Fault::Replaced);
            }
            for reader in readers {
                self.truth.shared(successor, reader);
            }
        }
        self.drain(device)
    }

    fn share(&mut self, device: usize, document: DocumentId) -> Result<(), String> {
        let peers: Vec<usize> = self
            .peers
            .iter()
            .filter(|(one, _)| *one == device)
            .map(|(_, peer)| *peer)
            .collect();
        let Some(peer) = self.random.pick(&peers).copied() else {
            return Ok(());
        };
        let role = match self.random.below(10) {
            0..6 => Role::Write,
            6..8 => Role::Read,
            _ => Role::None,
        };
        self.share_as(device, document, peer, role)
    }

    /// A person changes the consent of another, on one device.
    pub(crate) fn share_as(
        &mut self,
        device: usize,
        document: DocumentId,
        peer: usize,
        role: Role,
    ) -> Result<(), String> {
        let now = self.clocks(device);
        let (person, grantee) = (self.devices[device].person, self.devices[peer].person);
        if person == grantee {
            return Ok(());
        }
        let expires_millis = self.choose_end(device, role);
        let terms = ShareTerms {
            role,
            purpose: String::new(),
            expires_millis,
        };
        let shared = self.devices[device]
            .engine_mut()
            .share(now, document, grantee, terms);
        let owner = self.truth.documents.get(&document).map(|truth| truth.owner);
        // A hostile person's devices may have talked each other into documents that nobody made.
        let wrong = shared.is_ok() != (owner == Some(person));
        if wrong && !self.devices[device].hostile {
            return Err(format!(
                "device {device}: sharing its own or others' documents went wrong: {shared:?}"
            ));
        }
        self.tell(|| {
            format!("{device} shares {document:?} with {peer}: {role:?}, until {expires_millis:?}")
        });
        if shared.is_ok() && role >= Role::Read {
            self.truth.shared(document, grantee);
        }
        self.drain(device)
    }
}

pub(crate) fn words(random: &mut Random, characters_max: u64) -> String {
    const LETTERS: [&str; 12] = ["a", "e", "n", "t", "s", "r", " ", "d", "é", "ß", "猫", "🌲"];
    let count = random.between(1, characters_max);
    (0..count)
        .filter_map(|_| random.pick(&LETTERS).copied())
        .collect()
}

/// One edit of a document's text or entries.
fn change_something(tx: &mut Transaction<'_>, random: &mut Random) -> Result<(), AutomergeError> {
    let object = |tx: &Transaction<'_>, key: &str| {
        tx.get(ROOT, key)
            .map(|found| found.map(|(_, object)| object))
    };
    let key = format!("entry {}", random.below(6));
    let Some(entries) = object(tx, "entries")? else {
        return Ok(());
    };
    match random.below(10) {
        0 => {
            let entry = tx.put_object(&entries, &key, ObjType::Map)?;
            let note = tx.put_object(&entry, "note", ObjType::Text)?;
            tx.put(
                &entry,
                "rating",
                i64::try_from(random.below(11)).unwrap_or_default(),
            )?;
            tx.splice_text(&note, 0, 0, &words(random, 20))
        }
        1 if tx.get(&entries, &key)?.is_some() => tx.delete(&entries, &key),
        1 | 2 => tx.put(&entries, &key, words(random, 10)),
        3 => tx.put(ROOT, "state", words(random, 3)),
        _ => {
            let Some(text) = object(tx, "text")? else {
                return Ok(());
            };
            let length = tx.length(&text);
            let at = random.below(length + 1);
            let removed = random.below((length - at).min(4) + 1);
            let most = if random.chance(3) {
                PASTE_CHARACTERS_MAX
            } else {
                8
            };
            let inserted = words(random, most);
            tx.splice_text(
                &text,
                at,
                isize::try_from(removed).unwrap_or_default(),
                &inserted,
            )
        }
    }
}
