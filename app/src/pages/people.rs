//! People: pair with someone, see who they are; the sharing table is in [`super::shares`].

use cairn_words::{TextId, text_id};
use egui::Ui;

use super::shares::shared_card_ui;
use super::{Desk, body_ui, small_ui, title_ui, wording};
use crate::command::{Command, Page};
use crate::notebook::Change;
use crate::theme::{Type, space, tokens};
use crate::view::{GoalKey, Pairing, Person, PersonKey};
use crate::widgets::{
    Button, Columns, Entry, Tone, card_title_ui, card_ui, columns_ui, heading_ui, link_ui, pill_ui,
};

/// What is open and typed on the page.
#[derive(Default)]
pub struct PeopleState {
    connecting: bool,
    typing_code: bool,
    code: String,
    address: String,
    renaming: Option<(PersonKey, String)>,
    unsharing: Option<(GoalKey, PersonKey)>,
}

impl std::fmt::Debug for PeopleState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The code is a secret while it is typed.
        f.debug_struct("PeopleState")
            .field("connecting", &self.connecting)
            .finish_non_exhaustive()
    }
}

impl PeopleState {
    /// Opens the place for pairing.
    pub fn start_connecting(&mut self) {
        self.connecting = true;
    }
}

/// Draws the page.
pub fn people_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut PeopleState) {
    let words = desk.words;
    title_ui(ui, &words.text(text_id!("people-title")));
    ui.add_space(space::SMALL);
    let pairing = desk.view.pairing != Pairing::Idle;
    if pairing || state.connecting || desk.view.people.is_empty() {
        connect_card_ui(ui, desk, state);
    } else {
        let connect = words.text(text_id!("command-connect"));
        if Button::main(&connect).show_ui(ui).clicked() {
            state.connecting = true;
        }
        ui.add_space(space::SMALL);
    }
    columns_ui(ui, |ui, column| match column {
        Columns::Main => shared_card_ui(ui, desk, &mut state.unsharing),
        Columns::Side => {
            for person in desk.view.people.clone() {
                person_card_ui(ui, desk, state, &person);
            }
        }
    });
}

fn connect_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut PeopleState) {
    let words = desk.words;
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("people-connect-title")));
        match desk.view.pairing.clone() {
            Pairing::Idle if state.typing_code => type_code_ui(ui, desk, state),
            Pairing::Idle => choose_ui(ui, desk, state),
            Pairing::Offering { code, address } => show_code_ui(ui, desk, &code, &address),
            Pairing::Joining => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    body_ui(ui, &words.text(text_id!("people-connecting")));
                });
                cancel_ui(ui, desk, state, text_id!("app-cancel"));
            }
            Pairing::Done { name } => {
                let name = [("name", name.into())];
                body_ui(ui, &words.format(text_id!("people-connected-with"), &name));
                ui.horizontal_wrapped(|ui| {
                    if Button::main(&words.text(text_id!("today-steps-empty-do")))
                        .show_ui(ui)
                        .clicked()
                    {
                        close(desk, state);
                        desk.ask(Command::Go(Page::Goals));
                    }
                    cancel_ui(ui, desk, state, text_id!("app-close"));
                });
            }
            Pairing::Refused { reason } => {
                let reason = [("reason", reason.into())];
                body_ui(ui, &words.format(text_id!("people-refused"), &reason));
                cancel_ui(ui, desk, state, text_id!("people-try-again"));
            }
        }
    });
}

fn close(desk: &mut Desk<'_>, state: &mut PeopleState) {
    *state = PeopleState::default();
    desk.ask(Command::Change(Change::ClosePairing));
}

fn cancel_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut PeopleState, text: TextId) {
    if Button::plain(&desk.words.text(text)).show_ui(ui).clicked() {
        let again = text == text_id!("people-try-again");
        close(desk, state);
        state.connecting = again;
    }
}

fn choose_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut PeopleState) {
    let words = desk.words;
    if desk.view.people.is_empty() {
        body_ui(ui, &words.text(text_id!("people-empty")));
    }
    ui.label(Type::Body.text(
        words.text(text_id!("people-connect-lead")),
        tokens(ui).muted,
    ));
    ui.add_space(space::TINY);
    ui.horizontal_wrapped(|ui| {
        if Button::main(&words.text(text_id!("people-show-code")))
            .show_ui(ui)
            .clicked()
        {
            desk.ask(Command::Change(Change::OfferPairing));
        }
        if Button::plain(&words.text(text_id!("people-enter-code")))
            .show_ui(ui)
            .clicked()
        {
            state.typing_code = true;
        }
        if !desk.view.people.is_empty() {
            cancel_ui(ui, desk, state, text_id!("app-cancel"));
        }
    });
}

fn show_code_ui(ui: &mut Ui, desk: &mut Desk<'_>, code: &str, address: &str) {
    let words = desk.words;
    let tokens = tokens(ui);
    small_ui(ui, &words.text(text_id!("people-code-shown")));
    let shown = egui::Label::new(Type::Page.text(code, tokens.ink)).selectable(true);
    ui.add(shown.wrap());
    ui.add_space(space::TINY);
    small_ui(ui, &words.text(text_id!("people-code-where")));
    let shown = egui::Label::new(Type::Words.text(address, tokens.ink)).selectable(true);
    ui.add(shown.wrap());
    ui.add_space(space::TINY);
    small_ui(ui, &words.text(text_id!("people-code-waiting")));
    if Button::plain(&words.text(text_id!("app-cancel")))
        .show_ui(ui)
        .clicked()
    {
        desk.ask(Command::Change(Change::ClosePairing));
    }
}

fn type_code_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut PeopleState) {
    let words = desk.words;
    Entry::new(&words.text(text_id!("people-code")))
        .hint(&words.text(text_id!("people-code-hint")))
        .show_ui(ui, &mut state.code);
    Entry::new(&words.text(text_id!("people-address")))
        .hint(&words.text(text_id!("people-address-hint")))
        .show_ui(ui, &mut state.address);
    ui.add_space(space::TINY);
    let ready = !state.code.trim().is_empty();
    ui.horizontal_wrapped(|ui| {
        let connect = words.text(text_id!("people-connect"));
        if Button::main(&connect).enabled(ready).show_ui(ui).clicked() {
            let code = std::mem::take(&mut state.code).trim().to_owned();
            let address = std::mem::take(&mut state.address).trim().to_owned();
            desk.ask(Command::Change(Change::AcceptPairing { code, address }));
        }
        if Button::quiet(&words.text(text_id!("app-cancel")))
            .show_ui(ui)
            .clicked()
        {
            *state = PeopleState::default();
        }
    });
}

fn person_card_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut PeopleState, person: &Person) {
    let words = desk.words;
    card_ui(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.y = space::TINY;
            heading_ui(ui, Type::Card, &person.name, 2);
            let (tone, id) = if person.connected {
                (Tone::Soft, text_id!("people-online"))
            } else {
                (Tone::Quiet, text_id!("people-offline"))
            };
            pill_ui(ui, tone, &words.text(id));
        });
        let role = words.text(wording::role(person.role));
        let devices = words.format(
            text_id!("people-devices"),
            &[("count", person.devices.into())],
        );
        small_ui(ui, &format!("{role} · {devices}"));
        rename_ui(ui, desk, state, person);
    });
}

fn rename_ui(ui: &mut Ui, desk: &mut Desk<'_>, state: &mut PeopleState, person: &Person) {
    let words = desk.words;
    let Some((_, name)) = state.renaming.as_mut().filter(|(of, _)| *of == person.key) else {
        if link_ui(ui, &words.text(text_id!("people-rename"))).clicked() {
            state.renaming = Some((person.key, person.name.clone()));
        }
        return;
    };
    let label = [("name", person.name.as_str().into())];
    Entry::new(&words.format(text_id!("people-local-name"), &label)).show_ui(ui, name);
    small_ui(ui, &words.text(text_id!("people-local-name-hint")));
    let wanted = name.trim().to_owned();
    ui.horizontal_wrapped(|ui| {
        let save = words.text(text_id!("app-save"));
        if Button::plain(&save)
            .enabled(!wanted.is_empty())
            .show_ui(ui)
            .clicked()
        {
            state.renaming = None;
            desk.ask(Command::Change(Change::Rename(person.key, wanted)));
        }
        if Button::quiet(&words.text(text_id!("app-cancel")))
            .show_ui(ui)
            .clicked()
        {
            state.renaming = None;
        }
    });
}
