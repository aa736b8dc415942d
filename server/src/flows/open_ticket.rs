//! Opening an administrator's link: a fresh code for one phone (G16, G17, G22, G23).

use domain::people::{Device, PushService, TX_LIFETIME_S, Ticket, TicketKind, User};
use domain::{DeviceId, Fingerprint, TenantId, Timestamp};
use serde_json::json;
use store::{Write, Written, enrollments, log_events, tickets, users};

use super::DECIDE_TRIES;
use super::log::{self, Entry};
use crate::App;
use crate::failure::Broken;
use crate::meta::Meta;
use crate::tenancy::Context;

/// A link has at most so many live codes; one more takes the place of the oldest.
pub const LIVE_CODES: usize = 5;

/// What a link opens.
#[derive(Debug)]
pub enum Opening {
    /// A fresh code for the person's phone.
    Fresh(Code),
    /// The person has a phone and the link is not for further ones.
    Enrolled(User, Vec<Device>),
    /// The link was used, has expired or never existed: one and the same (G17).
    Dead,
    /// The tenant has switched phones off.
    Off,
}

/// A code that enrolls one phone.
#[derive(Debug)]
pub struct Code {
    /// What stands in the QR code; nowhere else is it readable.
    pub enrollment_tx_id: String,
    /// The id that the phone will have.
    pub device: DeviceId,
    /// Whose phone it will be.
    pub user: User,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// Opens the web ticket `ticket`.
pub async fn open_ticket(
    app: &App,
    context: &Context,
    (ticket, meta): (&str, &Meta),
    now: Timestamp,
) -> Result<Opening, Broken> {
    let tenant = &context.tenant.id;
    let fingerprint = Fingerprint::of(ticket.as_bytes());
    let found = tickets::find(&app.database, tenant, &fingerprint).await?;
    let Some(web) = found.filter(|found| found.kind == TicketKind::Web && found.is_good_at(now))
    else {
        return Ok(Opening::Dead);
    };
    if !context.tenant.settings.push_factor {
        return Ok(Opening::Off);
    }
    let Some(user) = users::one(&app.database, tenant, &web.user).await? else {
        return Ok(Opening::Dead);
    };
    let mut devices = enrollments::of_user(&app.database, tenant, &web.user).await?;
    devices.retain(|device| {
        device.push_service != PushService::Virtual && web.replaces.as_ref() != Some(&device.id)
    });
    if !devices.is_empty() && !web.allow_multiple {
        return Ok(Opening::Enrolled(user, devices));
    }
    let enrollment_tx_id = app.entropy.alphanumerics(32);
    let device = DeviceId::new(format!("dev_{}", app.entropy.alphanumerics(16)));
    let fresh = Ticket {
        fingerprint: Fingerprint::of(enrollment_tx_id.as_bytes()),
        kind: TicketKind::Tx { parent: Some(web.fingerprint), enrollment: device.clone() },
        user: web.user.clone(),
        allow_multiple: web.allow_multiple,
        replaces: web.replaces.clone(),
        created_at: now,
        expires_at: now.plus_seconds(TX_LIFETIME_S).min(web.expires_at),
        used_at: None,
    };
    let details = json!({ "device_id": device.as_str() });
    let entry = Entry::new("gd_start_enroll", "A code to enroll a device was shown", details);
    let entry = entry.of_user(&web.user);
    let mut room = make_room(app, tenant, &web, now).await?;
    for _ in 0..DECIDE_TRIES {
        let event = log::event(app, meta, entry.clone(), now);
        let insert = log_events::append(tickets::insert(tenant, &fresh), tenant, &event);
        if app.database.run(room.and(insert)).await? == Written::Done {
            let expires_at = fresh.expires_at;
            return Ok(Opening::Fresh(Code { enrollment_tx_id, device, user, expires_at }));
        }
        // The oldest code was used or replaced in this moment: then there is room without it.
        room = Write::new();
    }
    Err(Broken::because("a code's name or that of its log event is taken again and again"))
}

/// Takes the oldest code of the link back if there are as many as may be.
async fn make_room(
    app: &App,
    tenant: &TenantId,
    web: &Ticket,
    now: Timestamp,
) -> Result<Write, Broken> {
    let pending = tickets::pending_of_user(&app.database, tenant, &web.user, now).await?;
    let mut of_link = pending.iter().filter_map(|ticket| match &ticket.kind {
        TicketKind::Tx { parent, enrollment } if *parent == Some(web.fingerprint) => {
            Some(enrollment)
        }
        TicketKind::Tx { .. } | TicketKind::Web => None,
    });
    let oldest = of_link.next();
    let has_room = of_link.count() + 1 < LIVE_CODES;
    Ok(match oldest {
        Some(oldest) if !has_room => tickets::withdraw(tenant, oldest),
        Some(_) | None => Write::new(),
    })
}
