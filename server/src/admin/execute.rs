//! What each command does. The rules are those of the Management API: the same documents are
//! checked and kept.

use domain::people::Fields;
use domain::shape::Object;
use domain::{ClientId, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::users_search::{Search, SortField};
use store::{clients, resource_servers, tenants, users_search};

use super::samples::{self, Sample, object};
use super::{Command, Refused, certificates, console, import, keys, one, push_test, sealing};
use crate::App;
use crate::flows::{self, TicketOrder, administer};
use crate::tenancy::{Context, FIRST_TENANT, Settings};

/// Items that a list shows.
const LIST_LIMIT: u32 = 1000;

/// Carries out one command.
pub async fn execute(app: &App, command: Command, now: Timestamp) -> Result<Value, Refused> {
    let tenant = &existing(app, command.tenant(), now).await?;
    match command {
        Command::TenantCreate { name } => create_tenant(app, &name, now).await,
        Command::TenantList {} => list_tenants(app).await,
        Command::ClientCreate { name, members, .. } => {
            let Sample { client_id, client_secret } =
                create_client(app, tenant, &name, &members, now).await?;
            Ok(json!({ "client_id": client_id, "client_secret": client_secret }))
        }
        Command::ClientList { .. } => {
            let rows = clients::list(&app.database, tenant, 0, LIST_LIMIT).await?;
            documents(&rows.iter().map(|row| row.document.as_str()).collect::<Vec<_>>())
        }
        Command::ClientRotateSecret { client_id, .. } => {
            one::rotate_secret(app, tenant, &ClientId::new(client_id), now).await
        }
        Command::ClientDelete { client_id, .. } => {
            one::delete_client(app, tenant, &ClientId::new(client_id), now).await
        }
        Command::ClientInvite { members, .. } => {
            Ok(administer::create_initial_token(app, tenant, &members, now).await?)
        }
        Command::ApiCreate { identifier, scopes, .. } => {
            let scopes: Vec<Value> = scopes.iter().map(|value| json!({ "value": value })).collect();
            let body = json!({ "identifier": identifier, "name": identifier, "scopes": scopes });
            create_api(app, tenant, body, now).await
        }
        Command::ApiList { .. } => {
            let rows = resource_servers::list(&app.database, tenant, 0, LIST_LIMIT).await?;
            documents(&rows.iter().map(|row| row.document.as_str()).collect::<Vec<_>>())
        }
        Command::ApiDelete { identifier, .. } => {
            one::delete_api(app, tenant, &identifier, now).await
        }
        Command::UserCreate { email, name, .. } => {
            create_user(app, tenant, (&email, name.as_deref()), now).await
        }
        Command::UserCode { user_id, removed, .. } => {
            one::user_code(app, (tenant, &UserId::new(user_id)), removed, now).await
        }
        Command::UserList { .. } => list_users(app, tenant).await,
        Command::UserShow { user_id, .. } => {
            one::show_user(app, tenant, &UserId::new(user_id)).await
        }
        Command::UserDelete { user_id, .. } => {
            one::delete_user(app, tenant, &UserId::new(user_id), now).await
        }
        Command::UserBlock { user_id, blocked, .. } => {
            let body = object(json!({ "blocked": blocked }));
            let id = UserId::new(user_id);
            Ok(administer::change_user(app, (tenant, &id), &body, now).await?)
        }
        Command::UserImport { users, .. } => import::users(app, tenant, &users, now).await,
        Command::TicketCreate { user_id, .. } => {
            create_ticket(app, tenant, &UserId::new(user_id), now).await
        }
        Command::KeyList { .. } => keys::list(app, tenant).await,
        Command::KeyRotate { .. } => keys::rotate(app, tenant, now).await,
        Command::KeyReseal { only_look } => sealing::reseal(app, !only_look).await,
        Command::CertificateList {} => certificates::fetched(&app.database).await,
        Command::PushTest { address, .. } => push_test::send(app, tenant, address, now).await,
        Command::BackUp {} => back_up(app, now).await,
        Command::ConsoleLink { name, .. } => console::make_link(app, tenant, &name, now).await,
        Command::ConsoleList { .. } => Ok(flows::console::list_operators(app, tenant).await?),
        Command::ConsoleRemove { name, .. } => console::remove(app, tenant, &name, now).await,
    }
}

/// In the folder of the data: a service may write nowhere else.
async fn back_up(app: &App, now: Timestamp) -> Result<Value, Refused> {
    let name = format!("copy-{}.db", app.entropy.base64url::<12>());
    let file = app.config.server.data_dir.join(name);
    let file = std::path::absolute(&file).map_err(|error| Refused(error.to_string()))?;
    let bytes = app.database.back_up(&file).await?;
    Ok(json!({ "file": file, "bytes": bytes, "taken_at": now.to_iso() }))
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

/// A client from the members that the Management API takes, with its secret.
pub(super) async fn create_client(
    app: &App,
    tenant: &TenantId,
    name: &str,
    members: &Object,
    now: Timestamp,
) -> Result<Sample, Refused> {
    let context = context(app, tenant, now).await?;
    let mut body = members.clone();
    body.insert(String::from("name"), name.into());
    let made = administer::create_client(app, &context, &body, now).await?;
    let client_id = made.document.get("client_id").and_then(Value::as_str).unwrap_or_default();
    Ok(Sample {
        client_id: client_id.to_owned(),
        client_secret: made.client_secret.unwrap_or_default(),
    })
}

/// An API from the body that the Management API takes.
pub(super) async fn create_api(
    app: &App,
    tenant: &TenantId,
    body: Value,
    now: Timestamp,
) -> Result<Value, Refused> {
    Ok(administer::create_api(app, tenant, &object(body), now).await?)
}

/// Grants a client scopes of an API, on its own behalf.
pub(super) async fn grant_api(
    app: &App,
    tenant: &TenantId,
    (client_id, audience): (&str, &str),
    scopes: &[&str],
    now: Timestamp,
) -> Result<(), Refused> {
    let body = json!({ "client_id": client_id, "audience": audience, "scope": scopes });
    administer::create_grant(app, tenant, &object(body), now).await?;
    Ok(())
}

/// A user of the tenant's own connection.
pub(super) async fn create_user(
    app: &App,
    tenant: &TenantId,
    (email, name): (&str, Option<&str>),
    now: Timestamp,
) -> Result<Value, Refused> {
    let mut body = object(json!({
        "connection": "Username-Password-Authentication",
        "email": email,
        "email_verified": true,
    }));
    if let Some(name) = name {
        body.insert(String::from("name"), name.into());
    }
    Ok(administer::create_user(app, tenant, &body, now).await?)
}

/// The tenant as its own address reaches it.
pub(super) async fn context(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Context, Refused> {
    let found = if tenant.as_str() == FIRST_TENANT {
        Some(app.context_by_host("", now).await?)
    } else {
        app.context_by_prefix(tenant, "", now).await?
    };
    found.ok_or_else(|| Refused(format!("there is no tenant `{tenant}`")))
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
    let context = context(app, tenant, now).await?;
    match flows::create_ticket(app, &context, TicketOrder::of(user, false), now).await? {
        Some(ticket) => {
            Ok(json!({ "ticket_id": ticket.ticket_id, "ticket_url": ticket.ticket_url }))
        }
        None => Err(Refused(format!("there is no user {user}"))),
    }
}

fn documents(texts: &[&str]) -> Result<Value, Refused> {
    let read = |text: &&str| {
        serde_json::from_str::<Value>(text).map_err(|error| Refused(error.to_string()))
    };
    texts.iter().map(read).collect()
}
