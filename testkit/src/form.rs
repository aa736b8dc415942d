//! A form before it is sent: pairs in order.

use std::fmt::Write as _;

/// The pairs of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    /// No pairs.
    pub fn new() -> Self {
        Self::default()
    }

    /// The form with `name` set to `value`: replaced where it stands, or added at the end.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        match self.pairs.iter_mut().find(|(given, _)| given == name) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
        self
    }

    /// The form with one more pair, even if the name is there already.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl Into<String>) -> Self {
        self.pairs.push((name.to_owned(), value.into()));
        self
    }

    /// The form without `name`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.pairs.retain(|(given, _)| given != name);
        self
    }

    /// The form with its pairs the other way round.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.pairs.reverse();
        self
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<String> {
        self.pairs.iter().map(|(name, _)| name.clone()).collect()
    }

    /// `application/x-www-form-urlencoded`.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.pairs {
            if !text.is_empty() {
                text.push('&');
            }
            write!(text, "{}={}", encoded(name), encoded(value)).unwrap();
        }
        text
    }

    /// The pairs as one JSON object of texts.
    pub fn to_json(&self) -> serde_json::Value {
        self.pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// Percent-encoded, every byte that is not unreserved (RFC 3986 2.3).
pub fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}
