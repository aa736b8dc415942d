//! Reading claims of a JWT whose signature the caller has verified: a wrong type is an error,
//! never an absence.

use std::fmt;

use serde_json::{Map, Value};

use crate::members::kind;

/// The last second we take: far beyond any date in use, and exact in a double as milliseconds.
const LATEST_SECOND: f64 = 1e12;

/// Which claim is wrong, and how. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidClaim {
    name: &'static str,
    problem: String,
}

impl InvalidClaim {
    pub(crate) fn new(name: &'static str, problem: impl Into<String>) -> Self {
        Self { name, problem: problem.into() }
    }
}

impl fmt::Display for InvalidClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "claim {} {}", self.name, self.problem)
    }
}

impl std::error::Error for InvalidClaim {}

type Claims = Map<String, Value>;

fn required<'a>(claims: &'a Claims, name: &'static str) -> Result<&'a Value, InvalidClaim> {
    claims.get(name).ok_or_else(|| InvalidClaim::new(name, "is missing"))
}

fn wrong_type(name: &'static str, wanted: &str, value: &Value) -> InvalidClaim {
    InvalidClaim::new(name, format!("must be {wanted}, not {}", kind(value)))
}

pub(crate) fn text(claims: &Claims, name: &'static str) -> Result<String, InvalidClaim> {
    let value = required(claims, name)?;
    value.as_str().map(str::to_owned).ok_or_else(|| wrong_type(name, "a string", value))
}

pub(crate) fn optional_text(
    claims: &Claims,
    name: &'static str,
) -> Result<Option<String>, InvalidClaim> {
    if claims.contains_key(name) { text(claims, name).map(Some) } else { Ok(None) }
}

pub(crate) fn boolean(claims: &Claims, name: &'static str) -> Result<bool, InvalidClaim> {
    let value = required(claims, name)?;
    value.as_bool().ok_or_else(|| wrong_type(name, "a boolean", value))
}

/// A `NumericDate`, whole or fractional (iOS sends fractions), in milliseconds.
pub(crate) fn date_ms(claims: &Claims, name: &'static str) -> Result<i64, InvalidClaim> {
    let value = required(claims, name)?;
    let Some(seconds) = value.as_f64() else {
        return Err(wrong_type(name, "a number of seconds", value));
    };
    if !(0.0..=LATEST_SECOND).contains(&seconds) {
        return Err(InvalidClaim::new(name, "is not a plausible time"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    let ms = (seconds * 1000.0).round() as i64;
    Ok(ms)
}

pub(crate) fn optional_date_ms(
    claims: &Claims,
    name: &'static str,
) -> Result<Option<i64>, InvalidClaim> {
    if claims.contains_key(name) { date_ms(claims, name).map(Some) } else { Ok(None) }
}
