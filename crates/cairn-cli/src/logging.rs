//! The log on stderr.
//!
//! Invariant: only Cairn's own crates log, which name nobody and nothing a person wrote. What the
//! libraries below would say may hold addresses and is left out at every level.

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

const VARIABLE: &str = "CAIRN_LOG";
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// Starts logging at the level that the environment names, else at `warn`.
///
/// # Errors
/// The environment names no level.
pub(crate) fn start() -> Result<(), Failure> {
    let level = std::env::var(VARIABLE).unwrap_or_else(|_unset| "warn".to_owned());
    if !LEVELS.contains(&level.as_str()) {
        return Err(Failure::Usage(format!(
            "{VARIABLE} must be one of {}",
            LEVELS.join(", ")
        )));
    }
    let filter = EnvFilter::new(format!(
        "off,cairn_cli={level},cairn_engine={level},cairn_model={level},cairn_node={level}"
    ));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    Ok(())
}
