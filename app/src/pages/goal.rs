//! One goal: its words, agreement, steps, ratings, who can see it, what happened.

mod agreement;
mod ratings;
mod sharing;

use cairn_words::text_id;
use egui::{Id, Key, Ui, Vec2};

use super::goals::kinds_ui;
use super::history::history_card_ui;
use super::{Desk, small_ui, wording};
use crate::command::{Command, Page};
use crate::notebook::{Change, GoalField};
use crate::theme::{Type, space, tokens};
use crate::view::{Author, GoalKey, GoalView, Outcome, PersonKey, Standing};
use crate::widgets::{
    Button, Columns, Entry, FieldLook, Icon, TextField, Tone, bleed_ui, card_title_ui, card_ui,
    columns_ui, empty_ui, line_ui, marks_ui, pill_ui, row_ui, tick_ui,
};
use agreement::agreement_card_ui;
use ratings::{rate_card_ui, ratings_card_ui};
use sharing::sharing_card_ui;
pub(super) use sharing::{unshare_link_ui, unshare_question_ui};

/// What is open, typed or chosen on the page of one goal.
#[derive(Debug)]
pub struct GoalState {
    goal: GoalKey,
    title: TextField,
    why: TextField,
    good_enough: TextField,
    step: String,
    score: Option<u8>,
    note: String,
    kinds_open: bool,
    wordings_open: bool,
    table_open: bool,
    closing: bool,
    words_wanted: bool,
    sharing: Option<PersonKey>,
    unsharing: Option<PersonKey>,
    pub(super) history_open: bool,
}

impl GoalState {
    /// The state of a page just opened.
    pub fn new(goal: GoalKey) -> Self {
        Self {
            goal,
            title: TextField::default(),
            why: TextField::default(),
            good_enough: TextField::default(),
            step: String::new(),
            score: None,
            note: String::new(),
            kinds_open: false,
            wordings_open: false,
            table_open: false,
            closing: false,
            words_wanted: false,
            sharing: None,
            unsharing: None,
            history_open: false,
        }
    }

    /// Puts the caret into the words of the goal.
    pub fn edit_words(&mut self) {
        self.words_wanted = true;
    }

    /// Whose page it is.
    pub fn goal(&self) -> GoalKey {
        self.goal
    }
}

/// Draws the page.
pub fn goal_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    let words = desk.words;
    let back = words.text(text_id!("goal-back"));
    bleed_ui(ui, 16.0, |ui| {
        if Button::quiet(&back)
            .with_icon(Icon::Back)
            .show_ui(ui)
            .clicked()
        {
            desk.ask(Command::Go(Page::Goals));
        }
    });
    title_field_ui(ui, desk, state, goal);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::new(space::SMALL, space::TINY);
        pill_ui(
            ui,
            Tone::Quiet,
            &wording::standing(words, goal.line.standing),
        );
        if let Some(kind) = goal.line.kind {
            pill_ui(ui, Tone::Quiet, &words.text(wording::kind_short(kind)));
        }
        marks_ui(ui, words, &goal.line.marks, false);
    });
    ui.add_space(space::LARGE - space::SMALL);
    columns_ui(ui, |ui, column| match column {
        Columns::Main => {
            agreement_card_ui(ui, desk, state, goal);
            why_card_ui(ui, desk, state, goal);
            steps_card_ui(ui, desk, state, goal);
            closing_ui(ui, desk, state, goal);
        }
        Columns::Side => {
            rate_card_ui(ui, desk, state, goal);
            ratings_card_ui(ui, desk, state, goal);
            sharing_card_ui(ui, desk, state, goal);
            history_card_ui(ui, desk, state, goal);
        }
    });
}

/// One of the three texts that both write in.
fn shared_text_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    field: &mut TextField,
    (which, current): (GoalField, &str),
    goal: &GoalView,
    look: FieldLook<'_>,
) {
    if !goal.may_write {
        let text = if current.is_empty() {
            look.hint
        } else {
            current
        };
        ui.label(look.kind.text(text, tokens(ui).ink));
        return;
    }
    let id = field_id(ui, goal.line.key, which);
    let typed = bleed_ui(ui, 10.0, |ui| field.show_ui(ui, id, current, look));
    if let Some(typed) = typed {
        desk.ask(Command::Change(Change::EditText {
            goal: goal.line.key,
            field: which,
            seen: typed.seen,
            splices: typed.splices,
        }));
    }
}

/// Two windows of one process may show the same goal, each with its own caret.
fn field_id(ui: &Ui, goal: GoalKey, which: GoalField) -> Id {
    Id::unique(("goal text", ui.ctx().viewport_id(), goal, which))
}

fn title_field_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    let words = desk.words;
    let look = FieldLook {
        name: &words.text(text_id!("goal-title-name")),
        hint: &words.text(text_id!("goal-title-hint")),
        kind: Type::Page,
        lines: false,
    };
    let text = (GoalField::Title, goal.line.title.as_str());
    if std::mem::take(&mut state.words_wanted) {
        let id = field_id(ui, goal.line.key, GoalField::Title);
        ui.memory_mut(|memory| memory.request_focus(id));
    }
    shared_text_ui(ui, desk, &mut state.title, text, goal, look);
}

fn why_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    let words = desk.words;
    card_ui(ui, |ui| {
        let title = match &goal.line.owner {
            Author::Other(name) => {
                let name = [("name", name.as_str().into())];
                words.format(text_id!("goal-why-title-of"), &name)
            }
            _ => words.text(text_id!("goal-why-title")).into_owned(),
        };
        card_title_ui(ui, &title);
        let look = FieldLook {
            name: &title,
            hint: &words.text(text_id!("goal-why-hint")),
            kind: Type::Body,
            lines: true,
        };
        let text = (GoalField::Why, goal.why.as_str());
        shared_text_ui(ui, desk, &mut state.why, text, goal, look);
        ui.add_space(space::SMALL);
        let title = words.text(text_id!("goal-enough-title"));
        ui.label(Type::Small.text(title.clone(), tokens(ui).muted));
        let look = FieldLook {
            name: &title,
            hint: &words.text(text_id!("goal-enough-hint")),
            kind: Type::Body,
            lines: true,
        };
        let text = (GoalField::GoodEnough, goal.good_enough.as_str());
        shared_text_ui(ui, desk, &mut state.good_enough, text, goal, look);
        if !goal.may_write {
            return;
        }
        ui.add_space(space::SMALL);
        kind_ui(ui, desk, state, goal);
    });
}

/// What it is about: the kind, and on request all six.
fn kind_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    let words = desk.words;
    small_ui(ui, &words.text(text_id!("goal-kind-title")));
    if let (Some(kind), false) = (goal.line.kind, state.kinds_open) {
        let name = words.text(wording::kind(kind));
        if Button::plain(&name).selected(true).show_ui(ui).clicked() {
            state.kinds_open = true;
        }
        return;
    }
    let mut chosen = goal.line.kind;
    let changed = kinds_ui(ui, desk, &mut chosen);
    if let (true, Some(kind)) = (changed, chosen) {
        state.kinds_open = false;
        desk.ask(Command::Change(Change::SetKind(goal.line.key, kind)));
    }
}

fn steps_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goal-steps-title")));
        if goal.line.steps.is_empty() {
            empty_ui(ui, &words.text(text_id!("goal-steps-empty")), None);
        }
        for (at, step) in goal.line.steps.iter().enumerate() {
            if at > 0 {
                line_ui(ui);
            }
            let done = step.done_millis.is_some();
            let response = row_ui(ui, words, &goal.line.marks, |ui| {
                let by = match &step.by {
                    Author::Me => String::new(),
                    other => wording::author(words, other),
                };
                tick_ui(ui, &step.text, &by, done, goal.may_write)
            });
            if response.clicked() {
                desk.ask(Command::Change(Change::TickStep {
                    goal: goal.line.key,
                    step: step.key.clone(),
                    done: !done,
                }));
            }
        }
        if goal.may_write {
            ui.add_space(space::SMALL);
            new_step_ui(ui, desk, state, goal);
        }
    });
}

fn new_step_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    let words = desk.words;
    let entry = Entry::unlabelled(&words.text(text_id!("goal-step-new-name")))
        .hint(&words.text(text_id!("goal-step-new")))
        .show_ui(ui, &mut state.step);
    let entered = entry.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let typed = !state.step.trim().is_empty();
    let added = typed
        && Button::plain(&words.text(text_id!("goal-step-add")))
            .show_ui(ui)
            .clicked();
    if typed && (entered || added) {
        let text = std::mem::take(&mut state.step).trim().to_owned();
        desk.ask(Command::Change(Change::AddStep(goal.line.key, text)));
        // The next step can be typed at once.
        entry.request_focus();
    }
}

/// Pause, take up again, close.
fn closing_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    if !goal.may_write {
        return;
    }
    let words = desk.words;
    let key = goal.line.key;
    if state.closing {
        card_ui(ui, |ui| {
            card_title_ui(ui, &words.text(text_id!("goal-close-question")));
            ui.horizontal_wrapped(|ui| {
                for outcome in Outcome::ALL {
                    let name = words.text(wording::outcome(outcome));
                    if Button::plain(&name).show_ui(ui).clicked() {
                        state.closing = false;
                        desk.ask(Command::Change(Change::Close(key, outcome)));
                    }
                }
                if Button::quiet(&words.text(text_id!("app-cancel")))
                    .show_ui(ui)
                    .clicked()
                {
                    state.closing = false;
                }
            });
        });
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let pause = words.text(text_id!("goal-pause"));
        let resume = words.text(text_id!("goal-resume"));
        match goal.line.standing {
            Standing::Focus if Button::quiet(&pause).show_ui(ui).clicked() => {
                desk.ask(Command::Change(Change::Pause(key)));
            }
            Standing::Paused | Standing::Closed(_)
                if Button::plain(&resume).show_ui(ui).clicked() =>
            {
                desk.ask(Command::Change(Change::Resume(key)));
            }
            _ => {}
        }
        let open = !matches!(goal.line.standing, Standing::Closed(_));
        if open
            && Button::quiet(&words.text(text_id!("goal-close")))
                .show_ui(ui)
                .clicked()
        {
            state.closing = true;
        }
    });
    ui.add_space(space::MEDIUM);
}
