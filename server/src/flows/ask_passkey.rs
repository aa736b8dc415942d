//! Whether a request is approved with a passkey, and whom that leaves to ask (D14, decision 14).

use domain::UserId;
use domain::ciba::request::{Asked, DEVICE_ACR, PASSKEY_ACR, PasskeyWish};
use domain::people::Device;
use store::passkeys;

use crate::App;
use crate::failure::Broken;
use crate::tenancy::Context;

/// Leaves the devices that can be asked where a passkey is wanted; whether it is to confirm the
/// approval. A wish is given up where the person cannot fulfil it, a demand leaves no device then.
pub(super) async fn narrow(
    app: &App,
    context: &Context,
    (wish, user): (PasskeyWish, Option<&UserId>),
    devices: &mut Vec<Device>,
) -> Result<bool, Broken> {
    let Some(user) = user.filter(|_| wish != PasskeyWish::None) else { return Ok(false) };
    let has_device = devices.iter().any(Device::takes_passkeys);
    let is_able =
        has_device && !passkeys::of_user(&app.database, &context.tenant.id, user).await?.is_empty();
    if wish == PasskeyWish::Preferred && !is_able {
        return Ok(false);
    }
    devices.retain(|device| is_able && device.takes_passkeys());
    Ok(true)
}

/// Notes that a passkey confirms the approval; `tells_device`: no other class may be named.
pub(super) fn demand(asked: &mut Asked, tells_device: bool) {
    asked.beyond.is_passkey_required = true;
    let reached = if tells_device { DEVICE_ACR } else { PASSKEY_ACR };
    asked.acr = asked.acr.take().map(|_| reached.to_owned());
}
