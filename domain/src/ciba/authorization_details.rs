//! The parameter `authorization_details`: its shape and its limits (W171 to W174, B7).
//! Only `type` is judged, never what the objects say (W179).

use serde_json::Value;

use crate::json;
use crate::oauth::refusal::{Reason, Refusal};

/// The whole text may not be longer.
pub const MAX_BYTES: usize = 5 * 1024;
/// A request may not have more entries.
pub const MAX_ENTRIES: usize = 5;
/// An object may not have more properties.
pub const MAX_PROPERTIES: usize = 10;
/// Neither the name of a property nor a text may be longer.
pub const MAX_CHARS: usize = 255;
/// Objects and arrays may not stand deeper in one another, the entry itself counted.
pub const MAX_NESTING: usize = 5;

/// Details within all limits, whose types are still to be compared with the API's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationDetails {
    text: String,
    types: Vec<String>,
}

impl AuthorizationDetails {
    /// The JSON array as the client sent it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The `type` of each entry, in order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(String::as_str)
    }
}

/// Reads the parameter.
pub fn parse(text: &str) -> Result<AuthorizationDetails, Refusal> {
    if text.len() > MAX_BYTES {
        return Err(refused(format!("authorization_details must not exceed {MAX_BYTES} bytes")));
    }
    let value = json::parse(text.as_bytes()).map_err(|fault| {
        refused(format!("authorization_details is not acceptable JSON: {fault}"))
    })?;
    let entries = value
        .as_array()
        .ok_or_else(|| refused("authorization_details must be a JSON array".to_owned()))?;
    if entries.is_empty() || entries.len() > MAX_ENTRIES {
        let text = format!("authorization_details must have 1 to {MAX_ENTRIES} entries");
        return Err(refused(text));
    }
    let mut types = Vec::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        types.push(checked(entry).map_err(|what| of_entry(position, &what))?);
    }
    Ok(AuthorizationDetails { text: text.to_owned(), types })
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
fn checked(entry: &Value) -> Result<String, String> {
    let object = entry.as_object().ok_or_else(|| "must be a JSON object".to_owned())?;
    let name = object.get("type").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| "must have a string \"type\"".to_owned())?;
    check_value(entry, 1)?;
    Ok(name.to_owned())
}

fn check_value(value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::String(text) => match text.chars().count() {
            0..=MAX_CHARS => Ok(()),
            _ => Err(format!("a value must not exceed {MAX_CHARS} characters")),
        },
        Value::Array(items) => {
            check_depth(depth)?;
            items.iter().try_for_each(|item| check_value(item, depth + 1))
        }
        Value::Object(members) => {
            check_depth(depth)?;
            if members.len() > MAX_PROPERTIES {
                return Err(format!(
                    "an object must not have more than {MAX_PROPERTIES} properties"
                ));
            }
            members.iter().try_for_each(|(name, value)| {
                check_name(name)?;
                check_value(value, depth + 1)
            })
        }
    }
}

fn check_depth(depth: usize) -> Result<(), String> {
    if depth > MAX_NESTING {
        return Err(format!("must not be nested deeper than {MAX_NESTING}"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    if name.chars().count() > MAX_CHARS {
        return Err(format!("the name of a property must not exceed {MAX_CHARS} characters"));
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    match name.chars().find(|c| !is_allowed(*c)) {
        Some(c) => Err(format!(
            "the name of a property may contain only a-zA-Z0-9_.- characters and contains {c:?}"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn told(text: &str) -> String {
        match parse(text) {
            Ok(details) => details.types().collect::<Vec<_>>().join(" "),
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
    fn the_text_stays_as_it_was_sent() {
        let text = r#"[ {"z":1, "type":"a"} ]"#;
        assert_eq!(parse(text).unwrap().text(), text);
    }
}
