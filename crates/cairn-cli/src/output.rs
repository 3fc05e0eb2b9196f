//! What goes to stdout: answers as JSON or in words, each flushed at once.

use std::io::{self, Write};

use serde_json::Value;

use crate::answer::Answer;
use crate::failure::Failure;

/// Where answers go, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints an answer.
    ///
    /// # Errors
    /// The answer's own fault, once it is printed, or that nobody reads any more.
    pub(crate) fn answer(&self, answer: &Answer) -> Result<(), Failure> {
        self.line(&answer.json, &answer.plain)?;
        match &answer.fault {
            Some(fault) => Err(Failure::refused(fault)),
            None => Ok(()),
        }
    }

    /// Prints one of several values on a line of its own. An empty text prints nothing.
    ///
    /// # Errors
    /// Nobody reads any more, or stdout cannot be written.
    pub(crate) fn line(&self, json: &Value, plain: &str) -> Result<(), Failure> {
        let text = if self.json {
            json.to_string()
        } else {
            plain.trim_end().to_owned()
        };
        if text.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        written.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::refused(format!("the answer could not be printed: {error}")),
        })
    }
}
