//! An access token that somebody presents: whether it is ours and lives, and what it says.

use std::fmt;

use domain::jose::{Algorithm, Unverified};
use domain::oauth::binding::Binding;
use domain::oauth::claims;
use domain::oauth::refusal::{Endpoint, Reason, Refusal};
use domain::{ClientId, Fingerprint, Timestamp};
use serde_json::{Map, Value};
use store::access_tokens::{self, AccessTokenRow};

use super::bind_token::check_shown;
use super::tokens::{USERINFO_CLAIMS, token_type};
use crate::App;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::tenancy::Context;

/// No access token is longer.
pub(super) const ACCESS_TOKEN_BYTES: usize = 16 * 1024;

/// An access token as a request to us carries it.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The token.
    pub token: &'a str,
    /// The scheme of `Authorization`: `Bearer` or `DPoP`.
    pub scheme: &'static str,
    /// The method of the request.
    pub method: &'a str,
    /// Where it was sent.
    pub endpoint: Endpoint,
}

impl Presented<'_> {
    /// Where it was sent, below the tenant's address.
    pub(super) fn path(&self) -> &'static str {
        self.endpoint.path().trim_start_matches('/')
    }
}

impl fmt::Debug for Presented<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// A living access token of ours.
#[derive(Debug)]
pub(super) struct AccessToken {
    /// Whose it is.
    pub(super) client: ClientId,
    /// What it says, as in a token of RFC 9068 with a scope.
    pub(super) claims: Map<String, Value>,
}

impl AccessToken {
    /// A claim that is a text; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the token is meant for `audience`.
    pub(super) fn is_for(&self, audience: &str) -> bool {
        match self.claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(|one| one == audience),
            Some(one) => one == audience,
            None => false,
        }
    }

    /// What it is bound to.
    pub(super) fn binding(&self) -> Option<Binding> {
        self.claims.get("cnf").and_then(Binding::of_confirmation)
    }

    fn of_row(context: &Context, row: AccessTokenRow) -> Self {
        let issuer = &context.base.issuer;
        let mut claims = Map::new();
        claims.insert("iss".into(), issuer.as_str().into());
        claims.insert("sub".into(), row.user_id.as_str().into());
        claims.insert("aud".into(), claims::userinfo_audience(issuer).into());
        claims.insert("iat".into(), row.created_at.seconds().into());
        claims.insert("exp".into(), row.expires_at.seconds().into());
        claims.insert("scope".into(), row.scope.into());
        let confirmation = row.confirmation.as_deref().map(serde_json::from_str);
        if let Some(Ok(confirmation)) = confirmation {
            claims.insert("cnf".into(), confirmation);
        }
        if let Some(wanted) = row.claims {
            claims.insert(USERINFO_CLAIMS.into(), wanted.into());
        }
        Self { client: row.client_id, claims }
    }
}

/// The access token of this text, opaque or signed; `None` if it is none of ours or over.
pub(super) async fn access_token(
    app: &App,
    context: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Option<AccessToken>, Failure> {
    let hash = Fingerprint::of(token.as_bytes());
    let row = access_tokens::by_hash(&app.database, &context.tenant.id, &hash, now).await?;
    match row {
        Some(row) => Ok(Some(AccessToken::of_row(context, row))),
        None => signed(app, context, token, now).await,
    }
}

/// The access token of a request to a resource of ours: it lives, is meant for the resource, and
/// whoever sends it shows what it is bound to.
pub(super) async fn shown_token(
    app: &App,
    context: &Context,
    (presented, meta): (&Presented<'_>, &Meta),
    is_meant: impl FnOnce(&AccessToken) -> bool + Send,
    now: Timestamp,
) -> Result<AccessToken, Failure> {
    let invalid = || Failure::from(Refusal::from(Reason::InvalidToken));
    let found = access_token(app, context, presented.token, now).await?;
    let found = found.filter(is_meant).ok_or_else(invalid)?;
    let bound = found.binding();
    if presented.scheme != token_type(bound.as_ref()) {
        return Err(invalid());
    }
    if let Some(bound) = bound {
        check_shown(app, context, (&bound, presented, meta), now).await?;
    }
    Ok(found)
}

/// A token that the tenant's key signed. An ID token names no client it was given to but as its
/// audience, and is none.
async fn signed(
    app: &App,
    context: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Option<AccessToken>, Failure> {
    let Ok(jws) = Unverified::parse(token, ACCESS_TOKEN_BYTES) else { return Ok(None) };
    let is_access = jws.header().is_type("JWT") || jws.header().is_type("at+jwt");
    let keys = app.signing_keys(&context.tenant.id, now).await?;
    let key = jws.header().kid.as_deref().and_then(|kid| keys.public_key(kid));
    let verified = key.filter(|_| is_access).and_then(|key| jws.verify(key, Algorithm::ALL).ok());
    let Some(claims) = verified else { return Ok(None) };
    let is_ours = claims.text("iss").is_ok_and(|issuer| issuer == context.base.issuer);
    let lives = claims.numeric_date("exp").is_ok_and(|exp| exp > now);
    let client = claims.text("azp").or_else(|_none| claims.text("client_id"));
    let client = client.ok().filter(|_| is_ours && lives).map(ClientId::new);
    Ok(client.map(|client| AccessToken { client, claims: claims.into_map() }))
}
