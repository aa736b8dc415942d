//! What a tenant's administrators set for push services.

use domain::{TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Providers that there are at most.
const PROVIDER_LIMIT: i64 = 10;

/// The settings of one provider as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushProviderRow {
    /// `apns`, `fcm`, `fcmv1`, `sns`, or `smtp` for mail.
    pub provider: String,
    /// What may be shown, as JSON text.
    pub document: String,
    /// The credentials, sealed.
    pub sealed: Option<Vec<u8>>,
    /// When they were last changed.
    pub updated_at: Timestamp,
}

/// All that is set for a tenant.
pub async fn list(database: &Database, tenant: &TenantId) -> Result<Vec<PushProviderRow>, Error> {
    const READ: &str = "
        SELECT provider, document, sealed, updated_at
        FROM push_providers WHERE tenant_id = $1 ORDER BY provider LIMIT $2";
    let rows = database.few(READ, &[tenant.into(), PROVIDER_LIMIT.into()]).await?;
    rows.iter().map(read).collect()
}

/// Sets a provider, whatever was set before.
pub fn put(tenant: &TenantId, row: &PushProviderRow) -> Write {
    const PUT: &str = "
        INSERT INTO push_providers (tenant_id, provider, document, sealed, updated_at)
        SELECT $1, $2, $3, $4, $5 WHERE {guard}
        ON CONFLICT (tenant_id, provider) DO UPDATE
        SET document = excluded.document, sealed = excluded.sealed,
            updated_at = excluded.updated_at";
    let params = [
        tenant.into(),
        (&row.provider).into(),
        (&row.document).into(),
        row.sealed.as_deref().into(),
        row.updated_at.into(),
    ];
    Write::new().exactly(1, PUT, params).changes_configuration()
}

/// Changes what is set. `Overtaken`: it is no longer what was read. The time of change must differ.
pub fn change(tenant: &TenantId, was: Timestamp, row: &PushProviderRow) -> Write {
    const CHANGE: &str = "
        UPDATE push_providers SET document = $3, sealed = $4, updated_at = $5
        WHERE tenant_id = $1 AND provider = $2 AND updated_at = $6";
    let params = [
        tenant.into(),
        (&row.provider).into(),
        (&row.document).into(),
        row.sealed.as_deref().into(),
        row.updated_at.into(),
        was.into(),
    ];
    Write::new().exactly(1, CHANGE, params).changes_configuration()
}

/// Forgets what is set for a provider. `Overtaken`: nothing is.
pub fn remove(tenant: &TenantId, provider: &str) -> Write {
    const REMOVE: &str = "DELETE FROM push_providers WHERE tenant_id = $1 AND provider = $2";
    Write::new().exactly(1, REMOVE, [tenant.into(), provider.into()]).changes_configuration()
}

fn read(row: &Row) -> Result<PushProviderRow, Error> {
    Ok(PushProviderRow {
        provider: row.text(0)?.to_owned(),
        document: row.text(1)?.to_owned(),
        sealed: row.optional_blob(2)?.map(<[u8]>::to_vec),
        updated_at: row.time(3)?,
    })
}
