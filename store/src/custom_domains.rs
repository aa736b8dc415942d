//! The host names that tenants want to be reached by: claimed, then verified, then a host.

use domain::{Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Row, Write, tenants};

/// Most custom domains that a list gives.
pub const DOMAIN_LIMIT: i64 = 100;

/// A custom domain as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomDomainRow {
    /// `cd_` and 16 alphanumerics.
    pub id: String,
    /// The host name, in lower case.
    pub domain: String,
    /// Whether the tenant is reached by it.
    pub is_ready: bool,
    /// SHA-256 of the `cname-api-key` of the proxy in front of it.
    pub api_key_hash: Option<Fingerprint>,
    /// The members that an administrator sets, as JSON text.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The custom domains of a tenant, oldest first.
pub async fn list(database: &Database, tenant: &TenantId) -> Result<Vec<CustomDomainRow>, Error> {
    const READ: &str = "
        SELECT id, domain, status, api_key_hash, document, created_at FROM custom_domains
        WHERE tenant_id = $1 ORDER BY created_at, id LIMIT $2";
    database.all(READ, &[tenant.into(), DOMAIN_LIMIT.into()]).await?.iter().map(read).collect()
}

/// The custom domain of this id.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<CustomDomainRow>, Error> {
    const READ: &str = "
        SELECT id, domain, status, api_key_hash, document, created_at FROM custom_domains
        WHERE tenant_id = $1 AND id = $2";
    database.one(READ, &[tenant.into(), id.into()]).await?.as_ref().map(read).transpose()
}

/// The verified custom domain of this name.
pub async fn by_domain(
    database: &Database,
    tenant: &TenantId,
    domain: &str,
) -> Result<Option<CustomDomainRow>, Error> {
    const READ: &str = "
        SELECT id, domain, status, api_key_hash, document, created_at FROM custom_domains
        WHERE tenant_id = $1 AND domain = $2 AND status = 'ready'";
    database.one(READ, &[tenant.into(), domain.into()]).await?.as_ref().map(read).transpose()
}

/// Claims a domain. `Overtaken`: the tenant has claimed it already, or has as many as it may.
pub fn insert(tenant: &TenantId, row: &CustomDomainRow) -> Write {
    const INSERT: &str = "
        INSERT INTO custom_domains
            (tenant_id, id, domain, status, api_key_hash, document, created_at)
        SELECT $1, $2, $3, 'pending_verification', NULL, $4, $5
        WHERE (SELECT count(*) FROM custom_domains WHERE tenant_id = $1) < $6";
    let params = [
        tenant.into(),
        (&row.id).into(),
        (&row.domain).into(),
        (&row.document).into(),
        row.created_at.into(),
        DOMAIN_LIMIT.into(),
    ];
    Write::new().exactly(1, INSERT, params).changes_configuration()
}

/// Puts `document` in the place of what `was` there. `Overtaken`: it is no longer there.
pub fn replace(tenant: &TenantId, was: &CustomDomainRow, document: &str) -> Write {
    const REPLACE: &str = "
        UPDATE custom_domains SET document = $4
        WHERE tenant_id = $1 AND id = $2 AND document = $3";
    let params = [tenant.into(), (&was.id).into(), (&was.document).into(), document.into()];
    Write::new().exactly(1, REPLACE, params).changes_configuration()
}

/// Makes a verified domain a host of its tenant. `Overtaken`: it was verified before, or another
/// tenant has the host.
pub fn make_ready(tenant: &TenantId, row: &CustomDomainRow, api_key: Option<Fingerprint>) -> Write {
    const READY: &str = "
        UPDATE custom_domains SET status = 'ready', api_key_hash = $3
        WHERE tenant_id = $1 AND id = $2 AND status = 'pending_verification'";
    Write::new()
        .exactly(1, READY, [tenant.into(), (&row.id).into(), api_key.into()])
        .and(tenants::add_host(tenant, &row.domain))
}

/// Gives up a domain; it is no host of the tenant any more. `Overtaken`: it was gone.
pub fn delete(tenant: &TenantId, row: &CustomDomainRow) -> Write {
    const DELETE: &str = "
        DELETE FROM custom_domains WHERE tenant_id = $1 AND id = $2 AND status = $3";
    let status = if row.is_ready { "ready" } else { "pending_verification" };
    let write = Write::new().exactly(1, DELETE, [tenant.into(), (&row.id).into(), status.into()]);
    if row.is_ready {
        return write.and(tenants::remove_host(tenant, &row.domain));
    }
    write.changes_configuration()
}

fn read(row: &Row) -> Result<CustomDomainRow, Error> {
    let id = row.text(0)?.to_owned();
    let is_ready = match row.text(2)? {
        "ready" => true,
        "pending_verification" => false,
        _ => return Err(Error::Inconsistent { table: "custom_domains", id }),
    };
    Ok(CustomDomainRow {
        id,
        domain: row.text(1)?.to_owned(),
        is_ready,
        api_key_hash: row.optional_fingerprint(3)?,
        document: row.text(4)?.to_owned(),
        created_at: row.time(5)?,
    })
}
