//! The contract of `docs/cli.md`: shapes, exit codes, refusals.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod examples;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use cairn_e2e::{Notebook, pair};
use examples::Examples;
use serde_json::{Value, json};

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn every_answer_has_the_shape_of_its_example() {
    let mut examples = Examples::read();
    let mut check = |command: &str, answers: &[Value]| examples.check(command, answers);
    let client = Notebook::new("client", "Ada");
    let therapist = Notebook::new("therapist", "Bo");

    let mut offer = client.start(&["pair", "offer", "--listen", "127.0.0.1:0", "--as", "Dr Bo"]);
    let offered = offer.next_value();
    let (code, address) = (text(&offered["code"]), text(&offered["address"]));
    let accepted = therapist.json(&["pair", "accept", &code, "--peer", &address]);
    check("pair accept", &[accepted]);
    check("pair offer", &[offered, offer.next_value()]);
    assert_eq!(offer.end(), Some(0));

    let added = client.json(&["goal", "add", "--title", "Walk", "--kind", "growth"]);
    let goal = text(&added["document"]);
    check("goal add", &[added]);
    let run = |words: &[&str]| {
        let words: Vec<&str> = words
            .iter()
            .map(|word| word.replace("DOC", &goal).leak() as &str)
            .collect();
        client.json(&words)
    };
    check(
        "goal set",
        &[run(&[
            "goal",
            "set",
            "DOC",
            "why=air",
            "good-enough=twice",
            "title=Walk",
        ])],
    );
    let step = run(&["goal", "step", "add", "DOC", "buy shoes"]);
    check(
        "goal step done",
        &[run(&[
            "goal",
            "step",
            "done",
            "DOC",
            step["step"].as_str().unwrap(),
        ])],
    );
    check("goal step add", &[step]);
    let at = "2026-11-20T21:14:00+01:00";
    let rating = run(&["goal", "rate", "DOC", "4", "--note", "- so so", "--at", at]);
    check("goal rate", &[rating]);
    check(
        "share",
        &[run(&["share", "DOC", "--with", "Dr Bo", "--role", "write"])],
    );
    check("goal propose", &[run(&["goal", "propose", "DOC"])]);
    let shown = run(&["goal", "show", "DOC"]);
    assert_eq!(
        shown["ratings"][0]["at"],
        json!({"at_millis": 1_795_205_640_000_i64, "offset_minutes": 60})
    );
    assert_eq!(shown["here"]["shared_with"], json!([therapist.person()]));
    check("goal show", &[shown]);
    check("goal list", &[run(&["goal", "list"])]);
    check("changes", &[run(&["changes"])]);
    check("goal pause", &[run(&["goal", "pause", "DOC"])]);
    check("goal resume", &[run(&["goal", "resume", "DOC"])]);
    check("mood add", &[run(&["mood", "add", "4"])]);
    check("mood list", &[run(&["mood", "list"])]);

    let (mut serving, address) = therapist.serve();
    check("sync", &[run(&["sync", "--peer", &address])]);
    check(
        "goal close",
        &[run(&["goal", "close", "DOC", "--outcome", "good-enough"])],
    );
    let last = serving.wait_for("disconnected");
    assert_eq!(last["person"], client.person());
    assert_eq!(serving.interrupt(), Some(0));
    check("serve", serving.seen());
    let goal_there = therapist.json(&["goal", "show", &goal]);
    let digest = text(&goal_there["proposals"][0]["digest"]);
    check(
        "goal accept",
        &[therapist.json(&["goal", "accept", &goal, "--digest", &digest])],
    );

    check("consent", &[run(&["consent", "DOC"])]);
    check("history", &[run(&["history", "DOC"])]);
    check(
        "unshare",
        &[run(&["unshare", "DOC", "--with", therapist.person()])],
    );
    let drafts = refused_drafts(&client, &therapist, &goal);
    check("drafts", &[drafts]);
    let copied = run(&["fresh-copy", "DOC"]);
    let copy = text(&copied["document"]);
    check("fresh-copy", &[copied]);
    check("erase", &[client.json(&["erase", &copy])]);
    check("people", &[run(&["people"])]);
    check("devices", &[run(&["devices"])]);
    check("whoami", &[run(&["whoami"])]);
    let bookmarked = client.json(&["bookmark", "add", "before the holidays"]);
    check("bookmark add", &[bookmarked]);
    check("bookmark list", &[run(&["bookmark", "list"])]);
    check(
        "bookmark remove",
        &[run(&["bookmark", "remove", "before the holidays"])],
    );
    check("verify", &[run(&["verify"])]);
    check("doctor", &[run(&["doctor"])]);
    check(
        "import history",
        &[import(&client, r#"{"run":["mood","add","3"]}"#)],
    );
    let made = init(&client, "second", &["--json"]);
    check("init", &[serde_json::from_slice(&made.stdout).unwrap()]);
    examples.all_were_checked();
}

/// What is kept aside of a rating that somebody gave who may only read.
fn refused_drafts(client: &Notebook, therapist: &Notebook, goal: &str) -> Value {
    therapist.json(&["goal", "rate", goal, "7", "--note", "better"]);
    client.json(&["share", goal, "--with", "Dr Bo", "--role", "read"]);
    let (mut serving, address) = therapist.serve();
    client.json(&["sync", "--peer", &address]);
    serving.wait_for("disconnected");
    assert_eq!(serving.interrupt(), Some(0));
    therapist.json(&["drafts", goal])
}

/// Makes another vault beside the one of a notebook.
fn init(notebook: &Notebook, vault: &str, words: &[&str]) -> Output {
    Command::new(cairn_e2e::cairn_cli())
        .current_dir(notebook.folder())
        .env(
            "CAIRN_PASSPHRASE_FILE",
            notebook.folder().join("passphrase"),
        )
        .args(["--vault", vault, "init", "--role", "client", "--name", "Cy"])
        .args(["--kdf-memory-kib", "64"])
        .args(words)
        .output()
        .unwrap()
}

fn import(notebook: &Notebook, lines: &str) -> Value {
    notebook.json(&["import", "history", &history_file(notebook, lines)])
}

fn history_file(notebook: &Notebook, lines: &str) -> String {
    let file = notebook.folder().join("history.jsonl");
    fs::write(&file, lines).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_history_is_imported_with_names_and_stops_at_a_bad_line() {
    let notebook = Notebook::new("client", "Ada");
    let lines = [
        r#"{"run":["goal","add","--title","@home"],"as":"g1"}"#,
        r#"{"run":["goal","step","add","@g1","buy shoes"],"as":"shoes"}"#,
        "",
        r#"{"run":["goal","step","add","@g1","--","- lace them"]}"#,
        r#"{"run":["goal","step","done","@g1","@shoes"]}"#,
        r#"{"run":["goal","step","done","@g1","@g1.steps.1"]}"#,
        r#"{"run":["goal","rate","@g1","4","--at","2020-03-01T10:00:00+01:00"]}"#,
        r#"{"run":["mood","add","7","--at","2020-03-01T10:00:00Z"]}"#,
        r#"{"run":["mood","add","7","--at","2021-03-01T10:00:00Z"]}"#,
    ];
    let report = import(&notebook, &lines.join("\n"));
    assert_eq!(
        (&report["lines"], &report["changes"]),
        (&json!(8), &json!(8))
    );
    assert_eq!(report["documents"], 3);
    let goals = notebook.json(&["goal", "list"]);
    let goal = notebook.shared_view(goals[0]["document"].as_str().unwrap());
    assert_eq!(goal["title"], "@home");
    assert!(
        goal["steps"]
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["done"].is_object())
    );
    assert_eq!(goal["steps"][1]["text"], "- lace them");
    assert_eq!(goal["ratings"][0]["at"]["offset_minutes"], 60);
    assert_eq!(
        notebook.json(&["mood", "list"])[0]["at"]["at_millis"],
        1_583_056_800_000_i64
    );

    let check = |line: &str, reason: &str| {
        let lines =
            format!("{{\"run\":[\"mood\",\"add\",\"5\"]}}\n\n{line}\n{{\"run\":[\"whoami\"]}}");
        let before = notebook.json(&["mood", "list"]).as_array().unwrap().len();
        let why = notebook.refused(&["import", "history", &history_file(&notebook, &lines)], 1);
        assert!(
            why.contains("line 3: ") && why.contains(reason),
            "{line}: {why}"
        );
        let after = notebook.json(&["mood", "list"]).as_array().unwrap().len();
        assert_eq!(after, before + 1, "the line before it stays");
    };
    check("not JSON", "not a line of commands");
    check(r#"{"run":["goal","dance"]}"#, "dance");
    check(r#"{"run":["mood","add","11"]}"#, "0..=10");
    check(r#"{"run":["goal","pause","@nobody"]}"#, "not a valid id");
    check(r#"{"run":["serve"]}"#, "runs on its own");
    check(r#"{"run":["goal","list"],"as":"x"}"#, "made nothing");
}

#[test]
fn wrong_usage_ends_with_two() {
    let notebook = Notebook::new("client", "Ada");
    let goal = notebook.json(&["goal", "add", "--title", "Walk"]);
    let goal = goal["document"].as_str().unwrap();
    let mistyped = format!(
        "{}{}",
        &goal[..goal.len() - 1],
        if goal.ends_with('x') { 'y' } else { 'x' }
    );
    let check = |words: &[&str], reason: &str| {
        let why = notebook.refused(words, 2);
        assert!(why.contains(reason), "{words:?}: {why}");
    };
    check(&[], "Usage");
    check(&["dance"], "unrecognized");
    check(&["goal", "show"], "<DOC>");
    check(&["goal", "show", &mistyped], "check characters");
    check(&["goal", "rate", goal, "11"], "0..=10");
    check(
        &["goal", "rate", goal, "5", "--at", "yesterday"],
        "not a time",
    );
    check(&["goal", "set", goal, "colour=red"], "the fields are");
    check(&["goal", "set", goal, "kind=other"], "the kind is one of");
    check(
        &["goal", "close", goal, "--outcome", "failed"],
        "possible values",
    );
    check(
        &["init", "--role", "boss", "--name", "Ada"],
        "possible values",
    );
    check(&["pair", "accept", "12345678"], "--peer");
    check(&["sync", "--timeout", "0"], "1..=86400");
    check(&["serve", "--listen", "nowhere"], "invalid");

    let run = |command: &mut Command| command.output().unwrap().status.code();
    assert_eq!(
        run(notebook.command(&["whoami"]).env("CAIRN_LOG", "loud")),
        Some(2)
    );
    let mut no_vault = Command::new(cairn_e2e::cairn_cli());
    assert_eq!(run(no_vault.arg("whoami")), Some(2));
}

#[test]
fn what_cannot_be_done_is_refused_with_one() {
    let notebook = Notebook::new("client", "Ada");
    let goal = notebook.json(&["goal", "add", "--title", "Walk"]);
    let goal = goal["document"].as_str().unwrap();
    let elsewhere = Notebook::new("client", "Eve");
    let unknown = elsewhere.json(&["goal", "add", "--title", "Walk"]);
    let unknown = unknown["document"].as_str().unwrap();
    let before = notebook.json(&["goal", "show", goal]);
    let check = |words: &[&str], reason: &str| {
        let why = notebook.refused(words, 1);
        assert!(why.contains(reason), "{words:?}: {why}");
    };
    check(&["init", "--role", "client", "--name", "Ada"], "already");
    check(&["goal", "show", unknown], "no such document");
    check(&["history", unknown], "no such document");
    check(&["consent", unknown], "no such document");
    check(&["goal", "resume", goal], "the goal is open now");
    check(
        &["goal", "step", "done", goal, "aaaaaaaaaaaaaaaa"],
        "no such step",
    );
    check(&["goal", "propose", goal], "two to eight");
    check(&["goal", "accept", goal], "no proposed wording");
    check(
        &["goal", "set", goal, &format!("title={}", "x".repeat(301))],
        "too long",
    );
    check(
        &["share", goal, "--with", "Nobody", "--role", "read"],
        "nobody with this name",
    );
    check(
        &[
            "share",
            goal,
            "--with",
            elsewhere.person(),
            "--role",
            "read",
        ],
        "not paired",
    );
    check(&["sync"], "not paired with anybody");
    check(&["pair", "accept", "cairn1nonsense"], "ticket");
    check(&["pair", "accept", "123", "--peer", "127.0.0.1:1"], "code");
    check(&["import", "history", "missing.jsonl"], "cannot be read");
    assert_eq!(notebook.json(&["goal", "show", goal]), before);
}

#[test]
fn people_are_found_by_name_id_and_the_beginning_of_an_id() {
    let client = Notebook::new("client", "Ada");
    let one = Notebook::new("therapist", "Bo");
    let other = Notebook::new("supporter", "Bo");
    pair(&one, &client);
    pair(&other, &client);
    let goal = client.json(&["goal", "add", "--title", "Walk"]);
    let goal = goal["document"].as_str().unwrap();
    let share = |with: &str| ["share", goal, "--with", with, "--role", "read"].map(str::to_owned);
    let refused = |with: &str| {
        let words = share(with);
        client.refused(&words.each_ref().map(String::as_str), 1)
    };
    assert!(refused("Bo").contains("more than one person"));
    assert!(refused(&one.person()[..7]).contains("nobody with this name"));
    for with in [
        one.person(),
        &one.person()[..8],
        &one.person()[..20].to_uppercase(),
    ] {
        let words = share(with);
        let shared = client.json(&words.each_ref().map(String::as_str));
        assert_eq!(shared["person"], one.person());
    }
}

#[test]
fn a_vault_in_use_is_left_alone_at_once() {
    let notebook = Notebook::new("client", "Ada");
    let (mut serving, _address) = notebook.serve();
    for words in [
        &["whoami"][..],
        &["verify"],
        &["goal", "add", "--title", "Walk"],
    ] {
        let why = notebook.refused(words, 1);
        assert!(why.contains("open in another program"), "{why}");
    }
    assert_eq!(serving.interrupt(), Some(0));
    assert_eq!(notebook.json(&["goal", "list"]), json!([]));
}

#[test]
fn only_the_right_passphrase_opens() {
    let notebook = Notebook::new("client", "Ada");
    let file = notebook.folder().join("passphrase");
    fs::write(&file, "another one\n").unwrap();
    assert!(
        notebook
            .refused(&["whoami"], 1)
            .contains("the passphrase does not open")
    );
    // The option stands above the environment.
    let right = notebook.folder().join("right");
    fs::write(&right, "correct horse battery").unwrap();
    notebook.json(&["whoami", "--passphrase-file", right.to_str().unwrap()]);
    fs::remove_file(&file).unwrap();
    assert!(notebook.refused(&["whoami"], 1).contains("cannot be read"));
}

#[test]
fn the_recovery_code_goes_into_a_new_file_of_its_owner() {
    let notebook = Notebook::new("client", "Ada");
    let folder = notebook.folder();
    let made = init(&notebook, "second", &["--recovery-file", "code"]);
    assert_eq!(made.status.code(), Some(0));
    let file = folder.join("code");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let code = fs::read_to_string(&file).unwrap();
    let letters = code.trim_end().replace('-', "");
    assert_eq!((letters.len(), code.lines().count()), (36, 1));
    let printed = [made.stdout, made.stderr].concat();
    assert!(!String::from_utf8_lossy(&printed).contains(code.trim_end()));

    // It is never overwritten, and then no notebook is made.
    let refused = init(&notebook, "third", &["--recovery-file", "code"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&file).unwrap(), code);
    assert!(!folder.join("third").exists());
    // No notebook, no code.
    let refused = init(&notebook, "second", &["--recovery-file", "more"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!folder.join("more").exists());
}

#[test]
fn a_damaged_vault_does_not_verify() {
    let notebook = Notebook::new("client", "Ada");
    notebook.json(&["goal", "add", "--title", "Walk"]);
    notebook.verify();
    let file = notebook.vault().join("vault.db");
    let mut bytes = fs::read(&file).unwrap();
    let last_page = bytes.len() - 2000;
    bytes[last_page] ^= 1;
    fs::write(&file, bytes).unwrap();
    let run = notebook.run(&["verify"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(
        run.stderr.contains("damaged") || run.stderr.contains("faults"),
        "{}",
        run.stderr
    );
}

#[test]
fn nobody_reading_is_no_failure() {
    let notebook = Notebook::new("client", "Ada");
    let mut command = notebook.command(&["goal", "add", "--title", "Walk"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(
        notebook.json(&["goal", "list"]).as_array().unwrap().len(),
        1
    );
}

#[test]
fn help_names_every_command_and_none_that_is_not_there() {
    let notebook = Notebook::new("client", "Ada");
    let help = notebook.command(&["--help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8(help.stdout).unwrap();
    let named: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.starts_with(|letter: char| letter.is_ascii_lowercase()))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let commands = [
        "init",
        "whoami",
        "goal",
        "mood",
        "share",
        "unshare",
        "consent",
        "drafts",
        "erase",
        "fresh-copy",
        "pair",
        "people",
        "devices",
        "serve",
        "sync",
        "import",
        "bookmark",
        "history",
        "changes",
        "verify",
        "doctor",
        "help",
    ];
    assert_eq!(named, commands);
}

#[test]
fn without_json_the_same_is_said_in_words() {
    let notebook = Notebook::new("client", "Ada");
    let say = |words: &[&str]| {
        let run = notebook.command(words).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{words:?}");
        String::from_utf8(run.stdout).unwrap()
    };
    assert!(say(&["goal", "list"]).contains("No goals yet"));
    let goal = say(&["goal", "add", "--title", "Walk"]);
    let goal = goal.split_whitespace().last().unwrap();
    assert!(say(&["goal", "list"]).contains("Walk"));
    say(&["goal", "rate", goal, "4", "--note", "slowly"]);
    let shown = say(&["goal", "show", goal]);
    assert!(shown.contains("Walk") && shown.contains("4 of 10") && shown.contains("slowly"));
    let history = say(&["history", goal]);
    assert!(history.contains("You began this") && history.contains("You rated this 4: “slowly”"));
    let before = say(&["history", goal, "--at", "2001-01-01T00:00:00Z"]);
    assert!(before.contains("Nothing has changed"));
    assert!(say(&["changes"]).contains("You rated this 4: “slowly”"));
    assert!(say(&["bookmark", "list"]).contains("No bookmarks yet"));
    say(&["bookmark", "add", "here"]);
    assert!(say(&["bookmark", "list"]).contains("here"));
    let nothing = say(&["changes", "--since", "here"]);
    assert!(nothing.contains("Since “here”") && nothing.contains("Nothing has changed"));
    assert!(say(&["goal", "show", goal, "--as-of", "here"]).contains("As it was"));
    assert!(say(&["verify"]).contains("all in order"));
    assert!(say(&["whoami"]).contains("Ada, client"));
    assert!(say(&["doctor"]).contains("faults in its pages: 0"));
    assert!(say(&["people"]).contains("Not paired"));
    assert!(say(&["consent", goal]).contains("Only you"));
}
