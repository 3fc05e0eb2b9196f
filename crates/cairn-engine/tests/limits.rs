//! Stories of limits: what is at one passes, what is beyond is refused or ignored, and nothing else
//! is harmed.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod world;

use automerge::transaction::Transactable;
use automerge::{ObjType, ROOT};
use cairn_engine::{BatchError, CloseReason, DocumentId, Event, Refusal, Role};
use world::{Pair, World};

/// The kind of a frame with changes.
const CHANGES: u8 = 5;

/// The kind of a frame that acknowledges heads.
const ACKNOWLEDGEMENT: u8 = 6;

/// Why changes were refused at a side since last asked.
fn refusals(world: &mut World, side: usize) -> Vec<Refusal> {
    let events = world.take_events(side).into_iter();
    let refused = events.filter_map(|event| match event {
        Event::Refused { changes, .. } => Some(changes),
        _ => None,
    });
    refused.flatten().map(|(_, refusal)| refusal).collect()
}

/// An edit at one side arrives at the other.
fn assert_flows(world: &mut World, from: usize, to: usize, document: DocumentId) {
    world.open(to, document);
    world.write(from, document, "still ");
    let title = world.title(from, document);
    assert!(title.as_ref().is_some_and(|it| it.starts_with("still ")));
    assert_eq!(world.title(to, document), title);
}

#[test]
fn a_document_takes_no_more_heads_than_allowed() {
    let mut world = World::new(4);
    let (goal, other) = (
        world.create_with_title(0, "goal"),
        world.create_with_title(0, "other"),
    );
    for peer in 1..4 {
        world.pair(0, peer);
        world.share(0, goal, peer, Role::Write);
        world.share(0, other, peer, Role::Write);
        world.connect(0, peer);
    }
    world.disconnect_all();
    for peer in 1..4 {
        world.write(peer, goal, &format!("{peer} "));
    }
    world.limit(0, |limits| limits.document_heads_max = 2);
    for (peer, heads) in [(1, 1), (2, 2)] {
        world.connect(0, peer);
        world.open(0, goal);
        assert_eq!(world.engine(0).heads(goal).len(), heads);
        assert_eq!(refusals(&mut world, 0), []);
        world.disconnect_all();
    }
    world.connect(0, 3);
    assert_eq!(refusals(&mut world, 0), [Refusal::DocumentFull]);
    assert_eq!(world.engine(0).heads(goal).len(), 2);
    assert!(!world.title(0, goal).unwrap().contains('3'));
    assert_flows(&mut world, 3, 0, other);
    // Whoever writes next joins the heads, and there is room again.
    world.write(0, goal, "0 ");
    assert_eq!(world.engine(0).heads(goal).len(), 1);
    world.connect(0, 1);
    assert_flows(&mut world, 1, 0, goal);
    world.assert_proven(0, goal);
}

#[test]
fn a_document_holds_no_more_objects_than_allowed() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    let other = pair.create_with_title(0, "other");
    pair.share(0, goal, 1, Role::Write);
    pair.share(0, other, 1, Role::Write);
    // The title is the first of three.
    pair.world
        .limit(0, |limits| limits.document_objects_max = 3);
    pair.connect();
    pair.world.open(0, goal);
    let add = |pair: &mut Pair, side, key: &str| {
        pair.try_edit(side, goal, |tx, _| {
            tx.put_object(ROOT, key, ObjType::Map).unwrap();
        })
    };
    assert!(add(&mut pair, 0, "second"));
    assert!(add(&mut pair, 1, "third"));
    assert_eq!(refusals(&mut pair.world, 0), []);
    let heads = pair.heads(0, goal);
    assert_eq!(pair.heads(1, goal), heads);
    assert!(!add(&mut pair, 0, "fourth, made here"));
    assert!(add(&mut pair, 1, "fourth, made there"));
    assert_eq!(refusals(&mut pair.world, 0), [Refusal::DocumentFull]);
    assert_eq!(pair.heads(0, goal), heads);
    // What makes no object goes on.
    pair.world.write(0, goal, "my ");
    assert_eq!(pair.title(1, goal).as_deref(), Some("my goal"));
    assert_flows(&mut pair.world, 1, 0, other);
    assert_eq!(pair.world.closed(0), []);
}

#[test]
fn a_person_brings_no_more_documents_than_allowed() {
    let mut pair = Pair::new();
    pair.world
        .limit(1, |limits| limits.person_documents_max = 2);
    pair.connect();
    let goals = ["first", "second", "third"].map(|title| pair.create_with_title(0, title));
    let own = ["fourth", "fifth"].map(|title| pair.create_with_title(1, title));
    for goal in &goals[..2] {
        pair.share(0, *goal, 1, Role::Write);
        assert_flows(&mut pair.world, 0, 1, *goal);
    }
    let ignored = pair.world.engine(1).counters().messages_ignored;
    pair.share(0, goals[2], 1, Role::Write);
    assert!(pair.world.engine(1).counters().messages_ignored > ignored);
    assert!(pair.world.engine(1).origin(goals[2]).is_none());
    // Those that are there go on, and documents of others have their own room.
    assert_flows(&mut pair.world, 0, 1, goals[0]);
    assert_flows(&mut pair.world, 1, 0, goals[1]);
    pair.share(1, own[0], 0, Role::Write);
    pair.share(1, own[1], 0, Role::Write);
    assert_flows(&mut pair.world, 0, 1, own[1]);
    assert_eq!(pair.world.closed(1), []);
}

#[test]
fn another_own_device_brings_no_more_people_than_allowed() {
    let mut world = World::new(4);
    let device = world.add_device(0);
    // This person is one of them.
    world.limit(device, |limits| limits.people_max = 3);
    for peer in 1..4 {
        world.pair(0, peer);
    }
    let goal = world.create_with_title(0, "goal");
    world.connect(0, device);
    let known: Vec<usize> = (1..4)
        .filter(|peer| world.knows_each_other(device, *peer))
        .collect();
    assert_eq!(known.len(), 2, "{known:?}");
    assert_flows(&mut world, 0, device, goal);
    assert_eq!(world.closed(device), []);
}

#[test]
fn no_more_batches_of_a_document_wait_than_allowed() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    pair.share(0, goal, 1, Role::Write);
    pair.world.limit(0, |limits| limits.batches_waiting_max = 3);
    pair.connect();
    assert_flows(&mut pair.world, 1, 0, goal);
    let batch = pair.world.sent_of_kind(1, CHANGES).last().unwrap().to_vec();
    // One is gone through while three wait.
    pair.world.flood(1, 0, &vec![batch.clone(); 4]);
    assert_eq!(pair.world.closed(0), []);
    assert_flows(&mut pair.world, 1, 0, goal);
    pair.world.flood(1, 0, &vec![batch; 5]);
    assert_eq!(pair.world.closed(0), [CloseReason::Protocol]);
    pair.connect();
    assert_flows(&mut pair.world, 1, 0, goal);
    pair.assert_proven(goal);
}

#[test]
fn receipts_beyond_the_statements_of_a_document_are_ignored_and_consent_ends_all_the_same() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    let other = pair.create_with_title(0, "other");
    // Two grants, their receipts, and the card of who may write.
    pair.world
        .limit(0, |limits| limits.document_statements_max = 5);
    pair.connect();
    let receipts = |pair: &Pair, document| {
        let lines = pair.world.engine(0).consent(document).into_iter();
        lines.filter(|line| line.receipt_millis.is_some()).count()
    };
    for (role, receipted) in [(Role::Read, 1), (Role::Write, 2), (Role::None, 2)] {
        pair.share(0, goal, 1, role);
        assert_eq!(receipts(&pair, goal), receipted, "{role:?}");
        let person = pair.world.person(1);
        assert_eq!(pair.world.engine(1).role(goal, person), role);
    }
    assert_eq!(pair.world.engine(0).consent(goal).len(), 3);
    pair.share(0, other, 1, Role::Write);
    assert_eq!(receipts(&pair, other), 1);
    assert_flows(&mut pair.world, 1, 0, other);
    assert_eq!(pair.world.closed(0), []);
}

#[test]
fn a_batch_with_more_attestations_than_allowed_is_refused_whole() {
    let mut world = World::new(3);
    world.pair(0, 1);
    world.pair(0, 2);
    let goal = world.create_with_title(0, "goal");
    world.share(0, goal, 1, Role::Write);
    world.connect(0, 1);
    assert_flows(&mut world, 1, 0, goal);
    world.disconnect_all();
    world.share(0, goal, 2, Role::Write);
    // One of the owner's device and one of the writer's.
    world.limit(2, |limits| limits.batch_attestations_max = 1);
    world.connect(0, 2);
    let refused = world
        .take_events(2)
        .into_iter()
        .find_map(|event| match event {
            Event::BatchRefused { error, .. } => Some(error),
            _ => None,
        });
    assert_eq!(refused, Some(BatchError::TooMany));
    assert_eq!(world.closed(2), [CloseReason::Protocol]);
    assert_eq!(world.engine(2).heads(goal), []);
    world.limit(2, |limits| limits.batch_attestations_max = 2);
    world.connect(0, 2);
    assert_eq!(world.title(2, goal), world.title(0, goal));
    world.assert_proven(2, goal);
}

#[test]
fn no_more_frames_wait_for_a_document_to_be_read_than_allowed() {
    let mut pair = Pair::new();
    let goal = pair.create_with_title(0, "goal");
    pair.share(0, goal, 1, Role::Write);
    pair.connect();
    assert_flows(&mut pair.world, 1, 0, goal);
    let mut frame = vec![ACKNOWLEDGEMENT];
    frame.extend(goal.as_bytes());
    frame.push(0);
    for (frames, closed) in [(256, None), (257, Some(CloseReason::Protocol))] {
        pair.world.restart(0);
        pair.connect();
        pair.world.hold_storage(0, true);
        pair.world.flood(1, 0, &vec![frame.clone(); frames]);
        assert_eq!(pair.world.closed(0).first().copied(), closed, "{frames}");
        pair.world.hold_storage(0, false);
        pair.world.run();
        if closed.is_some() {
            pair.connect();
        }
        assert_flows(&mut pair.world, 1, 0, goal);
        assert_eq!(pair.world.closed(0).len(), usize::from(closed.is_some()));
    }
    pair.assert_proven(goal);
}
