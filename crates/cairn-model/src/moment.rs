//! A point in time as a person's clock showed it.

use serde::{Deserialize, Serialize};

const MILLIS_PER_MINUTE: i64 = 60_000;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// A point in time and the writer's offset from UTC then.
///
/// Ordered by the time itself. A claim of its writer: nothing that must be safe depends on it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment {
    /// Milliseconds since the Unix epoch, UTC.
    pub at_millis: i64,
    /// Minutes to add to UTC for the writer's local time; east is positive.
    pub offset_minutes: i16,
}

impl Moment {
    /// The year of the writer's local date (proleptic Gregorian): which mood log an entry goes to.
    pub fn local_year(&self) -> i64 {
        let offset_millis = i64::from(self.offset_minutes) * MILLIS_PER_MINUTE;
        let days = self
            .at_millis
            .saturating_add(offset_millis)
            .div_euclid(MILLIS_PER_DAY);
        // Howard Hinnant, "chrono-compatible low-level date algorithms": years start in March.
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let january_or_february = day_of_year >= 306;
        year_of_era + era * 400 + i64::from(january_or_february)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_that_of_the_local_date() {
        let check = |at_millis, offset_minutes, year| {
            assert_eq!(
                Moment {
                    at_millis,
                    offset_minutes
                }
                .local_year(),
                year
            );
        };
        check(0, 0, 1970);
        check(0, -1, 1969);
        check(1_798_761_599_999, 0, 2026); // 2026-12-31T23:59:59.999Z
        check(1_798_761_599_999, 60, 2027);
        check(1_798_761_600_000, 0, 2027);
        check(1_798_761_600_000, -300, 2026);
        check(951_782_400_000, 0, 2000); // 2000-02-29
        check(951_868_800_000, 0, 2000); // 2000-03-01
        check(-2_208_988_800_001, 0, 1899);
        check(i64::MIN, 0, -292_275_055);
        check(i64::MAX, 1, 292_278_994);
    }
}
