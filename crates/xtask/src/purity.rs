//! Checks that the engine and the model stay free of input, output, clocks and chance.
//!
//! # Role
//! Three looks at each of the two crates: the crates in its tree, the calls in its source, and
//! whether it compiles for `wasm32-unknown-unknown`, where none of these things exist.
//!
//! # Invariants
//! automerge draws random actors and therefore brings `getrandom` and `rand`. What is reached
//! through automerge alone is not judged; the same crate reached any other way is a fault.

use std::path::Path;

use crate::Outcome;
use crate::program::{self, cargo, program as call};

const PURE: [&str; 2] = ["cairn-engine", "cairn-model"];

const TARGET: &str = "wasm32-unknown-unknown";

/// Crates that do input or output, read a clock, draw random bytes or start threads. A name ending
/// in `*` stands for its family.
const IMPURE_CRATES: &[&str] = &[
    "async-std",
    "aws-lc-*",
    "chrono",
    "crossbeam*",
    "eframe",
    "egui*",
    "fastrand",
    "getrandom",
    "jiff",
    "libsqlite3-sys",
    "mio",
    "notify*",
    "quinn*",
    "rand",
    "rand_*",
    "rayon*",
    "ring",
    "rusqlite",
    "rustls*",
    "smol",
    "socket2",
    "tempfile",
    "time",
    "tokio*",
    "tracing-subscriber",
    "uuid",
    "web-time",
    "winit",
];

/// Modules of the standard library that pure code does not touch.
const IMPURE_MODULES: &[&str] = &["env", "fs", "net", "process", "thread"];

/// Calls that read a clock or draw a random number.
const IMPURE_CALLS: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "RandomState",
    "ActorId::random",
    "thread_rng",
];

/// Runs the three looks.
///
/// # Errors
/// Everything found by the first two, or the compiler's refusal.
pub(crate) fn check() -> Outcome {
    let mut faults = Vec::new();
    for name in PURE {
        let tree = program::read(cargo(&[
            "tree",
            "--locked",
            "--package",
            name,
            "--edges",
            "normal,build",
            "--target",
            "all",
            "--prune",
            "automerge",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]))?;
        faults.extend(
            impure_crates(&tree)
                .into_iter()
                .map(|found| format!("{name} must not reach {found}")),
        );
        for (file, source) in sources(name)? {
            faults.extend(
                impure_calls(&source)
                    .into_iter()
                    .map(|(line, found)| format!("{file}:{line} must not use {found}")),
            );
        }
    }
    if faults.is_empty() {
        compile_for_wasm()
    } else {
        Err(faults.join("\n  "))
    }
}

fn impure_crates(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| {
            IMPURE_CRATES
                .iter()
                .any(|banned| is_of_family(name, banned))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn is_of_family(name: &str, banned: &str) -> bool {
    match banned.strip_suffix('*') {
        Some(family) => name.starts_with(family),
        None => name == banned,
    }
}

/// Impure uses with their line numbers; comments and the tests at the end of a file do not count.
fn impure_calls(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        let tests_follow = *line == "#[cfg(test)]"
            && lines
                .get(index + 1)
                .is_some_and(|next| next.starts_with("mod tests"));
        if tests_follow {
            break;
        }
        if line.starts_with("//") {
            continue;
        }
        let from_std = line.starts_with("use std::{");
        let modules = IMPURE_MODULES.iter().filter(|module| {
            has_word(line, &format!("std::{module}")) || (from_std && has_word(line, module))
        });
        found.extend(modules.map(|module| (index + 1, format!("std::{module}"))));
        let calls = IMPURE_CALLS.iter().filter(|call| has_word(line, call));
        found.extend(calls.map(|call| (index + 1, (*call).to_owned())));
    }
    found
}

/// Whether `word` stands in `line` with no letter, digit or `_` before or after it.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let in_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}

/// The crate's source with its paths; files that hold nothing but tests left out.
fn sources(name: &str) -> Result<Vec<(String, String)>, String> {
    let folder = format!("crates/{name}/src/");
    let is_test = |path: &str| {
        ["/tests.rs", "/testing.rs"]
            .iter()
            .any(|name| path.ends_with(name))
            || path.contains("/tests/")
    };
    let mut files = crate::tidy::texts(&program::root())?;
    files.retain(|(path, _)| path.starts_with(&folder) && !is_test(path));
    Ok(files)
}

/// Compiles both crates with automerge's `wasm` feature, which gives its random source a backend.
/// Says why not when the target cannot be had.
fn compile_for_wasm() -> Outcome {
    let libraries = program::read(call(
        "rustc",
        &["--print", "target-libdir", "--target", TARGET],
    ))?;
    if !Path::new(libraries.trim()).is_dir()
        && let Err(reason) = program::read(call("rustup", &["target", "add", TARGET]))
    {
        return Ok(vec![format!("not compiled for {TARGET}: {reason}")]);
    }
    let mut arguments = vec!["check", "--locked", "--lib", "--target", TARGET];
    arguments.extend(["--features", "automerge/wasm"]);
    arguments.extend(PURE.iter().flat_map(|name| ["--package", name]));
    program::run(cargo(&arguments))?;
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impure_crates_are_found_by_name_and_by_family() {
        let tree = "cairn-engine v0.1.0 (path)\nserde v1.0.0\nrand_core v0.10.0\nrand_core v0.6.4 (*)\n\
                    quinn-proto v0.11.19\nrandom-looking v1.0.0\ntimer v1.0.0\ntime v0.3.0\n";
        assert_eq!(impure_crates(tree), ["quinn-proto", "rand_core", "time"]);
        assert!(impure_crates("blake3 v1.8.7\nlibc v0.2.0\n").is_empty());
    }

    #[test]
    fn impure_calls_are_found_outside_comments_and_tests() {
        let check = |source: &str, expected: &[(usize, &str)]| {
            let found = impure_calls(source);
            let found: Vec<(usize, &str)> = found
                .iter()
                .map(|(line, what)| (*line, what.as_str()))
                .collect();
            assert_eq!(found, expected, "{source}");
        };
        check("use std::fs::File;", &[(1, "std::fs")]);
        check("use std::{fmt, thread};", &[(1, "std::thread")]);
        check(
            "x();\nlet now = std::time::Instant::now();",
            &[(2, "Instant::now")],
        );
        check("let actor = ActorId::random();", &[(1, "ActorId::random")]);
        check("// std::fs is not used\nuse std::fmt;", &[]);
        check("use std::network_like;", &[]);
        check(
            "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}",
            &[],
        );
    }
}
