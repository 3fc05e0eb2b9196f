//! Who can see a goal: sharing it, and stopping to.

use cairn_words::{Words, text_id};
use egui::Ui;

use super::super::shares::grant_ui;
use super::super::{Desk, body_ui, small_ui};
use super::GoalState;
use crate::command::Command;
use crate::notebook::Change;
use crate::theme::space;
use crate::view::{Author, GoalKey, GoalView, Person, PersonKey};
use crate::widgets::{Button, Icon, card_title_ui, card_ui, line_ui, link_ui};

pub(super) fn sharing_card_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    state: &mut GoalState,
    goal: &GoalView,
) {
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goal-who-title")));
        if let Author::Other(name) = &goal.line.owner {
            let name = [("name", name.as_str().into())];
            body_ui(ui, &words.format(text_id!("goal-who-owner"), &name));
        } else if goal.grants.is_empty() {
            body_ui(ui, &words.text(text_id!("goal-who-only-me")));
        }
        for grant in &goal.grants {
            line_ui(ui);
            grant_ui(ui, desk, grant);
            if !goal.may_share {
                continue;
            }
            let names = (goal.line.title.as_str(), grant.name.as_str());
            if state.unsharing == Some(grant.person) {
                let this = (goal.line.key, grant.person);
                if unshare_question_ui(ui, desk, this, &grant.name) {
                    state.unsharing = None;
                }
            } else if ui
                .push_id(grant.person, |ui| unshare_link_ui(ui, words, names))
                .inner
            {
                state.unsharing = Some(grant.person);
            }
        }
        if !goal.may_share {
            return;
        }
        let people = desk.view.people.clone();
        let others: Vec<&Person> = people
            .iter()
            .filter(|person| goal.grants.iter().all(|grant| grant.person != person.key))
            .collect();
        ui.add_space(space::TINY);
        if people.is_empty() {
            small_ui(ui, &words.text(text_id!("goal-share-nobody")));
            if Button::plain(&words.text(text_id!("command-connect")))
                .show_ui(ui)
                .clicked()
            {
                desk.ask(Command::Connect);
            }
        }
        for person in others {
            share_ui(ui, desk, state, goal, person);
        }
    });
}

/// A button to share with one person, which asks once.
fn share_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    state: &mut GoalState,
    goal: &GoalView,
    person: &Person,
) {
    let words = desk.words;
    let name = [("name", person.name.as_str().into())];
    if state.sharing != Some(person.key) {
        let share = format!("{}…", words.format(text_id!("goal-share"), &name));
        if Button::plain(&share)
            .with_icon(Icon::Share)
            .show_ui(ui)
            .clicked()
        {
            state.sharing = Some(person.key);
        }
        return;
    }
    body_ui(ui, &words.format(text_id!("goal-share-question"), &name));
    ui.horizontal_wrapped(|ui| {
        if Button::plain(&words.text(text_id!("goal-share-confirm")))
            .show_ui(ui)
            .clicked()
        {
            state.sharing = None;
            desk.ask(Command::Change(Change::Share(goal.line.key, person.key)));
        }
        if Button::quiet(&words.text(text_id!("app-cancel")))
            .show_ui(ui)
            .clicked()
        {
            state.sharing = None;
        }
    });
}

/// A link to stop sharing `what` with `name`; true when it was clicked.
pub(in crate::pages) fn unshare_link_ui(
    ui: &mut Ui,
    words: &Words,
    (what, name): (&str, &str),
) -> bool {
    let stop = format!("{}…", words.text(text_id!("goal-unshare")));
    let response = link_ui(ui, &stop);
    let parts = [("what", what.into()), ("name", name.into())];
    let whole = words.format(text_id!("people-shares-stop"), &parts);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(whole));
    response.clicked()
}

/// Says what it means to stop sharing, and asks; true when it was answered.
pub(in crate::pages) fn unshare_question_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    (goal, person): (GoalKey, PersonKey),
    name: &str,
) -> bool {
    let words = desk.words;
    let name = [("name", name.into())];
    body_ui(ui, &words.format(text_id!("goal-unshare-question"), &name));
    let confirm = words.text(text_id!("goal-unshare-confirm"));
    let cancel = words.text(text_id!("app-cancel"));
    ui.horizontal_wrapped(|ui| {
        let stop = Button::plain(&confirm).show_ui(ui).clicked();
        if stop {
            desk.ask(Command::Change(Change::Unshare(goal, person)));
        }
        Button::quiet(&cancel).show_ui(ui).clicked() || stop
    })
    .inner
}
