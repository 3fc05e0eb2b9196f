//! How it is right now: five drawn faces with names, one of which is chosen.

use cairn_words::{TextId, Words, text_id};
use egui::accesskit::Role;
use egui::{Align2, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2};

use super::face::paint_face;
use crate::theme::{Type, size, space, tokens};

/// The five moods.
///
/// The log holds 0 to 10 so that finer scales can follow. Each face stands for the middle of its
/// fifth of that scale: heavy 1, low 3, so-so 5, fair 7, good 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mood {
    /// Scores 0 to 1, written as 1.
    Heavy,
    /// Scores 2 to 3, written as 3.
    Low,
    /// Scores 4 to 5, written as 5.
    SoSo,
    /// Scores 6 to 7, written as 7.
    Fair,
    /// Scores 8 to 10, written as 9.
    Good,
}

impl Mood {
    /// All five, from heavy to good: keys 1 to 5.
    pub const ALL: [Self; 5] = [Self::Heavy, Self::Low, Self::SoSo, Self::Fair, Self::Good];

    /// The score that is written down, 0 to 10.
    pub fn score(self) -> u8 {
        match self {
            Self::Heavy => 1,
            Self::Low => 3,
            Self::SoSo => 5,
            Self::Fair => 7,
            Self::Good => 9,
        }
    }

    /// The face that stands for a score of 0 to 10.
    pub fn of_score(score: u8) -> Self {
        match score {
            0..=1 => Self::Heavy,
            2..=3 => Self::Low,
            4..=5 => Self::SoSo,
            6..=7 => Self::Fair,
            _ => Self::Good,
        }
    }

    /// Its name.
    pub fn text_id(self) -> TextId {
        match self {
            Self::Heavy => text_id!("today-mood-heavy"),
            Self::Low => text_id!("today-mood-low"),
            Self::SoSo => text_id!("today-mood-so-so"),
            Self::Fair => text_id!("today-mood-fair"),
            Self::Good => text_id!("today-mood-good"),
        }
    }

    fn smile(self) -> f32 {
        match self {
            Self::Heavy => -1.0,
            Self::Low => -0.6,
            Self::SoSo => 0.0,
            Self::Fair => 0.6,
            Self::Good => 1.2,
        }
    }
}

/// The five faces in a row; true when `chosen` changed.
pub fn mood_ui(ui: &mut Ui, words: &Words, chosen: &mut Option<Mood>) -> bool {
    let gap = space::SMALL;
    let width = ((ui.available_width() - 4.0 * gap) / 5.0).clamp(44.0, 128.0);
    let mut changed = false;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        for mood in Mood::ALL {
            let name = words.text(mood.text_id());
            let selected = *chosen == Some(mood);
            if face_button_ui(ui, width, mood, &name, selected).clicked() {
                *chosen = (!selected).then_some(mood);
                changed = true;
            }
        }
    });
    changed
}

fn face_button_ui(ui: &mut Ui, width: f32, mood: Mood, name: &str, selected: bool) -> Response {
    let tokens = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 76.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, selected, name));
    let (fill, edge, ink) = if selected {
        (
            tokens.soft,
            Stroke::new(size::HAIRLINE, tokens.accent),
            tokens.accent,
        )
    } else if response.hovered() {
        (tokens.sunk, Stroke::NONE, tokens.ink)
    } else {
        (egui::Color32::TRANSPARENT, Stroke::NONE, tokens.muted)
    };
    let edge = if response.has_focus() {
        Stroke::new(size::FOCUS, tokens.accent)
    } else {
        edge
    };
    let painter = ui.painter();
    painter.rect(rect, size::RADIUS, fill, edge, StrokeKind::Inside);
    let face = pos2(rect.center().x, rect.top() + 28.0);
    paint_face(painter, face, size::FACE / 2.0, mood.smile(), ink);
    let name_at = pos2(rect.center().x, rect.bottom() - space::MEDIUM);
    painter.text(
        name_at,
        Align2::CENTER_CENTER,
        name,
        Type::Small.font(),
        ink,
    );
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}

#[cfg(test)]
mod tests {
    use super::Mood;

    #[test]
    fn every_score_has_a_face_and_every_face_its_own_score() {
        for mood in Mood::ALL {
            assert_eq!(Mood::of_score(mood.score()), mood);
        }
        let faces: Vec<Mood> = (0..=10).map(Mood::of_score).collect();
        assert!(faces.is_sorted_by_key(|mood| mood.score()));
        assert_eq!((faces[0], faces[10]), (Mood::Heavy, Mood::Good));
    }
}
