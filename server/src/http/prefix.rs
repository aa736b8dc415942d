//! `/t/{tenant}` in front of a path: taken off before routing, remembered in the request.

use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use domain::TenantId;
use http::{Request, Uri, uri::PathAndQuery};
use tower::ServiceExt;

use super::proxy;
use crate::App;

/// The tenant that the path named.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(pub(crate) TenantId);

/// `inner` for paths with and without a tenant prefix, whoever passes the request on.
pub(crate) fn with_prefixes(inner: Router, app: Arc<App>) -> Router {
    Router::new().fallback_service(inner.map_request(move |mut request: Request<Body>| {
        proxy::apply(&app, &mut request);
        if let Some((tenant, rest)) = split(request.uri()) {
            *request.uri_mut() = rest;
            request.extensions_mut().insert(Prefix(tenant));
        }
        request
    }))
}

/// Where RFC 8414 (3.1) has the metadata of an issuer with a path: in front of that path.
const METADATA: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

fn split(uri: &Uri) -> Option<(TenantId, Uri)> {
    let whole = uri.path_and_query()?.as_str();
    let turned = METADATA.iter().find_map(|place| {
        let name = whole.strip_prefix(place)?.strip_prefix("/t/")?;
        let name = name.split('?').next()?.trim_end_matches('/');
        (!name.contains('/')).then(|| format!("{name}{place}"))
    });
    let rest = match &turned {
        Some(turned) => turned,
        None => whole.strip_prefix("/t/")?,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_str(&path).ok()?);
    Some((TenantId::new(name), Uri::from_parts(parts).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str) -> Option<(String, String)> {
        split(&path.parse().unwrap()).map(|(tenant, uri)| (tenant.to_string(), uri.to_string()))
    }

    #[test]
    fn the_prefix_is_taken_off_and_the_rest_kept_as_it_is() {
        let some = |tenant: &str, rest: &str| Some((tenant.to_owned(), rest.to_owned()));
        assert_eq!(
            parts("/t/acme/api/v2/users/auth0%7Ca?q=1"),
            some("acme", "/api/v2/users/auth0%7Ca?q=1")
        );
        for tail in ["", "/", "?x=1"] {
            let turned = format!("/.well-known/oauth-authorization-server/t/acme{tail}");
            let expected = "/.well-known/oauth-authorization-server";
            assert_eq!(parts(&turned), some("acme", expected));
        }
        assert_eq!(parts("/t/acme"), some("acme", "/"));
        assert_eq!(parts("/t/acme?x=1"), some("acme", "/?x=1"));
    }

    #[test]
    fn a_path_without_a_tenant_is_left_alone() {
        for path in [
            "/",
            "/t",
            "/t/",
            "/t//x",
            "/token",
            "/tea/x",
            "/.well-known/openid-configuration/t/",
            "/.well-known/openid-configuration/t/a/b",
            "/.well-known/jwks.json/t/acme",
        ] {
            assert_eq!(parts(path), None, "{path}");
        }
    }
}
