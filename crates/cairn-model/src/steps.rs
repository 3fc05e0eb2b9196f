//! The steps of a goal: one map by id, shown in the order of fractional keys.
//!
//! Everyone who may write the goal may edit any step.

use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use automerge::{ObjId, ObjType, ReadDoc, Value};
use serde::Serialize;

use crate::context::{CommandError, EditContext};
use crate::entry::{Authors, Nobody, author_of};
use crate::entry::{ensure_container, entry_map, put_moment};
use crate::moment::Moment;
use crate::order;
use crate::read;
use crate::schema::{DONE, ORDER, STEPS, TEXT};
use crate::text::{TextField, check_length, make_text};
use crate::words::Words;

/// One step of a goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its id within the goal.
    pub id: String,
    /// What to do.
    pub text: Words,
    /// Who added it, when proven.
    pub added_by: Option<String>,
    /// When it was done; `None` while it is open.
    pub done: Option<Moment>,
    #[serde(skip)]
    order: String,
}

/// Reads the steps in their order.
pub(crate) fn read_steps<D: ReadDoc>(
    document: &D,
    authors: &dyn Authors,
    unreadable: &mut Vec<String>,
) -> Vec<Step> {
    let mut maps: BTreeMap<String, ObjId> = BTreeMap::new();
    for container in read::containers(document, STEPS) {
        for key in document.keys(&container) {
            let values = read::values(document, &container, &key);
            if values
                .iter()
                .any(|(value, _)| !matches!(value, Value::Object(ObjType::Map)))
            {
                unreadable.push(format!("{STEPS}/{key}"));
            }
            for id in read::maps(document, &container, &key) {
                let winner = maps.entry(key.clone()).or_insert_with(|| id.clone());
                if *winner < id {
                    *winner = id;
                }
            }
        }
    }
    let mut steps: Vec<Step> = maps
        .into_iter()
        .map(|(id, map)| {
            let text = read::find_text(document, &map, TEXT);
            let order = read::find_text(document, &map, ORDER);
            let done_readable = !read::find_integer(document, &map, DONE.at).unreadable;
            for (key, readable) in [
                (TEXT, !text.unreadable),
                (ORDER, !order.unreadable),
                (DONE.at, done_readable),
            ] {
                if !readable {
                    unreadable.push(format!("{STEPS}/{id}/{key}"));
                }
            }
            Step {
                id,
                added_by: author_of(authors, &map).map(str::to_owned),
                text: text.value.unwrap_or_default().into(),
                done: read::find_moment(document, &map, DONE),
                order: order.value.unwrap_or_default(),
            }
        })
        .collect();
    steps.sort_by(|a, b| (&a.order, &a.id).cmp(&(&b.order, &b.id)));
    steps
}

/// The map of a step, and the container it is in.
pub(crate) fn step_map<D: ReadDoc>(document: &D, id: &str) -> Option<(ObjId, ObjId)> {
    entry_map(document, STEPS, id)
}

fn existing<D: ReadDoc>(document: &D, id: &str) -> Result<(ObjId, ObjId), CommandError> {
    step_map(document, id).ok_or(CommandError::NoSuchStep)
}

/// Adds a step behind all others; gives its id.
pub(crate) fn add<T: Transactable>(
    transaction: &mut T,
    context: &EditContext<'_>,
    text: &str,
    done: Option<Moment>,
) -> Result<String, CommandError> {
    let id = context.id();
    check_length(&TextField::Step(String::new()), text.chars().count())?;
    let steps = read_steps(transaction, &Nobody, &mut Vec::new());
    let last = steps.last().map_or("", |step| step.order.as_str());
    let order = order::between(last, None, random_digits(context));
    let container = ensure_container(transaction, STEPS)?;
    let map = transaction.put_object(container, id.as_str(), ObjType::Map)?;
    make_text(transaction, &map, TEXT, text)?;
    transaction.put(&map, ORDER, order)?;
    if let Some(done) = done {
        put_moment(transaction, &map, DONE, done)?;
    }
    Ok(id)
}

/// Marks a step done now, or open again.
pub(crate) fn set_done<T: Transactable>(
    transaction: &mut T,
    context: &EditContext<'_>,
    id: &str,
    done: bool,
) -> Result<(), CommandError> {
    let (map, _) = existing(transaction, id)?;
    let is_done = read::find_moment(transaction, &map, DONE).is_some();
    if done && !is_done {
        put_moment(transaction, &map, DONE, context.now)?;
    } else if !done {
        for key in [DONE.at, DONE.offset] {
            if !read::values(transaction, &map, key).is_empty() {
                transaction.delete(&map, key)?;
            }
        }
    }
    Ok(())
}

/// Puts a step directly behind another, or first.
pub(crate) fn move_step<T: Transactable>(
    transaction: &mut T,
    context: &EditContext<'_>,
    id: &str,
    after: Option<&str>,
) -> Result<(), CommandError> {
    let (map, _) = existing(transaction, id)?;
    let mut steps = read_steps(transaction, &Nobody, &mut Vec::new());
    let from = steps
        .iter()
        .position(|step| step.id == id)
        .ok_or(CommandError::NoSuchStep)?;
    steps.remove(from);
    let place = match after {
        None => 0,
        Some(after) => {
            let before = steps.iter().position(|step| step.id == after);
            1 + before.ok_or(CommandError::NoSuchStep)?
        }
    };
    if place == from {
        return Ok(());
    }
    let lower = place
        .checked_sub(1)
        .map_or("", |index| steps[index].order.as_str());
    let upper = steps.get(place).map(|step| step.order.as_str());
    let key = order::between(lower, upper, random_digits(context));
    transaction.put(&map, ORDER, key)?;
    Ok(())
}

/// Removes a step.
pub(crate) fn remove<T: Transactable>(transaction: &mut T, id: &str) -> Result<(), CommandError> {
    let (_, container) = existing(transaction, id)?;
    transaction.delete(container, id)?;
    Ok(())
}

fn random_digits(context: &EditContext<'_>) -> [u8; 2] {
    let [first, second, ..] = (context.fresh_id)();
    [first, second]
}
