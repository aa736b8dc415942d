//! What devices were shown, byte by byte (D11, D12): a decision is over these words or over none.

use domain::{Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// The content of a request in a language, if it was made.
pub async fn in_language(
    database: &Database,
    tenant: &TenantId,
    (auth_req_hash, locale): (&Fingerprint, &str),
) -> Result<Option<String>, Error> {
    const READ: &str = "
        SELECT content FROM contents
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND locale = $3";
    let row = database.one(READ, &[tenant.into(), auth_req_hash.into(), locale.into()]).await?;
    text(row)
}

/// The content of a request that has this hash.
pub async fn of_hash(
    database: &Database,
    tenant: &TenantId,
    (auth_req_hash, hash): (&Fingerprint, &str),
) -> Result<Option<String>, Error> {
    const READ: &str = "
        SELECT content FROM contents
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND hash = $3";
    let row = database.one(READ, &[tenant.into(), auth_req_hash.into(), hash.into()]).await?;
    text(row)
}

/// Keeps a content. `Overtaken`: another was made for this language in the same moment.
pub fn insert(
    tenant: &TenantId,
    auth_req_hash: &Fingerprint,
    (locale, hash, content): (&str, &str, &str),
    expires_at: Timestamp,
) -> Write {
    const INSERT: &str = "
        INSERT INTO contents (tenant_id, auth_req_hash, locale, hash, content, expires_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}";
    let params = [
        tenant.into(),
        auth_req_hash.into(),
        locale.into(),
        hash.into(),
        content.into(),
        expires_at.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

fn text(row: Option<Row>) -> Result<Option<String>, Error> {
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}
