//! Stories of proofs: what is taken out of a document takes no proof of what stays with it.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::ChangeHash;
use cairn_engine::{DocumentId, Event, Role};
use world::World;

const HEADS: u8 = 4;

/// A goal of person 0 that person 1 writes in, on two devices: 1 and 2. Nobody is connected.
fn shared_goal() -> (World, DocumentId) {
    let mut world = World::new(2);
    world.pair(0, 1);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 1, Role::Write);
    assert_eq!(world.add_device(1), 2);
    world.connect(0, 1);
    world.connect(0, 2);
    world.disconnect_all();
    world.connect(1, 2);
    (world, goal)
}

/// Puts letters in front of the title. Gives the change.
fn write(world: &mut World, side: usize, goal: DocumentId, letters: &str) -> ChangeHash {
    world.write(side, goal, letters);
    let heads = world.engine(side).heads(goal);
    assert_eq!(heads.len(), 1);
    heads[0]
}

fn unproven(world: &World, side: usize, goal: DocumentId) -> usize {
    let history = world.engine(side).history(goal, 0).unwrap();
    history.iter().filter(|entry| !entry.proven).count()
}

/// The owner's side refuses changes, and nothing else arrives before the connections end.
fn refuse(world: &mut World, to: usize, goal: DocumentId, changes: &[ChangeHash]) {
    world.disconnect_all();
    world.lose(HEADS);
    world.connect(0, to);
    world.refuse(0, to, goal, changes);
    world.disconnect_all();
    world.lose_nothing();
}

#[test]
fn the_newest_attestation_that_others_vouch_for_outlives_a_later_one() {
    let (mut world, goal) = shared_goal();
    world.connect(0, 1);
    world.connect(0, 2);
    write(&mut world, 1, goal, "a ");
    // The owner writes on it, and so vouches for it on all devices.
    write(&mut world, 0, goal, "not ");
    world.disconnect_all();
    world.connect(1, 2);
    let refused = write(&mut world, 1, goal, "x");
    refuse(&mut world, 2, goal, &[refused]);
    assert_eq!(world.title(2, goal).unwrap(), "not a goal");
    assert_eq!(unproven(&world, 2, goal), 0);
    world.restart(2);
    world.open(2, goal);
    assert_eq!(unproven(&world, 2, goal), 0);
}

#[test]
fn a_proof_that_is_missing_is_asked_for_at_the_next_meeting() {
    let (mut world, goal) = shared_goal();
    write(&mut world, 1, goal, "a ");
    let refused = write(&mut world, 1, goal, "x");
    refuse(&mut world, 2, goal, &[refused]);
    assert_eq!(unproven(&world, 2, goal), 1);
    refuse(&mut world, 1, goal, &[refused]);
    assert_eq!(unproven(&world, 1, goal), 0);
    assert_eq!(world.engine(1).heads(goal), world.engine(2).heads(goal));
    let differing = |world: &World| world.engine(2).counters().documents_differing;
    let before = differing(&world);
    world.connect(1, 2);
    assert_eq!(unproven(&world, 2, goal), 0);
    assert!(differing(&world) > before);
    world.disconnect_all();
    let before = differing(&world);
    world.connect(1, 2);
    assert_eq!(differing(&world), before);
}

#[test]
fn words_set_aside_on_one_device_are_on_the_other_even_without_their_proof() {
    let (mut world, goal) = shared_goal();
    let first = write(&mut world, 1, goal, "a ");
    let second = write(&mut world, 1, goal, "x");
    refuse(&mut world, 1, goal, &[first, second]);
    refuse(&mut world, 2, goal, &[second]);
    assert_eq!(unproven(&world, 2, goal), 1);
    world.connect(1, 2);
    for side in [1, 2] {
        assert_eq!(world.title(side, goal).unwrap(), "goal");
        assert_eq!(world.engine(side).set_aside(goal).len(), 2);
        assert_eq!(unproven(&world, side, goal), 0);
    }
}

#[test]
fn an_author_who_lacks_a_proof_is_not_stuck() {
    let (mut world, goal) = shared_goal();
    write(&mut world, 1, goal, "a ");
    let refused = write(&mut world, 1, goal, "x");
    refuse(&mut world, 2, goal, &[refused]);
    world.share(0, goal, 1, Role::Write);
    // Device 1 is away. What cannot be proven is kept aside, what is written now arrives.
    world.connect(0, 2);
    assert_eq!(world.engine(2).set_aside(goal).len(), 2);
    write(&mut world, 2, goal, "new ");
    assert_eq!(world.title(0, goal).unwrap(), "new goal");
    assert_eq!(unproven(&world, 0, goal), 0);
}

#[test]
fn own_words_come_back_though_their_attestation_names_what_is_refused() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 1, Role::Read);
    let lost = world.add_device(0);
    world.connect(0, 1);
    world.connect(0, lost);
    world.connect(1, lost);
    // Nothing of this is on the disk of device 0 when its process dies.
    world.hold_storage(0, true);
    write(&mut world, 0, goal, "my ");
    write(&mut world, lost, goal, "x");
    write(&mut world, 0, goal, "y");
    assert_eq!(world.title(1, goal).unwrap(), "yxmy goal");
    world.disconnect_all();
    world.crash(0);
    world.hold_storage(0, false);
    world.revoke(0, lost).unwrap();
    world.connect(0, 1);
    world.open(0, goal);
    assert_eq!(world.title(0, goal).unwrap(), "my goal");
    assert_eq!(unproven(&world, 0, goal), 0);
    world.close_cut(0, goal, lost);
    assert_eq!(world.title(1, goal).unwrap(), "my goal");
    assert_eq!(unproven(&world, 1, goal), 0);
}

#[test]
fn a_closed_cut_leaves_nothing_out_before_what_it_keeps_is_known() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let (lost, other) = (world.add_device(0), world.add_device(0));
    world.connect(0, lost);
    world.connect(0, other);
    world.connect(lost, other);
    let goal = world.create_with_title(lost, "goal");
    world.disconnect_all();
    world.connect(0, lost);
    write(&mut world, lost, goal, "a ");
    world.disconnect_all();
    world.revoke(0, lost).unwrap();
    world.close_cut(0, goal, lost);
    world.open(other, goal);
    world.take_events(other);
    world.connect(0, other);
    assert_eq!(world.title(other, goal).unwrap(), "a goal");
    let events = world.take_events(other);
    let aside = |event: &&Event| matches!(event, Event::SetAside { .. });
    assert_eq!(events.iter().filter(aside).count(), 0);
    assert!(world.engine(other).set_aside(goal).is_empty());
}

/// Words of a former grantee, person 1, that only device `other` of the owner has. What proves them
/// names what a lost device had added, and a closed cut leaves that out. The two meet.
fn words_of_a_former_grantee() -> (World, DocumentId, usize) {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 1, Role::Write);
    let (lost, other) = (world.add_device(0), world.add_device(0));
    for side in [1, lost, other] {
        world.connect(0, side);
    }
    world.disconnect_all();
    write(&mut world, 1, goal, "a ");
    world.connect(1, lost);
    write(&mut world, lost, goal, "x");
    write(&mut world, 1, goal, "y");
    world.connect(1, other);
    assert_eq!(world.title(other, goal).unwrap(), "yxa goal");
    world.disconnect_all();
    world.revoke(0, lost).unwrap();
    world.share(0, goal, 1, Role::None);
    world.connect(0, other);
    world.open(0, goal);
    world.close_cut(0, goal, lost);
    (world, goal, other)
}

#[test]
fn words_of_one_who_cannot_be_asked_are_proven_by_what_was_taken_out() {
    let (mut world, goal, other) = words_of_a_former_grantee();
    let check = |world: &World| {
        for side in [0, other] {
            assert_eq!(world.title(side, goal).unwrap(), "a goal");
            assert_eq!(unproven(world, side, goal), 0);
            assert_eq!(world.engine(side).set_aside(goal).len(), 2);
        }
    };
    check(&world);
    for side in [0, other] {
        world.restart(side);
        world.open(side, goal);
    }
    check(&world);
    let before = world.frames_sent();
    world.connect(0, other);
    assert_eq!(world.frames_sent() - before, 2);
    // What comes later is built on them.
    write(&mut world, other, goal, "so ");
    assert_eq!(world.title(0, goal).unwrap(), "so a goal");
    assert_eq!(unproven(&world, 0, goal), 0);
}

#[test]
fn a_reader_who_comes_later_is_shown_the_proof_and_not_what_was_taken_out() {
    let (mut world, goal, other) = words_of_a_former_grantee();
    world.share(0, goal, 2, Role::Read);
    world.connect(0, 2);
    for _ in 0..2 {
        assert_eq!(world.title(2, goal).unwrap(), "a goal");
        assert_eq!(unproven(&world, 2, goal), 0);
        assert!(world.engine(2).set_aside(goal).is_empty());
        world.restart(2);
        world.open(2, goal);
    }
    world.connect(0, 2);
    world.connect(0, other);
    write(&mut world, other, goal, "so ");
    assert_eq!(world.title(2, goal).unwrap(), "so a goal");
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    assert!(!world.take_events(2).iter().any(refused));
}

#[test]
fn evidence_goes_when_its_signer_comes_back() {
    let (mut world, goal, other) = words_of_a_former_grantee();
    world.share(0, goal, 1, Role::Write);
    world.connect(0, 1);
    assert_eq!(world.title(1, goal).unwrap(), "a goal");
    write(&mut world, 1, goal, "so ");
    // Nothing but what stands in the document is needed from here on.
    let new = world.add_device(0);
    let before = world.bytes_sent();
    world.connect(0, new);
    assert_eq!(world.title(new, goal).unwrap(), "so a goal");
    assert_eq!(unproven(&world, new, goal), 0);
    assert!(world.engine(new).set_aside(goal).is_empty());
    assert!(world.bytes_sent() > before);
    world.connect(0, other);
    assert_eq!(world.title(other, goal).unwrap(), "so a goal");
}

#[test]
fn what_comes_back_brings_its_salt_to_readers_though_it_is_known_here() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let goal = world.create_with_title(0, "goal");
    let devices: Vec<usize> = (0..3).map(|_| world.add_device(0)).collect();
    let [lost, other, third] = devices[..] else {
        panic!("three were added");
    };
    for side in [lost, other, third] {
        world.connect(0, side);
    }
    world.disconnect_all();
    world.connect(0, lost);
    world.connect(0, third);
    write(&mut world, lost, goal, "my ");
    world.disconnect_all();
    // Two devices revoke the same one: what one of them does not know, the other keeps.
    world.revoke(other, lost).unwrap();
    world.close_cut(other, goal, lost);
    world.revoke(third, lost).unwrap();
    world.connect(0, other);
    assert_eq!(world.title(0, goal).unwrap(), "goal");
    assert_eq!(world.engine(0).set_aside(goal).len(), 1);
    world.share(0, goal, 1, Role::Read);
    world.connect(0, 1);
    assert_eq!(world.title(1, goal).unwrap(), "goal");
    world.connect(0, third);
    for side in [0, 1, third] {
        assert_eq!(world.title(side, goal).unwrap(), "my goal", "{side}");
        assert_eq!(unproven(&world, side, goal), 0);
    }
}

#[test]
fn words_of_a_lost_device_stay_proven_though_its_proof_names_what_was_refused() {
    let (mut world, goal) = shared_goal();
    let lost = world.add_device(0);
    for side in [lost, 1, 2] {
        world.connect(0, side);
    }
    world.disconnect_all();
    // Neither is built on the other, and the lost device signs them together.
    write(&mut world, lost, goal, "x");
    write(&mut world, 2, goal, "y");
    world.connect(2, lost);
    world.disconnect_all();
    world.connect(1, lost);
    world.disconnect_all();
    world.revoke(0, lost).unwrap();
    world.share(0, goal, 1, Role::Read);
    world.connect(0, 1);
    for _ in 0..2 {
        assert_eq!(world.title(1, goal).unwrap(), "xgoal");
        assert_eq!(world.engine(1).set_aside(goal).len(), 1);
        assert_eq!(unproven(&world, 1, goal), 0);
        world.restart(1);
        world.open(1, goal);
    }
    world.close_cut(0, goal, lost);
    world.connect(0, 1);
    for side in [0, 1] {
        assert_eq!(world.title(side, goal).unwrap(), "goal", "{side}");
        assert_eq!(unproven(&world, side, goal), 0);
    }
}
