//! Breaks the engine on purpose, in one way after the other, and asks the simulator to notice.
//!
//! # Role
//! Each mutant is a place in the engine that asks `mutants::broken("name")` and does the wrong thing
//! then. With one mutant at work some seed must fail soon; a mutant that lives on shows what the
//! checkers of the simulator do not see.
//!
//! All mutants are in one build with `--cfg cairn_mutants`, and an argument of the simulator picks
//! one. The flag is given to the compiler and is no feature of Cargo: nothing that is built in the
//! usual way can be broken.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::Outcome;
use crate::program::{cargo, root};

/// Every mutant and what it breaks.
const MUTANTS: &[(&str, &str)] = &[
    (
        "ack-before-durable",
        "acknowledges what is not on the disk yet",
    ),
    (
        "heads-before-durable",
        "tells peers heads that are not on the disk yet",
    ),
    (
        "unproven-admitted",
        "takes changes that no attestation proves",
    ),
    ("policy-skipped", "lets a reader write"),
    (
        "rules-skipped",
        "lets a writer write in entries of another person",
    ),
    (
        "consent-forgotten",
        "serves whoever ever had consent, also when it was taken back",
    ),
    (
        "consent-late",
        "sends what was collected before the consent was taken back",
    ),
    ("expiry-forgotten", "never learns when a consent should end"),
    (
        "mildest-consent",
        "of concurrent consents the mildest counts, not the strictest",
    ),
    ("actor-reused", "uses the same actor after a restart"),
    (
        "edit-lost",
        "drops edits made while a peer's batch was in the gate",
    ),
    (
        "live-push-forgotten",
        "notes a live change as sent and does not send it",
    ),
    (
        "delivered-unasked",
        "calls a change delivered that nobody acknowledged",
    ),
    (
        "answers-mixed-up",
        "takes an answer for one to whatever it asked last",
    ),
    ("copy-untold", "tells nobody that a device was copied"),
    (
        "old-vault-untold",
        "tells nobody that a vault is older than what others know of it",
    ),
    (
        "append-forgotten",
        "admits a batch and does not give it to the vault",
    ),
];

/// Seeds within which a mutant must be noticed, unless another number is asked for.
const SEEDS: &str = "1000";

/// Runs the mutants that were named, or all.
///
/// # Errors
/// A mutant that does not exist, does not build, or lives on.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let (names, seeds) = match arguments {
        [names @ .., "--seeds", seeds] => (names, *seeds),
        names => (names, SEEDS),
    };
    if let Some(unknown) = names
        .iter()
        .find(|name| MUTANTS.iter().all(|(known, _)| known != *name))
    {
        let known: Vec<&str> = MUTANTS.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "there is no mutant {unknown}; there are {}",
            known.join(", ")
        ));
    }
    let mut alive = Vec::new();
    for (name, breaks) in MUTANTS {
        if !names.is_empty() && !names.contains(name) {
            continue;
        }
        match noticed(name, seeds)? {
            Some(how) => println!("{name} ({breaks}): noticed, {how}"),
            None => {
                println!("{name} ({breaks}): LIVES after {seeds} seeds");
                alive.push(*name);
            }
        }
    }
    if alive.is_empty() {
        Ok(vec!["every mutant was noticed".to_owned()])
    } else {
        Err(format!("not noticed: {}", alive.join(", ")))
    }
}

/// A call of the simulator that can be broken, in a folder of its own: mutants do not make the usual
/// artifacts stale.
fn simulator(call: &str, arguments: &[&str]) -> std::process::Command {
    let package = ["--quiet", "--locked", "--release", "--package", "cairn-sim"];
    let mut command = cargo(&[&[call], package.as_slice(), arguments].concat());
    command
        .env("RUSTFLAGS", "--cfg cairn_mutants")
        .env("CARGO_TARGET_DIR", root().join("target/mutants"));
    command
}

/// Runs the simulator with one mutant. Gives what it said when it failed.
fn noticed(name: &str, seeds: &str) -> Result<Option<String>, String> {
    crate::program::run(simulator("build", &[]))?;
    let arguments = ["--", "--mutant", name, "--from", "0", "--seeds", seeds];
    let mut child = simulator("run", &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("the simulator could not be started: {error}"))?;
    let mut told = String::from("without a sentence");
    let lines = child.stdout.take().map(BufReader::new);
    for line in lines.into_iter().flat_map(BufRead::lines) {
        let line = line.map_err(|error| format!("the simulator could not be read: {error}"))?;
        if line.contains(" failed: ") {
            told = line;
        }
    }
    let status = child
        .wait()
        .map_err(|error| format!("the simulator was lost: {error}"))?;
    Ok((!status.success()).then_some(told))
}
