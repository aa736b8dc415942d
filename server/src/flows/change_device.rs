//! `PATCH` and `DELETE …/api/device-accounts/{id}`: a device changes or ends its own enrollment
//! (guardian B2).

use device_protocol::guardian::account::{Patch, answer};
use device_protocol::guardian::enroll::{PushCredentials, Service};
use device_protocol::guardian::errors::Code;
use domain::guardian::{AccountRules, Refused, check_account_token, is_jwt};
use domain::jose::PublicKey;
use domain::people::{Device, PushService};
use domain::{DeviceId, Timestamp};
use serde_json::{Value, json};
use store::{Written, enrollments, log_events};

use super::DECIDE_TRIES;
use super::device_log::invalid_token;
use super::log::{self, Entry};
use crate::App;
use crate::failure::{Broken, DeviceFailure};
use crate::meta::Meta;
use crate::tenancy::Context;

/// What a device sent with a bearer credential.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The credential; empty if there was none.
    pub bearer: &'a str,
    /// The body.
    pub body: Result<Value, Refused>,
    /// Who sent it.
    pub meta: &'a Meta,
}

/// Changes what is given and nothing else (G46); answers the account.
pub async fn change_device(
    app: &App,
    context: &Context,
    (id, sent): (&DeviceId, Sent<'_>),
    now: Timestamp,
) -> Result<Value, DeviceFailure> {
    let mut was = known_device(app, context, (id, sent.bearer), now).await?;
    let patch = Patch::parse(&sent.body?)
        .map_err(|error| DeviceFailure::refused(Code::InvalidBody, error.to_string()))?;
    for _ in 0..DECIDE_TRIES {
        let device = patched(&was, &patch);
        let details = json!({
            "device_id": id.as_str(),
            "changed": {
                "identifier": device.identifier != was.identifier,
                "name": device.name != was.name,
                "push_credentials": patch.push_credentials.is_some(),
            },
        });
        let entry = Entry::new("gd_update_device_account", "A device changed its account", details);
        let event = log::event(app, sent.meta, entry.of_user(&device.user), now);
        let tenant = &context.tenant.id;
        let write = enrollments::change(tenant, &was, &device);
        match app.database.run(log_events::append(write, tenant, &event)).await? {
            Written::Done => {
                tracing::info!(device.id = %id, "device account changed");
                return Ok(answer_of(&device));
            }
            Written::Overtaken => {
                was = known_device(app, context, (id, sent.bearer), now).await?;
            }
        }
    }
    Err(Broken::because("a device account changes faster than it can be changed").into())
}

/// Ends the enrollment: no more pushes, the key and the tokens open nothing (G54).
pub async fn unenroll_device(
    app: &App,
    context: &Context,
    (id, sent): (&DeviceId, (&str, &Meta)),
    now: Timestamp,
) -> Result<(), DeviceFailure> {
    let (bearer, meta) = sent;
    let tenant = &context.tenant.id;
    for _ in 0..DECIDE_TRIES {
        let device = known_device(app, context, (id, bearer), now).await?;
        let details = json!({ "device_id": id.as_str(), "device_name": device.name });
        let entry = Entry::new("gd_unenroll", "A device ended its enrollment", details);
        let event = log::event(app, meta, entry.of_user(&device.user), now);
        let write = log_events::append(enrollments::delete(tenant, id), tenant, &event);
        if app.database.run(write).await? == Written::Done {
            tracing::info!(device.id = %id, user.id = %device.user, "device unenrolled");
            return Ok(());
        }
    }
    Err(Broken::because("a device account changes faster than it can be ended").into())
}

/// The device of the path, if the bearer speaks for it: its own opaque token, or a JWT that its
/// key signed (G50, G53).
async fn known_device(
    app: &App,
    context: &Context,
    (id, bearer): (&DeviceId, &str),
    now: Timestamp,
) -> Result<Device, DeviceFailure> {
    if bearer.is_empty() {
        return Err(invalid_token("The header Authorization: Bearer is missing"));
    }
    let found = enrollments::one(&app.database, &context.tenant.id, id).await?;
    // A device of our own dialect has an account of its own kind.
    let found = found.filter(|(device, _)| device.own.is_none());
    let (device, token_hash) = found.ok_or_else(no_such_device)?;
    if is_jwt(bearer) {
        let key = key_of(&device)?;
        let rules =
            AccountRules { key: &key, device: id, user: &device.user, bases: &context.base.all };
        check_account_token(bearer, &rules, now)?;
    } else if !token_hash.matches(bearer.as_bytes()) {
        return Err(invalid_token("The token is not the one of this device"));
    }
    Ok(device)
}

/// The key that a device enrolled.
pub(super) fn key_of(device: &Device) -> Result<PublicKey, Broken> {
    let jwk: Value = serde_json::from_str(&device.public_jwk).map_err(Broken::because)?;
    PublicKey::from_jwk(&jwk).map_err(Broken::because)
}

fn patched(was: &Device, patch: &Patch) -> Device {
    let mut device = was.clone();
    if let Some(identifier) = &patch.identifier {
        device.identifier.clone_from(identifier);
    }
    if let Some(name) = &patch.name {
        device.name.clone_from(name);
    }
    if let Some(push) = &patch.push_credentials {
        device.push_service = match push.service {
            Service::Apns => PushService::Apns,
            Service::Gcm => PushService::Gcm,
        };
        device.push_token = Some(push.token.clone());
    }
    device
}

/// All strings, even where a push token was dropped (GD14): iOS takes no null.
fn answer_of(device: &Device) -> Value {
    let push = PushCredentials {
        service: match device.push_service {
            PushService::Apns => Service::Apns,
            PushService::Gcm | PushService::Virtual | PushService::Inbox => Service::Gcm,
        },
        token: device.push_token.clone().unwrap_or_default(),
    };
    answer(device.id.as_str(), &device.identifier, &device.name, &push)
}

fn no_such_device() -> DeviceFailure {
    let sentence = "This phone is not enrolled (any more)";
    DeviceFailure::refused(Code::DeviceAccountNotFound, sentence)
}
