//! JSON from strangers, read strictly (decision 35): no member twice, no number that a reader in
//! another language would round, no deep nesting. Plain `serde_json` allows the first two.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Arrays and objects may stand in one another this often.
pub const MAX_DEPTH: usize = 32;

/// The largest integer that every JSON reader keeps exactly.
pub const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// Why a text is no acceptable JSON: a sentence for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    text: String,
    is_ambiguous: bool,
}

impl Fault {
    /// Whether it is JSON all the same, which we refuse because readers may differ on it.
    pub const fn is_ambiguous(&self) -> bool {
        self.is_ambiguous
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self { text: error.to_string(), is_ambiguous: error.is_data() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

/// Reads one JSON text in which no object, at any depth, names a member twice.
pub fn parse(text: &[u8]) -> Result<Value, Fault> {
    read(text, Strict { depth: MAX_DEPTH })
}

/// Reads a JSON object as its members in order, so that the caller can say which one came twice.
/// Nested values are read as by [`parse`].
pub fn members(text: &[u8]) -> Result<Vec<(String, Value)>, Fault> {
    read(text, Members)
}

fn read<'de, S: DeserializeSeed<'de>>(text: &'de [u8], seed: S) -> Result<S::Value, Fault> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| {
            E::custom(format!("nested deeper than {MAX_DEPTH} arrays and objects"))
        })?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_EXACT_INTEGER { Err(too_large()) } else { Ok(value.into()) }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_EXACT_INTEGER { Err(too_large()) } else { Ok(value.into()) }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        const LIMIT: f64 = 9_007_199_254_740_992.0;
        let number = Number::from_f64(value).filter(|_| value.abs() <= LIMIT);
        number.map(Value::Number).ok_or_else(too_large)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("member \"{name}\" appears twice")));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

struct Members;

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Vec<(String, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict { depth: MAX_DEPTH - 1 })?;
            list.push((name, value));
        }
        Ok(list)
    }
}

fn too_large<E: Error>() -> E {
    E::custom("a number lies outside ±2^53")
}

#[cfg(test)]
mod tests {
    use super::{members, parse};

    #[test]
    fn a_member_twice_is_refused_at_any_depth() {
        assert!(parse(br#"{"a":1,"b":{"a":1}}"#).is_ok());
        let fault = parse(br#"[{"b":{"a":1,"a":1}}]"#).unwrap_err();
        assert!(fault.to_string().starts_with("member \"a\" appears twice"), "{fault}");
    }

    #[test]
    fn numbers_beyond_two_to_the_53_are_refused() {
        for text in ["9007199254740993", "-9007199254740993", "1e300", "1e999", "9.1e15"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        for text in ["9007199254740992", "-9007199254740992", "1.5", "1e2"] {
            assert!(parse(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        assert!(parse("[".repeat(10_000).as_bytes()).is_err());
        let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(deep(32).as_bytes()).is_ok());
        assert!(parse(deep(33).as_bytes()).is_err());
        assert!(members(format!("{{\"a\":{}}}", deep(200)).as_bytes()).is_err());
    }

    #[test]
    fn trailing_text_and_broken_utf8_are_refused() {
        assert!(parse(b"{} {}").is_err());
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(b"").is_err());
    }

    #[test]
    fn members_keeps_order_and_repeats() {
        let names: Vec<_> = members(br#"{"b":1,"a":null,"b":2}"#).unwrap();
        assert_eq!(names.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["b", "a", "b"]);
    }
}
