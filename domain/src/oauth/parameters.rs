//! The parameters of an OAuth request, from a form or from JSON: bounded, decoded strictly, read
//! by name. Which parameters there must be is the business of whoever reads them.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

use crate::json;
use crate::oauth::refusal::{Reason, Refusal};

/// A body may not be longer.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// A request may not have more parameters.
pub const MAX_PARAMETERS: usize = 100;
/// The name of a parameter may not be longer.
pub const MAX_NAME_BYTES: usize = 255;
/// A parameter that is read may not be longer, unless a rule of its own says what it gets then.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Too long gets these an answer of their own: W83, W40, W173.
const LONG_BY_THEIR_OWN_RULE: [&str; 4] =
    ["binding_message", "client_assertion", "authorization_details", "request"];

/// What a request carried. Holds secrets: `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Parameters {
    given: Vec<(String, Given)>,
}

#[derive(Clone)]
enum Given {
    Text(String),
    /// A JSON number or boolean, as its text.
    Bare(String),
    /// A JSON array or object, as its text.
    Structure(String),
    /// JSON `null`.
    Nothing,
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.given.iter().map(|(name, _)| name)).finish()
    }
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded`.
    pub fn from_form(body: &[u8]) -> Result<Self, Refusal> {
        check_length(body)?;
        let mut given = Vec::new();
        for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = decode(halves.next().unwrap_or_default())
                .map_err(|fault| malformed(format!("The name of a parameter {fault}")))?;
            let name = named(name, given.len())?;
            let value = decode(halves.next().unwrap_or_default())
                .map_err(|fault| malformed(format!("The value of {name} {fault}")))?;
            given.push((name, Given::Text(value)));
        }
        Ok(Self { given })
    }

    /// Reads `application/json`: one object. A member that is `null` counts as absent (W124).
    pub fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        check_length(body)?;
        let members = json::members(body).map_err(|fault| {
            malformed(format!("The body is not an acceptable JSON object: {fault}"))
        })?;
        Self::from_members(members)
    }

    /// The members of one JSON object, each named once.
    pub fn from_members(
        members: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self, Refusal> {
        let mut given = Vec::new();
        for (name, value) in members {
            let name = named(name, given.len())?;
            given.push((name, Given::from(value)));
        }
        Ok(Self { given })
    }

    /// The names of all that was sent, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(|(name, _)| name.as_str())
    }

    /// W104: refuses a parameter that came twice, unless `may_repeat` names it.
    pub fn check_no_duplicates(&self, may_repeat: &[&str]) -> Result<(), Refusal> {
        let mut seen = HashSet::new();
        for (name, _) in &self.given {
            if !seen.insert(name.as_str()) && !may_repeat.contains(&name.as_str()) {
                let text = format!("Duplicate parameter: {name}");
                return Err(Refusal::because(Reason::DuplicateParameter, text));
            }
        }
        Ok(())
    }

    /// The text of a parameter that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.present(name) {
            Some(Given::Text(text)) => bounded(name, text),
            Some(Given::Bare(_) | Given::Structure(_) | Given::Nothing) | None => {
                Err(Refusal::because(Reason::MissingParameter, format!("{name} is required")))
            }
        }
    }

    /// The text of a parameter that may be left out; empty is left out.
    pub fn optional(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.present(name) {
            Some(Given::Text(text)) => bounded(name, text).map(Some),
            Some(Given::Bare(_) | Given::Structure(_)) => {
                Err(Refusal::because(Reason::BadParameter, format!("{name} must be a string")))
            }
            Some(Given::Nothing) | None => Ok(None),
        }
    }

    /// A parameter that may be left out and may come as a JSON number or boolean.
    pub fn optional_bare(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.present(name) {
            Some(Given::Bare(text)) => bounded(name, text).map(Some),
            Some(Given::Text(_) | Given::Structure(_) | Given::Nothing) | None => {
                self.optional(name)
            }
        }
    }

    /// A parameter that may be left out and is JSON: its text, or the JSON value itself as text.
    pub fn optional_structure(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.present(name) {
            Some(Given::Structure(text)) => bounded(name, text).map(Some),
            Some(Given::Text(_) | Given::Bare(_) | Given::Nothing) | None => self.optional(name),
        }
    }

    /// Every text of a parameter that may repeat.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(given, _)| given == name).filter_map(|(_, value)| {
            match value {
                Given::Text(text) if !text.is_empty() => Some(text.as_str()),
                Given::Text(_) | Given::Bare(_) | Given::Structure(_) | Given::Nothing => None,
            }
        })
    }

    /// Whether a parameter is there and not empty, whatever it holds.
    pub fn has(&self, name: &str) -> bool {
        self.present(name).is_some()
    }

    /// The first value of that name that is neither empty nor `null`.
    fn present(&self, name: &str) -> Option<&Given> {
        self.given.iter().filter(|(given, _)| given == name).map(|(_, value)| value).find(|value| {
            match value {
                Given::Text(text) => !text.is_empty(),
                Given::Bare(_) | Given::Structure(_) => true,
                Given::Nothing => false,
            }
        })
    }
}

impl From<Value> for Given {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::String(text) => Self::Text(text),
            Value::Bool(_) | Value::Number(_) => Self::Bare(value.to_string()),
            Value::Array(_) | Value::Object(_) => Self::Structure(value.to_string()),
        }
    }
}

fn check_length(body: &[u8]) -> Result<(), Refusal> {
    if body.len() <= MAX_BODY_BYTES {
        return Ok(());
    }
    let text = format!("The body must not exceed {MAX_BODY_BYTES} bytes");
    Err(Refusal::because(Reason::BodyTooLarge, text))
}

/// Checks the name of the parameter that would be the `before + 1`st.
fn named(name: String, before: usize) -> Result<String, Refusal> {
    if before >= MAX_PARAMETERS {
        return Err(malformed(format!(
            "A request must not have more than {MAX_PARAMETERS} parameters"
        )));
    }
    if name.len() > MAX_NAME_BYTES {
        let text = format!("The name of a parameter must not exceed {MAX_NAME_BYTES} bytes");
        return Err(Refusal::because(Reason::ParameterTooLong, text));
    }
    Ok(name)
}

fn bounded<'a>(name: &str, text: &'a str) -> Result<&'a str, Refusal> {
    if text.len() <= MAX_VALUE_BYTES || LONG_BY_THEIR_OWN_RULE.contains(&name) {
        return Ok(text);
    }
    let text = format!("{name} must not exceed {MAX_VALUE_BYTES} bytes");
    Err(Refusal::because(Reason::ParameterTooLong, text))
}

fn malformed(text: String) -> Refusal {
    Refusal::because(Reason::MalformedBody, text)
}

/// Undoes form encoding; what is wrong completes the sentence "the value of x …".
fn decode(encoded: &[u8]) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter().enumerate();
    while let Some((at, &byte)) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let high = rest.next().and_then(|(_, &digit)| hex(digit));
                let low = rest.next().and_then(|(_, &digit)| hex(digit));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(format!("has a broken percent escape at byte {at}"));
                };
                bytes.push(high << 4 | low);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|fault| {
        format!("is not valid UTF-8 from byte {}", fault.utf8_error().valid_up_to())
    })
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
