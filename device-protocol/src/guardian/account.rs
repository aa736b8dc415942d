//! Changing and deleting a device account: the self-signed JWT and the body of a change.
//!
//! ```
//! use device_protocol::guardian::account::{Credential, Patch};
//!
//! let claims = Credential {
//!     device: "dev_AbCdEfGh01234567",
//!     user: "auth0|u1",
//!     url: "https://login.example.com/appliance-mfa/api/device-accounts",
//!     issued_at: 1_795_409_780,
//! }
//! .claims();
//! assert_eq!(claims["exp"], 1_795_416_980);
//! let patch = Patch::parse(&serde_json::json!({ "name": "My phone" })).unwrap();
//! assert_eq!(patch.name.as_deref(), Some("My phone"));
//! ```

use serde_json::{Map, Value, json};

use super::claims::{self, InvalidClaim};
use super::enroll::{MAX_IDENTIFIER_BYTES, MAX_NAME_BYTES, PushCredentials};
use super::members::{InvalidBody, object, text};

/// The credential's own life, in seconds.
pub const LIFETIME_SECONDS: i64 = 7200;
/// No credential is longer.
pub const MAX_CREDENTIAL_BYTES: usize = 8192;

/// What a device signs to speak for its enrollment. Two within one second are the same, byte for
/// byte: a server must not take them as single use.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// The enrollment's id.
    pub device: &'a str,
    /// The user's id.
    pub user: &'a str,
    /// `…/api/device-accounts`, without the id.
    pub url: &'a str,
    /// Unix seconds.
    pub issued_at: i64,
}

impl Credential<'_> {
    /// The claims.
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.device,
            "sub": self.user,
            "aud": self.url,
            "iat": self.issued_at,
            "exp": self.issued_at.saturating_add(LIFETIME_SECONDS),
        })
    }
}

/// The claims of a credential whose signature the caller has verified, each of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// `iss`: the enrollment's id, which must be the one in the path.
    pub device: String,
    /// `sub`: the user's id.
    pub user: String,
    /// `aud`, to be compared in its [`super::url::normalized`] form.
    pub audience: String,
    /// `iat` in Unix milliseconds.
    pub issued_at_ms: Option<i64>,
    /// `exp` in Unix milliseconds.
    pub expires_at_ms: i64,
}

impl Presented {
    /// Reads the claims; unknown ones are ignored.
    pub fn from_claims(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        Ok(Self {
            device: claims::text(members, "iss")?,
            user: claims::text(members, "sub")?,
            audience: claims::text(members, "aud")?,
            issued_at_ms: claims::optional_date_ms(members, "iat")?,
            expires_at_ms: claims::date_ms(members, "exp")?,
        })
    }
}

/// The body of `PATCH …/api/device-accounts/{id}`: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The new identifier; `iss` of the next answers.
    pub identifier: Option<String>,
    /// The new name.
    pub name: Option<String>,
    /// Where pushes go from now on.
    pub push_credentials: Option<PushCredentials>,
}

impl Patch {
    /// Reads any subset of the three members; others are ignored.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the body")?;
        let text_of = |name: &str, most| members.get(name).map(|v| text(v, name, most)).transpose();
        Ok(Self {
            identifier: text_of("identifier", MAX_IDENTIFIER_BYTES)?,
            name: text_of("name", MAX_NAME_BYTES)?,
            push_credentials: members
                .get("push_credentials")
                .map(PushCredentials::parse)
                .transpose()?,
        })
    }
}

/// The answer to a change: all strings, and never a 204 (iOS fails on it here).
pub fn answer(id: &str, identifier: &str, name: &str, push: &PushCredentials) -> Value {
    json!({
        "id": id,
        "identifier": identifier,
        "name": name,
        "push_credentials": push.to_json(),
    })
}
