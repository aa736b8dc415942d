//! Which client may ask for which API, and with which scopes.

use domain::{ClientId, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// A client grant as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientGrantRow {
    /// `cgr_…`.
    pub id: String,
    /// Who may.
    pub client_id: ClientId,
    /// The identifier of the API.
    pub audience: String,
    /// `client` or `user`: in whose name.
    pub subject_type: String,
    /// Everything else, as JSON text.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which grants a list gives; an empty text means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this client.
    pub client_id: String,
    /// For this API.
    pub audience: String,
    /// Of this kind.
    pub subject_type: String,
}

/// The grant of this id.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<ClientGrantRow>, Error> {
    const READ: &str = "
        SELECT id, client_id, audience, subject_type, document, created_at
        FROM client_grants WHERE tenant_id = $1 AND id = $2";
    database.one(READ, &[tenant.into(), id.into()]).await?.as_ref().map(read).transpose()
}

/// The grant of this client for this API in the name of `subject_type`.
pub async fn by_client(
    database: &Database,
    tenant: &TenantId,
    client: &ClientId,
    audience: &str,
    subject_type: &str,
) -> Result<Option<ClientGrantRow>, Error> {
    const READ: &str = "
        SELECT id, client_id, audience, subject_type, document, created_at
        FROM client_grants
        WHERE tenant_id = $1 AND client_id = $2 AND audience = $3 AND subject_type = $4";
    let params = [tenant.into(), client.into(), audience.into(), subject_type.into()];
    database.one(READ, &params).await?.as_ref().map(read).transpose()
}

/// A page of grants in the order of their ids, behind `after`.
pub async fn list(
    database: &Database,
    tenant: &TenantId,
    filter: &Filter,
    after: &str,
    most: u32,
) -> Result<Vec<ClientGrantRow>, Error> {
    const READ: &str = "
        SELECT id, client_id, audience, subject_type, document, created_at
        FROM client_grants
        WHERE tenant_id = $1 AND id > $2 AND ($3 = '' OR client_id = $3)
            AND ($4 = '' OR audience = $4) AND ($5 = '' OR subject_type = $5)
        ORDER BY id LIMIT $6";
    let rows = database.all(READ, &filtered(tenant, filter, after, most)).await?;
    rows.iter().map(read).collect()
}

/// A page of grants by number, in the order of their ids.
pub async fn page(
    database: &Database,
    tenant: &TenantId,
    filter: &Filter,
    skipped: u32,
    most: u32,
) -> Result<Vec<ClientGrantRow>, Error> {
    const READ: &str = "
        SELECT id, client_id, audience, subject_type, document, created_at
        FROM client_grants
        WHERE tenant_id = $1 AND ($2 = '' OR client_id = $2)
            AND ($3 = '' OR audience = $3) AND ($4 = '' OR subject_type = $4)
        ORDER BY id LIMIT $5 OFFSET $6";
    let params = [
        tenant.into(),
        (&filter.client_id).into(),
        (&filter.audience).into(),
        (&filter.subject_type).into(),
        most.into(),
        skipped.into(),
    ];
    database.all(READ, &params).await?.iter().map(read).collect()
}

/// How many grants match.
pub async fn count(database: &Database, tenant: &TenantId, filter: &Filter) -> Result<u64, Error> {
    const COUNT: &str = "
        SELECT count(*) FROM client_grants
        WHERE tenant_id = $1 AND ($2 = '' OR client_id = $2)
            AND ($3 = '' OR audience = $3) AND ($4 = '' OR subject_type = $4)";
    let params = [
        tenant.into(),
        (&filter.client_id).into(),
        (&filter.audience).into(),
        (&filter.subject_type).into(),
    ];
    crate::counted(database.one(COUNT, &params).await?.as_ref())
}

/// Adds a grant. `Overtaken`: the client has one for this API and kind.
pub fn insert(tenant: &TenantId, grant: &ClientGrantRow) -> Write {
    const INSERT: &str = "
        INSERT INTO client_grants
            (tenant_id, id, client_id, audience, subject_type, document, created_at)
        SELECT $1, $2, $3, $4, $5, $6, $7 WHERE {guard}";
    let params = [
        tenant.into(),
        (&grant.id).into(),
        (&grant.client_id).into(),
        (&grant.audience).into(),
        (&grant.subject_type).into(),
        (&grant.document).into(),
        grant.created_at.into(),
    ];
    Write::new().exactly(1, INSERT, params).changes_configuration()
}

/// Puts `document` in the place of what `was` there. `Overtaken`: it is no longer there.
pub fn replace(tenant: &TenantId, was: &ClientGrantRow, document: &str) -> Write {
    const REPLACE: &str = "
        UPDATE client_grants SET document = $4
        WHERE tenant_id = $1 AND id = $2 AND document = $3";
    let params = [tenant.into(), (&was.id).into(), (&was.document).into(), document.into()];
    Write::new().exactly(1, REPLACE, params).changes_configuration()
}

/// Deletes a grant. `Overtaken`: it was gone.
pub fn delete(tenant: &TenantId, id: &str) -> Write {
    const DELETE: &str = "DELETE FROM client_grants WHERE tenant_id = $1 AND id = $2";
    Write::new().exactly(1, DELETE, [tenant.into(), id.into()]).changes_configuration()
}

fn filtered(tenant: &TenantId, filter: &Filter, after: &str, most: u32) -> [crate::Value; 6] {
    [
        tenant.into(),
        after.into(),
        (&filter.client_id).into(),
        (&filter.audience).into(),
        (&filter.subject_type).into(),
        most.into(),
    ]
}

fn read(row: &Row) -> Result<ClientGrantRow, Error> {
    Ok(ClientGrantRow {
        id: row.text(0)?.to_owned(),
        client_id: ClientId::new(row.text(1)?),
        audience: row.text(2)?.to_owned(),
        subject_type: row.text(3)?.to_owned(),
        document: row.text(4)?.to_owned(),
        created_at: row.time(5)?,
    })
}
