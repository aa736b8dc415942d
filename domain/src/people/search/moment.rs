//! Dates in a question. A date names a span, `2026-01-01` the whole day, so that a range that
//! includes its end includes all of it.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::End;
use crate::Timestamp;

/// From the first millisecond to before the last; an open end is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment in the span.
    pub from: Option<Timestamp>,
    /// The first moment after it.
    pub before: Option<Timestamp>,
}

/// The span that `text` names in UTC: a year, a month, a day, a second or a millisecond.
pub(super) fn span_of(text: &str) -> Option<(Timestamp, Timestamp)> {
    let whole = match text.len() {
        4 => Some((format!("{text}-01-01"), jiff::Span::new().years(1))),
        7 => Some((format!("{text}-01"), jiff::Span::new().months(1))),
        10 => Some((text.to_owned(), jiff::Span::new().days(1))),
        _ => None,
    };
    if let Some((first, length)) = whole {
        let first: Date = first.parse().ok()?;
        let next = first.checked_add(length).ok()?;
        return Some((midnight(first)?, midnight(next)?));
    }
    let from = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    let from = Timestamp::from_ms(from.as_millisecond());
    let length = if text.contains('.') { 1 } else { 1000 };
    Some((from, from.plus_ms(length)))
}

fn midnight(date: Date) -> Option<Timestamp> {
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp::from_ms(zoned.timestamp().as_millisecond()))
}

impl Span {
    /// The span between two written ends; refused with the end that is no date.
    pub(super) fn between(from: Option<&End>, to: Option<&End>) -> Result<Self, String> {
        let read = |end: &End| span_of(&end.value).ok_or_else(|| end.value.clone());
        let read = |end: &End| Ok::<_, String>((read(end)?, end.is_included));
        let from = from.map(read).transpose()?;
        let to = to.map(read).transpose()?;
        Ok(Self {
            from: from.map(|((first, after), included)| if included { first } else { after }),
            before: to.map(|((first, after), included)| if included { after } else { first }),
        })
    }
}
