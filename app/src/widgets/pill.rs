//! A small rounded label that says a state.

use egui::accesskit::Role;
use egui::{Align2, Color32, Response, Sense, Ui, Vec2, WidgetInfo};

use super::Icon;
use crate::theme::{Tokens, Type, space, tokens};

/// What a pill is about; decides its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tone {
    /// A plain fact.
    Quiet,
    /// Shared, agreed, mine.
    Soft,
    /// Waiting for me.
    Warm,
    /// The other person's.
    Other,
    /// A fact without a ground of its own.
    Bare,
}

impl Tone {
    fn colors(self, tokens: &Tokens) -> (Color32, Color32) {
        match self {
            Self::Quiet => (tokens.sunk, tokens.muted),
            Self::Soft => (tokens.soft, tokens.accent),
            Self::Warm => (tokens.warm_soft, tokens.warm),
            Self::Other => (tokens.other_soft, tokens.other),
            Self::Bare => (Color32::TRANSPARENT, tokens.muted),
        }
    }
}

/// Icons in pills are smaller than those of buttons.
const PILL_ICON: f32 = 14.0;

/// How wide the pill will be.
pub(super) fn pill_width(ui: &Ui, tone: Tone, icon: Option<Icon>, text: &str) -> f32 {
    let galley = Type::Small.galley(ui, text, Color32::PLACEHOLDER, f32::INFINITY);
    let width = galley.size().x;
    width + padding(tone).sum() + icon_room(icon, text)
}

/// Room before and after the text: what has no ground of its own ends flush.
struct Padding(f32, f32);

impl Padding {
    fn sum(&self) -> f32 {
        self.0 + self.1
    }
}

fn padding(tone: Tone) -> Padding {
    if tone == Tone::Bare {
        Padding(space::SMALL, 0.0)
    } else {
        Padding(space::SMALL + 1.0, space::SMALL + 1.0)
    }
}

fn icon_room(icon: Option<Icon>, text: &str) -> f32 {
    match icon {
        Some(_) if text.is_empty() => PILL_ICON,
        Some(_) => PILL_ICON + space::TINY,
        None => 0.0,
    }
}

/// A pill; `name` is read out, `text` is shown and may be shorter or empty.
pub(super) fn pill_named_ui(
    ui: &mut Ui,
    tone: Tone,
    icon: Option<Icon>,
    text: &str,
    name: &str,
) -> Response {
    let (fill, ink) = tone.colors(tokens(ui));
    let padding = padding(tone);
    let icon_room = icon_room(icon, text);
    let room = (ui.available_width() - padding.sum() - icon_room).max(1.0);
    let galley = Type::Small.line(ui, text, ink, room);
    let wanted = Vec2::new(galley.size().x + padding.sum() + icon_room, 24.0);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        painter.rect_filled(rect, 12.0, fill);
        let mut at = rect.left_center() + Vec2::new(padding.0, 0.0);
        if let Some(icon) = icon {
            let place = Align2::LEFT_CENTER.anchor_size(at, Vec2::splat(PILL_ICON));
            icon.paint(painter, place, ink);
            at.x += icon_room;
        }
        let corner = Align2::LEFT_CENTER.anchor_size(at, galley.size()).min;
        painter.galley(corner, galley, ink);
    }
    if name == text {
        response
    } else {
        response.on_hover_text(name)
    }
}

/// A pill with a text.
pub fn pill_ui(ui: &mut Ui, tone: Tone, text: &str) -> Response {
    pill_named_ui(ui, tone, None, text, text)
}
