//! Stories of copied and restored vaults, and of devices that contradict themselves.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use std::collections::BTreeSet;

use cairn_engine::{Event, Role};
use world::World;
use world::devices::{assert_equal, shared_goal, two};

fn told(world: &mut World, side: usize, what: impl Fn(&Event) -> bool) -> usize {
    let events = world.take_events(side);
    events.iter().filter(|event| what(event)).count()
}

#[test]
fn a_restored_vault_gets_back_what_it_lost_and_says_so() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let backup = world.backup(0);
    world.connect(0, 1);
    world.write(0, goal, "a ");
    world.write(0, goal, "not ");
    world.restore(0, backup);
    world.open(0, goal);
    assert_eq!(world.title(0, goal).as_deref(), Some("goal"));
    world.write(0, goal, "my ");
    world.take_events(0);
    world.connect(0, 1);
    let behind = world
        .take_events(0)
        .into_iter()
        .find_map(|event| match event {
            Event::VaultBehind { changes, .. } => Some(changes),
            _ => None,
        });
    assert_eq!(behind, Some(2));
    let title = world.title(0, goal).unwrap();
    assert!(title.contains("my ") && title.contains("not a "), "{title}");
    assert_equal(&world, goal, &[0, 1], &title);
    // A plain restart is no such thing.
    world.restart(0);
    world.connect(0, 1);
    world.write(1, goal, "so ");
    world.write(0, goal, "oh ");
    assert_equal(&world, goal, &[0, 1], &format!("oh so {title}"));
    for side in [0, 1] {
        let odd = |event: &Event| {
            matches!(
                event,
                Event::VaultBehind { .. } | Event::DeviceCloned { .. }
            )
        };
        assert_eq!(told(&mut world, side, odd), 0);
    }
}

#[test]
fn two_live_copies_of_a_vault_are_noticed_by_their_peer_and_by_themselves() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let copy = world.copy_vault(0);
    let cloned = |event: &Event| matches!(event, Event::DeviceCloned { .. });
    world.connect(0, 1);
    world.write(0, goal, "a ");
    world.disconnect_all();
    world.connect(1, copy);
    world.write(copy, goal, "not ");
    assert_eq!(
        told(&mut world, 1, cloned),
        0,
        "it could be the same device, started again"
    );
    world.disconnect_all();
    world.connect(0, 1);
    assert_eq!(told(&mut world, 1, cloned), 1);
    assert_eq!(told(&mut world, 0, cloned), 1);
    // Nothing that either wrote is lost.
    assert_equal(&world, goal, &[0, 1], "not a goal");
    world.disconnect_all();
    world.connect(1, copy);
    world.write(copy, goal, "so ");
    world.disconnect_all();
    world.connect(0, 1);
    assert_equal(&world, goal, &[0, 1, copy], "so not a goal");
    assert_eq!(told(&mut world, 1, cloned), 0, "it is told once");
}

#[test]
fn a_copied_machine_that_contradicts_itself_is_noticed() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let copy = world.copy_machine(1);
    world.write(1, goal, "a ");
    world.write(copy, goal, "b ");
    world.connect(0, 1);
    world.disconnect_all();
    world.connect(0, copy);
    let events = world.take_events(0);
    let count = |what: fn(&Event) -> bool| events.iter().filter(|event| what(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Forked { .. })), 1);
    assert_eq!(
        count(|event| matches!(event, Event::DeviceCloned { .. })),
        1
    );
    assert_eq!(world.title(0, goal).as_deref(), Some("a goal"));
}

#[test]
fn a_reader_follows_the_owner_to_the_other_branch_of_a_forked_writer() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 1, Role::Write);
    world.share(0, goal, 2, Role::Read);
    world.connect(0, 1);
    world.disconnect_all();
    let copy = world.copy_machine(1);
    world.connect(0, 2);
    // The owner passes one branch on and loses it in a crash.
    world.hold_storage(0, true);
    world.write(1, goal, "a ");
    world.connect(0, 1);
    assert_eq!(world.title(2, goal).as_deref(), Some("a goal"));
    world.crash(0);
    world.hold_storage(0, false);
    world.open(0, goal);
    world.write(copy, goal, "b ");
    world.connect(0, copy);
    world.write(0, goal, "not ");
    world.take_events(2);
    world.connect(0, 2);
    assert_equal(&world, goal, &[0, 2], "not b goal");
    assert_eq!(
        told(&mut world, 2, |event| matches!(event, Event::Forked { .. })),
        1
    );
    // Nothing of it was written here.
    assert!(world.engine(2).set_aside(goal).is_empty());
    world.disconnect_all();
    let before = world.frames_sent();
    world.connect(0, 2);
    assert_eq!(world.frames_sent() - before, 2);
}

#[test]
fn devices_of_an_owner_that_took_different_branches_of_a_writer_agree_on_one() {
    // The smaller hash stays, whoever has it.
    let mut kept = BTreeSet::new();
    for letters in ["a ", "b ", "c ", "d ", "e ", "f "] {
        let mut world = two();
        let goal = shared_goal(&mut world, "goal");
        let other = world.add_device(0);
        world.connect(0, 1);
        world.connect(0, other);
        world.disconnect_all();
        let copy = world.copy_machine(1);
        world.write(1, goal, letters);
        let one = world.engine(1).heads(goal)[0];
        world.write(copy, goal, "x ");
        let another = world.engine(copy).heads(goal)[0];
        world.connect(0, 1);
        world.write(0, goal, "one ");
        world.disconnect_all();
        world.connect(other, copy);
        world.write(other, goal, "another ");
        world.disconnect_all();
        world.take_events(0);
        world.take_events(other);
        world.connect(0, other);
        let (title, loser) = if one < another {
            (format!("one {letters}goal"), other)
        } else {
            ("another x goal".to_owned(), 0)
        };
        kept.insert(loser == 0);
        assert_equal(&world, goal, &[0, other], &title);
        assert_eq!(world.engine(loser).set_aside(goal).len(), 2);
        for side in [0, other] {
            world.assert_proven(side, goal);
            let forks = told(&mut world, side, |event| {
                matches!(event, Event::Forked { .. })
            });
            assert_eq!(forks, 1);
        }
        world.disconnect_all();
        let before = world.frames_sent();
        world.connect(0, other);
        assert_eq!(world.frames_sent() - before, 2);
        world.write(loser, goal, "so ");
        assert_equal(&world, goal, &[0, other], &format!("so {title}"));
    }
    assert_eq!(kept.len(), 2);
}
