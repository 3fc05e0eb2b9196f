//! Checks what compilers and linters do not see in the tree's own text files.
//!
//! # Role
//! Sizes, first lines, words, colours, spaces and links. Each rule is a function from one file's
//! text to faults; [`check`] applies all of them to all files.
//!
//! # Not here
//! Formatting (rustfmt) and code (clippy). Words for people: the crate that holds them tests them.

use std::path::Path;

use crate::Outcome;
use crate::program::root;
use crate::purity::has_word;

/// Lines in a Rust file; 100 to 600 are the aim.
const FILE_LINES_MAX: usize = 700;

/// Lines from `fn` to its closing brace; under 70 are the aim.
const FUNCTION_LINES_MAX: usize = 120;

/// Paths that exist on one machine only. Written in two halves, so that this file passes itself.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/t", "mp/"),
    concat!("/wo", "rk/"),
];

/// Marks of unfinished work.
const UNFINISHED: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("X", "XX"),
];

const IGNORED_TEST: &str = concat!("#[", "ignore");

const TEXT_ENDINGS: &[&str] = &["rs", "toml", "md", "sh", "ftl", "json", "yml", "yaml"];

/// Folders with text files that have no ending: scripts.
const SCRIPT_FOLDERS: &[&str] = &[".ci/", "scripts/"];

/// Where backticks in a document stand for a path of this tree.
const TREE_FOLDERS: &[&str] = &["app/", "crates/", "docs/", "scripts/", "tests/"];

const ARCHITECTURE: &str = "docs/architecture.md";

/// A line and what is wrong there.
type Fault = (usize, String);

/// Applies all rules to all text files of the tree.
///
/// # Errors
/// The list of faults, or a folder that cannot be read.
pub(crate) fn check() -> Outcome {
    let root = root();
    let files = texts(&root)?;
    let mut faults = Vec::new();
    for (path, text) in &files {
        let exists = |target: &str| root.join(target).exists();
        let mut found = faults_of_file(path, text);
        found.extend(broken_paths(path, text, exists));
        faults.extend(
            found
                .into_iter()
                .map(|(line, what)| format!("{path}:{line} {what}")),
        );
    }
    faults.extend(unlisted_decisions(&files));
    if faults.is_empty() {
        Ok(Vec::new())
    } else {
        Err(format!(
            "{} faults in the tree's files:\n  {}",
            faults.len(),
            faults.join("\n  ")
        ))
    }
}

/// All text files below a folder with their paths from it, in order; build folders, git's own and
/// files that are not UTF-8 left out.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn texts(root: &Path) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !matches!(entry.file_name().to_str(), Some(".git" | "target")) {
                    folders.push(path);
                }
            } else if let Ok(name) = path.strip_prefix(root)
                && let Some(name) = name.to_str()
                && is_text(name)
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                files.push((name.to_owned(), text));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_text(path: &str) -> bool {
    let ending = Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str());
    match ending {
        Some(ending) => TEXT_ENDINGS.contains(&ending),
        None => SCRIPT_FOLDERS.iter().any(|folder| path.starts_with(folder)),
    }
}

fn faults_of_file(path: &str, text: &str) -> Vec<Fault> {
    let mut faults = spaces(text);
    faults.extend(words(text));
    if path.ends_with(".rs") {
        faults.extend(first_line(text));
        faults.extend(sizes(text));
        faults.extend(ignored_tests(text));
        if path.starts_with("app/src/") && !path.starts_with("app/src/theme") {
            faults.extend(raw_colours(text));
        }
    }
    faults
}

fn spaces(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in numbered(text) {
        if line.ends_with([' ', '\t', '\r']) {
            faults.push((number, "ends in white space".to_owned()));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        faults.push((text.lines().count(), "the last line has no end".to_owned()));
    }
    faults
}

fn words(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in numbered(text) {
        let paths = MACHINE_PATHS.iter().filter(|path| line.contains(**path));
        faults.extend(paths.map(|path| (number, format!("names a path of one machine, {path}"))));
        let marks = UNFINISHED.iter().filter(|mark| has_word(line, mark));
        faults.extend(marks.map(|mark| (number, format!("marks unfinished work, {mark}"))));
    }
    faults
}

fn first_line(text: &str) -> Option<Fault> {
    let documented = text.starts_with("//! ");
    (!documented).then(|| {
        (
            1,
            "does not open with a sentence on what it is for, `//! …`".to_owned(),
        )
    })
}

fn ignored_tests(text: &str) -> Vec<Fault> {
    numbered(text)
        .filter(|(_, line)| line.trim_start().starts_with(IGNORED_TEST))
        .map(|(number, _)| (number, "a test that is never run".to_owned()))
        .collect()
}

/// Sizes of the file and of its functions. A function ends at the first closing brace below it with
/// its own indentation, which rustfmt ensures.
fn sizes(text: &str) -> Vec<Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let mut faults = Vec::new();
    if lines.len() > FILE_LINES_MAX {
        faults.push((
            lines.len(),
            format!("the file is longer than {FILE_LINES_MAX} lines"),
        ));
    }
    for (index, line) in lines.iter().enumerate() {
        let indentation = line.len() - line.trim_start().len();
        if !is_function(line) || line.ends_with([';', '}']) {
            continue;
        }
        let end = lines[index + 1..].iter().position(|later| {
            let same = later.len() - later.trim_start().len() == indentation;
            same && (later.trim_start().starts_with('}') || later.ends_with(';'))
        });
        let length = end.map_or(1, |end| end + 2);
        if length > FUNCTION_LINES_MAX {
            faults.push((
                index + 1,
                format!("a function of {length} lines, {FUNCTION_LINES_MAX} are allowed"),
            ));
        }
    }
    faults
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let before = line.split_once("fn ").map(|(before, _)| before.trim());
    before.is_some_and(|before| {
        before.split_whitespace().all(|word| {
            word.starts_with("pub") || matches!(word, "const" | "async" | "unsafe" | "extern")
        })
    })
}

fn raw_colours(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in numbered(text) {
        if line.trim_start().starts_with("//") {
            continue;
        }
        let makes_colour = ["Color32::", "Rgba::", "Hsva::"].iter().any(|kind| {
            line.match_indices(kind).any(|(start, _)| {
                let rest = &line[start + kind.len()..];
                let named = rest.starts_with(|letter: char| letter.is_ascii_uppercase());
                let neutral = rest.starts_with("TRANSPARENT") || rest.starts_with("PLACEHOLDER");
                rest.starts_with("from_") || rest.starts_with("new(") || (named && !neutral)
            })
        });
        if makes_colour || line.contains("hex_color!") {
            faults.push((
                number,
                "makes a colour: colours come from app/src/theme.rs".to_owned(),
            ));
        }
    }
    faults
}

/// Relative links of a Markdown file, and paths in backticks of a living document, that lead
/// nowhere. Decision records and the changelog speak of their own day, so only their links count.
fn broken_paths(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Fault> {
    if !path.ends_with(".md") {
        return Vec::new();
    }
    let living = path != "CHANGELOG.md" && !path.starts_with("docs/decisions/");
    let folder = Path::new(path).parent().unwrap_or_else(|| Path::new(""));
    let mut faults = Vec::new();
    for (number, line) in numbered(text) {
        for target in line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = target.split('#').next().unwrap_or_default();
            let relative = !target.is_empty() && !target.contains("://");
            if relative && !exists(&folder.join(target).to_string_lossy()) {
                faults.push((number, format!("links to {target}, which does not exist")));
            }
        }
        for quoted in line.split('`').skip(1).step_by(2).filter(|_| living) {
            let in_tree = TREE_FOLDERS.iter().any(|folder| quoted.starts_with(folder));
            let plain = quoted
                .chars()
                .all(|letter| letter.is_alphanumeric() || "/._-".contains(letter));
            if in_tree && plain && !exists(quoted) {
                faults.push((number, format!("names {quoted}, which does not exist")));
            }
        }
    }
    faults
}

/// Decision records that are misnamed, share a number, or are missing from the architecture's list.
fn unlisted_decisions(files: &[(String, String)]) -> Vec<String> {
    let listed = files
        .iter()
        .find(|(path, _)| path == ARCHITECTURE)
        .map_or("", |(_, text)| text);
    let mut faults = Vec::new();
    let mut last = "";
    for name in files
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("docs/decisions/"))
    {
        let (number, rest) = name.split_at_checked(4).unwrap_or((name, ""));
        if !number.chars().all(|digit| digit.is_ascii_digit()) || !rest.starts_with('-') {
            faults.push(format!("docs/decisions/{name} is not called NNNN-title.md"));
        }
        if number == last {
            faults.push(format!(
                "docs/decisions/{name} has the number of another record"
            ));
        }
        if !listed.contains(&format!("(decisions/{name})")) {
            faults.push(format!(
                "docs/decisions/{name} is not linked from {ARCHITECTURE}"
            ));
        }
        last = number;
    }
    faults
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n')
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let mut found = faults_of_file(path, text);
        found.extend(broken_paths(path, text, |target| target == "docs/cli.md"));
        let found: Vec<(usize, &str)> = found
            .iter()
            .map(|(line, what)| (*line, what.as_str()))
            .collect();
        assert_eq!(found, expected, "{path}: {text}");
    }

    #[test]
    fn a_tidy_file_passes() {
        check(
            "crates/a/src/lib.rs",
            "//! Says what it is for.\n\npub fn f() {}\n",
            &[],
        );
        check(
            "README.md",
            "See [the forms](docs/cli.md#init), `docs/cli.md`, `cargo test`.\n",
            &[],
        );
        check(
            "docs/a.md",
            "[site](https://example.org) [here](#part)\n",
            &[],
        );
    }

    #[test]
    fn spaces_and_missing_ends_are_found() {
        check(
            "a.toml",
            "a = 1 \nb = 2",
            &[(1, "ends in white space"), (2, "the last line has no end")],
        );
    }

    #[test]
    fn machine_paths_and_unfinished_work_are_found() {
        let text = format!(
            "see {}x\n{}: later\nmasTODOn\n",
            MACHINE_PATHS[0], UNFINISHED[1]
        );
        let path = format!("names a path of one machine, {}", MACHINE_PATHS[0]);
        let mark = format!("marks unfinished work, {}", UNFINISHED[1]);
        check("docs/a.md", &text, &[(1, &path), (2, &mark)]);
    }

    #[test]
    fn modules_open_with_a_sentence_and_tests_are_run() {
        let text = format!("use std::fmt;\n    {IGNORED_TEST} = \"slow\"]\n");
        check(
            "crates/a/src/lib.rs",
            &text,
            &[
                (
                    1,
                    "does not open with a sentence on what it is for, `//! …`",
                ),
                (2, "a test that is never run"),
            ],
        );
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let body = "        x();\n".repeat(FUNCTION_LINES_MAX - 3);
        let within =
            format!("//! M.\n    pub(crate) fn f(\n        a: u8,\n    ) {{\n{body}    }}\n");
        let lines = FUNCTION_LINES_MAX + 1;
        let message = format!("a function of {lines} lines, {FUNCTION_LINES_MAX} are allowed");
        check("a.rs", &within, &[(2, &message)]);
        check("a.rs", &within.replacen("        x();\n", "", 1), &[]);
        check(
            "a.rs",
            "//! M.\ntrait T {\n    fn f(\n        &self,\n    );\n}\n",
            &[],
        );

        let long = format!("//! M.\n{}", "//\n".repeat(FILE_LINES_MAX));
        let message = format!("the file is longer than {FILE_LINES_MAX} lines");
        check("a.rs", &long, &[(FILE_LINES_MAX + 1, &message)]);
    }

    #[test]
    fn raw_colours_are_found_outside_the_theme() {
        let text = "//! M.\nlet a = Color32::from_rgb(1, 2, 3);\nlet b = egui::Color32::RED;\n\
                    let c = Color32::TRANSPARENT;\n// Color32::RED\nfn f(c: Color32) {}\n";
        let fault = "makes a colour: colours come from app/src/theme.rs";
        check("app/src/pages/today.rs", text, &[(2, fault), (3, fault)]);
        check("app/src/theme.rs", text, &[]);
        check("app/src/theme/contrast.rs", text, &[]);
    }

    #[test]
    fn links_and_paths_that_lead_nowhere_are_found() {
        let text = "[gone](docs/gone.md) and `crates/gone.rs` but `crates/*/src`\n";
        check(
            "README.md",
            text,
            &[
                (1, "links to docs/gone.md, which does not exist"),
                (1, "names crates/gone.rs, which does not exist"),
            ],
        );
        check("docs/decisions/0001-a.md", "`crates/gone.rs`\n", &[]);
    }

    #[test]
    fn decision_records_are_named_numbered_and_listed() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = [
            file(
                ARCHITECTURE,
                "[one](decisions/0001-one.md) [two](decisions/0001-two.md)",
            ),
            file("docs/decisions/0001-one.md", ""),
            file("docs/decisions/0001-two.md", ""),
            file("docs/decisions/three.md", ""),
        ];
        assert_eq!(
            unlisted_decisions(&files),
            [
                "docs/decisions/0001-two.md has the number of another record",
                "docs/decisions/three.md is not called NNNN-title.md",
                "docs/decisions/three.md is not linked from docs/architecture.md",
            ]
        );
    }
}
