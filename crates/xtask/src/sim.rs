//! Runs the simulator of `tests/sim`.

use crate::Outcome;
use crate::program::{cargo, run as run_program};

/// Which build of the simulator runs.
#[derive(Clone, Copy)]
pub(crate) enum Build {
    /// Shares its artifacts with the tests: right for the few seeds of every run.
    Dev,
    /// Slower to build, much faster to run: right for long searches.
    Release,
}

/// Runs the simulator with these arguments, which it explains itself: `--seeds N --from K`.
///
/// # Errors
/// The simulator found a seed that fails, or could not be built.
pub(crate) fn run(build: Build, arguments: &[&str]) -> Outcome {
    let mut call = vec!["run", "--quiet", "--locked", "--package", "cairn-sim"];
    if matches!(build, Build::Release) {
        call.push("--release");
    }
    call.push("--");
    call.extend(arguments);
    run_program(cargo(&call))?;
    Ok(Vec::new())
}
