//! When to dial again after a dial failed or a connection was lost.

use std::time::Duration;

/// The first wait. A second covers a peer's restart and a change of network.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait. Five minutes keeps a sleeping phone's radio quiet and still finds a peer
/// soon after it comes home; a change of network resets the wait anyway.
const LONGEST: Duration = Duration::from_secs(300);

/// Exponential backoff with jitter, as a pure state machine: same seed, same waits.
///
/// Each wait is drawn evenly from the upper half of a span that doubles from 1 s to 300 s, so that
/// many devices that lost one peer at once do not come back in step.
#[derive(Debug, Clone)]
pub struct Redial {
    span: Duration,
    random: u64,
}

impl Redial {
    /// A schedule that starts with the shortest span; `seed` decides the jitter.
    pub fn new(seed: u64) -> Self {
        Self {
            span: FIRST,
            random: seed,
        }
    }

    /// How long to wait before the next dial; the span doubles with each call.
    pub fn next_delay(&mut self) -> Duration {
        let half = self.span / 2;
        // The upper 53 bits as a fraction in [0, 1), exact in an f64.
        let fraction = (self.next_random() >> 11) as f64 / (1_u64 << 53) as f64;
        self.span = LONGEST.min(self.span * 2);
        half + half.mul_f64(fraction)
    }

    /// Starts again from the shortest span: a connection came about, or the network changed.
    pub fn reset(&mut self) {
        self.span = FIRST;
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): jitter needs no secrecy.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_bounds_up_to_five_minutes() {
        let mut redial = Redial::new(42);
        let mut span = 1_000;
        for _ in 0..20 {
            let millis = redial.next_delay().as_millis();
            assert!((span / 2..=span).contains(&millis), "{millis} of {span}");
            span = (span * 2).min(300_000);
        }
        assert_eq!(span, 300_000);
    }

    #[test]
    fn success_starts_again_and_seeds_decide_the_jitter() {
        let waits = |seed| {
            let mut redial = Redial::new(seed);
            [(); 6].map(|()| redial.next_delay())
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        let mut redial = Redial::new(3);
        for _ in 0..9 {
            redial.next_delay();
        }
        redial.reset();
        assert!(redial.next_delay() <= FIRST);
    }
}
