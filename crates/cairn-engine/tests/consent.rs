//! Stories of consent that ends: at any moment of a sync, and with its time.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use cairn_engine::{DocumentId, Role};
use world::World;

const CHANGES: u8 = 5;

/// Two paired people, 0 and 1, and a goal of 0 that 1 writes in, on both sides.
fn shared_goal(title: &str) -> (World, DocumentId) {
    let mut world = World::new(2);
    world.pair(0, 1);
    let goal = world.create_with_title(0, title);
    world.share(0, goal, 1, Role::Write);
    world.connect(0, 1);
    world.disconnect_all();
    (world, goal)
}

#[test]
fn consent_taken_back_at_any_moment_of_a_sync_ends_with_the_statement() {
    let mut moments = 0;
    loop {
        let (mut world, goal) = shared_goal("goal");
        let other = world.add_device(0);
        world.connect(0, 1);
        world.connect(0, other);
        world.disconnect_all();
        // The other device of the owner admits what the grantee wrote, and this one has more.
        world.write(1, goal, "a ");
        world.connect(1, other);
        world.disconnect_all();
        world.write(0, goal, "not ");
        world.write(1, goal, "so ");
        world.wire(0, 1);
        let went_on = world.run_some(moments, 0);
        let before = world.frames_sent();
        world.share(0, goal, 1, Role::None);
        world.write(0, goal, "oh ");
        world.connect(0, other);
        world.connect(1, other);
        let title = world.title(0, goal).unwrap();
        assert_eq!(world.title(other, goal).as_deref(), Some(title.as_str()));
        let heads = |side: usize| world.engine(side).heads(goal);
        assert_eq!(heads(0), heads(other));
        world.assert_proven(other, goal);
        assert!(title.starts_with("oh ") && title.contains("a "), "{title}");
        for side in [0, other] {
            assert_eq!(world.engine(side).role(goal, world.person(1)), Role::None);
            let sent = world.kinds_sent(side, 1, before);
            assert!(!sent.contains(&CHANGES), "{moments}: {sent:?}");
        }
        // What was not taken is where it was written, in the goal or apart.
        let there = world.title(1, goal).unwrap();
        assert!(!there.contains("oh "));
        let apart = world.engine(1).set_aside(goal).len();
        assert!(there.contains("so ") || apart == 1, "{moments}: {there}");
        if !went_on {
            break;
        }
        moments += 1;
    }
    assert!(moments > 10, "{moments}");
}

#[test]
fn expiry_is_a_statement_of_the_owners_device_when_its_clock_passes_it() {
    let (mut world, goal) = shared_goal("a");
    world.share_for(0, goal, 1, Role::Write, Some(60_000));
    world.connect(0, 1);
    let due = world.engine(0).next_expiry().unwrap();
    world.expire(0);
    assert_eq!(world.engine(1).role(goal, world.person(1)), Role::Write);
    assert_eq!(world.engine(0).next_expiry(), Some(due), "not yet");
    world.wait(120_000);
    // Nobody judges by the time itself.
    world.write(1, goal, "b");
    assert_eq!(world.title(0, goal).as_deref(), Some("ba"));
    world.expire(0);
    assert_eq!(world.engine(0).next_expiry(), None);
    assert_eq!(world.engine(1).role(goal, world.person(1)), Role::None);
    let lines = world.engine(0).consent(goal);
    let last = lines.last().unwrap();
    assert_eq!(
        (last.role, last.in_force, last.erase),
        (Role::None, true, false)
    );
    assert!(last.receipt_millis.is_some());
    // A restart knows of consents that go on.
    world.share_for(0, goal, 1, Role::Read, Some(60_000));
    let due = world.engine(0).next_expiry();
    world.restart(0);
    assert!(due.is_some());
    assert_eq!(world.engine(0).next_expiry(), due);
}

#[test]
fn what_a_lost_device_stated_and_another_of_its_person_took_counts_for_the_grantee_too() {
    let (mut world, goal) = shared_goal("goal");
    let (other, lost) = (world.add_device(0), world.add_device(0));
    for side in [other, lost] {
        world.connect(0, side);
    }
    world.connect(0, 1);
    world.disconnect_all();
    // It reaches one device of the owner before any of them knows that the device was lost, and
    // not the one that says what is kept.
    world.share(lost, goal, 1, Role::Read);
    world.connect(lost, other);
    world.disconnect_all();
    world.revoke(0, lost).unwrap();
    world.connect(0, 1);
    world.disconnect_all();
    assert_eq!(world.engine(1).role(goal, world.person(1)), Role::Write);
    world.connect(0, other);
    assert_eq!(world.engine(0).role(goal, world.person(1)), Role::Read);
    world.connect(0, 1);
    assert_eq!(world.engine(1).role(goal, world.person(1)), Role::Read);
    world.disconnect_all();
    let differing = |world: &World| {
        let found = |side: usize| world.engine(side).counters().documents_differing;
        (found(0), found(1))
    };
    let before = differing(&world);
    world.connect(0, 1);
    assert_eq!(differing(&world), before);
}

#[test]
fn the_owner_hears_at_once_what_is_kept_of_a_grantees_lost_device_also_after_the_consent() {
    let (mut world, goal) = shared_goal("goal");
    let lost = world.add_device(1);
    world.connect(1, lost);
    world.write(lost, goal, "a ");
    world.connect(0, 1);
    world.share(0, goal, 1, Role::None);
    world.revoke(1, lost).unwrap();
    world.disconnect_all();
    let before = world.engine(0).counters().documents_differing;
    world.connect(0, 1);
    assert_eq!(world.engine(0).counters().documents_differing, before);
}

#[test]
fn an_owner_who_lost_all_is_given_back_what_was_kept_of_a_lost_device() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let lost = world.add_device(0);
    world.connect(0, lost);
    world.disconnect_all();
    let before = world.backup(0);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 1, Role::Write);
    world.connect(0, lost);
    world.write(lost, goal, "a ");
    world.revoke(0, lost).unwrap();
    world.connect(0, 1);
    assert_eq!(world.title(1, goal).as_deref(), Some("a goal"));
    world.restore(0, before);
    world.connect(0, 1);
    assert_eq!(world.title(0, goal).as_deref(), Some("a goal"));
    world.assert_proven(0, goal);
}

#[test]
fn the_owner_hears_at_once_what_a_grantee_decides_about_a_lost_device() {
    let (mut world, goal) = shared_goal("goal");
    let lost = world.add_device(1);
    world.connect(1, lost);
    world.connect(0, 1);
    world.disconnect_all();
    world.write(lost, goal, "a ");
    world.revoke(1, lost).unwrap();
    world.connect(0, lost);
    world.connect(1, lost);
    world.disconnect_all();
    world.connect(0, 1);
    world.write(0, goal, "not ");
    world.close_cut(1, goal, lost);
    world.disconnect_all();
    let before = world.engine(0).counters().documents_differing;
    world.connect(0, 1);
    assert_eq!(world.engine(0).counters().documents_differing, before);
}

#[test]
fn consents_that_are_over_at_once_end_before_anybody_is_told_of_one() {
    const HEADS: u8 = 4;
    let mut world = World::new(3);
    let goal = world.create_with_title(0, "goal");
    for grantee in [1, 2] {
        world.pair(0, grantee);
        world.share_for(0, goal, grantee, Role::Read, Some(60_000));
        world.connect(0, grantee);
    }
    world.write(0, goal, "my ");
    for grantee in [1, 2] {
        assert_eq!(world.title(grantee, goal).unwrap(), "my goal");
    }
    let before = world.frames_sent();
    world.wait(120_000);
    world.expire(0);
    for grantee in [1, 2] {
        let kinds = world.kinds_sent(0, grantee, before);
        assert!(!kinds.is_empty(), "both are told");
        assert!(
            !kinds.contains(&HEADS) && !kinds.contains(&CHANGES),
            "{kinds:?}"
        );
        let person = world.person(grantee);
        assert_eq!(world.engine(grantee).role(goal, person), Role::None);
    }
}
