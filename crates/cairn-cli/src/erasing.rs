//! Erasing a document, and going on in a fresh copy.

use cairn_node::{DocumentId, ErasureReport, Node};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::{moment, people};

/// Erases a document, or tells who has answered since.
///
/// # Errors
/// The node's reason; nothing was changed.
pub(crate) fn erase(node: &Node, document: DocumentId, words: &Words) -> Result<Answer, Failure> {
    let report = node.erase(document)?;
    let device = node.whoami().device;
    let devices: Vec<Value> = report
        .asked
        .iter()
        .flat_map(|asked| asked.devices.iter().map(move |one| (asked.person, one)))
        .map(|(person, (of, removed))| {
            json!({
                "person": person.to_string(),
                "device": of.to_string(),
                "this": *of == device,
                "removed": removed.map(moment::utc),
            })
        })
        .collect();
    let json = json!({
        "document": document.to_string(),
        "at": moment::utc(report.at_millis),
        "successor": report.successor.map(|successor| successor.to_string()),
        "devices": devices,
    });
    Ok(Answer::new(json, in_words(node, &report, words)))
}

fn in_words(node: &Node, report: &ErasureReport, words: &Words) -> String {
    let me = node.whoami().person;
    let others = report.asked.iter().filter(|asked| asked.person != me);
    let names: Vec<String> = others
        .map(|asked| people::call(node, asked.person))
        .collect();
    let mut plain = if names.is_empty() {
        words.text(text_id!("cli-erased")).into_owned()
    } else {
        let names = names.join(", ");
        words.format(text_id!("cli-erased-asked"), &[("name", names.into())])
    };
    for asked in &report.asked {
        for (device, removed) in &asked.devices {
            let answered = if removed.is_some() { "yes" } else { "no" };
            let when = removed.map(moment::utc).unwrap_or_default();
            plain.push('\n');
            plain.push_str(&words.format(
                text_id!("cli-erased-device"),
                &[
                    ("name", people::call(node, asked.person).into()),
                    ("device", device.to_string().into()),
                    ("answered", answered.into()),
                    ("when", when.into()),
                ],
            ));
        }
    }
    plain
}

/// Goes on in a fresh copy.
///
/// # Errors
/// The node's reason; the goal is as it was.
pub(crate) fn fresh_copy(
    node: &Node,
    document: DocumentId,
    words: &Words,
) -> Result<Answer, Failure> {
    let copy = node.fresh_copy(document)?;
    let plain = words.format(
        text_id!("cli-fresh-copy"),
        &[("document", copy.to_string().into())],
    );
    let json = json!({ "document": copy.to_string(), "replaces": document.to_string() });
    Ok(Answer::new(json, plain).making(copy))
}
