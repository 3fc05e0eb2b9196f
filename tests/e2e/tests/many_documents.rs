//! What it costs to meet again with many documents: what changed, and next to nothing for the rest.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use cairn_e2e::{Notebook, pair};
use serde_json::{Value, json};

const THERAPIST: &str = "Bartholomew";

/// Runs commands in one process.
fn import(notebook: &Notebook, commands: &[Value]) {
    let lines: Vec<String> = commands.iter().map(Value::to_string).collect();
    let file = notebook.folder().join("commands.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let done = notebook.json(&["import", "history", file.to_str().unwrap()]);
    assert_eq!(done["lines"], commands.len());
}

/// Both start anew, and one calls the other once.
fn sync(client: &Notebook, therapist: &Notebook) -> Value {
    let (mut serving, address) = therapist.serve();
    let report = client.json(&["sync", "--peer", &address]);
    assert_eq!(serving.interrupt(), Some(0));
    report
}

fn bytes(report: &Value) -> u64 {
    let both = ["sent_bytes", "received_bytes"];
    both.iter().map(|name| report[name].as_u64().unwrap()).sum()
}

/// The bytes are those of the UDP packets, with what QUIC adds and acknowledges, and without the
/// handshakes. The trips are answers that the caller waited for, the hello included.
#[test]
fn of_a_thousand_documents_only_those_that_changed_are_read_and_sent() {
    let client = Notebook::new("client", "Zsuzsanna");
    let therapist = Notebook::new("therapist", THERAPIST);
    pair(&therapist, &client);
    let mut made = Vec::new();
    for number in 0..1_000 {
        let title = format!("Walk to the park, way {number}");
        made.push(json!({ "run": ["goal", "add", "--title", title], "as": "g" }));
        made.push(json!({ "run": ["share", "@g", "--with", THERAPIST, "--role", "write"] }));
    }
    import(&client, &made);
    let report = sync(&client, &therapist);
    assert_eq!(report["documents"], 1_000, "{report}");
    assert_eq!(report["changes_sent"], 1_000, "{report}");

    let report = sync(&client, &therapist);
    assert_eq!(report["documents"], 1_000, "{report}");
    assert_eq!(report["documents_loaded"], 0, "{report}");
    assert_eq!(report["documents_differing"], 0, "{report}");
    assert_eq!(report["round_trips"], 1, "{report}");
    assert!(bytes(&report) <= 500, "{report}");

    let goals = client.json(&["goal", "list"]);
    let goals = goals.as_array().unwrap().iter().step_by(100);
    let goals: Vec<&str> = goals
        .map(|goal| goal["document"].as_str().unwrap())
        .collect();
    assert_eq!(goals.len(), 10);
    let changed: Vec<Value> = goals
        .iter()
        .map(|goal| json!({ "run": ["goal", "set", goal, "title=Walk by the river"] }))
        .collect();
    import(&client, &changed);
    let report = sync(&client, &therapist);
    assert_eq!(report["documents_loaded"], 10, "{report}");
    assert_eq!(report["documents_differing"], 10, "{report}");
    assert_eq!(report["changes_sent"], 10, "{report}");
    assert!(bytes(&report) <= 12_000, "{report}");
    for goal in goals {
        assert_eq!(therapist.shared_view(goal), client.shared_view(goal));
    }
}
