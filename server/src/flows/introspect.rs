//! `POST /oauth/introspect` (RFC 7662): whether a token is good, told to those whom it concerns:
//! the client that got it, and the API that it is for.

use domain::oauth::client::{Authentication, Client};
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, Timestamp, UserId};
use serde_json::{Map, Value};
use store::refresh_tokens::{self, RefreshTokenRow};
use store::users;

use super::access_token::{AccessToken, access_token};
use super::exchange::is_over;
use super::tokens::{Granted, token_type};
use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::tenancy::Context;

/// The `sub` of a machine's token ends so; it names no person.
const MACHINE: &str = "@clients";

/// What is told of a token; of one that is over, unknown or nothing to this client, only that it is
/// not active (RFC 7662 2.2).
pub async fn introspect(
    app: &App,
    context: &Context,
    (client, parameters): (&KnownClient, &Parameters),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    if client.client().authentication == Authentication::Public {
        // RFC 7662 2.1: nobody may fish for tokens.
        return Err(Refusal::from(Reason::BadCredentials).noting("a public client asks").into());
    }
    parameters.check_no_duplicates(&[])?;
    let token = parameters.required("token")?;
    let hash = Fingerprint::of(token.as_bytes());
    let refresh = refresh_tokens::by_hash(&app.database, &context.tenant.id, &hash).await?;
    let found = match refresh {
        Some(row) => of_refresh_token(context, row, now),
        None => access_token(app, context, token, now).await?,
    };
    let found = found.filter(|found| concerns(client.client(), found));
    let Some(found) = found else { return Ok(inactive()) };
    let token_type = token_type(found.binding().as_ref());
    let AccessToken { client, mut claims } = found;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if !subject.ends_with(MACHINE) && !lives(app, context, &UserId::new(subject)).await? {
        return Ok(inactive());
    }
    if app.client(&context.tenant.id, &client, now).await?.is_none() {
        return Ok(inactive());
    }
    if claims.contains_key("aud") {
        claims.insert(String::from("token_type"), token_type.into());
    }
    claims.remove("azp");
    claims.insert(String::from("client_id"), client.as_str().into());
    claims.insert(String::from("active"), true.into());
    Ok(claims)
}

/// A refresh token is for nobody but its client, so it has no audience.
fn of_refresh_token(
    context: &Context,
    row: RefreshTokenRow,
    now: Timestamp,
) -> Option<AccessToken> {
    let granted = Granted::from_document(&row.grant)?;
    if row.is_revoked || row.rotated_at.is_some() || is_over(&row, now) {
        return None;
    }
    let mut claims = Map::new();
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", context.base.issuer.as_str().into());
    put("sub", row.user_id.as_str().into());
    put("iat", row.created_at.seconds().into());
    put("scope", granted.scope.to_string().into());
    put("auth_time", granted.auth_time.seconds().into());
    if let Some(end) = row.expires_at.into_iter().chain(row.idle_expires_at).min() {
        put("exp", end.seconds().into());
    }
    if let Some(details) = granted.authorization_details {
        put("authorization_details", details);
    }
    Some(AccessToken { client: row.client_id, claims })
}

fn concerns(asking: &Client, found: &AccessToken) -> bool {
    let is_its_api = asking.resource_server.as_ref().is_some_and(|api| found.is_for(api));
    found.client == asking.id || is_its_api
}

/// Whether the person is there and not blocked.
async fn lives(app: &App, context: &Context, user: &UserId) -> Result<bool, Failure> {
    let user = users::one(&app.database, &context.tenant.id, user).await?;
    Ok(user.is_some_and(|user| !user.is_blocked()))
}

fn inactive() -> Map<String, Value> {
    Map::from_iter([(String::from("active"), false.into())])
}
