//! A fresh copy of a goal: what is visible now, without its history.

use crate::goal_command::GoalCommand;
use crate::goal_kind::GoalState;
use crate::goal_view::GoalView;
use crate::new_goal::NewGoal;
use crate::words::Words;

impl GoalView {
    /// The goal to make in a new document, and the commands that bring it to this state.
    ///
    /// The copying person becomes the writer of every rating; one that was another's says so in
    /// `copied_from`. Proposals and acceptances are not copied: they are bound to the document in
    /// which they were made. Values that lost a conflict, ignored entries and unreadable ones are
    /// not copied either. `writer` is the person who copies.
    pub fn copy(&self, writer: &str) -> (NewGoal, Vec<GoalCommand>) {
        let goal = NewGoal {
            title: self.title.clone(),
            kind: self.kind,
            why: self.why.clone(),
            good_enough: self.good_enough.clone(),
        };
        let steps = self.steps.iter().map(|step| GoalCommand::AddStep {
            text: step.text.clone(),
            done: step.done,
        });
        let ratings = self.ratings.iter().map(|rating| {
            let rater = rating.copied_from.as_ref().unwrap_or(&rating.writer);
            GoalCommand::Rate {
                value: rating.value,
                note: rating.note.clone(),
                at: Some(rating.at),
                copied_from: (rater != writer).then(|| rater.clone()),
            }
        });
        let state = match (self.state, self.outcome) {
            (GoalState::Paused, _) => Some(GoalCommand::Pause),
            (GoalState::Closed, Some(outcome)) => Some(GoalCommand::Close {
                outcome,
                note: Words::clone(&self.closing_note),
            }),
            _ => None,
        };
        (goal, steps.chain(ratings).chain(state).collect())
    }
}
