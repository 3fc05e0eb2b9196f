//! The history of one document, change by change.

use cairn_node::{Node, PointInTime};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arguments::History;
use crate::failure::Failure;
use crate::{bookmarks, moment, people};

/// Who changed what when, oldest first.
///
/// # Errors
/// The document or the bookmark is unknown, or the document is damaged.
pub(crate) fn run(node: &Node, history: &History, words: &Words) -> Result<Answer, Failure> {
    let since = history.since.as_deref();
    let since = since.map(|text| bookmarks::find(node, text)).transpose()?;
    let since = since.as_ref().map(PointInTime::Bookmark);
    let until = history
        .at
        .map(|at| PointInTime::Seconds(at.at_millis.div_euclid(1000)));
    let mut plain = String::new();
    let mut json: Vec<Value> = Vec::new();
    for line in node.history_between(history.document, since, until)? {
        let at = moment::utc_of_seconds(line.at_seconds);
        let name = line.person.and_then(|person| node.name_of(person));
        let changes = serde_json::to_value(&line.summaries)?;
        let called = match line.person {
            Some(person) => people::call(node, person),
            None => words.text(text_id!("cli-nobody")).into_owned(),
        };
        plain.push_str(&words.format(
            text_id!("cli-history"),
            &[
                ("when", at.as_str().into()),
                ("name", called.into()),
                ("what", facts(&changes).into()),
                ("proven", if line.proven { "yes" } else { "no" }.into()),
            ],
        ));
        plain.push('\n');
        json.push(json!({
            "at": at,
            "person": line.person.map(|person| person.to_string()),
            "name": name,
            "proven": line.proven,
            "hash": line.hash.to_string(),
            "changes": changes,
        }));
    }
    Ok(Answer::new(json, plain))
}

/// The names of facts, separated by commas.
fn facts(changes: &Value) -> String {
    let names: Vec<&str> = changes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|fact| fact["what"].as_str())
        .collect();
    names.join(", ")
}
