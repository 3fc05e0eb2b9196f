//! The keys of the documents and the limits of what commands write into them.
//!
//! `docs/schema.md` describes each key: type, unit, range, default, who may write.

/// The schema version commands write into a new document.
pub const SCHEMA_VERSION: i64 = 1;

/// The highest value of a goal rating or a mood; the lowest is 0.
pub const SCALE_MAX: u8 = 10;

/// The longest text field (`why`), in code points.
///
/// Chosen so that replacing the longest text (each code point removed and inserted is one
/// operation) stays below 10,000 operations, the limit of one change.
pub const TEXT_CODE_POINTS_MAX: usize = 4_000;

pub(crate) const TITLE_CODE_POINTS_MAX: usize = 300;
pub(crate) const GOOD_ENOUGH_CODE_POINTS_MAX: usize = 1_000;
pub(crate) const STEP_CODE_POINTS_MAX: usize = 500;

/// The longest note on a rating or a mood, in code points.
pub const NOTE_CODE_POINTS_MAX: usize = 2_000;

/// The longest reason given with a proposal, in code points.
pub const REASON_CODE_POINTS_MAX: usize = 2_000;

/// The longest closing note, in code points.
pub const CLOSING_NOTE_CODE_POINTS_MAX: usize = 4_000;

/// The most persons who can be asked to accept one wording; the fewest is 2.
pub const PARTIES_MAX: usize = 8;

pub(crate) const SCHEMA: &str = "schema";
pub(crate) const CREATED_BY: &str = "created_by";

pub(crate) const TITLE: &str = "title";
pub(crate) const KIND: &str = "kind";
pub(crate) const WHY: &str = "why";
pub(crate) const GOOD_ENOUGH: &str = "good_enough";
pub(crate) const WORDING_EDIT: &str = "wording_edit";

pub(crate) const STEPS: &str = "steps";
pub(crate) const TEXT: &str = "text";
pub(crate) const ORDER: &str = "order";

pub(crate) const RATINGS: &str = "ratings";
pub(crate) const PROPOSALS: &str = "proposals";
pub(crate) const ACCEPTANCES: &str = "acceptances";
pub(crate) const MOODS: &str = "moods";
pub(crate) const VALUE: &str = "value";
pub(crate) const NOTE: &str = "note";
pub(crate) const COPIED_FROM: &str = "copied_from";
pub(crate) const REASON: &str = "reason";
pub(crate) const REVISION: &str = "revision";
pub(crate) const PARTIES: &str = "parties";
pub(crate) const DIGEST: &str = "digest";
pub(crate) const WITHDRAWN_DIGEST: &str = "withdrawn_digest";

pub(crate) const STATE: &str = "state";
pub(crate) const OUTCOME: &str = "outcome";
pub(crate) const CLOSING_NOTE: &str = "closing_note";

pub(crate) const YEAR: &str = "year";

/// Whether a text at this key of a map is something that a person wrote, and no name of a choice.
pub fn holds_words(key: &str) -> bool {
    [TITLE, WHY, GOOD_ENOUGH, TEXT, NOTE, REASON, CLOSING_NOTE].contains(&key)
}

/// Whether a number at this key is a rating or a mood.
pub fn holds_value(key: &str) -> bool {
    key == VALUE
}

/// The two keys of a [`Moment`](crate::Moment): milliseconds and offset in minutes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MomentKeys {
    pub(crate) at: &'static str,
    pub(crate) offset: &'static str,
}

pub(crate) const CREATED: MomentKeys = MomentKeys {
    at: "created_at",
    offset: "created_offset_minutes",
};
pub(crate) const ENTERED: MomentKeys = MomentKeys {
    at: "at",
    offset: "offset_minutes",
};
pub(crate) const DONE: MomentKeys = MomentKeys {
    at: "done_at",
    offset: "done_offset_minutes",
};
pub(crate) const STATE_SINCE: MomentKeys = MomentKeys {
    at: "state_at",
    offset: "state_offset_minutes",
};
pub(crate) const WITHDRAWN: MomentKeys = MomentKeys {
    at: "withdrawn_at",
    offset: "withdrawn_offset_minutes",
};
