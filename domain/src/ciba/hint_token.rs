//! Hints that are tokens: `login_hint_token` of an issuer that the tenant trusts (C26), and
//! `id_token_hint`, an ID token of ours (C27, C48 to C50).

use serde_json::Value;

use crate::ciba::hint::{Who, subject_identifier};
use crate::jose::{Algorithm, Claims, Jwk, PublicKey, Unverified, verify_by_set};
use crate::oauth::refusal::{Reason, Refusal};
use crate::{ClientId, Timestamp, UserId};

/// A hint token is not longer.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// A `login_hint_token` does not live longer from now on.
pub const MAX_LIFETIME_SECONDS: i64 = 600;
/// `iat` and `nbf` may lie this far ahead.
const SKEW_SECONDS: i64 = 10;
/// A `jti` is not longer.
const MAX_JTI_CHARS: usize = 255;

/// The algorithms that hint tokens may be signed with.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Ps256, Algorithm::Es256, Algorithm::Ed25519];

/// Who may vouch for people.
#[derive(Clone, Debug)]
pub struct HintIssuer {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Its keys.
    pub keys: Vec<Jwk>,
}

/// A `login_hint_token` that holds. Whether its `jti` was seen before is the caller's to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Who is meant.
    pub who: Who,
    /// How the token says it: one of [`TOKEN_TYPES`](crate::ciba::hint::TOKEN_TYPES).
    pub kind: &'static str,
    /// By whom.
    pub issuer: String,
    /// Never to be accepted again from this issuer before `expires_at`.
    pub jti: String,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// C26: checks a `login_hint_token`. `audience` is our issuer, `ours` all names of it.
pub fn login_hint_token(
    token: &str,
    trusted: &[HintIssuer],
    (audience, ours): (&str, &[String]),
    now: Timestamp,
) -> Result<Vouched, Refusal> {
    let bad = |what: &str| Refusal::because(Reason::BadHintToken, said("login_hint_token", what));
    let unverified = Unverified::parse(token, MAX_TOKEN_BYTES).map_err(|e| bad(&e.to_string()))?;
    let header = unverified.header();
    let is_confused =
        ["at+jwt", "dpop+jwt", "logout+jwt", "client-authentication+jwt", "oauth-authz-req+jwt"]
            .into_iter()
            .any(|typ| header.is_type(typ));
    if is_confused {
        return Err(bad("typ is that of another kind of token"));
    }
    let named = unverified.unverified_claims().map_err(|e| bad(&e.to_string()))?;
    let issuer = named.text("iss").map_err(|e| bad(&e.to_string()))?;
    let trusted = trusted.iter().find(|one| one.issuer == issuer);
    let trusted = trusted.ok_or_else(|| bad("iss is not trusted here"))?;
    let claims =
        verify_by_set(&unverified, &trusted.keys, &ALGORITHMS).map_err(|e| bad(&e.to_string()))?;
    let named = claims.audience().map_err(|e| bad(&e.to_string()))?;
    if !named.contains(&audience) {
        return Err(bad("aud is not this issuer"));
    }
    let expires_at = times(&claims, now).map_err(|what| bad(&what))?;
    let jti = claims.text("jti").map_err(|e| bad(&e.to_string()))?;
    if jti.is_empty() || jti.chars().count() > MAX_JTI_CHARS {
        return Err(bad("jti is empty or too long"));
    }
    let sub_id = claims.get("sub_id").and_then(Value::as_object);
    let sub_id = sub_id.ok_or_else(|| bad("sub_id is missing or no object"))?;
    let (kind, who) = subject_identifier(sub_id, ours).map_err(|what| bad(&what))?;
    if expires_at <= now {
        return Err(Reason::ExpiredHintToken.into());
    }
    Ok(Vouched { who, kind, issuer: issuer.to_owned(), jti: jti.to_owned(), expires_at })
}

fn said(parameter: &str, what: &str) -> String {
    format!("{parameter} cannot be used: {what}")
}

/// `exp` there must be, and not far ahead; `iat` and `nbf` not ahead.
fn times(claims: &Claims, now: Timestamp) -> Result<Timestamp, String> {
    let expires_at = claims.numeric_date("exp").map_err(|error| error.to_string())?;
    if expires_at > now.plus_seconds(MAX_LIFETIME_SECONDS) {
        return Err(format!("exp is more than {MAX_LIFETIME_SECONDS} seconds ahead"));
    }
    for name in ["iat", "nbf"] {
        let begins = claims.optional_numeric_date(name).map_err(|error| error.to_string())?;
        if begins.is_some_and(|at| at > now.plus_seconds(SKEW_SECONDS)) {
            return Err(format!("{name} is in the future"));
        }
    }
    Ok(expires_at)
}

/// C48 to C50: the user of an ID token of ours. `ours` are our issuers, `key` gives the published
/// key of a name, `oldest` is the expiry that is still good.
pub fn id_token_hint<'k>(
    token: &str,
    (client, ours): (&ClientId, &[String]),
    key: impl FnOnce(&str) -> Option<&'k PublicKey>,
    oldest: Timestamp,
) -> Result<UserId, Refusal> {
    let bad = |what: &str| Refusal::because(Reason::BadHintToken, said("id_token_hint", what));
    let unverified = Unverified::parse(token, MAX_TOKEN_BYTES).map_err(|e| bad(&e.to_string()))?;
    let header = unverified.header();
    if header.typ.is_some() && !header.is_type("JWT") {
        return Err(bad("typ is that of another kind of token"));
    }
    let kid = header.kid.as_deref().ok_or_else(|| bad("kid is missing"))?;
    let key = key(kid).ok_or_else(|| bad("kid names no key of ours"))?;
    let claims = unverified.verify(key, Algorithm::ALL).map_err(|error| bad(&error.to_string()))?;
    let issuer = claims.text("iss").map_err(|e| bad(&e.to_string()))?;
    if !ours.iter().any(|known| known == issuer) {
        return Err(bad("iss is not ours"));
    }
    let audience = claims.audience().map_err(|e| bad(&e.to_string()))?;
    if !audience.contains(&client.as_str()) {
        return Err(bad("aud is not the client"));
    }
    // An access token has a scope, a logout token events; an ID token has neither.
    if ["events", "scope", "azp"].iter().any(|name| claims.get(name).is_some()) {
        return Err(bad("it is no ID token"));
    }
    let expires_at = claims.numeric_date("exp").map_err(|e| bad(&e.to_string()))?;
    if expires_at <= oldest {
        return Err(bad("it expired too long ago"));
    }
    let subject = claims.text("sub").map_err(|e| bad(&e.to_string()))?;
    Ok(UserId::new(subject))
}
