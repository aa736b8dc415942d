//! A registered type of `authorization_details` (RFC 9396): what its objects must be like, as a
//! JSON Schema, and how people are shown them, in several languages.
//!
//! Schemas are the administrators', objects are strangers': a schema cannot name another document,
//! call itself or grow without end, patterns run in linear time, and what goes wrong inside is a
//! refusal.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

/// A schema is not longer, in bytes of JSON.
pub const MAX_SCHEMA_BYTES: usize = 16 * 1024;
/// A type is shown in so many languages at most.
pub const MAX_LANGUAGES: usize = 20;
/// In each of them by so many lines at most.
pub const MAX_LINES: usize = 12;
/// Neither a line of a template nor a line that is shown is longer.
pub const MAX_LINE_CHARS: usize = 255;

/// A type's name is not longer.
const MAX_NAME_CHARS: usize = 255;
/// Values in a schema may stand in one another this often, references followed.
const MAX_SCHEMA_DEPTH: usize = 64;
/// A schema has so many values at most, references followed.
const MAX_SCHEMA_VALUES: usize = 20_000;
/// Of what a schema says of an object, so much is told.
const MAX_FAULT_CHARS: usize = 200;
/// What is shown for a member that is not there.
const NOTHING: &str = "-";

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetailsType {
    /// The value of `type`.
    pub name: String,
    schema: Option<Schema>,
    display: Vec<(String, Vec<String>)>,
}

impl DetailsType {
    /// Reads an entry of an API's document; `None` if it has no name.
    pub(super) fn of(entry: &Value) -> Option<Self> {
        let schema = entry.get("schema").filter(|schema| !schema.is_null());
        let display = entry.get("display").and_then(Value::as_object);
        let lines = |lines: &Value| {
            let lines = lines.as_array().into_iter().flatten();
            lines.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let language = |(language, all): (&String, &Value)| (language.clone(), lines(all));
        Some(Self {
            name: entry.get("type")?.as_str()?.to_owned(),
            schema: schema.cloned().map(Schema::new),
            display: display.into_iter().flatten().map(language).collect(),
        })
    }

    /// What is wrong with an object of this type, where a schema says (decision 35).
    pub fn check(&self, object: &Value) -> Result<(), String> {
        self.schema.as_ref().map_or(Ok(()), |schema| schema.check(object))
    }

    /// The languages in which people can be shown it.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.display.iter().map(|(language, _)| language.as_str())
    }

    /// The object in a person's words; in the type's first language if it does not have this one.
    /// None, if it has no template at all.
    pub fn lines(&self, object: &Value, language: &str) -> Vec<String> {
        self.templates(language).iter().map(|line| filled(line, object)).collect()
    }

    /// The lines before anything is filled in, in that language.
    pub fn templates(&self, language: &str) -> &[String] {
        let own = self.display.iter().find(|(known, _)| known == language);
        own.or_else(|| self.display.first()).map(|(_, lines)| lines.as_slice()).unwrap_or_default()
    }
}

/// A JSON Schema, compiled when it is first needed.
#[derive(Clone)]
struct Schema {
    source: Value,
    compiled: Arc<OnceLock<Option<Validator>>>,
}

impl Schema {
    fn new(source: Value) -> Self {
        Self { source, compiled: Arc::new(OnceLock::new()) }
    }

    fn check(&self, object: &Value) -> Result<(), String> {
        let compiled = self.compiled.get_or_init(|| compiled(&self.source).ok());
        let validator = compiled.as_ref().ok_or_else(trouble)?;
        guarded(|| {
            validator.validate(object).map_err(|error| {
                let place = error.instance_path().to_string();
                let fault: String = error.to_string().chars().take(MAX_FAULT_CHARS).collect();
                if place.is_empty() { fault } else { format!("{place}: {fault}") }
            })
        })
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.source)
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Schema {}

fn trouble() -> String {
    String::from("its schema cannot be applied to it")
}

/// Runs code that others wrote: a panic in it is a refusal like any other.
fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_panic| Err(trouble()))
}

fn compiled(source: &Value) -> Result<Validator, String> {
    let mut left = MAX_SCHEMA_VALUES;
    bounded(source, source, MAX_SCHEMA_DEPTH, &mut left)?;
    guarded(|| {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        options.build(source).map_err(|error| error.to_string())
    })
}

/// Walks a schema with its references, as deep and as far as a validator would have to.
fn bounded(schema: &Value, root: &Value, depth: usize, left: &mut usize) -> Result<(), String> {
    *left = left.checked_sub(1).ok_or("grows beyond all bounds where it refers to itself")?;
    let deeper =
        depth.checked_sub(1).ok_or("is nested too deeply, or refers to itself in a circle")?;
    match schema {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(items) => items.iter().try_for_each(|item| bounded(item, root, deeper, left)),
        Value::Object(members) => {
            members.iter().try_for_each(|(name, value)| match (name.as_str(), value.as_str()) {
                (
                    "$id" | "id" | "$anchor" | "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef",
                    Some(_),
                ) => Err(format!("must not use {name}")),
                ("$ref", Some(place)) => {
                    let pointer = place.strip_prefix('#').filter(|it| it.starts_with('/'));
                    let meant = pointer.and_then(|pointer| root.pointer(pointer));
                    let meant = meant.ok_or("has a $ref that is not #/… within it")?;
                    bounded(meant, root, deeper, left)
                }
                _ => bounded(value, root, deeper, left),
            })
        }
    }
}

/// A line of a template, its `{path.to.member}` replaced by what the object says.
fn filled(line: &str, object: &Value) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        shown.push_str(before);
        let Some((path, behind)) = after.split_once('}') else {
            rest = after;
            break;
        };
        shown.push_str(&said(object, path));
        rest = behind;
    }
    shown.push_str(rest);
    shown.chars().map(harmless).take(MAX_LINE_CHARS).collect()
}

fn said(object: &Value, path: &str) -> String {
    let step = |value: &Value, name: &str| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?).cloned(),
        Value::Object(members) => members.get(name).cloned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    let found = path.split('.').try_fold(object.clone(), |value, name| step(&value, name));
    match found {
        None | Some(Value::Null) => NOTHING.to_owned(),
        Some(Value::String(text)) => text,
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    }
}

/// What could make a line look like another one is made visible.
fn harmless(c: char) -> char {
    let is_hidden = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    if c.is_control() || is_hidden { '\u{fffd}' } else { c }
}

/// An entry of an administrator's list of types, if it can be used.
pub(super) fn checked(entry: &Value) -> Result<Value, String> {
    let name = entry.get("type").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return Err(format!("needs a type of 1 to {MAX_NAME_CHARS} characters"));
    }
    let mut kept = Map::from_iter([(String::from("type"), json!(name))]);
    if let Some(schema) = entry.get("schema").filter(|schema| !schema.is_null()) {
        if schema.to_string().len() > MAX_SCHEMA_BYTES {
            return Err(format!("schema of {name} must not exceed {MAX_SCHEMA_BYTES} bytes"));
        }
        let is_schema = schema.is_object() || schema.is_boolean();
        let compiled = if is_schema { compiled(schema) } else { Err("must be an object".into()) };
        compiled.map_err(|fault| format!("schema of {name} {fault}"))?;
        kept.insert(String::from("schema"), schema.clone());
    }
    if let Some(display) = entry.get("display").filter(|display| !display.is_null()) {
        check_display(display).map_err(|fault| format!("display of {name} {fault}"))?;
        kept.insert(String::from("display"), display.clone());
    }
    Ok(Value::Object(kept))
}

fn check_display(display: &Value) -> Result<(), String> {
    let fault = || {
        format!(
            "must be an object of 1 to {MAX_LANGUAGES} languages, each with a list of 1 to \
             {MAX_LINES} lines of at most {MAX_LINE_CHARS} characters, in which {{member}} stands \
             for what the request says"
        )
    };
    let languages = display.as_object().ok_or_else(fault)?;
    let is_language = |name: &str| {
        (2..=35).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let is_line = |line: &Value| {
        line.as_str().is_some_and(|line| {
            line.chars().count() <= MAX_LINE_CHARS && line.chars().all(|c| harmless(c) == c)
        })
    };
    let are_lines = |lines: &Value| {
        let lines = lines.as_array();
        lines.is_some_and(|all| (1..=MAX_LINES).contains(&all.len()) && all.iter().all(is_line))
    };
    let is_good = (1..=MAX_LANGUAGES).contains(&languages.len())
        && languages.iter().all(|(name, lines)| is_language(name) && are_lines(lines));
    if is_good { Ok(()) } else { Err(fault()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DetailsType, checked, guarded};

    fn payment() -> DetailsType {
        DetailsType::of(
            &checked(&json!({
                "type": "payment",
                "schema": {
                    "type": "object",
                    "required": ["amount"],
                    "properties": {
                        "type": true,
                        "amount": {"$ref": "#/$defs/amount"},
                        "to": {"type": "object"},
                    },
                    "additionalProperties": false,
                    "$defs": {"amount": {"type": "string", "pattern": "^[0-9]+$"}},
                },
                "display": {
                    "en": ["Pay {amount} to {to.name}", "IBAN {to.accounts.0}"],
                    "ja": ["{to.name} に {amount} 円を支払う"],
                },
            }))
            .unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn a_schema_says_what_an_object_must_be_like() {
        let payment = payment();
        assert_eq!(payment.check(&json!({"type": "payment", "amount": "5"})), Ok(()));
        for bad in [
            json!({"type": "payment"}),
            json!({"type": "payment", "amount": 5}),
            json!({"type": "payment", "amount": "5x"}),
            json!({"type": "payment", "amount": "5", "more": 1}),
        ] {
            assert!(payment.check(&bad).is_err(), "{bad}");
        }
        let open = DetailsType::of(&json!({"type": "open"})).unwrap();
        assert_eq!(open.check(&json!({"type": "open", "x": [1]})), Ok(()));
    }

    #[test]
    fn an_object_is_shown_in_the_words_of_a_language() {
        let object = json!({"amount": "5", "to": {"name": "A\u{202e}nn", "accounts": ["X1"]}});
        let lines = |language: &str| payment().lines(&object, language);
        assert_eq!(lines("en"), ["Pay 5 to A\u{fffd}nn", "IBAN X1"]);
        assert_eq!(lines("ja"), ["A\u{fffd}nn に 5 円を支払う"]);
        assert_eq!(lines("de"), lines("en"));
        assert_eq!(payment().lines(&json!({}), "en"), ["Pay - to -", "IBAN -"]);
        assert_eq!(payment().languages().collect::<Vec<_>>(), ["en", "ja"]);
        let long = json!({"amount": "é".repeat(600), "to": {"name": {"x": true}}});
        assert!(payment().lines(&long, "en").iter().all(|line| line.chars().count() <= 255));
    }

    #[test]
    fn schemas_that_could_do_harm_are_refused() {
        let doubling: Value = (0..40)
            .map(|n| {
                let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
                (format!("d{n}"), json!({"anyOf": [next, next]}))
            })
            .chain([(String::from("d40"), json!(true))])
            .collect::<serde_json::Map<_, _>>()
            .into();
        let mut deep = json!(true);
        for _ in 0..70 {
            deep = json!({"not": deep});
        }
        for schema in [
            json!({"$ref": "#"}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
            json!({"$ref": "#/$defs/d0", "$defs": doubling}),
            json!({"$ref": "https://elsewhere.example/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$dynamicRef": "#x"}),
            json!({"$id": "https://elsewhere.example/"}),
            json!({"type": 5}),
            json!({"pattern": "("}),
            json!({"pattern": "(a)\\1"}),
            json!(7),
            json!({"description": "x".repeat(17_000)}),
            deep,
        ] {
            assert!(checked(&json!({"type": "t", "schema": schema})).is_err(), "{schema}");
        }
    }

    /// N55: a validator that panics is a refusal, whose reason the client is told.
    #[test]
    fn what_breaks_in_a_validator_is_a_refusal() {
        let broken: Result<(), String> = guarded(|| panic!("a validator's own fault"));
        assert_eq!(broken, Err(String::from("its schema cannot be applied to it")));
        // A schema that no administrator could have stored.
        let stored = DetailsType::of(&json!({"type": "t", "schema": {"type": 5}})).unwrap();
        assert!(stored.check(&json!({"type": "t"})).is_err());
    }

    #[test]
    fn templates_are_bounded() {
        for display in [
            json!([]),
            json!({}),
            json!({"en": "x"}),
            json!({"en": []}),
            json!({"en": [1]}),
            json!({"e n": ["x"]}),
            json!({"en": ["x".repeat(256)]}),
            json!({"en": ["x\u{202e}"]}),
            json!({"en": vec!["x"; 13]}),
        ] {
            assert!(checked(&json!({"type": "t", "display": display})).is_err(), "{display}");
        }
    }
}
