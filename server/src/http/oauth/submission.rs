//! What a client posted, before anything of it is believed.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Fingerprint;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use http::{HeaderMap, header, request::Parts};

use crate::App;
use crate::failure::RETRY_AFTER_S;
use crate::flows::authenticate_client::Basic;
use crate::flows::begin_authentication::Posted;
use crate::http::body::{self, BODY_BYTES, BodyError};
use crate::http::proxy;
use crate::meta::Meta;

/// The header that makes a repeated start the same start (decision 4).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Which content types an endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Forms only (W105).
    Form,
    /// Forms and JSON (W122, W123).
    FormOrJson,
}

/// A submission to an endpoint that reads forms only.
pub(crate) struct FormSubmission(pub(crate) Posted);

/// A submission to an endpoint that reads forms and JSON.
pub(crate) struct Submission(pub(crate) Posted);

impl FromRequest<Arc<App>> for FormSubmission {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self(read(app, request, Accepts::Form).await))
    }
}

impl FromRequest<Arc<App>> for Submission {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self(read(app, request, Accepts::FormOrJson).await))
    }
}

async fn read(app: &App, request: Request, accepts: Accepts) -> Posted {
    let (mut parts, body) = request.into_parts();
    let edge = proxy::apply_edge(app, &mut parts).await;
    let body = body::read(body).await;
    let body_hash = match &parts.headers.get(IDEMPOTENCY_KEY) {
        // Only a repetition is ever compared.
        Some(_) => Fingerprint::of(body.as_deref().unwrap_or_default()),
        None => Fingerprint::new([0; 32]),
    };
    let parameters = match body {
        _ if edge.is_err() => Err(Refusal::unavailable(RETRY_AFTER_S.into())),
        Ok(body) => parameters(&parts, &body, accepts),
        Err(BodyError::TooLong) => {
            let text = format!("The body must not exceed {BODY_BYTES} bytes");
            Err(Refusal::because(Reason::BodyTooLarge, text))
        }
        Err(broken @ BodyError::Broken) => {
            Err(Refusal::because(Reason::MalformedBody, broken.description()))
        }
    };
    Posted {
        parameters,
        basic: basic(&parts.headers),
        meta: Meta::of(&parts),
        idempotency_key: header_text(&parts.headers, IDEMPOTENCY_KEY),
        body_hash,
    }
}

fn parameters(parts: &Parts, body: &[u8], accepts: Accepts) -> Result<Parameters, Refusal> {
    let content_type =
        header_text(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let mime = parts.next().unwrap_or_default();
    if let Some(other) = parts.find_map(other_charset) {
        let text = format!("The body must be UTF-8, not {other}");
        return Err(Refusal::because(Reason::UnsupportedMediaType, text));
    }
    if mime.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Parameters::from_form(body);
    }
    if accepts == Accepts::FormOrJson && mime.eq_ignore_ascii_case("application/json") {
        return Parameters::from_json(body);
    }
    let wanted = match accepts {
        Accepts::Form => "application/x-www-form-urlencoded",
        Accepts::FormOrJson => "application/x-www-form-urlencoded or application/json",
    };
    let text = format!("The content type of the body must be {wanted}");
    Err(Refusal::because(Reason::UnsupportedMediaType, text))
}

/// C17: what a parameter of the content type names as character set, if that is not UTF-8.
fn other_charset(parameter: &str) -> Option<&str> {
    let (name, charset) = parameter.split_once('=')?;
    let charset = charset.trim_matches('"');
    let is_other = name.eq_ignore_ascii_case("charset") && !charset.eq_ignore_ascii_case("utf-8");
    is_other.then_some(charset)
}

/// `Authorization: Basic`, split at the first colon; its text is not decoded further here, since
/// some SDKs encode it and some do not (W22).
pub(super) fn basic(headers: &HeaderMap) -> Option<Basic> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(credentials.trim()).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let (user, password) = text.split_once(':').unwrap_or_default();
    Some(Basic { user: user.to_owned(), password: password.to_owned() })
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
