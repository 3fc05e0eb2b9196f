//! Processes are killed without warning, again and again: what was reported as done is there, and
//! everything verifies.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use cairn_e2e::{Notebook, Process, Random, pair};
use serde_json::{Value, json};

/// Kills that must meet a running process, in each of the two tests.
const KILLS: u32 = 25;
/// Rounds after which too many kills came too late.
const ROUNDS_MAX: u32 = 200;
/// Steps in one import.
const IMPORT_STEPS: u64 = 40;

/// A couple of notebooks with one goal, and what each was told to be saved.
struct Couple {
    notebooks: [Notebook; 2],
    goal: String,
    /// For each side the texts of steps that it reported as saved.
    saved: [BTreeSet<String>; 2],
    steps: u64,
    kills: u32,
    random: Random,
}

impl Couple {
    fn new() -> Self {
        let client = Notebook::new("client", "Client");
        let therapist = Notebook::new("therapist", "Therapist");
        pair(&client, &therapist);
        let added = client.json(&["goal", "add", "--title", "Sleep"]);
        let goal = added["document"].as_str().unwrap().to_owned();
        client.json(&["share", &goal, "--with", "Therapist", "--role", "write"]);
        let mut couple = Self {
            notebooks: [client, therapist],
            goal,
            saved: Default::default(),
            steps: 0,
            kills: 0,
            random: Random::announced("kills"),
        };
        couple.sync();
        couple
    }

    fn step_text(&mut self) -> String {
        self.steps += 1;
        format!("step {}", self.steps)
    }

    fn pause(&mut self, millis_max: u64) {
        std::thread::sleep(Duration::from_micros(self.random.below(millis_max * 1000)));
    }

    /// Kills a process at some moment, or at the very one at which it answers: what it claims must
    /// be true by then. Gives what it answered.
    fn kill(&mut self, process: &mut Process, millis_max: u64) -> Vec<Value> {
        let mut answers = Vec::new();
        if self.random.below(2) == 0 {
            answers.extend(process.try_next());
        } else {
            self.pause(millis_max);
        }
        let killed = process.kill();
        self.kills += u32::from(killed.was_running);
        answers.extend(killed.unread);
        answers
    }

    /// One edit, killed at some moment of its process.
    fn edit_killed(&mut self, side: usize) {
        let text = self.step_text();
        let mut process = self.notebooks[side].start(&["goal", "step", "add", &self.goal, &text]);
        let answers = self.kill(&mut process, 120);
        if answers.iter().any(|answer| answer["step"].is_string()) {
            self.saved[side].insert(text);
        }
    }

    /// Many edits in one process, killed at some moment.
    fn import_killed(&mut self, side: usize) {
        let texts: Vec<String> = (0..IMPORT_STEPS).map(|_| self.step_text()).collect();
        let lines: Vec<String> = texts
            .iter()
            .map(|text| json!({ "run": ["goal", "step", "add", self.goal, text] }).to_string())
            .collect();
        let file = self.notebooks[side].folder().join("history.jsonl");
        std::fs::write(&file, lines.join("\n")).unwrap();
        let mut process =
            self.notebooks[side].start(&["import", "history", file.to_str().unwrap()]);
        let answers = self.kill(&mut process, 500);
        if answers
            .iter()
            .any(|answer| answer["changes"] == IMPORT_STEPS)
        {
            self.saved[side].extend(texts);
        }
    }

    /// Both sides have something new and exchange it; one of them is killed at some moment.
    fn sync_killed(&mut self, victim: usize) {
        for side in 0..2 {
            let text = self.step_text();
            self.notebooks[side].json(&["goal", "step", "add", &self.goal, &text]);
            self.saved[side].insert(text);
        }
        let (mut serving, address) = self.notebooks[1].serve();
        let words = ["sync", "--peer", &address, "--timeout", "1"];
        let mut syncing = self.notebooks[0].start(&words);
        let answers = if victim == 0 {
            let answers = self.kill(&mut syncing, 400);
            self.kills += u32::from(serving.kill().was_running);
            answers
        } else {
            self.pause(400);
            self.kills += u32::from(serving.kill().was_running);
            let answer = syncing.try_next();
            let code = syncing.end();
            assert!(matches!(code, Some(0 | 1)), "{code:?}");
            answer.into_iter().collect()
        };
        if answers.iter().any(|answer| answer["documents"].is_u64()) {
            self.both_have_all();
        }
    }

    /// A whole exchange. What either side had is durable on both when it says so.
    fn sync(&mut self) {
        let (mut serving, address) = self.notebooks[1].serve();
        self.notebooks[0].json(&["sync", "--peer", &address]);
        serving.kill();
        self.both_have_all();
    }

    fn both_have_all(&mut self) {
        let all: BTreeSet<String> = self.saved.iter().flatten().cloned().collect();
        self.saved = [all.clone(), all];
    }

    /// Everything verifies, and nothing that was reported as saved is missing.
    fn check(&self) {
        for side in 0..2 {
            self.notebooks[side].verify();
            let goal = self.notebooks[side].shared_view(&self.goal);
            let steps = goal["steps"].as_array().unwrap();
            let there: BTreeSet<&str> = steps
                .iter()
                .filter_map(|step| step["text"].as_str())
                .collect();
            let missing: Vec<&String> = self.saved[side]
                .iter()
                .filter(|text| !there.contains(text.as_str()))
                .collect();
            assert_eq!(missing, Vec::<&String>::new(), "on side {side}");
        }
    }
}

/// Rounds of `round` until enough kills met a process; then both meet in peace.
fn kill_in_rounds(round: impl Fn(&mut Couple, usize)) {
    let mut couple = Couple::new();
    for rounds in 0.. {
        assert!(
            rounds < ROUNDS_MAX,
            "only {} kills met a process",
            couple.kills
        );
        let side = couple.random.below(2) as usize;
        round(&mut couple, side);
        couple.check();
        if couple.kills >= KILLS {
            break;
        }
    }
    couple.sync();
    couple.check();
    let [client, therapist] = &couple.notebooks;
    let goal = client.shared_view(&couple.goal);
    assert_eq!(therapist.shared_view(&couple.goal), goal);
    // The run was one in which something could be lost.
    assert_ne!(couple.saved[0], BTreeSet::new());
    let history = client.json(&["history", &couple.goal]);
    assert!(
        history
            .as_array()
            .unwrap()
            .iter()
            .all(|line| line["proven"] == Value::Bool(true))
    );
}

#[test]
fn nothing_saved_is_lost_by_kills_while_editing() {
    kill_in_rounds(|couple, side| match couple.random.below(2) {
        0 => couple.edit_killed(side),
        _ => couple.import_killed(side),
    });
}

#[test]
fn nothing_saved_is_lost_by_kills_while_exchanging() {
    kill_in_rounds(Couple::sync_killed);
}
