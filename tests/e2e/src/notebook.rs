//! A notebook in a folder of its own, used through the command line.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;
use crate::program::cairn_cli;

/// An address on which the system chooses the port.
const LOOPBACK: &str = "127.0.0.1:0";

/// A vault with everything its processes write beside it: the log and temporary files.
#[derive(Debug)]
pub struct Notebook {
    folder: TempDir,
    person: String,
    device: String,
}

/// What a command gave back.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` for a process that was killed.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

impl Notebook {
    /// A new notebook with a key derivation that costs next to nothing.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(role: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        for inner in ["tmp", "log"] {
            fs::create_dir(folder.path().join(inner)).expect("a fresh folder can be written");
        }
        fs::write(folder.path().join("passphrase"), "correct horse battery\n")
            .expect("a fresh folder can be written");
        let mut notebook = Self {
            folder,
            person: String::new(),
            device: String::new(),
        };
        let made = notebook.json(&[
            "init",
            "--role",
            role,
            "--name",
            name,
            "--kdf-memory-kib",
            "64",
        ]);
        notebook.person = text(&made["person"]);
        notebook.device = text(&made["device"]);
        notebook
    }

    /// The id of its person.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// The id of its device.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The folder of all its files: `vault`, `tmp`, `log` and the passphrase.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the vault.
    pub fn vault(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    /// The folders in which nothing may be readable.
    pub fn sealed(&self) -> [PathBuf; 3] {
        ["vault", "tmp", "log"].map(|inner| self.folder.path().join(inner))
    }

    /// The program with this notebook's vault, passphrase, log and temporary files.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(cairn_cli());
        command
            .arg("--vault")
            .arg(self.vault())
            .args(words)
            .current_dir(self.folder.path())
            .env(
                "CAIRN_PASSPHRASE_FILE",
                self.folder.path().join("passphrase"),
            )
            .env("CAIRN_LOG", "trace")
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("SQLITE_TMPDIR", self.folder.path().join("tmp"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, with `--json`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, words: &[&str]) -> Run {
        let mut command = self.command(words);
        let Output {
            status,
            stdout,
            stderr,
        } = command
            .arg("--json")
            .output()
            .expect("the program was built and can be started");
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("the test's own folder can be written");
        log.write_all(stderr.as_bytes())
            .expect("the test's own folder can be written");
        let stdout = String::from_utf8_lossy(&stdout).into_owned();
        Run {
            code: status.code(),
            stdout,
            stderr,
        }
    }

    /// Where the log of its commands is.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log").join("commands.log")
    }

    /// Runs a command that must be done and gives what it printed.
    ///
    /// # Panics
    /// When it was not done or did not print exactly one JSON value.
    pub fn json(&self, words: &[&str]) -> Value {
        let run = self.run(words);
        assert_eq!(run.code, Some(0), "{words:?}: {}", run.stderr);
        serde_json::from_str(&run.stdout)
            .unwrap_or_else(|error| panic!("{words:?} printed {:?}: {error}", run.stdout))
    }

    /// Runs a command that must be refused with an exit code, and gives the sentence that says
    /// why.
    ///
    /// # Panics
    /// When it ended otherwise or printed anything.
    pub fn refused(&self, words: &[&str], code: i32) -> String {
        let run = self.run(words);
        assert_eq!(
            run.code,
            Some(code),
            "{words:?}: {}{}",
            run.stdout,
            run.stderr
        );
        assert_eq!(run.stdout, "", "{words:?} printed something");
        let last = run
            .stderr
            .lines()
            .rfind(|line| line.starts_with("cairn-cli: "));
        last.unwrap_or(&run.stderr).to_owned()
    }

    /// Starts a command that goes on.
    pub fn start(&self, words: &[&str]) -> Process {
        let mut command = self.command(words);
        command.arg("--json");
        Process::start(command, &self.folder.path().join("log"))
    }

    /// Starts to serve, and gives the address.
    pub fn serve(&self) -> (Process, String) {
        let mut process = self.start(&["serve", "--listen", LOOPBACK]);
        let listening = process.wait_for("listening");
        (process, text(&listening["addr"]))
    }

    /// A goal as it is shown, without what depends on the device.
    pub fn shared_view(&self, document: &str) -> Value {
        let mut goal = self.json(&["goal", "show", document]);
        let here = goal.as_object_mut().and_then(|goal| goal.remove("here"));
        assert!(here.is_some(), "what depends on the device is under here");
        goal
    }

    /// Verifies; every fault is the test's.
    ///
    /// # Panics
    /// When anything is not proven.
    pub fn verify(&self) -> Value {
        let report = self.json(&["verify"]);
        assert_eq!(report["faults"], Value::Array(Vec::new()));
        report
    }
}

/// Pairs two notebooks by a code, as two processes. Each calls the other by its own name.
///
/// # Panics
/// When they are not paired.
pub fn pair(inviter: &Notebook, guest: &Notebook) {
    let mut offer = inviter.start(&["pair", "offer", "--listen", LOOPBACK]);
    let offered = offer.next_value();
    let (code, address) = (text(&offered["code"]), text(&offered["address"]));
    let accepted = guest.json(&["pair", "accept", &code, "--peer", &address]);
    assert_eq!(text(&accepted["paired"]), inviter.person());
    assert_eq!(text(&offer.next_value()["paired"]), guest.person());
    assert_eq!(offer.end(), Some(0));
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}
