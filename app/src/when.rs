//! Dates and times in words, in the person's time zone.

use cairn_words::{TextId, Words, text_id};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

/// The time of this computer in milliseconds since 1970.
pub fn now_millis() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Turns times into words as seen from one moment.
#[derive(Debug, Clone)]
pub struct Clock {
    now: ZonedDateTime,
}

impl Clock {
    /// The clock of this computer.
    pub fn system() -> Self {
        Self {
            now: ZonedDateTime::now(),
        }
    }

    /// A clock that stands still, for tests and pictures.
    pub fn at(now_millis: i64, zone: TimeZone) -> Self {
        let now = Timestamp::from_millisecond(now_millis).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            now: now.to_zoned_datetime(zone),
        }
    }

    /// Milliseconds since 1970.
    pub fn now_millis(&self) -> i64 {
        self.now.timestamp().as_millisecond()
    }

    /// The weekday, "Tuesday".
    pub fn weekday(&self, words: &Words) -> String {
        words.text(weekday(&self.now)).into_owned()
    }

    /// Whether a time lies in today.
    pub fn is_today(&self, millis: i64) -> bool {
        self.zoned(millis).date() == self.now.date()
    }

    /// "today 14:02", "yesterday 09:30", "12 November" or "12 November 2025".
    pub fn when(&self, words: &Words, millis: i64) -> String {
        let then = self.zoned(millis);
        let time = format!("{:02}:{:02}", then.hour(), then.minute());
        let yesterday = self.now.date().checked_sub(1.day()).ok();
        if then.date() == self.now.date() {
            words.format(text_id!("app-today-at"), &[("time", time.into())])
        } else if Some(then.date()) == yesterday {
            words.format(text_id!("app-yesterday-at"), &[("time", time.into())])
        } else {
            self.day(words, millis)
        }
    }

    /// "12 November", with the year if it is another one.
    pub fn day(&self, words: &Words, millis: i64) -> String {
        let then = self.zoned(millis);
        let day = i64::from(then.day());
        let month = words.text(month(&then));
        if then.year() == self.now.year() {
            let parts = [("day", day.into()), ("month", month.into())];
            words.format(text_id!("app-day-and-month"), &parts)
        } else {
            // As text, for a year takes no thousands separator.
            let year = then.year().to_string();
            let parts = [
                ("day", day.into()),
                ("month", month.into()),
                ("year", year.into()),
            ];
            words.format(text_id!("app-day-month-year"), &parts)
        }
    }

    fn zoned(&self, millis: i64) -> ZonedDateTime {
        let then = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
        then.to_zoned_datetime(self.now.time_zone().clone())
    }
}

fn weekday(time: &ZonedDateTime) -> TextId {
    use jiff::civil::Weekday;
    match time.weekday() {
        Weekday::Monday => text_id!("app-weekday-1"),
        Weekday::Tuesday => text_id!("app-weekday-2"),
        Weekday::Wednesday => text_id!("app-weekday-3"),
        Weekday::Thursday => text_id!("app-weekday-4"),
        Weekday::Friday => text_id!("app-weekday-5"),
        Weekday::Saturday => text_id!("app-weekday-6"),
        Weekday::Sunday => text_id!("app-weekday-7"),
    }
}

fn month(time: &ZonedDateTime) -> TextId {
    match time.month() {
        1 => text_id!("app-month-1"),
        2 => text_id!("app-month-2"),
        3 => text_id!("app-month-3"),
        4 => text_id!("app-month-4"),
        5 => text_id!("app-month-5"),
        6 => text_id!("app-month-6"),
        7 => text_id!("app-month-7"),
        8 => text_id!("app-month-8"),
        9 => text_id!("app-month-9"),
        10 => text_id!("app-month-10"),
        11 => text_id!("app-month-11"),
        _ => text_id!("app-month-12"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_words::Language;

    #[test]
    fn says_when() {
        let words = Words::new(Language::English);
        // Tuesday 24 November 2026, 12:00 UTC.
        let now = 1_795_521_600_000;
        let clock = Clock::at(now, TimeZone::UTC);
        let hour = 60 * 60 * 1000;
        assert_eq!(clock.weekday(&words), "Tuesday");
        assert_eq!(clock.when(&words, now - hour), "today 11:00");
        assert_eq!(clock.when(&words, now - 20 * hour), "yesterday 16:00");
        assert_eq!(clock.when(&words, now - 24 * 12 * hour), "12 November");
        assert_eq!(
            clock.when(&words, now - 24 * 365 * hour),
            "24 November 2025"
        );
        assert!(clock.is_today(now - 12 * hour));
        assert!(!clock.is_today(now - 13 * hour));
    }
}
