//! Stories of documents that are let go of while peers are connected.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::ROOT;
use automerge::transaction::Transactable;
use cairn_engine::{DocumentId, Event, Role};
use world::devices::{assert_equal, shared_goal, two};
use world::{World, noise};

const CREDIT: u8 = 9;

/// Side 0 writes more than may be under way at a time.
fn fill(world: &mut World, goal: DocumentId) {
    for index in 0..20 {
        world.edit(0, goal, |tx, _| {
            tx.put(ROOT, "noise", noise(index, 60_000)).unwrap();
        });
    }
}

#[test]
fn what_was_let_go_of_is_read_again_and_goes_on_where_it_was() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, 1);
    world.write(0, goal, "a ");
    for side in [0, 1] {
        assert_eq!(world.let_go(side), [goal]);
        assert_eq!(world.title(side, goal), None);
        assert_eq!(world.engine(side).bytes_in_memory(), 0);
    }
    // A process goes on with its own actor.
    let actors = |world: &World| world.engine(0).authors(goal).len();
    // What comes is for one that is not in memory.
    world.write(0, goal, "still ");
    assert_equal(&world, goal, &[0, 1], "still a goal");
    assert_eq!(actors(&world), 1);
    world.let_go(0);
    world.write(1, goal, "is ");
    assert_equal(&world, goal, &[0, 1], "is still a goal");
    world.let_go(1);
    world.take_events(1);
    world.write(1, goal, "it ");
    assert_equal(&world, goal, &[0, 1], "it is still a goal");
    assert_eq!(actors(&world), 2);
    let heads = world.engine(1).heads(goal);
    let delivered = world
        .take_events(1)
        .into_iter()
        .any(|event| matches!(event, Event::Delivered { heads: had, .. } if had == heads));
    assert!(delivered);
}

#[test]
fn what_is_needed_stays() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    world.focus(0, goal);
    assert!(world.let_go(0).is_empty());
    let other = world.create_with_title(0, "other");
    world.focus(0, other);
    // Not on the disk yet.
    world.hold_storage(0, true);
    world.write(0, goal, "a ");
    assert!(world.let_go(0).is_empty());
    world.hold_storage(0, false);
    world.run();
    assert_eq!(world.let_go(0), [goal]);
    assert_eq!(world.title(0, other).unwrap(), "other");
}

#[test]
fn what_is_being_sent_stays_until_it_is_sent() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    fill(&mut world, goal);
    world.lose(CREDIT);
    world.connect(0, 1);
    assert!(world.let_go(0).is_empty());
    world.lose_nothing();
    world.frame(1, 0, vec![CREDIT, 0x80, 0x80, 0x40]);
    assert_eq!(world.let_go(0), [goal]);
    world.open(0, goal);
    assert_equal(&world, goal, &[0, 1], "goal");
}

#[test]
fn the_one_that_was_used_longest_ago_goes_first() {
    let mut world = two();
    let goals: Vec<_> = (0..4)
        .map(|index| world.create_with_title(0, &format!("{index}")))
        .collect();
    for goal in [0, 2, 3, 1] {
        world.open(0, goals[goal]);
    }
    let all = world.engine(0).bytes_in_memory();
    assert!(all > 0);
    assert_eq!(world.let_go_to(0, all - 1), [goals[0]]);
    assert_eq!(world.let_go(0), [goals[2], goals[3], goals[1]]);
}

#[test]
fn a_batch_that_was_put_by_goes_on_when_its_document_was_let_go_of() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    fill(&mut world, goal);
    world.share(0, goal, 1, Role::Write);
    world.lose(CREDIT);
    world.connect(0, 1);
    assert!(world.staged_bytes(1) > 0);
    assert_eq!(world.let_go(1), [goal]);
    world.lose_nothing();
    world.frame(1, 0, vec![CREDIT, 0x80, 0x80, 0x40]);
    assert_eq!(world.staged_bytes(1), 0);
    world.open(1, goal);
    assert_equal(&world, goal, &[0, 1], "goal");
}

#[test]
fn a_peer_that_speaks_of_everything_has_a_few_documents_read_at_a_time() {
    const LOADS_MAX: usize = 4;
    let mut world = two();
    let goals: Vec<_> = (0..10)
        .map(|index| shared_goal(&mut world, &format!("{index}")))
        .collect();
    for goal in &goals {
        world.write(0, *goal, "more ");
    }
    world.restart(1);
    world.hold_storage(1, true);
    world.connect(0, 1);
    let loading = |world: &World| {
        let all = goals.iter();
        all.filter(|goal| world.engine(1).is_loading(**goal))
            .count()
    };
    assert_eq!(loading(&world), LOADS_MAX);
    world.hold_storage(1, false);
    world.run();
    for goal in &goals {
        assert!(world.title(1, *goal).unwrap().starts_with("more "));
    }
    assert!(!world.settled(1).is_empty());
}

#[test]
fn what_was_erased_weighs_nothing() {
    let mut world = two();
    let goal = world.create_with_title(0, "goal");
    assert!(world.engine(0).bytes_in_memory() > 0);
    world.erase(0, goal);
    assert_eq!(world.engine(0).bytes_in_memory(), 0);
}
