//! Two people in one text: carets stay with their words, undo takes back only one's own.

use std::sync::Arc;

use crate::memory::{MemoryNotebook, SPEAK_UP, clock};
use cairn::NotebookWindow;
use cairn::command::{Command, Page};
use cairn::edit::Splice;
use cairn::notebook::{GoalField, Notebook};
use cairn::theme;
use cairn_words::{Language, Words};
use egui::{Event, Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

const TITLE: &str = "The words of this goal";

/// A window on the page of one goal, the caret at the end of its words.
struct Desk {
    notebook: Arc<MemoryNotebook>,
    harness: Harness<'static, NotebookWindow>,
}

impl Desk {
    fn new(title: &str) -> Self {
        let notebook = MemoryNotebook::full();
        notebook.arrive(|_, goals| goals[0].line.title = title.to_owned());
        let open: Arc<dyn Notebook> = Arc::clone(&notebook) as Arc<dyn Notebook>;
        let words = Arc::new(Words::new(Language::English));
        let window = NotebookWindow::opened(words, open).with_clock(clock());
        let mut harness = Harness::builder()
            .with_size(Vec2::new(1000.0, 800.0))
            .with_max_steps(12)
            .allow_missing_glyphs()
            .with_context_setup(theme::install)
            .build_ui_state(|ui, window: &mut NotebookWindow| window.ui(ui), window);
        let ctx = harness.ctx.clone();
        harness
            .state_mut()
            .execute(&ctx, Command::Go(Page::Goal(SPEAK_UP)));
        harness.run();
        harness.get_by_label(TITLE).focus();
        harness.run();
        harness.key_press_modifiers(Modifiers::COMMAND, Key::End);
        harness.run();
        Self { notebook, harness }
    }

    fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.harness.event(Event::Text(letter.to_string()));
            self.harness.run();
        }
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run();
    }

    fn remote(&mut self, position: usize, delete: usize, insert: &str) {
        let splice = Splice {
            position,
            delete,
            insert: insert.to_owned(),
        };
        self.notebook
            .remote_edit(SPEAK_UP, GoalField::Title, &splice);
        self.harness.run();
    }

    /// The document and the screen say the same: this.
    #[track_caller]
    fn check(&self, text: &str) {
        let document = self.notebook.goal(SPEAK_UP).unwrap().line.title.clone();
        assert_eq!(document, text);
        let shown = self.harness.get_by_label(TITLE).value();
        assert_eq!(shown.as_deref(), Some(text));
    }
}

#[test]
fn typing_becomes_splices_of_the_document() {
    let mut desk = Desk::new("Walk");
    desk.type_text(" daily");
    desk.check("Walk daily");
    desk.press(Modifiers::NONE, Key::Backspace);
    desk.check("Walk dail");
    assert_eq!(desk.notebook.changes().len(), 7);
}

#[test]
fn a_remote_insert_before_the_caret_moves_it() {
    let mut desk = Desk::new("Walk");
    desk.type_text(" da");
    desk.remote(0, 0, "Please: ");
    desk.type_text("ily");
    desk.check("Please: Walk daily");
}

#[test]
fn a_remote_insert_behind_the_caret_leaves_it() {
    let mut desk = Desk::new("Walk");
    desk.press(Modifiers::COMMAND, Key::Home);
    desk.remote(4, 0, " home");
    desk.type_text("I ");
    desk.check("I Walk home");
}

#[test]
fn a_remote_insert_moves_the_selection() {
    let mut desk = Desk::new("Walk home");
    for _ in 0..4 {
        desk.press(Modifiers::SHIFT, Key::ArrowLeft);
    }
    desk.remote(0, 0, "Just ");
    desk.type_text("far");
    desk.check("Just Walk far");
}

#[test]
fn undo_keeps_the_other_persons_words() {
    let mut desk = Desk::new("Walk");
    desk.type_text("ing");
    desk.remote(5, 0, "[up]");
    desk.check("Walki[up]ng");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.check("Walk[up]");
    desk.press(Modifiers::COMMAND, Key::Y);
    desk.check("Walki[up]ng");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    desk.check("Walki[up]ng");
}

#[test]
fn keys_of_one_slow_frame_count_in_their_order() {
    let mut desk = Desk::new("Walk");
    let undo = Event::Key {
        key: Key::Z,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::COMMAND,
    };
    let text = |text: &str| Event::Text(text.to_owned());
    // Two words, both taken back, and another one.
    let events = [
        text("i"),
        text(" "),
        text("n"),
        undo.clone(),
        undo,
        text("er"),
    ];
    desk.harness.input_mut().events.extend(events);
    desk.harness.run();
    desk.check("Walker");
}

#[test]
fn undo_never_takes_back_what_was_there() {
    let mut desk = Desk::new("Walk");
    desk.remote(4, 0, " home");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.check("Walk home");
    assert!(desk.notebook.changes().is_empty());
}

#[test]
fn after_undo_the_caret_is_where_the_words_were() {
    let mut desk = Desk::new("one two");
    desk.press(Modifiers::COMMAND, Key::Home);
    desk.type_text("zero ");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.type_text("0 ");
    desk.check("0 one two");
}

#[test]
fn emoji_and_combining_marks_keep_positions_right() {
    let mut desk = Desk::new("👩‍🌾 e\u{301}");
    desk.type_text("x");
    desk.remote(0, 0, "🙂 ");
    desk.type_text("y");
    desk.check("🙂 👩‍🌾 e\u{301}xy");
    // Two steps: more than a second passed between the two letters.
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.check("🙂 👩‍🌾 e\u{301}");
}

#[test]
fn a_pasted_line_break_does_not_break_the_words_of_a_goal() {
    let mut desk = Desk::new("Walk");
    desk.harness
        .event(Event::Paste(" far\nand wide".to_owned()));
    desk.harness.run();
    desk.check("Walk far and wide");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.check("Walk far and wide");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.check("Walk");
}

#[test]
fn a_screen_reader_can_set_the_whole_text() {
    let mut desk = Desk::new("Walk");
    desk.harness
        .get_by_label(TITLE)
        .set_text_value_accesskit("Run");
    desk.harness.run();
    desk.check("Run");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.check("Walk");
}
