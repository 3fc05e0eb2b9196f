//! The test vectors in `docs/vectors`: made by this engine, compared byte for byte, decoded again.
//!
//! Run with `CAIRN_BLESS=1` in the environment, the tests write the files instead. Whoever does so
//! has changed the wire format, or automerge has.

mod coding;
mod json;
mod messages;
mod ranges;
mod records;
mod session;
mod world;

use std::path::PathBuf;

use serde_json::Value;

/// What a vector may take: they are read by people, too.
const FILE_BYTES_MAX: usize = 200_000;

fn file(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../../docs/vectors").join(name)
}

/// Compares what the engine makes with what is kept, or keeps it.
fn compare(name: &str, made: &Value) {
    let mut text = json::text(made);
    text.push('\n');
    assert!(text.len() <= FILE_BYTES_MAX, "{name} has {}", text.len());
    if std::env::var_os("CAIRN_BLESS").is_some() {
        std::fs::write(file(name), &text).unwrap();
    }
    let kept = std::fs::read_to_string(file(name)).unwrap_or_default();
    let differs = text
        .lines()
        .zip(kept.lines())
        .find(|(now, then)| now != then);
    assert!(
        text == kept,
        "docs/vectors/{name} is not what this engine makes: the wire format changed. If that is \
         meant, change docs/protocol.md and run the test again with CAIRN_BLESS=1. The first \
         line that differs: {differs:?}"
    );
}
