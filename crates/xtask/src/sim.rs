//! Runs the simulator of `tests/sim`.

use crate::Outcome;
use crate::program::{cargo, run as run_program};

/// Which build of the simulator runs.
#[derive(Clone, Copy)]
pub(crate) enum Build {
    /// With all checks of a dev build, and nearly as fast as a release build.
    Checked,
    /// The fastest: right for long searches.
    Release,
}

impl Build {
    fn profile(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Release => "release",
        }
    }

    /// A call of the simulator, or of cargo to build it.
    fn cargo(self, what: &'static str) -> Vec<&'static str> {
        let package = ["--quiet", "--locked", "--package", "cairn-sim"];
        [&[what], &package[..], &["--profile", self.profile()]].concat()
    }
}

/// Runs the simulator with these arguments, which it explains itself: `--seeds N --from K`.
///
/// # Errors
/// The simulator found a seed that fails, or could not be built.
pub(crate) fn run(build: Build, arguments: &[&str]) -> Outcome {
    let mut call = build.cargo("run");
    call.push("--");
    call.extend(arguments);
    run_program(cargo(&call))?;
    Ok(Vec::new())
}

/// Runs so many seeds from 0 on, in one slice for each core.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_slices(seeds: u64) -> Outcome {
    let build = Build::Checked;
    run_program(cargo(&build.cargo("build")))?;
    let slices = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let size = seeds.div_ceil(slices);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..seeds)
            .step_by(usize::try_from(size).unwrap_or(1))
            .map(|from| {
                scope.spawn(move || {
                    let (from, size) = (from.to_string(), size.min(seeds - from).to_string());
                    run(build, &["--seeds", &size, "--from", &from])
                })
            })
            .collect();
        for slice in running {
            slice
                .join()
                .map_err(|_panic| "a slice of seeds panicked")??;
        }
        Ok(Vec::new())
    })
}
