//! The notebook's node without a window: one command a run, answers for people or as JSON.
//!
//! Role: reads the command line, opens the vault, runs the command on the node, prints its answer
//! once everything is durable. The forms and shapes are those of `docs/cli.md`; they only grow.
//!
//! Invariants: stdout carries answers and nothing else; an answer that names something made is
//! printed after it is on the disk; no secret is printed but the pairing code that was asked for.

mod answer;
mod arguments;
mod bookmarks;
mod changes;
mod devices;
mod drafts;
mod erasing;
mod events;
mod failure;
mod goals;
mod history;
mod import;
mod logging;
mod moment;
mod moods;
mod network;
mod notebook;
mod output;
mod pairing;
mod passphrase;
mod people;
mod reports;
mod sentence;
mod sharing;
mod values;

use std::process::ExitCode;

use cairn_node::Node;
use cairn_words::{Language, Words};
use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let words = Words::new(Language::English);
    let output = Output::new(arguments.json);
    match run(&arguments, &words, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: &Arguments, words: &Words, output: &Output) -> Result<(), Failure> {
    logging::start()?;
    if let Command::Init(new) = &arguments.command {
        let passphrase = passphrase::new(arguments.passphrase_file.as_deref(), words)?;
        let (node, answer) = notebook::init(&arguments.vault, new, &passphrase, words)?;
        return finish(node, output.answer(&answer));
    }
    let passphrase = passphrase::known(arguments.passphrase_file.as_deref(), words)?;
    let node = Node::open(&arguments.vault, &passphrase)?;
    let done = on_node(&node, &arguments.command, words, output);
    finish(node, done)
}

fn on_node(node: &Node, command: &Command, words: &Words, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Serve(serve) => network::serve(node, serve, words, output),
        Command::Pair { command } => pairing::run(node, command, words, output),
        Command::Import { command } => {
            let answer = import::run(node, command, words)?;
            output.answer(&answer)
        }
        Command::Sync(sync) => output.answer(&network::sync(node, sync, words)?),
        single => {
            let answer = answer::run(node, single, words)?;
            if !node.flush() {
                return Err(Failure::not_saved());
            }
            output.answer(&answer)
        }
    }
}

/// Closes the vault in order, whatever became of the command.
fn finish(node: Node, done: Result<(), Failure>) -> Result<(), Failure> {
    let saved = node.flush();
    node.shutdown();
    done?;
    if saved {
        Ok(())
    } else {
        Err(Failure::not_saved())
    }
}
