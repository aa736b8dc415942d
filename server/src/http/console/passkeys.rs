//! An operator's passkeys: the page that lists them, and the four calls of the passkey program.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Fingerprint;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::error::Error;
use super::form::{Answer, Change, Fields, SignedAnswer};
use super::frame::{Frame, Room};
use super::page;
use super::visitor::{SignedIn, Visitor};
use super::when::When;
use crate::App;
use crate::denied::Denial;
use crate::failure::RETRY_AFTER_S;
use crate::flows::console::{self, Challenge};
use crate::language::Language;

#[derive(Template)]
#[template(path = "console/passkeys.html")]
struct PasskeysPage<'a> {
    frame: Frame<'a>,
    passkeys: Vec<Row>,
    is_welcome: bool,
    notice: &'static str,
}

struct Row {
    remove: String,
    name: String,
    created: When,
    last_used: Option<When>,
}

/// `GET /console/passkeys`.
pub(super) async fn list(State(app): State<Arc<App>>, who: SignedIn, query: Fields) -> Response {
    let found = console::list_passkeys(&app, &who.visitor.context, &who.session).await;
    let found = match found {
        Ok(found) => found,
        Err(broken) => return Error::of(&who, &Denial::Broken(broken)).into_response(),
    };
    let frame = Frame::signed_in(&who, Room::Passkeys);
    let (language, now) = (frame.language, who.visitor.now);
    let row = |passkey: &store::operator_passkeys::Passkey| {
        let id = URL_SAFE_NO_PAD.encode(passkey.id.as_bytes());
        let name = passkey.name.as_str();
        Row {
            remove: who.visitor.to(&format!("passkeys/{id}/remove")),
            name: if name.is_empty() { frame.w.unnamed.to_owned() } else { name.to_owned() },
            created: When::new(language, passkey.created_at, now),
            last_used: passkey.last_used_at.map(|at| When::new(language, at, now)),
        }
    };
    let notice = match query.text("done") {
        "added" => frame.w.passkey_added,
        "removed" => frame.w.passkey_removed,
        _ => "",
    };
    let page = PasskeysPage {
        passkeys: found.iter().map(row).collect(),
        is_welcome: query.text("welcome") == "1",
        notice,
        frame,
    };
    page::html(StatusCode::OK, &page)
}

/// `POST /console/passkeys/{id}/remove`.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    change: Change,
) -> Response {
    let who = &change.who;
    let id = URL_SAFE_NO_PAD.decode(id).ok().and_then(|id| <[u8; 32]>::try_from(id).ok());
    if let Some(id) = id.map(Fingerprint::new) {
        let by = (&who.visitor.context, &who.visitor.meta);
        let now = who.visitor.now;
        if let Err(broken) = console::remove_passkey(&app, by, (&who.session, &id), now).await {
            return Error::of(who, &Denial::Broken(broken)).into_response();
        }
    }
    who.visitor.redirect("passkeys?done=removed")
}

/// `POST /console/passkeys/challenge`.
pub(super) async fn challenge_to_add(
    State(app): State<Arc<App>>,
    answer: SignedAnswer,
) -> Response {
    let (visitor, session) = (&answer.who.visitor, &answer.who.session);
    let at = (&visitor.context, visitor.host.as_str());
    challenged(console::challenge_to_add(&app, at, session, visitor.now).await)
}

/// `POST /console/passkeys`.
pub(super) async fn add(State(app): State<Arc<App>>, answer: SignedAnswer) -> Response {
    let (visitor, session) = (&answer.who.visitor, &answer.who.session);
    let at = ((&visitor.context, visitor.host.as_str()), &visitor.meta);
    match console::add_passkey(&app, at, (session, &answer.body), visitor.now).await {
        Ok(()) => said(StatusCode::OK, &json!({ "to": visitor.to("passkeys?done=added") })),
        Err(denial) => refused(&denial),
    }
}

/// `POST /console/sign-in/challenge`.
pub(super) async fn challenge_to_sign_in(State(app): State<Arc<App>>, answer: Answer) -> Response {
    let visitor = &answer.visitor;
    if let Some(refusal) = too_many_tries(&app, visitor) {
        return refusal;
    }
    // It keeps a row for whoever asks.
    app.sign_ins.count(visitor.meta.ip, visitor.now);
    let at = (&visitor.context, visitor.host.as_str());
    challenged(console::challenge_to_sign_in(&app, at, visitor.now).await)
}

/// `POST /console/sign-in/passkey`.
pub(super) async fn sign_in(State(app): State<Arc<App>>, answer: Answer) -> Response {
    let visitor = &answer.visitor;
    if let Some(refusal) = too_many_tries(&app, visitor) {
        return refusal;
    }
    let at = ((&visitor.context, visitor.host.as_str()), &visitor.meta);
    match console::sign_in_by_passkey(&app, at, &answer.body, visitor.now).await {
        Ok(Some(session)) => {
            let next = answer.body.get("next").and_then(Value::as_str).unwrap_or_default();
            let to = visitor.way_back(next).unwrap_or_else(|| visitor.to("users"));
            let cookie = [(header::SET_COOKIE, visitor.session_cookie(Some(&session.token)))];
            (cookie, said(StatusCode::OK, &json!({ "to": to }))).into_response()
        }
        Ok(None) => {
            app.sign_ins.count(visitor.meta.ip, visitor.now);
            said(StatusCode::FORBIDDEN, &json!({ "error": "unknown_passkey" }))
        }
        Err(denial) => {
            app.sign_ins.count(visitor.meta.ip, visitor.now);
            refused(&denial)
        }
    }
}

fn too_many_tries(app: &App, visitor: &Visitor) -> Option<Response> {
    let wait_s = app.sign_ins.may_try(visitor.meta.ip, visitor.now).err()?;
    let retry = [(header::RETRY_AFTER, HeaderValue::from(wait_s))];
    let body = json!({ "error": "too_many_requests" });
    Some((retry, said(StatusCode::TOO_MANY_REQUESTS, &body)).into_response())
}

fn challenged(challenge: Result<Challenge, Denial>) -> Response {
    match challenge {
        Ok(challenge) => {
            let body = json!({ "challenge": challenge.name, "options": challenge.options });
            said(StatusCode::OK, &body)
        }
        Err(denial) => refused(&denial),
    }
}

/// The program shows a sentence of the page; the log says more.
fn refused(denial: &Denial) -> Response {
    match denial {
        Denial::Denied(denied) => {
            tracing::info!(why = denied.wire().1, "a passkey was refused");
            said(StatusCode::BAD_REQUEST, &json!({ "error": "refused" }))
        }
        Denial::Broken(broken) => {
            tracing::error!(cause = %broken, fault = broken.number(), "a passkey call failed");
            let retry = [(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))];
            let body = json!({ "error": "server_error", "fault": broken.number() });
            (retry, said(StatusCode::SERVICE_UNAVAILABLE, &body)).into_response()
        }
    }
}

fn said(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body.to_string()).into_response()
}
