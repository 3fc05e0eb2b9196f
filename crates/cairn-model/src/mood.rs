//! The mood log of one calendar year: entries with one writer each.

use std::collections::BTreeSet;

use automerge::transaction::Transactable;
use automerge::{ObjType, ROOT, ReadDoc};
use serde::Serialize;

use crate::context::{CommandError, EditContext};
use crate::entry::{
    Authors, Entry, IgnoredEntry, Listed, make_entry, own_entry, put_moment, put_words, read_listed,
};
use crate::goal_command::GoalOutcome;
use crate::goal_view::read_creator;
use crate::moment::Moment;
use crate::part::{Extent, Part, extent};
use crate::read;
use crate::schema::{
    CREATED, CREATED_BY, ENTERED, MOODS, NOTE, NOTE_CODE_POINTS_MAX, SCALE_MAX, SCHEMA,
    SCHEMA_VERSION, VALUE, YEAR,
};
use crate::words::Words;

/// A mood log to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewMoodLog {
    /// The calendar year of the entries' local dates, see [`Moment::local_year`].
    pub year: i64,
}

impl NewMoodLog {
    /// Writes the log into an empty document.
    ///
    /// # Errors
    /// [`CommandError::AlreadyCreated`] in a document with content,
    /// [`CommandError::PersonInvalid`].
    pub fn create<T: Transactable>(
        &self,
        transaction: &mut T,
        context: &EditContext<'_>,
    ) -> Result<(), CommandError> {
        context.check()?;
        if !read::values(transaction, &ROOT, SCHEMA).is_empty() {
            return Err(CommandError::AlreadyCreated);
        }
        transaction.put(ROOT, SCHEMA, SCHEMA_VERSION)?;
        transaction.put(ROOT, YEAR, self.year)?;
        transaction.put(ROOT, CREATED_BY, context.writer)?;
        put_moment(transaction, &ROOT, CREATED, context.now)?;
        transaction.put_object(ROOT, MOODS, ObjType::Map)?;
        Ok(())
    }
}

/// One edit of a mood log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoodCommand {
    /// Notes a mood.
    Add {
        /// From 0 to [`SCALE_MAX`].
        value: u8,
        /// Own words beside it; may be empty; at most [`NOTE_CODE_POINTS_MAX`] code points.
        note: Words,
        /// When it was so; `None` for now.
        at: Option<Moment>,
    },
    /// Changes the note of an own entry.
    EditNote {
        /// The entry's key.
        entry: String,
        /// The new note; may be empty.
        note: Words,
    },
    /// Removes an own entry.
    Remove {
        /// The entry's key.
        entry: String,
    },
}

impl MoodCommand {
    /// Applies the command to the document of a transaction; a new entry's key is the outcome.
    ///
    /// # Errors
    /// See [`CommandError`]. After an error the transaction must be rolled back.
    pub fn apply<T: Transactable>(
        &self,
        transaction: &mut T,
        context: &EditContext<'_>,
    ) -> Result<GoalOutcome, CommandError> {
        context.check()?;
        let operations = transaction.pending_ops();
        match self {
            Self::Add { value, note, at } => {
                if *value > SCALE_MAX {
                    return Err(CommandError::ValueOutOfScale);
                }
                let key = context.entry_key();
                let entry = make_entry(transaction, MOODS, &key)?;
                transaction.put(&entry, VALUE, i64::from(*value))?;
                put_words(transaction, &entry, NOTE, note, NOTE_CODE_POINTS_MAX)?;
                put_moment(transaction, &entry, ENTERED, at.unwrap_or(context.now))?;
                return Ok(GoalOutcome::Created(key));
            }
            Self::EditNote { entry, note } => {
                let (map, _) = own_entry(transaction, MOODS, entry, context)?;
                put_words(transaction, &map, NOTE, note, NOTE_CODE_POINTS_MAX)?;
            }
            Self::Remove { entry } => {
                let (_, container) = own_entry(transaction, MOODS, entry, context)?;
                transaction.delete(container, entry.as_str())?;
            }
        }
        Ok(if transaction.pending_ops() == operations {
            GoalOutcome::Unchanged
        } else {
            GoalOutcome::Changed
        })
    }
}

/// A mood log as it is shown: read field by field, never failing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoodLogView {
    /// The schema version of its document; `None` when unreadable.
    pub schema: Option<i64>,
    /// Its calendar year; `None` when unreadable.
    pub year: Option<i64>,
    /// Who made it, when proven.
    pub created_by: Option<String>,
    /// The entries that count, by time and key.
    pub entries: Vec<MoodEntry>,
    /// What was written by someone who may not, or means nothing.
    pub ignored: Vec<IgnoredEntry>,
}

/// How one person felt at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoodEntry {
    /// Its key: the writer's id, `/`, a random id.
    pub id: String,
    /// Who wrote it.
    pub writer: String,
    /// From 0, very low, to [`SCALE_MAX`], very good.
    pub value: u8,
    /// Own words beside it; may be empty.
    pub note: Words,
    /// When.
    pub at: Moment,
}

impl MoodLogView {
    /// Reads a mood log; cost is linear in its entries.
    pub fn read<D: ReadDoc>(document: &D, authors: &dyn Authors) -> Self {
        let mut view = Self {
            schema: None,
            year: None,
            created_by: None,
            entries: Vec::new(),
            ignored: Vec::new(),
        };
        view.refresh(document, authors, None);
        view
    }

    /// Reads again what changed, as [`GoalView::refresh`](crate::GoalView::refresh) does.
    pub fn refresh<D: ReadDoc>(
        &mut self,
        document: &D,
        authors: &dyn Authors,
        paths: Option<&BTreeSet<Vec<String>>>,
    ) {
        if extent(paths, Part::Origin) != Extent::Nothing {
            self.ignored
                .retain(|ignored| !Part::Origin.has(ignored.container));
            self.schema = read::find_integer(document, &ROOT, SCHEMA).value;
            self.year = read::find_integer(document, &ROOT, YEAR).value;
            self.created_by = read_creator(document, authors, &mut self.ignored);
        }
        let moods = read_listed(
            document,
            (MOODS, Part::Moods),
            authors,
            paths,
            (&mut self.entries, &mut self.ignored),
            mood,
        );
        if moods {
            self.entries
                .sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        }
        self.ignored.sort();
    }
}

impl Listed for MoodEntry {
    fn key(&self) -> &str {
        &self.id
    }
}

fn mood(entry: &Entry) -> Option<MoodEntry> {
    Some(MoodEntry {
        id: entry.key.clone(),
        writer: entry.writer.clone(),
        value: entry.scale(VALUE)?,
        note: entry.words(NOTE),
        at: entry.moment(ENTERED)?,
    })
}
