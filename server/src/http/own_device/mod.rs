//! `/device/v1`: the paths of devices of our own dialect. Every error is `{code, message}` (D15).

mod call;
mod error;
mod events;
mod logos;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};
use device_protocol::aizuchi::errors::Code;
use domain::{ClientId, ConsentId, TransactionId};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use store::issuer_keys::Purpose;

use self::call::Call;
pub(crate) use self::error::{Error, too_many_requests};
use crate::App;
use crate::flows::own_device as flows;
use crate::http::receipts;
use crate::language::Language;
use crate::tenancy::Context;

/// Every path of this face.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/device/v1/configuration", only(get(configuration), "GET"))
        .route("/device/v1/logos/{hash}", only(get(logos::show), "GET"))
        .route("/device/v1/enrollments", only(post(enroll), "POST"))
        .route("/device/v1/devices", only(get(devices), "GET"))
        .route("/device/v1/device", only(patch(change).delete(forget), "DELETE, PATCH"))
        .route("/device/v1/device/key", only(post(change_key), "POST"))
        .route("/device/v1/grants", only(get(grants), "GET"))
        .route("/device/v1/grants/{client}", only(delete(revoke_grant), "DELETE"))
        .route("/device/v1/user-code", only(put(set_code).delete(remove_code), "DELETE, PUT"))
        .route("/device/v1/identifiers", only(post(identifier), "POST"))
        .route("/device/v1/passkeys", only(get(passkeys).post(add_passkey), "GET, POST"))
        .route("/device/v1/passkeys/options", only(post(passkey_options), "POST"))
        .route("/device/v1/tickets", only(post(make_ticket), "POST"))
        .route("/device/v1/requests", only(get(list), "GET"))
        .route("/device/v1/requests/{id}", only(get(show), "GET"))
        .route("/device/v1/requests/{id}/decision", only(post(decide), "POST"))
        .route("/device/v1/events", only(get(events::events), "GET"))
        .route("/device/v1/{*rest}", any(unknown))
}

/// Another method than these gets 405 with `Allow`.
fn only(route: MethodRouter<Arc<App>>, allow: &'static str) -> MethodRouter<Arc<App>> {
    route.fallback(async move || {
        let sentence = format!("This path takes {allow} only");
        let mut response = error::refusal(Code::MethodNotAllowed, sentence);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    })
}

/// The request in a path, which may be bytes that are no text and name nothing.
type Id = Result<Path<String>, PathRejection>;

fn named(id: Id) -> ConsentId {
    // No name holds the one character that PostgreSQL cannot look for.
    let id = id.map(|Path(id)| id).ok().filter(|id| !id.contains('\0'));
    ConsentId::new(id.unwrap_or_default())
}

/// What a device may know before it is one: whom it will answer to, and what is offered.
async fn configuration(call: Call) -> Result<Response, Error> {
    let Context { tenant, base } = &call.context;
    let languages = Language::ALL.map(Language::code);
    let key = call.app.issuer_key(&tenant.id, Purpose::WebPush, call.now).await;
    let key = key.map_err(|broken| Error::at(broken, call.now))?;
    let body = json!({
        "issuer": base.issuer,
        "name": tenant.display_name,
        "languages": languages,
        "web_push": { "public_key": key.point() },
        "passkeys": true,
    });
    Ok(error::json(StatusCode::OK, &body))
}

async fn enroll(call: Call) -> Result<Response, Error> {
    let order = flows::Order { body: call.json(), meta: &call.meta };
    let enrolled = flows::enroll(&call.app, &call.context, order, call.now).await;
    let enrolled = enrolled.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::CREATED, &enrolled.to_json()))
}

async fn devices(call: Call) -> Result<Response, Error> {
    let listed = flows::list_devices(&call.app, &call.context, call.signed(), call.now).await;
    let listed = listed.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::OK, &listed))
}

async fn change(call: Call) -> Result<Response, Error> {
    let sent = (call.signed(), call.json());
    let device = flows::change(&call.app, &call.context, sent, call.now).await;
    let device = device.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::OK, &device))
}

async fn forget(call: Call) -> Result<StatusCode, Error> {
    let done = flows::forget(&call.app, &call.context, call.signed(), call.now).await;
    done.map_err(|failure| Error::at(failure, call.now))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change_key(call: Call) -> Result<StatusCode, Error> {
    let sent = (call.signed(), call.json());
    let done = flows::change_key(&call.app, &call.context, sent, call.now).await;
    done.map_err(|failure| Error::at(failure, call.now))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn grants(call: Call) -> Result<Response, Error> {
    let grants = flows::list_grants(&call.app, &call.context, call.signed(), call.now).await;
    let grants = grants.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::OK, &grants))
}

async fn revoke_grant(id: Id, call: Call) -> Result<StatusCode, Error> {
    let client = ClientId::new(named(id).as_str());
    let sent = (call.signed(), &client);
    let done = flows::revoke_grant(&call.app, &call.context, sent, call.now).await;
    done.map_err(|failure| Error::at(failure, call.now))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_code(call: Call) -> Result<StatusCode, Error> {
    let sent = (call.signed(), call.json());
    let done = flows::set_own_code(&call.app, &call.context, sent, call.now).await;
    done.map_err(|failure| Error::at(failure, call.now))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_code(call: Call) -> Result<StatusCode, Error> {
    let done = flows::remove_own_code(&call.app, &call.context, call.signed(), call.now).await;
    done.map_err(|failure| Error::at(failure, call.now))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn identifier(call: Call) -> Result<Response, Error> {
    let made = flows::make_identifier(&call.app, &call.context, call.signed(), call.now).await;
    let made = made.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::CREATED, &made))
}

async fn passkeys(call: Call) -> Result<Response, Error> {
    let listed = flows::list_passkeys(&call.app, &call.context, call.signed(), call.now).await;
    let listed = listed.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::OK, &listed))
}

async fn passkey_options(call: Call) -> Result<Response, Error> {
    let sent = (call.signed(), call.json());
    let options = flows::passkey_options(&call.app, &call.context, sent, call.now).await;
    let options = options.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::OK, &options))
}

async fn add_passkey(call: Call) -> Result<Response, Error> {
    let sent = (call.signed(), call.json());
    let added = flows::add_passkey(&call.app, &call.context, sent, call.now).await;
    let added = added.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::CREATED, &added))
}

async fn make_ticket(call: Call) -> Result<Response, Error> {
    let sent = (call.signed(), call.json());
    let ticket = flows::make_ticket(&call.app, &call.context, sent, call.now).await;
    let ticket = ticket.map_err(|failure| Error::at(failure, call.now))?;
    let body = json!({ "ticket_id": ticket.ticket_id, "ticket_url": ticket.ticket_url });
    Ok(error::json(StatusCode::CREATED, &body))
}

async fn list(call: Call) -> Result<Response, Error> {
    let (from, take) = (call.query("from"), call.query("take"));
    let page = flows::Page { from: from.as_deref(), take: take.as_deref() };
    let sent = (call.signed(), page);
    let listed = flows::list(&call.app, &call.context, sent, call.now).await;
    let listed = listed.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::OK, &listed))
}

async fn show(id: Id, call: Call) -> Result<Response, Error> {
    let (id, locale) = (named(id), call.query("locale"));
    let sent = (call.signed(), &id, locale.as_deref());
    let shown = flows::show(&call.app, &call.context, sent, call.now).await;
    let shown = shown.map_err(|failure| Error::at(failure, call.now))?;
    Ok(error::json(StatusCode::OK, &shown))
}

async fn decide(id: Id, call: Call) -> Result<Response, Error> {
    let id = named(id);
    let sent = (call.signed(), &id, call.json());
    let txn = flows::decide(&call.app, &call.context, sent, call.now).await;
    let txn = txn.map_err(|failure| Error::at(failure, call.now))?;
    // D19: where the receipt is.
    let receipt = format!("{}receipts/{txn}", call.context.base.issuer);
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(location) = HeaderValue::from_str(&receipt) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `GET /receipts/{txn}` by a device.
pub(crate) async fn receipt(
    app: &Arc<App>,
    request: Request,
    txn: Option<TransactionId>,
) -> Response {
    let call = match Call::from_request(request, app).await {
        Ok(call) => call,
        Err(refused) => return refused,
    };
    let sent = (call.signed(), txn);
    match flows::receipt(&call.app, &call.context, sent, call.now).await {
        Ok(receipt) => receipts::answer(receipt),
        Err(failure) => Error::at(failure, call.now).into_response(),
    }
}

async fn unknown() -> Response {
    error::refusal(Code::NotFound, "There is no such path").into_response()
}
