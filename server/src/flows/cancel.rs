//! `POST /ciba/cancel` (decision 3): the client no longer needs the answer.

use domain::Timestamp;
use domain::ciba::transaction::{Cancelled, Withdrawn};
use domain::jose::auth_req_hash;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use serde_json::json;
use store::{Written, log_events, prompt_waits, transactions};

use super::DECIDE_TRIES;
use super::log::{self, Entry};
use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::tenancy::Context;

/// Withdraws an undecided request of this client.
pub async fn cancel(
    app: &App,
    context: &Context,
    (client, parameters, meta): (&KnownClient, &Parameters, &Meta),
    now: Timestamp,
) -> Result<(), Failure> {
    parameters.check_no_duplicates(&[])?;
    let hash = auth_req_hash(parameters.required("auth_req_id")?);
    for _ in 0..DECIDE_TRIES {
        let found = transactions::find(&app.database, &context.tenant.id, &hash).await?;
        let stored = found.ok_or_else(|| Refusal::from(Reason::UnknownRequest))?;
        let withdrawn = match stored.at(now).cancel(&client.client().id, now) {
            Cancelled::Withdrawn(withdrawn) => withdrawn,
            Cancelled::Repeated => return Ok(()),
            Cancelled::Refused(reason) => return Err(Refusal::from(reason).into()),
        };
        // Overtaken: decided in this moment, and what is stored now says how.
        if withdraw(app, context, (client, &withdrawn, meta), now).await? == Written::Done {
            return Ok(());
        }
    }
    Err(Refusal::unavailable(1).into())
}

async fn withdraw(
    app: &App,
    context: &Context,
    (client, withdrawn, meta): (&KnownClient, &Withdrawn, &Meta),
    now: Timestamp,
) -> Result<Written, Failure> {
    let facts = withdrawn.facts();
    let details = json!({
        "transaction_linking_id": facts.consent_id.as_str(),
        "txn": facts.txn.to_string(),
    });
    let entry = Entry::new("ciba_withdrawn", "The client withdrew a CIBA request", details);
    let entry = entry.of_client(client.client()).of_user(facts.user_id());
    let event = log::event(app, meta, entry, now);
    let tenant = &context.tenant.id;
    let mut write = transactions::withdraw(tenant, withdrawn);
    if facts.asked.beyond.backs_off {
        let pair = (&facts.client_id, facts.user_id());
        write = write.and(prompt_waits::ended(tenant, pair, withdrawn.at()));
    }
    let write = log_events::append(write, tenant, &event);
    let written = app.database.run(write).await?;
    if written == Written::Done {
        app.decided(facts);
        app.metrics.step("withdrawn");
        tracing::info!(client.id = %facts.client_id, transaction.id = %facts.txn, "withdrawn");
    }
    Ok(written)
}
