//! Where the program under test is: built once for each test binary, by the cargo that runs it.
//!
//! Cargo hands a test the programs of its own package only. Building again costs a look at the
//! time stamps when all is fresh, and a test never runs yesterday's program. `--workspace` makes
//! the features of all crates those of a test run of the whole workspace, whose builds then serve.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The command line program, built with the profile and into the folder of this test.
///
/// # Panics
/// When it does not build.
pub fn cairn_cli() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("cairn-cli"))
}

/// The program with the window, built likewise.
///
/// # Panics
/// When it does not build.
pub fn cairn() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("cairn"))
}

fn build(program: &str) -> PathBuf {
    // …/target/debug/deps/name-hash
    let test = std::env::current_exe().expect("the system knows what it runs");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("tests lie two folders below the target folder");
    let target = profile
        .parent()
        .expect("a profile lies in the target folder");
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bin", program])
        .args(["--profile", name, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs this test, so it can be started");
    assert!(built.success(), "{program} does not build");
    profile.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}
