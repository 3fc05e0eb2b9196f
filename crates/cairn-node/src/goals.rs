//! Goals and moods: what people do with their notebook.

use std::sync::Arc;

use cairn_engine::{DocumentId, EditError as EngineEditError, Now, PersonId, Role as GrantRole};
use cairn_model::{
    CommandError, DocumentKind, EditContext, GoalCommand, GoalOutcome, GoalSummary, GoalView,
    Moment, MoodCommand, MoodLogView, NewGoal, NewMoodLog, TextField,
};

use crate::core::lock;
use crate::node::{Node, Role, fresh};
use crate::views::{Summary, View};

/// Why an edit was not made. The document is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// No such document, or none of this kind.
    #[error("there is no such document here")]
    UnknownDocument,
    /// Its owner erased it.
    #[error("this document was erased; its id is not used any more")]
    Erased,
    /// What the vault has of it is damaged.
    #[error("the document is damaged in the vault and is left as it is; restore it from a backup")]
    Damaged,
    /// The owner does not let this person write.
    #[error("the owner of this document does not let you write in it; nothing was changed")]
    NotAllowed,
    /// Too large for one change, or for the document.
    #[error("this is too large for the document; nothing was changed")]
    TooLarge,
    /// The command does not apply.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes; nothing was changed")]
    NoRandom,
}

impl From<EngineEditError<CommandError>> for EditError {
    fn from(error: EngineEditError<CommandError>) -> Self {
        match error {
            EngineEditError::NotAllowed => Self::NotAllowed,
            EngineEditError::Retired => Self::Erased,
            EngineEditError::TooLarge | EngineEditError::DocumentFull => Self::TooLarge,
            EngineEditError::Edit(error) => Self::Command(error),
            _ => Self::UnknownDocument,
        }
    }
}

/// Who sees a document, and where it is safe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The owner; nobody for an unknown document.
    pub owner: Option<PersonId>,
    /// Everyone but this notebook's person who may see it now.
    pub visible_to: Vec<PersonId>,
    /// Whether this person may write in it.
    pub writable: bool,
    /// Whether all of it is durable on this device.
    pub saved: bool,
    /// Of those who may see it, who has all of it durably on a device of theirs.
    pub delivered_to: Vec<PersonId>,
}

/// A goal in a list.
#[derive(Debug, Clone)]
pub struct GoalLine {
    /// Its document.
    pub document: DocumentId,
    /// What it says, in short.
    pub summary: GoalSummary,
    /// All of it, if the document is in memory.
    pub view: Option<Arc<GoalView>>,
    /// Who sees it and where it is safe.
    pub marks: Marks,
}

impl Node {
    /// Every goal here, in the order of their documents' ids.
    pub fn goals(&self) -> Vec<GoalLine> {
        self.core.freshen(|_| true);
        let lines: Vec<(DocumentId, GoalSummary, Option<Arc<GoalView>>)> = lock(&self.core.views)
            .entries
            .iter()
            .filter_map(|(document, entry)| match (&entry.summary, &entry.view) {
                (Some(Summary::Goal(summary)), Some(View::Goal(view))) => {
                    Some((*document, summary.clone(), Some(view.clone())))
                }
                (Some(Summary::Goal(summary)), _) => Some((*document, summary.clone(), None)),
                _ => None,
            })
            .collect();
        lines
            .into_iter()
            .map(|(document, summary, view)| GoalLine {
                document,
                summary,
                view,
                marks: self.marks(document),
            })
            .collect()
    }

    /// A goal, read from the vault if it is not in memory.
    ///
    /// # Errors
    /// [`EditError::UnknownDocument`] or [`EditError::Damaged`].
    pub fn goal(&self, document: DocumentId) -> Result<Arc<GoalView>, EditError> {
        self.load(document)?;
        self.goal_in_memory(document)
            .ok_or(EditError::UnknownDocument)
    }

    /// A goal if it is in memory; otherwise it is asked for and a change is told when it is there.
    /// Never waits.
    pub fn goal_in_memory(&self, document: DocumentId) -> Option<Arc<GoalView>> {
        self.core.freshen(|_| true);
        let view = lock(&self.core.views)
            .entries
            .get(&document)
            .and_then(|entry| entry.view.clone());
        match view {
            Some(View::Goal(view)) => Some(view),
            Some(_) => None,
            None => {
                self.core.with_engine(|engine, _| engine.open(document));
                None
            }
        }
    }

    pub(crate) fn load(&self, document: DocumentId) -> Result<(), EditError> {
        let loaded = self.core.load(document);
        let (known, erased) = self.core.with_engine(|engine, _| {
            let known = engine.origin(document).is_some();
            (known, engine.is_retired(document))
        });
        if loaded && !erased {
            return Ok(());
        }
        Err(if erased {
            EditError::Erased
        } else if known {
            EditError::Damaged
        } else {
            EditError::UnknownDocument
        })
    }

    /// Makes a goal, seen by nobody else. A therapist's is a draft for a client.
    ///
    /// # Errors
    /// See [`EditError`]; nothing was made.
    pub fn add_goal(&self, goal: &NewGoal) -> Result<DocumentId, EditError> {
        self.add_goal_at(goal, self.moment_now())
    }

    /// [`add_goal`](Self::add_goal) as of another time, such as that of an imported entry.
    ///
    /// # Errors
    /// As [`add_goal`](Self::add_goal).
    pub fn add_goal_at(&self, goal: &NewGoal, at: Moment) -> Result<DocumentId, EditError> {
        let kind = match self.whoami().role {
            Role::Client | Role::Supporter => DocumentKind::Goal,
            Role::Therapist => DocumentKind::GoalDraft,
        };
        let writer = self.whoami().person.to_string();
        let fresh_id = self.fresh_ids()?;
        let context = EditContext {
            writer: &writer,
            now: at,
            fresh_id: &fresh_id,
        };
        let (document, ()) = self.core.with_engine(|engine, now| {
            let now = Now {
                wall_millis: at.at_millis,
                ..now
            };
            engine.create(now, kind as u16, |transaction| {
                goal.create(transaction, &context)
            })
        })?;
        Ok(document)
    }

    /// Edits a goal in one change.
    ///
    /// # Errors
    /// See [`EditError`]; the goal is as it was.
    pub fn edit_goal(
        &self,
        document: DocumentId,
        command: &GoalCommand,
    ) -> Result<GoalOutcome, EditError> {
        self.edit_goal_at(document, command, self.moment_now())
    }

    /// [`edit_goal`](Self::edit_goal) as of another time, such as that of an imported entry.
    ///
    /// # Errors
    /// As [`edit_goal`](Self::edit_goal).
    pub fn edit_goal_at(
        &self,
        document: DocumentId,
        command: &GoalCommand,
        at: Moment,
    ) -> Result<GoalOutcome, EditError> {
        self.load(document)?;
        if !self.is_goal(document) {
            return Err(EditError::UnknownDocument);
        }
        let writer = self.whoami().person.to_string();
        let fresh_id = self.fresh_ids()?;
        let context = EditContext {
            writer: &writer,
            now: at,
            fresh_id: &fresh_id,
        };
        let outcome = self.core.with_engine(|engine, now| {
            let now = Now {
                wall_millis: at.at_millis,
                ..now
            };
            engine.edit(now, document, |transaction| {
                command.apply(transaction, &context)
            })
        })?;
        Ok(outcome)
    }

    /// Edits a text of a goal in one change. `splices` gets the text as it is at that moment, under
    /// the lock, and gives the splices to make in order: position and deletion in code points, and
    /// what to insert.
    ///
    /// # Errors
    /// See [`EditError`]; the goal is as it was. A goal that is not in memory is unknown.
    pub fn splice_goal(
        &self,
        document: DocumentId,
        field: &TextField,
        splices: impl FnOnce(&str) -> Vec<(usize, usize, String)>,
    ) -> Result<(), EditError> {
        let writer = self.whoami().person.to_string();
        let fresh_id = self.fresh_ids()?;
        let context = EditContext {
            writer: &writer,
            now: self.moment_now(),
            fresh_id: &fresh_id,
        };
        self.core.with_engine(|engine, now| {
            engine.edit(now, document, |transaction| {
                let text = field.text(transaction).unwrap_or_default();
                for (position, delete, insert) in splices(&text) {
                    let field = field.clone();
                    let command = GoalCommand::SpliceText {
                        field,
                        position,
                        delete,
                        insert: insert.into(),
                    };
                    command.apply(transaction, &context)?;
                }
                Ok(())
            })
        })?;
        Ok(())
    }

    pub(crate) fn kind(&self, document: DocumentId) -> Option<DocumentKind> {
        let origin = self.core.with_engine(|engine, _| engine.origin(document))?;
        DocumentKind::from_number(origin.kind)
    }

    pub(crate) fn is_goal(&self, document: DocumentId) -> bool {
        matches!(
            self.kind(document),
            Some(DocumentKind::Goal | DocumentKind::GoalDraft)
        )
    }

    /// Own mood logs that are in memory, by year; the others are asked for. Never waits.
    pub fn moods_in_memory(&self) -> Vec<Arc<MoodLogView>> {
        self.core.freshen(|_| true);
        let documents = self.own_mood_logs();
        for (document, _) in &documents {
            self.core.with_engine(|engine, _| engine.open(*document));
        }
        let views = lock(&self.core.views);
        let mut logs: Vec<Arc<MoodLogView>> = documents
            .iter()
            .filter_map(|(document, _)| match &views.entries.get(document)?.view {
                Some(View::MoodLog(log)) => Some(log.clone()),
                _ => None,
            })
            .collect();
        logs.sort_by_key(|log| log.year);
        logs
    }

    /// All own mood logs by year, read from the vault where needed.
    ///
    /// # Errors
    /// [`EditError::Damaged`] if one of them is.
    pub fn moods(&self) -> Result<Vec<Arc<MoodLogView>>, EditError> {
        for (document, _) in self.own_mood_logs() {
            self.load(document)?;
        }
        Ok(self.moods_in_memory())
    }

    /// Own mood logs and their years as far as known.
    fn own_mood_logs(&self) -> Vec<(DocumentId, Option<i64>)> {
        // A log's year never changes: only a new one must be looked into.
        self.core.freshen(|entry| entry.summary.is_none());
        let me = self.whoami().person;
        let views = lock(&self.core.views);
        let logs: Vec<(DocumentId, Option<i64>)> = views
            .entries
            .iter()
            .filter_map(|(document, entry)| match entry.summary {
                Some(Summary::MoodLog { year }) => Some((*document, year)),
                _ => None,
            })
            .collect();
        drop(views);
        self.core.with_engine(|engine, _| {
            logs.into_iter()
                .filter(|(document, _)| {
                    engine
                        .origin(*document)
                        .is_some_and(|origin| origin.owner == me)
                })
                .collect()
        })
    }

    /// Notes a mood in the log of its year, seen by nobody else. Gives the log and the entry's key.
    ///
    /// # Errors
    /// See [`EditError`]; nothing was noted.
    pub fn add_mood(
        &self,
        value: u8,
        note: &str,
        at: Option<Moment>,
    ) -> Result<(DocumentId, String), EditError> {
        let command = MoodCommand::Add {
            value,
            note: note.into(),
            at,
        };
        let writer = self.whoami().person.to_string();
        let fresh_id = self.fresh_ids()?;
        let context = EditContext {
            writer: &writer,
            now: self.moment_now(),
            fresh_id: &fresh_id,
        };
        let year = at.unwrap_or(context.now).local_year();
        let known = self
            .own_mood_logs()
            .into_iter()
            .find(|(_, of)| *of == Some(year));
        let (document, outcome) = match known {
            Some((document, _)) => {
                self.load(document)?;
                let outcome = self.core.with_engine(|engine, now| {
                    engine.edit(now, document, |transaction| {
                        command.apply(transaction, &context)
                    })
                })?;
                (document, outcome)
            }
            None => self.core.with_engine(|engine, now| {
                engine.create(now, DocumentKind::MoodLog as u16, |transaction| {
                    NewMoodLog { year }.create(transaction, &context)?;
                    command.apply(transaction, &context)
                })
            })?,
        };
        match outcome {
            GoalOutcome::Created(entry) => Ok((document, entry)),
            GoalOutcome::Changed | GoalOutcome::Unchanged => Ok((document, String::new())),
        }
    }

    /// Who sees a document, and where it is safe.
    pub fn marks(&self, document: DocumentId) -> Marks {
        let me = self.whoami().person;
        let heads = {
            let views = lock(&self.core.views);
            views
                .entries
                .get(&document)
                .map(|entry| entry.delivered.clone())
                .unwrap_or_default()
        };
        self.core.with_engine(|engine, _| {
            let Some(origin) = engine.origin(document) else {
                return Marks::default();
            };
            let mut visible_to = engine.readers(document);
            if origin.owner != me {
                visible_to.insert(0, origin.owner);
            }
            visible_to.retain(|person| *person != me);
            let current = engine.heads(document);
            let delivered_to = visible_to
                .iter()
                .filter(|person| heads.get(person).is_some_and(|heads| *heads == current))
                .copied()
                .collect();
            Marks {
                owner: Some(origin.owner),
                visible_to,
                writable: engine.role(document, me) == GrantRole::Write,
                saved: engine.is_stored(document),
                delivered_to,
            }
        })
    }

    /// Sixteen random bytes at a call, from one draw of the system's.
    pub(crate) fn fresh_ids(&self) -> Result<impl Fn() -> [u8; 16] + use<>, EditError> {
        let seed: [u8; 32] = fresh().map_err(|_error| EditError::NoRandom)?;
        let calls = std::cell::Cell::new(0_u64);
        Ok(move || {
            calls.set(calls.get() + 1);
            let mut hasher = blake3::Hasher::new_keyed(&seed);
            hasher.update(&calls.get().to_le_bytes());
            let mut bytes = [0; 16];
            hasher.finalize_xof().fill(&mut bytes);
            bytes
        })
    }
}
