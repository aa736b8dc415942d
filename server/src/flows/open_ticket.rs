//! An administrator's link: what it leads to, and a fresh code for one device (G16, G17, G22, G23,
//! D3).

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

/// What a link leads to, as long as nobody has asked for a code.
#[derive(Debug)]
pub enum Link {
    /// It is good: a code can be made.
    Good(Box<(Ticket, User)>),
    /// The person has a phone and the link is not for further ones.
    Enrolled(User, Vec<Device>),
    /// The link was used, has expired or never existed: one and the same (G17).
    Dead,
    /// The tenant has switched phones off.
    Off,
}

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

/// Looks at the web ticket `ticket`, which spends and makes nothing (D3).
pub async fn look_at_link(
    app: &App,
    context: &Context,
    ticket: &str,
    now: Timestamp,
) -> Result<Link, Broken> {
    let tenant = &context.tenant.id;
    let fingerprint = Fingerprint::of(ticket.as_bytes());
    let found = tickets::find(&app.database, tenant, &fingerprint).await?;
    let Some(web) = found.filter(|found| found.kind == TicketKind::Web && found.is_good_at(now))
    else {
        return Ok(Link::Dead);
    };
    if !context.tenant.settings.push_factor {
        return Ok(Link::Off);
    }
    let Some(user) = users::one(&app.database, tenant, &web.user).await? else {
        return Ok(Link::Dead);
    };
    let mut devices = enrollments::of_user(&app.database, tenant, &web.user).await?;
    devices.retain(|device| {
        device.push_service != PushService::Virtual && web.replaces.as_ref() != Some(&device.id)
    });
    if !devices.is_empty() && !web.allow_multiple {
        return Ok(Link::Enrolled(user, devices));
    }
    Ok(Link::Good(Box::new((web, user))))
}

/// What became of a code that a link has shown.
#[derive(Debug)]
pub enum Shown {
    /// It waits for a device.
    Waiting(Code),
    /// This device was enrolled by it.
    Enrolled(Box<Device>),
    /// It is good no more.
    Over,
}

/// Looks at a code that a page of `link` has shown, which spends and makes nothing.
pub async fn look_at_code(
    app: &App,
    context: &Context,
    (link, code): (&str, &str),
    now: Timestamp,
) -> Result<Shown, Broken> {
    let (database, tenant) = (&app.database, &context.tenant.id);
    let fingerprint = Fingerprint::of(code.as_bytes());
    let Some(ticket) = tickets::find(database, tenant, &fingerprint).await? else {
        return Ok(Shown::Over);
    };
    let of_link = Some(Fingerprint::of(link.as_bytes()));
    let device = match &ticket.kind {
        TicketKind::Tx { parent, enrollment } if *parent == of_link => enrollment.clone(),
        TicketKind::Tx { .. } | TicketKind::Web => return Ok(Shown::Over),
    };
    if ticket.used_at.is_some() {
        let enrolled = enrollments::one(database, tenant, &device).await?;
        return Ok(enrolled.map_or(Shown::Over, |(device, _)| Shown::Enrolled(Box::new(device))));
    }
    match look_at_link(app, context, link, now).await? {
        Link::Good(good) if ticket.is_good_at(now) => {
            let expires_at = ticket.expires_at;
            let enrollment_tx_id = code.to_owned();
            Ok(Shown::Waiting(Code { enrollment_tx_id, device, user: good.1, expires_at }))
        }
        Link::Good(_) | Link::Enrolled(..) | Link::Dead | Link::Off => Ok(Shown::Over),
    }
}

/// Opens the web ticket `ticket`: makes a fresh code.
pub async fn open_ticket(
    app: &App,
    context: &Context,
    (ticket, meta): (&str, &Meta),
    now: Timestamp,
) -> Result<Opening, Broken> {
    let tenant = &context.tenant.id;
    let (web, user) = match look_at_link(app, context, ticket, now).await? {
        Link::Good(good) => *good,
        Link::Enrolled(user, devices) => return Ok(Opening::Enrolled(user, devices)),
        Link::Dead => return Ok(Opening::Dead),
        Link::Off => return Ok(Opening::Off),
    };
    let enrollment_tx_id = app.entropy.alphanumerics(32);
    let device = DeviceId::new(format!("dev_{}", app.entropy.alphanumerics(16)));
    let fresh = Ticket {
        fingerprint: Fingerprint::of(enrollment_tx_id.as_bytes()),
        kind: TicketKind::Tx { parent: Some(web.fingerprint), enrollment: device.clone() },
        user: web.user.clone(),
        allow_multiple: web.allow_multiple,
        replaces: web.replaces.clone(),
        is_of_device: web.is_of_device,
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
