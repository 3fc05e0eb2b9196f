//! A line of a list: text that wraps at the left, the two marks at the right end.

use cairn_words::Words;
use egui::{Rect, Ui, UiBuilder, Vec2, pos2};

use super::marks::{marks_ui, marks_width};
use crate::theme::{size, space, tokens};
use crate::view::Marks;

/// The text keeps at least this much room before the marks shrink to icons.
const TEXT_MIN: f32 = 280.0;

/// A separator over the whole width.
pub fn line_ui(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(
        Vec2::new(ui.available_width(), size::HAIRLINE),
        egui::Sense::hover(),
    );
    ui.painter().rect_filled(rect, 0, tokens(ui).line);
}

/// `left` with `marks` at the right end, level with the first line of text.
pub fn row_ui<R>(ui: &mut Ui, words: &Words, marks: &Marks, left: impl FnOnce(&mut Ui) -> R) -> R {
    let full = marks_width(ui, words, marks, false);
    let compact = ui.available_width() - full - space::MEDIUM < TEXT_MIN;
    let right = if compact {
        marks_width(ui, words, marks, true)
    } else {
        full
    };
    let whole = ui.available_rect_before_wrap();
    let room = (whole.width() - right - space::MEDIUM).max(size::CONTROL);
    let top = whole.top();
    let left_rect = Rect::from_min_size(whole.min, Vec2::new(room, f32::INFINITY));
    let layout = egui::Layout::top_down(egui::Align::Min);
    let mut left_ui = ui.new_child(UiBuilder::new().max_rect(left_rect).layout(layout));
    let result = left(&mut left_ui);
    let height = left_ui.min_rect().height().max(24.0);
    let corner = pos2(whole.right() - right, top + 1.0);
    let marks_rect = Rect::from_min_size(corner, Vec2::new(right + 1.0, 24.0));
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut right_ui = ui.new_child(UiBuilder::new().max_rect(marks_rect).layout(layout));
    marks_ui(&mut right_ui, words, marks, compact);
    let all = Rect::from_min_size(whole.min, Vec2::new(whole.width(), height));
    ui.advance_cursor_after_rect(all);
    result
}
