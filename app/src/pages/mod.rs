//! The pages: functions of an immutable view and their own local state.

mod goal;
mod goals;
mod history;
mod people;
mod shares;
mod today;
mod welcome;
mod wording;

use cairn_words::Words;
use egui::Ui;

use crate::command::Command;
use crate::theme::{Type, tokens};
use crate::view::NotebookView;
use crate::when::Clock;
use crate::widgets::heading_ui;

pub use goal::{GoalState, goal_ui};
pub use goals::{GoalsState, goals_ui};
pub use people::{PeopleState, people_ui};
pub use today::{TodayState, today_ui};
pub use welcome::{
    Asked, RecoveryState, UnlockState, WelcomeState, recovery_ui, unlock_ui, welcome_ui,
};

/// What every page of an open notebook needs.
#[derive(Debug)]
pub struct Desk<'a> {
    /// All texts.
    pub words: &'a Words,
    /// The notebook as it is now.
    pub view: &'a NotebookView,
    /// What time it is.
    pub clock: &'a Clock,
    /// What the person asked for in this frame.
    pub commands: &'a mut Vec<Command>,
}

impl Desk<'_> {
    /// Asks for `command`.
    pub fn ask(&mut self, command: Command) {
        self.commands.push(command);
    }
}

/// The title of a page, with a second line beside it.
fn title_ui(ui: &mut Ui, title: &str) {
    heading_ui(ui, Type::Page, title, 1);
}

/// A second line in muted small text.
fn small_ui(ui: &mut Ui, text: &str) {
    ui.label(Type::Small.text(text, tokens(ui).muted));
}

/// Running text.
fn body_ui(ui: &mut Ui, text: &str) {
    ui.label(Type::Body.text(text, tokens(ui).ink));
}
