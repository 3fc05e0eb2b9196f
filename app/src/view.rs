//! What the pages show: immutable, with names already found, made by the notebook.
//!
//! Role: pages are functions of these and of their own local state; they never ask a node.
//! Times are milliseconds since 1970 (UTC).

use std::fmt;
use std::sync::Arc;

/// Names one goal; the bytes of its document's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoalKey(pub [u8; 16]);

/// Names one person; the bytes of their id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey(pub [u8; 32]);

/// Names an exact wording: the digest of the agreed fields.
pub type Seen = [u8; 32];

/// What a person uses the notebook as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Comes to therapy; owns the goals.
    Client,
    /// Works on goals that are shared with them.
    Therapist,
    /// A friend or relative who sees what was shared.
    Supporter,
}

/// What a goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Something to ease.
    Symptom,
    /// Something to do.
    Behaviour,
    /// Handling feelings.
    Emotion,
    /// Being with others.
    Relationship,
    /// Who to be.
    Growth,
    /// Not known yet.
    Clarity,
}

impl Kind {
    /// All kinds, in the order they are offered.
    pub const ALL: [Self; 6] = [
        Self::Symptom,
        Self::Behaviour,
        Self::Emotion,
        Self::Relationship,
        Self::Growth,
        Self::Clarity,
    ];
}

/// How a goal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Reached.
    Achieved,
    /// Good enough.
    GoodEnough,
    /// In part.
    Partly,
    /// It became another goal.
    Changed,
    /// Let go.
    LetGo,
    /// Not now.
    NotNow,
}

impl Outcome {
    /// All outcomes, in the order they are offered.
    pub const ALL: [Self; 6] = [
        Self::Achieved,
        Self::GoodEnough,
        Self::Partly,
        Self::Changed,
        Self::LetGo,
        Self::NotNow,
    ];
}

/// Where a goal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Worked on.
    Focus,
    /// Set aside for now.
    Paused,
    /// Ended.
    Closed(Outcome),
}

/// Who wrote or did something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Author {
    /// The person whose notebook this is.
    Me,
    /// Someone else, by the name used here.
    Other(String),
    /// Someone whose name is not known here.
    Unknown,
}

/// The two marks every item carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Names of the others who can see the item.
    pub seen_by: Vec<String>,
    /// Whether the vault has it.
    pub saved: bool,
    /// Names of those in `seen_by` whose device has confirmed the latest change.
    pub delivered_to: Vec<String>,
}

/// One mood entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoodEntry {
    /// 0 to 10.
    pub score: u8,
    /// Own words; may be empty.
    pub note: String,
    /// When it was felt.
    pub at_millis: i64,
}

/// One rating of a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// 0 (not started) to 10 (where the person wants to be).
    pub score: u8,
    /// Own words; may be empty.
    pub note: String,
    /// When it was given.
    pub at_millis: i64,
    /// Who gave it.
    pub by: Author,
}

/// A small step of a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Names it within its goal.
    pub key: String,
    /// What to do.
    pub text: String,
    /// When it was ticked.
    pub done_millis: Option<i64>,
    /// Who added it.
    pub by: Author,
}

/// Whose turn it is with the words of a goal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Agreement {
    /// Nobody proposed the words.
    #[default]
    Draft,
    /// I proposed them; `with` has not answered.
    ProposedByMe {
        /// Who is asked.
        with: String,
        /// When.
        at_millis: i64,
    },
    /// Someone proposed them and waits for me.
    ProposedByOther {
        /// Who asks.
        by: String,
        /// When.
        at_millis: i64,
        /// Names the proposal.
        proposal: String,
        /// The exact words proposed.
        seen: Seen,
    },
    /// Both agreed on exactly these words.
    Agreed {
        /// The other one.
        with: String,
        /// When the second of the two agreed.
        at_millis: i64,
    },
    /// Others proposed or agreed on them among themselves; I was not asked.
    OfOthers {
        /// Who.
        names: String,
        /// Whether all of them agreed.
        agreed: bool,
        /// When the words were proposed.
        at_millis: i64,
    },
    /// The words changed after both agreed.
    Changed,
}

/// One earlier wording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// The title as it read.
    pub text: String,
    /// When it was proposed or agreed.
    pub at_millis: i64,
    /// By whom.
    pub by: Author,
}

/// One line of the list of goals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalLine {
    /// Names the goal.
    pub key: GoalKey,
    /// The goal in the person's words.
    pub title: String,
    /// What it is about.
    pub kind: Option<Kind>,
    /// Where it stands.
    pub standing: Standing,
    /// The owner, unless it is me.
    pub owner: Author,
    /// Whose turn it is.
    pub agreement: Agreement,
    /// Steps, in order.
    pub steps: Vec<Step>,
    /// My latest rating.
    pub last_rating: Option<Rating>,
    /// Whether it asks for a rating today.
    pub rating_due: bool,
    /// Who sees it, and what arrived.
    pub marks: Marks,
}

/// What happened to a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It was written down.
    Created,
    /// The words changed.
    TitleChanged,
    /// The reason changed.
    WhyChanged,
    /// What is good enough changed.
    EnoughChanged,
    /// What it is about changed.
    KindChanged,
    /// A step was added.
    StepAdded,
    /// A step was ticked.
    StepDone,
    /// A step was opened again.
    StepUndone,
    /// A rating was added.
    Rated,
    /// The words were proposed.
    Proposed,
    /// The words were agreed to.
    Accepted,
    /// It was shared with someone.
    Shared(String),
    /// Sharing with someone stopped.
    Unshared(String),
    /// It was paused.
    Paused,
    /// It was taken up again.
    Resumed,
    /// It was closed.
    Closed,
    /// Something this version has no sentence for.
    Other,
}

/// One sentence of a goal's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLine {
    /// Who.
    pub by: Author,
    /// What.
    pub event: Event,
    /// When.
    pub at_millis: i64,
}

/// One person who may see one goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The person.
    pub person: PersonKey,
    /// Their name here.
    pub name: String,
    /// Whether they may write in it.
    pub may_write: bool,
    /// Since when.
    pub since_millis: i64,
    /// When their device confirmed the grant.
    pub receipt_millis: Option<i64>,
}

/// Everything about one goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalView {
    /// What the list shows too.
    pub line: GoalLine,
    /// The exact words as they are.
    pub seen: Seen,
    /// Why it matters.
    pub why: String,
    /// What would be good enough.
    pub good_enough: String,
    /// Whether I may write in it.
    pub may_write: bool,
    /// Whether it is mine to share.
    pub may_share: bool,
    /// All ratings, oldest first.
    pub ratings: Vec<Rating>,
    /// Earlier wordings, newest first.
    pub wordings: Vec<Wording>,
    /// Who else may see it.
    pub grants: Vec<Grant>,
    /// What happened, newest first.
    pub history: Vec<HistoryLine>,
}

/// A person this notebook is paired with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The person.
    pub key: PersonKey,
    /// Their name here.
    pub name: String,
    /// What they use the notebook as.
    pub role: Role,
    /// Whether one of their devices is connected now.
    pub connected: bool,
    /// How many devices they have.
    pub devices: usize,
}

/// One line of the sharing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedLine {
    /// The goal.
    pub goal: GoalKey,
    /// Its words.
    pub title: String,
    /// Whether I own it, so that I can stop sharing it.
    pub mine: bool,
    /// Who sees it.
    pub grant: Grant,
}

/// How far a pairing has come.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pairing {
    /// None under way.
    #[default]
    Idle,
    /// This device shows a code and waits.
    Offering {
        /// The code to read out.
        code: String,
        /// Where this device listens.
        address: String,
    },
    /// This device is talking to the one that showed a code.
    Joining,
    /// Done.
    Done {
        /// Who it is now paired with.
        name: String,
    },
    /// It did not work.
    Refused {
        /// Why, as a phrase.
        reason: String,
    },
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The code is a secret while it is shown.
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Offering { .. } => "Offering",
            Self::Joining => "Joining",
            Self::Done { .. } => "Done",
            Self::Refused { .. } => "Refused",
        })
    }
}

/// Everything outside a single goal.
#[derive(Debug, Clone)]
pub struct NotebookView {
    /// My name.
    pub name: String,
    /// What I use the notebook as.
    pub role: Role,
    /// All goals, newest first.
    pub goals: Arc<Vec<GoalLine>>,
    /// Mood entries of the last days, newest first.
    pub moods: Arc<Vec<MoodEntry>>,
    /// The marks of the mood log.
    pub mood_marks: Marks,
    /// Who this notebook is paired with.
    pub people: Vec<Person>,
    /// Who sees what.
    pub shared: Vec<SharedLine>,
    /// How far a pairing has come.
    pub pairing: Pairing,
    /// Whether everything is in the vault.
    pub saved: bool,
    /// Since when the vault refuses to store, if it does.
    pub store_stopped_millis: Option<i64>,
}
