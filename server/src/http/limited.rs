//! The limits of a whole face (W121, G57): who has called too often is told so in its own words,
//! and everybody else how much is left.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use domain::oauth::refusal::Rate;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{context, device, management, own_device};
use crate::App;
use crate::denied::Denied;
use crate::failure::Broken;
use crate::flows::admit;
use crate::meta::Meta;
use crate::rate_limits::{Counted, Reached};

/// How a face refuses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face {
    what: Counted,
    is_by_address: bool,
    refuse: fn() -> Response,
    apologise: fn(Broken) -> Response,
}

/// The Management API: all calls of a tenant.
pub(super) const MANAGEMENT: Face = Face {
    what: Counted::Management,
    is_by_address: false,
    refuse: || management::Error::from(Denied::TooManyCalls).into_response(),
    apologise: |broken| management::Error::from(broken).into_response(),
};

/// The devices: all calls of an address.
pub(super) const DEVICES: Face = Face {
    what: Counted::Devices,
    is_by_address: true,
    refuse: || device::too_many_requests(),
    apologise: |broken| device::Error::from(broken).into_response(),
};

/// The devices of our own dialect, which count with the others.
pub(super) const OWN_DEVICES: Face = Face {
    what: Counted::Devices,
    is_by_address: true,
    refuse: || own_device::too_many_requests(),
    apologise: |broken| own_device::Error::from(broken).into_response(),
};

/// The paths of a face, counted if there is a limit.
pub(super) fn limited(face: Face, paths: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    if app.rate_limits.limits(face.what) {
        return paths.layer(middleware::from_fn_with_state((Arc::clone(app), face), count));
    }
    paths
}

async fn count(
    State((app, face)): State<(Arc<App>, Face)>,
    request: Request,
    next: Next,
) -> Response {
    counted(&app, face, request, |request| next.run(request)).await
}

/// What `run` answers, if the limit of the face lets the call pass.
pub(super) async fn counted<F: Future<Output = Response>>(
    app: &App,
    face: Face,
    request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response {
    if !app.rate_limits.limits(face.what) {
        return run(request).await;
    }
    let (parts, body) = request.into_parts();
    let context = context::resolve(&parts, app).await;
    let meta = Meta::of(&parts);
    let request = Request::from_parts(parts, body);
    // Without a tenant, the handler says what is wrong.
    let Ok(Some(context)) = context else { return run(request).await };
    let who = if face.is_by_address { admit::address_of(&meta) } else { String::new() };
    let now = app.clock.now();
    match admit::take(app, (&context, &meta), (face.what, &who), now).await {
        Ok(Ok(None)) => run(request).await,
        Ok(Ok(Some(rate))) => {
            let mut response = run(request).await;
            tell(response.headers_mut(), &rate);
            response
        }
        Ok(Err(Reached { rate, retry_after_s, .. })) => {
            let mut response = (face.refuse)();
            tell(response.headers_mut(), &rate);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
            response
        }
        Err(broken) => (face.apologise)(broken),
    }
}

/// The numbers of a limit, plain integers (W115).
pub(super) fn tell(headers: &mut HeaderMap, rate: &Rate) {
    for (name, number) in [
        ("x-ratelimit-limit", i64::from(rate.limit)),
        ("x-ratelimit-remaining", i64::from(rate.remaining)),
        ("x-ratelimit-reset", rate.reset_at_s),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}
