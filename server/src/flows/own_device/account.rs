//! `GET /device/v1/devices`, `PATCH` and `DELETE /device/v1/device`, `POST /device/v1/device/key`: the
//! devices of a person; one changes, goes, or takes another key (D5).

use device_protocol::aizuchi::enroll::{Channel, NewKey, Patch};
use device_protocol::aizuchi::errors::Refusal;
use domain::Timestamp;
use domain::aizuchi::{check_device_proof, device_key};
use domain::people::{Device, Own};
use serde_json::{Value, json};
use store::{Write, Written, enrollments, log_events};

use super::passkeys::{confirmed_key, used};
use super::{Call, Known, invalid_body, known_device};
use crate::App;
use crate::failure::{Broken, OwnFailure};
use crate::flows::log::{self, Entry};
use crate::flows::{DECIDE_TRIES, wake};
use crate::tenancy::Context;

/// The devices of the person, in the order they enrolled: so one learns of those that came while it
/// was not listening (D4), and which can be replaced (D6).
pub async fn list_devices(
    app: &App,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let own = known_device(app, context, call, now).await?.device;
    let all = enrollments::of_user(&app.database, &context.tenant.id, &own.user).await?;
    let devices: Vec<Value> = all.iter().map(shown_to_others).collect();
    Ok(json!({ "devices": devices }))
}

/// Changes what is given and nothing else; answers how the device is known now.
pub async fn change(
    app: &App,
    context: &Context,
    (call, body): (Call<'_>, Result<Value, Refusal>),
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let mut known = known_device(app, context, call, now).await?;
    let patch = Patch::parse(&body?).map_err(invalid_body)?;
    if let Some(fault) = patch.channel.as_ref().and_then(|channel| wake::fault(app, channel)) {
        return Err(invalid_body(fault).into());
    }
    for _ in 0..DECIDE_TRIES {
        let device = patched(&known.device, &patch);
        let details = json!({
            "device_id": device.id.as_str(),
            "changed": {
                "name": patch.name.is_some(),
                "channel": patch.channel.is_some(),
                "locale": patch.locale.is_some(),
            },
        });
        let entry = Entry::new("gd_update_device_account", "A device changed its account", details);
        let write = enrollments::change(&context.tenant.id, &known.device, &device);
        if run(app, context, (&known, call, write, entry), now).await? == Written::Done {
            tracing::info!(device.id = %device.id, "device account changed");
            return Ok(shown(&device));
        }
        known = known_device(app, context, call, now).await?;
    }
    Err(contended())
}

/// Gives the device another key: the old one has signed the call, the new one proves itself.
pub async fn change_key(
    app: &App,
    context: &Context,
    (call, body): (Call<'_>, Result<Value, Refusal>),
    now: Timestamp,
) -> Result<(), OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let wanted = NewKey::parse(&body?).map_err(invalid_body)?;
    let key = device_key(&wanted.key)?;
    let subject = (known.device.id.as_str(), context.base.all.as_slice());
    check_device_proof(&wanted.proof, &key, subject, now)?;
    let asked = (&known, wanted.proof.as_str(), wanted.passkey.as_ref());
    let confirmed = confirmed_key(app, context, asked).await?;
    let details = json!({ "device_id": known.device.id.as_str(), "changed": { "key": true } });
    let entry = Entry::new("gd_update_device_account", "A device took another key", details);
    let tenant = &context.tenant.id;
    for _ in 0..DECIDE_TRIES {
        let write = enrollments::change_key(tenant, &known.device, key.canonical_json());
        let write = write.and(used(confirmed.as_ref(), tenant, now));
        if run(app, context, (&known, call, write, entry.clone()), now).await? == Written::Done {
            tracing::info!(device.id = %known.device.id, "device key changed");
            return Ok(());
        }
        // Its key was changed in this moment, and this call is signed by the former one.
        known_device(app, context, call, now).await?;
    }
    Err(contended())
}

/// Ends the enrollment: the key opens nothing any more, and the stream ends.
pub async fn forget(
    app: &App,
    context: &Context,
    call: Call<'_>,
    now: Timestamp,
) -> Result<(), OwnFailure> {
    let tenant = &context.tenant.id;
    for _ in 0..DECIDE_TRIES {
        let known = known_device(app, context, call, now).await?;
        let device = &known.device;
        let details = json!({ "device_id": device.id.as_str(), "device_name": device.name });
        let entry = Entry::new("gd_unenroll", "A device ended its enrollment", details);
        let write = enrollments::delete(tenant, &device.id);
        if run(app, context, (&known, call, write, entry), now).await? == Written::Done {
            app.inboxes.ring(&device.id);
            tracing::info!(device.id = %device.id, user.id = %device.user, "device unenrolled");
            return Ok(());
        }
    }
    Err(contended())
}

/// The change with its log event, which uses the proof up.
async fn run(
    app: &App,
    context: &Context,
    (known, call, write, entry): (&Known, Call<'_>, Write, Entry<'_>),
    now: Timestamp,
) -> Result<Written, OwnFailure> {
    let tenant = &context.tenant.id;
    let event = log::event(app, call.meta, entry.of_user(&known.device.user), now);
    let write = write.and(known.used_up(tenant, now));
    let written = app.database.run(log_events::append(write, tenant, &event)).await?;
    if written == Written::Overtaken {
        known.check_unused(app, tenant).await?;
    }
    Ok(written)
}

fn patched(was: &Device, patch: &Patch) -> Device {
    let mut device = was.clone();
    if let Some(name) = &patch.name {
        device.name.clone_from(name);
    }
    device.own = device.own.map(|own| Own {
        channel: patch.channel.clone().unwrap_or(own.channel),
        locale: patch.locale.clone().unwrap_or(own.locale),
        // Only another address makes it one that can be reached again.
        lost: own.lost.filter(|_| patch.channel.as_ref().is_none_or(|new| *new == Channel::None)),
    });
    device
}

/// The device as it is told to the others of its person; `code` is what its screen shows.
pub(super) fn shown_to_others(device: &Device) -> Value {
    json!({
        "device": device.id.as_str(),
        "name": device.name,
        "enrolled_at": device.enrolled_at.seconds(),
        "code": device.key_code(),
    })
}

/// The device as it is told of itself: nothing that a push service knows it by.
fn shown(device: &Device) -> Value {
    let own = device.own.as_ref();
    json!({
        "device": device.id.as_str(),
        "name": device.name,
        "channel": { "kind": own.map(|own| own.channel.kind()) },
        "locale": own.map(|own| own.locale.as_str()),
    })
}

fn contended() -> OwnFailure {
    Broken::because("a device changes faster than it can be changed").into()
}
