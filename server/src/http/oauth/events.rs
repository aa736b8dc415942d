//! `GET /ciba/events`: server-sent events of one request. Nothing secret stands in its address.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use futures_util::stream;
use http::HeaderMap;
use http::header;
use http::request::Parts;
use tokio::time::timeout;
use url::form_urlencoded::{Serializer, parse};

use super::submission::basic;
use super::{Face, in_accent_of};
use crate::App;
use crate::failure::Failure;
use crate::flows::{self, Credentials, Listener};
use crate::http::context::Now;
use crate::meta::Meta;
use crate::tenancy::Context;

/// The request that is listened for.
const AUTH_REQ_ID: &str = "aizuchi-auth-req-id";
/// The client's assertion, for `private_key_jwt`.
const CLIENT_ASSERTION: &str = "client-assertion";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// A stream that says nothing for longer is taken for dead by what is between us.
const REMIND_EVERY: Duration = Duration::from_secs(15);

/// `GET /ciba/events`.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    parts: Parts,
) -> Response {
    let basic = basic(&parts.headers);
    let face = Face::of_tenant(&context, Endpoint::Events).to_basic(basic.as_ref());
    let parameters = match credentials(&parts) {
        Ok(parameters) => parameters,
        Err(refusal) => return face.answer(&refusal.into()),
    };
    let meta = Meta::of(&parts);
    let certificate = meta.certificate.as_deref();
    let asked = Credentials { parameters: &parameters, basic: basic.as_ref(), certificate };
    match listener(&app, &context, (asked, &parts.headers, &meta), now).await {
        Ok(listener) => stream_of(listener),
        Err(failure) => in_accent_of(&app, &context, (face, asked), now).await.answer(&failure),
    }
}

async fn listener(
    app: &Arc<App>,
    context: &Context,
    (asked, headers, meta): (Credentials<'_>, &HeaderMap, &Meta),
    now: Timestamp,
) -> Result<Listener, Failure> {
    super::admit(app, (context, meta), super::CALL, now).await?;
    let proven = flows::authenticate_client(app, context, asked, now).await?;
    flows::spend_assertion(app, context, proven.unspent, now).await?;
    let id = headers.get(AUTH_REQ_ID).and_then(|value| value.to_str().ok()).ok_or_else(|| {
        Refusal::because(Reason::MissingParameter, "the header Aizuchi-Auth-Req-Id is required")
    })?;
    flows::listen(app, context, (&proven.client, id), now).await
}

/// Who it says it is: an assertion in a header; in the address nothing but the client's name, for
/// those that show a certificate.
pub(super) fn credentials(parts: &Parts) -> Result<Parameters, Refusal> {
    let mut form = Serializer::new(String::new());
    let query = parts.uri.query().unwrap_or_default();
    if let Some((_, id)) = parse(query.as_bytes()).find(|(name, _)| name == "client_id") {
        form.append_pair("client_id", &id);
    }
    if let Some(jwt) = parts.headers.get(CLIENT_ASSERTION).and_then(|jwt| jwt.to_str().ok()) {
        form.append_pair("client_assertion_type", ASSERTION_TYPE);
        form.append_pair("client_assertion", jwt);
    }
    Parameters::from_form(form.finish().as_bytes())
}

/// One event, and comments as long as there is none.
fn stream_of(listener: Listener) -> Response {
    let words = stream::unfold(Some(listener), |listener| async {
        let listener = listener?;
        match timeout(REMIND_EVERY, listener.event()).await {
            Err(_elapsed) => Some((Ok(Bytes::from_static(b": waiting\n\n")), Some(listener))),
            Ok(Ok(event)) => {
                let event = event?;
                let text = format!("event: {}\ndata: {{}}\n\n", event.name());
                Some((Ok(Bytes::from(text)), None))
            }
            Ok(Err(failure)) => {
                tracing::error!(cause = %failure, "a stream of events ended early");
                Some((Err(std::io::Error::other("unavailable")), None))
            }
        }
    });
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(words)).into_response()
}
