//! What changed, as a list of sentences with authors and times; the words are elsewhere.
//!
//! # Role
//! Takes the facts of changes ([`describe`](crate::describe)) and adds what a reader wants beside
//! them: a step's text, the rating before this one. Small edits of one thing by one author within a
//! sitting become one sentence; entries of a log become a count.
//!
//! # Invariants
//! - Nothing of another author or of an unproven change hides in a sentence.
//! - Times are the authors' clocks; sentences keep the order in which their changes came.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::change_summary::ChangeSummary;
use crate::goal_kind::{ClosingOutcome, GoalState};
use crate::goal_view::{GoalView, Rating};
use crate::words::Words;

/// Edits of one thing by one author no further apart than this are one sitting: a pause for
/// thought is shorter, and the next look at a goal on another occasion is rarely sooner.
const SITTING_SECONDS: u64 = 30 * 60;

/// One change, as the history has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthoredChange {
    /// Whose change it is, if that is known.
    pub author: Option<String>,
    /// When, by the author's clock: seconds since the Unix epoch.
    pub at_seconds: i64,
    /// Whether the author is proven.
    pub proven: bool,
    /// What it did.
    pub facts: Vec<ChangeSummary>,
}

/// Who did what when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Who, if that is known.
    pub author: Option<String>,
    /// Whether the author is proven for all of it.
    pub proven: bool,
    /// The earliest time, by the author's clock: seconds since the Unix epoch.
    pub from_seconds: i64,
    /// The latest time, by the author's clock.
    pub to_seconds: i64,
    /// How many edits or entries it sums up.
    pub count: u64,
    /// What happened; of several alike, the last.
    #[serde(flatten)]
    pub fact: ChangeSummary,
    /// The text it is about: a step's, or the note beside a rating, as it is now or, once removed,
    /// as it was. `None` where there is none, or where nobody knows it any more.
    pub text: Option<Words>,
    /// The writer's rating before this one.
    pub was: Option<u8>,
    /// How it ended; only for a goal that is closed.
    pub outcome: Option<ClosingOutcome>,
}

/// Tells what changed, in the order of the changes. `before` and `now` are the goal before the
/// first and after the last of them; without them, and for a log, the sentences have no texts.
pub fn tell(
    changes: &[AuthoredChange],
    before: Option<&GoalView>,
    now: Option<&GoalView>,
) -> Vec<Sentence> {
    let mut telling = Telling {
        before,
        now,
        sentences: Vec::new(),
        latest: BTreeMap::new(),
    };
    for change in changes {
        let notes_mood = |fact: &ChangeSummary| matches!(fact, ChangeSummary::MoodAdded { .. });
        // A log begins by itself with its first entry.
        let begins = change.facts.iter().any(notes_mood);
        for fact in &change.facts {
            if !(begins && *fact == ChangeSummary::Created) {
                telling.add(change, fact);
            }
        }
    }
    telling.sentences
}

/// Whose sentence, proven or not, about what.
type Key = (Option<String>, bool, Subject);

/// What edits can be about. Edits of one subject fold into one sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Document,
    Title,
    Why,
    GoodEnough,
    Kind,
    Step(String),
    StepText(String),
    StepPlace(String),
    Rating(String),
    RatingNote(String),
    Moods,
    MoodNotes,
    MoodsRemoved,
}

impl Subject {
    /// What a fact is about; `None` for one that always stands for itself.
    fn of(fact: &ChangeSummary) -> Option<Self> {
        Some(match fact {
            ChangeSummary::Created => Self::Document,
            ChangeSummary::TitleChanged => Self::Title,
            ChangeSummary::WhyChanged => Self::Why,
            ChangeSummary::GoodEnoughChanged => Self::GoodEnough,
            ChangeSummary::KindChanged { .. } => Self::Kind,
            ChangeSummary::StepAdded { step } => Self::Step(step.clone()),
            ChangeSummary::StepTextChanged { step } => Self::StepText(step.clone()),
            ChangeSummary::StepMoved { step } => Self::StepPlace(step.clone()),
            ChangeSummary::Rated { rating, .. } => Self::Rating(rating.clone()),
            ChangeSummary::RatingNoteChanged { rating } => Self::RatingNote(rating.clone()),
            ChangeSummary::MoodAdded { .. } => Self::Moods,
            ChangeSummary::MoodNoteChanged { .. } => Self::MoodNotes,
            ChangeSummary::MoodRemoved { .. } => Self::MoodsRemoved,
            _ => return None,
        })
    }

    /// What was made shortly before, so that this edit belongs to the making.
    fn maker(&self) -> Option<Self> {
        match self {
            Self::Title | Self::Why | Self::GoodEnough | Self::Kind => Some(Self::Document),
            Self::StepText(step) | Self::StepPlace(step) => Some(Self::Step(step.clone())),
            Self::RatingNote(rating) => Some(Self::Rating(rating.clone())),
            _ => None,
        }
    }

    /// Entries of a log: their number is told, however far apart they are.
    fn is_counted(&self) -> bool {
        matches!(self, Self::Moods | Self::MoodNotes | Self::MoodsRemoved)
    }
}

struct Telling<'a> {
    before: Option<&'a GoalView>,
    now: Option<&'a GoalView>,
    sentences: Vec<Sentence>,
    /// The newest sentence on each subject.
    latest: BTreeMap<Key, usize>,
}

impl Telling<'_> {
    fn add(&mut self, change: &AuthoredChange, fact: &ChangeSummary) {
        let fact = claimed(change.author.as_deref(), fact);
        let key = |subject| (change.author.clone(), change.proven, subject);
        let subject = Subject::of(fact);
        if let Some(subject) = &subject {
            let maker = subject.maker();
            let made = maker.and_then(|maker| self.sentence_to_extend(&key(maker), change));
            if let Some(sentence) = made {
                sentence.extend(change.at_seconds);
                return;
            }
            if let Some(sentence) = self.sentence_to_extend(&key(subject.clone()), change) {
                sentence.extend(change.at_seconds);
                sentence.count += 1;
                sentence.fact = fact.clone();
                return;
            }
        }
        if let Some(subject) = subject {
            self.latest.insert(key(subject), self.sentences.len());
        }
        self.sentences.push(Sentence {
            author: change.author.clone(),
            proven: change.proven,
            from_seconds: change.at_seconds,
            to_seconds: change.at_seconds,
            count: 1,
            fact: fact.clone(),
            text: self.text(fact),
            was: self.rating_before(fact).map(|rating| rating.value),
            outcome: self.outcome(fact),
        });
    }

    /// The sentence on this subject, if the change still belongs to its sitting.
    fn sentence_to_extend(&mut self, key: &Key, change: &AuthoredChange) -> Option<&mut Sentence> {
        let sentence = &mut self.sentences[*self.latest.get(key)?];
        let pause = sentence.to_seconds.abs_diff(change.at_seconds);
        (pause <= SITTING_SECONDS || key.2.is_counted()).then_some(sentence)
    }

    fn views(&self) -> impl Iterator<Item = &GoalView> {
        self.now.into_iter().chain(self.before)
    }

    fn text(&self, fact: &ChangeSummary) -> Option<Words> {
        let text = match fact {
            ChangeSummary::StepAdded { step }
            | ChangeSummary::StepTextChanged { step }
            | ChangeSummary::StepMoved { step }
            | ChangeSummary::StepDone { step }
            | ChangeSummary::StepReopened { step }
            | ChangeSummary::StepRemoved { step } => self.views().find_map(|view| {
                let found = view.steps.iter().find(|one| one.id == *step)?;
                Some(found.text.clone())
            }),
            ChangeSummary::Rated { rating, .. } | ChangeSummary::RatingNoteChanged { rating } => {
                let (ratings, place) = self.ratings_with(rating)?;
                Some(ratings[place].note.clone())
            }
            _ => None,
        };
        text.filter(|text| !text.is_blank())
    }

    /// The same person's rating before the one that was given.
    fn rating_before(&self, fact: &ChangeSummary) -> Option<&Rating> {
        let ChangeSummary::Rated { rating, .. } = fact else {
            return None;
        };
        let (ratings, place) = self.ratings_with(rating)?;
        let given = &ratings[place];
        ratings[..place].iter().rfind(|earlier| {
            earlier.writer == given.writer && earlier.copied_from == given.copied_from
        })
    }

    fn ratings_with(&self, id: &str) -> Option<(&[Rating], usize)> {
        self.views().find_map(|view| {
            let place = view.ratings.iter().position(|rating| rating.id == id)?;
            Some((view.ratings.as_slice(), place))
        })
    }

    fn outcome(&self, fact: &ChangeSummary) -> Option<ClosingOutcome> {
        let closed = ChangeSummary::StateChanged {
            state: Some(GoalState::Closed),
        };
        self.now.filter(|_| *fact == closed)?.outcome
    }
}

impl Sentence {
    fn extend(&mut self, at_seconds: i64) {
        self.from_seconds = self.from_seconds.min(at_seconds);
        self.to_seconds = self.to_seconds.max(at_seconds);
    }
}

/// A fact as its author may claim it: nobody rates, proposes or notes a mood in another's name. What
/// is written there does not count, and is told as something without a name.
fn claimed<'a>(author: Option<&str>, fact: &'a ChangeSummary) -> &'a ChangeSummary {
    let entry = match fact {
        ChangeSummary::Rated { rating: entry, .. }
        | ChangeSummary::RatingNoteChanged { rating: entry }
        | ChangeSummary::RatingRemoved { rating: entry }
        | ChangeSummary::Proposed { proposal: entry }
        | ChangeSummary::ProposalWithdrawn { proposal: entry }
        | ChangeSummary::MoodAdded { entry, .. }
        | ChangeSummary::MoodNoteChanged { entry }
        | ChangeSummary::MoodRemoved { entry } => Some(entry),
        _ => None,
    };
    let writer = entry.and_then(|entry| Some(entry.split_once('/')?.0));
    match author {
        Some(author) if entry.is_some() && writer != Some(author) => &ChangeSummary::Other,
        _ => fact,
    }
}
