//! Numbers that only look random: the same seed gives the same history on every machine.

use std::sync::LazyLock;

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound` − 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

/// How many different words people use here, and how much they prefer the common ones: chosen so
/// that a history of them compresses like one of written language.
const WORDS: usize = 1400;
const PREFERENCE: f64 = 2.0;

const SYLLABLES: [&str; 24] = [
    "ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "wen", "sal", "tor", "ma", "den", "rik",
    "el", "an", "ost", "gu", "fi", "pel", "ha", "jo", "cu",
];

/// The language that everyone shares.
static LANGUAGE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut random = Random::new(1);
    (0..WORDS)
        .map(|rank| {
            let syllables = 1 + usize::from(rank > 20) + usize::from(rank > 200);
            (0..syllables + random.below(2))
                .map(|_| SYLLABLES[random.below(SYLLABLES.len())])
                .collect()
        })
        .collect()
});

/// Writes sentences of made-up words.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    random: Random,
}

impl Author {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
        }
    }

    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// A text of about this many letters.
    pub(crate) fn text(&mut self, letters: usize) -> String {
        let mut text = String::with_capacity(letters + 12);
        while text.len() < letters {
            if !text.is_empty() {
                text.push(' ');
            }
            let rank = (self.random.unit().powf(PREFERENCE) * WORDS as f64) as usize;
            text.push_str(&LANGUAGE[rank.min(WORDS - 1)]);
        }
        text
    }
}
