//! Handing pushes to the push services, and keeping what became of each (W73, W74, G73, GD14).

use domain::ciba::challenge::{Attempt, Challenge, Receipt};
use domain::ciba::transaction::{Facts, Transaction};
use domain::people::Device;
use domain::{ClientId, DeviceId, Timestamp};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use serde_json::json;
use store::transactions::{self, DuePush};
use store::{Haste, Written, enrollments, log_events};

use super::DECIDE_TRIES;
use super::climb::Climb;
use super::log::{self, Entry};
use super::transaction_token::TransactionToken;
use super::wake::{self, Message};
use crate::App;
use crate::failure::Failure;
use crate::meta::Meta;
use crate::outside::{self, Delivery};
use crate::push::{self, Accounts, DeviceTokens, Outgoing, PushContext};

/// The wait before the second try; it doubles with each further one.
const FIRST_WAIT_MS: i64 = 1_000;
/// After so many doublings the wait grows no more: 32 seconds.
const WAIT_DOUBLINGS: i64 = 5;
/// Each wait grows by a random part of 256 of this: by half at most.
const JITTER: i64 = 512;
/// A node that took a push has this long to send it.
const LEASE_MS: i64 = 30_000;
/// Handing a push over takes no longer.
const HAND_OVER_MS: i64 = 4_500;
/// Due pushes on their way at a time.
const DUE_AT_ONCE: usize = 256;

/// Sends the pushes of a request that was just begun, and keeps their receipts in such haste. Those
/// that waited here for long are taken as their rows' due work is: another process may have them by
/// now.
pub async fn send_pushes(
    app: &App,
    outgoing: Outgoing,
    haste: Haste,
    now: Timestamp,
) -> Result<(), Failure> {
    if now.plus_ms(HAND_OVER_MS) > outgoing.due_at {
        let (tenant, hash) = (&outgoing.tenant, &outgoing.facts.auth_req_hash);
        let until = now.plus_ms(LEASE_MS);
        let lease = transactions::lease_pushes(tenant, hash, outgoing.due_at, until);
        if app.database.run(lease).await? == Written::Overtaken {
            return Ok(());
        }
    }
    send(app, &outgoing, (0, haste), now).await
}

/// Takes and sends what is due on rows: pushes of processes that died, and further tries. One that
/// fails does not hold up the others.
pub async fn send_due_pushes(app: &App, now: Timestamp) -> Result<(), Failure> {
    let due = transactions::with_due_pushes(&app.database, now).await?;
    let send_one = async |due: DuePush| {
        if let Err(failure) = send_due_push(app, due, now).await {
            tracing::error!(cause = %failure, "a due push could not be sent; it is tried again");
        }
    };
    stream::iter(due).for_each_concurrent(DUE_AT_ONCE, send_one).await;
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
        tokens: DeviceTokens::default(),
        sdk: None,
        tenant,
        due_at: until,
    };
    send(app, &outgoing, (attempts, Haste::Now), now).await
}

async fn send(
    app: &App,
    outgoing: &Outgoing,
    (attempts, haste): (i64, Haste),
    now: Timestamp,
) -> Result<(), Failure> {
    let accounts = app.push_accounts(&outgoing.tenant, now).await?;
    let known = app.tenant(&outgoing.tenant, now).await?;
    let ladder = known.map(|tenant| tenant.ladder.clone()).unwrap_or_default();
    let mut challenges = outgoing.facts.challenges.clone();
    let climb = Climb { ladder: &ladder, outgoing };
    climb.leave_out(&mut challenges);
    let is_due = |challenge: &&mut Challenge| climb.due_at(challenge).is_some_and(|at| at <= now);
    let due = challenges.iter_mut().filter(is_due);
    let under_way = due.map(async |challenge| {
        let device = outgoing.device(&challenge.device);
        let delivery = hand_over(app, outgoing, (challenge, device), &accounts, now).await;
        (challenge, device, delivery)
    });
    let tried = join_all(under_way).await;
    let next_at = next_try(app, attempts, now);
    let mut write = climb.mail(app, attempts);
    let mut told = Vec::new();
    for (challenge, device, delivery) in tried {
        // A push is given up, loudly, when the request would be over before the next try.
        let next_at = next_at.max(delivery.retry_at.unwrap_or(now));
        let is_last = next_at >= outgoing.facts.expires_at;
        let is_reminder = matches!(challenge.receipt, Receipt::Sent { .. });
        challenge.record(Attempt { is_reminder, ..attempt(&delivery, now, next_at) });
        challenge.receipt = match &delivery.receipt {
            outside::Receipt::Accepted => Receipt::Sent { at: now },
            outside::Receipt::Later(_) if !is_last => Receipt::Waiting,
            outside::Receipt::Later(reason)
            | outside::Receipt::Refused(reason)
            | outside::Receipt::Gone(reason) => Receipt::Failed { at: now, reason: reason.clone() },
        };
        if let Some((id, token)) = dead_token(&delivery, device) {
            write = write.and(enrollments::drop_push_token(&outgoing.tenant, id, token));
        }
        if let (outside::Receipt::Gone(_), Some((device, own))) =
            (&delivery.receipt, device.and_then(|device| Some((device, device.own.as_ref()?))))
        {
            write = write.and(enrollments::drop_channel(&outgoing.tenant, &device.id, own));
        }
        let became = match challenge.receipt {
            Receipt::Sent { .. } => "sent",
            Receipt::Waiting | Receipt::Unneeded => "later",
            Receipt::Failed { .. } => "given_up",
        };
        app.metrics.push(challenge.service.name(), became);
        told.extend(entry(outgoing, challenge));
    }
    let due_at = challenges.iter().filter_map(|challenge| climb.due_at(challenge)).min();
    let due_at = due_at.filter(|due_at| *due_at < outgoing.facts.expires_at);
    let (tenant, hash) = (&outgoing.tenant, &outgoing.facts.auth_req_hash);
    let record = transactions::record_pushes(tenant, hash, (attempts, &challenges), due_at);
    let record = record.and(write);
    for _ in 0..DECIDE_TRIES {
        let write = told.iter().fold(record.clone(), |write, entry| {
            let event = log::event(app, &Meta::default(), entry.clone(), now);
            log_events::append(write, tenant, &event)
        });
        // No caller waits: after a crash the push is sent once more, with or without this. Overtaken:
        // the request was decided meanwhile, or another node used an event's id.
        if app.database.run_in(haste, write).await? == Written::Done {
            return Ok(());
        }
    }
    tracing::warn!(
        transaction.id = %outgoing.facts.txn, "the receipts of a push were overtaken"
    );
    Ok(())
}

async fn hand_over(
    app: &App,
    outgoing: &Outgoing,
    (challenge, device): (&Challenge, Option<&Device>),
    accounts: &Accounts,
    now: Timestamp,
) -> Delivery {
    let refused = |why: &str| Delivery::of("aizuchi", outside::Receipt::Refused(why.to_owned()));
    let Some(device) = device else { return refused("the device is no longer enrolled") };
    let facts = &outgoing.facts;
    if device.own.is_some() {
        let payload = wake::of_request(facts.consent_id.as_str());
        let message = Message {
            payload: &payload,
            name: facts.consent_id.as_str(),
            expires_at: facts.expires_at,
        };
        let who = (device, facts.asked.issuer.as_str());
        return match wake::parcel(app, &outgoing.tenant, who, message, now).await {
            Ok(Some(parcel)) => app.courier.deliver(parcel, accounts, now).await,
            Ok(None) => refused("the device has no channel"),
            Err(why) => refused(&why),
        };
    }
    let token = outgoing.tokens.of(&device.id).map_or_else(
        || {
            let keys = app.secrets.of_request(&facts.txn, &facts.auth_req_hash);
            token(facts, device).sign(keys.txtkn)
        },
        str::to_owned,
    );
    let context = PushContext {
        tenant_name: &outgoing.tenant_name,
        client_name: &outgoing.client.1,
        sdk: outgoing.sdk.as_deref(),
    };
    match push::compose(&outgoing.facts, (challenge, token), device, &context) {
        Ok(Some(parcel)) => app.courier.deliver(parcel, accounts, now).await,
        Ok(None) => refused("the device has no push token"),
        // Trying again would not make it another.
        Err(broken) => refused(&broken.to_string()),
    }
}

/// The try as its record keeps it.
fn attempt(delivery: &Delivery, now: Timestamp, next_at: Timestamp) -> Attempt {
    let is_later = matches!(delivery.receipt, outside::Receipt::Later(_));
    Attempt {
        at: now.ms(),
        provider: delivery.provider.to_owned(),
        status: delivery.status,
        reason: delivery.reason.clone(),
        id: delivery.id.clone(),
        not_before: is_later.then_some(next_at.ms()),
        is_reminder: false,
    }
}

/// The token that its service called gone, unless the device enrolled after that (GD14).
fn dead_token<'a>(
    delivery: &Delivery,
    device: Option<&'a Device>,
) -> Option<(&'a DeviceId, &'a str)> {
    let device = device?;
    let is_gone = matches!(delivery.receipt, outside::Receipt::Gone(_));
    let is_older = delivery.gone_since.is_some_and(|since| since < device.enrolled_at);
    let token = device.push_token.as_deref().filter(|_| is_gone && !is_older)?;
    Some((&device.id, token))
}

/// When to try again: later each time, and not all at once.
pub(super) fn next_try(app: &App, attempts: i64, now: Timestamp) -> Timestamp {
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

/// What the log is told of a push that is sent or given up.
fn entry<'a>(outgoing: &'a Outgoing, challenge: &Challenge) -> Option<Entry<'a>> {
    let facts = &outgoing.facts;
    let (kind, description, error) = match &challenge.receipt {
        Receipt::Waiting | Receipt::Unneeded => return None,
        Receipt::Sent { .. } => ("gd_send_pn", "A push was handed to its service", None),
        Receipt::Failed { reason, .. } => {
            tracing::warn!(
                tenant.id = %outgoing.tenant, transaction.id = %facts.txn,
                device.id = %challenge.device, reason, "a push was given up"
            );
            ("gd_send_pn_failure", "A push could not be handed to its service", Some(reason))
        }
    };
    let details = json!({
        "device_id": challenge.device.as_str(),
        "service": challenge.service.name(),
        "transaction_linking_id": facts.consent_id.as_str(),
        "error": error.map(|reason| json!({ "message": reason })),
        "attempts": challenge.attempts.iter().map(shown).collect::<Vec<_>>(),
    });
    let (id, name): &(ClientId, String) = &outgoing.client;
    Some(Entry {
        client: Some((id, name)),
        ..Entry::new(kind, description, details).of_user(facts.user_id())
    })
}

/// One try as the log shows it.
fn shown(attempt: &Attempt) -> serde_json::Value {
    json!({
        "date": Timestamp::from_ms(attempt.at).to_iso(),
        "provider": attempt.provider,
        "status": attempt.status,
        "reason": attempt.reason,
        "id": attempt.id,
    })
}
