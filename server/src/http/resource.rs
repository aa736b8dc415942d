//! The sample API of `aizuchi dev`: `GET /dev/resource` and what it tells of itself (RFC 9728).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::TenantId;
use domain::jose::{Algorithm, dpop};
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::context::Now;
use super::oauth::{Face, json as json_answer, presented};
use super::pages;
use super::visit::Visit;
use crate::App;
use crate::flows;
use crate::meta::{self, Meta};
use crate::tenancy::Context;

/// Where the sample API is, below a tenant's address.
const PATH: &str = "dev/resource";
/// What RFC 9728 (3) puts between host and path of a resource.
const WELL_KNOWN: &str = ".well-known/oauth-protected-resource";

/// `GET /dev/resource`: the claims of the access token that is shown.
pub(super) async fn resource(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&parts.headers, &app.entropy);
    let outcome = match presented(&parts, Endpoint::Resource) {
        Some(presented) => {
            flows::visit_resource(&app, &context, (presented, &Meta::of(&parts)), now).await
        }
        None => Err(Refusal::from(Reason::InvalidToken).into()),
    };
    let answer = match outcome {
        Ok(claims) => json_answer(StatusCode::OK, &Value::Object(claims), Endpoint::Resource),
        Err(failure) => {
            let answer = Face::of_tenant(&context, Endpoint::Resource).answer(&failure);
            pointing_home(answer, &address(&context, &parts))
        }
    };
    visit.ends(answer, Endpoint::Resource, now)
}

/// `/.well-known/oauth-protected-resource/dev/resource`.
pub(super) async fn metadata(context: Context, parts: Parts) -> Response {
    document(&context, &parts)
}

/// The same for a tenant's prefix, which stands behind the well-known part.
pub(super) async fn metadata_below(
    State(app): State<Arc<App>>,
    Now(now): Now,
    Path(tenant): Path<String>,
    parts: Parts,
) -> Response {
    match app.context_by_prefix(&TenantId::new(tenant), meta::host(&parts), now).await {
        Ok(Some(context)) => document(&context, &parts),
        Ok(None) => pages::not_found().await,
        Err(failure) => Face::plain(Endpoint::Resource).answer(&failure),
    }
}

fn document(context: &Context, parts: &Parts) -> Response {
    let body = json!({
        "resource": format!("{}{PATH}", address(context, parts)),
        "resource_name": "The sample API of aizuchi dev",
        "authorization_servers": [context.base.issuer],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS.map(Algorithm::name),
        "tls_client_certificate_bound_access_tokens": context.base.mtls.is_some(),
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, body.to_string()).into_response()
}

/// The tenant's address that the caller used.
fn address(context: &Context, parts: &Parts) -> String {
    let host = meta::host(parts);
    let is_used = |base: &&String| {
        let authority = url::Url::parse(base).ok();
        authority.is_some_and(|url| url.authority().eq_ignore_ascii_case(host))
    };
    let mut all = context.base.all.iter().chain(&context.base.mtls);
    all.find(is_used).unwrap_or(&context.base.issuer).clone()
}

/// RFC 9728, 5.1: where a client without a good token learns who gives them.
fn pointing_home(mut answer: Response, base: &str) -> Response {
    let Ok(url) = url::Url::parse(base) else { return answer };
    let (root, path) = (url.origin().ascii_serialization(), url.path());
    let metadata = format!("resource_metadata=\"{root}/{WELL_KNOWN}{path}{PATH}\"");
    let challenges = answer.headers_mut().get_all(header::WWW_AUTHENTICATE);
    let told = challenges.iter().filter_map(|challenge| challenge.to_str().ok());
    let told: Vec<String> = told.map(|challenge| format!("{challenge}, {metadata}")).collect();
    answer.headers_mut().remove(header::WWW_AUTHENTICATE);
    for challenge in told {
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            answer.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
    }
    answer
}
