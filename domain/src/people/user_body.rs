//! What an administrator may say about a user: the tables of known members and their limits.

use crate::shape::{InvalidBody, Kind, Member, Object, clearable, member, text};

/// Longest e-mail address (RFC 5321).
pub(super) const EMAIL_LIMIT: usize = 254;
/// Longest name, nickname, given or family name.
const NAME_LIMIT: usize = 300;
/// Longest picture URL.
const PICTURE_LIMIT: usize = 2048;
/// Longest name of a connection, strategy or provider.
const CONNECTION_LIMIT: usize = 128;
/// Longest id of an identity within its connection.
const IDENTITY_LIMIT: usize = 255;
/// Largest `user_metadata` or `app_metadata`, in bytes of JSON.
pub(super) const METADATA_LIMIT: usize = 32 * 1024;
/// Largest stored user, in bytes of JSON.
pub(super) const DOCUMENT_LIMIT: usize = 64 * 1024;

/// What both create and change take and the document keeps.
pub(super) const PROFILE: &[Member] = &[
    clearable("email", Kind::Text(1, EMAIL_LIMIT)),
    member("email_verified", Kind::Flag),
    clearable("phone_number", Kind::Text(1, 30)),
    member("phone_verified", Kind::Flag),
    clearable("username", Kind::Text(1, 128)),
    clearable("name", Kind::Text(1, NAME_LIMIT)),
    clearable("nickname", Kind::Text(1, NAME_LIMIT)),
    clearable("given_name", Kind::Text(1, NAME_LIMIT)),
    clearable("family_name", Kind::Text(1, NAME_LIMIT)),
    clearable("picture", Kind::Text(1, PICTURE_LIMIT)),
    clearable("user_metadata", Kind::Object(METADATA_LIMIT)),
    clearable("app_metadata", Kind::Object(METADATA_LIMIT)),
    member("blocked", Kind::Flag),
];

/// What is taken, looked at, and not kept. There is no sign-in by password, so a password is never
/// stored in any form.
pub(super) const ASIDE: &[Member] = &[
    clearable("connection", Kind::Text(1, CONNECTION_LIMIT)),
    clearable("provider", Kind::Text(1, CONNECTION_LIMIT)),
    clearable("user_id", Kind::Text(1, IDENTITY_LIMIT)),
    clearable("password", Kind::Text(1, 1024)),
    member("verify_email", Kind::Flag),
    member("verify_phone_number", Kind::Flag),
    member("verify_password", Kind::Flag),
    clearable("client_id", Kind::Text(1, 64)),
];

/// Connections whose name is their provider, and whose users sign in elsewhere.
const SOCIAL: &[&str] = &[
    "amazon",
    "apple",
    "bitbucket",
    "box",
    "dropbox",
    "facebook",
    "github",
    "google-oauth2",
    "line",
    "linkedin",
    "paypal",
    "salesforce",
    "shopify",
    "slack",
    "twitter",
    "windowslive",
    "yahoo",
];
/// Connections without a password, whose name is their provider too.
const PASSWORDLESS: &[&str] = &["email", "sms"];

/// The provider of a connection and how its user ids are made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Provider<'a> {
    pub(super) name: &'a str,
    pub(super) is_social: bool,
    /// Enterprise ids carry the connection: `samlp|corp|alice`.
    pub(super) names_connection: bool,
}

impl<'a> Provider<'a> {
    /// Of a connection; `stated` is the body's own `provider`, which only enterprise connections
    /// need, since their name does not tell it.
    pub(super) fn of(connection: &'a str, stated: Option<&'a str>) -> Result<Self, InvalidBody> {
        let name = stated
            .unwrap_or_else(|| if is_own_provider(connection) { connection } else { "auth0" });
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.chars().all(good) {
            return Err(InvalidBody::on("provider", "Only a-z, 0-9 and - may be used"));
        }
        Ok(Self {
            name,
            is_social: SOCIAL.contains(&name),
            names_connection: name != "auth0" && !is_own_provider(name),
        })
    }
}

fn is_own_provider(connection: &str) -> bool {
    SOCIAL.contains(&connection) || PASSWORDLESS.contains(&connection)
}

/// The lower-cased address of a body, if it has one.
pub(super) fn email(body: &Object) -> Result<Option<String>, InvalidBody> {
    let Some(written) = text(body, "email") else { return Ok(None) };
    let is_good = written.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !written.chars().any(char::is_whitespace)
    });
    if is_good {
        return Ok(Some(written.to_lowercase()));
    }
    Err(InvalidBody::on(
        "email",
        format!("Object didn't pass validation for format email: {written}"),
    ))
}

/// The id of a new identity within its connection.
pub(super) fn identity_id(body: &Object, new_id: &str) -> Result<String, InvalidBody> {
    let Some(given) = text(body, "user_id") else { return Ok(new_id.to_owned()) };
    if given.chars().any(char::is_whitespace) {
        return Err(InvalidBody::on("user_id", "White space may not be used"));
    }
    Ok(given.to_owned())
}
