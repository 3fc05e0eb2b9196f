//! What changed since then, in every document.

use cairn_model::DocumentKind;
use cairn_node::vault::Bookmark;
use cairn_node::{BookmarkName, DocumentChanges, Node};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::arguments::Changes;
use crate::failure::Failure;
use crate::goals::title_or_none;
use crate::{bookmarks, moment, people, sentence};

/// What changed since a bookmark, since the last meeting with a person, or ever.
///
/// # Errors
/// The bookmark or the person is unknown, or a changed document is damaged.
pub(crate) fn run(node: &Node, changes: &Changes, words: &Words) -> Result<Answer, Failure> {
    let with = changes.with.as_deref();
    let with = with.map(|text| people::find(node, text)).transpose()?;
    let since = match (&changes.since, with) {
        (Some(text), _) => Some(bookmarks::find(node, text)?),
        (None, Some(person)) => node.last_met(person)?,
        (None, None) => None,
    };
    let changed = node.changes(since.as_ref(), with)?;
    let mut plain = since_when(node, since.as_ref(), words);
    if changed.is_empty() {
        plain.push('\n');
        plain.push_str(&words.text(text_id!("history-nothing")));
    }
    for document in &changed {
        plain.push_str(&format!("\n\n{}", heading(document, words)));
        for told in &document.sentences {
            let line = sentence::line(node, told, words);
            plain.push_str(&format!("\n  {line}"));
        }
    }
    let documents = changed
        .iter()
        .map(|document| in_json(node, document, words));
    let documents = documents.collect::<Result<Vec<Value>, Failure>>()?;
    let since = since.map(|since| {
        let name = BookmarkName::parse(&since.name).ok();
        let person = name.and_then(|name| name.person());
        json!({
            "bookmark": since.name,
            "person": person.map(|person| person.to_string()),
            "at": moment::utc(since.at_millis),
        })
    });
    Ok(Answer::new(
        json!({ "since": since, "documents": documents }),
        plain,
    ))
}

fn since_when(node: &Node, since: Option<&Bookmark>, words: &Words) -> String {
    let Some(since) = since else {
        return words.text(text_id!("history-since-ever")).into_owned();
    };
    let when = moment::here(since.at_millis.div_euclid(1000));
    let (id, key, value) = match BookmarkName::parse(&since.name) {
        Ok(BookmarkName::Met(person)) => (
            text_id!("history-since-met"),
            "name",
            people::call(node, person),
        ),
        Ok(BookmarkName::MetBefore(person)) => {
            let name = people::call(node, person);
            (text_id!("history-since-met-before"), "name", name)
        }
        _ => (
            text_id!("history-since-bookmark"),
            "bookmark",
            since.name.clone(),
        ),
    };
    words.format(id, &[("when", when.into()), (key, value.into())])
}

fn heading(changed: &DocumentChanges, words: &Words) -> String {
    let Some(title) = &changed.title else {
        return match changed.kind {
            Some(DocumentKind::MoodLog) => words.text(text_id!("history-moods-title")).into_owned(),
            _ => words.format(
                text_id!("history-document-unknown"),
                &[("document", changed.document.to_string().into())],
            ),
        };
    };
    let title = ("title", title_or_none(title, words).into());
    match &changed.title_before {
        _ if changed.new => words.format(text_id!("history-goal-new"), &[title]),
        None => words.format(text_id!("history-goal"), &[title]),
        Some(before) => {
            let before = ("before", title_or_none(before, words).into());
            words.format(text_id!("history-goal-renamed"), &[title, before])
        }
    }
}

fn in_json(node: &Node, changed: &DocumentChanges, words: &Words) -> Result<Value, Failure> {
    let sentences = changed.sentences.iter();
    let sentences = sentences.map(|told| sentence::in_json(node, told, words));
    let kind = changed.kind.map(|kind| match kind {
        DocumentKind::Goal => "goal",
        DocumentKind::GoalDraft => "goal-draft",
        DocumentKind::MoodLog => "mood-log",
        _ => "other",
    });
    Ok(json!({
        "document": changed.document.to_string(),
        "kind": kind,
        "new": changed.new,
        "title": changed.title,
        "title_before": changed.title_before,
        "sentences": sentences.collect::<Result<Vec<Value>, Failure>>()?,
    }))
}
