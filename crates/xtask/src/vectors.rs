//! Decodes the test vectors with the Python script that was written from `docs/protocol.md` alone.
//!
//! # Role
//! Shows that the page suffices: the engine's own test compares the vectors with what it makes, and
//! this step has a second implementation read them. It also shows that the script notices a byte
//! that is not what it should be.

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;

use crate::Outcome;
use crate::program::{program, root};

const SCRIPT: &str = "docs/vectors/decode.py";

const SESSION: &str = "docs/vectors/session.json";

/// Runs the script on the vectors, which must pass, and on recorded sessions with one bit changed,
/// each in a frame of another kind, which must not.
///
/// # Errors
/// No `python3`, vectors that the script does not understand, or a change it does not notice.
pub(crate) fn check() -> Outcome {
    let output = decode(&[])?;
    if !output.status.success() {
        return Err(format!("`{SCRIPT}` failed: {}", said(&output)));
    }
    let text = std::fs::read_to_string(root().join(SESSION))
        .map_err(|error| format!("{SESSION} cannot be read: {error}"))?;
    let mut session: Value =
        serde_json::from_str(&text).map_err(|error| format!("{SESSION} is not JSON: {error}"))?;
    let folder = std::env::temp_dir().join(format!("cairn-vectors-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let outcome = changes_are_noticed(&mut session, &folder.join("session.json"));
    // What is left there harms nobody.
    let _gone = std::fs::remove_dir_all(&folder);
    outcome
}

fn changes_are_noticed(session: &mut Value, file: &std::path::Path) -> Outcome {
    let mut kinds = BTreeSet::new();
    for (connection, frame) in places(session) {
        let at = &session["connections"][connection]["frames"][frame];
        let kind = at["message"]["kind"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let bytes = at["bytes"].as_str().unwrap_or_default().to_owned();
        if !kinds.insert(kind.clone()) {
            continue;
        }
        let changed = with_one_bit_changed(&bytes)
            .ok_or_else(|| format!("frame {frame} of {SESSION} is not hexadecimal"))?;
        session["connections"][connection]["frames"][frame]["bytes"] = Value::from(changed);
        std::fs::write(file, session.to_string())
            .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        session["connections"][connection]["frames"][frame]["bytes"] = Value::from(bytes);
        let output = decode(&[&file.to_string_lossy()])?;
        if output.status.code() != Some(1) {
            return Err(format!(
                "`{SCRIPT}` does not notice a changed bit in a message of kind {kind}"
            ));
        }
    }
    if kinds.is_empty() {
        return Err(format!("{SESSION} has no frames"));
    }
    Ok(Vec::new())
}

/// Where the frames of a session stand: number of the connection, number of the frame.
fn places(session: &Value) -> Vec<(usize, usize)> {
    let connections = session["connections"].as_array().into_iter().flatten();
    connections
        .enumerate()
        .flat_map(|(connection, value)| {
            let frames = value["frames"].as_array().map_or(0, Vec::len);
            (0..frames).map(move |frame| (connection, frame))
        })
        .collect()
}

/// Changes the lowest bit of the middle byte.
fn with_one_bit_changed(hexadecimal: &str) -> Option<String> {
    let place = hexadecimal.len() / 4 * 2 + 1;
    let digit = hexadecimal.get(place..=place)?;
    let changed = u8::from_str_radix(digit, 16).ok()? ^ 1;
    let (before, after) = (hexadecimal.get(..place)?, hexadecimal.get(place + 1..)?);
    Some(format!("{before}{changed:x}{after}"))
}

fn decode(files: &[&str]) -> Result<Output, String> {
    let mut arguments = vec![SCRIPT];
    arguments.extend(files);
    program("python3", &arguments).output().map_err(|error| {
        format!("python3 could not be started ({error}): install the package python3")
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_a_byte_in_the_middle_is_changed() {
        assert_eq!(with_one_bit_changed("00").as_deref(), Some("01"));
        assert_eq!(with_one_bit_changed("08abff").as_deref(), Some("08aaff"));
        assert_eq!(
            with_one_bit_changed("08abff01").as_deref(),
            Some("08abfe01")
        );
        assert_eq!(with_one_bit_changed(""), None);
        assert_eq!(with_one_bit_changed("0x"), None);
    }
}
