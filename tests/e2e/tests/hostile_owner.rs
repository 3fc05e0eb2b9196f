//! A paired person who shares what nobody asked for: the victim takes it, and has no more of it in
//! memory than it needs.

use cairn_e2e::hostile::{Scene, question};

/// Goals of 5 MiB each, which are more together than a notebook may take beyond what it takes idle.
const GOALS: usize = 40;
const VALUES: usize = 88;

#[test]
fn many_large_documents_are_kept_on_the_disk_and_not_in_memory() {
    let mut scene = Scene::start(env!("CARGO_BIN_EXE_cairn-victim"));
    let person = scene.person;
    let mut goals = Vec::new();
    for _ in 0..GOALS {
        goals.push(scene.attacker.share_large(person, VALUES));
        scene.attacker.settle();
    }
    scene.served();
    // It speaks of all of them, again and again, and waits for no answer.
    for _ in 0..3 {
        for goal in &goals {
            let heads = scene.attacker.engine().heads(*goal);
            scene.attacker.send(&question(*goal, &heads));
        }
        scene.served();
        scene.attacker.is_heard(scene.calm);
    }
    scene.unharmed();
}
