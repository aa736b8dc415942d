//! `POST /oauth/revoke` (W188 to W192, RFC 7009) and what `/userinfo` needs.

use domain::ciba::request::WantedClaims;
use domain::oauth::claims;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::oauth::scope::Scope;
use domain::people::Fields;
use domain::{Fingerprint, Timestamp, UserId};
use serde_json::{Map, Value};
use store::{Written, access_tokens, refresh_tokens};

use super::access_token::{Presented, shown_token};
use super::administer;
use super::admit::admit;
use super::exchange::living_user;
use super::tokens::{Granted, USERINFO_CLAIMS};
use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::rate_limits::Counted;
use crate::tenancy::Context;

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
    (presented, meta): (Presented<'_>, &Meta),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let wanted = claims::userinfo_audience(&context.base.issuer);
    let found =
        shown_token(app, context, (&presented, meta), |found| found.is_for(&wanted), now).await?;
    let (user, scope) = (UserId::new(found.text("sub")), Scope::of(found.text("scope").split(' ')));
    admit(app, (context, meta), (Counted::Userinfo, user.as_str()), now).await?;
    let user = living_user(app, context, &user).await.map_err(|failure| match failure {
        Failure::Refused(_) => invalid(),
        Failure::Broken(broken) => Failure::Broken(broken),
    })?;
    let person = user.to_json(&Fields::All);
    let mut told = claims::userinfo(user.id(), &person, &scope);
    let wanted = WantedClaims::known(found.text(USERINFO_CLAIMS).split(' '));
    claims::tell_claims(&mut told, &person, wanted);
    Ok(told)
}

fn invalid() -> Failure {
    Refusal::from(Reason::InvalidToken).into()
}
