//! The history of one document: for programs change by change, for people in sentences.

use cairn_node::{Node, PointInTime};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arguments::History;
use crate::failure::Failure;
use crate::{bookmarks, moment, sentence};

/// Who changed what when, oldest first.
///
/// # Errors
/// The document or the bookmark is unknown, or the document is damaged.
pub(crate) fn run(node: &Node, history: &History, words: &Words) -> Result<Answer, Failure> {
    let since = history.since.as_deref();
    let since = since.map(|text| bookmarks::find(node, text)).transpose()?;
    let since = since.as_ref().map(PointInTime::Bookmark);
    let until = history.at.map(|at| at.at_millis.div_euclid(1000));
    let until = until.map(PointInTime::Seconds);
    let mut json: Vec<Value> = Vec::new();
    for line in node.history_between(history.document, since, until)? {
        json.push(json!({
            "at": moment::utc_of_seconds(line.at_seconds),
            "person": line.person.map(|person| person.to_string()),
            "name": line.person.and_then(|person| node.name_of(person)),
            "proven": line.proven,
            "hash": line.hash.to_string(),
            "changes": line.summaries,
        }));
    }
    let told = node.document_changes(history.document, since, until)?;
    let lines = told.sentences.iter();
    let lines: Vec<String> = lines
        .map(|told| sentence::line(node, told, words))
        .collect();
    let plain = if lines.is_empty() {
        words.text(text_id!("history-nothing")).into_owned()
    } else {
        lines.join("\n")
    };
    Ok(Answer::new(json, plain))
}
