//! How a page leaves us, and the two files that pages need.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

const STYLES: &str = include_str!("../../../../web/assets/console.css");
const PASSKEY_PROGRAM: &str = include_str!("../../../../web/assets/passkey.js");

/// Nothing that a page could be made to do beyond what our own files and forms do.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";
const FEATURES: &str = "publickey-credentials-get=(self), publickey-credentials-create=(self), \
                        camera=(), geolocation=(), microphone=()";

/// A page.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response {
    let (status, page) = match page.render() {
        Ok(page) => (status, page),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, String::from("This page could not be made."))
        }
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(FEATURES)),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // `same-origin`, not `no-referrer`: with that, browsers say `Origin: null` in our forms.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::VARY, HeaderValue::from_static("accept-language, cookie")),
    ];
    (status, headers, page).into_response()
}

/// The styles of the console.
pub(crate) async fn styles() -> Response {
    file("text/css; charset=utf-8", STYLES)
}

/// The program that talks to passkeys.
pub(crate) async fn passkey_program() -> Response {
    file("text/javascript; charset=utf-8", PASSKEY_PROGRAM)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}
