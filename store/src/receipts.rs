//! Receipts of decisions in our own dialect (D18), and which decision it was (D13).

use domain::{ClientId, DeviceId, Fingerprint, TenantId, Timestamp, TransactionId, UserId};

use crate::{Database, Error, Write};

/// A receipt as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Who asked.
    pub client: ClientId,
    /// Who decided.
    pub user: UserId,
    /// With which device.
    pub device: DeviceId,
    /// SHA-256 of the signed decision.
    pub decision_hash: Fingerprint,
    /// The signed receipt.
    pub receipt: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Until when it is kept.
    pub expires_at: Timestamp,
}

/// The receipt of a transaction.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    txn: &TransactionId,
) -> Result<Option<ReceiptRow>, Error> {
    const READ: &str = "
        SELECT client_id, user_id, device_id, decision_hash, receipt, created_at, expires_at
        FROM receipts WHERE tenant_id = $1 AND txn = $2";
    let row = database.one(READ, &[tenant.into(), txn.to_string().into()]).await?;
    row.map(|row| {
        Ok(ReceiptRow {
            client: ClientId::new(row.text(0)?),
            user: UserId::new(row.text(1)?),
            device: DeviceId::new(row.text(2)?),
            decision_hash: row.fingerprint(3)?,
            receipt: row.text(4)?.to_owned(),
            created_at: row.time(5)?,
            expires_at: row.time(6)?,
        })
    })
    .transpose()
}

/// Keeps a receipt; behind the step that decides, only with it.
pub fn insert(tenant: &TenantId, txn: &TransactionId, row: &ReceiptRow) -> Write {
    const INSERT: &str = "
        INSERT INTO receipts
            (tenant_id, txn, client_id, user_id, device_id, decision_hash, receipt, created_at,
             expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE {guard}";
    let params = [
        tenant.into(),
        txn.to_string().into(),
        (&row.client).into(),
        (&row.user).into(),
        (&row.device).into(),
        row.decision_hash.into(),
        (&row.receipt).into(),
        row.created_at.into(),
        row.expires_at.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}
