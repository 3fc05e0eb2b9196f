//! What is shown of each document: derived from its changes, kept in memory and in the vault.
//!
//! # Invariants
//! * A view that a reader has is never changed: it keeps the one it has.
//! * A note in the vault is only believed while the document still has the heads it was made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use automerge::{ActorId, Automerge, ChangeHash};
use cairn_engine::{DocumentId, PersonId, Touched};
use cairn_model::{Authors, DocumentKind, GoalSummary, GoalView, MoodLogView};
use serde::{Deserialize, Serialize};

/// What a document says.
#[derive(Debug, Clone)]
pub(crate) enum View {
    Goal(Arc<GoalView>),
    MoodLog(Arc<MoodLogView>),
    /// A kind whose content this version does not show.
    Other,
}

/// What is known of a document without loading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Summary {
    Goal(GoalSummary),
    MoodLog { year: Option<i64> },
    Other,
}

/// What is known of one document beside its changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) view: Option<View>,
    pub(crate) summary: Option<Summary>,
    /// Heads from which view and summary were made.
    pub(crate) heads: Vec<ChangeHash>,
    /// For each person the heads that a device of theirs has durably.
    pub(crate) delivered: BTreeMap<PersonId, Vec<ChangeHash>>,
    /// Whether the vault's note is older than this entry.
    pub(crate) unsaved: bool,
    /// Where the document changed since view and summary were made.
    pub(crate) stale: Option<Touched>,
    /// Who wrote what, as the view has it.
    authors: Option<KnownAuthors>,
}

/// The form of an entry in the vault: a version byte, then postcard.
#[derive(Serialize, Deserialize)]
struct Note {
    heads: Vec<[u8; 32]>,
    summary: Summary,
    delivered: Vec<([u8; 32], Vec<[u8; 32]>)>,
}

const NOTE_VERSION: u8 = 1;

impl Entry {
    /// The note for the vault, if there is anything to say.
    pub(crate) fn to_note(&self) -> Option<Vec<u8>> {
        let note = Note {
            heads: self.heads.iter().map(|head| head.0).collect(),
            summary: self.summary.clone()?,
            delivered: self
                .delivered
                .iter()
                .map(|(person, heads)| {
                    (
                        *person.as_bytes(),
                        heads.iter().map(|head| head.0).collect(),
                    )
                })
                .collect(),
        };
        let bytes = postcard::to_extend(&note, vec![NOTE_VERSION]);
        Some(bytes.expect("plain data in memory always encodes"))
    }

    /// An entry from the vault's note; an empty one if the note is of another version or does not
    /// belong to these heads.
    pub(crate) fn from_note(bytes: &[u8], row_heads: &[ChangeHash]) -> Self {
        let note = match bytes.split_first() {
            Some((&NOTE_VERSION, fields)) => postcard::from_bytes::<Note>(fields).ok(),
            _ => None,
        };
        let Some(note) = note else {
            return Self::default();
        };
        let hashes = |heads: Vec<[u8; 32]>| heads.into_iter().map(ChangeHash).collect::<Vec<_>>();
        let heads = hashes(note.heads);
        let current = heads == row_heads;
        Self {
            view: None,
            summary: current.then_some(note.summary),
            heads: if current { heads } else { Vec::new() },
            delivered: note
                .delivered
                .into_iter()
                .map(|(person, heads)| (PersonId::from_bytes(person), hashes(heads)))
                .collect(),
            unsaved: !current,
            stale: None,
            authors: None,
        }
    }

    /// Forgets what was made from a document that is not in memory any more, but for its summary.
    pub(crate) fn let_go(&mut self) {
        self.view = None;
        self.authors = None;
    }

    /// Brings view and summary up to the document: all of them, or where it changed.
    pub(crate) fn refresh(&mut self, kind: u16, document: &Automerge, authors: KnownAuthors) {
        let touched = self.stale.take();
        let heads = document.get_heads();
        if self.view.is_some() && self.heads == heads {
            return;
        }
        // Who wrote what was there before may be known better now.
        let same_authors = self.authors.replace(authors) == self.authors;
        let touched = touched.filter(|_| same_authors);
        let authors = self.authors.get_or_insert_default();
        let view = match (self.view.take(), DocumentKind::from_number(kind)) {
            (Some(View::Goal(mut goal)), _) => {
                let paths = touched.as_ref().and_then(Touched::paths);
                Arc::make_mut(&mut goal).refresh(document, authors, paths);
                View::Goal(goal)
            }
            (Some(View::MoodLog(mut log)), _) => {
                let paths = touched.as_ref().and_then(Touched::paths);
                Arc::make_mut(&mut log).refresh(document, authors, paths);
                View::MoodLog(log)
            }
            (_, Some(DocumentKind::Goal | DocumentKind::GoalDraft)) => {
                View::Goal(Arc::new(GoalView::read(document, authors)))
            }
            (_, Some(DocumentKind::MoodLog)) => {
                View::MoodLog(Arc::new(MoodLogView::read(document, authors)))
            }
            _ => View::Other,
        };
        let summary = match &view {
            View::Goal(goal) => Summary::Goal(GoalSummary::of(goal)),
            View::MoodLog(log) => Summary::MoodLog { year: log.year },
            View::Other => Summary::Other,
        };
        self.unsaved |= self.summary.as_ref() != Some(&summary) || self.heads != heads;
        self.view = Some(view);
        self.summary = Some(summary);
        self.heads = heads;
    }
}

/// The authors of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownAuthors {
    owner: String,
    writers: BTreeMap<ActorId, Arc<str>>,
}

impl KnownAuthors {
    pub(crate) fn new(owner: PersonId, authors: Vec<(ActorId, PersonId)>) -> Self {
        let mut names: BTreeMap<PersonId, Arc<str>> = BTreeMap::new();
        let writers = authors
            .into_iter()
            .map(|(actor, person)| {
                let name = names
                    .entry(person)
                    .or_insert_with(|| person.to_string().into());
                (actor, name.clone())
            })
            .collect();
        Self {
            owner: owner.to_string(),
            writers,
        }
    }
}

impl Authors for KnownAuthors {
    fn owner(&self) -> &str {
        &self.owner
    }

    fn author_of(&self, actor: &ActorId) -> Option<&str> {
        self.writers.get(actor).map(AsRef::as_ref)
    }
}

/// The views of all documents.
#[derive(Debug, Default)]
pub(crate) struct Views {
    pub(crate) entries: BTreeMap<DocumentId, Entry>,
    /// Counts up with every change that a person could see.
    pub(crate) revision: u64,
}
