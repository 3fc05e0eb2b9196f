//! What surrounds a page: the side bar, or icons, or a bar at the bottom; and the column in it.

use cairn_words::{Words, text_id};
use egui::accesskit::Role;
use egui::{
    Align2, Frame, Margin, Panel, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    pos2,
};

use crate::command::{Command, PAGES, Page};
use crate::theme::{Type, size, space, tokens};
use crate::view::NotebookView;
use crate::when::Clock;
use crate::widgets::Icon;

/// How much room the window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Side bar with names.
    Wide,
    /// Side bar with icons.
    Medium,
    /// One column and a bar at the bottom.
    Narrow,
}

impl Room {
    /// Of a window this many points wide.
    pub(crate) fn of(width: f32) -> Self {
        if width < size::NARROW_WINDOW {
            Self::Narrow
        } else if width < size::MEDIUM_WINDOW {
            Self::Medium
        } else {
            Self::Wide
        }
    }
}

/// What the bar shows.
pub(crate) struct Bar<'a> {
    pub(crate) words: &'a Words,
    pub(crate) view: &'a NotebookView,
    pub(crate) clock: &'a Clock,
    pub(crate) page: Page,
    /// Whether the notebook can be locked.
    pub(crate) lockable: bool,
}

/// Draws the bar and leaves the rest of `ui` to the page.
pub(crate) fn bar_ui(ui: &mut Ui, bar: &Bar<'_>, commands: &mut Vec<Command>) {
    let tokens = tokens(ui);
    let frame = Frame::new().fill(tokens.sunk);
    match Room::of(ui.available_width()) {
        Room::Wide => {
            let frame = frame.inner_margin(Margin::symmetric(16, 20));
            let panel = Panel::left("bar")
                .resizable(false)
                .exact_size(size::BAR)
                .frame(frame);
            panel.show(ui, |ui| wide_ui(ui, bar, commands));
        }
        Room::Medium => {
            let frame = frame.inner_margin(Margin::symmetric(12, 20));
            let panel = Panel::left("bar")
                .resizable(false)
                .exact_size(size::BAR_ICONS)
                .frame(frame);
            panel.show(ui, |ui| icons_ui(ui, bar, commands));
        }
        Room::Narrow => {
            let frame = frame.inner_margin(Margin::symmetric(8, 4));
            let panel = Panel::bottom("bar")
                .resizable(false)
                .exact_size(size::BAR_BOTTOM)
                .frame(frame);
            panel.show(ui, |ui| bottom_ui(ui, bar, commands));
        }
    }
}

/// The scrolling column in the middle of what is left of `ui`.
pub(crate) fn column_ui<R>(
    ui: &mut Ui,
    salt: &str,
    width: f32,
    contents: impl FnOnce(&mut Ui) -> R,
) -> R {
    let room = ui.available_width();
    let margin = if room < size::NARROW_WINDOW - size::BAR_ICONS {
        16.0
    } else if room < size::MEDIUM_WINDOW - size::BAR_ICONS {
        24.0
    } else {
        space::WIDE
    };
    egui::ScrollArea::vertical()
        .id_salt(salt)
        .auto_shrink(false)
        .show(ui, |ui| {
            let column = (room - 2.0 * margin).min(width).max(size::CONTROL);
            let left = ((room - column) / 2.0).max(margin).floor();
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                ui.add_space(left);
                ui.allocate_ui_with_layout(
                    Vec2::new(column, 0.0),
                    egui::Layout::top_down(egui::Align::Min),
                    |ui| {
                        ui.set_width(column);
                        ui.spacing_mut().item_spacing = Vec2::splat(space::SMALL);
                        ui.add_space(margin.min(space::PAGE));
                        let result = contents(ui);
                        ui.add_space(margin.min(space::PAGE));
                        result
                    },
                )
                .inner
            })
            .inner
        })
        .inner
}

fn wide_ui(ui: &mut Ui, bar: &Bar<'_>, commands: &mut Vec<Command>) {
    ui.spacing_mut().item_spacing.y = space::TINY;
    ui.horizontal(|ui| {
        ui.add_space(space::SMALL);
        brand_ui(ui, &bar.words.text(text_id!("app-name")));
    });
    ui.add_space(space::MEDIUM);
    for page in PAGES {
        let command = Command::Go(page);
        let response = entry_ui(ui, bar, &command, is_current(bar.page, page), true);
        push(commands, &response, command);
    }
    let bottom = egui::Layout::bottom_up(egui::Align::Min);
    ui.with_layout(bottom, |ui| {
        for line in status(bar).into_iter().rev() {
            ui.horizontal_wrapped(|ui| {
                ui.add_space(space::MEDIUM);
                ui.label(Type::Small.text(line, tokens(ui).muted));
            });
        }
        ui.add_space(space::SMALL);
        crate::widgets::line_ui(ui);
        ui.add_space(space::SMALL);
        for command in tools(bar).into_iter().rev() {
            let response = entry_ui(ui, bar, &command, false, true);
            push(commands, &response, command);
        }
    });
}

fn icons_ui(ui: &mut Ui, bar: &Bar<'_>, commands: &mut Vec<Command>) {
    ui.spacing_mut().item_spacing.y = space::TINY;
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(size::BAR_ICONS - 24.0), Sense::hover());
    paint_cairn(ui, Rect::from_center_size(rect.center(), Vec2::splat(26.0)));
    ui.add_space(space::SMALL);
    for page in PAGES {
        let command = Command::Go(page);
        let response = entry_ui(ui, bar, &command, is_current(bar.page, page), false);
        push(commands, &response, command);
    }
    let bottom = egui::Layout::bottom_up(egui::Align::Min);
    ui.with_layout(bottom, |ui| {
        for command in tools(bar).into_iter().rev() {
            let response = entry_ui(ui, bar, &command, false, false);
            push(commands, &response, command);
        }
    });
}

fn bottom_ui(ui: &mut Ui, bar: &Bar<'_>, commands: &mut Vec<Command>) {
    let mut entries: Vec<Command> = PAGES.into_iter().map(Command::Go).collect();
    entries.extend(tools(bar));
    let count = f32::from(u8::try_from(entries.len()).unwrap_or(u8::MAX));
    let width = (ui.available_width() - (count - 1.0) * space::TINY) / count;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::TINY;
        for command in entries {
            let current = matches!(command, Command::Go(page) if is_current(bar.page, page));
            let response = tab_ui(ui, bar.words, &command, current, width);
            push(commands, &response, command);
        }
    });
}

/// What the bar offers beside the pages.
fn tools(bar: &Bar<'_>) -> Vec<Command> {
    if bar.lockable {
        vec![Command::Find, Command::Lock]
    } else {
        vec![Command::Find]
    }
}

fn push(commands: &mut Vec<Command>, response: &Response, command: Command) {
    if response.clicked() {
        commands.push(command);
    }
}

fn is_current(shown: Page, page: Page) -> bool {
    shown == page || (page == Page::Goals && matches!(shown, Page::Goal(_)))
}

/// Icon and name of a command, without the dots that ask for more input.
fn name_of(words: &Words, command: &Command) -> Option<(Icon, String, String)> {
    let label = command.label()?;
    let name = words.text(label.text).into_owned();
    let mut hint = words.text(label.hint).into_owned();
    if let Some(shortcut) = label.shortcut {
        let shortcut = shortcut.format(&egui::ModifierNames::NAMES, false);
        hint = format!("{hint} ({shortcut})");
    }
    Some((label.icon, name, hint))
}

fn entry_ui(ui: &mut Ui, bar: &Bar<'_>, command: &Command, current: bool, named: bool) -> Response {
    let width = ui.available_width();
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(width, size::BAR_ENTRY), Sense::click());
    let Some((icon, name, hint)) = name_of(bar.words, command) else {
        return response;
    };
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, current, &name));
    let tokens = tokens(ui);
    let (fill, ink) = if current {
        (tokens.soft, tokens.accent)
    } else if response.hovered() {
        (tokens.surface, tokens.ink)
    } else {
        (egui::Color32::TRANSPARENT, tokens.muted)
    };
    let ring = if response.has_focus() {
        Stroke::new(size::FOCUS, tokens.accent)
    } else {
        Stroke::NONE
    };
    let painter = ui.painter();
    painter.rect(rect, size::RADIUS, fill, ring, StrokeKind::Inside);
    if named {
        let at = rect.left_center() + Vec2::new(space::MEDIUM, 0.0);
        let place = Align2::LEFT_CENTER.anchor_size(at, Vec2::splat(size::ICON));
        icon.paint(painter, place, ink);
        let at = at + Vec2::new(size::ICON + space::MEDIUM, 0.0);
        let font = if current {
            Type::Strong.font()
        } else {
            Type::Body.font()
        };
        painter.text(at, Align2::LEFT_CENTER, name, font, ink);
        response.on_hover_text(hint)
    } else {
        icon.paint(
            painter,
            Rect::from_center_size(rect.center(), Vec2::splat(20.0)),
            ink,
        );
        if response.has_focus() {
            response.show_tooltip_text(name);
            response
        } else {
            response.on_hover_text(name)
        }
    }
}

fn tab_ui(ui: &mut Ui, words: &Words, command: &Command, current: bool, width: f32) -> Response {
    let height = size::BAR_BOTTOM - 8.0;
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, height), Sense::click());
    let Some((icon, name, _)) = name_of(words, command) else {
        return response;
    };
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, current, &name));
    let tokens = tokens(ui);
    let (fill, ink) = if current {
        (tokens.soft, tokens.accent)
    } else {
        (egui::Color32::TRANSPARENT, tokens.muted)
    };
    let ring = if response.has_focus() {
        Stroke::new(size::FOCUS, tokens.accent)
    } else {
        Stroke::NONE
    };
    let painter = ui.painter();
    painter.rect(rect, size::RADIUS, fill, ring, StrokeKind::Inside);
    let at = pos2(rect.center().x, rect.top() + 17.0);
    icon.paint(painter, Rect::from_center_size(at, Vec2::splat(20.0)), ink);
    let at = pos2(rect.center().x, rect.bottom() - 10.0);
    let short = name.trim_end_matches('…');
    painter
        .with_clip_rect(rect)
        .text(at, Align2::CENTER_CENTER, short, Type::Small.font(), ink);
    response
}

/// What the bar says at its foot: saved or not, connected or not.
fn status(bar: &Bar<'_>) -> Vec<String> {
    let words = bar.words;
    let mut lines = Vec::new();
    lines.push(match bar.view.store_stopped_millis {
        Some(millis) => {
            let when = bar.clock.when(words, millis);
            words.format(text_id!("app-store-stopped"), &[("when", when.into())])
        }
        None if bar.view.saved => words.text(text_id!("app-saved")).into_owned(),
        None => words.text(text_id!("app-saving")).into_owned(),
    });
    if bar.view.people.is_empty() {
        lines.push(words.text(text_id!("app-alone")).into_owned());
        return lines;
    }
    let connected: Vec<&str> = bar
        .view
        .people
        .iter()
        .filter(|person| person.connected)
        .map(|person| person.name.as_str())
        .collect();
    let name = connected.first().copied().unwrap_or_default();
    let parts = [("count", connected.len().into()), ("name", name.into())];
    lines.push(words.format(text_id!("app-connected"), &parts));
    lines
}

/// The drawn cairn and the name.
pub(crate) fn brand_ui(ui: &mut Ui, name: &str) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(26.0), Sense::hover());
        paint_cairn(ui, rect);
        ui.add_space(space::TINY);
        ui.label(Type::Card.text(name, tokens(ui).ink));
    });
}

/// Four stones, none quite level, none quite in the middle.
fn paint_cairn(ui: &Ui, rect: Rect) {
    let tokens = tokens(ui);
    let unit = rect.width() / 26.0;
    let [light, middle, dark] = tokens.stones;
    for (x, y, across, down, tilt, color) in [
        (13.0, 21.6, 11.5, 3.6, 0.03, dark),
        (12.2, 15.4, 8.6, 3.2, -0.08, middle),
        (13.8, 10.0, 6.0, 2.7, 0.10, light),
        (12.9, 5.4, 3.4, 2.2, -0.06, tokens.accent),
    ] {
        let center = pos2(rect.left() + x * unit, rect.top() + y * unit);
        let radius = Vec2::new(across * unit, down * unit);
        let mut stone = egui::epaint::EllipseShape::filled(center, radius, color);
        stone.angle = tilt;
        ui.painter().add(stone);
    }
}
