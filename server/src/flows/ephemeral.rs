//! Names for one request: a device makes one, shows it as a QR code, and whoever reads it may ask the
//! device's person once, within minutes (C84, F12, F13). Nothing is stored until one is used: the
//! name is the device and its time, sealed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::jose::NONCE_BYTES;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{DeviceId, Fingerprint, Timestamp};

use super::whom::Unspent;
use crate::App;
use crate::failure::Broken;
use crate::tenancy::Context;

/// How such a name begins; no user's id does.
const PREFIX: &str = "eph_";
/// How long it is good.
const LIFETIME_S: i64 = 300;

/// Whether this is such a name.
pub(super) fn is_one(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// A new name for the person of this device, and until when it is good.
pub(super) fn made(
    app: &App,
    context: &Context,
    device: &DeviceId,
    now: Timestamp,
) -> Result<(String, Timestamp), Broken> {
    let expires_at = now.plus_seconds(LIFETIME_S);
    let inside = format!("{} {device}", expires_at.ms());
    let nonce = app.entropy.bytes::<NONCE_BYTES>();
    let sealed = app.secrets.sealing.seal(nonce, &associated(context), inside.as_bytes());
    let sealed = sealed.map_err(Broken::because)?;
    Ok((format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed)), expires_at))
}

/// The device that made a name, which is still to be spent.
pub(super) fn opened(
    app: &App,
    context: &Context,
    name: &str,
    now: Timestamp,
) -> Result<(DeviceId, Unspent), Refusal> {
    let bad = |why: &'static str| Refusal::because(Reason::BadLoginHint, why);
    let sealed = name.strip_prefix(PREFIX).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let inside = sealed.and_then(|sealed| {
        let plain = app.secrets.sealing.open(&associated(context), &sealed).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    });
    let read = inside.as_deref().and_then(|text| {
        let (ms, device) = text.split_once(' ')?;
        Some((Timestamp::from_ms(ms.parse().ok()?), DeviceId::new(device)))
    });
    let (expires_at, device) = read.ok_or_else(|| bad("The identifier is none of ours"))?;
    if expires_at <= now {
        return Err(bad("The identifier has expired"));
    }
    let seen_as = Fingerprint::of(format!("identifier\n{name}").as_bytes());
    Ok((device, (seen_as, expires_at)))
}

/// A name is good in its tenant only.
fn associated(context: &Context) -> Vec<u8> {
    format!("identifiers/{}", context.tenant.id).into_bytes()
}
