//! The console's face for failures: a page that says what happened and what to do.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::frame::{Frame, Room};
use super::page;
use super::visitor::{SignedIn, Visitor};
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::{Broken, RETRY_AFTER_S};
use crate::language::Language;

/// A page with a heading and a sentence.
#[derive(Template)]
#[template(path = "console/message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
    heading: &'a str,
    text: &'a str,
    /// What somebody who runs the server finds in its log.
    number: Option<u64>,
}

/// What went wrong, as a page.
pub(crate) struct Error(Response);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Error {
    fn page(status: StatusCode, frame: Frame<'_>, (heading, text): (&str, &str)) -> Self {
        Self(page::html(status, &MessagePage { frame, heading, text, number: None }))
    }

    /// A flow's answer to an operator.
    pub(crate) fn of(who: &SignedIn, denial: &Denial) -> Self {
        let frame = || Frame::signed_in(who, Room::Elsewhere);
        match denial {
            Denial::Broken(broken) => Self::told(frame(), broken),
            Denial::Denied(denied) => Self::denied(frame(), denied),
        }
    }

    /// Ours to mend; nobody is known to be signed in.
    pub(crate) fn broken(visitor: &Visitor, broken: &Broken) -> Self {
        Self::told(Frame::of(visitor), broken)
    }

    fn told(frame: Frame<'_>, broken: &Broken) -> Self {
        tracing::error!(cause = %broken, fault = broken.number(), "a page of the console failed");
        let status = if broken.passes() {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        let (heading, text) = (frame.w.broken, frame.w.broken_text);
        let page = MessagePage { frame, heading, text, number: Some(broken.number()) };
        let retry = [(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))];
        Self((retry, page::html(status, &page)).into_response())
    }

    fn denied(frame: Frame<'_>, denied: &Denied) -> Self {
        let (status, message, _) = denied.wire();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let w = frame.w;
        let (heading, text) = if *denied == Denied::NoUser {
            (w.no_user, w.no_user_text)
        } else if *denied == Denied::NoEnrollment {
            (w.no_device, w.no_device_text)
        } else if *denied == Denied::Contended {
            (w.contended, w.contended_text)
        } else {
            (w.refused, message.as_str())
        };
        Self::page(status, frame, (heading, text))
    }

    /// A page that cannot be there.
    pub(crate) fn nowhere(visitor: &Visitor) -> Self {
        let frame = Frame::of(visitor);
        let said = (frame.w.nowhere, frame.w.nowhere_text);
        Self::page(StatusCode::NOT_FOUND, frame, said)
    }

    /// A form that none of our pages sent.
    pub(crate) fn foreign(visitor: &Visitor) -> Self {
        let frame = Frame::of(visitor);
        let said = (frame.w.foreign, frame.w.foreign_text);
        Self::page(StatusCode::FORBIDDEN, frame, said)
    }

    /// A form that is too long to be one of ours.
    pub(crate) fn too_long(visitor: &Visitor) -> Self {
        let frame = Frame::of(visitor);
        let said = (frame.w.foreign, frame.w.foreign_text);
        Self::page(StatusCode::PAYLOAD_TOO_LARGE, frame, said)
    }

    /// Too many tries to sign in.
    pub(crate) fn too_many(visitor: &Visitor, wait_s: i64) -> Self {
        let frame = Frame::of(visitor);
        let said = (frame.w.too_many, frame.w.too_many_text);
        let Self(page) = Self::page(StatusCode::TOO_MANY_REQUESTS, frame, said);
        Self(([(header::RETRY_AFTER, HeaderValue::from(wait_s))], page).into_response())
    }
}

/// A page that is not there.
pub(crate) async fn nowhere(State(_): State<Arc<App>>, who: SignedIn) -> Error {
    let frame = Frame::signed_in(&who, Room::Elsewhere);
    let said = (frame.w.nowhere, frame.w.nowhere_text);
    Error::page(StatusCode::NOT_FOUND, frame, said)
}

/// The console of a tenant that shares its host with others (decision 8).
pub(crate) fn shared_host() -> Response {
    let text = "The console needs a host name of the tenant's own: give it a custom domain.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}
