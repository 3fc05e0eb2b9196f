//! Changes made by hand that automerge would not write: bombs, hidden content, impossible rows.

use super::*;

/// A chunk around `content`, with the checksum that belongs to it.
pub(super) fn seal(chunk_type: u8, content: &[u8]) -> Vec<u8> {
    let mut hashed = vec![chunk_type];
    unsigned(content.len() as u64, &mut hashed);
    hashed.extend_from_slice(content);
    let hash: [u8; 32] = Sha256::digest(&hashed).into();
    [&MAGIC, &hash[..4], &hashed].concat()
}

fn unsigned(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn signed(mut value: i64, to: &mut Vec<u8>) {
    while !(-64..64).contains(&value) {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8 & 0x7f);
}

/// A run of `length` rows of one number.
fn run(length: i64, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    signed(length, &mut bytes);
    unsigned(value, &mut bytes);
    bytes
}

/// A run of `length` rows, each `delta` more than the one before.
fn steps(length: i64, delta: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    signed(length, &mut bytes);
    signed(delta, &mut bytes);
    bytes
}

fn text(length: i64, text: &str) -> Vec<u8> {
    let mut bytes = run(length, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn number(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    unsigned(value, &mut bytes);
    bytes
}

const AUTHOR: [u8; 16] = [5; 16];
const OTHER: [u8; 16] = [3; 16];

/// A change in parts, each as its bytes.
#[derive(Clone)]
struct Made {
    dependencies: Vec<u8>,
    actor: Vec<u8>,
    seq: Vec<u8>,
    start_op: Vec<u8>,
    time: Vec<u8>,
    message: Vec<u8>,
    other_actors: Vec<u8>,
    columns: Vec<(u64, Vec<u8>)>,
    footer: Vec<u8>,
}

impl Made {
    /// Two operations in the root map that replace those with counters 7 and 8 of the other
    /// actor: "k" = null, twice.
    fn sound() -> Self {
        Self {
            dependencies: vec![0],
            actor: [&[16][..], &AUTHOR].concat(),
            seq: vec![1],
            start_op: vec![20],
            time: vec![0],
            message: vec![0],
            other_actors: [&[1, 16][..], &OTHER].concat(),
            columns: vec![
                (0x15, text(2, "k")),
                (0x34, vec![2]),
                (0x42, run(2, 1)),
                (0x56, run(2, 0)),
                (0x70, run(2, 1)),
                (0x71, run(2, 1)),
                (0x73, [steps(-1, 7), steps(-1, 1)].concat()),
            ],
            footer: Vec::new(),
        }
    }

    fn with(mut self, column: u64, bytes: Vec<u8>) -> Self {
        self.columns.retain(|(name, _)| *name != column);
        self.columns.push((column, bytes));
        self.columns.sort_by_key(|(name, _)| *name);
        self
    }

    fn without(mut self, column: u64) -> Self {
        self.columns.retain(|(name, _)| *name != column);
        self
    }

    fn content(&self) -> Vec<u8> {
        let mut content = [
            &self.dependencies[..],
            &self.actor,
            &self.seq,
            &self.start_op,
            &self.time,
            &self.message,
            &self.other_actors,
        ]
        .concat();
        unsigned(self.columns.len() as u64, &mut content);
        for (name, bytes) in &self.columns {
            unsigned(*name, &mut content);
            unsigned(bytes.len() as u64, &mut content);
        }
        for (_, bytes) in &self.columns {
            content.extend_from_slice(bytes);
        }
        content.extend_from_slice(&self.footer);
        content
    }

    fn error(&self) -> Option<ChunkError> {
        parse(&seal(CHANGE, &self.content())).err()
    }
}

/// One insert at the head of a list that the other actor made with counter 2.
fn insert() -> Made {
    Made {
        columns: vec![
            (0x01, run(1, 1)),
            (0x02, run(1, 2)),
            (0x13, steps(1, 0)),
            (0x34, vec![0, 1]),
            (0x42, run(1, 1)),
            (0x56, run(1, 0)),
            (0x70, run(1, 0)),
        ],
        ..Made::sound()
    }
}

/// A mark over nothing at the head of that list.
fn mark() -> Made {
    Made {
        columns: vec![
            (0x01, run(2, 1)),
            (0x02, run(2, 2)),
            (0x13, steps(2, 0)),
            (0x34, vec![0, 2]),
            (0x42, run(2, 7)),
            (0x56, run(2, 0)),
            (0x70, run(2, 0)),
            (0xa5, [text(1, "m"), vec![0, 1]].concat()),
        ],
        ..Made::sound()
    }
}

fn check(made: &Made, expected: ChunkError) {
    assert_eq!(made.error(), Some(expected));
}

#[test]
fn the_hand_made_changes_are_sound_before_they_are_spoilt() {
    for made in [Made::sound(), insert(), mark()] {
        let bytes = seal(CHANGE, &made.content());
        let chunk = parse(&bytes).unwrap();
        assert_same(&chunk, &Change::from_bytes(bytes.clone()).unwrap());
    }
}

#[test]
fn declared_sizes_cost_nothing() {
    let sound = Made::sound;
    for huge in [10_001, 1 << 34, 1 << 40, i64::MAX] {
        let rows = sound().with(0x42, run(huge, 1));
        assert!(seal(CHANGE, &rows.content()).len() < 100);
        check(&rows, ChunkError::Limit(Part::Action));
        // All columns agree on the number.
        let all = rows
            .with(0x15, text(huge, "k"))
            .with(0x34, number(huge as u64))
            .with(0x56, run(huge, 0))
            .with(0x70, run(huge, 0))
            .without(0x71)
            .without(0x73);
        check(&all, ChunkError::Limit(Part::Action));
        // The sum of two runs passes 64 bits.
        let twice = sound().with(0x42, [run(huge, 1), run(huge, 2)].concat());
        check(&twice, ChunkError::Limit(Part::Action));
        let nulls = sound().with(0x42, [vec![0], number(huge as u64)].concat());
        check(&nulls, ChunkError::Limit(Part::Action));
        // The other columns end where the actions end.
        let values = sound().with(0x56, run(huge, 0));
        check(&values, ChunkError::Rows(Part::Value));
        let counts = sound().with(0x70, run(huge, 0)).without(0x71).without(0x73);
        check(&counts, ChunkError::Rows(Part::Predecessors));
        check(
            &sound().with(0x34, number(huge as u64)),
            ChunkError::Rows(Part::Insert),
        );
        check(
            &sound().with(0x15, text(huge, "k")),
            ChunkError::Rows(Part::Key),
        );
    }
    for huge in [20_001, 1 << 34, 1 << 63, u64::MAX] {
        let made = sound()
            .with(0x70, run(2, huge))
            .with(0x71, run(i64::MAX, 1))
            .with(0x73, steps(i64::MAX, 1));
        check(&made, ChunkError::Limit(Part::Predecessors));
    }
    // The most negative number of single items has no positive counterpart.
    let made = sound().with(0x42, steps(i64::MIN, 1));
    check(&made, ChunkError::Encoding(Part::Action));
}

#[test]
fn lengths_near_the_end_of_numbers_are_refused() {
    let sound = Made::sound();
    for huge in [1 << 34, u64::MAX - 15, u64::MAX] {
        let list = |part| [number(huge), part].concat();
        let made = Made {
            dependencies: list(vec![]),
            ..sound.clone()
        };
        check(&made, ChunkError::Limit(Part::Dependencies));
        let made = Made {
            actor: list(AUTHOR.to_vec()),
            ..sound.clone()
        };
        check(&made, ChunkError::Encoding(Part::Author));
        let made = Made {
            message: list(vec![]),
            ..sound.clone()
        };
        check(&made, ChunkError::Encoding(Part::Message));
        let made = Made {
            other_actors: list(vec![]),
            ..sound.clone()
        };
        check(&made, ChunkError::Limit(Part::OtherActors));
        let key = [steps(1, 0)[..1].to_vec(), number(huge)].concat();
        check(
            &sound.clone().with(0x15, key),
            ChunkError::Encoding(Part::Key),
        );
        let value = sound.clone().with(0x56, run(2, (huge << 4) | 7));
        check(&value, ChunkError::Rows(Part::Value));
    }
    // The column list itself.
    let mut content = Made {
        columns: Vec::new(),
        ..sound
    }
    .content();
    content.pop();
    let listed = |entries: &[u64]| {
        let numbers: Vec<_> = entries.iter().map(|entry| number(*entry)).collect();
        let bytes = seal(CHANGE, &[&content[..], &numbers.concat()].concat());
        parse(&bytes).unwrap_err()
    };
    assert_eq!(listed(&[u64::MAX]), ChunkError::Limit(Part::ColumnList));
    let cut = ChunkError::Encoding(Part::ColumnList);
    assert_eq!(listed(&[1, 0x15, u64::MAX]), cut);
    assert_eq!(listed(&[2, 0x15, 1, 0x34, u64::MAX]), cut);
    let bytes = [&MAGIC[..], &[0; 4], &[CHANGE], &number(u64::MAX)].concat();
    assert_eq!(parse(&bytes).unwrap_err(), ChunkError::Length);
}

#[test]
fn counters_stay_in_the_half_of_what_automerge_can_count() {
    let limit = Limits::default().operation_counter_max;
    let starts = |start_op: u64| Made {
        start_op: number(start_op),
        ..Made::sound()
    };
    assert_eq!(starts(limit - 1).error(), None);
    for start_op in [limit, u32::MAX as u64 - 1, u32::MAX as u64, 1 << 32, u64::MAX - 1, u64::MAX] {
        check(&starts(start_op), ChunkError::Limit(Part::StartOp));
    }
    check(&starts(0), ChunkError::Range(Part::StartOp));
    let seq = |seq| Made {
        seq: number(seq),
        ..Made::sound()
    };
    check(&seq(0), ChunkError::Range(Part::Sequence));
    check(&seq(1 << 32), ChunkError::Range(Part::Sequence));
    for time in [i64::MIN, i64::MAX, (1 << 53) + 1] {
        let made = Made {
            time: steps(time, 0)[..steps(time, 0).len() - 1].to_vec(),
            ..Made::sound()
        };
        check(&made, ChunkError::Range(Part::Time));
    }
}

#[test]
fn other_chunks_and_hidden_parts_are_refused() {
    let content = Made::sound().content();
    for chunk_type in [0, 2, 3, 4, 255] {
        let error = parse(&seal(chunk_type, &content)).unwrap_err();
        assert_eq!(error, ChunkError::ChunkType(chunk_type));
    }
    let sealed = seal(CHANGE, &content);
    let trailing = [&sealed[..], &[0]].concat();
    assert_eq!(parse(&trailing).unwrap_err(), ChunkError::Length);
    let twice = [&sealed[..], &sealed].concat();
    assert_eq!(parse(&twice).unwrap_err(), ChunkError::Length);
    let large = vec![0; Limits::default().change_bytes_max + 1];
    let bytes = large.len();
    assert_eq!(parse(&large).unwrap_err(), ChunkError::TooLarge { bytes });
    let footer = Made {
        footer: vec![1, 3, b'a', b'n', b'n'],
        ..Made::sound()
    };
    check(&footer, ChunkError::Footer);
    assert!(Change::from_bytes(seal(CHANGE, &footer.content())).is_ok());

    let rename = |column: usize, name| {
        let mut made = Made::sound();
        made.columns[column].0 = name;
        made
    };
    check(&rename(0, 0x1d), ChunkError::CompressedColumn);
    check(&rename(6, 0x83), ChunkError::UnknownColumn);
    check(&rename(6, 0xf15), ChunkError::UnknownColumn);
    check(&rename(6, u64::MAX & !8), ChunkError::UnknownColumn);
    check(&rename(1, 0x15), ChunkError::Order(Part::ColumnList));
    check(&rename(1, 0x13), ChunkError::Order(Part::ColumnList));
    let empty = Made::sound().with(0x94, vec![]);
    check(&empty, ChunkError::Range(Part::ColumnList));
    // Values that the operations do not take.
    let more = Made::sound().with(0x57, vec![7]);
    check(&more, ChunkError::Rows(Part::Value));
}

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
            list.iter().flat_map(|actor| [&[16][..], actor].concat()).collect(),
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
            .with(0x70, [run(1, 2), run(1, 0)].concat())
            .with(0x71, actors)
            .with(0x73, deltas)
    };
    assert_eq!(both(run(2, 1), steps(2, 4)).error(), None);
    check(&both(run(2, 1), [steps(1, 4), steps(1, 0)].concat()), order);
    check(&both(run(2, 1), [steps(1, 4), steps(1, -1)].concat()), order);
    // The same counter: by the bytes of the actor, and the author's are greater.
    let same = [steps(1, 4), steps(1, 0)].concat();
    assert_eq!(both([run(1, 1), run(1, 0)].concat(), same.clone()).error(), None);
    check(&both([run(1, 0), run(1, 1)].concat(), same), order);
    // Nothing with counter 0, nothing by unlisted actors, nothing from the future.
    check(&sound().with(0x73, steps(2, 0)), predecessors);
    check(&sound().with(0x71, run(2, 2)), predecessors);
    check(&sound().with(0x71, run(2, u64::MAX)), predecessors);
    check(&sound().with(0x73, [steps(1, 20), steps(1, -5)].concat()), predecessors);
    assert_eq!(sound().with(0x73, [steps(1, 19), steps(1, 0)].concat()).error(), None);
    // An operation may replace an earlier one of the same change, but not itself.
    let own = |counter: i64| {
        sound()
            .with(0x71, [run(1, 1), run(1, 0)].concat())
            .with(0x73, [steps(1, 4), steps(1, counter - 4)].concat())
    };
    assert_eq!(own(20).error(), None);
    check(&own(21), predecessors);
    check(&sound().with(0x73, steps(2, -1)), ChunkError::Range(Part::Predecessors));
    let overflow = [steps(1, i64::MAX), steps(1, 1)].concat();
    check(&sound().with(0x73, overflow), ChunkError::Reference(Part::Predecessors));
    let rows = ChunkError::Rows(Part::Predecessors);
    check(&sound().with(0x71, run(3, 1)), rows);
    check(&sound().with(0x73, steps(3, 1)), rows);
    check(&sound().with(0x71, run(1, 1)), rows);
    check(&sound().without(0x73), rows);
    check(&sound().without(0x70), rows);
    check(
        &sound().with(0x70, vec![0, 2]),
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
    check(&Made::sound().with(0x42, run(1, 1)), ChunkError::Rows(Part::Key));
    check(&Made::sound().without(0x42), ChunkError::Rows(Part::Key));
    check(&Made::sound().without(0x56), ChunkError::Rows(Part::Value));
    check(&Made::sound().with(0x94, vec![3]), ChunkError::Rows(Part::Expand));
    let names = Made::sound().with(0xa5, vec![0, 3]);
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
    check(&insert().with(0x02, run(1, 0)), ChunkError::Reference(Part::Object));
    check(&insert().with(0x02, run(1, 20)), ChunkError::Reference(Part::Object));
    check(&insert().with(0x02, run(1, 1 << 40)), ChunkError::Reference(Part::Object));
    // Keys are text or element.
    check(&sound().with(0x13, steps(2, 0)), combination(Part::Key));
    check(&sound().without(0x15), combination(Part::Key));
    check(&sound().without(0x15).with(0x13, steps(2, 4)), combination(Part::Key));
    check(&insert().with(0x11, run(1, 1)), ChunkError::Reference(Part::Key));
    check(&insert().with(0x34, vec![1]), combination(Part::Key));
    check(&sound().with(0x34, vec![0, 2]), combination(Part::Insert));
    let replacing = insert()
        .with(0x70, run(1, 1))
        .with(0x71, run(1, 1))
        .with(0x73, steps(1, 4));
    check(&replacing, combination(Part::Predecessors));
    // Actions.
    check(&sound().with(0x42, run(2, 8)), ChunkError::Range(Part::Action));
    check(&sound().with(0x42, vec![0, 2]), combination(Part::Action));
    check(&sound().with(0x42, run(2, 5)), combination(Part::Value));
    check(&sound().with(0x42, run(2, 7)), combination(Part::Action));
    let lone = sound().with(0x70, run(2, 0)).without(0x71).without(0x73);
    let lone = Made { other_actors: vec![0], ..lone };
    assert_eq!(lone.error(), None);
    check(&lone.with(0x42, run(2, 3)), combination(Part::Predecessors));
    check(&insert().with(0x42, run(1, 3)), combination(Part::Action));
    // A value where nobody looks: of a deletion and of a new map.
    for action in [0, 2, 3, 4, 6] {
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
    let minus = sound()
        .with(0x42, run(2, 5))
        .with(0x56, run(2, 0xa3))
        .with(0x57, [number(1 << 63), number(1 << 63)].concat());
    check(&minus, ChunkError::Range(Part::Value));
}

#[test]
fn marks_come_in_pairs() {
    let unpaired = ChunkError::Combination(Part::MarkName);
    check(&mark().without(0xa5), unpaired);
    check(&mark().with(0xa5, text(2, "m")), unpaired);
    let late = [vec![0, 1], text(1, "m")].concat();
    check(&mark().with(0xa5, late), unpaired);
    // The two in different objects: such a document can be saved, but not loaded again.
    let apart = [run(1, 2), run(1, 3)].concat();
    check(&mark().with(0x02, apart), unpaired);
    let between = mark().with(0x42, [run(1, 7), run(1, 1)].concat());
    check(&between, unpaired);
    // Names and growth without a mark.
    check(&Made::sound().with(0xa5, text(2, "m")), unpaired);
    check(&Made::sound().with(0x94, vec![0, 2]), unpaired);
}

#[test]
fn limits_hold_to_the_unit() {
    let key = |length| Made::sound().with(0x15, text(2, &"k".repeat(length)));
    assert_eq!(key(512).error(), None);
    check(&key(513), ChunkError::Limit(Part::Key));
    let name = |length| {
        let names = [text(1, &"m".repeat(length)), vec![0, 1]].concat();
        mark().with(0xa5, names)
    };
    assert_eq!(name(512).error(), None);
    check(&name(513), ChunkError::Limit(Part::MarkName));
    let message = |length: usize| Made {
        message: [number(length as u64), vec![b'm'; length]].concat(),
        ..Made::sound()
    };
    assert_eq!(message(1024).error(), None);
    check(&message(1025), ChunkError::Limit(Part::Message));
    let value = |length: usize| {
        insert()
            .with(0x56, run(1, (length as u64) << 4 | 7))
            .with(0x57, vec![1; length])
    };
    assert_eq!(value(64 << 10).error(), None);
    check(&value((64 << 10) + 1), ChunkError::Limit(Part::Value));
    let rows = |count: i64| {
        Made { other_actors: vec![0], ..Made::sound() }
            .with(0x15, text(count, "k"))
            .with(0x34, number(count as u64))
            .with(0x42, run(count, 1))
            .with(0x56, run(count, 0))
            .with(0x70, run(count, 0))
            .without(0x71)
            .without(0x73)
    };
    assert_eq!(rows(10_000).error(), None);
    check(&rows(10_001), ChunkError::Limit(Part::Action));
    let replacing = |count: i64| Made {
        start_op: number(1 << 20),
        ..Made::sound()
            .with(0x70, run(2, count as u64 / 2))
            .with(0x71, run(count, 1))
            .with(0x73, steps(count, 1))
    };
    assert_eq!(replacing(20_000).error(), None);
    check(&replacing(20_002), ChunkError::Limit(Part::Predecessors));
}
