//! Who may use the console of a tenant, and the one-time links that let them in.

use domain::{Fingerprint, TenantId, Timestamp};
use serde_json::{Value, json};
use store::operators::{Link, Operator};
use store::{Written, log_events, operator_passkeys, operators};

use crate::App;
use crate::denied::{Denial, Denied};
use crate::flows::log::{self, Entry};
use crate::meta::Meta;
use crate::tenancy::{FIRST_TENANT, Tenant};

/// The name that a link is for unless it says another.
pub const FIRST_OPERATOR: &str = "operator";
/// How long a one-time link is good, in seconds.
pub const LINK_LIFETIME_S: i64 = 60 * 60;
/// Longest name of an operator, in characters.
const NAME_LIMIT: usize = 64;

/// Makes a one-time link for an operator, who becomes one by it.
pub async fn make_link(
    app: &App,
    tenant: &Tenant,
    (name, lifetime_s): (&str, i64),
    now: Timestamp,
) -> Result<String, Denial> {
    let name = name.trim();
    let is_good = |letter: char| !letter.is_control();
    if name.is_empty() || name.chars().count() > NAME_LIMIT || !name.chars().all(is_good) {
        let message = format!("An operator's name has 1 to {NAME_LIMIT} characters");
        return Err(Denied::InvalidBody(message).into());
    }
    let base = console_base(app, tenant)?;
    let operator = ensure(app, &tenant.id, name, now).await?;
    let text = app.entropy.base64url::<32>();
    let link = Link {
        fingerprint: Fingerprint::of(text.as_bytes()),
        operator: operator.id.clone(),
        created_at: now,
        expires_at: now.plus_seconds(lifetime_s),
    };
    let entry = Entry::new(
        "console_link_created",
        "A one-time link to the console was made",
        json!({ "operator": { "id": operator.id, "name": operator.name } }),
    );
    let event = log::event(app, &Meta::default(), entry, now);
    let write = operators::insert_link(&tenant.id, &link);
    match app.database.run(log_events::append(write, &tenant.id, &event)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant.id, operator.id = operator.id, "console link made");
            Ok(format!("{base}console/sign-in?link={text}"))
        }
        Written::Overtaken => Err(Denied::Contended.into()),
    }
}

/// The link that a server prints when it starts, as long as nobody has a passkey to come in with.
pub async fn first_link(
    app: &App,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<Option<String>, Denial> {
    if operator_passkeys::exist(&app.database, &tenant.id).await? {
        return Ok(None);
    }
    make_link(app, tenant, (FIRST_OPERATOR, LINK_LIFETIME_S), now).await.map(Some)
}

/// Where people reach the console of a tenant. A shared origin is for `dev` only (decision 8), and
/// there passkeys work on the plain listener of localhost (decision 10).
fn console_base(app: &App, tenant: &Tenant) -> Result<String, Denied> {
    let is_first = tenant.id.as_str() == FIRST_TENANT;
    let base = app.addresses.base(tenant, false, tenant.hosts.first().map_or("", String::as_str));
    if app.is_dev {
        let plain = base.all.iter().find(|address| address.starts_with("http://"));
        return Ok(plain.unwrap_or(&base.issuer).clone());
    }
    if is_first || !tenant.hosts.is_empty() {
        return Ok(base.issuer);
    }
    let message = format!(
        "The console of tenant {} needs a host name of its own: give it a custom domain first",
        tenant.id
    );
    Err(Denied::InvalidBody(message))
}

async fn ensure(
    app: &App,
    tenant: &TenantId,
    name: &str,
    now: Timestamp,
) -> Result<Operator, Denial> {
    if let Some(operator) = operators::by_name(&app.database, tenant, name).await? {
        return Ok(operator);
    }
    let operator = Operator { id: app.entropy.hex::<16>(), name: name.to_owned(), created_at: now };
    match app.database.run(operators::insert(tenant, &operator)).await? {
        Written::Done => Ok(operator),
        // Made by another command in this moment.
        Written::Overtaken => {
            let found = operators::by_name(&app.database, tenant, name).await?;
            found.ok_or_else(|| Denied::Contended.into())
        }
    }
}

/// The operators of a tenant.
pub async fn list_operators(app: &App, tenant: &TenantId) -> Result<Value, Denial> {
    let found = operators::list(&app.database, tenant).await?;
    Ok(found
        .iter()
        .map(|(operator, passkeys)| {
            json!({
                "name": operator.name,
                "passkeys": passkeys,
                "created_at": operator.created_at.to_iso(),
            })
        })
        .collect())
}

/// Removes an operator with passkeys, links and sessions, from this moment on.
pub async fn remove_operator(
    app: &App,
    tenant: &TenantId,
    name: &str,
    now: Timestamp,
) -> Result<(), Denial> {
    let unknown = || Denied::InvalidBody(format!("there is no operator {name}"));
    let operator = operators::by_name(&app.database, tenant, name).await?.ok_or_else(unknown)?;
    let entry = Entry::new(
        "console_operator_removed",
        "An operator may no longer use the console",
        json!({ "operator": { "id": operator.id, "name": operator.name } }),
    );
    let event = log::event(app, &Meta::default(), entry, now);
    let write = log_events::append(operators::delete(tenant, &operator.id), tenant, &event);
    match app.database.run(write).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, operator.id = operator.id, "operator removed");
            Ok(())
        }
        Written::Overtaken => Err(unknown().into()),
    }
}
