//! Refresh tokens as administrators see and end them (W199, W230, W231, W293).

use domain::shape::{InvalidBody, Kind, Object, checked, clearable, member, text, texts};
use domain::{ClientId, TenantId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use store::refresh_tokens::{self, FAMILY_LIMIT, RefreshTokenRow, TokenFilter};
use store::{Written, transactions, users};

use crate::App;
use crate::denied::{Denial, Denied, Inexistent};
use crate::failure::Broken;
use crate::flows::tokens::Granted;
use crate::tenancy::Context;

/// Tokens that are looked through in one read.
const READ_LIMIT: u32 = 100;
/// Most tokens that one call names.
const NAMED_LIMIT: usize = 100;
/// Largest metadata, in bytes; Auth0 has 25 members of 255 characters.
const METADATA_BYTES: usize = 16 * 1024;

/// A token as the Management API shows it.
pub async fn refresh_token_view(
    app: &App,
    context: &Context,
    row: &RefreshTokenRow,
    now: Timestamp,
) -> Result<Object, Denial> {
    let granted = Granted::from_document(&row.grant)
        .ok_or_else(|| Broken::because(format!("refresh token {} cannot be read", row.id)))?;
    let client = app.client(&context.tenant.id, &row.client_id, now).await?;
    let rotates = client.is_some_and(|client| client.client().refresh_tokens.rotate);
    let metadata: Option<Value> =
        row.metadata.as_deref().map(serde_json::from_str).transpose().map_err(Broken::because)?;
    let audience = granted.audience.unwrap_or_else(|| context.base.url("userinfo"));
    let view = json!({
        "id": row.id,
        "user_id": row.user_id.as_str(),
        "client_id": row.client_id.as_str(),
        "session_id": null,
        "created_at": row.created_at.to_iso(),
        "last_exchanged_at": row.last_used_at.map(Timestamp::to_iso),
        "idle_expires_at": row.idle_expires_at.map(Timestamp::to_iso),
        "expires_at": row.expires_at.map(Timestamp::to_iso),
        "rotating": rotates,
        "device": {},
        "resource_servers": [{ "audience": audience, "scopes": granted.scope.to_string() }],
        "refresh_token_metadata": metadata,
    });
    Ok(view.as_object().cloned().unwrap_or_default())
}

/// Changes what administrators keep beside a token: a member that is `null` goes, all of them with
/// `null` as a whole.
pub async fn change_refresh_token(
    app: &App,
    tenant: &TenantId,
    (id, body): (&str, &Object),
    now: Timestamp,
) -> Result<RefreshTokenRow, Denial> {
    const NAME: &str = "refresh_token_metadata";
    let body = checked(&[clearable(NAME, Kind::Object(METADATA_BYTES))], body)?;
    let row = refresh_tokens::by_id(&app.database, tenant, id, now).await?;
    let row = row.ok_or(Inexistent::RefreshToken)?;
    let Some(change) = body.get(NAME) else { return Ok(row) };
    let old: Map<String, Value> = match row.metadata.as_deref() {
        Some(text) => serde_json::from_str(text).map_err(Broken::because)?,
        None => Map::new(),
    };
    let metadata = change.as_object().map(|change| {
        let mut all = old;
        all.extend(change.clone());
        all.retain(|_, value| !value.is_null());
        Value::Object(all).to_string()
    });
    if metadata.as_ref().is_some_and(|text| text.len() > METADATA_BYTES) {
        let what = format!("It would be larger than {METADATA_BYTES} bytes");
        return Err(InvalidBody::on(NAME, what).into());
    }
    let write = refresh_tokens::change_metadata(tenant, id, metadata.as_deref());
    match app.database.run(write).await? {
        Written::Done => Ok(RefreshTokenRow { metadata, ..row }),
        Written::Overtaken => Err(Inexistent::RefreshToken.into()),
    }
}

/// Ends one token and what came of it; one that is gone is no error.
pub async fn revoke_refresh_token(
    app: &App,
    tenant: &TenantId,
    id: &str,
    now: Timestamp,
) -> Result<(), Denial> {
    let Some(row) = refresh_tokens::by_id(&app.database, tenant, id, now).await? else {
        return Ok(());
    };
    revoke_families(app, tenant, &[&row.family], now).await?;
    tracing::info!(tenant.id = %tenant, user.id = %row.user_id, "a refresh token was revoked");
    Ok(())
}

/// Ends everything that anybody has from a user who exists.
pub async fn revoke_access(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<(), Denial> {
    users::one(&app.database, tenant, user).await?.ok_or(Denied::NoUser)?;
    let _any = app.database.run(refresh_tokens::revoke_of_user(tenant, user, now)).await?;
    tracing::info!(tenant.id = %tenant, user.id = %user, "all access was revoked");
    Ok(())
}

/// Ends what is asked of a user at this moment too: consent is withdrawn as a whole (R8).
pub async fn end_requests(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<(), Denial> {
    let _any = app.database.run(transactions::end_of_user(tenant, (user, None), now)).await?;
    app.open.forget_tenant(tenant);
    Ok(())
}

/// Ends the tokens that a body names: by `ids`, or of `user_id`, narrowed by `client_id` and
/// `audience`.
pub async fn revoke_refresh_tokens(
    app: &App,
    context: &Context,
    body: &Object,
    now: Timestamp,
) -> Result<(), Denial> {
    let body = checked(
        &[
            member("ids", Kind::Texts(NAMED_LIMIT, 255)),
            member("user_id", Kind::Text(1, 255)),
            member("client_id", Kind::Text(1, 64)),
            member("audience", Kind::Text(1, 600)),
        ],
        body,
    )?;
    let tenant = &context.tenant.id;
    let (user, client, audience) =
        (text(&body, "user_id"), text(&body, "client_id"), text(&body, "audience"));
    match (body.contains_key("ids"), user, client, audience) {
        (true, None, None, None) => {
            for id in texts(&body, "ids") {
                revoke_refresh_token(app, tenant, id, now).await?;
            }
            Ok(())
        }
        (false, Some(user), None, None) => {
            let write = refresh_tokens::revoke_of_user(tenant, &UserId::new(user), now);
            let _any = app.database.run(write).await?;
            Ok(())
        }
        (false, Some(user), Some(client), None) => {
            let (user, client) = (UserId::new(user), ClientId::new(client));
            let write = refresh_tokens::revoke_of_user_and_client(tenant, &user, &client, now);
            let _any = app.database.run(write).await?;
            Ok(())
        }
        (false, Some(user), Some(client), Some(audience)) => {
            let (user, client) = (UserId::new(user), ClientId::new(client));
            let filter = TokenFilter { user: &user, client: Some(&client) };
            revoke_of_audience(app, context, (filter, audience), now).await
        }
        (_, _, _, _) => Err(InvalidBody::because(
            "Payload validation error: either ids, or user_id, or user_id with client_id, or these \
             with audience must be there.",
        )
        .into()),
    }
}

async fn revoke_of_audience(
    app: &App,
    context: &Context,
    (filter, audience): (TokenFilter<'_>, &str),
    now: Timestamp,
) -> Result<(), Denial> {
    let (database, tenant) = (&app.database, &context.tenant.id);
    let userinfo = context.base.url("userinfo");
    let mut after = String::new();
    loop {
        let page = (after.as_str(), READ_LIMIT);
        let rows = refresh_tokens::page(database, tenant, filter, page, now).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after.clone_from(&last.id);
        let is_meant = |row: &&RefreshTokenRow| {
            let granted = Granted::from_document(&row.grant);
            granted.is_some_and(|granted| {
                granted.audience.unwrap_or_else(|| userinfo.clone()) == audience
            })
        };
        let families: Vec<&str> =
            rows.iter().filter(is_meant).map(|row| row.family.as_str()).collect();
        revoke_families(app, tenant, &families, now).await?;
    }
}

/// Ends families, in as many writes as it takes.
pub(crate) async fn revoke_families(
    app: &App,
    tenant: &TenantId,
    families: &[&str],
    now: Timestamp,
) -> Result<(), store::Error> {
    for some in families.chunks(FAMILY_LIMIT) {
        // Any number of rows: a family may be dead already.
        let _any = app.database.run(refresh_tokens::revoke_families(tenant, some, now)).await?;
    }
    Ok(())
}
