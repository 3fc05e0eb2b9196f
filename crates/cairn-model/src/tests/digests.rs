//! The test vector of an agreement's digests, `docs/vectors/agreement.json`; see `docs/testing.md`.

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, Value as Found};
use serde_json::{Value, json};

use crate::anchor::elements;
use crate::read;
use crate::schema::{GOOD_ENOUGH, KIND, TITLE, WORDING_EDIT};
use crate::wording::{Wording, mark_edited, proposal_digest};

fn operation(id: &ObjId) -> Value {
    let ObjId::Id(counter, actor, _) = id else {
        unreachable!("the root is no value");
    };
    json!([counter, actor.to_hex_string()])
}

/// What a goal has at each key that counts, as the digests see it.
fn stated(document: &AutoCommit) -> Value {
    let keys = [TITLE, KIND, GOOD_ENOUGH, WORDING_EDIT];
    let values = keys.map(|key| {
        let values = read::values(document, &ROOT, key).into_iter();
        let value = |(value, id): (Found<'_>, ObjId)| {
            let text_object = matches!(value, Found::Object(ObjType::Text));
            json!({
                "operation": operation(&id),
                "text": read::text_of(document, &value, &id),
                "elements": text_object.then(|| {
                    let elements = elements(document, &id);
                    elements.iter().map(|element| operation(&element.id)).collect::<Value>()
                }),
            })
        };
        json!({ "key": key, "values": values.map(value).collect::<Value>() })
    });
    let wording = Wording::read(document);
    json!({
        "keys": values,
        "revision": wording.revision.to_string(),
        "wording": wording.digest.to_string(),
    })
}

#[test]
fn digests_of_an_agreement_are_as_they_were() {
    let actor = |number: u8| ActorId::from([number; 16].as_slice());
    let mut one = AutoCommit::new().with_actor(actor(2));
    let title = one.put_object(ROOT, TITLE, ObjType::Text).unwrap();
    one.splice_text(&title, 0, 0, "Zum Fluß 🙂").unwrap();
    one.splice_text(&title, 4, 1, "").unwrap();
    one.put(ROOT, KIND, "growth").unwrap();
    mark_edited(&mut one).unwrap();
    let whole = stated(&one);
    let wording = Wording::read(&one).digest;
    let parties = ["anna", "bert"];
    let proposal = proposal_digest(&wording, &parties);

    // Two values of one field, one of them written twice, and one that is no text.
    let mut two = one.fork().with_actor(actor(1));
    let mut three = one.fork().with_actor(actor(3));
    one.put(ROOT, KIND, "clarity").unwrap();
    two.put(ROOT, KIND, "behaviour").unwrap();
    two.put(ROOT, GOOD_ENOUGH, 5).unwrap();
    three.put(ROOT, KIND, "clarity").unwrap();
    mark_edited(&mut three).unwrap();
    one.merge(&mut two).unwrap();
    one.merge(&mut three).unwrap();
    let torn = stated(&one);
    assert_ne!(torn["wording"], whole["wording"]);

    let made = json!({
        "goals": [whole, torn],
        "proposal": {
            "wording": wording.to_string(),
            "parties": parties,
            "digest": proposal.to_string(),
        },
    });
    let file = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/vectors/agreement.json");
    let mut text = serde_json::to_string(&made).unwrap();
    text = text.replace("},{", "},\n{");
    text.push('\n');
    if std::env::var_os("CAIRN_BLESS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        text == kept,
        "acceptances that people gave would count no more: {text}"
    );
}
