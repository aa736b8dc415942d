//! What stands in the tokens: pure builders. Signing is `jose`'s, keys are the server's.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::oauth::api::{Api, TokenDialect};
use crate::oauth::scope::Scope;
use crate::{ClientId, Timestamp, TransactionId, UserId};

/// `gty` of a token that a machine got for itself (W195).
pub const GTY_CLIENT_CREDENTIALS: &str = "client-credentials";
/// `gty` of a token that came out of a refresh.
pub const GTY_REFRESH_TOKEN: &str = "refresh_token";

/// The type of a token in RFC 9068's dialect.
const RFC_9068: &str = "at+jwt";

/// The claims that come with the scope `profile`, in the order of W168, then the rarer ones.
const PROFILE_CLAIMS: [&str; 6] =
    ["nickname", "name", "picture", "updated_at", "given_name", "family_name"];
const EMAIL_CLAIMS: [&str; 2] = ["email", "email_verified"];

/// A token to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// `typ` of the header.
    pub typ: &'static str,
    /// `alg` of the header.
    pub alg: String,
    /// The claims.
    pub claims: Map<String, Value>,
    /// Seconds from `iat` to `exp`.
    pub lifetime_s: i64,
}

/// What an access token for an API is about, dialects apart.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The tenant's issuer, with the final slash.
    pub issuer: &'a str,
    /// The API it is for.
    pub api: &'a Api,
    /// Whom it is given to.
    pub client: &'a ClientId,
    /// What was granted.
    pub scope: &'a Scope,
    /// When it is given.
    pub now: Timestamp,
    /// A name for it, never used before (only RFC 9068 shows it).
    pub jti: &'a str,
}

/// The access token of a person's approval (W156 to W161, W164).
///
/// `gty` is for refreshes; a CIBA exchange has none (W159).
pub fn user_access_token(
    access: &Access<'_>,
    user: &UserId,
    gty: Option<&'static str>,
    permissions: &[String],
    authorization_details: Option<&Value>,
) -> Draft {
    let mut draft = access_token(access, user.as_str(), gty);
    let audience = if access.scope.has("openid") {
        Value::from(vec![access.api.identifier.clone(), userinfo_audience(access.issuer)])
    } else {
        access.api.identifier.as_str().into()
    };
    draft.claims.insert("aud".into(), audience);
    if access.api.tells_permissions {
        draft.claims.insert("permissions".into(), permissions.into());
    }
    if let Some(details) = authorization_details {
        draft.claims.insert("authorization_details".into(), details.clone());
    }
    draft
}

/// Makes the draft of a user's access token one for further APIs too (RFC 8707): it lives no longer
/// than any of them allows.
pub fn widen(
    draft: &mut Draft,
    access: &Access<'_>,
    further: impl IntoIterator<Item = impl AsRef<Api>>,
) {
    let mut audience = vec![Value::from(access.api.identifier.clone())];
    for api in further {
        let api = api.as_ref();
        audience.push(api.identifier.clone().into());
        draft.lifetime_s = draft.lifetime_s.min(api.token_lifetime_s);
    }
    if access.scope.has("openid") {
        audience.push(userinfo_audience(access.issuer).into());
    }
    draft.claims.insert("aud".into(), audience.into());
    let expires_at = access.now.seconds().saturating_add(draft.lifetime_s);
    draft.claims.insert("exp".into(), expires_at.into());
}

/// Adds what was asked for by name, as far as it is known (OpenID Connect Core 5.5).
pub fn tell_claims(
    claims: &mut Map<String, Value>,
    person: &Value,
    names: impl IntoIterator<Item = impl AsRef<str>>,
) {
    for name in names {
        let name = name.as_ref();
        if let Some(value) = person.get(name).filter(|value| !value.is_null()) {
            claims.insert(name.to_owned(), value.clone());
        }
    }
}

/// The access token of a machine for itself (W195).
pub fn machine_access_token(access: &Access<'_>) -> Draft {
    let subject = format!("{}@clients", access.client);
    let mut draft = access_token(access, &subject, Some(GTY_CLIENT_CREDENTIALS));
    draft.claims.insert("aud".into(), access.api.identifier.as_str().into());
    if access.api.tells_permissions {
        let permissions: Vec<&str> = access.scope.iter().collect();
        draft.claims.insert("permissions".into(), permissions.into());
    }
    draft
}

fn access_token(access: &Access<'_>, subject: &str, gty: Option<&'static str>) -> Draft {
    let lifetime_s = access.api.token_lifetime_s;
    let mut claims = dated(access.issuer, subject, access.now, lifetime_s);
    if !access.scope.is_empty() {
        claims.insert("scope".into(), access.scope.to_string().into());
    }
    let typ = match access.api.dialect {
        TokenDialect::AccessToken => {
            claims.insert("azp".into(), access.client.as_str().into());
            if let Some(gty) = gty {
                claims.insert("gty".into(), gty.into());
            }
            "JWT"
        }
        TokenDialect::Rfc9068 => {
            claims.insert("client_id".into(), access.client.as_str().into());
            claims.insert("jti".into(), access.jti.into());
            RFC_9068
        }
    };
    Draft { typ, alg: access.api.signing_alg.clone(), claims, lifetime_s }
}

/// RFC 9068 2.2.1: how and when the person approved, where the client asked for a class (R10).
pub fn tell_approval(draft: &mut Draft, acr: Option<&str>, auth_time: Timestamp) {
    let Some(acr) = acr.filter(|_| draft.typ == RFC_9068) else { return };
    draft.claims.insert("acr".into(), acr.into());
    draft.claims.insert("auth_time".into(), auth_time.seconds().into());
}

/// What is known of how a person approved (WD22).
#[derive(Clone, Copy, Debug, Default)]
pub struct Act<'a> {
    /// Authentication context class.
    pub acr: Option<&'a str>,
    /// Authentication methods.
    pub amr: &'a [&'a str],
}

/// What an ID token is about.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The tenant's issuer, with the final slash.
    pub issuer: &'a str,
    /// Whom it is given to.
    pub client: &'a ClientId,
    /// The algorithm the client is registered with.
    pub alg: &'a str,
    /// Seconds it lives.
    pub lifetime_s: i64,
    /// Who it is about.
    pub user: &'a UserId,
    /// The document of the user, as the Management API shows it.
    pub person: &'a Value,
    /// What was granted.
    pub scope: &'a Scope,
    /// When the person approved.
    pub auth_time: Timestamp,
    /// How the person approved.
    pub act: Act<'a>,
    /// The transaction in which.
    pub txn: Option<TransactionId>,
}

/// The ID token (W166 to W170, WD22): never a `nonce`, never a `sid`.
pub fn id_token(identity: &Identity<'_>, now: Timestamp) -> Draft {
    let lifetime_s = identity.lifetime_s;
    let mut claims = dated(identity.issuer, identity.user.as_str(), now, lifetime_s);
    claims.insert("aud".into(), identity.client.as_str().into());
    claims.insert("auth_time".into(), identity.auth_time.seconds().into());
    if let Some(acr) = identity.act.acr {
        claims.insert("acr".into(), acr.into());
    }
    if !identity.act.amr.is_empty() {
        claims.insert("amr".into(), identity.act.amr.into());
    }
    if let Some(txn) = identity.txn {
        claims.insert("txn".into(), txn.to_string().into());
    }
    claims.extend(person_claims(identity.person, identity.scope));
    Draft { typ: "JWT", alg: identity.alg.to_owned(), claims, lifetime_s }
}

/// What a pushed ID token is bound to (C73).
#[derive(Clone, Copy)]
pub struct Bound<'a> {
    /// The request that it answers.
    pub auth_req_id: &'a str,
    /// The access token that comes with it.
    pub access_token: &'a str,
    /// The refresh token that comes with it.
    pub refresh_token: Option<&'a str>,
}

impl std::fmt::Debug for Bound<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bound(…)")
    }
}

/// Binds an ID token to the request and the tokens it is pushed with (C73).
pub fn bind(draft: &mut Draft, bound: &Bound<'_>) {
    let mut put = |name: &str, value: String| draft.claims.insert(name.to_owned(), value.into());
    put("at_hash", half_hash(&draft.alg, bound.access_token));
    put("urn:openid:params:jwt:claim:auth_req_id", bound.auth_req_id.to_owned());
    if let Some(token) = bound.refresh_token {
        put("urn:openid:params:jwt:claim:rt_hash", half_hash(&draft.alg, token));
    }
}

/// The left half of the hash that goes with the algorithm (OpenID Connect Core 3.1.3.6).
fn half_hash(alg: &str, token: &str) -> String {
    let algorithm = match alg {
        "RS512" | "Ed25519" | "EdDSA" => &SHA512,
        "RS384" => &SHA384,
        _ => &SHA256,
    };
    let digest = digest(algorithm, token.as_bytes());
    let (left, _) = digest.as_ref().split_at(algorithm.output_len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// The answer of `/userinfo` (W168, W193).
pub fn userinfo(user: &UserId, person: &Value, scope: &Scope) -> Map<String, Value> {
    let mut claims = person_claims(person, scope);
    claims.insert("sub".into(), user.as_str().into());
    claims
}

/// The audience of `/userinfo` in access tokens and consent records (W68, W158).
pub fn userinfo_audience(issuer: &str) -> String {
    format!("{issuer}userinfo")
}

/// What the scopes say about a person, out of the user's document.
fn person_claims(person: &Value, scope: &Scope) -> Map<String, Value> {
    let profile = PROFILE_CLAIMS.iter().filter(|_| scope.has("profile"));
    let email = EMAIL_CLAIMS.iter().filter(|_| scope.has("email"));
    profile
        .chain(email)
        .filter_map(|name| Some((*name, person.get(*name).filter(|value| !value.is_null())?)))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

fn dated(issuer: &str, subject: &str, now: Timestamp, lifetime_s: i64) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("iss".into(), issuer.into());
    claims.insert("sub".into(), subject.into());
    claims.insert("iat".into(), now.seconds().into());
    claims.insert("exp".into(), now.seconds().saturating_add(lifetime_s).into());
    claims
}
