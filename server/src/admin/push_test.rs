//! `aizuchi push test`: one push to one device, and what its service said.

use domain::people::{Device, PushService};
use domain::{DeviceId, TenantId, Timestamp};
use serde_json::{Value, json};
use store::enrollments;

use super::{PushAddress, Refused};
use crate::App;
use crate::flows::wake::{self, Message};
use crate::outside::{Parcel, Receipt, Way};

/// The push is worth nothing after this.
const LIVES_S: i64 = 60;
/// What the push is called: a second one takes its place.
const NAME: &str = "aizuchi-push-test";

/// Sends the push. What the service said of the token changes nothing about the device.
pub(super) async fn send(
    app: &App,
    tenant: &TenantId,
    address: PushAddress,
    now: Timestamp,
) -> Result<Value, Refused> {
    let (service, token) = match address {
        PushAddress::Device(id) => match of_device(app, tenant, &id, now).await? {
            Sent::To(service, token) => (service, token),
            Sent::Own(parcel) => return hand_over(app, tenant, *parcel, now).await,
        },
        PushAddress::Token { service, token } => match PushService::named(&service) {
            Some(service @ (PushService::Apns | PushService::Gcm)) => (service, token),
            Some(PushService::Virtual | PushService::Inbox) | None => {
                return Err(Refused(String::from("--service must be APNS or GCM")));
            }
        },
    };
    let known = app.tenant(tenant, now).await?;
    let title = known.map(|tenant| tenant.display_name.clone()).unwrap_or_default();
    let payload = match service {
        PushService::Apns => {
            json!({ "aps": { "alert": { "title": title, "body": "Test push" }, "sound": "default" } })
        }
        PushService::Gcm | PushService::Virtual | PushService::Inbox => {
            json!({ "test": "aizuchi push test" })
        }
    };
    let parcel = Parcel {
        service: if service == PushService::Apns { "APNS" } else { "GCM" },
        token,
        payload,
        expires_at: now.plus_seconds(LIVES_S),
        collapse_id: String::from(NAME),
        way: Way::App,
    };
    hand_over(app, tenant, parcel, now).await
}

async fn hand_over(
    app: &App,
    tenant: &TenantId,
    parcel: Parcel,
    now: Timestamp,
) -> Result<Value, Refused> {
    let accounts = app.push_accounts(tenant, now).await?;
    let delivery = app.courier.deliver(parcel, &accounts, now).await;
    let (outcome, message) = match &delivery.receipt {
        Receipt::Accepted => ("accepted", None),
        Receipt::Refused(why) => ("refused", Some(why)),
        Receipt::Gone(why) => ("gone", Some(why)),
        Receipt::Later(why) => ("later", Some(why)),
    };
    tracing::info!(
        tenant.id = %tenant, provider = delivery.provider, outcome, status = delivery.status,
        reason = message, "test push"
    );
    Ok(json!({
        "provider": delivery.provider,
        "outcome": outcome,
        "status": delivery.status,
        "reason": delivery.reason,
        "id": delivery.id,
        "message": message,
    }))
}

/// Where the push to a device goes.
enum Sent {
    /// To a token at a service.
    To(PushService, String),
    /// To a device of our own dialect.
    Own(Box<Parcel>),
}

async fn of_device(
    app: &App,
    tenant: &TenantId,
    id: &str,
    now: Timestamp,
) -> Result<Sent, Refused> {
    let found = enrollments::one(&app.database, tenant, &DeviceId::new(id)).await?;
    let (device, _) = found.ok_or_else(|| {
        Refused(format!("there is no device {id}; `aizuchi user show` lists a person's devices"))
    })?;
    if device.own.is_some() {
        return own(app, tenant, &device, now).await;
    }
    let token = device.push_token.ok_or_else(|| {
        Refused(format!(
            "device {id} has no push token: its service called the last one gone; the app brings a \
             new one when it is opened"
        ))
    })?;
    Ok(Sent::To(device.push_service, token))
}

/// A device of our own dialect is sent what it can tell from a request, by the way it chose.
async fn own(
    app: &App,
    tenant: &TenantId,
    device: &Device,
    now: Timestamp,
) -> Result<Sent, Refused> {
    let payload = json!({ "kind": "test" });
    let expires_at = now.plus_seconds(LIVES_S);
    let message = Message { payload: &payload, name: NAME, expires_at };
    let who = (device, device.base_url.as_str());
    match wake::parcel(app, tenant, who, message, now).await.map_err(Refused)? {
        Some(parcel) => Ok(Sent::Own(Box::new(parcel))),
        None => Err(Refused(format!(
            "nothing wakes device {}: it has no channel, or its push service called the last one \
             gone; it looks into its inbox when it is opened",
            device.id
        ))),
    }
}
