//! The tools of `aizuchi dev`. `serve` does not route them (interface, "aizuchi dev").

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::UserId;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::App;
use crate::dev;
use crate::http::context::Now;
use crate::http::resource;
use crate::tenancy::Context;

/// The clock is moved at most this far at once: a year.
const FARTHEST_S: i64 = 366 * 86_400;

/// The paths of the development tools.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/dev/tray/{token}", get(tray))
        .route("/dev/ciba/{auth_req_id}/allow", post(allow))
        .route("/dev/ciba/{auth_req_id}/deny", post(deny))
        .route("/dev/users/{user_id}/phone", post(phone))
        .route("/dev/clock/advance", post(advance))
        .route("/dev/resource", get(resource::resource))
        .route("/.well-known/oauth-protected-resource/dev/resource", get(resource::metadata))
        .route(
            "/.well-known/oauth-protected-resource/t/{tenant}/dev/resource",
            get(resource::metadata_below),
        )
}

/// `GET /dev/tray/{push token}`: the newest 20 pushes, newest first.
async fn tray(State(app): State<Arc<App>>, Path(token): Path<String>) -> Response {
    let pushes = app.courier.tray().map(|tray| tray.pushes_to(&token)).unwrap_or_default();
    let pushes: Vec<Value> = pushes
        .into_iter()
        .map(|push| {
            json!({
                "service": push.service,
                "token": token,
                "payload": push.payload,
                "sent_at": push.sent_at.to_iso(),
            })
        })
        .collect();
    answer(StatusCode::OK, &Value::Array(pushes))
}

/// `POST /dev/ciba/{auth_req_id}/allow`: the user's virtual phone says yes, `?match=NN` after its
/// person entered this number.
async fn allow(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    Path(auth_req_id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let number = query.as_deref().and_then(|query| query.strip_prefix("match="));
    told(dev::phone_answers(&app, &context, (&auth_req_id, true, number), now).await)
}

/// `POST /dev/ciba/{auth_req_id}/deny`: the user's virtual phone says no.
async fn deny(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    Path(auth_req_id): Path<String>,
) -> Response {
    told(dev::phone_answers(&app, &context, (&auth_req_id, false, None), now).await)
}

/// `POST /dev/users/{user_id}/phone`: gives the user a virtual phone.
async fn phone(
    State(app): State<Arc<App>>,
    context: Context,
    Now(now): Now,
    Path(user): Path<String>,
) -> Response {
    told(dev::give_phone(&app, &context, &UserId::new(user), now).await.map(|_phone| ()))
}

/// `POST /dev/clock/advance?seconds=N`: moves the server's clock forward.
async fn advance(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let seconds = query
        .as_deref()
        .and_then(|query| query.strip_prefix("seconds="))
        .and_then(|seconds| seconds.parse::<i64>().ok())
        .filter(|seconds| (0..=FARTHEST_S).contains(seconds));
    let Some(seconds) = seconds else {
        let why = format!("write ?seconds=N with N between 0 and {FARTHEST_S}");
        return answer(StatusCode::BAD_REQUEST, &json!({ "error": why }));
    };
    app.clock.advance_ms(seconds * 1000);
    answer(StatusCode::OK, &json!({ "now": app.clock.now().to_iso() }))
}

fn told(outcome: Result<(), dev::Refused>) -> Response {
    match outcome {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(dev::Refused::NotFound(why)) => answer(StatusCode::NOT_FOUND, &json!({ "error": why })),
        Err(dev::Refused::Conflict(why)) => answer(StatusCode::CONFLICT, &json!({ "error": why })),
        Err(dev::Refused::Failed(broken)) => {
            tracing::error!(cause = %broken, "a development tool failed");
            let why = "the server's log says why";
            answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": why }))
        }
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
