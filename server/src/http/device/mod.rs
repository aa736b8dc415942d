//! The paths of Guardian devices and of the enrollment page's program (guardian B6), under all
//! their aliases. A final slash never redirects (G6), and an unknown path below them says in the
//! devices' own words where it should have gone (G7).

mod call;
mod error;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use device_protocol::guardian::errors::Code;
use domain::{ConsentId, DeviceId};
use http::{HeaderValue, StatusCode, Uri, header};
use serde_json::json;

use self::call::Call;
pub(crate) use self::error::Error;
use crate::App;
use crate::flows;

/// The device calls live below each of these (G1, G2).
const API_ROOTS: [&str; 3] = ["/appliance-mfa/api", "/api", "/guardian/api"];
/// So does the consent record (G1, G3).
const CONSENT_ROOTS: [&str; 2] = ["/rich-consents", "/appliance-mfa/rich-consents"];
/// Below these, what is no path is told so in the envelope (G7).
const OWN_ROOTS: [&str; 3] = ["/api", "/appliance-mfa", "/guardian"];

/// Every path of this face.
pub(crate) fn routes() -> Router<Arc<App>> {
    let mut router = Router::new();
    for root in API_ROOTS {
        for (path, route) in api() {
            router = both(router, &format!("{root}{path}"), route);
        }
    }
    for root in CONSENT_ROOTS {
        router = both(router, &format!("{root}/{{id}}"), only(get(consent), "GET"));
    }
    for root in OWN_ROOTS {
        router = both(router, root, any(unknown)).route(&format!("{root}/{{*rest}}"), any(unknown));
    }
    both(router, "/rich-consents", any(unknown)).route("/rich-consents/{id}/{*rest}", any(unknown))
}

fn api() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    let account = delete(delete_account).patch(change_account);
    vec![
        ("/enroll", only(post(enroll), "POST")),
        ("/resolve-transaction", only(post(resolve), "POST")),
        ("/device-accounts/{id}", only(account, "DELETE, PATCH")),
        ("/device-accounts/{id}/sms-enroll", only(post(sms_enroll), "POST")),
        ("/start-flow", only(post(start_flow), "POST")),
        ("/transaction-state", only(post(transaction_state), "POST")),
        ("/send-push-notification", only(post(send_push), "POST")),
        ("/verify-otp", only(post(otp_is_off), "POST")),
        ("/recover-account", only(post(otp_is_off), "POST")),
    ]
}

/// The path with and without a final slash.
fn both(router: Router<Arc<App>>, path: &str, route: MethodRouter<Arc<App>>) -> Router<Arc<App>> {
    router.route(path, route.clone()).route(&format!("{path}/"), route)
}

/// Another method than these gets 405 with `Allow` (G8).
fn only(route: MethodRouter<Arc<App>>, allow: &'static str) -> MethodRouter<Arc<App>> {
    route.fallback(async move || {
        let sentence = format!("This path takes {allow} only");
        let mut response = error::envelope(Code::MethodNotAllowed, sentence);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    })
}

/// The id in a path, which may be bytes that are no text.
type Id = Result<Path<String>, PathRejection>;

/// What is no text names nothing, as the empty text does.
fn text_of(id: Id) -> String {
    id.map(|Path(id)| id).unwrap_or_default()
}

async fn enroll(call: Call) -> Result<Response, Error> {
    let order = flows::EnrollOrder { ticket: call.ticket(), body: call.json(), meta: &call.meta };
    let enrolled = flows::enroll_device(&call.app, &call.context, order, call.now).await?;
    Ok(error::json(StatusCode::CREATED, &enrolled))
}

async fn resolve(call: Call) -> Result<StatusCode, Error> {
    let sent = flows::Sent { bearer: call.bearer(), body: call.json(), meta: &call.meta };
    flows::answer_challenge(&call.app, &call.context, sent, call.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change_account(id: Id, call: Call) -> Result<Response, Error> {
    let sent = flows::Sent { bearer: call.bearer(), body: call.json(), meta: &call.meta };
    let device = DeviceId::new(text_of(id));
    let account = flows::change_device(&call.app, &call.context, (&device, sent), call.now).await?;
    Ok(error::json(StatusCode::OK, &account))
}

async fn delete_account(id: Id, call: Call) -> Result<StatusCode, Error> {
    let sent = (call.bearer(), &call.meta);
    let device = DeviceId::new(text_of(id));
    flows::unenroll_device(&call.app, &call.context, (&device, sent), call.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn consent(id: Id, call: Call) -> Result<Response, Error> {
    let sent = flows::ConsentRequest {
        id: &ConsentId::new(text_of(id)),
        txtkn: call.consent_token(),
        proof: call.proof(),
        languages: call.languages(),
        meta: &call.meta,
    };
    let record = flows::read_consent(&call.app, &call.context, sent, call.now).await?;
    Ok(error::json(StatusCode::OK, &record))
}

async fn start_flow(call: Call) -> Result<Response, Error> {
    if call.has_bearer() {
        let sentence = "A request token opens nothing here; send the ticket of an enrollment link";
        return Err(Error::refused(Code::InvalidToken, sentence));
    }
    let ticket = call.ticket()?;
    let flow = flows::start_flow(&call.app, &call.context, (ticket, &call.meta), call.now).await?;
    Ok(error::json(StatusCode::OK, &flow))
}

async fn transaction_state(call: Call) -> Result<Response, Error> {
    let state = flows::transaction_state(&call.app, &call.context, call.bearer(), call.now).await?;
    Ok(error::json(StatusCode::OK, &state))
}

async fn send_push(call: Call) -> Result<Response, Error> {
    flows::send_flow_push(&call.app, &call.context, (call.bearer(), &call.meta), call.now).await?;
    Ok(error::json(StatusCode::OK, &json!({})))
}

/// One-time codes are not offered (G128, G129).
async fn otp_is_off() -> Response {
    error::envelope(Code::FeatureDisabled, "One-time codes are not switched on")
}

/// Text messages are not offered (G130).
async fn sms_enroll() -> Response {
    let sentence = "Phones are not enrolled by text message here";
    error::envelope(Code::EnrollmentMethodDisabled, sentence)
}

/// Too many calls from one address (G57).
pub(crate) fn too_many_requests() -> Response {
    error::envelope(Code::TooManyRequests, "Too many calls. Try again in a moment")
}

/// No such path: which one was meant (G7).
async fn unknown(uri: Uri) -> Response {
    let sentence = format!(
        "There is no such path: {}. Devices call …/appliance-mfa/api/enroll, \
         …/appliance-mfa/api/resolve-transaction, …/appliance-mfa/api/device-accounts/{{id}} and \
         …/rich-consents/{{id}}",
        uri.path().chars().take(MAX_SHOWN_PATH_CHARS).collect::<String>()
    );
    error::envelope(Code::NotFound, sentence).into_response()
}

/// Of an unknown path so much is repeated.
const MAX_SHOWN_PATH_CHARS: usize = 100;
