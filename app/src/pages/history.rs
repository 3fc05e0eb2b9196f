//! What happened to a goal, in sentences.

use cairn_words::{TextId, Words, text_id};
use egui::Ui;

use super::goal::GoalState;
use super::{Desk, body_ui, small_ui, wording};
use crate::theme::space;
use crate::view::{Event, GoalView, HistoryLine};
use crate::widgets::{card_title_ui, card_ui, line_ui, link_ui};

/// Sentences shown before "Show all".
const SHOWN: usize = 5;

/// The card with the newest sentences first.
pub(super) fn history_card_ui(
    ui: &mut Ui,
    desk: &Desk<'_>,
    state: &mut GoalState,
    goal: &GoalView,
) {
    if goal.history.is_empty() {
        return;
    }
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("goal-history-title")));
        let shown = if state.history_open {
            goal.history.len()
        } else {
            SHOWN
        };
        for (at, line) in goal.history.iter().take(shown).enumerate() {
            if at > 0 {
                line_ui(ui);
            }
            body_ui(ui, &sentence(words, line));
            ui.add_space(-space::TINY);
            small_ui(ui, &desk.clock.when(words, line.at_millis));
        }
        if goal.history.len() > shown
            && link_ui(ui, &words.text(text_id!("goal-history-more"))).clicked()
        {
            state.history_open = true;
        }
    });
}

fn sentence(words: &Words, line: &HistoryLine) -> String {
    let name = wording::author(words, &line.by);
    let mut parts = vec![("name", name.into())];
    if let Event::Shared(other) | Event::Unshared(other) = &line.event {
        parts.push(("other", other.as_str().into()));
    }
    words.format(text(&line.event), &parts)
}

fn text(event: &Event) -> TextId {
    match event {
        Event::Created => text_id!("goal-history-created"),
        Event::TitleChanged => text_id!("goal-history-title-changed"),
        Event::WhyChanged => text_id!("goal-history-why-changed"),
        Event::EnoughChanged => text_id!("goal-history-enough-changed"),
        Event::KindChanged => text_id!("goal-history-kind-changed"),
        Event::StepAdded => text_id!("goal-history-step-added"),
        Event::StepDone => text_id!("goal-history-step-done"),
        Event::StepUndone => text_id!("goal-history-step-undone"),
        Event::Rated => text_id!("goal-history-rated"),
        Event::Proposed => text_id!("goal-history-proposed"),
        Event::Accepted => text_id!("goal-history-accepted"),
        Event::Shared(_) => text_id!("goal-history-shared"),
        Event::Unshared(_) => text_id!("goal-history-unshared"),
        Event::Paused => text_id!("goal-history-paused"),
        Event::Resumed => text_id!("goal-history-resumed"),
        Event::Closed => text_id!("goal-history-closed"),
        Event::Other => text_id!("goal-history-other"),
    }
}
