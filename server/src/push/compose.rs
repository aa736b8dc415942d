//! What one device is sent about one request (G58 to G71, GD8, GD9).

use device_protocol::guardian::push::{Location, Named, Push, Source, server_host};
use domain::ciba::challenge::Challenge;
use domain::ciba::transaction::Facts;
use domain::people::{Device, PushService};

use crate::failure::Broken;
use crate::outside::{Parcel, Way};

/// What a push says beside the request itself.
#[derive(Clone, Copy, Debug)]
pub struct PushContext<'a> {
    /// What the tenant is called.
    pub tenant_name: &'a str,
    /// What the client is called.
    pub client_name: &'a str,
    /// The client's SDK, where it is known.
    pub sdk: Option<&'a str>,
}

/// The parcel for `device`; `None` if it has no address to send to.
pub fn compose(
    facts: &Facts,
    (challenge, txtkn): (&Challenge, String),
    device: &Device,
    context: &PushContext<'_>,
) -> Result<Option<Parcel>, Broken> {
    let Some(token) = device.push_token.clone() else { return Ok(None) };
    let base = device.base_url.strip_suffix('/').unwrap_or(&device.base_url);
    let push = Push {
        server_host: server_host(base).map_err(|error| Broken::because(error.to_string()))?,
        device: device.id.as_str().to_owned(),
        txtkn,
        challenge: challenge.challenge.clone(),
        started_at_iso: facts.created_at.to_iso(),
        consent_id: facts.consent_id.as_str().to_owned(),
        source: Source {
            browser: Named::new(context.client_name),
            os: Some(Named::new(context.sdk.unwrap_or("unknown"))),
        },
        location: Location::unknown(),
        title: context.tenant_name.to_owned(),
        body: format!("{} asks for your approval", context.client_name),
    };
    let (service, payload) = match challenge.service {
        PushService::Apns => ("APNS", push.apns_json()),
        // A virtual phone reads the tray as an Android app would.
        PushService::Gcm | PushService::Virtual => {
            ("GCM", push.fcm_data().map(|data| serde_json::json!(data)))
        }
        PushService::Inbox => return Ok(None),
    };
    let payload = payload.map_err(|error| Broken::because(error.to_string()))?;
    Ok(Some(Parcel {
        service,
        token,
        payload,
        expires_at: facts.expires_at,
        collapse_id: facts.consent_id.as_str().to_owned(),
        way: Way::App,
    }))
}
