//! A notebook that listens, in a process of its own, for tests that attack it: what it is to do
//! comes line by line, what happens is told line by line.

use std::io::{BufRead, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use cairn_e2e::hostile::PASSPHRASE;
use cairn_model::{GoalCommand, GoalKind, TextField};
use cairn_node::secret::Passphrase;
use cairn_node::{DocumentId, GrantRole, Node, NodeEvent, PersonId, ShareTerms};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("no vault named")?.into();
    let node = Node::open(&folder, &Passphrase::new(PASSPHRASE))?;
    let mut events = node.subscribe();
    let telling = move || {
        // Nothing is told any more once nobody reads: the test is over.
        while let Some(event) = events.next_within(Duration::from_secs(3600)) {
            if tell(&told(&event)).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new()
        .name("events".into())
        .spawn(telling)?;
    node.listen((Ipv4Addr::LOCALHOST, 0).into())?;
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let answer = answer(&node, &asked)?;
        tell(&json!({ "answer": answer }))?;
    }
    node.shutdown();
    Ok(())
}

fn tell(value: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

fn told(event: &NodeEvent) -> Value {
    match event {
        NodeEvent::Listening { address } => {
            json!({ "event": "listening", "address": address.to_string() })
        }
        NodeEvent::Connected { person } => {
            json!({ "event": "connected", "person": person.to_string() })
        }
        NodeEvent::Disconnected { person } => {
            json!({ "event": "disconnected", "person": person.to_string() })
        }
        NodeEvent::Changed {
            document,
            by_others,
        } => json!({
            "event": "changed",
            "document": document.to_string(),
            "by_others": by_others,
        }),
        NodeEvent::Refused {
            document,
            person,
            by_peer,
            reasons,
        } => json!({
            "event": "refused",
            "document": document.to_string(),
            "person": person.to_string(),
            "by_peer": by_peer,
            "reasons": reasons,
        }),
        NodeEvent::BatchRefused {
            document,
            person,
            error,
        } => json!({
            "event": "batch-refused",
            "document": document.to_string(),
            "person": person.to_string(),
            "error": format!("{error:?}"),
        }),
        other => json!({ "event": "other", "is": format!("{other:?}") }),
    }
}

fn answer(node: &Node, asked: &Value) -> Result<Value, Failure> {
    let text = |field: &str| asked[field].as_str().ok_or("a text is missing");
    let document = || -> Result<DocumentId, Failure> { Ok(text("document")?.parse()?) };
    let person = || -> Result<PersonId, Failure> { Ok(text("person")?.parse()?) };
    Ok(match text("do")? {
        "title" => {
            let command = GoalCommand::SetText {
                field: TextField::Title,
                text: text("text")?.into(),
            };
            node.edit_goal(document()?, &command)?;
            Value::Null
        }
        "kind" => {
            node.edit_goal(document()?, &GoalCommand::SetKind(Some(GoalKind::Growth)))?;
            Value::Null
        }
        "rate" => {
            let command = GoalCommand::Rate {
                value: 3,
                note: "".into(),
                at: None,
                copied_from: None,
            };
            node.edit_goal(document()?, &command)?;
            Value::Null
        }
        "propose" => {
            let wording = node.goal(document()?)?.wording;
            let command = GoalCommand::Propose {
                wording,
                parties: vec![person()?.to_string()],
                reason: "".into(),
            };
            node.edit_goal(document()?, &command)?;
            Value::Null
        }
        "goal" => serde_json::to_value(&*node.goal(document()?)?)?,
        "unshare" => {
            node.unshare(document()?, person()?)?;
            Value::Null
        }
        "share" => {
            let terms = ShareTerms {
                role: GrantRole::Write,
                purpose: "again".into(),
                expires_millis: None,
            };
            node.share(document()?, person()?, terms)?;
            Value::Null
        }
        "roles" => {
            let lines = node.consent(document()?).into_iter();
            let in_force = lines.filter(|line| line.in_force);
            in_force
                .map(|line| json!([line.grantee.to_string(), line.role]))
                .collect()
        }
        "writers" => {
            let lines = node.history(document()?)?.into_iter();
            lines
                .map(|line| json!([line.person.map(|one| one.to_string()), line.proven]))
                .collect()
        }
        "devices" => {
            let asked = person()?;
            let people = node.people().into_iter();
            let devices = people
                .filter(|line| line.person == asked)
                .flat_map(|line| line.devices);
            devices.map(|device| device.to_string()).collect()
        }
        "faults" => json!(format!("{:?}", node.verify()?.faults)),
        other => return Err(format!("{other} is unknown").into()),
    })
}
