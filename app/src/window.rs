//! One window onto one notebook: which page is shown, and the one executor of commands.

use std::sync::Arc;
use std::sync::mpsc;

use cairn_words::{Words, text_id};
use egui::{CentralPanel, Frame, ThemePreference, Ui, ViewportCommand};
use zeroize::Zeroizing;

use crate::chrome::{Bar, bar_ui, brand_ui, column_ui};
use crate::command::{Command, Page, pressed};
use crate::notebook::{Change, Cover, NewNotebook, Notebook, Refusal};
use crate::pages::{
    Asked, Desk, GoalState, GoalsState, PeopleState, RecoveryState, TodayState, UnlockState,
    WelcomeState, goal_ui, goals_ui, people_ui, recovery_ui, today_ui, unlock_ui, welcome_ui,
};
use crate::palette::{Palette, Picked};
use crate::theme::{Type, size, space, tokens};
use crate::view::NotebookView;
use crate::when::Clock;
use crate::widgets::{Button, Icon};

/// One step of "larger text".
const ZOOM_STEP: f32 = 0.125;
/// Text is never smaller than this.
const ZOOM_MIN: f32 = 0.75;
/// Text is never larger than this.
const ZOOM_MAX: f32 = 3.0;
/// Notices kept at once; older ones go.
const NOTICES_MAX: usize = 3;

/// What a worker thread comes back with.
enum Answer {
    Created(Result<(Arc<dyn Notebook>, Zeroizing<String>), Refusal>),
    Opened(Result<Option<Arc<dyn Notebook>>, Refusal>),
}

/// Where the window is with its notebook.
enum Stage {
    Welcome(WelcomeState),
    Unlock(UnlockState),
    Working {
        back: Box<Stage>,
        answer: mpsc::Receiver<Answer>,
        creating: bool,
    },
    Recovery(RecoveryState, Arc<dyn Notebook>),
    Open(Box<Desktop>),
}

/// An open notebook and the local state of its pages.
struct Desktop {
    notebook: Arc<dyn Notebook>,
    /// Whether the notebook knows which window to wake.
    wakes: bool,
    page: Page,
    today: TodayState,
    goals: GoalsState,
    goal: Option<GoalState>,
    people: PeopleState,
    palette: Option<Palette>,
}

impl Desktop {
    fn new(notebook: Arc<dyn Notebook>) -> Self {
        Self {
            notebook,
            wakes: false,
            page: Page::Today,
            today: TodayState::default(),
            goals: GoalsState::default(),
            goal: None,
            people: PeopleState::default(),
            palette: None,
        }
    }
}

/// A window onto one notebook.
pub struct NotebookWindow {
    words: Arc<Words>,
    /// Where the notebook lies; `None` when it cannot be locked.
    cover: Option<Arc<dyn Cover>>,
    stage: Stage,
    notices: Vec<String>,
    title: String,
    clock: Option<Clock>,
    offers_demo: bool,
    demo_wanted: bool,
}

impl std::fmt::Debug for NotebookWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = match &self.stage {
            Stage::Welcome(_) => "welcome",
            Stage::Unlock(_) => "unlock",
            Stage::Working { .. } => "working",
            Stage::Recovery(..) => "recovery",
            Stage::Open(_) => "open",
        };
        f.debug_struct("NotebookWindow")
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}

impl NotebookWindow {
    /// A window onto the notebook behind `cover`, which it offers to make or to open.
    pub fn new(words: Arc<Words>, cover: Arc<dyn Cover>) -> Self {
        let stage = closed(cover.as_ref());
        Self::at(words, Some(cover), stage)
    }

    /// A window onto a notebook that is open already and cannot be locked: it has no cover.
    pub fn opened(words: Arc<Words>, notebook: Arc<dyn Notebook>) -> Self {
        Self::at(words, None, Stage::Open(Box::new(Desktop::new(notebook))))
    }

    fn at(words: Arc<Words>, cover: Option<Arc<dyn Cover>>, stage: Stage) -> Self {
        Self {
            words,
            cover,
            stage,
            notices: Vec::new(),
            title: String::new(),
            clock: None,
            offers_demo: false,
            demo_wanted: false,
        }
    }

    /// Offers a demo on the first page.
    pub fn offering_demo(mut self) -> Self {
        self.offers_demo = true;
        self
    }

    /// With a clock that stands still, for tests and pictures.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Whether the person asked for a demo since the last call.
    pub fn take_demo_wanted(&mut self) -> bool {
        std::mem::take(&mut self.demo_wanted)
    }

    /// What the window is called: whose notebook is open in it.
    pub fn title(&self) -> String {
        match &self.stage {
            Stage::Open(desktop) => {
                let name = desktop.notebook.view().name.clone();
                self.words
                    .format(text_id!("app-window-title"), &[("name", name.into())])
            }
            _ => self.words.text(text_id!("app-name")).into_owned(),
        }
    }

    /// Ends the work of the open notebook after everything is stored.
    pub fn close(&self) {
        match &self.stage {
            Stage::Open(desktop) => desktop.notebook.close(),
            Stage::Recovery(_, notebook) => notebook.close(),
            _ => {}
        }
    }

    /// Draws the window and does what the person asked for.
    pub fn ui(&mut self, ui: &mut Ui) {
        // Windows of one process share egui's memory: carets and scroll positions are kept apart.
        let window = ui.ctx().viewport_id();
        ui.push_id(window, |ui| self.window_ui(ui));
    }

    fn window_ui(&mut self, ui: &mut Ui) {
        self.take_answer();
        self.say_title(ui);
        let words = Arc::clone(&self.words);
        let clock = self.clock.clone().unwrap_or_else(Clock::system);
        let mut commands = match &self.stage {
            Stage::Open(_) => pressed(ui.ctx()),
            _ => Vec::new(),
        };
        let asked = match &mut self.stage {
            Stage::Open(desktop) => {
                if !std::mem::replace(&mut desktop.wakes, true) {
                    desktop.notebook.on_change(waker(ui.ctx()));
                }
                let lockable = self.cover.is_some();
                let notices = &mut self.notices;
                open_ui(
                    ui,
                    desktop,
                    (&words, &clock, lockable),
                    notices,
                    &mut commands,
                );
                None
            }
            closed => closed_ui(ui, closed, &words, self.offers_demo),
        };
        if let Some(asked) = asked {
            self.answer(ui.ctx(), asked);
        }
        for command in commands {
            self.execute(ui.ctx(), command);
        }
    }

    /// The one place where commands are done.
    pub fn execute(&mut self, ctx: &egui::Context, command: Command) {
        ctx.request_repaint();
        let zoom = ctx.zoom_factor();
        match command {
            Command::Colours(preference) => choose_colours(ctx, preference),
            Command::TextLarger => ctx.set_zoom_factor((zoom + ZOOM_STEP).min(ZOOM_MAX)),
            Command::TextSmaller => ctx.set_zoom_factor((zoom - ZOOM_STEP).max(ZOOM_MIN)),
            Command::TextUsual => ctx.set_zoom_factor(1.0),
            Command::Copy(text) => ctx.copy_text(text),
            Command::Demo => self.demo_wanted = true,
            Command::Lock => self.lock(),
            Command::Change(change) => self.change(change),
            Command::Go(page) => self.go(page),
            Command::NewGoal => {
                self.go(Page::Goals);
                if let Stage::Open(desktop) = &mut self.stage {
                    desktop.goals.start_goal();
                }
            }
            Command::EditWords => {
                if let Stage::Open(desktop) = &mut self.stage
                    && let Some(goal) = &mut desktop.goal
                    && desktop.page == Page::Goal(goal.goal())
                {
                    goal.edit_words();
                }
            }
            Command::Connect => {
                self.go(Page::People);
                if let Stage::Open(desktop) = &mut self.stage {
                    desktop.people.start_connecting();
                }
            }
            Command::Find => {
                if let Stage::Open(desktop) = &mut self.stage {
                    desktop.palette = match desktop.palette {
                        None => Some(Palette::default()),
                        Some(_) => None,
                    };
                }
            }
        }
    }

    fn lock(&mut self) {
        let Some(cover) = &self.cover else {
            return;
        };
        self.close();
        self.notices.clear();
        self.stage = closed(cover.as_ref());
    }

    fn go(&mut self, page: Page) {
        if let Stage::Open(desktop) = &mut self.stage {
            desktop.page = page;
            desktop.palette = None;
        }
    }

    fn change(&mut self, change: Change) {
        let Stage::Open(desktop) = &mut self.stage else {
            return;
        };
        match desktop.notebook.change(change) {
            Ok(Some(goal)) => self.go(Page::Goal(goal)),
            Ok(None) => {}
            Err(Refusal(reason)) => {
                let id = text_id!("app-something-refused");
                self.notices
                    .push(self.words.format(id, &[("reason", reason.into())]));
                if self.notices.len() > NOTICES_MAX {
                    self.notices.remove(0);
                }
            }
        }
    }

    /// Does what the pages before the notebook ask for.
    fn answer(&mut self, ctx: &egui::Context, asked: Asked) {
        match asked {
            Asked::Create(new) => self.create(ctx, new),
            Asked::Open(passphrase) => self.open(ctx, passphrase),
            Asked::Demo => self.execute(ctx, Command::Demo),
            Asked::CopyCode => {
                if let Stage::Recovery(state, _) = &self.stage {
                    let code = state.code().to_owned();
                    self.execute(ctx, Command::Copy(code));
                }
            }
            Asked::Continue => {
                if let Stage::Recovery(_, notebook) = &self.stage {
                    let notebook = Arc::clone(notebook);
                    self.stage = Stage::Open(Box::new(Desktop::new(notebook)));
                    ctx.request_repaint();
                }
            }
        }
    }

    fn create(&mut self, ctx: &egui::Context, new: NewNotebook) {
        self.work(ctx, true, move |cover| Answer::Created(cover.create(new)));
    }

    fn open(&mut self, ctx: &egui::Context, passphrase: Zeroizing<String>) {
        self.work(ctx, false, move |cover| {
            Answer::Opened(cover.open(passphrase))
        });
    }

    /// Runs `job` on a thread of its own; its answer is taken in a later frame.
    fn work(
        &mut self,
        ctx: &egui::Context,
        creating: bool,
        job: impl FnOnce(&dyn Cover) -> Answer + Send + 'static,
    ) {
        let Some(cover) = self.cover.clone() else {
            return;
        };
        let (sender, answer) = mpsc::sync_channel(1);
        let wake = waker(ctx);
        let started = std::thread::Builder::new()
            .name("cover".to_owned())
            .spawn(move || {
                if sender.send(job(cover.as_ref())).is_ok() {
                    wake();
                }
            });
        if let Err(error) = started {
            tracing::error!(%error, "no thread to open the notebook on");
            return;
        }
        let back = Box::new(std::mem::replace(
            &mut self.stage,
            Stage::Unlock(UnlockState::default()),
        ));
        self.stage = Stage::Working {
            back,
            answer,
            creating,
        };
    }

    /// Takes what a worker came back with, if it has.
    fn take_answer(&mut self) {
        let Stage::Working { answer, .. } = &self.stage else {
            return;
        };
        let answer = match answer.try_recv() {
            Ok(answer) => Some(answer),
            Err(mpsc::TryRecvError::Empty) => return,
            Err(mpsc::TryRecvError::Disconnected) => None,
        };
        let before = std::mem::replace(&mut self.stage, Stage::Unlock(UnlockState::default()));
        let Stage::Working { back, .. } = before else {
            return;
        };
        self.stage = match (answer, *back) {
            (Some(Answer::Created(Ok((notebook, code)))), _) => {
                Stage::Recovery(RecoveryState::new(code), notebook)
            }
            (Some(Answer::Opened(Ok(Some(notebook)))), _) => {
                Stage::Open(Box::new(Desktop::new(notebook)))
            }
            (Some(Answer::Created(Err(refusal))), Stage::Welcome(mut state)) => {
                state.refused = Some(refusal.0);
                Stage::Welcome(state)
            }
            (Some(Answer::Opened(Ok(None))), Stage::Unlock(mut state)) => {
                (state.wrong, state.refused) = (true, None);
                Stage::Unlock(state)
            }
            (Some(Answer::Opened(Err(refusal))), Stage::Unlock(mut state)) => {
                (state.wrong, state.refused) = (false, Some(refusal.0));
                Stage::Unlock(state)
            }
            (_, back) => back,
        };
    }

    /// Says in the window's title and accessible name whose notebook is open.
    fn say_title(&mut self, ui: &Ui) {
        let title = self.title();
        ui.ctx()
            .accesskit_node_builder(egui::accesskit_root_id(), |node| {
                node.set_label(title.as_str())
            });
        if title != self.title {
            ui.ctx()
                .send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }
}

/// The stage of a notebook that is not open.
fn closed(cover: &dyn Cover) -> Stage {
    if cover.exists() {
        Stage::Unlock(UnlockState::default())
    } else {
        Stage::Welcome(WelcomeState::default())
    }
}

/// Wakes the window that `ctx` draws now, from any thread.
fn waker(ctx: &egui::Context) -> Box<dyn Fn() + Send + Sync> {
    let (ctx, viewport) = (ctx.clone(), ctx.viewport_id());
    Box::new(move || ctx.request_repaint_of(viewport))
}

fn choose_colours(ctx: &egui::Context, preference: ThemePreference) {
    ctx.set_theme(preference);
}

/// The pages before the notebook is open, in a column to read.
fn closed_ui(ui: &mut Ui, stage: &mut Stage, words: &Words, offers_demo: bool) -> Option<Asked> {
    let frame = Frame::new().fill(tokens(ui).paper);
    let show = |ui: &mut Ui| {
        column_ui(ui, "closed", size::READING, |ui| {
            brand_ui(ui, &words.text(text_id!("app-name")));
            ui.add_space(space::LARGE);
            match stage {
                Stage::Welcome(state) => welcome_ui(ui, words, state, offers_demo),
                Stage::Unlock(state) => unlock_ui(ui, words, state),
                Stage::Recovery(state, _) => recovery_ui(ui, words, state),
                Stage::Working { creating, .. } => {
                    working_ui(ui, words, *creating);
                    None
                }
                Stage::Open(_) => None,
            }
        })
    };
    CentralPanel::no_frame().frame(frame).show(ui, show).inner
}

fn working_ui(ui: &mut Ui, words: &Words, creating: bool) {
    let id = if creating {
        text_id!("welcome-working")
    } else {
        text_id!("welcome-unlock-working")
    };
    ui.horizontal(|ui| {
        ui.add(egui::Spinner::new().color(tokens(ui).accent));
        ui.label(Type::Body.text(words.text(id), tokens(ui).ink));
    });
    let hint = words.text(text_id!("welcome-working-hint"));
    ui.label(Type::Small.text(hint, tokens(ui).muted));
}

/// The open notebook: bar, notices, page, palette.
fn open_ui(
    ui: &mut Ui,
    desktop: &mut Desktop,
    (words, clock, lockable): (&Words, &Clock, bool),
    notices: &mut Vec<String>,
    commands: &mut Vec<Command>,
) {
    let view = desktop.notebook.view();
    let page = desktop.page;
    bar_ui(
        ui,
        &Bar {
            words,
            view: &view,
            clock,
            page,
            lockable,
        },
        commands,
    );
    let frame = Frame::new().fill(tokens(ui).paper);
    CentralPanel::no_frame().frame(frame).show(ui, |ui| {
        let salt = format!("{page:?}");
        column_ui(ui, &salt, size::CONTENT, |ui| {
            notices_ui(ui, words, &view, notices);
            let mut desk = Desk {
                words,
                view: &view,
                clock,
                commands,
            };
            page_ui(ui, &mut desk, desktop);
        });
    });
    if let Some(palette) = &mut desktop.palette {
        let offered = |command: &Command| command.is_offered(page, lockable);
        match palette.show_ui(ui, words, &view, offered) {
            Picked::Nothing => {}
            Picked::Closed => desktop.palette = None,
            Picked::Command(command) => {
                desktop.palette = None;
                commands.push(command);
            }
        }
    }
}

fn page_ui(ui: &mut Ui, desk: &mut Desk<'_>, desktop: &mut Desktop) {
    match desktop.page {
        Page::Today => today_ui(ui, desk, &mut desktop.today),
        Page::Goals => goals_ui(ui, desk, &mut desktop.goals),
        Page::People => people_ui(ui, desk, &mut desktop.people),
        Page::Goal(key) => {
            let Some(view) = desktop.notebook.goal(key) else {
                desk.ask(Command::Go(Page::Goals));
                return;
            };
            let state = match &mut desktop.goal {
                Some(state) if state.goal() == key => state,
                other => other.insert(GoalState::new(key)),
            };
            goal_ui(ui, desk, state, &view);
        }
    }
}

/// What went wrong, above the page until it is dismissed.
fn notices_ui(ui: &mut Ui, words: &Words, view: &NotebookView, notices: &mut Vec<String>) {
    if view.store_stopped_millis.is_some() {
        notice_ui(ui, &words.text(text_id!("app-store-stopped-body")), None);
    }
    let dismiss = words.text(text_id!("app-dismiss"));
    let mut gone = None;
    for (at, notice) in notices.iter().enumerate() {
        if notice_ui(ui, notice, Some(&dismiss)) {
            gone = Some(at);
        }
    }
    if let Some(gone) = gone {
        notices.remove(gone);
    }
}

fn notice_ui(ui: &mut Ui, text: &str, dismiss: Option<&str>) -> bool {
    let tokens = tokens(ui);
    let frame = Frame::new()
        .fill(tokens.warm_soft)
        .corner_radius(size::RADIUS)
        .inner_margin(egui::Margin::symmetric(12, 8));
    let shown = frame.show(ui, |ui| {
        let width = ui.available_width();
        ui.horizontal_top(|ui| {
            let room = if dismiss.is_some() {
                size::CONTROL + space::SMALL
            } else {
                0.0
            };
            ui.allocate_ui(egui::vec2(width - room, 0.0), |ui| {
                ui.set_width(width - room);
                let response = ui.label(Type::Body.text(text, tokens.warm));
                ui.ctx().accesskit_node_builder(response.id, |node| {
                    node.set_role(egui::accesskit::Role::Alert);
                    node.set_label(text);
                    node.clear_value();
                });
            });
            dismiss.is_some_and(|name| Button::icon(Icon::Close, name).show_ui(ui).clicked())
        })
        .inner
    });
    ui.add_space(space::SMALL);
    shown.inner
}
