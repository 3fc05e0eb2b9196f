//! A box to tick with a text that wraps.

use egui::accesskit::Role;
use egui::{Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2};

use super::Icon;
use crate::theme::{Type, size, space, tokens};

/// Draws the box, its text, and a second line `below`, which may be empty; clicked when the
/// person ticked it or opened it again.
pub fn tick_ui(ui: &mut Ui, text: &str, below: &str, done: bool, enabled: bool) -> Response {
    let tokens = tokens(ui);
    let indent = size::ICON + space::MEDIUM;
    let ink = if done { tokens.muted } else { tokens.ink };
    let room = (ui.available_width() - indent).max(size::CONTROL);
    let galley = Type::Body.galley(ui, text, ink, room);
    let second = if below.is_empty() {
        0.0
    } else {
        Type::Small.line_height()
    };
    let below = Type::Small.line(ui, below, tokens.muted, room);
    let height = galley.size().y.max(22.0) + second + space::SMALL;
    let wanted = Vec2::new(ui.available_width(), height);
    let sense = if enabled {
        Sense::click()
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(wanted, sense);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, enabled, done, text));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let painter = ui.painter();
    let corner = pos2(rect.left(), rect.top() + space::TINY + 2.0);
    let mark = Rect::from_min_size(corner, Vec2::splat(size::ICON));
    let (fill, edge) = if done {
        (tokens.accent, tokens.accent)
    } else if response.hovered() {
        (tokens.soft, tokens.accent)
    } else {
        (tokens.surface, tokens.edge)
    };
    let edge = Stroke::new(size::HAIRLINE, edge);
    painter.rect(mark, 5, fill, edge, StrokeKind::Inside);
    if done {
        Icon::Saved.paint(painter, mark.shrink(2.0), tokens.on_accent);
    }
    if response.has_focus() {
        let ring = Stroke::new(size::FOCUS, tokens.accent);
        painter.rect_stroke(mark.expand(3.0), 7, ring, StrokeKind::Inside);
    }
    let words_at = pos2(rect.left() + indent, rect.top() + space::TINY);
    let below_at = pos2(words_at.x, words_at.y + galley.size().y);
    painter.galley(words_at, galley, ink);
    painter.galley(below_at, below, tokens.muted);
    response
}
