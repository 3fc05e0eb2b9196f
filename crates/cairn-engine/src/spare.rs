//! A second copy of the document that changes come into, kept a few changes behind.
//!
//! # Role
//! The gate applies foreign changes to a copy, so that whatever happens, the document is untouched.
//! Copying a document of thousands of changes costs more than applying one. So the copy that the
//! gate leaves behind when its result becomes the document, is caught up for the next batch: along
//! with it, since automerge takes hardly longer for three small changes at once than for one.
//!
//! # Invariants
//! * Whether the spare copy says what it should is checked by heads after every use; if not, the
//!   document itself is copied.

use automerge::{Automerge, ChangeHash};

use crate::id::DocumentId;

/// Changes that a spare copy may be behind; further ones make it useless.
const BEHIND_MAX: usize = 64;

/// See the [module](self).
#[derive(Debug, Clone)]
pub(crate) struct Spare {
    pub(crate) document: DocumentId,
    pub(crate) automerge: Automerge,
    /// What the document has more, in order.
    pub(crate) behind: Vec<(ChangeHash, Vec<u8>)>,
}

impl Spare {
    /// Whether a copy may be behind by these changes.
    pub(crate) fn may_catch_up(step: &[(ChangeHash, Vec<u8>)]) -> bool {
        step.len() <= BEHIND_MAX
    }

    /// What was the document until it got `step` more.
    pub(crate) fn new(
        document: DocumentId,
        automerge: Automerge,
        step: Vec<(ChangeHash, Vec<u8>)>,
    ) -> Self {
        Self {
            document,
            automerge,
            behind: step,
        }
    }
}

/// Notes that a document got one change more.
pub(crate) fn fall_behind(
    spare: &mut Option<Spare>,
    document: DocumentId,
    change: &(ChangeHash, Vec<u8>),
) {
    let of_it = spare.as_mut().filter(|spare| spare.document == document);
    let Some(of_it) = of_it else { return };
    if of_it.behind.len() == BEHIND_MAX {
        *spare = None;
    } else {
        of_it.behind.push(change.clone());
    }
}
