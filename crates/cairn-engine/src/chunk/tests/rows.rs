//! Hand-made changes whose numbers, lists or rows are not what automerge would write.

use super::made::*;
use super::*;

#[test]
fn numbers_have_one_encoding() {
    for (bytes, value) in [(vec![0], Some(0)), (vec![0x80, 1], Some(128))] {
        assert_eq!(Reader::new(&bytes).unsigned(), value);
    }
    let ones = |last| [vec![0xff; 9], vec![last]].concat();
    assert_eq!(Reader::new(&ones(1)).unsigned(), Some(u64::MAX));
    assert_eq!(Reader::new(&ones(0)).signed(), Some(i64::MAX));
    assert_eq!(Reader::new(&ones(0x7f)).unsigned(), None);
    let least = [vec![0x80; 9], vec![0x7f]].concat();
    assert_eq!(Reader::new(&least).signed(), Some(i64::MIN));
    let wrong: [&[u8]; 6] = [
        &[],
        &[0x80],
        &[0x80, 0],
        &[0x81, 0x80, 0],
        &ones(2),
        &ones(0x81),
    ];
    for bytes in wrong {
        assert_eq!(Reader::new(bytes).unsigned(), None, "{bytes:?}");
    }
    let wrong: [&[u8]; 6] = [
        &[],
        &[0x80],
        &[0x81, 0],
        &[0xff, 0x7f],
        &ones(1),
        &ones(0xff),
    ];
    for bytes in wrong {
        assert_eq!(Reader::new(bytes).signed(), None, "{bytes:?}");
    }
    let mut random = Random::new(1);
    for _ in 0..2_000 {
        let value = random.next() >> random.below(64);
        assert_eq!(Reader::new(&number(value)).unsigned(), Some(value));
        for value in [value as i64, (value as i64).wrapping_neg()] {
            let mut bytes = Vec::new();
            signed(value, &mut bytes);
            assert_eq!(Reader::new(&bytes).signed(), Some(value));
        }
    }
    let overlong = Made {
        seq: vec![0x81, 0],
        ..Made::sound()
    };
    check(&overlong, ChunkError::Encoding(Part::Sequence));
    let overlong = Made::sound().with(0x42, vec![0x82, 0, 1]);
    check(&overlong, ChunkError::Encoding(Part::Action));
}

#[test]
fn columns_have_one_encoding() {
    let once = |row| [vec![1], number(row)].concat();
    let spoilt = [
        // A run of one row.
        (0x56, [once(0), once(1)].concat(), Part::Value),
        // One run in two.
        (0x42, [once(1), once(1)].concat(), Part::Action),
        (0x42, [run(1, 1), run(1, 1)].concat(), Part::Action),
        // Single rows that make a run, alone, with the run before and with the run after.
        (0x71, singles(&[1, 1]), Part::Predecessors),
        (0x42, [run(1, 1), run(2, 1)].concat(), Part::Action),
        (0x42, [run(2, 1), run(1, 1)].concat(), Part::Action),
        // Two runs of single rows.
        (
            0x73,
            [singles(&[7]), singles(&[1])].concat(),
            Part::Predecessors,
        ),
        // A column that says what its absence says.
        (0x01, vec![0, 2], Part::Object),
        (0x94, vec![2], Part::Expand),
        (0x42, vec![0, 1, 0, 1, 0x7f, 1], Part::Action),
        (0x34, vec![1, 0, 1], Part::Insert),
    ];
    let mut known_to_automerge = 0;
    for (column, bytes, part) in spoilt {
        let made = Made::sound().with(column, bytes);
        check(&made, ChunkError::Encoding(part));
        let bytes = seal(CHANGE, &made.content());
        known_to_automerge += usize::from(Change::from_bytes(bytes).is_ok());
    }
    // It would build them anew with other bytes.
    assert!(known_to_automerge >= 8, "only {known_to_automerge}");
}

#[test]
fn lists_are_sorted_and_name_each_once() {
    let hashes = |list: &[u8]| Made {
        dependencies: [
            number(list.len() as u64),
            list.iter().flat_map(|byte| [*byte; 32]).collect(),
        ]
        .concat(),
        ..Made::sound()
    };
    assert_eq!(hashes(&[1, 2, 9]).error(), None);
    check(&hashes(&[2, 1]), ChunkError::Order(Part::Dependencies));
    check(&hashes(&[2, 2]), ChunkError::Order(Part::Dependencies));
    let actors = |list: &[[u8; 16]]| Made {
        other_actors: [
            number(list.len() as u64),
            list.iter()
                .flat_map(|actor| [&[16][..], actor].concat())
                .collect(),
        ]
        .concat(),
        ..Made::sound()
    };
    let order = ChunkError::Order(Part::OtherActors);
    check(&actors(&[OTHER, [2; 16]]), order);
    check(&actors(&[OTHER, OTHER]), order);
    check(&actors(&[OTHER, AUTHOR]), order);
    // Listed, but no operation names it.
    let unused = ChunkError::Reference(Part::OtherActors);
    check(&actors(&[OTHER, [9; 16]]), unused);
    check(&actors(&[]), ChunkError::Reference(Part::Predecessors));
    let short = Made {
        other_actors: [&[1, 15][..], &OTHER].concat(),
        ..Made::sound()
    };
    check(&short, ChunkError::Range(Part::OtherActors));
    for length in [0, 15, 17] {
        let made = Made {
            actor: [vec![length], vec![5; length.into()]].concat(),
            ..Made::sound()
        };
        check(&made, ChunkError::Range(Part::Author));
    }
}

#[test]
fn predecessors_come_before_and_in_order() {
    let sound = Made::sound;
    let predecessors = ChunkError::Reference(Part::Predecessors);
    let order = ChunkError::Order(Part::Predecessors);
    let both = |actors: Vec<u8>, deltas: Vec<u8>| {
        sound()
            .with(0x70, singles(&[2, 0]))
            .with(0x71, actors)
            .with(0x73, deltas)
    };
    assert_eq!(both(run(2, 1), steps(2, 4)).error(), None);
    check(&both(run(2, 1), singles(&[4, 0])), order);
    check(&both(run(2, 1), singles(&[4, -1])), order);
    // The same counter: by the bytes of the actor, and the author's are greater.
    let same = singles(&[4, 0]);
    assert_eq!(both(singles(&[1, 0]), same.clone()).error(), None);
    check(&both(singles(&[0, 1]), same), order);
    // Nothing with counter 0, nothing by unlisted actors, nothing from the future.
    check(&sound().with(0x73, steps(2, 0)), predecessors);
    check(&sound().with(0x71, run(2, 2)), predecessors);
    check(&sound().with(0x71, run(2, u64::MAX)), predecessors);
    check(&sound().with(0x73, singles(&[20, -5])), predecessors);
    assert_eq!(sound().with(0x73, singles(&[19, 0])).error(), None);
    // An operation may replace an earlier one of the same change, but not itself.
    let own = |counter: i64| {
        sound()
            .with(0x71, singles(&[1, 0]))
            .with(0x73, singles(&[4, counter - 4]))
    };
    assert_eq!(own(20).error(), None);
    check(&own(21), predecessors);
    check(
        &sound().with(0x73, steps(2, -1)),
        ChunkError::Range(Part::Predecessors),
    );
    let overflow = singles(&[i64::MAX, 1]);
    check(
        &sound().with(0x73, overflow),
        ChunkError::Reference(Part::Predecessors),
    );
    let rows = ChunkError::Rows(Part::Predecessors);
    check(&sound().with(0x71, run(3, 1)), rows);
    check(&sound().with(0x73, steps(3, 1)), rows);
    check(&sound().with(0x71, run(1, 1)), rows);
    check(&sound().without(0x73), rows);
    check(&sound().without(0x70), rows);
    check(
        &sound().with(0x70, [vec![0, 1], run(1, 2)].concat()),
        ChunkError::Combination(Part::Predecessors),
    );
}

#[test]
fn columns_have_a_row_for_each_operation() {
    for (column, part) in [
        (0x15, Part::Key),
        (0x34, Part::Insert),
        (0x56, Part::Value),
        (0x70, Part::Predecessors),
    ] {
        let short = match column {
            0x15 => text(1, "k"),
            0x34 => vec![1],
            _ => run(1, u64::from(column == 0x70)),
        };
        check(&Made::sound().with(column, short), ChunkError::Rows(part));
    }
    check(
        &Made::sound().with(0x42, run(1, 1)),
        ChunkError::Rows(Part::Key),
    );
    check(&Made::sound().without(0x42), ChunkError::Rows(Part::Key));
    check(&Made::sound().without(0x56), ChunkError::Rows(Part::Value));
    check(
        &Made::sound().with(0x94, vec![2, 1]),
        ChunkError::Rows(Part::Expand),
    );
    let names = Made::sound().with(0xa5, [vec![0, 2], text(1, "m")].concat());
    check(&names, ChunkError::Rows(Part::MarkName));
    // Runs of no rows would be rows without end.
    let none = Made::sound().with(0x42, [vec![0, 0], run(2, 1)].concat());
    check(&none, ChunkError::Encoding(Part::Action));
    let none = Made::sound().with(0x34, vec![0, 0, 2]);
    check(&none, ChunkError::Encoding(Part::Insert));
}

#[test]
fn rows_do_not_contradict_themselves() {
    let combination = |part| ChunkError::Combination(part);
    let sound = Made::sound;
    // Objects have both halves of an id or none.
    check(&sound().with(0x01, run(2, 1)), combination(Part::Object));
    check(&sound().with(0x02, run(2, 1)), combination(Part::Object));
    check(
        &insert().with(0x02, run(1, 0)),
        ChunkError::Reference(Part::Object),
    );
    check(
        &insert().with(0x02, run(1, 20)),
        ChunkError::Reference(Part::Object),
    );
    check(
        &insert().with(0x02, run(1, 1 << 40)),
        ChunkError::Reference(Part::Object),
    );
    // Keys are text or element.
    check(&sound().with(0x13, steps(2, 0)), combination(Part::Key));
    check(&sound().without(0x15), combination(Part::Key));
    check(
        &sound().without(0x15).with(0x13, steps(2, 4)),
        combination(Part::Key),
    );
    check(
        &insert().with(0x11, run(1, 1)),
        ChunkError::Reference(Part::Key),
    );
    check(&insert().with(0x34, vec![1]), combination(Part::Key));
    check(&sound().with(0x34, vec![0, 2]), combination(Part::Insert));
    let replacing = insert()
        .with(0x70, run(1, 1))
        .with(0x71, run(1, 1))
        .with(0x73, steps(1, 4));
    check(&replacing, combination(Part::Predecessors));
    // Actions.
    check(
        &sound().with(0x42, run(2, 8)),
        ChunkError::Range(Part::Action),
    );
    check(
        &sound().with(0x42, [vec![0, 1], run(1, 1)].concat()),
        combination(Part::Action),
    );
    // Automerge panics on whatever is put into a table.
    check(
        &sound().with(0x42, run(2, 6)),
        ChunkError::Range(Part::Action),
    );
    check(&sound().with(0x42, run(2, 5)), combination(Part::Value));
    check(&sound().with(0x42, run(2, 7)), combination(Part::Action));
    let lone = sound().with(0x70, run(2, 0)).without(0x71).without(0x73);
    let lone = Made {
        other_actors: vec![0],
        ..lone
    };
    assert_eq!(lone.error(), None);
    check(&lone.with(0x42, run(2, 3)), combination(Part::Predecessors));
    check(&insert().with(0x42, run(1, 3)), combination(Part::Action));
    // A value where nobody looks: of a deletion and of a new map.
    for action in [0, 2, 3, 4] {
        let hidden = sound()
            .with(0x42, run(2, action))
            .with(0x56, run(2, 0x16))
            .with(0x57, b"ab".to_vec());
        check(&hidden, combination(Part::Value));
    }
    for (meta, bytes) in [
        (0x10, vec![7, 7]),
        (0x11, vec![7, 7]),
        (0x12, vec![7, 7]),
        (0x13, vec![0x80, 0x80]),
        (0x23, vec![7, 7, 7, 7]),
        (0x24, vec![0x80, 0, 0x80, 0]),
        (0x75, vec![0; 14]),
        (0x16, vec![0xff, 0xff]),
        (0x03, vec![]),
        (0x08, vec![]),
        (0x29, vec![7, 7, 7, 7]),
    ] {
        let mut wrong = sound().with(0x56, run(2, meta));
        if !bytes.is_empty() {
            wrong = wrong.with(0x57, bytes);
        }
        check(&wrong, ChunkError::Encoding(Part::Value));
    }
    // Automerge counts with signed numbers only.
    let unsigned = sound()
        .with(0x42, run(2, 5))
        .with(0x56, run(2, 0x13))
        .with(0x57, vec![1, 1]);
    check(&unsigned, combination(Part::Value));
    let signed = unsigned.with(0x56, run(2, 0x14));
    assert_eq!(signed.error(), None);
}

#[test]
fn marks_come_in_pairs() {
    let unpaired = ChunkError::Combination(Part::MarkName);
    check(&mark().without(0xa5), unpaired);
    check(&mark().with(0xa5, text(2, "m")), unpaired);
    let late = [vec![0, 1], text(1, "m")].concat();
    check(&mark().with(0xa5, late), unpaired);
    // The two in different objects: such a document can be saved, but not loaded again.
    let apart = singles(&[2, 3]);
    check(&mark().with(0x02, apart), unpaired);
    let between = mark().with(0x42, singles(&[7, 1]));
    check(&between, unpaired);
    // Names and growth without a mark.
    check(&Made::sound().with(0xa5, text(2, "m")), unpaired);
    check(&Made::sound().with(0x94, vec![0, 2]), unpaired);
}
