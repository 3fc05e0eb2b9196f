//! The devices of this notebook's own person.

use cairn_node::Node;
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;

/// Own devices, this one marked.
pub(crate) fn list(node: &Node, words: &Words) -> Answer {
    let this = node.whoami().device;
    let devices = node.own_devices();
    let mut plain = String::new();
    for device in &devices {
        let id = if *device == this {
            text_id!("cli-device-this")
        } else {
            text_id!("cli-device")
        };
        plain.push_str(&words.format(id, &[("device", device.to_string().into())]));
        plain.push('\n');
    }
    let json: Vec<Value> = devices
        .iter()
        .map(|device| json!({ "device": device.to_string(), "this": *device == this }))
        .collect();
    Answer::new(json, plain)
}
