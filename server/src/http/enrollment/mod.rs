//! The page behind an enrollment link (G16, G17, D3, D4).
//!
//! Opening it makes nothing, so that what only looks at links spends nothing; its button makes a code
//! and shows the ways to use it. The page learns of the new device by asking, and says which code its
//! screen must show.

mod view;

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use device_protocol::guardian::otpauth::Otpauth;
use domain::Timestamp;
use domain::people::{Ticket, User};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use self::view::{Done, Frame, Machine, Message, Start, Ways, html};
use super::console::Fields;
use super::context::Now;
use super::{body, pages, same_origin};
use crate::App;
use crate::failure::{Broken, RETRY_AFTER_S};
use crate::flows::{self, Code, Link, Opening, Shown};
use crate::language::Language;
use crate::meta::{self, Meta};
use crate::tenancy::Context;

const PROGRAM: &str = include_str!("../../../../web/assets/enrollment.js");

/// Somebody with a link, and what they sent.
pub(crate) struct Visit {
    context: Context,
    fields: Fields,
    language: Language,
    root: String,
    meta: Meta,
    is_ours: bool,
    now: Timestamp,
}

impl FromRequest<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let context = Context::from_request_parts(&mut parts, app).await?;
        let Ok(Now(now)) = Now::from_request_parts(&mut parts, app).await;
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        let sent = body::read(body).await.unwrap_or_default();
        let fields = Fields::parse(if parts.method == http::Method::POST { &sent } else { query });
        let accepted =
            parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|text| text.to_str().ok());
        let chosen = fields.text("ui_locales").split(' ').find_map(Language::named);
        let is_ours = same_origin::is_from_our_page(&parts, &context.base, meta::host(&parts));
        Ok(Self {
            root: pages::root(&context),
            language: chosen.unwrap_or_else(|| Language::accepted(accepted.unwrap_or_default())),
            meta: Meta::of(&parts),
            context,
            fields,
            is_ours,
            now,
        })
    }
}

impl Visit {
    fn ticket(&self) -> &str {
        self.fields.text("ticket")
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            language: self.language,
            tenant: &self.context.tenant.display_name,
            root: &self.root,
            method: "get",
            ticket: self.ticket(),
            code: "",
        }
    }

    /// iPhones and iPads: what Safari keeps is apart from what an installed app keeps there.
    fn machine(&self) -> Machine {
        let agent = self.meta.user_agent.as_deref().unwrap_or_default();
        if ["iPhone", "iPad", "iPod"].iter().any(|name| agent.contains(name)) {
            Machine::Ios
        } else if agent.contains("Macintosh") {
            Machine::Mac
        } else {
            Machine::Other
        }
    }

    fn message(&self, status: StatusCode, heading: &str, lines: &[&str]) -> Response {
        html(status, &Message { frame: self.frame(), heading, lines })
    }

    /// One and the same page for every link that opens nothing (D3).
    fn dead(&self) -> Response {
        let frame = Frame { ticket: "", ..self.frame() };
        let lines = ["enrollment-dead-why", "enrollment-dead-help"];
        html(StatusCode::NOT_FOUND, &Message { frame, heading: "enrollment-dead", lines: &lines })
    }

    fn enrolled(&self) -> Response {
        let lines = ["enrollment-enrolled-why", "enrollment-enrolled-help"];
        self.message(StatusCode::CONFLICT, "enrollment-enrolled", &lines)
    }

    fn off(&self) -> Response {
        self.message(StatusCode::FORBIDDEN, "enrollment-off", &["enrollment-off-why"])
    }

    fn broken(&self, broken: &Broken) -> Response {
        tracing::error!(cause = %broken, "an enrollment link could not be opened");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let page = self.message(status, "enrollment-broken", &["enrollment-broken-why"]);
        ([(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))], page).into_response()
    }

    /// The page of a good link; `is_late`: its last code is good no more.
    fn start(&self, (web, user): &(Ticket, User), is_late: bool) -> Response {
        let account = account(user);
        let (frame, replaces, machine) = (self.frame(), web.replaces.is_some(), self.machine());
        html(StatusCode::OK, &Start { frame, account, replaces, is_late, machine })
    }

    /// The ways to use a code.
    fn ways(&self, code: &Code) -> Response {
        let uri = otpauth(&self.context, code);
        let secret = code.enrollment_tx_id.as_str();
        let phone_url = self.context.base.url(&format!("authenticator/#enroll={secret}"));
        let minutes = (code.expires_at.ms_since(self.now) / 60_000).max(1);
        let page = Ways {
            frame: Frame { method: "post", code: secret, ..self.frame() },
            app: &self.context.tenant.settings.custom_app,
            code: secret,
            app_qr: pages::qr(&uri),
            uri: &uri,
            phone_qr: pages::qr(&phone_url),
            phone_url: &phone_url,
            minutes,
            machine: self.machine(),
        };
        html(StatusCode::OK, &page)
    }
}

/// `GET /mfa/enrollment?ticket=…` and `GET /guardian/enroll?ticket=…`.
pub(crate) async fn page(State(app): State<Arc<App>>, visit: Visit) -> Response {
    match flows::look_at_link(&app, &visit.context, visit.ticket(), visit.now).await {
        Ok(Link::Good(good)) => visit.start(&good, false),
        Ok(Link::Enrolled(..)) => visit.enrolled(),
        Ok(Link::Dead) => visit.dead(),
        Ok(Link::Off) => visit.off(),
        Err(broken) => visit.broken(&broken),
    }
}

/// `POST` of the page: with `code`, what became of it; without, a fresh one.
pub(crate) async fn press(State(app): State<Arc<App>>, visit: Visit) -> Response {
    if !visit.is_ours {
        let status = StatusCode::FORBIDDEN;
        return visit.message(status, "enrollment-foreign", &["enrollment-foreign-why"]);
    }
    let pressed = if visit.fields.text("code").is_empty() {
        fresh(&app, &visit).await
    } else {
        look_again(&app, &visit).await
    };
    pressed.unwrap_or_else(|broken| visit.broken(&broken))
}

async fn fresh(app: &App, visit: &Visit) -> Result<Response, Broken> {
    let order = (visit.ticket(), &visit.meta);
    Ok(match flows::open_ticket(app, &visit.context, order, visit.now).await? {
        Opening::Fresh(code) => visit.ways(&code),
        Opening::Enrolled(..) => visit.enrolled(),
        Opening::Dead => visit.dead(),
        Opening::Off => visit.off(),
    })
}

async fn look_again(app: &App, visit: &Visit) -> Result<Response, Broken> {
    let (context, code) = (&visit.context, visit.fields.text("code"));
    match flows::look_at_code(app, context, (visit.ticket(), code), visit.now).await? {
        Shown::Waiting(code) => Ok(visit.ways(&code)),
        Shown::Enrolled(device) => {
            let frame = Frame { method: "post", code, ..visit.frame() };
            let key_code = device.key_code();
            Ok(html(StatusCode::OK, &Done::of(frame, &device.name, key_code.as_deref())))
        }
        Shown::Over => {
            Ok(match flows::look_at_link(app, context, visit.ticket(), visit.now).await? {
                Link::Good(good) => visit.start(&good, true),
                Link::Enrolled(..) => visit.enrolled(),
                Link::Dead => visit.dead(),
                Link::Off => visit.off(),
            })
        }
    }
}

/// `POST /mfa/enrollment/state`: how the code stands, for the page's program.
pub(crate) async fn state(State(app): State<Arc<App>>, visit: Visit) -> Response {
    let (context, code) = (&visit.context, visit.fields.text("code"));
    let shown = flows::look_at_code(&app, context, (visit.ticket(), code), visit.now).await;
    let (status, state) = match shown {
        Ok(Shown::Waiting(_)) => (StatusCode::OK, "waiting"),
        Ok(Shown::Enrolled(_)) => (StatusCode::OK, "enrolled"),
        Ok(Shown::Over) => (StatusCode::OK, "over"),
        Err(broken) => {
            tracing::error!(cause = %broken, "the state of a code could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, json!({ "state": state }).to_string()).into_response()
}

/// The page's program.
pub(crate) async fn program() -> Response {
    pages::file("text/javascript; charset=utf-8", PROGRAM)
}

/// The text of a code to scan.
pub(crate) fn otpauth(context: &Context, code: &Code) -> String {
    let uri = Otpauth {
        issuer: &context.tenant.display_name,
        account: account(&code.user),
        enrollment_tx_id: &code.enrollment_tx_id,
        id: code.device.as_str(),
        base_url: &context.base.url("appliance-mfa"),
        totp_secret: None,
    };
    uri.to_string()
}

fn account(user: &User) -> &str {
    user.email().unwrap_or_else(|| user.id().as_str())
}
