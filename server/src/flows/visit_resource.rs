//! `GET /dev/resource`: what an API does with an access token, as an example of one (F32).

use domain::oauth::claims;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Timestamp, UserId};
use serde_json::{Map, Value};

use super::access_token::{AccessToken, Presented, shown_token};
use super::exchange::living_user;
use crate::App;
use crate::admin::SAMPLE_API;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::tenancy::Context;

/// The claims of the token that somebody brings, if it is good here: for the sample API, or, where
/// its client named no API, for `/userinfo`.
pub async fn visit_resource(
    app: &App,
    context: &Context,
    (presented, meta): (Presented<'_>, &Meta),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let userinfo = claims::userinfo_audience(&context.base.issuer);
    let is_meant = |found: &AccessToken| found.is_for(SAMPLE_API) || found.text("aud") == userinfo;
    let found = shown_token(app, context, (&presented, meta), is_meant, now).await?;
    let invalid = || Failure::from(Refusal::from(Reason::InvalidToken));
    if app.client(&context.tenant.id, &found.client, now).await?.is_none() {
        return Err(invalid());
    }
    let subject = UserId::new(found.text("sub"));
    living_user(app, context, &subject).await.map_err(|failure| match failure {
        Failure::Refused(_) => invalid(),
        Failure::Broken(broken) => Failure::Broken(broken),
    })?;
    Ok(found.claims)
}
