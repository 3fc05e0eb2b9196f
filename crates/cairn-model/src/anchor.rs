//! Places in a text that stay where they belong while others type: carets, selections, undo.

use std::collections::BTreeMap;
use std::ops::Range;

use automerge::{ObjId, ReadDoc, ScalarValue, Value};

use crate::text::TextField;

/// Which neighbour a place stays with when text is inserted exactly there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lean {
    /// With the code point before it: a caret, the end of a selection.
    Before,
    /// With the code point after it: the start of a selection.
    After,
}

/// How many neighbours on each side an anchor remembers: enough that one deletion of a word or a
/// line leaves some.
const NEIGHBOURS_MAX: usize = 64;

/// One place in a text field.
///
/// Remembers its neighbours rather than an automerge cursor: automerge 0.12 asserts, in debug
/// builds, when a cursor's code point and all behind it were removed.
#[derive(Debug, Clone, PartialEq)]
pub struct TextAnchor {
    object: ObjId,
    lean: Lean,
    /// The code points before the place, the nearest first; empty at the start.
    before: Vec<ObjId>,
    /// The code points after the place, the nearest first; empty at the end.
    after: Vec<ObjId>,
}

impl TextAnchor {
    /// Anchors `position`, counted in code points; `None` when the field has no such place.
    ///
    /// Cost is linear in the text, here and in [`position`](Self::position).
    pub fn new<D: ReadDoc>(
        document: &D,
        field: &TextField,
        position: usize,
        lean: Lean,
    ) -> Option<Self> {
        let object = field.object(document)?;
        if position > document.length(&object) {
            return None;
        }
        let elements = elements(document, &object);
        let place = elements.partition_point(|element| element.place.end <= position);
        let (before, after) = elements.split_at(place);
        let id = |element: &Element| element.id.clone();
        let before = before.iter().rev().take(NEIGHBOURS_MAX).map(id).collect();
        let after = after.iter().take(NEIGHBOURS_MAX).map(id).collect();
        Some(Self {
            object,
            lean,
            before,
            after,
        })
    }

    /// Where the place is now, in code points; `None` when the text itself is gone.
    ///
    /// Next to the nearest neighbour left on the side it leans to, else on the other.
    pub fn position<D: ReadDoc>(&self, document: &D) -> Option<usize> {
        document.object_type(&self.object).ok()?;
        let present = places(document, &self.object);
        let before = || {
            self.before
                .iter()
                .find_map(|id| present.get(id))
                .map(|place| place.end)
        };
        let after = || {
            self.after
                .iter()
                .find_map(|id| present.get(id))
                .map(|place| place.start)
        };
        let length = document.length(&self.object);
        Some(match self.lean {
            Lean::Before if self.before.is_empty() => 0,
            Lean::Before => before().or_else(after).unwrap_or(0),
            Lean::After if self.after.is_empty() => length,
            Lean::After => after().or_else(before).unwrap_or(length),
        })
    }
}

/// The very code points that one edit inserted: what undoing it removes, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSpan {
    object: ObjId,
    elements: Vec<ObjId>,
}

impl TextSpan {
    /// Remembers the code points in `range`; `None` when the field has no text.
    pub fn new<D: ReadDoc>(document: &D, field: &TextField, range: Range<usize>) -> Option<Self> {
        let object = field.object(document)?;
        let elements = elements(document, &object)
            .into_iter()
            .filter(|element| element.place.start >= range.start && element.place.end <= range.end)
            .map(|element| element.id)
            .collect();
        Some(Self { object, elements })
    }

    /// Where they are now, in code points, first to last; removed ones are left out.
    ///
    /// Delete from the last range to the first, so that positions stay right.
    pub fn ranges<D: ReadDoc>(&self, document: &D) -> Vec<Range<usize>> {
        let present = places(document, &self.object);
        let mut places: Vec<Range<usize>> = self
            .elements
            .iter()
            .filter_map(|id| present.get(id).cloned())
            .collect();
        places.sort_by_key(|place| place.start);
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for place in places {
            match ranges.last_mut() {
                Some(last) if last.end == place.start => last.end = place.end,
                _ => ranges.push(place),
            }
        }
        ranges
    }
}

/// One element of a text.
pub(crate) struct Element {
    pub(crate) id: ObjId,
    /// Its place in code points.
    pub(crate) place: Range<usize>,
    /// True for exactly one code point, as it is in every text that was only edited here.
    pub(crate) is_code_point: bool,
}

/// The visible elements of a text, in order.
pub(crate) fn elements<D: ReadDoc>(document: &D, object: &ObjId) -> Vec<Element> {
    let mut shown = String::new();
    let mut elements = Vec::new();
    for (index, (value, id)) in document.values(object).enumerate() {
        let Some(letter) = code_point(&value) else {
            return elements_one_by_one(document, object);
        };
        shown.push(letter);
        elements.push(Element {
            id,
            place: index..index + 1,
            is_code_point: true,
        });
    }
    match document.text(object) {
        Ok(text) if text == shown => elements,
        _ => elements_one_by_one(document, object),
    }
}

/// For texts that other programs wrote. Automerge's pass over all values mixes marks with
/// elements, so each place is looked up by itself: some microseconds for each code point.
fn elements_one_by_one<D: ReadDoc>(document: &D, object: &ObjId) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut start = 0;
    while start < document.length(object) {
        let Ok(Some((value, id))) = document.get(object, start) else {
            break;
        };
        let width = match &value {
            Value::Scalar(scalar) => match scalar.as_ref() {
                ScalarValue::Str(text) => text.chars().count().max(1),
                _ => 1,
            },
            Value::Object(_) => 1,
        };
        let is_code_point = code_point(&value).is_some();
        elements.push(Element {
            id,
            place: start..start + width,
            is_code_point,
        });
        start += width;
    }
    elements
}

/// The code point that a value of a text is, if it is exactly one.
pub(crate) fn code_point(value: &Value<'_>) -> Option<char> {
    let Value::Scalar(scalar) = value else {
        return None;
    };
    let ScalarValue::Str(text) = scalar.as_ref() else {
        return None;
    };
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// Where each element is.
fn places<D: ReadDoc>(document: &D, object: &ObjId) -> BTreeMap<ObjId, Range<usize>> {
    elements(document, object)
        .into_iter()
        .map(|element| (element.id, element.place))
        .collect()
}
