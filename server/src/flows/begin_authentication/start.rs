//! The one write that begins a request, and what follows its commit.

use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::delivery::{Mode, NotificationToken};
use domain::ciba::pacing::Pacing;
use domain::ciba::request::Asked;
use domain::ciba::transaction::{Begun, Names};
use domain::jose::{NameLength, auth_req_hash, auth_req_id};
use domain::oauth::binding::Binding;
use domain::oauth::refusal::{Rate, Refusal};
use domain::people::Device;
use domain::{ClientId, ConsentId, Timestamp, TransactionId, UserId};
use serde_json::{Map, Value, json};
use store::user_limits::StartLimit;
use store::{Written, idempotency_keys, log_events, transactions, user_limits};

use super::{Posted, logged_body};
use crate::App;
use crate::failure::Failure;
use crate::flows::admit;
use crate::flows::idempotency::{self, Repeat};
use crate::flows::log::{self, Entry};
use crate::flows::notices;
use crate::flows::prompt_limits::Limits;
use crate::flows::transaction_token::TransactionToken;
use crate::known::KnownClient;
use crate::open::OpenTransaction;
use crate::push::{DeviceTokens, Outgoing};
use crate::secrets;
use crate::tenancy::Context;

/// Above this many a minute the limit per user is not counted (config `limits`).
pub const COUNTED_PROMPTS: u32 = 60;
/// How long the limit per user looks back.
pub const WINDOW_MS: i64 = 60_000;
/// The process that begins a request sends its pushes; another takes over after this long.
const PUSH_LEASE_MS: i64 = 5_000;

/// What a client that is notified wants to be shown, and what its tokens will be bound to.
type Promise<'a> = (&'a NotificationToken, Option<&'a Binding>);

/// A request that is about to begin.
pub(super) struct Start<'a> {
    pub(super) client: &'a KnownClient,
    pub(super) asked: Asked,
    pub(super) promise: Option<Promise<'a>>,
    pub(super) devices: Vec<Device>,
    /// Why nobody is asked, where the client is not to know.
    pub(super) nobody: Option<Refusal>,
    pub(super) posted: &'a Posted,
    pub(super) repeat: Repeat,
}

/// One write: the limit of the user, the request, the log event. `None`: something changed since it
/// was read, and nothing was written.
pub(super) async fn start(
    app: &App,
    context: &Context,
    order: Start<'_>,
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, Failure> {
    let Start { client, mut asked, promise, mut devices, nobody, posted, repeat } = order;
    admit::admit_request(app, (context, &posted.meta), &asked.user_id, now).await?;
    let tenant = &context.tenant.id;
    asked.beyond.backs_off = Limits::back_off(context, client);
    if nobody.is_some() {
        devices.clear();
    }
    let New { id, begun, tokens } = {
        let txn = TransactionId::begun_at(now, app.entropy.bytes());
        let client = client.client();
        let names = (txn, client.profile.rules().auth_req_id);
        let interval_s = context.tenant.settings.interval_s(app.config.ciba.interval_s);
        new_transaction(app, (&client.id, interval_s), names, (asked, &devices), now)
    };
    let facts = begun.facts();
    let push_due_at = now.plus_ms(PUSH_LEASE_MS);
    let mut write = match nobody {
        None => transactions::begin(tenant, &begun, client.updated_at(), Some(push_due_at)),
        Some(_) => transactions::begin_unasked(tenant, &begun, client.updated_at()),
    };
    let limit = app.config.limits.prompts_per_user_per_minute;
    if limit <= COUNTED_PROMPTS {
        write = user_limits::admit(tenant, facts.user_id(), window(limit), now).and(write);
    }
    if let Some(key) = repeat.row(facts.auth_req_hash, facts.expires_at) {
        write = write.and(idempotency_keys::remember(tenant, &client.client().id, &key, now));
    }
    let limits = Limits::of(context, client, facts.user_id());
    if let Some(limits) = &limits {
        Box::pin(limits.check(app, context, now)).await?;
        write = limits.counted(context, write, (facts.expires_at, now));
    }
    if let Some(promise) = promise {
        write = write.and(notices::promised(app, tenant, facts, promise)?);
    }
    let told = told(&begun, posted, nobody.as_ref());
    let told = told.of_client(client.client()).of_user(facts.user_id());
    let event = log::event(app, &posted.meta, told, now);
    match app.database.run(log_events::append(write, tenant, &event)).await? {
        Written::Done => {}
        Written::Overtaken => {
            return overtaken(app, context, (client, &begun, posted), now).await;
        }
    }
    let answer = answer(&id, &begun);
    match nobody {
        None => announce(app, context, (client, begun, (devices, tokens), posted), now),
        Some(refusal) => announce_nobody(app, context, (&begun, &refusal)),
    }
    Ok(Some(answer))
}

/// The log event of a request that begins; where nobody is asked, it says so and why.
fn told(begun: &Begun, posted: &Posted, nobody: Option<&Refusal>) -> Entry<'static> {
    let facts = begun.facts();
    let mut details = json!({
        "body": logged_body(posted.parameters.as_ref().ok()),
        "notification_channel": facts.asked.channel.as_str(),
        "transaction_linking_id": facts.consent_id.as_str(),
        "txn": facts.txn.to_string(),
    });
    let Some(refusal) = nobody else {
        let sentence = "A CIBA request was accepted and its person is asked";
        return Entry::new("ciba_start_succeeded", sentence, details);
    };
    if let Some(members) = details.as_object_mut() {
        members.insert(String::from("error"), json!({ "message": refusal.to_string() }));
        members.insert(String::from("acknowledged"), Value::Bool(true));
        if let Some(note) = &refusal.note {
            members.insert(String::from("reason"), note.as_ref().into());
        }
    }
    let sentence = "A CIBA request was acknowledged in privacy mode, and nobody is asked";
    Entry::new("ciba_start_failed", sentence, details)
}

/// A request that nobody knows of yet.
pub(in crate::flows) struct New {
    /// Its `auth_req_id`.
    pub(in crate::flows) id: String,
    /// What its row will hold.
    pub(in crate::flows) begun: Begun,
    /// What its pushes will carry.
    pub(in crate::flows) tokens: DeviceTokens,
}

/// A new transaction of this name, with a challenge for each device; its client may poll it so often.
pub(in crate::flows) fn new_transaction(
    app: &App,
    (client, interval_s): (&ClientId, i64),
    (txn, length): (TransactionId, NameLength),
    (asked, devices): (Asked, &[Device]),
    now: Timestamp,
) -> New {
    let id = auth_req_id(&app.secrets.auth_req_id, length, &txn);
    let names = Names {
        auth_req_hash: auth_req_hash(&id),
        txn,
        name_version: secrets::VERSION,
        consent_id: ConsentId::new(format!("cns_{}", app.entropy.base64url::<16>())),
    };
    let expires_at = now.plus_seconds(asked.expires_in_s);
    let mut tokens = DeviceTokens::default();
    let challenges = devices
        .iter()
        .map(|device| {
            let unsigned = TransactionToken {
                issuer: &asked.issuer,
                user: &asked.user_id,
                txn,
                device: &device.id,
                created_at: now,
                expires_at,
            };
            let token = unsigned.sign(&app.secrets.txtkn);
            let txtkn = unsigned.fingerprint(&token);
            tokens.add(&device.id, token);
            Challenge {
                device: device.id.clone(),
                txtkn,
                challenge: app.entropy.base64url::<24>(),
                service: device.push_service,
                receipt: Receipt::first_of(device),
                attempts: Vec::new(),
            }
        })
        .collect();
    let begun = Begun::new(names, client.clone(), asked, challenges, interval_s, now);
    New { id, begun, tokens }
}

fn answer(id: &str, begun: &Begun) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert(String::from("auth_req_id"), id.into());
    answer.insert(String::from("expires_in"), begun.facts().asked.expires_in_s.into());
    match begun.facts().asked.delivery {
        Mode::Poll | Mode::Ping => {
            answer.insert(String::from("interval"), begun.interval_s().into());
        }
        // C56: it never polls.
        Mode::Push => {}
    }
    if let Some(number) = &begun.facts().asked.beyond.number {
        answer.insert(String::from("match_code"), number.code.as_str().into());
    }
    answer
}

type Announced<'a> = (&'a KnownClient, Begun, (Vec<Device>, DeviceTokens), &'a Posted);

/// After the commit: the index of open requests, and the pushes.
fn announce(
    app: &App,
    context: &Context,
    (client, begun, (devices, tokens), posted): Announced<'_>,
    now: Timestamp,
) {
    let facts = begun.facts();
    app.inboxes.ring_for(facts);
    app.metrics.step("started");
    open(app, context, &begun);
    tracing::info!(
        client.id = %facts.client_id, user.id = %facts.user_id(), transaction.id = %facts.txn,
        devices = devices.len(), "request accepted"
    );
    let sdk = posted.meta.auth0_client.as_ref().and_then(|sdk| sdk["name"].as_str());
    let outgoing = Outgoing {
        tenant: context.tenant.id.clone(),
        tenant_name: context.tenant.display_name.clone(),
        facts: facts.clone(),
        devices,
        tokens,
        client: (facts.client_id.clone(), client.client().name.clone()),
        sdk: sdk.map(str::to_owned),
        due_at: now.plus_ms(PUSH_LEASE_MS),
    };
    if app.outgoing.try_send(outgoing).is_err() {
        // The worker finds the push on its row once the lease is over.
        app.bell.notify_one();
    }
}

/// The same of a request that nobody is asked about: it can be polled, and that is all.
fn announce_nobody(app: &App, context: &Context, (begun, refusal): (&Begun, &Refusal)) {
    let facts = begun.facts();
    app.metrics.step("pretended");
    open(app, context, begun);
    tracing::info!(
        client.id = %facts.client_id, transaction.id = %facts.txn, why = %refusal,
        "request acknowledged, nobody is asked"
    );
}

/// Puts a new request into the index of open ones.
fn open(app: &App, context: &Context, begun: &Begun) {
    let facts = begun.facts();
    app.open.insert(
        facts.auth_req_hash,
        OpenTransaction {
            tenant: context.tenant.id.clone(),
            client: facts.client_id.clone(),
            expires_at: facts.expires_at,
            pacing: Pacing::fresh(begun.interval_s()),
        },
    );
}

/// Why nothing was written: a twin with the same key was faster, the limit is reached, or, `None`,
/// something changed since it was read: client, person, device, or another node used the log
/// event's id.
async fn overtaken(
    app: &App,
    context: &Context,
    (client, begun, posted): (&KnownClient, &Begun, &Posted),
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, Failure> {
    let twin = idempotency::find(app, context, (client, posted), now).await?;
    if let Some(answer) = twin.answer() {
        return Ok(Some(answer));
    }
    let user = begun.facts().user_id();
    if let Some(refusal) = user_limit_reached(app, context, user, now).await? {
        return Err(refusal.into());
    }
    let Some(limits) = Limits::of(context, client, user) else { return Ok(None) };
    match Box::pin(limits.reached(app, context, now)).await? {
        Some(refusal) => Err(refusal.into()),
        None => Ok(None),
    }
}

/// The refusal where this person was asked as often as the limit allows (W111).
pub(in crate::flows) async fn user_limit_reached(
    app: &App,
    context: &Context,
    user: &UserId,
    now: Timestamp,
) -> Result<Option<Refusal>, Failure> {
    let limit = app.config.limits.prompts_per_user_per_minute;
    if limit > COUNTED_PROMPTS {
        return Ok(None);
    }
    let (tenant, window) = (&context.tenant.id, window(limit));
    let next = user_limits::next_start_at(&app.database, tenant, user, window, now).await?;
    Ok(next.map(|next| {
        let wait_s = (next.ms_since(now).max(1) + 999) / 1000;
        let rate = Rate { limit, remaining: 0, reset_at_s: now.seconds() + wait_s };
        Refusal::user_limit(rate, wait_s)
    }))
}

const fn window(starts: u32) -> StartLimit {
    StartLimit { starts, window_ms: WINDOW_MS }
}
