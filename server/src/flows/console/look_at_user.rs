//! All that an operator sees of one person.

use domain::people::{Device, User};
use domain::{TenantId, Timestamp, UserId};
use store::passkeys::{self, Passkey};
use store::{enrollments, tickets, users};

use super::requests::{self, RequestView};
use crate::App;
use crate::denied::{Denial, Denied};

/// A person, their devices and what they were asked.
#[derive(Clone, Debug)]
pub struct UserView {
    /// Who.
    pub user: User,
    /// Their devices, in the order they enrolled.
    pub devices: Vec<Device>,
    /// Their passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
    /// Codes that were shown and not used yet: until when each is good.
    pub pending: Vec<Timestamp>,
    /// What they were asked, newest first.
    pub requests: Vec<RequestView>,
}

/// Looks at a person.
pub async fn look_at_user(
    app: &App,
    tenant: &TenantId,
    id: &UserId,
    now: Timestamp,
) -> Result<UserView, Denial> {
    let user = users::one(&app.database, tenant, id).await?.ok_or(Denied::NoUser)?;
    let devices = enrollments::of_user(&app.database, tenant, id).await?;
    let passkeys = passkeys::of_user(&app.database, tenant, id).await?;
    let pending = tickets::pending_of_user(&app.database, tenant, id, now).await?;
    let requests = requests::recent(app, tenant, id, now).await?;
    let pending = pending.iter().map(|ticket| ticket.expires_at).collect();
    Ok(UserView { user, devices, passkeys, pending, requests })
}
