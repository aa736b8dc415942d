//! Moments and spans. Nothing here reads a clock: `now` is always an argument.

use std::fmt;

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `ms` milliseconds after the Unix epoch.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down, as JWT claims want them.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment moved by `ms` milliseconds; saturates at the ends of time.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This moment moved by `seconds` seconds; saturates at the ends of time.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_ms(seconds.saturating_mul(1000))
    }

    /// Milliseconds from `earlier` to this moment; negative if it is later.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment that an ISO 8601 text with an offset names.
    pub fn from_iso(text: &str) -> Option<Self> {
        text.parse().ok().map(|at: jiff::Timestamp| Self(at.as_millisecond()))
    }

    /// `2026-11-23T04:56:18.000Z`: UTC, exactly three fraction digits (G63, G103).
    pub fn to_iso(self) -> String {
        jiff::Timestamp::from_millisecond(self.0)
            .map_or_else(|_| String::from("1970-01-01T00:00:00.000Z"), |at| format!("{at:.3}"))
    }

    /// `Mon, 23 Nov 2026 04:56:18 GMT`: as the header `Date` has it (RFC 9110 5.6.7).
    pub fn to_http(self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// The moment that a header `Date` names.
    pub fn from_http(text: &str) -> Option<Self> {
        let read = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
        let at = read.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(at.timestamp().as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso())
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn iso_text_always_has_three_fraction_digits() {
        assert_eq!(Timestamp::from_ms(1_795_409_778_000).to_iso(), "2026-11-23T04:56:18.000Z");
        assert_eq!(Timestamp::from_ms(1_795_409_778_600).to_iso(), "2026-11-23T04:56:18.600Z");
        assert_eq!(Timestamp::from_ms(1_795_409_778_007).to_iso(), "2026-11-23T04:56:18.007Z");
    }

    #[test]
    fn http_has_a_form_of_its_own() {
        let at = Timestamp::from_ms(1_795_409_778_600);
        assert_eq!(at.to_http(), "Mon, 23 Nov 2026 04:56:18 GMT");
        assert_eq!(Timestamp::from_http(&at.to_http()), Some(at.plus_ms(-600)));
        assert_eq!(Timestamp::from_http("yesterday"), None);
    }

    #[test]
    fn iso_text_is_read_with_its_offset() {
        let at = Timestamp::from_ms(1_795_409_778_600);
        assert_eq!(Timestamp::from_iso("2026-11-23T04:56:18.600Z"), Some(at));
        assert_eq!(Timestamp::from_iso("2026-11-23T13:56:18.6+09:00"), Some(at));
        assert_eq!(Timestamp::from_iso("2026-11-23"), None);
        assert_eq!(Timestamp::from_iso("tomorrow"), None);
    }

    #[test]
    fn seconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp::from_ms(-1).seconds(), -1);
        assert_eq!(Timestamp::from_ms(1999).seconds(), 1);
    }
}
