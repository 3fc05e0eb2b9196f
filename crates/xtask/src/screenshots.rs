//! Pictures of every page, made from a made-up notebook without a screen.
//!
//! # Role
//! Starts its own X server for each size, has the gallery example of the window draw one page after
//! the other, and takes a picture of each. The pictures in the documents are made here too.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::Outcome;
use crate::program::{self, cargo, root};

/// Pages of the gallery.
const PAGES: &[&str] = &[
    "welcome",
    "unlock",
    "today",
    "empty-today",
    "therapist",
    "empty-therapist",
    "goals",
    "empty-goals",
    "new-goal",
    "goal",
    "people",
    "empty-people",
    "pair",
    "code",
    "palette",
];

const THEMES: &[&str] = &["light", "dark"];

/// In pixels: a small old screen, and a usual one.
const SIZES: &[(u32, u32)] = &[(800, 600), (1440, 900)];

/// What the documents show: page, theme, size.
const DOCUMENTED: &[(&str, &str, (u32, u32))] = &[
    ("today", "light", (1440, 900)),
    ("goal", "light", (1440, 900)),
    ("goal", "dark", (1440, 900)),
    ("people", "light", (1440, 900)),
];

/// Where the pictures of the documents are.
const DOCUMENTED_IN: &str = "docs/pictures";

/// Programs that are needed, with their Debian packages.
const NEEDED: &[(&str, &str)] = &[
    ("Xvfb", "xvfb"),
    ("import", "imagemagick"),
    ("convert", "imagemagick"),
];

/// Takes pictures of every page, in both themes and all sizes.
///
/// # Errors
/// A program that is missing, with its package, or one that failed.
pub(crate) fn all(folder: &Path) -> Outcome {
    let wanted = SIZES.iter().flat_map(|size| {
        let pages = PAGES.iter();
        pages.flat_map(move |page| THEMES.iter().map(move |theme| (*page, *theme, *size)))
    });
    take(folder, wanted.collect())
}

/// Takes the pictures that the documents show, with colours reduced so that they stay small.
///
/// # Errors
/// As [`all`].
pub(crate) fn documented() -> Outcome {
    let folder = root().join(DOCUMENTED_IN);
    let remarks = take(&folder, DOCUMENTED.to_vec())?;
    for (page, theme, size) in DOCUMENTED {
        let file = folder.join(file_name(page, theme, *size));
        let mut convert = program::program("convert", &[&file]);
        // 128 colours are enough for flat grounds and smooth letters.
        convert.args(["+dither", "-colors", "128"]);
        convert.args(["-define", "png:compression-level=9"]);
        convert.args(["-define", "png:compression-filter=0", "-strip"]);
        convert.arg(format!("PNG8:{}", file.display()));
        program::run(convert)?;
    }
    Ok(remarks)
}

fn file_name(page: &str, theme: &str, (width, height): (u32, u32)) -> String {
    format!("{page}-{theme}-{width}x{height}.png")
}

fn take(folder: &Path, wanted: Vec<(&str, &str, (u32, u32))>) -> Outcome {
    let missing: Vec<String> = NEEDED
        .iter()
        .filter(|(name, _)| !is_installed(name))
        .map(|(name, package)| format!("{name} (Debian package {package})"))
        .collect();
    if !missing.is_empty() {
        return Err(format!("pictures need {}", missing.join(" and ")));
    }
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let gallery = gallery()?;
    for size in SIZES {
        let of_size: Vec<_> = wanted.iter().filter(|one| one.2 == *size).collect();
        if of_size.is_empty() {
            continue;
        }
        let screen = Screen::start(*size)?;
        for (page, theme, size) in of_size {
            let file = folder.join(file_name(page, theme, *size));
            screen.picture(&gallery, page, theme, &file)?;
        }
    }
    let count = wanted.len();
    Ok(vec![format!(
        "{count} pictures are in {}",
        folder.display()
    )])
}

fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Builds the gallery and finds where cargo put it.
fn gallery() -> Result<PathBuf, String> {
    let arguments = [
        "build",
        "--locked",
        "--package",
        "cairn",
        "--example",
        "gallery",
    ];
    let mut build = cargo(&arguments);
    build.arg("--message-format=json-render-diagnostics");
    let messages = program::read(build)?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "gallery")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo does not say where it put the gallery".to_owned())
}

/// A process that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Running {
    /// Starts a process and waits for the first line that it prints.
    fn until_first_line(mut command: Command) -> Result<(Self, String), String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let started = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut running =
            Self(started.map_err(|error| format!("{name} could not be started: {error}"))?);
        let mut line = String::new();
        if let Some(printed) = running.0.stdout.take() {
            BufReader::new(printed)
                .read_line(&mut line)
                .map_err(|error| format!("{name} cannot be read: {error}"))?;
        }
        if line.is_empty() {
            return Err(format!("{name} ended before it was ready"));
        }
        Ok((running, line.trim().to_owned()))
    }
}

/// An X server of its own, as large as the window on it.
struct Screen {
    size: (u32, u32),
    display: String,
    _server: Running,
}

impl Screen {
    fn start((width, height): (u32, u32)) -> Result<Self, String> {
        let screen = format!("{width}x{height}x24");
        // The server picks a free number and prints it. It would start anew after each window.
        let mut server = program::program("Xvfb", &["-displayfd", "1", "-noreset"]);
        server.args(["-nolisten", "tcp", "-screen", "0", &screen]);
        let (server, number) = Running::until_first_line(server)?;
        Ok(Self {
            size: (width, height),
            display: format!(":{number}"),
            _server: server,
        })
    }

    fn picture(&self, gallery: &Path, page: &str, theme: &str, file: &Path) -> Result<(), String> {
        let (width, height) = (self.size.0.to_string(), self.size.1.to_string());
        let arguments = [page, theme, &width, &height, "100", "still"];
        let mut command = Command::new(gallery);
        command
            .args(arguments)
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null());
        let (_window, _drawn) = Running::until_first_line(command)?;
        let mut import = program::program("import", &["-window", "root", "-strip"]);
        import.arg(file).env("DISPLAY", &self.display);
        program::run(import)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_documents_show_is_among_all_pages_and_sizes() {
        for (page, theme, size) in DOCUMENTED {
            assert!(PAGES.contains(page), "{page}");
            assert!(THEMES.contains(theme), "{theme}");
            assert!(SIZES.contains(size), "{size:?}");
        }
    }

    #[test]
    fn a_program_that_prints_nothing_is_not_ready() {
        let silent = program::program("true", &[] as &[&str]);
        assert!(Running::until_first_line(silent).is_err());
        let speaking = program::program("echo", &["99"]);
        let line = Running::until_first_line(speaking).map(|(_, line)| line);
        assert_eq!(line, Ok("99".to_owned()));
        assert!(!is_installed("no such program"));
    }
}
