//! How the enrollment page looks: plain HTML under a strict content security policy.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::http::pages;
use crate::language::Language;
use crate::sayings;
use crate::tenancy::CustomApp;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// What every page has around its own content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// The language of the page.
    pub(super) language: Language,
    /// What people call the tenant.
    pub(super) tenant: &'a str,
    /// What is in front of `mfa/`, `assets/` and `authenticator/`.
    pub(super) root: &'a str,
    /// How a page in another language is asked for: `get`, or `post` where a code was shown.
    pub(super) method: &'static str,
    /// The link's ticket; empty on pages that say the same for every link.
    pub(super) ticket: &'a str,
    /// The code that was shown; empty if none was.
    pub(super) code: &'a str,
}

impl<'a> Frame<'a> {
    fn say(&self, key: &str) -> String {
        sayings::say(self.language, key, &[])
    }

    fn with(&self, key: &str, name: &str, value: &str) -> String {
        sayings::say(self.language, key, &[(name, value.into())])
    }

    fn count(&self, key: &str, name: &str, number: i64) -> String {
        sayings::say(self.language, key, &[(name, number.into())])
    }

    /// What a change of the language sends along.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let all = [("ticket", self.ticket), ("code", self.code)];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

/// What a page is opened on, as far as its browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// An iPhone or iPad.
    Ios,
    /// A Mac, or an iPad, whose Safari says that it is one: the page's program sees which.
    Mac,
    /// Anything else.
    Other,
}

impl Machine {
    /// Whether what is for iPhones and iPads stands on the page.
    fn may_be_ios(self) -> bool {
        self != Self::Other
    }

    /// Whether what is for all others does.
    fn may_be_other(self) -> bool {
        self != Self::Ios
    }

    /// Whether only the page's program can tell.
    fn may_be_ipad(self) -> bool {
        self == Self::Mac
    }

    /// What the page's program shows on an iPad, and nobody else sees.
    fn for_ios(self) -> &'static str {
        if self.may_be_ipad() { " data-ipad hidden" } else { "" }
    }

    /// What it takes away there.
    fn for_others(self) -> &'static str {
        if self.may_be_ipad() { " data-no-ipad" } else { "" }
    }
}

/// The page of a good link, before a code is made.
#[derive(Template)]
#[template(path = "enrollment/start.html")]
pub(super) struct Start<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) account: &'a str,
    pub(super) replaces: bool,
    pub(super) is_late: bool,
    pub(super) machine: Machine,
}

/// The page that shows a code, in the ways it can be used (D4).
#[derive(Template)]
#[template(path = "enrollment/code.html")]
pub(super) struct Ways<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) app: &'a CustomApp,
    pub(super) code: &'a str,
    pub(super) uri: &'a str,
    pub(super) app_qr: String,
    pub(super) phone_url: &'a str,
    pub(super) phone_qr: String,
    pub(super) minutes: i64,
    pub(super) machine: Machine,
}

/// The page that says which device has used the code.
#[derive(Template)]
#[template(path = "enrollment/done.html")]
pub(super) struct Done<'a> {
    frame: Frame<'a>,
    device: &'a str,
    key_code: Option<&'a str>,
    compare_else: String,
}

impl<'a> Done<'a> {
    /// The page for a device of this name; `key_code` is what its screen shows.
    pub(super) fn of(frame: Frame<'a>, device: &'a str, key_code: Option<&'a str>) -> Self {
        let values = [("device", device.into()), ("tenant", frame.tenant.into())];
        let compare_else = sayings::say(frame.language, "enrollment-compare-else", &values);
        Self { frame, device, key_code, compare_else }
    }
}

/// A page with a heading and a few sentences.
#[derive(Template)]
#[template(path = "enrollment/message.html")]
pub(super) struct Message<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) heading: &'a str,
    pub(super) lines: &'a [&'a str],
}

/// A page.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    let (status, page) = pages::rendered(status, page.render());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // The link's ticket stands in the address, and no page needs to learn it. Not
        // `no-referrer`: with that, browsers say `Origin: null` in our own forms.
        (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::VARY, HeaderValue::from_static("accept-language, user-agent")),
    ];
    (status, headers, page).into_response()
}
