//! Columns whose numbers are operation counters, written in relation to the change they are in.
//!
//! The run lengths of a column stay as they are; only the numbers in it change. Counters are large
//! and grow through a document, but most of them name what the same change made, or what was made
//! just before.

use super::numbers::{put_signed, put_unsigned};
use crate::chunk::Reader;

/// How the numbers of a column are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not counters: the column stays as it is.
    Plain,
    /// Counters of objects.
    Objects,
    /// Counters of elements or predecessors, as differences to the one before.
    Differences,
}

impl Kind {
    /// Of the column with this id.
    pub(super) fn of(id: u64) -> Self {
        match id {
            0x02 => Self::Objects,
            0x13 | 0x73 => Self::Differences,
            _ => Self::Plain,
        }
    }
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Encode,
    Decode,
}

/// The rows of a column of run lengths; `None` if it is not one.
pub(super) fn rows(column: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(column);
    let mut rows = 0_u64;
    while !reader.is_empty() {
        let length = reader.signed()?;
        let run = match length {
            0 => reader.unsigned()?,
            1.. => {
                reader.unsigned()?;
                length.unsigned_abs()
            }
            ..0 => {
                for _ in 0..length.unsigned_abs() {
                    reader.unsigned()?;
                }
                length.unsigned_abs()
            }
        };
        rows = rows.checked_add(run)?;
    }
    Some(rows)
}

/// Appends a column to `out` with its counters in the other form. `None` if it is no such column,
/// a number overflows, or `out` would grow beyond `out_max`.
pub(super) fn convert(
    column: &[u8],
    kind: Kind,
    direction: Direction,
    start_op: u64,
    out: &mut Vec<u8>,
    out_max: usize,
) -> Option<()> {
    if kind == Kind::Plain {
        if out.len().checked_add(column.len())? > out_max {
            return None;
        }
        out.extend_from_slice(column);
        return Some(());
    }
    let mut reader = Reader::new(column);
    let mut counter = Counter {
        kind,
        direction,
        start_op,
        value: 0,
    };
    while !reader.is_empty() {
        let length = reader.signed()?;
        put_signed(out, length);
        match length {
            0 => put_unsigned(out, reader.unsigned()?),
            1.. => counter.item(&mut reader, length, out)?,
            ..0 => {
                for _ in 0..length.unsigned_abs() {
                    counter.item(&mut reader, 1, out)?;
                    if out.len() > out_max {
                        return None;
                    }
                }
            }
        }
        if out.len() > out_max {
            return None;
        }
    }
    Some(())
}

struct Counter {
    kind: Kind,
    direction: Direction,
    start_op: u64,
    /// The sum of the differences so far.
    value: i64,
}

impl Counter {
    /// One number that stands for `repeated` rows.
    fn item(&mut self, reader: &mut Reader<'_>, repeated: i64, out: &mut Vec<u8>) -> Option<()> {
        if self.kind == Kind::Objects {
            let number = reader.unsigned()?;
            let object = match self.direction {
                Direction::Encode => self.object(number)?,
                Direction::Decode => self.object_back(number)?,
            };
            put_unsigned(out, object);
            return Some(());
        }
        let number = reader.signed()?;
        // From 0 the difference is a counter itself.
        let converted = match self.direction {
            _ if self.value != 0 => number,
            Direction::Encode => self.first(number)?,
            Direction::Decode => self.first_back(number)?,
        };
        let difference = match self.direction {
            Direction::Encode => number,
            Direction::Decode => converted,
        };
        let rise = difference.checked_mul(repeated)?;
        self.value = self.value.checked_add(rise)?;
        put_signed(out, converted);
        Some(())
    }

    /// Objects of the same change from its first operation on, older ones as they are: they come
    /// again and again.
    fn object(&self, counter: u64) -> Option<u64> {
        let (number, own) = match counter.checked_sub(self.start_op) {
            Some(own) => (own, 1),
            None => (counter, 0),
        };
        Some(number.checked_mul(2)? | own)
    }

    fn object_back(&self, number: u64) -> Option<u64> {
        match number & 1 {
            1 => self.start_op.checked_add(number >> 1),
            _ => Some(number >> 1),
        }
    }

    /// Elements and predecessors back or forth from the first operation. 0 stays 0: it is no
    /// counter, but the place before the first element.
    fn first(&self, counter: i64) -> Option<i64> {
        let start = i64::try_from(self.start_op).ok()?;
        match counter {
            0 => Some(0),
            _ if counter >= start => counter.checked_sub(start)?.checked_add(1),
            _ => counter.checked_sub(start),
        }
    }

    fn first_back(&self, number: i64) -> Option<i64> {
        let start = i64::try_from(self.start_op).ok()?;
        match number {
            0 => Some(0),
            1.. => start.checked_add(number - 1),
            ..0 => start.checked_add(number),
        }
    }
}
