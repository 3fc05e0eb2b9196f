//! The answer of a command, and the commands that give exactly one.

use cairn_node::{DocumentId, Node};
use cairn_words::Words;
use serde::Serialize;
use serde_json::Value;

use crate::arguments::{Command, MoodCommand};
use crate::failure::Failure;
use crate::{
    bookmarks, changes, devices, drafts, erasing, goals, history, moods, notebook, people, reports,
    sharing,
};

/// What a command gives back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// For programs.
    pub(crate) json: Value,
    /// The same facts for people: lines.
    pub(crate) plain: String,
    /// Set when the command was done and found something wrong: exit code 1.
    pub(crate) fault: Option<String>,
    /// What it made, for the names of `import history`.
    pub(crate) made: Option<String>,
    /// The document it changed and with how many changes.
    pub(crate) changed: Option<(DocumentId, u64)>,
}

impl Answer {
    pub(crate) fn new(json: impl Serialize, plain: impl Into<String>) -> Self {
        let json = serde_json::to_value(json).expect("answers have text keys and finite numbers");
        Self {
            json,
            plain: plain.into(),
            ..Self::default()
        }
    }

    pub(crate) fn making(mut self, id: impl ToString) -> Self {
        self.made = Some(id.to_string());
        self
    }

    pub(crate) fn changing(mut self, document: DocumentId, changes: u64) -> Self {
        self.changed = Some((document, changes));
        self
    }
}

/// Runs a command that does one thing and gives one answer.
///
/// # Errors
/// The command's reason; usage for one that opens no vault or goes on.
pub(crate) fn run(node: &Node, command: &Command, words: &Words) -> Result<Answer, Failure> {
    match command {
        Command::Whoami => Ok(notebook::whoami(node, words)),
        Command::Goal { command } => goals::run(node, command, words),
        Command::Mood {
            command: MoodCommand::Add(score),
        } => moods::add(node, score, words),
        Command::Mood {
            command: MoodCommand::List,
        } => moods::list(node, words),
        Command::Share(share) => sharing::share(node, share, words),
        Command::Unshare { document, with } => sharing::unshare(node, *document, with, words),
        Command::Consent { document } => sharing::consent(node, *document, words),
        Command::Drafts { document } => drafts::list(node, *document, words),
        Command::Erase { document } => erasing::erase(node, *document, words),
        Command::FreshCopy { document } => erasing::fresh_copy(node, *document, words),
        Command::People => Ok(people::list(node, words)),
        Command::Devices => Ok(devices::list(node, words)),
        Command::Bookmark { command } => bookmarks::run(node, command, words),
        Command::History(history) => history::run(node, history, words),
        Command::Changes(changes) => changes::run(node, changes, words),
        Command::Verify => reports::verify(node, words),
        Command::Doctor => reports::doctor(node, words),
        Command::Init(_)
        | Command::Pair { .. }
        | Command::Serve(_)
        | Command::Sync(_)
        | Command::Import { .. } => Err(Failure::Usage(
            "this command runs on its own, not from a file".into(),
        )),
    }
}
