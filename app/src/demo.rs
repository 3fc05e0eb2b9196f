//! Two paired notebooks in temporary vaults with a year of made-up life in them.
//!
//! The year is made by a seeded generator: the same every time, counted back from today. The two
//! nodes are real: real vaults, a real pairing, real QUIC on this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use cairn_model::{ClosingOutcome, GoalCommand, GoalKind, GoalOutcome, Moment, NewGoal, TextField};
use cairn_node::secret::Passphrase;
use cairn_node::vault::KdfCost;
use cairn_node::{
    CancelPairing, DocumentId, GrantRole, Invitation, NewNotebook, Node, Role, ShareTerms,
};
use tempfile::TempDir;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;
const HOUR_MILLIS: i64 = 3600 * 1000;
/// The two notebooks are on one machine: they meet within milliseconds.
const MEETING_WAIT: Duration = Duration::from_secs(30);
const MEETING_LOOK: Duration = Duration::from_millis(20);

/// Two notebooks and their folders, which go when this is dropped.
#[derive(Debug)]
pub struct Demo {
    /// The client's.
    pub client: Node,
    /// The therapist's.
    pub therapist: Node,
    _folders: TempDir,
}

/// Why the demo could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the demo could not be set up: {0}")]
pub struct DemoError(String);

fn failed(error: impl std::fmt::Display) -> DemoError {
    DemoError(error.to_string())
}

impl Demo {
    /// Makes both notebooks, pairs them and lets them live a year.
    ///
    /// # Errors
    /// The temporary folder cannot be written, or this machine has no loopback network.
    pub fn new() -> Result<Self, DemoError> {
        let folders = tempfile::tempdir().map_err(failed)?;
        let make = |folder: &str, role, name| {
            let passphrase = Passphrase::new("only for the demo");
            let cost = KdfCost::CHEAP_FOR_TESTS;
            let new = NewNotebook {
                role,
                name,
                passphrase: &passphrase,
                cost,
            };
            Node::create(&folders.path().join(folder), &new).map(|(node, _)| node)
        };
        let client = make("client", Role::Client, "Ada").map_err(failed)?;
        let therapist = make("therapist", Role::Therapist, "Dr Bo Lind").map_err(failed)?;
        let demo = Self {
            client,
            therapist,
            _folders: folders,
        };
        demo.pair()?;
        let address = demo.therapist.listen(loopback()).map_err(failed)?;
        demo.client.listen(loopback()).map_err(failed)?;
        demo.client.dial(address);
        Year::new(&demo, demo.now()).live()?;
        Ok(demo)
    }

    fn now(&self) -> Moment {
        let now = jiff::Timestamp::now();
        let offset = jiff::tz::TimeZone::system().to_offset(now).seconds() / 60;
        Moment {
            at_millis: now.as_millisecond(),
            offset_minutes: i16::try_from(offset).unwrap_or(0),
        }
    }

    fn pair(&self) -> Result<(), DemoError> {
        let offer = self.therapist.offer_pairing(loopback()).map_err(failed)?;
        let address = offer.address();
        let code = offer.code().ok_or_else(|| failed("no code"))?;
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| offer.wait(None, &CancelPairing::default()));
            let invitation = Invitation::Code {
                code: &code,
                address,
            };
            self.client
                .accept_pairing(&invitation, None, &CancelPairing::default())
                .map_err(failed)?;
            let waited = waiting
                .join()
                .map_err(|_panic| failed("the pairing ended early"))?;
            waited.map(drop).map_err(failed)
        })
    }

    /// Waits until both notebooks hold the same of a goal.
    fn meet(&self, goal: DocumentId) -> Result<(), DemoError> {
        let mut events = self.client.subscribe();
        let until = Instant::now() + MEETING_WAIT;
        let therapist = self.therapist.whoami().person;
        let here = self.client.whoami().person;
        loop {
            let there = self.therapist.goal(goal).ok();
            let both = there.is_some() && there == self.client.goal(goal).ok();
            let delivered = self.client.marks(goal).delivered_to.contains(&therapist)
                && self.therapist.marks(goal).delivered_to.contains(&here);
            if both && delivered {
                return Ok(());
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return Err(failed("the two notebooks did not meet in time"));
            };
            drop(events.next_within(left.min(MEETING_LOOK)));
        }
    }
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// One goal of the year.
struct Story {
    title: &'static str,
    why: &'static str,
    good_enough: &'static str,
    kind: Option<GoalKind>,
    /// Steps and how many of them are done by today.
    steps: &'static [&'static str],
    done: usize,
    /// Days ago.
    from: i64,
    to: i64,
    /// Where it felt at the start and feels at the end, in tenths.
    feels: (i64, i64),
    shared: bool,
    notes: &'static [&'static str],
    noticed: &'static [&'static str],
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    Focus,
    Paused,
    Closed(ClosingOutcome),
}

const STORIES: &[Story] = &[
    Story {
        title: "Speak up once in the Monday meeting",
        why: "I know things the others don't, and I go home angry with myself when I stay silent.",
        good_enough: "One question, even a short one",
        kind: Some(GoalKind::Behaviour),
        steps: &[
            "Write one sentence before the meeting",
            "Ask one question in the Monday round",
            "Send the summary of my part",
            "Say when I disagree, once",
        ],
        done: 2,
        from: 118,
        to: 2,
        feels: (10, 62),
        shared: true,
        notes: &[
            "Still shaky beforehand, but it passes faster.",
            "Asked one thing and nobody laughed.",
            "Did not go. That is all right.",
            "Said half a sentence. It counts.",
        ],
        noticed: &[
            "You prepared it on your own this time.",
            "The pause before was shorter.",
        ],
        end: End::Focus,
    },
    Story {
        title: "Sleep without the phone beside me",
        why: "The nights are mine. I want them back.",
        good_enough: "Five nights a week in the other room",
        kind: Some(GoalKind::Symptom),
        steps: &[
            "Buy a plain alarm clock",
            "Charge the phone in the kitchen",
            "Read two pages instead",
        ],
        done: 3,
        from: 240,
        to: 4,
        feels: (22, 74),
        shared: true,
        notes: &[
            "Four nights out of seven.",
            "Woke at three, did not look.",
            "Late shifts make it hard.",
        ],
        noticed: &["You look rested."],
        end: End::Focus,
    },
    Story {
        title: "Be kind to myself after a bad day",
        why: "I would never talk to a friend the way I talk to me.",
        good_enough: "Notice it, and stop after the first sentence",
        kind: Some(GoalKind::Growth),
        steps: &[
            "Write down what a friend would say",
            "Ten minutes outside after lunch",
        ],
        done: 1,
        from: 75,
        to: 1,
        feels: (30, 48),
        shared: false,
        notes: &["Caught it early today.", "Not yet.", "The walk helped."],
        noticed: &[],
        end: End::Focus,
    },
    Story {
        title: "Call my sister every other week",
        why: "She is the one who remembers how it was.",
        good_enough: "A message counts when a call is too much",
        kind: Some(GoalKind::Relationship),
        steps: &["Find a time that suits both", "Call on the first Sunday"],
        done: 2,
        from: 350,
        to: 130,
        feels: (30, 85),
        shared: true,
        notes: &["We laughed.", "Short call, but a call.", "She called me."],
        noticed: &["You said it was easy, the first time."],
        end: End::Closed(ClosingOutcome::GoodEnough),
    },
    Story {
        title: "Find out what I want from work",
        why: "",
        good_enough: "",
        kind: Some(GoalKind::Clarity),
        steps: &["Three things I would miss", "Three things I would not"],
        done: 1,
        from: 300,
        to: 190,
        feels: (12, 30),
        shared: true,
        notes: &["More questions than before. Perhaps that is the point."],
        noticed: &[],
        end: End::Paused,
    },
];

const MOOD_NOTES: &[&str] = &[
    "after the walk",
    "meeting went on too long",
    "slept badly",
    "coffee with Noor",
    "rain, but bright",
    "argued, then made up",
    "a quiet evening",
    "finished something",
    "tired, not sad",
];

/// The generator: goals and moods of one year, at their times.
struct Year<'a> {
    demo: &'a Demo,
    now: Moment,
    random: Random,
}

impl<'a> Year<'a> {
    fn new(demo: &'a Demo, now: Moment) -> Self {
        Self {
            demo,
            now,
            random: Random(0x00ca_1231),
        }
    }

    fn live(&mut self) -> Result<(), DemoError> {
        self.moods()?;
        for story in STORIES {
            self.story(story)?;
        }
        Ok(())
    }

    /// A moment `days` ago at about this hour of the day, never in the future.
    fn at(&mut self, days: i64, hour: i64) -> Moment {
        let now = self.now;
        let minutes = i64::from(now.offset_minutes) * 60_000;
        let midnight = (now.at_millis + minutes).div_euclid(DAY_MILLIS) * DAY_MILLIS - minutes;
        let jitter = self.random.below(90) * 60_000;
        let at = midnight - days * DAY_MILLIS + hour * HOUR_MILLIS + jitter;
        Moment {
            at_millis: at.min(now.at_millis - 60_000),
            ..now
        }
    }

    fn moods(&mut self) -> Result<(), DemoError> {
        for day in (1..=365).rev() {
            // A slow swell over the months, a wobble over the week, and days without an entry.
            if self.random.below(100) < 18 {
                continue;
            }
            let season = if (120..200).contains(&day) { -1 } else { 1 };
            let weekend = i64::from(day % 7 < 2);
            let value = 5 + season + weekend + self.random.below(5) - 2;
            let value = u8::try_from(value.clamp(0, 10)).unwrap_or(5);
            let note = match self.random.below(4) {
                0 => self.random.pick(MOOD_NOTES),
                _ => "",
            };
            let hour = 8 + self.random.below(13);
            let at = self.at(day, hour);
            self.demo
                .client
                .add_mood(value, note, Some(at))
                .map_err(failed)?;
        }
        Ok(())
    }

    fn story(&mut self, story: &Story) -> Result<(), DemoError> {
        let goal = NewGoal {
            title: story.title.into(),
            why: story.why.into(),
            good_enough: story.good_enough.into(),
            kind: story.kind,
        };
        let made = self.at(story.from, 19);
        let document = self.demo.client.add_goal_at(&goal, made).map_err(failed)?;
        if story.shared {
            self.share(document)?;
            self.agree(story, document)?;
        }
        self.steps(story, document)?;
        self.ratings(story, document)?;
        self.end(story, document)?;
        if story.shared {
            self.demo.meet(document)?;
        }
        Ok(())
    }

    fn share(&mut self, document: DocumentId) -> Result<(), DemoError> {
        let terms = ShareTerms {
            role: GrantRole::Write,
            purpose: "to work on it together".into(),
            expires_millis: None,
        };
        let therapist = self.demo.therapist.whoami().person;
        self.demo
            .client
            .share(document, therapist, terms)
            .map_err(failed)?;
        self.demo.meet(document)
    }

    /// The client proposes the words; the therapist agrees a few days later.
    fn agree(&mut self, story: &Story, document: DocumentId) -> Result<(), DemoError> {
        let view = self.demo.client.goal(document).map_err(failed)?;
        let propose = GoalCommand::Propose {
            wording: view.wording,
            parties: vec![self.demo.therapist.whoami().person.to_string()],
            reason: "".into(),
        };
        let at = self.at(story.from - 1, 18);
        let proposed = self
            .demo
            .client
            .edit_goal_at(document, &propose, at)
            .map_err(failed)?;
        let GoalOutcome::Created(proposal) = proposed else {
            return Err(failed("the words were not proposed"));
        };
        self.demo.meet(document)?;
        let view = self.demo.therapist.goal(document).map_err(failed)?;
        let digest = view
            .proposals
            .iter()
            .find(|one| one.id == proposal)
            .map(|one| one.digest);
        let digest = digest.ok_or_else(|| failed("the proposal did not arrive"))?;
        let accept = GoalCommand::Accept { proposal, digest };
        let at = self.at(story.from - 5, 16);
        self.demo
            .therapist
            .edit_goal_at(document, &accept, at)
            .map_err(failed)?;
        self.demo.meet(document)
    }

    fn steps(&mut self, story: &Story, document: DocumentId) -> Result<(), DemoError> {
        for (index, step) in story.steps.iter().enumerate() {
            let offset = 4 + 9 * i64::try_from(index).unwrap_or(0);
            let at = self.at(story.from - offset, 20);
            let add = GoalCommand::AddStep {
                text: (*step).into(),
                done: None,
            };
            // Every third step is the therapist's idea.
            let by = if story.shared && index % 3 == 2 {
                &self.demo.therapist
            } else {
                &self.demo.client
            };
            let added = by.edit_goal_at(document, &add, at).map_err(failed)?;
            if story.shared {
                self.demo.meet(document)?;
            }
            if let GoalOutcome::Created(step) = added
                && index < story.done
            {
                let at = self.at(story.from - offset - 11, 21);
                let tick = GoalCommand::SetStepDone { step, done: true };
                self.demo
                    .client
                    .edit_goal_at(document, &tick, at)
                    .map_err(failed)?;
            }
        }
        Ok(())
    }

    fn ratings(&mut self, story: &Story, document: DocumentId) -> Result<(), DemoError> {
        let mut day = story.from - 3;
        let length = (story.from - story.to).max(1);
        let mut count = 0;
        while day > story.to {
            let (first, last) = story.feels;
            let line = first + (last - first) * (story.from - day) / length;
            let value = (line + self.random.below(24) - 12).clamp(0, 100) / 10;
            let value = u8::try_from(value).unwrap_or(0);
            let note = match self.random.below(3) {
                0 => self.random.pick(story.notes),
                _ => "",
            };
            self.rate(&self.demo.client, document, value, note, day)?;
            if count % 4 == 3 && !story.noticed.is_empty() {
                let noticed = self.random.pick(story.noticed);
                let seen = value.saturating_add(1).min(10);
                self.rate(&self.demo.therapist, document, seen, noticed, day - 1)?;
            }
            count += 1;
            // Weekly, with a longer gap now and then.
            day -= if self.random.below(9) == 0 {
                24
            } else {
                6 + self.random.below(3)
            };
        }
        Ok(())
    }

    fn rate(
        &mut self,
        by: &'a Node,
        document: DocumentId,
        value: u8,
        note: &str,
        day: i64,
    ) -> Result<(), DemoError> {
        let at = self.at(day.max(1), 17);
        let note = note.into();
        let rate = GoalCommand::Rate {
            value,
            note,
            at: None,
            copied_from: None,
        };
        by.edit_goal_at(document, &rate, at)
            .map(drop)
            .map_err(failed)
    }

    /// How the goal stands today; one of them waits for the therapist's answer to new words.
    fn end(&mut self, story: &Story, document: DocumentId) -> Result<(), DemoError> {
        let command = match story.end {
            End::Focus if story.from < 130 && story.shared => {
                let text = format!("{} at work", story.title).into();
                GoalCommand::SetText {
                    field: TextField::Title,
                    text,
                }
            }
            End::Focus => return Ok(()),
            End::Paused => GoalCommand::Pause,
            End::Closed(outcome) => {
                let note = "It has become something I just do.".into();
                GoalCommand::Close { outcome, note }
            }
        };
        let at = self.at(story.to.max(1), 20);
        self.demo
            .client
            .edit_goal_at(document, &command, at)
            .map(drop)
            .map_err(failed)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        i64::try_from(mixed >> 33).unwrap_or(0) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.below(i64::try_from(from.len()).unwrap_or(1));
        from[usize::try_from(index).unwrap_or(0)]
    }
}
