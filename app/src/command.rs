//! Everything a person can ask the window for, each with its words, shortcut and icon.
//!
//! Role: buttons, shortcuts and the palette only make commands; the one executor is
//! [`NotebookWindow::execute`](crate::NotebookWindow).

use cairn_words::TextId;
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
    /// Put the caret into the words of the goal that is shown.
    EditWords,
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
        Command::EditWords,
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

/// Name and explanation of a command: the texts `command-NAME` and `command-NAME-hint`.
macro_rules! said {
    ($name:literal) => {
        const {
            (
                TextId::checked(concat!("command-", $name)),
                TextId::checked(concat!("command-", $name, "-hint")),
            )
        }
    };
}

impl Command {
    /// How it is shown; `None` for commands that only make sense where their button is.
    pub fn label(&self) -> Option<Label> {
        let with = |key| Some(KeyboardShortcut::new(Modifiers::COMMAND, key));
        let alone = |key| Some(KeyboardShortcut::new(Modifiers::NONE, key));
        let ((text, hint), icon, shortcut) = match self {
            Self::Go(Page::Today) => (said!("today"), Icon::Today, with(Key::Num1)),
            Self::Go(Page::Goals) => (said!("goals"), Icon::Goals, with(Key::Num2)),
            Self::Go(Page::People) => (said!("people"), Icon::People, with(Key::Num3)),
            Self::NewGoal => (said!("new-goal"), Icon::Add, with(Key::N)),
            Self::EditWords => (said!("edit-words"), Icon::Goals, alone(Key::F2)),
            Self::Connect => (said!("connect"), Icon::Share, None),
            Self::Find => (said!("find"), Icon::Find, with(Key::K)),
            Self::Lock => (said!("lock"), Icon::Lock, with(Key::L)),
            Self::Colours(ThemePreference::Light) => (said!("light"), Icon::Colours, None),
            Self::Colours(ThemePreference::Dark) => (said!("dark"), Icon::Colours, None),
            Self::Colours(ThemePreference::System) => {
                (said!("system-colours"), Icon::Colours, None)
            }
            Self::TextLarger => (said!("text-larger"), Icon::TextSize, with(Key::Plus)),
            Self::TextSmaller => (said!("text-smaller"), Icon::TextSize, with(Key::Minus)),
            Self::TextUsual => (said!("text-usual"), Icon::TextSize, with(Key::Num0)),
            Self::Go(Page::Goal(_)) | Self::Copy(_) | Self::Demo | Self::Change(_) => return None,
        };
        Some(Label {
            text,
            hint,
            icon,
            shortcut,
        })
    }

    /// Whether it can be done on `page`; a notebook that cannot be locked has no cover to lock.
    pub(crate) fn is_offered(&self, page: Page, lockable: bool) -> bool {
        match self {
            Self::Lock => lockable,
            Self::EditWords => matches!(page, Page::Goal(_)),
            _ => true,
        }
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
