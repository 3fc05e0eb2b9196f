//! The demo: two real notebooks with a year in them.

use cairn::demo::Demo;
use cairn::notebook::{Change, GoalField, Notebook};
use cairn::on_node::NodeNotebook;
use cairn::view::Agreement;

#[test]
fn the_demo_is_a_year_of_two_notebooks_that_hold_the_same_of_what_is_shared() {
    let demo = Demo::new().unwrap();
    let client = NodeNotebook::quiet(demo.client.clone());
    let therapist = NodeNotebook::quiet(demo.therapist.clone());
    assert_eq!(client.view().goals.len(), 5);
    assert_eq!(therapist.view().goals.len(), 4);
    assert!(client.view().moods.len() >= 60);
    assert!(therapist.view().moods.is_empty());
    for line in therapist.view().goals.iter() {
        let (here, there) = (
            client.goal(line.key).unwrap(),
            therapist.goal(line.key).unwrap(),
        );
        assert_eq!(here.line.title, there.line.title);
        assert_eq!(here.ratings.len(), there.ratings.len());
        assert_eq!(here.seen, there.seen);
    }
    let agreements: Vec<Agreement> = client
        .view()
        .goals
        .iter()
        .map(|line| line.agreement.clone())
        .collect();
    assert!(
        agreements
            .iter()
            .any(|one| matches!(one, Agreement::Agreed { .. }))
    );
    assert!(
        agreements
            .iter()
            .any(|one| matches!(one, Agreement::Changed))
    );

    let shared = therapist.view().goals[0].key;
    let splice = cairn::edit::Splice {
        position: 0,
        delete: 0,
        insert: "Now: ".into(),
    };
    let seen = therapist.goal(shared).unwrap().line.title.clone();
    let edit = Change::EditText {
        goal: shared,
        field: GoalField::Title,
        seen,
        splices: vec![splice],
    };
    let mut events = demo.client.subscribe();
    therapist.change(edit).unwrap();
    while !client.goal(shared).unwrap().line.title.starts_with("Now: ") {
        events
            .next_within(std::time::Duration::from_secs(30))
            .expect("the edit arrives");
    }
}
