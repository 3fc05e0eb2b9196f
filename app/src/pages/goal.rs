//! One goal: its words, agreement, steps, ratings, who can see it, what happened.

use cairn_words::{TextId, text_id};
use egui::{Id, Key, Modifiers, Ui, Vec2};

use super::goals::kinds_ui;
use super::history::history_card_ui;
use super::{Desk, body_ui, small_ui, wording};
use crate::command::{Command, Page};
use crate::notebook::{Change, GoalField};
use crate::theme::{Type, space, tokens};
use crate::view::{Agreement, Author, GoalKey, GoalView, Outcome, Person, PersonKey, Standing};
use crate::widgets::{
    Button, Columns, Entry, FieldLook, Icon, TextField, Tone, bleed_ui, card_title_ui, card_ui,
    chart_ui, columns_ui, empty_ui, line_ui, link_ui, marks_ui, pill_ui, rating_ui, row_ui,
    tick_ui,
};

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
            sharing: None,
            unsharing: None,
            history_open: false,
        }
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
    // Two windows of one process may show the same goal, each with its own caret.
    let window = ui.ctx().viewport_id();
    let id = Id::unique(("goal text", window, goal.line.key, which));
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

fn title_field_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
    let words = desk.words;
    let look = FieldLook {
        name: &words.text(text_id!("goal-title-name")),
        hint: &words.text(text_id!("goal-title-hint")),
        kind: Type::Page,
        lines: false,
    };
    let text = (GoalField::Title, goal.line.title.as_str());
    shared_text_ui(ui, desk, &mut state.title, text, goal, look);
}

fn agreement_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
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

fn rate_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
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

fn ratings_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
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

fn sharing_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut GoalState, goal: &GoalView) {
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
            super::people::grant_ui(ui, desk, grant);
            if goal.may_share {
                unshare_ui(
                    ui,
                    desk,
                    &mut state.unsharing,
                    (goal.line.key, grant.person),
                    &grant.name,
                );
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

/// A link to stop sharing with one person, which asks once.
pub(super) fn unshare_ui(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    asked: &mut Option<PersonKey>,
    (goal, person): (GoalKey, PersonKey),
    name: &str,
) {
    let words = desk.words;
    if *asked != Some(person) {
        let stop = format!("{}…", words.text(text_id!("goal-unshare")));
        if link_ui(ui, &stop).clicked() {
            *asked = Some(person);
        }
        return;
    }
    let name = [("name", name.into())];
    body_ui(ui, &words.format(text_id!("goal-unshare-question"), &name));
    ui.horizontal_wrapped(|ui| {
        if Button::plain(&words.text(text_id!("goal-unshare-confirm")))
            .show_ui(ui)
            .clicked()
        {
            *asked = None;
            desk.ask(Command::Change(Change::Unshare(goal, person)));
        }
        if Button::quiet(&words.text(text_id!("app-cancel")))
            .show_ui(ui)
            .clicked()
        {
            *asked = None;
        }
    });
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
