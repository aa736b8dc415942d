//! `/receipts/{txn}` for the client that asked: what it may see of a receipt (D19). It proves itself
//! as at the token endpoint: by what it posts, or without a body as at `/ciba/events`.

use std::sync::Arc;

use axum::extract::FromRequest;
use axum::response::Response;
use domain::oauth::client::Authentication;
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use domain::{Timestamp, TransactionId};
use http::Request;
use http::request::Parts;

use super::submission::basic;
use super::{CALL, Face, FormSubmission, admit, events, in_accent_of, proven};
use crate::App;
use crate::failure::Failure;
use crate::flows::{self, Credentials};
use crate::http::receipts::answer;
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::tenancy::Context;

/// `GET`: the client names itself in the headers.
pub(crate) async fn receipt(
    app: &App,
    (context, parts): (&Context, &Parts),
    txn: Option<TransactionId>,
    now: Timestamp,
) -> Response {
    let basic = basic(&parts.headers);
    let face = Face::of_tenant(context, Endpoint::Receipt).to_basic(basic.as_ref());
    let parameters = match events::credentials(parts) {
        Ok(parameters) => parameters,
        Err(refusal) => return face.answer(&refusal.into()),
    };
    let meta = Meta::of(parts);
    let certificate = meta.certificate.as_deref();
    let asked = Credentials { parameters: &parameters, basic: basic.as_ref(), certificate };
    let proven = async {
        admit(app, (context, &meta), CALL, now).await?;
        let proven = flows::authenticate_client(app, context, asked, now).await?;
        flows::spend_assertion(app, context, proven.unspent, now).await?;
        Ok::<_, Failure>(proven.client)
    };
    match proven.await {
        Ok(client) => told(app, (context, &client), (face.of_client(&client), txn), now).await,
        Err(failure) => in_accent_of(app, context, (face, asked), now).await.answer(&failure),
    }
}

/// `POST`: the client names itself in a form, as the methods that put a secret there need.
pub(crate) async fn receipt_by_form(
    app: &Arc<App>,
    (context, request): (&Context, Request<axum::body::Body>),
    txn: Option<TransactionId>,
    now: Timestamp,
) -> Response {
    let Ok(FormSubmission(posted)) = FormSubmission::from_request(request, app).await;
    match proven(app, context, (Endpoint::Receipt, &posted), now).await {
        Ok((client, _, face)) => told(app, (context, &client), (face, txn), now).await,
        Err(refused) => refused,
    }
}

async fn told(
    app: &App,
    (context, client): (&Context, &KnownClient),
    (face, txn): (Face, Option<TransactionId>),
    now: Timestamp,
) -> Response {
    // Whoever knows a name is no client: a receipt is for one that proves itself.
    if client.client().authentication == Authentication::Public {
        let refusal = Refusal::from(Reason::BadCredentials).noting("a public client asks");
        return face.answer(&refusal.into());
    }
    let found = flows::receipt_of_client(app, context, (client, txn), now).await;
    match found.and_then(|found| Ok(found.ok_or_else(|| Refusal::from(Reason::NoReceipt))?)) {
        Ok(receipt) => answer(receipt),
        Err(failure) => face.answer(&failure),
    }
}
