//! Erasing and fresh copies as people do them on the command line.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use cairn_e2e::{Notebook, pair};
use serde_json::{Value, json};

fn add(notebook: &Notebook, title: &str) -> String {
    let added = notebook.json(&["goal", "add", "--title", title]);
    added["document"].as_str().unwrap().to_owned()
}

fn couple() -> (Notebook, Notebook) {
    let client = Notebook::new("client", "Ada");
    let therapist = Notebook::new("therapist", "Bo");
    pair(&client, &therapist);
    (client, therapist)
}

/// What a command says to people.
fn said(notebook: &Notebook, words: &[&str]) -> String {
    let output = notebook.command(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Exchanges once; gives what the therapist's notebook told meanwhile.
fn meet(client: &Notebook, therapist: &Notebook) -> Vec<Value> {
    let (mut serving, address) = therapist.serve();
    client.json(&["sync", "--peer", &address]);
    serving.wait_for("disconnected");
    assert_eq!(serving.interrupt(), Some(0));
    serving.seen().to_vec()
}

fn answered(report: &Value) -> Vec<(bool, bool)> {
    let devices = report["devices"].as_array().unwrap().iter();
    let facts = devices.map(|one| (one["this"] == true, one["removed"].is_string()));
    facts.collect()
}

#[test]
fn an_erased_goal_is_removed_where_it_was_shared_and_the_owner_sees_it() {
    let (client, therapist) = couple();
    let goal = add(&client, "Walk");
    let kept = add(&client, "Sleep");
    for document in [&goal, &kept] {
        client.json(&["share", document, "--with", "Bo", "--role", "write"]);
    }
    meet(&client, &therapist);
    assert_eq!(therapist.shared_view(&goal)["title"], "Walk");
    let why = therapist.refused(&["erase", &goal], 1);
    assert!(why.contains("only the owner"), "{why}");
    // Written before the two meet again: the owner never had it.
    therapist.json(&["goal", "set", &goal, "why=never arrives"]);

    let report = client.json(&["erase", &goal]);
    assert_eq!(answered(&report), [(true, true), (false, false)]);
    assert_eq!(report["successor"], Value::Null);
    assert_eq!(therapist.shared_view(&goal)["title"], "Walk");
    let told = meet(&client, &therapist);
    let erased = json!({ "event": "erased", "document": goal, "drafts": 1 });
    assert!(told.contains(&erased), "{told:?}");

    let drafts = therapist.json(&["drafts", &goal]);
    assert_eq!(drafts[0]["texts"], json!(["never arrives"]));
    assert_eq!(client.json(&["drafts", &goal]), json!([]));
    let report = client.json(&["erase", &goal]);
    assert_eq!(answered(&report), [(true, true), (false, true)]);
    let consent = client.json(&["consent", &goal]);
    let lines = consent.as_array().unwrap();
    assert_eq!(lines.len(), 2);
    let asked = lines.iter().find(|line| line["erase"] == true).unwrap();
    assert_eq!(asked["person"], therapist.person());
    assert!(asked["receipt"].is_string());
    for notebook in [&client, &therapist] {
        let why = notebook.refused(&["goal", "show", &goal], 1);
        assert!(why.contains("was erased"), "{why}");
        let goals = notebook.json(&["goal", "list"]);
        assert_eq!(goals.as_array().unwrap().len(), 1);
        assert_eq!(goals[0]["document"], json!(kept));
        notebook.refused(&["goal", "rate", &goal, "4"], 1);
        notebook.refused(&["history", &goal], 1);
        notebook.json(&["changes"]);
        notebook.verify();
    }
    let why = client.refused(&["share", &goal, "--with", "Bo", "--role", "read"], 1);
    assert!(why.contains("was erased"), "{why}");
    let unknown = add(&therapist, "Elsewhere");
    let why = client.refused(&["erase", &unknown], 1);
    assert!(why.contains("no such document"), "{why}");
}

#[test]
fn a_fresh_copy_goes_on_for_both_with_what_is_shown_now() {
    let (client, therapist) = couple();
    let old = add(&client, "Walk");
    client.json(&["goal", "set", &old, "why=because of Mabel"]);
    client.json(&["share", &old, "--with", "Bo", "--role", "write"]);
    meet(&client, &therapist);
    therapist.json(&["goal", "rate", &old, "7", "--note", "better"]);
    meet(&client, &therapist);
    client.json(&["goal", "set", &old, "why=for fresh air"]);

    let copied = client.json(&["fresh-copy", &old]);
    assert_eq!(copied["replaces"], json!(old));
    let new = copied["document"].as_str().unwrap();
    assert_ne!(new, old);
    meet(&client, &therapist);
    let view = client.shared_view(new);
    assert_eq!(view, therapist.shared_view(new));
    assert_eq!(
        (&view["title"], &view["why"]),
        (&json!("Walk"), &json!("for fresh air"))
    );
    assert_eq!(view["ratings"][0]["copied_from"], therapist.person());
    assert_eq!(view["ratings"][0]["writer"], client.person());
    let shown = said(&client, &["goal", "show", new]);
    assert!(shown.contains("copied by Ada, unproven"), "{shown}");
    let report = client.json(&["erase", &old]);
    assert_eq!(report["successor"], json!(new));
    assert_eq!(answered(&report), [(true, true), (false, true)]);
    let consent = client.json(&["consent", new]);
    assert_eq!(
        (&consent[0]["role"], &consent[0]["in_force"]),
        (&json!("write"), &json!(true))
    );
    therapist.json(&["goal", "rate", new, "8"]);
    let why = client.refused(&["fresh-copy", &old], 1);
    assert!(why.contains("was erased"), "{why}");
    let why = therapist.refused(&["fresh-copy", new], 1);
    assert!(why.contains("only the owner"), "{why}");
}

#[test]
fn sharing_keeps_the_id_unless_a_fresh_copy_is_asked_for() {
    let (client, therapist) = couple();
    let share = |document: &str, more: &[&str]| {
        let words = ["share", document, "--with", "Bo", "--role", "read"];
        client.json(&[&words[..], more].concat())
    };
    let (plain, asked, old) = (
        add(&client, "One"),
        add(&client, "Two"),
        add(&client, "Mabel"),
    );
    client.json(&["goal", "set", &old, "title=Three"]);
    assert_eq!(share(&plain, &[])["document"], json!(plain));
    assert_eq!(share(&asked, &["--with-history"])["document"], json!(asked));
    let fresh = share(&old, &["--fresh"]);
    let new = fresh["document"].as_str().unwrap();
    assert_ne!(new, old);
    client.refused(
        &[
            "share",
            new,
            "--with",
            "Bo",
            "--role",
            "read",
            "--fresh",
            "--with-history",
        ],
        2,
    );
    meet(&client, &therapist);
    for (document, title) in [(plain.as_str(), "One"), (&asked, "Two"), (new, "Three")] {
        assert_eq!(therapist.shared_view(document)["title"], title);
    }
    // The old one was never shared: nobody else hears of it.
    let why = therapist.refused(&["consent", &old], 1);
    assert!(why.contains("no such document"), "{why}");
    let history = therapist.json(&["history", new]);
    assert_eq!(history.as_array().unwrap().len(), 1);

    // Whoever shares words that were removed before is told so.
    let told = |document: &str, more: &[&str]| {
        let words = ["share", document, "--with", "Bo", "--role", "read"];
        said(&client, &[&words[..], more].concat())
    };
    let again = add(&client, "Mabel");
    client.json(&["goal", "set", &again, "title=Four"]);
    assert!(told(&again, &[]).contains("--fresh"));
    assert!(!told(&again, &[]).contains("--fresh"), "it is out already");
    assert!(!told(&add(&client, "Five"), &[]).contains("--fresh"));
}
