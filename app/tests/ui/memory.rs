//! A notebook that lives in memory, and made-up people to fill it with.

use std::sync::{Arc, Mutex};

use cairn::edit::Splice;
use cairn::notebook::{Change, Cover, GoalField, NewNotebook, Notebook, Refusal};
use cairn::view::{
    Agreement, Author, Event, GoalKey, GoalLine, GoalView, Grant, HistoryLine, Kind, Marks,
    MoodEntry, NotebookView, Outcome, Pairing, Person, PersonKey, Rating, Role, SharedLine,
    Standing, Step, Wording,
};
use cairn::when::Clock;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

/// Tuesday 24 November 2026, 14:02 UTC.
pub(crate) const NOW: i64 = 1_795_528_920_000;
/// One day in milliseconds.
pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;
/// The person every full notebook is shared with.
pub(crate) const ADA: PersonKey = PersonKey([1; 32]);

/// A clock that stands still.
pub(crate) fn clock() -> Clock {
    Clock::at(NOW, TimeZone::UTC)
}

/// A notebook in memory that does what a vault would.
pub(crate) struct MemoryNotebook {
    state: Mutex<State>,
}

struct State {
    view: NotebookView,
    goals: Vec<GoalView>,
    refuse: Option<String>,
    changes: Vec<Change>,
    wake: Vec<Box<dyn Fn() + Send + Sync>>,
}

impl MemoryNotebook {
    /// An empty notebook.
    pub(crate) fn empty(role: Role, name: &str) -> Arc<Self> {
        Self::with(empty_view(role, name), Vec::new())
    }

    fn with(view: NotebookView, goals: Vec<GoalView>) -> Arc<Self> {
        let state = State {
            view,
            goals,
            refuse: None,
            changes: Vec::new(),
            wake: Vec::new(),
        };
        let notebook = Self {
            state: Mutex::new(state),
        };
        notebook.settle();
        Arc::new(notebook)
    }

    /// A notebook with goals, people and history.
    pub(crate) fn full() -> Arc<Self> {
        let mut view = empty_view(Role::Client, "Bo");
        view.people = vec![
            person(ADA, "Ada", Role::Therapist, true),
            person(
                PersonKey([2; 32]),
                "Grandmother Wilhelmina",
                Role::Supporter,
                false,
            ),
        ];
        view.moods = Arc::new(vec![
            mood(7, "slept through, first time this week", NOW - DAY / 12),
            mood(3, "", NOW - DAY / 4),
            mood(5, "long call with the office", NOW - DAY),
        ]);
        Self::with(view, goals())
    }

    /// The changes that were asked for.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.state.lock().unwrap().changes.clone()
    }

    /// Refuses everything from now on.
    pub(crate) fn refuse(&self, reason: &str) {
        self.state.lock().unwrap().refuse = Some(reason.to_owned());
    }

    /// Changes the view as something arriving would.
    pub(crate) fn arrive(&self, change: impl FnOnce(&mut NotebookView, &mut Vec<GoalView>)) {
        let mut state = self.state.lock().unwrap();
        let State { view, goals, .. } = &mut *state;
        change(view, goals);
        drop(state);
        self.settle();
        for wake in &self.state.lock().unwrap().wake {
            wake();
        }
    }

    /// Edits a text as someone else would.
    pub(crate) fn remote_edit(&self, goal: GoalKey, field: GoalField, splice: &Splice) {
        self.arrive(|_, goals| {
            let goal = goals.iter_mut().find(|view| view.line.key == goal).unwrap();
            splice.apply(text_of(goal, field));
        });
    }

    /// Brings lists that follow from the goals up to date.
    fn settle(&self) {
        let mut state = self.state.lock().unwrap();
        let names = |view: &NotebookView, person: PersonKey| {
            let known = view.people.iter().find(|known| known.key == person);
            known.map_or_else(String::new, |known| known.name.clone())
        };
        let State { view, goals, .. } = &mut *state;
        for goal in goals.iter_mut() {
            for grant in &mut goal.grants {
                grant.name = names(view, grant.person);
            }
            if goal.may_share {
                goal.line.marks.seen_by =
                    goal.grants.iter().map(|grant| grant.name.clone()).collect();
            }
        }
        view.goals = Arc::new(goals.iter().map(|goal| goal.line.clone()).collect());
        view.shared = goals
            .iter()
            .flat_map(|goal| {
                goal.grants.iter().map(|grant| SharedLine {
                    goal: goal.line.key,
                    title: goal.line.title.clone(),
                    mine: goal.may_share,
                    grant: grant.clone(),
                })
            })
            .collect();
    }

    fn apply(&self, change: Change) -> Result<Option<GoalKey>, Refusal> {
        let mut state = self.state.lock().unwrap();
        let State { view, goals, .. } = &mut *state;
        match change {
            Change::AddGoal { title, kind } => {
                let number = u8::try_from(goals.len() + 100).unwrap();
                let mut goal = goal(number, &title, kind);
                goal.line.rating_due = false;
                goals.insert(0, goal);
                return Ok(Some(GoalKey([number; 16])));
            }
            Change::AddMood { score, note } => {
                let entry = mood(score, &note, NOW);
                let moods = std::iter::once(entry).chain(view.moods.iter().cloned());
                view.moods = Arc::new(moods.collect());
            }
            Change::EditText {
                goal,
                field,
                seen,
                splices,
            } => {
                let text = text_of(find(goals, goal)?, field);
                assert_eq!(*text, seen, "the window saw what the notebook has");
                for splice in &splices {
                    splice.apply(text);
                }
            }
            Change::TickStep { goal, step, done } => {
                let goal = find(goals, goal)?;
                let step = goal.line.steps.iter_mut().find(|known| known.key == step);
                step.ok_or_else(gone)?.done_millis = done.then_some(NOW);
            }
            Change::AddStep(goal, text) => {
                let goal = find(goals, goal)?;
                let key = goal.line.steps.len().to_string();
                goal.line.steps.push(step(&key, &text, None));
            }
            Change::Rate { goal, score, note } => {
                let goal = find(goals, goal)?;
                let rating = Rating {
                    score,
                    note,
                    at_millis: NOW,
                    by: Author::Me,
                };
                goal.line.last_rating = Some(rating.clone());
                goal.line.rating_due = false;
                goal.ratings.push(rating);
            }
            Change::SetKind(goal, kind) => find(goals, goal)?.line.kind = Some(kind),
            Change::Pause(goal) => find(goals, goal)?.line.standing = Standing::Paused,
            Change::Resume(goal) => find(goals, goal)?.line.standing = Standing::Focus,
            Change::Close(goal, outcome) => {
                find(goals, goal)?.line.standing = Standing::Closed(outcome);
            }
            Change::Propose { goal, .. } => {
                find(goals, goal)?.line.agreement = Agreement::ProposedByMe {
                    with: "Ada".to_owned(),
                    at_millis: NOW,
                };
            }
            Change::Accept { goal, .. } => {
                find(goals, goal)?.line.agreement = Agreement::Agreed {
                    with: "Ada".to_owned(),
                    at_millis: NOW,
                };
            }
            Change::Share(goal, person) => {
                let grant = grant(person, true, NOW, None);
                find(goals, goal)?.grants.push(grant);
            }
            Change::Unshare(goal, person) => {
                let goal = find(goals, goal)?;
                goal.grants.retain(|grant| grant.person != person);
            }
            Change::OfferPairing => {
                view.pairing = Pairing::Offering {
                    code: "4821 0937".to_owned(),
                    address: "192.168.1.20:4433".to_owned(),
                };
            }
            Change::AcceptPairing { .. } => view.pairing = Pairing::Joining,
            Change::ClosePairing => view.pairing = Pairing::Idle,
            Change::Rename(person, name) => {
                let known = view.people.iter_mut().find(|known| known.key == person);
                known.ok_or_else(gone)?.name = name;
            }
            other => panic!("the memory notebook does not know {other:?}"),
        }
        Ok(None)
    }
}

impl Notebook for MemoryNotebook {
    fn view(&self) -> Arc<NotebookView> {
        Arc::new(self.state.lock().unwrap().view.clone())
    }

    fn goal(&self, goal: GoalKey) -> Option<Arc<GoalView>> {
        let state = self.state.lock().unwrap();
        let goal = state.goals.iter().find(|view| view.line.key == goal);
        goal.map(|goal| Arc::new(goal.clone()))
    }

    fn change(&self, change: Change) -> Result<Option<GoalKey>, Refusal> {
        let refused = self.state.lock().unwrap().refuse.clone();
        if let Some(reason) = refused {
            return Err(Refusal(reason));
        }
        self.state.lock().unwrap().changes.push(change.clone());
        let done = self.apply(change);
        self.settle();
        done
    }

    fn on_change(&self, wake: Box<dyn Fn() + Send + Sync>) {
        self.state.lock().unwrap().wake.push(wake);
    }

    fn close(&self) {}
}

/// The cover of a notebook in memory; the passphrase is "open".
pub(crate) struct MemoryCover {
    /// Whether there is one already.
    pub(crate) exists: bool,
}

impl Cover for MemoryCover {
    fn exists(&self) -> bool {
        self.exists
    }

    fn create(&self, new: NewNotebook) -> Result<(Arc<dyn Notebook>, Zeroizing<String>), Refusal> {
        let code = "K7QF-2M9X-ARUN-48TE-ZV3P-HD6W-YC5J-9LBS".to_owned();
        let notebook = MemoryNotebook::empty(new.role, &new.name);
        Ok((notebook, Zeroizing::new(code)))
    }

    fn open(&self, passphrase: Zeroizing<String>) -> Result<Option<Arc<dyn Notebook>>, Refusal> {
        let right = passphrase.as_str() == "open";
        Ok(right.then(|| MemoryNotebook::full() as Arc<dyn Notebook>))
    }
}

fn gone() -> Refusal {
    Refusal("that goal is not here any more".to_owned())
}

fn find(goals: &mut [GoalView], key: GoalKey) -> Result<&mut GoalView, Refusal> {
    let found = goals.iter_mut().find(|goal| goal.line.key == key);
    found.ok_or_else(gone)
}

fn text_of(goal: &mut GoalView, field: GoalField) -> &mut String {
    match field {
        GoalField::Title => &mut goal.line.title,
        GoalField::Why => &mut goal.why,
        _ => &mut goal.good_enough,
    }
}

fn empty_view(role: Role, name: &str) -> NotebookView {
    NotebookView {
        name: name.to_owned(),
        role,
        goals: Arc::default(),
        moods: Arc::default(),
        mood_marks: Marks {
            saved: true,
            ..Marks::default()
        },
        people: Vec::new(),
        shared: Vec::new(),
        pairing: Pairing::Idle,
        saved: true,
        store_stopped_millis: None,
    }
}

fn person(key: PersonKey, name: &str, role: Role, connected: bool) -> Person {
    Person {
        key,
        name: name.to_owned(),
        role,
        connected,
        devices: 1 + usize::from(connected),
    }
}

fn mood(score: u8, note: &str, at_millis: i64) -> MoodEntry {
    MoodEntry {
        score,
        note: note.to_owned(),
        at_millis,
    }
}

fn step(key: &str, text: &str, done_millis: Option<i64>) -> Step {
    Step {
        key: key.to_owned(),
        text: text.to_owned(),
        done_millis,
        by: Author::Me,
    }
}

fn grant(
    person: PersonKey,
    may_write: bool,
    since_millis: i64,
    receipt_millis: Option<i64>,
) -> Grant {
    Grant {
        person,
        name: String::new(),
        may_write,
        since_millis,
        receipt_millis,
    }
}

/// A goal with nothing but words.
pub(crate) fn goal(number: u8, title: &str, kind: Option<Kind>) -> GoalView {
    GoalView {
        line: GoalLine {
            key: GoalKey([number; 16]),
            title: title.to_owned(),
            kind,
            standing: Standing::Focus,
            owner: Author::Me,
            agreement: Agreement::Draft,
            steps: Vec::new(),
            last_rating: None,
            rating_due: true,
            marks: Marks {
                saved: true,
                ..Marks::default()
            },
        },
        seen: [0; 32],
        why: String::new(),
        good_enough: String::new(),
        may_write: true,
        may_share: true,
        ratings: Vec::new(),
        wordings: Vec::new(),
        grants: Vec::new(),
        history: Vec::new(),
    }
}

/// The first goal of a full notebook.
pub(crate) const SPEAK_UP: GoalKey = GoalKey([1; 16]);

fn goals() -> Vec<GoalView> {
    let mut sleep = goal(
        2,
        "Sleep without the phone in the bedroom",
        Some(Kind::Symptom),
    );
    sleep.line.rating_due = false;
    sleep.line.steps = vec![step("a", "Leave the charger in the kitchen", None)];
    sleep.line.marks.saved = false;
    let mut call = goal(
        3,
        "Call my sister without rehearsing every sentence beforehand, at least on an ordinary Sunday",
        Some(Kind::Relationship),
    );
    call.line.agreement = Agreement::ProposedByOther {
        by: "Ada".to_owned(),
        at_millis: NOW - DAY,
        proposal: "p".to_owned(),
        seen: [3; 32],
    };
    call.grants = vec![
        grant(ADA, true, NOW - 9 * DAY, Some(NOW - 8 * DAY)),
        grant(PersonKey([2; 32]), false, NOW - 2 * DAY, None),
    ];
    call.line.marks.delivered_to = vec!["Ada".to_owned()];
    let mut parked = goal(4, "Find out what I want from work", Some(Kind::Clarity));
    parked.line.standing = Standing::Paused;
    let mut done = goal(5, "Drive on the motorway again", Some(Kind::Behaviour));
    done.line.standing = Standing::Closed(Outcome::GoodEnough);
    done.line.last_rating = Some(rating(8, "", NOW - 200 * DAY));
    vec![speak_up(), sleep, call, parked, done]
}

fn rating(score: u8, note: &str, at_millis: i64) -> Rating {
    Rating {
        score,
        note: note.to_owned(),
        at_millis,
        by: Author::Me,
    }
}

fn speak_up() -> GoalView {
    let mut goal = goal(
        1,
        "Speak up once in the Monday meeting",
        Some(Kind::Behaviour),
    );
    goal.why =
        "I know things the others don't, and I go home angry with myself when I stay silent."
            .to_owned();
    goal.good_enough = "One question, even a short one".to_owned();
    goal.line.steps = vec![
        step(
            "1",
            "Write one sentence before the meeting",
            Some(NOW - DAY / 8),
        ),
        step("2", "Ask one question in the Monday round", None),
        Step {
            by: Author::Other("Ada".to_owned()),
            ..step(
                "3",
                "Send the summary of my part, then note how the others answered and what I make of it",
                None,
            )
        },
    ];
    goal.line.agreement = Agreement::Changed;
    let scores = [1, 3, 2, 3, 1, 4, 4, 3, 6, 5, 5, 6];
    for (week, score) in scores.into_iter().enumerate() {
        let week = i64::try_from(week).unwrap();
        let pause = if week > 5 { 0 } else { 4 };
        let note = if week == 11 {
            "Still shaky beforehand, but it passes faster. I asked one thing and nobody laughed."
        } else {
            ""
        };
        goal.ratings.push(rating(
            score,
            note,
            NOW - (11 - week + pause) * 7 * DAY - DAY,
        ));
    }
    goal.line.last_rating = goal.ratings.last().cloned();
    goal.grants = vec![grant(ADA, true, NOW - 80 * DAY, Some(NOW - 79 * DAY))];
    goal.line.marks.delivered_to = vec!["Ada".to_owned()];
    goal.wordings = vec![
        Wording {
            text: "Speak once in the Monday meeting".to_owned(),
            at_millis: NOW - 30 * DAY,
            by: Author::Other("Ada".to_owned()),
        },
        Wording {
            text: "Be less quiet at work".to_owned(),
            at_millis: NOW - 84 * DAY,
            by: Author::Me,
        },
    ];
    let line = |by: Author, event: Event, days: i64| HistoryLine {
        by,
        event,
        at_millis: NOW - days * DAY,
    };
    let ada = || Author::Other("Ada".to_owned());
    goal.history = vec![
        line(ada(), Event::TitleChanged, 1),
        line(Author::Me, Event::TitleChanged, 1),
        line(Author::Me, Event::Rated, 1),
        line(ada(), Event::StepAdded, 8),
        line(Author::Me, Event::Accepted, 30),
        line(ada(), Event::Proposed, 31),
        line(Author::Me, Event::Shared("Ada".to_owned()), 80),
        line(Author::Me, Event::Created, 84),
    ];
    goal
}
