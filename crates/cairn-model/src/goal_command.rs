//! What a person can do to a goal: each command sets just the fields it means.

use automerge::ROOT;
use automerge::transaction::Transactable;

use crate::agreement;
use crate::context::{CommandError, EditContext, is_person};
use crate::entry::{make_entry, own_entry, put_moment, put_words};
use crate::goal_kind::{ClosingOutcome, GoalKind, GoalState};
use crate::moment::Moment;
use crate::read;
use crate::schema::{
    CLOSING_NOTE, CLOSING_NOTE_CODE_POINTS_MAX, COPIED_FROM, ENTERED, KIND, NOTE,
    NOTE_CODE_POINTS_MAX, OUTCOME, RATINGS, SCALE_MAX, STATE, STATE_SINCE, VALUE,
};
use crate::steps;
use crate::text::{TextField, set_text, splice_text};
use crate::wording::{Digest, mark_edited};
use crate::words::Words;

/// One edit of a goal. Applied to the document as it is at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoalCommand {
    /// Makes a text what it should be, by the smallest difference.
    SetText {
        /// Which text.
        field: TextField,
        /// What it should be.
        text: Words,
    },
    /// Replaces a range of a text. Its inverse is the splice at the same position that removes as
    /// many code points as `insert` has and inserts what was removed.
    SpliceText {
        /// Which text.
        field: TextField,
        /// Where, in code points from the start.
        position: usize,
        /// How many code points to remove there.
        delete: usize,
        /// What to insert there.
        insert: Words,
    },
    /// Chooses what the goal is about, or leaves it open again.
    SetKind(Option<GoalKind>),
    /// Adds a step behind all others.
    AddStep {
        /// What to do: at most 500 code points.
        text: Words,
        /// When it was done, for one that is done already.
        done: Option<Moment>,
    },
    /// Marks a step done now, or open again.
    SetStepDone {
        /// The step's id.
        step: String,
        /// Done or open.
        done: bool,
    },
    /// Puts a step directly behind another.
    MoveStep {
        /// The step's id.
        step: String,
        /// The id of the step to be behind of; `None` for the first place.
        after: Option<String>,
    },
    /// Removes a step.
    RemoveStep {
        /// The step's id.
        step: String,
    },
    /// Says where one stands.
    Rate {
        /// From 0 to [`SCALE_MAX`].
        value: u8,
        /// Own words beside it; may be empty; at most [`NOTE_CODE_POINTS_MAX`] code points.
        note: Words,
        /// When it was so; `None` for now.
        at: Option<Moment>,
        /// In a fresh copy of a goal: whose rating the writer copied.
        copied_from: Option<String>,
    },
    /// Changes the note of an own rating.
    EditRatingNote {
        /// The rating's key.
        rating: String,
        /// The new note; may be empty.
        note: Words,
    },
    /// Removes an own rating.
    RemoveRating {
        /// The rating's key.
        rating: String,
    },
    /// Asks others to agree to the wording as the person saw it, and accepts it.
    Propose {
        /// [`GoalView::wording`](crate::GoalView::wording) as the person saw it.
        wording: Digest,
        /// Whom to ask, 1 to 7 other persons; the owner must be among them or the proposer.
        parties: Vec<String>,
        /// Why; may be empty; at most [`REASON_CODE_POINTS_MAX`](crate::REASON_CODE_POINTS_MAX)
        /// code points.
        reason: Words,
    },
    /// Accepts a proposal as the person saw it.
    Accept {
        /// The proposal's id.
        proposal: String,
        /// [`Proposal::digest`](crate::Proposal::digest) as the person saw it.
        digest: Digest,
    },
    /// Takes back the writer's own proposal, or their acceptance of another's.
    Withdraw {
        /// The proposal's id.
        proposal: String,
    },
    /// Puts an open goal aside.
    Pause,
    /// Takes a paused goal up again.
    Resume,
    /// Ends a goal that is open or paused.
    Close {
        /// How it ended.
        outcome: ClosingOutcome,
        /// What was learned; may be empty; at most [`CLOSING_NOTE_CODE_POINTS_MAX`] code points.
        note: Words,
    },
    /// Opens a closed goal again.
    Reopen,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GoalOutcome {
    /// It changed the document.
    Changed,
    /// The document was already so: no operation was made and nothing needs to be committed.
    Unchanged,
    /// It made a step, rating or proposal with this id.
    Created(String),
}

impl GoalCommand {
    /// Applies the command to the document of a transaction.
    ///
    /// At most 9,000 operations, so that it fits one change.
    ///
    /// # Errors
    /// See [`CommandError`]. After an error the transaction may hold part of the command and must
    /// be rolled back.
    pub fn apply<T: Transactable>(
        &self,
        transaction: &mut T,
        context: &EditContext<'_>,
    ) -> Result<GoalOutcome, CommandError> {
        context.check()?;
        let operations = transaction.pending_ops();
        let created = match self {
            Self::Rate { .. } | Self::EditRatingNote { .. } | Self::RemoveRating { .. } => {
                self.apply_rating(transaction, context)?
            }
            Self::Propose {
                wording,
                parties,
                reason,
            } => Some(agreement::propose(
                transaction,
                context,
                wording,
                parties,
                reason,
            )?),
            Self::Accept { proposal, digest } => {
                agreement::accept(transaction, context, proposal, digest)?;
                None
            }
            Self::Withdraw { proposal } => {
                agreement::withdraw(transaction, context, proposal)?;
                None
            }
            Self::Pause | Self::Resume | Self::Close { .. } | Self::Reopen => {
                self.apply_state(transaction, context)?;
                None
            }
            Self::AddStep { text, done } => Some(steps::add(transaction, context, text, *done)?),
            _ => {
                self.apply_content(transaction, context)?;
                None
            }
        };
        Ok(match created {
            Some(id) => GoalOutcome::Created(id),
            None if transaction.pending_ops() == operations => GoalOutcome::Unchanged,
            None => GoalOutcome::Changed,
        })
    }

    fn apply_content<T: Transactable>(
        &self,
        transaction: &mut T,
        context: &EditContext<'_>,
    ) -> Result<(), CommandError> {
        let operations = transaction.pending_ops();
        let agreed = match self {
            Self::SetText { field, text } => {
                set_text(transaction, field, text)?;
                field.is_agreed()
            }
            Self::SpliceText {
                field,
                position,
                delete,
                insert,
            } => {
                splice_text(transaction, field, *position, *delete, insert)?;
                field.is_agreed()
            }
            Self::SetKind(kind) => {
                set_kind(transaction, *kind)?;
                true
            }
            Self::SetStepDone { step, done } => {
                steps::set_done(transaction, context, step, *done)?;
                false
            }
            Self::MoveStep { step, after } => {
                steps::move_step(transaction, context, step, after.as_deref())?;
                false
            }
            Self::RemoveStep { step } => {
                steps::remove(transaction, step)?;
                false
            }
            _ => false,
        };
        if agreed && transaction.pending_ops() > operations {
            mark_edited(transaction)?;
        }
        Ok(())
    }

    fn apply_rating<T: Transactable>(
        &self,
        transaction: &mut T,
        context: &EditContext<'_>,
    ) -> Result<Option<String>, CommandError> {
        match self {
            Self::Rate {
                value,
                note,
                at,
                copied_from,
            } => {
                if *value > SCALE_MAX {
                    return Err(CommandError::ValueOutOfScale);
                }
                let key = context.entry_key();
                let rating = make_entry(transaction, RATINGS, &key)?;
                transaction.put(&rating, VALUE, i64::from(*value))?;
                put_words(transaction, &rating, NOTE, note, NOTE_CODE_POINTS_MAX)?;
                put_moment(transaction, &rating, ENTERED, at.unwrap_or(context.now))?;
                if let Some(person) = copied_from {
                    if !is_person(person) {
                        return Err(CommandError::PersonInvalid);
                    }
                    transaction.put(&rating, COPIED_FROM, person.as_str())?;
                }
                Ok(Some(key))
            }
            Self::EditRatingNote { rating, note } => {
                let (entry, _) = own_entry(transaction, RATINGS, rating, context)?;
                put_words(transaction, &entry, NOTE, note, NOTE_CODE_POINTS_MAX)?;
                Ok(None)
            }
            Self::RemoveRating { rating } => {
                let (_, container) = own_entry(transaction, RATINGS, rating, context)?;
                transaction.delete(container, rating.as_str())?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn apply_state<T: Transactable>(
        &self,
        transaction: &mut T,
        context: &EditContext<'_>,
    ) -> Result<(), CommandError> {
        let state = read_state(transaction).value.unwrap_or(GoalState::Open);
        let next = match (self, state) {
            (Self::Pause, GoalState::Open) => GoalState::Paused,
            (Self::Resume, GoalState::Paused) | (Self::Reopen, GoalState::Closed) => {
                GoalState::Open
            }
            (Self::Close { .. }, GoalState::Open | GoalState::Paused) => GoalState::Closed,
            _ => return Err(CommandError::WrongState { state }),
        };
        transaction.put(ROOT, STATE, next.as_str())?;
        put_moment(transaction, &ROOT, STATE_SINCE, context.now)?;
        if let Self::Close { outcome, note } = self {
            transaction.put(ROOT, OUTCOME, outcome.as_str())?;
            put_words(
                transaction,
                &ROOT,
                CLOSING_NOTE,
                note,
                CLOSING_NOTE_CODE_POINTS_MAX,
            )?;
        }
        Ok(())
    }
}

fn set_kind<T: Transactable>(
    transaction: &mut T,
    kind: Option<GoalKind>,
) -> Result<(), CommandError> {
    match kind {
        Some(kind) => transaction.put(ROOT, KIND, kind.as_str())?,
        None if read::values(transaction, &ROOT, KIND).is_empty() => (),
        None => transaction.delete(ROOT, KIND)?,
    }
    Ok(())
}

pub(crate) fn read_state<D: automerge::ReadDoc>(document: &D) -> read::Found<GoalState> {
    read::find(document, &ROOT, STATE, |value, id| {
        GoalState::parse(&read::text_of(document, value, id)?)
    })
}
