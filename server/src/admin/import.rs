//! Users and their devices in bulk: for moving in, and for load tests.

use domain::jose::PublicKey;
use domain::people::{Device, PushService, User};
use domain::{DeviceId, Fingerprint, TenantId, Timestamp};
use serde_json::{Map, Value, json};
use store::{Write, Written, enrollments, users as user_rows};

use super::{IMPORT_LIMIT, ImportedUser, Refused};
use crate::App;

/// Makes users with their devices; those that exist are left as they are.
pub(super) async fn users(
    app: &App,
    tenant: &TenantId,
    imported: &[ImportedUser],
    now: Timestamp,
) -> Result<Value, Refused> {
    if imported.len() > IMPORT_LIMIT {
        return Err(Refused(format!("an import has at most {IMPORT_LIMIT} users")));
    }
    let mut writes = Vec::with_capacity(imported.len());
    for one in imported {
        writes.push(import(app, tenant, one, now)?);
    }
    let mut made = 0_u32;
    for outcome in run_all(app, writes).await {
        match outcome? {
            Written::Done => made += 1,
            Written::Overtaken => {}
        }
    }
    Ok(json!({ "created": made, "existed": imported.len() - made as usize }))
}

/// All writes at once, so that the engine can group them.
async fn run_all(app: &App, writes: Vec<Write>) -> Vec<Result<Written, store::Error>> {
    let mut tasks = tokio::task::JoinSet::new();
    for write in writes {
        let database = app.database.clone();
        tasks.spawn(async move { database.run(write).await });
    }
    tasks.join_all().await
}

fn import(
    app: &App,
    tenant: &TenantId,
    one: &ImportedUser,
    now: Timestamp,
) -> Result<Write, Refused> {
    let (provider, id) = one.user_id.split_once('|').unwrap_or(("auth0", &one.user_id));
    let connection =
        if provider == "auth0" { "Username-Password-Authentication" } else { provider };
    let mut body = Map::new();
    body.insert(String::from("connection"), connection.into());
    body.insert(String::from("email"), one.email.as_str().into());
    body.insert(String::from("user_id"), id.into());
    let user = User::created(&body, &app.entropy.hex::<12>(), now)
        .map_err(|invalid| Refused(format!("{}: {}", one.user_id, invalid.message)))?;
    let write = user_rows::insert(tenant, &user, now);
    let Some(device) = &one.device else { return Ok(write) };
    let key = PublicKey::from_jwk(&device.public_key)
        .map_err(|error| Refused(format!("{}: public_key: {error}", one.user_id)))?;
    let device = Device {
        id: DeviceId::new(format!("dev_{}", app.entropy.alphanumerics(16))),
        user: user.id().clone(),
        identifier: device.identifier.clone(),
        name: String::from("Imported phone"),
        push_service: PushService::Gcm,
        push_token: Some(device.push_token.clone()),
        public_jwk: key.canonical_json().to_owned(),
        base_url: app.addresses.https.clone(),
        enrolled_at: now,
        last_auth_at: None,
        own: None,
    };
    let token = Fingerprint::of(app.entropy.base64url::<32>().as_bytes());
    Ok(write.and(enrollments::insert(tenant, &device, token)))
}
