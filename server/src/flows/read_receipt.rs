//! Who is shown the receipt of a decision, and how much of it (D19).

use device_protocol::aizuchi::receipt;
use domain::{Timestamp, TransactionId, UserId};
use store::receipts::{self, ReceiptRow};

use crate::App;
use crate::failure::{Broken, Failure};
use crate::known::KnownClient;
use crate::tenancy::Context;

/// The whole, for somebody who may see every receipt of the tenant.
pub async fn receipt_for_auditor(
    app: &App,
    context: &Context,
    txn: Option<TransactionId>,
    now: Timestamp,
) -> Result<Option<String>, Broken> {
    Ok(kept(app, context, txn, now).await?.map(|row| row.receipt))
}

/// The whole, for a device of the person who decided.
pub(super) async fn receipt_of_person(
    app: &App,
    context: &Context,
    (user, txn): (&UserId, Option<TransactionId>),
    now: Timestamp,
) -> Result<Option<String>, Broken> {
    let row = kept(app, context, txn, now).await?;
    Ok(row.filter(|row| row.user == *user).map(|row| row.receipt))
}

/// What the client that asked may see.
pub async fn receipt_of_client(
    app: &App,
    context: &Context,
    (client, txn): (&KnownClient, Option<TransactionId>),
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    let row = kept(app, context, txn, now).await?;
    let row = row.filter(|row| row.client == client.client().id);
    Ok(row.and_then(|row| receipt::for_client(&row.receipt)))
}

async fn kept(
    app: &App,
    context: &Context,
    txn: Option<TransactionId>,
    now: Timestamp,
) -> Result<Option<ReceiptRow>, Broken> {
    let Some(txn) = txn else { return Ok(None) };
    let row = receipts::one(&app.database, &context.tenant.id, &txn).await?;
    Ok(row.filter(|row| row.expires_at > now))
}
