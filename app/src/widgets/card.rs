//! Cards, columns of cards, and what an empty card says.

use egui::{Frame, Layout, Margin, Stroke, Ui, Vec2};

use super::Button;
use crate::theme::{Type, size, space, tokens};

/// A card over the whole width of the column, as high as what it holds.
pub fn card_ui<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let tokens = tokens(ui);
    let narrow = ui.available_width() < 380.0;
    let margin = if narrow {
        Margin::same(16)
    } else {
        Margin::symmetric(24, 20)
    };
    let frame = Frame::new()
        .fill(tokens.surface)
        .stroke(Stroke::new(size::HAIRLINE, tokens.line))
        .corner_radius(size::RADIUS_CARD)
        .inner_margin(margin);
    let inner = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing = Vec2::splat(space::SMALL);
        contents(ui)
    });
    ui.add_space(space::LARGE - ui.spacing().item_spacing.y);
    inner.inner
}

/// The title of a card.
pub fn card_title_ui(ui: &mut Ui, title: &str) {
    heading_ui(ui, Type::Card, title, 2);
    ui.add_space(space::TINY);
}

/// A label that screen readers know as a heading of `level`.
pub(crate) fn heading_ui(ui: &mut Ui, kind: Type, text: &str, level: usize) {
    let response = ui.label(kind.text(text, tokens(ui).ink));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_role(egui::accesskit::Role::Heading);
        node.set_label(text);
        node.clear_value();
        node.set_level(level);
    });
}

/// One sentence about what belongs here, and the first step; true when it was taken.
pub fn empty_ui(ui: &mut Ui, sentence: &str, step: Option<&str>) -> bool {
    ui.label(Type::Body.text(sentence, tokens(ui).muted));
    step.is_some_and(|step| {
        ui.add_space(space::TINY);
        Button::plain(step).show_ui(ui).clicked()
    })
}

/// Draws `contents` this much further to the left, so that what has a margin of its own lines up
/// with the text around it.
pub fn bleed_ui<R>(ui: &mut Ui, left: f32, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let whole = ui.available_rect_before_wrap();
    let mut wider = whole;
    wider.min.x -= left;
    let layout = Layout::top_down(egui::Align::Min);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(wider).layout(layout));
    let result = contents(&mut child);
    let mut used = child.min_rect();
    used.min.x = used.min.x.max(whole.min.x);
    ui.advance_cursor_after_rect(used);
    result
}

/// Which of two columns is being drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Columns {
    /// The wider one; first when there is only one.
    Main,
    /// The narrower one at the right.
    Side,
}

/// Two columns side by side where there is room, else one below the other.
/// `contents` is called for each of the two.
pub fn columns_ui(ui: &mut Ui, mut contents: impl FnMut(&mut Ui, Columns)) {
    let width = ui.available_width();
    if width < size::TWO_COLUMNS {
        contents(ui, Columns::Main);
        contents(ui, Columns::Side);
        return;
    }
    let main = ((width - space::LARGE) * 0.6).floor();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::LARGE;
        for (column, width) in [
            (Columns::Main, main),
            (Columns::Side, width - space::LARGE - main),
        ] {
            ui.allocate_ui_with_layout(
                Vec2::new(width, 0.0),
                Layout::top_down(egui::Align::Min),
                |ui| {
                    ui.set_width(width);
                    contents(ui, column);
                },
            );
        }
    });
}
