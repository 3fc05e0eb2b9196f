//! The palette: all commands and goals by name, found by typing, opened by Enter.

use cairn_words::{Words, text_id};
use egui::accesskit::Role;
use egui::{
    Align2, Area, Frame, Id, Key, Margin, Modifiers, Order, Sense, Stroke, Ui, Vec2, WidgetInfo,
    pos2,
};

use crate::command::{Command, Page, listed};
use crate::theme::{Type, size, space, tokens};
use crate::view::NotebookView;
use crate::widgets::{Entry, Icon};

/// Entries shown at once.
const SHOWN: usize = 8;

/// What is typed and chosen in the open palette.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    typed: String,
    chosen: usize,
    focused_once: bool,
}

/// What the palette ended with in this frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Picked {
    /// Still open.
    Nothing,
    /// Closed without a choice.
    Closed,
    /// Do this.
    Command(Command),
}

/// One line of the palette.
struct Line {
    icon: Icon,
    name: String,
    shortcut: String,
    command: Command,
}

impl Palette {
    /// Draws the palette over the page.
    pub(crate) fn show_ui(
        &mut self,
        ui: &Ui,
        words: &Words,
        view: &NotebookView,
        offered: impl Fn(&Command) -> bool,
    ) -> Picked {
        let (up, down, enter, escape) = ui.input_mut(|input| {
            (
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp),
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown),
                input.consume_key(Modifiers::NONE, Key::Enter),
                input.consume_key(Modifiers::NONE, Key::Escape),
            )
        });
        if escape {
            return Picked::Closed;
        }
        let screen = ui.ctx().content_rect();
        let width = (screen.width() - 2.0 * space::LARGE).min(size::READING);
        let top = (screen.height() * 0.12).min(96.0);
        let area = Area::new(Id::unique("palette"))
            .order(Order::Foreground)
            .fixed_pos(pos2(screen.center().x - width / 2.0, screen.top() + top));
        let mut picked = Picked::Nothing;
        let shown = area.show(ui.ctx(), |ui| {
            let tokens = tokens(ui);
            let frame = Frame::new()
                .fill(tokens.surface)
                .stroke(Stroke::new(size::HAIRLINE, tokens.edge))
                .corner_radius(size::RADIUS_CARD)
                .inner_margin(Margin::same(12));
            frame.show(ui, |ui| {
                ui.set_width(width - 24.0);
                self.entry_ui(ui, words);
                let mut lines = found(words, view, &self.typed);
                lines.retain(|line| offered(&line.command));
                let last = lines.len().saturating_sub(1);
                self.chosen = (self.chosen + down).saturating_sub(up).min(last);
                picked = lines_ui(ui, words, lines, self.chosen, enter);
            });
        });
        let outside = ui.input(|input| {
            input.pointer.any_pressed()
                && input
                    .pointer
                    .interact_pos()
                    .is_some_and(|at| !shown.response.rect.contains(at))
        });
        if outside { Picked::Closed } else { picked }
    }

    fn entry_ui(&mut self, ui: &mut Ui, words: &Words) {
        let before = self.typed.clone();
        let entry = Entry::unlabelled(&words.text(text_id!("command-find")))
            .hint(&words.text(text_id!("command-find-field")))
            .show_ui(ui, &mut self.typed);
        if !std::mem::replace(&mut self.focused_once, true) {
            entry.request_focus();
        }
        if self.typed != before {
            self.chosen = 0;
        }
        ui.add_space(space::TINY);
    }
}

fn lines_ui(ui: &mut Ui, words: &Words, lines: Vec<Line>, chosen: usize, enter: bool) -> Picked {
    let mut picked = Picked::Nothing;
    ui.spacing_mut().item_spacing.y = 0.0;
    if lines.is_empty() {
        let nothing = words.text(text_id!("command-find-nothing"));
        ui.label(Type::Body.text(nothing, tokens(ui).muted));
    }
    let first = chosen.saturating_sub(SHOWN - 1);
    for (at, line) in lines.into_iter().enumerate().skip(first).take(SHOWN) {
        let clicked = palette_line_ui(ui, &line, at == chosen);
        if clicked || (enter && at == chosen) {
            picked = Picked::Command(line.command);
        }
    }
    ui.add_space(space::SMALL);
    let help = words.text(text_id!("command-find-help"));
    ui.label(Type::Small.text(help, tokens(ui).muted));
    picked
}

fn palette_line_ui(ui: &mut Ui, line: &Line, chosen: bool) -> bool {
    let tokens = tokens(ui);
    let wanted = Vec2::new(ui.available_width(), size::CONTROL);
    let (rect, response) = ui.allocate_exact_size(wanted, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, &line.name));
    let (fill, ink) = match (chosen, response.hovered()) {
        (true, _) => (tokens.soft, tokens.accent),
        (false, true) => (tokens.sunk, tokens.ink),
        (false, false) => (tokens.surface, tokens.ink),
    };
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, size::RADIUS, fill);
    let at = rect.left_center() + Vec2::new(space::SMALL, 0.0);
    let place = Align2::LEFT_CENTER.anchor_size(at, Vec2::splat(size::ICON));
    line.icon.paint(&painter, place, ink);
    let at = at + Vec2::new(size::ICON + space::MEDIUM, 0.0);
    let end = rect.right_center() - Vec2::new(space::SMALL, 0.0);
    let font = Type::Small.font();
    let shortcut = painter.text(
        end,
        Align2::RIGHT_CENTER,
        &line.shortcut,
        font,
        tokens.muted,
    );
    let room = shortcut.left() - space::MEDIUM - at.x;
    let galley = Type::Body.line(ui, &line.name, ink, room);
    let corner = Align2::LEFT_CENTER.anchor_size(at, galley.size()).min;
    painter.galley(corner, galley, ink);
    response.clicked()
}

/// The lines whose name has the typed letters in order, the closest first.
fn found(words: &Words, view: &NotebookView, typed: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = listed()
        .into_iter()
        .filter(|command| *command != Command::Find)
        .filter_map(|command| {
            let label = command.label()?;
            let shortcut = label
                .shortcut
                .map(|shortcut| shortcut.format(&egui::ModifierNames::NAMES, false));
            Some(Line {
                icon: label.icon,
                name: words.text(label.text).into_owned(),
                shortcut: shortcut.unwrap_or_default(),
                command,
            })
        })
        .collect();
    lines.extend(view.goals.iter().map(|goal| Line {
        icon: Icon::Goals,
        name: words.format(
            text_id!("command-goal"),
            &[("title", goal.title.as_str().into())],
        ),
        shortcut: String::new(),
        command: Command::Go(Page::Goal(goal.key)),
    }));
    let mut ranked: Vec<(usize, Line)> = lines
        .into_iter()
        .filter_map(|line| Some((distance(&line.name, typed)?, line)))
        .collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.into_iter().map(|(_, line)| line).collect()
}

/// How many letters of `name` are skipped to find those of `typed` in order; `None` if they
/// are not all there.
fn distance(name: &str, typed: &str) -> Option<usize> {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    let mut skipped = 0;
    for wanted in typed.trim().chars().flat_map(char::to_lowercase) {
        loop {
            let letter = letters.next()?;
            if letter == wanted {
                break;
            }
            skipped += 1;
        }
    }
    Some(skipped)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn letters_in_order_are_found_and_the_closest_comes_first() {
        assert_eq!(distance("Larger text", "larg"), Some(0));
        assert_eq!(distance("Larger text", "LTX"), Some(7));
        assert_eq!(distance("Larger text", ""), Some(0));
        assert_eq!(distance("Larger text", "xl"), None);
        assert!(distance("Goals", "go") < distance("Lock the goal", "go"));
    }
}
