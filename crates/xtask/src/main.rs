//! Checks and chores of the workspace: `cargo xtask ci | deps | tidy | deny | sim |
//! bench | mutants | fuzz | screenshots`.
//!
//! # Role
//! Everything that a person or a machine runs to learn whether the tree is in order. The list of
//! all steps is [`ci::STEPS`]; each other command is one of its steps alone.
//!
//! # Not here
//! Installing what the steps need: `scripts/test` does that.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program speaks to its user"
)]

mod bench;
mod ci;
mod deny;
mod edges;
mod fuzz;
mod mutants;
mod program;
mod purity;
mod screenshots;
mod sim;
mod tidy;
mod vectors;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci [--list | --only STEP]      all steps that must pass before a change is merged
  deps                           direction of dependencies, purity of engine and model
  tidy                           sizes, first lines, words and links of the tree's own files
  deny                           licences, sources, bans, advisories, count of duplicates
  sim [--release] ARGUMENT...    the simulator, e.g. `sim --release --seeds 2000 --from 0`
  bench [--runs N] [--only W1,W3]  what Cairn costs beside its peers; see `bench --help`
  mutants [NAME...] [--seeds N]  breaks the engine on purpose; the simulator must notice each time
  fuzz [TARGET] [--seconds N]    libFuzzer on one decoder or on each, 60 seconds by default
  screenshots [FOLDER]           every page, light and dark, in two sizes; in target/screenshots
  screenshots --documents        the pictures that the documents show";

/// What a step leaves behind: remarks on what it could not check, or one sentence on what is wrong.
type Outcome = Result<Vec<String>, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["ci"] => ci::run_all(),
        ["ci", "--list"] => ci::list(),
        ["ci", "--only", step] => ci::run_one(step),
        ["deps"] => ci::run_one("deps"),
        ["tidy"] => ci::run_one("tidy"),
        ["deny"] => ci::run_one("deny"),
        ["sim", "--release", rest @ ..] => sim::run(sim::Build::Release, rest),
        ["sim", rest @ ..] => sim::run(sim::Build::Checked, rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["mutants", rest @ ..] => mutants::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["screenshots"] => screenshots::all(&program::root().join("target/screenshots")),
        ["screenshots", "--documents"] => screenshots::documented(),
        ["screenshots", folder] => screenshots::all(Path::new(folder)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(remarks) => {
            for remark in remarks {
                println!("xtask: {remark}");
            }
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}
