//! Stories of documents that are erased, or go on in a fresh copy, and of what comes back later.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::ChangeHash;
use automerge::transaction::Transactable;
use cairn_engine::{
    DocumentId, DocumentRetired, EraseError, Event, Grant, PersonId, Receipt, ReceiptKind, Role,
    SignedStatement, Statement,
};
use world::World;

const STATEMENTS: u8 = 2;
const HEADS: u8 = 4;
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

/// Nothing of the document is left on these sides, neither in memory nor on the disk.
fn assert_gone(world: &mut World, document: DocumentId, text: &str, sides: &[usize]) {
    for side in sides {
        assert!(world.engine(*side).is_retired(document), "{side}");
        world.open(*side, document);
        assert_eq!(world.title(*side, document), None, "{side}");
        assert!(world.engine(*side).heads(document).is_empty(), "{side}");
        assert!(!world.stores(*side, document, text), "{side}");
    }
}

/// The devices that have confirmed the removal, as a side knows it.
fn removed(world: &World, at: usize, document: DocumentId) -> Vec<cairn_engine::DeviceId> {
    let erasure = world.engine(at).erasure(document).unwrap();
    let mut devices: Vec<_> = erasure.removed.iter().map(|it| it.1).collect();
    devices.sort();
    devices
}

fn devices(world: &World, sides: &[usize]) -> Vec<cairn_engine::DeviceId> {
    let mut devices: Vec<_> = sides.iter().map(|side| world.device(*side)).collect();
    devices.sort();
    devices
}

/// Two sides have nothing to say to each other.
fn assert_equal_sets(world: &mut World, one: usize, other: usize) {
    world.disconnect_all();
    let before = world.frames_sent();
    world.connect(one, other);
    assert_eq!(world.frames_sent() - before, 2, "{one} and {other}");
    world.disconnect_all();
}

#[test]
fn erasing_while_connected_removes_it_on_both_sides_and_is_answered() {
    let (mut world, goal) = shared_goal("canary");
    world.connect(0, 1);
    world.write(1, goal, "a ");
    assert!(world.stores(0, goal, "canary") && world.stores(1, goal, "canary"));
    world.erase(0, goal);
    assert_gone(&mut world, goal, "canary", &[0, 1]);
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0, 1]));
    let lines = world.engine(0).consent(goal);
    let (asked, grants): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.erase);
    assert_eq!((asked.len(), grants.len()), (1, 1));
    assert_eq!(asked[0].grantee, world.person(1));
    assert!(asked[0].receipt_millis.is_some() && asked[0].in_force && !grants[0].in_force);
    assert!(!world.settled(0).is_empty() && !world.settled(1).is_empty());

    // Nobody writes in it or shares it any more, and asking again says nothing new.
    for side in [0, 1] {
        assert!(!world.try_edit(side, goal, |tx, title| {
            tx.splice_text(title, 0, 0, "x").unwrap();
        }));
    }
    let before = world.frames_sent();
    world.erase(0, goal);
    assert_eq!(world.frames_sent(), before);
    assert_equal_sets(&mut world, 0, 1);
}

#[test]
fn erasing_at_any_moment_of_a_sync_leaves_nothing() {
    let mut moments = 0;
    loop {
        let (mut world, goal) = shared_goal("canary");
        world.write(0, goal, "canary ");
        world.write(1, goal, "almond ");
        world.wire(0, 1);
        let went_on = world.run_some(moments, 0);
        let before = world.frames_sent();
        world.erase(0, goal);
        assert_gone(&mut world, goal, "canary", &[0, 1]);
        assert!(
            !world.kinds_sent(0, 1, before).contains(&CHANGES),
            "{moments}"
        );
        assert_eq!(removed(&world, 0, goal), devices(&world, &[0, 1]));
        assert!(!world.stores(0, goal, "almond"));
        assert_equal_sets(&mut world, 0, 1);
        if !went_on {
            // All had arrived: then the owner's side has taken it, and it goes too.
            assert!(!world.stores(1, goal, "almond"));
            break;
        }
        moments += 1;
    }
    assert!(moments > 10, "{moments}");
}

#[test]
fn the_removal_is_confirmed_only_when_it_is_durable() {
    let (mut world, goal) = shared_goal("canary");
    world.connect(0, 1);
    world.hold_storage(1, true);
    for side in [0, 1] {
        world.take_events(side);
    }
    world.erase(0, goal);
    assert_eq!(world.title(1, goal), None);
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0]));
    // Nobody says meanwhile that all is exchanged.
    assert!(world.settled(0).is_empty() && world.settled(1).is_empty());
    // A crash before that: the next start goes on with it, and only then answers.
    world.crash(1);
    assert!(world.stores(1, goal, "canary"));
    world.hold_storage(1, false);
    world.connect(0, 1);
    assert_gone(&mut world, goal, "canary", &[0, 1]);
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0, 1]));
    assert_equal_sets(&mut world, 0, 1);
}

#[test]
fn a_removal_that_a_crash_interrupted_goes_on_at_the_next_start() {
    let (mut world, goal) = shared_goal("canary");
    world.connect(0, 1);
    // The statement is kept, and what follows from it is not.
    world.hold_storage(1, true);
    world.erase(0, goal);
    world.write_some(1, 1);
    world.crash(1);
    assert!(world.engine(1).is_retired(goal) && world.stores(1, goal, "canary"));
    world.hold_storage(1, false);
    world.follow_retirements(1);
    assert_gone(&mut world, goal, "canary", &[1]);
    assert_equal_sets_after(&mut world, goal);
}

fn assert_equal_sets_after(world: &mut World, goal: DocumentId) {
    world.connect(0, 1);
    assert_eq!(removed(world, 0, goal), devices(world, &[0, 1]));
    assert_equal_sets(world, 0, 1);
}

#[test]
fn erasing_reaches_devices_that_were_away_whoever_tells_them() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let (other, theirs) = (world.add_device(0), world.add_device(1));
    let goal = world.create_with_title(0, "canary");
    world.share(0, goal, 1, Role::Write);
    for (one, another) in [(0, 1), (0, other), (0, theirs)] {
        world.connect(one, another);
    }
    world.disconnect_all();
    for side in [0, 1, other, theirs] {
        assert!(world.stores(side, goal, "canary"), "{side}");
    }
    world.erase(0, goal);
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0]));
    // The owner's other device learns of it from the grantee, whom the owner told, and the
    // grantee's other device from that one.
    world.connect(0, 1);
    world.disconnect_all();
    world.restart(other);
    world.connect(1, other);
    world.disconnect_all();
    world.connect(other, theirs);
    world.connect(0, other);
    assert_gone(&mut world, goal, "canary", &[0, 1, other, theirs]);
    assert_eq!(
        removed(&world, 0, goal),
        devices(&world, &[0, 1, other, theirs])
    );
    for (one, another) in [(0, 1), (0, other), (1, theirs), (other, 1)] {
        world.connect(one, another);
        world.disconnect_all();
    }
    assert_equal_sets(&mut world, 1, theirs);
    assert_equal_sets(&mut world, 0, other);
}

#[test]
fn one_meeting_tells_another_own_device_all_about_what_was_erased() {
    let mut world = World::new(1);
    let other = world.add_device(0);
    world.connect(0, other);
    world.disconnect_all();
    // Names of records are chance: of so many retirements some have a higher one than the receipt.
    let goals: Vec<DocumentId> = (0..8)
        .map(|_| world.create_with_title(0, "canary"))
        .collect();
    for goal in &goals {
        world.erase(0, *goal);
    }
    world.connect(0, other);
    for goal in goals {
        for side in [0, other] {
            let confirmed = removed(&world, side, goal);
            assert_eq!(confirmed, devices(&world, &[0, other]), "{side}");
        }
    }
    assert_equal_sets(&mut world, 0, other);
}

#[test]
fn one_who_was_away_hears_of_consent_and_of_its_end_at_once() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let goals: Vec<DocumentId> = (0..8)
        .map(|_| world.create_with_title(0, "canary"))
        .collect();
    for goal in &goals {
        world.share(0, *goal, 1, Role::Write);
        world.erase(0, *goal);
    }
    world.connect(0, 1);
    for goal in goals {
        assert!(world.engine(1).is_retired(goal));
        assert_eq!(removed(&world, 0, goal), devices(&world, &[0, 1]));
    }
    assert_equal_sets(&mut world, 0, 1);
}

#[test]
fn a_grantee_who_erases_tells_a_device_of_the_owner_that_has_not_heard_why() {
    let (mut world, goal) = shared_goal("canary");
    let other = world.add_device(0);
    world.connect(0, other);
    world.disconnect_all();
    world.connect(0, 1);
    world.connect(1, other);
    world.erase(0, goal);
    assert_gone(&mut world, goal, "canary", &[0, 1, other]);
    assert_eq!(removed(&world, other, goal), devices(&world, &[1, other]));
    world.take_events(other);
    world.connect(0, other);
    for side in [0, other] {
        assert_eq!(removed(&world, side, goal), devices(&world, &[0, 1, other]));
    }
    // Nobody waits for a word that was said before and not understood.
    assert!(!world.settled(other).is_empty());
    assert_equal_sets(&mut world, 0, other);
    assert_equal_sets(&mut world, 1, other);
}

#[test]
fn a_document_that_was_never_shared_is_erased_on_own_devices_and_named_to_nobody() {
    let mut world = World::new(2);
    world.pair(0, 1);
    let other = world.add_device(0);
    let private = world.create_with_title(0, "canary");
    world.connect(0, 1);
    world.connect(0, other);
    assert!(world.stores(other, private, "canary"));
    world.erase(0, private);
    world.connect(1, other);
    assert_gone(&mut world, private, "canary", &[0, other]);
    for side in [0, other] {
        assert!(!world.said_about(side, 1, private));
    }
    assert!(world.said_about(0, other, private));
    assert_eq!(
        removed(&world, other, private),
        devices(&world, &[0, other])
    );
}

#[test]
fn an_old_device_that_returns_keeps_its_own_words_as_a_draft_and_brings_nothing_back() {
    let (mut world, goal) = shared_goal("canary");
    let old = world.add_device(0);
    world.connect(0, old);
    world.disconnect_all();
    world.write(old, goal, "walnut ");
    world.write(1, goal, "almond ");
    world.erase(0, goal);
    let before = world.frames_sent();
    world.connect(0, old);
    world.connect(0, 1);
    world.connect(1, old);
    assert_gone(&mut world, goal, "canary", &[0, old, 1]);
    let sent = [(0, 1), (0, old), (1, old), (1, 0), (old, 0), (old, 1)];
    let told: Vec<u8> = sent
        .iter()
        .filter(|(from, _)| *from != old && *from != 1)
        .flat_map(|(from, to)| world.kinds_sent(*from, *to, before))
        .collect();
    assert!(!told.contains(&CHANGES), "{told:?}");
    // Each has what it wrote and nobody had taken, and only that.
    for (side, own, others) in [(old, "walnut", "almond"), (1, "almond", "walnut")] {
        assert_eq!(world.engine(side).set_aside(goal).len(), 1, "{side}");
        assert!(world.stores(side, goal, own) && !world.stores(side, goal, others));
        let told = world.take_events(side).into_iter().any(
            |event| matches!(event, Event::Erased { document, drafts: 1 } if document == goal),
        );
        assert!(told, "{side}");
    }
    assert!(!world.stores(0, goal, "walnut") && !world.stores(0, goal, "almond"));
    // Drafts survive a restart, and are nobody else's.
    world.restart(1);
    world.open(1, goal);
    assert_eq!(world.engine(1).set_aside(goal).len(), 1);
    world.connect(0, 1);
    world.connect(0, old);
    assert_equal_sets(&mut world, 0, 1);
    assert_equal_sets(&mut world, 0, old);
    assert!(world.stores(1, goal, "almond") && !world.stores(0, goal, "almond"));
}

#[test]
fn a_device_that_does_not_listen_brings_nothing_back_and_is_given_nothing() {
    let (mut world, goal) = shared_goal("canary");
    let other = world.add_device(0);
    world.connect(0, other);
    world.connect(0, 1);
    world.disconnect_all();
    world.erase(0, goal);
    // Two that have heard nothing go on with each other.
    world.connect(other, 1);
    world.write(1, goal, "almond ");
    let change = world.sent_of_kind(1, CHANGES).last().unwrap().to_vec();
    assert_eq!(world.title(other, goal).as_deref(), Some("almond canary"));
    // They ask for the goal and send it, deaf to every answer.
    world.lose(STATEMENTS);
    let before = world.frames_sent();
    world.connect(0, 1);
    world.connect(0, other);
    let ignored = world.engine(0).counters().messages_ignored;
    assert!(ignored > 0, "they have asked");
    world.frame(1, 0, change);
    assert_eq!(world.engine(0).counters().messages_ignored, ignored + 1);
    for peer in [1, other] {
        assert!(!world.engine(peer).is_retired(goal));
        let sent = world.kinds_sent(0, peer, before);
        assert!(
            !sent.contains(&CHANGES) && !sent.contains(&HEADS),
            "{sent:?}"
        );
    }
    assert_gone(&mut world, goal, "canary", &[0]);
    assert!(world.stores(1, goal, "almond") && !world.stores(0, goal, "almond"));
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0]));
}

#[test]
fn a_draft_from_before_stays_with_its_writer() {
    let (mut world, goal) = shared_goal("canary");
    world.share(0, goal, 1, Role::Read);
    world.write(1, goal, "almond ");
    world.connect(0, 1);
    assert_eq!(world.engine(1).set_aside(goal).len(), 1);
    world.erase(0, goal);
    assert_gone(&mut world, goal, "canary", &[0, 1]);
    assert!(world.stores(1, goal, "almond") && !world.stores(0, goal, "almond"));
}

#[test]
fn a_restored_or_copied_vault_does_not_bring_an_erased_document_back() {
    let (mut world, goal) = shared_goal("canary");
    let other = world.add_device(0);
    world.connect(0, other);
    world.connect(0, 1);
    world.disconnect_all();
    let (backup, theirs) = (world.backup(0), world.backup(1));
    let copy = world.copy_vault(1);
    world.erase(0, goal);
    world.connect(0, 1);
    world.connect(0, other);
    assert_gone(&mut world, goal, "canary", &[0, 1, other]);
    world.disconnect_all();

    // The owner's own backup learns it from the grantee.
    world.restore(0, backup);
    assert!(!world.engine(0).is_retired(goal) && world.stores(0, goal, "canary"));
    world.connect(0, 1);
    assert_gone(&mut world, goal, "canary", &[0, 1]);
    // The grantee's backup, and a copy that was made before, learn it from the owner.
    world.disconnect_all();
    world.restore(1, theirs);
    assert!(world.stores(1, goal, "canary"));
    world.connect(1, other);
    world.disconnect_all();
    world.connect(copy, other);
    assert_gone(&mut world, goal, "canary", &[0, 1, other, copy]);
}

#[test]
fn consent_given_elsewhere_at_the_same_time_does_not_outlive_the_erasing() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let other = world.add_device(0);
    let goal = world.create_with_title(0, "canary");
    world.share(0, goal, 1, Role::Write);
    world.connect(0, other);
    world.connect(0, 2);
    world.disconnect_all();
    // One device erases while the other lets a third person in.
    world.erase(0, goal);
    world.share(other, goal, 2, Role::Write);
    world.connect(other, 2);
    assert_eq!(world.title(2, goal).as_deref(), Some("canary"));
    world.write(2, goal, "a ");
    world.connect(0, other);
    assert_gone(&mut world, goal, "canary", &[0, other, 2]);
    for side in [0, other, 2] {
        assert_eq!(world.engine(side).role(goal, world.person(2)), Role::None);
    }
    world.disconnect_all();
    world.connect(0, 2);
    let confirmed = removed(&world, 0, goal);
    assert_eq!(confirmed, devices(&world, &[0, other, 2]));
    // The third person meets a device that had never heard of them.
    let asked = world.engine(0).erasure(goal).unwrap().asked;
    assert!(asked.contains(&world.person(2)) && asked.contains(&world.person(1)));
}

#[test]
fn a_person_whose_consent_is_unknown_to_the_eraser_is_asked_when_they_meet() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let other = world.add_device(0);
    let goal = world.create_with_title(0, "canary");
    world.connect(0, other);
    world.connect(0, 2);
    world.disconnect_all();
    world.share(other, goal, 2, Role::Read);
    world.connect(other, 2);
    world.disconnect_all();
    world.erase(0, goal);
    world.connect(0, 2);
    assert_gone(&mut world, goal, "canary", &[0, 2]);
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0, 2]));
}

#[test]
fn one_whose_consent_had_ended_is_asked_too() {
    let (mut world, goal) = shared_goal("canary");
    world.share(0, goal, 1, Role::None);
    world.connect(0, 1);
    assert!(world.stores(1, goal, "canary"));
    world.erase(0, goal);
    assert_gone(&mut world, goal, "canary", &[0, 1]);
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0, 1]));
}

fn retirement(world: &World, goal: DocumentId) -> DocumentRetired {
    DocumentRetired {
        origin: world.engine(0).origin(goal).unwrap(),
        heads: Vec::new(),
        at_millis: 0,
    }
}

#[test]
fn only_the_owner_erases() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    world.pair(1, 2);
    let goal = world.create_with_title(0, "canary");
    world.share(0, goal, 1, Role::Write);
    world.share(0, goal, 2, Role::Read);
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        world.connect(one, other);
    }
    assert_eq!(world.try_erase(1, goal), Err(EraseError::NotOwner));
    // Nor by a statement of their own making, to the owner or to another reader.
    let retired = retirement(&world, goal);
    world.forge(1, 0, Statement::DocumentRetired(retired.clone()));
    world.forge(1, 2, Statement::DocumentRetired(retired.clone()));
    for side in [0, 1, 2] {
        assert_eq!(world.title(side, goal).as_deref(), Some("canary"), "{side}");
        assert!(!world.engine(side).is_retired(goal));
    }
    // A true one does count from whoever brings it to the owner, and from nobody else to others.
    let unknown = world.create_with_title(1, "theirs");
    let theirs = DocumentRetired {
        origin: world.engine(1).origin(unknown).unwrap(),
        ..retired
    };
    world.forge(1, 2, Statement::DocumentRetired(theirs));
    assert!(!world.engine(2).is_retired(unknown));
    assert!(world.engine(2).origin(unknown).is_none());
}

#[test]
fn nobody_confirms_a_removal_for_another() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "canary");
    world.share(0, goal, 1, Role::Read);
    world.connect(0, 1);
    world.disconnect_all();
    world.erase(0, goal);
    let statements = world.engine(0).consent(goal);
    let asked = statements.iter().find(|line| line.erase).unwrap();
    let receipt = |person: usize, kind, statement| {
        Statement::Receipt(Receipt {
            document: goal,
            statement,
            person: world.person(person),
            kind,
            at_millis: 0,
        })
    };
    let grant = statements.iter().find(|line| !line.erase).unwrap();
    let forged = [
        receipt(1, ReceiptKind::Erased, asked.statement),
        receipt(2, ReceiptKind::Erased, asked.statement),
        receipt(0, ReceiptKind::Erased, asked.statement),
    ];
    let wrong = receipt(1, ReceiptKind::Erased, grant.statement);
    let asked = asked.statement;
    world.connect(0, 2);
    for statement in forged {
        world.forge(2, 0, statement);
    }
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0]));
    // Nor does a receipt count that is about something else.
    world.lose(2);
    world.connect(0, 1);
    world.forge(1, 0, wrong);
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0]));
    let right = Receipt {
        document: goal,
        statement: asked,
        person: world.person(1),
        kind: ReceiptKind::Erased,
        at_millis: 7,
    };
    world.forge(1, 0, Statement::Receipt(right));
    assert_eq!(removed(&world, 0, goal), devices(&world, &[0, 1]));
}

#[test]
fn a_document_goes_on_in_another_with_the_same_consent() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "canary");
    world.share_for(0, goal, 1, Role::Write, Some(3_600_000));
    world.share(0, goal, 2, Role::Read);
    world.connect(0, 1);
    world.connect(0, 2);
    world.share(0, goal, 2, Role::None);
    let fresh = world.create_with_title(0, "fresh");
    let terms = |world: &World, document| {
        let lines = world.engine(0).consent(document);
        let line = lines
            .into_iter()
            .find(|line| line.grantee == world.person(1));
        line.map(|line| (line.role, line.purpose, line.expires_millis))
            .unwrap()
    };
    let before = terms(&world, goal);
    world.replace(0, goal, fresh);
    assert_eq!(terms(&world, fresh), before);
    assert_gone(&mut world, goal, "canary", &[0, 1, 2]);
    assert_eq!(world.title(1, fresh).as_deref(), Some("fresh"));
    assert_eq!(world.engine(0).readers(fresh), [world.person(1)]);
    for side in [0, 1] {
        let erasure = world.engine(side).erasure(goal).unwrap();
        assert_eq!(erasure.successor, Some(fresh), "{side}");
    }
    // Whose consent had ended learns of the erasing and nothing of the new one.
    assert_eq!(world.engine(2).erasure(goal).unwrap().successor, None);
    assert!(world.said_about(0, 1, fresh) && !world.said_about(0, 2, fresh));
    assert_eq!(world.try_replace(0, goal, fresh), Err(EraseError::Retired));
    world.write(1, fresh, "a ");
    assert_eq!(world.title(0, fresh).as_deref(), Some("a fresh"));
    assert_equal_sets(&mut world, 0, 1);
    assert_equal_sets(&mut world, 0, 2);
}

#[test]
fn consent_that_a_device_in_wrong_hands_signed_for_anyone_does_not_hinder_a_fresh_copy() {
    let (mut world, goal) = shared_goal("canary");
    let other = world.add_device(0);
    world.connect(0, other);
    let stranger = PersonId::from_bytes([7; 32]);
    for grantee in [world.person(0), stranger] {
        let grant = Grant {
            origin: world.engine(0).origin(goal).unwrap(),
            grantee,
            role: Role::Write,
            purpose: String::new(),
            expires_millis: None,
            replaces: Vec::new(),
            heads: Vec::new(),
            at_millis: 0,
        };
        world.forge(other, 0, Statement::Grant(grant));
    }
    assert_eq!(world.engine(0).readers(goal).len(), 3);
    let fresh = world.create_with_title(0, "fresh");
    world.replace(0, goal, fresh);
    assert!(world.engine(0).is_retired(goal));
    assert_eq!(world.engine(0).readers(fresh), [world.person(1)]);
    world.connect(0, 1);
    assert_eq!(world.title(1, fresh).as_deref(), Some("fresh"));
}

#[test]
fn statements_of_a_retirement_come_back_as_they_were() {
    let mut world = World::new(1);
    let goal = world.create_with_title(0, "a");
    // As many heads as one may name.
    let retired = DocumentRetired {
        heads: (0..100).map(|head| ChangeHash([head; 32])).collect(),
        ..retirement(&world, goal)
    };
    let statement = Statement::DocumentRetired(retired);
    let signed = SignedStatement::sign(statement.clone(), &[3; 32]);
    let again = SignedStatement::from_bytes(signed.bytes().to_vec()).unwrap();
    assert_eq!(again.statement(), &statement);
}

#[test]
fn a_receipt_that_comes_back_while_the_document_is_read_holds_nothing_up() {
    let (mut world, goal) = shared_goal("goal");
    world.connect(0, 1);
    world.erase(0, goal);
    world.disconnect_all();
    let device = world.device(1);
    let mut lost = world.backup(1);
    lost.statements.retain(|_, bytes| {
        let signed = SignedStatement::from_bytes(bytes.clone()).unwrap();
        let receipt = matches!(signed.statement(), Statement::Receipt(_));
        !receipt || signed.signing_device() != device
    });
    world.restore(1, lost);
    world.hold_storage(1, true);
    world.follow_retirements(1);
    world.connect(0, 1);
    assert_eq!(removed(&world, 1, goal), devices(&world, &[1]));
    world.take_events(1);
    world.hold_storage(1, false);
    world.run();
    assert_eq!(world.settled(1).len(), 1);
    assert_equal_sets(&mut world, 0, 1);
}
