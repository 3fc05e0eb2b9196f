//! Words that the owner of a document never took.

use cairn_node::{DocumentId, Node};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::moment;

/// What is kept aside of a document.
///
/// # Errors
/// There is no such document, or it is damaged.
pub(crate) fn list(node: &Node, document: DocumentId, words: &Words) -> Result<Answer, Failure> {
    let drafts = node.drafts(document)?;
    let mut plain: Vec<String> = Vec::new();
    let mut json: Vec<Value> = Vec::new();
    for draft in drafts {
        let at = moment::utc(draft.at_seconds.saturating_mul(1000));
        let texts = draft.texts.iter().map(|text| text.as_str().to_owned());
        let all = texts
            .clone()
            .chain(draft.values.iter().map(ToString::to_string));
        plain.push(words.format(
            text_id!("cli-draft"),
            &[
                ("when", at.as_str().into()),
                ("words", all.collect::<Vec<_>>().join(" · ").into()),
            ],
        ));
        json.push(json!({
            "at": at,
            "texts": texts.collect::<Vec<_>>(),
            "values": draft.values,
        }));
    }
    if plain.is_empty() {
        plain.push(words.text(text_id!("cli-drafts-none")).into_owned());
    }
    Ok(Answer::new(json, plain.join("\n")))
}
