//! Several vaults at once as the very first that a process opens: a program of its own, so that
//! nothing was opened before.

use std::sync::Barrier;

use cairn_node::secret::Passphrase;
use cairn_node::vault::KdfCost;
use cairn_node::{NewNotebook, Node, Role};

#[test]
fn the_first_vaults_of_a_process_can_be_made_at_the_same_moment() {
    const NOTEBOOKS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let ready = Barrier::new(NOTEBOOKS);
    let passphrase = Passphrase::new("correct horse");
    let make = |number: usize| {
        let new = NewNotebook {
            role: Role::Client,
            name: "Ada",
            passphrase: &passphrase,
            cost: KdfCost::new(64, 1, 1).unwrap(),
        };
        ready.wait();
        let (node, _code) = Node::create(&folder.path().join(number.to_string()), &new).unwrap();
        node.shutdown();
    };
    std::thread::scope(|scope| {
        for number in 0..NOTEBOOKS {
            let make = &make;
            scope.spawn(move || make(number));
        }
    });
}
