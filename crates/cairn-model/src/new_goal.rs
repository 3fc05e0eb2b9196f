//! The first content of a goal document.

use automerge::transaction::Transactable;
use automerge::{ObjType, ROOT};

use crate::context::{CommandError, EditContext};
use crate::entry::put_moment;
use crate::goal_kind::{GoalKind, GoalState};
use crate::read;
use crate::schema::{
    ACCEPTANCES, CREATED, CREATED_BY, GOOD_ENOUGH, KIND, PROPOSALS, RATINGS, SCHEMA,
    SCHEMA_VERSION, STATE, STEPS, TITLE, WHY,
};
use crate::text::{TextField, check_length, make_text};
use crate::words::Words;

/// A goal to be made. Every text may be empty: nothing has to be known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewGoal {
    /// What it is called: at most 300 code points.
    pub title: Words,
    /// What it is about; `None` when not chosen yet.
    pub kind: Option<GoalKind>,
    /// Why it matters: at most [`TEXT_CODE_POINTS_MAX`](crate::TEXT_CODE_POINTS_MAX) code points.
    pub why: Words,
    /// What would be enough: at most 1,000 code points.
    pub good_enough: Words,
}

impl NewGoal {
    /// Writes the goal into an empty document, with all its containers, so that two persons never
    /// make the same one at the same time.
    ///
    /// # Errors
    /// [`CommandError::AlreadyCreated`] in a document with content, [`CommandError::TextTooLong`],
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
        let texts = [
            (TextField::Title, TITLE, &self.title),
            (TextField::Why, WHY, &self.why),
            (TextField::GoodEnough, GOOD_ENOUGH, &self.good_enough),
        ];
        for (field, _, text) in &texts {
            check_length(field, text.code_points())?;
        }
        transaction.put(ROOT, SCHEMA, SCHEMA_VERSION)?;
        transaction.put(ROOT, CREATED_BY, context.writer)?;
        put_moment(transaction, &ROOT, CREATED, context.now)?;
        for (_, key, text) in texts {
            make_text(transaction, &ROOT, key, text)?;
        }
        if let Some(kind) = self.kind {
            transaction.put(ROOT, KIND, kind.as_str())?;
        }
        transaction.put(ROOT, STATE, GoalState::Open.as_str())?;
        for container in [STEPS, RATINGS, PROPOSALS, ACCEPTANCES] {
            transaction.put_object(ROOT, container, ObjType::Map)?;
        }
        Ok(())
    }
}
