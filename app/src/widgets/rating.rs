//! Eleven numbers to choose from, 0 to 10.

use cairn_words::{Words, text_id};
use egui::accesskit::Role;
use egui::{Align2, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use crate::theme::{Type, size, space, tokens};

/// A number gets no narrower than this in one row.
const NUMBER_MIN: f32 = 26.0;

/// The numbers in one row, or two where it is narrow; true when `chosen` changed.
pub fn rating_ui(ui: &mut Ui, words: &Words, chosen: &mut Option<u8>) -> bool {
    let gap = space::TINY;
    let available = ui.available_width();
    let one_row = (available - 10.0 * gap) / 11.0;
    let (columns, width) = if one_row >= NUMBER_MIN {
        (11, one_row.min(size::CONTROL + space::SMALL))
    } else {
        (6, ((available - 5.0 * gap) / 6.0).min(56.0))
    };
    let mut changed = false;
    ui.spacing_mut().item_spacing = Vec2::splat(gap);
    for row in (0..=10_u8).collect::<Vec<_>>().chunks(columns) {
        ui.horizontal(|ui| {
            for score in row {
                let selected = *chosen == Some(*score);
                let name = words.format(
                    text_id!("goal-rate-score"),
                    &[("score", i64::from(*score).into())],
                );
                if number_ui(ui, width, *score, &name, selected).clicked() {
                    *chosen = (!selected).then_some(*score);
                    changed = true;
                }
            }
        });
    }
    changed
}

fn number_ui(ui: &mut Ui, width: f32, score: u8, name: &str, selected: bool) -> Response {
    let tokens = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, size::CONTROL), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, selected, name));
    let (fill, edge, ink) = if selected {
        (tokens.soft, tokens.accent, tokens.accent)
    } else if response.hovered() {
        (tokens.sunk, tokens.edge, tokens.ink)
    } else {
        (tokens.surface, tokens.edge, tokens.ink)
    };
    let edge = if response.has_focus() {
        Stroke::new(size::FOCUS, tokens.accent)
    } else {
        Stroke::new(size::HAIRLINE, edge)
    };
    let font = if selected {
        Type::Strong.font()
    } else {
        Type::Body.font()
    };
    let painter = ui.painter();
    painter.rect(rect, size::RADIUS, fill, edge, StrokeKind::Inside);
    painter.text(rect.center(), Align2::CENTER_CENTER, score, font, ink);
    response
}
