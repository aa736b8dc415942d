//! Confirmed devices. One that is still pending is its ticket (GD13).

use domain::people::{Device, Own, PushService};
use domain::{ClientId, DeviceId, Fingerprint, TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Write, refusals};

/// Most devices of one user that are listed and asked.
pub const DEVICE_LIMIT: i64 = 20;

/// The user's devices, in the order they enrolled.
pub async fn of_user(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Vec<Device>, Error> {
    const READ: &str = "
        SELECT id, user_id, identifier, name, push_service, push_token, public_jwk, base_url,
            enrolled_at, last_auth_at, channel, locale
        FROM enrollments WHERE tenant_id = $1 AND user_id = $2
        ORDER BY enrolled_at, id LIMIT $3";
    let rows = database.few(READ, &[tenant.into(), user.into(), DEVICE_LIMIT.into()]).await?;
    rows.iter().map(read).collect()
}

/// A person as far as asking them goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Whether an administrator blocked them.
    pub is_blocked: bool,
    /// The clients that they reported.
    pub refused_clients: Vec<ClientId>,
    /// Their devices, in the order they enrolled.
    pub devices: Vec<Device>,
}

impl Person {
    /// Whether they reported this client, and no administrator has lifted that (D16).
    pub fn refuses(&self, client: &ClientId) -> bool {
        self.refused_clients.contains(client)
    }
}

/// The person of this id with their devices: one look-up, since every request begins with it.
pub async fn person(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Option<Person>, Error> {
    const READ: &str = "
        SELECT e.id, e.user_id, e.identifier, e.name, e.push_service, e.push_token, e.public_jwk,
            e.base_url, e.enrolled_at, e.last_auth_at, e.channel, e.locale, u.blocked,
            u.refused_clients
        FROM users u
        LEFT JOIN enrollments e ON e.tenant_id = u.tenant_id AND e.user_id = u.user_id
        WHERE u.tenant_id = $1 AND u.user_id = $2
        ORDER BY e.enrolled_at, e.id LIMIT $3";
    let rows = database.few(READ, &[tenant.into(), user.into(), DEVICE_LIMIT.into()]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let is_blocked = first.flag(12)?;
    let refused_clients = first.optional_text(13)?.map(refusals::names).unwrap_or_default();
    let has_devices = first.optional_text(0)?.is_some();
    let devices =
        if has_devices { rows.iter().map(read).collect::<Result<_, _>>()? } else { Vec::new() };
    Ok(Some(Person { is_blocked, refused_clients, devices }))
}

/// The device of this id, with the hash of its own opaque token.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    device: &DeviceId,
) -> Result<Option<(Device, Fingerprint)>, Error> {
    const READ: &str = "
        SELECT id, user_id, identifier, name, push_service, push_token, public_jwk, base_url,
            enrolled_at, last_auth_at, channel, locale, token_hash
        FROM enrollments WHERE tenant_id = $1 AND id = $2";
    let row = database.one(READ, &[tenant.into(), device.into()]).await?;
    row.map(|row| Ok((read(&row)?, row.fingerprint(12)?))).transpose()
}

/// Adds a device; behind the step that spends its ticket, only with it.
pub fn insert(tenant: &TenantId, device: &Device, token_hash: Fingerprint) -> Write {
    const INSERT: &str = "
        INSERT INTO enrollments
            (tenant_id, id, user_id, identifier, name, push_service, push_token, public_jwk,
            token_hash, base_url, enrolled_at, last_auth_at, channel, locale)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE {guard}";
    const KNOWN: &str = "
        SELECT 1 FROM enrollments WHERE tenant_id = $1 AND id = $2 AND token_hash = $3";
    let params = [
        tenant.into(),
        (&device.id).into(),
        (&device.user).into(),
        (&device.identifier).into(),
        (&device.name).into(),
        device.push_service.name().into(),
        device.push_token.as_deref().into(),
        (&device.public_jwk).into(),
        token_hash.into(),
        (&device.base_url).into(),
        device.enrolled_at.into(),
        device.last_auth_at.into(),
        channel_of(device).into(),
        device.own.as_ref().map(|own| own.locale.as_str()).into(),
    ];
    Write::new()
        .exactly(1, INSERT, params)
        .recognised_by(KNOWN, [tenant.into(), (&device.id).into(), token_hash.into()])
}

/// Deletes the user's device of this identifier: one that enrolls again replaces itself (G42).
pub fn delete_by_identifier(tenant: &TenantId, user: &UserId, identifier: &str) -> Write {
    const DELETE: &str = "
        DELETE FROM enrollments
        WHERE tenant_id = $1 AND user_id = $2 AND identifier = $3 AND {guard}";
    Write::new().also(DELETE, [tenant.into(), user.into(), identifier.into()])
}

/// Changes what a device may change about itself. `Overtaken`: `was` is no longer what is stored.
pub fn change(tenant: &TenantId, was: &Device, device: &Device) -> Write {
    const CHANGE: &str = "
        UPDATE enrollments
        SET identifier = $3, name = $4, push_service = $5, push_token = $6, channel = $11,
            locale = $12
        WHERE tenant_id = $1 AND id = $2 AND identifier = $7 AND name = $8
            AND push_service = $9 AND COALESCE(push_token, '') = $10
            AND COALESCE(channel, '') = $13 AND COALESCE(locale, '') = $14";
    let params = [
        tenant.into(),
        (&was.id).into(),
        (&device.identifier).into(),
        (&device.name).into(),
        device.push_service.name().into(),
        device.push_token.as_deref().into(),
        (&was.identifier).into(),
        (&was.name).into(),
        was.push_service.name().into(),
        was.push_token.as_deref().unwrap_or_default().into(),
        channel_of(device).into(),
        device.own.as_ref().map(|own| own.locale.as_str()).into(),
        channel_of(was).unwrap_or_default().into(),
        was.own.as_ref().map(|own| own.locale.as_str()).unwrap_or_default().into(),
    ];
    Write::new().exactly(1, CHANGE, params)
}

/// Gives a device another key. `Overtaken`: `was` no longer has its own.
pub fn change_key(tenant: &TenantId, was: &Device, public_jwk: &str) -> Write {
    const CHANGE: &str = "
        UPDATE enrollments SET public_jwk = $3
        WHERE tenant_id = $1 AND id = $2 AND public_jwk = $4";
    let params = [tenant.into(), (&was.id).into(), public_jwk.into(), (&was.public_jwk).into()];
    Write::new().exactly(1, CHANGE, params)
}

/// Deletes the device that another takes the place of (D6); behind the step that spends the
/// ticket, only with it. It may be gone already.
pub fn delete_replaced(tenant: &TenantId, user: &UserId, device: &DeviceId) -> Write {
    const DELETE: &str = "
        DELETE FROM enrollments WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND {guard}";
    Write::new().also(DELETE, [tenant.into(), user.into(), device.into()])
}

/// Drops a push token that its service called gone (GD14), unless a newer one took its place;
/// behind the step that keeps the receipt, only with it.
pub fn drop_push_token(tenant: &TenantId, device: &DeviceId, push_token: &str) -> Write {
    const DROP: &str = "
        UPDATE enrollments SET push_token = NULL
        WHERE tenant_id = $1 AND id = $2 AND push_token = $3 AND {guard}";
    Write::new().also(DROP, [tenant.into(), device.into(), push_token.into()])
}

/// Drops the channel that its push service called gone (D10), unless another took its place; behind
/// the step that keeps the receipt, only with it.
pub fn drop_channel(tenant: &TenantId, device: &DeviceId, was: &Own) -> Write {
    const DROP: &str = "
        UPDATE enrollments SET channel = $4
        WHERE tenant_id = $1 AND id = $2 AND channel = $3 AND {guard}";
    let now = was.without_channel().channel_document();
    let params = [tenant.into(), device.into(), was.channel_document().into(), now.into()];
    Write::new().also(DROP, params)
}

/// Notes that a device answered; behind the step that decides, only with it.
pub fn answered(tenant: &TenantId, device: &DeviceId, now: Timestamp) -> Write {
    const NOTE: &str = "
        UPDATE enrollments SET last_auth_at = $3
        WHERE tenant_id = $1 AND id = $2 AND {guard}";
    Write::new().also(NOTE, [tenant.into(), device.into(), now.into()])
}

/// Deletes a device: its key and token open nothing from then on. `Overtaken`: it was gone.
///
/// What it approved and nobody has collected yet dies with it (decision 5: a redemption checks the
/// device again), and its requests wait for another device or their end.
pub fn delete(tenant: &TenantId, device: &DeviceId) -> Write {
    const DELETE: &str = "DELETE FROM enrollments WHERE tenant_id = $1 AND id = $2";
    Write::new().exactly(1, DELETE, [tenant.into(), device.into()])
}

/// Deletes all devices of a user.
pub fn delete_of_user(tenant: &TenantId, user: &UserId) -> Write {
    const DELETE: &str = "DELETE FROM enrollments WHERE tenant_id = $1 AND user_id = $2";
    Write::new().also(DELETE, [tenant.into(), user.into()])
}

fn channel_of(device: &Device) -> Option<String> {
    device.own.as_ref().map(Own::channel_document)
}

fn read(row: &Row) -> Result<Device, Error> {
    let id = DeviceId::new(row.text(0)?);
    let inconsistent = || Error::Inconsistent { table: "enrollments", id: id.to_string() };
    let push_service = PushService::named(row.text(4)?).ok_or_else(inconsistent)?;
    let own = match (row.optional_text(10)?, row.optional_text(11)?) {
        (None, None) => None,
        (Some(channel), Some(locale)) => {
            Some(Own::from_columns(channel, locale).ok_or_else(inconsistent)?)
        }
        (Some(_), None) | (None, Some(_)) => return Err(inconsistent()),
    };
    Ok(Device {
        id,
        user: UserId::new(row.text(1)?),
        identifier: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        push_service,
        push_token: row.optional_text(5)?.map(String::from),
        public_jwk: row.text(6)?.to_owned(),
        base_url: row.text(7)?.to_owned(),
        enrolled_at: row.time(8)?,
        last_auth_at: row.optional_time(9)?,
        own,
    })
}
