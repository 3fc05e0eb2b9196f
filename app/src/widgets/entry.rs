//! A labelled field for a text only this window holds: a name, a passphrase, a note.

use egui::{Response, TextEdit, Ui};

use crate::theme::{Type, size, space, tokens};

/// A field with its label above, or with the label only read out.
#[derive(Debug)]
#[must_use = "show it with `show_ui`"]
pub struct Entry<'a> {
    label: &'a str,
    label_shown: bool,
    hint: &'a str,
    rows: usize,
    password: bool,
    secret: bool,
    id: Option<egui::Id>,
}

impl<'a> Entry<'a> {
    /// A field of one line with its label above.
    pub fn new(label: &'a str) -> Self {
        Self {
            label,
            label_shown: true,
            hint: "",
            rows: 1,
            password: false,
            secret: false,
            id: None,
        }
    }

    /// A field whose label is read out, but not shown: the hint says enough.
    pub fn unlabelled(label: &'a str) -> Self {
        Self {
            label_shown: false,
            ..Self::new(label)
        }
    }

    /// What an empty field shows.
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    /// With room for several lines.
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// For a secret: nothing of it can be brought back by undo. With dots for letters if `masked`.
    pub fn secret(mut self, masked: bool) -> Self {
        self.secret = true;
        self.password(masked)
    }

    /// With dots for letters.
    fn password(mut self, password: bool) -> Self {
        self.password = password;
        self
    }

    /// With an id of its own, to give it the focus.
    pub fn id(mut self, id: egui::Id) -> Self {
        self.id = Some(id);
        self
    }

    /// Draws it over the whole width.
    pub fn show_ui(self, ui: &mut Ui, text: &mut String) -> Response {
        if self.label_shown {
            ui.label(Type::Small.text(self.label, tokens(ui).muted));
            ui.add_space(-space::TINY);
        }
        let hint = Type::Body.text(self.hint, tokens(ui).muted);
        let mut edit = if self.rows > 1 {
            TextEdit::multiline(text).desired_rows(self.rows)
        } else {
            TextEdit::singleline(text)
        };
        if let Some(id) = self.id {
            edit = edit.id(id);
        }
        let edit = edit
            .hint_text(hint)
            .password(self.password)
            .font(Type::Body.font())
            .margin(egui::Margin::symmetric(12, 7))
            .align(if self.rows > 1 {
                egui::Align2::LEFT_TOP
            } else {
                egui::Align2::LEFT_CENTER
            })
            .desired_width(f32::INFINITY)
            .min_size(egui::vec2(0.0, size::CONTROL));
        let response = ui.add(edit);
        if self.secret {
            forget_undo(ui, &response);
        }
        name(ui, &response, self.label);
        response
    }
}

/// egui keeps earlier states of a field in clear to undo to; for a secret, none may stay.
fn forget_undo(ui: &Ui, response: &Response) {
    if let Some(mut state) = egui::text_edit::TextEditState::load(ui.ctx(), response.id) {
        state.clear_undoer();
        state.store(ui.ctx(), response.id);
    }
}

/// Gives a widget its accessible name.
pub(super) fn name(ui: &Ui, response: &Response, name: &str) {
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(name));
}
