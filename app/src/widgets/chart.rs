//! The line of a person's own ratings: dots for what they gave, a line for the middle of three.

use egui::accesskit::Role;
use egui::{Align2, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2};

use crate::theme::{Type, size, space, tokens};

/// Ratings further apart than this are not joined: a gap stays a gap.
const GAP_MILLIS: i64 = 21 * 24 * 60 * 60 * 1000;

/// Draws `points` (milliseconds and 0 to 10, oldest first); `name` says it in words, `ends` are the
/// dates below its two ends.
pub fn chart_ui(ui: &mut Ui, points: &[(i64, u8)], name: &str, ends: [&str; 2]) {
    let height = 168.0;
    let wanted = Vec2::new(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let tokens = tokens(ui);
    let painter = ui.painter();
    let field = Rect::from_min_max(
        rect.min + Vec2::new(24.0, space::SMALL),
        rect.max - Vec2::new(space::SMALL, 26.0),
    );
    for score in [0_u8, 5, 10] {
        let y = height_of(field, f32::from(score));
        let line = Stroke::new(size::HAIRLINE, tokens.line);
        painter.hline(field.x_range(), y, line);
        let at = pos2(rect.left(), y);
        painter.text(
            at,
            Align2::LEFT_CENTER,
            score,
            Type::Figures.font(),
            tokens.muted,
        );
    }
    let first = points.first().map_or(0, |point| point.0);
    let span = points.last().map_or(1, |point| point.0 - first).max(1);
    let place = |(millis, score): (i64, f32)| -> Pos2 {
        let along = share(millis - first, span);
        let inset = field.shrink2(Vec2::new(space::SMALL, 0.0));
        pos2(
            inset.left() + along * inset.width(),
            height_of(field, score),
        )
    };
    for stretch in stretches(points) {
        let line: Vec<Pos2> = middle_of_three(stretch).into_iter().map(place).collect();
        painter.add(Shape::line(line, Stroke::new(2.0, tokens.accent)));
    }
    for (millis, score) in points {
        let at = place((*millis, f32::from(*score)));
        let edge = Stroke::new(1.5, tokens.muted);
        painter.circle(at, 3.0, tokens.surface, edge);
    }
    let below = rect.bottom() - space::TINY;
    let [from, to] = ends;
    let font = Type::Figures.font();
    painter.text(
        pos2(field.left(), below),
        Align2::LEFT_BOTTOM,
        from,
        font.clone(),
        tokens.muted,
    );
    painter.text(
        pos2(field.right(), below),
        Align2::RIGHT_BOTTOM,
        to,
        font,
        tokens.muted,
    );
}

fn height_of(field: Rect, score: f32) -> f32 {
    field.bottom() - field.height() * score / 10.0
}

/// `part` of `whole` as 0 to 1, in steps of a thousandth.
fn share(part: i64, whole: i64) -> f32 {
    let thousandths = i128::from(part) * 1000 / i128::from(whole);
    u16::try_from(thousandths).map_or(0.0, f32::from) / 1000.0
}

/// The runs of ratings without a gap.
fn stretches(points: &[(i64, u8)]) -> impl Iterator<Item = &[(i64, u8)]> {
    points.chunk_by(|one, next| next.0 - one.0 <= GAP_MILLIS)
}

/// Each rating replaced by the median of itself and its neighbours; ends stay as they are.
fn middle_of_three(points: &[(i64, u8)]) -> Vec<(i64, f32)> {
    let middle = |at: usize| -> u8 {
        match (
            at.checked_sub(1).and_then(|before| points.get(before)),
            points.get(at + 1),
        ) {
            (Some(before), Some(after)) => {
                let mut three = [before.1, points[at].1, after.1];
                three.sort_unstable();
                three[1]
            }
            _ => points[at].1,
        }
    };
    (0..points.len())
        .map(|at| (points[at].0, f32::from(middle(at))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_the_middle_of_three() {
        let points = [(0, 1), (1, 9), (2, 2), (3, 3)];
        let line: Vec<f32> = middle_of_three(&points)
            .into_iter()
            .map(|point| point.1)
            .collect();
        assert_eq!(line, [1.0, 2.0, 3.0, 3.0]);
        assert!(middle_of_three(&[]).is_empty());
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let day = 24 * 60 * 60 * 1000;
        let points = [(0, 1), (day, 2), (40 * day, 5), (41 * day, 6)];
        let runs: Vec<usize> = stretches(&points).map(<[_]>::len).collect();
        assert_eq!(runs, [2, 2]);
    }

    #[test]
    fn the_ends_lie_at_the_ends() {
        assert_eq!(share(0, 10), 0.0);
        assert_eq!(share(10, 10), 1.0);
        assert_eq!(share(5, 10), 0.5);
    }
}
