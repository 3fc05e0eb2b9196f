//! Two people edit one goal apart and meet: everything of both is in it, proven, and readable
//! nowhere but in the notebooks.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::path::Path;

use cairn_e2e::{Notebook, files_with, pair};
use serde_json::{Value, json};

const CLIENT: &str = "Zsuzsanna Quillfeather";
const THERAPIST: &str = "Bartholomew Wheatear";
const WORDS: &[&str] = &[
    "Zsuzsanna",
    "Quillfeather",
    "Bartholomew",
    "Wheatear",
    "Walk to the park",
    "every morning",
    "every evening",
    "Stroll to the park",
    "borrow the red bicycle",
    "slower than hoped",
    "fresh air at last",
];

fn found(notebooks: [&Notebook; 2]) -> Vec<(std::path::PathBuf, String)> {
    let folders: Vec<_> = notebooks
        .iter()
        .flat_map(|notebook| notebook.sealed())
        .collect();
    let folders: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
    files_with(&folders, WORDS)
}

/// The history without ids and times: who, and what.
fn told(history: &Value) -> Vec<(String, String)> {
    let lines = history.as_array().unwrap().iter();
    lines
        .flat_map(|line| {
            assert_eq!(line["proven"], true, "{line}");
            let name = line["name"].as_str().unwrap();
            let facts = line["changes"].as_array().unwrap().iter();
            facts.map(move |fact| (name.to_owned(), fact["what"].as_str().unwrap().to_owned()))
        })
        .collect()
}

#[test]
fn edits_made_apart_merge_and_are_proven_and_leave_no_plain_text() {
    let client = Notebook::new("client", CLIENT);
    let therapist = Notebook::new("therapist", THERAPIST);
    let added = client.json(&[
        "goal",
        "add",
        "--title",
        "Walk to the park every morning",
        "--why",
        "fresh air at last",
        "--kind",
        "behaviour",
    ]);
    let goal = added["document"].as_str().unwrap();
    pair(&therapist, &client);
    client.json(&["share", goal, "--with", THERAPIST, "--role", "write"]);

    let (mut serving, address) = therapist.serve();
    let report = client.json(&["sync", "--peer", &address]);
    assert_eq!(report["documents"], 1);
    assert_eq!(report["changes_sent"], 1);
    assert_eq!(found([&client, &therapist]), [], "while one of them serves");
    assert_eq!(serving.interrupt(), Some(0));
    assert_eq!(therapist.shared_view(goal), client.shared_view(goal));

    client.json(&["goal", "set", goal, "title=Walk to the park every evening"]);
    client.json(&["goal", "step", "add", goal, "borrow the red bicycle"]);
    therapist.json(&[
        "goal",
        "set",
        goal,
        "title=Stroll to the park every morning",
    ]);
    therapist.json(&["goal", "rate", goal, "4", "--note", "slower than hoped"]);
    assert_ne!(therapist.shared_view(goal), client.shared_view(goal));

    let (mut serving, address) = therapist.serve();
    let report = client.json(&["sync", "--peer", &address]);
    assert_eq!(report["changes_received"], 2);
    assert_eq!(found([&client, &therapist]), [], "while one of them serves");
    serving.signal("TERM");
    assert_eq!(serving.end(), Some(0));

    let merged = client.shared_view(goal);
    assert_eq!(therapist.shared_view(goal), merged);
    assert_eq!(merged["title"], "Stroll to the park every evening");
    assert_eq!(merged["steps"][0]["text"], "borrow the red bicycle");
    assert_eq!(merged["ratings"][0]["value"], 4);
    assert_eq!(merged["ratings"][0]["writer"], therapist.person());

    for notebook in [&client, &therapist] {
        let verified = notebook.verify();
        assert_eq!(
            (&verified["documents"], &verified["changes"]),
            (&json!(1), &json!(5))
        );
        let mut told = told(&notebook.json(&["history", goal]));
        told.sort();
        let expected = [
            (THERAPIST, "rated"),
            (THERAPIST, "title-changed"),
            (CLIENT, "created"),
            (CLIENT, "step-added"),
            (CLIENT, "title-changed"),
        ];
        assert_eq!(
            told,
            expected.map(|(name, what)| (name.to_owned(), what.to_owned()))
        );
    }
    let here = &client.json(&["goal", "show", goal])["here"];
    assert_eq!(here["delivered_to"], json!([therapist.person()]));
    assert_eq!(here["saved"], true);

    assert_eq!(found([&client, &therapist]), [], "when all is closed");
    a_planted_title_is_found(&client, &therapist);
}

/// The search can find: a title in the middle of other bytes, in a folder of its own.
fn a_planted_title_is_found(client: &Notebook, therapist: &Notebook) {
    let folder = client.vault().join("planted");
    std::fs::create_dir(&folder).unwrap();
    let mut bytes = vec![0xff, 0, b'W', b'W'];
    bytes.extend_from_slice(b"Walk to the park every");
    std::fs::write(folder.join("page"), bytes).unwrap();
    assert_eq!(
        found([client, therapist]),
        [(folder.join("page"), "Walk to the park".to_owned())]
    );
}

#[test]
fn nothing_is_readable_on_the_disk_while_many_edits_are_written() {
    let client = Notebook::new("client", CLIENT);
    let mut lines = vec![json!({
        "run": ["goal", "add", "--title", "Walk to the park every morning"],
        "as": "g",
    })];
    for number in 0..300 {
        let text = format!("borrow the red bicycle {number}");
        lines.push(json!({ "run": ["goal", "step", "add", "@g", text] }));
    }
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let file = client.folder().join("history.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut import = client.start(&["import", "history", file.to_str().unwrap()]);
    let mut searches = 0;
    while client.vault().join("vault.db-wal").exists() || searches == 0 {
        assert_eq!(found([&client, &client]), []);
        searches += 1;
    }
    assert_eq!(import.end(), Some(0));
    assert_eq!(import.next_value()["changes"], 301);
    assert_eq!(found([&client, &client]), []);
    // The steps are there for who has the passphrase.
    let goals = client.json(&["goal", "list"]);
    let goal = client.shared_view(goals[0]["document"].as_str().unwrap());
    assert_eq!(goal["steps"][299]["text"], "borrow the red bicycle 299");
}
