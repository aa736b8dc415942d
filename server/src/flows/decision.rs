//! What every decision does, whichever dialect the device speaks: the answer is stored with its log
//! event, once, and "this wasn't me" sweeps the client's other requests away (D16, decision 17).

use domain::ciba::context_policy::{Location, Objection, Whereabouts};
use domain::ciba::transaction::{Answer, Answered, Denied, Facts, Transaction};
use domain::people::Device;
use domain::{ClientId, Timestamp};
use serde_json::json;
use store::{Write, Written, log_events, prompt_waits, refusals, transactions};

use super::log::{self, Entry};
use crate::App;
use crate::failure::Broken;
use crate::meta::Meta;
use crate::tenancy::Context;

/// "This wasn't me", as Guardian says it and as we do (decision 17).
const REPORTS: [&str; 2] = ["hack", "suspicious"];

/// What a device said, and that it was this device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    /// The device.
    pub(super) device: &'a Device,
    /// Yes or no.
    pub(super) accepted: bool,
    /// Why not.
    pub(super) reason: Option<&'a str>,
    /// Whether it called itself by the name it enrolled with (GD7).
    pub(super) identifier_matches: bool,
    /// Where it says it is.
    pub(super) location: Option<Location>,
}

impl Said<'_> {
    fn is_report(&self) -> bool {
        !self.accepted && self.reason.is_some_and(|reason| REPORTS.contains(&reason))
    }
}

/// What becomes of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Outcome {
    /// It stands; it may have stood before.
    Stands,
    /// Something changed since the request was read, and nothing was written.
    Overtaken,
    /// There is nothing (any more) to answer.
    Nothing,
    /// Nobody may approve it from there (A4); it waits on.
    Elsewhere(Objection),
}

/// Stores a decision with what belongs to it.
pub(super) async fn decide(
    app: &App,
    context: &Context,
    (transaction, said, meta): (Transaction, Said<'_>, &Meta),
    (more, now): (Write, Timestamp),
) -> Result<Outcome, Broken> {
    let tenant = &context.tenant.id;
    let facts = transaction.facts().clone();
    if let Err(objection) = check_whereabouts(context, &facts, (said, meta)) {
        tell_objection(app, context, (&facts, said, meta, objection), now).await?;
        return Ok(Outcome::Elsewhere(objection));
    }
    let answer = if said.accepted {
        Answer::Approve
    } else {
        Answer::Deny { reason: said.reason.map(str::to_owned) }
    };
    let write = match transaction.answer(&said.device.id, answer, now) {
        Answered::Approved(approved) => transactions::approve(tenant, &approved),
        Answered::Denied(denied) => denial(context, &denied, said),
        Answered::Repeated => return Ok(Outcome::Stands),
        Answered::NotFound => return Ok(Outcome::Nothing),
    };
    let write = told(
        app,
        context,
        write.and(waits(context, &facts, said, now)).and(more),
        (&facts, said, meta),
        now,
    );
    if app.database.run(write).await? == Written::Overtaken {
        return Ok(Outcome::Overtaken);
    }
    app.decided(&facts);
    app.metrics.step(if said.accepted { "approved" } else { "denied" });
    tracing::info!(
        transaction.id = %facts.txn, device.id = %said.device.id, accepted = said.accepted,
        "decided"
    );
    if said.is_report() {
        let pair = (facts.user_id(), &facts.client_id);
        for stored in transactions::withdrawn_at(&app.database, tenant, pair, now).await? {
            app.decided(stored.at(now).facts());
        }
    }
    Ok(Outcome::Stands)
}

/// A4: where the tenant bounds from where people approve, whether this is near enough.
fn check_whereabouts(
    context: &Context,
    facts: &Facts,
    (said, meta): (Said<'_>, &Meta),
) -> Result<(), Objection> {
    let Some(policy) = context.tenant.context_policy.filter(|_| said.accepted) else {
        return Ok(());
    };
    let answered_from = Whereabouts { address: meta.ip, location: said.location };
    policy.check_approval(facts.asked.request_context.as_deref(), answered_from)
}

/// Tells the log that an approval was refused for where it came from.
async fn tell_objection(
    app: &App,
    context: &Context,
    (facts, said, meta, objection): (&Facts, Said<'_>, &Meta, Objection),
    now: Timestamp,
) -> Result<(), Broken> {
    let details = json!({
        "device_id": said.device.id.as_str(),
        "transaction_linking_id": facts.consent_id.as_str(),
        "txn": facts.txn.to_string(),
        "error": { "message": objection.sentence() },
    });
    let description = "An approval was refused for where it came from";
    let entry = Entry::new("gd_auth_failed", description, details).of_user(facts.user_id());
    log::tell(app, (&context.tenant.id, meta), entry, now).await
}

/// A1: a yes ends the waits of the client, a no begins the next one, where waits grow.
fn waits(context: &Context, facts: &Facts, said: Said<'_>, now: Timestamp) -> Write {
    if !facts.asked.beyond.backs_off {
        return Write::new();
    }
    let pair = (&facts.client_id, facts.user_id());
    if said.accepted {
        prompt_waits::forget(&context.tenant.id, pair)
    } else {
        prompt_waits::ended(&context.tenant.id, pair, now)
    }
}

fn denial(context: &Context, denied: &Denied, said: Said<'_>) -> Write {
    let tenant = &context.tenant.id;
    let write = transactions::deny(tenant, denied);
    let facts = denied.facts();
    // A request of the enrollment page has no client.
    if !said.is_report() || facts.client_id.as_str().is_empty() {
        return write;
    }
    write.and(transactions::withdraw_others(tenant, denied)).and(refusals::add(
        tenant,
        facts.user_id(),
        &facts.client_id,
    ))
}

/// The decision with its log event, and that of a report.
fn told(
    app: &App,
    context: &Context,
    write: Write,
    (facts, said, meta): (&Facts, Said<'_>, &Meta),
    now: Timestamp,
) -> Write {
    let (kind, description) = if said.accepted {
        ("gd_auth_succeed", "A person approved a request")
    } else {
        ("gd_auth_rejected", "A person rejected a request")
    };
    let details = json!({
        "device_id": said.device.id.as_str(),
        "transaction_linking_id": facts.consent_id.as_str(),
        "txn": facts.txn.to_string(),
        "reason": said.reason,
        "identifier_matches": said.identifier_matches,
    });
    let client: (&ClientId, &str) = (&facts.client_id, "");
    let of = |entry: Entry<'static>| {
        let entry = Entry { client: Some(client), ..entry }.of_user(facts.user_id());
        log::event(app, meta, entry, now)
    };
    let event = of(Entry::new(kind, description, details));
    let write = log_events::append(write, &context.tenant.id, &event);
    if !said.is_report() {
        return write;
    }
    let details = json!({
        "device_id": said.device.id.as_str(),
        "txn": facts.txn.to_string(),
        "client_id": facts.client_id.as_str(),
    });
    let description = "A person reported a request as not theirs; the client asks in vain";
    let report = of(Entry::new("ciba_reported", description, details));
    log_events::append(write, &context.tenant.id, &report)
}
