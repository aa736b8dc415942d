//! The claims of a token: a claim of a wrong type is an error, never an absence.

use std::fmt;

use serde_json::{Map, Value};

use super::json::{self, JsonError};
use crate::Timestamp;

/// The last second we take: far beyond any date in use, exact in a double as milliseconds.
const LATEST_SECOND: f64 = 1e12;
/// A token names no more audiences.
const MAX_AUDIENCES: usize = 16;

/// Which claim is wrong, and how. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// The claims are not one unambiguous JSON object.
    NotAnObject(JsonError),
    /// A claim that must be there is not.
    Missing(&'static str),
    /// A claim is of another type than `wanted`, or out of its range.
    WrongType {
        /// Its name.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject(error) => write!(f, "claims: {error}"),
            Self::Missing(name) => write!(f, "claim {name} is missing"),
            Self::WrongType { name, wanted } => write!(f, "claim {name} is not {wanted}"),
        }
    }
}

impl std::error::Error for ClaimError {}

/// Claims, to be read one by one with their type. Who holds this of a foreign token has either
/// verified it or asked for it by a name that says `unverified`.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl fmt::Debug for Claims {
    /// Names only: values may be a person's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Claims {
    /// Reads claims from JSON; whitespace around it is fine, duplicate members are not.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClaimError> {
        json::parse_object(bytes).map(Self).map_err(ClaimError::NotAnObject)
    }

    /// The raw value of a claim, for claims of no fixed type.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All claims.
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All claims, taken.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A text that must be there.
    pub fn text(&self, name: &'static str) -> Result<&str, ClaimError> {
        self.optional_text(name)?.ok_or(ClaimError::Missing(name))
    }

    /// A text that may be absent.
    pub fn optional_text(&self, name: &'static str) -> Result<Option<&str>, ClaimError> {
        let read = |value: &'_ Value| value.as_str().is_some();
        self.typed(name, "a string", read).map(|value| value.and_then(Value::as_str))
    }

    /// A boolean that must be there.
    pub fn boolean(&self, name: &'static str) -> Result<bool, ClaimError> {
        self.optional_boolean(name)?.ok_or(ClaimError::Missing(name))
    }

    /// A boolean that may be absent.
    pub fn optional_boolean(&self, name: &'static str) -> Result<Option<bool>, ClaimError> {
        self.typed(name, "a boolean", Value::is_boolean).map(|value| value.and_then(Value::as_bool))
    }

    /// A whole number from 0 that may be absent.
    pub fn optional_integer(&self, name: &'static str) -> Result<Option<u64>, ClaimError> {
        self.typed(name, "a whole number", Value::is_u64).map(|value| value.and_then(Value::as_u64))
    }

    /// A `NumericDate`, whole or fractional, that must be there.
    pub fn numeric_date(&self, name: &'static str) -> Result<Timestamp, ClaimError> {
        self.optional_numeric_date(name)?.ok_or(ClaimError::Missing(name))
    }

    /// A `NumericDate`, whole or fractional, that may be absent.
    pub fn optional_numeric_date(
        &self,
        name: &'static str,
    ) -> Result<Option<Timestamp>, ClaimError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let wanted = "a number of seconds";
        let seconds = value.as_f64().ok_or(ClaimError::WrongType { name, wanted })?;
        date(seconds).map(Some).ok_or(ClaimError::WrongType { name, wanted: "a plausible time" })
    }

    /// Like [`Self::optional_numeric_date`], but a decimal string will do: some SDKs write one.
    pub fn optional_numeric_date_or_text(
        &self,
        name: &'static str,
    ) -> Result<Option<Timestamp>, ClaimError> {
        let Some(Value::String(text)) = self.0.get(name) else {
            return self.optional_numeric_date(name);
        };
        let is_decimal = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let seconds = if is_decimal { text.parse::<f64>().ok() } else { None };
        let wanted = "a number of seconds";
        seconds.and_then(date).map(Some).ok_or(ClaimError::WrongType { name, wanted })
    }

    /// `aud`, a string or an array of strings; it must be there and name somebody.
    pub fn audience(&self) -> Result<Vec<&str>, ClaimError> {
        const WRONG: ClaimError = ClaimError::WrongType {
            name: "aud",
            wanted: "a string or an array of 1 to 16 strings",
        };
        match self.0.get("aud") {
            None => Err(ClaimError::Missing("aud")),
            Some(Value::String(one)) => Ok(vec![one]),
            Some(Value::Array(several)) => {
                if several.is_empty() || several.len() > MAX_AUDIENCES {
                    return Err(WRONG);
                }
                several.iter().map(|value| value.as_str().ok_or(WRONG)).collect()
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(WRONG),
        }
    }

    fn typed(
        &self,
        name: &'static str,
        wanted: &'static str,
        is_right: impl FnOnce(&Value) -> bool,
    ) -> Result<Option<&Value>, ClaimError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) if is_right(value) => Ok(Some(value)),
            Some(_) => Err(ClaimError::WrongType { name, wanted }),
        }
    }
}

fn date(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=LATEST_SECOND).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
    let ms = (seconds * 1000.0).round() as i64;
    Some(Timestamp::from_ms(ms))
}
