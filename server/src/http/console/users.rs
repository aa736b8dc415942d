//! `/console/users`: the people of a tenant.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::people::User;
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

use super::error::Error;
use super::form::Fields;
use super::frame::{Frame, Room};
use super::page;
use super::visitor::SignedIn;
use crate::App;
use crate::denied::{Denial, Denied};
use crate::flows::console::{self, ListedUser, PAGE_SIZE};
use crate::language::Language;

/// Pages that can be asked for.
const PAGE_LIMIT: u32 = 1_000;

#[derive(Template)]
#[template(path = "console/users.html")]
struct UsersPage<'a> {
    frame: Frame<'a>,
    query: &'a str,
    users: Vec<Row>,
    /// The first and last place in the list that the page shows.
    places: (u32, u32),
    previous: Option<String>,
    next: Option<String>,
    /// What is wrong with the question.
    complaint: Option<String>,
    notice: &'static str,
}

struct Row {
    href: String,
    name: String,
    id: String,
    email: Option<String>,
    is_blocked: bool,
    devices: usize,
    is_reachable: bool,
}

impl Row {
    fn of(who: &SignedIn, listed: &ListedUser) -> Self {
        let user = &listed.user;
        Self {
            href: address(who, user.id().as_str()),
            name: shown_name(user),
            id: user.id().to_string(),
            email: user.email().map(String::from),
            is_blocked: user.is_blocked(),
            devices: listed.devices,
            is_reachable: listed.is_reachable,
        }
    }
}

/// What a person is called: by name, else address, else id.
pub(super) fn shown_name(user: &User) -> String {
    let name = user.name().filter(|name| !name.trim().is_empty());
    name.or_else(|| user.email()).unwrap_or_else(|| user.id().as_str()).to_owned()
}

/// The page of a person.
pub(super) fn address(who: &SignedIn, user: &str) -> String {
    who.visitor.to(&format!("users/{}", utf8_percent_encode(user, NON_ALPHANUMERIC)))
}

/// `GET /console/users?q=…&page=…`.
pub(super) async fn list(State(app): State<Arc<App>>, who: SignedIn, query: Fields) -> Response {
    let text = query.text("q");
    // People count pages from 1.
    let page = query.text("page").parse::<u32>().unwrap_or(1).clamp(1, PAGE_LIMIT) - 1;
    let found = console::find_users(&app, who.visitor.tenant(), text, page).await;
    let (status, users, has_more, complaint) = match found {
        Ok(found) => (StatusCode::OK, found.users, found.has_more, None),
        Err(Denial::Denied(Denied::InvalidQuery(why))) => {
            (StatusCode::BAD_REQUEST, Vec::new(), false, Some(why))
        }
        Err(denial) => return Error::of(&who, &denial).into_response(),
    };
    let first = page * PAGE_SIZE + 1;
    let last = page * PAGE_SIZE + u32::try_from(users.len()).unwrap_or(PAGE_SIZE);
    let to = |page: u32| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !text.is_empty() {
            query.append_pair("q", text);
        }
        query.append_pair("page", &page.to_string());
        who.visitor.to(&format!("users?{}", query.finish()))
    };
    let frame = Frame::signed_in(&who, Room::Users);
    let notice = if query.text("done") == "passkey" { frame.w.passkey_added } else { "" };
    let page = UsersPage {
        query: text,
        places: (first, last),
        previous: (page > 0).then(|| to(page)),
        next: has_more.then(|| to(page + 2)),
        users: users.iter().map(|listed| Row::of(&who, listed)).collect(),
        complaint,
        notice,
        frame,
    };
    page::html(status, &page)
}
