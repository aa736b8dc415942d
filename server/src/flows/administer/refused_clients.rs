//! The clients that a person reported ("this wasn't me", D16): only an administrator takes that back.

use domain::{ClientId, TenantId, Timestamp, UserId};
use serde_json::json;
use store::{Written, log_events, refusals};

use super::ATTEMPTS;
use crate::App;
use crate::denied::{Denial, Denied};
use crate::flows::log::{self, Entry};
use crate::meta::Meta;

/// The clients that ask this person in vain.
pub async fn refused_clients(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Vec<ClientId>, Denial> {
    let list = refusals::of_user(&app.database, tenant, user).await?;
    Ok(list.ok_or(Denied::NoUser)?)
}

/// Lets a client ask this person again.
pub async fn lift_refusal(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    (user, client): (&UserId, &ClientId),
    now: Timestamp,
) -> Result<(), Denial> {
    for _ in 0..ATTEMPTS {
        if !refused_clients(app, tenant, user).await?.contains(client) {
            return Err(Denied::NoClient.into());
        }
        let details = json!({ "client_id": client.as_str() });
        let entry = Entry::new("ciba_report_lifted", "A report of a client was lifted", details);
        let event = log::event(app, meta, entry.of_user(user), now);
        let write = log_events::append(refusals::lift(tenant, user, client), tenant, &event);
        if app.database.run(write).await? == Written::Done {
            tracing::info!(user.id = %user, client.id = %client, "a report was lifted");
            return Ok(());
        }
    }
    Err(Denied::Contended.into())
}
