//! Waking a device of our own dialect: the push names the request and nothing else (D9).

use device_protocol::aizuchi::enroll::{Channel, Subscription};
use domain::jose::web_push::Receiver;
use domain::people::Device;
use domain::{TenantId, Timestamp};
use serde_json::{Value, json};
use store::issuer_keys::Purpose;

use crate::App;
use crate::failure::Broken;
use crate::outside::{Parcel, Way, may_name};
use crate::push::web_push::{self, WebWay};

/// What an app of Apple's shows by its own words, until it has looked into the inbox itself.
const APPLE_WORDS: &str = "AIZUCHI_REQUEST";

/// What is told, and how it is told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// The payload: no words, no names (D9).
    pub(crate) payload: &'a Value,
    /// Pushes of one name replace each other.
    pub(crate) name: &'a str,
    /// After this nobody needs to know any more.
    pub(crate) expires_at: Timestamp,
}

/// The payload that tells of a request.
pub(crate) fn of_request(request: &str) -> Value {
    json!({ "kind": "request", "request": request })
}

/// What is wrong with a channel that a device wants; a channel without fault may still be dead.
pub(crate) fn fault(app: &App, channel: &Channel) -> Option<String> {
    let (Channel::WebPush(to) | Channel::UnifiedPush(to)) = channel else { return None };
    let checked = || {
        Receiver::parse(&to.p256dh, &to.auth).map_err(|error| error.to_string())?;
        let url =
            web_push::endpoint(&to.endpoint).map_err(|why| format!("channel.endpoint: {why}"))?;
        let is_callable = may_name(&app.config.outbound, app.is_dev, &url);
        if !is_callable || !web_push::is_listed(&app.config.push.web_push_hosts, &url) {
            return Err(String::from("channel.endpoint: this server calls no such host"));
        }
        Ok(())
    };
    checked().err()
}

/// The parcel for a device; `None` if nothing wakes it, and why there is none otherwise.
pub(crate) async fn parcel(
    app: &App,
    tenant: &TenantId,
    (device, issuer): (&Device, &str),
    message: Message<'_>,
    now: Timestamp,
) -> Result<Option<Parcel>, String> {
    let Some(own) = &device.own else { return Ok(None) };
    let plain = |service, token: &str, way, payload| Parcel {
        service,
        token: token.to_owned(),
        payload,
        expires_at: message.expires_at,
        collapse_id: message.name.to_owned(),
        way,
    };
    let payload = message.payload.clone();
    match &own.channel {
        Channel::None => Ok(None),
        Channel::Fcm { token } => Ok(Some(plain("GCM", token, Way::App, payload))),
        Channel::Apns { token, topic } => {
            let way = Way::Topic(topic.clone());
            Ok(Some(plain("APNS", token, way, for_apple(payload))))
        }
        Channel::WebPush(to) | Channel::UnifiedPush(to) => {
            let url = web_push::endpoint(&to.endpoint).map_err(|why| format!("endpoint: {why}"))?;
            if !web_push::is_listed(&app.config.push.web_push_hosts, &url) {
                return Err(String::from("its host is not one of push.web_push_hosts"));
            }
            let way = web_way(app, tenant, (own.channel.kind(), to, issuer), now).await?;
            Ok(Some(plain("WEB", &to.endpoint, Way::Web(Box::new(way)), payload)))
        }
    }
}

/// Apple shows nothing without `aps`: the app's own words for it, none of ours.
fn for_apple(mut payload: Value) -> Value {
    if let Some(members) = payload.as_object_mut() {
        let aps = json!({
            "alert": { "loc-key": APPLE_WORDS }, "sound": "default", "mutable-content": 1,
        });
        members.insert(String::from("aps"), aps);
    }
    payload
}

async fn web_way(
    app: &App,
    tenant: &TenantId,
    (kind, to, issuer): (&'static str, &Subscription, &str),
    now: Timestamp,
) -> Result<WebWay, String> {
    let receiver = Receiver::parse(&to.p256dh, &to.auth).map_err(|error| error.to_string())?;
    let key = app.issuer_key(tenant, Purpose::WebPush, now).await;
    let key = key.map_err(|broken: Broken| broken.to_string())?;
    let configured = &app.config.push.contact;
    let contact = if configured.is_empty() { issuer } else { configured.as_str() };
    Ok(WebWay { kind, receiver, key, contact: contact.to_owned(), random: app.entropy.bytes() })
}
