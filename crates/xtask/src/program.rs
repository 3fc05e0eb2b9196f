//! Runs cargo and other programs in the workspace root.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The workspace root: two folders above this crate's manifest, or the current folder when the
/// program was not started by cargo.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|manifest| {
            PathBuf::from(manifest)
                .ancestors()
                .nth(2)
                .map(PathBuf::from)
        })
        .unwrap_or_else(|| PathBuf::from("."))
}

/// A call of the cargo that runs this program.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    program(
        &std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()),
        arguments,
    )
}

/// A call of any program, in the workspace root and without input.
pub(crate) fn program<A: AsRef<OsStr>>(name: &str, arguments: &[A]) -> Command {
    let mut command = Command::new(name);
    command
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// Runs a call with its output shown.
///
/// # Errors
/// A sentence with the call, when it cannot be started or does not succeed.
pub(crate) fn run(mut command: Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| format!("`{}` could not be started: {error}", shown(&command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", shown(&command)))
    }
}

/// Runs a call and returns what it wrote to its standard output.
///
/// # Errors
/// As [`run`], with the last line that the call wrote to its standard error.
pub(crate) fn read(mut command: Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("`{}` could not be started: {error}", shown(&command)))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or_default();
        return Err(format!("`{}` failed: {}", shown(&command), last.trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| {
        format!(
            "`{}` wrote something that is not text: {error}",
            shown(&command)
        )
    })
}

fn shown(command: &Command) -> String {
    let name = command.get_program();
    let name = std::path::Path::new(name).file_name().unwrap_or(name);
    std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
