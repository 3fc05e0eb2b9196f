//! The victim: a notebook in a process of its own, asked and watched from outside.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use cairn_node::{BatchError, DocumentId, Refusal};
use serde_json::{Value, json};

use crate::process::Process;

/// What an attack may make the process take beyond what it takes when idle.
const MEMORY_KIB_MAX: u64 = 200 << 10;

/// The process that runs the notebook under attack.
#[derive(Debug)]
pub struct Victim {
    process: Process,
    address: SocketAddr,
    /// Events that nobody has waited for yet.
    events: VecDeque<Value>,
    idle_kib: u64,
}

impl Victim {
    /// Opens a vault and listens.
    pub(super) fn start(program: &Path, folder: &Path) -> Self {
        let mut command = Command::new(program);
        command
            .arg(folder)
            .current_dir(folder)
            .stdin(std::process::Stdio::piped());
        let mut process = Process::start(command, folder);
        let listening = process.wait_for("listening");
        let address = listening["address"].as_str().and_then(|at| at.parse().ok());
        Self {
            process,
            address: address.expect("the victim tells where it listens"),
            events: VecDeque::new(),
            idle_kib: 0,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has it do something and gives the answer.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn ask(&mut self, what: &Value) -> Value {
        self.process.write_line(&what.to_string());
        loop {
            let mut told = self.process.next_value();
            match told.get_mut("answer") {
                Some(answer) => return answer.take(),
                None => self.events.push_back(told),
            }
        }
    }

    /// Has it do something about a document and gives the answer.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn ask_about(&mut self, document: DocumentId, what: &str) -> Value {
        self.ask(&json!({ "do": what, "document": document.to_string() }))
    }

    /// The title of a goal as it has it.
    ///
    /// # Panics
    /// When it has no such goal.
    pub fn title(&mut self, document: DocumentId) -> String {
        let goal = self.ask_about(document, "goal");
        goal["title"]
            .as_str()
            .expect("goals have titles")
            .to_owned()
    }

    /// Has it edit the title of a goal.
    ///
    /// # Panics
    /// When it cannot.
    pub fn set_title(&mut self, document: DocumentId, title: &str) {
        self.ask(&json!({ "do": "title", "document": document.to_string(), "text": title }));
    }

    /// Waits until the title of a goal is this; events meanwhile are kept.
    ///
    /// # Panics
    /// When it does not become so.
    pub(super) fn wait_for_title(&mut self, document: DocumentId, title: &str) {
        while self.title(document) != title {
            let told = self.process.next_value();
            self.events.push_back(told);
        }
    }

    /// Waits for an event that `wanted` knows; the others before it are forgotten.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let next = self.events.pop_front();
            let told = next.unwrap_or_else(|| self.process.next_value());
            if wanted(&told) {
                return told;
            }
        }
    }

    /// Waits until it has refused a whole batch for this fault.
    ///
    /// # Panics
    /// When it refused one for another, or none.
    pub fn refuses_batch(&mut self, expected: BatchError) {
        let told = self.wait_for(|told| told["event"] == "batch-refused");
        assert_eq!(told["error"], format!("{expected:?}"));
    }

    /// Waits until it has refused changes of a person, and gives why, one for each.
    ///
    /// # Panics
    /// When it does not.
    pub fn refuses_changes(&mut self) -> Vec<Refusal> {
        let mut told = self.wait_for(|told| told["event"] == "refused");
        assert_eq!(told["by_peer"], false);
        serde_json::from_value(told["reasons"].take()).expect("reasons are told by their names")
    }

    /// Notes what it takes now, as the measure for [`assert_small`](Self::assert_small).
    pub(super) fn note_idle(&mut self) {
        self.idle_kib = self.memory_kib("VmRSS:");
    }

    /// Asserts that it never took more memory than allowed since it started.
    ///
    /// # Panics
    /// When it did.
    pub fn assert_small(&self) {
        let most = self.memory_kib("VmHWM:");
        assert!(self.idle_kib > 0, "what it takes when idle was noted");
        assert!(
            most <= self.idle_kib + MEMORY_KIB_MAX,
            "{} KiB when idle, {most} KiB at most",
            self.idle_kib
        );
    }

    fn memory_kib(&self, what: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("the victim runs");
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.expect("Linux tells the memory of a process in KiB")
    }

    /// Ends it in order.
    ///
    /// # Panics
    /// When it does not end well.
    pub fn end(&mut self) {
        self.process.close_input();
        while self.process.try_next().is_some() {}
        assert_eq!(self.process.end(), Some(0));
    }
}
