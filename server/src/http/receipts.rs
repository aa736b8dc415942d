//! `/receipts/{txn}`: one address for all who may see a receipt (D19). How the caller proves itself
//! decides whose words a refusal is in.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use device_protocol::aizuchi::{proof, receipt};
use domain::TransactionId;
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use http::{HeaderMap, HeaderValue, header};

use super::context::Now;
use super::limited::{self, MANAGEMENT, OWN_DEVICES};
use super::{management, oauth, own_device};
use crate::App;
use crate::tenancy::Context;

/// The one path.
pub(super) fn routes() -> Router<Arc<App>> {
    let other = async || oauth::method_not_allowed(Endpoint::Receipt, "GET, POST");
    Router::new().route("/receipts/{txn}", get(read).post(read_by_form).fallback(other))
}

type Txn = Result<Path<String>, PathRejection>;

fn named(txn: Txn) -> Option<TransactionId> {
    TransactionId::from_hex(&txn.ok()?.0)
}

async fn read(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    txn: Txn,
    request: Request,
) -> Response {
    let txn = named(txn);
    if request.headers().contains_key(proof::HEADER) {
        let read = |request| own_device::receipt(&app, request, txn);
        return limited::counted(&app, OWN_DEVICES, request, read).await;
    }
    if is_bearer(request.headers()) {
        let read = async |request: Request| {
            let (mut parts, _body) = request.into_parts();
            management::receipt(&app, &mut parts, txn).await.into_response()
        };
        return limited::counted(&app, MANAGEMENT, request, read).await;
    }
    let (parts, _body) = request.into_parts();
    if !names_client(&parts) {
        let face = oauth::Face::of_tenant(&context, Endpoint::Receipt);
        return face.answer(&Refusal::from(Reason::NoReceipt).into());
    }
    oauth::receipt(&app, (&context, &parts), txn, now).await
}

async fn read_by_form(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    txn: Txn,
    request: Request,
) -> Response {
    oauth::receipt_by_form(&app, (&context, request), named(txn), now).await
}

fn is_bearer(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| {
        value.split_once(' ').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
    })
}

/// Whether somebody at least says that they are a client.
fn names_client(parts: &http::request::Parts) -> bool {
    parts.headers.contains_key(header::AUTHORIZATION)
        || parts.headers.contains_key("client-assertion")
        || parts.uri.query().is_some_and(|query| query.contains("client_id="))
}

/// A receipt, which nobody between may keep.
pub(super) fn answer(receipt: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(receipt::MEDIA_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, receipt).into_response()
}
