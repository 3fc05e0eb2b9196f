//! Bookmarks on the command line.

use cairn_node::vault::Bookmark;
use cairn_node::{BookmarkLine, BookmarkName, Node};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arguments::BookmarkCommand;
use crate::failure::Failure;
use crate::{moment, people};

/// Runs a command on bookmarks.
///
/// # Errors
/// The node's reason; no bookmark was changed.
pub(crate) fn run(
    node: &Node,
    command: &BookmarkCommand,
    words: &Words,
) -> Result<Answer, Failure> {
    match command {
        BookmarkCommand::Add { name } => {
            let line = node.add_bookmark(&BookmarkName::parse(name)?)?;
            let name = line.name.to_string();
            let plain = words.format(
                text_id!("history-bookmark-added"),
                &[("bookmark", name.into())],
            );
            Ok(Answer::new(in_json(&line), plain))
        }
        BookmarkCommand::List => list(node, words),
        BookmarkCommand::Remove { name } => {
            let name = meant(node, name)?;
            node.remove_bookmark(&name)?;
            let name = name.to_string();
            let json = json!({ "bookmark": name });
            let plain = words.format(
                text_id!("history-bookmark-removed"),
                &[("bookmark", name.into())],
            );
            Ok(Answer::new(json, plain))
        }
    }
}

/// The bookmark that a text names.
///
/// # Errors
/// There is none of this name, or nobody of the name in it.
pub(crate) fn find(node: &Node, text: &str) -> Result<Bookmark, Failure> {
    Ok(node.bookmark(&meant(node, text)?)?)
}

/// What a text names: of a meeting, the person may be given as everywhere else.
fn meant(node: &Node, text: &str) -> Result<BookmarkName, Failure> {
    if let Some(person) = text.strip_prefix("met:") {
        return Ok(BookmarkName::Met(people::find(node, person)?));
    }
    if let Some(person) = text.strip_prefix("met-before:") {
        return Ok(BookmarkName::MetBefore(people::find(node, person)?));
    }
    Ok(BookmarkName::parse(text)?)
}

fn list(node: &Node, words: &Words) -> Result<Answer, Failure> {
    let lines = node.bookmarks()?;
    let mut plain = String::new();
    for line in &lines {
        let id = match &line.name {
            BookmarkName::Chosen(_) => text_id!("history-bookmark"),
            BookmarkName::Met(_) => text_id!("history-bookmark-met"),
            BookmarkName::MetBefore(_) => text_id!("history-bookmark-met-before"),
        };
        let person = line.name.person();
        let name = person.map_or_else(String::new, |person| people::call(node, person));
        plain.push_str(&words.format(
            id,
            &[
                ("when", moment::here(line.at_millis.div_euclid(1000)).into()),
                ("bookmark", line.name.to_string().into()),
                ("name", name.into()),
                ("documents", line.documents.into()),
            ],
        ));
        plain.push('\n');
    }
    if lines.is_empty() {
        plain = words.text(text_id!("history-bookmarks-none")).into_owned();
    }
    let json: Vec<Value> = lines.iter().map(in_json).collect();
    Ok(Answer::new(json, plain))
}

fn in_json(line: &BookmarkLine) -> Value {
    json!({
        "bookmark": line.name.to_string(),
        "person": line.name.person().map(|person| person.to_string()),
        "at": moment::utc(line.at_millis),
        "documents": line.documents,
    })
}
