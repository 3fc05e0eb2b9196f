//! Looking back: who changed what since when, and a document as it was.
//!
//! The engine's lock is held only to take a document's past; all reading happens on the caller's
//! thread and may take tens of milliseconds for a long history.

use std::collections::BTreeSet;

use automerge::{Automerge, ChangeHash};
use cairn_engine::{Action, DocumentId, HistoryEntry, Past, PersonId};
use cairn_model::{AuthoredChange, ChangeSummary, DocumentKind, GoalView, Sentence, Words};

use crate::goals::EditError;
use crate::node::Node;
use crate::rules::model_operations;
use crate::vault::Bookmark;
use crate::views::KnownAuthors;

/// One change of a document as it is told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLine {
    /// The change's hash.
    pub hash: ChangeHash,
    /// When, by its author's clock: seconds since the Unix epoch.
    pub at_seconds: i64,
    /// Who made it, if that is known.
    pub person: Option<PersonId>,
    /// Whether an attestation proves it.
    pub proven: bool,
    /// What it did.
    pub summaries: Vec<ChangeSummary>,
}

/// A moment in a document's past.
#[derive(Debug, Clone, Copy)]
pub enum PointInTime<'a> {
    /// When a bookmark was set.
    Bookmark(&'a Bookmark),
    /// A time, in seconds since the Unix epoch, by the clocks of those who wrote.
    Seconds(i64),
}

/// What changed in one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChanges {
    /// Which.
    pub document: DocumentId,
    /// Its kind, if this version knows it.
    pub kind: Option<DocumentKind>,
    /// Whether it was not there before.
    pub new: bool,
    /// What a goal is called in the end.
    pub title: Option<Words>,
    /// What a goal was called before, if that was something else.
    pub title_before: Option<Words>,
    /// What changed, in the order in which it came.
    pub sentences: Vec<Sentence>,
}

/// Why a document cannot be shown as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// It cannot be read.
    #[error(transparent)]
    Document(#[from] EditError),
    /// It was not here, or nothing was written in it.
    #[error("this document was not there yet at that time")]
    NotThereYet,
    /// Its changes cannot be put together.
    #[error("the document of that time cannot be put together; nothing was changed")]
    Unreadable,
}

impl Node {
    /// Who changed what when, oldest first, read from the vault if need be.
    ///
    /// # Errors
    /// [`EditError::UnknownDocument`] or [`EditError::Damaged`].
    pub fn history(&self, document: DocumentId) -> Result<Vec<HistoryLine>, EditError> {
        self.history_between(document, None, None)
    }

    /// The changes of a document after `since` and up to `until`, oldest first; without them, from
    /// its beginning and up to now.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn history_between(
        &self,
        document: DocumentId,
        since: Option<PointInTime<'_>>,
        until: Option<PointInTime<'_>>,
    ) -> Result<Vec<HistoryLine>, EditError> {
        let past = self.past(document)?;
        let since = heads_or(&past, document, since, &[]);
        let until = heads_or(&past, document, until, past.heads());
        let entries = between(&past, &since, &until).into_iter();
        Ok(entries.map(history_line).collect())
    }

    /// Whether the past of a document holds something that was removed or replaced: whoever gets the
    /// document gets that too.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn has_removed_words(&self, document: DocumentId) -> Result<bool, EditError> {
        let entries = self.past(document)?.changed_since(&[]).into_iter();
        let mut operations = entries.flat_map(|entry| entry.operations);
        Ok(operations.any(|operation| operation.action == Action::Delete))
    }

    /// The history of a document in memory from its change number `start` on; later calls with the
    /// length reached give only what came since. `None` if it is not in memory.
    pub fn history_in_memory(
        &self,
        document: DocumentId,
        start: usize,
    ) -> Option<Vec<HistoryLine>> {
        let past = self.core.with_engine(|engine, _| engine.past(document))?;
        let entries = past.entries_from(start).into_iter();
        Some(entries.map(history_line).collect())
    }

    /// What changed in all documents since a bookmark, or ever; with a person, only in those that
    /// both see now. Unchanged documents are left out; the one that changed last comes first. Every
    /// changed one is read from the vault.
    ///
    /// # Errors
    /// [`EditError::Damaged`] if a changed document is.
    pub fn changes(
        &self,
        since: Option<&Bookmark>,
        with: Option<PersonId>,
    ) -> Result<Vec<DocumentChanges>, EditError> {
        let documents: Vec<DocumentId> = self.core.with_engine(|engine, _| {
            let rows = engine.rows().filter(|row| {
                let before = since.and_then(|since| bookmarked(since, row.document));
                let changed = before.unwrap_or_default() != row.heads;
                let seen = |person: PersonId| {
                    row.owner == person || engine.readers(row.document).contains(&person)
                };
                changed && with.is_none_or(seen)
            });
            rows.map(|row| row.document).collect()
        });
        let mut changes = Vec::new();
        for document in documents {
            let since = since.map(PointInTime::Bookmark);
            let changed = self.document_changes(document, since, None)?;
            if !changed.sentences.is_empty() {
                changes.push(changed);
            }
        }
        let latest = |changed: &DocumentChanges| {
            let times = changed.sentences.iter().map(|one| one.to_seconds);
            std::cmp::Reverse(times.max())
        };
        changes.sort_by_key(latest);
        Ok(changes)
    }

    /// What changed in one document after `since` and up to `until`; without them, from its
    /// beginning and up to now.
    ///
    /// # Errors
    /// [`EditError::UnknownDocument`] or [`EditError::Damaged`].
    pub fn document_changes(
        &self,
        document: DocumentId,
        since: Option<PointInTime<'_>>,
        until: Option<PointInTime<'_>>,
    ) -> Result<DocumentChanges, EditError> {
        let past = self.past(document)?;
        let kind = self.kind(document);
        let heads = heads_or(&past, document, since, &[]);
        let until = heads_or(&past, document, until, past.heads());
        let entries = between(&past, &heads, &until);
        let view = |heads: &[ChangeHash]| {
            if heads == past.heads() {
                return self.goal_view(document, past.newest());
            }
            self.goal_view(document, &past.as_of(heads).ok()?)
        };
        let told = self.is_goal(document) && !entries.is_empty();
        let before = told.then(|| view(&heads)).flatten();
        let now = told.then(|| view(&until)).flatten();
        drop(past);
        let changes: Vec<AuthoredChange> = entries.into_iter().map(authored).collect();
        let title = now.as_ref().map(|now| now.title.clone());
        let title_before = before
            .as_ref()
            .map(|before| before.title.clone())
            .filter(|before| !heads.is_empty() && Some(before) != title.as_ref());
        Ok(DocumentChanges {
            document,
            kind,
            new: heads.is_empty(),
            title,
            title_before,
            sentences: cairn_model::tell(&changes, before.as_ref(), now.as_ref()),
        })
    }

    /// A goal as it was, with the heads it had.
    ///
    /// # Errors
    /// See [`PastError`].
    pub fn goal_as_of(
        &self,
        document: DocumentId,
        when: PointInTime<'_>,
    ) -> Result<(GoalView, Vec<ChangeHash>), PastError> {
        let past = self.past(document)?;
        if !self.is_goal(document) {
            return Err(EditError::UnknownDocument.into());
        }
        let heads = heads(&past, document, when);
        if heads.is_empty() {
            return Err(PastError::NotThereYet);
        }
        let automerge = past.as_of(&heads).map_err(|error| {
            tracing::warn!(document = %document.short(), %error, "a past was not read");
            PastError::Unreadable
        })?;
        let view = self.goal_view(document, &automerge);
        Ok((view.ok_or(EditError::UnknownDocument)?, heads))
    }

    fn past(&self, document: DocumentId) -> Result<Past, EditError> {
        self.load(document)?;
        let past = self.core.with_engine(|engine, _| engine.past(document));
        past.ok_or(EditError::Damaged)
    }

    fn goal_view(&self, document: DocumentId, automerge: &Automerge) -> Option<GoalView> {
        let (origin, authors) = self
            .core
            .with_engine(|engine, _| Some((engine.origin(document)?, engine.authors(document))))?;
        let authors = KnownAuthors::new(origin.owner, authors);
        Some(GoalView::read(automerge, &authors))
    }
}

/// Heads of a document that a bookmark has; `None` if the document was not there.
fn bookmarked(bookmark: &Bookmark, document: DocumentId) -> Option<&[ChangeHash]> {
    let place = bookmark
        .heads
        .binary_search_by_key(&document, |(of, _)| *of);
    place.ok().map(|place| bookmark.heads[place].1.as_slice())
}

/// The changes that are not at or below `since`, but at or below `until`.
fn between(past: &Past, since: &[ChangeHash], until: &[ChangeHash]) -> Vec<HistoryEntry> {
    let mut entries = past.changed_since(since);
    if until != past.heads() {
        let later = past.changed_since(until).into_iter();
        let later: BTreeSet<ChangeHash> = later.map(|entry| entry.hash).collect();
        entries.retain(|entry| !later.contains(&entry.hash));
    }
    entries
}

fn heads_or(
    past: &Past,
    document: DocumentId,
    when: Option<PointInTime<'_>>,
    otherwise: &[ChangeHash],
) -> Vec<ChangeHash> {
    when.map_or_else(|| otherwise.to_vec(), |when| heads(past, document, when))
}

/// The heads a document had; none if it was not there.
///
/// A bookmark may know changes that are not here: they were set aside later, or the vault was
/// restored from a backup. Then its time has to do.
fn heads(past: &Past, document: DocumentId, when: PointInTime<'_>) -> Vec<ChangeHash> {
    match when {
        PointInTime::Seconds(seconds) => past.heads_at(seconds),
        PointInTime::Bookmark(bookmark) => match bookmarked(bookmark, document) {
            None => Vec::new(),
            Some(heads) if past.holds(heads) => heads.to_vec(),
            Some(_) => past.heads_at(bookmark.at_millis.div_euclid(1000)),
        },
    }
}

fn history_line(entry: HistoryEntry) -> HistoryLine {
    HistoryLine {
        hash: entry.hash,
        at_seconds: entry.at_seconds,
        person: entry.person,
        proven: entry.proven,
        summaries: cairn_model::describe(&model_operations(&entry.operations)),
    }
}

fn authored(entry: HistoryEntry) -> AuthoredChange {
    let line = history_line(entry);
    AuthoredChange {
        author: line.person.map(|person| person.to_string()),
        at_seconds: line.at_seconds,
        proven: line.proven,
        facts: line.summaries,
    }
}
