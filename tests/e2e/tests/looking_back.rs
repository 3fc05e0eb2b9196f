//! Bookmarks, what changed since, and goals as they were, through the command line.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use cairn_e2e::{Notebook, pair};
use serde_json::{Value, json};

fn couple() -> (Notebook, Notebook, String) {
    let client = Notebook::new("client", "Ada");
    let therapist = Notebook::new("therapist", "Bo");
    pair(&client, &therapist);
    let goal = client.json(&["goal", "add", "--title", "Walk"]);
    let goal = goal["document"].as_str().unwrap().to_owned();
    client.json(&["share", &goal, "--with", "Bo", "--role", "write"]);
    (client, therapist, goal)
}

fn meet(client: &Notebook, therapist: &Notebook) {
    let (mut serving, address) = therapist.serve();
    client.json(&["sync", "--peer", &address]);
    assert_eq!(serving.interrupt(), Some(0));
}

fn sentences(document: &Value) -> Vec<&str> {
    let told = document["sentences"].as_array().unwrap().iter();
    told.map(|told| told["sentence"].as_str().unwrap())
        .collect()
}

/// The sentences of the one goal that changed.
fn only(changes: &Value) -> Vec<&str> {
    let documents = changes["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1, "{changes}");
    sentences(&documents[0])
}

#[test]
fn what_changed_since_we_last_met_is_told_on_both_sides_with_authors() {
    let (client, therapist, goal) = couple();
    client.json(&["goal", "rate", &goal, "4"]);
    client.json(&["goal", "add", "--title", "Nobody else’s"]);
    meet(&client, &therapist);
    for (notebook, other, documents) in [(&client, &therapist, 2), (&therapist, &client, 1)] {
        let bookmarks = notebook.json(&["bookmark", "list"]);
        let [met] = bookmarks.as_array().unwrap().as_slice() else {
            panic!("{bookmarks}")
        };
        assert_eq!(met["bookmark"], format!("met:{}", other.person()));
        assert_eq!(met["person"], other.person());
        assert_eq!(met["documents"], documents);
    }
    let nothing = client.json(&["changes", "--with", "Bo"]);
    assert_eq!(nothing["documents"], json!([]));

    client.json(&["goal", "rate", &goal, "6", "--note", "slowly"]);
    client.json(&["goal", "set", &goal, "title=Walk far"]);
    client.json(&["goal", "set", &goal, "title=Walk far away"]);
    client.json(&["mood", "add", "3"]);
    client.json(&["mood", "add", "5"]);
    therapist.json(&["goal", "step", "add", &goal, "buy shoes"]);
    // Soon after the last, so it is the same meeting, and what arrives is new since it began.
    meet(&client, &therapist);
    let here = client.json(&["changes", "--with", "Bo"]);
    assert_eq!(
        only(&here),
        [
            "You rated this 6 (was 4): “slowly”",
            "You changed the words",
            "Bo added a step: “buy shoes”"
        ]
    );
    let changed = &here["documents"][0];
    assert_eq!(changed["title_before"], "Walk");
    assert_eq!(changed["title"], "Walk far away");
    assert_eq!(changed["new"], false);
    assert_eq!(changed["sentences"][1]["count"], 2);
    let there = therapist.json(&["changes", "--since", "met:Ada"]);
    let mut told = only(&there);
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "Ada changed the words",
            "Ada rated this 6 (was 4): “slowly”",
            "You added a step: “buy shoes”"
        ]
    );
    let all = client.json(&["changes", "--since", "met:Bo"]);
    let kinds: Vec<&Value> = all["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| &document["kind"])
        .collect();
    assert_eq!(
        kinds.len(),
        2,
        "the goal, and the moods that nobody else sees"
    );
    let moods = all["documents"].as_array().unwrap().iter();
    let moods: Vec<&Value> = moods.filter(|one| one["kind"] == "mood-log").collect();
    assert_eq!(moods[0]["new"], true);
    assert_eq!(sentences(moods[0]), ["You noted 2 moods"]);
}

#[test]
fn what_arrives_late_is_new_since_the_bookmark_all_the_same() {
    let (client, therapist, goal) = couple();
    meet(&client, &therapist);
    // Written before the bookmark is set, and arrived after it.
    therapist.json(&["goal", "rate", &goal, "7"]);
    client.json(&["goal", "set", &goal, "why=air"]);
    client.json(&["bookmark", "add", "Tuesday 10:30"]);
    meet(&client, &therapist);
    client.json(&["goal", "pause", &goal]);

    let since = ["--since", "Tuesday 10:30"];
    let changes = client.json(&["changes", since[0], since[1]]);
    assert_eq!(only(&changes), ["Bo rated this 7", "You paused this"]);
    let history = client.json(&["history", &goal, since[0], since[1]]);
    let what: Vec<&Value> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["changes"][0]["what"])
        .collect();
    assert_eq!(what, ["rated", "state-changed"]);

    let then = client.json(&["goal", "show", &goal, "--as-of", "Tuesday 10:30"]);
    assert_eq!(then["why"], "air");
    assert_eq!(then["state"], "open");
    assert_eq!(then["ratings"], json!([]));
    assert_eq!(then["as_of"]["bookmark"], "Tuesday 10:30");
    assert_eq!(then.get("here"), None);
    let now = client.json(&["goal", "show", &goal]);
    assert_eq!(now["state"], "paused");
    assert_eq!(now.get("as_of"), None);
}

#[test]
fn a_goal_is_read_as_of_any_time_and_refused_before_it_was_there() {
    let notebook = Notebook::new("client", "Ada");
    let later = |run: &[&str]| notebook.json(run);
    later(&["bookmark", "add", "at first"]);
    let goal = later(&["goal", "add", "--title", "Walk"]);
    let goal = goal["document"].as_str().unwrap().to_owned();
    later(&["goal", "rate", &goal, "4"]);
    let show = |words: &[&str]| {
        let all: Vec<&str> = ["goal", "show", &goal]
            .into_iter()
            .chain(words.iter().copied())
            .collect();
        notebook.json(&all)
    };
    let far = "2999-01-01T00:00:00Z";
    let mut now = show(&[]);
    let mut then = show(&["--at", far]);
    assert_eq!(then["as_of"]["at"], far);
    assert_eq!(then["as_of"]["heads"].as_array().unwrap().len(), 1);
    now.as_object_mut().unwrap().remove("here");
    then.as_object_mut().unwrap().remove("as_of");
    assert_eq!(then, now);
    let past = "2001-01-01T01:00:00+01:00";
    let refuse = |words: &[&str], reason: &str| {
        let why = notebook.refused(words, 1);
        assert!(why.contains(reason), "{why}");
    };
    refuse(&["goal", "show", &goal, "--at", past], "not there yet");
    refuse(
        &["goal", "show", &goal, "--as-of", "at first"],
        "not there yet",
    );
    refuse(
        &["goal", "show", &goal, "--as-of", "nowhere"],
        "no bookmark of this name",
    );
    assert_eq!(notebook.json(&["history", &goal, "--at", past]), json!([]));
    let all = notebook.json(&["history", &goal, "--at", far, "--since", "at first"]);
    assert_eq!(all, notebook.json(&["history", &goal]));
    notebook.refused(
        &["goal", "show", &goal, "--at", far, "--as-of", "at first"],
        2,
    );
}

#[test]
fn bookmarks_are_listed_removed_and_refused_in_one_sentence() {
    let notebook = Notebook::new("client", "Ada");
    let refuse = |words: &[&str], reason: &str| {
        let why = notebook.refused(words, 1);
        assert!(why.contains(reason), "{why}");
    };
    notebook.json(&["bookmark", "add", " spring "]);
    refuse(&["bookmark", "add", "spring"], "of this name already");
    refuse(&["bookmark", "add", ""], "1 to 100 characters");
    refuse(
        &["bookmark", "add", &"x".repeat(101)],
        "1 to 100 characters",
    );
    refuse(&["bookmark", "add", "met:Bo"], "1 to 100 characters");
    let met = format!("met:{}", notebook.person());
    refuse(&["bookmark", "add", &met], "set by meeting");
    refuse(
        &["bookmark", "remove", "summer"],
        "no bookmark of this name",
    );
    refuse(
        &["changes", "--since", "summer"],
        "no bookmark of this name",
    );
    refuse(&["changes", "--since", "met:Bo"], "nobody with this name");
    let lines: Vec<String> = (1..100)
        .map(|number| json!({"run": ["bookmark", "add", format!("number {number}")]}).to_string())
        .collect();
    let file = notebook.folder().join("bookmarks.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    notebook.json(&["import", "history", file.to_str().unwrap()]);
    refuse(&["bookmark", "add", "one more"], "100 bookmarks already");
    notebook.json(&["bookmark", "remove", "spring"]);
    notebook.json(&["bookmark", "add", "one more"]);
    let list = notebook.json(&["bookmark", "list"]);
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 100);
    assert_eq!(list[0]["bookmark"], "number 1");
    assert_eq!(list[99]["bookmark"], "one more");
}
