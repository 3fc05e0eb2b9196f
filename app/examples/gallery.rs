//! Shows one page of a made-up notebook, for pictures and for looking at the design.
//!
//! `cargo run -p cairn --example gallery -- PAGE [light|dark] [WIDTH HEIGHT] [TEXT%] [still]` with
//! PAGE one of welcome, unlock, today, therapist, goals, goal, people, pair, code, palette,
//! and empty-today, empty-therapist, empty-goals, empty-people, new-goal. With `still` it takes no
//! notice of the pointer and prints "drawn" once the page is on the screen.

#[path = "../tests/ui/memory.rs"]
#[expect(dead_code, reason = "pictures need less of it than tests")]
#[expect(clippy::unwrap_used, reason = "a development tool ends where it fails")]
mod memory;

use std::sync::Arc;

use cairn::NotebookWindow;
use cairn::app::App;
use cairn::command::{Command, Page};
use cairn::notebook::{Change, Notebook};
use cairn::view::{Agreement, Author, Role};
use cairn_words::{Language, Words};
use memory::{MemoryCover, MemoryNotebook, SPEAK_UP, clock};

fn main() -> eframe::Result {
    let mut arguments = std::env::args().skip(1);
    let page = arguments.next().unwrap_or_else(|| "today".to_owned());
    let dark = arguments.next().as_deref() == Some("dark");
    let mut number = |default: f32| {
        arguments
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let size = egui::vec2(number(1040.0), number(760.0));
    let zoom = number(100.0) / 100.0;
    let still = arguments.next().as_deref() == Some("still");
    let options = eframe::NativeOptions {
        viewport: cairn::app::window().with_inner_size(size),
        renderer: eframe::Renderer::Glow,
        ..eframe::NativeOptions::default()
    };
    eframe::run_native(
        "Cairn",
        options,
        Box::new(move |creation| {
            let ctx = &creation.egui_ctx;
            let mut window = window(&page);
            let app_window = {
                for command in commands(&page) {
                    window.execute(ctx, command);
                }
                window
            };
            let theme = if dark {
                egui::ThemePreference::Dark
            } else {
                egui::ThemePreference::Light
            };
            let app = App::new(ctx, app_window);
            ctx.set_theme(theme);
            ctx.set_zoom_factor(zoom);
            Ok(Box::new(Picture {
                app,
                frames_left: still.then_some(FRAMES),
                still,
            }))
        }),
    )
}

/// Frames after which a page is on the screen for sure: the first ones measure and load fonts.
const FRAMES: u32 = 6;

#[expect(
    clippy::print_stdout,
    reason = "whoever takes the picture waits for it"
)]
fn say_drawn() {
    println!("drawn");
}

/// The program, with a word when its page is drawn.
struct Picture {
    app: App,
    frames_left: Option<u32>,
    still: bool,
}

impl eframe::App for Picture {
    fn raw_input_hook(&mut self, _ctx: &egui::Context, raw_input: &mut egui::RawInput) {
        let pointer = |event: &egui::Event| matches!(event, egui::Event::PointerMoved(_));
        raw_input
            .events
            .retain(|event| !self.still || !pointer(event));
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
        match self.frames_left {
            Some(0) => {
                self.frames_left = None;
                say_drawn();
            }
            Some(left) => {
                self.frames_left = Some(left - 1);
                ui.ctx().request_repaint();
            }
            None => {}
        }
    }
}

fn window(page: &str) -> NotebookWindow {
    let words = Arc::new(Words::new(Language::English));
    if matches!(page, "welcome" | "unlock") {
        let cover = Arc::new(MemoryCover {
            exists: page == "unlock",
        });
        return NotebookWindow::new(words, cover).offering_demo();
    }
    let notebook: Arc<dyn Notebook> = match page {
        "therapist" => as_therapist(),
        "empty-therapist" => MemoryNotebook::empty(Role::Therapist, "Ada"),
        _ if page.starts_with("empty") => MemoryNotebook::empty(Role::Client, "Bo"),
        _ => MemoryNotebook::full(),
    };
    NotebookWindow::opened(words, notebook).with_clock(clock())
}

/// The same notebook as the other person has it.
fn as_therapist() -> Arc<MemoryNotebook> {
    let notebook = MemoryNotebook::full();
    notebook.arrive(|view, goals| {
        (view.role, view.name) = (Role::Therapist, "Ada".to_owned());
        view.people[0].name = "Bo".to_owned();
        view.moods = Arc::default();
        goals.retain(|goal| !goal.grants.is_empty());
        for goal in goals {
            goal.may_share = false;
            goal.line.owner = Author::Other("Bo".to_owned());
            goal.line.last_rating = None;
            if let Agreement::ProposedByOther { by, .. } = &mut goal.line.agreement {
                *by = "Bo".to_owned();
            }
            for step in &mut goal.line.steps {
                step.by = match step.by {
                    Author::Me => Author::Other("Bo".to_owned()),
                    _ => Author::Me,
                };
            }
            goal.line.marks.seen_by = vec!["Bo".to_owned()];
            goal.line.marks.delivered_to = vec!["Bo".to_owned()];
        }
    });
    notebook
}

fn commands(page: &str) -> Vec<Command> {
    match page {
        "goals" | "empty-goals" => vec![Command::Go(Page::Goals)],
        "new-goal" => vec![Command::NewGoal],
        "goal" => vec![Command::Go(Page::Goal(SPEAK_UP))],
        "people" | "empty-people" => vec![Command::Go(Page::People)],
        "pair" => vec![Command::Connect],
        "code" => vec![
            Command::Change(Change::OfferPairing),
            Command::Go(Page::People),
        ],
        "palette" => vec![Command::Find],
        "filled" => vec![Command::Change(Change::AddGoal {
            title: "Rest without a reason".to_owned(),
            kind: None,
        })],
        _ => Vec::new(),
    }
}
