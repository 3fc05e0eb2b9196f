//! Compares the test vectors in `docs/vectors` that this crate makes; see `docs/testing.md`.

use serde_json::Value;

/// Compares what is made with what is kept, or keeps it where `CAIRN_BLESS` is set.
pub(crate) fn compare(name: &str, made: &Value) {
    let file = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/vectors")
        .join(name);
    let mut text = serde_json::to_string_pretty(made).unwrap();
    text.push('\n');
    if std::env::var_os("CAIRN_BLESS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        text == kept,
        "docs/vectors/{name} is not what this crate makes: the wire format changed. If that is \
         meant, change docs/protocol.md and run the test again with CAIRN_BLESS=1. It makes:\n{text}"
    );
}

pub(crate) fn hex(bytes: &[u8]) -> Value {
    Value::String(data_encoding::HEXLOWER.encode(bytes))
}
