//! The sharing table: who sees what, since when, and whether it has arrived there.

use cairn_words::{Words, text_id};
use egui::{Align, Color32, Layout, Rect, Sense, Ui, UiBuilder, Vec2, pos2};

use super::goal::{unshare_link_ui, unshare_question_ui};
use super::{Desk, small_ui};
use crate::command::{Command, Page};
use crate::theme::{Type, space, tokens};
use crate::view::{GoalKey, Grant, PersonKey, SharedLine};
use crate::when::Clock;
use crate::widgets::{Tone, card_title_ui, card_ui, empty_ui, line_ui, pill_ui, title_link_ui};

/// Height of a line of the table.
const LINE: f32 = 28.0;
/// A name keeps at least this much room; with less, each line becomes a sentence.
const NAME_MIN: f32 = 110.0;
/// Space between columns.
const GAP: f32 = space::MEDIUM;

/// The card with the table. `asked` is the line that was asked to stop being shared.
pub(super) fn shared_card_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    asked: &mut Option<(GoalKey, PersonKey)>,
) {
    let words = desk.words;
    let view = desk.view;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("people-shares-title")));
        if view.shared.is_empty() {
            empty_ui(ui, &words.text(text_id!("people-shares-empty")), None);
            return;
        }
        let table = Table::fitting(ui, words, desk.clock, &view.shared);
        if let Some(table) = &table {
            table.head_ui(ui, words);
        }
        for lines in view.shared.chunk_by(|one, next| one.goal == next.goal) {
            ui.add_space(space::TINY);
            line_ui(ui);
            ui.add_space(space::TINY);
            ui.push_id(lines[0].goal, |ui| {
                if title_link_ui(ui, &lines[0].title).clicked() {
                    desk.ask(Command::Go(Page::Goal(lines[0].goal)));
                }
                for line in lines {
                    ui.push_id(line.grant.person, |ui| {
                        shared_line_ui(ui, desk, asked, (table.as_ref(), line));
                    });
                }
            });
        }
    });
}

/// One person who sees one goal.
fn shared_line_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    asked: &mut Option<(GoalKey, PersonKey)>,
    (table, line): (Option<&Table>, &SharedLine),
) {
    let this = (line.goal, line.grant.person);
    let open = *asked == Some(this);
    let names = (line.title.as_str(), line.grant.name.as_str());
    let stop =
        |ui: &mut Ui, desk: &Desk<'_>| line.mine && !open && unshare_link_ui(ui, desk.words, names);
    let stopped = match table {
        Some(table) => {
            let cells = cells(desk.words, desk.clock, &line.grant);
            table.line_ui(ui, &cells, |ui| stop(ui, desk))
        }
        None => {
            grant_ui(ui, desk, &line.grant);
            stop(ui, desk)
        }
    };
    if stopped {
        *asked = Some(this);
    }
    if open && unshare_question_ui(ui, desk, this, &line.grant.name) {
        *asked = None;
    }
}

/// Name, access, since, arrived.
type Cells = [String; 4];

fn cells(words: &Words, clock: &Clock, grant: &Grant) -> Cells {
    let arrived = match grant.receipt_millis {
        Some(millis) => clock.when(words, millis),
        None => words.text(text_id!("people-shares-not-yet")).into_owned(),
    };
    [
        grant.name.clone(),
        access(words, grant),
        clock.when(words, grant.since_millis),
        arrived,
    ]
}

fn access(words: &Words, grant: &Grant) -> String {
    let id = if grant.may_write {
        text_id!("goal-share-write")
    } else {
        text_id!("goal-share-read")
    };
    words.text(id).into_owned()
}

/// Where the columns are: their widths, the last one for the link.
struct Table {
    widths: [f32; 5],
}

impl Table {
    /// Columns as wide as what is in them; `None` where there is no room for that.
    fn fitting(ui: &Ui, words: &Words, clock: &Clock, lines: &[SharedLine]) -> Option<Self> {
        let wide = |text: &str| {
            let galley = Type::Small.galley(ui, text, Color32::PLACEHOLDER, f32::INFINITY);
            galley.size().x.ceil()
        };
        let mut widths = [0.0; 5];
        let rows = lines.iter().map(|line| cells(words, clock, &line.grant));
        for row in rows.chain([heads(words)]) {
            for (width, text) in widths.iter_mut().zip(&row) {
                *width = wide(text).max(*width);
            }
        }
        if lines.iter().any(|line| line.mine) {
            widths[4] = wide(&format!("{}…", words.text(text_id!("goal-unshare"))));
        }
        let others = widths[1..].iter().sum::<f32>() + 4.0 * GAP;
        widths[0] = ui.available_width() - others;
        (widths[0] >= NAME_MIN).then_some(Self { widths })
    }

    fn head_ui(&self, ui: &mut Ui, words: &Words) {
        let heads = heads(words);
        let mut rects = self.line_rects(ui);
        for (rect, text) in rects.by_ref().zip(&heads) {
            cell_ui(ui, rect, |ui| small_ui(ui, text));
        }
    }

    /// A line, with `last` in the last column, at its right end.
    fn line_ui<R>(&self, ui: &mut Ui, cells: &Cells, last: impl FnOnce(&mut Ui) -> R) -> R {
        let rects: Vec<Rect> = self.line_rects(ui).collect();
        cell_ui(ui, rects[0], |ui| pill_ui(ui, Tone::Other, &cells[0]));
        for (rect, text) in rects[1..4].iter().zip(&cells[1..]) {
            cell_ui(ui, *rect, |ui| {
                ui.label(Type::Figures.text(text, tokens(ui).muted));
            });
        }
        cell_ui(ui, rects[4], last)
    }

    fn line_rects(&self, ui: &mut Ui) -> impl Iterator<Item = Rect> + use<> {
        let width = ui.available_width();
        let (line, _) = ui.allocate_exact_size(Vec2::new(width, LINE), Sense::hover());
        let mut left = line.left();
        self.widths.into_iter().map(move |width| {
            let rect = Rect::from_min_size(pos2(left, line.top()), Vec2::new(width, LINE));
            left += width + GAP;
            rect
        })
    }
}

fn heads(words: &Words) -> Cells {
    [
        text_id!("people-shares-who"),
        text_id!("people-shares-access"),
        text_id!("people-shares-since"),
        text_id!("people-shares-receipt"),
    ]
    .map(|id| words.text(id).into_owned())
}

fn cell_ui<R>(ui: &mut Ui, rect: Rect, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let layout = Layout::left_to_right(Align::Center);
    contents(&mut ui.new_child(UiBuilder::new().max_rect(rect).layout(layout)))
}

/// One person who may see something, as a sentence: what they may do, since when, arrived when.
pub(super) fn grant_ui(ui: &mut Ui, desk: &Desk<'_>, grant: &Grant) {
    let words = desk.words;
    let clock = desk.clock;
    let may = access(words, grant);
    let since = clock.when(words, grant.since_millis);
    let since = words.format(text_id!("goal-shared-since"), &[("when", since.into())]);
    let receipt = match grant.receipt_millis {
        Some(millis) => {
            let when = clock.when(words, millis);
            words.format(text_id!("goal-shared-receipt"), &[("when", when.into())])
        }
        None => words.text(text_id!("goal-shared-no-receipt")).into_owned(),
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.y = space::TINY;
        pill_ui(ui, Tone::Other, &grant.name);
        small_ui(ui, &format!("{may} {since}, {receipt}"));
    });
}
