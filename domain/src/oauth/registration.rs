//! Clients that register themselves (RFC 7591, RFC 7592): their metadata, and the members of a
//! client's document that these become. What a document may hold is `client_document`'s say, here
//! is what holds for those only that no administrator wrote.

use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::Timestamp;
use crate::ciba::delivery::Mode;
use crate::ciba::hint_token::ALGORITHMS;
use crate::ciba::profile::Profile;
use crate::jose::{Jwk, Unverified, verify_by_set};
use crate::oauth::client::{
    ASSERTION_ALG, AUTH_METHOD, BOUND_TO_CERTIFICATE, BOUND_TO_KEY, CIBA_GRANT,
    CLIENT_CREDENTIALS_GRANT, DELIVERY_MODE, HINT_TOKEN_TYPES, JWKS, JWKS_URI,
    NOTIFICATION_ENDPOINT, REFRESH_TOKEN_GRANT, REQUEST_ALG, TLS_SUBJECT, USER_CODE,
};
use crate::oauth::client_document::MAX_STATEMENT_CHARS;
use crate::oauth::client_keys::asks_people;
use crate::oauth::document::{flag, list, text, words};
use crate::oauth::refusal::{Reason, Refusal};
use crate::shape::{InvalidBody, Object};

/// A client has so many redirect URIs at most.
const MAX_REDIRECT_URIS: usize = 20;
/// A URI of the metadata is not longer.
const MAX_URI_CHARS: usize = 2048;
/// `iat` and `nbf` of a software statement may lie this far ahead.
const SKEW_SECONDS: i64 = 10;

/// Metadata that are members of the document under the same name, and are gone when an update
/// leaves them out (RFC 7592 2.2).
const FLEETING: [&str; 10] = [
    "grant_types",
    ASSERTION_ALG,
    JWKS,
    JWKS_URI,
    TLS_SUBJECT,
    DELIVERY_MODE,
    NOTIFICATION_ENDPOINT,
    REQUEST_ALG,
    USER_CODE,
    "logo_uri",
];
/// Those that stay when an update leaves them out, lest a client becomes weaker by silence (A21).
const LASTING: [&str; 10] = [
    AUTH_METHOD,
    BOUND_TO_CERTIFICATE,
    BOUND_TO_KEY,
    "use_mtls_endpoint_aliases",
    "software_statement",
    "hint_parameters",
    "login_hint_formats",
    HINT_TOKEN_TYPES,
    "profile",
    "fapi_version",
];
/// Those that a client chooses once; later they are an administrator's to change.
const CHOSEN_ONCE: [&str; 3] = ["profile", "fapi_version", "assertion_audience"];
/// What the server gives and a client must not send back (RFC 7592 2.2).
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];
/// Metadata that would be a promise we do not keep, were they ignored.
const UNSUPPORTED: [&str; 9] = [
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "sector_identifier_uri",
];
/// Grant types that can be used here.
const GRANTS: [&str; 3] = [CIBA_GRANT, REFRESH_TOKEN_GRANT, CLIENT_CREDENTIALS_GRANT];
/// Those that clients of Auth0's register besides.
const GRANTS_OF_AUTH0: [&str; 2] = ["authorization_code", "implicit"];

/// Who signs software statements that count: `iss` and keys.
pub type StatementIssuer = (String, Vec<Jwk>);

fn bad(what: impl Into<String>) -> Refusal {
    Refusal::because(Reason::InvalidClientMetadata, what.into())
}

/// What the rules of all clients' documents refuse, in the words of RFC 7591.
pub fn refused(invalid: &InvalidBody) -> Refusal {
    const HEAD: &str = "Payload validation error: ";
    let message = invalid.message.as_str();
    bad(message.strip_prefix(HEAD).unwrap_or(message))
}

/// The claims of a software statement that are metadata (RFC 7591 2.3, 3.1.1).
pub fn statement(
    metadata: &Object,
    trusted: &[StatementIssuer],
    now: Timestamp,
) -> Result<Object, Refusal> {
    const OWN_CLAIMS: [&str; 8] =
        ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "software_statement"];
    let invalid = |what: &str| {
        let text = format!("software_statement cannot be used: {what}");
        Refusal::because(Reason::InvalidSoftwareStatement, text)
    };
    let Some(jwt) = metadata.get("software_statement").filter(|jwt| !jwt.is_null()) else {
        return Ok(Object::new());
    };
    let jwt = jwt.as_str().ok_or_else(|| invalid("it is no string"))?;
    let token = Unverified::parse(jwt, MAX_STATEMENT_CHARS).map_err(|e| invalid(&e.to_string()))?;
    let header = token.header();
    if header.typ.is_some() && !header.is_type("JWT") {
        return Err(invalid("typ is that of another kind of token"));
    }
    let named = token.unverified_claims().map_err(|e| invalid(&e.to_string()))?;
    let issuer = named.text("iss").map_err(|e| invalid(&e.to_string()))?;
    let Some((_, keys)) = trusted.iter().find(|(name, _)| name == issuer) else {
        return Err(Reason::UnapprovedSoftwareStatement.into());
    };
    let claims = verify_by_set(&token, keys, &ALGORITHMS).map_err(|e| invalid(&e.to_string()))?;
    let date = |name| claims.optional_numeric_date(name).map_err(|e| invalid(&e.to_string()));
    if date("exp")?.is_some_and(|end| end <= now) {
        return Err(invalid("exp is past"));
    }
    let latest = now.plus_seconds(SKEW_SECONDS);
    if date("iat")?.is_some_and(|at| at > latest) || date("nbf")?.is_some_and(|at| at > latest) {
        return Err(invalid("iat or nbf is in the future"));
    }
    let is_metadata = |(name, _): &(String, Value)| !OWN_CLAIMS.contains(&name.as_str());
    Ok(claims.into_map().into_iter().filter(is_metadata).collect())
}

/// The members of the document of a new client with these metadata.
pub fn new_members(metadata: &Object, default_profile: Profile) -> Result<Object, Refusal> {
    let named = metadata.get("profile").and_then(Value::as_str).and_then(Profile::from_name);
    let is_auth0 = named.unwrap_or(default_profile) == Profile::Auth0;
    let mut members = members(metadata)?;
    members.extend(copied(metadata, &["assertion_audience"]));
    let method = if is_auth0 { "client_secret_post" } else { "client_secret_basic" };
    let grants = if is_auth0 { json!(["authorization_code", "refresh_token"]) } else { json!([]) };
    for (name, value) in [(AUTH_METHOD, Value::from(method)), ("grant_types", grants)] {
        members.entry(name).or_insert(value);
    }
    // Who registers itself is somebody else, whom an administrator may call one of the house.
    members.insert("is_first_party".into(), false.into());
    members.insert("oidc_conformant".into(), true.into());
    Ok(members)
}

/// The change of a document that an update with these metadata is; `existing` is the document.
pub fn changed_members(metadata: &Object, existing: &Value) -> Result<Object, Refusal> {
    if let Some(name) = OURS.into_iter().find(|name| metadata.contains_key(*name)) {
        return Err(bad(format!("{name} must not be sent")));
    }
    if metadata.get("client_id") != existing.get("client_id") {
        return Err(bad("client_id must be that of the client"));
    }
    let is_other = |name: &&str| {
        metadata
            .get(*name)
            .is_some_and(|value| !value.is_null() && Some(value) != existing.get(*name))
    };
    if let Some(name) = CHOSEN_ONCE.into_iter().find(is_other) {
        return Err(bad(format!("{name} can be changed by an administrator only")));
    }
    let mut members = members(metadata)?;
    for name in FLEETING.into_iter().chain(["callbacks"]) {
        members.entry(name).or_insert(Value::Null);
    }
    if members.get("grant_types") == Some(&Value::Null) {
        members.insert("grant_types".into(), json!([]));
    }
    Ok(members)
}

fn members(metadata: &Object) -> Result<Object, Refusal> {
    let given = |name: &str| metadata.get(name).filter(|value| !value.is_null());
    if let Some(name) = UNSUPPORTED.into_iter().find(|name| given(name).is_some()) {
        return Err(bad(format!("{name} is not supported")));
    }
    if given("subject_type").is_some_and(|kind| kind != "public") {
        return Err(bad("subject_type must be public"));
    }
    if given("response_types").is_some_and(|types| !is_words(types)) {
        return Err(bad("response_types must be a list of strings"));
    }
    if given("logo_uri").is_some_and(|uri| !is_web_address(uri)) {
        return Err(bad("logo_uri must be an https address"));
    }
    let mut members = copied(metadata, &FLEETING);
    members.extend(copied(metadata, &LASTING));
    if let Some(uris) = given("redirect_uris") {
        members.insert("callbacks".into(), redirect_uris(uris)?);
    }
    if let Some(name) = given("client_name") {
        members.insert("name".into(), name.clone());
    }
    if let Some(alg) = given("id_token_signed_response_alg") {
        members.insert("jwt_configuration".into(), json!({ "alg": alg }));
    }
    Ok(members)
}

/// Those of `names` that are there. `null` and the empty text are the same as nothing (RFC 7592 2.2).
fn copied(metadata: &Object, names: &[&str]) -> Object {
    let given = |name: &&str| {
        let value = metadata.get(*name)?;
        (!value.is_null() && value != "").then(|| ((*name).to_owned(), value.clone()))
    };
    names.iter().filter_map(given).collect()
}

fn is_words(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

fn is_web_address(value: &Value) -> bool {
    let text = value.as_str().filter(|text| text.len() <= MAX_URI_CHARS);
    text.and_then(|text| Url::parse(text).ok()).is_some_and(|url| url.scheme() == "https")
}

/// RFC 7591 2 and RFC 8252: https, an app's own scheme, or plain http on the same machine.
fn redirect_uris(value: &Value) -> Result<Value, Refusal> {
    let invalid = |what: String| Refusal::because(Reason::InvalidRedirectUri, what);
    let list = value.as_array().filter(|list| list.len() <= MAX_REDIRECT_URIS);
    let shape = || format!("redirect_uris must be a list of at most {MAX_REDIRECT_URIS} URIs");
    for uri in list.ok_or_else(|| invalid(shape()))? {
        let text = uri.as_str().filter(|text| text.len() <= MAX_URI_CHARS);
        let url = text.and_then(|text| Url::parse(text).ok()).ok_or_else(|| invalid(shape()))?;
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_good = match url.scheme() {
            "https" => true,
            "http" => is_here,
            own => own.contains('.'),
        };
        if !is_good || url.fragment().is_some() {
            return Err(invalid(String::from(
                "A redirect URI must be https, http on the same machine, or of a scheme such as \
                 com.example.app, without a fragment",
            )));
        }
    }
    Ok(value.clone())
}

/// What holds for the document of a client that registered itself: C7, C8, C18.
pub fn check(document: &Value) -> Result<(), Refusal> {
    let members = document.as_object().ok_or_else(|| bad("no object"))?;
    let is_auth0 = text(document, "profile") == Some(Profile::Auth0.as_str());
    let grants = words(document, "grant_types");
    let is_known = |grant: &&String| {
        let grant = grant.as_str();
        GRANTS.contains(&grant) || (is_auth0 && GRANTS_OF_AUTH0.contains(&grant))
    };
    if let Some(other) = grants.iter().find(|grant| !is_known(grant)) {
        return Err(bad(format!("grant_types: {other} is not supported")));
    }
    let asks = grants.iter().any(|grant| grant == CIBA_GRANT);
    let mode = text(document, DELIVERY_MODE).and_then(Mode::from_name);
    match mode {
        Some(Mode::Poll | Mode::Ping) if !asks => {
            return Err(bad(format!("grant_types must hold {CIBA_GRANT} for modes poll and ping")));
        }
        None if asks => {
            return Err(bad(format!("{DELIVERY_MODE} is required with {CIBA_GRANT}")));
        }
        Some(_) | None => {}
    }
    if asks_people(members) && text(document, AUTH_METHOD) == Some("none") {
        return Err(bad("a client that asks people must authenticate"));
    }
    if asks_people(members) && is_auth0 && !flag(document, "is_first_party", true) {
        return Err(bad("a third party cannot use CIBA in this profile"));
    }
    if grants.is_empty() && mode != Some(Mode::Push) {
        return Err(bad("grant_types is required"));
    }
    Ok(())
}

/// C15, C80: whether the notification endpoint is the client's: a trusted statement names it, it is
/// on the host of `jwks_uri`, or both are what they were.
pub fn owns_endpoint(
    document: &Value,
    vouched: &Object,
    before: Option<&Value>,
) -> Result<(), Refusal> {
    let Some(endpoint) = text(document, NOTIFICATION_ENDPOINT) else { return Ok(()) };
    let host = |address: &str| Url::parse(address).ok()?.host_str().map(str::to_owned);
    let is_vouched = vouched.get(NOTIFICATION_ENDPOINT).and_then(Value::as_str) == Some(endpoint);
    let keys = text(document, JWKS_URI).and_then(host);
    let is_neighbour = keys.is_some() && keys == host(endpoint);
    let is_as_before = before.is_some_and(|before| {
        let is_same = |name| before.get(name) == document.get(name);
        is_same(NOTIFICATION_ENDPOINT) && is_same(JWKS_URI)
    });
    if is_vouched || is_neighbour || is_as_before {
        return Ok(());
    }
    Err(bad(format!(
        "{NOTIFICATION_ENDPOINT} must be on the host of jwks_uri or stand in a software statement"
    )))
}

/// A21: an update never makes a client weaker.
pub fn may_become(was: &Value, is: &Value) -> Result<(), InvalidBody> {
    let strength = |document: &Value| match text(document, AUTH_METHOD) {
        Some("none") => 0,
        Some("client_secret_post" | "client_secret_basic") => 1,
        Some(_) | None => 2,
    };
    let (before, after) = (strength(was), strength(is));
    if (before == 0) != (after == 0) {
        let what = "a public client cannot become confidential, nor the other way round";
        return Err(InvalidBody::because(what));
    }
    if after < before {
        return Err(InvalidBody::because("a key or certificate cannot give way to a secret"));
    }
    let is_lost = |name: &&str| flag(was, name, false) && !flag(is, name, false);
    if let Some(name) = [BOUND_TO_CERTIFICATE, BOUND_TO_KEY].into_iter().find(is_lost) {
        return Err(InvalidBody::because(format!("{name} cannot be taken back")));
    }
    Ok(())
}

/// The metadata of a client as its document has them (RFC 7591 3.2.1; C16).
pub fn shown(document: &Value) -> Object {
    let mut shown = Object::new();
    let mut put = |name: &str, value: Option<&Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            shown.insert(name.to_owned(), value.clone());
        }
    };
    for name in ["client_id", "assertion_audience"].into_iter().chain(FLEETING).chain(LASTING) {
        put(name, document.get(name));
    }
    put("client_name", document.get("name"));
    put("id_token_signed_response_alg", document.pointer("/jwt_configuration/alg"));
    let methods = document.get("client_authentication_methods").and_then(Value::as_object);
    if let Some(method) = methods.and_then(|methods| methods.keys().next()) {
        put(AUTH_METHOD, Some(&method.as_str().into()));
    }
    let uris: Vec<Value> = list(document, "callbacks").cloned().collect();
    put("redirect_uris", Some(&uris.into()));
    put("response_types", Some(&json!([])));
    put("subject_type", Some(&json!("public")));
    if document.as_object().is_some_and(asks_people) {
        put(USER_CODE, Some(&flag(document, USER_CODE, false).into()));
    }
    shown
}

/// What an administrator lets everybody register with an initial access token: its own metadata
/// over what the client says.
pub fn overlaid(metadata: Object, fixed: &Map<String, Value>) -> Object {
    let mut metadata = metadata;
    metadata.extend(fixed.clone());
    metadata
}
