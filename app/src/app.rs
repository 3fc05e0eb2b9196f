//! The frame: one window, or two for a demo, each onto its own notebook.
//!
//! Role: two notebooks run in one process as two viewports, so that closing the first closes both
//! and nothing is left behind. The second is deferred: it is drawn only when it changes.

use std::sync::Arc;

use egui::mutex::Mutex;
use egui::{Pos2, Ui, Vec2, ViewportBuilder, ViewportClass, ViewportId};

use crate::theme;
use crate::window::NotebookWindow;

/// The name under which desktops know the program.
const APP_ID: &str = "cairn";

/// The program with its windows.
pub struct App {
    first: NotebookWindow,
    second: Option<Arc<Mutex<NotebookWindow>>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("first", &self.first)
            .field("windows", &(1 + u8::from(self.second.is_some())))
            .finish()
    }
}

impl App {
    /// The program with one window.
    pub fn new(ctx: &egui::Context, window: NotebookWindow) -> Self {
        theme::install(ctx);
        Self {
            first: window,
            second: None,
        }
    }

    /// With a second window beside the first.
    pub fn with_second(mut self, window: NotebookWindow) -> Self {
        self.second = Some(Arc::new(Mutex::new(window)));
        self
    }
}

/// How a single window starts.
pub fn window() -> ViewportBuilder {
    ViewportBuilder::default()
        .with_app_id(APP_ID)
        .with_inner_size(Vec2::new(1040.0, 760.0))
        .with_min_inner_size(Vec2::new(360.0, 420.0))
}

/// How the first (0) and second (1) of two windows side by side start.
pub fn one_of_two(at: u8) -> ViewportBuilder {
    let size = Vec2::new(700.0, 820.0);
    let left = f32::from(at) * (size.x + theme::space::LARGE);
    window()
        .with_inner_size(size)
        .with_position(Pos2::new(left, 0.0))
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.first.ui(ui);
        if self.first.take_demo_wanted() {
            start_demo();
        }
        let Some(second) = &self.second else {
            return;
        };
        let window = Arc::clone(second);
        let title = window.lock().title();
        let builder = one_of_two(1).with_title(title);
        let id = ViewportId::from_hash_of("second");
        let draw = move |ui: &mut Ui, _class: ViewportClass| window.lock().ui(ui);
        ui.ctx().show_viewport_deferred(id, builder, draw);
        if ui.ctx().input(|input| {
            let second = input.raw.viewports.get(&id);
            second.is_some_and(egui::ViewportInfo::close_requested)
        }) {
            second.lock().close();
            self.second = None;
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.first.close();
        if let Some(second) = &self.second {
            second.lock().close();
        }
    }
}

/// Starts this program once more, with two made-up notebooks.
fn start_demo() {
    let started = std::env::current_exe()
        .and_then(|program| std::process::Command::new(program).arg("--demo").spawn());
    if let Err(error) = started {
        tracing::warn!(%error, "the demo did not start");
    }
}
