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
pub(super) fn pill_width(ui: &Ui, icon: Option<Icon>, text: &str) -> f32 {
    let width = ui.fonts_mut(|fonts| {
        let color = Color32::PLACEHOLDER;
        let galley = fonts.layout_no_wrap(text.to_owned(), Type::Small.font(), color);
        galley.size().x
    });
    width + 2.0 * space::SMALL + 2.0 + icon_room(icon, text)
}

fn icon_room(icon: Option<Icon>, text: &str) -> f32 {
    match icon {
        Some(_) if text.is_empty() => PILL_ICON,
        Some(_) => PILL_ICON + space::TINY,
        None => 0.0,
    }
}

/// A pill; `name` is read out, `text` is shown and may be shorter or empty.
pub(super) fn pill_named_ui(ui: &mut Ui, tone: Tone, icon: Option<Icon>, text: &str, name: &str) -> Response {
    let (fill, ink) = tone.colors(tokens(ui));
    let padding = space::SMALL + 1.0;
    let icon_room = icon_room(icon, text);
    let room = (ui.available_width() - 2.0 * padding - icon_room).max(1.0);
    let galley = ui.fonts_mut(|fonts| {
        let mut job = egui::text::LayoutJob::simple(text.to_owned(), Type::Small.font(), ink, room);
        job.wrap.max_rows = 1;
        fonts.layout_job(job)
    });
    let wanted = Vec2::new(galley.size().x + 2.0 * padding + icon_room, 24.0);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, name));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        painter.rect_filled(rect, 12.0, fill);
        let mut at = rect.left_center() + Vec2::new(padding, 0.0);
        if let Some(icon) = icon {
            let place = Align2::LEFT_CENTER.anchor_size(at, Vec2::splat(PILL_ICON));
            icon.paint(painter, place, ink);
            at.x += icon_room;
        }
        let corner = Align2::LEFT_CENTER.anchor_size(at, galley.size()).min;
        painter.galley(corner, galley, ink);
    }
    if name == text { response } else { response.on_hover_text(name) }
}

/// A pill with a text.
pub fn pill_ui(ui: &mut Ui, tone: Tone, text: &str) -> Response {
    pill_named_ui(ui, tone, None, text, text)
}
