//! The closed sets of a goal's words: its kind, its state, how it was closed.

use serde::{Deserialize, Serialize};

macro_rules! term {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the interface.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in documents, on the command line and in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The value with this word; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}

term! {
    /// What a goal is about. A goal without one has not had it chosen yet.
    GoalKind {
        /// Less of something that troubles: panic, sleeplessness.
        Symptom = "symptom",
        /// Doing something, or doing it otherwise.
        Behaviour = "behaviour",
        /// Living with feelings and urges.
        Emotion = "emotion",
        /// Between people.
        Relationship = "relationship",
        /// Values, identity, meaning.
        Growth = "growth",
        /// "I don't know yet": finding out what the goal is.
        Clarity = "clarity",
    }
}

term! {
    /// Where a goal stands.
    GoalState {
        /// Being worked on; the default.
        Open = "open",
        /// Put aside for now.
        Paused = "paused",
        /// Ended, with a [`ClosingOutcome`].
        Closed = "closed",
    }
}

term! {
    /// How a goal ended. There is no word for failure.
    ClosingOutcome {
        /// Reached.
        Achieved = "achieved",
        /// Reached as far as was meant to be enough.
        GoodEnough = "good-enough",
        /// Reached in part.
        Partly = "partly",
        /// Became another goal.
        Changed = "changed",
        /// No longer wanted.
        LetGo = "let-go",
        /// Not at this time.
        NotNow = "not-now",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_are_those_of_json() {
        for kind in GoalKind::ALL {
            assert_eq!(GoalKind::parse(kind.as_str()), Some(*kind));
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.as_str()));
        }
        for outcome in ClosingOutcome::ALL {
            assert_eq!(ClosingOutcome::parse(outcome.as_str()), Some(*outcome));
        }
        assert_eq!(GoalState::parse("open"), Some(GoalState::Open));
        assert_eq!(GoalState::parse("Open"), None);
        assert_eq!(GoalKind::ALL.len(), 6);
    }
}
