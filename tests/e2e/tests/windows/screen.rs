//! A screen that nobody looks at: an X server with a window manager, a keyboard to type on, and its
//! picture as bytes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cairn_e2e::WAIT;
use tempfile::TempDir;

/// Between two looks at the screen.
const LOOK: Duration = Duration::from_millis(2);

/// How long nothing changes on a screen at rest. Nothing passes by it: too short a rest only lets a
/// key come too early, which the vaults would show.
const REST: Duration = Duration::from_millis(700);

/// The same where a caret blinks, every half a second.
const REST_BESIDE_CARET: Duration = Duration::from_millis(400);

/// Programs that are needed, with their Debian packages.
const NEEDED: &[(&str, &str)] = &[
    ("Xvfb", "xvfb"),
    ("openbox", "openbox"),
    ("xdotool", "xdotool"),
];

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Running {
    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let kill = format!("kill -TERM {}", self.0.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success());
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + WAIT;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the program does not end");
            std::thread::sleep(LOOK);
        }
    }
}

/// A screen of its own, with one person at its keyboard.
#[derive(Debug)]
pub(crate) struct Screen {
    display: String,
    /// Xvfb keeps its picture in a file here.
    folder: TempDir,
    _manager: Running,
    _server: Running,
}

impl Screen {
    /// Starts one.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        for (program, package) in NEEDED {
            assert!(
                is_installed(program),
                "{program} is missing: this test needs the Debian package {package}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp"])
            .args(["-screen", "0", &format!("{width}x{height}x24"), "-fbdir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map(Running)
            .unwrap();
        let mut number = String::new();
        let printed = server.0.stdout.take().unwrap();
        BufReader::new(printed).read_line(&mut number).unwrap();
        assert_ne!(number, "", "Xvfb does not start");
        let display = format!(":{}", number.trim());
        let manager = Command::new("openbox")
            .env("DISPLAY", &display)
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Running)
            .unwrap();
        Self {
            display,
            folder,
            _manager: manager,
            _server: server,
        }
    }

    /// A call of a program that opens its windows here.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .env("HOME", self.folder.path())
            .stdin(Stdio::null());
        command
    }

    fn xdotool(&self, words: &[&str]) -> (bool, String) {
        let output = self
            .command(Path::new("xdotool"))
            .args(words)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success(), text)
    }

    /// Presses keys, each named as in `ctrl+k`.
    pub(crate) fn press(&self, keys: &[&str]) {
        let mut words = vec!["key", "--delay", "1"];
        words.extend(keys);
        assert!(self.xdotool(&words).0, "{keys:?} cannot be pressed");
    }

    /// Types a text.
    pub(crate) fn type_text(&self, text: &str) {
        let typed = self.xdotool(&["type", "--delay", "3", "--", text]);
        assert!(typed.0, "{text:?} cannot be typed");
    }

    /// The titles of all windows that can be seen.
    pub(crate) fn titles(&self) -> Vec<String> {
        // Without a window that fits, xdotool fails.
        let (_, found) = self.xdotool(&["search", "--onlyvisible", "--name", "Cairn"]);
        let mut titles: Vec<String> = found
            .lines()
            .map(|window| self.xdotool(&["getwindowname", window]).1)
            .collect();
        titles.sort();
        titles
    }

    /// Waits until exactly these windows can be seen.
    pub(crate) fn wait_for_titles(&self, expected: &[&str]) {
        let until = Instant::now() + WAIT;
        loop {
            let titles = self.titles();
            if titles == expected {
                return;
            }
            assert!(Instant::now() < until, "{titles:?} instead of {expected:?}");
            std::thread::sleep(10 * LOOK);
        }
    }

    /// Brings the window with this in its title to the front and gives it the keyboard.
    pub(crate) fn bring_up(&self, part: &str) {
        let words = ["search", "--name", part, "windowactivate", "--sync"];
        assert!(self.xdotool(&words).0, "{part} cannot be brought up");
    }

    /// Makes the only window small: without a graphics card, large ones are drawn slowly.
    pub(crate) fn make_small(&self) {
        let words = [
            "search",
            "--name",
            "Cairn",
            "windowsize",
            "--sync",
            "640",
            "440",
        ];
        assert!(self.xdotool(&words).0, "the window stays as large as it is");
    }

    /// What is on the screen now, as bytes: a picture as `xwd` writes it.
    pub(crate) fn picture(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("Xvfb_screen0")).unwrap()
    }

    /// What is in the window with this in its title now: its pixels, line by line.
    pub(crate) fn window_picture(&self, part: &str) -> Vec<u8> {
        let words = ["search", "--name", part, "getwindowgeometry", "--shell"];
        let (_, geometry) = self.xdotool(&words);
        let number = |name: &str| -> usize {
            let line = geometry.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().parse().unwrap()
        };
        let (left, top) = (number("X="), number("Y="));
        let (width, height) = (number("WIDTH="), number("HEIGHT="));
        let picture = self.picture();
        let field = |at: usize| -> usize {
            let bytes = picture[4 * at..][..4].try_into().unwrap();
            usize::try_from(u32::from_be_bytes(bytes)).unwrap()
        };
        // X Window Dump, version 7: length of the header, bits of a pixel, bytes of a line, colours.
        let (header, pixel, line, colours) = (field(0), field(11) / 8, field(12), field(19));
        let pixels = &picture[header + 12 * colours..];
        let lines = pixels.chunks_exact(line).skip(top).take(height);
        lines
            .flat_map(|line| &line[left * pixel..][..width * pixel])
            .copied()
            .collect()
    }

    /// Waits until the screen shows something other than `before`.
    pub(crate) fn wait_for_change(&self, before: &[u8], why: &str) {
        let until = Instant::now() + WAIT;
        while self.picture() == before {
            assert!(Instant::now() < until, "nothing changes: {why}");
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until a window shows something other than `before`.
    pub(crate) fn wait_for_change_in(&self, part: &str, before: &[u8], why: &str) {
        let until = Instant::now() + WAIT;
        while self.window_picture(part) == before {
            assert!(Instant::now() < until, "nothing changes: {why}");
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until a screen without a caret comes to rest, and gives what it shows then.
    pub(crate) fn rest(&self) -> Vec<u8> {
        self.unchanged_for(REST)
    }

    /// Waits until a screen with a caret comes to rest.
    pub(crate) fn rest_beside_caret(&self) {
        self.unchanged_for(REST_BESIDE_CARET);
    }

    fn unchanged_for(&self, rest: Duration) -> Vec<u8> {
        let until = Instant::now() + WAIT;
        let mut last = self.picture();
        let mut since = Instant::now();
        while since.elapsed() < rest {
            assert!(Instant::now() < until, "the screen does not come to rest");
            std::thread::sleep(5 * LOOK);
            let now = self.picture();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        last
    }

    /// Presses keys that put a caret somewhere, and waits until it is there.
    pub(crate) fn press_for_caret(&self, keys: &[&str]) {
        let before = self.rest();
        self.press(keys);
        self.wait_for_change(&before, &format!("{keys:?} was pressed"));
        self.rest_beside_caret();
    }
}

fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
