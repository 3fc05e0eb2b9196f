//! Moods on the command line.

use cairn_node::Node;
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arguments::Score;
use crate::failure::Failure;
use crate::moment;

/// Notes a mood.
///
/// # Errors
/// The node's reason; nothing was noted.
pub(crate) fn add(node: &Node, score: &Score, words: &Words) -> Result<Answer, Failure> {
    let (document, entry) = node.add_mood(score.value, &score.note, score.at)?;
    let plain = words.format(text_id!("cli-created"), &[("id", entry.as_str().into())]);
    let json = json!({ "document": document.to_string(), "entry": entry });
    Ok(Answer::new(json, plain).making(entry).changing(document, 1))
}

/// All own moods, oldest first.
///
/// # Errors
/// A mood log is damaged.
pub(crate) fn list(node: &Node, words: &Words) -> Result<Answer, Failure> {
    let mut plain = String::new();
    let mut json: Vec<Value> = Vec::new();
    for log in node.moods()? {
        for entry in &log.entries {
            json.push(serde_json::to_value(entry)?);
            let line = [
                ("when", moment::local(entry.at).into()),
                ("value", entry.value.into()),
                ("note", entry.note.as_str().into()),
            ];
            plain.push_str(&words.format(text_id!("cli-mood"), &line));
            plain.push('\n');
        }
    }
    if json.is_empty() {
        plain = words.text(text_id!("cli-moods-none")).into_owned();
    }
    Ok(Answer::new(json, plain))
}
