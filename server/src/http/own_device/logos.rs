//! `GET /device/v1/logos/{sha256}`: the pictures that contents name. They are no secret, and what one
//! is called says what it is: no proof is asked for, and nobody has to ask twice.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use device_protocol::aizuchi::errors::Code;
use domain::Fingerprint;
use http::{HeaderName, HeaderValue};
use store::logos;

use super::call::Call;
use super::error::{self, Error};
use super::{Id, named};

/// Whatever a browser takes a picture for, it is none of our pages.
const HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; sandbox"),
    ("cache-control", "public, max-age=31536000, immutable"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// A picture.
pub(super) async fn show(id: Id, call: Call) -> Result<Response, Error> {
    let hash = BASE64_URL_SAFE_NO_PAD.decode(named(id).as_str()).ok();
    let hash = hash.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Fingerprint::new);
    let found = match hash {
        None => None,
        Some(hash) => logos::one(&call.app.database, &call.context.tenant.id, &hash).await?,
    };
    let Some((kind, picture)) = found else {
        return Ok(error::refusal(Code::NotFound, "There is no such logo"));
    };
    let mut response = Body::from(picture).into_response();
    let headers = response.headers_mut();
    let kind = ("content-type", kind.media_type());
    for (name, value) in HEADERS.into_iter().chain([kind]) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Ok(response)
}
