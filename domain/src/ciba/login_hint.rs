//! The parameter `login_hint`: whom a client wants to ask (W63 to W66, W85 to W89).

use crate::UserId;
use crate::json;
use crate::oauth::refusal::{Reason, Refusal};

/// The only format there is in profile `auth0`.
const FORMAT: &str = "iss_sub";

/// Reads the hint, a JSON object in text, against the issuers the tenant is known by.
///
/// Whether that user exists is a look-up. Further members are ignored (W64).
pub fn parse(text: &str, issuers: &[String]) -> Result<UserId, Refusal> {
    let value = json::parse(text.as_bytes()).map_err(|fault| {
        if fault.is_ambiguous() { failed(&fault.to_string()) } else { failed(NO_OBJECT) }
    })?;
    let hint = value.as_object().ok_or_else(|| failed(NO_OBJECT))?;
    let member = |name: &str| hint.get(name).and_then(serde_json::Value::as_str);
    if member("format") != Some(FORMAT) {
        return Err(failed("\"format\" contains unsupported format"));
    }
    if !member("iss").is_some_and(|iss| issuers.iter().any(|known| is_same_issuer(iss, known))) {
        return Err(because("iss within login_hint does not match the issuer of this tenant"));
    }
    match member("sub") {
        Some(sub) if !sub.is_empty() => Ok(UserId::new(sub)),
        Some(_) | None => Err(failed("\"sub\" contains unsupported format")),
    }
}

const NO_OBJECT: &str = "value must be a JSON object";

fn failed(what: &str) -> Refusal {
    Refusal::because(
        Reason::BadLoginHint,
        format!("login_hint parameter validation failed: {what}"),
    )
}

fn because(text: &'static str) -> Refusal {
    Refusal::because(Reason::BadLoginHint, text)
}

/// WD15: scheme and host without regard to case, default port dropped, final slash optional.
pub(super) fn is_same_issuer(given: &str, known: &str) -> bool {
    matches!((origin_and_path(given), origin_and_path(known)), (Some(a), Some(b)) if a == b)
}

fn origin_and_path(issuer: &str) -> Option<(String, String)> {
    let (scheme, rest) = issuer.split_once("://")?;
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, String::new()),
    };
    let scheme = scheme.to_ascii_lowercase();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    let origin = format!("{scheme}://{}", authority.to_ascii_lowercase());
    Some((origin, path.strip_suffix('/').unwrap_or(&path).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn told(hint: &str) -> String {
        let issuers = ["https://T.example/".to_owned(), "https://host:8443/t/acme/".to_owned()];
        match parse(hint, &issuers) {
            Ok(user) => user.to_string(),
            Err(refusal) => format!("{:?}: {refusal}", refusal.reason),
        }
    }

    fn with_issuer(iss: &str) -> String {
        told(&format!(r#"{{"format":"iss_sub","iss":"{iss}","sub":"auth0|1"}}"#))
    }

    /// W63: any spacing and order of members.
    #[test]
    fn spacing_and_order_do_not_matter() {
        for hint in [
            r#"{"format":"iss_sub","iss":"https://T.example/","sub":"auth0|1"}"#,
            r#"{ "format": "iss_sub", "iss": "https://T.example/", "sub": "auth0|1" }"#,
            "\n{\"sub\":\"auth0|1\",\t\"iss\":\"https://T.example/\",\"format\":\"iss_sub\"}\n",
        ] {
            assert_eq!(told(hint), "auth0|1", "{hint}");
        }
    }

    /// W64: further members are ignored.
    #[test]
    fn further_members_are_ignored() {
        assert_eq!(
            told(r#"{"format":"iss_sub","iss":"https://T.example/","sub":"x","email":[1]}"#),
            "x"
        );
    }

    /// W65: any of the tenant's issuers.
    #[test]
    fn any_issuer_of_the_tenant_is_good() {
        assert_eq!(with_issuer("https://host:8443/t/acme/"), "auth0|1");
    }

    /// W66: scheme and host in any case, the default port, no final slash.
    #[test]
    fn issuers_are_compared_leniently() {
        for iss in ["https://T.example", "HTTPS://t.EXAMPLE/", "https://t.example:443/"] {
            assert_eq!(with_issuer(iss), "auth0|1", "{iss}");
        }
    }

    /// W86: what is not a JSON object.
    #[test]
    fn what_is_no_object_is_refused() {
        for hint in ["alice", "\"x\"", "[]", "{", "1", "null"] {
            assert_eq!(
                told(hint),
                "BadLoginHint: login_hint parameter validation failed: value must be a JSON object",
                "{hint}"
            );
        }
    }

    /// W87: another format, or none.
    #[test]
    fn another_format_is_refused() {
        for hint in ["{}", r#"{"format":"email","email":"a@x.y"}"#, r#"{"format":1}"#] {
            assert_eq!(
                told(hint),
                "BadLoginHint: login_hint parameter validation failed: \"format\" contains \
                 unsupported format",
                "{hint}"
            );
        }
    }

    /// W88: no issuer, or another tenant's.
    #[test]
    fn a_foreign_issuer_is_refused() {
        let foreign =
            "BadLoginHint: iss within login_hint does not match the issuer of this tenant";
        for iss in [
            "",
            "https://t.example/x",
            "http://t.example/",
            "https://t.example:8443/",
            "https://host:8443/",
            "https://host:8443/t/Acme/",
            "https://t.example//",
            "t.example",
            "https://t.example@evil/",
        ] {
            assert_eq!(with_issuer(iss), foreign, "{iss}");
        }
        assert_eq!(told(r#"{"format":"iss_sub","sub":"x"}"#), foreign);
    }

    /// W89: no subject, an empty one, or none that is text.
    #[test]
    fn a_subject_that_is_no_text_is_refused() {
        for sub in ["", ",\"sub\":\"\"", ",\"sub\":5", ",\"sub\":null"] {
            assert_eq!(
                told(&format!(r#"{{"format":"iss_sub","iss":"https://t.example/"{sub}}}"#)),
                "BadLoginHint: login_hint parameter validation failed: \"sub\" contains \
                 unsupported format",
                "{sub}"
            );
        }
    }

    #[test]
    fn ambiguous_json_is_refused_and_says_why() {
        let twice = r#"{"format":"iss_sub","iss":"https://t.example/","sub":"a","sub":"b"}"#;
        assert!(told(twice).contains("member \"sub\" appears twice"), "{}", told(twice));
        let large = r#"{"format":"iss_sub","x":9007199254740993}"#;
        assert!(told(large).contains("±2^53"), "{}", told(large));
        assert!(told(&"[".repeat(8000)).contains("login_hint parameter validation failed"));
    }
}
