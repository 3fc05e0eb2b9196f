//! A text field for words that two people write in.
//!
//! Role: gives out what was typed as exact splices, takes over what arrives as splices, and
//! undoes only own edits.
//! Invariants: a remote edit moves caret and selection with the words around them; egui's own
//! undo, which would put back the whole text, never sees Ctrl+Z; keys count in the order in which
//! they were pressed, however slow a frame is.

use std::any::TypeId;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use egui::text::{CCursor, CCursorRange, CharIndex, LayoutJob, TextFormat};
use egui::text_edit::TextEditState;
use egui::{Event, Frame, Galley, Id, Key, Margin, Modifiers, Stroke, TextBuffer, TextEdit, Ui};

use super::entry::name;
use crate::edit::{Sheet, Splice, differences};
use crate::theme::{Type, size, tokens};

/// What was typed in one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The text before the first splice.
    pub seen: String,
    /// What to do to it, in order.
    pub splices: Vec<Splice>,
}

/// How the field looks and is named.
#[derive(Debug, Clone, Copy)]
pub struct FieldLook<'a> {
    /// Read out by screen readers.
    pub name: &'a str,
    /// Shown while the field is empty.
    pub hint: &'a str,
    /// The font.
    pub kind: Type,
    /// Whether Enter starts a new line.
    pub lines: bool,
}

/// The state of one field; make a new one for another text.
#[derive(Default)]
pub struct TextField {
    sheet: Option<Sheet>,
    /// Keys that wait for the next frame, so that undo comes after what was typed before it.
    held: Vec<Event>,
}

impl std::fmt::Debug for TextField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextField")
            .field("sheet", &self.sheet)
            .finish_non_exhaustive()
    }
}

impl TextField {
    /// Draws the field with `current`, the text as the document has it; what was typed, if anything.
    pub fn show_ui(
        &mut self,
        ui: &mut Ui,
        id: Id,
        current: &str,
        look: FieldLook<'_>,
    ) -> Option<Typed> {
        keep_order(ui, id, &mut self.held);
        let sheet = self.sheet.get_or_insert_with(|| Sheet::new(current));
        take_over(ui, id, sheet, current);
        let seen = sheet.text().to_owned();
        let mut splices = undo_or_redo(ui, id, sheet);
        let arrived = RefCell::new(sheet.arrived());
        let mut buffer = Buffer {
            seconds: ui.input(|input| input.time),
            lines: look.lines,
            arrived: &arrived,
            splices: &mut splices,
            sheet,
        };
        edit_ui(ui, id, &mut buffer, look);
        splices.retain(|splice| splice.delete > 0 || !splice.insert.is_empty());
        (!splices.is_empty()).then_some(Typed { seen, splices })
    }
}

/// Brings the sheet to `current` and moves the caret with it.
fn take_over(ui: &Ui, id: Id, sheet: &mut Sheet, current: &str) {
    if sheet.text() == current {
        return;
    }
    let mut state = TextEditState::load(ui.ctx(), id);
    for splice in differences(sheet.text(), current) {
        sheet.remote(&splice);
        if let Some(state) = &mut state
            && let Some(range) = state.cursor.char_range()
        {
            state.cursor.set_char_range(Some(moved(range, &splice)));
        }
    }
    if let Some(state) = state {
        state.store(ui.ctx(), id);
    }
}

/// Where a caret or selection is after a remote splice; words at its edges stay outside.
fn moved(range: CCursorRange, splice: &Splice) -> CCursorRange {
    let collapsed = range.primary.index == range.secondary.index;
    let first = range.primary.index.min(range.secondary.index);
    let shift = |cursor: CCursor| CCursor {
        index: CharIndex(splice.moves(cursor.index.0, !collapsed && cursor.index == first)),
        prefer_next_row: cursor.prefer_next_row,
    };
    CCursorRange {
        primary: shift(range.primary),
        secondary: shift(range.secondary),
        h_pos: None,
    }
}

/// Has at most one undo or redo in this frame, with nothing typed before it: egui's field takes all
/// keys of a frame at once, and a slow frame has several. The others wait for the next frame.
fn keep_order(ui: &Ui, id: Id, held: &mut Vec<Event>) {
    let waited = std::mem::take(held);
    if !ui.memory(|memory| memory.has_focus(id)) {
        return;
    }
    ui.input_mut(|input| {
        input.events.splice(0..0, waited);
        let mut events = input.events.iter();
        let Some(first) = events.position(is_typed) else {
            return;
        };
        if let Some(undo) = events.position(is_undo_or_redo) {
            let later = input.events.split_off(first + 1 + undo);
            let (keys, others): (Vec<Event>, Vec<Event>) = later.into_iter().partition(is_typed);
            *held = keys;
            input.events.extend(others);
        }
    });
    if !held.is_empty() {
        ui.ctx().request_repaint();
    }
}

fn is_typed(event: &Event) -> bool {
    let key = matches!(event, Event::Key { pressed: true, .. });
    key || matches!(
        event,
        Event::Text(_) | Event::Paste(_) | Event::Cut | Event::Ime(_)
    )
}

fn is_undo_or_redo(event: &Event) -> bool {
    match event {
        Event::Key {
            key: Key::Z | Key::Y,
            pressed: true,
            modifiers,
            ..
        } => modifiers.command,
        _ => false,
    }
}

/// Handles Ctrl+Z, Ctrl+Y and Ctrl+Shift+Z before egui can.
fn undo_or_redo(ui: &Ui, id: Id, sheet: &mut Sheet) -> Vec<Splice> {
    if !ui.memory(|memory| memory.has_focus(id)) {
        return Vec::new();
    }
    let (undo, redo) = ui.input_mut(|input| {
        let again = input.consume_key(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z)
            || input.consume_key(Modifiers::COMMAND, Key::Y);
        (input.consume_key(Modifiers::COMMAND, Key::Z), again)
    });
    let splices = match (undo, redo) {
        (true, _) => sheet.undo(),
        (_, true) => sheet.redo(),
        _ => Vec::new(),
    };
    if let Some(last) = splices.last()
        && let Some(mut state) = TextEditState::load(ui.ctx(), id)
    {
        let caret = CCursor::new(CharIndex(last.position + last.insert.chars().count()));
        state.cursor.set_char_range(Some(CCursorRange::one(caret)));
        state.store(ui.ctx(), id);
    }
    splices
}

fn edit_ui(ui: &mut Ui, id: Id, buffer: &mut Buffer<'_>, look: FieldLook<'_>) {
    let tokens = tokens(ui);
    let focused = ui.memory(|memory| memory.has_focus(id));
    let hovered = ui
        .ctx()
        .read_response(id)
        .is_some_and(|response| response.hovered());
    let (fill, edge) = match (focused, hovered) {
        (true, _) => (tokens.surface, Stroke::new(size::FOCUS, tokens.accent)),
        (false, true) => (tokens.sunk, Stroke::new(size::FOCUS, tokens.sunk)),
        (false, false) => {
            let clear = egui::Color32::TRANSPARENT;
            (clear, Stroke::new(size::FOCUS, clear))
        }
    };
    let frame = Frame::new()
        .fill(fill)
        .stroke(edge)
        .corner_radius(size::RADIUS)
        .inner_margin(Margin::symmetric(8, 4));
    let arrived = buffer.arrived;
    let kind = look.kind;
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, width: f32| -> Arc<Galley> {
        let job = layout(ui, text.as_str(), &arrived.borrow(), kind, width);
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    let mut edit = TextEdit::multiline(buffer)
        .id(id)
        .hint_text(kind.text(look.hint, tokens.muted))
        .font(kind.font())
        .frame(frame)
        .desired_rows(1)
        .desired_width(f32::INFINITY)
        .layouter(&mut layouter);
    if !look.lines {
        edit = edit.return_key(None);
    }
    let response = ui.add(edit);
    name(ui, &response, look.name);
}

/// The text with the letters that arrived in the other person's colours.
fn layout(ui: &Ui, text: &str, arrived: &[Range<usize>], kind: Type, width: f32) -> LayoutJob {
    let tokens = tokens(ui);
    let mine = kind.format(tokens.ink);
    let theirs = TextFormat {
        color: tokens.other,
        background: tokens.other_soft,
        ..mine.clone()
    };
    let mut job = LayoutJob {
        keep_trailing_whitespace: true,
        ..LayoutJob::default()
    };
    job.wrap.max_width = width;
    let mut letters = text.chars();
    let mut at = 0;
    for range in arrived {
        let before: String = letters.by_ref().take(range.start - at).collect();
        let inside: String = letters.by_ref().take(range.len()).collect();
        job.append(&before, 0.0, mine.clone());
        job.append(&inside, 0.0, theirs.clone());
        at = range.end;
    }
    job.append(letters.as_str(), 0.0, mine);
    job
}

/// What egui edits: a sheet that writes down every splice.
struct Buffer<'a> {
    sheet: &'a mut Sheet,
    splices: &'a mut Vec<Splice>,
    arrived: &'a RefCell<Vec<Range<usize>>>,
    seconds: f64,
    lines: bool,
}

impl TextBuffer for Buffer<'_> {
    fn is_mutable(&self) -> bool {
        true
    }

    fn as_str(&self) -> &str {
        self.sheet.text()
    }

    fn insert_text(&mut self, text: &str, char_index: CharIndex) -> usize {
        let flat;
        let text = if self.lines {
            text
        } else {
            flat = text.replace(['\n', '\r'], " ");
            flat.as_str()
        };
        if text.is_empty() {
            return 0;
        }
        let splice = self.sheet.type_in(char_index.0, text, self.seconds);
        self.splices.push(splice);
        self.arrived.replace(self.sheet.arrived());
        text.chars().count()
    }

    fn delete_char_range(&mut self, char_range: Range<CharIndex>) {
        let start = char_range.start.0;
        let count = char_range.end.0.saturating_sub(start);
        if count == 0 {
            return;
        }
        let splice = self.sheet.delete(start, count, self.seconds);
        self.splices.push(splice);
        self.arrived.replace(self.sheet.arrived());
    }

    fn type_id(&self) -> TypeId {
        TypeId::of::<Buffer<'static>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(primary: usize, secondary: usize) -> CCursorRange {
        CCursorRange::two(
            CCursor::new(CharIndex(secondary)),
            CCursor::new(CharIndex(primary)),
        )
    }

    fn insert(position: usize, text: &str) -> Splice {
        Splice {
            position,
            delete: 0,
            insert: text.to_owned(),
        }
    }

    fn check(before: (usize, usize), splice: &Splice, after: (usize, usize)) {
        let found = moved(range(before.0, before.1), splice);
        assert_eq!(
            (found.primary.index.0, found.secondary.index.0),
            after,
            "{splice:?}"
        );
    }

    #[test]
    fn the_caret_stays_with_its_words() {
        check((5, 5), &insert(0, "ab"), (7, 7));
        check((5, 5), &insert(5, "ab"), (5, 5));
        check((5, 5), &insert(6, "ab"), (5, 5));
    }

    #[test]
    fn a_selection_does_not_grow_at_its_edges() {
        check((6, 3), &insert(3, "ab"), (8, 5));
        check((6, 3), &insert(6, "ab"), (6, 3));
        check((3, 6), &insert(3, "ab"), (5, 8));
        check((6, 3), &insert(4, "ab"), (8, 3));
    }
}
