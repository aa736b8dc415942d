//! The parameter `authorization_details`: its shape and its limits (W171 to W174, B7, R3).
//! Only `type` is judged here; what the objects say is for their type's schema, if it has one.

use serde_json::Value;

use crate::json;
use crate::oauth::refusal::{Reason, Refusal};

/// How large the parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Entries of a request.
    pub entries: usize,
    /// Properties of an object.
    pub properties: usize,
    /// Characters of a property's name, and of a text.
    pub chars: usize,
    /// How deep objects and arrays may stand in one another, the entry itself counted.
    pub nesting: usize,
    /// Whether names may be of any characters.
    pub takes_any_name: bool,
}

/// Auth0's (W173, W174).
pub const NARROW: Limits = Limits {
    bytes: 5 * 1024,
    entries: 5,
    properties: 10,
    chars: 255,
    nesting: 5,
    takes_any_name: false,
};
/// Elsewhere, where a schema can say what an object must be like.
pub const WIDE: Limits = Limits {
    bytes: 8 * 1024,
    entries: 20,
    properties: 100,
    chars: 2048,
    nesting: 16,
    takes_any_name: true,
};

/// Details within all limits, whose types are still to be compared with the API's.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorizationDetails {
    text: String,
    entries: Vec<(String, Value)>,
}

impl AuthorizationDetails {
    /// The JSON array as the client sent it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Each entry with its `type`, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }
}

/// Reads the parameter.
pub fn parse(text: &str, limits: &Limits) -> Result<AuthorizationDetails, Refusal> {
    let Limits { bytes, entries: most, .. } = *limits;
    if text.len() > bytes {
        return Err(refused(format!("authorization_details must not exceed {bytes} bytes")));
    }
    let value = json::parse(text.as_bytes()).map_err(|fault| {
        refused(format!("authorization_details is not acceptable JSON: {fault}"))
    })?;
    let Value::Array(given) = value else {
        return Err(refused("authorization_details must be a JSON array".to_owned()));
    };
    if given.is_empty() || given.len() > most {
        let text = format!("authorization_details must have 1 to {most} entries");
        return Err(refused(text));
    }
    let mut entries = Vec::with_capacity(given.len());
    for (position, entry) in given.into_iter().enumerate() {
        let name = checked(&entry, limits).map_err(|what| of_entry(position, &what))?;
        entries.push((name, entry));
    }
    Ok(AuthorizationDetails { text: text.to_owned(), entries })
}

/// A refusal of the entry at `position` (from 0).
pub fn of_entry(position: usize, what: &str) -> Refusal {
    refused(format!("authorization_details[{position}]: {what}"))
}

/// A refusal of the whole parameter.
pub fn refused(text: String) -> Refusal {
    Refusal::because(Reason::BadAuthorizationDetails, text)
}

/// The `type` of an entry that keeps within the limits.
fn checked(entry: &Value, limits: &Limits) -> Result<String, String> {
    let object = entry.as_object().ok_or_else(|| "must be a JSON object".to_owned())?;
    let name = object.get("type").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| "must have a string \"type\"".to_owned())?;
    check_value(entry, limits, 1)?;
    Ok(name.to_owned())
}

fn check_value(value: &Value, limits: &Limits, depth: usize) -> Result<(), String> {
    let Limits { properties, chars, nesting, .. } = *limits;
    if depth > nesting && (value.is_array() || value.is_object()) {
        return Err(format!("must not be nested deeper than {nesting}"));
    }
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::String(text) if text.chars().count() <= chars => Ok(()),
        Value::String(_) => Err(format!("a value must not exceed {chars} characters")),
        Value::Array(items) => {
            items.iter().try_for_each(|item| check_value(item, limits, depth + 1))
        }
        Value::Object(members) if members.len() > properties => {
            Err(format!("an object must not have more than {properties} properties"))
        }
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            check_name(name, limits)?;
            check_value(value, limits, depth + 1)
        }),
    }
}

fn check_name(name: &str, limits: &Limits) -> Result<(), String> {
    let chars = limits.chars;
    if name.chars().count() > chars {
        return Err(format!("the name of a property must not exceed {chars} characters"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let is_allowed = |c: char| is_plain(c) || (limits.takes_any_name && !c.is_control());
    match name.chars().find(|c| !is_allowed(*c)) {
        Some(c) => Err(format!(
            "the name of a property may contain only a-zA-Z0-9_.- characters and contains {c:?}"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{NARROW, WIDE};

    fn parse(text: &str) -> Result<super::AuthorizationDetails, crate::oauth::refusal::Refusal> {
        super::parse(text, &NARROW)
    }

    fn told(text: &str) -> String {
        match parse(text) {
            Ok(details) => details.entries().map(|(name, _)| name).collect::<Vec<_>>().join(" "),
            Err(refusal) => {
                assert_eq!(refusal.wire(crate::ciba::profile::Profile::Auth0).status, 400);
                assert_eq!(
                    refusal.wire(crate::ciba::profile::Profile::Ciba).error,
                    "invalid_authorization_details"
                );
                refusal.to_string()
            }
        }
    }

    /// W172: not JSON, no array, an empty one, entries that are no objects with a `type`.
    #[test]
    fn what_is_no_array_of_typed_objects_is_refused() {
        assert!(told("[{").starts_with("authorization_details is not acceptable JSON: "));
        assert!(told(r#"[{"type":"a","x":1,"x":1}]"#).contains("appears twice"));
        assert_eq!(told("{}"), "authorization_details must be a JSON array");
        assert_eq!(told("[]"), "authorization_details must have 1 to 5 entries");
        assert_eq!(told(r#"[{"type":"a"},1]"#), "authorization_details[1]: must be a JSON object");
        for entry in ["{}", r#"{"type":1}"#, r#"{"type":""}"#, r#"{"type":null}"#] {
            assert_eq!(
                told(&format!("[{entry}]")),
                "authorization_details[0]: must have a string \"type\""
            );
        }
    }

    /// W173: more than 5 KB, more than five entries.
    #[test]
    fn size_and_number_are_bounded() {
        let padded = |bytes: usize| format!("{}{}", r#"[{"type":"a"}]"#, " ".repeat(bytes - 14));
        assert_eq!(told(&padded(5120)), "a");
        assert_eq!(told(&padded(5121)), "authorization_details must not exceed 5120 bytes");
        let entries = |n: usize| format!("[{}]", vec![r#"{"type":"a"}"#; n].join(","));
        assert_eq!(told(&entries(5)), "a a a a a");
        assert_eq!(told(&entries(6)), "authorization_details must have 1 to 5 entries");
    }

    /// W174: properties, names, values and nesting are bounded.
    #[test]
    fn objects_are_bounded() {
        let members = |n: usize| {
            let members: Vec<_> = (1..n).map(|i| format!("\"p{i}\":{i}")).collect();
            format!(r#"[{{"type":"a",{}}}]"#, members.join(","))
        };
        assert_eq!(told(&members(10)), "a");
        assert_eq!(
            told(&members(11)),
            "authorization_details[0]: an object must not have more than 10 properties"
        );
        let named = |name: &str| format!(r#"[{{"type":"a","{name}":1}}]"#);
        assert_eq!(told(&named(&"n".repeat(255))), "a");
        assert!(told(&named(&"n".repeat(256))).contains("must not exceed 255 characters"));
        assert_eq!(told(&named("aZ0_.-")), "a");
        assert!(told(&named("a b")).contains("contains ' '"));
        assert!(told(&named("é")).contains("contains 'é'"));
        let valued = |chars: usize| format!(r#"[{{"type":"a","v":"{}"}}]"#, "é".repeat(chars));
        assert_eq!(told(&valued(255)), "a");
        assert!(told(&valued(256)).contains("a value must not exceed 255 characters"));
        let nested =
            |n: usize| format!(r#"[{{"type":"a","v":{}1{}}}]"#, "[".repeat(n), "]".repeat(n));
        assert_eq!(told(&nested(4)), "a");
        assert!(told(&nested(5)).contains("nested deeper than 5"));
    }

    /// W175: the same type twice.
    #[test]
    fn a_type_may_come_twice() {
        assert_eq!(told(r#"[{"type":"a","x":1},{"type":"a"}]"#), "a a");
    }

    /// W179: what the objects say is not judged.
    #[test]
    fn contents_are_not_judged() {
        assert_eq!(told(r#"[{"type":"pay","amount":-1,"to":null,"x":{"y":[true]}}]"#), "pay");
    }

    #[test]
    fn wide_limits_are_wider() {
        let told = |text: &str| super::parse(text, &WIDE).map(|details| details.entries().count());
        let entries = |n: usize| format!("[{}]", vec![r#"{"type":"a"}"#; n].join(","));
        assert_eq!(told(&entries(20)), Ok(20));
        assert!(told(&entries(21)).is_err());
        assert_eq!(
            told(r#"[{"type":"a","Überweisung an":{"a":{"b":{"c":{"d":{"e":{}}}}}}}]"#),
            Ok(1)
        );
        assert!(told("[{\"type\":\"a\",\"x\\u0000\":1}]").is_err());
        assert!(told(&format!(r#"[{{"type":"a","x":"{}"}}]"#, "x".repeat(2049))).is_err());
        assert!(told(&format!("[{}]", " ".repeat(8192))).is_err());
    }

    #[test]
    fn the_text_stays_as_it_was_sent() {
        let text = r#"[ {"z":1, "type":"a"} ]"#;
        assert_eq!(parse(text).unwrap().text(), text);
    }
}
