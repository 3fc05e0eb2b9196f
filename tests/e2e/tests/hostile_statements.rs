//! Old consent, old rosters, chosen actors and questions about what one may not know.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use automerge::transaction::Transactable;
use automerge::{ActorId, ROOT, ReadDoc};
use cairn_e2e::hostile::{Device, Scene, question, statements_frame};
use cairn_engine::{
    DeviceAdded, DeviceRevoked, DocumentContent, DocumentId, Refusal, SignedStatement, Statement,
    actor_of, content_frame,
};
use serde_json::{Value, json};

fn scene() -> Scene {
    Scene::start(env!("CARGO_BIN_EXE_cairn-victim"))
}

fn names(frame: &[u8], document: DocumentId) -> bool {
    frame.windows(16).any(|bytes| bytes == document.as_bytes())
}

/// Who wrote the changes of the shared goal, as the victim proves them.
fn writers(scene: &mut Scene) -> Vec<Value> {
    let writers = scene.victim.ask_about(scene.shared, "writers");
    writers.as_array().unwrap().clone()
}

/// Waits until the attacker has every change of the shared goal that the victim has.
fn has_all(scene: &mut Scene) {
    scene.attacker.is_heard(scene.shared);
    let count = writers(scene).len();
    let has = |scene: &Scene| scene.attacker.engine().history(scene.shared, 0);
    while has(scene).unwrap().len() < count {
        scene.attacker.hear().unwrap();
    }
}

#[test]
fn a_replayed_grant_does_not_bring_consent_back() {
    let mut scene = scene();
    let attacker = scene.attacker.person().to_string();
    let mut old: Vec<Vec<u8>> = scene.attacker.heard().to_vec();
    old.retain(|frame| frame[0] == 2);
    assert!(old.len() >= 2, "the grants came in frames of statements");
    let (change, salt) = scene.attacker.put(scene.shared, "k");
    let changes = vec![change.bytes()];
    let frame = scene
        .attacker
        .batch(scene.shared, &[salt], changes, change.hash());
    let taken_back = json!({
        "do": "unshare",
        "document": scene.shared.to_string(),
        "person": attacker,
    });
    scene.victim.ask(&taken_back);
    scene.attacker.is_heard(scene.calm);
    let before = writers(&mut scene);

    for again in &old {
        scene.attacker.send(again);
    }
    scene.attacker.send(&frame);
    scene.attacker.is_heard(scene.calm);
    scene.attacker.hang_up();
    scene.attacker.connect(scene.victim.address());
    scene.attacker.settle();
    for again in &old {
        scene.attacker.send(again);
    }
    scene.attacker.send(&frame);
    scene.served();
    let heads = scene.attacker.engine().heads(scene.shared);
    scene.attacker.is_heard(scene.calm);

    let roles = scene.victim.ask_about(scene.shared, "roles");
    assert!(
        roles
            .as_array()
            .unwrap()
            .contains(&json!([attacker, "None"])),
        "{roles}"
    );
    let after = writers(&mut scene);
    assert_eq!(after.len(), before.len() + 1, "the victim's own edit");
    assert_eq!(scene.attacker.engine().heads(scene.shared), heads);
    scene.unharmed();
}

#[test]
fn an_older_roster_does_not_bring_a_device_back() {
    let mut scene = scene();
    let document = scene.calm;
    let person = scene.attacker.person();
    let lost = Device::new([77; 32]);
    let added = DeviceAdded::countersigned(person, lost.secret(), 0);
    let added = scene.attacker.device.state(Statement::DeviceAdded(added));
    scene
        .attacker
        .send(&statements_frame(&[added.bytes().to_vec()]));
    scene.attacker.is_heard(document);
    let devices = json!({ "do": "devices", "person": person.to_string() });
    let both = scene.victim.ask(&devices);
    assert_eq!(both.as_array().unwrap().len(), 2, "{both}");

    // Only the recovery key takes it away, and nothing brings it back.
    let revoked = Statement::DeviceRevoked(DeviceRevoked {
        person,
        device: lost.id(),
        statements_kept: Vec::new(),
        at_millis: 0,
    });
    let own = json!([scene.attacker.device.id().to_string()]);
    let forged = scene.attacker.device.state(revoked.clone());
    let right = SignedStatement::sign(revoked, scene.attacker.recovery.expose());
    for (statement, left) in [(&forged, &both), (&right, &own), (&added, &own)] {
        let bytes = statement.bytes().to_vec();
        scene.attacker.send(&statements_frame(&[bytes]));
        scene.attacker.is_heard(document);
        assert_eq!(scene.victim.ask(&devices), *left);
    }

    let salt = [3; 8];
    let actor = actor_of(lost.id(), document, salt);
    let change = scene.attacker.put_as(document, actor, "k");
    let content = DocumentContent {
        changes: vec![change.bytes()],
        salts: vec![(lost.id(), salt)],
        attestations: vec![lost.attest(document, change.hash())],
        ..DocumentContent::default()
    };
    scene.attacker.send(&content_frame(document, content));
    scene.served();
    assert_eq!(scene.victim.refuses_changes(), [Refusal::BeyondCut]);
    scene.unharmed();
}

/// Salts are tried until the actor beats another: who wins where two wrote at once goes by it.
fn ground(device: &Device, document: DocumentId, beaten: &ActorId) -> ([u8; 8], ActorId) {
    let salts = (1_u64..).map(|number| (number << 32).to_le_bytes());
    let mut actors = salts.map(|salt| (salt, actor_of(device.id(), document, salt)));
    let better = |(_, actor): &([u8; 8], ActorId)| actor > beaten;
    actors.find(better).unwrap()
}

/// A salt can be chosen so that its actor wins every tie at equal counters. That decides what of
/// two values written at once is shown first in a field that both may write. The other value stays
/// and is shown, the winner's name with it, and nothing with one writer or of an agreement goes by
/// it.
#[test]
fn a_salt_ground_to_win_ties_wins_a_tie_and_nothing_else() {
    let mut scene = scene();
    let (shared, me) = (scene.shared, scene.attacker.person().to_string());
    scene.victim.ask_about(shared, "rate");
    let asked = json!({ "do": "propose", "document": shared.to_string(), "person": me });
    scene.victim.ask(&asked);
    has_all(&mut scene);
    let goal = scene.victim.ask_about(shared, "goal");
    assert_eq!(goal["agreement"]["state"], "proposed", "{goal}");
    let victims = scene.attacker.actor_of(shared, scene.person);
    let (salt, actor) = ground(&scene.attacker.device, shared, &victims);

    // A tie: both set the kind at once, with the same counter.
    let put = |tx: &mut automerge::transaction::Transaction<'_>| tx.put(ROOT, "kind", "clarity");
    let (bytes, hash) = scene.attacker.edited_as(shared, actor.clone(), put);
    scene.victim.ask_about(shared, "kind");
    let frame = scene.attacker.batch(shared, &[salt], vec![bytes], hash);
    scene.attacker.send(&frame);
    scene.attacker.is_heard(shared);
    let goal = scene.victim.ask_about(shared, "goal");
    assert_eq!(goal["kind"], "clarity");
    assert_eq!(goal["kind_conflicts"], json!(["growth"]));
    assert_ne!(goal["agreement"]["state"], "agreed", "{goal}");
    let own = writers(&mut scene);
    assert!(own.contains(&json!([me, true])), "it is told whose it is");

    // The victim's rating is below the victim's key; no actor changes that.
    let (salt, actor) = ground(&scene.attacker.device, shared, &actor);
    let overwrite = |tx: &mut automerge::transaction::Transaction<'_>| {
        let (_, ratings) = tx.get(ROOT, "ratings")?.unwrap();
        let key = tx.keys(&ratings).next().unwrap();
        let (_, rating) = tx.get(&ratings, key)?.unwrap();
        tx.put(&rating, "value", 9)
    };
    let (bytes, hash) = scene.attacker.edited_as(shared, actor, overwrite);
    let frame = scene.attacker.batch(shared, &[salt], vec![bytes], hash);
    scene.attacker.send(&frame);
    scene.served();
    assert_eq!(scene.victim.refuses_changes(), [Refusal::NotAllowed]);
    let goal = scene.victim.ask_about(shared, "goal");
    assert_eq!(goal["ratings"][0]["value"], 3, "{goal}");
    scene.attacker.is_heard(shared);
    scene.unharmed();
}

#[test]
fn a_forbidden_document_and_an_unknown_one_are_answered_with_the_same_bytes() {
    let mut scene = scene();
    scene.attacker.is_heard(scene.shared);
    let mut about: Vec<Vec<u8>> = scene.attacker.sent().to_vec();
    // Heads, changes and acknowledgements, kinds 4 to 6: statements carry signatures over what they
    // name, and ranges come once in a session.
    about.retain(|frame| names(frame, scene.shared) && frame[0] >= 4);
    about.sort();
    about.dedup();
    assert!(about.len() >= 2, "heads and changes");
    let calm = question(scene.calm, &scene.attacker.engine().heads(scene.calm));
    scene.attacker.send(&calm);
    let unknown = DocumentId::from_bytes([0xa7; 16]);
    let plain = answer(&mut scene, unknown);
    for frame in about {
        let mut answers = Vec::new();
        for document in [scene.private, scene.kept, unknown] {
            let asked = renamed(&frame, scene.shared, document);
            scene.attacker.send(&asked);
            scene.attacker.send(&calm);
            answers.push(answer(&mut scene, document));
        }
        assert!(answers.iter().all(|heard| *heard == answers[0]));
        assert_eq!(answers[0].last(), plain.last());
    }
    // What is shared is answered.
    scene.attacker.send(&question(scene.shared, &[]));
    scene.attacker.send(&calm);
    while !names(&scene.attacker.hear().unwrap(), scene.shared) {}
    let [private, kept] = [scene.private, scene.kept];
    let told = |frame: &Vec<u8>| frame[0] != NOTHING;
    let named = |frame: &Vec<u8>| told(frame) && (names(frame, private) || names(frame, kept));
    assert!(!scene.attacker.heard().iter().any(named));
    scene.unharmed();
}

/// There is nothing to say of a document.
const NOTHING: u8 = 11;

/// The heads that the calm goal's question is answered with, and before it what came because of
/// the other document, whose id is left out. It is named by who has nothing to say of it only.
fn answer(scene: &mut Scene, other: DocumentId) -> Vec<Vec<u8>> {
    const HEADS: u8 = 4;
    const CREDIT: u8 = 9;
    let mut heard = Vec::new();
    loop {
        let mut frame = scene.attacker.hear().unwrap();
        let kind = frame[0];
        if kind == NOTHING {
            assert_eq!(frame.len(), 18);
            frame = renamed(&frame, other, DocumentId::from_bytes([0; 16]));
        } else {
            assert!(kind == CREDIT || names(&frame, scene.calm), "kind {kind}");
        }
        if [HEADS, CREDIT, NOTHING].contains(&kind) {
            heard.push(frame);
        }
        if kind == HEADS {
            return heard;
        }
    }
}

fn renamed(frame: &[u8], from: DocumentId, to: DocumentId) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let at = frame.windows(16).position(|bytes| bytes == from.as_bytes());
    let at = at.unwrap();
    frame[at..at + 16].copy_from_slice(to.as_bytes());
    frame
}
