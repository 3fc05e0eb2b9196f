//! Runs libFuzzer on the decoders of `tests/fuzz`, built in `fuzz` with flags of its own.
//!
//! # Not here
//! What must hold, and the kept inputs: `tests/fuzz`, whose tests run in every build.

use crate::Outcome;
use crate::program::{self, cargo, root};

const TARGETS: &[&str] = &[
    "change_chunk",
    "statement",
    "attestation",
    "ticket",
    "frames",
    "records",
    "coding",
    "contents",
    "session",
    "gate",
];

/// Coverage for libFuzzer, and the address sanitizer.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
     --cfg fuzzing -Zsanitizer=address -Ccodegen-units=1";

/// Where the sanitizer works; naming it keeps the flags away from build scripts.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

const SECONDS: u64 = 60;

/// Builds all targets and runs one or each.
///
/// # Errors
/// Arguments that mean nothing, a build that fails, or an input that does: it is kept among the
/// crashers.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let (names, seconds) = read(arguments)?;
    let build_folder = root().join("target/libfuzzer");
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
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", FLAGS);
    program::run(build)?;
    for name in names {
        let found = build_folder.join("found").join(name);
        let crashers = root().join("tests/fuzz/crashers").join(name);
        for folder in [&found, &crashers] {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        }
        let program = build_folder.join(PLATFORM).join("release").join(name);
        program::run(program::program(
            &program.to_string_lossy(),
            &[
                found.to_string_lossy().into_owned(),
                format!("tests/fuzz/corpus/{name}"),
                format!("-artifact_prefix={}/", crashers.display()),
                format!("-max_total_time={seconds}"),
                "-max_len=65536".to_owned(),
                "-rss_limit_mb=2048".to_owned(),
                "-timeout=20".to_owned(),
                "-print_final_stats=1".to_owned(),
            ],
        ))?;
    }
    Ok(Vec::new())
}

fn read(arguments: &[&str]) -> Result<(Vec<&'static str>, u64), String> {
    let (names, rest) = match arguments {
        [name, rest @ ..] if !name.starts_with('-') => {
            let known = TARGETS.iter().find(|known| *known == name);
            let known = known.ok_or_else(|| format!("{name} is none of {}", TARGETS.join(", ")))?;
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
    Ok((names, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: Option<(usize, u64)>) {
        let read = read(arguments).ok();
        assert_eq!(
            read.map(|(names, seconds)| (names.len(), seconds)),
            expected
        );
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
