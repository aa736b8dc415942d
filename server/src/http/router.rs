//! Every path of the server, on one page.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use domain::oauth::refusal::Endpoint;
use http::StatusCode;

use super::limited::{DEVICES, MANAGEMENT, OWN_DEVICES, limited};
use super::oauth::{self, discovery, register};
use super::observe::observe;
use super::{
    authenticator, console, dev, device, enrollment, management, own_device, pages, prefix,
    receipts,
};
use crate::App;

/// The public paths, with and without a tenant's prefix; in `dev` with the development tools.
pub fn router(app: Arc<App>) -> Router {
    let paths = paths()
        .merge(limited(DEVICES, device::routes(), &app))
        .merge(limited(OWN_DEVICES, own_device::routes(), &app))
        .merge(limited(MANAGEMENT, management::routes(), &app));
    let paths = if app.is_dev { paths.merge(dev::routes()) } else { paths };
    let observed = paths.layer(middleware::from_fn_with_state(Arc::clone(&app), observe));
    prefix::with_prefixes(observed.with_state(Arc::clone(&app)), app)
}

fn paths() -> Router<Arc<App>> {
    let oauth = Router::new()
        .route("/.well-known/openid-configuration", get(discovery::metadata))
        .route("/.well-known/oauth-authorization-server", get(discovery::metadata))
        .route("/.well-known/jwks.json", get(discovery::key_set))
        .route("/authorize", any(discovery::authorize))
        .route(
            "/bc-authorize",
            post(oauth::backchannel)
                .fallback(async || oauth::method_not_allowed(Endpoint::Backchannel, "POST")),
        )
        .route(
            "/oauth/token",
            post(oauth::token)
                .fallback(async || oauth::method_not_allowed(Endpoint::Token, "POST")),
        )
        .route(
            "/oauth/revoke",
            post(oauth::revoke)
                .fallback(async || oauth::method_not_allowed(Endpoint::Revoke, "POST")),
        )
        .route(
            "/oauth/introspect",
            post(oauth::introspect)
                .fallback(async || oauth::method_not_allowed(Endpoint::Introspect, "POST")),
        )
        .route(
            "/ciba/cancel",
            post(oauth::cancel)
                .fallback(async || oauth::method_not_allowed(Endpoint::Cancel, "POST")),
        )
        .route(
            "/ciba/events",
            get(oauth::events)
                .fallback(async || oauth::method_not_allowed(Endpoint::Events, "GET")),
        )
        .route(
            "/oidc/register",
            post(register::register)
                .fallback(async || oauth::method_not_allowed(Endpoint::Register, "POST")),
        )
        .route(
            "/oidc/register/{client_id}",
            get(register::read).put(register::update).delete(register::delete).fallback(
                async || oauth::method_not_allowed(Endpoint::Register, "GET, PUT, DELETE"),
            ),
        )
        .route(
            "/userinfo",
            get(oauth::userinfo)
                .post(oauth::userinfo)
                .fallback(async || oauth::method_not_allowed(Endpoint::Userinfo, "GET, POST")),
        );
    let pages = Router::new()
        .route("/assets/page.css", get(pages::styles))
        .route("/assets/enrollment.js", get(enrollment::program))
        .route("/mfa/enrollment", get(enrollment::page).post(enrollment::press))
        .route("/mfa/enrollment/state", post(enrollment::state))
        .route("/guardian/enroll", get(enrollment::page).post(enrollment::press));
    let pages = pages.merge(console::routes()).merge(authenticator::routes());
    let oauth = oauth.merge(receipts::routes());
    Router::new().merge(oauth).merge(pages).fallback(pages::not_found)
}

/// The public paths for plain HTTP: for trusted proxies only, and for this machine in `dev`
/// (decision 9).
pub fn behind_proxies(public: Router, app: &App) -> Router {
    let trusted = app.config.proxy.trusted.clone();
    let is_dev = app.is_dev;
    public.layer(middleware::from_fn(move |request: Request, next: Next| {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
        let may = peer.is_some_and(|ip| is_trusted(ip) || (is_dev && ip.is_loopback()));
        async move { if may { next.run(request).await } else { forbidden() } }
    }))
}

fn forbidden() -> Response {
    (StatusCode::FORBIDDEN, "plain HTTP is for trusted proxies only; use https\n").into_response()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_paths_stand_in_each_others_way() {
        let all = super::paths().merge(super::device::routes()).merge(super::management::routes());
        drop(all.merge(super::own_device::routes()).merge(super::dev::routes()));
    }
}
