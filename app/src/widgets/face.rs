//! The five faces of the mood, drawn.

use egui::{Color32, Painter, Pos2, Shape, Stroke, Vec2, pos2};

/// Draws a face around `center`; `smile` is -1 (corners down) to 1 (corners up).
pub(super) fn paint_face(painter: &Painter, center: Pos2, radius: f32, smile: f32, color: Color32) {
    let stroke = Stroke::new(radius / 8.0, color);
    painter.circle_stroke(center, radius, stroke);
    for side in [-1.0, 1.0] {
        let eye = center + Vec2::new(side * radius * 0.36, -radius * 0.2);
        painter.circle_filled(eye, radius * 0.11, color);
        if smile <= -0.9 {
            // The inner ends of the brows go up.
            let brow = [
                eye + Vec2::new(-side * radius * 0.2, -radius * 0.32),
                eye + Vec2::new(side * radius * 0.2, -radius * 0.2),
            ];
            painter.line_segment(brow, stroke);
        }
    }
    let points = (-6_i8..=6)
        .map(|step| {
            let across = f32::from(step) / 6.0;
            let bend = smile * (0.5 - across * across) * 0.34;
            pos2(
                center.x + across * radius * 0.46,
                center.y + radius * (0.42 + bend),
            )
        })
        .collect();
    painter.add(Shape::line(points, stroke));
}
