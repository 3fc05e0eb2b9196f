//! Breaks the engine on purpose, in one way after the other, and asks the simulator to notice.
//!
//! # Role
//! Each mutant is a place in the engine that reads `cfg!(cairn_mutant = "name")` and does the wrong
//! thing then. A build with that flag must fail within some seeds; a mutant that lives on shows
//! what the checkers of the simulator do not see.
//!
//! The flag is given to the compiler and is no feature of Cargo: nothing that is built in the usual
//! way can switch it on.

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
        "consent-forgotten",
        "serves whoever ever had consent, also when it was taken back",
    ),
    (
        "consent-late",
        "sends what was collected before the consent was taken back",
    ),
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

/// Runs the simulator with one mutant. Gives what it said when it failed.
fn noticed(name: &str, seeds: &str) -> Result<Option<String>, String> {
    let flags = format!("--cfg cairn_mutant=\"{name}\"");
    // A folder of their own, so that mutants do not make the usual artifacts stale.
    let folder = root().join("target/mutants");
    let with_flags = |arguments: &[&str]| {
        let mut command = cargo(arguments);
        command
            .env("RUSTFLAGS", &flags)
            .env("CARGO_TARGET_DIR", &folder);
        command
    };
    let package = ["--quiet", "--locked", "--package", "cairn-sim"];
    let build = [["build"].as_slice(), &package].concat();
    crate::program::run(with_flags(&build))?;
    let range = ["--", "--from", "0", "--seeds", seeds];
    let run = [["run"].as_slice(), &package, &range].concat();
    let mut child = with_flags(&run)
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
