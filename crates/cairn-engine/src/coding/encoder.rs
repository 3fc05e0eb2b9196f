//! Writes the coded form.

use std::collections::BTreeMap;

use super::columns::{Direction, Kind, convert};
use super::numbers::{difference, put_unsigned};
use super::parts::Parts;
use super::{Context, chunk_hash, proofs};
use crate::chunk::{ACTOR_BYTES, COLUMNS};
use crate::frame::Changes;

pub(super) fn encode(changes: &Changes, context: &Context) -> Vec<u8> {
    let mut sections = Sections::default();
    let parts: Vec<Option<Parts<'_>>> = changes
        .changes
        .iter()
        .map(|chunk| sections.form(chunk))
        .collect();
    let mut actors = Actors::default();
    for part in parts.iter().flatten() {
        actors.author(part, &mut sections);
    }
    for part in parts.iter().flatten() {
        actors.others(part, &mut sections);
    }
    let mut hashes = Vec::with_capacity(parts.len());
    let mut past = Past::default();
    for (chunk, part) in changes.changes.iter().zip(&parts) {
        match part {
            Some(part) => {
                past.relate(part, &mut sections);
                hashes.push(part.hash);
            }
            None => {
                put_unsigned(&mut sections.verbatim, chunk.len() as u64);
                sections.verbatim.extend_from_slice(chunk);
                hashes.push(chunk_hash(chunk));
                past.add(chunk_hash(chunk), None);
            }
        }
    }
    let mut out = Vec::new();
    put_unsigned(&mut out, parts.len() as u64);
    for section in [
        &sections.forms,
        &sections.authors,
        &sections.sequences,
        &sections.dependencies,
        &sections.starts,
        &sections.times,
        &sections.messages,
        &sections.others,
    ] {
        out.extend_from_slice(section);
    }
    for column in &sections.columns {
        out.extend_from_slice(&column.lengths);
        out.extend_from_slice(&column.bytes);
    }
    out.extend_from_slice(&sections.verbatim);
    proofs::encode(changes, context, &hashes, &mut out);
    out
}

/// The sections of the coded form, each with a part of every change.
#[derive(Default)]
struct Sections {
    forms: Vec<u8>,
    authors: Vec<u8>,
    sequences: Vec<u8>,
    dependencies: Vec<u8>,
    starts: Vec<u8>,
    times: Vec<u8>,
    messages: Vec<u8>,
    others: Vec<u8>,
    columns: [Column; COLUMNS.len()],
    verbatim: Vec<u8>,
}

#[derive(Default)]
struct Column {
    lengths: Vec<u8>,
    bytes: Vec<u8>,
}

impl Sections {
    /// Writes which form a chunk has, and its columns if it has the usual one.
    fn form<'a>(&mut self, chunk: &'a [u8]) -> Option<Parts<'a>> {
        let parts = Parts::of(chunk);
        let before: [usize; COLUMNS.len()] =
            std::array::from_fn(|place| self.columns[place].bytes.len());
        let mut present = 0_u64;
        let coded = parts.filter(|parts| {
            parts.columns.iter().enumerate().all(|(place, column)| {
                present |= u64::from(!column.is_empty()) << place;
                convert(
                    column,
                    Kind::of(COLUMNS[place]),
                    Direction::Encode,
                    parts.start_op,
                    &mut self.columns[place].bytes,
                    usize::MAX,
                )
                .is_some()
            })
        });
        for (column, before) in self.columns.iter_mut().zip(before) {
            match &coded {
                Some(_) if column.bytes.len() > before => {
                    let length = column.bytes.len() - before;
                    put_unsigned(&mut column.lengths, length as u64);
                }
                Some(_) => {}
                None => column.bytes.truncate(before),
            }
        }
        put_unsigned(&mut self.forms, coded.as_ref().map_or(0, |_| present + 1));
        coded
    }
}

/// The actors of a batch in the order in which they are named.
#[derive(Default)]
struct Actors<'a> {
    places: BTreeMap<&'a [u8; ACTOR_BYTES], u64>,
    /// The sequence number that is expected of each next.
    next: BTreeMap<u64, u64>,
}

impl<'a> Actors<'a> {
    fn author(&mut self, part: &Parts<'a>, sections: &mut Sections) {
        let place = self.put(part.actor, &mut sections.authors);
        let next = self.next.entry(place).or_insert(1);
        put_unsigned(&mut sections.sequences, difference(part.seq, *next));
        *next = part.seq.wrapping_add(1);
    }

    fn others(&mut self, part: &Parts<'a>, sections: &mut Sections) {
        put_unsigned(&mut sections.others, part.other_actors.len() as u64);
        for actor in &part.other_actors {
            self.put(actor, &mut sections.others);
        }
    }

    fn put(&mut self, actor: &'a [u8; ACTOR_BYTES], out: &mut Vec<u8>) -> u64 {
        let count = self.places.len() as u64;
        let place = *self.places.entry(actor).or_insert(count);
        put_unsigned(out, place);
        if place == count {
            out.extend_from_slice(actor);
        }
        place
    }
}

/// The changes of the batch before the one at hand.
#[derive(Default)]
struct Past {
    places: BTreeMap<[u8; 32], usize>,
    last: Option<[u8; 32]>,
    /// The counter after the last operation of each; `None` of those that travel as they are.
    ends: Vec<Option<u64>>,
    /// The same of the last one that is coded.
    end: u64,
    time: u64,
}

impl Past {
    fn relate(&mut self, part: &Parts<'_>, sections: &mut Sections) {
        let out = &mut sections.dependencies;
        let mut end = None;
        if self.last.is_some()
            && part.dependencies.first() == self.last.as_ref()
            && part.dependencies.len() == 1
        {
            put_unsigned(out, 0);
            end = self.ends.last().copied().flatten();
        } else {
            put_unsigned(out, part.dependencies.len() as u64 + 1);
            for dependency in part.dependencies {
                match self.places.get(dependency) {
                    Some(place) => {
                        put_unsigned(out, (self.ends.len() - place) as u64);
                        end = end.max(self.ends[*place]);
                    }
                    None => {
                        put_unsigned(out, 0);
                        out.extend_from_slice(dependency);
                    }
                }
            }
        }
        let expected = end.unwrap_or(self.end).max(1);
        put_unsigned(&mut sections.starts, difference(part.start_op, expected));
        let time = part.time as u64;
        put_unsigned(&mut sections.times, difference(time, self.time));
        self.time = time;
        put_unsigned(&mut sections.messages, part.message.len() as u64);
        sections.messages.extend_from_slice(part.message);
        let end = part.start_op.wrapping_add(part.operations);
        self.end = end;
        self.add(part.hash, Some(end));
    }

    fn add(&mut self, hash: [u8; 32], end: Option<u64>) {
        self.places.insert(hash, self.ends.len());
        self.ends.push(end);
        self.last = Some(hash);
    }
}
