//! How a client's document says how the client proves who it is: the method, and the keys it needs.

use serde_json::{Map, Value};

use crate::ciba::delivery::Mode;
use crate::ciba::profile::Profile;
use crate::jose::{Algorithm, parse_set};
use crate::oauth::client::{
    ASSERTION_ALG, AUTH_METHOD, CIBA_GRANT, DELIVERY_MODE, JWKS, JWKS_URI, TLS_SUBJECT,
};
use crate::oauth::client_document::notification_endpoint;
use crate::oauth::document::invalid;
use crate::oauth::subject::Subject;
use crate::shape::InvalidBody;

/// The methods that are members of themselves; those with stored credentials stand in
/// `client_authentication_methods`.
pub(super) const METHODS: [&str; 6] = [
    "none",
    "client_secret_post",
    "client_secret_basic",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
];
/// The methods that are a shared secret.
const SECRETS: [&str; 2] = ["client_secret_post", "client_secret_basic"];

/// What assertions can be signed with.
pub(super) const ASSERTION_ALGS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519", "EdDSA"];

/// A client's own key set is not larger, in bytes of JSON.
const MAX_JWKS_BYTES: usize = 32 * 1024;
/// The subject of a certificate is not longer.
const MAX_SUBJECT_CHARS: usize = 256;

/// RFC 7591: the client's public keys, of which at least one is good for something.
pub(super) fn jwks(value: &Value) -> Result<Value, String> {
    if value.to_string().len() > MAX_JWKS_BYTES {
        return Err(format!("must not be longer than {MAX_JWKS_BYTES} bytes"));
    }
    let keys = parse_set(value).map_err(|error| format!("is no public key set: {error}"))?;
    if keys.is_empty() { Err("has no usable key".to_owned()) } else { Ok(value.clone()) }
}

/// Where the client's public keys are: an address like that of its notification endpoint.
pub(super) fn jwks_uri(value: &Value) -> Result<Value, String> {
    notification_endpoint(value)
}

/// RFC 8705 2.1.2: the subject that the client's certificates name.
pub(super) fn subject(value: &Value) -> Result<Value, String> {
    let text = value.as_str().filter(|text| text.chars().count() <= MAX_SUBJECT_CHARS);
    match text.and_then(Subject::parse) {
        Some(_) => Ok(value.clone()),
        None => Err(format!(
            "must be a distinguished name such as CN=client,O=Example of at most \
             {MAX_SUBJECT_CHARS} characters"
        )),
    }
}

/// The merged document: a method has what it needs, and is one that profile and tenant take.
pub(super) fn check(
    document: &Map<String, Value>,
    (profile, refuses_secrets): (Profile, bool),
    body: &Map<String, Value>,
) -> Result<(), InvalidBody> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let has = |name: &str| document.get(name).is_some_and(|value| !value.is_null());
    if has(JWKS) && has(JWKS_URI) {
        return Err(invalid("jwks and jwks_uri exclude each other"));
    }
    let method = text(AUTH_METHOD);
    match method {
        Some(method @ ("private_key_jwt" | "self_signed_tls_client_auth"))
            if !has(JWKS) && !has(JWKS_URI) =>
        {
            return Err(invalid(format!("jwks or jwks_uri is required for {method}")));
        }
        Some("tls_client_auth") if !has(TLS_SUBJECT) => {
            return Err(invalid("tls_client_auth_subject_dn is required for tls_client_auth"));
        }
        Some(_) | None => {}
    }
    let is_secret = method.is_some_and(|method| SECRETS.contains(&method));
    let is_named = body.get(AUTH_METHOD).is_some_and(|value| !value.is_null());
    if is_secret && is_named && !profile.rules().takes_secrets {
        return Err(invalid(format!("{profile} takes no shared secrets")));
    }
    if is_secret && refuses_secrets && asks_people(document) {
        return Err(invalid("the tenant wants a key or certificate of clients that ask people"));
    }
    let alg = text(ASSERTION_ALG).and_then(Algorithm::from_name);
    if alg.is_some_and(Algorithm::is_pkcs1) && !profile.rules().takes_pkcs1 {
        return Err(invalid(format!("{profile} takes no RS256, RS384 or RS512")));
    }
    Ok(())
}

/// Whether the client uses CIBA: by its grant, or in push mode without one (C8).
pub(super) fn asks_people(document: &Map<String, Value>) -> bool {
    let mut grants = document.get("grant_types").and_then(Value::as_array).into_iter().flatten();
    grants.any(|grant| grant == CIBA_GRANT)
        || document.get(DELIVERY_MODE).and_then(Value::as_str) == Some(Mode::Push.as_str())
}
