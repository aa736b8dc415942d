//! The parameter `request`: all parameters of a start in one JWT that the client signed (CIBA Core
//! 7.1.1; C34 to C44, F9). Whether its `jti` was seen before is the caller's to ask.

use serde_json::{Map, Value};

use crate::ciba::profile::{Rules, SignedRequests};
use crate::jose::{Algorithm, Claims, Jwk, Unverified, verify_by_set};
use crate::oauth::client::{Client, FapiVersion};
use crate::oauth::parameters::Parameters;
use crate::oauth::refusal::{Reason, Refusal};
use crate::{ClientId, Timestamp};

/// The algorithms that requests may be signed with (C34).
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Ps256, Algorithm::Es256, Algorithm::Ed25519];
/// A signed request is not longer.
pub const MAX_REQUEST_BYTES: usize = 48 * 1024;
/// `iat` and `nbf` may lie this far ahead (F36).
pub const SKEW_SECONDS: i64 = 30;
/// A request does not end further ahead: its `jti` is remembered until then.
pub const MAX_LIFETIME_SECONDS: i64 = 86_400;
/// A `jti` is not longer.
const MAX_JTI_CHARS: usize = 255;

/// What may stand beside `request`: what authenticates the client, and nothing else (C35).
const BESIDE: [&str; 5] =
    ["request", "client_id", "client_secret", "client_assertion", "client_assertion_type"];
/// Claims of the token itself, which are no parameters.
const OWN_CLAIMS: [&str; 6] = ["iss", "aud", "exp", "iat", "nbf", "jti"];
/// Parameters whose values are texts (C42).
const TEXTS: [&str; 9] = [
    "scope",
    "client_notification_token",
    "acr_values",
    "login_hint_token",
    "id_token_hint",
    "login_hint",
    "binding_message",
    "user_code",
    "audience",
];
/// What belongs around a signed request and not into it.
const MISPLACED: [&str; 4] = ["request", "request_uri", "client_secret", "client_assertion"];

/// A signed request that holds.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What the client asks, and nobody else said.
    pub parameters: Parameters,
    /// Never to be accepted again from this client before `expires_at`.
    pub jti: String,
    /// When the request can no longer be used.
    pub expires_at: Timestamp,
}

/// Opens the signed request in `parameters`, if there is one and the client's profile reads it.
/// The client is authenticated; `keys` are its own, `issuers` are ours.
pub fn open(
    parameters: &Parameters,
    client: &Client,
    keys: &[Jwk],
    issuers: &[String],
    now: Timestamp,
) -> Result<Option<Opened>, Refusal> {
    let rules = client.profile.rules();
    let is_required = match rules.signed_requests {
        SignedRequests::Ignored => return Ok(None),
        SignedRequests::Allowed => false,
        SignedRequests::Required => client.fapi_version == FapiVersion::One,
    };
    client.may_use_ciba()?; // C47: before the JWT is looked at
    if !parameters.has("request") {
        if is_required {
            let text = "The request must be signed, in the parameter request";
            return Err(Refusal::because(Reason::BadSignedRequest, text));
        }
        return Ok(None);
    }
    parameters.check_no_duplicates(&[])?;
    if let Some(name) = parameters.names().find(|name| !BESIDE.contains(name)) {
        return Err(bad(&format!("{name} must stand inside it")));
    }
    let registered = client.request_signing_alg.ok_or_else(|| {
        bad("the client has not registered a backchannel_authentication_request_signing_alg")
    })?;
    let jwt = parameters.required("request")?;
    checked(jwt, (client, registered, rules), (keys, issuers), now).map(Some)
}

fn bad(what: &str) -> Refusal {
    Refusal::because(Reason::BadSignedRequest, format!("request cannot be used: {what}"))
}

fn checked(
    jwt: &str,
    (client, algorithm, rules): (&Client, Algorithm, &Rules),
    (keys, issuers): (&[Jwk], &[String]),
    now: Timestamp,
) -> Result<Opened, Refusal> {
    let token = Unverified::parse(jwt, MAX_REQUEST_BYTES).map_err(|e| bad(&e.to_string()))?;
    let header = token.header();
    let is_type_known =
        header.typ.is_none() || header.is_type("JWT") || header.is_type("oauth-authz-req+jwt");
    if !is_type_known {
        return Err(bad("typ is neither JWT nor oauth-authz-req+jwt")); // C44
    }
    if header.algorithm != algorithm {
        return Err(bad(&format!("alg is not the registered {}", algorithm.name()))); // C34
    }
    let claims = verify_by_set(&token, keys, &[algorithm]).map_err(|e| bad(&e.to_string()))?;
    parties(&claims, &client.id, issuers).map_err(|what| bad(&what))?; // C36, C37
    let expires_at = times(&claims, rules.request_lifetime_s, now).map_err(|what| bad(&what))?;
    let jti = claims.text("jti").map_err(|e| bad(&e.to_string()))?; // C41
    if jti.is_empty() || jti.chars().count() > MAX_JTI_CHARS {
        return Err(bad("jti is empty or too long"));
    }
    let jti = jti.to_owned();
    let parameters = parameters_in(claims.into_map())?;
    Ok(Opened { parameters, jti, expires_at })
}

fn parties(claims: &Claims, client: &ClientId, issuers: &[String]) -> Result<(), String> {
    let audience = claims.audience().map_err(|error| error.to_string())?;
    if !audience.iter().any(|named| issuers.iter().any(|ours| ours == named)) {
        return Err(String::from("aud is not this issuer"));
    }
    if claims.text("iss").map_err(|error| error.to_string())? == client.as_str() {
        return Ok(());
    }
    Err(String::from("iss is not the client"))
}

/// C38 to C40, and F9 where the profile bounds a request's life.
fn times(claims: &Claims, longest_s: i64, now: Timestamp) -> Result<Timestamp, String> {
    let date = |name| claims.numeric_date(name).map_err(|error| error.to_string());
    let (expires_at, issued_at, begins_at) = (date("exp")?, date("iat")?, date("nbf")?);
    if expires_at <= now {
        return Err(String::from("exp is past"));
    }
    for (name, at) in [("iat", issued_at), ("nbf", begins_at)] {
        if at > now.plus_seconds(SKEW_SECONDS) {
            return Err(format!("{name} is in the future"));
        }
    }
    if expires_at > now.plus_seconds(longest_s) {
        return Err(format!("exp is more than {longest_s} seconds ahead"));
    }
    if longest_s < MAX_LIFETIME_SECONDS && expires_at.ms_since(begins_at) > longest_s * 1000 {
        return Err(format!("nbf and exp are more than {longest_s} seconds apart"));
    }
    Ok(expires_at.plus_seconds(SKEW_SECONDS))
}

/// C42: the claims that are parameters. What is an array or object stays one.
fn parameters_in(claims: Map<String, Value>) -> Result<Parameters, Refusal> {
    for name in MISPLACED {
        if claims.contains_key(name) {
            return Err(bad(&format!("{name} does not belong into it")));
        }
    }
    for name in TEXTS {
        if claims.get(name).is_some_and(|value| !value.is_string()) {
            return Err(bad(&format!("{name} must be a string")));
        }
    }
    let expiry = claims.get("requested_expiry");
    if expiry.is_some_and(|value| !value.is_string() && !value.is_number()) {
        return Err(bad("requested_expiry must be a number or a string"));
    }
    let asked = claims.into_iter().filter(|(name, _)| !OWN_CLAIMS.contains(&name.as_str()));
    Parameters::from_members(asked)
}
