//! The page behind an enrollment link: a code to scan, the same as a link and as text (G16, G17).

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use device_protocol::guardian::otpauth::Otpauth;
use http::{HeaderValue, StatusCode, header};
use url::form_urlencoded;

use super::context::Now;
use super::pages;
use crate::App;
use crate::failure::RETRY_AFTER_S;
use crate::flows::{self, Code, Opening};
use crate::meta::Meta;
use crate::tenancy::Context;

/// `GET /mfa/enrollment?ticket=…` and `GET /guardian/enroll?ticket=…`.
pub(crate) async fn page(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let meta = Meta::of(&parts);
    let ticket = ticket_in(query.as_deref().unwrap_or_default());
    match flows::open_ticket(&app, &context, (&ticket, &meta), now).await {
        Ok(Opening::Fresh(code)) => {
            let minutes = (code.expires_at.ms_since(now) / 60_000).max(1);
            pages::enrollment(&context, &otpauth(&context, &code), minutes)
        }
        Ok(Opening::Dead) => pages::message(
            &context,
            StatusCode::NOT_FOUND,
            "This link does not work",
            &[
                "It was used already, has expired, or was not copied completely.",
                "Ask whoever sent it for a new one.",
            ],
        ),
        Ok(Opening::Enrolled(..)) => pages::message(
            &context,
            StatusCode::CONFLICT,
            "You already have a phone",
            &[
                "This link adds a first phone only.",
                "If you lost yours, ask whoever sent the link to remove the old one.",
            ],
        ),
        Ok(Opening::Off) => pages::message(
            &context,
            StatusCode::FORBIDDEN,
            "Phones are switched off",
            &["The people who run this service have switched this off for now."],
        ),
        Err(broken) => {
            tracing::error!(cause = %broken, "an enrollment link could not be opened");
            let lines = ["Please try again in a few seconds."];
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let page = pages::message(&context, status, "Something went wrong", &lines);
            let retry = [(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))];
            (retry, page).into_response()
        }
    }
}

/// The text of a code to scan.
pub(crate) fn otpauth(context: &Context, code: &Code) -> String {
    let uri = Otpauth {
        issuer: &context.tenant.display_name,
        account: code.user.email().unwrap_or_else(|| code.user.id().as_str()),
        enrollment_tx_id: &code.enrollment_tx_id,
        id: code.device.as_str(),
        base_url: &context.base.url("appliance-mfa"),
        totp_secret: None,
    };
    uri.to_string()
}

/// The ticket of a query; empty if there is none, which opens nothing.
fn ticket_in(query: &str) -> String {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(name, _)| name == "ticket")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
