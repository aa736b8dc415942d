//! A new tenant: its row, its signing keys, and the API that its administrators' programs call.

use domain::ciba::ladder::Ladder;
use domain::ciba::prompt_limits::PromptLimits;
use domain::jose::SigningKey;
use domain::oauth::api;
use domain::{TenantId, Timestamp};
use serde_json::{Value, json};
use store::resource_servers::{self, ResourceServerRow};
use store::tenants::{self, TenantRow};
use store::{Written, signing_keys};

use crate::App;
use crate::failure::{Broken, Failure};
use crate::keyring::{self, KEY_TYPES};
use crate::tenancy::{FIRST_TENANT, Settings, Tenant};

/// What administrators' programs may be granted (the Management API of this server).
pub const MANAGEMENT_SCOPES: &[&str] = &[
    "read:users",
    "create:users",
    "update:users",
    "delete:users",
    "update:users_app_metadata",
    "read:clients",
    "create:clients",
    "update:clients",
    "delete:clients",
    "read:client_keys",
    "update:client_keys",
    "read:client_credentials",
    "create:client_credentials",
    "update:client_credentials",
    "delete:client_credentials",
    "read:resource_servers",
    "create:resource_servers",
    "update:resource_servers",
    "delete:resource_servers",
    "read:client_grants",
    "create:client_grants",
    "update:client_grants",
    "delete:client_grants",
    "create:guardian_enrollment_tickets",
    "read:guardian_enrollments",
    "delete:guardian_enrollments",
    "read:guardian_factors",
    "update:guardian_factors",
    "read:authentication_methods",
    "create:authentication_methods",
    "update:authentication_methods",
    "delete:authentication_methods",
    "read:mfa_policies",
    "update:mfa_policies",
    "read:logs",
    "read:logs_users",
    "read:stats",
    "read:receipts",
    "read:refresh_tokens",
    "update:refresh_tokens",
    "delete:refresh_tokens",
    "delete:sessions",
    "read:grants",
    "delete:grants",
    "read:tenant_settings",
    "update:tenant_settings",
    "read:prompts",
    "update:prompts",
    "read:signing_keys",
    "create:signing_keys",
    "update:signing_keys",
    "read:custom_domains",
    "create:custom_domains",
    "update:custom_domains",
    "delete:custom_domains",
    "read:connections",
    "read:roles",
    "read:organizations",
    "read:email_provider",
    "create:email_provider",
    "update:email_provider",
    "delete:email_provider",
];

/// Makes a tenant with fresh keys; `false` if one of that name exists.
pub async fn create_tenant(
    app: &App,
    id: &TenantId,
    (display_name, settings): (&str, &Settings),
    now: Timestamp,
) -> Result<bool, Failure> {
    let keys = tokio::task::spawn_blocking(|| {
        KEY_TYPES.map(SigningKey::generate).into_iter().collect::<Result<Vec<_>, _>>()
    });
    let keys = keys.await.map_err(Broken::because)?.map_err(Broken::because)?;
    create_tenant_with_keys(app, id, (display_name, settings), &keys, now).await
}

/// Makes a tenant that signs with the given keys; `false` if one of that name exists.
pub async fn create_tenant_with_keys(
    app: &App,
    id: &TenantId,
    (display_name, settings): (&str, &Settings),
    keys: &[SigningKey],
    now: Timestamp,
) -> Result<bool, Failure> {
    let tenant = TenantRow {
        id: id.clone(),
        display_name: display_name.to_owned(),
        settings: serde_json::to_string(settings).map_err(Broken::because)?,
        created_at: now,
        hosts: Vec::new(),
    };
    let mut write = tenants::create(&tenant);
    for key in keys {
        let row = keyring::new_row(id, key, &app.secrets.sealing, &app.entropy, now)?;
        write = write.and(signing_keys::add(id, &row));
    }
    write = write.and(resource_servers::insert(id, &management_api(app, id, now)?));
    match app.database.run(write).await? {
        Written::Done => {
            tracing::info!(tenant.id = %id, "tenant created");
            Ok(true)
        }
        Written::Overtaken => Ok(false),
    }
}

/// Adds what was made grantable since the tenant was to its Management API. What programs hold stays
/// what it was.
pub async fn renew_management_api(app: &App, id: &TenantId, now: Timestamp) -> Result<(), Failure> {
    let identifier = management_identifier(app, id);
    let found = resource_servers::by_identifier(&app.database, id, &identifier).await?;
    let Some(was) = found else { return Ok(()) };
    let mut document: Value = serde_json::from_str(&was.document).map_err(Broken::because)?;
    let Some(scopes) = document.get_mut("scopes").and_then(Value::as_array_mut) else {
        return Ok(());
    };
    let is_there = |scope: &str| scopes.iter().any(|known| known["value"] == scope);
    let missing: Vec<Value> = MANAGEMENT_SCOPES
        .iter()
        .filter(|scope| !is_there(scope))
        .map(|scope| json!({ "value": scope }))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let number = missing.len();
    scopes.extend(missing);
    let write = resource_servers::replace(id, &was, &document.to_string(), now);
    match app.database.run(write).await? {
        Written::Done => tracing::info!(tenant.id = %id, number, "management scopes added"),
        // Another node did the same.
        Written::Overtaken => {}
    }
    Ok(())
}

/// The identifier of a tenant's Management API: `https://T/api/v2/` (W200).
pub fn management_identifier(app: &App, id: &TenantId) -> String {
    let tenant = Tenant {
        id: id.clone(),
        display_name: String::new(),
        settings: Settings::default(),
        hint_issuers: Vec::new(),
        prompt_limits: PromptLimits::default(),
        ladder: Ladder::default(),
        context_policy: None,
        hosts: Vec::new(),
    };
    let by_prefix = id.as_str() != FIRST_TENANT;
    app.addresses.base(&tenant, by_prefix, "").url("api/v2/")
}

/// The row of a tenant's Management API.
pub fn management_api(
    app: &App,
    id: &TenantId,
    now: Timestamp,
) -> Result<ResourceServerRow, Failure> {
    let identifier = management_identifier(app, id);
    let scopes: Vec<Value> =
        MANAGEMENT_SCOPES.iter().map(|scope| json!({ "value": scope })).collect();
    let body = json!({
        "identifier": identifier,
        "name": "Management API",
        "scopes": scopes,
        "signing_alg": "RS256",
        "subject_type_authorization":
            { "user": { "policy": "deny_all" }, "client": { "policy": "require_client_grant" } },
    });
    let row_id = app.entropy.hex::<12>();
    let document = api::created(&body, &row_id).map_err(Broken::because)?;
    Ok(ResourceServerRow {
        id: row_id,
        identifier,
        document: document.to_string(),
        created_at: now,
        updated_at: now,
    })
}
