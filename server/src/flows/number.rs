//! The number that a person enters before a yes counts (C57, D17), whichever dialect the device
//! speaks. Wrong ones are counted with the request, so all devices of a person share their tries.

use domain::ciba::number::Style;
use domain::ciba::transaction::Facts;
use store::{Write, Written, transactions};

use crate::App;
use crate::failure::Broken;
use crate::tenancy::Context;

/// Why a request was denied that had too many wrong numbers entered.
pub(super) const WRONG: &str = "wrong_number";

/// What an entered number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Entered {
    /// It is the one, or none is asked for.
    Right,
    /// None was entered where one must be. That counts for nothing.
    Missing,
    /// It is wrong, and was counted with what else was to be written; there is another try.
    Wrong,
    /// It is wrong, nothing was written, and the request is to be denied.
    Last,
}

/// Judges a number that came with a yes; a wrong one that is not the last is counted, with `more` in
/// the same write.
pub(super) async fn entered(
    app: &App,
    context: &Context,
    facts: &Facts,
    (entered, more): (Option<&str>, Write),
) -> Result<Entered, Broken> {
    let Some(number) = &facts.asked.beyond.number else { return Ok(Entered::Right) };
    match entered {
        None => return Ok(Entered::Missing),
        Some(entered) if entered == number.code => return Ok(Entered::Right),
        Some(_) => {}
    }
    tracing::warn!(transaction.id = %facts.txn, "a wrong number was entered");
    let tenant = &context.tenant.id;
    match number.style() {
        // D17: the first wrong pick denies.
        Style::Choose => return Ok(Entered::Last),
        Style::Type => {}
    }
    let counted = transactions::note_wrong_match(tenant, &facts.auth_req_hash).and(more);
    Ok(match app.database.run(counted).await? {
        Written::Done => Entered::Wrong,
        Written::Overtaken => Entered::Last,
    })
}
