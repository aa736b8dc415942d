//! Who calls: a program with an access token of this tenant for `https://T/api/v2/` (W200 to W202).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use domain::jose::{Algorithm, Claims, Unverified};
use domain::oauth::binding::Binding;
use domain::{ClientId, TenantId, Timestamp};
use http::{header, request::Parts};

use super::error::Error;
use crate::App;
use crate::denied::{Denial, Denied};
use crate::http::context;
use crate::meta::Meta;
use crate::presented::Presented;
use crate::tenancy::{Base, Context, same_host};

/// Longest access token that is read.
const TOKEN_BYTES: usize = 16 * 1024;
/// What access tokens of an API may be signed with.
const ALGORITHMS: &[Algorithm] =
    &[Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Es256];
/// The custom domain whose URLs the answer should name (W215).
const CUSTOM_DOMAIN: &str = "auth0-custom-domain";

/// A program that administers the tenant, and what it may do.
#[derive(Debug)]
pub(crate) struct Administrator {
    /// The tenant and the address it was reached by.
    pub(crate) context: Context,
    /// What the request tells about its sender.
    pub(crate) meta: Meta,
    /// The moment the request is judged at.
    pub(crate) now: Timestamp,
    scopes: Vec<String>,
}

impl Administrator {
    /// The tenant it administers.
    pub(crate) fn tenant(&self) -> &TenantId {
        &self.context.tenant.id
    }

    /// Whether it has this scope.
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }

    /// Refuses it if it has none of `scopes` (W202).
    pub(crate) fn needs(&self, scopes: &'static [&'static str]) -> Result<(), Denied> {
        if scopes.iter().any(|scope| self.has(scope)) {
            return Ok(());
        }
        Err(Denied::InsufficientScope(scopes))
    }
}

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Error> {
        let now = app.clock.now();
        let context = context::resolve(parts, app).await.map_err(Denial::from)?;
        let context = context.ok_or(Denied::NoSuchPath)?;
        let scopes = scopes(parts, app, &context, now).await?;
        let context = with_custom_domain(parts, app, context);
        Ok(Self { context, meta: Meta::of(parts), now, scopes })
    }
}

/// The scopes of the bearer token.
async fn scopes(
    parts: &Parts,
    app: &App,
    context: &Context,
    now: Timestamp,
) -> Result<Vec<String>, Denial> {
    let token = bearer(parts)?;
    let keys = app.signing_keys(&context.tenant.id, now).await?;
    let unverified =
        Unverified::parse(token, TOKEN_BYTES).map_err(|_unreadable| Denied::InvalidToken)?;
    let kid = unverified.header().kid.as_deref().unwrap_or_default();
    let key = keys.public_key(kid).ok_or(Denied::InvalidToken)?;
    let claims =
        unverified.verify(key, ALGORITHMS).map_err(|_unverifiable| Denied::InvalidToken)?;
    check(&claims, &context.base, now)?;
    check_binding(&claims, parts)?;
    let client = claims.text("azp").or_else(|_no_azp| claims.text("client_id"));
    let client = ClientId::new(client.map_err(|_no_client| Denied::InvalidToken)?);
    // The tokens of a deleted client die with it (W266).
    if app.client(&context.tenant.id, &client, now).await?.is_none() {
        return Err(Denied::InvalidToken.into());
    }
    let scope = claims.optional_text("scope").ok().flatten().unwrap_or_default();
    Ok(scope.split_ascii_whitespace().map(String::from).collect())
}

fn bearer(parts: &Parts) -> Result<&str, Denied> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (headers.next(), headers.next()) else {
        return Err(Denied::NoToken);
    };
    let value = value.to_str().map_err(|_not_ascii| Denied::InvalidToken)?;
    let (scheme, token) = value.split_once(' ').ok_or(Denied::NoToken)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::NoToken);
    }
    Ok(token.trim())
}

/// A token that is bound to a certificate is good with it; one that is bound to a key is not good
/// here, where nobody proves keys.
fn check_binding(claims: &Claims, parts: &Parts) -> Result<(), Denied> {
    let Some(confirmation) = claims.get("cnf") else { return Ok(()) };
    let shown = parts.extensions.get::<Arc<Presented>>();
    match Binding::of_confirmation(confirmation) {
        Some(Binding::Certificate(bound))
            if shown.is_some_and(|shown| shown.certificate.thumbprint_text() == bound) =>
        {
            Ok(())
        }
        Some(Binding::Certificate(_) | Binding::Key(_)) | None => Err(Denied::InvalidToken),
    }
}

/// Whether the token is ours, meant for this API, and in time.
fn check(claims: &Claims, base: &Base, now: Timestamp) -> Result<(), Denied> {
    let wrong = |_claim| Denied::InvalidToken;
    let issuer = claims.text("iss").map_err(wrong)?;
    let is_ours = base.all.iter().any(|address| address == issuer);
    let audience = claims.audience().map_err(wrong)?;
    let is_meant = audience.iter().any(|audience| {
        let address = audience.strip_suffix("api/v2/");
        address.is_some_and(|address| base.all.iter().any(|known| known == address))
    });
    if !is_ours || !is_meant {
        return Err(Denied::InvalidToken);
    }
    if claims.numeric_date("exp").map_err(wrong)? <= now {
        return Err(Denied::ExpiredToken);
    }
    Ok(())
}

/// The same tenant under the custom domain that the header names, if it is one of the tenant's.
fn with_custom_domain(parts: &Parts, app: &App, context: Context) -> Context {
    let named = parts.headers.get(CUSTOM_DOMAIN).and_then(|name| name.to_str().ok());
    let Some(name) = named else { return context };
    if !context.tenant.hosts.iter().any(|host| same_host(host, name)) {
        return context;
    }
    let base = Arc::new(app.addresses.base(&context.tenant, false, name));
    Context { base, ..context }
}
