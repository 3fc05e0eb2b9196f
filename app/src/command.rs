//! Everything a person can ask the window for, each with its words, shortcut and icon.
//!
//! Role: buttons, shortcuts and the palette only make commands; the one executor is
//! [`NotebookWindow::execute`](crate::NotebookWindow).

use cairn_words::{TextId, text_id};
use egui::{Key, KeyboardShortcut, Modifiers, ThemePreference};

use crate::notebook::Change;
use crate::view::GoalKey;
use crate::widgets::Icon;

/// The pages of an open notebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Page {
    /// How it is right now.
    Today,
    /// All goals.
    Goals,
    /// One goal.
    Goal(GoalKey),
    /// Pairing and sharing.
    People,
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// Show a page.
    Go(Page),
    /// Start to write down a goal.
    NewGoal,
    /// Start to pair with someone.
    Connect,
    /// Open or close the palette.
    Find,
    /// Close the notebook until the passphrase is typed.
    Lock,
    /// Choose light, dark, or the desktop's colours.
    Colours(ThemePreference),
    /// Everything one step larger.
    TextLarger,
    /// Everything one step smaller.
    TextSmaller,
    /// Everything at 100 %.
    TextUsual,
    /// Put a text on the clipboard.
    Copy(String),
    /// Start the program once more, with two made-up notebooks.
    Demo,
    /// Change the notebook.
    Change(Change),
}

/// How a command is shown.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Its name.
    pub text: TextId,
    /// A longer explanation.
    pub hint: TextId,
    /// Its icon.
    pub icon: Icon,
    /// Its shortcut, if it has one.
    pub shortcut: Option<KeyboardShortcut>,
}

/// The pages of the bar, in order.
pub const PAGES: [Page; 3] = [Page::Today, Page::Goals, Page::People];

/// Every command that needs nothing else to be said: the palette and the shortcuts.
pub fn listed() -> Vec<Command> {
    let mut commands: Vec<Command> = PAGES.into_iter().map(Command::Go).collect();
    commands.extend([
        Command::NewGoal,
        Command::Connect,
        Command::Find,
        Command::Lock,
        Command::Colours(ThemePreference::Light),
        Command::Colours(ThemePreference::Dark),
        Command::Colours(ThemePreference::System),
        Command::TextLarger,
        Command::TextSmaller,
        Command::TextUsual,
    ]);
    commands
}

impl Command {
    /// How it is shown; `None` for commands that only make sense where their button is.
    pub fn label(&self) -> Option<Label> {
        let label = |text, hint, icon, shortcut: Option<Key>| {
            Some(Label {
                text,
                hint,
                icon,
                shortcut: shortcut.map(|key| KeyboardShortcut::new(Modifiers::COMMAND, key)),
            })
        };
        match self {
            Self::Go(Page::Today) => label(
                text_id!("command-today"),
                text_id!("command-today-hint"),
                Icon::Today,
                Some(Key::Num1),
            ),
            Self::Go(Page::Goals) => label(
                text_id!("command-goals"),
                text_id!("command-goals-hint"),
                Icon::Goals,
                Some(Key::Num2),
            ),
            Self::Go(Page::People) => label(
                text_id!("command-people"),
                text_id!("command-people-hint"),
                Icon::People,
                Some(Key::Num3),
            ),
            Self::NewGoal => label(
                text_id!("command-new-goal"),
                text_id!("command-new-goal-hint"),
                Icon::Add,
                Some(Key::N),
            ),
            Self::Connect => label(
                text_id!("command-connect"),
                text_id!("command-connect-hint"),
                Icon::Share,
                None,
            ),
            Self::Find => label(
                text_id!("command-find"),
                text_id!("command-find-hint"),
                Icon::Find,
                Some(Key::K),
            ),
            Self::Lock => label(
                text_id!("command-lock"),
                text_id!("command-lock-hint"),
                Icon::Lock,
                Some(Key::L),
            ),
            Self::Colours(preference) => {
                let (text, hint) = colours(*preference);
                label(text, hint, Icon::Colours, None)
            }
            Self::TextLarger => label(
                text_id!("command-text-larger"),
                text_id!("command-text-larger-hint"),
                Icon::TextSize,
                Some(Key::Plus),
            ),
            Self::TextSmaller => label(
                text_id!("command-text-smaller"),
                text_id!("command-text-smaller-hint"),
                Icon::TextSize,
                Some(Key::Minus),
            ),
            Self::TextUsual => label(
                text_id!("command-text-usual"),
                text_id!("command-text-usual-hint"),
                Icon::TextSize,
                Some(Key::Num0),
            ),
            Self::Go(Page::Goal(_)) | Self::Copy(_) | Self::Demo | Self::Change(_) => None,
        }
    }
}

fn colours(preference: ThemePreference) -> (TextId, TextId) {
    match preference {
        ThemePreference::Light => (text_id!("command-light"), text_id!("command-light-hint")),
        ThemePreference::Dark => (text_id!("command-dark"), text_id!("command-dark-hint")),
        ThemePreference::System => (
            text_id!("command-system-colours"),
            text_id!("command-system-colours-hint"),
        ),
    }
}

/// The listed commands whose shortcut was pressed; consumes the keys.
pub fn pressed(ctx: &egui::Context) -> Vec<Command> {
    listed()
        .into_iter()
        .filter(|command| {
            let shortcut = command.label().and_then(|label| label.shortcut);
            shortcut
                .is_some_and(|shortcut| ctx.input_mut(|input| input.consume_shortcut(&shortcut)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn listed_commands_have_labels_of_their_own() {
        let mut texts = BTreeSet::new();
        let mut shortcuts = BTreeSet::new();
        for command in listed() {
            let label = command.label().expect("a listed command has a label");
            assert!(
                texts.insert(label.text),
                "{command:?} has the name of another"
            );
            if let Some(shortcut) = label.shortcut {
                assert!(shortcuts.insert(format!("{shortcut:?}")), "{command:?}");
            }
        }
    }
}
