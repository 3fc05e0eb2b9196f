//! W3: single edits of a document with a history, in memory, from the edit to its being in the
//! document of the other side.

use automerge::transaction::{Transactable, Transaction};
use automerge::{Automerge, AutomergeError, ROOT, ReadDoc};

use crate::automerge_peer::{Pair, push_change};
use crate::engines::{World, shared};
use crate::history::History;
use crate::measure::{Mark, Measured, Run, Traffic, measure, timed};
use crate::whole::{contender, limits_for};

/// What is typed; each edit adds it once more.
pub(crate) const WORD: &str = "walk";

/// Adds a word to a text that all documents here have.
pub(crate) fn append_word(
    transaction: &mut Transaction<'_>,
    word: &str,
) -> Result<(), AutomergeError> {
    let (_, text) = transaction
        .get(ROOT, "why")?
        .expect("the model's goal has this text");
    let end = transaction.length(&text);
    transaction.splice_text(&text, end, 0, word)
}

/// W3: edits made by both sides in turn.
pub(crate) fn single(history: &History, edits: usize, runs: usize) -> Vec<Measured> {
    let limits = limits_for(history.changes.len() + edits);
    let (statements, _) = shared(&history.owner, &history.grantee, std::iter::once(history));
    let cairn = || {
        let mut world = World::new(&limits);
        let document = history.document();
        for person in [&history.owner, &history.grantee] {
            let side = world.start(person, &statements, std::iter::once(history));
            world.open(side, document);
        }
        world.connect(0, 1);
        world.run();
        world.begin();
        let mut run = Run::default();
        let ((), spent) = timed(|| {
            for edit in 0..edits {
                let (from, to) = (edit % 2, 1 - edit % 2);
                run.note(world.edit_until_visible(from, to, document, WORD));
                world.run();
            }
        });
        assert_eq!(
            world.engine(0).heads(document),
            world.engine(1).heads(document)
        );
        Run {
            spent,
            traffic: world.traffic,
            ..run
        }
    };
    let sync = || {
        let mut pair = Pair::new(history.automerge.clone(), history.automerge.clone());
        set_actors(&mut pair.documents);
        pair.sync(0);
        pair.traffic = Traffic::default();
        let mut run = Run::default();
        let ((), spent) = timed(|| {
            for edit in 0..edits {
                let from = edit % 2;
                let started = Mark::now();
                edit_once(&mut pair.documents[from]);
                let speaker = pair.until_equal(from);
                run.note(Mark::now().since(&started));
                pair.sync(speaker);
            }
        });
        Run {
            spent,
            traffic: pair.traffic,
            ..run
        }
    };
    let push = || {
        let mut documents = [history.automerge.clone(), history.automerge.clone()];
        set_actors(&mut documents);
        let mut traffic = Traffic::default();
        let mut run = Run::default();
        let ((), spent) = timed(|| {
            for edit in 0..edits {
                let [one, other] = &mut documents;
                let (from, to) = if edit % 2 == 0 {
                    (one, other)
                } else {
                    (other, one)
                };
                let started = Mark::now();
                let hash = edit_once(from);
                traffic.bytes += push_change(from, &hash, to) as u64;
                traffic.messages += 1;
                run.note(Mark::now().since(&started));
            }
        });
        Run {
            spent,
            traffic,
            ..run
        }
    };
    measure(
        vec![
            contender("Cairn", cairn),
            contender("automerge", sync),
            contender("automerge, bare changes pushed", push),
        ],
        runs,
    )
}

/// Bytes of the frame that carries such an edit.
pub(crate) fn frame_bytes(history: &History) -> usize {
    const EDITS: usize = 20;
    let (statements, _) = shared(&history.owner, &history.grantee, std::iter::once(history));
    let mut world = World::new(&limits_for(history.changes.len()));
    let document = history.document();
    for person in [&history.owner, &history.grantee] {
        let side = world.start(person, &statements, std::iter::once(history));
        world.open(side, document);
    }
    world.connect(0, 1);
    world.run();
    for edit in 0..EDITS {
        world.edit_until_visible(edit % 2, 1 - edit % 2, document, WORD);
        world.run();
    }
    (world.edit_bytes / EDITS as u64) as usize
}

pub(crate) fn set_actors(documents: &mut [Automerge]) {
    for (number, document) in documents.iter_mut().enumerate() {
        document.set_actor(automerge::ActorId::from([1 + number as u8; 16].as_slice()));
    }
}

/// One edit as automerge makes it.
pub(crate) fn edit_once(document: &mut Automerge) -> automerge::ChangeHash {
    let mut transaction = document.transaction();
    append_word(&mut transaction, WORD).expect("the model's goal has this text");
    let (hash, _patches) = transaction.commit();
    hash.expect("a word was added")
}
