//! What a careful client does with the tokens: signatures against the key set, then every claim.

use domain::Timestamp;
use domain::jose::{Algorithm, Claims, Jwk, Unverified, parse_set};
use serde_json::Value;

use crate::terminal::Failed;

/// No token of ours is longer.
const TOKEN_BYTES: usize = 16 * 1024;

/// What the tokens must say.
pub(super) struct Expected<'a> {
    /// Who issued them.
    pub(super) issuer: &'a str,
    /// Who asked.
    pub(super) client_id: &'a str,
    /// Who said yes.
    pub(super) user_id: &'a str,
    /// The API.
    pub(super) audience: &'a str,
    /// What was asked for at the API.
    pub(super) scope: &'a str,
}

/// A token that was verified.
#[derive(Debug)]
pub(super) struct Verified {
    /// The algorithm and key name it was signed with.
    pub(super) signed: String,
    /// Its claims.
    pub(super) claims: Claims,
}

/// The keys of a key set document.
pub(super) fn keys(document: &Value) -> Result<Vec<Jwk>, Failed> {
    let keys = parse_set(document)
        .map_err(|error| Failed::because(format!("the key set cannot be used: {error}")))?;
    if keys.is_empty() {
        return Err(Failed::because("the key set has no key"));
    }
    Ok(keys)
}

/// The ID token: OpenID Connect Core 3.1.3.7, as far as it applies.
pub(super) fn id_token(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Verified, Failed> {
    let verified = verify("ID token", token, keys)?;
    common(&verified.claims, "ID token", expected, now)?;
    must(
        verified.claims.audience().ok().as_deref() == Some(&[expected.client_id]),
        "ID token",
        "aud",
    )?;
    Ok(verified)
}

/// The access token, as the API would check it.
pub(super) fn access_token(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Verified, Failed> {
    let verified = verify("access token", token, keys)?;
    common(&verified.claims, "access token", expected, now)?;
    let audience = verified.claims.audience().unwrap_or_default();
    must(audience.contains(&expected.audience), "access token", "aud")?;
    let scope = verified.claims.text("scope").unwrap_or_default();
    must(scope.split(' ').any(|one| one == expected.scope), "access token", "scope")?;
    Ok(verified)
}

fn verify(what: &str, token: &str, keys: &[Jwk]) -> Result<Verified, Failed> {
    let wrong = |why: String| Failed::because(format!("the {what} cannot be verified: {why}"));
    let unverified =
        Unverified::parse(token, TOKEN_BYTES).map_err(|error| wrong(error.to_string()))?;
    let (algorithm, kid) = (unverified.header().algorithm, unverified.header().kid.clone());
    let kid = kid.ok_or_else(|| wrong(String::from("it names no key")))?;
    let key = keys
        .iter()
        .find(|key| key.kid.as_deref() == Some(kid.as_str()))
        .ok_or_else(|| wrong(format!("its key {kid} is not in the key set")))?;
    let allowed: &[Algorithm] = match &key.alg {
        Some(only) => std::slice::from_ref(only),
        None => Algorithm::ALL,
    };
    let signed = format!("{} by key {kid}", algorithm.name());
    let claims = unverified.verify(&key.key, allowed).map_err(|error| wrong(error.to_string()))?;
    Ok(Verified { signed, claims })
}

fn common(
    claims: &Claims,
    what: &str,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<(), Failed> {
    must(claims.text("iss").ok() == Some(expected.issuer), what, "iss")?;
    must(claims.text("sub").ok() == Some(expected.user_id), what, "sub")?;
    must(claims.numeric_date("exp").is_ok_and(|exp| exp > now), what, "exp")?;
    must(claims.numeric_date("iat").is_ok_and(|iat| iat <= now.plus_seconds(1)), what, "iat")
}

fn must(holds: bool, what: &str, claim: &str) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(Failed::because(format!("the {what} has not the {claim} that it must have")))
    }
}
