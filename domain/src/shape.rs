//! The shape of an administrator's JSON: which members are known, of which type, how large.
//!
//! The tables themselves stand beside what they describe. Members that no table names are dropped
//! (WD35); a wrong type is refused in Auth0's words.

use std::fmt;

use serde_json::{Map, Value};

/// A JSON object.
pub type Object = Map<String, Value>;

/// Why a body was refused, as one sentence for the caller: `invalid_body`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBody {
    /// What is wrong, naming the member.
    pub message: String,
}

impl InvalidBody {
    /// The member is missing.
    pub fn missing(member: &str) -> Self {
        Self {
            message: format!("Payload validation error: 'Missing required property: {member}'."),
        }
    }

    /// The member is there and wrong.
    pub fn on(member: &str, what: impl fmt::Display) -> Self {
        Self { message: format!("Payload validation error: '{what}' on property {member}.") }
    }

    /// The body as a whole is wrong.
    pub fn because(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for InvalidBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InvalidBody {}

/// What a member may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text of so many characters at least and at most, without control characters.
    Text(usize, usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number within these ends.
    Integer(i64, i64),
    /// An object of any members, as long as JSON text at most so many bytes.
    Object(usize),
    /// At most so many texts, each of at most so many characters.
    Texts(usize, usize),
    /// At most so many objects.
    Objects(usize),
    /// Anything whose JSON text is at most so many bytes: kept for others, never read by us.
    Kept(usize),
}

/// One known member of a body.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Whether `null` is allowed too.
    pub nullable: bool,
}

/// A member that must not be `null`.
pub const fn member(name: &'static str, kind: Kind) -> Member {
    Member { name, kind, nullable: false }
}

/// A member that `null` clears.
pub const fn clearable(name: &'static str, kind: Kind) -> Member {
    Member { name, kind, nullable: true }
}

/// The members of `body` that `table` knows, each of the right type.
pub fn checked(table: &[Member], body: &Object) -> Result<Object, InvalidBody> {
    let mut known = Object::new();
    for Member { name, kind, nullable } in table {
        let Some(value) = body.get(*name) else { continue };
        if !(value.is_null() && *nullable) {
            check(*kind, value).map_err(|what| InvalidBody::on(name, what))?;
        }
        known.insert((*name).to_owned(), value.clone());
    }
    Ok(known)
}

/// Refuses a body in which one of `names` is missing.
pub fn required(body: &Object, names: &[&str]) -> Result<(), InvalidBody> {
    names
        .iter()
        .find(|name| body.get(**name).is_none_or(Value::is_null))
        .map_or(Ok(()), |name| Err(InvalidBody::missing(name)))
}

/// The words of a member that holds a list of texts; none if it is absent.
pub fn texts<'a>(object: &'a Object, name: &str) -> Vec<&'a str> {
    let list = object.get(name).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// The text of a member; `None` if it is absent or no text.
pub fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// Whether a member is there and `true`.
pub fn is_set(object: &Object, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn check(kind: Kind, value: &Value) -> Result<(), String> {
    match kind {
        Kind::Text(least, most) => within(typed(value.as_str(), "string", value)?, least, most),
        Kind::OneOf(words) => {
            let word = typed(value.as_str(), "string", value)?;
            if words.contains(&word) {
                return Ok(());
            }
            Err(format!(
                "No enum match for: {}; it must be one of {}",
                shown(word),
                words.join(", ")
            ))
        }
        Kind::Flag => typed(value.as_bool(), "boolean", value).map(|_| ()),
        Kind::Integer(least, most) => {
            let number = typed(value.as_i64(), "integer", value)?;
            if (least..=most).contains(&number) {
                return Ok(());
            }
            Err(format!("Value {number} is not between {least} and {most}"))
        }
        Kind::Object(bytes) => {
            typed(value.as_object(), "object", value)?;
            sized(value, bytes)
        }
        Kind::Texts(count, most) => typed(value.as_array(), "array", value).and_then(|list| {
            counted(list.len(), count)?;
            list.iter().try_for_each(|item| within(typed(item.as_str(), "string", item)?, 1, most))
        }),
        Kind::Objects(count) => typed(value.as_array(), "array", value).and_then(|list| {
            counted(list.len(), count)?;
            list.iter().try_for_each(|item| typed(item.as_object(), "object", item).map(|_| ()))
        }),
        Kind::Kept(bytes) => sized(value, bytes),
    }
}

fn typed<T>(read: Option<T>, wanted: &str, found: &Value) -> Result<T, String> {
    read.ok_or_else(|| format!("Expected type {wanted} but found type {}", type_of(found)))
}

fn within(text: &str, least: usize, most: usize) -> Result<(), String> {
    let length = text.chars().count();
    if length < least {
        return Err(format!("String is too short ({length} chars), minimum {least}"));
    }
    if length > most {
        return Err(format!("String is too long ({length} chars), maximum {most}"));
    }
    match text.chars().position(char::is_control) {
        Some(at) => Err(format!("Character {} is a control character", at.saturating_add(1))),
        None => Ok(()),
    }
}

fn counted(count: usize, most: usize) -> Result<(), String> {
    if count > most {
        return Err(format!("Array is too long ({count}), maximum {most}"));
    }
    Ok(())
}

fn sized(value: &Value, most: usize) -> Result<(), String> {
    let length = value.to_string().len();
    if length > most {
        return Err(format!("Value is too large ({length} bytes), maximum {most}"));
    }
    Ok(())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The beginning of a caller's word, so that an error never repeats a whole body.
fn shown(word: &str) -> String {
    const SHOWN: usize = 60;
    word.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &[Member] = &[
        member("name", Kind::Text(1, 4)),
        clearable("age", Kind::Integer(0, 150)),
        member("color", Kind::OneOf(&["red", "blue"])),
        member("tags", Kind::Texts(2, 3)),
        member("more", Kind::Object(16)),
    ];

    fn refusal(body: &Value) -> String {
        checked(TABLE, body.as_object().unwrap()).unwrap_err().message
    }

    #[test]
    fn unknown_members_are_dropped_and_known_ones_kept() {
        let body = json!({"name": "a", "age": null, "nonsense": [1]});
        let known = checked(TABLE, body.as_object().unwrap()).unwrap();
        assert_eq!(Value::Object(known), json!({"name": "a", "age": null}));
    }

    #[test]
    fn a_refusal_names_the_member_and_what_is_wrong_with_it() {
        assert_eq!(
            refusal(&json!({"name": 5})),
            "Payload validation error: 'Expected type string but found type integer' on property name."
        );
        assert!(refusal(&json!({"name": ""})).contains("too short"));
        assert!(refusal(&json!({"name": "12345"})).contains("too long (5 chars), maximum 4"));
        assert!(refusal(&json!({"name": "a\u{0}"})).contains("Character 2"));
        assert!(refusal(&json!({"name": null})).contains("found type null"));
        assert!(refusal(&json!({"age": 151})).contains("151"));
        assert!(refusal(&json!({"age": 1.5})).contains("found type number"));
        assert!(refusal(&json!({"color": "green"})).contains("red, blue"));
        assert!(refusal(&json!({"tags": ["a", "b", "c"]})).contains("maximum 2"));
        assert!(refusal(&json!({"tags": [1]})).contains("Expected type string"));
        assert!(refusal(&json!({"more": {"a": "0123456789abcdef"}})).contains("too large"));
        assert!(refusal(&json!({"more": []})).contains("found type array"));
    }

    #[test]
    fn a_required_member_may_not_be_null() {
        let body = json!({"a": 1, "b": null});
        assert_eq!(required(body.as_object().unwrap(), &["a"]), Ok(()));
        let refused = required(body.as_object().unwrap(), &["a", "b"]).unwrap_err();
        assert_eq!(refused.message, "Payload validation error: 'Missing required property: b'.");
    }
}
