//! The receipts of a person, for each of their devices (D19).

use device_protocol::aizuchi::errors::Code;
use domain::{Timestamp, TransactionId};

use super::{Call, known_device};
use crate::App;
use crate::failure::OwnFailure;
use crate::flows::read_receipt::receipt_of_person;
use crate::tenancy::Context;

/// The receipt of a decision that this device, or another of its person, made.
pub async fn receipt(
    app: &App,
    context: &Context,
    (call, txn): (Call<'_>, Option<TransactionId>),
    now: Timestamp,
) -> Result<String, OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let found = receipt_of_person(app, context, (&known.device.user, txn), now).await?;
    let sentence = "There is no such receipt for this device";
    found.ok_or_else(|| OwnFailure::refused(Code::NotFound, sentence))
}
