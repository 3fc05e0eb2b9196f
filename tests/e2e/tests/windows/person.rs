//! A person with a notebook, its window on a screen of their own, and a goal's words in it.

use std::process::{ExitStatus, Stdio};

use cairn_e2e::{Notebook, cairn};

use crate::screen::{Running, Screen};

/// What a test notebook is opened with.
const PASSPHRASE: &str = "correct horse battery";

/// Opens a goal in the window that has the keyboard.
pub(crate) fn open_goal(screen: &Screen, title: &str) {
    screen.press_for_caret(&["ctrl+k"]);
    screen.type_text(title);
    screen.rest_beside_caret();
    screen.press(&["Return"]);
    screen.rest();
}

/// The window of one notebook on a screen of its own.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) screen: Screen,
    program: Running,
}

impl Person {
    /// Starts the program on the notebook of `name` and unlocks it by typing the passphrase.
    pub(crate) fn sit_down(notebook: &Notebook, name: &str, reach: &[&str]) -> Self {
        let screen = Screen::start(800, 600);
        let log = std::fs::File::create(notebook.folder().join("log").join("window.log")).unwrap();
        let program = screen
            .command(cairn())
            .arg("--vault")
            .arg(notebook.vault())
            .args(reach)
            .env("TMPDIR", notebook.folder().join("tmp"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map(Running)
            .unwrap();
        let person = Self { screen, program };
        person.screen.wait_for_titles(&["Cairn"]);
        person.screen.bring_up("Cairn");
        person.screen.make_small();
        person.screen.type_text(PASSPHRASE);
        person.screen.press(&["Return"]);
        person.screen.wait_for_titles(&[&format!("{name} – Cairn")]);
        person
    }

    /// Opens the goal of this title by the palette. No field has the caret then.
    pub(crate) fn open_goal(&self, title: &str) {
        open_goal(&self.screen, title);
    }

    /// Closes the window as its close button does.
    pub(crate) fn close_window(&mut self) -> ExitStatus {
        self.screen.press(&["alt+F4"]);
        self.program.ended()
    }

    /// Asks the program to end.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.program.terminate()
    }
}
