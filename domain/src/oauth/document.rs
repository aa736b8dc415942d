//! What administrators may write into the documents of clients, APIs and client grants: tables of
//! members, one line each, and the check that follows them.
//!
//! A member no table names is ignored (WD35); `Kept` ones are stored and returned unchanged.

use std::fmt;

use serde_json::{Map, Value};

use crate::shape::InvalidBody;

/// A refusal with this sentence.
pub(super) fn invalid(message: impl fmt::Display) -> InvalidBody {
    InvalidBody::because(format!("Payload validation error: {message}"))
}

/// What a member may hold.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Text of at most so many characters, not empty.
    Text(usize),
    Flag,
    /// An integer from and to, both included.
    Integer(i64, i64),
    OneOf(&'static [&'static str]),
    /// A list of texts: so many at most, each of so many characters at most.
    Texts(usize, usize),
    /// A list out of these texts, each once.
    SomeOf(&'static [&'static str]),
    /// An object with these members and no others; sent in part, the rest stays.
    Object(&'static [Member]),
    /// Checked by a function of its own.
    Own(fn(&Value) -> Result<Value, String>),
    /// Anything: known to Auth0, not used by us.
    Kept,
}

pub(super) type Member = (&'static str, Kind);

/// The body of a POST or PATCH, which must be an object.
pub(super) fn object(body: &Value) -> Result<&Map<String, Value>, InvalidBody> {
    body.as_object().ok_or_else(|| invalid("the body must be a JSON object"))
}

/// Lays `body` over `base`. `null` brings back the member of `defaults`, or removes it.
pub(super) fn merged(
    base: &Map<String, Value>,
    body: &Map<String, Value>,
    members: &[Member],
    defaults: &Map<String, Value>,
) -> Result<Map<String, Value>, InvalidBody> {
    let mut document = base.clone();
    for (name, kind) in members {
        let Some(value) = body.get(*name) else { continue };
        let value = if value.is_null() {
            defaults.get(*name).cloned()
        } else {
            Some(check(name, *kind, value, base.get(*name))?)
        };
        match value {
            Some(value) => document.insert((*name).to_owned(), value),
            None => document.remove(*name),
        };
    }
    Ok(document)
}

fn check(
    name: &str,
    kind: Kind,
    value: &Value,
    before: Option<&Value>,
) -> Result<Value, InvalidBody> {
    let wrong = |what: String| invalid(format!("{name} must be {what}"));
    match kind {
        Kind::Kept => Ok(value.clone()),
        Kind::Own(own) => own(value).map_err(|fault| invalid(format!("{name} {fault}"))),
        Kind::Flag if value.is_boolean() => Ok(value.clone()),
        Kind::Flag => Err(wrong("true or false".to_owned())),
        Kind::Text(max) => match value.as_str() {
            Some(text) if !text.trim().is_empty() && text.chars().count() <= max => {
                Ok(value.clone())
            }
            Some(_) | None => Err(wrong(format!("a string of 1 to {max} characters"))),
        },
        Kind::Integer(min, max) => match value.as_i64() {
            Some(number) if (min..=max).contains(&number) => Ok(value.clone()),
            Some(_) | None => Err(wrong(format!("an integer between {min} and {max}"))),
        },
        Kind::OneOf(names) => match value.as_str() {
            Some(text) if names.contains(&text) => Ok(value.clone()),
            Some(_) | None => Err(wrong(format!("one of {}", names.join(", ")))),
        },
        Kind::Texts(max_items, max) => match texts(value) {
            Some(list)
                if list.len() <= max_items && list.iter().all(|t| t.chars().count() <= max) =>
            {
                Ok(value.clone())
            }
            Some(_) | None => Err(wrong(format!(
                "a list of at most {max_items} strings of at most {max} characters"
            ))),
        },
        Kind::SomeOf(names) => match texts(value) {
            Some(list)
                if list.iter().all(|text| names.contains(text)) && list.len() <= names.len() =>
            {
                Ok(value.clone())
            }
            Some(_) | None => Err(wrong(format!("a list out of {}", names.join(", ")))),
        },
        Kind::Object(members) => nested(name, members, value, before),
    }
}

fn nested(
    name: &str,
    members: &[Member],
    value: &Value,
    before: Option<&Value>,
) -> Result<Value, InvalidBody> {
    let body = value.as_object().ok_or_else(|| invalid(format!("{name} must be an object")))?;
    let empty = Map::new();
    let base = before.and_then(Value::as_object).unwrap_or(&empty);
    merged(base, body, members, &empty).map(Value::Object)
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// Shorthands to read a stored document, where a member that is absent has a default.
pub(super) fn text<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str)
}

pub(super) fn flag(document: &Value, name: &str, default: bool) -> bool {
    document.get(name).and_then(Value::as_bool).unwrap_or(default)
}

pub(super) fn integer(document: &Value, name: &str, default: i64) -> i64 {
    document.get(name).and_then(Value::as_i64).unwrap_or(default)
}

pub(super) fn list<'a>(document: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    document.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn words(document: &Value, name: &str) -> Vec<String> {
    list(document, name).filter_map(Value::as_str).map(str::to_owned).collect()
}
