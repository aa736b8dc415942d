//! `/oidc/register`: clients that register themselves (RFC 7591) and look after themselves
//! (RFC 7592).

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use domain::shape::Object;
use domain::{ClientId, Timestamp, json};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::CALL;
use super::face::{self, Face};
use crate::App;
use crate::failure::Failure;
use crate::flows::admit::{admit, admit_registration};
use crate::flows::{self, INITIAL_PREFIX, Leave};
use crate::http::body::{self, BODY_BYTES, BodyError};
use crate::http::context::Now;
use crate::http::management;
use crate::meta::Meta;
use crate::tenancy::Context;

/// `POST /oidc/register`.
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    request: Request,
) -> Response {
    let face = Face::of_tenant(&context, Endpoint::Register);
    let (mut parts, body) = request.into_parts();
    let outcome = async {
        let meta = Meta::of(&parts);
        admit(&app, (&context, &meta), CALL, now).await?;
        admit_registration(&app, (&context, &meta), now).await?;
        let leave = leave(&app, &context, &mut parts, now).await?;
        let metadata = metadata(&parts.headers, body).await?;
        flows::register(&app, &context, (&leave, &meta), metadata, now).await
    };
    told(face, StatusCode::CREATED, outcome.await)
}

/// `GET /oidc/register/{client_id}`.
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    path: Named,
    parts: Parts,
) -> Response {
    let face = Face::of_tenant(&context, Endpoint::Register);
    let outcome = async {
        admit(&app, (&context, &Meta::of(&parts)), CALL, now).await?;
        let client = named(path)?;
        flows::read_registration(&app, &context, (&client, bearer(&parts.headers))).await
    };
    told(face, StatusCode::OK, outcome.await)
}

/// `PUT /oidc/register/{client_id}`.
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    path: Named,
    request: Request,
) -> Response {
    let face = Face::of_tenant(&context, Endpoint::Register);
    let (parts, body) = request.into_parts();
    let outcome = async {
        admit(&app, (&context, &Meta::of(&parts)), CALL, now).await?;
        let metadata = metadata(&parts.headers, body).await?;
        let client = named(path)?;
        let who = (&client, bearer(&parts.headers));
        flows::update_registration(&app, &context, who, metadata, now).await
    };
    told(face, StatusCode::OK, outcome.await)
}

/// `DELETE /oidc/register/{client_id}`.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    path: Named,
    parts: Parts,
) -> Response {
    let face = Face::of_tenant(&context, Endpoint::Register);
    let outcome = async {
        admit(&app, (&context, &Meta::of(&parts)), CALL, now).await?;
        let client = named(path)?;
        let who = (&client, bearer(&parts.headers));
        flows::delete_registration(&app, &context, who, now).await
    };
    match outcome.await {
        Ok(()) => (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(failure) => face.answer(&failure),
    }
}

/// The client that the path names.
type Named = Result<Path<String>, PathRejection>;

fn named(path: Named) -> Result<ClientId, Refusal> {
    match path {
        // PostgreSQL's text cannot hold the character NUL; nobody has such a name.
        Ok(Path(name)) if !name.contains('\0') => Ok(ClientId::new(name)),
        Ok(_) | Err(_) => Err(Reason::InvalidRegistrationToken.into()),
    }
}

fn told(face: Face, status: StatusCode, outcome: Result<Object, Failure>) -> Response {
    match outcome {
        Ok(client) => face::json(status, &Value::Object(client), Endpoint::Register),
        Err(failure) => face.answer(&failure),
    }
}

/// By whose leave the caller registers a client.
async fn leave(
    app: &Arc<App>,
    context: &Context,
    parts: &mut Parts,
    now: Timestamp,
) -> Result<Leave, Failure> {
    let refused = || Failure::from(Refusal::from(Reason::InvalidRegistrationToken));
    if !parts.headers.contains_key(header::AUTHORIZATION) {
        let is_open = context.tenant.settings.open_registration;
        return if is_open { Ok(Leave::Open) } else { Err(refused()) };
    }
    match bearer(&parts.headers) {
        None => Err(refused()),
        Some(token) if token.starts_with(INITIAL_PREFIX) => {
            flows::leave_of(app, context, token, now).await
        }
        Some(_) => {
            let administrator = management::Administrator::from_request_parts(parts, app).await;
            let may = administrator.is_ok_and(|who| who.needs(&["create:clients"]).is_ok());
            if may { Ok(Leave::Administrator) } else { Err(refused()) }
        }
    }
}

/// The one bearer token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The body: one JSON object (RFC 7591 3.1).
async fn metadata(headers: &HeaderMap, body: axum::body::Body) -> Result<Object, Refusal> {
    let mime = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mime = mime.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !mime.eq_ignore_ascii_case("application/json") {
        let text = "The content type of the body must be application/json";
        return Err(Refusal::because(Reason::UnsupportedMediaType, text));
    }
    let bytes = body::read(body).await.map_err(|error| match error {
        BodyError::TooLong => {
            let text = format!("The body must not exceed {BODY_BYTES} bytes");
            Refusal::because(Reason::BodyTooLarge, text)
        }
        BodyError::Broken => Refusal::because(Reason::MalformedBody, error.description()),
    })?;
    let malformed = |what: String| Refusal::because(Reason::InvalidClientMetadata, what);
    match json::parse(&bytes) {
        Ok(value) if body::has_nul(&value) => {
            Err(malformed(String::from("The body holds a NUL character")))
        }
        Ok(Value::Object(metadata)) => Ok(metadata),
        Ok(_) => Err(malformed(String::from("The body must be a JSON object"))),
        Err(fault) => Err(malformed(format!("The body is no JSON: {fault}"))),
    }
}
