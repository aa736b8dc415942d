//! `/console/users/{id}`: one person, and what an operator can do for them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::ciba::challenge::Receipt;
use domain::people::{Device, PushService};
use domain::{DeviceId, Timestamp, UserId};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use store::enrollments;
use store::passkeys::Passkey;

use super::error::Error;
use super::form::{Change, Fields};
use super::frame::{Frame, Room};
use super::page;
use super::users::{address, shown_name};
use super::visitor::SignedIn;
use super::when::When;
use super::words::Words;
use crate::App;
use crate::denied::{Denial, Denied};
use crate::flows::administer;
use crate::flows::console::{self, DeliveryView, Outcome, PushState, RequestView, UserView};
use crate::http::{enrollment, pages};
use crate::language::Language;

#[derive(Template)]
#[template(path = "console/user.html")]
struct UserPage<'a> {
    frame: Frame<'a>,
    href: String,
    name: String,
    id: String,
    email: Option<(String, bool)>,
    created: Option<When>,
    is_blocked: bool,
    verdict: Verdict,
    devices: Vec<DeviceRow>,
    passkeys: Vec<PasskeyRow>,
    pending: Vec<When>,
    requests: Vec<RequestRow>,
    identities: Vec<IdentityRow>,
    notice: &'static str,
}

/// Whether this person can be asked now: what the operator came to know.
struct Verdict {
    is_good: bool,
    heading: &'static str,
    text: &'static str,
}

struct DeviceRow {
    remove: String,
    name: String,
    id: String,
    service: &'static str,
    is_reachable: bool,
    enrolled: When,
    last_used: Option<When>,
}

struct PasskeyRow {
    remove: String,
    name: String,
    created: When,
    last_used: Option<When>,
}

struct RequestRow {
    at: When,
    client: String,
    mark: &'static str,
    outcome: &'static str,
    until: Option<When>,
    message: Option<String>,
    push: String,
    is_read: bool,
    deliveries: Vec<DeliveryRow>,
    is_waiting: bool,
    txn: String,
}

/// One device that was asked: its name or id, and one sentence.
struct DeliveryRow {
    device: String,
    said: String,
}

struct IdentityRow {
    connection: String,
    id: String,
    is_social: bool,
}

#[derive(Template)]
#[template(path = "console/ticket.html")]
struct TicketPage<'a> {
    frame: Frame<'a>,
    href: String,
    name: String,
    url: String,
    /// The picture of the code, its text, and for how many minutes it is good.
    code: Option<(String, String, i64)>,
}

/// `GET /console/users/{id}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    who: SignedIn,
    Path(id): Path<String>,
    query: Fields,
) -> Response {
    let (tenant, now) = (who.visitor.tenant(), who.visitor.now);
    match console::look_at_user(&app, tenant, &UserId::new(id), now).await {
        Ok(view) => page::html(StatusCode::OK, &user_page(&who, &view, query.text("done"))),
        Err(denial) => Error::of(&who, &denial).into_response(),
    }
}

fn user_page<'a>(who: &'a SignedIn, view: &UserView, done: &str) -> UserPage<'a> {
    let frame = Frame::signed_in(who, Room::Users);
    let (w, language, now) = (frame.w, frame.language, who.visitor.now);
    let user = &view.user;
    let href = address(who, user.id().as_str());
    let is_blocked = user.is_blocked();
    let has_push = who.visitor.context.tenant.settings.push_factor;
    let created = user.member("created_at").and_then(serde_json::Value::as_str);
    UserPage {
        name: shown_name(user),
        id: user.id().to_string(),
        email: user.email().map(|email| (email.to_owned(), user.is_email_verified())),
        created: created
            .and_then(Timestamp::from_iso)
            .map(|created| When::new(language, created, now)),
        is_blocked,
        verdict: verdict(w, (is_blocked, has_push), &view.devices),
        devices: view
            .devices
            .iter()
            .map(|device| device_row(language, device, &href, now))
            .collect(),
        passkeys: view
            .passkeys
            .iter()
            .map(|passkey| passkey_row(language, passkey, &href, now))
            .collect(),
        pending: view
            .pending
            .last()
            .into_iter()
            .map(|until| When::new(language, *until, now))
            .collect(),
        requests: view.requests.iter().map(|one| request_row(language, one, now)).collect(),
        identities: identities(user),
        notice: notice(w, done),
        href,
        frame,
    }
}

fn verdict(w: &Words, (is_blocked, has_push): (bool, bool), devices: &[Device]) -> Verdict {
    let good = devices.iter().any(Device::is_reachable);
    let (heading, text) = if is_blocked {
        (w.cannot_be_asked, w.is_blocked_text)
    } else if !has_push {
        (w.cannot_be_asked, w.push_is_off_text)
    } else if devices.is_empty() {
        (w.cannot_be_asked, w.has_no_device_text)
    } else if good {
        (w.can_be_asked, w.can_be_asked_text)
    } else {
        (w.cannot_be_asked, w.not_reachable_text)
    };
    Verdict { is_good: good && !is_blocked && has_push, heading, text }
}

fn device_row(language: Language, device: &Device, user: &str, now: Timestamp) -> DeviceRow {
    let w = language.words();
    let id = utf8_percent_encode(device.id.as_str(), NON_ALPHANUMERIC);
    DeviceRow {
        remove: format!("{user}/devices/{id}/remove"),
        name: if device.name.trim().is_empty() {
            w.unnamed.to_owned()
        } else {
            device.name.clone()
        },
        id: device.id.to_string(),
        service: match device.push_service {
            PushService::Apns => w.by_apns,
            PushService::Gcm => w.by_fcm,
            PushService::Virtual => w.by_virtual,
            PushService::Inbox => w.by_inbox,
        },
        is_reachable: device.is_reachable(),
        enrolled: When::new(language, device.enrolled_at, now),
        last_used: device.last_auth_at.map(|at| When::new(language, at, now)),
    }
}

fn passkey_row(language: Language, passkey: &Passkey, user: &str, now: Timestamp) -> PasskeyRow {
    let name = passkey.name.as_str();
    PasskeyRow {
        remove: format!("{user}/passkeys/{}/remove", administer::passkey_name(passkey)),
        name: if name.is_empty() { language.words().unnamed } else { name }.to_owned(),
        created: When::new(language, passkey.created_at, now),
        last_used: passkey.last_used_at.map(|at| When::new(language, at, now)),
    }
}

fn request_row(language: Language, request: &RequestView, now: Timestamp) -> RequestRow {
    let w = language.words();
    let (mark, outcome) = match request.outcome {
        Outcome::Waiting => ("waiting", w.outcome_waiting),
        Outcome::Approved => ("good", w.outcome_approved),
        Outcome::Completed => ("good", w.outcome_completed),
        Outcome::Denied => ("bad", w.outcome_denied),
        Outcome::Withdrawn => ("over", w.outcome_withdrawn),
        Outcome::Failed => ("bad", w.outcome_failed),
        Outcome::Expired => ("over", w.outcome_expired),
    };
    let push = match &request.push {
        PushState::Unknown => String::new(),
        PushState::Waiting => w.push_waiting.to_owned(),
        PushState::Sent => w.push_sent.to_owned(),
        PushState::Failed(why) if why.is_empty() => w.push_failed.to_owned(),
        PushState::Failed(why) => format!("{} ({why})", w.push_failed),
    };
    RequestRow {
        at: When::new(language, request.at, now),
        client: request.client.clone(),
        mark,
        outcome,
        until: request.until.map(|at| When::new(language, at, now)),
        message: request.message.clone(),
        push,
        is_read: request.is_read,
        deliveries: request.deliveries.iter().map(|one| delivery_row(language, one)).collect(),
        is_waiting: request.outcome == Outcome::Waiting,
        txn: request.txn.clone(),
    }
}

/// Queued, taken or refused and why, opened, decided.
fn delivery_row(language: Language, delivery: &DeliveryView) -> DeliveryRow {
    let w = language.words();
    let by = delivery.provider.as_deref().map(|by| format!(" ({by})")).unwrap_or_default();
    let first = match &delivery.became {
        Receipt::Waiting => format!("{}{by}", w.push_waiting),
        Receipt::Unneeded => w.push_unneeded.to_owned(),
        Receipt::Sent { at } => format!("{}{by} {}", w.push_sent, at.to_iso()),
        Receipt::Failed { at, reason } => {
            format!("{}{by} {}: {reason}", w.push_failed, at.to_iso())
        }
    };
    let opened = delivery.opened_at.map(|at| format!("{} {}", w.opened_on_device, at.to_iso()));
    let decided = delivery.decided_at.map(|at| format!("{} {}", w.decided_on_device, at.to_iso()));
    let parts: Vec<String> = [Some(first), opened, decided].into_iter().flatten().collect();
    DeliveryRow { device: delivery.device.to_string(), said: parts.join(" · ") }
}

fn identities(user: &domain::people::User) -> Vec<IdentityRow> {
    let list = user.member("identities").and_then(serde_json::Value::as_array);
    let is_social = |at: usize| {
        let identity = list.and_then(|list| list.get(at));
        identity.and_then(|identity| identity.get("isSocial")?.as_bool()).unwrap_or(false)
    };
    let row = |(at, identity): (usize, domain::people::Identity)| IdentityRow {
        connection: identity.connection,
        id: identity.id,
        is_social: is_social(at),
    };
    user.identities().into_iter().enumerate().map(row).collect()
}

fn notice(w: &Words, done: &str) -> &'static str {
    match done {
        "blocked" => w.was_blocked,
        "unblocked" => w.was_unblocked,
        "removed" => w.was_removed,
        "passkey-removed" => w.passkey_removed,
        _ => "",
    }
}

/// `POST /console/users/{id}/ticket`: a code to scan and a link to send.
pub(super) async fn ticket(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    change: Change,
) -> Response {
    let who = change.who;
    match ticket_page(&app, &who, &UserId::new(id)).await {
        Ok(page) => page::html(StatusCode::OK, &page),
        Err(denial) => Error::of(&who, &denial).into_response(),
    }
}

async fn ticket_page<'a>(
    app: &App,
    who: &'a SignedIn,
    id: &UserId,
) -> Result<TicketPage<'a>, Denial> {
    let (context, now) = (&who.visitor.context, who.visitor.now);
    let user = store::users::one(&app.database, &context.tenant.id, id).await?;
    let user = user.ok_or(Denied::NoUser)?;
    let made = console::make_ticket(app, (context, &who.visitor.meta), id, now).await?;
    let href = address(who, id.as_str());
    let code = made.code.as_ref().map(|code| {
        let text = enrollment::otpauth(context, code);
        let minutes = (code.expires_at.ms_since(now) / 60_000).max(1);
        (pages::qr(&text), text, minutes)
    });
    Ok(TicketPage {
        // The page answers a form: a change of the language leads back to the person.
        frame: Frame { path: "", ..Frame::signed_in(who, Room::Users) },
        name: shown_name(&user),
        href,
        url: made.url,
        code,
    })
}

/// `POST /console/users/{id}/block`.
pub(super) async fn block(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    change: Change,
) -> Response {
    set_blocked(&app, &change.who, (&id, true), "blocked").await
}

/// `POST /console/users/{id}/unblock`.
pub(super) async fn unblock(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    change: Change,
) -> Response {
    set_blocked(&app, &change.who, (&id, false), "unblocked").await
}

async fn set_blocked(
    app: &App,
    who: &SignedIn,
    (id, is_blocked): (&str, bool),
    done: &str,
) -> Response {
    let by = (who.visitor.tenant(), &who.visitor.meta);
    let user = UserId::new(id);
    let changed = console::block_user(app, by, (&user, is_blocked), who.visitor.now).await;
    back(who, (id, done), changed)
}

/// `POST /console/users/{id}/devices/{device}/remove`.
pub(super) async fn remove_device(
    State(app): State<Arc<App>>,
    Path((id, device)): Path<(String, String)>,
    change: Change,
) -> Response {
    let who = &change.who;
    let removed = remove(&app, who, (&id, &DeviceId::new(device))).await;
    back(who, (&id, "removed"), removed)
}

async fn remove(
    app: &App,
    who: &SignedIn,
    (user, device): (&str, &DeviceId),
) -> Result<(), Denial> {
    let tenant = who.visitor.tenant();
    let found = enrollments::one(&app.database, tenant, device).await?;
    found.filter(|(found, _)| found.user.as_str() == user).ok_or(Denied::NoEnrollment)?;
    administer::unenroll(app, (tenant, &who.visitor.meta), device, who.visitor.now).await
}

/// `POST /console/users/{id}/passkeys/{passkey}/remove`.
pub(super) async fn remove_passkey(
    State(app): State<Arc<App>>,
    Path((id, passkey)): Path<(String, String)>,
    change: Change,
) -> Response {
    let who = &change.who;
    let by = (who.visitor.tenant(), &who.visitor.meta);
    let user = UserId::new(id.clone());
    let removed = match administer::named_passkey(&passkey) {
        Some(passkey) => {
            administer::remove_passkey(&app, by, (&user, &passkey), who.visitor.now).await
        }
        None => Err(Denied::NoEnrollment.into()),
    };
    back(who, (&id, "passkey-removed"), removed)
}

/// To the person's page, so that loading it again changes nothing again.
fn back(who: &SignedIn, (user, done): (&str, &str), outcome: Result<(), Denial>) -> Response {
    match outcome {
        Ok(()) => {
            let to = format!("{}?done={done}", address(who, user));
            axum::response::Redirect::to(&to).into_response()
        }
        Err(denial) => Error::of(who, &denial).into_response(),
    }
}
