//! First start, the recovery code, and unlocking.

use cairn_words::{TextId, Words, text_id};
use egui::{Key, Ui};
use zeroize::Zeroizing;

use super::{body_ui, small_ui, title_ui};
use crate::notebook::NewNotebook;
use crate::theme::{Type, size, space, tokens};
use crate::view::Role;
use crate::widgets::{Button, Entry, Icon, card_title_ui, card_ui, link_ui};

/// Below this many letters a passphrase is called short; no other judgement is made.
const SHORT: usize = 12;

/// Passphrases that every guesser tries first.
const COMMON: [&str; 12] = [
    "password",
    "passphrase",
    "12345678",
    "123456789",
    "1234567890",
    "qwertyuiop",
    "iloveyou",
    "letmein",
    "welcome",
    "sunshine",
    "correct horse battery staple",
    "therapy",
];

/// What the first pages ask for.
#[derive(Debug)]
#[non_exhaustive]
pub enum Asked {
    /// Make a notebook.
    Create(NewNotebook),
    /// Open it with this passphrase.
    Open(Zeroizing<String>),
    /// Put the recovery code on the clipboard.
    CopyCode,
    /// Go on to the notebook.
    Continue,
    /// Start a demo.
    Demo,
}

/// What is typed on the first page.
#[derive(Default)]
pub struct WelcomeState {
    role: Option<Role>,
    name: String,
    passphrase: Zeroizing<String>,
    again: Zeroizing<String>,
    shown: bool,
    asked_once: bool,
    /// Why the last try was refused.
    pub refused: Option<String>,
}

impl std::fmt::Debug for WelcomeState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WelcomeState")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Draws the page of the first start.
pub fn welcome_ui(
    ui: &mut Ui,
    words: &Words,
    state: &mut WelcomeState,
    demo: bool,
) -> Option<Asked> {
    let mut asked = None;
    title_ui(ui, &words.text(text_id!("welcome-title")));
    ui.label(Type::Body.text(words.text(text_id!("welcome-lead")), tokens(ui).muted));
    ui.add_space(space::MEDIUM);
    card_ui(ui, |ui| {
        card_title_ui(ui, &words.text(text_id!("welcome-role-title")));
        for (role, name, hint) in [
            (
                Role::Client,
                text_id!("welcome-role-client"),
                text_id!("welcome-role-client-hint"),
            ),
            (
                Role::Therapist,
                text_id!("welcome-role-therapist"),
                text_id!("welcome-role-therapist-hint"),
            ),
            (
                Role::Supporter,
                text_id!("welcome-role-supporter"),
                text_id!("welcome-role-supporter-hint"),
            ),
        ] {
            let (name, hint) = (words.text(name), words.text(hint));
            if role_ui(ui, &name, &hint, state.role == Some(role)) {
                state.role = Some(role);
            }
        }
        ui.add_space(space::SMALL);
        Entry::new(&words.text(text_id!("welcome-name")))
            .hint(&words.text(text_id!("welcome-name-hint")))
            .show_ui(ui, &mut state.name);
        ui.add_space(space::SMALL);
        passphrases_ui(ui, words, state);
        ui.add_space(space::SMALL);
        let missing = missing(state);
        if Button::main(&words.text(text_id!("welcome-create")))
            .show_ui(ui)
            .clicked()
        {
            state.asked_once = true;
            asked = missing.is_none().then(|| create(state)).flatten();
        }
        if let (true, Some(missing)) = (state.asked_once, missing) {
            ui.label(Type::Small.text(words.text(missing), tokens(ui).warm));
        }
        refused_ui(ui, state.refused.as_deref());
    });
    if demo {
        if link_ui(ui, &words.text(text_id!("welcome-demo"))).clicked() {
            asked = Some(Asked::Demo);
        }
        ui.add_space(-space::TINY);
        small_ui(ui, &words.text(text_id!("welcome-demo-hint")));
    }
    asked
}

fn refused_ui(ui: &mut Ui, reason: Option<&str>) {
    if let Some(reason) = reason {
        ui.label(Type::Small.text(reason, tokens(ui).warm));
    }
}

/// One of the three roles: name and explanation in one large button.
fn role_ui(ui: &mut Ui, name: &str, hint: &str, selected: bool) -> bool {
    use egui::accesskit::Role;
    let tokens = tokens(ui);
    let width = ui.available_width();
    let room = (width - 2.0 * space::MEDIUM).max(size::CONTROL);
    let name_galley = Type::Strong.galley(ui, name, tokens.ink, room);
    let hint_galley = Type::Small.galley(ui, hint, tokens.muted, room);
    let height = name_galley.size().y + hint_galley.size().y + 2.0 * space::MEDIUM;
    let (rect, response) = ui.allocate_exact_size(egui::vec2(width, height), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(Role::RadioButton, true, selected, name));
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_description(hint));
    let edge = match (response.has_focus(), selected) {
        (true, _) => egui::Stroke::new(size::FOCUS, tokens.accent),
        (false, true) => egui::Stroke::new(size::HAIRLINE, tokens.accent),
        (false, false) => egui::Stroke::new(size::HAIRLINE, tokens.edge),
    };
    let fill = match (selected, response.hovered()) {
        (true, _) => tokens.soft,
        (false, true) => tokens.sunk,
        (false, false) => tokens.surface,
    };
    let painter = ui.painter();
    painter.rect(rect, size::RADIUS, fill, edge, egui::StrokeKind::Inside);
    let at = rect.min + egui::Vec2::splat(space::MEDIUM);
    let below = at + egui::vec2(0.0, name_galley.size().y);
    painter.galley(at, name_galley, tokens.ink);
    painter.galley(below, hint_galley, tokens.muted);
    response
        .on_hover_cursor(egui::CursorIcon::PointingHand)
        .clicked()
}

fn passphrases_ui(ui: &mut Ui, words: &Words, state: &mut WelcomeState) {
    let masked = !state.shown;
    Entry::new(&words.text(text_id!("welcome-passphrase")))
        .secret(masked)
        .show_ui(ui, &mut state.passphrase);
    small_ui(ui, &words.text(text_id!("welcome-passphrase-hint")));
    if let Some(remark) = remark(&state.passphrase) {
        ui.label(Type::Small.text(words.text(remark), tokens(ui).warm));
    }
    ui.add_space(space::TINY);
    Entry::new(&words.text(text_id!("welcome-passphrase-again")))
        .secret(masked)
        .show_ui(ui, &mut state.again);
    if !state.again.is_empty() && *state.again != *state.passphrase {
        ui.label(Type::Small.text(
            words.text(text_id!("welcome-passphrase-differs")),
            tokens(ui).warm,
        ));
    }
    ui.checkbox(
        &mut state.shown,
        words.text(text_id!("welcome-show-passphrase")),
    );
}

/// The one honest remark about a passphrase, if there is one to make.
fn remark(passphrase: &str) -> Option<TextId> {
    let plain = passphrase.trim().to_lowercase();
    if plain.is_empty() {
        None
    } else if COMMON.contains(&plain.as_str()) {
        Some(text_id!("welcome-passphrase-common"))
    } else if plain.chars().count() < SHORT {
        Some(text_id!("welcome-passphrase-short"))
    } else {
        None
    }
}

fn missing(state: &WelcomeState) -> Option<TextId> {
    if state.role.is_none() {
        Some(text_id!("welcome-needs-role"))
    } else if state.name.trim().is_empty() {
        Some(text_id!("welcome-needs-name"))
    } else if state.passphrase.is_empty() {
        Some(text_id!("welcome-needs-passphrase"))
    } else if *state.again != *state.passphrase {
        Some(text_id!("welcome-passphrase-differs"))
    } else {
        None
    }
}

fn create(state: &mut WelcomeState) -> Option<Asked> {
    state.refused = None;
    Some(Asked::Create(NewNotebook {
        role: state.role?,
        name: state.name.trim().to_owned(),
        passphrase: state.passphrase.clone(),
    }))
}

/// What the page of the recovery code holds.
pub struct RecoveryState {
    code: Zeroizing<String>,
    written: bool,
    copied: bool,
}

impl std::fmt::Debug for RecoveryState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoveryState").finish_non_exhaustive()
    }
}

impl RecoveryState {
    /// A page that shows `code`.
    pub fn new(code: Zeroizing<String>) -> Self {
        Self {
            code,
            written: false,
            copied: false,
        }
    }

    /// The code, to be copied.
    pub fn code(&self) -> &str {
        &self.code
    }
}

/// Draws the page of the recovery code.
pub fn recovery_ui(ui: &mut Ui, words: &Words, state: &mut RecoveryState) -> Option<Asked> {
    let mut asked = None;
    title_ui(ui, &words.text(text_id!("welcome-recovery-title")));
    body_ui(ui, &words.text(text_id!("welcome-recovery-lead")));
    ui.add_space(space::MEDIUM);
    card_ui(ui, |ui| {
        small_ui(ui, &words.text(text_id!("welcome-recovery-code")));
        let code = Type::Card.text(state.code.as_str(), tokens(ui).ink);
        ui.add(egui::Label::new(code).selectable(true).wrap());
        ui.add_space(space::TINY);
        let copy = words.text(text_id!("welcome-recovery-copy"));
        if Button::plain(&copy).show_ui(ui).clicked() {
            state.copied = true;
            asked = Some(Asked::CopyCode);
        }
        if state.copied {
            small_ui(ui, &words.text(text_id!("welcome-recovery-copied")));
        }
    });
    let written = words.text(text_id!("welcome-recovery-written"));
    ui.checkbox(&mut state.written, written);
    ui.add_space(space::SMALL);
    let open = words.text(text_id!("welcome-recovery-open"));
    if Button::main(&open)
        .enabled(state.written)
        .show_ui(ui)
        .clicked()
    {
        asked = Some(Asked::Continue);
    }
    asked
}

/// What is typed on the page that unlocks.
#[derive(Default)]
pub struct UnlockState {
    passphrase: Zeroizing<String>,
    focused_once: bool,
    /// Whether the last passphrase was not the right one.
    pub wrong: bool,
    /// Why the notebook cannot be opened.
    pub refused: Option<String>,
}

impl std::fmt::Debug for UnlockState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnlockState")
            .field("wrong", &self.wrong)
            .finish_non_exhaustive()
    }
}

/// Draws the page that unlocks.
pub fn unlock_ui(ui: &mut Ui, words: &Words, state: &mut UnlockState) -> Option<Asked> {
    let mut asked = None;
    title_ui(ui, &words.text(text_id!("welcome-unlock-title")));
    ui.label(Type::Body.text(
        words.text(text_id!("welcome-unlock-lead")),
        tokens(ui).muted,
    ));
    ui.add_space(space::MEDIUM);
    card_ui(ui, |ui| {
        let entry = Entry::new(&words.text(text_id!("welcome-passphrase")))
            .secret(true)
            .show_ui(ui, &mut state.passphrase);
        if !std::mem::replace(&mut state.focused_once, true) {
            entry.request_focus();
        }
        let entered = entry.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if state.wrong {
            let wrong = words.text(text_id!("welcome-unlock-wrong"));
            ui.label(Type::Small.text(wrong, tokens(ui).warm));
        }
        refused_ui(ui, state.refused.as_deref());
        ui.add_space(space::TINY);
        let open = words.text(text_id!("welcome-unlock-open"));
        let ready = !state.passphrase.is_empty();
        let button = Button::main(&open).with_icon(Icon::Lock).enabled(ready);
        if (button.show_ui(ui).clicked() || entered) && ready {
            asked = Some(Asked::Open(std::mem::take(&mut state.passphrase)));
        }
    });
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_only_what_is_known_about_a_passphrase() {
        assert_eq!(remark(""), None);
        assert_eq!(
            remark("Password"),
            Some(text_id!("welcome-passphrase-common"))
        );
        assert_eq!(
            remark("kettle 9"),
            Some(text_id!("welcome-passphrase-short"))
        );
        assert_eq!(remark("kettle under slow rain"), None);
    }
}
