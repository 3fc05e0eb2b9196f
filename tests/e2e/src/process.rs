//! A running process whose lines are read as they come.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long to wait for what must happen: far longer than it takes.
pub const WAIT: Duration = Duration::from_secs(120);

/// Lines that may wait to be looked at; more slow the process down.
const LINES_WAITING_MAX: usize = 100_000;

/// A process of the program. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

/// What a kill met.
#[derive(Debug)]
pub struct Killed {
    /// Whether it had not ended by itself before.
    pub was_running: bool,
    /// What it had printed and nobody had looked at.
    pub unread: Vec<Value>,
}

impl Process {
    /// Starts it; its log goes to a file of its own in the folder.
    pub(crate) fn start(mut command: Command, logs: &Path) -> Self {
        let log = tempfile::Builder::new()
            .prefix("process-")
            .suffix(".log")
            .tempfile_in(logs)
            .and_then(|file| file.keep().map_err(|error| error.error))
            .map(|(file, _path): (File, _)| file)
            .expect("the test's own folder can be written");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program was built and can be started");
        let stdout = child.stdout.take().expect("stdout was asked for");
        let (sender, lines) = sync_channel(LINES_WAITING_MAX);
        std::thread::Builder::new()
            .name("lines".into())
            .spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            })
            .expect("the system has a thread to spare");
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Its number in the system.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to what it reads.
    pub(crate) fn write_line(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("stdin was asked for");
        writeln!(input, "{line}").expect("it reads while it runs");
    }

    /// Ends what it reads.
    pub(crate) fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// The next JSON value it prints; `None` once it has closed its output.
    ///
    /// # Panics
    /// When it prints something else, or nothing for a very long time.
    pub fn try_next(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(WAIT) {
            Ok(line) => {
                let value: Value = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("not JSON: {line}: {error}"));
                self.seen.push(value.clone());
                Some(value)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing came after {:?}", self.seen),
        }
    }

    /// The next JSON value it prints.
    ///
    /// # Panics
    /// When there is none.
    pub fn next_value(&mut self) -> Value {
        self.try_next()
            .unwrap_or_else(|| panic!("it ended after {:?}", self.seen))
    }

    /// Waits for an event of this kind and gives it; others are passed over.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait_for(&mut self, event: &str) -> Value {
        loop {
            let value = self.next_value();
            if value["event"] == event {
                return value;
            }
        }
    }

    /// Everything printed so far.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Asks it to end, as Ctrl+C does, and gives its exit code.
    ///
    /// # Panics
    /// When it cannot be asked or does not end.
    pub fn interrupt(&mut self) -> Option<i32> {
        self.signal("INT");
        self.end()
    }

    /// Sends it a signal by name.
    ///
    /// # Panics
    /// When the system has no `kill`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status()
            .expect("every system this runs on has a shell");
        assert!(sent.success(), "the process is gone already");
    }

    /// Ends it with no chance to say anything.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn kill(&mut self) -> Killed {
        self.child.kill().expect("an own process can be killed");
        let status = self.child.wait().expect("an own process can be waited for");
        let mut unread = Vec::new();
        while let Ok(line) = self.lines.recv() {
            // A line that the kill cut off is no answer.
            unread.extend(serde_json::from_str::<Value>(&line));
        }
        Killed {
            was_running: status.code().is_none(),
            unread,
        }
    }

    /// Waits for its end and gives the exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn end(&mut self) -> Option<i32> {
        let until = Instant::now() + WAIT;
        while Instant::now() < until {
            if let Some(status) = self
                .child
                .try_wait()
                .expect("an own process can be waited for")
            {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end; it printed {:?}", self.seen);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
