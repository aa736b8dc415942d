//! What each command does. The rules are those of the Management API: the same documents are
//! checked and kept.

use domain::jose::{PublicKey, SigningKey};
use domain::oauth::client_document::{self, ClientRules};
use domain::oauth::{api, grant};
use domain::people::{Device, PushService};
use domain::people::{Fields, User};
use domain::{ClientId, DeviceId, Fingerprint, TenantId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use store::client_grants::ClientGrantRow;
use store::clients::ClientRow;
use store::resource_servers::ResourceServerRow;
use store::signing_keys::{SigningKeyRow, Stage};
use store::users_search::{Search, SortField};
use store::{
    Write, Written, client_grants, clients, enrollments, resource_servers, signing_keys, tenants,
    users, users_search,
};

use super::samples::{self, Sample};
use super::{Command, IMPORT_LIMIT, ImportedUser, Refused};
use crate::App;
use crate::flows;
use crate::keyring::{self, KEY_TYPES};
use crate::tenancy::{FIRST_TENANT, Settings};

/// Items that a list shows.
const LIST_LIMIT: u32 = 1000;

/// Carries out one command.
pub async fn execute(app: &App, command: Command, now: Timestamp) -> Result<Value, Refused> {
    match command {
        Command::TenantCreate { name } => create_tenant(app, &name, now).await,
        Command::TenantList {} => list_tenants(app).await,
        Command::ClientCreate { tenant, name, members } => {
            let tenant = existing(app, &tenant, now).await?;
            let Sample { client_id, client_secret } =
                create_client(app, &tenant, &name, &members, now).await?;
            Ok(json!({ "client_id": client_id, "client_secret": client_secret }))
        }
        Command::ClientList { tenant } => {
            let tenant = existing(app, &tenant, now).await?;
            let rows = clients::list(&app.database, &tenant, 0, LIST_LIMIT).await?;
            documents(&rows.iter().map(|row| row.document.as_str()).collect::<Vec<_>>())
        }
        Command::ClientRotateSecret { tenant, client_id } => {
            let tenant = existing(app, &tenant, now).await?;
            rotate_secret(app, &tenant, &ClientId::new(client_id), now).await
        }
        Command::ApiCreate { tenant, identifier, scopes } => {
            let tenant = existing(app, &tenant, now).await?;
            let scopes: Vec<Value> = scopes.iter().map(|value| json!({ "value": value })).collect();
            let body = json!({ "identifier": identifier, "name": identifier, "scopes": scopes });
            create_api(app, &tenant, &body, now).await
        }
        Command::ApiList { tenant } => {
            let tenant = existing(app, &tenant, now).await?;
            let rows = resource_servers::list(&app.database, &tenant, 0, LIST_LIMIT).await?;
            documents(&rows.iter().map(|row| row.document.as_str()).collect::<Vec<_>>())
        }
        Command::UserCreate { tenant, email, name } => {
            let tenant = existing(app, &tenant, now).await?;
            create_user(app, &tenant, (&email, name.as_deref()), now).await
        }
        Command::UserList { tenant } => {
            let tenant = existing(app, &tenant, now).await?;
            list_users(app, &tenant).await
        }
        Command::UserBlock { tenant, user_id, blocked } => {
            let tenant = existing(app, &tenant, now).await?;
            block_user(app, &tenant, &UserId::new(user_id), blocked, now).await
        }
        Command::UserImport { tenant, users } => {
            let tenant = existing(app, &tenant, now).await?;
            import_users(app, &tenant, &users, now).await
        }
        Command::TicketCreate { tenant, user_id } => {
            let tenant = existing(app, &tenant, now).await?;
            create_ticket(app, &tenant, &UserId::new(user_id), now).await
        }
        Command::KeyList { tenant } => {
            let tenant = existing(app, &tenant, now).await?;
            list_keys(app, &tenant).await
        }
        Command::KeyRotate { tenant } => {
            let tenant = existing(app, &tenant, now).await?;
            rotate_keys(app, &tenant, now).await
        }
    }
}

async fn existing(app: &App, name: &str, now: Timestamp) -> Result<TenantId, Refused> {
    let id = TenantId::new(name);
    match app.tenant(&id, now).await? {
        Some(_) => Ok(id),
        None => Err(Refused(format!(
            "there is no tenant `{name}`; `aizuchi tenant list` shows those there are"
        ))),
    }
}

async fn create_tenant(app: &App, name: &str, now: Timestamp) -> Result<Value, Refused> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 63 || !name.bytes().all(is_plain) {
        return Err(Refused(String::from(
            "a tenant's name is 1 to 63 lower-case letters, digits and hyphens",
        )));
    }
    let id = TenantId::new(name);
    let settings = if app.is_dev { crate::dev::tenant_settings() } else { Settings::default() };
    if !flows::create_tenant(app, &id, (name, &settings), now).await? {
        return Err(Refused(format!("there is a tenant `{name}` already")));
    }
    let management = samples::sample_management(app, &id, now).await?;
    samples::sample_api(app, &id, now).await?;
    let client = samples::sample_client(app, &id, now).await?;
    let user = samples::sample_user(app, &id, now).await?;
    let audience = flows::management_identifier(app, &id);
    let issuer = audience.strip_suffix("api/v2/").unwrap_or(&audience);
    Ok(json!({
        "tenant": name,
        "issuer": issuer,
        "management": {
            "client_id": management.client_id,
            "client_secret": management.client_secret,
            "audience": audience,
        },
        "client": { "client_id": client.client_id, "client_secret": client.client_secret },
        "api": { "identifier": samples::API_IDENTIFIER },
        "user": samples::named(&user),
    }))
}

async fn list_tenants(app: &App) -> Result<Value, Refused> {
    let rows = tenants::list(&app.database).await?;
    Ok(rows
        .iter()
        .map(|row| {
            json!({
                "tenant": row.id.as_str(),
                "display_name": row.display_name,
                "hosts": row.hosts,
                "created_at": row.created_at.to_iso(),
            })
        })
        .collect())
}

/// A client from the members that the Management API takes, with a secret of its own.
pub(super) async fn create_client(
    app: &App,
    tenant: &TenantId,
    name: &str,
    members: &Map<String, Value>,
    now: Timestamp,
) -> Result<Sample, Refused> {
    let context = app.tenant(tenant, now).await?;
    let (default_profile, profiles) = crate::tenancy::profiles(context.as_deref());
    let mut body = members.clone();
    body.insert(String::from("name"), name.into());
    let client_id = ClientId::new(app.entropy.alphanumerics(32));
    let rules = ClientRules { default_profile, profiles: &profiles };
    let document = client_document::created(&Value::Object(body), &client_id, &rules)
        .map_err(|invalid| Refused(invalid.message))?;
    let client_secret = app.entropy.base64url::<48>();
    let row = ClientRow {
        client_id: client_id.clone(),
        secret_hash: Some(Fingerprint::of(client_secret.as_bytes())),
        document: document.to_string(),
        created_at: now,
        updated_at: now,
    };
    expect_done(app, clients::insert(tenant, &row), "the client's id is taken").await?;
    Ok(Sample { client_id: client_id.to_string(), client_secret })
}

async fn rotate_secret(
    app: &App,
    tenant: &TenantId,
    client: &ClientId,
    now: Timestamp,
) -> Result<Value, Refused> {
    let secret = app.entropy.base64url::<48>();
    let write = clients::change_secret(tenant, client, Fingerprint::of(secret.as_bytes()), now);
    expect_done(app, write, "there is no such client").await?;
    Ok(json!({ "client_id": client.as_str(), "client_secret": secret }))
}

/// An API from the body that the Management API takes.
pub(super) async fn create_api(
    app: &App,
    tenant: &TenantId,
    body: &Value,
    now: Timestamp,
) -> Result<Value, Refused> {
    let id = app.entropy.hex::<12>();
    let document = api::created(body, &id).map_err(|invalid| Refused(invalid.message))?;
    let row = ResourceServerRow {
        id,
        identifier: body["identifier"].as_str().unwrap_or_default().to_owned(),
        document: document.to_string(),
        created_at: now,
        updated_at: now,
    };
    expect_done(app, resource_servers::insert(tenant, &row), "there is such an API already")
        .await?;
    Ok(document)
}

/// Grants a client scopes of an API, on its own behalf.
pub(super) async fn grant_api(
    app: &App,
    tenant: &TenantId,
    (client_id, audience): (&str, &str),
    scopes: &[&str],
    now: Timestamp,
) -> Result<(), Refused> {
    let id = format!("cgr_{}", app.entropy.alphanumerics(16));
    let body = json!({ "client_id": client_id, "audience": audience, "scope": scopes });
    let document = grant::created(&body, &id).map_err(|invalid| Refused(invalid.message))?;
    let row = ClientGrantRow {
        id,
        client_id: ClientId::new(client_id),
        audience: audience.to_owned(),
        subject_type: String::from("client"),
        document: document.to_string(),
        created_at: now,
    };
    expect_done(app, client_grants::insert(tenant, &row), "there is such a grant already").await
}

/// A user of the tenant's own connection.
pub(super) async fn create_user(
    app: &App,
    tenant: &TenantId,
    (email, name): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Value, Refused> {
    let mut body = Map::new();
    body.insert(String::from("connection"), "Username-Password-Authentication".into());
    body.insert(String::from("email"), email.into());
    body.insert(String::from("email_verified"), true.into());
    if let Some(name) = name {
        body.insert(String::from("name"), name.into());
    }
    let user = User::created(&body, &app.entropy.hex::<12>(), now)
        .map_err(|invalid| Refused(invalid.message))?;
    expect_done(app, users::insert(tenant, &user, now), "a user has this address already").await?;
    Ok(user.to_json(&Fields::All))
}

async fn block_user(
    app: &App,
    tenant: &TenantId,
    id: &UserId,
    blocked: bool,
    now: Timestamp,
) -> Result<Value, Refused> {
    let stored = users::stored(&app.database, tenant, id).await?;
    let stored = stored.ok_or_else(|| Refused(format!("there is no user {id}")))?;
    let mut body = Map::new();
    body.insert(String::from("blocked"), blocked.into());
    let user = stored.user.patched(&body, now).map_err(|invalid| Refused(invalid.message))?;
    let write = users::replace(tenant, &stored, &user, now);
    expect_done(app, write, "the user was changed at the same time; try again").await?;
    Ok(user.to_json(&Fields::All))
}

async fn import_users(
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
    let write = users::insert(tenant, &user, now);
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
    };
    let token = Fingerprint::of(app.entropy.base64url::<32>().as_bytes());
    Ok(write.and(enrollments::insert(tenant, &device, token)))
}

async fn list_users(app: &App, tenant: &TenantId) -> Result<Value, Refused> {
    let newest =
        Search { query: None, connection: None, sort: SortField::CreatedAt, is_descending: true };
    let users = users_search::find(&app.database, tenant, &newest, 0, LIST_LIMIT).await?;
    Ok(users.iter().map(|user| user.to_json(&Fields::All)).collect())
}

async fn create_ticket(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<Value, Refused> {
    let by_prefix = tenant.as_str() != FIRST_TENANT;
    let context = if by_prefix {
        app.context_by_prefix(tenant, "", now).await?
    } else {
        Some(app.context_by_host("", now).await?)
    };
    let context = context.ok_or_else(|| Refused(format!("there is no tenant {tenant}")))?;
    match flows::create_ticket(app, &context, (user, false), now).await? {
        Some(ticket) => {
            Ok(json!({ "ticket_id": ticket.ticket_id, "ticket_url": ticket.ticket_url }))
        }
        None => Err(Refused(format!("there is no user {user}"))),
    }
}

async fn list_keys(app: &App, tenant: &TenantId) -> Result<Value, Refused> {
    let rows = signing_keys::list(&app.database, tenant).await?;
    Ok(rows
        .iter()
        .map(|row| {
            json!({
                "kid": row.kid,
                "alg": row.alg,
                "stage": row.stage.name(),
                "created_at": row.created_at.to_iso(),
                "retired_at": row.retired_at.map(Timestamp::to_iso),
            })
        })
        .collect())
}

/// For each kind a fresh key takes the place of the current one, which stays published.
async fn rotate_keys(app: &App, tenant: &TenantId, now: Timestamp) -> Result<Value, Refused> {
    let rows = signing_keys::list(&app.database, tenant).await?;
    for key_type in KEY_TYPES {
        let made = tokio::task::spawn_blocking(move || SigningKey::generate(key_type)).await;
        let key = made
            .map_err(|error| Refused(error.to_string()))?
            .map_err(|error| Refused(error.to_string()))?;
        let row = keyring::new_row(tenant, &key, &app.secrets.sealing, &app.entropy, now)
            .map_err(|broken| Refused(broken.to_string()))?;
        let next = SigningKeyRow { stage: Stage::Next, ..row };
        let current = rows.iter().find(|row| row.stage == Stage::Current && row.alg == next.alg);
        let taken = "the keys were rotated at the same time; look with `aizuchi key list`";
        expect_done(app, signing_keys::add(tenant, &next), taken).await?;
        if let Some(current) = current {
            let write = signing_keys::rotate(tenant, &current.kid, &next.kid, now);
            expect_done(app, write, taken).await?;
        }
    }
    tracing::info!(tenant.id = %tenant, "signing keys rotated");
    list_keys(app, tenant).await
}

async fn expect_done(app: &App, write: Write, otherwise: &str) -> Result<(), Refused> {
    match app.database.run(write).await? {
        Written::Done => Ok(()),
        Written::Overtaken => Err(Refused(otherwise.to_owned())),
    }
}

fn documents(texts: &[&str]) -> Result<Value, Refused> {
    let read = |text: &&str| {
        serde_json::from_str::<Value>(text).map_err(|error| Refused(error.to_string()))
    };
    texts.iter().map(read).collect()
}
