//! Icons, drawn as lines on a grid of 18 points; no font has to hold them.

use std::f32::consts::TAU;

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Vec2, pos2};

/// The icons there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Icon {
    /// A rising sun.
    Today,
    /// A flag on a small stack of stones.
    Goals,
    /// Two people.
    People,
    /// A magnifying glass.
    Find,
    /// A closed lock.
    Lock,
    /// An eye.
    Seen,
    /// One tick.
    Saved,
    /// Two ticks.
    Delivered,
    /// An arc of a circle: under way.
    Saving,
    /// An arrow to the left.
    Back,
    /// A plus.
    Add,
    /// A cross.
    Close,
    /// A pencil.
    Edit,
    /// An arrow out of a box.
    Share,
    /// Half a disc.
    Colours,
    /// A large and a small letter.
    TextSize,
}

impl Icon {
    /// Draws it into `rect` in one colour.
    pub fn paint(self, painter: &Painter, rect: Rect, color: Color32) {
        let grid = Grid {
            painter,
            rect,
            stroke: Stroke::new(1.5 * rect.width() / 18.0, color),
        };
        match self {
            Self::Today => {
                grid.line(&[(2.0, 14.0), (16.0, 14.0)]);
                grid.arc((9.0, 14.0), 4.5, 0.5, 1.0);
                for turn in [0.56, 0.655, 0.75, 0.845, 0.94] {
                    grid.ray((9.0, 14.0), 6.5, 8.5, turn);
                }
            }
            Self::Goals => {
                grid.line(&[(6.0, 3.0), (6.0, 12.0)]);
                grid.line(&[(6.0, 3.5), (13.0, 5.5), (6.0, 8.0)]);
                grid.oval((8.5, 14.0), 6.0, 2.0);
            }
            Self::People => {
                grid.circle((6.5, 6.5), 2.6);
                grid.arc((6.5, 15.0), 4.8, 0.5, 1.0);
                grid.arc((12.0, 6.5), 2.6, 0.62, 1.12);
                grid.arc((11.6, 15.0), 4.8, 0.78, 1.0);
            }
            Self::Find => {
                grid.circle((7.8, 7.8), 4.6);
                grid.line(&[(11.2, 11.2), (15.5, 15.5)]);
            }
            Self::Lock => {
                grid.outline((4.0, 8.0), (14.0, 15.5));
                grid.arc((9.0, 7.8), 3.2, 0.5, 1.0);
            }
            Self::Seen => {
                grid.arc((9.0, 12.33), 7.93, 0.569, 0.931);
                grid.arc((9.0, 5.67), 7.93, 0.069, 0.431);
                grid.disc((9.0, 9.0), 2.2);
            }
            Self::Saved => grid.line(&[(3.5, 9.5), (7.2, 13.2), (14.5, 5.5)]),
            Self::Delivered => {
                grid.line(&[(1.2, 9.5), (4.8, 13.2), (11.6, 5.5)]);
                grid.line(&[(8.4, 12.6), (9.0, 13.2), (16.2, 5.5)]);
            }
            Self::Saving => grid.arc((9.0, 9.0), 5.5, 0.1, 0.85),
            _ => self.paint_action(&grid),
        }
    }

    fn paint_action(self, grid: &Grid<'_>) {
        match self {
            Self::Back => {
                grid.line(&[(15.0, 9.0), (3.5, 9.0)]);
                grid.line(&[(8.0, 4.5), (3.5, 9.0), (8.0, 13.5)]);
            }
            Self::Add => {
                grid.line(&[(9.0, 3.5), (9.0, 14.5)]);
                grid.line(&[(3.5, 9.0), (14.5, 9.0)]);
            }
            Self::Close => {
                grid.line(&[(4.5, 4.5), (13.5, 13.5)]);
                grid.line(&[(13.5, 4.5), (4.5, 13.5)]);
            }
            Self::Edit => {
                grid.line(&[
                    (3.5, 14.5),
                    (4.4, 11.0),
                    (12.2, 3.2),
                    (14.8, 5.8),
                    (7.0, 13.6),
                    (3.5, 14.5),
                ]);
            }
            Self::Share => {
                grid.line(&[
                    (5.0, 8.0),
                    (3.5, 8.0),
                    (3.5, 15.0),
                    (14.5, 15.0),
                    (14.5, 8.0),
                    (13.0, 8.0),
                ]);
                grid.line(&[(9.0, 11.0), (9.0, 2.8)]);
                grid.line(&[(5.8, 6.0), (9.0, 2.8), (12.2, 6.0)]);
            }
            Self::Colours => {
                grid.circle((9.0, 9.0), 6.0);
                grid.half((9.0, 9.0), 6.0);
            }
            _ => {
                grid.line(&[(1.5, 14.0), (5.5, 4.0), (9.5, 14.0)]);
                grid.line(&[(3.0, 10.6), (8.0, 10.6)]);
                grid.line(&[(11.0, 14.0), (13.5, 8.0), (16.0, 14.0)]);
                grid.line(&[(12.0, 12.0), (15.0, 12.0)]);
            }
        }
    }
}

/// Eighteen by eighteen units over a rectangle.
struct Grid<'a> {
    painter: &'a Painter,
    rect: Rect,
    stroke: Stroke,
}

impl Grid<'_> {
    fn at(&self, (x, y): (f32, f32)) -> Pos2 {
        let unit = self.rect.width() / 18.0;
        pos2(self.rect.left() + x * unit, self.rect.top() + y * unit)
    }

    fn length(&self, units: f32) -> f32 {
        units * self.rect.width() / 18.0
    }

    fn line(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|point| self.at(*point)).collect();
        self.painter.add(Shape::line(points, self.stroke));
    }

    fn circle(&self, center: (f32, f32), radius: f32) {
        self.painter
            .circle_stroke(self.at(center), self.length(radius), self.stroke);
    }

    fn disc(&self, center: (f32, f32), radius: f32) {
        self.painter
            .circle_filled(self.at(center), self.length(radius), self.stroke.color);
    }

    fn oval(&self, center: (f32, f32), across: f32, down: f32) {
        let radius = Vec2::new(self.length(across), self.length(down));
        self.painter.add(egui::epaint::EllipseShape::stroke(
            self.at(center),
            radius,
            self.stroke,
        ));
    }

    fn outline(&self, from: (f32, f32), to: (f32, f32)) {
        let rect = Rect::from_two_pos(self.at(from), self.at(to));
        self.painter
            .rect_stroke(rect, 2, self.stroke, egui::StrokeKind::Middle);
    }

    /// Part of a circle; turns run clockwise from the right.
    fn arc_points(&self, center: (f32, f32), radius: f32, from: f32, to: f32) -> Vec<Pos2> {
        let center = self.at(center);
        let radius = self.length(radius);
        (0_u8..=20)
            .map(|part| {
                let turn = from + (to - from) * f32::from(part) / 20.0;
                center + radius * Vec2::angled(turn * TAU)
            })
            .collect()
    }

    fn arc(&self, center: (f32, f32), radius: f32, from: f32, to: f32) {
        let points = self.arc_points(center, radius, from, to);
        self.painter.add(Shape::line(points, self.stroke));
    }

    fn half(&self, center: (f32, f32), radius: f32) {
        let points = self.arc_points(center, radius, 0.75, 1.25);
        self.painter.add(Shape::convex_polygon(
            points,
            self.stroke.color,
            Stroke::NONE,
        ));
    }

    fn ray(&self, center: (f32, f32), from: f32, to: f32, turn: f32) {
        let center = self.at(center);
        let way = Vec2::angled(turn * TAU);
        let ends = [
            center + self.length(from) * way,
            center + self.length(to) * way,
        ];
        self.painter.line_segment(ends, self.stroke);
    }
}
