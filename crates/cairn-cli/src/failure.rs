//! Why a command was not done, and the exit code that says so.

use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Refused or failed: exit code 1.
    Refused(String),
    /// The words were wrong, or something they count on is missing: exit code 2.
    Usage(String),
    /// Nobody reads the answer any more. The command was done: exit code 0.
    OutputClosed,
}

impl Failure {
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    pub(crate) fn not_saved() -> Self {
        Self::refused(
            "the vault could not be written, so the last change is lost; what was reported as \
             done before is safe",
        )
    }

    /// Says the reason in one sentence on stderr and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::Refused(message) => (message, 1),
            Self::Usage(message) => (message, 2),
            Self::OutputClosed => return ExitCode::SUCCESS,
        };
        // Where stderr is closed too, the exit code alone has to do.
        drop(writeln!(io::stderr(), "cairn-cli: {message}"));
        ExitCode::from(code)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Refused(error.to_string())
    }
}
