//! APIs, which Auth0 calls resource servers.

use domain::{TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// An API as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceServerRow {
    /// 24 hex digits.
    pub id: String,
    /// The audience of its tokens.
    pub identifier: String,
    /// Everything else, as JSON text.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The API of this id.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<ResourceServerRow>, Error> {
    const READ: &str = "
        SELECT id, identifier, document, created_at, updated_at
        FROM resource_servers WHERE tenant_id = $1 AND id = $2";
    database.one(READ, &[tenant.into(), id.into()]).await?.as_ref().map(read).transpose()
}

/// The API whose tokens have this audience.
pub async fn by_identifier(
    database: &Database,
    tenant: &TenantId,
    identifier: &str,
) -> Result<Option<ResourceServerRow>, Error> {
    const READ: &str = "
        SELECT id, identifier, document, created_at, updated_at
        FROM resource_servers WHERE tenant_id = $1 AND identifier = $2";
    database.one(READ, &[tenant.into(), identifier.into()]).await?.as_ref().map(read).transpose()
}

/// A page of the tenant's APIs, oldest first.
pub async fn list(
    database: &Database,
    tenant: &TenantId,
    skipped: u32,
    most: u32,
) -> Result<Vec<ResourceServerRow>, Error> {
    const READ: &str = "
        SELECT id, identifier, document, created_at, updated_at
        FROM resource_servers WHERE tenant_id = $1 ORDER BY created_at, id LIMIT $2 OFFSET $3";
    let rows = database.all(READ, &[tenant.into(), most.into(), skipped.into()]).await?;
    rows.iter().map(read).collect()
}

/// How many APIs the tenant has.
pub async fn count(database: &Database, tenant: &TenantId) -> Result<u64, Error> {
    const COUNT: &str = "SELECT count(*) FROM resource_servers WHERE tenant_id = $1";
    crate::counted(database.one(COUNT, &[tenant.into()]).await?.as_ref())
}

/// Adds an API. `Overtaken`: its id or identifier is taken.
pub fn insert(tenant: &TenantId, api: &ResourceServerRow) -> Write {
    const INSERT: &str = "
        INSERT INTO resource_servers
            (tenant_id, id, identifier, document, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}";
    let params = [
        tenant.into(),
        (&api.id).into(),
        (&api.identifier).into(),
        (&api.document).into(),
        api.created_at.into(),
        api.updated_at.into(),
    ];
    Write::new().exactly(1, INSERT, params).changes_configuration()
}

/// Puts `document` in the place of what `was` there. `Overtaken`: it is no longer there.
pub fn replace(
    tenant: &TenantId,
    was: &ResourceServerRow,
    document: &str,
    now: Timestamp,
) -> Write {
    const REPLACE: &str = "
        UPDATE resource_servers SET document = $4, updated_at = $5
        WHERE tenant_id = $1 AND id = $2 AND document = $3";
    let params =
        [tenant.into(), (&was.id).into(), (&was.document).into(), document.into(), now.into()];
    Write::new().exactly(1, REPLACE, params).changes_configuration()
}

/// Deletes an API with the client grants for it. `Overtaken`: it was gone.
pub fn delete(tenant: &TenantId, api: &ResourceServerRow) -> Write {
    const DELETE: &str = "DELETE FROM resource_servers WHERE tenant_id = $1 AND id = $2";
    const GRANTS: &str =
        "DELETE FROM client_grants WHERE tenant_id = $1 AND audience = $2 AND {guard}";
    Write::new()
        .exactly(1, DELETE, [tenant.into(), (&api.id).into()])
        .also(GRANTS, [tenant.into(), (&api.identifier).into()])
        .changes_configuration()
}

fn read(row: &Row) -> Result<ResourceServerRow, Error> {
    Ok(ResourceServerRow {
        id: row.text(0)?.to_owned(),
        identifier: row.text(1)?.to_owned(),
        document: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
        updated_at: row.time(4)?,
    })
}
