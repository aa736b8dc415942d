//! Receipts for auditors (D19). Whoever lacks `read:receipts` is told what everybody else is: that
//! there is none.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use domain::TransactionId;
use http::request::Parts;

use super::administrator::Administrator;
use super::error::Error;
use crate::App;
use crate::denied::Inexistent;
use crate::flows;
use crate::http::receipts::answer;

/// The whole receipt.
pub(crate) async fn receipt(
    app: &Arc<App>,
    parts: &mut Parts,
    txn: Option<TransactionId>,
) -> Result<Response, Error> {
    let administrator = Administrator::from_request_parts(parts, app).await?;
    let txn = txn.filter(|_| administrator.has("read:receipts"));
    let (context, now) = (&administrator.context, administrator.now);
    let found = flows::receipt_for_auditor(app, context, txn, now).await?;
    Ok(answer(found.ok_or(Inexistent::Receipt)?))
}
