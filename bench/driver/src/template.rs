//! `{name}` in paths, bodies, headers and JSON.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What names stand for.
pub(crate) type Names = HashMap<String, String>;

/// Fills in every known name. `{sha256:name}` is the base64url SHA-256 of what a name stands for.
/// Braces around anything that is no name stay as they are.
pub(crate) fn text(template: &str, names: &Names) -> String {
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}').and_then(|(name, after)| Some((value(name, names)?, after))) {
            Some((value, after)) => {
                filled.push_str(&value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn value(name: &str, names: &Names) -> Option<String> {
    match name.strip_prefix("sha256:") {
        Some(name) => {
            let hash = digest(&SHA256, names.get(name)?.as_bytes());
            Some(URL_SAFE_NO_PAD.encode(hash.as_ref()))
        }
        None => names.get(name).cloned(),
    }
}

/// Fills in every string of a JSON value. `"{now}"` and `"{now+30}"` alone become numbers, and a
/// name that stands alone for JSON (`whole`) becomes that.
pub(crate) fn data(template: &Value, names: &Names, now: u64, whole: &Value) -> Value {
    match template {
        Value::String(name) => match time(name, now) {
            Some(time) => json!(time),
            None if name == "{device_jwk}" => whole.clone(),
            None => Value::String(text(name, names)),
        },
        Value::Array(items) => items.iter().map(|item| data(item, names, now, whole)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), data(member, names, now, whole)))
            .collect(),
        other => other.clone(),
    }
}

fn time(name: &str, now: u64) -> Option<u64> {
    let offset = name.strip_prefix("{now")?.strip_suffix('}')?;
    match offset.strip_prefix('+') {
        Some(seconds) => Some(now + seconds.parse::<u64>().ok()?),
        None => offset.is_empty().then_some(now),
    }
}

/// Percent-encodes for a form or a path.
pub(crate) fn percent(text: &str, encoded: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_also_inside_json_text() {
        let names = Names::from([("iss".to_owned(), "https://x/".to_owned())]);
        let template = r#"{"format": "iss_sub", "iss": "{iss}", "sub": "{user}"}"#;
        let filled = r#"{"format": "iss_sub", "iss": "https://x/", "sub": "{user}"}"#;
        assert_eq!(text(template, &names), filled);
    }

    #[test]
    fn times_and_the_key_become_json() {
        let filled = data(
            &json!({"iat": "{now}", "exp": "{now+30}", "jwk": "{device_jwk}", "ok": true}),
            &Names::new(),
            100,
            &json!({"kty": "EC"}),
        );
        assert_eq!(filled, json!({"iat": 100, "exp": 130, "jwk": {"kty": "EC"}, "ok": true}));
    }
}
