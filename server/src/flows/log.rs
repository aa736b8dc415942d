//! Log events as flows write them (W283 to W291): always in the commit of the fact they tell.

use domain::LogEvent;
use domain::oauth::client::Client;
use domain::{ClientId, TenantId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use store::{Write, Written, log_events};

use super::DECIDE_TRIES;
use crate::App;
use crate::failure::Broken;
use crate::meta::Meta;

/// What happened, as one entry tells it. Never a secret, an `auth_req_id` or a binding message.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The type, such as `ciba_start_succeeded`.
    pub kind: &'static str,
    /// One sentence.
    pub description: &'a str,
    /// The client it is about.
    pub client: Option<(&'a ClientId, &'a str)>,
    /// The person it is about.
    pub user: Option<&'a UserId>,
    /// What the type tells beyond that.
    pub details: Value,
    /// Members beside `details`, such as `audience`.
    pub more: Option<(&'static str, Value)>,
}

impl<'a> Entry<'a> {
    /// An entry of a type with a sentence and its details.
    pub const fn new(kind: &'static str, description: &'a str, details: Value) -> Self {
        Self { kind, description, client: None, user: None, details, more: None }
    }

    /// The same about a client.
    #[must_use]
    pub fn of_client(self, client: &'a Client) -> Self {
        Self { client: Some((&client.id, &client.name)), ..self }
    }

    /// The same about a person.
    #[must_use]
    pub fn of_user(self, user: &'a UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same with a member beside `details`.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Into<Value>) -> Self {
        Self { more: Some((name, value.into())), ..self }
    }
}

/// Tells the log what is no part of another write.
pub async fn tell(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    entry: Entry<'_>,
    now: Timestamp,
) -> Result<(), Broken> {
    for _ in 0..DECIDE_TRIES {
        let event = event(app, meta, entry.clone(), now);
        let write = log_events::append(Write::new(), tenant, &event);
        // Overtaken: another node wrote an event of this id.
        if app.database.run(write).await? == Written::Done {
            return Ok(());
        }
    }
    Err(Broken::because("no id is free for a log event"))
}

/// The event that `entry` becomes.
pub fn event(app: &App, meta: &Meta, entry: Entry<'_>, now: Timestamp) -> LogEvent {
    let (client_id, client_name) = entry.client.unzip();
    let mut document = Map::new();
    let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
    put("description", entry.description.into());
    put("details", entry.details);
    put("client_name", client_name.unwrap_or_default().into());
    put("hostname", meta.hostname.as_str().into());
    put("ip", meta.ip.map_or(Value::from(""), |ip| ip.to_string().into()));
    if let Some(agent) = &meta.user_agent {
        put("user_agent", agent.as_str().into());
    }
    if let Some(sdk) = &meta.auth0_client {
        put("auth0_client", sdk.clone());
    }
    if let Some(presented) = &meta.certificate {
        put("mtls_thumbprint_sha256", presented.certificate.thumbprint_text().into());
    }
    if let Some(operator) = &meta.operator {
        put("operator", json!({ "id": operator.id, "name": operator.name }));
    }
    if let Some((name, value)) = entry.more {
        put(name, value);
    }
    LogEvent {
        id: app.log_ids.next(now),
        at: now,
        kind: entry.kind.to_owned(),
        client_id: client_id.cloned(),
        user_id: entry.user.cloned(),
        document: Value::Object(document),
    }
}
