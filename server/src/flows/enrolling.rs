//! What every enrollment does, whichever dialect the device speaks: the ticket is spent and the device
//! is there, in one write.

use domain::people::{Device, PushService, Ticket, TicketKind};
use domain::{DeviceId, Fingerprint, Timestamp};
use serde_json::json;
use store::{Write, Written, enrollments, log_events, tickets};

use super::DECIDE_TRIES;
use super::log::{self, Entry};
use crate::App;
use crate::failure::Broken;
use crate::meta::Meta;
use crate::tenancy::Context;

/// What comes of enrolling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Enrolling {
    /// The device is there.
    Done,
    /// The ticket was used in this moment, or its link was.
    DeadTicket,
    /// The person has a device already, or as many as may be.
    NoRoom,
}

/// The ticket of a code that is unused and in time; a web ticket is none (G35, G36, D3).
pub(super) async fn good_ticket(
    app: &App,
    context: &Context,
    ticket: &str,
    now: Timestamp,
) -> Result<Option<(Ticket, DeviceId)>, Broken> {
    let fingerprint = Fingerprint::of(ticket.as_bytes());
    let found = tickets::find(&app.database, &context.tenant.id, &fingerprint).await?;
    let good = found.filter(|ticket| ticket.is_good_at(now));
    Ok(good.and_then(|ticket| match ticket.kind.clone() {
        TicketKind::Tx { enrollment, .. } => Some((ticket, enrollment)),
        TicketKind::Web => None,
    }))
}

/// What is enrolled under a ticket that is good.
#[derive(Clone, Copy)]
pub(super) struct New<'a> {
    /// The ticket.
    pub(super) ticket: &'a Ticket,
    /// The device.
    pub(super) device: &'a Device,
    /// Its own opaque token.
    pub(super) token: &'a str,
    /// What comes with it, in the same write.
    pub(super) more: &'a Write,
}

/// Enrolls a device by a ticket that is good.
pub(super) async fn enroll(
    app: &App,
    context: &Context,
    (new, meta): (New<'_>, &Meta),
    now: Timestamp,
) -> Result<Enrolling, Broken> {
    let New { ticket, device, .. } = new;
    for _ in 0..DECIDE_TRIES {
        let others = enrollments::of_user(&app.database, &context.tenant.id, &ticket.user).await?;
        if !has_room(&others, (ticket, &device.identifier)) {
            return Ok(Enrolling::NoRoom);
        }
        if store(app, context, (new, meta), now).await? == Written::Done {
            // They learn of the new one; the one that it replaces learns that it is gone.
            for other in &others {
                app.inboxes.ring(&other.id);
            }
            return Ok(Enrolling::Done);
        }
        // Of two phones that scanned at the same moment, the other may have been first.
        let fingerprint = &ticket.fingerprint;
        let found = tickets::find(&app.database, &context.tenant.id, fingerprint).await?;
        if !found.is_some_and(|ticket| ticket.is_good_at(now)) {
            return Ok(Enrolling::DeadTicket);
        }
    }
    // Its link was used in between, through another code.
    Ok(Enrolling::DeadTicket)
}

/// Whether the person may have one more device: the first, or a further one where the ticket says
/// so (G41, G42). Virtual phones do not count (decision 19), nor does the one that is replaced.
fn has_room(devices: &[Device], (ticket, identifier): (&Ticket, &str)) -> bool {
    let others = devices.iter().filter(|device| ticket.replaces.as_ref() != Some(&device.id));
    let devices: Vec<&Device> = others.collect();
    let replaces = devices.iter().any(|device| device.identifier == identifier);
    let is_full = devices.len() >= usize::try_from(enrollments::DEVICE_LIMIT).unwrap_or(usize::MAX);
    let has_phone = devices.iter().any(|device| device.push_service != PushService::Virtual);
    (!has_phone || ticket.allow_multiple) && (!is_full || replaces)
}

/// One write: the tickets are spent, the device is there and the one it replaces is gone, the log
/// says so.
async fn store(
    app: &App,
    context: &Context,
    (New { ticket, device, token, more }, meta): (New<'_>, &Meta),
    now: Timestamp,
) -> Result<Written, Broken> {
    let tenant = &context.tenant.id;
    let mut details = json!({
        "device_id": device.id.as_str(),
        "device_name": device.name,
        "service": device.push_service.name(),
    });
    if let (Some(replaced), Some(members)) = (&ticket.replaces, details.as_object_mut()) {
        members.insert(String::from("replaces"), replaced.as_str().into());
    }
    let entry = Entry::new("gd_enrollment_complete", "A device was enrolled", details);
    let event = log::event(app, meta, entry.of_user(&device.user), now);
    let mut write = tickets::spend_for_enrollment(tenant, ticket, &device.identifier, now);
    if let Some(replaced) = &ticket.replaces {
        write = write.and(enrollments::delete_replaced(tenant, &device.user, replaced));
    }
    if ticket.allow_multiple {
        let same = enrollments::delete_by_identifier(tenant, &device.user, &device.identifier);
        write = write.and(same);
    }
    let write = write
        .and(enrollments::insert(tenant, device, Fingerprint::of(token.as_bytes())))
        .and(more.clone());
    Ok(app.database.run(log_events::append(write, tenant, &event)).await?)
}
