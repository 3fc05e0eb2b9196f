//! Stories of people with several devices: added, revoked, paused, lost and copied.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::ROOT;
use automerge::transaction::Transactable;
use cairn_engine::{
    DeviceError, DevicePaused, DeviceRevoked, DocumentId, Event, PauseLifted, Refusal, Role,
    Statement,
};
use world::devices::{assert_equal, shared_goal, two};
use world::{STAYS_HERE, World, noise};

const HELLO: u8 = 1;
const STATEMENTS: u8 = 2;
const CHANGES: u8 = 5;

#[test]
fn an_added_device_gets_everything_and_is_usable_at_once() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let private = world.create_with_title(0, "private");
    let notes = world.create_of_kind(0, STAYS_HERE, "notes");
    let theirs = world.create_with_title(1, "theirs");
    world.share(1, theirs, 0, Role::Read);
    world.connect(0, 1);
    let new = world.add_device(0);
    world.connect(0, new);
    for (document, title) in [(goal, "goal"), (private, "private"), (theirs, "theirs")] {
        assert_equal(&world, document, &[0, new], title);
    }
    assert_eq!(world.title(new, notes), None);
    assert!(!world.said_about(0, new, notes) && world.said_about(0, new, private));

    // What is made later flows too, in both directions, and others take the new device's words.
    world.write(new, private, "more ");
    world.write(new, goal, "a ");
    let born = world.create_with_title(new, "born");
    assert_equal(&world, private, &[0, new], "more private");
    assert_equal(&world, born, &[new, 0], "born");
    assert_equal(&world, goal, &[0, 1, new], "a goal");
    world.connect(1, new);
    world.write(1, goal, "not ");
    assert_equal(&world, goal, &[0, 1, new], "not a goal");
    // Nothing differs any more.
    world.disconnect_all();
    let before = world.frames_sent();
    world.connect(0, new);
    assert_eq!(world.frames_sent() - before, 2);
}

#[test]
fn readers_take_the_words_of_a_writers_new_device() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 1, Role::Write);
    world.share(0, goal, 2, Role::Read);
    world.connect(0, 2);
    world.connect(0, 1);
    let new = world.add_device(1);
    world.connect(0, new);
    world.write(new, goal, "a ");
    assert_equal(&world, goal, &[0, new, 2, 1], "a goal");
    assert!(!world.knows_each_other(1, 2));
}

#[test]
fn a_revoked_device_is_sent_nothing_from_the_next_packet_on() {
    let mut world = two();
    let lost = world.add_device(0);
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, lost);
    world.connect(0, 1);
    world.connect(1, lost);
    assert_equal(&world, goal, &[0, 1, lost], "goal");
    let before = world.frames_sent();
    // The frames of this edit have not left when the device is revoked.
    assert!(world.edit_unsent(0, goal, |tx, title| {
        tx.splice_text(title, 0, 0, "a ").unwrap();
    }));
    world.revoke(0, lost).unwrap();
    world.write(1, goal, "not ");
    assert_equal(&world, goal, &[0, 1], "not a goal");
    assert_eq!(world.title(lost, goal).as_deref(), Some("goal"));
    let sent = [
        world.kinds_sent(0, lost, before),
        world.kinds_sent(1, lost, before),
    ];
    assert!(!sent.concat().contains(&CHANGES), "{sent:?}");
    assert!(world.kinds_sent(0, 1, before).contains(&CHANGES));

    // When it connects again it learns what it should know, and nothing else.
    let before = world.frames_sent();
    world.connect(0, lost);
    world.connect(1, lost);
    for peer in [0, 1] {
        let kinds = world.kinds_sent(peer, lost, before);
        assert!(
            kinds.iter().all(|kind| [HELLO, STATEMENTS].contains(kind)),
            "{kinds:?}"
        );
    }
    let person = world.person(0);
    assert_eq!(world.engine(lost).devices(person), [world.device(0)]);
    assert_eq!(world.title(lost, goal).as_deref(), Some("goal"));
}

#[test]
fn a_stolen_device_cannot_evict_its_owner() {
    let mut world = two();
    let stolen = world.add_device(0);
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, 1);
    world.connect(1, stolen);
    world.connect(0, stolen);
    let (person, device) = (world.person(0), world.device(0));
    let revoked = DeviceRevoked {
        person,
        device,
        statements_kept: Vec::new(),
        at_millis: 0,
    };
    world.forge(stolen, 1, Statement::DeviceRevoked(revoked.clone()));
    world.forge(stolen, 0, Statement::DeviceRevoked(revoked));
    assert_eq!(world.engine(1).devices(person).len(), 2);
    assert_eq!(world.open_connections(), 3);
    world.write(0, goal, "a ");
    assert_equal(&world, goal, &[0, 1, stolen], "a goal");
    // Nor does the key of someone else's notebook.
    let other = [101; 32];
    world.pause(0, stolen);
    let lifted = world.lift_pause(0, stolen, Some(other));
    assert_eq!(lifted, Err(DeviceError::WrongRecoveryKey));
}

#[test]
fn a_paused_device_is_served_nothing_and_cannot_lift_its_pause() {
    let mut world = two();
    let paused = world.add_device(0);
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, 1);
    world.connect(1, paused);
    let before = world.frames_sent();
    world.pause(0, paused);
    assert!(world.is_paused(1, paused), "the peer hears of it at once");
    world.write(0, goal, "a ");
    assert_equal(&world, goal, &[0, 1], "a goal");
    world.connect(1, paused);
    assert!(
        world.is_paused(paused, paused),
        "hello and rosters still go through"
    );
    assert_eq!(world.open_connections(), 1, "it was no usual session");
    world.connect(1, paused);
    assert_eq!(world.open_connections(), 2);
    // It says itself that its pause is over, and adds a device that is not paused by name.
    let statements = world.engine(paused).roster(world.person(0));
    let pause = statements
        .into_iter()
        .map(|bytes| cairn_engine::SignedStatement::from_bytes(bytes).unwrap())
        .find(|signed| matches!(signed.statement(), Statement::DevicePaused(_)))
        .unwrap();
    let lifted = PauseLifted {
        person: world.person(0),
        device: world.device(paused),
        pauses: vec![pause.hash()],
        at_millis: 0,
    };
    world.forge(paused, 1, Statement::PauseLifted(lifted));
    let further = world.add_device(paused);
    world.connect(1, further);
    for side in [paused, further] {
        assert!(world.is_paused(1, side), "{side}");
        let kinds = world.kinds_sent(1, side, before);
        assert!(
            kinds.iter().all(|kind| [HELLO, STATEMENTS].contains(kind)),
            "{kinds:?}"
        );
        assert!(!world.said_about(1, further, goal));
    }
    assert!(!world.settled(1).is_empty());

    world.lift_pause(0, paused, None).unwrap();
    assert!(!world.is_paused(1, paused) && !world.is_paused(1, further));
    world.disconnect_all();
    world.connect(1, paused);
    assert_eq!(
        world.open_connections(),
        0,
        "the next one is a usual session"
    );
    world.connect(1, paused);
    assert_equal(&world, goal, &[0, 1, paused], "a goal");
}

#[test]
fn two_devices_that_pause_each_other_are_both_paused_until_the_recovery_key_speaks() {
    let mut world = two();
    let other = world.add_device(0);
    let goal = shared_goal(&mut world, "goal");
    world.pause(0, other);
    world.pause(other, 0);
    world.connect(0, 1);
    world.connect(1, other);
    world.connect(0, other);
    for at in [0, 1, other] {
        assert!(world.is_paused(at, 0) && world.is_paused(at, other), "{at}");
    }
    world.write(0, goal, "a ");
    assert_eq!(world.title(1, goal).as_deref(), Some("goal"));
    // The owner has the recovery code and revokes the other one: both questions are answered.
    world.revoke(0, other).unwrap();
    assert!(!world.is_paused(0, 0));
    world.disconnect_all();
    world.connect(0, 1);
    assert!(!world.is_paused(1, 0));
    assert_eq!(
        world.open_connections(),
        0,
        "the next connection is a usual one again"
    );
    world.connect(0, 1);
    assert_equal(&world, goal, &[0, 1], "a goal");
}

/// Person 0 with a device that wrote "x" to person 1 only, who built "y" on it; then revoked.
fn beyond_the_cut() -> (World, usize, DocumentId) {
    let mut world = two();
    let lost = world.add_device(0);
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, 1);
    world.connect(0, lost);
    world.write(lost, goal, "a ");
    assert_equal(&world, goal, &[0, 1, lost], "a goal");
    world.disconnect_all();
    world.connect(1, lost);
    world.write(lost, goal, "x");
    world.write(1, goal, "y");
    world.disconnect_all();
    world.revoke(0, lost).unwrap();
    world.write(0, goal, "not ");
    world.connect(0, 1);
    assert_equal(&world, goal, &[0], "not a goal");
    (world, lost, goal)
}

fn beyond_cut(events: &[Event]) -> usize {
    let told = events.iter().map(|event| match event {
        Event::BeyondCut { changes, .. } => changes.len(),
        _ => 0,
    });
    told.sum()
}

#[test]
fn what_a_revocation_does_not_cover_is_asked_about_and_kept_when_the_cut_is_widened() {
    let (mut world, lost, goal) = beyond_the_cut();
    let events = world.take_events(0);
    assert_eq!(beyond_cut(&events), 1);
    let refused = events.iter().find_map(|event| match event {
        Event::Refused { changes, .. } => Some(changes.iter().map(|it| it.1).collect::<Vec<_>>()),
        _ => None,
    });
    let refused = refused.unwrap();
    assert!(refused.contains(&Refusal::BeyondCut) && refused.contains(&Refusal::BuiltOnRefused));
    // Nothing is taken out anywhere before somebody decides.
    assert!(world.engine(1).set_aside(goal).is_empty());
    world.widen_cut(0, goal, lost).unwrap();
    let title = world.title(0, goal).unwrap();
    assert!(
        title.contains('x') && title.contains('y') && title.contains("not "),
        "{title}"
    );
    assert_equal(&world, goal, &[0, 1], &title);
    world.write(1, goal, "so ");
    assert_equal(&world, goal, &[0, 1], &format!("so {title}"));
    assert_eq!(
        world.widen_cut(0, goal, lost),
        Err(DeviceError::NothingBeyond)
    );
    // A device that joins later finds all of it proven.
    let new = world.add_device(0);
    world.connect(0, new);
    assert_equal(&world, goal, &[0, new], &format!("so {title}"));
}

#[test]
fn what_a_closed_cut_leaves_out_is_set_aside_where_it_was_built_on() {
    let (mut world, lost, goal) = beyond_the_cut();
    world.close_cut(0, goal, lost);
    assert_equal(&world, goal, &[0, 1], "not a goal");
    // The words of the lost device are no draft of this person.
    assert_eq!(world.engine(1).set_aside(goal).len(), 1);
    world.write(1, goal, "so ");
    assert_equal(&world, goal, &[0, 1], "so not a goal");
    world.disconnect_all();
    world.restart(1);
    world.restart(0);
    let before = world.frames_sent();
    world.connect(0, 1);
    assert_eq!(world.frames_sent() - before, 2);
    let new = world.add_device(0);
    world.connect(0, new);
    assert_equal(&world, goal, &[new], "so not a goal");
}

#[test]
fn a_document_all_of_which_is_beyond_a_cut_is_emptied_and_nothing_vouches_for_it() {
    let mut world = two();
    let (lost, other) = (world.add_device(0), world.add_device(0));
    world.connect(0, lost);
    world.connect(0, other);
    world.disconnect_all();
    world.connect(lost, other);
    let goal = world.create_with_title(lost, "goal");
    assert_equal(&world, goal, &[lost, other], "goal");
    world.disconnect_all();
    world.revoke(0, lost).unwrap();
    world.connect(0, other);
    world.close_cut(0, goal, lost);
    assert!(world.engine(other).heads(goal).is_empty());
    assert_eq!(world.engine(other).set_aside(goal).len(), 1);
    assert_eq!(world.open_connections(), 1);
}

#[test]
fn an_own_device_that_knew_more_of_a_revoked_one_is_asked_about_too() {
    let mut world = two();
    let goal = world.create_with_title(0, "goal");
    let (lost, other) = (world.add_device(0), world.add_device(0));
    world.connect(0, lost);
    world.connect(0, other);
    world.disconnect_all();
    world.connect(lost, other);
    world.write(lost, goal, "a ");
    world.write(other, goal, "not ");
    world.disconnect_all();
    // The cut is signed while nothing is in memory: the vault's attestations say what stays.
    world.restart(0);
    world.revoke(0, lost).unwrap();
    world.connect(0, other);
    world.open(0, goal);
    assert_equal(&world, goal, &[0], "goal");
    assert_eq!(beyond_cut(&world.take_events(0)), 1);
    world.close_cut(0, goal, lost);
    assert_equal(&world, goal, &[0, other], "goal");
    assert_eq!(world.engine(other).set_aside(goal).len(), 2);
    // It was asked as well, and that is decided.
    assert_eq!(beyond_cut(&world.take_events(other)), 1);
    let decided = world.widen_cut(other, goal, lost);
    assert_eq!(decided, Err(DeviceError::NothingBeyond));
}

#[test]
fn who_has_what_lies_beyond_a_cut_is_asked_when_a_peer_does_not_take_it() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let (lost, other) = (world.add_device(0), world.add_device(0));
    for side in [lost, other, 1] {
        world.connect(0, side);
    }
    world.disconnect_all();
    world.connect(lost, other);
    world.write(lost, goal, "x");
    world.disconnect_all();
    world.revoke(0, lost).unwrap();
    world.connect(0, 1);
    world.disconnect_all();
    // The first device is not there any more. Whoever does not decide is asked again.
    for _ in 0..2 {
        world.restart(other);
        world.open(other, goal);
        world.take_events(other);
        world.connect(other, 1);
        assert_equal(&world, goal, &[1], "goal");
        assert_eq!(beyond_cut(&world.take_events(other)), 1);
    }
    world.widen_cut(other, goal, lost).unwrap();
    assert_equal(&world, goal, &[other, 1], "xgoal");
}

#[test]
fn a_writers_revoked_device_is_cut_in_the_owners_document_and_what_the_owner_took_stays() {
    let mut world = two();
    let lost = world.add_device(1);
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, 1);
    world.connect(0, lost);
    world.write(lost, goal, "a ");
    world.disconnect_all();
    // The owner takes this before anybody knows.
    world.connect(0, lost);
    world.write(lost, goal, "not ");
    world.disconnect_all();
    world.write(lost, goal, "x");
    world.revoke(1, lost).unwrap();
    world.connect(0, 1);
    assert_equal(&world, goal, &[0, 1], "not a goal");
    let before = world.frames_sent();
    world.connect(0, lost);
    assert!(!world.kinds_sent(0, lost, before).contains(&CHANGES));
    assert_equal(&world, goal, &[0, 1], "not a goal");
    world.write(1, goal, "so ");
    assert_equal(&world, goal, &[0, 1], "so not a goal");
}

#[test]
fn consent_taken_back_on_one_device_while_the_other_admits_a_change_loses_nothing() {
    let mut world = two();
    let other = world.add_device(0);
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, 1);
    world.connect(0, other);
    world.connect(1, other);
    world.disconnect_all();
    world.write(1, goal, "a ");
    // One device of the owner admits the change while the other takes the consent back.
    world.connect(1, other);
    world.share(0, goal, 1, Role::None);
    assert_equal(&world, goal, &[1, other], "a goal");
    world.disconnect_all();
    let before = world.frames_sent();
    world.connect(0, 1);
    world.connect(0, other);
    world.write(0, goal, "not ");
    world.connect(1, other);
    assert_equal(&world, goal, &[0, other], "not a goal");
    assert_eq!(world.title(1, goal).as_deref(), Some("a goal"));
    for side in [0, other] {
        assert!(!world.kinds_sent(side, 1, before).contains(&CHANGES));
        assert_eq!(world.engine(side).role(goal, world.person(1)), Role::None);
    }
    let lines = world.engine(other).consent(goal);
    assert!(lines.iter().all(|line| line.receipt_millis.is_some()));
}

#[test]
fn consent_changed_on_one_device_while_the_other_takes_it_back_stays_taken_back() {
    let mut world = two();
    let other = world.add_device(0);
    let goal = shared_goal(&mut world, "goal");
    world.connect(0, other);
    world.disconnect_all();
    world.share(0, goal, 1, Role::None);
    world.share(other, goal, 1, Role::Read);
    world.share(other, goal, 1, Role::Write);
    world.connect(0, other);
    world.connect(1, other);
    for side in [0, 1, other] {
        assert_eq!(world.engine(side).role(goal, world.person(1)), Role::None);
    }
    let before = world.frames_sent();
    world.write(other, goal, "a ");
    assert!(!world.kinds_sent(other, 1, before).contains(&CHANGES));
}

#[test]
fn a_pause_by_a_stranger_counts_for_nothing() {
    let mut world = two();
    world.connect(0, 1);
    let pause = DevicePaused {
        person: world.person(0),
        device: world.device(0),
        additions_kept: Vec::new(),
        at_millis: 0,
    };
    world.forge(1, 0, Statement::DevicePaused(pause));
    assert!(!world.is_paused(0, 0));
}

#[test]
fn statements_that_are_known_are_not_verified_again() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    world.write(0, goal, "a ");
    let before = world.engine(1).counters().statements_verified;
    assert!(before > 0);
    // The consent differs, so all of it goes over again.
    world.disconnect_all();
    world.share(0, goal, 1, Role::Read);
    let frames = world.frames_sent();
    world.connect(0, 1);
    assert!(world.kinds_sent(0, 1, frames).contains(&STATEMENTS));
    assert_eq!(world.engine(1).counters().statements_verified, before + 1);
}

#[test]
fn what_stays_is_proven_after_two_devices_set_the_same_words_aside() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let other = world.add_device(1);
    world.connect(0, 1);
    world.connect(0, other);
    world.connect(1, other);
    world.write(1, goal, "a ");
    assert_equal(&world, goal, &[0, 1, other], "a goal");
    world.disconnect_all();
    world.share(0, goal, 1, Role::Read);
    world.connect(1, other);
    world.write(1, goal, "x");
    assert_equal(&world, goal, &[1, other], "xa goal");
    world.connect(0, other);
    assert_equal(&world, goal, &[0, 1, other], "a goal");
    world.disconnect_all();
    world.connect(0, 1);
    assert_equal(&world, goal, &[0, 1, other], "a goal");
}

#[test]
fn what_one_device_of_a_person_learns_of_consent_the_others_learn_at_once() {
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let other = world.add_device(0);
    world.connect(0, 1);
    world.connect(0, other);
    world.connect(1, other);
    let before = world.frames_sent();
    world.share(0, goal, 1, Role::None);
    assert_eq!(world.engine(other).role(goal, world.person(1)), Role::None);
    world.write(other, goal, "a ");
    assert!(!world.kinds_sent(other, 1, before).contains(&CHANGES));
    let lines = world.engine(other).consent(goal);
    assert!(lines.iter().all(|line| line.receipt_millis.is_some()));
    world.disconnect_all();
    let before = world.frames_sent();
    world.connect(1, other);
    world.connect(0, other);
    assert_eq!(world.frames_sent() - before, 4, "all three know the same");
}

#[test]
fn two_devices_of_a_grantee_that_both_note_a_statement_end_with_one_receipt() {
    let mut world = two();
    let goal = world.create_with_title(0, "goal");
    let other = world.add_device(1);
    world.connect(0, 1);
    world.disconnect_all();
    world.share(0, goal, 1, Role::Read);
    world.connect(0, 1);
    world.disconnect_all();
    world.connect(0, other);
    world.connect(1, other);
    world.connect(0, 1);
    world.disconnect_all();
    let before = world.frames_sent();
    for (one, another) in [(0, 1), (0, other), (1, other)] {
        world.connect(one, another);
    }
    assert_eq!(world.frames_sent() - before, 6);
}

#[test]
fn what_another_device_brought_first_is_delivered_to_the_one_that_brings_it_too() {
    const CREDIT: u8 = 9;
    let mut world = two();
    let goal = shared_goal(&mut world, "goal");
    let other = world.add_device(1);
    for side in [1, other] {
        world.connect(0, side);
    }
    world.disconnect_all();
    // More than may be under way at a time: what is written meanwhile waits behind it.
    for index in 0..20 {
        world.edit(0, goal, |tx, _| {
            tx.put(ROOT, "noise", noise(index, 60_000)).unwrap();
        });
    }
    world.lose(CREDIT);
    world.connect(0, other);
    world.connect(0, 1);
    world.connect(1, other);
    world.write(1, goal, "a ");
    world.write(other, goal, "not ");
    assert_eq!(world.title(0, goal).unwrap(), "not a goal");
    let heads = world.engine(0).heads(goal);
    assert!(heads.len() == 2 && world.engine(other).heads(goal).len() == 1);
    world.lose_nothing();
    world.take_events(0);
    world.frame(other, 0, vec![CREDIT, 0x80, 0x80, 0x40]);
    assert_eq!(world.engine(other).heads(goal), heads);
    let delivered = world.take_events(0).into_iter().any(|event| match event {
        Event::Delivered {
            device, heads: had, ..
        } => device == world.device(other) && had == heads,
        _ => false,
    });
    assert!(delivered);
}

/// A goal of person 0 that 1 and 2 write in, and a device of 0 that has it. While it is not heard of
/// there, 0 takes back the consent of 1. The device takes words of 1 and brings them to 2, who writes
/// on. Then it is lost.
fn words_that_only_a_lost_device_took() -> (World, usize, DocumentId) {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "goal");
    for writer in [1, 2] {
        world.share(0, goal, writer, Role::Write);
    }
    let lost = world.add_device(0);
    for side in [lost, 1, 2] {
        world.connect(0, side);
    }
    world.disconnect_all();
    world.share(0, goal, 1, Role::None);
    both_write_to(&mut world, lost, goal);
    (world, lost, goal)
}

/// 1 and 2 write on top of each other; `device` takes the words of both, and nobody else hears of them.
fn both_write_to(world: &mut World, device: usize, goal: DocumentId) {
    world.connect(1, device);
    world.connect(2, device);
    world.write(1, goal, "the ");
    world.write(2, goal, "by ");
    assert_equal(world, goal, &[device, 1, 2], "by the goal");
    world.disconnect_all();
}

#[test]
fn a_writer_is_not_stuck_with_words_of_others_that_a_lost_device_took() {
    let (mut world, lost, goal) = words_that_only_a_lost_device_took();
    world.revoke(0, lost).unwrap();
    world.connect(0, 2);
    assert_equal(&world, goal, &[0, 2], "goal");
    // What was one's own can be entered again, and what comes next arrives.
    assert_eq!(world.engine(2).set_aside(goal).len(), 1);
    world.write(2, goal, "so ");
    assert_equal(&world, goal, &[0, 2], "so goal");
    world.disconnect_all();
    let before = world.frames_sent();
    world.connect(0, 2);
    assert_eq!(world.frames_sent() - before, 2);
}

#[test]
fn a_writer_is_not_stuck_with_words_of_one_whom_only_a_stolen_device_knew() {
    let mut world = World::new(3);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 2, Role::Write);
    let stolen = world.add_device(0);
    for side in [stolen, 2] {
        world.connect(0, side);
    }
    world.disconnect_all();
    world.pair(stolen, 1);
    world.share(stolen, goal, 1, Role::Write);
    both_write_to(&mut world, stolen, goal);
    world.revoke(0, stolen).unwrap();
    world.connect(0, 2);
    assert_equal(&world, goal, &[0, 2], "goal");
    world.write(2, goal, "so ");
    assert_equal(&world, goal, &[0, 2], "so goal");
}

#[test]
fn nobody_makes_a_writer_forget_words_of_others_that_a_device_of_the_owner_took() {
    let (mut world, _, goal) = words_that_only_a_lost_device_took();
    // The device is not revoked: the other one hears of what it took, and takes it.
    world.connect(0, 2);
    assert_equal(&world, goal, &[0, 2], "by the goal");
    assert!(world.engine(2).set_aside(goal).is_empty());
    // All but the last words, which are one's own.
    let others = world.engine(2).read(goal).unwrap().get_changes(&[]);
    let mut others: Vec<_> = others.iter().map(automerge::Change::hash).collect();
    let own = world.engine(2).heads(goal);
    others.retain(|hash| !own.contains(hash));
    world.take_events(2);
    world.refuse(0, 2, goal, &others);
    // Not even for the moment until the owner's side brings it again.
    let events = world.take_events(2);
    let aside = |event: &Event| matches!(event, Event::SetAside { .. } | Event::Changed { .. });
    assert!(!events.iter().any(aside), "{events:?}");
    assert_equal(&world, goal, &[0, 2], "by the goal");
}
