//! How often a code may be offered: each offer is one guess for a stranger.

use super::PairError;

/// Offers within [`SPAN_SECONDS`]. Five guesses an hour at one in 10^8 are one success in more
/// than two thousand years of offering without a pause.
const OFFERS_MAX: usize = 5;
const SPAN_SECONDS: u64 = 3600;

/// Remembers when codes were offered; kept by whoever makes offers, for as long as it runs.
#[derive(Debug, Clone, Default)]
pub struct OfferLimiter {
    /// Oldest first; at most [`OFFERS_MAX`].
    offered_seconds: Vec<u64>,
}

impl OfferLimiter {
    /// No offer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one offer at this time (seconds since 1970, UTC).
    ///
    /// # Errors
    /// [`PairError::TooManyOffers`] when this would be the sixth within an hour; it is not counted
    /// then. A clock that was set back counts earlier offers as made now, and so only ever delays.
    pub fn count(&mut self, now_seconds: u64) -> Result<(), PairError> {
        for offered in &mut self.offered_seconds {
            *offered = now_seconds.min(*offered);
        }
        self.offered_seconds
            .retain(|offered| now_seconds - offered < SPAN_SECONDS);
        if let Some(oldest) = self.offered_seconds.first()
            && self.offered_seconds.len() >= OFFERS_MAX
        {
            let wait_seconds = SPAN_SECONDS - (now_seconds - oldest);
            return Err(PairError::TooManyOffers { wait_seconds });
        }
        self.offered_seconds.push(now_seconds);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_an_hour_and_the_sixth_is_told_how_long_to_wait() {
        let mut limiter = OfferLimiter::new();
        for minute in 0..5 {
            limiter.count(1_000_000 + minute * 60).unwrap();
        }
        for (now, wait) in [(1_000_300, 3_300), (1_003_599, 1)] {
            let refused = limiter.count(now).unwrap_err();
            assert!(matches!(
                refused,
                PairError::TooManyOffers { wait_seconds } if wait_seconds == wait
            ));
        }
        limiter.count(1_003_600).unwrap();
        assert!(limiter.count(1_003_601).is_err());
    }

    #[test]
    fn a_clock_set_back_neither_frees_a_place_nor_locks_for_ever() {
        let mut limiter = OfferLimiter::new();
        for _ in 0..5 {
            limiter.count(2_000_000).unwrap();
        }
        assert!(limiter.count(1_000_000).is_err());
        assert!(limiter.count(1_003_599).is_err());
        limiter.count(1_003_600).unwrap();
    }
}
