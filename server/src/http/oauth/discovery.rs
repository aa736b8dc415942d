//! Metadata and key set: exactly what this server does, nothing more (W1 to W16).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::ciba::delivery::Mode;
use domain::ciba::hint;
use domain::ciba::profile::SignedRequests;
use domain::ciba::request::{CLAIMS, DEVICE_ACR, PASSKEY_ACR};
use domain::ciba::signed_request;
use domain::jose::{Algorithm, dpop};
use domain::oauth::client_document::TOKEN_ALGS;
use domain::oauth::refusal::Endpoint;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::App;
use crate::http::context::Now;
use crate::http::oauth::Face;
use crate::http::pages;
use crate::tenancy::{self, Context, Tenant};

/// `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
pub(crate) async fn metadata(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
) -> Response {
    let mut document = document(&context);
    if tenancy::rules(&context.tenant).iter().any(|one| one.reads_extras) {
        match app.details_types(&context.tenant.id, now).await {
            Ok(types) => with_types(&mut document, &types),
            Err(failure) => return Face::of_tenant(&context, Endpoint::Token).answer(&failure),
        }
    }
    json_answer(&document.to_string())
}

/// `GET /.well-known/jwks.json`.
pub(crate) async fn key_set(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
) -> Response {
    match app.signing_keys(&context.tenant.id, now).await {
        Ok(keys) => json_answer(keys.public_set()),
        Err(failure) => Face::of_tenant(&context, Endpoint::Token).answer(&failure),
    }
}

/// `GET /authorize`: discovery must name it (OpenID Connect Discovery 3), nobody is asked here.
pub(crate) async fn authorize(context: Context) -> Response {
    pages::message(
        &context,
        StatusCode::BAD_REQUEST,
        "There is no sign-in page here",
        &[
            "This server asks people on their own phones. A program starts such a request at \
             /bc-authorize; a browser is not needed.",
            "For programs: unsupported_response_type",
        ],
    )
}

fn document(context: &Context) -> Value {
    let url = |path: &str| context.base.url(path);
    let mut document = json!({
        "issuer": context.base.issuer,
        "authorization_endpoint": url("authorize"),
        "token_endpoint": url("oauth/token"),
        "userinfo_endpoint": url("userinfo"),
        "jwks_uri": url(".well-known/jwks.json"),
        "revocation_endpoint": url("oauth/revoke"),
        "introspection_endpoint": url("oauth/introspect"),
        "registration_endpoint": url("oidc/register"),
        "backchannel_authentication_endpoint": url("bc-authorize"),
        "backchannel_token_delivery_modes_supported": delivery_modes(context),
        "grant_types_supported":
            ["urn:openid:params:grant-type:ciba", "refresh_token", "client_credentials"],
        // Nothing is ever answered at the authorization endpoint; Discovery wants the member.
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": [
            "sub", "iss", "aud", "iat", "exp", "auth_time", "amr", "txn",
            "name", "nickname", "picture", "updated_at", "email", "email_verified",
        ],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": TOKEN_ALGS,
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": assertion_algs(),
        // A client without credentials may give back what it has (RFC 7009 2.1).
        "revocation_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "introspection_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS.map(Algorithm::name),
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    with_profiles(&mut document, &context.tenant);
    let is_on = context.tenant.settings.mtls.enable_endpoint_aliases;
    if let (true, Some(mtls)) = (is_on, &context.base.mtls) {
        with_certificates(&mut document, mtls);
    }
    document
}

/// RFC 9396 10: the types of details that its APIs have registered.
fn with_types(document: &mut Value, types: &[String]) {
    document["authorization_details_types_supported"] = json!(types);
}

/// What the profiles of the tenant's clients offer, together (decision 7).
fn delivery_modes(context: &Context) -> Vec<&'static str> {
    let (_, profiles) = tenancy::profiles(Some(&context.tenant));
    let is_offered =
        |mode: &Mode| profiles.iter().any(|one| one.rules().delivery_modes.contains(mode));
    Mode::ALL.into_iter().filter(is_offered).map(Mode::as_str).collect()
}

/// What the profiles of the tenant's clients add (decision 7).
fn with_profiles(document: &mut Value, tenant: &Tenant) {
    let rules = tenancy::rules(tenant);
    if rules.iter().any(|one| one.signed_requests != SignedRequests::Ignored) {
        let names = signed_request::ALGORITHMS.iter().flat_map(|one| one.accepted_names());
        let member = "backchannel_authentication_request_signing_alg_values_supported";
        document[member] = names.copied().collect();
    }
    if rules.iter().any(|one| one.reads_extras) {
        document["acr_values_supported"] = json!([DEVICE_ACR, PASSKEY_ACR]);
        document["claims_parameter_supported"] = true.into();
        if let Some(Value::Array(claims)) = document.get_mut("claims_supported") {
            claims.push("acr".into());
            let further: Vec<Value> = CLAIMS.into_iter().map(Value::from).collect();
            claims.extend(
                further.into_iter().filter(|one| !claims.contains(one)).collect::<Vec<_>>(),
            );
        }
        document["backchannel_user_code_parameter_supported"] = true.into();
    }
    // Without an issuer that the tenant trusts, no such token is taken.
    if rules.iter().any(|one| !one.only_login_hints) && !tenant.hint_issuers.is_empty() {
        document["backchannel_endpoint_login_hint_token_types_supported"] =
            json!(hint::TOKEN_TYPES);
    }
    if !rules.iter().any(|one| one.takes_secrets) {
        for endpoint in ["token", "revocation", "introspection"] {
            document[format!("{endpoint}_endpoint_auth_methods_supported")] =
                json!(["private_key_jwt"]);
        }
    }
    if !rules.iter().any(|one| one.takes_pkcs1) {
        let strong = |algorithms: &[&'static str]| -> Value {
            algorithms.iter().copied().filter(|name| !name.starts_with("RS")).collect()
        };
        document["id_token_signing_alg_values_supported"] = strong(&TOKEN_ALGS);
        document["token_endpoint_auth_signing_alg_values_supported"] = strong(&assertion_algs());
    }
}

/// The algorithms that a client's key can be registered for, by every name.
fn assertion_algs() -> Vec<&'static str> {
    Algorithm::ALL.iter().flat_map(|one| one.accepted_names()).copied().collect()
}

/// RFC 8705 5: where clients with certificates go, and what they may do there.
fn with_certificates(document: &mut Value, mtls: &str) {
    for endpoint in ["token", "revocation", "introspection"] {
        let member = format!("{endpoint}_endpoint_auth_methods_supported");
        if let Some(Value::Array(methods)) = document.get_mut(&member) {
            methods.extend(["tls_client_auth", "self_signed_tls_client_auth"].map(Value::from));
        }
    }
    document["mtls_endpoint_aliases"] = json!({
        "token_endpoint": format!("{mtls}oauth/token"),
        "revocation_endpoint": format!("{mtls}oauth/revoke"),
        "introspection_endpoint": format!("{mtls}oauth/introspect"),
        "userinfo_endpoint": format!("{mtls}userinfo"),
        "backchannel_authentication_endpoint": format!("{mtls}bc-authorize"),
    });
    document["tls_client_certificate_bound_access_tokens"] = true.into();
}

fn json_answer(body: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=15, stale-while-revalidate=15"),
        ),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, body.to_owned()).into_response()
}
