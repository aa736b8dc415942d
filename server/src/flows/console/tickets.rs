//! A ticket that an operator shows to a person at once: its link and its code together.

use domain::people::PushService;
use domain::{Timestamp, UserId};
use store::enrollments;

use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;
use crate::flows::{Code, Opening, TicketOrder, create_ticket, open_ticket};
use crate::meta::Meta;
use crate::tenancy::Context;

/// A ticket, opened already.
#[derive(Debug)]
pub struct FreshTicket {
    /// The link to send, for who is not here.
    pub url: String,
    /// The code to scan, for who is; `None` where phones are switched off.
    pub code: Option<Code>,
}

/// Makes a ticket for a person's next device.
pub async fn make_ticket(
    app: &App,
    (context, meta): (&Context, &Meta),
    user: &UserId,
    now: Timestamp,
) -> Result<FreshTicket, Denial> {
    let devices = enrollments::of_user(&app.database, &context.tenant.id, user).await?;
    let has_one = devices.iter().any(|device| device.push_service != PushService::Virtual);
    let ticket = create_ticket(app, context, TicketOrder::of(user, has_one), now).await?;
    let ticket = ticket.ok_or(Denied::NoUser)?;
    let code = match open_ticket(app, context, (&ticket.ticket_id, meta), now).await? {
        Opening::Fresh(code) => Some(code),
        Opening::Off => None,
        Opening::Enrolled(..) | Opening::Dead => {
            return Err(Broken::because("a ticket ended in the moment it was made").into());
        }
    };
    Ok(FreshTicket { url: ticket.ticket_url, code })
}
