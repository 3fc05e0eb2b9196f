//! What a command needs beside the document: writer, time, fresh ids; and why one may not apply.

use std::fmt;

use automerge::AutomergeError;

use crate::goal_kind::GoalState;
use crate::moment::Moment;

/// Who edits, when, and where fresh ids come from.
#[derive(Clone, Copy)]
pub struct EditContext<'a> {
    /// The person who edits: an opaque id without `/`, 1 to 128 bytes.
    pub writer: &'a str,
    /// Now, on the writer's clock.
    pub now: Moment,
    /// Gives 16 fresh random bytes at each call.
    pub fresh_id: &'a dyn Fn() -> [u8; 16],
}

impl fmt::Debug for EditContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EditContext")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl EditContext<'_> {
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        if is_person(self.writer) {
            Ok(())
        } else {
            Err(CommandError::PersonInvalid)
        }
    }

    /// A fresh id: 16 letters of lower-case base32 (80 random bits).
    pub(crate) fn id(&self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let random = (self.fresh_id)();
        let mut id = String::with_capacity(16);
        for chunk in random[..10].chunks_exact(5) {
            let bits = chunk
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for index in (0..8).rev() {
                let letter = (bits >> (index * 5)) & 31;
                id.push(char::from(LETTERS[letter as usize]));
            }
        }
        id
    }

    /// A key of a one-writer entry: the writer's id, `/`, a fresh id.
    pub(crate) fn entry_key(&self) -> String {
        format!("{}/{}", self.writer, self.id())
    }
}

/// True for a text that can name a person in keys.
pub(crate) fn is_person(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && !text.contains('/')
}

/// Why a command did not apply. The document is unchanged by it as long as the caller rolls its
/// transaction back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The text would be longer than its field may be.
    #[error(
        "the text is too long: {code_points} characters where {code_points_max} fit; nothing was changed"
    )]
    TextTooLong {
        /// Length it would have, in code points.
        code_points: usize,
        /// The field's limit, in code points.
        code_points_max: usize,
    },
    /// A splice names a place outside the text as it is now.
    #[error("the place is outside the text: {position} + {delete} of {code_points} characters")]
    OutOfText {
        /// Where the splice begins, in code points.
        position: usize,
        /// How many code points it removes.
        delete: usize,
        /// The text's length, in code points.
        code_points: usize,
    },
    /// A rating or mood above [`SCALE_MAX`](crate::SCALE_MAX).
    #[error("the value is not between 0 and 10")]
    ValueOutOfScale,
    /// No step with this id; it may have been removed meanwhile.
    #[error("there is no such step")]
    NoSuchStep,
    /// No entry with this key; it may have been removed meanwhile.
    #[error("there is no such entry")]
    NoSuchEntry,
    /// The entry belongs to another person.
    #[error("the entry belongs to another person, who alone may change it")]
    NotYours,
    /// No proposal with this key, a withdrawn one, or one that does not quote what it names.
    #[error("there is no such proposal, or it was taken back")]
    NoSuchProposal,
    /// The goal's wording is no longer the one the person saw.
    #[error("the wording has changed meanwhile: read it again first")]
    WordingChanged,
    /// An agreed field has two values, or one that cannot be read.
    #[error("the wording has two versions in one place: choose one first")]
    WordingConflicted,
    /// The title is blank.
    #[error("the goal has no title yet, so there is nothing to agree on")]
    NothingToPropose,
    /// A proposal needs 2 to [`PARTIES_MAX`](crate::PARTIES_MAX) different persons, the proposer
    /// among them.
    #[error("a proposal needs two to eight different persons, the proposer among them")]
    PartiesInvalid,
    /// The proposal does not ask this person.
    #[error("this proposal does not ask for this person's acceptance")]
    NotAParty,
    /// The goal's state does not allow it.
    #[error("the goal is {} now", state.as_str())]
    WrongState {
        /// The state it is in.
        state: GoalState,
    },
    /// The document has a schema version already.
    #[error("the document has content already")]
    AlreadyCreated,
    /// A person's id is empty, too long or contains `/`.
    #[error("not a valid id of a person")]
    PersonInvalid,
    /// Automerge refused an operation.
    #[error("the document refused the change: {0}")]
    Document(#[from] AutomergeError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_letters_and_use_all_bits() {
        let check = |bytes: [u8; 16], id: &str| {
            let fresh_id = move || bytes;
            let context = EditContext {
                writer: "ann",
                now: Moment::default(),
                fresh_id: &fresh_id,
            };
            assert_eq!(context.id(), id);
            assert_eq!(context.entry_key(), format!("ann/{id}"));
        };
        check([0; 16], "aaaaaaaaaaaaaaaa");
        check([255; 16], "7777777777777777");
        let mut bytes = [0; 16];
        bytes[4] = 1;
        bytes[5] = 0x80;
        check(bytes, "aaaaaaabqaaaaaaa");
    }

    #[test]
    fn a_writer_has_no_slash() {
        let check = |person: &str, valid| assert_eq!(is_person(person), valid, "{person}");
        check("ann", true);
        check("", false);
        check("a/b", false);
        check(&"x".repeat(129), false);
    }
}
