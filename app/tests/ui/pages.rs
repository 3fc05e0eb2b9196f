//! Every page, empty and full, in every size: nothing is lost, everything has a name, and an idle
//! window draws nothing.

use std::sync::Arc;

use crate::memory::{ADA, MemoryCover, MemoryNotebook, SPEAK_UP, clock};
use cairn::NotebookWindow;
use cairn::command::{Command, Page, listed};
use cairn::notebook::{Change, Notebook};
use cairn::theme;
use cairn::view::{Kind, Role, Standing};
use cairn_words::{Language, Words};
use egui::accesskit;
use egui::{Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

/// Sizes in points: two windows, a phone's width, and 800 × 600 at 200 % text.
const SIZES: [(f32, f32); 4] = [
    (800.0, 600.0),
    (1440.0, 900.0),
    (360.0, 640.0),
    (400.0, 300.0),
];

fn open(
    notebook: &Arc<MemoryNotebook>,
    size: (f32, f32),
    language: Language,
) -> Harness<'static, NotebookWindow> {
    let words = Arc::new(Words::new(language));
    let notebook: Arc<dyn Notebook> = Arc::clone(notebook) as Arc<dyn Notebook>;
    let window = NotebookWindow::opened(words, notebook).with_clock(clock());
    harness(window, size)
}

fn harness(
    window: NotebookWindow,
    (width, height): (f32, f32),
) -> Harness<'static, NotebookWindow> {
    let mut harness = Harness::builder()
        .with_size(Vec2::new(width, height))
        .with_max_steps(12)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, window: &mut NotebookWindow| window.ui(ui), window);
    harness.run();
    harness
}

fn full() -> (Arc<MemoryNotebook>, Harness<'static, NotebookWindow>) {
    let notebook = MemoryNotebook::full();
    let harness = open(&notebook, (1440.0, 900.0), Language::English);
    (notebook, harness)
}

fn go(harness: &mut Harness<'static, NotebookWindow>, command: Command) {
    let ctx = harness.ctx.clone();
    harness.state_mut().execute(&ctx, command);
    harness.run();
}

fn pages() -> Vec<Command> {
    vec![
        Command::Go(Page::Today),
        Command::Go(Page::Goals),
        Command::NewGoal,
        Command::Go(Page::Goal(SPEAK_UP)),
        Command::Go(Page::People),
        Command::Connect,
        Command::Change(Change::OfferPairing),
        Command::Find,
    ]
}

/// No widget reaches beyond the left or right edge of the window: pages scroll down, never across.
fn check_width(harness: &Harness<'_, NotebookWindow>, what: &str) {
    let width = harness.ctx.content_rect().width();
    for node in harness.root().children_recursive() {
        let role = node.accesskit_node().role();
        if role == accesskit::Role::ScrollBar || node.accesskit_node().bounding_box().is_none() {
            continue;
        }
        let rect = node.rect();
        let name = node.accesskit_node().label().unwrap_or_default();
        assert!(
            rect.left() >= -0.5 && rect.right() <= width + 0.5,
            "{what}: {role:?} {name:?} reaches from {} to {} in a window {width} wide",
            rect.left(),
            rect.right()
        );
    }
}

#[test]
fn no_page_is_cut_off_at_any_size() {
    for language in [Language::English, Language::Pseudo] {
        for size in SIZES {
            for full in [true, false] {
                let notebook = if full {
                    MemoryNotebook::full()
                } else {
                    MemoryNotebook::empty(Role::Client, "Bo")
                };
                let mut harness = open(&notebook, size, language);
                for page in pages() {
                    if !full && page == Command::Go(Page::Goal(SPEAK_UP)) {
                        continue;
                    }
                    let what = format!("{page:?} at {size:?}, full: {full}, {language:?}");
                    go(&mut harness, page);
                    check_width(&harness, &what);
                }
            }
        }
    }
}

#[test]
fn the_first_page_is_not_cut_off_either() {
    for language in [Language::English, Language::Pseudo] {
        for size in SIZES {
            for exists in [true, false] {
                let cover = Arc::new(MemoryCover { exists });
                let window =
                    NotebookWindow::new(Arc::new(Words::new(language)), cover).offering_demo();
                let harness = harness(window, size);
                check_width(&harness, &format!("{size:?}, {language:?}"));
            }
        }
    }
}

#[test]
fn long_words_wrap_or_are_cut_with_an_ellipsis() {
    let notebook = MemoryNotebook::full();
    let long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
        .repeat(2);
    notebook.arrive(|view, goals| {
        for goal in goals.iter_mut() {
            goal.line.title.clone_from(&long);
            goal.why.clone_from(&long);
            for step in &mut goal.line.steps {
                step.text.clone_from(&long);
            }
        }
        view.people[0].name.clone_from(&long);
    });
    for size in SIZES {
        let mut harness = open(&notebook, size, Language::English);
        for page in pages() {
            let what = format!("{page:?} at {size:?}");
            go(&mut harness, page);
            check_width(&harness, &what);
        }
    }
}

#[test]
fn an_idle_window_draws_nothing() {
    let (_, mut harness) = full();
    for page in pages() {
        let what = format!("{page:?}");
        go(&mut harness, page);
        if harness.ctx.text_edit_focused() {
            // A blinking caret is drawn on purpose.
            continue;
        }
        assert_eq!(harness.run(), 1, "{what} asks for more frames");
        let delay = harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
        assert_eq!(
            delay,
            std::time::Duration::MAX,
            "{what} asks for a later frame"
        );
    }
}

#[test]
fn something_arriving_wakes_the_window() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let notebook = MemoryNotebook::full();
    let woken = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&woken);
    notebook.on_change(Box::new(move || flag.store(true, Ordering::SeqCst)));
    notebook.arrive(|view, _| view.saved = false);
    assert!(woken.load(Ordering::SeqCst));
}

#[test]
fn a_mood_takes_two_keys() {
    let (notebook, mut harness) = full();
    harness.key_press(Key::Num4);
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    harness.run();
    let expected = Change::AddMood {
        score: 7,
        note: String::new(),
    };
    assert_eq!(notebook.changes(), [expected]);
    harness.get_by_label_contains("fair, today 14:02");
}

#[test]
fn digits_in_words_do_not_change_the_mood() {
    let (notebook, mut harness) = full();
    harness
        .get_by_role_and_label(accesskit::Role::RadioButton, "low")
        .click();
    harness.run();
    let words = harness.get_by_label("A few words about it");
    words.focus();
    harness.run();
    harness
        .get_by_label("A few words about it")
        .type_text("slept 5 hours");
    harness.key_press(Key::Num5);
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    harness.run();
    let expected = Change::AddMood {
        score: 3,
        note: "slept 5 hours".to_owned(),
    };
    assert_eq!(notebook.changes(), [expected]);
}

#[test]
fn a_goal_that_is_due_is_rated_on_today() {
    let (notebook, mut harness) = full();
    let numbers = harness.get_all_by_role_and_label(accesskit::Role::RadioButton, "5 of 10");
    numbers.into_iter().next().unwrap().click();
    harness.run();
    harness
        .get_by_role_and_label(accesskit::Role::Button, "Save rating")
        .click();
    harness.run();
    let changes = notebook.changes();
    assert!(
        matches!(changes.as_slice(), [Change::Rate { goal, score: 5, .. }] if *goal == SPEAK_UP)
    );
}

#[test]
fn a_step_is_ticked_on_today() {
    let (notebook, mut harness) = full();
    let step = "Ask one question in the Monday round";
    harness
        .get_by_role_and_label(accesskit::Role::CheckBox, step)
        .click();
    harness.run();
    let expected = Change::TickStep {
        goal: SPEAK_UP,
        step: "2".to_owned(),
        done: true,
    };
    assert_eq!(notebook.changes(), [expected]);
}

#[test]
fn a_goal_is_added_by_keyboard_alone() {
    let notebook = MemoryNotebook::empty(Role::Client, "Bo");
    let mut harness = open(&notebook, (800.0, 600.0), Language::English);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::N);
    harness.run();
    let words = accesskit::Role::MultilineTextInput;
    harness
        .get_by_role_and_label(words, "In your own words")
        .type_text("Rest without a reason");
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    harness.run();
    let expected = Change::AddGoal {
        title: "Rest without a reason".to_owned(),
        kind: None,
    };
    assert_eq!(notebook.changes(), [expected]);
    // Its page is open.
    harness.get_by_label("The words of this goal");
}

#[test]
fn not_knowing_yet_needs_no_words() {
    let notebook = MemoryNotebook::empty(Role::Client, "Bo");
    let mut harness = open(&notebook, (800.0, 600.0), Language::English);
    go(&mut harness, Command::NewGoal);
    harness.get_by_label("I don't know yet").click();
    harness.run();
    harness.get_by_label("Add this goal").click();
    harness.run();
    let changes = notebook.changes();
    assert!(
        matches!(changes.as_slice(), [Change::AddGoal { kind: Some(Kind::Clarity), title }] if !title.is_empty())
    );
}

#[test]
fn sharing_asks_once_and_says_what_it_means() {
    let (notebook, mut harness) = full();
    let sleep = notebook.view().goals[1].key;
    go(&mut harness, Command::Go(Page::Goal(sleep)));
    harness.get_by_label("Share with Ada…").click();
    harness.run();
    assert!(notebook.changes().is_empty());
    harness.get_by_label_contains("will see everything in this goal");
    harness.get_by_label("Share it").click();
    harness.run();
    assert_eq!(notebook.changes(), [Change::Share(sleep, ADA)]);
}

#[test]
fn a_proposal_is_accepted_as_it_was_shown() {
    let (notebook, mut harness) = full();
    let call = notebook.view().goals[2].key;
    go(&mut harness, Command::Go(Page::Goal(call)));
    harness.get_by_label("Agree to these words").click();
    harness.run();
    let expected = Change::Accept {
        goal: call,
        proposal: "p".to_owned(),
        seen: [3; 32],
    };
    assert_eq!(notebook.changes(), [expected]);
}

#[test]
fn a_goal_is_paused_and_closed() {
    let (notebook, mut harness) = full();
    go(&mut harness, Command::Go(Page::Goal(SPEAK_UP)));
    harness.get_by_label("Pause").click_accesskit();
    harness.run();
    assert_eq!(
        notebook.goal(SPEAK_UP).unwrap().line.standing,
        Standing::Paused
    );
    harness.get_by_label("Close this goal…").click_accesskit();
    harness.run();
    harness.get_by_label("Let go").click_accesskit();
    harness.run();
    assert!(matches!(
        notebook.goal(SPEAK_UP).unwrap().line.standing,
        Standing::Closed(_)
    ));
}

#[test]
fn a_refused_change_says_so_and_can_be_dismissed() {
    let (notebook, mut harness) = full();
    notebook.refuse("the notebook is being copied");
    go(&mut harness, Command::Change(Change::Pause(SPEAK_UP)));
    harness.get_by_label_contains("the notebook is being copied");
    harness.get_by_label("Dismiss").click();
    harness.run();
    assert!(
        harness
            .query_by_label_contains("the notebook is being copied")
            .is_none()
    );
}

#[test]
fn the_palette_finds_a_goal_by_keyboard() {
    let (_, mut harness) = full();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    harness.run();
    let field = harness.get_by_role_and_label(accesskit::Role::TextInput, "Find…");
    field.type_text("goal: call");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    let title = harness
        .get_by_label("The words of this goal")
        .value()
        .unwrap();
    assert!(title.starts_with("Call my sister"), "{title}");
}

#[test]
fn the_palette_closes_by_escape() {
    let (_, mut harness) = full();
    go(&mut harness, Command::Find);
    harness.get_by_role_and_label(accesskit::Role::TextInput, "Find…");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(
        harness
            .query_by_role_and_label(accesskit::Role::TextInput, "Find…")
            .is_none()
    );
}

#[test]
fn every_listed_command_can_be_done() {
    for command in listed() {
        let (_, mut harness) = full();
        go(&mut harness, command);
    }
}

#[test]
fn the_window_says_whose_notebook_is_open() {
    let (_, harness) = full();
    assert_eq!(harness.state().title(), "Bo – Cairn");
    assert_eq!(
        harness.root().accesskit_node().label().as_deref(),
        Some("Bo – Cairn")
    );
}

#[test]
fn a_notebook_is_made_from_the_first_page() {
    let cover = Arc::new(MemoryCover { exists: false });
    let window = NotebookWindow::new(Arc::new(Words::new(Language::English)), cover);
    let mut harness = harness(window, (800.0, 900.0));
    harness.get_by_label("Make my notebook").click();
    harness.run();
    harness.get_by_label("Choose one of the three first.");
    harness.get_by_label("I am a therapist").click();
    harness.run();
    for (label, text) in [
        ("Your name", "Ada"),
        ("Passphrase", "kettle under slow rain"),
        ("The same passphrase again", "kettle under slow rain"),
    ] {
        harness.get_by_role_and_label(role_of(label), label).focus();
        harness.run();
        harness
            .get_by_role_and_label(role_of(label), label)
            .type_text(text);
        harness.run();
    }
    harness.get_by_label("Make my notebook").click();
    wait_for(&mut harness, "Your recovery code");
    harness.get_by_label_contains("K7QF");
    assert!(
        harness
            .get_by_label("Open my notebook")
            .accesskit_node()
            .is_disabled()
    );
    harness.get_by_label("I have written it down").click();
    harness.run();
    harness.get_by_label("Open my notebook").click();
    harness.run();
    assert_eq!(harness.state().title(), "Ada – Cairn");
}

#[test]
fn a_wrong_passphrase_is_told_and_the_right_one_opens() {
    let cover = Arc::new(MemoryCover { exists: true });
    let window = NotebookWindow::new(Arc::new(Words::new(Language::English)), cover);
    let mut harness = harness(window, (800.0, 600.0));
    for (typed, then) in [
        ("wrong", "That passphrase does not open"),
        ("open", "How is it right now?"),
    ] {
        let field = harness.get_by_role_and_label(accesskit::Role::PasswordInput, "Passphrase");
        field.focus();
        harness.run();
        let field = harness.get_by_role_and_label(accesskit::Role::PasswordInput, "Passphrase");
        field.type_text(typed);
        harness.run();
        harness.key_press(Key::Enter);
        wait_for(&mut harness, then);
    }
}

#[test]
fn a_passphrase_cannot_be_brought_back_by_undo_once_locked() {
    let cover = Arc::new(MemoryCover { exists: true });
    let window = NotebookWindow::new(Arc::new(Words::new(Language::English)), cover);
    let mut harness = harness(window, (1000.0, 700.0));
    let field = harness.get_by_role_and_label(accesskit::Role::PasswordInput, "Passphrase");
    field.focus();
    field.type_text("open");
    // Long enough for egui to think of the text as a state worth going back to.
    for _ in 0..150 {
        harness.step();
    }
    harness.key_press(Key::Enter);
    wait_for(&mut harness, "Monday meeting");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::L);
    harness.run();
    let field = harness.get_by_role_and_label(accesskit::Role::PasswordInput, "Passphrase");
    field.focus();
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run();
    let field = harness.get_by_role_and_label(accesskit::Role::PasswordInput, "Passphrase");
    assert_eq!(field.value().unwrap_or_default(), "");
}

#[test]
fn locking_shows_nothing_of_the_notebook() {
    let cover = Arc::new(MemoryCover { exists: true });
    let window = NotebookWindow::new(Arc::new(Words::new(Language::English)), cover);
    let mut harness = harness(window, (1000.0, 700.0));
    let field = harness.get_by_role_and_label(accesskit::Role::PasswordInput, "Passphrase");
    field.type_text("open");
    harness.run();
    harness.key_press(Key::Enter);
    wait_for(&mut harness, "Monday meeting");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::L);
    harness.run();
    harness.get_by_label("Welcome back");
    assert!(harness.query_by_label_contains("Monday meeting").is_none());
    assert_eq!(harness.state().title(), "Cairn");
}

#[test]
fn a_notebook_without_a_cover_offers_no_lock() {
    let (_, mut harness) = full();
    assert!(harness.query_by_label("Lock").is_none());
    go(&mut harness, Command::Lock);
    assert_eq!(harness.state().title(), "Bo – Cairn");
}

fn role_of(label: &str) -> accesskit::Role {
    if label == "Your name" {
        accesskit::Role::TextInput
    } else {
        accesskit::Role::PasswordInput
    }
}

/// Draws frames until the worker has answered and `text` is on the screen.
fn wait_for(harness: &mut Harness<'static, NotebookWindow>, text: &str) {
    for _ in 0..2000 {
        harness.step();
        if harness.query_by_label_contains(text).is_some() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{text:?} does not appear");
}

#[test]
fn a_key_puts_the_caret_into_the_words_of_a_goal() {
    let (notebook, mut harness) = full();
    harness.key_press(Key::F2);
    harness.run();
    assert!(
        !harness.ctx.text_edit_focused(),
        "there are no words on Today"
    );
    go(&mut harness, Command::Go(Page::Goal(SPEAK_UP)));
    harness.key_press(Key::F2);
    harness.run();
    harness.event(egui::Event::Text("!".to_owned()));
    harness.run();
    let title = notebook.goal(SPEAK_UP).unwrap().line.title.clone();
    assert_eq!(title, "Speak up once in the Monday meeting!");
}

#[test]
fn who_came_for_others_sees_them_before_the_own_mood() {
    for (role, others_first) in [(Role::Client, false), (Role::Therapist, true)] {
        let notebook = MemoryNotebook::empty(role, "Bo");
        let harness = open(&notebook, (800.0, 1200.0), Language::English);
        let mood = harness.get_by_label("How is it right now?").rect().top();
        let others = harness.query_by_label("With others");
        let above = others.map(|others| others.rect().top() < mood);
        assert_eq!(above, others_first.then_some(true), "{role:?}");
    }
}

#[test]
fn sharing_is_stopped_at_the_end_of_its_line() {
    let (notebook, mut harness) = full();
    go(&mut harness, Command::Go(Page::People));
    let stop = "Stop sharing Speak up once in the Monday meeting with Ada";
    harness.get_by_label(stop).click();
    harness.run();
    assert!(notebook.changes().is_empty());
    harness.get_by_label_contains("keeps what has already arrived");
    harness
        .get_by_role_and_label(accesskit::Role::Button, "Stop sharing")
        .click();
    harness.run();
    assert_eq!(notebook.changes(), [Change::Unshare(SPEAK_UP, ADA)]);
}
