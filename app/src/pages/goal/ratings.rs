//! How close a goal feels: a new rating, the line of all, and their table.

use cairn_words::text_id;
use egui::{Key, Modifiers, Ui};

use super::super::{Desk, body_ui, small_ui, wording};
use super::GoalState;
use crate::command::Command;
use crate::notebook::Change;
use crate::theme::{Type, space, tokens};
use crate::view::{GoalView, Standing};
use crate::widgets::{
    Button, Entry, card_title_ui, card_ui, chart_ui, empty_ui, line_ui, link_ui, rating_ui,
};

pub(super) fn rate_card_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    state: &mut GoalState,
    goal: &GoalView,
) {
    if !goal.may_write || matches!(goal.line.standing, Standing::Closed(_)) {
        return;
    }
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goal-rate-title")));
        small_ui(ui, &words.text(text_id!("goal-rate-question")));
        ui.add_space(-space::TINY);
        small_ui(ui, &words.text(text_id!("goal-rate-ends")));
        ui.scope(|ui| rating_ui(ui, words, &mut state.score));
        let Some(score) = state.score else {
            return;
        };
        let note = words.text(text_id!("goal-rate-note"));
        Entry::unlabelled(&note)
            .hint(&note)
            .rows(2)
            .show_ui(ui, &mut state.note);
        let by_key = ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
        let save = words.text(text_id!("goal-rate-save"));
        if Button::plain(&save).show_ui(ui).clicked() || by_key {
            state.score = None;
            desk.ask(Command::Change(Change::Rate {
                goal: goal.line.key,
                score,
                note: std::mem::take(&mut state.note),
            }));
        }
    });
}

pub(super) fn ratings_card_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    state: &mut GoalState,
    goal: &GoalView,
) {
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goal-ratings-title")));
        let (Some(first), Some(last)) = (goal.ratings.first(), goal.ratings.last()) else {
            empty_ui(ui, &words.text(text_id!("goal-ratings-empty")), None);
            return;
        };
        let count = goal.ratings.len();
        small_ui(
            ui,
            &words.format(text_id!("goal-ratings-count"), &[("count", count.into())]),
        );
        if state.table_open {
            table_ui(ui, desk, goal);
        } else {
            let points: Vec<(i64, u8)> = goal
                .ratings
                .iter()
                .map(|rating| (rating.at_millis, rating.score))
                .collect();
            let scores = || points.iter().map(|point| i64::from(point.1));
            let ends = [first, last].map(|rating| desk.clock.day(words, rating.at_millis));
            let parts = [
                ("first", ends[0].as_str().into()),
                ("last", ends[1].as_str().into()),
                ("low", scores().min().unwrap_or(0).into()),
                ("high", scores().max().unwrap_or(0).into()),
            ];
            let name = words.format(text_id!("goal-ratings-name"), &parts);
            chart_ui(ui, &points, &name, [&ends[0], &ends[1]]);
            small_ui(ui, &words.text(text_id!("goal-ratings-linear")));
            latest_words_ui(ui, desk, goal);
        }
        let id = if state.table_open {
            text_id!("goal-ratings-chart")
        } else {
            text_id!("goal-ratings-table")
        };
        if link_ui(ui, &words.text(id)).clicked() {
            state.table_open = !state.table_open;
        }
    });
}

/// The latest rating that has words, with them larger than the number.
fn latest_words_ui(ui: &mut Ui, desk: &Desk<'_>, goal: &GoalView) {
    let spoken = goal
        .ratings
        .iter()
        .rev()
        .find(|rating| !rating.note.is_empty());
    let Some(rating) = spoken else {
        return;
    };
    ui.add_space(space::SMALL);
    body_ui(ui, &rating.note);
    ui.add_space(-space::TINY);
    let when = desk.clock.when(desk.words, rating.at_millis);
    let parts = [
        ("score", i64::from(rating.score).into()),
        ("when", when.into()),
    ];
    small_ui(ui, &desk.words.format(text_id!("goal-rating-line"), &parts));
}

/// All ratings as lines, newest first.
fn table_ui(ui: &mut Ui, desk: &Desk<'_>, goal: &GoalView) {
    let tokens = tokens(ui);
    for rating in goal.ratings.iter().rev() {
        line_ui(ui);
        if !rating.note.is_empty() {
            body_ui(ui, &rating.note);
            ui.add_space(-space::TINY);
        }
        let name = wording::author(desk.words, &rating.by);
        let when = desk.clock.when(desk.words, rating.at_millis);
        let parts = [
            ("score", i64::from(rating.score).into()),
            ("when", when.into()),
        ];
        let line = desk.words.format(text_id!("goal-rating-line"), &parts);
        ui.label(Type::Figures.text(format!("{line} · {name}"), tokens.muted));
    }
}
