//! The public keys and certificates that clients authenticate with.

use domain::{ClientId, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Most credentials of one client that a list gives; far fewer are allowed.
pub const CREDENTIAL_LIMIT: i64 = 50;

/// A credential as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    /// `cred_…`.
    pub id: String,
    /// Whose it is.
    pub client_id: ClientId,
    /// What it is, as JSON text.
    pub document: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Option<Timestamp>,
}

/// The credentials of a client, oldest first.
pub async fn of_client(
    database: &Database,
    tenant: &TenantId,
    client: &ClientId,
) -> Result<Vec<CredentialRow>, Error> {
    const READ: &str = "
        SELECT id, client_id, document, created_at, updated_at, expires_at
        FROM client_credentials WHERE tenant_id = $1 AND client_id = $2
        ORDER BY created_at, id LIMIT $3";
    let params = [tenant.into(), client.into(), CREDENTIAL_LIMIT.into()];
    database.few(READ, &params).await?.iter().map(read).collect()
}

/// Adds a credential; as a step behind others, only with them. `Overtaken`: the client has `most`.
pub fn insert(tenant: &TenantId, credential: &CredentialRow, most: usize) -> Write {
    const INSERT: &str = "
        INSERT INTO client_credentials
            (tenant_id, id, client_id, document, created_at, updated_at, expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7
        WHERE {guard} AND $8 >
            (SELECT count(*) FROM client_credentials WHERE tenant_id = $1 AND client_id = $3)";
    let params = [
        tenant.into(),
        (&credential.id).into(),
        (&credential.client_id).into(),
        (&credential.document).into(),
        credential.created_at.into(),
        credential.updated_at.into(),
        credential.expires_at.into(),
        i64::try_from(most).unwrap_or(i64::MAX).into(),
    ];
    Write::new().exactly(1, INSERT, params).changes_configuration()
}

/// Changes until when a credential is good. `Overtaken`: it is gone.
pub fn change_expiry(
    tenant: &TenantId,
    credential: &CredentialRow,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Write {
    const CHANGE: &str = "
        UPDATE client_credentials SET expires_at = $4, updated_at = $5
        WHERE tenant_id = $1 AND id = $2 AND client_id = $3";
    let params = [
        tenant.into(),
        (&credential.id).into(),
        (&credential.client_id).into(),
        expires_at.into(),
        now.into(),
    ];
    Write::new().exactly(1, CHANGE, params).changes_configuration()
}

/// Deletes a credential. `Overtaken`: it was gone.
pub fn delete(tenant: &TenantId, client: &ClientId, id: &str) -> Write {
    const DELETE: &str = "
        DELETE FROM client_credentials WHERE tenant_id = $1 AND client_id = $2 AND id = $3";
    Write::new()
        .exactly(1, DELETE, [tenant.into(), client.into(), id.into()])
        .changes_configuration()
}

fn read(row: &Row) -> Result<CredentialRow, Error> {
    Ok(CredentialRow {
        id: row.text(0)?.to_owned(),
        client_id: ClientId::new(row.text(1)?),
        document: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
        updated_at: row.time(4)?,
        expires_at: row.optional_time(5)?,
    })
}
