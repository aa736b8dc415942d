//! Who looks at a page: a visitor of a tenant's console, and one who is signed in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Fingerprint, TenantId, Timestamp};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use store::operator_sessions::Session;
use url::form_urlencoded;

use super::error::{self, Error};
use crate::App;
use crate::flows::console;
use crate::http::prefix::Prefix;
use crate::language::Language;
use crate::meta::{self, Meta};
use crate::tenancy::Context;

/// Longest cookie header that is read.
const COOKIE_BYTES: usize = 8 * 1024;
/// The cookie that keeps the language, for a year.
const LANGUAGE_COOKIE: &str = "aizuchi-language";
const YEAR_S: i64 = 366 * 86_400;

/// Somebody at a tenant's console.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// The tenant and the address it was reached by.
    pub(crate) context: Context,
    /// What is in front of `console/` in every path.
    pub(crate) root: String,
    /// What the browser called us.
    pub(crate) host: String,
    /// The language of the page.
    pub(crate) language: Language,
    /// What the request tells about its sender.
    pub(crate) meta: Meta,
    /// The moment the request is judged at.
    pub(crate) now: Timestamp,
    /// The path and query, for a way back.
    pub(crate) path: String,
    token: Option<String>,
    is_plain: bool,
}

impl Visitor {
    /// The tenant.
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.context.tenant.id
    }

    /// The address of a page below `console/`.
    pub(crate) fn to(&self, page: &str) -> String {
        format!("{}console/{page}", self.root)
    }

    /// Goes to a page below `console/`.
    pub(crate) fn redirect(&self, page: &str) -> Response {
        Redirect::to(&self.to(page)).into_response()
    }

    /// A way back that leads to a page of this console and nowhere else.
    pub(crate) fn way_back(&self, path: &str) -> Option<String> {
        let is_ours = path.starts_with(&self.to("")) && !path.contains("//");
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        (is_ours && is_plain && path.len() <= 2048).then(|| path.to_owned())
    }

    /// The cookie that keeps a session; none ends it. `__Host-` keeps other hosts from planting
    /// one, but browsers take it from https only, not from the plain listener of `dev`.
    pub(crate) fn session_cookie(&self, token: Option<&str>) -> HeaderValue {
        let name = session_name(self.tenant(), self.is_plain);
        let (value, age) = token.map_or(("", 0), |token| (token, console::LONGEST_S));
        cookie(&format!("{name}={value}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax"))
    }

    /// The cookie that keeps a language.
    pub(crate) fn language_cookie(&self, language: Language) -> HeaderValue {
        let (code, root) = (language.code(), &self.root);
        cookie(&format!(
            "{LANGUAGE_COOKIE}={code}; Path={root}console; Max-Age={YEAR_S}; Secure; HttpOnly; \
             SameSite=Lax"
        ))
    }
}

fn cookie(text: &str) -> HeaderValue {
    // Tenants' names, tokens and prefixes are plain ASCII.
    HeaderValue::from_str(text).unwrap_or_else(|_not_ascii| HeaderValue::from_static(""))
}

fn session_name(tenant: &TenantId, is_plain: bool) -> String {
    let prefix = if is_plain { "" } else { "__Host-" };
    format!("{prefix}aizuchi-console-{tenant}")
}

fn cookie_named<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.filter(|text| text.len() <= COOKIE_BYTES)
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name && !value.is_empty()).then_some(value))
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let context = Context::from_request_parts(parts, app).await?;
        let by_prefix = parts.extensions.get::<Prefix>().is_some();
        if by_prefix && !app.is_dev {
            return Err(error::shared_host().into_response());
        }
        let root = if by_prefix { format!("/t/{}/", context.tenant.id) } else { String::from("/") };
        let host = meta::host(parts).to_owned();
        let authority = format!("http://{host}/");
        let is_plain = app.addresses.http.as_deref() == Some(authority.as_str());
        let headers = &parts.headers;
        let chosen = cookie_named(headers, LANGUAGE_COOKIE).and_then(Language::named);
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = chosen.unwrap_or_else(|| Language::accepted(accepted.unwrap_or_default()));
        let token = cookie_named(headers, &session_name(&context.tenant.id, is_plain));
        let below = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let visitor = Self {
            path: format!("{}{}", root.trim_end_matches('/'), below),
            root,
            host,
            language,
            meta: Meta::of(parts),
            now: app.clock.now(),
            token: token.map(String::from),
            is_plain,
            context,
        };
        // PostgreSQL's text cannot hold this one character, and no name has it.
        if parts.uri.path().contains("%00") {
            return Err(Error::nowhere(&visitor).into_response());
        }
        Ok(visitor)
    }
}

/// An operator.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// Where.
    pub(crate) visitor: Visitor,
    /// Their session.
    pub(crate) session: Session,
    /// What every form of the session carries.
    pub(crate) form_token: String,
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let Some(token) = visitor.token.clone() else { return Err(to_sign_in(parts, &visitor)) };
        let found = console::find_session(app, visitor.tenant(), &token, visitor.now).await;
        match found {
            Ok(Some(session)) => {
                let mut visitor = visitor;
                visitor.meta = visitor.meta.by(&session.operator);
                Ok(Self { form_token: form_token(&token), session, visitor })
            }
            Ok(None) => Err(to_sign_in(parts, &visitor)),
            Err(broken) => Err(Error::broken(&visitor, &broken).into_response()),
        }
    }
}

/// Nobody else can know it: made of the session's own token, which only its cookie holds.
fn form_token(token: &str) -> String {
    let fingerprint = Fingerprint::of(format!("form of {token}").as_bytes());
    URL_SAFE_NO_PAD.encode(fingerprint.as_bytes())
}

/// Who wants to see a page comes back to it; what a form said is lost and its page is not.
fn to_sign_in(parts: &Parts, visitor: &Visitor) -> Response {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        return visitor.redirect("sign-in");
    }
    let query: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("next", &visitor.path).finish();
    visitor.redirect(&format!("sign-in?{query}"))
}
