//! Reads the coded form.
//!
//! Everything is counted against the bound before it is kept: see [`Room`].

use sha2::{Digest, Sha256};

use super::columns::{Direction, Kind, convert, rows};
use super::numbers::{put_signed, put_unsigned, with_difference};
use super::parts::ACTIONS;
use super::{CodingError, Context, ITEM_BYTES, chunk_hash, proofs};
use crate::chunk::{ACTOR_BYTES, CHANGE, COLUMNS, MAGIC, Reader};
use crate::frame::Changes;

/// An actor with its length in front.
const LISTED_ACTOR_BYTES: usize = 1 + ACTOR_BYTES;

/// How many bytes decoded content may still take.
pub(super) struct Room(usize);

impl Room {
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), CodingError> {
        self.0 = self.0.checked_sub(bytes).ok_or(CodingError::TooLarge)?;
        Ok(())
    }

    /// For `count` things of `each` bytes; the count as a number of this machine.
    pub(super) fn take_each(&mut self, count: u64, each: usize) -> Result<usize, CodingError> {
        let count = usize::try_from(count).map_err(|_error| CodingError::TooLarge)?;
        self.take(count.checked_mul(each).ok_or(CodingError::TooLarge)?)?;
        Ok(count)
    }
}

pub(super) fn decode(
    bytes: &[u8],
    context: &Context,
    bytes_max: usize,
) -> Result<Changes, CodingError> {
    let mut reader = Reader::new(bytes);
    let mut room = Room(bytes_max);
    let sections = Sections::read(&mut reader, &mut room)?;
    let mut past = Past {
        next: vec![1; sections.actors.len()],
        ..Past::default()
    };
    let mut batch = Changes {
        changes: sections.build(&mut past, &mut room)?,
        ..Changes::default()
    };
    proofs::decode(&mut reader, context, &past.hashes, &mut room, &mut batch)?;
    if !reader.is_empty() {
        return Err(CodingError::Malformed);
    }
    Ok(batch)
}

pub(super) fn number(reader: &mut Reader<'_>) -> Result<u64, CodingError> {
    reader.unsigned().ok_or(CodingError::Malformed)
}

/// A number and as many bytes.
pub(super) fn prefixed<'a>(
    reader: &mut Reader<'a>,
    room: &mut Room,
) -> Result<&'a [u8], CodingError> {
    let bytes = reader.prefixed().ok_or(CodingError::Malformed)?;
    room.take(bytes.len())?;
    Ok(bytes)
}

pub(super) fn array<'a, const N: usize>(
    reader: &mut Reader<'a>,
) -> Result<&'a [u8; N], CodingError> {
    reader.array().ok_or(CodingError::Malformed)
}

enum Dependency<'a> {
    /// So many places before the change.
    Back(usize),
    Hash(&'a [u8; 32]),
}

/// The sections, taken apart but not related to each other yet.
struct Sections<'a> {
    forms: Vec<u16>,
    actors: Vec<&'a [u8; ACTOR_BYTES]>,
    authors: Vec<usize>,
    sequences: Vec<u64>,
    /// How many dependencies each change has, and all of them.
    dependency_counts: Vec<usize>,
    dependencies: Vec<Dependency<'a>>,
    starts: Vec<u64>,
    times: Vec<u64>,
    messages: Vec<&'a [u8]>,
    other_counts: Vec<usize>,
    others: Vec<usize>,
    /// The lengths and the bytes of each column, to be read change by change.
    columns: [(Reader<'a>, Reader<'a>); COLUMNS.len()],
    verbatim: Vec<&'a [u8]>,
}

impl<'a> Sections<'a> {
    fn read(reader: &mut Reader<'a>, room: &mut Room) -> Result<Self, CodingError> {
        let count = room.take_each(number(reader)?, ITEM_BYTES)?;
        let mut forms = Vec::new();
        for _ in 0..count {
            let form = number(reader)?;
            if form > 1 << COLUMNS.len() {
                return Err(CodingError::Malformed);
            }
            forms.push(form as u16);
        }
        let coded = forms.iter().filter(|form| **form != 0).count();
        let mut actors = Vec::new();
        let mut authors = Vec::new();
        for _ in 0..coded {
            authors.push(read_actor(reader, &mut actors)?);
        }
        let sequences = read_numbers(reader, coded)?;
        let mut dependency_counts = Vec::new();
        let mut dependencies = Vec::new();
        for _ in 0..coded {
            let Some(count) = number(reader)?.checked_sub(1) else {
                room.take(32)?;
                dependency_counts.push(1);
                dependencies.push(Dependency::Back(1));
                continue;
            };
            let count = room.take_each(count, 32)?;
            dependency_counts.push(count);
            for _ in 0..count {
                dependencies.push(match number(reader)? {
                    0 => Dependency::Hash(array(reader)?),
                    back => Dependency::Back(
                        usize::try_from(back).map_err(|_error| CodingError::Malformed)?,
                    ),
                });
            }
        }
        let starts = read_numbers(reader, coded)?;
        let times = read_numbers(reader, coded)?;
        let mut messages = Vec::new();
        for _ in 0..coded {
            messages.push(prefixed(reader, room)?);
        }
        let (mut other_counts, mut others) = (Vec::new(), Vec::new());
        for _ in 0..coded {
            let count = room.take_each(number(reader)?, LISTED_ACTOR_BYTES)?;
            other_counts.push(count);
            for _ in 0..count {
                others.push(read_actor(reader, &mut actors)?);
            }
        }
        let mut columns = [(Reader::new(&[]), Reader::new(&[])); COLUMNS.len()];
        for (place, column) in columns.iter_mut().enumerate() {
            let present = |form: &u16| form.checked_sub(1).is_some_and(|set| set >> place & 1 == 1);
            *column = read_column(reader, forms.iter().filter(|form| present(form)).count())?;
        }
        let mut verbatim = Vec::new();
        for _ in coded..count {
            verbatim.push(prefixed(reader, room)?);
        }
        Ok(Self {
            forms,
            actors,
            authors,
            sequences,
            dependency_counts,
            dependencies,
            starts,
            times,
            messages,
            other_counts,
            others,
            columns,
            verbatim,
        })
    }

    /// Puts the chunks together.
    fn build(mut self, past: &mut Past, room: &mut Room) -> Result<Vec<Vec<u8>>, CodingError> {
        let mut chunks = Vec::with_capacity(self.forms.len());
        let mut verbatim = self.verbatim.iter();
        let mut dependencies = self.dependencies.iter();
        let mut others = self.others.iter();
        let mut coded = 0;
        for form in &self.forms {
            let Some(present) = form.checked_sub(1) else {
                let chunk = *verbatim.next().ok_or(CodingError::Malformed)?;
                past.hashes.push(chunk_hash(chunk));
                past.ends.push(None);
                chunks.push(chunk.to_vec());
                continue;
            };
            let mut body = Vec::new();
            let room_before = room.0;
            let count = self.dependency_counts[coded];
            let mut counted = ITEM_BYTES + 32 * count;
            put_unsigned(&mut body, count as u64);
            let start = past.dependencies(dependencies.by_ref().take(count), &mut body)?;
            let author = self.authors[coded];
            put_actor(&mut body, self.actors[author]);
            let seq = with_difference(past.next[author], self.sequences[coded]);
            past.next[author] = seq.wrapping_add(1);
            put_unsigned(&mut body, seq);
            let start_op = with_difference(start, self.starts[coded]);
            put_unsigned(&mut body, start_op);
            past.time = with_difference(past.time, self.times[coded]);
            put_signed(&mut body, past.time as i64);
            put_unsigned(&mut body, self.messages[coded].len() as u64);
            body.extend_from_slice(self.messages[coded]);
            let count = self.other_counts[coded];
            counted += self.messages[coded].len() + LISTED_ACTOR_BYTES * count;
            put_unsigned(&mut body, count as u64);
            for other in others.by_ref().take(count) {
                put_actor(&mut body, self.actors[*other]);
            }
            let operations = put_columns(&mut self.columns, present, start_op, &mut body, room)?;
            counted += room_before - room.0;
            past.end = start_op.wrapping_add(operations);
            past.ends.push(Some(past.end));
            let (chunk, hash) = chunk_around(&body);
            // The numbers and the list of columns are seldom more than what each item counts.
            room.take(chunk.len().saturating_sub(counted))?;
            past.hashes.push(hash);
            chunks.push(chunk);
            coded += 1;
        }
        Ok(chunks)
    }
}

fn read_numbers(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, CodingError> {
    (0..count).map(|_| number(reader)).collect()
}

/// The place of an actor, which stands behind the first mention of it.
fn read_actor<'a>(
    reader: &mut Reader<'a>,
    actors: &mut Vec<&'a [u8; ACTOR_BYTES]>,
) -> Result<usize, CodingError> {
    let place = number(reader)?;
    if place == actors.len() as u64 {
        actors.push(array(reader)?);
    }
    usize::try_from(place)
        .ok()
        .filter(|place| *place < actors.len())
        .ok_or(CodingError::Malformed)
}

/// Finds the lengths and the bytes of a column that `count` changes have.
fn read_column<'a>(
    reader: &mut Reader<'a>,
    count: usize,
) -> Result<(Reader<'a>, Reader<'a>), CodingError> {
    let lengths = *reader;
    let mut all = 0_u64;
    for _ in 0..count {
        all = all
            .checked_add(number(reader)?)
            .ok_or(CodingError::Malformed)?;
    }
    let all = usize::try_from(all).map_err(|_error| CodingError::Malformed)?;
    let bytes = reader.take(all).ok_or(CodingError::Malformed)?;
    Ok((lengths, Reader::new(bytes)))
}

/// Writes the list of columns and the columns; gives the number of operations.
fn put_columns(
    columns: &mut [(Reader<'_>, Reader<'_>); COLUMNS.len()],
    present: u16,
    start_op: u64,
    body: &mut Vec<u8>,
    room: &mut Room,
) -> Result<u64, CodingError> {
    let mut data = Vec::new();
    let mut operations = 0;
    put_unsigned(body, u64::from(present.count_ones()));
    for (place, (lengths, bytes)) in columns.iter_mut().enumerate() {
        if present >> place & 1 == 0 {
            continue;
        }
        let length = usize::try_from(number(lengths)?).map_err(|_error| CodingError::Malformed)?;
        let column = bytes.take(length).ok_or(CodingError::Malformed)?;
        let kind = Kind::of(COLUMNS[place]);
        let before = data.len();
        let room_end = before.saturating_add(room.0);
        convert(
            column,
            kind,
            Direction::Decode,
            start_op,
            &mut data,
            room_end,
        )
        .ok_or(CodingError::Malformed)?;
        room.take(data.len() - before)?;
        if place == ACTIONS {
            operations = rows(&data[before..]).ok_or(CodingError::Malformed)?;
        }
        put_unsigned(body, COLUMNS[place]);
        put_unsigned(body, (data.len() - before) as u64);
    }
    body.extend_from_slice(&data);
    Ok(operations)
}

fn put_actor(body: &mut Vec<u8>, actor: &[u8; ACTOR_BYTES]) {
    body.push(ACTOR_BYTES as u8);
    body.extend_from_slice(actor);
}

/// A change chunk with this content, and its hash.
fn chunk_around(body: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let mut length = Vec::new();
    put_unsigned(&mut length, body.len() as u64);
    let hash: [u8; 32] = Sha256::new()
        .chain_update([CHANGE])
        .chain_update(&length)
        .chain_update(body)
        .finalize()
        .into();
    let mut chunk = Vec::with_capacity(9 + length.len() + body.len());
    chunk.extend_from_slice(&MAGIC);
    chunk.extend_from_slice(&hash[..4]);
    chunk.push(CHANGE);
    chunk.extend_from_slice(&length);
    chunk.extend_from_slice(body);
    (chunk, hash)
}

/// What the changes put together so far say about the next one.
#[derive(Default)]
struct Past {
    hashes: Vec<[u8; 32]>,
    /// The counter after the last operation of each; `None` of those that travel as they are.
    ends: Vec<Option<u64>>,
    /// The same of the last one that is coded.
    end: u64,
    time: u64,
    /// The sequence number that is expected of each actor.
    next: Vec<u64>,
}

impl Past {
    /// Writes dependencies; gives the expected counter of the first operation.
    fn dependencies<'d>(
        &self,
        dependencies: impl Iterator<Item = &'d Dependency<'d>>,
        body: &mut Vec<u8>,
    ) -> Result<u64, CodingError> {
        let mut end = None;
        for dependency in dependencies {
            match dependency {
                Dependency::Hash(hash) => body.extend_from_slice(*hash),
                Dependency::Back(back) => {
                    let place = self.hashes.len().checked_sub(*back);
                    let place = place.ok_or(CodingError::Malformed)?;
                    body.extend_from_slice(&self.hashes[place]);
                    end = end.max(self.ends[place]);
                }
            }
        }
        Ok(end.unwrap_or(self.end).max(1))
    }
}
