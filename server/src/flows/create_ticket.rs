//! A web ticket for one person's next device (W246 to W250).

use domain::people::{Ticket, TicketKind, WEB_LIFETIME_S};
use domain::{DeviceId, Fingerprint, Timestamp, UserId};
use store::{Write, Written, tickets, users};

use crate::App;
use crate::failure::{Broken, Failure};
use crate::tenancy::Context;

/// What an administrator gets: the ticket's text exists here and in the link only.
#[derive(Clone, Debug)]
pub struct NewTicket {
    /// 32 letters and digits.
    pub ticket_id: String,
    /// The page that shows the code to scan.
    pub ticket_url: String,
}

/// Makes a ticket, perhaps for a device that takes another's place; `None` if there is no such
/// user.
pub async fn create_ticket(
    app: &App,
    context: &Context,
    (user, allow_multiple, replaces): (&UserId, bool, Option<DeviceId>),
    now: Timestamp,
) -> Result<Option<NewTicket>, Failure> {
    let tenant = &context.tenant.id;
    if users::one(&app.database, tenant, user).await?.is_none() {
        return Ok(None);
    }
    let (ticket, write) = new_ticket(app, context, (user, allow_multiple, replaces), now);
    match app.database.run(write).await? {
        Written::Done => {
            tracing::info!(user.id = %user, "enrollment ticket made");
            Ok(Some(ticket))
        }
        Written::Overtaken => Err(Broken::because("two tickets of one name").into()),
    }
}

/// A new ticket, and what stores it.
pub(super) fn new_ticket(
    app: &App,
    context: &Context,
    (user, allow_multiple, replaces): (&UserId, bool, Option<DeviceId>),
    now: Timestamp,
) -> (NewTicket, Write) {
    let ticket_id = app.entropy.alphanumerics(32);
    let ticket = Ticket {
        fingerprint: Fingerprint::of(ticket_id.as_bytes()),
        kind: TicketKind::Web,
        user: user.clone(),
        allow_multiple,
        replaces,
        created_at: now,
        expires_at: now.plus_seconds(WEB_LIFETIME_S),
        used_at: None,
    };
    let write = tickets::insert(&context.tenant.id, &ticket);
    let ticket_url = context.base.url(&format!("mfa/enrollment?ticket={ticket_id}"));
    (NewTicket { ticket_id, ticket_url }, write)
}
