//! Pictures of clients, named by their SHA-256: contents that were signed name them, so each stays
//! longer than any request that was begun while its client showed it.

use domain::oauth::client_site::PictureKind;
use domain::{Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Write};

/// Pictures that a tenant keeps at most.
pub const LOGO_LIMIT: i64 = 5_000;

/// Keeps a picture until `expires_at`, with the step that shows it. `Overtaken`: there are too many.
pub fn keep(
    tenant: &TenantId,
    hash: &Fingerprint,
    (kind, picture): (PictureKind, &[u8]),
    expires_at: Timestamp,
) -> Write {
    const KEEP: &str = "
        INSERT INTO logos (tenant_id, hash, media_type, picture, expires_at)
        SELECT $1, $2, $3, $4, $5
        WHERE {guard} AND ((SELECT count(*) FROM logos WHERE tenant_id = $1) < $6
            OR EXISTS (SELECT 1 FROM logos WHERE tenant_id = $1 AND hash = $2))
        ON CONFLICT (tenant_id, hash) DO UPDATE SET expires_at = excluded.expires_at";
    let params = [
        tenant.into(),
        hash.into(),
        kind.media_type().into(),
        picture.into(),
        expires_at.into(),
        LOGO_LIMIT.into(),
    ];
    Write::new().exactly(1, KEEP, params)
}

/// The picture of this hash.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    hash: &Fingerprint,
) -> Result<Option<(PictureKind, Vec<u8>)>, Error> {
    const READ: &str = "
        SELECT media_type, picture FROM logos WHERE tenant_id = $1 AND hash = $2";
    let row = database.one(READ, &[tenant.into(), hash.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let kind = PictureKind::from_media_type(row.text(0)?);
    let id = || tenant.to_string();
    let kind = kind.ok_or_else(|| Error::Inconsistent { table: "logos", id: id() })?;
    Ok(Some((kind, row.blob(1)?.to_vec())))
}
