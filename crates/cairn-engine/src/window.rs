//! How many bytes may be under way to a peer: as many as keep the line busy, and no more.
//!
//! # Role
//! What somebody writes now waits behind what is under way. On a fast line a large window costs
//! nothing; on a slow one each part of it is waiting time. The peer says how much it has gone
//! through, so the time that a byte takes there and back is known, and what is above the least time ever
//! taken is waiting. The window grows while there is little of that and shrinks while there is
//! much, as in LEDBAT (RFC 6817), here with a target that people do not mind.

use std::collections::VecDeque;

/// What a byte may wait, above the least time that one took.
const WAITING_MILLIS: u64 = 150;
/// Whatever the line: a piece of a batch or two, and an answer.
const LEAST_BYTES: usize = 32 << 10;
/// How much slower it shrinks than it grows.
const SHRINKING: u64 = 4;
/// Moments that are remembered: a peer that never credits anything makes nothing grow.
const MARKS_MAX: usize = 1_024;
/// Before anything is known of the line.
const FIRST_BYTES: usize = 256 << 10;

/// How many bytes may be under way to a peer: fewer on a slow line, where what is written next waits
/// behind them. As LEDBAT (RFC 6817) does, it follows the time from sending to credit.
#[derive(Debug, Clone)]
pub struct SendWindow {
    bytes: usize,
    bytes_max: usize,
    /// Of all that was ever sent and credited.
    sent: u64,
    credited: u64,
    /// How much had been sent when, for what was not credited yet.
    marks: VecDeque<(u64, u64)>,
    least_millis: Option<u64>,
}

impl SendWindow {
    /// One that never grows beyond so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes: FIRST_BYTES.min(bytes_max),
            bytes_max,
            sent: 0,
            credited: 0,
            marks: VecDeque::new(),
            least_millis: None,
        }
    }

    /// Bytes that the peer was sent and has not gone through.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.sent - self.credited).unwrap_or(usize::MAX)
    }

    /// Whether anything more may be sent.
    pub fn has_room(&self) -> bool {
        self.in_flight() < self.bytes
    }

    /// Notes that so many bytes were sent at a moment.
    pub fn note_sent(&mut self, bytes: usize, at_millis: u64) {
        self.sent += bytes as u64;
        let full = self.marks.len() == MARKS_MAX;
        match self.marks.back_mut() {
            Some((upto, _)) if full => *upto = self.sent,
            _ => self.marks.push_back((self.sent, at_millis)),
        }
    }

    /// Notes that the peer has gone through so many bytes more. What it says beyond what was sent
    /// counts for nothing.
    pub fn note_credited(&mut self, bytes: usize, at_millis: u64) {
        let credited = self.credited.saturating_add(bytes as u64).min(self.sent);
        let new = credited - self.credited;
        self.credited = credited;
        let mut sent_at = None;
        while let Some((_, at)) = self.marks.pop_front_if(|(upto, _)| *upto <= credited) {
            sent_at = Some(at);
        }
        let Some(sent_at) = sent_at else { return };
        let millis = at_millis.saturating_sub(sent_at);
        let least = self.least_millis.map_or(millis, |least| least.min(millis));
        self.least_millis = Some(least);
        // The more waits, the less it grows; then it shrinks. What it does is seen a round trip later.
        let waiting = millis - least;
        let missing = WAITING_MILLIS.saturating_sub(waiting);
        let beyond = waiting.saturating_sub(WAITING_MILLIS).min(WAITING_MILLIS);
        let grown = self.bytes as u64 + new * missing / WAITING_MILLIS;
        let bytes = grown.saturating_sub(new * beyond / WAITING_MILLIS / SHRINKING);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.bytes = bytes.clamp(LEAST_BYTES.min(self.bytes_max), self.bytes_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1 << 20;
    const FRAME: usize = 8 << 10;

    /// Sends over a line of so many bytes a millisecond that takes so long there and back. Gives the
    /// longest wait of a byte in the second half, and bytes that passed in a millisecond.
    fn over_a_line(rate: usize, round_trip: u64) -> (u64, usize) {
        const MILLIS: u64 = 20_000;
        let mut window = SendWindow::new(MAX);
        let mut line: VecDeque<u64> = VecDeque::new();
        let (mut free_at, mut longest, mut passed) = (0.0_f64, 0, 0);
        for now in 0..MILLIS {
            while line.pop_front_if(|back_at| *back_at <= now).is_some() {
                window.note_credited(FRAME, now);
                passed += FRAME;
            }
            while window.has_room() {
                window.note_sent(FRAME, now);
                free_at = free_at.max(now as f64) + FRAME as f64 / rate as f64;
                let waits = free_at as u64 - now;
                line.push_back(now + waits + round_trip);
                if now > MILLIS / 2 {
                    longest = longest.max(waits);
                }
            }
        }
        (longest, passed / MILLIS as usize)
    }

    #[test]
    fn a_slow_line_is_kept_busy_and_nothing_waits_long_on_it() {
        for (rate, round_trip) in [(1_250, 50), (1_250, 300), (290, 50), (100, 300)] {
            let (longest, passed) = over_a_line(rate, round_trip);
            assert!(longest <= 450, "{rate} {round_trip}: {longest} ms");
            assert!(passed >= rate * 8 / 10, "{rate} {round_trip}: {passed}");
        }
    }

    #[test]
    fn a_fast_line_gets_all_of_the_window() {
        let mut window = SendWindow::new(MAX);
        for now in 0..1_000 {
            while window.has_room() {
                window.note_sent(FRAME, now);
            }
            window.note_credited(window.in_flight(), now + 1);
        }
        assert_eq!(window.bytes, MAX);
    }

    #[test]
    fn a_peer_that_credits_nothing_makes_nothing_grow() {
        let mut window = SendWindow::new(MAX);
        for now in 0..100_000 {
            window.note_sent(100, now);
        }
        assert_eq!(window.marks.len(), MARKS_MAX);
        window.note_credited(window.in_flight(), 100_000);
        assert_eq!((window.in_flight(), window.marks.len()), (0, 0));
    }

    #[test]
    fn a_peer_that_credits_what_it_was_not_sent_gains_nothing() {
        let mut window = SendWindow::new(MAX);
        window.note_credited(usize::MAX, 5);
        assert_eq!((window.in_flight(), window.bytes), (0, FIRST_BYTES));
        window.note_sent(100, 10);
        window.note_credited(usize::MAX, 11);
        assert_eq!(window.in_flight(), 0);
        assert_eq!(window.bytes, FIRST_BYTES + 100);
    }
}
