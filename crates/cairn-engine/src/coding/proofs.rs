//! Salts and attestations: they name the document, devices and changes that the batch is about.

use std::collections::BTreeMap;

use super::decoder::{Room, array, number, prefixed};
use super::numbers::put_unsigned;
use super::{CodingError, Context, ITEM_BYTES};
use crate::chunk::Reader;
use crate::frame::Changes;
use crate::id::DeviceId;
use crate::statement::record_hash;

/// The version of an attestation that is known here.
const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 64;

/// The parts of an attestation in the usual form.
struct Parts<'a> {
    document: &'a [u8; 16],
    device: &'a [u8; 32],
    process: &'a [u8; 16],
    counter: u64,
    heads: &'a [[u8; 32]],
    previous: Option<&'a [u8; 32]>,
    signature: &'a [u8; SIGNATURE_BYTES],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if *reader.array()? != [VERSION] {
            return None;
        }
        let (document, device, process) = (reader.array()?, reader.array()?, reader.array()?);
        let counter = reader.unsigned()?;
        let count = usize::try_from(reader.unsigned()?).ok()?;
        let (heads, _) = reader.take(count.checked_mul(32)?)?.as_chunks();
        let previous = match *reader.array()? {
            [0] => None,
            [1] => Some(reader.array()?),
            _ => return None,
        };
        let signature = reader.array()?;
        reader.is_empty().then_some(Self {
            document,
            device,
            process,
            counter,
            heads,
            previous,
            signature,
        })
    }
}

pub(super) fn encode(changes: &Changes, context: &Context, hashes: &[[u8; 32]], out: &mut Vec<u8>) {
    let mut devices = BTreeMap::new();
    devices.extend(context.sender.map(|sender| (*sender.as_bytes(), 0)));
    // The sender has its place also when nobody is named as such.
    let mut count = 1;
    let mut put_device = |device: &[u8; 32], out: &mut Vec<u8>| {
        let place = *devices.entry(*device).or_insert(count);
        put_unsigned(out, place);
        if place == count {
            out.extend_from_slice(device);
            count += 1;
        }
    };
    put_unsigned(out, changes.salts.len() as u64);
    for (device, salt) in &changes.salts {
        put_device(device.as_bytes(), out);
        out.extend_from_slice(salt);
    }
    put_unsigned(out, changes.attestations.len() as u64);
    if changes.attestations.is_empty() {
        return;
    }
    let places: BTreeMap<&[u8; 32], usize> = hashes.iter().zip(0..).collect();
    let mut records: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    for (index, bytes) in changes.attestations.iter().enumerate() {
        let parts = Parts::of(bytes);
        match parts.filter(|parts| parts.document == context.document.as_bytes()) {
            Some(parts) => {
                put_unsigned(out, parts.heads.len() as u64 + 1);
                put_device(parts.device, out);
                out.extend_from_slice(parts.process);
                put_unsigned(out, parts.counter);
                for head in parts.heads {
                    match places.get(head) {
                        Some(place) => put_unsigned(out, (hashes.len() - place) as u64),
                        None => {
                            put_unsigned(out, 0);
                            out.extend_from_slice(head);
                        }
                    }
                }
                match parts.previous.map(|hash| (hash, records.get(hash))) {
                    None => put_unsigned(out, 0),
                    Some((hash, None)) => {
                        put_unsigned(out, 1);
                        out.extend_from_slice(hash);
                    }
                    Some((_, Some(place))) => put_unsigned(out, *place as u64 + 2),
                }
                out.extend_from_slice(parts.signature);
            }
            None => {
                put_unsigned(out, 0);
                put_unsigned(out, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
        }
        records.insert(record_of(bytes), index);
    }
}

pub(super) fn decode(
    reader: &mut Reader<'_>,
    context: &Context,
    hashes: &[[u8; 32]],
    room: &mut Room,
    batch: &mut Changes,
) -> Result<(), CodingError> {
    let mut devices = vec![context.sender];
    let mut read_device = |reader: &mut Reader<'_>| {
        let place = number(reader)?;
        if place == devices.len() as u64 {
            devices.push(Some(DeviceId::from_bytes(*array(reader)?)));
        }
        let place = usize::try_from(place).ok();
        let device = place.and_then(|place| devices.get(place).copied());
        device.flatten().ok_or(CodingError::Malformed)
    };
    let count = room.take_each(number(reader)?, ITEM_BYTES)?;
    for _ in 0..count {
        batch.salts.push((read_device(reader)?, *array(reader)?));
    }
    let count = room.take_each(number(reader)?, ITEM_BYTES)?;
    let mut records: Vec<[u8; 32]> = Vec::new();
    for _ in 0..count {
        let Some(heads) = number(reader)?.checked_sub(1) else {
            let bytes = prefixed(reader, room)?;
            records.push(record_of(bytes));
            batch.attestations.push(bytes.to_vec());
            continue;
        };
        room.take(256)?;
        let heads = room.take_each(heads, 32)?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(context.document.as_bytes());
        bytes.extend_from_slice(read_device(reader)?.as_bytes());
        bytes.extend_from_slice(array::<16>(reader)?);
        put_unsigned(&mut bytes, number(reader)?);
        put_unsigned(&mut bytes, heads as u64);
        for _ in 0..heads {
            match number(reader)? {
                0 => bytes.extend_from_slice(array::<32>(reader)?),
                back => {
                    let back = usize::try_from(back).ok();
                    let place = back.and_then(|back| hashes.len().checked_sub(back));
                    bytes.extend_from_slice(&hashes[place.ok_or(CodingError::Malformed)?]);
                }
            }
        }
        match number(reader)? {
            0 => bytes.push(0),
            1 => {
                bytes.push(1);
                bytes.extend_from_slice(array::<32>(reader)?);
            }
            place => {
                let place = usize::try_from(place - 2).ok();
                let record = place.and_then(|place| records.get(place));
                bytes.push(1);
                bytes.extend_from_slice(record.ok_or(CodingError::Malformed)?);
            }
        }
        bytes.extend_from_slice(array::<SIGNATURE_BYTES>(reader)?);
        records.push(record_of(&bytes));
        batch.attestations.push(bytes);
    }
    Ok(())
}

/// The name by which an attestation is the previous one of another.
fn record_of(attestation: &[u8]) -> [u8; 32] {
    record_hash(attestation).0
}
