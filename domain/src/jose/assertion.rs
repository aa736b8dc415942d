//! Client assertions (`private_key_jwt`): everything about one that needs no storage.
//!
//! The caller finds the client and its keys, and records the `jti` of what is good here.

use std::fmt;

use super::{Algorithm, ClaimError, Claims, JwsError, PublicKey, Unverified};
use crate::{ClientId, Timestamp};

/// An assertion is not longer (W40).
pub const MAX_ASSERTION_BYTES: usize = 2048;
/// An assertion does not live longer from now on (W35).
pub const MAX_LIFETIME_SECONDS: i64 = 300;
/// `iat` and `nbf` may lie this far ahead (W36).
pub const SKEW_SECONDS: i64 = 10;
/// A `jti` is not longer (W37).
pub const MAX_JTI_CHARS: usize = 64;
/// An `iss` is not longer (W38).
pub const MAX_ISSUER_CHARS: usize = 64;

/// Which audiences an assertion may have.
#[derive(Clone, Copy, Debug)]
pub enum Audience<'a> {
    /// The issuer, as the only value (C19).
    Strict {
        /// Our issuer.
        issuer: &'a str,
    },
    /// The issuer, as a text and in no list (F34).
    Text {
        /// Our issuer.
        issuer: &'a str,
    },
    /// The issuer or one of our endpoints; every value must be one of them (C19, `ciba-2021`).
    Ciba2021 {
        /// Our issuer.
        issuer: &'a str,
        /// The token and backchannel authentication endpoints, their TLS aliases included.
        endpoints: &'a [&'a str],
    },
}

impl Audience<'_> {
    fn accepts(&self, claims: &Claims) -> Result<bool, ClaimError> {
        let named = claims.audience()?;
        Ok(match self {
            Self::Strict { issuer } => named == [*issuer],
            Self::Text { issuer } => claims.text("aud").is_ok_and(|one| one == *issuer),
            Self::Ciba2021 { issuer, endpoints } => {
                named.iter().all(|one| one == issuer || endpoints.contains(one))
            }
        })
    }
}

/// An assertion that holds. Whether its `jti` was seen before is the caller's to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Never to be accepted again from this client before `expires_at`.
    pub jti: String,
    /// When the assertion ends.
    pub expires_at: Timestamp,
}

/// Why an assertion does not authenticate: for the log, the client is told nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Not a token we read, or of an algorithm that no credential has.
    Token(JwsError),
    /// `typ` is neither absent nor `JWT` nor `client-authentication+jwt`.
    Type,
    /// None of the client's credentials signed it.
    Signature,
    /// A claim is missing or of a wrong type.
    Claim(ClaimError),
    /// `iss` and `sub` are not both the client.
    NotTheClient,
    /// Meant for somebody else, or for somebody else too.
    Audience,
    /// `exp` is past.
    Expired,
    /// `exp` lies too far ahead.
    TooLongLived,
    /// `iat` or `nbf` lies ahead.
    NotYet(&'static str),
    /// `jti` is empty or too long.
    Jti,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => write!(f, "assertion: {error}"),
            Self::Type => {
                f.write_str("assertion: typ is neither JWT nor client-authentication+jwt")
            }
            Self::Signature => f.write_str("assertion: no credential of the client verifies it"),
            Self::Claim(error) => write!(f, "assertion: {error}"),
            Self::NotTheClient => f.write_str("assertion: iss and sub are not both the client"),
            Self::Audience => f.write_str("assertion: aud is not ours alone"),
            Self::Expired => f.write_str("assertion: exp is past"),
            Self::TooLongLived => f.write_str("assertion: exp is more than 5 minutes ahead"),
            Self::NotYet(name) => write!(f, "assertion: {name} is in the future"),
            Self::Jti => f.write_str("assertion: jti is empty or longer than 64 characters"),
        }
    }
}

impl std::error::Error for Rejected {}

impl From<ClaimError> for Rejected {
    fn from(error: ClaimError) -> Self {
        Self::Claim(error)
    }
}

impl From<JwsError> for Rejected {
    fn from(error: JwsError) -> Self {
        Self::Token(error)
    }
}

/// Whom an assertion claims to be from, unverified: to find the client when `client_id` is absent.
pub fn unverified_client(assertion: &str) -> Option<ClientId> {
    let token = Unverified::parse(assertion, MAX_ASSERTION_BYTES).ok()?;
    let claims = token.unverified_claims().ok()?;
    let subject = claims.text("sub").ok()?;
    (subject.chars().count() <= MAX_ISSUER_CHARS).then(|| ClientId::new(subject))
}

/// Which key an assertion says it is signed with, unverified: to know whether a key set is too old.
pub fn unverified_kid(assertion: &str) -> Option<String> {
    Unverified::parse(assertion, MAX_ASSERTION_BYTES).ok()?.header().kid.clone()
}

/// Checks an assertion of `client`, whose credentials are keys with their one algorithm each.
///
/// Other claims count for nothing: one line of SDKs writes `auth_time` as text (W32).
pub fn check(
    assertion: &str,
    client: &ClientId,
    credentials: &[(PublicKey, Algorithm)],
    audience: &Audience<'_>,
    now: Timestamp,
) -> Result<Checked, Rejected> {
    let token = Unverified::parse(assertion, MAX_ASSERTION_BYTES)?;
    let header = token.header();
    let is_type_known = header.typ.is_none()
        || header.is_type("JWT")
        || header.is_type("client-authentication+jwt");
    if !is_type_known {
        return Err(Rejected::Type);
    }
    let claims = verified(&token, credentials)?;
    check_parties(&claims, client, audience)?;
    let expires_at = check_times(&claims, now)?;
    let jti = claims.text("jti")?;
    if jti.is_empty() || jti.chars().count() > MAX_JTI_CHARS {
        return Err(Rejected::Jti);
    }
    Ok(Checked { jti: jti.to_owned(), expires_at })
}

/// A client may have two credentials, and no `kid` tells which (W30): each is tried.
fn verified(
    token: &Unverified<'_>,
    credentials: &[(PublicKey, Algorithm)],
) -> Result<Claims, Rejected> {
    for (key, algorithm) in credentials {
        match token.verify(key, &[*algorithm]) {
            Ok(claims) => return Ok(claims),
            Err(JwsError::Signature | JwsError::AlgorithmNotAllowed) => {}
            Err(error) => return Err(Rejected::Token(error)),
        }
    }
    Err(Rejected::Signature)
}

fn check_parties(
    claims: &Claims,
    client: &ClientId,
    audience: &Audience<'_>,
) -> Result<(), Rejected> {
    let (issuer, subject) = (claims.text("iss")?, claims.text("sub")?);
    if issuer != subject || issuer != client.as_str() || issuer.chars().count() > MAX_ISSUER_CHARS {
        return Err(Rejected::NotTheClient);
    }
    if audience.accepts(claims)? { Ok(()) } else { Err(Rejected::Audience) }
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<Timestamp, Rejected> {
    let expires_at = claims.numeric_date("exp")?;
    if expires_at <= now {
        return Err(Rejected::Expired);
    }
    if expires_at > now.plus_seconds(MAX_LIFETIME_SECONDS) {
        return Err(Rejected::TooLongLived);
    }
    for name in ["iat", "nbf"] {
        let begins = claims.optional_numeric_date(name)?;
        if begins.is_some_and(|at| at > now.plus_seconds(SKEW_SECONDS)) {
            return Err(Rejected::NotYet(name));
        }
    }
    Ok(expires_at)
}
