//! The two marks at the end of every item: who can see it, and how far it has come.

use cairn_words::{Words, text_id};
use egui::Ui;

use super::Icon;
use super::pill::{Tone, pill_named_ui, pill_width};
use crate::view::Marks;

/// One mark: what it shows and what it says.
struct Mark {
    tone: Tone,
    icon: Icon,
    /// The text beside the icon where there is room.
    short: String,
    /// The whole sentence: read out, and shown on hover.
    name: String,
}

/// Draws both marks from left to right; icons only when `compact`.
pub fn marks_ui(ui: &mut Ui, words: &Words, marks: &Marks, compact: bool) {
    ui.spacing_mut().item_spacing.x = 2.0;
    for mark in both(words, marks) {
        let text = if compact { "" } else { &mark.short };
        pill_named_ui(ui, mark.tone, Some(mark.icon), text, &mark.name);
    }
}

/// How wide both marks will be.
pub(super) fn marks_width(ui: &Ui, words: &Words, marks: &Marks, compact: bool) -> f32 {
    let width = |mark: &Mark| {
        let text = if compact { "" } else { &mark.short };
        pill_width(ui, mark.tone, Some(mark.icon), text)
    };
    both(words, marks).iter().map(width).sum::<f32>() + 2.0
}

fn both(words: &Words, marks: &Marks) -> [Mark; 2] {
    [sight(words, marks), progress(words, marks)]
}

/// Who can see the item.
fn sight(words: &Words, marks: &Marks) -> Mark {
    let short = match marks.seen_by.as_slice() {
        [] => words.text(text_id!("app-only-me")).into_owned(),
        [name] => words.format(text_id!("app-you-and"), &[("name", name.as_str().into())]),
        more => words.format(
            text_id!("app-you-and-others"),
            &[("count", more.len().into())],
        ),
    };
    let who = if marks.seen_by.len() > 1 {
        marks.seen_by.join(", ")
    } else {
        short.clone()
    };
    let (tone, icon) = if marks.seen_by.is_empty() {
        (Tone::Quiet, Icon::Lock)
    } else {
        (Tone::Soft, Icon::Seen)
    };
    Mark {
        tone,
        icon,
        short,
        name: words.format(text_id!("app-seen-by-hint"), &[("who", who.into())]),
    }
}

/// Saving, saved, delivered.
fn progress(words: &Words, marks: &Marks) -> Mark {
    let missing = marks
        .seen_by
        .iter()
        .find(|name| !marks.delivered_to.contains(name));
    let (icon, short, name) = match (marks.saved, marks.seen_by.as_slice(), missing) {
        (false, ..) => {
            let text = words.text(text_id!("app-saving")).into_owned();
            (Icon::Saving, text.clone(), text)
        }
        (true, [], _) => (
            Icon::Saved,
            words.text(text_id!("app-saved-short")).into_owned(),
            words.text(text_id!("app-saved")).into_owned(),
        ),
        (true, [name], None) => {
            let id = text_id!("app-delivered-to");
            let text = words.format(id, &[("name", name.as_str().into())]);
            // The mark beside it names the person.
            let short = words.text(text_id!("app-delivered-short")).into_owned();
            (Icon::Delivered, short, text)
        }
        (true, [_], Some(name)) => (
            Icon::Saved,
            words.text(text_id!("app-waiting-short")).into_owned(),
            words.format(
                text_id!("app-not-yet-delivered"),
                &[("name", name.as_str().into())],
            ),
        ),
        (true, several, missing) => {
            let id = text_id!("app-delivered-to-some");
            let count = marks.delivered_to.len();
            let text = words.format(
                id,
                &[("count", count.into()), ("total", several.len().into())],
            );
            let icon = if missing.is_none() {
                Icon::Delivered
            } else {
                Icon::Saved
            };
            (icon, text.clone(), text)
        }
    };
    Mark {
        tone: Tone::Bare,
        icon,
        short,
        name,
    }
}
