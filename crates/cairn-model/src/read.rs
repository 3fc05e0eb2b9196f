//! Tolerant reading: every value at a key, and what can be made of it.
//!
//! Nothing here fails. A missing object reads as empty, a value of another type as absent.

use automerge::{ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};

use crate::moment::Moment;
use crate::schema::MomentKeys;

/// Every value at `key` of the map `object`, the winner last; more than one is a conflict.
pub(crate) fn values<'a, D: ReadDoc>(
    document: &'a D,
    object: &ObjId,
    key: &str,
) -> Vec<(Value<'a>, ObjId)> {
    document.get_all(object, key).unwrap_or_default()
}

/// Every map at `key`, the winner last.
pub(crate) fn maps<D: ReadDoc>(document: &D, object: &ObjId, key: &str) -> Vec<ObjId> {
    objects(document, object, key, ObjType::Map)
}

/// The winning text object at `key`.
pub(crate) fn text_object<D: ReadDoc>(document: &D, object: &ObjId, key: &str) -> Option<ObjId> {
    objects(document, object, key, ObjType::Text).pop()
}

fn objects<D: ReadDoc>(document: &D, object: &ObjId, key: &str, kind: ObjType) -> Vec<ObjId> {
    values(document, object, key)
        .into_iter()
        .filter(|(value, _)| matches!(value, Value::Object(found) if *found == kind))
        .map(|(_, id)| id)
        .collect()
}

/// The text of a text object or of a string.
pub(crate) fn text_of<D: ReadDoc>(document: &D, value: &Value<'_>, id: &ObjId) -> Option<String> {
    match value {
        Value::Object(ObjType::Text) => document.text(id).ok(),
        Value::Object(_) => None,
        Value::Scalar(scalar) => match scalar.as_ref() {
            ScalarValue::Str(text) => Some(text.to_string()),
            _ => None,
        },
    }
}

/// The whole number a scalar holds.
pub(crate) fn integer(scalar: &ScalarValue) -> Option<i64> {
    match scalar {
        ScalarValue::Int(number) | ScalarValue::Timestamp(number) => Some(*number),
        ScalarValue::Uint(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// What was found at a key that may be missing, unreadable or in conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<T> {
    /// The readable value that wins.
    pub(crate) value: Option<T>,
    /// The other readable values, each once, in a fixed order.
    pub(crate) conflicts: Vec<T>,
    /// True when at least one value could not be read.
    pub(crate) unreadable: bool,
}

/// Reads every value at `key` with `parse`; the last readable one wins.
pub(crate) fn find<D: ReadDoc, T: PartialEq>(
    document: &D,
    object: &ObjId,
    key: &str,
    parse: impl Fn(&Value<'_>, &ObjId) -> Option<T>,
) -> Found<T> {
    let mut found = Found {
        value: None,
        conflicts: Vec::new(),
        unreadable: false,
    };
    for (value, id) in values(document, object, key).into_iter().rev() {
        match parse(&value, &id) {
            None => found.unreadable = true,
            Some(value) if found.value.is_none() => found.value = Some(value),
            Some(value) => {
                if found.value.as_ref() != Some(&value) && !found.conflicts.contains(&value) {
                    found.conflicts.push(value);
                }
            }
        }
    }
    found
}

/// Reads a text field.
pub(crate) fn find_text<D: ReadDoc>(document: &D, object: &ObjId, key: &str) -> Found<String> {
    find(document, object, key, |value, id| {
        text_of(document, value, id)
    })
}

/// Reads a whole number.
pub(crate) fn find_integer<D: ReadDoc>(document: &D, object: &ObjId, key: &str) -> Found<i64> {
    find(document, object, key, |value, _| match value {
        Value::Scalar(scalar) => integer(scalar),
        Value::Object(_) => None,
    })
}

/// Reads a moment: absent without its time, at UTC without its offset.
pub(crate) fn find_moment<D: ReadDoc>(
    document: &D,
    object: &ObjId,
    keys: MomentKeys,
) -> Option<Moment> {
    let at_millis = find_integer(document, object, keys.at).value?;
    let offset = find_integer(document, object, keys.offset).value;
    Some(moment(at_millis, offset))
}

pub(crate) fn moment(at_millis: i64, offset_minutes: Option<i64>) -> Moment {
    let offset_minutes = offset_minutes
        .and_then(|offset| i16::try_from(offset).ok())
        .unwrap_or(0);
    Moment {
        at_millis,
        offset_minutes,
    }
}

/// The maps at a key of the root: one unless two persons made it at the same time.
pub(crate) fn containers<D: ReadDoc>(document: &D, key: &str) -> Vec<ObjId> {
    maps(document, &ROOT, key)
}
