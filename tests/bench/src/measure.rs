//! Wall time, processor time and what was sent.

use std::time::{Duration, Instant};

/// What a piece of work took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    /// Of all threads of this process, kernel included.
    pub(crate) cpu: Duration,
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    wall: Instant,
    cpu: Duration,
}

impl Mark {
    pub(crate) fn now() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu_time(),
        }
    }

    /// What was spent from an earlier moment to this one.
    pub(crate) fn since(&self, earlier: &Self) -> Spent {
        Spent {
            wall: self.wall.saturating_duration_since(earlier.wall),
            cpu: self.cpu.saturating_sub(earlier.cpu),
        }
    }
}

/// Does work and says what it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let started = Mark::now();
    let value = work();
    (value, Mark::now().since(&started))
}

/// Processor time of this process since it began.
#[cfg(unix)]
fn cpu_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Not measured on this system: always zero.
#[cfg(not(unix))]
fn cpu_time() -> Duration {
    Duration::ZERO
}

/// What went over a wire.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// The longest chain of messages of which each answers the one before.
    pub(crate) one_way_trips: u32,
}

/// One run of one contender.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) spent: Spent,
    pub(crate) traffic: Traffic,
    /// One-way trips until the content was visible, the greeting counted.
    pub(crate) trips_to_visible: u32,
    /// From an edit to its being visible, for workloads of single edits.
    pub(crate) latencies: Vec<Duration>,
    /// The same in processor time, for contenders of one thread.
    pub(crate) cpu_latencies: Vec<Duration>,
    /// Documents read from the vault.
    pub(crate) documents_loaded: u64,
}

/// One of those that are compared.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut() -> Run + 'a>,
}

/// All runs of one contender.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) runs: Vec<Run>,
}

/// Runs all contenders in turn, so that what else the machine does meets all of them.
pub(crate) fn measure(mut contenders: Vec<Contender<'_>>, runs: usize) -> Vec<Measured> {
    let mut measured: Vec<Measured> = contenders
        .iter()
        .map(|contender| Measured {
            name: contender.name,
            runs: Vec::with_capacity(runs),
        })
        .collect();
    for _ in 0..runs {
        for (contender, of) in contenders.iter_mut().zip(&mut measured) {
            of.runs.push((contender.run)());
        }
    }
    measured
}

impl Run {
    /// Notes what an edit took until it was visible.
    pub(crate) fn note(&mut self, visible: Spent) {
        self.latencies.push(visible.wall);
        self.cpu_latencies.push(visible.cpu);
    }
}

/// Least, middle and most of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
        Self {
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
        }
    }
}

impl Measured {
    pub(crate) fn wall_millis(&self) -> Spread {
        Spread::of(self.runs.iter().map(|run| millis(run.spent.wall)))
    }

    pub(crate) fn cpu_millis(&self) -> Spread {
        Spread::of(self.runs.iter().map(|run| millis(run.spent.cpu)))
    }

    pub(crate) fn bytes(&self) -> f64 {
        Spread::of(self.runs.iter().map(|run| run.traffic.bytes as f64)).median
    }

    /// A percentile of the latencies of each run, in milliseconds.
    pub(crate) fn latency_millis(&self, percent: usize) -> Spread {
        let runs = self.runs.iter();
        Spread::of(runs.map(|run| millis(percentile(&run.latencies, percent))))
    }

    /// The same in processor time.
    pub(crate) fn cpu_latency_millis(&self, percent: usize) -> Spread {
        let runs = self.runs.iter();
        Spread::of(runs.map(|run| millis(percentile(&run.cpu_latencies, percent))))
    }
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The value below which so many of a hundred lie.
pub(crate) fn percentile(latencies: &[Duration], percent: usize) -> Duration {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_and_percentiles_are_taken_from_sorted_values() {
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.0, 3.0));
        let times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(51));
        assert_eq!(percentile(&times, 99), Duration::from_millis(100));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn work_takes_time() {
        let (sum, spent) =
            timed(|| (0..2_000_000_u64).fold(0, |sum, n| sum ^ n.wrapping_mul(sum | 1)));
        assert!(sum > 0 && spent.wall > Duration::ZERO);
        assert!(cfg!(not(unix)) || cpu_time() > Duration::ZERO);
    }
}
