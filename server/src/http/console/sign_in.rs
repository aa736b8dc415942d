//! The way in and out: one-time link, passkey, language.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{StatusCode, header};
use store::operator_passkeys;

use super::error::Error;
use super::form::{Change, Fields, Submitted};
use super::frame::{Frame, Room};
use super::page;
use super::visitor::{SignedIn, Visitor};
use crate::App;
use crate::flows::console;
use crate::language::Language;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    /// The link that was followed, and whom it lets in.
    link: Option<(&'a str, &'a str)>,
    is_dead_link: bool,
    next: &'a str,
}

/// `GET /console`.
pub(super) async fn home(who: SignedIn) -> Response {
    who.visitor.redirect("users")
}

/// `GET /console/sign-in`: nothing is spent by looking, so that a link survives previews of it.
pub(super) async fn show(State(app): State<Arc<App>>, visitor: Visitor, query: Fields) -> Response {
    let link = query.text("link");
    let mut operator = None;
    if !link.is_empty() {
        if let Err(wait_s) = app.sign_ins.may_try(visitor.meta.ip, visitor.now) {
            return Error::too_many(&visitor, wait_s).into_response();
        }
        let found = console::operator_of_link(&app, visitor.tenant(), link, visitor.now).await;
        operator = match found {
            Ok(operator) => operator,
            Err(broken) => return Error::broken(&visitor, &broken).into_response(),
        };
    }
    let is_dead_link = !link.is_empty() && operator.is_none();
    if is_dead_link {
        app.sign_ins.count(visitor.meta.ip, visitor.now);
    }
    let status = if is_dead_link { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let next = visitor.way_back(query.text("next")).unwrap_or_default();
    let page = SignInPage {
        frame: Frame::of(&visitor),
        link: operator.as_ref().map(|operator| (link, operator.name.as_str())),
        is_dead_link,
        next: &next,
    };
    page::html(status, &page)
}

/// `POST /console/sign-in`: spends the link.
pub(super) async fn by_link(State(app): State<Arc<App>>, submitted: Submitted) -> Response {
    let Submitted { visitor, fields } = submitted;
    if let Err(wait_s) = app.sign_ins.may_try(visitor.meta.ip, visitor.now) {
        return Error::too_many(&visitor, wait_s).into_response();
    }
    let who = (visitor.tenant(), &visitor.meta);
    let begun = console::sign_in_by_link(&app, who, fields.text("link"), visitor.now).await;
    let session = match begun {
        Ok(Some(session)) => session,
        Ok(None) => {
            app.sign_ins.count(visitor.meta.ip, visitor.now);
            let page =
                SignInPage { frame: Frame::of(&visitor), link: None, is_dead_link: true, next: "" };
            return page::html(StatusCode::FORBIDDEN, &page);
        }
        Err(broken) => return Error::broken(&visitor, &broken).into_response(),
    };
    let id = &session.operator.id;
    let passkeys = operator_passkeys::of_operator(&app.database, visitor.tenant(), id).await;
    let has_none = passkeys.is_ok_and(|passkeys| passkeys.is_empty());
    let next = visitor.way_back(fields.text("next"));
    let to = match next {
        Some(next) => next,
        // A link works once: the moment to add what works from now on.
        None if has_none => visitor.to("passkeys?welcome=1"),
        None => visitor.to("users"),
    };
    let cookie = visitor.session_cookie(Some(&session.token));
    ([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response()
}

/// `POST /console/sign-out`.
pub(super) async fn sign_out(State(app): State<Arc<App>>, change: Change) -> Response {
    let Change { who: SignedIn { visitor, session, .. } } = change;
    let by = (visitor.tenant(), &visitor.meta);
    if let Err(broken) = console::sign_out(&app, by, &session, visitor.now).await {
        return Error::broken(&visitor, &broken).into_response();
    }
    let cookie = visitor.session_cookie(None);
    ([(header::SET_COOKIE, cookie)], visitor.redirect("sign-in")).into_response()
}

/// `POST /console/language`.
pub(super) async fn language(submitted: Submitted) -> Response {
    let Submitted { visitor, fields } = submitted;
    let language = Language::named(fields.text("language")).unwrap_or(visitor.language);
    let back = visitor.way_back(fields.text("back")).unwrap_or_else(|| visitor.to("users"));
    let cookie = visitor.language_cookie(language);
    ([(header::SET_COOKIE, cookie)], Redirect::to(&back)).into_response()
}
