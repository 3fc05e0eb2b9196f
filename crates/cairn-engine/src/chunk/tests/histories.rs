//! Random histories of several actors, made by automerge itself.

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, AutoCommit, AutomergeError, Change, ObjId, ObjType, ROOT, ReadDoc, ScalarValue,
};

/// SplitMix64: the same numbers for the same seed everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but not including `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Five writers who edit, commit and merge at random.
pub(crate) struct Histories {
    random: Random,
    writers: Vec<AutoCommit>,
    objects: Vec<(ObjId, ObjType)>,
}

const KEYS: [&str; 6] = [
    "title",
    "steps",
    "n",
    "größe",
    "a/long/key/of/a/writer",
    "x",
];
const TEXTS: [&str; 6] = ["a", "done ", "naïve é", "日本", "👩‍👧 b", "longer text"];

impl Histories {
    /// All changes that came about in `steps` steps.
    pub(crate) fn random(seed: u64, steps: usize) -> Vec<Change> {
        let mut random = Random::new(seed);
        let mut base = AutoCommit::new().with_actor(actor(&mut random));
        let mut objects = vec![(ROOT, ObjType::Map)];
        for (key, kind) in [("text", ObjType::Text), ("list", ObjType::List)] {
            objects.push((base.put_object(ROOT, key, kind).unwrap(), kind));
        }
        base.put(ROOT, "n", ScalarValue::counter(3)).unwrap();
        base.commit();
        let writers = (0..5)
            .map(|_| base.fork().with_actor(actor(&mut random)))
            .collect();
        let mut histories = Self {
            random,
            writers,
            objects,
        };
        for _ in 0..steps {
            histories.step();
        }
        let (first, others) = histories.writers.split_first_mut().unwrap();
        for other in others {
            first.merge(other).unwrap();
        }
        first.get_changes(&[])
    }

    fn step(&mut self) {
        let writer = self.random.below(self.writers.len());
        match self.random.below(20) {
            0..3 => {
                let other = self.random.below(self.writers.len());
                let mut source = self.writers[other].fork();
                self.writers[writer].merge(&mut source).unwrap();
            }
            3 => {
                // As after a restart: the same person goes on under a fresh actor.
                let fresh = actor(&mut self.random);
                self.writers[writer].set_actor(fresh);
            }
            4 => {
                let time = self.random.next() as i32;
                let options = CommitOptions::default().with_time(time.into());
                self.writers[writer].empty_change(options);
            }
            _ => self.change(writer),
        }
    }

    fn change(&mut self, writer: usize) {
        for _ in 0..1 + self.random.below(6) {
            // An object that this writer has not heard of is an error, and no edit.
            if let Ok(Some(made)) = self.edit(writer) {
                self.objects.push(made);
            }
        }
        let mut options = CommitOptions::default();
        if self.random.chance(30) {
            options = options.with_message(self.random.pick(&TEXTS));
        }
        if self.random.chance(70) {
            options = options.with_time(self.random.next() as i64 >> 20);
        }
        self.writers[writer].commit_with(options);
    }

    fn edit(&mut self, writer: usize) -> Result<Option<(ObjId, ObjType)>, AutomergeError> {
        let random = &mut self.random;
        // The first few objects most of the time, so that writers meet.
        let count = match random.chance(70) {
            true => self.objects.len().min(5),
            false => self.objects.len(),
        };
        let (object, kind) = self.objects[random.below(count)].clone();
        let document = &mut self.writers[writer];
        let length = document.length(&object);
        let place = random.below(length + 1);
        let make = random.pick(&[ObjType::Map, ObjType::List, ObjType::Text]);
        match kind {
            ObjType::Map | ObjType::Table => {
                let key = random.pick(&KEYS);
                match random.below(10) {
                    0..5 => document.put(&object, key, scalar(random))?,
                    5 => document.put(&object, "n", ScalarValue::counter(7))?,
                    6 => document.increment(&object, "n", random.next() as i16 as i64)?,
                    7 => {
                        return Ok(Some((document.put_object(&object, key, make)?, make)));
                    }
                    _ => document.delete(&object, key)?,
                }
            }
            ObjType::List => match random.below(10) {
                0..5 => document.insert(&object, place, scalar(random))?,
                5..7 => document.put(&object, place, scalar(random))?,
                7 => return Ok(Some((document.insert_object(&object, place, make)?, make))),
                _ => document.delete(&object, place)?,
            },
            ObjType::Text => match random.below(10) {
                0..6 => document.splice_text(&object, place, 0, random.pick(&TEXTS))?,
                6 | 7 => {
                    let deleted = (length - place).min(4) as isize;
                    document.splice_text(&object, place, deleted, random.pick(&["", "x"]))?;
                }
                8 => drop(document.split_block(&object, place)?),
                _ => {
                    let end = place + random.below(length - place + 1);
                    let mark = Mark::new(random.pick(&KEYS).into(), scalar(random), place, end);
                    let expand = random.pick(&[
                        ExpandMark::Before,
                        ExpandMark::After,
                        ExpandMark::Both,
                        ExpandMark::None,
                    ]);
                    document.mark(&object, mark, expand)?;
                }
            },
        }
        Ok(None)
    }
}

/// One change with a key, a text, a mark and a message.
pub(crate) fn one_secret(key: &str, text: &str, message: &str) -> Change {
    let mut document = AutoCommit::new().with_actor(ActorId::from([9; 16]));
    document.put(ROOT, key, text).unwrap();
    let object = document.put_object(ROOT, "text", ObjType::Text).unwrap();
    document.splice_text(&object, 0, 0, text).unwrap();
    let mark = Mark::new(key.into(), text, 0, 2);
    document.mark(&object, mark, ExpandMark::Both).unwrap();
    document.commit_with(CommitOptions::default().with_message(message));
    document.get_last_local_change().unwrap()
}

fn actor(random: &mut Random) -> ActorId {
    let (high, low) = (random.next().to_le_bytes(), random.next().to_le_bytes());
    ActorId::from([high, low].concat())
}

fn scalar(random: &mut Random) -> ScalarValue {
    let number = random.next() >> random.below(64);
    match random.below(12) {
        0 => ScalarValue::Null,
        1 => ScalarValue::Boolean(number & 1 == 1),
        2 => ScalarValue::Uint(number),
        3 => ScalarValue::Int(number as i64),
        4 => ScalarValue::Int(-(number as i64 >> 1)),
        5 => ScalarValue::F64(f64::from_bits(number << 1)),
        6 => ScalarValue::Bytes(number.to_le_bytes()[..random.below(9)].to_vec()),
        7 => ScalarValue::counter(number as i64),
        8 => ScalarValue::Timestamp(-(number as i64 >> 1)),
        9 => ScalarValue::Unknown {
            type_code: 10 + random.below(6) as u8,
            bytes: vec![7; random.below(20)],
        },
        _ => ScalarValue::Str(random.pick(&TEXTS).into()),
    }
}
