//! The one window for calls to others: push services, and whatever a stranger may name.
//!
//! https only, no redirects, no proxy from the environment, limits on time, size and number. The
//! address that was checked is the one that is dialled (architecture 5). This is the only trait of
//! the seams: a test answers calls from a script.

mod address;
mod dial;
mod window;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

pub use address::{Allowed, Guard};
pub(super) use dial::DialError;
pub use window::{Window, may_name};
pub(super) use window::{checked_addresses, system_roots};

/// Answers calls.
pub trait Outbound: fmt::Debug + Send + Sync {
    /// Makes one call; the answer is complete, or there is none.
    fn call(&self, call: Call) -> Calling<'_>;
}

/// A call that is under way.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send + 'a>>;

/// One request to somebody else.
#[derive(Clone)]
pub struct Call {
    /// `GET`, `POST` …
    pub method: Method,
    /// An https address.
    pub url: Url,
    /// Headers beside those that HTTP itself needs.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// Which connections it may share.
    pub lane: Lane,
    /// What it may cost.
    pub limits: CallLimits,
    /// Whether a second try does no harm if a connection breaks while we wait.
    pub is_repeatable: bool,
}

impl Call {
    /// Reads what a client has at an address of its own.
    pub fn of_client(url: Url, accepted: &'static str, limits: CallLimits) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: vec![(header::ACCEPT, HeaderValue::from_static(accepted))],
            body: Bytes::new(),
            lane: Lane::clients(),
            limits,
            is_repeatable: true,
        }
    }
}

impl fmt::Debug for Call {
    /// The method and the host: path, headers and body may be or hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// What a call may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Everything, from the look-up of the name to the last byte of the answer.
    pub within: Duration,
    /// The answer's body.
    pub answer_bytes: usize,
}

/// Calls of one lane share connections; those of different lanes never do.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Its name: equal names must come with the same identity.
    pub name: String,
    /// The certificate that we show.
    pub identity: Option<Arc<Identity>>,
    /// Speaks HTTP/2 and nothing else, many requests on one connection.
    pub is_http2: bool,
}

impl Lane {
    /// For clients' own addresses.
    pub fn clients() -> Self {
        Self { name: String::from("clients"), identity: None, is_http2: false }
    }
}

/// A certificate of ours, with its key.
pub struct Identity {
    /// The certificate, then those that vouch for it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// What came back, whatever its status.
#[derive(Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty if it was longer than allowed.
    pub body: Bytes,
    /// The body was longer than allowed, and thrown away.
    pub is_too_long: bool,
}

impl fmt::Debug for Answer {
    /// Without headers and body: a service may answer with a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It must not be made: another scheme, a port or an address that is not public.
    Forbidden(String),
    /// Nobody could be reached, or not the one whom the name promises.
    Unreachable(String),
    /// The connection broke while we waited; whether it was heard is unknown.
    Broken(String),
    /// It took too long; whether it was heard is unknown.
    TooSlow,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) => write!(f, "not called: {why}"),
            Self::Unreachable(why) => write!(f, "cannot be reached: {why}"),
            Self::Broken(why) => write!(f, "the connection broke: {why}"),
            Self::TooSlow => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for Unanswered {}
