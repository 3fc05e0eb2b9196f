//! Runs the workloads of `tests/bench`.

use crate::Outcome;
use crate::program::{cargo, run as run_program};

/// Measures with these arguments, which the program explains itself: `--runs N --only W1,W3`.
///
/// # Errors
/// It could not be built, or a workload did not come to what it should measure.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let mut call = vec!["run", "--quiet", "--locked", "--release"];
    call.extend(["--package", "cairn-bench", "--"]);
    call.extend(arguments);
    run_program(cargo(&call))?;
    Ok(Vec::new())
}
