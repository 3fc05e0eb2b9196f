//! W4, W4b and W5: many documents, of which none, some or all differ.

use automerge::Automerge;
use cairn_engine::Limits;

use crate::automerge_peer::Pair;
use crate::engines::{World, shared};
use crate::history::History;
use crate::identity::Identity;
use crate::measure::{Measured, Run, Spent, Traffic, measure, timed};
use crate::whole::{contender, couple};

/// Changes of each document of W4.
const SMALL_CHANGES: usize = 10;

/// Documents that two people share.
#[derive(Debug)]
pub(crate) struct Shelf {
    documents: Vec<History>,
}

impl Shelf {
    pub(crate) fn new(documents: usize) -> Self {
        let (owner, grantee) = couple();
        Self {
            documents: (0..documents)
                .map(|seed| History::of(owner, grantee, 2 + seed as u64, SMALL_CHANGES))
                .collect(),
        }
    }
}

/// W4 and W4b: the owner changed the first few documents while the two were apart.
pub(crate) fn reconnect(shelf: &Shelf, changed: usize, runs: usize) -> Vec<Measured> {
    let (owner, grantee) = couple();
    let limits = Limits::default();
    let (statements, _) = shared(&owner, &grantee, shelf.documents.iter());
    let newer: Vec<History> = shelf.documents[..changed]
        .iter()
        .map(|history| history.continued(0, 1))
        .collect();
    let owners = || newer.iter().chain(&shelf.documents[changed..]);
    let cairn = || {
        let mut world = World::new(&limits);
        world.start(&owner, &statements, owners());
        world.start(&grantee, &statements, shelf.documents.iter());
        let ((), spent) = timed(|| {
            world.connect(1, 0);
            world.run();
        });
        for history in &newer {
            let heads = world.engine(1).heads(history.document());
            assert_eq!(heads, history.automerge.get_heads());
        }
        let loaded = [0, 1].map(|side| world.engine(side).counters().documents_loaded);
        Run {
            spent,
            traffic: world.traffic,
            trips_to_visible: world.trips_to_visible(1),
            documents_loaded: loaded[0] + loaded[1],
            ..Run::default()
        }
    };
    let automerge = || {
        let pairs = owners()
            .zip(&shelf.documents)
            .map(|(one, other)| (one.automerge.clone(), other.automerge.clone()))
            .collect();
        sync_all(pairs)
    };
    measure(
        vec![contender("Cairn", cairn), contender("automerge", automerge)],
        runs,
    )
}

/// Clients of one therapist with documents that the therapist has not seen.
#[derive(Debug)]
pub(crate) struct Practice {
    therapist: Identity,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    identity: Identity,
    documents: Vec<History>,
    /// What the client's vault has.
    statements: Vec<Vec<u8>>,
}

impl Practice {
    /// So many clients with so many documents of so many changes each.
    pub(crate) fn new(clients: usize, documents: usize, changes: usize) -> Self {
        let therapist = Identity::numbered(0);
        let clients = (1..=clients).map(|number| {
            let identity = Identity::numbered(number as u32);
            let documents: Vec<History> = (0..documents)
                .map(|index| {
                    let seed = (number * documents + index) as u64;
                    History::of(identity, therapist, seed, changes)
                })
                .collect();
            let (statements, _) = shared(&identity, &therapist, documents.iter());
            Client {
                identity,
                documents,
                statements,
            }
        });
        Self {
            therapist,
            clients: clients.collect(),
        }
    }
}

/// W5: the first so many clients connect to the therapist.
pub(crate) fn practice(practice: &Practice, clients: usize, runs: usize) -> Vec<Measured> {
    let clients = &practice.clients[..clients];
    let limits = Limits::default();
    let cairn = || {
        let mut world = World::new(&limits);
        let mut rosters = vec![practice.therapist.roster()];
        rosters.extend(clients.iter().map(|client| client.identity.roster()));
        world.start(&practice.therapist, &rosters, std::iter::empty());
        for client in clients {
            let side = world.start(
                &client.identity,
                &client.statements,
                client.documents.iter(),
            );
            for history in &client.documents {
                world.open(side, history.document());
            }
        }
        world.begin();
        let ((), spent) = timed(|| {
            for side in 1..=clients.len() {
                world.connect(side, 0);
            }
            world.run();
        });
        for history in clients.iter().flat_map(|client| &client.documents) {
            let heads = world.engine(0).heads(history.document());
            assert_eq!(heads, history.automerge.get_heads());
        }
        Run {
            spent,
            traffic: world.traffic,
            trips_to_visible: world.trips_to_visible(0),
            ..Run::default()
        }
    };
    let automerge = || {
        let documents = clients.iter().flat_map(|client| &client.documents);
        let pairs = documents
            .map(|history| (Automerge::new(), history.automerge.clone()))
            .collect();
        sync_all(pairs)
    };
    measure(
        vec![contender("Cairn", cairn), contender("automerge", automerge)],
        runs,
    )
}

/// Syncs each pair of documents, all on one connection; the first of each pair speaks first.
fn sync_all(pairs: Vec<(Automerge, Automerge)>) -> Run {
    let mut pairs: Vec<Pair> = pairs
        .into_iter()
        .map(|(one, other)| Pair::new(one, other))
        .collect();
    let ((), spent): ((), Spent) = timed(|| {
        for pair in &mut pairs {
            pair.sync(0);
        }
    });
    let mut run = Run {
        spent,
        ..Run::default()
    };
    for pair in &pairs {
        assert!(pair.is_equal());
        run.traffic = Traffic {
            messages: run.traffic.messages + pair.traffic.messages,
            bytes: run.traffic.bytes + pair.traffic.bytes,
            one_way_trips: run.traffic.one_way_trips.max(pair.traffic.one_way_trips),
        };
        run.trips_to_visible = run.trips_to_visible.max(pair.trips_to_visible);
    }
    run
}
