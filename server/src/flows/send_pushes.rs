//! Handing pushes to the push services, and keeping what became of each (W73, W74, G73, GD14).

use domain::ClientId;
use domain::Timestamp;
use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::transaction::{Facts, Transaction};
use domain::people::Device;
use serde_json::json;
use store::transactions::{self, DuePush};
use store::{Write, Written, enrollments, log_events};

use super::log::{self, Entry};
use super::transaction_token::TransactionToken;
use crate::App;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::outside;
use crate::push::{self, Outgoing, PushContext};

/// The wait before the second try; it doubles with each further one.
const FIRST_WAIT_MS: i64 = 1_000;
/// After so many doublings the wait grows no more: 32 seconds.
const WAIT_DOUBLINGS: i64 = 5;
/// Each wait grows by a random part of 256 of this: by half at most.
const JITTER: i64 = 512;
/// A node that took a push has this long to send it.
const LEASE_MS: i64 = 30_000;

/// Sends the pushes of a request that was just begun.
pub async fn send_pushes(app: &App, outgoing: Outgoing, now: Timestamp) -> Result<(), Failure> {
    send(app, &outgoing, 0, now).await
}

/// Takes and sends what is due on rows: pushes of processes that died, and further tries. One that
/// fails does not hold up the others.
pub async fn send_due_pushes(app: &App, now: Timestamp) -> Result<(), Failure> {
    for due in transactions::with_due_pushes(&app.database, now).await? {
        if let Err(failure) = send_due_push(app, due, now).await {
            tracing::error!(cause = %failure, "a due push could not be sent; it is tried again");
        }
    }
    Ok(())
}

async fn send_due_push(app: &App, due: DuePush, now: Timestamp) -> Result<(), Failure> {
    let DuePush { tenant, stored, due_at, attempts } = due;
    let Transaction::Pending(pending) = stored.at(now) else { return Ok(()) };
    let facts = pending.facts();
    let until = now.plus_ms(LEASE_MS);
    let lease = transactions::lease_pushes(&tenant, &facts.auth_req_hash, due_at, until);
    if app.database.run(lease).await? == Written::Overtaken {
        return Ok(());
    }
    let known = app.tenant(&tenant, now).await?;
    let tenant_name = known.map(|tenant| tenant.display_name.clone()).unwrap_or_default();
    // A request of the enrollment page has no client: it asks in the tenant's name.
    let client = app.client(&tenant, &facts.client_id, now).await?;
    let name = client.map_or_else(|| tenant_name.clone(), |known| known.client().name.clone());
    let outgoing = Outgoing {
        tenant_name,
        devices: enrollments::of_user(&app.database, &tenant, facts.user_id()).await?,
        client: (facts.client_id.clone(), name),
        facts: facts.clone(),
        sdk: None,
        tenant,
    };
    send(app, &outgoing, attempts, now).await
}

async fn send(
    app: &App,
    outgoing: &Outgoing,
    attempts: i64,
    now: Timestamp,
) -> Result<(), Failure> {
    // A push is given up, loudly, when the request would be over before the next try.
    let next_at = next_try(app, attempts, now);
    let is_last = next_at >= outgoing.facts.expires_at;
    let mut challenges = outgoing.facts.challenges.clone();
    let mut write = Write::new();
    let mut events = Vec::new();
    for challenge in challenges.iter_mut().filter(|c| c.receipt == Receipt::Waiting) {
        let device = outgoing.devices.iter().find(|device| device.id == challenge.device);
        let receipt = hand_over(app, outgoing, (challenge, device), now);
        challenge.receipt = match &receipt {
            outside::Receipt::Accepted => Receipt::Sent { at: now },
            outside::Receipt::Later(_) if !is_last => Receipt::Waiting,
            outside::Receipt::Later(reason)
            | outside::Receipt::Refused(reason)
            | outside::Receipt::Gone(reason) => Receipt::Failed { at: now, reason: reason.clone() },
        };
        if let (outside::Receipt::Gone(_), Some(Device { id, push_token: Some(token), .. })) =
            (&receipt, device)
        {
            write = write.and(enrollments::drop_push_token(&outgoing.tenant, id, token));
        }
        let became = match challenge.receipt {
            Receipt::Sent { .. } => "sent",
            Receipt::Waiting => "later",
            Receipt::Failed { .. } => "given_up",
        };
        app.metrics.push(challenge.service.name(), became);
        events.extend(event(app, outgoing, challenge, now));
    }
    let waits = challenges.iter().any(|challenge| challenge.receipt == Receipt::Waiting);
    let due_at = waits.then_some(next_at);
    let (tenant, hash) = (&outgoing.tenant, &outgoing.facts.auth_req_hash);
    let first = transactions::record_pushes(tenant, hash, (attempts, &challenges), due_at);
    let write = events
        .iter()
        .fold(first.and(write), |write, event| log_events::append(write, tenant, event));
    match app.database.run(write).await? {
        Written::Done => {}
        Written::Overtaken => tracing::warn!(
            transaction.id = %outgoing.facts.txn, "the receipts of a push were overtaken"
        ),
    }
    Ok(())
}

fn hand_over(
    app: &App,
    outgoing: &Outgoing,
    (challenge, device): (&Challenge, Option<&Device>),
    now: Timestamp,
) -> outside::Receipt {
    let refused = |why: &str| outside::Receipt::Refused(why.to_owned());
    let Some(device) = device else { return refused("the device is no longer enrolled") };
    let facts = &outgoing.facts;
    let keys = app.secrets.of_request(&facts.txn, &facts.auth_req_hash);
    let token = token(facts, device).sign(keys.txtkn);
    let context = PushContext {
        tenant_name: &outgoing.tenant_name,
        client_name: &outgoing.client.1,
        sdk: outgoing.sdk.as_deref(),
    };
    match push::compose(&outgoing.facts, (challenge, token), device, &context) {
        Ok(Some(parcel)) => app.courier.deliver(parcel, now),
        Ok(None) => refused("the device has no push token"),
        // Trying again would not make it another.
        Err(broken) => refused(&broken.to_string()),
    }
}

/// When to try again: later each time, and not all at once.
fn next_try(app: &App, attempts: i64, now: Timestamp) -> Timestamp {
    let wait_ms = FIRST_WAIT_MS << attempts.clamp(0, WAIT_DOUBLINGS);
    let [random] = app.entropy.bytes::<1>();
    now.plus_ms(wait_ms + wait_ms * i64::from(random) / JITTER)
}

/// The token that `device` is sent for the request.
pub fn token<'a>(facts: &'a Facts, device: &'a Device) -> TransactionToken<'a> {
    TransactionToken {
        issuer: &facts.asked.issuer,
        user: facts.user_id(),
        txn: facts.txn,
        device: &device.id,
        created_at: facts.created_at,
        expires_at: facts.expires_at,
    }
}

fn event(
    app: &App,
    outgoing: &Outgoing,
    challenge: &Challenge,
    now: Timestamp,
) -> Option<domain::LogEvent> {
    let facts = &outgoing.facts;
    let (kind, description, error) = match &challenge.receipt {
        Receipt::Waiting => return None,
        Receipt::Sent { .. } => ("gd_send_pn", "A push was handed to its service", None),
        Receipt::Failed { reason, .. } => {
            tracing::warn!(
                transaction.id = %facts.txn, device.id = %challenge.device, reason,
                "a push was given up"
            );
            ("gd_send_pn_failure", "A push could not be handed to its service", Some(reason))
        }
    };
    let details = json!({
        "device_id": challenge.device.as_str(),
        "service": challenge.service.name(),
        "transaction_linking_id": facts.consent_id.as_str(),
        "error": error.map(|reason| json!({ "message": reason })),
    });
    let (id, name): &(ClientId, String) = &outgoing.client;
    let entry = Entry {
        client: Some((id, name)),
        ..Entry::new(kind, description, details).of_user(facts.user_id())
    };
    Some(log::event(app, &Meta::default(), entry, now))
}
