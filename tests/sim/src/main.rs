//! Runs seeds of the simulation until one fails.
#![expect(
    clippy::print_stdout,
    reason = "its purpose is to print the seed and what became of it"
)]

use std::collections::BTreeMap;
use std::process::ExitCode;

use cairn_sim::{Fault, Shape, run};
use clap::Parser;

/// Runs seeds of the simulation until one fails.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many people, instead of 3; at least 2.
    #[arg(long)]
    people: Option<usize>,
    /// How many devices they have together in the beginning, instead of 5.
    #[arg(long)]
    devices: Option<usize>,
    /// Virtual minutes until the faults end, instead of 10.
    #[arg(long)]
    minutes: Option<u64>,
    /// Whether devices are stolen and revoked, instead of in every other world.
    #[arg(long)]
    losses: Option<bool>,
    /// Seeds that are known to fail, which is no failure of the run.
    #[arg(long, value_delimiter = ',')]
    known: Vec<u64>,
    /// Runs the rest after a seed has failed too.
    #[arg(long)]
    keep_going: bool,
    /// Prints everything that happened before a failure.
    #[arg(long)]
    told: bool,
    /// Breaks all engines in this way.
    #[cfg(cairn_mutants)]
    #[arg(long)]
    mutant: Option<String>,
}

/// Every how many seeds one is run twice and compared.
const REPLAY_EVERY: u64 = 25;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(cairn_mutants)]
    if let Some(way) = arguments.mutant.clone() {
        cairn_engine::break_engines(way);
    }
    let mut failures = 0_u64;
    let mut faults: BTreeMap<Fault, u64> = BTreeMap::new();
    let mut disputes = 0;
    for seed in arguments.from..arguments.from + arguments.seeds {
        let mut shape = Shape::of_seed(seed);
        shape.people = arguments.people.unwrap_or(shape.people).max(2);
        shape.devices = arguments.devices.unwrap_or(shape.devices).max(shape.people);
        shape.minutes = arguments.minutes.unwrap_or(shape.minutes);
        shape.losses = arguments.losses.unwrap_or(shape.losses);
        shape.told = arguments.told;
        println!("seed {seed}: {shape:?}");
        let mut outcome = run(seed, &shape);
        if seed.is_multiple_of(REPLAY_EVERY)
            && let Ok(first) = &outcome
            && run(seed, &shape).as_ref() != Ok(first)
        {
            let sentence = "a second run gave different outputs".to_owned();
            outcome = Err(cairn_sim::Failure {
                seed,
                sentence,
                story: Vec::new(),
            });
        }
        match outcome {
            Ok(summary) => {
                if arguments.known.contains(&seed) {
                    println!("  passes now: it is no known failure any more");
                }
                println!(
                    "  {} events, {} frames, {} documents, {} changes, {} seen on the wire, \
                     {} promises, {} drafts, {} erased with {} drafts, {} values of entries, \
                     {} disputes, {} warnings",
                    summary.events,
                    summary.frames,
                    summary.documents,
                    summary.changes,
                    summary.changes_found,
                    summary.promises,
                    summary.drafts,
                    summary.erased,
                    summary.drafts_of_erased,
                    summary.entries,
                    summary.disputes,
                    summary.warnings,
                );
                disputes += summary.disputes;
                for (fault, count) in summary.faults {
                    *faults.entry(fault).or_default() += count;
                }
            }
            Err(failure) => {
                for line in &failure.story {
                    println!("{line}");
                }
                println!("{failure}");
                if arguments.known.contains(&seed) {
                    println!("  as is known");
                    continue;
                }
                failures += 1;
                if !arguments.keep_going {
                    break;
                }
            }
        }
    }
    println!("what went wrong in seeds that passed:");
    for fault in Fault::ALL {
        println!(
            "  {:>8} {fault:?}",
            faults.get(&fault).copied().unwrap_or_default()
        );
    }
    println!("{disputes:>10} times two devices were excused from agreeing about a document");
    if failures == 0 {
        return ExitCode::SUCCESS;
    }
    println!("{failures} failed");
    ExitCode::FAILURE
}
