//! The notebook as the window needs it: views out, changes in.
//!
//! Role: the only file that knows where views come from. Pages see [`NotebookView`] and
//! [`GoalView`]; what a person does arrives here as a [`Change`].
//! Invariants: no method waits for the network, the disk or key derivation, but for those of
//! [`Cover`], which the window calls from a worker thread.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::edit::Splice;
use crate::view::{GoalKey, GoalView, Kind, NotebookView, Outcome, PersonKey, Role, Seen};

/// The texts of a goal that two people write in together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GoalField {
    /// The words of the goal.
    Title,
    /// Why it matters.
    Why,
    /// What would be good enough.
    GoodEnough,
}

/// What a person changes in the notebook.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Write down a new goal.
    AddGoal {
        /// In own words; may be empty for [`Kind::Clarity`].
        title: String,
        /// What it is about.
        kind: Option<Kind>,
    },
    /// Edit one text of a goal.
    EditText {
        /// Which goal.
        goal: GoalKey,
        /// Which text.
        field: GoalField,
        /// The text before the first splice, as the person saw it.
        seen: String,
        /// What was typed, in order, in code points.
        splices: Vec<Splice>,
    },
    /// Say what a goal is about.
    SetKind(GoalKey, Kind),
    /// Add a small step.
    AddStep(GoalKey, String),
    /// Tick a step, or open it again.
    TickStep {
        /// Which goal.
        goal: GoalKey,
        /// Which step.
        step: String,
        /// Ticked or open.
        done: bool,
    },
    /// Rate how close a goal feels.
    Rate {
        /// Which goal.
        goal: GoalKey,
        /// 0 to 10.
        score: u8,
        /// Own words; may be empty.
        note: String,
    },
    /// Propose the words of a goal, as they were shown.
    Propose {
        /// Which goal.
        goal: GoalKey,
        /// The words on the screen; proposing others is refused.
        seen: Seen,
    },
    /// Agree to the words of a goal, as they were shown.
    Accept {
        /// Which goal.
        goal: GoalKey,
        /// Which proposal.
        proposal: String,
        /// The words on the screen; agreeing to others is refused.
        seen: Seen,
    },
    /// Set a goal aside.
    Pause(GoalKey),
    /// Take a goal up again.
    Resume(GoalKey),
    /// Close a goal.
    Close(GoalKey, Outcome),
    /// Write down how it is.
    AddMood {
        /// 0 to 10.
        score: u8,
        /// Own words; may be empty.
        note: String,
    },
    /// Share a goal, to read and write.
    Share(GoalKey, PersonKey),
    /// Stop sharing a goal.
    Unshare(GoalKey, PersonKey),
    /// Show a pairing code.
    OfferPairing,
    /// Use the code another device shows.
    AcceptPairing {
        /// The code, as typed.
        code: String,
        /// Where the other device listens.
        address: String,
    },
    /// Put away the code, or the result of a pairing.
    ClosePairing,
    /// Give a person another name, here only.
    Rename(PersonKey, String),
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name of the change only: the rest is content.
        f.write_str(match self {
            Self::AddGoal { .. } => "AddGoal",
            Self::EditText { .. } => "EditText",
            Self::SetKind(..) => "SetKind",
            Self::AddStep(..) => "AddStep",
            Self::TickStep { .. } => "TickStep",
            Self::Rate { .. } => "Rate",
            Self::Propose { .. } => "Propose",
            Self::Accept { .. } => "Accept",
            Self::Pause(_) => "Pause",
            Self::Resume(_) => "Resume",
            Self::Close(..) => "Close",
            Self::AddMood { .. } => "AddMood",
            Self::Share(..) => "Share",
            Self::Unshare(..) => "Unshare",
            Self::OfferPairing => "OfferPairing",
            Self::AcceptPairing { .. } => "AcceptPairing",
            Self::ClosePairing => "ClosePairing",
            Self::Rename(..) => "Rename",
        })
    }
}

/// Why a change was refused, as a phrase for a person, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// An open notebook.
pub trait Notebook: Send + Sync {
    /// Everything outside a single goal; cheap, called every frame.
    fn view(&self) -> Arc<NotebookView>;

    /// Everything about one goal; cheap once the goal is loaded.
    fn goal(&self, goal: GoalKey) -> Option<Arc<GoalView>>;

    /// Does what the person asked; gives the goal that was added, if one was.
    ///
    /// # Errors
    ///
    /// When the notebook cannot do it; nothing has changed then.
    fn change(&self, change: Change) -> Result<Option<GoalKey>, Refusal>;

    /// Calls `wake` whenever something visible changed, from any thread.
    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>);

    /// Ends the work of the notebook after everything is stored.
    fn close(&self);
}

/// What the first start asks for.
pub struct NewNotebook {
    /// What brings the person here.
    pub role: Role,
    /// Their name, as others will see it.
    pub name: String,
    /// What opens the notebook.
    pub passphrase: Zeroizing<String>,
}

impl fmt::Debug for NewNotebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewNotebook")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// A closed notebook: the place where one is, or will be.
pub trait Cover: Send + Sync {
    /// Whether there is a notebook to open.
    fn exists(&self) -> bool;

    /// Makes a notebook; gives it with its recovery code. Slow on purpose.
    ///
    /// # Errors
    ///
    /// When the place cannot be written to, or holds a notebook already.
    fn create(&self, new: NewNotebook) -> Result<(Arc<dyn Notebook>, Zeroizing<String>), Refusal>;

    /// Opens the notebook; `Ok(None)` when the passphrase is not the right one. Slow on purpose.
    ///
    /// # Errors
    ///
    /// When the notebook cannot be read.
    fn open(&self, passphrase: Zeroizing<String>) -> Result<Option<Arc<dyn Notebook>>, Refusal>;
}
