//! Changes made by hand that automerge would not write: bombs, hidden parts, what is over a limit.

use super::*;

/// A chunk around `content`, with the checksum that belongs to it.
pub(super) fn seal(chunk_type: u8, content: &[u8]) -> Vec<u8> {
    let mut hashed = vec![chunk_type];
    unsigned(content.len() as u64, &mut hashed);
    hashed.extend_from_slice(content);
    let hash: [u8; 32] = Sha256::digest(&hashed).into();
    [&MAGIC, &hash[..4], &hashed].concat()
}

pub(super) fn unsigned(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

pub(super) fn signed(mut value: i64, to: &mut Vec<u8>) {
    while !(-64..64).contains(&value) {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8 & 0x7f);
}

/// A run of `length` rows of one number.
pub(super) fn run(length: i64, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    signed(if length == 1 { -1 } else { length }, &mut bytes);
    unsigned(value, &mut bytes);
    bytes
}

/// A run of `length` rows, each `delta` more than the one before.
pub(super) fn steps(length: i64, delta: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    signed(if length == 1 { -1 } else { length }, &mut bytes);
    signed(delta, &mut bytes);
    bytes
}

/// Single rows of numbers or of deltas; for numbers below 64 the two look the same.
pub(super) fn singles(rows: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    signed(-(rows.len() as i64), &mut bytes);
    rows.iter().for_each(|row| signed(*row, &mut bytes));
    bytes
}

pub(super) fn text(length: i64, text: &str) -> Vec<u8> {
    let mut bytes = run(length, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

pub(super) fn number(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    unsigned(value, &mut bytes);
    bytes
}

pub(super) const AUTHOR: [u8; 16] = [5; 16];
pub(super) const OTHER: [u8; 16] = [3; 16];

/// A change in parts, each as its bytes.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) dependencies: Vec<u8>,
    pub(super) actor: Vec<u8>,
    pub(super) seq: Vec<u8>,
    pub(super) start_op: Vec<u8>,
    pub(super) time: Vec<u8>,
    pub(super) message: Vec<u8>,
    pub(super) other_actors: Vec<u8>,
    pub(super) columns: Vec<(u64, Vec<u8>)>,
    pub(super) footer: Vec<u8>,
}

impl Made {
    /// Two operations in the root map that replace those with counters 7 and 8 of the other
    /// actor: "k" = null, twice.
    pub(super) fn sound() -> Self {
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
                (0x73, singles(&[7, 1])),
            ],
            footer: Vec::new(),
        }
    }

    pub(super) fn with(mut self, column: u64, bytes: Vec<u8>) -> Self {
        self.columns.retain(|(name, _)| *name != column);
        self.columns.push((column, bytes));
        self.columns.sort_by_key(|(name, _)| *name);
        self
    }

    pub(super) fn without(mut self, column: u64) -> Self {
        self.columns.retain(|(name, _)| *name != column);
        self
    }

    pub(super) fn content(&self) -> Vec<u8> {
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

    pub(super) fn error(&self) -> Option<ChunkError> {
        parse(&seal(CHANGE, &self.content())).err()
    }
}

/// One insert at the head of a list that the other actor made with counter 2.
pub(super) fn insert() -> Made {
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
pub(super) fn mark() -> Made {
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

pub(super) fn check(made: &Made, expected: ChunkError) {
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
        let nulls = [vec![0], number(huge as u64), run(2, 1)].concat();
        let nulls = sound().with(0x42, nulls);
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
        let key = [vec![0x7f], number(huge)].concat();
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
    for start_op in [
        limit,
        u32::MAX as u64 - 1,
        u32::MAX as u64,
        1 << 32,
        u64::MAX - 1,
        u64::MAX,
    ] {
        check(&starts(start_op), ChunkError::Limit(Part::StartOp));
    }
    check(&starts(0), ChunkError::Range(Part::StartOp));
    let seq = |seq| Made {
        seq: number(seq),
        ..Made::sound()
    };
    check(&seq(0), ChunkError::Range(Part::Sequence));
    check(&seq(1 << 32), ChunkError::Range(Part::Sequence));
    for far in [i64::MIN, i64::MAX, (1 << 53) + 1] {
        let mut time = Vec::new();
        signed(far, &mut time);
        let made = Made {
            time,
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
    check(&rename(6, !8), ChunkError::UnknownColumn);
    check(&rename(1, 0x15), ChunkError::Order(Part::ColumnList));
    check(&rename(1, 0x13), ChunkError::Order(Part::ColumnList));
    let empty = Made::sound().with(0x94, vec![]);
    check(&empty, ChunkError::Range(Part::ColumnList));
    // Values that the operations do not take.
    let more = Made::sound().with(0x57, vec![7]);
    check(&more, ChunkError::Rows(Part::Value));
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
        Made {
            other_actors: vec![0],
            ..Made::sound()
        }
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
