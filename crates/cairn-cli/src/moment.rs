//! Points in time on the command line: RFC 3339 in, RFC 3339 out.

use cairn_model::Moment;
use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};

/// Reads a time with its offset from UTC, which a moment keeps.
///
/// # Errors
/// Not RFC 3339, or without date, time or offset.
pub(crate) fn parse(text: &str) -> Result<Moment, String> {
    let fault = || "not a time such as 2026-11-20T21:14:00+01:00".to_owned();
    let pieces = Pieces::parse(text).map_err(|_not_a_time| fault())?;
    let time = pieces.time().ok_or_else(fault)?;
    let offset = pieces.to_numeric_offset().ok_or_else(fault)?;
    let at = offset
        .to_timestamp(pieces.date().to_datetime(time))
        .map_err(|_range| fault())?;
    Ok(Moment {
        at_millis: at.as_millisecond(),
        offset_minutes: i16::try_from(offset.seconds() / 60).map_err(|_range| fault())?,
    })
}

/// A time in UTC; empty for one that no calendar holds.
pub(crate) fn utc(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(|_range| String::new(), |at| at.to_string())
}

/// A time in UTC without its fraction of a second.
pub(crate) fn utc_of_seconds(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_range| String::new(), |at| at.to_string())
}

/// A time on this machine's clock, to the minute, for people.
pub(crate) fn here(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(at) => TimeZone::system()
            .to_datetime(at)
            .strftime("%Y-%m-%d %H:%M")
            .to_string(),
        Err(_range) => String::new(),
    }
}

/// A moment as its writer's clock showed it, to the minute, for people.
pub(crate) fn local(moment: Moment) -> String {
    let offset = Offset::from_seconds(i32::from(moment.offset_minutes) * 60).unwrap_or(Offset::UTC);
    match Timestamp::from_millisecond(moment.at_millis) {
        Ok(at) => offset
            .to_datetime(at)
            .strftime("%Y-%m-%d %H:%M")
            .to_string(),
        Err(_range) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_offset() {
        let check = |text: &str, expected: Option<(i64, i16)>| {
            let parsed = parse(text).ok().map(|at| (at.at_millis, at.offset_minutes));
            assert_eq!(parsed, expected, "{text}");
        };
        check("2026-11-20T21:14:00+01:00", Some((1_795_205_640_000, 60)));
        check("2026-11-20T20:14:00Z", Some((1_795_205_640_000, 0)));
        check(
            "2026-11-20T14:44:00.250-05:30",
            Some((1_795_205_640_250, -330)),
        );
        check("2026-11-20T20:14:00", None);
        check("2026-11-20", None);
        check("2026-02-30T20:14:00Z", None);
        check("yesterday", None);
    }

    #[test]
    fn times_are_told_in_utc_and_on_the_writers_clock() {
        assert_eq!(utc(1_795_205_640_000), "2026-11-20T20:14:00Z");
        assert_eq!(utc(i64::MAX), "");
        let moment = Moment {
            at_millis: 1_795_205_640_000,
            offset_minutes: 60,
        };
        assert_eq!(local(moment), "2026-11-20 21:14");
    }
}
