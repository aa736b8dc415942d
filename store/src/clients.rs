//! OAuth clients: a document that administrators see, and the hash of a secret that nobody sees.

use domain::{ClientId, Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// A client as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// Its public name.
    pub client_id: ClientId,
    /// SHA-256 of its secret, if it has one.
    pub secret_hash: Option<Fingerprint>,
    /// Everything else, as JSON text.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The client of this id.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    client: &ClientId,
) -> Result<Option<ClientRow>, Error> {
    const READ: &str = "
        SELECT client_id, secret_hash, document, created_at, updated_at
        FROM clients WHERE tenant_id = $1 AND client_id = $2";
    let row = database.one(READ, &[tenant.into(), client.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// A page of the tenant's clients, oldest first.
pub async fn list(
    database: &Database,
    tenant: &TenantId,
    skipped: u32,
    most: u32,
) -> Result<Vec<ClientRow>, Error> {
    const READ: &str = "
        SELECT client_id, secret_hash, document, created_at, updated_at
        FROM clients WHERE tenant_id = $1 ORDER BY created_at, client_id LIMIT $2 OFFSET $3";
    let rows = database.all(READ, &[tenant.into(), most.into(), skipped.into()]).await?;
    rows.iter().map(read).collect()
}

/// How many clients the tenant has.
pub async fn count(database: &Database, tenant: &TenantId) -> Result<u64, Error> {
    const COUNT: &str = "SELECT count(*) FROM clients WHERE tenant_id = $1";
    crate::counted(database.one(COUNT, &[tenant.into()]).await?.as_ref())
}

/// Adds a client. `Overtaken`: its id is taken.
pub fn insert(tenant: &TenantId, client: &ClientRow) -> Write {
    const INSERT: &str = "
        INSERT INTO clients (tenant_id, client_id, secret_hash, document, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}";
    let params = [
        tenant.into(),
        (&client.client_id).into(),
        client.secret_hash.into(),
        (&client.document).into(),
        client.created_at.into(),
        client.updated_at.into(),
    ];
    Write::new().exactly(1, INSERT, params).changes_configuration()
}

/// Puts `client` in the place of `was`. `Overtaken`: `was` is no longer what is stored.
pub fn replace(tenant: &TenantId, was: &ClientRow, client: &ClientRow) -> Write {
    const REPLACE: &str = "
        UPDATE clients SET secret_hash = $4, document = $5, updated_at = $6
        WHERE tenant_id = $1 AND client_id = $2 AND document = $3";
    let params = [
        tenant.into(),
        (&was.client_id).into(),
        (&was.document).into(),
        client.secret_hash.into(),
        (&client.document).into(),
        client.updated_at.into(),
    ];
    Write::new().exactly(1, REPLACE, params).changes_configuration()
}

/// Gives a client another secret. `Overtaken`: there is no such client.
pub fn change_secret(
    tenant: &TenantId,
    client: &ClientId,
    secret_hash: Fingerprint,
    now: Timestamp,
) -> Write {
    const CHANGE: &str = "
        UPDATE clients SET secret_hash = $3, updated_at = $4
        WHERE tenant_id = $1 AND client_id = $2";
    Write::new()
        .exactly(1, CHANGE, [tenant.into(), client.into(), secret_hash.into(), now.into()])
        .changes_configuration()
}

/// Deletes a client with its credentials, grants and tokens; its open requests fail (W266).
/// `Overtaken`: it was gone.
pub fn delete(tenant: &TenantId, client: &ClientId, now: Timestamp) -> Write {
    const DELETE: &str = "DELETE FROM clients WHERE tenant_id = $1 AND client_id = $2";
    const PARTS: [&str; 7] = [
        "DELETE FROM client_credentials WHERE tenant_id = $1 AND client_id = $2 AND {guard}",
        "DELETE FROM client_grants WHERE tenant_id = $1 AND client_id = $2 AND {guard}",
        "DELETE FROM refresh_tokens WHERE tenant_id = $1 AND client_id = $2 AND {guard}",
        "DELETE FROM access_tokens WHERE tenant_id = $1 AND client_id = $2 AND {guard}",
        "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND client_id = $2 AND {guard}",
        "DELETE FROM client_sites WHERE tenant_id = $1 AND client_id = $2 AND {guard}",
        "DELETE FROM registrations WHERE tenant_id = $1 AND client_id = $2 AND {guard}",
    ];
    const FAIL: &str = "
        UPDATE transactions
        SET state = 'failed', decided_at = COALESCE(decided_at, $3), reason = 'client_deleted',
            push_due_at = NULL
        WHERE tenant_id = $1 AND client_id = $2 AND state IN ('pending', 'approved') AND {guard}";
    let first = Write::new().exactly(1, DELETE, [tenant.into(), client.into()]);
    PARTS
        .iter()
        .fold(first, |write, part| write.also(part, [tenant.into(), client.into()]))
        .also(FAIL, [tenant.into(), client.into(), now.into()])
        .changes_configuration()
}

fn read(row: &Row) -> Result<ClientRow, Error> {
    Ok(ClientRow {
        client_id: ClientId::new(row.text(0)?),
        secret_hash: row.optional_fingerprint(1)?,
        document: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
        updated_at: row.time(4)?,
    })
}
