//! Buttons: one main action a page, plain ones, icons, and links in running text.

use egui::accesskit::Role;
use egui::{Align2, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

use super::Icon;
use crate::theme::{Type, size, space, tokens};

/// How much a button stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Main,
    Plain,
    Quiet,
}

/// A button with a text, an icon, or both.
#[derive(Debug)]
#[must_use = "show it with `show_ui`"]
pub struct Button<'a> {
    text: &'a str,
    icon: Option<Icon>,
    weight: Weight,
    enabled: bool,
    selected: Option<bool>,
    text_hidden: bool,
    hint: Option<&'a str>,
    full_width: bool,
}

impl<'a> Button<'a> {
    /// An outlined button.
    pub fn plain(text: &'a str) -> Self {
        Self {
            text,
            icon: None,
            weight: Weight::Plain,
            enabled: true,
            selected: None,
            text_hidden: false,
            hint: None,
            full_width: false,
        }
    }

    /// The one main action of a page.
    pub fn main(text: &'a str) -> Self {
        Self {
            weight: Weight::Main,
            ..Self::plain(text)
        }
    }

    /// A button without an outline.
    pub fn quiet(text: &'a str) -> Self {
        Self {
            weight: Weight::Quiet,
            ..Self::plain(text)
        }
    }

    /// A button that shows only its icon; `name` is read out and shown on hover.
    pub fn icon(icon: Icon, name: &'a str) -> Self {
        Self {
            icon: Some(icon),
            text_hidden: true,
            ..Self::quiet(name)
        }
    }

    /// With an icon before the text.
    pub fn with_icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Whether it can be pressed now.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// One of several to choose from.
    pub fn selected(mut self, selected: bool) -> Self {
        self.selected = Some(selected);
        self
    }

    /// An explanation, shown on hover and read out.
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// As wide as the column.
    pub fn full_width(mut self) -> Self {
        self.full_width = true;
        self
    }

    /// Draws it.
    pub fn show_ui(self, ui: &mut Ui) -> Response {
        let padding = if self.text_hidden {
            space::SMALL
        } else {
            space::MEDIUM + space::TINY
        };
        let icon_width = match (self.icon, self.text_hidden) {
            (Some(_), true) => size::ICON,
            (Some(_), false) => size::ICON + space::SMALL,
            (None, _) => 0.0,
        };
        let kind = if self.weight == Weight::Main {
            Type::Strong
        } else {
            Type::Body
        };
        let text = if self.text_hidden { "" } else { self.text };
        let room = (ui.available_width() - 2.0 * padding - icon_width).max(size::CONTROL);
        let tokens = tokens(ui);
        let galley = kind.galley(ui, text, tokens.ink, room);
        let mut wanted = Vec2::new(
            galley.size().x + icon_width + 2.0 * padding,
            (galley.size().y + space::MEDIUM).max(size::CONTROL),
        );
        if self.full_width {
            wanted.x = ui.available_width();
        }
        let sense = if self.enabled {
            Sense::click()
        } else {
            Sense::hover()
        };
        let (rect, response) = ui.allocate_exact_size(wanted, sense);
        response.widget_info(|| self.info());
        let (fill, stroke, ink) = self.colors(ui, &response);
        if ui.is_rect_visible(rect) {
            let painter = ui.painter();
            painter.rect(rect, size::RADIUS, fill, stroke, StrokeKind::Inside);
            let mut at = rect.left_center() + Vec2::new(padding, 0.0);
            if let Some(icon) = self.icon {
                let place = Align2::LEFT_CENTER.anchor_size(at, Vec2::splat(size::ICON));
                icon.paint(painter, place, ink);
                at.x += icon_width;
            } else if !self.full_width {
                at.x = rect.center().x - galley.size().x / 2.0;
            }
            let corner = Align2::LEFT_CENTER.anchor_size(at, galley.size()).min;
            painter.galley_with_override_text_color(corner, galley, ink);
        }
        match (self.hint, self.text_hidden) {
            (Some(hint), _) => response.on_hover_text(hint),
            (None, true) => response.on_hover_text(self.text),
            (None, false) => response,
        }
    }

    fn info(&self) -> WidgetInfo {
        match self.selected {
            Some(selected) => WidgetInfo::selected(Role::Button, self.enabled, selected, self.text),
            None => WidgetInfo::labeled(Role::Button, self.enabled, self.text),
        }
    }

    fn colors(&self, ui: &Ui, response: &Response) -> (egui::Color32, Stroke, egui::Color32) {
        let tokens = tokens(ui);
        let touched = response.hovered() || response.is_pointer_button_down_on();
        let focus = Stroke::new(size::FOCUS, tokens.accent);
        let edge = Stroke::new(size::HAIRLINE, tokens.edge);
        let clear = egui::Color32::TRANSPARENT;
        let (fill, stroke, ink) = match self.weight {
            _ if !self.enabled => (
                tokens.sunk,
                Stroke::new(size::HAIRLINE, tokens.line),
                tokens.muted,
            ),
            _ if self.selected == Some(true) => (
                tokens.soft,
                Stroke::new(size::HAIRLINE, tokens.accent),
                tokens.accent,
            ),
            Weight::Main if touched => (tokens.ink, Stroke::NONE, tokens.paper),
            Weight::Main => (tokens.accent, Stroke::NONE, tokens.on_accent),
            Weight::Plain if touched => (tokens.sunk, edge, tokens.ink),
            Weight::Plain => (tokens.surface, edge, tokens.ink),
            Weight::Quiet if touched => (tokens.sunk, Stroke::NONE, tokens.ink),
            Weight::Quiet => (clear, Stroke::NONE, tokens.muted),
        };
        if response.has_focus() {
            let ring = if self.weight == Weight::Main {
                Stroke::new(size::FOCUS, tokens.ink)
            } else {
                focus
            };
            return (fill, ring, ink);
        }
        (fill, stroke, ink)
    }
}

/// A link in running text: underlined, small.
pub fn link_ui(ui: &mut Ui, text: &str) -> Response {
    let tokens = tokens(ui);
    let words = Type::Small
        .text(text, tokens.accent)
        .line_height(None)
        .underline();
    let label = egui::Label::new(words).sense(Sense::click());
    let response = ui.add(label);
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, text));
    if response.has_focus() {
        let ring = Stroke::new(size::FOCUS, tokens.accent);
        let rect = response.rect.expand(2.0);
        ui.painter().rect_stroke(rect, 4, ring, StrokeKind::Outside);
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

/// A title that opens what it names: underlined while the pointer or the focus is on it.
pub fn title_link_ui(ui: &mut Ui, title: &str) -> Response {
    let tokens = tokens(ui);
    let label = egui::Label::new(Type::Words.text(title, tokens.ink)).sense(Sense::click());
    let response = ui.add(label);
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, title));
    if response.has_focus() || response.hovered() {
        let ends = [response.rect.left_bottom(), response.rect.right_bottom()];
        ui.painter()
            .line_segment(ends, Stroke::new(size::FOCUS, tokens.accent));
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}
