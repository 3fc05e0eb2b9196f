//! The text fields of a goal, edited by code point.

use automerge::transaction::Transactable;
use automerge::{ObjId, ObjType, ROOT, ReadDoc};
use serde::{Deserialize, Serialize};

use crate::anchor::{code_point, elements};
use crate::context::CommandError;
use crate::read;
use crate::schema;
use crate::steps::step_map;

/// A text of a goal that two people can type in at the same time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextField {
    /// What the goal is called: at most 300 code points; part of the agreed wording.
    Title,
    /// Why it matters, in the client's words: at most
    /// [`TEXT_CODE_POINTS_MAX`](crate::TEXT_CODE_POINTS_MAX) code points; not part of the
    /// agreement.
    Why,
    /// What would be enough: at most 1,000 code points; part of the agreed wording.
    GoodEnough,
    /// The text of the step with this id: at most 500 code points.
    Step(String),
}

impl TextField {
    /// The most code points a command leaves in the field.
    pub const fn code_points_max(&self) -> usize {
        match self {
            Self::Title => schema::TITLE_CODE_POINTS_MAX,
            Self::Why => schema::TEXT_CODE_POINTS_MAX,
            Self::GoodEnough => schema::GOOD_ENOUGH_CODE_POINTS_MAX,
            Self::Step(_) => schema::STEP_CODE_POINTS_MAX,
        }
    }

    pub(crate) const fn is_agreed(&self) -> bool {
        matches!(self, Self::Title | Self::GoodEnough)
    }

    /// The map that holds the text, and its key there.
    fn place<D: ReadDoc>(&self, document: &D) -> Option<(ObjId, &'static str)> {
        match self {
            Self::Title => Some((ROOT, schema::TITLE)),
            Self::Why => Some((ROOT, schema::WHY)),
            Self::GoodEnough => Some((ROOT, schema::GOOD_ENOUGH)),
            Self::Step(id) => Some((step_map(document, id)?.0, schema::TEXT)),
        }
    }

    /// The text as it is; `None` when there is none or it is not readable as one.
    pub fn text<D: ReadDoc>(&self, document: &D) -> Option<String> {
        let object = self.object(document)?;
        document.text(&object).ok()
    }

    /// The field's text object.
    pub(crate) fn object<D: ReadDoc>(&self, document: &D) -> Option<ObjId> {
        let (map, key) = self.place(document)?;
        read::text_object(document, &map, key)
    }
}

/// Makes the text what it should be, by the smallest difference.
pub(crate) fn set_text<T: Transactable>(
    transaction: &mut T,
    field: &TextField,
    text: &str,
) -> Result<(), CommandError> {
    check_length(field, text.chars().count())?;
    let object = plain_text(transaction, field, None)?;
    transaction.update_text(&object, text)?;
    Ok(())
}

/// Removes `delete` code points at `position` and puts `insert` there.
pub(crate) fn splice_text<T: Transactable>(
    transaction: &mut T,
    field: &TextField,
    position: usize,
    delete: usize,
    insert: &str,
) -> Result<(), CommandError> {
    let object = plain_text(transaction, field, Some((position, delete)))?;
    let code_points = transaction.length(&object);
    let inside = position
        .checked_add(delete)
        .is_some_and(|end| end <= code_points);
    let signed = isize::try_from(delete).ok().filter(|_| inside);
    let Some(delete_signed) = signed else {
        return Err(CommandError::OutOfText {
            position,
            delete,
            code_points,
        });
    };
    let inserted = insert.chars().count();
    if inserted > delete {
        check_length(field, code_points - delete + inserted)?;
    }
    if inserted > 0 || delete > 0 {
        transaction.splice_text(&object, position, delete_signed, insert)?;
    }
    Ok(())
}

/// Makes a text object with a text.
pub(crate) fn make_text<T: Transactable>(
    transaction: &mut T,
    object: &ObjId,
    key: &str,
    text: &str,
) -> Result<ObjId, CommandError> {
    let id = transaction.put_object(object, key, ObjType::Text)?;
    transaction.splice_text(&id, 0, 0, text)?;
    Ok(id)
}

pub(crate) fn check_length(field: &TextField, code_points: usize) -> Result<(), CommandError> {
    let code_points_max = field.code_points_max();
    if code_points > code_points_max {
        return Err(CommandError::TextTooLong {
            code_points,
            code_points_max,
        });
    }
    Ok(())
}

/// The field's text object, fit for a splice at a position with so many deletions, or for any.
///
/// One that is missing, a plain string, or holds there anything but single code points (which only
/// other programs write, and on which automerge's own splices fail) is made anew from what it
/// shows.
fn plain_text<T: Transactable>(
    transaction: &mut T,
    field: &TextField,
    splice: Option<(usize, usize)>,
) -> Result<ObjId, CommandError> {
    if let Some(object) = field.object(transaction)
        && match splice {
            Some((position, delete)) if delete <= LOOKED_UP_MAX => {
                is_plain_at(transaction, &object, position, delete)
            }
            _ => elements(transaction, &object)
                .iter()
                .all(|element| element.is_code_point),
        }
    {
        return Ok(object);
    }
    let (map, key) = field.place(transaction).ok_or(CommandError::NoSuchStep)?;
    let shown = read::find_text(transaction, &map, key)
        .value
        .unwrap_or_default();
    make_text(transaction, &map, key, &shown)
}

/// Code points that are looked up one by one; for more a pass over the text is cheaper.
const LOOKED_UP_MAX: usize = 16;

/// Whether the elements that a splice removes, and those beside it, are single code points.
fn is_plain_at<D: ReadDoc>(document: &D, object: &ObjId, position: usize, delete: usize) -> bool {
    let last = position.saturating_add(delete);
    let end = document.length(object).min(last.saturating_add(1));
    (position.saturating_sub(1)..end).all(|index| {
        let found = document.get(object, index);
        matches!(found, Ok(Some((value, _))) if code_point(&value).is_some())
    })
}
