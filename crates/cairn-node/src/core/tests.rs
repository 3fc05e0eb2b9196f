//! What a node does with documents that were let go of.

use cairn_engine::DocumentId;
use cairn_model::{GoalCommand, NewGoal, TextField};

use super::*;
use crate::secret::Passphrase;
use crate::vault::KdfCost;
use crate::{NewNotebook, Node, Role};

fn let_go(node: &Node) {
    node.flush();
    let mut engine = lock(&node.core.engine);
    node.core.keep_small(&mut engine, 0);
    assert_eq!(engine.bytes_in_memory(), 0);
}

fn title(node: &Node, document: DocumentId) -> String {
    let mut goals = node.goals().into_iter();
    let goal = goals.rfind(|goal| goal.document == document);
    goal.unwrap().summary.title.to_string()
}

#[test]
fn a_goal_that_was_let_go_of_is_shown_as_it_is_and_can_be_edited() {
    let folder = tempfile::tempdir().unwrap();
    let new = NewNotebook {
        role: Role::Client,
        name: "Ada",
        passphrase: &Passphrase::new("over the hills"),
        cost: KdfCost::CHEAP_FOR_TESTS,
    };
    let (node, _code) = Node::create(folder.path(), &new).unwrap();
    let goal = NewGoal {
        title: "Walk".into(),
        kind: None,
        why: "Air".into(),
        good_enough: "".into(),
    };
    let document = node.add_goal(&goal).unwrap();
    // Nobody has looked since it was written.
    let_go(&node);
    assert_eq!(title(&node, document), "Walk");
    assert!(node.goal_in_memory(document).is_none());
    assert_eq!(node.goal(document).unwrap().why.to_string(), "Air");
    lock(&node.core.engine).focus(None);
    let_go(&node);
    let set = GoalCommand::SetText {
        field: TextField::Title,
        text: "Walk daily".into(),
    };
    node.edit_goal(document, &set).unwrap();
    lock(&node.core.engine).focus(None);
    let_go(&node);
    assert_eq!(title(&node, document), "Walk daily");
    assert_eq!(node.goal(document).unwrap().title.to_string(), "Walk daily");
}
