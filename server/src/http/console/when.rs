//! Moments as people say them: how long ago, and exactly.

use domain::Timestamp;

use crate::language::Language;

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;
const DAY_S: i64 = 24 * HOUR_S;

/// A moment on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// For programs.
    pub(crate) iso: String,
    /// `2026-11-23 05:00 UTC`.
    pub(crate) exact: String,
    /// `3 minutes ago`, `in 2 hours`.
    pub(crate) near: String,
}

impl When {
    /// `then`, seen from `now`.
    pub(crate) fn new(language: Language, then: Timestamp, now: Timestamp) -> Self {
        let iso = then.to_iso();
        let (date, time) = iso.split_once('T').unwrap_or((iso.as_str(), ""));
        let minutes = time.get(..5).unwrap_or(time);
        let exact = format!("{date} {minutes} UTC");
        let seconds = now.ms_since(then) / 1000;
        Self { near: near(language, seconds), iso, exact }
    }
}

/// How long ago, or from now on if it is negative.
fn near(language: Language, seconds: i64) -> String {
    let length = seconds.abs();
    let (number, unit) = match length {
        0..MINUTE_S => return now_or_soon(language, seconds),
        MINUTE_S..HOUR_S => (length / MINUTE_S, ["minute", "分"]),
        HOUR_S..DAY_S => (length / HOUR_S, ["hour", "時間"]),
        _ => (length / DAY_S, ["day", "日"]),
    };
    let [english, japanese] = unit;
    match (language, seconds >= 0) {
        (Language::English, is_past) => {
            let plural = if number == 1 { "" } else { "s" };
            if is_past {
                format!("{number} {english}{plural} ago")
            } else {
                format!("in {number} {english}{plural}")
            }
        }
        (Language::Japanese, true) => format!("{number}{japanese}前"),
        (Language::Japanese, false) => format!("{number}{japanese}後"),
    }
}

fn now_or_soon(language: Language, seconds: i64) -> String {
    match (language, seconds >= 0) {
        (Language::English, true) => format!("{seconds} s ago"),
        (Language::English, false) => format!("in {} s", -seconds),
        (Language::Japanese, true) => format!("{seconds}秒前"),
        (Language::Japanese, false) => format!("{}秒後", -seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_from_now_and_exactly() {
        let now = Timestamp::from_ms(1_795_410_000_000);
        let told = |language, seconds| When::new(language, now.plus_seconds(seconds), now).near;
        assert_eq!(told(Language::English, -60), "1 minute ago");
        assert_eq!(told(Language::English, -7300), "2 hours ago");
        assert_eq!(told(Language::English, 90_000), "in 1 day");
        assert_eq!(told(Language::Japanese, -180), "3分前");
        assert_eq!(told(Language::Japanese, 30), "30秒後");
        let when = When::new(Language::English, now, now);
        assert_eq!((when.near.as_str(), when.exact.as_str()), ("0 s ago", "2026-11-23 05:00 UTC"));
    }
}
