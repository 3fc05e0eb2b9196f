//! All goals: in focus, paused, closed; and a place to write down a new one.

use cairn_words::text_id;
use egui::{Key, Modifiers, Ui, Vec2};

use super::{Desk, small_ui, title_ui, wording};
use crate::command::{Command, Page};
use crate::notebook::Change;
use crate::theme::space;
use crate::view::{Agreement, Author, GoalLine, Kind, Role, Standing};
use crate::widgets::{
    Button, Entry, Tone, card_title_ui, card_ui, empty_ui, line_ui, pill_ui, row_ui, title_link_ui,
};

/// More goals than this in focus call for a soft note.
const FOCUS_SOFT_LIMIT: usize = 3;

/// A goal being written down, but not added.
#[derive(Debug, Default)]
pub struct GoalsState {
    adding: bool,
    focus_wanted: bool,
    title: String,
    kind: Option<Kind>,
}

impl GoalsState {
    /// Opens the place for a new goal and puts the caret there.
    pub fn start_goal(&mut self) {
        self.adding = true;
        self.focus_wanted = true;
    }
}

/// Draws the page.
pub fn goals_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalsState) {
    let words = desk.words;
    let goals = desk.view.goals.clone();
    title_ui(ui, &words.text(text_id!("goals-title")));
    small_ui(ui, &words.text(text_id!("goals-lead")));
    ui.add_space(space::SMALL);
    if state.adding {
        new_goal_ui(ui, desk, state);
    } else if !goals.is_empty() && desk.view.role == Role::Client {
        let add = words.text(text_id!("goals-add"));
        if Button::main(&add).show_ui(ui).clicked() {
            state.start_goal();
        }
        ui.add_space(space::SMALL);
    }
    if goals.is_empty() {
        if !state.adding {
            nothing_ui(ui, desk, state);
        }
        return;
    }
    let of = |wanted: fn(&Standing) -> bool| -> Vec<&GoalLine> {
        goals.iter().filter(|goal| wanted(&goal.standing)).collect()
    };
    let focus = of(|standing| *standing == Standing::Focus);
    let paused = of(|standing| *standing == Standing::Paused);
    let closed = of(|standing| matches!(standing, Standing::Closed(_)));
    let soft_note = focus.len() > FOCUS_SOFT_LIMIT;
    section_ui(
        ui,
        desk,
        &words.text(text_id!("goals-in-focus")),
        &focus,
        soft_note,
    );
    if !paused.is_empty() {
        section_ui(
            ui,
            desk,
            &words.text(text_id!("goals-paused")),
            &paused,
            false,
        );
    }
    if !closed.is_empty() {
        section_ui(
            ui,
            desk,
            &words.text(text_id!("goals-closed")),
            &closed,
            false,
        );
    }
}

fn nothing_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalsState) {
    let words = desk.words;
    card_ui(ui, |ui| {
        let (sentence, add) = match desk.view.role {
            Role::Client => (text_id!("goals-empty"), Some(text_id!("goals-add"))),
            Role::Therapist => (text_id!("goals-empty-therapist"), None),
            Role::Supporter => (text_id!("goals-empty-supporter"), None),
        };
        empty_ui(ui, &words.text(sentence), None);
        ui.add_space(space::TINY);
        if let Some(add) = add {
            if Button::main(&words.text(add)).show_ui(ui).clicked() {
                state.start_goal();
            }
        } else if Button::main(&words.text(text_id!("command-connect")))
            .show_ui(ui)
            .clicked()
        {
            desk.ask(Command::Connect);
        }
    });
}

fn new_goal_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalsState) {
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goals-new-title")));
        let id = ui.make_persistent_id("new goal");
        let unclear = state.kind == Some(Kind::Clarity);
        let hint = words.text(if unclear {
            text_id!("goals-new-unclear-hint")
        } else {
            text_id!("goals-new-words-hint")
        });
        let entry = Entry::new(&words.text(text_id!("goals-new-words")))
            .hint(&hint)
            .rows(2)
            .id(id)
            .show_ui(ui, &mut state.title);
        if std::mem::take(&mut state.focus_wanted) {
            entry.request_focus();
        }
        ui.add_space(space::TINY);
        small_ui(ui, &words.text(text_id!("goals-new-kind")));
        kinds_ui(ui, desk, &mut state.kind);
        ui.add_space(space::SMALL);
        let ready = unclear || !state.title.trim().is_empty();
        let by_key = ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
        ui.horizontal_wrapped(|ui| {
            let save = words.text(text_id!("goals-new-save"));
            let clicked = Button::main(&save).enabled(ready).show_ui(ui).clicked();
            if ready && (clicked || by_key) {
                add_goal(desk, state);
            }
            if Button::quiet(&words.text(text_id!("app-cancel")))
                .show_ui(ui)
                .clicked()
            {
                *state = GoalsState::default();
            }
        });
    });
}

fn add_goal(desk: &mut Desk<'_>, state: &mut GoalsState) {
    let state = std::mem::take(state);
    let typed = state.title.trim();
    let title = if typed.is_empty() {
        desk.words
            .text(text_id!("goals-unclear-words"))
            .into_owned()
    } else {
        typed.to_owned()
    };
    let kind = state.kind;
    desk.ask(Command::Change(Change::AddGoal { title, kind }));
}

/// The six kinds as buttons that wrap; true when `chosen` changed.
pub(super) fn kinds_ui(ui: &mut Ui, desk: &Desk<'_>, chosen: &mut Option<Kind>) -> bool {
    let mut changed = false;
    ui.horizontal_wrapped(|ui| {
        for kind in Kind::ALL {
            let selected = *chosen == Some(kind);
            let name = desk.words.text(wording::kind(kind));
            if Button::plain(&name)
                .selected(selected)
                .show_ui(ui)
                .clicked()
                && !selected
            {
                *chosen = Some(kind);
                changed = true;
            }
        }
    });
    changed
}

fn section_ui(ui: &mut Ui, desk: &mut Desk<'_>, title: &str, goals: &[&GoalLine], soft_note: bool) {
    card_ui(ui, |ui| {
        card_title_ui(ui, title);
        if goals.is_empty() {
            empty_ui(ui, &desk.words.text(text_id!("goals-in-focus-empty")), None);
        }
        for (at, goal) in goals.iter().enumerate() {
            if at > 0 {
                line_ui(ui);
            }
            goal_line_ui(ui, desk, goal);
        }
        if soft_note {
            ui.add_space(space::TINY);
            small_ui(ui, &desk.words.text(text_id!("goals-soft-limit")));
        }
    });
}

fn goal_line_ui(ui: &mut Ui, desk: &mut Desk<'_>, goal: &GoalLine) {
    let words = desk.words;
    let title = if goal.title.trim().is_empty() {
        words.text(text_id!("goals-untitled")).into_owned()
    } else {
        goal.title.clone()
    };
    let clicked = row_ui(ui, words, &goal.marks, |ui| {
        ui.spacing_mut().item_spacing.y = space::TINY;
        let response = title_link_ui(ui, &title);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = Vec2::new(space::SMALL, space::TINY);
            facts_ui(ui, desk, goal);
        });
        response.clicked()
    });
    if clicked {
        desk.ask(Command::Go(Page::Goal(goal.key)));
    }
}

/// Whose turn it is, what it is about, the last rating, the open steps.
fn facts_ui(ui: &mut Ui, desk: &Desk<'_>, goal: &GoalLine) {
    let words = desk.words;
    match &goal.agreement {
        // Either of the two may propose the new words: nobody waits.
        Agreement::Changed => {
            pill_ui(
                ui,
                Tone::Quiet,
                &words.text(text_id!("goals-words-changed")),
            );
        }
        Agreement::ProposedByOther { .. } => {
            pill_ui(
                ui,
                Tone::Warm,
                &words.text(text_id!("goals-waiting-for-me")),
            );
        }
        Agreement::ProposedByMe { with, .. } => {
            let name = [("name", with.as_str().into())];
            pill_ui(
                ui,
                Tone::Quiet,
                &words.format(text_id!("goals-waiting-for-other"), &name),
            );
        }
        Agreement::Agreed { .. } => {
            pill_ui(ui, Tone::Soft, &words.text(text_id!("goals-agreed")));
        }
        Agreement::Draft | Agreement::OfOthers { .. } => {}
    }
    let mut facts = Vec::new();
    if let Author::Other(name) = &goal.owner {
        facts.push(name.clone());
    }
    if let Some(kind) = goal.kind {
        facts.push(words.text(wording::kind_short(kind)).into_owned());
    }
    if let Standing::Closed(outcome) = goal.standing {
        facts.push(words.text(wording::outcome(outcome)).into_owned());
    }
    facts.push(match &goal.last_rating {
        Some(rating) => {
            let when = desk.clock.when(words, rating.at_millis);
            let parts = [
                ("score", i64::from(rating.score).into()),
                ("when", when.into()),
            ];
            words.format(text_id!("goals-last-rating"), &parts)
        }
        None => words.text(text_id!("goals-not-rated")).into_owned(),
    });
    let open = goal
        .steps
        .iter()
        .filter(|step| step.done_millis.is_none())
        .count();
    if open > 0 {
        facts.push(words.format(text_id!("goals-steps-open"), &[("count", open.into())]));
    }
    // Each fact stays whole where the line breaks.
    let facts = facts.iter().map(|fact| fact.replace(' ', "\u{a0}"));
    small_ui(ui, &facts.collect::<Vec<_>>().join(" · "));
}
