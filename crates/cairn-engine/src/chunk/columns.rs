//! Decodes the columns of a change chunk: LEB128 numbers, run lengths, deltas and booleans.
//!
//! # Invariants
//! * No decoder allocates; each holds a few words and borrows the bytes.
//! * A decoder yields one row a call, so a huge run length costs nothing by itself; sums over
//!   whole columns are taken run by run.
//! * Numbers and columns have one encoding each: overlong and split ones are refused.

use super::error::{ChunkError, Part};

/// A cursor over bytes; `None` means that they are not what was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned LEB128 number of at most 64 bits in its shortest form.
    #[inline]
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        if first < 0x80 {
            self.0 = rest;
            return Some(u64::from(first));
        }
        let mut value = 0;
        let mut shift = 0;
        let mut bytes = self.0.iter();
        for &byte in bytes.by_ref() {
            // The tenth byte holds bit 63 alone.
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.0 = bytes.as_slice();
                return (byte != 0).then_some(value);
            }
            shift += 7;
        }
        None
    }

    /// A signed LEB128 number of at most 64 bits in its shortest form.
    #[inline]
    pub(crate) fn signed(&mut self) -> Option<i64> {
        let mut value = 0;
        let mut shift = 0;
        let mut previous = None;
        let mut bytes = self.0.iter();
        for &byte in bytes.by_ref() {
            // The tenth byte holds bit 63 and its copies.
            if shift == 63 && byte != 0 && byte != 0x7f {
                return None;
            }
            value |= i64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                let negative = byte & 0x40 != 0;
                if shift < 64 && negative {
                    value |= -1 << shift;
                }
                // A last byte that only repeats the sign bit before it is superfluous.
                let superfluous = previous.is_some_and(|before: u8| {
                    let sign = before & 0x40 != 0;
                    (byte == 0 && !sign) || (byte == 0x7f && sign)
                });
                self.0 = bytes.as_slice();
                return (!superfluous).then_some(value);
            }
            previous = Some(byte);
        }
        None
    }

    /// A length followed by as many bytes.
    pub(crate) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        self.take(length)
    }
}

/// What a run-length coded column consists of.
pub(super) trait Item<'a>: Copy + PartialEq {
    fn read(reader: &mut Reader<'a>) -> Option<Self>;
}

impl Item<'_> for u64 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.unsigned()
    }
}

impl Item<'_> for i64 {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.signed()
    }
}

impl<'a> Item<'a> for &'a str {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        std::str::from_utf8(reader.prefixed()?).ok()
    }
}

/// A column of run lengths: `n > 0` repeats the item that follows, `n < 0` announces `-n` single
/// items, `0` is followed by a number of nulls. A column without bytes is all null.
///
/// Each column has one encoding, the one automerge writes: what can be a longer run is one, and
/// single items stand together. Any other would be rebuilt with other bytes and another hash.
#[derive(Clone, Copy)]
pub(super) struct Runs<'a, T> {
    reader: Reader<'a>,
    part: Part,
    all_null: bool,
    left: u64,
    run: Run<T>,
}

/// The run that the last row was of.
#[derive(Clone, Copy)]
enum Run<T> {
    Unstarted,
    /// With the item before the next one, to which that must not be equal.
    Single(Option<T>),
    Repeated(T),
    Null,
}

impl<'a, T: Item<'a>> Runs<'a, T> {
    pub(super) fn new(bytes: &'a [u8], part: Part) -> Self {
        Self {
            reader: Reader::new(bytes),
            part,
            all_null: bytes.is_empty(),
            left: 0,
            run: Run::Unstarted,
        }
    }

    /// The next row of a column in which every row has a value.
    #[inline]
    pub(super) fn required(&mut self) -> Result<T, ChunkError> {
        self.row()?.ok_or(ChunkError::Combination(self.part))
    }

    /// The next row of a column that may hold nulls.
    #[inline]
    pub(super) fn nullable(&mut self) -> Result<Option<T>, ChunkError> {
        if self.all_null {
            return Ok(None);
        }
        self.row()
    }

    /// Fails unless the column has been read to its end.
    pub(super) fn finish(&self) -> Result<(), ChunkError> {
        if self.left == 0 && self.reader.is_empty() {
            Ok(())
        } else {
            Err(ChunkError::Rows(self.part))
        }
    }

    /// The number of rows, at most `max`; costs one step a run or single item.
    pub(super) fn count_rows(mut self, max: u64) -> Result<u64, ChunkError> {
        let mut rows = 0_u64;
        while let Some((length, _)) = self.rows()? {
            rows = rows
                .checked_add(length)
                .filter(|rows| *rows <= max)
                .ok_or(ChunkError::Limit(self.part))?;
        }
        Ok(rows)
    }

    #[inline]
    fn row(&mut self) -> Result<Option<T>, ChunkError> {
        if self.left == 0 {
            self.start_run()?;
        }
        self.left -= 1;
        match self.run {
            Run::Single(_) => self.single().map(Some),
            Run::Repeated(item) => Ok(Some(item)),
            Run::Unstarted | Run::Null => Ok(None),
        }
    }

    /// The next rows that have one value, and how many they are; `None` at the end.
    fn rows(&mut self) -> Result<Option<(u64, Option<T>)>, ChunkError> {
        if self.left == 0 {
            if self.reader.is_empty() {
                return Ok(None);
            }
            self.start_run()?;
        }
        let item = self.row()?;
        let mut length = 1;
        if !matches!(self.run, Run::Single(_)) {
            length += self.left;
            self.left = 0;
        }
        Ok(Some((length, item)))
    }

    fn start_run(&mut self) -> Result<(), ChunkError> {
        if self.reader.is_empty() {
            return Err(ChunkError::Rows(self.part));
        }
        let before = match self.run {
            Run::Single(item) => item,
            Run::Repeated(item) => Some(item),
            Run::Unstarted | Run::Null => None,
        };
        let length = self.reader.signed().ok_or_else(|| self.encoding())?;
        self.left = length.unsigned_abs();
        self.run = match (length, self.run) {
            (2.., _) => Run::Repeated(self.item_after(before)?),
            (..0, Run::Unstarted | Run::Repeated(_) | Run::Null) => Run::Single(before),
            (0, Run::Unstarted | Run::Single(_) | Run::Repeated(_)) => {
                self.left = self.reader.unsigned().ok_or_else(|| self.encoding())?;
                let all_null = matches!(self.run, Run::Unstarted) && self.reader.is_empty();
                if self.left == 0 || all_null {
                    return Err(self.encoding());
                }
                Run::Null
            }
            _ => return Err(self.encoding()),
        };
        Ok(())
    }

    fn single(&mut self) -> Result<T, ChunkError> {
        let before = match self.run {
            Run::Single(item) => item,
            _ => None,
        };
        let item = self.item_after(before)?;
        self.run = Run::Single(Some(item));
        Ok(item)
    }

    fn item_after(&mut self, before: Option<T>) -> Result<T, ChunkError> {
        T::read(&mut self.reader)
            .filter(|item| before != Some(*item))
            .ok_or_else(|| self.encoding())
    }

    fn encoding(&self) -> ChunkError {
        ChunkError::Encoding(self.part)
    }
}

impl Runs<'_, u64> {
    /// The sum of all rows, at most `max`; costs one step a run or single item.
    pub(super) fn sum(mut self, max: u64) -> Result<u64, ChunkError> {
        let mut sum = 0_u64;
        while let Some((length, item)) = self.rows()? {
            sum = item
                .unwrap_or(0)
                .checked_mul(length)
                .and_then(|run| sum.checked_add(run))
                .filter(|sum| *sum <= max)
                .ok_or(ChunkError::Limit(self.part))?;
        }
        Ok(sum)
    }
}

/// A column of run lengths whose items are differences to the last value that was not null.
#[derive(Clone, Copy)]
pub(super) struct Deltas<'a> {
    runs: Runs<'a, i64>,
    value: i64,
}

impl<'a> Deltas<'a> {
    pub(super) fn new(bytes: &'a [u8], part: Part) -> Self {
        Self {
            runs: Runs::new(bytes, part),
            value: 0,
        }
    }

    #[inline]
    pub(super) fn required(&mut self) -> Result<u64, ChunkError> {
        let delta = self.runs.required()?;
        self.add(delta)
    }

    #[inline]
    pub(super) fn nullable(&mut self) -> Result<Option<u64>, ChunkError> {
        match self.runs.nullable()? {
            Some(delta) => self.add(delta).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn finish(&self) -> Result<(), ChunkError> {
        self.runs.finish()
    }

    fn add(&mut self, delta: i64) -> Result<u64, ChunkError> {
        let range = ChunkError::Range(self.runs.part);
        self.value = self.value.checked_add(delta).ok_or(range)?;
        u64::try_from(self.value).ok().ok_or(range)
    }
}

/// A column of booleans: how many are false, then how many true, and so on by turns. Only the
/// first number may be 0.
#[derive(Clone, Copy)]
pub(super) struct Booleans<'a> {
    reader: Reader<'a>,
    part: Part,
    started: bool,
    left: u64,
    value: bool,
}

impl<'a> Booleans<'a> {
    pub(super) fn new(bytes: &'a [u8], part: Part) -> Self {
        Self {
            reader: Reader::new(bytes),
            part,
            started: false,
            left: 0,
            value: true,
        }
    }

    #[inline]
    pub(super) fn required(&mut self) -> Result<bool, ChunkError> {
        while self.left == 0 {
            if self.reader.is_empty() {
                return Err(ChunkError::Rows(self.part));
            }
            let count = self.reader.unsigned();
            self.left = count
                .filter(|count| *count > 0 || !self.started)
                .ok_or(ChunkError::Encoding(self.part))?;
            self.value = !self.value;
            self.started = true;
        }
        self.left -= 1;
        Ok(self.value)
    }

    /// The next row of a column that is left out when all of its rows are false.
    #[inline]
    pub(super) fn or_false(&mut self) -> Result<bool, ChunkError> {
        if self.started {
            return self.required();
        }
        if self.reader.is_empty() {
            return Ok(false);
        }
        let first = self.required()?;
        if !first && self.reader.is_empty() {
            return Err(ChunkError::Encoding(self.part));
        }
        Ok(first)
    }

    pub(super) fn finish(&self) -> Result<(), ChunkError> {
        if self.left == 0 && self.reader.is_empty() {
            Ok(())
        } else {
            Err(ChunkError::Rows(self.part))
        }
    }
}
