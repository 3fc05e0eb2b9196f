//! Runs libFuzzer on the decoders of `tests/fuzz`, built in `fuzz` with flags of its own.
//!
//! # Not here
//! What must hold, and the kept inputs: `tests/fuzz`, whose tests run in every build.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::Outcome;
use crate::program::{self, cargo, root};

/// What is fuzzed, and the longest input tried. Scripts say little with more.
const TARGETS: &[(&str, u32)] = &[
    ("change_chunk", INPUT_BYTES_MAX),
    ("statement", INPUT_BYTES_MAX),
    ("attestation", INPUT_BYTES_MAX),
    ("coding", SCRIPT_BYTES_MAX),
    ("ticket", SCRIPT_BYTES_MAX),
    ("frames", INPUT_BYTES_MAX),
    ("records", INPUT_BYTES_MAX),
    ("rows", SCRIPT_BYTES_MAX),
    ("contents", SCRIPT_BYTES_MAX),
    ("consent", SCRIPT_BYTES_MAX),
    ("session", SCRIPT_BYTES_MAX),
    ("gate", SCRIPT_BYTES_MAX),
];

const INPUT_BYTES_MAX: u32 = 64 << 10;
const SCRIPT_BYTES_MAX: u32 = 4 << 10;

/// Coverage for libFuzzer. No sanitizer: all that the targets run is Rust without `unsafe` of ours,
/// with checks for overflow and debug assertions, and without one many more inputs are tried.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
     --cfg fuzzing -Ccodegen-units=1";

/// Naming it keeps the flags away from build scripts.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

const SECONDS: u64 = 60;

/// Lines of a target's output that are shown when it failed.
const LINES_SHOWN: usize = 40;

/// Builds all targets and runs one or each, as many at a time as there are cores.
///
/// # Errors
/// Arguments that mean nothing, a build that fails, or an input that does: it is kept among the
/// crashers.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let (targets, seconds) = read(arguments)?;
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux"))) {
        return Ok(vec![format!(
            "libFuzzer runs on {PLATFORM} only: nothing was fuzzed"
        )]);
    }
    let build_folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), PathBuf::from)
        .join("libfuzzer");
    let mut build = cargo(&[
        "build",
        "--release",
        "--bins",
        "--locked",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        PLATFORM,
    ]);
    build
        .env("CARGO_TARGET_DIR", &build_folder)
        .env("RUSTFLAGS", FLAGS);
    program::run(build)?;
    let waiting = Mutex::new(targets.into_iter());
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next()
    };
    let lane = || {
        let mut found = Vec::new();
        while let Some((name, bytes_max)) = next() {
            found.push(fuzz(&build_folder, name, bytes_max, seconds)?);
        }
        Ok(found)
    };
    let lanes = std::thread::available_parallelism().map_or(1, usize::from);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let ended = lanes.into_iter().map(|lane| lane.join());
        let panicked = |_| Err("a lane of the fuzzer panicked".to_owned());
        ended.map(|lane| lane.unwrap_or_else(panicked)).collect()
    });
    let mut remarks = Vec::new();
    for outcome in outcomes {
        remarks.extend(outcome?);
    }
    remarks.sort();
    Ok(remarks)
}

/// Runs one target. Gives a line on what it did.
fn fuzz(build_folder: &Path, name: &str, bytes_max: u32, seconds: u64) -> Result<String, String> {
    let found = build_folder.join("found").join(name);
    let crashers = root().join("tests/fuzz/crashers").join(name);
    for folder in [&found, &crashers] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    }
    let program = build_folder.join(PLATFORM).join("release").join(name);
    let output = program::program(
        &program.to_string_lossy(),
        &[
            found.to_string_lossy().into_owned(),
            format!("tests/fuzz/corpus/{name}"),
            format!("-artifact_prefix={}/", crashers.display()),
            format!("-max_total_time={seconds}"),
            format!("-max_len={bytes_max}"),
            "-rss_limit_mb=2048".to_owned(),
            "-timeout=60".to_owned(),
            // Its cost grows with the features seen; for slow targets it was most of the time.
            "-entropic=0".to_owned(),
            "-print_final_stats=1".to_owned(),
        ],
    )
    .output()
    .map_err(|error| format!("{name} could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(figures(name, &said));
    }
    let lines: Vec<&str> = said.lines().collect();
    let last = lines.len().saturating_sub(LINES_SHOWN);
    println!("{}", lines[last..].join("\n"));
    Err(format!(
        "{name} failed ({}); its input is kept in {}",
        output.status,
        crashers.display()
    ))
}

/// What a target did, from libFuzzer's words.
fn figures(name: &str, said: &str) -> String {
    let after = |line: &str, mark: &str| {
        let rest = line.split(mark).nth(1)?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let last = |mark: &str| said.lines().rev().find_map(|line| after(line, mark));
    let unknown = || "an unknown number of".to_owned();
    let runs = last("stat::number_of_executed_units:").unwrap_or_else(unknown);
    let edges = last("cov:").unwrap_or_else(unknown);
    format!("{name:12} {runs} runs, {edges} edges covered")
}

type Targets = Vec<(&'static str, u32)>;

fn read(arguments: &[&str]) -> Result<(Targets, u64), String> {
    let (targets, rest) = match arguments {
        [name, rest @ ..] if !name.starts_with('-') => {
            let known = TARGETS.iter().find(|(known, _)| known == name);
            let known = known.ok_or_else(|| {
                let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
                format!("{name} is none of {}", names.join(", "))
            })?;
            (vec![*known], rest)
        }
        rest => (TARGETS.to_vec(), rest),
    };
    let seconds = match rest {
        [] => Some(SECONDS),
        ["--seconds", seconds] => seconds.parse().ok(),
        _ => None,
    };
    let seconds = seconds.ok_or("usage: cargo xtask fuzz [TARGET] [--seconds N]")?;
    Ok((targets, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: Option<(usize, u64)>) {
        let read = read(arguments).ok();
        assert_eq!(
            read.map(|(targets, seconds)| (targets.len(), seconds)),
            expected
        );
    }

    #[test]
    fn what_a_target_did_is_found_in_its_output() {
        let said = "#8 INITED cov: 12 ft: 3 corp: 1/1b\n#9 NEW    cov: 34 ft: 5 corp: 2/3b\n\
                    Done 9 runs in 2 second(s)\nstat::number_of_executed_units: 9\n";
        assert_eq!(
            figures("gate", said),
            "gate         9 runs, 34 edges covered"
        );
        assert!(figures("gate", "").contains("unknown"));
    }

    #[test]
    fn a_target_and_a_time_are_understood_and_nothing_else() {
        check(&[], Some((TARGETS.len(), SECONDS)));
        check(&["gate"], Some((1, SECONDS)));
        check(&["gate", "--seconds", "5"], Some((1, 5)));
        check(&["--seconds", "5"], Some((TARGETS.len(), 5)));
        check(&["gates"], None);
        check(&["gate", "--seconds"], None);
        check(&["gate", "--minutes", "5"], None);
    }
}
