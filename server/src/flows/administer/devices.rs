//! Devices as administrators see them: listed, unenrolled.

use domain::people::{Device, TicketKind};
use domain::shape::{Kind, Object, checked, member, text};
use domain::{DeviceId, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::{Write, Written, enrollments, log_events, tickets, users};

use super::ATTEMPTS;
use crate::App;
use crate::denied::{Denial, Denied, Inexistent};
use crate::failure::Broken;
use crate::flows::log::{self, Entry};
use crate::meta::Meta;

/// Longest name of a device, in characters.
const NAME_LIMIT: usize = 100;

/// The user's devices and those that are still pending (W223).
pub async fn list_enrollments(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Value>, Denial> {
    if users::one(&app.database, tenant, user).await?.is_none() {
        return Err(Denied::NoUser.into());
    }
    let devices = enrollments::of_user(&app.database, tenant, user).await?;
    let mut list: Vec<Value> = devices.iter().map(Device::to_user_enrollment).collect();
    let pending = tickets::pending_of_user(&app.database, tenant, user, now).await?;
    list.extend(pending.iter().filter_map(|ticket| match &ticket.kind {
        TicketKind::Tx { enrollment, .. } => Some(pending_enrollment(enrollment)),
        TicketKind::Web => None,
    }));
    Ok(list)
}

/// A device that has not enrolled yet, as a list or a look-up shows it.
pub(crate) fn pending_enrollment(device: &DeviceId) -> Value {
    json!({
        "id": device.as_str(),
        "status": "pending",
        "type": "push",
        "name": null,
        "identifier": null,
        "phone_number": null,
        "auth_method": "guardian",
        "enrolled_at": null,
        "last_auth": null,
    })
}

/// Deletes one device, or takes back the ticket of one that is pending.
pub async fn unenroll(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    device: &DeviceId,
    now: Timestamp,
) -> Result<(), Denial> {
    for _ in 0..ATTEMPTS {
        let Some((found, _)) = enrollments::one(&app.database, tenant, device).await? else {
            return match app.database.run(tickets::withdraw(tenant, device)).await? {
                Written::Done => Ok(()),
                Written::Overtaken => Err(Denied::NoEnrollment.into()),
            };
        };
        let entry = Entry::new("gd_unenroll", "Device unenrolled by an administrator", json!({}));
        let event = log::event(app, meta, entry.of_user(&found.user), now);
        let write = log_events::append(enrollments::delete(tenant, device), tenant, &event);
        if app.database.run(write).await? == Written::Done {
            app.inboxes.ring(device);
            tracing::info!(tenant.id = %tenant, device.id = %device, "device unenrolled");
            return Ok(());
        }
    }
    Err(Broken::because("a device changes faster than it can be removed").into())
}

/// Gives a device another name, as its owner sees it.
pub async fn rename_device(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    (device, body): (Device, &Object),
    now: Timestamp,
) -> Result<Device, Denial> {
    let body = checked(&[member("name", Kind::Text(1, NAME_LIMIT))], body)?;
    let Some(name) = text(&body, "name") else { return Ok(device) };
    for _ in 0..ATTEMPTS {
        let found = enrollments::one(&app.database, tenant, &device.id).await?;
        let (was, _) = found.ok_or(Inexistent::Method)?;
        let renamed = Device { name: name.to_owned(), ..was.clone() };
        let details = json!({ "device_id": was.id.as_str(), "changed": { "name": true } });
        let entry =
            Entry::new("gd_update_device_account", "Device renamed by an administrator", details);
        let event = log::event(app, meta, entry.of_user(&was.user), now);
        let write = log_events::append(enrollments::change(tenant, &was, &renamed), tenant, &event);
        if app.database.run(write).await? == Written::Done {
            tracing::info!(tenant.id = %tenant, device.id = %was.id, "device renamed");
            return Ok(renamed);
        }
    }
    Err(Denied::Contended.into())
}

/// Deletes all devices of a user.
pub async fn unenroll_all(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    user: &UserId,
    now: Timestamp,
) -> Result<(), Denial> {
    if users::one(&app.database, tenant, user).await?.is_none() {
        return Err(Denied::NoUser.into());
    }
    for _ in 0..ATTEMPTS {
        let devices = enrollments::of_user(&app.database, tenant, user).await?;
        if devices.is_empty() {
            return Ok(());
        }
        let told = devices.iter().fold(Write::new(), |write, _| {
            let entry =
                Entry::new("gd_unenroll", "Device unenrolled by an administrator", json!({}));
            log_events::append(write, tenant, &log::event(app, meta, entry.of_user(user), now))
        });
        let write = enrollments::delete_of_user(tenant, user).and(told);
        if app.database.run(write).await? == Written::Done {
            for device in &devices {
                app.inboxes.ring(&device.id);
            }
            tracing::info!(tenant.id = %tenant, user.id = %user, "all devices unenrolled");
            return Ok(());
        }
    }
    Err(Broken::because("the devices of a user change faster than they can be removed").into())
}
