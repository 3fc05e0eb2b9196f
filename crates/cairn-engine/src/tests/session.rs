//! A recorded session: two people who pair, meet, write apart, meet again, and part.

use std::collections::BTreeSet;

use automerge::transaction::Transactable;
use automerge::{ChangeHash, ObjType, ROOT, ReadDoc};
use serde_json::{Value, json};

use super::compare;
use super::json::{hashes, hex, statement};
use super::world::{OWNERS_KEY, World};
use crate::id::DocumentId;
use crate::statement::Role;

/// A goal with a title, a step and a rating.
fn goal(world: &mut World, side: usize, title: &str) -> DocumentId {
    world.create(side, 1, |tx| {
        tx.put(ROOT, "schema", 1).unwrap();
        let text = tx.put_object(ROOT, "title", ObjType::Text).unwrap();
        tx.splice_text(&text, 0, 0, title).unwrap();
        let steps = tx.put_object(ROOT, "steps", ObjType::Map).unwrap();
        let step = tx.put_object(&steps, "first", ObjType::Map).unwrap();
        tx.put(&step, "done", false).unwrap();
    })
}

/// Bytes that look like none before.
fn noise(length: usize) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().finalize_xof();
    let mut bytes = vec![0; length];
    reader.fill(&mut bytes);
    bytes
}

/// Puts words at the end of the title.
fn append(world: &mut World, side: usize, document: DocumentId, words: &str) -> ChangeHash {
    world.edit(side, document, |tx| {
        let (_, title) = tx.get(ROOT, "title").unwrap().unwrap();
        let end = tx.length(&title);
        tx.splice_text(&title, end, 0, words).unwrap();
    })
}

/// Overwrites and deletes: predecessors, and actors of others.
fn correct(world: &mut World, side: usize, document: DocumentId, done: bool) {
    world.edit(side, document, |tx| {
        let (_, title) = tx.get(ROOT, "title").unwrap().unwrap();
        tx.splice_text(&title, 0, 2, "Wé").unwrap();
        let (_, steps) = tx.get(ROOT, "steps").unwrap().unwrap();
        let (_, step) = tx.get(&steps, "first").unwrap().unwrap();
        tx.put(&step, "done", done).unwrap();
        tx.put(ROOT, "rating", 7.5).unwrap();
    });
}

/// What a side has of a document in the end.
fn known(world: &World, side: usize, document: DocumentId) -> (Vec<ChangeHash>, Vec<ChangeHash>) {
    let Some(automerge) = world.engine(side).read(document) else {
        return (Vec::new(), Vec::new());
    };
    let mut all: Vec<ChangeHash> = automerge
        .get_changes(&[])
        .iter()
        .map(|change| change.hash())
        .collect();
    all.sort_unstable();
    (automerge.get_heads(), all)
}

fn person(world: &World, side: usize) -> Value {
    let engine = world.engine(side);
    let roster = engine.roster(engine.person());
    json!({
        "person": hex(engine.person().as_bytes()),
        "device": hex(engine.device().as_bytes()),
        "roster": roster
            .iter()
            .map(|bytes| json!({ "bytes": hex(bytes), "fields": statement(bytes) }))
            .collect::<Value>(),
        "roster_digest": hex(&engine.roster_digest(engine.person(), world.engine(1 - side).person())),
    })
}

#[test]
fn a_recorded_session_is_as_it_was() {
    let mut world = World::new();
    world.pair();
    let walk = goal(&mut world, 0, "Walk by the river");
    let sleep = goal(&mut world, 0, "Sleep");
    let read_only = goal(&mut world, 0, "Lent books");
    let private = goal(&mut world, 0, "Nobody reads this");
    let theirs = goal(&mut world, 1, "Questions for next time");
    for day in ["on Monday", "on Tuesday", "on Wednesday"] {
        append(&mut world, 0, walk, day);
    }
    world.share(0, walk, Role::Write);
    world.share(0, sleep, Role::Write);
    world.share(0, read_only, Role::Read);
    world.share(1, theirs, Role::Write);
    // Too large for one piece.
    let large = world.create(0, 1, |tx| tx.put(ROOT, "noise", noise(33_000)).unwrap());
    world.share(0, large, Role::Read);
    // The first meeting: each side offers what the other lacks.
    world.connect();
    world.disconnect();

    // Apart: both write in one document, each in another, and there is a new one.
    append(&mut world, 0, walk, ", slowly");
    correct(&mut world, 0, walk, true);
    append(&mut world, 1, walk, ", with Ann");
    correct(&mut world, 1, walk, false);
    append(&mut world, 0, sleep, " early");
    append(&mut world, 1, theirs, " – and this");
    let new = goal(&mut world, 0, "New since then");
    world.share(0, new, Role::Read);
    world.connect();
    // Together: what is written arrives at once.
    append(&mut world, 0, walk, "!");
    append(&mut world, 1, walk, "?");
    // A change against the rules is refused, and what is written later is not built on it.
    let refused = world.edit(1, walk, |tx| tx.put(ROOT, OWNERS_KEY, 1).unwrap());
    append(&mut world, 1, walk, " Yes.");
    // Consent ends: the statement arrives and nothing after it.
    world.share(0, sleep, Role::None);
    let after = append(&mut world, 0, sleep, " – not for others");
    world.disconnect();
    // Nothing differs, as far as both should know: a hello each.
    world.connect();
    world.disconnect();
    assert_eq!(world.recorded()[2]["frames"].as_array().unwrap().len(), 2);

    let documents = [walk, sleep, read_only, theirs, large, new];
    let mut listed: Vec<Value> = Vec::new();
    for id in documents {
        let sides = [known(&world, 0, id), known(&world, 1, id)];
        let one = |(heads, all): &(Vec<ChangeHash>, Vec<ChangeHash>)| json!({ "heads": hashes(heads), "changes": hashes(all) });
        assert_eq!(sides[0] == sides[1], id != sleep);
        listed.push(json!({
            "document": hex(id.as_bytes()),
            "dialler": one(&sides[0]),
            "listener": one(&sides[1]),
        }));
    }
    assert_eq!(known(&world, 1, private), (Vec::new(), Vec::new()));
    let recorded = world.recorded();
    let kinds: BTreeSet<&str> = recorded
        .iter()
        .flat_map(|connection| connection["frames"].as_array().unwrap())
        .map(|frame| frame["message"]["kind"].as_str().unwrap())
        .collect();
    let all = [
        "acknowledgement",
        "changes",
        "credit",
        "heads",
        "hello",
        "piece",
        "ranges",
        "refusal",
        "statements",
        "synced",
    ];
    assert!(kinds.into_iter().eq(all));
    compare(
        "session.json",
        &json!({
            "about": "Three connections between the same two devices, every frame in the order in \
                      which it was sent, and what it says. Made by the engine, see docs/testing.md.",
            "dialler": person(&world, 0),
            "listener": person(&world, 1),
            "connections": recorded,
            "documents": listed,
            "refused": [hex(&refused.0)],
            "unsent": {
                "documents": [hex(private.as_bytes())],
                "changes": [hex(&after.0)],
            },
        }),
    );
}
