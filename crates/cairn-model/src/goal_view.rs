//! A goal as it is shown: read field by field, never failing, the same on every replica.

use automerge::{ROOT, ReadDoc};
use serde::Serialize;

use crate::agreement::{Agreement, Proposal, agreement, read_proposals};
use crate::entry::{Authors, Entry, IgnoredEntry, IgnoredReason, author_of, read_entries};
use crate::goal_command::read_state;
use crate::goal_kind::{ClosingOutcome, GoalKind, GoalState};
use crate::moment::Moment;
use crate::read::{self, Found};
use crate::schema::{
    CLOSING_NOTE, COPIED_FROM, CREATED, CREATED_BY, ENTERED, GOOD_ENOUGH, KIND, NOTE, OUTCOME,
    RATINGS, SCHEMA, STATE, STATE_SINCE, TITLE, VALUE, WHY,
};
use crate::steps::{Step, read_steps};
use crate::wording::{Digest, Wording};
use crate::words::Words;

/// A goal.
///
/// Its JSON shape is described in `docs/schema.md`. A `…_conflicts` list holds the values written
/// at the same time that did not win; writing the field again settles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoalView {
    /// The schema version of its document; `None` when unreadable.
    pub schema: Option<i64>,
    /// Who made it, when proven.
    pub created_by: Option<String>,
    /// When it was made.
    pub created: Option<Moment>,
    /// What it is called.
    pub title: Words,
    /// Titles that lost.
    pub title_conflicts: Vec<Words>,
    /// What it is about; `None` when not chosen yet.
    pub kind: Option<GoalKind>,
    /// Kinds that lost.
    pub kind_conflicts: Vec<GoalKind>,
    /// Why it matters.
    pub why: Words,
    /// Whys that lost.
    pub why_conflicts: Vec<Words>,
    /// What would be enough.
    pub good_enough: Words,
    /// Good-enough texts that lost.
    pub good_enough_conflicts: Vec<Words>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The ratings that count, by time and key.
    pub ratings: Vec<Rating>,
    /// The exact revision of the agreed fields; what a proposal must name.
    pub wording: Digest,
    /// Every proposal that counts, oldest first: the versions of the wording.
    pub proposals: Vec<Proposal>,
    /// Whether the wording as it is is agreed.
    pub agreement: Agreement,
    /// Where it stands.
    pub state: GoalState,
    /// States that lost.
    pub state_conflicts: Vec<GoalState>,
    /// When the state was last set; `None` since it was made.
    pub state_since: Option<Moment>,
    /// How it ended; only of a closed goal.
    pub outcome: Option<ClosingOutcome>,
    /// What was written at its closing; only of a closed goal.
    pub closing_note: Words,
    /// What was written by someone who may not, or means nothing.
    pub ignored: Vec<IgnoredEntry>,
    /// Keys whose value is not of the expected type, as paths.
    pub unreadable: Vec<String>,
}

/// Where one person stood at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rating {
    /// Its key: the rater's id, `/`, a random id.
    pub id: String,
    /// Who wrote it.
    pub writer: String,
    /// Whose rating the writer copied, by the writer's word alone; `None` for the writer's own.
    pub copied_from: Option<String>,
    /// From 0 to [`SCALE_MAX`](crate::SCALE_MAX).
    pub value: u8,
    /// Own words beside it; may be empty.
    pub note: Words,
    /// When.
    pub at: Moment,
}

impl GoalView {
    /// Reads a goal; cost is linear in its entries and the length of its texts.
    pub fn read<D: ReadDoc>(document: &D, authors: &dyn Authors) -> Self {
        let mut unreadable = Vec::new();
        let mut ignored = Vec::new();
        let mut text = |key: &str| {
            let found = read::find_text(document, &ROOT, key);
            let found = note_unreadable(found, key, &mut unreadable);
            (found.value.unwrap_or_default().into(), found.conflicts)
        };
        let (title, title_conflicts) = text(TITLE);
        let (why, why_conflicts) = text(WHY);
        let (good_enough, good_enough_conflicts) = text(GOOD_ENOUGH);
        let (closing_note, _) = text(CLOSING_NOTE);
        let kind = read::find(document, &ROOT, KIND, |value, id| {
            GoalKind::parse(&read::text_of(document, value, id)?)
        });
        let kind = note_unreadable(kind, KIND, &mut unreadable);
        let state = note_unreadable(read_state(document), STATE, &mut unreadable);
        let outcome = read::find(document, &ROOT, OUTCOME, |value, id| {
            ClosingOutcome::parse(&read::text_of(document, value, id)?)
        });
        let outcome = note_unreadable(outcome, OUTCOME, &mut unreadable);
        let schema = read::find_integer(document, &ROOT, SCHEMA);
        let schema = note_unreadable(schema, SCHEMA, &mut unreadable);
        let wording = Wording::read(document);
        let proposals = read_proposals(document, &wording, authors, &mut ignored);
        let steps = read_steps(document, authors, &mut unreadable);
        let ratings = read_ratings(document, authors, &mut ignored);
        let created_by = read_creator(document, authors, &mut ignored);
        ignored.sort();
        let closed = state.value == Some(GoalState::Closed);
        Self {
            schema: schema.value,
            created_by,
            created: read::find_moment(document, &ROOT, CREATED),
            title,
            title_conflicts: all_words(title_conflicts),
            kind: kind.value,
            kind_conflicts: kind.conflicts,
            why,
            why_conflicts: all_words(why_conflicts),
            good_enough,
            good_enough_conflicts: all_words(good_enough_conflicts),
            steps,
            ratings,
            wording: wording.digest,
            agreement: agreement(&proposals),
            proposals,
            state: state.value.unwrap_or(GoalState::Open),
            state_conflicts: state.conflicts,
            state_since: read::find_moment(document, &ROOT, STATE_SINCE),
            outcome: outcome.value.filter(|_| closed),
            closing_note: if closed {
                closing_note
            } else {
                Words::default()
            },
            ignored,
            unreadable,
        }
    }
}

fn all_words(texts: Vec<String>) -> Vec<Words> {
    texts.into_iter().map(Words::from).collect()
}

fn note_unreadable<T>(found: Found<T>, key: &str, unreadable: &mut Vec<String>) -> Found<T> {
    if found.unreadable {
        unreadable.push(key.to_owned());
    }
    found
}

fn read_ratings<D: ReadDoc>(
    document: &D,
    authors: &dyn Authors,
    ignored: &mut Vec<IgnoredEntry>,
) -> Vec<Rating> {
    let mut ratings: Vec<Rating> = Vec::new();
    for entry in read_entries(document, RATINGS, authors, ignored) {
        let Some(rating) = rating(&entry) else {
            ignored.push(entry.ignored(RATINGS, IgnoredReason::Unreadable));
            continue;
        };
        match ratings.last_mut() {
            Some(last) if last.id == rating.id => *last = rating,
            _ => ratings.push(rating),
        }
    }
    ratings.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    ratings
}

fn rating(entry: &Entry) -> Option<Rating> {
    Some(Rating {
        id: entry.key.clone(),
        writer: entry.writer.clone(),
        copied_from: entry.text(COPIED_FROM).map(str::to_owned),
        value: entry.scale(VALUE)?,
        note: entry.words(NOTE),
        at: entry.moment(ENTERED)?,
    })
}

/// The person named as the maker, when that person wrote it.
pub(crate) fn read_creator<D: ReadDoc>(
    document: &D,
    authors: &dyn Authors,
    ignored: &mut Vec<IgnoredEntry>,
) -> Option<String> {
    let mut creator = None;
    for (value, id) in read::values(document, &ROOT, CREATED_BY) {
        let author = author_of(authors, &id);
        let named = read::text_of(document, &value, &id);
        if named.is_some() && named.as_deref() == author {
            creator = named;
            continue;
        }
        let reason = match (named, author) {
            (None, _) => IgnoredReason::Unreadable,
            (Some(_), None) => IgnoredReason::UnknownAuthor,
            (Some(_), Some(_)) => IgnoredReason::AnotherAuthor,
        };
        ignored.push(IgnoredEntry {
            container: CREATED_BY,
            key: String::new(),
            field: None,
            author: author.map(str::to_owned),
            reason,
        });
    }
    creator
}
