//! A goal as it is shown: read field by field, never failing, the same on every replica.

use std::collections::BTreeSet;

use automerge::{ROOT, ReadDoc};
use serde::Serialize;

use crate::agreement::{Agreement, Proposal, agreement, read_proposals};
use crate::entry::{Authors, Entry, IgnoredEntry, IgnoredReason, Listed, author_of, read_listed};
use crate::goal_command::read_state;
use crate::goal_kind::{ClosingOutcome, GoalKind, GoalState};
use crate::moment::Moment;
use crate::part::{Extent, Part, extent};
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
        let mut view = Self::nothing();
        view.refresh(document, authors, None);
        view
    }

    /// Reads again what changed since this view was read, as paths of keys from the root; all
    /// without paths. Gives what [`read`](Self::read) would, at the cost of what changed.
    ///
    /// The authors of what was read before must still be the same.
    pub fn refresh<D: ReadDoc>(
        &mut self,
        document: &D,
        authors: &dyn Authors,
        paths: Option<&BTreeSet<Vec<String>>>,
    ) {
        for part in [
            Part::Origin,
            Part::Why,
            Part::Wording,
            Part::Steps,
            Part::State,
        ] {
            if extent(paths, part) != Extent::Nothing {
                self.unreadable.retain(|path| !part.has(path));
                self.ignored.retain(|ignored| !part.has(ignored.container));
                match part {
                    Part::Origin => self.read_origin(document, authors),
                    Part::Why => (self.why, self.why_conflicts) = self.read_text(document, WHY),
                    Part::Wording => self.read_wording(document, authors),
                    Part::Steps => {
                        self.steps = read_steps(document, authors, &mut self.unreadable);
                    }
                    _ => self.read_state(document),
                }
            }
        }
        let ratings = read_listed(
            document,
            (RATINGS, Part::Ratings),
            authors,
            paths,
            (&mut self.ratings, &mut self.ignored),
            rating,
        );
        if ratings {
            self.ratings
                .sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        }
        self.ignored.sort();
        self.unreadable.sort();
    }

    fn nothing() -> Self {
        Self {
            schema: None,
            created_by: None,
            created: None,
            title: Words::default(),
            title_conflicts: Vec::new(),
            kind: None,
            kind_conflicts: Vec::new(),
            why: Words::default(),
            why_conflicts: Vec::new(),
            good_enough: Words::default(),
            good_enough_conflicts: Vec::new(),
            steps: Vec::new(),
            ratings: Vec::new(),
            wording: Digest::from_bytes([0; 32]),
            proposals: Vec::new(),
            agreement: Agreement::NoProposal,
            state: GoalState::Open,
            state_conflicts: Vec::new(),
            state_since: None,
            outcome: None,
            closing_note: Words::default(),
            ignored: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    fn read_text<D: ReadDoc>(&mut self, document: &D, key: &str) -> (Words, Vec<Words>) {
        let found = self.note(read::find_text(document, &ROOT, key), key);
        let conflicts = found.conflicts.into_iter().map(Words::from);
        (found.value.unwrap_or_default().into(), conflicts.collect())
    }

    fn read_origin<D: ReadDoc>(&mut self, document: &D, authors: &dyn Authors) {
        let schema = read::find_integer(document, &ROOT, SCHEMA);
        self.schema = self.note(schema, SCHEMA).value;
        self.created_by = read_creator(document, authors, &mut self.ignored);
        self.created = read::find_moment(document, &ROOT, CREATED);
    }

    fn read_wording<D: ReadDoc>(&mut self, document: &D, authors: &dyn Authors) {
        (self.title, self.title_conflicts) = self.read_text(document, TITLE);
        (self.good_enough, self.good_enough_conflicts) = self.read_text(document, GOOD_ENOUGH);
        let kind = read::find(document, &ROOT, KIND, |value, id| {
            GoalKind::parse(&read::text_of(document, value, id)?)
        });
        let kind = self.note(kind, KIND);
        (self.kind, self.kind_conflicts) = (kind.value, kind.conflicts);
        let wording = Wording::read(document);
        self.proposals = read_proposals(document, &wording, authors, &mut self.ignored);
        self.wording = wording.digest;
        self.agreement = agreement(&self.proposals);
    }

    fn read_state<D: ReadDoc>(&mut self, document: &D) {
        let state = self.note(read_state(document), STATE);
        let closed = state.value == Some(GoalState::Closed);
        self.state = state.value.unwrap_or(GoalState::Open);
        self.state_conflicts = state.conflicts;
        self.state_since = read::find_moment(document, &ROOT, STATE_SINCE);
        let outcome = read::find(document, &ROOT, OUTCOME, |value, id| {
            ClosingOutcome::parse(&read::text_of(document, value, id)?)
        });
        self.outcome = self.note(outcome, OUTCOME).value.filter(|_| closed);
        let (note, _) = self.read_text(document, CLOSING_NOTE);
        self.closing_note = if closed { note } else { Words::default() };
    }

    /// Notes a key whose value cannot be read.
    fn note<T>(&mut self, found: Found<T>, key: &str) -> Found<T> {
        if found.unreadable {
            self.unreadable.push(key.to_owned());
        }
        found
    }
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

impl Listed for Rating {
    fn key(&self) -> &str {
        &self.id
    }
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
