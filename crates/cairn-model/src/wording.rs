//! The agreed fields of a goal (title, kind, good enough) as one exact revision with a digest.
//!
//! # Invariants
//! - The digest covers every conflicting value and the ids of the operations that wrote them, so
//!   that the same words typed again are another revision.
//! - Each command that edits an agreed field also sets `wording_edit`. The id of that operation
//!   is part of the revision and can never come back, even when an insertion is deleted again.
//! - `why` is the client's own and not part of it.
//!
//! `docs/schema.md` lists the encoding byte by byte.

use std::fmt;

use automerge::transaction::Transactable;
use automerge::{ObjId, ObjType, ROOT, ReadDoc, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::anchor::elements;
use crate::context::CommandError;
use crate::read;
use crate::schema::{GOOD_ENOUGH, KIND, TITLE, WORDING_EDIT};

const REVISION_DOMAIN: &[u8] = b"cairn wording revision v1";
const WORDING_DOMAIN: &[u8] = b"cairn wording v1";
const PROPOSAL_DOMAIN: &[u8] = b"cairn proposal v1";

/// Stands for a value that is not a text.
const UNREADABLE: u32 = u32::MAX;

/// A BLAKE3 hash; 64 lower-case hexadecimal digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "Digest({a:02x}{b:02x}…)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(*hash.as_bytes()))
    }
}

/// The texts of the agreed fields where each has at most one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote<'a> {
    pub(crate) title: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) good_enough: Option<&'a str>,
}

impl Quote<'_> {
    /// The digest of a goal with these texts at this revision.
    pub(crate) fn digest(&self, revision: &Digest) -> Digest {
        let fields = [self.title, self.kind, self.good_enough];
        digest(
            &fields.map(|field| field.into_iter().map(Some).collect()),
            revision,
        )
    }
}

/// The agreed fields as they are: every value of each.
#[derive(Debug, Clone)]
pub(crate) struct Wording {
    /// Title, kind, good enough; per field each different value once, `None` for an unreadable
    /// one.
    fields: [Vec<Option<String>>; 3],
    pub(crate) revision: Digest,
    pub(crate) digest: Digest,
}

impl Wording {
    /// Reads the agreed fields of a goal.
    pub(crate) fn read<D: ReadDoc>(document: &D) -> Self {
        let fields = [TITLE, KIND, GOOD_ENOUGH].map(|key| {
            let mut texts = Vec::new();
            for (value, id) in read::values(document, &ROOT, key) {
                let text = read::text_of(document, &value, &id);
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
            texts
        });
        let revision = revision(document);
        let borrowed = fields
            .each_ref()
            .map(|texts| texts.iter().map(Option::as_deref).collect());
        let digest = digest(&borrowed, &revision);
        Self {
            fields,
            revision,
            digest,
        }
    }

    /// The texts, when no field is in conflict or unreadable.
    pub(crate) fn quote(&self) -> Option<Quote<'_>> {
        let [title, kind, good_enough] = &self.fields;
        Some(Quote {
            title: only(title)?,
            kind: only(kind)?,
            good_enough: only(good_enough)?,
        })
    }
}

/// The one readable value, or none at all; `None` for a conflict or an unreadable value.
fn only(texts: &[Option<String>]) -> Option<Option<&str>> {
    match texts {
        [] => Some(None),
        [Some(text)] => Some(Some(text)),
        _ => None,
    }
}

/// The digest of a proposal: the wording and the persons asked, in ascending order.
pub(crate) fn proposal_digest(wording: &Digest, parties: &[&str]) -> Digest {
    let mut encoded = Encoder::new(PROPOSAL_DOMAIN);
    encoded.bytes(wording.as_bytes());
    encoded.count(parties.len());
    for party in parties {
        encoded.text(party);
    }
    encoded.finish()
}

/// Notes an edit of an agreed field: its operation ends every proposal made before.
pub(crate) fn mark_edited<T: Transactable>(transaction: &mut T) -> Result<(), CommandError> {
    let edits = read::values(transaction, &ROOT, WORDING_EDIT)
        .into_iter()
        .filter_map(|(value, _)| match value {
            Value::Scalar(scalar) => read::integer(&scalar),
            Value::Object(_) => None,
        })
        .max()
        .unwrap_or(0);
    transaction.put(ROOT, WORDING_EDIT, edits.wrapping_add(1))?;
    Ok(())
}

fn digest(fields: &[Vec<Option<&str>>; 3], revision: &Digest) -> Digest {
    let mut encoded = Encoder::new(WORDING_DOMAIN);
    for texts in fields {
        encoded.count(texts.len());
        for text in texts {
            match text {
                Some(text) => encoded.text(text),
                None => encoded.number(UNREADABLE),
            }
        }
    }
    encoded.bytes(revision.as_bytes());
    encoded.finish()
}

fn revision<D: ReadDoc>(document: &D) -> Digest {
    let mut encoded = Encoder::new(REVISION_DOMAIN);
    for key in [TITLE, KIND, GOOD_ENOUGH, WORDING_EDIT] {
        let values = read::values(document, &ROOT, key);
        encoded.count(values.len());
        for (value, id) in values {
            encoded.operation(&id);
            if matches!(value, Value::Object(ObjType::Text)) {
                let elements = elements(document, &id);
                encoded.count(elements.len());
                for element in elements {
                    encoded.operation(&element.id);
                }
            }
        }
    }
    encoded.finish()
}

struct Encoder(blake3::Hasher);

impl Encoder {
    fn new(domain: &[u8]) -> Self {
        let mut encoder = Self(blake3::Hasher::new());
        encoder.bytes(domain);
        encoder
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn number(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        let count = u32::try_from(count).expect("documents hold less than 2^32 operations");
        self.number(count);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }

    fn operation(&mut self, id: &ObjId) {
        if let ObjId::Id(counter, actor, _) = id {
            self.bytes(&counter.to_le_bytes());
            self.count(actor.to_bytes().len());
            self.bytes(actor.to_bytes());
        }
    }

    fn finish(self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}
