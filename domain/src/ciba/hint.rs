//! Whom a request is about: the three hints of CIBA Core 7.1 (C26 to C29), as far as their texts
//! tell. Who is behind a token must still be verified, see [`super::hint_token`].

use std::fmt;

use serde_json::{Map, Value};

use crate::UserId;
use crate::ciba::login_hint;
use crate::json;
use crate::oauth::client::Client;
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};

/// The parameters that can be a hint.
pub const PARAMETERS: [&str; 3] = ["login_hint", "id_token_hint", "login_hint_token"];

/// What a `login_hint` can be: a user id, or a subject identifier of RFC 9493 (decision 11).
pub const FORMATS: [&str; 5] = ["user_id", "iss_sub", "email", "phone_number", "opaque"];

/// What the `sub_id` of a `login_hint_token` can be (RFC 9493; F21).
pub const TOKEN_TYPES: [&str; 4] = ["iss_sub", "email", "phone_number", "opaque"];

/// A subject identifier or user id is not longer.
const MAX_IDENTIFIER_CHARS: usize = 320;
/// E.164: so many digits at most.
const MAX_PHONE_DIGITS: usize = 15;

/// A person, by one of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The user of this id.
    User(UserId),
    /// Whoever has this lower-cased address.
    Email(String),
    /// Whoever has this number, `+` and digits.
    Phone(String),
}

/// The hint of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// It says who is meant.
    Who(Who),
    /// A `login_hint_token`, not verified yet.
    LoginHintToken(String),
    /// An `id_token_hint`, not verified yet.
    IdToken(String),
}

/// C28, C29: the one hint that there must be, if the client may use it.
pub fn only_one(
    parameters: &Parameters,
    client: &Client,
    issuers: &[String],
) -> Result<Hint, Refusal> {
    let mut given = PARAMETERS.into_iter().filter(|name| parameters.has(name));
    let Some(name) = given.next() else {
        let text = "One of login_hint, login_hint_token and id_token_hint is required";
        return Err(Refusal::because(Reason::MissingParameter, text));
    };
    if given.next().is_some() {
        return Err(Reason::SeveralHints.into());
    }
    if !client.hint_parameters.iter().any(|allowed| allowed == name) {
        return Err(not_allowed(name));
    }
    let text = parameters.required(name)?;
    match name {
        "login_hint_token" => Ok(Hint::LoginHintToken(text.to_owned())),
        "id_token_hint" => Ok(Hint::IdToken(text.to_owned())),
        _ => login_hint(text, client, issuers).map(Hint::Who),
    }
}

fn not_allowed(what: &str) -> Refusal {
    Refusal::because(Reason::BadLoginHint, format!("The client may not use {what}"))
}

/// Decision 11: what begins with `{` is a subject identifier, anything else a user id.
fn login_hint(text: &str, client: &Client, issuers: &[String]) -> Result<Who, Refusal> {
    let allows = |format: &str| client.login_hint_formats.iter().any(|one| one == format);
    if !text.starts_with('{') {
        if !allows("user_id") {
            return Err(not_allowed("a user id as login_hint"));
        }
        return Ok(Who::User(UserId::new(identifier(text).map_err(malformed)?)));
    }
    let value = json::parse(text.as_bytes())
        .map_err(|fault| malformed(format!("it is no acceptable JSON object: {fault}")))?;
    let Value::Object(members) = value else {
        return Err(malformed("it is no JSON object"));
    };
    let (format, who) = subject_identifier(&members, issuers).map_err(malformed)?;
    if allows(format) { Ok(who) } else { Err(not_allowed(&format!("login_hint of {format}"))) }
}

fn malformed(what: impl fmt::Display) -> Refusal {
    Refusal::because(Reason::BadLoginHint, format!("login_hint cannot be used: {what}"))
}

/// Reads a subject identifier (RFC 9493 3.2): its format and whom it names. `issuers` are ours.
pub fn subject_identifier(
    members: &Map<String, Value>,
    issuers: &[String],
) -> Result<(&'static str, Who), String> {
    let text = |name: &str| match members.get(name).and_then(Value::as_str) {
        Some(text) => identifier(text),
        None => Err(format!("{name} is missing or no string")),
    };
    match text("format")? {
        "iss_sub" => {
            let issuer = text("iss")?;
            if !issuers.iter().any(|known| login_hint::is_same_issuer(issuer, known)) {
                return Err(String::from("iss is no issuer of this tenant"));
            }
            Ok(("iss_sub", Who::User(UserId::new(text("sub")?))))
        }
        "opaque" => Ok(("opaque", Who::User(UserId::new(text("id")?)))),
        "email" => {
            let email = text("email")?;
            let is_address = email.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !domain.is_empty() && !domain.contains('@')
            });
            if is_address {
                Ok(("email", Who::Email(email.to_lowercase())))
            } else {
                Err(String::from("email is no address"))
            }
        }
        "phone_number" => {
            let number = text("phone_number")?;
            let digits = number.strip_prefix('+').unwrap_or_default();
            let is_number = !digits.is_empty()
                && digits.len() <= MAX_PHONE_DIGITS
                && digits.bytes().all(|digit| digit.is_ascii_digit());
            if is_number {
                Ok(("phone_number", Who::Phone(number.to_owned())))
            } else {
                Err(String::from("phone_number is not + and digits (E.164)"))
            }
        }
        _ => Err(String::from("format is none of iss_sub, email, phone_number and opaque")),
    }
}

fn identifier(text: &str) -> Result<&str, String> {
    let is_good = !text.is_empty()
        && text.chars().count() <= MAX_IDENTIFIER_CHARS
        && !text.chars().any(char::is_control);
    if is_good {
        return Ok(text);
    }
    Err(format!("a name must have 1 to {MAX_IDENTIFIER_CHARS} characters, no control characters"))
}
