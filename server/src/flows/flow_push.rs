//! `POST …/api/send-push-notification`: an enrollment page asks a person on the phone they have
//! (G127). It is a request like any other, without a client who could collect tokens for it.

use device_protocol::guardian::errors::Code;
use domain::ciba::challenge::Receipt;
use domain::ciba::delivery::Mode;
use domain::ciba::request::{Asked, Beyond};
use domain::ciba::transaction::{Facts, Transaction};
use domain::jose::NameLength;
use domain::oauth::client::Channel;
use domain::oauth::scope::Scope;
use domain::people::Device;
use domain::{ClientId, Timestamp};
use serde_json::json;
use store::user_limits::StartLimit;
use store::{Write, Written, enrollments, log_events, transactions, user_limits};

use super::DECIDE_TRIES;
use super::begin_authentication::{COUNTED_PROMPTS, New, WINDOW_MS, new_transaction};
use super::enrollment_flow::{Flow, flow_of, name_of, row_of};
use super::log::{self, Entry};
use crate::App;
use crate::failure::DeviceFailure;
use crate::meta::Meta;
use crate::push::{DeviceTokens, Outgoing};
use crate::tenancy::Context;

/// The process that sends the pushes has this long; then another takes over.
const PUSH_LEASE_MS: i64 = 5_000;

/// Sends one push to the person's phones: the first begins the request, later ones repeat it.
pub async fn send_flow_push(
    app: &App,
    context: &Context,
    (token, meta): (&str, &Meta),
    now: Timestamp,
) -> Result<(), DeviceFailure> {
    let flow = flow_of(app, context, token, now)?;
    let tenant = &context.tenant.id;
    let mut devices = enrollments::of_user(&app.database, tenant, &flow.user).await?;
    devices.retain(Device::is_reachable);
    if devices.is_empty() {
        let sentence = "This person has no phone that a push reaches";
        return Err(DeviceFailure::refused(Code::DeviceAccountNotFound, sentence));
    }
    for _ in 0..DECIDE_TRIES {
        if let Some(facts) = ask(app, context, (&flow, &devices, meta), now).await? {
            announce(app, context, (facts, devices), now);
            return Ok(());
        }
    }
    let sentence = "This request changed in this moment. Try again";
    Err(DeviceFailure::refused(Code::LoginTransactionNotFound, sentence))
}

/// Begins the request or has it pushed once more; `None` if it changed since it was read.
async fn ask(
    app: &App,
    context: &Context,
    (flow, devices, meta): (&Flow, &[Device], &Meta),
    now: Timestamp,
) -> Result<Option<Facts>, DeviceFailure> {
    let tenant = &context.tenant.id;
    let stored = transactions::find(&app.database, tenant, &row_of(app, flow)).await?;
    let (facts, write) = match stored.map(|stored| stored.at(now)) {
        None => begun(app, context, (flow, devices, meta), now),
        Some(Transaction::Pending(pending)) => {
            repeated(context, (pending.facts().clone(), devices), now)
        }
        Some(_) => {
            let sentence = "This request was answered or has expired. Open the page again";
            return Err(DeviceFailure::refused(Code::LoginTransactionNotFound, sentence));
        }
    };
    let limit = app.config.limits.prompts_per_user_per_minute;
    let limit = StartLimit { starts: limit, window_ms: WINDOW_MS };
    let is_counted = limit.starts <= COUNTED_PROMPTS;
    let write = if is_counted {
        user_limits::admit(tenant, &flow.user, limit, now).and(write)
    } else {
        write
    };
    if app.database.run(write).await? == Written::Done {
        return Ok(Some(facts));
    }
    let next = user_limits::next_start_at(&app.database, tenant, &flow.user, limit, now).await?;
    if is_counted && next.is_some() {
        let sentence = "Too many pushes to this person. Wait a minute";
        return Err(DeviceFailure::refused(Code::TooManyPn, sentence));
    }
    Ok(None)
}

fn begun(
    app: &App,
    context: &Context,
    (flow, devices, meta): (&Flow, &[Device], &Meta),
    now: Timestamp,
) -> (Facts, Write) {
    let tenant = &context.tenant.id;
    let asked = Asked {
        user_id: flow.user.clone(),
        issuer: context.base.issuer.clone(),
        audience: None,
        beyond: Beyond::default(),
        scope: Scope::of(["openid"]),
        binding_message: None,
        details: None,
        acr: None,
        request_context: None,
        expires_in_s: (flow.expires_at.seconds() - now.seconds()).max(1),
        channel: Channel::GuardianPush,
        delivery: Mode::Poll,
    };
    let nobody = ClientId::new("");
    let names = (name_of(app, flow), NameLength::Long);
    let interval_s = app.config.ciba.interval_s.into();
    let New { begun, .. } =
        new_transaction(app, (&nobody, interval_s), names, (asked, devices), now);
    let facts = begun.facts().clone();
    let details = json!({
        "transaction_linking_id": facts.consent_id.as_str(),
        "txn": facts.txn.to_string(),
    });
    let entry = Entry::new("gd_start_auth", "A person is asked by the enrollment page", details);
    let event = log::event(app, meta, entry.of_user(&flow.user), now);
    let write =
        transactions::begin_without_client(tenant, &begun, Some(now.plus_ms(PUSH_LEASE_MS)));
    (facts, log_events::append(write, tenant, &event))
}

/// The same request once more: the same consent, token and challenge.
fn repeated(
    context: &Context,
    (mut facts, devices): (Facts, &[Device]),
    now: Timestamp,
) -> (Facts, Write) {
    for challenge in &mut facts.challenges {
        let device = devices.iter().find(|device| device.id == challenge.device);
        challenge.receipt = device.map_or(Receipt::Unneeded, Receipt::first_of);
        for attempt in &mut challenge.attempts {
            attempt.not_before = None;
        }
    }
    let due_at = now.plus_ms(PUSH_LEASE_MS);
    let (tenant, hash) = (&context.tenant.id, &facts.auth_req_hash);
    let write = transactions::push_again(tenant, hash, &facts.challenges, due_at);
    (facts, write)
}

fn announce(app: &App, context: &Context, (facts, devices): (Facts, Vec<Device>), now: Timestamp) {
    let tenant = &context.tenant;
    tracing::info!(user.id = %facts.user_id(), transaction.id = %facts.txn, "asked by the page");
    let outgoing = Outgoing {
        tenant: tenant.id.clone(),
        tenant_name: tenant.display_name.clone(),
        client: (facts.client_id.clone(), tenant.display_name.clone()),
        facts,
        devices,
        tokens: DeviceTokens::default(),
        sdk: None,
        due_at: now.plus_ms(PUSH_LEASE_MS),
    };
    if app.outgoing.try_send(outgoing).is_err() {
        app.bell.notify_one();
    }
}
