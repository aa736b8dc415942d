//! Reading members of request bodies with errors that name what is wrong.

use std::fmt;

use serde_json::{Map, Value};

/// What is wrong with a request body, as a sentence for whoever sent it. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBody(String);

impl InvalidBody {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for InvalidBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidBody {}

/// The JSON type of `value`, as an error message calls it.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

pub(crate) fn object<'a>(
    value: &'a Value,
    path: &str,
) -> Result<&'a Map<String, Value>, InvalidBody> {
    value
        .as_object()
        .ok_or_else(|| InvalidBody(format!("{path} must be an object, not {}", kind(value))))
}

pub(crate) fn required<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<&'a Value, InvalidBody> {
    members.get(name).ok_or_else(|| InvalidBody(format!("{path} is missing")))
}

/// A text of 1 to `most` bytes without control characters.
pub(crate) fn text(value: &Value, path: &str, most: usize) -> Result<String, InvalidBody> {
    let Value::String(text) = value else {
        return Err(InvalidBody(format!("{path} must be a string, not {}", kind(value))));
    };
    if text.is_empty() {
        return Err(InvalidBody(format!("{path} must not be empty")));
    }
    if text.len() > most {
        return Err(InvalidBody(format!("{path} must not be longer than {most} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidBody(format!("{path} must not hold control characters")));
    }
    Ok(text.clone())
}
