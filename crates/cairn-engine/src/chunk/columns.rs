//! Decodes the columns of a change chunk: LEB128 numbers, run lengths, deltas and booleans.
//!
//! # Invariants
//! * No decoder allocates; each holds a few words and borrows the bytes.
//! * A decoder yields one row a call, so a huge run length costs nothing by itself; sums over
//!   whole columns are taken run by run.
//! * Numbers have one encoding each: overlong ones are refused.

use super::error::{ChunkError, Part};

/// A cursor over bytes; `None` means that they are not what was asked for.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned LEB128 number of at most 64 bits in its shortest form.
    #[inline]
    pub(super) fn unsigned(&mut self) -> Option<u64> {
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
    pub(super) fn signed(&mut self) -> Option<i64> {
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
    pub(super) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.unsigned()?).ok()?;
        self.take(length)
    }
}

/// What a run-length coded column consists of.
pub(super) trait Item<'a>: Copy {
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
#[derive(Clone, Copy)]
pub(super) struct Runs<'a, T> {
    reader: Reader<'a>,
    part: Part,
    all_null: bool,
    left: u64,
    run: Run<T>,
}

#[derive(Clone, Copy)]
enum Run<T> {
    Single,
    Repeated(Option<T>),
}

impl<'a, T: Item<'a>> Runs<'a, T> {
    pub(super) fn new(bytes: &'a [u8], part: Part) -> Self {
        Self {
            reader: Reader::new(bytes),
            part,
            all_null: bytes.is_empty(),
            left: 0,
            run: Run::Single,
        }
    }

    /// The next row of a column in which every row has a value.
    #[inline]
    pub(super) fn required(&mut self) -> Result<T, ChunkError> {
        if self.left == 0 {
            self.start_run()?;
        }
        self.left -= 1;
        match self.run {
            Run::Single => self.item(),
            Run::Repeated(item) => item.ok_or(ChunkError::Combination(self.part)),
        }
    }

    /// The next row of a column that may hold nulls.
    #[inline]
    pub(super) fn nullable(&mut self) -> Result<Option<T>, ChunkError> {
        if self.all_null {
            return Ok(None);
        }
        if self.left == 0 {
            self.start_run()?;
        }
        self.left -= 1;
        match self.run {
            Run::Single => self.item().map(Some),
            Run::Repeated(item) => Ok(item),
        }
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
        while let Some((length, _)) = self.next_run()? {
            rows = rows
                .checked_add(length)
                .filter(|rows| *rows <= max)
                .ok_or(ChunkError::Limit(self.part))?;
        }
        Ok(rows)
    }

    fn next_run(&mut self) -> Result<Option<(u64, Option<T>)>, ChunkError> {
        if self.left == 0 {
            if self.reader.is_empty() {
                return Ok(None);
            }
            self.start_run()?;
        }
        match self.run {
            Run::Single => {
                self.left -= 1;
                Ok(Some((1, Some(self.item()?))))
            }
            Run::Repeated(item) => {
                let length = self.left;
                self.left = 0;
                Ok(Some((length, item)))
            }
        }
    }

    fn start_run(&mut self) -> Result<(), ChunkError> {
        if self.reader.is_empty() {
            return Err(ChunkError::Rows(self.part));
        }
        let length = self.reader.signed().ok_or(self.encoding())?;
        self.left = length.unsigned_abs();
        self.run = match length {
            1.. => Run::Repeated(Some(self.item()?)),
            ..0 => Run::Single,
            0 => {
                let nulls = self.reader.unsigned().ok_or(self.encoding())?;
                // Without this every call could skip a run and still have no row.
                if nulls == 0 {
                    return Err(self.encoding());
                }
                self.left = nulls;
                Run::Repeated(None)
            }
        };
        Ok(())
    }

    fn item(&mut self) -> Result<T, ChunkError> {
        T::read(&mut self.reader).ok_or(self.encoding())
    }

    fn encoding(&self) -> ChunkError {
        ChunkError::Encoding(self.part)
    }
}

impl Runs<'_, u64> {
    /// The sum of all rows, at most `max`; costs one step a run or single item.
    pub(super) fn sum(mut self, max: u64) -> Result<u64, ChunkError> {
        let mut sum = 0_u64;
        while let Some((length, item)) = self.next_run()? {
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
        if !self.started && self.reader.is_empty() {
            return Ok(false);
        }
        self.required()
    }

    pub(super) fn finish(&self) -> Result<(), ChunkError> {
        if self.left == 0 && self.reader.is_empty() {
            Ok(())
        } else {
            Err(ChunkError::Rows(self.part))
        }
    }
}
