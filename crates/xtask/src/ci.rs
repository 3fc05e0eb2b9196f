//! The one list of steps that must pass before a change is merged, and its run.

use std::time::{Duration, Instant};

use crate::program::{self, cargo};
use crate::{Outcome, deny, edges, fuzz, purity, sim, tidy, vectors};

/// One step: its name, what it finds out, and how.
pub(crate) struct Step {
    name: &'static str,
    finds: &'static str,
    run: fn() -> Outcome,
}

/// All steps in the order in which they run: quick ones first, and the tests last, so that their
/// closing lines end the run.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        finds: "formatting",
        run: fmt,
    },
    Step {
        name: "tidy",
        finds: "sizes, first lines, words and links",
        run: tidy::check,
    },
    Step {
        name: "deps",
        finds: "direction of dependencies, purity, wasm",
        run: deps,
    },
    Step {
        name: "deny",
        finds: "licences, sources, bans, advisories, duplicates",
        run: deny::check,
    },
    Step {
        name: "vectors",
        finds: "recorded bytes that docs/protocol.md does not explain",
        run: vectors::check,
    },
    Step {
        name: "clippy",
        finds: "lints, as errors",
        run: clippy,
    },
    Step {
        name: "docs",
        finds: "documentation that does not build or link",
        run: docs,
    },
    Step {
        name: "sim",
        finds: "seeds of the simulator that fail",
        run: simulate,
    },
    Step {
        name: "fuzz",
        finds: "inputs that end a decoder, 60 seconds for each",
        run: || fuzz::run(&[]),
    },
    Step {
        name: "test",
        finds: "all tests and examples in documentation",
        run: test,
    },
];

/// Seeds of the simulator in every run.
const SEEDS: u64 = 200;

/// Runs all steps, stops at the first that fails, and ends with the time that each took.
///
/// # Errors
/// The sentence of the step that failed, and how to run it alone.
pub(crate) fn run_all() -> Outcome {
    let start = Instant::now();
    let mut summary = Vec::new();
    for (index, step) in STEPS.iter().enumerate() {
        println!(
            "\n== {} ({} of {}): {}",
            step.name,
            index + 1,
            STEPS.len(),
            step.finds
        );
        let started = Instant::now();
        let outcome = (step.run)();
        let took = shown(started.elapsed());
        let remarks = outcome.map_err(|sentence| {
            let name = step.name;
            format!(
                "step {name} failed after {took}: {sentence}\n\
                 xtask: run it alone with `cargo xtask ci --only {name}`"
            )
        })?;
        println!("== {}: passed in {took}", step.name);
        summary.push(format!("{:8} {took:>9}", step.name));
        summary.extend(remarks.iter().map(|remark| format!("{:8} {remark}", "")));
    }
    println!("\n{}", summary.join("\n"));
    Ok(vec![format!(
        "all {} steps passed in {}",
        STEPS.len(),
        shown(start.elapsed())
    )])
}

/// Runs one step.
///
/// # Errors
/// No step has this name, or it failed.
pub(crate) fn run_one(name: &str) -> Outcome {
    let step = STEPS
        .iter()
        .find(|step| step.name == name)
        .ok_or_else(|| format!("no step is called {name}: see `cargo xtask ci --list`"))?;
    let mut remarks = (step.run)()?;
    remarks.push(format!("{name} passed"));
    Ok(remarks)
}

/// Prints the names of all steps.
///
/// # Errors
/// None.
pub(crate) fn list() -> Outcome {
    for step in STEPS {
        println!("{:8} {}", step.name, step.finds);
    }
    Ok(Vec::new())
}

fn fmt() -> Outcome {
    program::run(cargo(&["fmt", "--all", "--check"]))?;
    Ok(Vec::new())
}

fn deps() -> Outcome {
    let metadata = cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"]);
    let metadata = serde_json::from_str(&program::read(metadata)?)
        .map_err(|error| format!("the output of `cargo metadata` is not JSON: {error}"))?;
    let faults = edges::faults(&metadata);
    if faults.is_empty() {
        purity::check()
    } else {
        Err(faults.join("\n  "))
    }
}

fn clippy() -> Outcome {
    let arguments = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    program::run(cargo(&arguments))?;
    Ok(Vec::new())
}

fn docs() -> Outcome {
    let mut doc = cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    program::run(doc)?;
    Ok(Vec::new())
}

fn simulate() -> Outcome {
    sim::run_slices(SEEDS)
}

fn test() -> Outcome {
    program::run(cargo(&["test", "--locked", "--workspace"]))?;
    Ok(Vec::new())
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 60 {
        0 => format!("{:.1} s", time.as_secs_f64()),
        minutes => format!("{minutes} min {:02} s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_steps_are_unique_and_unknown_ones_are_refused() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
        assert!(run_one("no such step").is_err());
    }

    #[test]
    fn times_are_shown_with_their_unit() {
        assert_eq!(shown(Duration::from_millis(1_260)), "1.3 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 05 s");
    }
}
