//! The sample client, API and user that `aizuchi dev` and `tenant create` hand out.

use domain::oauth::client::CIBA_GRANT;
use domain::people::Fields;
use domain::{ClientId, TenantId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use store::{Written, client_grants, resource_servers, users};

use super::Refused;
use super::execute::{context, create_api, create_client, create_user, grant_api};
use crate::App;
use crate::flows::{
    MANAGEMENT_SCOPES, TicketOrder, create_ticket, management_api, management_identifier,
};
use crate::tenancy::FIRST_TENANT;

/// The API of the samples.
pub(crate) const API_IDENTIFIER: &str = "https://api.example.com/payments";

/// The address of the sample user.
const USER_EMAIL: &str = "alice@example.com";

/// A client's id and its secret, which is shown once.
pub(crate) struct Sample {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// Makes the tenant's Management API under its present address, unless it is there: a development
/// server may come back on another port.
pub(crate) async fn ensure_management_api(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<(), Refused> {
    let row = management_api(app, tenant, now)?;
    match app.database.run(resource_servers::insert(tenant, &row)).await? {
        Written::Done | Written::Overtaken => Ok(()),
    }
}

/// A program that administers the tenant.
pub(crate) async fn sample_management(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Sample, Refused> {
    let members = json!({ "grant_types": ["client_credentials"], "app_type": "non_interactive" });
    let sample =
        create_client(app, tenant, "Administration program", &object(members), now).await?;
    let audience = management_identifier(app, tenant);
    grant_api(app, tenant, (&sample.client_id, &audience), MANAGEMENT_SCOPES, now).await?;
    Ok(sample)
}

/// Lets the sample administration program keep its rights at the tenant's present address; the
/// Management API at the `former` one goes.
pub(crate) async fn move_management(
    app: &App,
    tenant: &TenantId,
    (client_id, former): (&str, &str),
    now: Timestamp,
) -> Result<(), Refused> {
    ensure_management_api(app, tenant, now).await?;
    let audience = management_identifier(app, tenant);
    let client = ClientId::new(client_id);
    let granted =
        client_grants::by_client(&app.database, tenant, &client, &audience, "client").await?;
    if granted.is_none() {
        grant_api(app, tenant, (client_id, &audience), MANAGEMENT_SCOPES, now).await?;
    }
    let old = resource_servers::by_identifier(&app.database, tenant, former).await?;
    if let Some(old) = old.filter(|old| old.identifier != audience) {
        match app.database.run(resource_servers::delete(tenant, &old)).await? {
            Written::Done | Written::Overtaken => {}
        }
    }
    Ok(())
}

/// A confidential client that may ask people and gets refresh tokens.
pub(crate) async fn sample_client(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Sample, Refused> {
    let members = json!({
        "grant_types": [CIBA_GRANT, "refresh_token", "client_credentials"],
        "oidc_conformant": true,
        "app_type": "regular_web",
        "async_approval_notification_channels": ["guardian-push"],
    });
    let sample = create_client(app, tenant, "Example Bank", &object(members), now).await?;
    let scopes = ["read:balance", "transfer:funds"];
    grant_api(app, tenant, (&sample.client_id, API_IDENTIFIER), &scopes, now).await?;
    Ok(sample)
}

/// The API: allows offline access, has two scopes. Data that was restored has it already.
pub(crate) async fn sample_api(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<(), Refused> {
    let known = resource_servers::by_identifier(&app.database, tenant, API_IDENTIFIER).await?;
    if known.is_some() {
        return Ok(());
    }
    let body = json!({
        "identifier": API_IDENTIFIER,
        "name": "Payments",
        "allow_offline_access": true,
        "scopes": [
            { "value": "read:balance", "description": "See the balance" },
            { "value": "transfer:funds", "description": "Send money" },
        ],
        "authorization_details": [{ "type": "payment_initiation" }],
    });
    create_api(app, tenant, body, now).await.map(|_document| ())
}

/// A person without any device; in data that was restored, the one of this address.
pub(crate) async fn sample_user(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Value, Refused> {
    let known = users::by_email(&app.database, tenant, USER_EMAIL).await?;
    if let Some(user) = known.first() {
        return Ok(user.to_json(&Fields::All));
    }
    create_user(app, tenant, (USER_EMAIL, Some("Alice")), now).await
}

/// Of a user what a card tells.
pub(crate) fn named(user: &Value) -> Value {
    json!({ "user_id": user.get("user_id"), "email": user.get("email") })
}

/// The members of a JSON object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// The address of a fresh enrollment page for a user of the first tenant, for one device more; none
/// if the user is gone.
pub(crate) async fn sample_enrollment(
    app: &App,
    user: &UserId,
    now: Timestamp,
) -> Result<Option<String>, Refused> {
    let context = context(app, &TenantId::new(FIRST_TENANT), now).await?;
    let made = create_ticket(app, &context, TicketOrder::of(user, true), now).await?;
    Ok(made.map(|ticket| ticket.ticket_url))
}
