//! A box to tick with a text that wraps.

use egui::accesskit::Role;
use egui::{Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2};

use super::Icon;
use crate::theme::{Type, size, space, tokens};

/// Draws the box and its text; clicked when the person ticked it or opened it again.
pub fn tick_ui(ui: &mut Ui, text: &str, done: bool, enabled: bool) -> Response {
    let tokens = tokens(ui);
    let indent = size::ICON + space::MEDIUM;
    let ink = if done { tokens.muted } else { tokens.ink };
    let room = (ui.available_width() - indent).max(size::CONTROL);
    let galley = ui.fonts_mut(|fonts| {
        let mut job = egui::text::LayoutJob::simple(text.to_owned(), Type::Body.font(), ink, room);
        for section in &mut job.sections {
            section.format.line_height = Some(22.0);
        }
        fonts.layout_job(job)
    });
    let height = galley.size().y.max(22.0) + space::SMALL;
    let wanted = Vec2::new(ui.available_width(), height);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
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
        (tokens.surface, tokens.muted)
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
    painter.galley(words_at, galley, ink);
    response
}
