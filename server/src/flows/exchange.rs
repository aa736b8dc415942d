//! `POST /oauth/token`: which grant it is, and the two grants that ask nobody.

use domain::Timestamp;
use domain::ciba::request::may_repeat;
use domain::oauth::binding::Binding;
use domain::oauth::claims::{self, Access, GTY_REFRESH_TOKEN};
use domain::oauth::exchange::{GrantType, machine_scope, refreshed_scope, unknown_audience};
use domain::oauth::grant::SubjectType;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::oauth::scope::Scope;
use domain::{Fingerprint, UserId};
use serde_json::{Map, Value};
use store::refresh_tokens::RefreshTokenRow;
use store::{Written, refresh_tokens, users};

use super::DECIDE_TRIES;
use super::authenticate_client::{Authenticated, spend_assertion};
use super::bind_token::{At, Bond, bind_token, check_poll};
use super::long_poll::long_poll;
use super::narrow::narrowed;
use super::redeem::{Turn, redeem};
use super::tokens::{self, Granted, Order};
use crate::App;
use crate::failure::{Broken, Failure};
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::tenancy::Context;

/// Answers one token request of a client that has proven itself; a poll may want to wait so many
/// seconds for its outcome.
pub async fn exchange(
    app: &App,
    context: &Context,
    asked: (&Authenticated, &Parameters, &Meta),
    (wait_s, now): (Option<i64>, Timestamp),
) -> Result<Map<String, Value>, Failure> {
    let (authenticated, parameters, meta) = asked;
    let client = &authenticated.client;
    parameters.check_no_duplicates(may_repeat(client.client()))?;
    let grant_type = GrantType::of(parameters)?;
    client.client().may_use(grant_type.as_str())?;
    match grant_type {
        GrantType::Ciba => {
            check_poll(app, context, (client.client(), meta), now)?;
            match wait_s {
                None => Box::pin(redeem(app, context, asked, (Turn::Single, now))).await,
                Some(wait_s) => Box::pin(long_poll(app, context, asked, (wait_s, now))).await,
            }
        }
        GrantType::RefreshToken => {
            Box::pin(spend_assertion(app, context, authenticated.unspent, now)).await?;
            Box::pin(refresh(app, context, (client, parameters, meta), now)).await
        }
        GrantType::ClientCredentials => {
            Box::pin(spend_assertion(app, context, authenticated.unspent, now)).await?;
            Box::pin(client_credentials(app, context, (client, parameters, meta), now)).await
        }
    }
}

/// W195, W196: a token for the client itself.
async fn client_credentials(
    app: &App,
    context: &Context,
    (client, parameters, meta): (&KnownClient, &Parameters, &Meta),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let audience = parameters.required("audience")?;
    let tenant = &context.tenant.id;
    let api = app.api(tenant, audience, now).await?;
    let id = &client.client().id;
    let grant = app.grant(tenant, id, audience, SubjectType::Client, now).await?;
    let asked = asked_scope(parameters)?;
    let scope = machine_scope(client.client(), audience, api.as_deref(), grant.as_deref(), &asked)?;
    let api = api.ok_or_else(|| unknown_audience(audience))?;
    let jti = app.entropy.base64url::<16>();
    let issuer = &context.base.issuer;
    let access = Access { issuer, api: &api, client: id, scope: &scope, now, jti: &jti };
    let mut draft = claims::machine_access_token(&access);
    let binding =
        bind_token(app, context, (At::Token, client.client(), Some(audience), meta), now).await?;
    tokens::confirm(&mut draft, binding.as_ref());
    let lifetime_s = draft.lifetime_s;
    let keys = app.signing_keys(tenant, now).await?;
    let mut answer = Map::new();
    answer.insert(String::from("access_token"), tokens::sign(&keys, draft)?.into());
    if !scope.is_empty() {
        answer.insert(String::from("scope"), scope.to_string().into());
    }
    answer.insert(String::from("expires_in"), lifetime_s.into());
    answer.insert(String::from("token_type"), tokens::token_type(binding.as_ref()).into());
    Ok(answer)
}

/// W197, W198: new tokens for a grant that outlives its first tokens.
async fn refresh(
    app: &App,
    context: &Context,
    (client, parameters, meta): (&KnownClient, &Parameters, &Meta),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let token = parameters.required("refresh_token")?;
    let hash = Fingerprint::of(token.as_bytes());
    let mut bond = Bond::default();
    for _ in 0..DECIDE_TRIES {
        let row = refresh_tokens::by_hash(&app.database, &context.tenant.id, &hash).await?;
        let row = row.filter(|row| row.client_id == client.client().id).ok_or_else(unknown)?;
        if let Some(rotated_at) = row.rotated_at {
            return reused(app, context, (client, &row, rotated_at), now).await;
        }
        if row.is_revoked || is_over(&row, now) {
            return Err(unknown().into());
        }
        // Nothing: rotated, revoked or used in this moment, and the row now says which.
        let grant = granted(client, parameters, &row)?;
        let asked = (client.client(), parameters, &grant);
        let part = narrowed(app, &context.tenant.id, asked, now).await?;
        let grant = part.unwrap_or(grant);
        let asking = (At::Token, client.client(), grant.audience.as_deref(), meta);
        let binding = bond.of(app, context, asking, now).await?;
        if let Some(answer) = renew(app, context, (client, &row, &grant, binding), now).await? {
            return Ok(answer);
        }
    }
    Err(Refusal::unavailable(1).into())
}

/// What a refresh is asked to give of what was granted.
fn granted(
    client: &KnownClient,
    parameters: &Parameters,
    row: &RefreshTokenRow,
) -> Result<Granted, Failure> {
    let mut granted = Granted::from_document(&row.grant)
        .ok_or_else(|| Broken::because(format!("refresh token {} cannot be read", row.id)))?;
    granted.scope = refreshed_scope(client.client(), granted.scope, &asked_scope(parameters)?)?;
    Ok(granted)
}

type Renewal<'a> = (&'a KnownClient, &'a RefreshTokenRow, &'a Granted, Option<&'a Binding>);

/// New tokens, and the note on the row that they were given; `None` if the row has changed.
async fn renew(
    app: &App,
    context: &Context,
    (client, row, granted, binding): Renewal<'_>,
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, Failure> {
    let (tenant, hash) = (&context.tenant.id, &row.hash);
    let user = living_user(app, context, &row.user_id).await?;
    let order = Order {
        issuer: &context.base.issuer,
        client: client.client(),
        user: &user,
        granted,
        gty: Some(GTY_REFRESH_TOKEN),
        family: Some(&row.family),
        pushed: None,
        binding,
    };
    let mut minted = tokens::mint(app, context, &order, now).await?;
    let settings = &client.client().refresh_tokens;
    let write = if settings.rotate {
        let original = Granted::from_document(&row.grant).unwrap_or_else(|| granted.clone());
        let kept = Order { granted: &original, ..order };
        let (next, mut next_row) = tokens::refresh_token(app, &kept, now).ok_or_else(unknown)?;
        next_row.expires_at = row.expires_at;
        next_row.id.clone_from(&row.id);
        next_row.metadata.clone_from(&row.metadata);
        minted.answer.insert(String::from("refresh_token"), next.into());
        refresh_tokens::rotate(tenant, hash, &next_row, now)
    } else {
        let idle = settings.idle_lifetime_s.map(|seconds| now.plus_seconds(seconds));
        refresh_tokens::used(tenant, hash, idle, now)
    };
    match app.database.run(write.and(minted.write)).await? {
        Written::Done => {
            tracing::info!(client.id = %client.client().id, user.id = %row.user_id, "tokens refreshed");
            Ok(Some(minted.answer))
        }
        Written::Overtaken => Ok(None),
    }
}

/// A rotated token that comes again: within the leeway a retry whose answer was lost is only
/// refused; later it is theft, and the whole family dies.
async fn reused(
    app: &App,
    context: &Context,
    (client, row, rotated_at): (&KnownClient, &RefreshTokenRow, Timestamp),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let leeway_ms = client.client().refresh_tokens.leeway_s.saturating_mul(1000);
    // Without leeway there is none in the very millisecond of the rotation either.
    if leeway_ms == 0 || now.ms_since(rotated_at) > leeway_ms {
        let write = refresh_tokens::revoke_family(&context.tenant.id, &row.family, now);
        // Any number of rows: the family may be dead already.
        let _written = app.database.run(write).await?;
        tracing::warn!(
            client.id = %row.client_id, user.id = %row.user_id,
            "a rotated refresh token was used again: its family is revoked"
        );
    }
    Err(unknown().into())
}

/// The user, unless blocked or gone.
pub async fn living_user(
    app: &App,
    context: &Context,
    id: &UserId,
) -> Result<domain::people::User, Failure> {
    let user = users::one(&app.database, &context.tenant.id, id).await?;
    user.filter(|user| !user.is_blocked()).ok_or_else(|| Refusal::from(Reason::UserGone).into())
}

/// Whether a refresh token is too old.
pub(super) fn is_over(row: &RefreshTokenRow, now: Timestamp) -> bool {
    [row.expires_at, row.idle_expires_at].into_iter().flatten().any(|end| end <= now)
}

fn unknown() -> Refusal {
    Reason::UnknownRefreshToken.into()
}

fn asked_scope(parameters: &Parameters) -> Result<Scope, Refusal> {
    Scope::parse(parameters.optional("scope")?.unwrap_or_default())
}
