//! The people this notebook is paired with, and how they are named on the command line.

use cairn_node::{Node, PersonId};
use cairn_words::{Words, text_id};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::notebook::role_word;

/// Letters of an id that may stand for all of it, at least: with 40 bits two paired people do not
/// share them by chance.
const PREFIX_LETTERS_MIN: usize = 8;

/// Who is meant by an id, by the beginning of one, or by a name given here.
///
/// # Errors
/// Nobody or more than one person is meant.
pub(crate) fn find(node: &Node, text: &str) -> Result<PersonId, Failure> {
    if let Ok(person) = text.parse() {
        return Ok(person);
    }
    let people = node.people();
    let prefix = text.to_lowercase();
    let of_name = people.iter().filter(|one| one.name == text);
    let of_id = people.iter().filter(|one| {
        prefix.len() >= PREFIX_LETTERS_MIN && one.person.to_string().starts_with(&prefix)
    });
    let mut meant: Vec<PersonId> = of_name.chain(of_id).map(|one| one.person).collect();
    meant.sort();
    meant.dedup();
    match meant.as_slice() {
        [person] => Ok(*person),
        [] => Err(Failure::refused(
            "nobody with this name or id is paired with this notebook; nothing was changed",
        )),
        _ => Err(Failure::refused(
            "more than one person has this name here, name one by id; nothing was changed",
        )),
    }
}

/// What to call someone in a sentence: their name here, or the beginning of their id.
pub(crate) fn call(node: &Node, person: PersonId) -> String {
    node.name_of(person).unwrap_or_else(|| person.short())
}

/// What to call the person whose id is this text.
pub(crate) fn call_by_text(node: &Node, person: &str) -> String {
    person
        .parse()
        .map_or_else(|_unknown| person.to_owned(), |person| call(node, person))
}

/// Everyone paired.
pub(crate) fn list(node: &Node, words: &Words) -> Answer {
    let people = node.people();
    let mut plain = String::new();
    for one in &people {
        let role = one
            .role
            .map(|role| role_word(role, words))
            .unwrap_or_default();
        let person = one.person.to_string();
        let connected = if one.connected { "yes" } else { "no" };
        plain.push_str(&words.format(
            text_id!("cli-person"),
            &[
                ("name", one.name.as_str().into()),
                ("role", role.into()),
                ("person", person.into()),
                ("devices", one.devices.len().into()),
                ("connected", connected.into()),
            ],
        ));
        plain.push('\n');
    }
    if people.is_empty() {
        plain = words.text(text_id!("cli-people-nobody")).into_owned();
    }
    let json: Vec<Value> = people
        .iter()
        .map(|one| {
            let devices: Vec<String> = one.devices.iter().map(ToString::to_string).collect();
            json!({
                "person": one.person.to_string(),
                "name": one.name,
                "role": one.role,
                "devices": devices,
                "connected": one.connected,
            })
        })
        .collect();
    Answer::new(json, plain)
}
