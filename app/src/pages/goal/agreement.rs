//! Whose turn it is with the words of a goal, and how they read before.

use cairn_words::{TextId, text_id};
use egui::Ui;

use super::super::{Desk, body_ui, small_ui, wording};
use super::GoalState;
use crate::command::Command;
use crate::notebook::Change;
use crate::theme::space;
use crate::view::{Agreement, GoalView};
use crate::widgets::{Button, card_title_ui, card_ui, line_ui};

pub(super) fn agreement_card_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    state: &mut GoalState,
    goal: &GoalView,
) {
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goal-agreement-title")));
        body_ui(ui, &agreement_sentence(desk, goal));
        ui.add_space(space::TINY);
        ui.horizontal_wrapped(|ui| {
            agreement_buttons_ui(ui, desk, goal);
            if !goal.wordings.is_empty() {
                let id = if state.wordings_open {
                    text_id!("goal-wordings-hide")
                } else {
                    text_id!("goal-wordings")
                };
                if Button::quiet(&words.text(id)).show_ui(ui).clicked() {
                    state.wordings_open = !state.wordings_open;
                }
            }
        });
        if state.wordings_open {
            wordings_ui(ui, desk, goal);
        }
    });
}

fn agreement_sentence(desk: &Desk<'_>, goal: &GoalView) -> String {
    let words = desk.words;
    let said = |id: TextId, name: &str, millis: i64| {
        let when = desk.clock.when(words, millis);
        words.format(id, &[("name", name.into()), ("when", when.into())])
    };
    match &goal.line.agreement {
        Agreement::Draft if goal.grants.is_empty() && goal.may_share => {
            words.text(text_id!("goal-agreement-alone")).into_owned()
        }
        Agreement::Draft => words.text(text_id!("goal-agreement-draft")).into_owned(),
        Agreement::ProposedByMe { with, at_millis } => {
            said(text_id!("goal-agreement-proposed-by-me"), with, *at_millis)
        }
        Agreement::ProposedByOther { by, at_millis, .. } => {
            said(text_id!("goal-agreement-proposed-by-other"), by, *at_millis)
        }
        Agreement::Agreed { with, at_millis } => {
            said(text_id!("goal-agreement-agreed"), with, *at_millis)
        }
        Agreement::OfOthers {
            names,
            agreed: true,
            at_millis,
        } => said(text_id!("goal-agreement-others-agreed"), names, *at_millis),
        Agreement::OfOthers {
            names, at_millis, ..
        } => said(
            text_id!("goal-agreement-others-proposed"),
            names,
            *at_millis,
        ),
        Agreement::Changed => words.text(text_id!("goal-agreement-changed")).into_owned(),
    }
}

fn agreement_buttons_ui(ui: &mut Ui, desk: &mut Desk<'_>, goal: &GoalView) {
    let words = desk.words;
    let alone = goal.grants.is_empty() && goal.may_share;
    match &goal.line.agreement {
        Agreement::Draft | Agreement::Changed if goal.may_write && !alone => {
            let propose = words.text(text_id!("goal-propose"));
            if Button::main(&propose).show_ui(ui).clicked() {
                let (goal, seen) = (goal.line.key, goal.seen);
                desk.ask(Command::Change(Change::Propose { goal, seen }));
            }
        }
        Agreement::ProposedByOther { proposal, seen, .. } if goal.may_write => {
            let accept = words.text(text_id!("goal-accept"));
            if Button::main(&accept).show_ui(ui).clicked() {
                desk.ask(Command::Change(Change::Accept {
                    goal: goal.line.key,
                    proposal: proposal.clone(),
                    seen: *seen,
                }));
            }
        }
        _ => {}
    }
}

fn wordings_ui(ui: &mut Ui, desk: &Desk<'_>, goal: &GoalView) {
    let words = desk.words;
    for earlier in &goal.wordings {
        ui.add_space(space::TINY);
        line_ui(ui);
        if earlier.text.is_empty() {
            small_ui(ui, &words.text(text_id!("goal-wording-empty")));
        } else {
            body_ui(ui, &earlier.text);
        }
        ui.add_space(-space::TINY);
        let name = wording::author(words, &earlier.by);
        let when = desk.clock.when(words, earlier.at_millis);
        let parts = [("name", name.into()), ("when", when.into())];
        small_ui(ui, &words.format(text_id!("goal-wording-by"), &parts));
    }
}
