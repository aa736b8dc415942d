//! What is the person's and can be had from a device of theirs: which clients hold what they granted
//! (F29), the code that they tell clients (C31), and a name for one request that is not theirs for
//! ever (C84).

use device_protocol::aizuchi::errors::{Code, Refusal};
use domain::{ClientId, Timestamp};
use serde_json::{Value, json};
use store::{Write, Written, log_events, refresh_tokens, transactions, user_codes};

use super::{Call, Known, invalid_body, known_device};
use crate::App;
use crate::code_hashing::Remembered;
use crate::failure::{Broken, Failure, OwnFailure};
use crate::flows::DECIDE_TRIES;
use crate::flows::ephemeral;
use crate::flows::log::{self, Entry};
use crate::flows::tokens::Granted;
use crate::flows::user_code::{MAX_CODE_CHARS, MIN_CODE_CHARS};
use crate::tenancy::Context;

/// The clients that hold refresh tokens of the person, newest first, and for what.
pub async fn list_grants(
    app: &App,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let tenant = &context.tenant.id;
    let rows = refresh_tokens::of_user(&app.database, tenant, &known.device.user, now).await?;
    let mut grants = Vec::new();
    for row in rows {
        let granted = Granted::from_document(&row.grant)
            .ok_or_else(|| Broken::because(format!("refresh token {} cannot be read", row.id)))?;
        let client = app.client(tenant, &row.client_id, now).await.map_err(broken)?;
        let name = client.map_or_else(String::new, |client| client.client().name.clone());
        grants.push(json!({
            "client": { "id": row.client_id.as_str(), "name": name },
            "audience": granted.audience,
            "scope": granted.scope.to_string(),
            "authorization_details": granted.authorization_details,
            "granted_at": granted.auth_time.seconds(),
            "last_used_at": row.last_used_at.map(Timestamp::seconds),
        }));
    }
    Ok(json!({ "grants": grants }))
}

/// Ends everything that a client has from the person, and what it asks of them at the moment.
pub async fn revoke_grant(
    app: &App,
    context: &Context,
    (call, client): (Call<'_>, &ClientId),
    now: Timestamp,
) -> Result<(), OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let (tenant, user) = (&context.tenant.id, &known.device.user);
    let details = json!({ "device_id": known.device.id.as_str(), "client_id": client.as_str() });
    let description = "A person revoked what a client had from them";
    let entry = Entry::new("gd_grant_revoked", description, details);
    let write = || {
        let tokens = refresh_tokens::revoke_of_user_and_client(tenant, user, client, now);
        tokens.and(transactions::end_of_user(tenant, (user, Some(client)), now))
    };
    run(app, context, (&known, call, entry), (&write, now)).await?;
    app.open.forget_tenant(tenant);
    tracing::info!(user.id = %user, client.id = %client, "a person revoked what a client had");
    Ok(())
}

/// Sets or changes the person's code.
pub async fn set_own_code(
    app: &App,
    context: &Context,
    (call, body): (Call<'_>, Result<Value, Refusal>),
    now: Timestamp,
) -> Result<(), OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let body = body?;
    let code = body.get("user_code").and_then(Value::as_str).filter(|code| {
        (MIN_CODE_CHARS..=MAX_CODE_CHARS).contains(&code.chars().count())
            && !code.chars().any(char::is_control)
    });
    let code = code.ok_or_else(|| {
        invalid_body(format!("user_code must have {MIN_CODE_CHARS} to {MAX_CODE_CHARS} characters"))
    })?;
    let code = Remembered(code.to_owned());
    let hash = app.code_hashing.hash(code, app.entropy.bytes()).await.map_err(too_busy)?;
    let (tenant, user) = (&context.tenant.id, &known.device.user);
    let details = json!({ "device_id": known.device.id.as_str() });
    let entry = Entry::new("gd_user_code_set", "A person set their user code", details);
    let write = || user_codes::set(tenant, user, &hash, now);
    run(app, context, (&known, call, entry), (&write, now)).await
}

/// Removes the person's code; one that is gone is no error.
pub async fn remove_own_code(
    app: &App,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<(), OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let (tenant, user) = (&context.tenant.id, &known.device.user);
    if user_codes::one(&app.database, tenant, user).await?.is_none() {
        return Ok(());
    }
    let details = json!({ "device_id": known.device.id.as_str() });
    let entry = Entry::new("gd_user_code_removed", "A person removed their user code", details);
    let write = || user_codes::remove(tenant, user);
    run(app, context, (&known, call, entry), (&write, now)).await
}

/// A name by which a client may ask this person once, within minutes: to be shown as a QR code.
pub async fn make_identifier(
    app: &App,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let (name, expires_at) = ephemeral::made(app, context, &known.device.id, now)?;
    Ok(json!({ "identifier": name, "expires_at": expires_at.seconds() }))
}

/// A change with its log event, which uses the proof up.
async fn run(
    app: &App,
    context: &Context,
    (known, call, entry): (&Known, Call<'_>, Entry<'_>),
    (write, now): (&(dyn Fn() -> Write + Sync), Timestamp),
) -> Result<(), OwnFailure> {
    let tenant = &context.tenant.id;
    for _ in 0..DECIDE_TRIES {
        let event = log::event(app, call.meta, entry.clone().of_user(&known.device.user), now);
        let all = log_events::append(write().and(known.used_up(tenant, now)), tenant, &event);
        if app.database.run(all).await? == Written::Done {
            return Ok(());
        }
        known.check_unused(app, tenant).await?;
        // The device was removed meanwhile, or another node used the event's id.
        known_device(app, context, call, now).await?;
    }
    Err(Broken::because("a person's things change faster than they can be changed").into())
}

fn broken(failure: Failure) -> Broken {
    match failure {
        Failure::Broken(broken) => broken,
        Failure::Refused(refusal) => Broken::because(refusal.to_string()),
    }
}

fn too_busy(failure: Failure) -> OwnFailure {
    match failure {
        Failure::Broken(broken) => broken.into(),
        Failure::Refused(refusal) => OwnFailure::refused(Code::Unavailable, refusal.to_string()),
    }
}
