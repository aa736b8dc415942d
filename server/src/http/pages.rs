//! Pages that people see, and what they have in common: plain HTML, no script, a strict content
//! security policy.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::json;

use crate::tenancy::Context;

const STYLES: &str = include_str!("../../../web/assets/page.css");
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    assets: String,
    tenant: &'a str,
    heading: &'a str,
    lines: &'a [&'a str],
}

/// A code to scan, as SVG that a page can hold; empty if the text is longer than a code holds: the
/// link and the text beside it still work.
pub(crate) fn qr(text: &str) -> String {
    let code = QrCode::new(text.as_bytes()).map(|code| {
        code.render::<svg::Color<'_>>()
            .min_dimensions(240, 240)
            .dark_color(svg::Color("#000000"))
            .light_color(svg::Color("#ffffff"))
            .build()
    });
    let code = code.unwrap_or_default();
    code.split_once("?>").map_or(code.as_str(), |(_declaration, svg)| svg).to_owned()
}

/// A page with a heading and a few sentences.
pub(crate) fn message(
    context: &Context,
    status: StatusCode,
    heading: &str,
    lines: &[&str],
) -> Response {
    let tenant = &context.tenant.display_name;
    html(status, MessagePage { assets: assets(context), tenant, heading, lines }.render())
}

/// The styles of all pages but the console's.
pub(crate) async fn styles() -> Response {
    file("text/css; charset=utf-8", STYLES)
}

/// A file that pages need.
pub(crate) fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, text).into_response()
}

/// A path that nothing serves.
pub(crate) async fn not_found() -> Response {
    let body =
        json!({ "error": "not_found", "error_description": "There is nothing at this path" });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (StatusCode::NOT_FOUND, headers, body.to_string()).into_response()
}

/// Where the styles are, below the tenant's own prefix.
fn assets(context: &Context) -> String {
    format!("{}assets/", root(context))
}

/// What stands in front of our paths for who reached the tenant here.
pub(super) fn root(context: &Context) -> String {
    let path = url::Url::parse(&context.base.issuer).map(|url| url.path().to_owned());
    path.unwrap_or_else(|_not_a_url| String::from("/"))
}

/// A page that was rendered, or the sentence that stands for one that could not be.
pub(super) fn rendered(
    status: StatusCode,
    page: Result<String, askama::Error>,
) -> (StatusCode, String) {
    page.map_or_else(
        |error| {
            tracing::error!(%error, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, String::from("This page could not be made."))
        },
        |page| (status, page),
    )
}

fn html(status: StatusCode, page: Result<String, askama::Error>) -> Response {
    let (status, page) = rendered(status, page);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, page).into_response()
}
