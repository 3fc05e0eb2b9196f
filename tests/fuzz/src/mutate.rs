//! Small seeded changes to bytes, and the frame around a change chunk made whole again.

use sha2::{Digest, Sha256};

/// Numbers at which decoders tend to go wrong, as single bytes.
const BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x40];

/// Numbers in LEB128: overlong ones, the largest of 32 and 64 bits, one that does not end.
const LEBS: [&[u8]; 6] = [
    &[0x80, 0x00],
    &[0x81, 0x80, 0x80, 0x00],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f],
    &[0xff; 12],
];

/// Magic, checksum and type of a change chunk; its length follows.
const CHUNK_HEADER_BYTES: usize = 9;

/// Longest result of [`mutated`].
const MUTATED_BYTES_MAX: usize = 64 << 10;

/// A source of numbers that a seed fixes.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }
}

/// `data` with one to four small changes; `other` lends pieces.
pub fn mutated(data: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = data.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(out.len() + 1);
        let end = (at + 1 + random.below(8)).min(out.len());
        match random.below(7) {
            0 if at < out.len() => out[at] ^= 1 << random.below(8),
            1 if at < out.len() => out[at] = BYTES[random.below(BYTES.len())],
            2 => out.insert(at, BYTES[random.below(BYTES.len())]),
            3 => drop(out.drain(at..end)),
            4 => drop(out.splice(at..end, LEBS[random.below(LEBS.len())].iter().copied())),
            5 => {
                let from = random.below(other.len() + 1);
                let to = (from + random.below(64)).min(other.len());
                out.splice(at..end, other[from..to].iter().copied());
            }
            6 => out.truncate(at),
            _ => {}
        }
    }
    out.truncate(MUTATED_BYTES_MAX);
    out
}

/// The content of a change chunk, after its length.
pub(crate) fn chunk_body(chunk: &[u8]) -> Option<&[u8]> {
    let rest = chunk.get(CHUNK_HEADER_BYTES..)?;
    let length_bytes = rest.iter().position(|byte| byte & 0x80 == 0)? + 1;
    rest.get(length_bytes..)
}

/// A change chunk around any content, with the right length and checksum.
pub(crate) fn chunk_around(body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![1];
    hashed.extend(leb(body.len()));
    hashed.extend_from_slice(body);
    let hash = Sha256::digest(&hashed);
    let mut chunk = vec![0x85, 0x6f, 0x4a, 0x83];
    chunk.extend_from_slice(&hash[..4]);
    chunk.extend_from_slice(&hashed);
    chunk
}

/// A number in as few bytes of LEB128 as it takes.
pub(crate) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The hash of a chunk made by [`chunk_around`].
pub(crate) fn chunk_hash(chunk: &[u8]) -> [u8; 32] {
    Sha256::digest(chunk.get(8..).unwrap_or_default()).into()
}
