//! What every request gets: a trace id in its log lines and its answer, and its place in the metrics.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method};
use tracing::Instrument as _;

use super::oauth::Told;
use crate::App;
use crate::outside::Stopwatch;

/// The answer's name for the request, to quote to an operator.
const REQUEST_ID: &str = "x-request-id";

/// The label of paths and methods that no table of ours names.
const OTHER: &str = "other";

/// Hexadecimal digits of a trace id (W3C Trace Context 3.2.2.3).
const TRACE_DIGITS: usize = 32;

/// The name of one request: of the caller's trace if it sent one, otherwise new.
#[derive(Clone, Debug)]
struct TraceId(String);

impl TraceId {
    /// The trace id of a `traceparent` of any version (W3C Trace Context 3.2).
    fn sent(headers: &HeaderMap) -> Option<Self> {
        let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
        let (version, id) = (parts.next()?, parts.next()?);
        let is_hex = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
        };
        let is_id = id.len() == TRACE_DIGITS && is_hex(id) && id.bytes().any(|byte| byte != b'0');
        (version.len() == 2 && version != "ff" && is_hex(version) && is_id)
            .then(|| Self(id.to_owned()))
    }
}

/// A method's name; whatever a caller makes up is one.
const fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => OTHER,
    }
}

/// Answers a request.
pub(super) async fn observe(
    State(app): State<Arc<App>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let (watch, _in_flight) = (Stopwatch::start(), app.metrics.begin());
    let TraceId(trace) =
        TraceId::sent(request.headers()).unwrap_or_else(|| TraceId(app.traces.next()));
    let method = known(request.method());
    let span = tracing::info_span!("request", trace.id = %trace);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(trace) = HeaderValue::from_str(&trace) {
        response.headers_mut().insert(REQUEST_ID, trace);
    }
    let status = response.status().as_u16();
    if let Some(Told { endpoint, error }) = response.extensions().get() {
        app.metrics.refused(endpoint, error);
    }
    let path = path.as_ref().map_or(OTHER, MatchedPath::as_str);
    app.metrics.answered((method, path), status, watch.seconds());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(header: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("traceparent"),
            HeaderValue::from_str(header).unwrap(),
        )]);
        TraceId::sent(&headers).map(|TraceId(id)| id)
    }

    #[test]
    fn a_trace_is_taken_up_and_nonsense_is_not() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(sent(&format!("00-{id}-00f067aa0ba902b7-01")), Some(id.to_owned()));
        assert_eq!(sent(&format!("cc-{id}-00f067aa0ba902b7-01-more")), Some(id.to_owned()));
        let upper = id.to_uppercase();
        let zeros = "0".repeat(TRACE_DIGITS);
        for bad in
            ["", "00", &format!("ff-{id}-x"), &format!("00-{upper}-x"), &format!("00-{zeros}-x")]
        {
            assert_eq!(sent(bad), None, "{bad}");
        }
    }
}
