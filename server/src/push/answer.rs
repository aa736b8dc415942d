//! What the answers of all push services have in common.

use domain::Timestamp;

use crate::outside::Answer;

/// Longest text of others that goes into a record or a log.
const TOLD_CHARS: usize = 200;
/// The longest wait that a service may ask for: an hour.
const LONGEST_WAIT_S: i64 = 3600;

/// A text of others, cut and without control characters.
pub(super) fn told(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TOLD_CHARS).collect::<String>().trim().to_owned()
}

/// When `Retry-After` says to come again: seconds, or a date (RFC 9110, 10.2.3).
pub(super) fn retry_at(answer: &Answer, now: Timestamp) -> Option<Timestamp> {
    let text = answer.header("retry-after")?.trim();
    let wait_s = match text.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_date) => {
            let date = http_date(text)?;
            (date.ms() - now.ms()) / 1000
        }
    };
    Some(now.plus_seconds(wait_s.clamp(0, LONGEST_WAIT_S)))
}

/// `Mon, 23 Nov 2026 05:00:00 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split(' ').skip(1);
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let (time, zone) = (words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let iso = format!("{year}-{month:02}-{day}T{time}Z");
    (zone == "GMT").then(|| Timestamp::from_iso(&iso)).flatten()
}
