//! The endpoints that clients use.

pub(crate) mod discovery;
mod events;
mod face;
mod receipt;
pub(crate) mod register;
mod submission;
mod wait;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::App;
use crate::flows;
use crate::flows::admit::admit;
use crate::flows::begin_authentication::Posted;
use crate::flows::{Credentials, Presented};
use crate::http::context::Now;
use crate::http::visit::Visit;
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::rate_limits::Counted;
use crate::tenancy::Context;

pub(crate) use events::events;
pub(crate) use face::{Face, Told, json};
pub(crate) use receipt::{receipt, receipt_by_form};
pub(crate) use submission::{FormSubmission, Submission};
pub(crate) use wait::Wait;

/// A call of the Authentication API, as the tenant's limit counts it (W119).
const CALL: (Counted, &str) = (Counted::Authentication, "");

/// `POST /bc-authorize`.
pub(crate) async fn backchannel(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    FormSubmission(posted): FormSubmission,
) -> Response {
    let face = Face::of_tenant(&context, Endpoint::Backchannel).to_basic(posted.basic.as_ref());
    let (client, outcome) =
        match flows::admit::admit_start(&app, (&context, &posted.meta), now).await {
            Ok(()) => flows::begin(&app, &context, &posted, now).await,
            Err(failure) => (None, Err(failure)),
        };
    match (outcome, client, &posted.parameters) {
        (Ok(answer), _, _) => json(StatusCode::OK, &Value::Object(answer), Endpoint::Backchannel),
        (Err(failure), Some(client), _) => face.of_client(&client).answer(&failure),
        (Err(failure), None, Ok(parameters)) => {
            let asked = posted.credentials(parameters);
            in_accent_of(&app, &context, (face, asked), now).await.answer(&failure)
        }
        (Err(failure), None, Err(_)) => face.answer(&failure),
    }
}

/// The face of the client that a refused submission names, if there is one.
async fn in_accent_of(
    app: &App,
    context: &Context,
    (face, asked): (Face, Credentials<'_>),
    now: Timestamp,
) -> Face {
    let named = flows::named_client(app, context, asked, now).await;
    named.map_or(face, |client| face.of_client(&client))
}

/// `POST /oauth/token`.
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    Wait(wait_s): Wait,
    Submission(posted): Submission,
) -> Response {
    let face = Face::of_tenant(&context, Endpoint::Token).to_basic(posted.basic.as_ref());
    let Posted { parameters, basic, meta, .. } = posted;
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err(refusal) => return face.answer(&refusal.into()),
    };
    let certificate = meta.certificate.as_deref();
    let asked = Credentials { parameters: &parameters, basic: basic.as_ref(), certificate };
    // Boxed, so that a poll that waits does not hold the room for it.
    let proven = Box::pin(async {
        admit(&app, (&context, &meta), CALL, now).await?;
        flows::authenticate_client(&app, &context, asked, now).await
    });
    let authenticated = match proven.await {
        Ok(authenticated) => authenticated,
        Err(failure) => {
            let face = Box::pin(in_accent_of(&app, &context, (face, asked), now)).await;
            return face.answer(&failure);
        }
    };
    let face = face.of_client(&authenticated.client);
    let asked = (&authenticated, &parameters, &meta);
    match flows::exchange(&app, &context, asked, (wait_s, now)).await {
        Ok(answer) => json(StatusCode::OK, &Value::Object(answer), Endpoint::Token),
        Err(failure) => face.answer(&failure),
    }
}

/// `POST /oauth/revoke`.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    Submission(posted): Submission,
) -> Response {
    let (client, parameters, face) =
        match proven(&app, &context, (Endpoint::Revoke, &posted), now).await {
            Ok(proven) => proven,
            Err(refused) => return refused,
        };
    match flows::revoke(&app, &context, (&client, parameters), now).await {
        Ok(()) => (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(failure) => face.answer(&failure),
    }
}

/// `POST /oauth/introspect`.
pub(crate) async fn introspect(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    FormSubmission(posted): FormSubmission,
) -> Response {
    let (client, parameters, face) =
        match proven(&app, &context, (Endpoint::Introspect, &posted), now).await {
            Ok(proven) => proven,
            Err(refused) => return refused,
        };
    match flows::introspect(&app, &context, (&client, parameters), now).await {
        Ok(told) => json(StatusCode::OK, &Value::Object(told), Endpoint::Introspect),
        Err(failure) => face.answer(&failure),
    }
}

/// `POST /ciba/cancel` (decision 3).
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    Submission(posted): Submission,
) -> Response {
    let (client, parameters, face) =
        match proven(&app, &context, (Endpoint::Cancel, &posted), now).await {
            Ok(proven) => proven,
            Err(refused) => return refused,
        };
    match flows::cancel(&app, &context, (&client, parameters, &posted.meta), now).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(failure) => face.answer(&failure),
    }
}

/// The client of a submission, proven, with what it sent and how it is answered; or the refusal.
async fn proven<'a>(
    app: &App,
    context: &Context,
    (endpoint, posted): (Endpoint, &'a Posted),
    now: Timestamp,
) -> Result<(KnownClient, &'a Parameters, Face), Response> {
    let face = Face::of_tenant(context, endpoint).to_basic(posted.basic.as_ref());
    let parameters = match &posted.parameters {
        Ok(parameters) => parameters,
        Err(refusal) => return Err(face.answer(&refusal.clone().into())),
    };
    let asked = posted.credentials(parameters);
    let outcome = async {
        admit(app, (context, &posted.meta), CALL, now).await?;
        let proven = flows::authenticate_client(app, context, asked, now).await?;
        flows::spend_assertion(app, context, proven.unspent, now).await?;
        Ok(proven.client)
    };
    match outcome.await {
        Ok(client) => {
            let face = face.of_client(&client);
            Ok((client, parameters, face))
        }
        Err(failure) => Err(in_accent_of(app, context, (face, asked), now).await.answer(&failure)),
    }
}

/// `GET` and `POST /userinfo`.
pub(crate) async fn userinfo(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&parts.headers, &app.entropy);
    let face = Face::of_tenant(&context, Endpoint::Userinfo);
    let outcome = match presented(&parts, Endpoint::Userinfo) {
        Some(presented) => {
            flows::userinfo(&app, &context, (presented, &Meta::of(&parts)), now).await
        }
        None => Err(Refusal::from(Reason::InvalidToken).into()),
    };
    let answer = match outcome {
        Ok(claims) => json(StatusCode::OK, &Value::Object(claims), Endpoint::Userinfo),
        Err(failure) => face.answer(&failure),
    };
    visit.ends(answer, Endpoint::Userinfo, now)
}

/// Another method than the endpoint takes (W106, W154).
pub(crate) fn method_not_allowed(endpoint: Endpoint, allow: &'static str) -> Response {
    let mut response =
        Face::plain(endpoint).answer(&Refusal::from(Reason::MethodNotAllowed).into());
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

/// The token of `Authorization: Bearer` or `DPoP`; nowhere else is one looked for (F32).
pub(crate) fn presented(parts: &Parts, endpoint: Endpoint) -> Option<Presented<'_>> {
    let (scheme, token) =
        parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let mut schemes = ["Bearer", "DPoP"].into_iter();
    let scheme = schemes.find(|known| known.eq_ignore_ascii_case(scheme))?;
    let token = token.trim();
    let method = parts.method.as_str();
    (!token.is_empty()).then_some(Presented { token, scheme, method, endpoint })
}
