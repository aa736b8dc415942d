//! What a client asks for at the token endpoint out of what was granted: some of the APIs
//! (RFC 8707 2.2), some of the details (RFC 9396 6).

use domain::ciba::authorization_details;
use domain::json;
use domain::oauth::client::Client;
use domain::oauth::exchange::unknown_audience;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::Refusal;
use domain::oauth::scope::OPENID_SCOPES;
use domain::{TenantId, Timestamp};
use serde_json::Value;

use super::tokens::Granted;
use crate::App;
use crate::failure::Failure;

/// The part that was asked for; `None` if all of it is to be given.
pub(super) async fn narrowed(
    app: &App,
    tenant: &TenantId,
    (client, parameters, granted): (&Client, &Parameters, &Granted),
    now: Timestamp,
) -> Result<Option<Granted>, Failure> {
    let rules = client.profile.rules();
    let wishes = ["resource", "authorization_details"];
    if !rules.resource_always_counts || !wishes.iter().any(|name| parameters.has(name)) {
        return Ok(None);
    }
    let mut part = granted.clone();
    if parameters.has("resource") {
        for_some_apis(app, tenant, (parameters, &mut part), now).await?;
    }
    if let Some(text) = parameters.optional_structure("authorization_details")? {
        authorization_details::parse(text, rules.details)?;
        some_details(text, &mut part)?;
    }
    Ok(Some(part))
}

/// Keeps the APIs that `resource` names, and what belongs to them.
async fn for_some_apis(
    app: &App,
    tenant: &TenantId,
    (parameters, part): (&Parameters, &mut Granted),
    now: Timestamp,
) -> Result<(), Failure> {
    // Too long a name is told as such.
    parameters.optional("resource")?;
    let wanted: Vec<&str> = parameters.all("resource").collect();
    if let Some(foreign) = wanted.iter().find(|name| !part.audiences().any(|one| one == **name)) {
        return Err(unknown_audience(foreign).into());
    }
    let kept: Vec<String> =
        part.audiences().filter(|name| wanted.contains(name)).map(str::to_owned).collect();
    let mut apis = Vec::new();
    for identifier in &kept {
        apis.extend(app.api(tenant, identifier, now).await?);
    }
    let mut kept = kept.into_iter();
    part.audience = kept.next();
    part.further_audiences = kept.collect();
    part.scope = part.scope.clone().filtered(|word| {
        OPENID_SCOPES.contains(&word) || apis.iter().any(|api| api.has_scope(word))
    });
    let is_theirs = |entry: &Value| {
        let name = entry.get("type").and_then(Value::as_str);
        apis.iter().flat_map(|api| &api.details_types).any(|one| name == Some(one.name.as_str()))
    };
    if let Some(Value::Array(entries)) = &mut part.authorization_details {
        entries.retain(is_theirs);
    }
    forget_nothing(part);
    Ok(())
}

/// Keeps the entries that are asked for, each of which must be one of those that were granted.
fn some_details(text: &str, part: &mut Granted) -> Result<(), Refusal> {
    let unreadable = |_fault| authorization_details::refused(String::from("it cannot be read"));
    let wanted = json::parse(text.as_bytes()).map_err(unreadable)?;
    let granted = part.authorization_details.as_ref().and_then(Value::as_array);
    let is_granted = |entry: &Value| granted.is_some_and(|all| all.contains(entry));
    let entries = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(place) = entries.iter().position(|entry| !is_granted(entry)) {
        return Err(authorization_details::of_entry(place, "was not granted"));
    }
    part.authorization_details = Some(wanted);
    Ok(())
}

/// No details at all are no empty list of them.
fn forget_nothing(part: &mut Granted) {
    if part
        .authorization_details
        .as_ref()
        .is_some_and(|all| all.as_array().is_some_and(Vec::is_empty))
    {
        part.authorization_details = None;
    }
}
