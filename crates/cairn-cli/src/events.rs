//! What `serve` tells, one event a line.

use cairn_node::{Node, NodeEvent, PersonId, Refusal};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::Output;
use crate::people;

/// An event for programs and for people.
type Line = (Value, String);

/// Prints an event. What a person looks at in a window, and what was tried in vain, is passed over.
///
/// # Errors
/// Nobody reads the output, or the vault has failed.
pub(crate) fn tell(
    node: &Node,
    event: &NodeEvent,
    words: &Words,
    output: &Output,
) -> Result<(), Failure> {
    if matches!(event, NodeEvent::StoreFailed) {
        output.line(&json!({ "event": "store-failed" }), "")?;
        return Err(Failure::not_saved());
    }
    let line = of_connection(node, event, words)
        .or_else(|| of_document(node, event, words))
        .or_else(|| of_refusal(node, event, words))
        .or_else(|| of_devices(node, event, words));
    match line {
        Some((json, plain)) => output.line(&json, &plain),
        None => Ok(()),
    }
}

/// Who is there.
fn of_connection(node: &Node, event: &NodeEvent, words: &Words) -> Option<Line> {
    let who = |person: &PersonId| people::call(node, *person);
    Some(match event {
        NodeEvent::Listening { address } => (
            json!({ "event": "listening", "addr": address.to_string() }),
            words.format(
                text_id!("cli-listening"),
                &[("address", address.to_string().into())],
            ),
        ),
        NodeEvent::Connected { person } => (
            of_person("connected", person),
            words.format(text_id!("cli-connected"), &[("name", who(person).into())]),
        ),
        NodeEvent::Disconnected { person } => (
            of_person("disconnected", person),
            words.format(
                text_id!("cli-disconnected"),
                &[("name", who(person).into())],
            ),
        ),
        NodeEvent::Settled { person } => (
            of_person("settled", person),
            words.format(text_id!("cli-settled"), &[("name", who(person).into())]),
        ),
        _ => return None,
    })
}

/// What became of documents.
fn of_document(node: &Node, event: &NodeEvent, words: &Words) -> Option<Line> {
    let who = |person: &PersonId| people::call(node, *person);
    Some(match event {
        NodeEvent::Changed {
            document,
            by_others,
        } => (
            json!({
                "event": "changed",
                "document": document.to_string(),
                "by_others": by_others,
            }),
            words.format(
                text_id!("cli-changed"),
                &[("document", document.to_string().into())],
            ),
        ),
        NodeEvent::Delivered { document, person } => (
            json!({
                "event": "delivered",
                "document": document.to_string(),
                "person": person.to_string(),
            }),
            words.format(
                text_id!("cli-delivered"),
                &[
                    ("document", document.to_string().into()),
                    ("name", who(person).into()),
                ],
            ),
        ),
        NodeEvent::Consent { document } => (
            json!({ "event": "consent", "document": document.to_string() }),
            words.format(
                text_id!("cli-consent-changed"),
                &[("document", document.to_string().into())],
            ),
        ),
        NodeEvent::Damaged { document } => (
            json!({ "event": "damaged", "document": document.to_string() }),
            words.format(
                text_id!("cli-damaged"),
                &[("document", document.to_string().into())],
            ),
        ),
        _ => return None,
    })
}

/// What was not taken, here or by others.
fn of_refusal(node: &Node, event: &NodeEvent, words: &Words) -> Option<Line> {
    let who = |person: &PersonId| people::call(node, *person);
    Some(match event {
        NodeEvent::Refused {
            document,
            person,
            by_peer,
            reasons,
        } => {
            let reasons: Vec<&str> = reasons.iter().map(refusal).collect();
            let json = json!({
                "event": "refused",
                "document": document.to_string(),
                "person": person.to_string(),
                "by_peer": by_peer,
                "reasons": reasons,
            });
            let plain = words.format(
                text_id!("cli-refused"),
                &[
                    ("document", document.to_string().into()),
                    ("name", who(person).into()),
                    ("count", reasons.len().into()),
                    ("by", if *by_peer { "them" } else { "us" }.into()),
                ],
            );
            (json, plain)
        }
        NodeEvent::BatchRefused {
            document,
            person,
            error,
        } => (
            json!({
                "event": "malformed",
                "document": document.to_string(),
                "person": person.to_string(),
                "fault": error.to_string(),
            }),
            words.format(
                text_id!("cli-malformed"),
                &[
                    ("document", document.to_string().into()),
                    ("name", who(person).into()),
                ],
            ),
        ),
        NodeEvent::Erased { document, drafts } => (
            json!({ "event": "erased", "document": document.to_string(), "drafts": drafts }),
            words.format(
                text_id!("cli-document-erased"),
                &[
                    ("document", document.to_string().into()),
                    ("count", (*drafts).into()),
                ],
            ),
        ),
        NodeEvent::SetAside { document, changes } => (
            json!({ "event": "set-aside", "document": document.to_string(), "changes": changes }),
            words.format(
                text_id!("cli-set-aside"),
                &[
                    ("document", document.to_string().into()),
                    ("count", (*changes).into()),
                ],
            ),
        ),
        _ => return None,
    })
}

/// What concerns people's devices.
fn of_devices(node: &Node, event: &NodeEvent, words: &Words) -> Option<Line> {
    let who = |person: &PersonId| people::call(node, *person);
    Some(match event {
        NodeEvent::BeyondCut {
            document,
            person,
            changes,
        } => (
            json!({
                "event": "beyond-cut",
                "document": document.to_string(),
                "person": person.to_string(),
                "changes": changes,
            }),
            words.format(
                text_id!("cli-beyond-cut"),
                &[
                    ("document", document.to_string().into()),
                    ("name", who(person).into()),
                    ("count", (*changes).into()),
                ],
            ),
        ),
        NodeEvent::Devices { person } => (
            of_person("devices", person),
            words.format(
                text_id!("cli-devices-changed"),
                &[("name", who(person).into())],
            ),
        ),
        NodeEvent::VaultBehind { document, changes } => (
            json!({
                "event": "vault-behind",
                "document": document.to_string(),
                "changes": changes,
            }),
            words.format(
                text_id!("cli-vault-behind"),
                &[
                    ("document", document.to_string().into()),
                    ("count", (*changes).into()),
                ],
            ),
        ),
        NodeEvent::DeviceCloned { person } => (
            of_person("device-cloned", person),
            words.format(
                text_id!("cli-device-cloned"),
                &[("name", who(person).into())],
            ),
        ),
        NodeEvent::Forked { document, person } => (
            json!({
                "event": "forked",
                "document": document.to_string(),
                "person": person.to_string(),
            }),
            words.format(
                text_id!("cli-forked"),
                &[
                    ("document", document.to_string().into()),
                    ("name", who(person).into()),
                ],
            ),
        ),
        _ => return None,
    })
}

fn of_person(event: &str, person: &PersonId) -> Value {
    json!({ "event": event, "person": person.to_string() })
}

fn refusal(reason: &Refusal) -> &'static str {
    match reason {
        Refusal::Malformed => "malformed",
        Refusal::Order => "order",
        Refusal::Unproven => "unproven",
        Refusal::NotAllowed => "not-allowed",
        Refusal::BuiltOnRefused => "built-on-refused",
        Refusal::Unappliable => "unappliable",
        Refusal::DocumentFull => "document-full",
        Refusal::BeyondCut => "beyond-cut",
    }
}
