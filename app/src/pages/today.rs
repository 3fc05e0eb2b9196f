//! Today: how it is right now, what asks for a look, and small steps.

use cairn_words::{Words, text_id};
use egui::{Key, Modifiers, Ui};

use super::{Desk, small_ui, title_ui};
use crate::command::{Command, Page};
use crate::notebook::Change;
use crate::theme::{Type, space, tokens};
use crate::view::{Agreement, Author, GoalKey, GoalLine, Role, Standing, Step};
use crate::widgets::{
    Button, Columns, Entry, Mood, card_title_ui, card_ui, columns_ui, empty_ui, line_ui, link_ui,
    marks_ui, mood_ui, rating_ui, row_ui, tick_ui, title_link_ui,
};

/// Goals shown at once that ask for a rating.
const RATINGS_SHOWN: usize = 2;

/// What is chosen and typed on the page but not saved.
#[derive(Debug, Default)]
pub struct TodayState {
    mood: Option<Mood>,
    mood_note: String,
    rated: Option<GoalKey>,
    score: Option<u8>,
    rating_note: String,
}

/// Draws the page.
pub fn today_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut TodayState) {
    keys(ui, desk, state);
    ui.horizontal_wrapped(|ui| {
        title_ui(ui, &desk.clock.weekday(desk.words));
        ui.add_space(space::TINY);
        let day = desk.clock.day(desk.words, desk.clock.now_millis());
        ui.label(Type::Body.text(day, tokens(ui).muted));
    });
    ui.add_space(space::SMALL);
    let client = desk.view.role == Role::Client;
    columns_ui(ui, |ui, column| match column {
        Columns::Main if client => {
            mood_card_ui(ui, desk, state);
            steps_card_ui(ui, desk);
        }
        // Who came for others sees them first.
        Columns::Main => {
            waiting_card_ui(ui, desk);
            others_card_ui(ui, desk);
        }
        Columns::Side if client => {
            waiting_card_ui(ui, desk);
            rating_card_ui(ui, desk, state);
        }
        Columns::Side => {
            steps_card_ui(ui, desk);
            rating_card_ui(ui, desk, state);
            mood_card_ui(ui, desk, state);
        }
    });
}

/// Keys 1 to 5 choose a face while nothing is being typed; Ctrl+Enter saves.
fn keys(ui: &Ui, desk: &mut Desk<'_>, state: &mut TodayState) {
    if ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter)) {
        if state.score.is_some() {
            save_rating(desk, state);
        } else {
            save_mood(desk, state);
        }
    }
    if ui.ctx().text_edit_focused() {
        return;
    }
    let keys = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];
    for (key, mood) in keys.into_iter().zip(Mood::ALL) {
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
            state.mood = Some(mood);
        }
    }
}

fn save_mood(desk: &mut Desk<'_>, state: &mut TodayState) {
    if let Some(mood) = state.mood.take() {
        desk.ask(Command::Change(Change::AddMood {
            score: mood.score(),
            note: std::mem::take(&mut state.mood_note),
        }));
    }
}

fn save_rating(desk: &mut Desk<'_>, state: &mut TodayState) {
    if let (Some(goal), Some(score)) = (state.rated.take(), state.score.take()) {
        desk.ask(Command::Change(Change::Rate {
            goal,
            score,
            note: std::mem::take(&mut state.rating_note),
        }));
    }
}

fn mood_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut TodayState) {
    let words = desk.words;
    card_ui(ui, |ui| {
        row_ui(ui, words, &desk.view.mood_marks, |ui| {
            card_title_ui(ui, &words.text(text_id!("today-mood-title")));
        });
        mood_ui(ui, words, &mut state.mood);
        ui.add_space(space::TINY);
        Entry::unlabelled(&words.text(text_id!("today-mood-words-name")))
            .hint(&words.text(text_id!("today-mood-words")))
            .show_ui(ui, &mut state.mood_note);
        let save = words.text(text_id!("today-mood-save"));
        let keys = words.text(text_id!("today-mood-keys"));
        ui.horizontal_wrapped(|ui| {
            let main = state.score.is_none() && state.mood.is_some();
            let button = if main {
                Button::main(&save)
            } else {
                Button::plain(&save)
            };
            if button.enabled(state.mood.is_some()).show_ui(ui).clicked() {
                save_mood(desk, state);
            }
            ui.add_space(space::TINY);
            small_ui(ui, &keys);
        });
        earlier_moods_ui(ui, desk);
    });
}

/// The entries of today, newest first.
fn earlier_moods_ui(ui: &mut Ui, desk: &Desk<'_>) {
    let tokens = tokens(ui);
    let today = desk
        .view
        .moods
        .iter()
        .filter(|mood| desk.clock.is_today(mood.at_millis));
    for entry in today.take(4) {
        ui.add_space(space::TINY);
        line_ui(ui);
        let mood = desk.words.text(Mood::of_score(entry.score).text_id());
        let when = desk.clock.when(desk.words, entry.at_millis);
        let parts = [("mood", mood.into()), ("when", when.into())];
        let line = desk.words.format(text_id!("today-mood-saved"), &parts);
        if !entry.note.is_empty() {
            ui.label(Type::Body.text(&entry.note, tokens.ink));
            ui.add_space(-space::TINY);
        }
        ui.label(Type::Small.text(line, tokens.muted));
    }
}

fn in_focus<'a>(desk: &Desk<'a>) -> impl Iterator<Item = &'a GoalLine> + use<'a> {
    let goals = desk.view.goals.iter();
    goals.filter(|goal| goal.standing == Standing::Focus)
}

fn steps_card_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let words = desk.words;
    let shown = |step: &Step| {
        step.done_millis
            .is_none_or(|done| desk.clock.is_today(done))
    };
    // Steps of someone else's goal are theirs, but for those I took on.
    let mine = |goal: &GoalLine, step: &Step| goal.owner == Author::Me || step.by == Author::Me;
    let steps: Vec<(&GoalLine, &Step)> = in_focus(desk)
        .flat_map(|goal| goal.steps.iter().map(move |step| (goal, step)))
        .filter(|(goal, step)| mine(goal, step) && shown(step))
        .collect();
    if steps.is_empty() && desk.view.role != Role::Client {
        return;
    }
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("today-steps-title")));
        if steps.is_empty() {
            let sentence = words.text(text_id!("today-steps-empty"));
            let step = words.text(text_id!("today-steps-empty-do"));
            if empty_ui(ui, &sentence, Some(&step)) {
                desk.ask(Command::Go(Page::Goals));
            }
        }
        for (at, (goal, step)) in steps.into_iter().enumerate() {
            if at > 0 {
                line_ui(ui);
            }
            let done = step.done_millis.is_some();
            let ticked = row_ui(ui, words, &goal.marks, |ui| {
                tick_ui(ui, &step.text, &goal.title, done, true).clicked()
            });
            if ticked {
                desk.ask(Command::Change(Change::TickStep {
                    goal: goal.key,
                    step: step.key.clone(),
                    done: !done,
                }));
            }
        }
    });
}

/// Goals whose words wait for an answer.
fn waiting_card_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let words = desk.words;
    let waits = |goal: &&GoalLine| matches!(goal.agreement, Agreement::ProposedByOther { .. });
    let waiting: Vec<&GoalLine> = in_focus(desk).filter(waits).collect();
    if waiting.is_empty() {
        return;
    }
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goals-waiting-for-me")));
        for (at, goal) in waiting.into_iter().enumerate() {
            if at > 0 {
                line_ui(ui);
            }
            let Agreement::ProposedByOther { by, .. } = &goal.agreement else {
                continue;
            };
            let opened = row_ui(ui, words, &goal.marks, |ui| {
                title_link_ui(ui, &goal.title).clicked()
            });
            let name = [("name", by.as_str().into())];
            small_ui(ui, &words.format(text_id!("today-proposed-by"), &name));
            if opened {
                desk.ask(Command::Go(Page::Goal(goal.key)));
            }
        }
    });
}

/// Goals of others in focus, with whose they are and how many steps are open.
fn others_card_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let words = desk.words;
    let others: Vec<(&GoalLine, &str)> = in_focus(desk)
        .filter_map(|goal| match &goal.owner {
            Author::Other(name) => Some((goal, name.as_str())),
            _ => None,
        })
        .collect();
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("today-with-others-title")));
        if others.is_empty() {
            empty_ui(ui, &words.text(text_id!("goals-empty-therapist")), None);
        }
        for (at, (goal, name)) in others.into_iter().enumerate() {
            if at > 0 {
                line_ui(ui);
            }
            let opened = row_ui(ui, words, &goal.marks, |ui| {
                let response = title_link_ui(ui, &goal.title);
                small_ui(ui, &others_fact(words, goal, name));
                response.clicked()
            });
            if opened {
                desk.ask(Command::Go(Page::Goal(goal.key)));
            }
        }
    });
}

fn others_fact(words: &Words, goal: &GoalLine, name: &str) -> String {
    let open = goal.steps.iter().filter(|step| step.done_millis.is_none());
    let count = open.count();
    if count == 0 {
        return name.to_owned();
    }
    let open = words.format(text_id!("goals-steps-open"), &[("count", count.into())]);
    format!("{name} · {open}")
}

fn rating_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut TodayState) {
    let words = desk.words;
    let own = || in_focus(desk).filter(|goal| goal.owner == Author::Me);
    let due: Vec<&GoalLine> = own().filter(|goal| goal.rating_due).collect();
    let rated = own().any(|goal| goal.last_rating.is_some());
    if desk.view.role != Role::Client && own().next().is_none() {
        return;
    }
    card_ui(ui, |ui| {
        if desk.view.goals.is_empty() && desk.view.role == Role::Client {
            card_title_ui(ui, &words.text(text_id!("today-first-title")));
            let body = words.text(text_id!("today-first-body"));
            empty_ui(ui, &body, None);
            let main = Button::main(&words.text(text_id!("goals-add"))).show_ui(ui);
            if main.clicked() {
                desk.ask(Command::NewGoal);
            }
            return;
        }
        card_title_ui(ui, &words.text(text_id!("today-rate-title")));
        if due.is_empty() {
            let id = if rated {
                text_id!("today-rate-none")
            } else {
                text_id!("today-rate-empty")
            };
            empty_ui(ui, &words.text(id), None);
        }
        for (at, goal) in due.into_iter().take(RATINGS_SHOWN).enumerate() {
            if at > 0 {
                ui.add_space(space::SMALL);
                line_ui(ui);
                ui.add_space(space::SMALL);
            }
            rate_ui(ui, desk, state, goal);
        }
    });
}

fn rate_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut TodayState, goal: &GoalLine) {
    let words = desk.words;
    let tokens = tokens(ui);
    ui.push_id(goal.key, |ui| {
        ui.label(Type::Words.text(&goal.title, tokens.ink));
        ui.horizontal(|ui| marks_ui(ui, words, &goal.marks, false));
        small_ui(ui, &words.text(text_id!("today-rate-question")));
        ui.add_space(-space::TINY);
        small_ui(ui, &words.text(text_id!("today-rate-ends")));
        let mut score = state.score.filter(|_| state.rated == Some(goal.key));
        let changed = ui.scope(|ui| rating_ui(ui, words, &mut score)).inner;
        if changed {
            (state.rated, state.score) = (score.map(|_| goal.key), score);
        }
        if score.is_some() {
            Entry::unlabelled(&words.text(text_id!("today-rate-note")))
                .hint(&words.text(text_id!("today-rate-note")))
                .show_ui(ui, &mut state.rating_note);
            if Button::main(&words.text(text_id!("today-rate-save")))
                .show_ui(ui)
                .clicked()
            {
                save_rating(desk, state);
            }
        } else if link_ui(ui, &words.text(text_id!("today-open-goal"))).clicked() {
            desk.ask(Command::Go(Page::Goal(goal.key)));
        }
    });
}
