//! A web ticket for one person's next device (W246 to W250).

use domain::people::{Ticket, TicketKind, WEB_LIFETIME_S};
use domain::{DeviceId, Fingerprint, Timestamp, UserId};
use store::{Write, Written, tickets, users};

use super::mails::{self, Invited};
use crate::App;
use crate::failure::{Broken, Failure};
use crate::language::Language;
use crate::tenancy::Context;

/// What an administrator gets: the ticket's text exists here and in the link only.
#[derive(Clone, Debug)]
pub struct NewTicket {
    /// 32 letters and digits.
    pub ticket_id: String,
    /// The page that shows the code to scan.
    pub ticket_url: String,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct TicketOrder<'a> {
    /// Whose device it enrolls.
    pub(crate) user: &'a UserId,
    /// Whether it may enroll a further device.
    pub(crate) allow_multiple: bool,
    /// The device that is gone once the new one is there.
    pub(crate) replaces: Option<DeviceId>,
    /// To whom the link is mailed, and in which language.
    pub(crate) mailed: Option<(&'a str, Language)>,
}

impl<'a> TicketOrder<'a> {
    /// A ticket whose link the asker hands over.
    pub(crate) const fn of(user: &'a UserId, allow_multiple: bool) -> Self {
        Self { user, allow_multiple, replaces: None, mailed: None }
    }
}

/// Makes a ticket, perhaps for a device that takes another's place; `None` if there is no such
/// user.
pub(crate) async fn create_ticket(
    app: &App,
    context: &Context,
    order: TicketOrder<'_>,
    now: Timestamp,
) -> Result<Option<NewTicket>, Failure> {
    let TicketOrder { user, allow_multiple, replaces, mailed } = order;
    let tenant = &context.tenant.id;
    if users::one(&app.database, tenant, user).await?.is_none() {
        return Ok(None);
    }
    let wanted = Wanted { user, allow_multiple, replaces, is_of_device: false };
    let (ticket, mut write) = new_ticket(app, context, wanted, now);
    if let Some((to, language)) = mailed {
        let expires_at = now.plus_seconds(WEB_LIFETIME_S);
        let link = &ticket.ticket_url;
        let invited = Invited { user, to, language, link, expires_at };
        write = write.and(mails::invite(app, context, invited, now)?);
    }
    match app.database.run(write).await? {
        Written::Done => {
            tracing::info!(user.id = %user, "enrollment ticket made");
            Ok(Some(ticket))
        }
        Written::Overtaken => Err(Broken::because("too many mails wait to be sent").into()),
    }
}

/// What a new ticket is for.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    /// Whose device it enrolls.
    pub(super) user: &'a UserId,
    /// Whether it may enroll a further device.
    pub(super) allow_multiple: bool,
    /// The device that is gone once the new one is there.
    pub(super) replaces: Option<DeviceId>,
    /// Whether a device makes it by its proof alone.
    pub(super) is_of_device: bool,
}

/// A new ticket, and what stores it.
pub(super) fn new_ticket(
    app: &App,
    context: &Context,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> (NewTicket, Write) {
    let Wanted { user, allow_multiple, replaces, is_of_device } = wanted;
    let ticket_id = app.entropy.alphanumerics(32);
    let ticket = Ticket {
        fingerprint: Fingerprint::of(ticket_id.as_bytes()),
        kind: TicketKind::Web,
        user: user.clone(),
        allow_multiple,
        replaces,
        is_of_device,
        created_at: now,
        expires_at: now.plus_seconds(WEB_LIFETIME_S),
        used_at: None,
    };
    let write = tickets::insert(&context.tenant.id, &ticket);
    let ticket_url = context.base.url(&format!("mfa/enrollment?ticket={ticket_id}"));
    (NewTicket { ticket_id, ticket_url }, write)
}
