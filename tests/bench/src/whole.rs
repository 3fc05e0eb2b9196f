//! W1 and W2: one document, whole to a device that has nothing, or changed on both sides.

use cairn_engine::Limits;

use crate::automerge_peer::Pair;
use crate::engines::{World, shared};
use crate::history::History;
use crate::identity::Identity;
use crate::measure::{Contender, Measured, Run, measure, timed};

/// Limits under which a history of this many changes fits.
pub(crate) fn limits_for(changes: usize) -> Limits {
    let mut limits = Limits::default();
    if changes > 25_000 {
        limits.document_bytes_cap = changes * 512;
        limits.staging_bytes_max = changes * 512;
        limits.batch_bytes_max = changes * 512;
        limits.document_objects_max = changes * 4;
    }
    limits
}

/// The two who share a document here.
pub(crate) fn couple() -> (Identity, Identity) {
    (Identity::numbered(1), Identity::numbered(2))
}

/// W1: all of W to a device that was just paired.
pub(crate) fn cold_sync(history: &History, runs: usize) -> Vec<Measured> {
    let limits = limits_for(history.changes.len());
    let (owners, grantees) = shared(&history.owner, &history.grantee, std::iter::once(history));
    let cairn = || {
        let mut world = World::new(&limits);
        let full = world.start(&history.owner, &owners, std::iter::once(history));
        let empty = world.start(&history.grantee, &grantees, std::iter::empty());
        world.open(full, history.document());
        world.begin();
        let ((), spent) = timed(|| {
            world.connect(empty, full);
            world.run();
        });
        let heads = world.engine(empty).heads(history.document());
        assert_eq!(heads, history.automerge.get_heads());
        assert!(
            world.deliveries(full) > 0,
            "the owner knows that all arrived"
        );
        Run {
            spent,
            traffic: world.traffic,
            trips_to_visible: world.trips_to_visible(empty),
            ..Run::default()
        }
    };
    let automerge = || {
        let mut pair = Pair::new(automerge::Automerge::new(), history.automerge.clone());
        let ((), spent) = timed(|| pair.sync(0));
        finished(&pair, spent)
    };
    measure(
        vec![contender("Cairn", cairn), contender("automerge", automerge)],
        runs,
    )
}

/// W2: both sides made so many changes apart.
pub(crate) fn concurrent(history: &History, apart: usize, runs: usize) -> Vec<Measured> {
    let limits = limits_for(history.changes.len() + 2 * apart);
    let sides = [history.continued(0, apart), history.continued(1, apart)];
    let (statements, _) = shared(&history.owner, &history.grantee, std::iter::once(history));
    let cairn = || {
        let mut world = World::new(&limits);
        let document = history.document();
        let people = [&history.owner, &history.grantee];
        for (person, side) in people.into_iter().zip(&sides) {
            let number = world.start(person, &statements, std::iter::once(side));
            world.open(number, document);
        }
        world.begin();
        let ((), spent) = timed(|| {
            world.connect(0, 1);
            world.run();
        });
        assert_eq!(
            world.engine(0).heads(document),
            world.engine(1).heads(document)
        );
        assert_eq!(world.engine(0).heads(document).len(), 2);
        Run {
            spent,
            traffic: world.traffic,
            trips_to_visible: world.trips_to_visible(0).max(world.trips_to_visible(1)),
            ..Run::default()
        }
    };
    let fresh = || {
        let mut pair = Pair::new(sides[0].automerge.clone(), sides[1].automerge.clone());
        let ((), spent) = timed(|| pair.sync(0));
        finished(&pair, spent)
    };
    let base = history.automerge.get_heads();
    let remembered = || {
        let mut pair = Pair::new(history.automerge.clone(), history.automerge.clone());
        pair.sync(0);
        for (document, side) in pair.documents.iter_mut().zip(&sides) {
            document
                .apply_changes(side.automerge.get_changes(&base))
                .expect("changes on top of those that are there");
        }
        pair.traffic = crate::measure::Traffic::default();
        let ((), spent) = timed(|| pair.sync(0));
        finished(&pair, spent)
    };
    measure(
        vec![
            contender("Cairn", cairn),
            contender("automerge", fresh),
            contender("automerge, state remembered", remembered),
        ],
        runs,
    )
}

fn finished(pair: &Pair, spent: crate::measure::Spent) -> Run {
    assert!(pair.is_equal());
    Run {
        spent,
        traffic: pair.traffic,
        trips_to_visible: pair.trips_to_visible,
        ..Run::default()
    }
}

pub(crate) fn contender<'a>(name: &'static str, run: impl FnMut() -> Run + 'a) -> Contender<'a> {
    Contender {
        name,
        run: Box::new(run),
    }
}
