//! `docs/performance.md`: all tables of a run, the machine they come from, and how to read them.

use std::path::{Path, PathBuf};

use crate::{Options, Report};

/// Versions of everything here come from the lock file that this program was built with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// Those that the tables name.
const NAMED: [&str; 5] = ["automerge", "quinn", "rustls", "rusqlite", "tokio"];

const READING: &str = "\
## How to read this

- A table's first row is Cairn. The columns with × are Cairn's value divided by that of the row:
  below 1 Cairn is cheaper.
- Three numbers are the least, the middle and the most of all runs. Contenders take turns, so that
  what else the machine does meets all of them.
- CPU is the processor time of the whole process, both sides together, kernel included. Ratios and
  CPU count; wall time on a machine that does other things as well says little, above all p99.
- Peers run as they ship: `automerge::sync` in memory, with messages as bytes; quinn with its own
  defaults, but for the probes and the spin bit that the node turns off. They check no author and
  keep nothing on a disk. Cairn's engine runs with its gate on, on one thread, with a vault in
  memory, unless two notebooks are named.
- Making documents and loading them is not measured, except where a workload says so.
- A one-way trip is a message that answers the one before; a round trip is two. Cairn's first trip
  is its greeting.
- Bytes are those of frames, without what QUIC adds, unless UDP payload is named.
";

/// The whole document.
pub(crate) fn text(report: &Report, options: &Options) -> String {
    let mut text = String::from(
        "# Performance\n\nWritten by `cargo xtask bench --write`, with `--growth` where growth is \
         shown; not to be edited by hand.\n\n",
    );
    text.push_str(&machine(options));
    text.push('\n');
    text.push_str(READING);
    text.push_str("\n## Targets that are not met\n\n");
    if report.missed.is_empty() {
        text.push_str("None of those measured.\n");
    }
    for missed in &report.missed {
        text.push_str(&format!("- {missed}\n"));
    }
    for section in &report.sections {
        text.push('\n');
        text.push_str(section);
    }
    text
}

/// Where it belongs in the tree that this program was built from.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md")
}

fn machine(options: &Options) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let model = after(&read("/proc/cpuinfo"), "model name")
        .unwrap_or_else(|| "unknown processor".to_owned());
    let memory = after(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or_else(String::new, |kib| {
            format!(", {} GiB of memory", kib.div_ceil(1 << 20))
        });
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let versions: Vec<String> = NAMED
        .iter()
        .filter_map(|name| Some(format!("{name} {}", version(name)?)))
        .collect();
    format!(
        "| | |\n| --- | --- |\n\
         | machine | {cores} cores of {model}{memory}, {} |\n\
         | load average when it ended | {load} |\n\
         | build | release, Rust {} or later, Cairn {} |\n\
         | peers and libraries | {} |\n\
         | runs | {} of each contender |\n",
        std::env::consts::OS,
        env!("CARGO_PKG_RUST_VERSION"),
        env!("CARGO_PKG_VERSION"),
        versions.join(", "),
        options.runs,
    )
}

/// The value in the first line that begins with a name.
fn after(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn version(name: &str) -> Option<&'static str> {
    let package = format!("name = \"{name}\"\nversion = \"");
    let (_, rest) = LOCK.split_once(&package)?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        for name in NAMED {
            let found = version(name).unwrap_or_default();
            assert!(
                found.starts_with(|digit: char| digit.is_ascii_digit()),
                "{name}"
            );
        }
        assert_eq!(version("no-such-crate"), None);
    }

    #[test]
    fn the_first_line_of_a_name_is_taken() {
        let text = "a : 1\nmodel name\t: Some CPU\nmodel name\t: Other\n";
        assert_eq!(after(text, "model name").as_deref(), Some("Some CPU"));
        assert_eq!(after(text, "missing"), None);
    }
}
