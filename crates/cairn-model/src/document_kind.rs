//! The kinds of documents and their numbers, which a document's id commits to.

/// What kind of document it is.
///
/// The numbers are part of the format and are never used again for another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u16)]
pub enum DocumentKind {
    /// One goal; the owner is the client.
    Goal = 1,
    /// What the client and one other person keep together: agenda, appointments, reviews.
    Relationship = 2,
    /// Mood entries of one calendar year.
    MoodLog = 3,
    /// A person's profile.
    Profile = 4,
    /// Planned and done activities of one calendar year.
    ActivityWeek = 5,
    /// Coping log of one calendar year.
    CopingLog = 6,
    /// Small wins of one calendar year.
    Wins = 7,
    /// Free writing of one month.
    Journal = 8,
    /// Thought records of one month.
    ThoughtRecords = 9,
    /// Answers to one measure.
    MeasureSeries = 10,
    /// Settings for all of a person's devices.
    Settings = 11,
    /// The order of the goals in focus.
    FocusOrder = 12,
    /// What matters to a person.
    Values = 13,
    /// People and places that help.
    Support = 14,
    /// A person's own plan for hard times.
    SafetyPlan = 15,
    /// A therapist's notes on one client, never shared.
    PrivateNotes = 16,
    /// A therapist's draft of a goal, before the client takes it up.
    GoalDraft = 17,
}

impl DocumentKind {
    /// Every kind, by number.
    pub const ALL: [Self; 17] = [
        Self::Goal,
        Self::Relationship,
        Self::MoodLog,
        Self::Profile,
        Self::ActivityWeek,
        Self::CopingLog,
        Self::Wins,
        Self::Journal,
        Self::ThoughtRecords,
        Self::MeasureSeries,
        Self::Settings,
        Self::FocusOrder,
        Self::Values,
        Self::Support,
        Self::SafetyPlan,
        Self::PrivateNotes,
        Self::GoalDraft,
    ];

    /// The kind's number in formats.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The kind with this number; `None` for one that a later version may know.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_fixed() {
        for (index, kind) in DocumentKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.number()), index + 1);
            assert_eq!(DocumentKind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(DocumentKind::from_number(0), None);
        assert_eq!(DocumentKind::from_number(18), None);
        assert_eq!(DocumentKind::MoodLog.number(), 3);
    }
}
