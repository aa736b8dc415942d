//! `POST /oauth/revoke` (W188 to W192, RFC 7009) and what `/userinfo` needs.

use domain::jose::{Algorithm, Unverified};
use domain::oauth::claims;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::oauth::scope::Scope;
use domain::people::Fields;
use domain::{Fingerprint, Timestamp, UserId};
use serde_json::{Map, Value};
use store::{Written, access_tokens, refresh_tokens};

use super::administer;
use super::admit::admit;
use super::exchange::living_user;
use super::tokens::Granted;
use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::rate_limits::Counted;
use crate::tenancy::Context;

/// No access token is longer.
pub(super) const ACCESS_TOKEN_BYTES: usize = 16 * 1024;

/// Ends a token of this client; a token that is not its own, or of nobody, changes nothing.
pub async fn revoke(
    app: &App,
    context: &Context,
    (client, parameters): (&KnownClient, &Parameters),
    now: Timestamp,
) -> Result<(), Failure> {
    parameters.check_no_duplicates(&[])?;
    let token = parameters.required("token")?;
    let hash = Fingerprint::of(token.as_bytes());
    let tenant = &context.tenant.id;
    let id = &client.client().id;
    let row = refresh_tokens::by_hash(&app.database, tenant, &hash).await?;
    let write = match row {
        Some(row) if row.client_id != *id => return Ok(()),
        Some(row) if context.tenant.settings.revocation_deletes_grant => {
            let audience = Granted::from_document(&row.grant).and_then(|granted| granted.audience);
            let living = refresh_tokens::of_user(&app.database, tenant, &row.user_id, now).await?;
            let families: Vec<&str> = living
                .iter()
                .filter(|other| other.client_id == row.client_id)
                .filter(|other| {
                    Granted::from_document(&other.grant).is_some_and(|g| g.audience == audience)
                })
                .map(|other| other.family.as_str())
                .chain([row.family.as_str()])
                .collect();
            administer::revoke_families(app, tenant, &families, now).await?;
            return Ok(());
        }
        Some(row) => refresh_tokens::revoke_family(tenant, &row.family, now),
        None => access_tokens::delete(tenant, id, &hash),
    };
    if app.database.run(write).await? == Written::Done {
        tracing::info!(client.id = %id, "a token was revoked");
    }
    Ok(())
}

/// What `/userinfo` tells the bearer of an access token (W193, W194).
pub async fn userinfo(
    app: &App,
    context: &Context,
    (token, meta): (&str, &Meta),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let (user, scope) = match opaque(app, context, token, now).await? {
        Some(found) => found,
        None => signed(app, context, token, now).await?,
    };
    admit(app, (context, meta), (Counted::Userinfo, user.as_str()), now).await?;
    let user = living_user(app, context, &user).await.map_err(|failure| match failure {
        Failure::Refused(_) => invalid(),
        Failure::Broken(broken) => Failure::Broken(broken),
    })?;
    Ok(claims::userinfo(user.id(), &user.to_json(&Fields::All), &scope))
}

async fn opaque(
    app: &App,
    context: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Option<(UserId, Scope)>, Failure> {
    let hash = Fingerprint::of(token.as_bytes());
    let row = access_tokens::by_hash(&app.database, &context.tenant.id, &hash, now).await?;
    Ok(row.map(|row| (row.user_id, Scope::of(row.scope.split(' ')))))
}

/// A token of ours for an API that also names `/userinfo` as its audience.
async fn signed(
    app: &App,
    context: &Context,
    token: &str,
    now: Timestamp,
) -> Result<(UserId, Scope), Failure> {
    let jws = Unverified::parse(token, ACCESS_TOKEN_BYTES).map_err(|_error| invalid())?;
    let is_access = jws.header().is_type("JWT") || jws.header().is_type("at+jwt");
    let keys = app.signing_keys(&context.tenant.id, now).await?;
    let key = jws.header().kid.as_deref().and_then(|kid| keys.public_key(kid));
    let key = key.filter(|_| is_access).ok_or_else(invalid)?;
    let claims = jws.verify(key, Algorithm::ALL).map_err(|_error| invalid())?;
    let audience = claims.audience().map_err(|_error| invalid())?;
    let wanted = claims::userinfo_audience(&context.base.issuer);
    let is_ours = claims.text("iss").is_ok_and(|issuer| issuer == context.base.issuer);
    let lives = claims.numeric_date("exp").is_ok_and(|exp| exp > now);
    let scope = claims.optional_text("scope").ok().flatten().unwrap_or_default();
    match claims.text("sub") {
        Ok(subject) if is_ours && lives && audience.contains(&wanted.as_str()) => {
            Ok((UserId::new(subject), Scope::of(scope.split(' '))))
        }
        Ok(_) | Err(_) => Err(invalid()),
    }
}

fn invalid() -> Failure {
    Refusal::from(Reason::InvalidToken).into()
}
