//! What an access token is bound to, so that who steals it cannot use it: a client certificate
//! (RFC 8705 3) or a key (RFC 9449 6).

use serde_json::{Value, json};

use crate::oauth::api::{Api, Mechanism};
use crate::oauth::client::Client;
use crate::oauth::refusal::{Reason, Refusal};

const CERTIFICATE: &str = "x5t#S256";
const KEY: &str = "jkt";

/// What a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The SHA-256 of a client certificate, in base64url.
    Certificate(String),
    /// The RFC 7638 thumbprint of a key, in base64url.
    Key(String),
}

impl Binding {
    /// The claim `cnf`.
    pub fn confirmation(&self) -> Value {
        match self {
            Self::Certificate(thumbprint) => json!({ CERTIFICATE: thumbprint }),
            Self::Key(thumbprint) => json!({ KEY: thumbprint }),
        }
    }

    /// What a claim `cnf` says.
    pub fn of_confirmation(confirmation: &Value) -> Option<Self> {
        let text = |name: &str| confirmation.get(name)?.as_str().map(str::to_owned);
        text(KEY).map(Self::Key).or_else(|| text(CERTIFICATE).map(Self::Certificate))
    }

    /// How the token is presented: the `token_type` of answers, and the scheme of `Authorization`.
    pub const fn token_type(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "Bearer",
            Self::Key(_) => "DPoP",
        }
    }
}

/// When the tokens of a profile's clients are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingRule {
    /// As the API says (WD31).
    AsTheApiSays,
    /// To the key of a proof where one is sent, and as the client is registered.
    AsTheClientSays,
    /// Always (F25, F34).
    Always,
}

/// What a client showed beside its request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The thumbprint of its certificate.
    pub certificate: Option<String>,
    /// The thumbprint of the key that it proved to hold.
    pub key: Option<String>,
}

/// Whether a `DPoP` header counts: in profile `auth0` only where the API wants one (WD31).
pub fn reads_proofs(client: &Client, api: Option<&Api>) -> bool {
    match client.profile.rules().binding {
        BindingRule::AsTheApiSays => {
            api.is_some_and(|api| api.binding.is_some_and(|it| it.mechanism == Mechanism::Key))
        }
        BindingRule::AsTheClientSays | BindingRule::Always => true,
    }
}

/// What the access token of this client for this API is bound to.
///
/// # Errors
/// `BindingMissing` or `BadProof`, where it must be bound and nothing fit was shown.
pub fn choose(
    client: &Client,
    api: Option<&Api>,
    shown: Shown,
) -> Result<Option<Binding>, Refusal> {
    let Shown { certificate, key } = shown;
    let (certificate, key) = (certificate.map(Binding::Certificate), key.map(Binding::Key));
    match client.profile.rules().binding {
        BindingRule::AsTheApiSays => {
            let Some(wanted) = api.and_then(|api| api.binding) else { return Ok(None) };
            let found = match wanted.mechanism {
                Mechanism::Certificate => certificate,
                Mechanism::Key => key,
            };
            if found.is_none() && wanted.is_required {
                return Err(Reason::BindingMissing.into());
            }
            Ok(found)
        }
        BindingRule::AsTheClientSays if client.binds_to_certificate => {
            certificate.map(Some).ok_or_else(|| Reason::BindingMissing.into())
        }
        BindingRule::AsTheClientSays if client.binds_to_key && key.is_none() => {
            Err(Refusal::because(Reason::BadProof, "The client must send a DPoP proof"))
        }
        BindingRule::AsTheClientSays => Ok(key),
        BindingRule::Always => {
            let chosen =
                if client.binds_to_certificate { certificate } else { key.or(certificate) };
            chosen.map(Some).ok_or_else(|| Reason::BindingMissing.into())
        }
    }
}
