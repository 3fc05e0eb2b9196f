//! Measures the workloads and prints their tables.
#![expect(
    clippy::print_stdout,
    reason = "its purpose is to print what it measured"
)]

use std::process::ExitCode;

use cairn_bench::{Options, Sizes, run};
use clap::Parser;

/// Measures what Cairn costs beside its peers.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often each contender runs.
    #[arg(long, default_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Only these workloads, such as W1,W3.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Longer histories and more documents as well.
    #[arg(long)]
    growth: bool,
    /// How many times the history of W growth is shown for; 16 takes many minutes.
    #[arg(long, value_delimiter = ',', default_value = "1,4,16")]
    scales: Vec<u16>,
    /// Writes docs/performance.md, which should then be from all workloads and with growth.
    #[arg(long)]
    write: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        runs: usize::from(arguments.runs),
        only: arguments.only,
        growth: arguments.growth,
        sizes: Sizes {
            scales: arguments.scales.into_iter().map(usize::from).collect(),
            ..Sizes::full()
        },
    };
    let report = run(&options, |section| println!("{section}"));
    if arguments.write
        && let Err(error) = report.write(&options)
    {
        println!("docs/performance.md was not written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
