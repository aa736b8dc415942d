//! What administrators may write into a client's document, and what stands there if they do not
//! (W180 to W182, W263 to W267, W57, WD38). What the protocol reads out of it is `client`.

use serde_json::{Map, Value, json};

use crate::ClientId;
use crate::ciba::delivery::Mode;
use crate::ciba::hint;
use crate::ciba::profile::Profile;
use crate::ciba::prompt_limits;
use crate::ciba::request::SCRIPTS;
use crate::oauth::client::{
    ASSERTION_ALG, AUTH_METHOD, BOUND_TO_CERTIFICATE, BOUND_TO_KEY, CIBA_GRANT,
    DEFAULT_MAX_REQUESTED_EXPIRY_S, DELIVERY_MODE, HINT_TOKEN_TYPES, JWKS, JWKS_URI,
    LONGEST_REQUESTED_EXPIRY_S, NOTIFICATION_ENDPOINT, REQUEST_ALG, TLS_SUBJECT, USER_CODE,
};
use crate::oauth::client_keys;
use crate::oauth::client_site;
use crate::oauth::document::{Kind, Member, invalid, merged, object};
use crate::shape::InvalidBody;

/// W269: a client may have at most so many credentials of a kind.
pub const MAX_CREDENTIALS: usize = 2;

/// The algorithms tokens can be signed with; HS256 is not one of them (WD38).
pub const TOKEN_ALGS: [&str; 4] = ["RS256", "RS512", "PS256", "ES256"];

/// The algorithms requests can be signed with (C10, C34), `EdDSA` by both its names.
const REQUEST_ALGS: [&str; 4] = ["PS256", "ES256", "EdDSA", "Ed25519"];

/// A software statement is not longer.
pub const MAX_STATEMENT_CHARS: usize = 8 * 1024;

const YEAR_S: i64 = 31_557_600;
const MONTH_S: i64 = 2_592_000;

const METHODS: [&str; 3] = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];

const MEMBERS: &[Member] = &[
    ("name", Kind::Own(name)),
    ("description", Kind::Own(description)),
    (client_site::LOGO_URI, Kind::Kept),
    ("app_type", Kind::Text(64)),
    ("is_first_party", Kind::Flag),
    ("oidc_conformant", Kind::Flag),
    ("grant_types", Kind::Texts(32, 255)),
    (AUTH_METHOD, Kind::OneOf(&client_keys::METHODS)),
    ("client_authentication_methods", Kind::Own(authentication_methods)),
    (
        "async_approval_notification_channels",
        Kind::SomeOf(&["guardian-push", "email", "my-account"]),
    ),
    (
        "jwt_configuration",
        Kind::Object(&[
            ("alg", Kind::Own(token_alg)),
            ("lifetime_in_seconds", Kind::Integer(1, MONTH_S)),
            ("secret_encoded", Kind::Flag),
            ("scopes", Kind::Kept),
        ]),
    ),
    (
        "refresh_token",
        Kind::Object(&[
            ("rotation_type", Kind::OneOf(&["rotating", "non-rotating"])),
            ("expiration_type", Kind::OneOf(&["expiring", "non-expiring"])),
            ("leeway", Kind::Integer(0, 60)),
            ("token_lifetime", Kind::Integer(1, YEAR_S)),
            ("idle_token_lifetime", Kind::Integer(1, YEAR_S)),
            ("infinite_token_lifetime", Kind::Flag),
            ("infinite_idle_token_lifetime", Kind::Flag),
            ("policies", Kind::Kept),
        ]),
    ),
    ("client_metadata", Kind::Own(client_metadata)),
    // ours
    (client_site::DOMAIN, Kind::Own(client_site::domain)),
    ("max_requested_expiry", Kind::Integer(1, LONGEST_REQUESTED_EXPIRY_S)),
    ("assertion_audience", Kind::OneOf(&["strict", "ciba-2021"])),
    ("binding_message_required", Kind::Flag),
    ("binding_message_scripts", Kind::SomeOf(&SCRIPTS)),
    (REQUEST_ALG, Kind::OneOf(&REQUEST_ALGS)),
    (USER_CODE, Kind::Flag),
    (JWKS, Kind::Own(client_keys::jwks)),
    (JWKS_URI, Kind::Own(client_keys::jwks_uri)),
    (ASSERTION_ALG, Kind::OneOf(&client_keys::ASSERTION_ALGS)),
    (TLS_SUBJECT, Kind::Own(client_keys::subject)),
    ("software_statement", Kind::Text(MAX_STATEMENT_CHARS)),
    ("fapi_version", Kind::OneOf(&["1.0", "2.0"])),
    ("request_context_required", Kind::Flag),
    ("match_code_required", Kind::Flag),
    ("passkey_required", Kind::Flag),
    ("prompt_limits", Kind::Own(prompt_limits::checked)),
    // F39: what the client means to do; both addresses are there for it.
    ("use_mtls_endpoint_aliases", Kind::Flag),
    (BOUND_TO_CERTIFICATE, Kind::Flag),
    (BOUND_TO_KEY, Kind::Flag),
    ("hint_parameters", Kind::SomeOf(&hint::PARAMETERS)),
    ("login_hint_formats", Kind::SomeOf(&hint::FORMATS)),
    (HINT_TOKEN_TYPES, Kind::SomeOf(&hint::TOKEN_TYPES)),
    ("profile", Kind::OneOf(&["auth0", "ciba", "fapi-ciba"])),
    (DELIVERY_MODE, Kind::OneOf(&["poll", "ping", "push"])),
    (NOTIFICATION_ENDPOINT, Kind::Own(notification_endpoint)),
    // known to Auth0, not used by us
    ("callbacks", Kind::Kept),
    ("allowed_origins", Kind::Kept),
    ("web_origins", Kind::Kept),
    ("allowed_logout_urls", Kind::Kept),
    ("allowed_clients", Kind::Kept),
    ("client_aliases", Kind::Kept),
    ("sso", Kind::Kept),
    ("sso_disabled", Kind::Kept),
    ("cross_origin_authentication", Kind::Kept),
    ("cross_origin_auth", Kind::Kept),
    ("cross_origin_loc", Kind::Kept),
    ("custom_login_page", Kind::Kept),
    ("custom_login_page_on", Kind::Kept),
    ("custom_login_page_preview", Kind::Kept),
    ("form_template", Kind::Kept),
    ("initiate_login_uri", Kind::Kept),
    ("addons", Kind::Kept),
    ("mobile", Kind::Kept),
    ("native_social_login", Kind::Kept),
    ("encryption_key", Kind::Kept),
    ("organization_usage", Kind::Kept),
    ("organization_require_behavior", Kind::Kept),
    ("organization_discovery_methods", Kind::Kept),
    ("default_organization", Kind::Kept),
    ("oidc_logout", Kind::Kept),
    ("oidc_backchannel_logout", Kind::Kept),
    ("signed_request_object", Kind::Kept),
    ("require_pushed_authorization_requests", Kind::Kept),
    ("require_proof_of_possession", Kind::Kept),
    ("compliance_level", Kind::Kept),
    ("par_request_expiry", Kind::Kept),
    ("session_transfer", Kind::Kept),
    ("token_exchange", Kind::Kept),
    ("token_quota", Kind::Kept),
    ("resource_server_identifier", Kind::Text(600)),
    ("skip_non_verifiable_callback_uri_confirmation_prompt", Kind::Kept),
];

/// What a tenant lets its clients be (decision 7).
#[derive(Clone, Copy, Debug)]
pub struct ClientRules<'a> {
    /// The profile of a client that names none.
    pub default_profile: Profile,
    /// The profiles a client may have.
    pub profiles: &'a [Profile],
    /// Whether clients that ask people must not authenticate with a secret (C22).
    pub refuses_secrets: bool,
}

/// The document of a new client out of the body of `POST /clients` (W263).
///
/// Credentials in the body must already be `{"id": …}`: whoever calls has stored them.
pub fn created(
    body: &Value,
    client_id: &ClientId,
    rules: &ClientRules<'_>,
) -> Result<Value, InvalidBody> {
    let body = object(body)?;
    if body.get("name").is_none_or(Value::is_null) {
        return Err(invalid("name is required"));
    }
    let defaults = defaults(rules);
    let mut document = merged(&defaults, body, MEMBERS, &defaults)?;
    document.insert("client_id".into(), client_id.as_str().into());
    finished(document, body, rules)
}

/// The document after the body of `PATCH /clients/{id}`.
pub fn patched(
    existing: &Value,
    body: &Value,
    rules: &ClientRules<'_>,
) -> Result<Value, InvalidBody> {
    let body = object(body)?;
    let existing = object(existing)?;
    let document = merged(existing, body, MEMBERS, &defaults(rules))?;
    finished(document, body, rules)
}

/// The rules that look at more than one member.
fn finished(
    mut document: Map<String, Value>,
    body: &Map<String, Value>,
    rules: &ClientRules<'_>,
) -> Result<Value, InvalidBody> {
    let is_set =
        |from: &Map<String, Value>, name: &str| from.get(name).is_some_and(|v| !v.is_null());
    if is_set(&document, "client_authentication_methods") {
        if is_set(body, "token_endpoint_auth_method") {
            return Err(invalid(
                "token_endpoint_auth_method and client_authentication_methods exclude each other",
            ));
        }
        document.insert("token_endpoint_auth_method".into(), Value::Null);
    } else if !is_set(&document, "token_endpoint_auth_method") {
        document.insert("token_endpoint_auth_method".into(), "client_secret_post".into());
    }
    let profile = document.get("profile").and_then(Value::as_str).and_then(Profile::from_name);
    if !profile.is_some_and(|profile| rules.profiles.contains(&profile)) {
        let names: Vec<_> = rules.profiles.iter().map(|profile| profile.as_str()).collect();
        return Err(invalid(format!("profile must be one of this tenant's: {}", names.join(", "))));
    }
    if let Some(profile) = profile {
        delivery(&document, profile)?;
        fapi(profile, &mut document, body)?;
        client_keys::check(&document, (profile, rules.refuses_secrets), body)?;
    }
    Ok(Value::Object(document))
}

/// C7 to C9, F4: the mode is one of the profile's, and has what it needs.
fn delivery(document: &Map<String, Value>, profile: Profile) -> Result<(), InvalidBody> {
    let named = document.get(DELIVERY_MODE).and_then(Value::as_str);
    let mode = named.and_then(Mode::from_name).unwrap_or(Mode::Poll);
    let offered = profile.rules().delivery_modes;
    if !offered.contains(&mode) {
        let modes: Vec<_> = offered.iter().map(|mode| mode.as_str()).collect();
        let modes = modes.join(", ");
        return Err(invalid(format!("{DELIVERY_MODE} must be one of the profile's: {modes}")));
    }
    let has_endpoint = document.get(NOTIFICATION_ENDPOINT).is_some_and(Value::is_string);
    if mode.notifies() && !has_endpoint {
        return Err(invalid(format!(
            "{NOTIFICATION_ENDPOINT} is required for mode {}",
            mode.as_str()
        )));
    }
    let mut grants = document.get("grant_types").and_then(Value::as_array).into_iter().flatten();
    if mode == Mode::Ping && !grants.any(|grant| grant == CIBA_GRANT) {
        return Err(invalid(format!("grant_types must hold {CIBA_GRANT} for mode ping")));
    }
    Ok(())
}

/// F17, F26, F34, F35: what profile `fapi-ciba` asks of a registration.
fn fapi(
    profile: Profile,
    document: &mut Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<(), InvalidBody> {
    if profile.rules().takes_pkcs1 {
        return Ok(());
    }
    let is_named = body.get("jwt_configuration").is_some_and(|jwt| jwt.get("alg").is_some());
    let jwt = document.entry("jwt_configuration").or_insert_with(|| json!({}));
    let is_weak = jwt.get("alg").and_then(Value::as_str).is_none_or(|alg| alg.starts_with("RS"));
    if is_weak && is_named {
        return Err(invalid(format!("{profile} signs tokens with PS256 or ES256")));
    }
    if let (true, Some(jwt)) = (is_weak, jwt.as_object_mut()) {
        jwt.insert("alg".into(), "ES256".into());
    }
    let is_text = |name: &str, text: &str| document.get(name).and_then(Value::as_str) == Some(text);
    if !is_text("fapi_version", "2.0") {
        return Ok(());
    }
    if is_text("assertion_audience", "ciba-2021") {
        return Err(invalid(
            "assertion_audience ciba-2021 and fapi_version 2.0 exclude each other",
        ));
    }
    let rotation = document.get("refresh_token").and_then(|settings| settings.get("rotation_type"));
    if rotation.is_some_and(|kind| kind == "rotating") {
        return Err(invalid(
            "refresh_token.rotation_type rotating and fapi_version 2.0 exclude each other",
        ));
    }
    Ok(())
}

/// C9: an https address that can be called as it stands. Whether it may be, is asked later.
pub(super) fn notification_endpoint(value: &Value) -> Result<Value, String> {
    const MAX: usize = 2048;
    let shape = || {
        format!(
            "must be an https address of at most {MAX} characters, without user name and fragment"
        )
    };
    let text = value.as_str().filter(|text| text.len() <= MAX).ok_or_else(shape)?;
    let url = url::Url::parse(text).map_err(|_no_url| shape())?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if url.scheme() == "https" && url.host().is_some() && is_bare {
        Ok(value.clone())
    } else {
        Err(shape())
    }
}

fn defaults(rules: &ClientRules<'_>) -> Map<String, Value> {
    let defaults = json!({
        "name": "",
        "is_first_party": true,
        "oidc_conformant": false,
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "token_endpoint_auth_method": "client_secret_post",
        "async_approval_notification_channels": ["guardian-push"],
        "jwt_configuration": { "alg": "RS256", "lifetime_in_seconds": 36_000, "secret_encoded": false },
        "refresh_token": {
            "rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": 0,
            "token_lifetime": MONTH_S, "idle_token_lifetime": 1_296_000,
            "infinite_token_lifetime": true, "infinite_idle_token_lifetime": true,
        },
        "profile": rules.default_profile.as_str(),
        "max_requested_expiry": DEFAULT_MAX_REQUESTED_EXPIRY_S,
        "assertion_audience": "strict",
        "binding_message_required": false,
        "sso_disabled": false,
        "cross_origin_authentication": false,
        "custom_login_page_on": true,
    });
    match defaults {
        Value::Object(defaults) => defaults,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

fn name(value: &Value) -> Result<Value, String> {
    const MAX: usize = 255;
    let name = value.as_str().map(str::trim).filter(|name| !name.is_empty());
    let acceptable = name.filter(|name| {
        name.chars().count() <= MAX && !name.chars().any(|c| c.is_control() || "<>".contains(c))
    });
    acceptable
        .map(Value::from)
        .ok_or_else(|| format!("must be a string of 1 to {MAX} characters without < and >"))
}

fn description(value: &Value) -> Result<Value, String> {
    const MAX: usize = 140;
    match value.as_str() {
        Some(text) if text.chars().count() <= MAX => Ok(value.clone()),
        Some(_) | None => Err(format!("must be a string of at most {MAX} characters")),
    }
}

/// WD38: secrets are kept as hashes, so nothing can be signed with them.
pub(super) fn token_alg(value: &Value) -> Result<Value, String> {
    match value.as_str() {
        Some(alg) if TOKEN_ALGS.contains(&alg) => Ok(value.clone()),
        Some("HS256") => {
            Err("must not be HS256: secrets are kept only as hashes and cannot sign".to_owned())
        }
        Some(_) | None => Err(format!("must be one of {}", TOKEN_ALGS.join(", "))),
    }
}

fn client_metadata(value: &Value) -> Result<Value, String> {
    const MAX_KEYS: usize = 10;
    const MAX: usize = 255;
    let fault = || {
        format!(
            "must be an object of at most {MAX_KEYS} strings, none longer than {MAX} characters"
        )
    };
    let object = value.as_object().filter(|object| object.len() <= MAX_KEYS).ok_or_else(fault)?;
    let is_short = |text: &str| text.chars().count() <= MAX;
    let mut kept = Map::new();
    for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let text =
            value.as_str().filter(|text| is_short(text) && is_short(key)).ok_or_else(fault)?;
        kept.insert(key.clone(), text.into());
    }
    Ok(Value::Object(kept))
}

/// W267: exactly one method, with credentials by id.
fn authentication_methods(value: &Value) -> Result<Value, String> {
    let shape = || {
        format!(
            "must have exactly one of {}, as {{\"credentials\":[{{\"id\":\"cred_…\"}}]}}",
            METHODS.join(", ")
        )
    };
    let object = value.as_object().ok_or_else(shape)?;
    let mut set = object.iter().filter(|(_, method)| !method.is_null());
    let (Some((method, setting)), None) = (set.next(), set.next()) else { return Err(shape()) };
    if !METHODS.contains(&method.as_str()) {
        return Err(shape());
    }
    let credentials = setting.get("credentials").and_then(Value::as_array).ok_or_else(shape)?;
    if credentials.is_empty() || credentials.len() > MAX_CREDENTIALS {
        return Err(format!("must name 1 to {MAX_CREDENTIALS} credentials"));
    }
    let ids: Option<Vec<Value>> = credentials
        .iter()
        .map(|credential| Some(json!({ "id": credential.get("id")?.as_str()? })))
        .collect();
    Ok(json!({ method: { "credentials": ids.ok_or_else(shape)? } }))
}
