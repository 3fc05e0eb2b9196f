//! Test vectors: server names, keys as TLS carries them, frames.

use serde_json::{Value, json};

use crate::transport::connection::OPENING;
use crate::transport::frame::append_frame;
use crate::transport::label::label;
use crate::transport::tls::{self, ALPN};
use crate::transport::tls_public;
use crate::vectors::{compare, hex};

use super::key;

#[test]
fn connections_are_as_they_were() {
    let epochs = [0, 3_166_666, u64::MAX];
    let labels: Value = epochs
        .iter()
        .map(|epoch| {
            json!({
                "pair_secret": hex(key(0x21).expose()),
                "epoch": epoch,
                "label": label(&key(0x21), *epoch),
            })
        })
        .collect();
    let certified = tls::certified_key(&key(0x22)).unwrap();
    let frames: Value = [OPENING.to_vec(), vec![8], vec![9; 300]]
        .iter()
        .map(|payload| {
            let mut bytes = Vec::new();
            append_frame(&mut bytes, payload);
            json!({ "payload": hex(payload), "bytes": hex(&bytes) })
        })
        .collect();
    compare(
        "connections.json",
        &json!({
            "alpn": String::from_utf8_lossy(ALPN),
            "labels": labels,
            "key": {
                "public": hex(&tls_public(&key(0x22))),
                "certificate": hex(&certified.cert[0]),
            },
            "frames": frames,
        }),
    );
}
