//! Chance with a seed, so that a run can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of the seed in the variable `CAIRN_SEED`, else of a fresh one; says which, so
    /// that a failure can be repeated.
    ///
    /// # Panics
    /// When the variable holds no number.
    pub fn announced(what: &str) -> Self {
        let seed = match std::env::var("CAIRN_SEED") {
            Ok(text) => text.parse().expect("CAIRN_SEED is a number"),
            Err(_) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                now.map_or(0, |since| since.as_nanos() as u64 % 1_000_000)
            }
        };
        // Shown by the test runner when the test fails.
        #[expect(clippy::print_stdout, reason = "the way to repeat a failed run")]
        {
            println!("{what}: CAIRN_SEED={seed} repeats this run");
        }
        Self::new(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_u64() % end.max(1)
    }

    /// Bytes without meaning.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}
