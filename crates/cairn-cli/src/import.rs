//! `import history`: many commands from a file, in one process.
//!
//! Invariants: a line is parsed by the same parser as the command line; lines before a bad one
//! stay; the answer comes once all of it is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use cairn_node::{DocumentId, Node};
use cairn_words::{Words, text_id};
use clap::Parser;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{self, Answer};
use crate::arguments::{ImportCommand, Line as Parsed};
use crate::failure::Failure;

/// Lines between two signs of progress.
const PROGRESS_LINES: u64 = 1000;

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    run: Vec<String>,
    #[serde(rename = "as")]
    name: Option<String>,
}

/// What the lines so far made.
struct Import<'a> {
    node: &'a Node,
    words: &'a Words,
    /// What `@name` stands for.
    names: BTreeMap<String, String>,
    documents: BTreeSet<DocumentId>,
    changes: u64,
}

/// Runs a file of commands.
///
/// # Errors
/// The file cannot be read, or a line is bad: its number and its reason. The lines before it stay.
pub(crate) fn run(node: &Node, command: &ImportCommand, words: &Words) -> Result<Answer, Failure> {
    let ImportCommand::History { file } = command;
    let started = Instant::now();
    let mut import = Import {
        node,
        words,
        names: BTreeMap::new(),
        documents: BTreeSet::new(),
        changes: 0,
    };
    let lines = import.file(file)?;
    if !node.flush() {
        return Err(Failure::not_saved());
    }
    let (changes, documents) = (import.changes, import.documents.len());
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let plain = words.format(
        text_id!("cli-imported"),
        &[
            ("lines", lines.into()),
            ("changes", changes.into()),
            ("documents", documents.into()),
            ("millis", millis.into()),
        ],
    );
    let json = json!({
        "lines": lines,
        "changes": changes,
        "documents": documents,
        "millis": millis,
    });
    Ok(Answer::new(json, plain))
}

impl Import<'_> {
    fn file(&mut self, path: &Path) -> Result<u64, Failure> {
        let unread = |error| Failure::refused(format!("the file cannot be read: {error}"));
        let file = BufReader::new(File::open(path).map_err(unread)?);
        let shows_progress = io::stderr().is_terminal();
        let mut lines = 0;
        for (number, text) in (1_u64..).zip(file.lines()) {
            let text = text.map_err(unread)?;
            if text.trim().is_empty() {
                continue;
            }
            self.line(&text)
                .map_err(|failure| at_line(number, failure))?;
            lines += 1;
            if shows_progress && lines % PROGRESS_LINES == 0 {
                let progress = self
                    .words
                    .format(text_id!("cli-import-progress"), &[("lines", lines.into())]);
                // Progress that nobody reads is no loss.
                drop(writeln!(io::stderr(), "{progress}"));
            }
        }
        Ok(lines)
    }

    fn line(&mut self, text: &str) -> Result<(), Failure> {
        let Line { run, name } = serde_json::from_str(text)
            .map_err(|error| Failure::refused(format!("not a line of commands: {error}")))?;
        let run = run
            .into_iter()
            .map(|word| self.meant(word))
            .collect::<Result<Vec<_>, _>>()?;
        let parsed =
            Parsed::try_parse_from(run).map_err(|error| Failure::refused(brief(&error)))?;
        let answer = answer::run(self.node, &parsed.command, self.words)?;
        if let Some((document, changes)) = answer.changed {
            self.documents.insert(document);
            self.changes += changes;
        }
        match (name, answer.made) {
            (Some(name), Some(made)) => {
                self.names.insert(name, made);
            }
            (Some(_), None) => {
                return Err(Failure::refused(
                    "it was run, but made nothing that \"as\" could name",
                ));
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// What a word stands for: itself, unless it is `@` and a known name, with `.steps.` and a
    /// number for a step of that goal.
    fn meant(&self, word: String) -> Result<String, Failure> {
        let Some(reference) = word.strip_prefix('@') else {
            return Ok(word);
        };
        let (name, rest) = match reference.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (reference, None),
        };
        let Some(id) = self.names.get(name) else {
            return Ok(word);
        };
        let Some(rest) = rest else {
            return Ok(id.clone());
        };
        let step = rest
            .strip_prefix("steps.")
            .and_then(|number| number.parse::<usize>().ok());
        let document = id.parse::<DocumentId>().ok();
        let (Some(step), Some(document)) = (step, document) else {
            return Err(Failure::refused(
                "after a name only .steps. and a number may follow",
            ));
        };
        let goal = self.node.goal(document)?;
        match goal.steps.get(step) {
            Some(step) => Ok(step.id.clone()),
            None => Err(Failure::refused(format!("the goal has no step {step}"))),
        }
    }
}

/// The first line of what the parser says: the fault without the usage.
fn brief(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

fn at_line(number: u64, failure: Failure) -> Failure {
    match failure {
        Failure::Refused(reason) | Failure::Usage(reason) => Failure::refused(format!(
            "line {number}: {reason}; the lines before it were done, the others were not"
        )),
        Failure::OutputClosed => Failure::OutputClosed,
    }
}
