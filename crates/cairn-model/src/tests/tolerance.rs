//! A view never fails, whatever is in the document, and one broken field spoils no other.

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::Transactable;
use automerge::{ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue, Value};
use proptest::prelude::*;

use crate::testing::{ANN, BOB, Cast, Replica, rate, set, step};
use crate::{
    Agreement, AgreementState, GoalCommand, GoalState, GoalView, IgnoredReason, Lean, MoodLogView,
    TextAnchor, TextField, Words,
};

fn full() -> Replica {
    let mut ann = Replica::goal("Walk");
    ann.does(step("one"));
    ann.does(step("two"));
    ann.does(rate(3));
    let proposal = ann.proposes(BOB);
    let mut bob = ann.fork(BOB, 1);
    bob.accepts(&proposal).unwrap();
    bob.does(rate(7));
    ann.pull(&mut bob);
    ann
}

/// Puts a value at a path of keys from the root.
fn put(replica: &mut Replica, path: &[&str], value: impl Into<ScalarValue>) {
    let mut transaction = replica.document.transaction();
    let (key, above) = path.split_last().unwrap();
    let mut object = ROOT;
    for key in above {
        object = transaction.get(&object, *key).unwrap().unwrap().1;
    }
    transaction.put(&object, *key, value).unwrap();
    transaction.commit();
}

#[test]
fn a_mistyped_root_field_spoils_no_other() {
    let whole = full().view();
    let check = |key: &str, value: ScalarValue, spoilt: fn(&mut GoalView, &GoalView)| {
        let mut ann = full();
        put(&mut ann, &[key], value);
        let mut view = ann.view();
        // Ids are made anew for each goal but the same way.
        spoilt(&mut view, &whole);
        view.unreadable.clear();
        assert_eq!(view, whole, "{key}");
    };
    let number = || ScalarValue::from(5_i64);
    check("schema", "one".into(), |view, whole| {
        view.schema = whole.schema
    });
    check("why", number(), |view, _| {
        assert_eq!(view.unreadable, ["why"])
    });
    check("state", "asleep".into(), |view, _| {
        assert_eq!(view.state, GoalState::Open)
    });
    check("outcome", number(), |_, _| ());
    check("closing_note", number(), |_, _| ());
    check("created_at", "today".into(), |view, whole| {
        view.created = whole.created
    });
    check("ratings", number(), |view, whole| {
        view.ratings = whole.ratings.clone()
    });
    check("steps", number(), |view, whole| {
        view.steps = whole.steps.clone()
    });
    check("unknown", number(), |_, _| ());
    for (key, value) in [
        ("title", number()),
        ("kind", number()),
        ("good_enough", number()),
    ] {
        let mut ann = full();
        put(&mut ann, &[key], value);
        let view = ann.view();
        assert_eq!(view.unreadable, [key]);
        assert!(matches!(
            view.agreement,
            Agreement::Changed {
                was_agreed: true,
                ..
            }
        ));
        assert_eq!(view.steps.len(), 2);
        assert_eq!(view.ratings.len(), 2);
    }
}

#[test]
fn a_mistyped_entry_or_step_spoils_no_other() {
    let mut ann = full();
    let whole = ann.view();
    let first = whole.steps[0].id.clone();
    let rating = whole
        .ratings
        .iter()
        .find(|rating| rating.writer == "ann")
        .unwrap()
        .id
        .clone();
    put(&mut ann, &["steps", &first, "order"], true);
    put(&mut ann, &["steps", &first, "done_at"], "yes");
    put(&mut ann, &["steps", "stray"], 5_i64);
    put(&mut ann, &["ratings", &rating, "value"], "three");
    let view = ann.view();
    assert_eq!(view.steps.len(), 2);
    assert_eq!(view.unreadable.len(), 3, "{:?}", view.unreadable);
    assert_eq!(view.ratings.len(), 1);
    assert_eq!(view.ignored[0].reason, IgnoredReason::Unreadable);
    put(&mut ann, &["ratings", &rating, "value"], 11_i64);
    assert_eq!(ann.view().ratings.len(), 1);
    put(&mut ann, &["ratings", &rating, "value"], 0_u64);
    assert_eq!(ann.view().ratings.len(), 2);
}

#[test]
fn plain_strings_read_as_text_and_become_text_when_edited() {
    let mut ann = Replica::goal("Walk");
    put(&mut ann, &["title"], "Plain");
    assert_eq!(ann.view().title, "Plain");
    ann.does(crate::testing::splice(TextField::Title, 5, 0, " words"));
    assert_eq!(ann.view().title, "Plain words");
    assert!(TextAnchor::new(&ann.document, &TextField::Title, 3, Lean::After).is_some());
}

#[test]
fn marks_and_foreign_elements_in_a_text_are_lived_with() {
    let mut ann = Replica::goal("Walk");
    let mut transaction = ann.document.transaction();
    let (_, title) = transaction.get(ROOT, "title").unwrap().unwrap();
    let bold = Mark::new("bold".to_owned(), true, 1, 3);
    transaction.mark(&title, bold, ExpandMark::Both).unwrap();
    transaction.commit();
    let anchor = TextAnchor::new(&ann.document, &TextField::Title, 2, Lean::After).unwrap();
    ann.does(crate::testing::splice(TextField::Title, 0, 1, "Cakew"));
    assert_eq!(ann.view().title, "Cakewalk");
    assert_eq!(anchor.position(&ann.document), Some(6));

    let mut transaction = ann.document.transaction();
    let (_, title) = transaction.get(ROOT, "title").unwrap().unwrap();
    transaction.put(&title, 0, 5_i64).unwrap();
    transaction.put(&title, 1, "two").unwrap();
    transaction.commit();
    let shown = ann.view().title;
    assert_eq!(shown.code_points(), 10);
    ann.does(crate::testing::splice(TextField::Title, 9, 1, "x"));
    let expected = format!("{}x", shown.strip_suffix('k').unwrap());
    assert_eq!(ann.view().title, expected.as_str());
}

#[test]
fn a_splice_anywhere_among_foreign_elements_does_what_it_says() {
    let mut ann = Replica::goal("Walking far");
    let mut transaction = ann.document.transaction();
    let (_, title) = transaction.get(ROOT, "title").unwrap().unwrap();
    transaction.put(&title, 3, 5_i64).unwrap();
    transaction.put(&title, 6, "two").unwrap();
    transaction.put(&title, 10, "").unwrap();
    transaction.commit();
    let shown: Vec<char> = ann.view().title.chars().collect();
    for position in 0..=shown.len() {
        for delete in 0..=shown.len() - position {
            for insert in ["", "x", "yz"] {
                let mut other = ann.fork(ANN, 2);
                other.does(crate::testing::splice(
                    TextField::Title,
                    position,
                    delete,
                    insert,
                ));
                let mut expected = shown.clone();
                expected.splice(position..position + delete, insert.chars());
                let expected: String = expected.into_iter().collect();
                assert_eq!(other.view().title, expected.as_str());
            }
        }
    }
}

#[test]
fn commands_mend_what_is_missing() {
    let mut ann = Replica::empty("ann", 1);
    for command in [
        set(TextField::Title, "Walk"),
        set(TextField::Why, "so"),
        step("one"),
        rate(3),
        GoalCommand::Pause,
    ] {
        ann.does(command);
    }
    ann.proposes(BOB);
    let view = ann.view();
    assert_eq!(
        (&*view.title, view.steps.len(), view.ratings.len()),
        ("Walk", 1, 1)
    );
    assert!(matches!(view.agreement, Agreement::Proposed { .. }));
    assert_eq!(view.schema, None);
    let empty = Replica::empty("ann", 1).view();
    assert_eq!(empty.agreement, Agreement::NoProposal);
}

#[test]
fn unknown_fields_are_kept() {
    let mut ann = full();
    let id = ann.view().steps[0].id.clone();
    put(&mut ann, &["later"], "kept");
    put(&mut ann, &["steps", &id, "later"], "kept");
    ann.does(set(TextField::Step(id.clone()), "changed"));
    ann.does(GoalCommand::Close {
        outcome: crate::ClosingOutcome::Changed,
        note: Words::default(),
    });
    let text = |object: &ObjId| {
        ann.document
            .get(object, "later")
            .unwrap()
            .unwrap()
            .0
            .to_string()
    };
    let (_, steps) = ann.document.get(ROOT, "steps").unwrap().unwrap();
    let (_, step) = ann.document.get(&steps, id.as_str()).unwrap().unwrap();
    assert_eq!(text(&ROOT), "\"kept\"");
    assert_eq!(text(&step), "\"kept\"");
    assert_eq!(ann.view().unreadable, Vec::<String>::new());
}

#[test]
fn json_has_stable_names() {
    let json = serde_json::to_value(full().view()).unwrap();
    let keys: Vec<&str> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "agreement",
            "closing_note",
            "created",
            "created_by",
            "good_enough",
            "good_enough_conflicts",
            "ignored",
            "kind",
            "kind_conflicts",
            "outcome",
            "proposals",
            "ratings",
            "schema",
            "state",
            "state_conflicts",
            "state_since",
            "steps",
            "title",
            "title_conflicts",
            "unreadable",
            "why",
            "why_conflicts",
            "wording",
        ]
    );
    assert_eq!(json["agreement"]["state"], "agreed");
    assert_eq!(json["state"], "open");
    assert_eq!(json["title"], "Walk");
    assert_eq!(json["kind"], serde_json::Value::Null);
    assert_eq!(json["steps"][0]["text"], "one");
    assert_eq!(json["ratings"][0]["at"]["offset_minutes"], 60);
    assert_eq!(json["wording"].as_str().unwrap().len(), 64);
    assert_eq!(json["proposals"][0]["accepted"][1]["by"], "bob");
}

/// Every object of a document with its keys or positions.
fn places(replica: &Replica) -> Vec<(ObjId, Prop)> {
    let document = &replica.document;
    let mut open = vec![ROOT];
    let mut found = Vec::new();
    while let Some(object) = open.pop() {
        let props: Vec<Prop> = match document.object_type(&object).unwrap() {
            ObjType::Map | ObjType::Table => document.keys(&object).map(Prop::from).collect(),
            _ => (0..document.length(&object)).map(Prop::from).collect(),
        };
        for prop in props {
            for (value, id) in document.get_all(&object, prop.clone()).unwrap() {
                if matches!(value, Value::Object(_)) {
                    open.push(id);
                }
            }
            found.push((object.clone(), prop));
        }
    }
    found
}

fn scalar() -> impl Strategy<Value = Option<ScalarValue>> {
    prop_oneof![
        any::<i64>().prop_map(|number| Some(ScalarValue::Int(number))),
        any::<u64>().prop_map(|number| Some(ScalarValue::Uint(number))),
        (0_i64..12).prop_map(|number| Some(ScalarValue::Int(number))),
        any::<f64>().prop_map(|number| Some(ScalarValue::F64(number))),
        any::<bool>().prop_map(|truth| Some(ScalarValue::Boolean(truth))),
        any::<i64>().prop_map(|number| Some(ScalarValue::counter(number))),
        any::<i64>().prop_map(|number| Some(ScalarValue::Timestamp(number))),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Some(bytes.into())),
        ".{0,12}".prop_map(|text| Some(ScalarValue::from(text))),
        Just(Some(ScalarValue::Null)),
        Just(Some(ScalarValue::from("growth"))),
        Just(None),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn no_garbage_breaks_a_view(
        garbage in prop::collection::vec((any::<u16>(), scalar(), any::<u8>()), 1..12),
    ) {
        let mut ann = full();
        let mut bob = ann.fork(BOB, 9);
        let mut spoilt = std::collections::BTreeSet::new();
        // What was seen before is refreshed afterwards.
        drop((ann.view(), bob.view()));
        for (index, (place, value, shape)) in garbage.into_iter().enumerate() {
            let replica = if index % 2 == 0 { &mut ann } else { &mut bob };
            let places = places(replica);
            let (object, prop) = places[usize::from(place) % places.len()].clone();
            spoilt.insert(root_key(replica, &object, &prop));
            let mut transaction = replica.document.transaction();
            match value {
                Some(value) => transaction.put(&object, prop, value).unwrap(),
                None if shape % 4 == 0 => transaction.delete(&object, prop).unwrap(),
                None => {
                    let kinds = [ObjType::Map, ObjType::List, ObjType::Text];
                    let kind = kinds[usize::from(shape % 3)];
                    // Automerge itself refuses objects inside a text.
                    drop(transaction.put_object(&object, prop, kind));
                }
            }
            transaction.commit();
        }
        let view = ann.meet(&mut bob);
        drop(MoodLogView::read(&ann.document, &Cast));
        if !spoilt.contains("title") {
            prop_assert_eq!(&view.title, "Walk");
        }
        if !spoilt.contains("steps") {
            prop_assert_eq!(view.steps.len(), 2);
        }
        if !spoilt.contains("ratings") {
            prop_assert_eq!(view.ratings.len(), 2);
        }
        let wording = ["title", "kind", "good_enough", "proposals", "acceptances", "wording_edit"];
        if wording.iter().all(|key| !spoilt.contains(*key)) {
            prop_assert_eq!(view.agreement.state(), AgreementState::Agreed);
        }
        // Commands still work on it.
        ann.does(set(TextField::Title, "Mended"));
        let mended = ann.view();
        prop_assert_eq!(&mended.title, "Mended");
        let added = ann.does(step("new"));
        prop_assert!(ann.view().steps.iter().any(|step| step.id == added));
        let rated = ann.does(rate(5));
        prop_assert!(ann.view().ratings.iter().any(|rating| rating.id == rated));
        drop(ann.apply(&GoalCommand::Pause));
    }
}

/// The key of the root below which a place is.
fn root_key(replica: &Replica, object: &ObjId, prop: &Prop) -> String {
    let top = replica.document.parents(object).unwrap().last();
    top.map_or_else(|| prop.to_string(), |parent| parent.prop.to_string())
}
