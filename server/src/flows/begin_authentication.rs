//! `POST /bc-authorize`: from a posted form to a request on somebody's phone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::delivery::{Mode, NotificationToken};
use domain::ciba::pacing::Pacing;
use domain::ciba::profile::SignedRequests;
use domain::ciba::request::{self, Asked, Found, Shaped, Target, TenantRules, UserFacts};
use domain::ciba::signed_request;
use domain::ciba::transaction::{Begun, Names};
use domain::jose::{NameLength, auth_req_hash, auth_req_id};
use domain::oauth::binding::Binding;
use domain::oauth::grant::{ClientGrant, SubjectType};
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::Rate;
use domain::oauth::refusal::{Reason, Refusal};
use domain::people::Device;
use domain::{ClientId, ConsentId, Fingerprint, Timestamp, TransactionId, UserId};
use serde_json::{Map, Value, json};
use store::enrollments::Person;
use store::user_limits::StartLimit;
use store::{
    Written, enrollments, idempotency_keys, log_events, tickets, transactions, user_limits,
};

use super::DECIDE_TRIES;
use super::admit;
use super::authenticate_client::{
    Authenticated, Basic, Credentials, authenticate_client, spend_assertion,
};
use super::bind_token::{At, Bond};
use super::idempotency::{self, Repeat};
use super::key_sets;
use super::log::{self, Entry};
use super::notices;
use super::prompt_limits::Limits;
use super::transaction_token::TransactionToken;
use super::user_code;
use super::whom::{self, OnceOnly, Unspent};
use crate::App;
use crate::dev;
use crate::failure::{Broken, Failure};
use crate::known::{KnownApi, KnownClient};
use crate::meta::Meta;
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

/// What was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The parameters, or why they could not be read.
    pub parameters: Result<Parameters, Refusal>,
    /// The credentials of the `Authorization` header.
    pub basic: Option<Basic>,
    /// Who sent it.
    pub meta: Meta,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// What the body was, to recognise a repetition.
    pub body_hash: Fingerprint,
}

impl Posted {
    /// What it says of its sender.
    pub fn credentials<'a>(&'a self, parameters: &'a Parameters) -> Credentials<'a> {
        let certificate = self.meta.certificate.as_deref();
        Credentials { parameters, basic: self.basic.as_ref(), certificate }
    }
}

/// Begins, and tells which client it was for, as far as that became known. A refusal leaves a log
/// event and nothing else (W284).
pub async fn begin(
    app: &App,
    context: &Context,
    posted: &Posted,
    now: Timestamp,
) -> (Option<KnownClient>, Result<Map<String, Value>, Failure>) {
    let mut known = None;
    let outcome = attempt(app, context, posted, (&mut known, now)).await;
    if let Err(Failure::Refused(refusal)) = &outcome
        && !admit::is_told(refusal)
        && let Err(failure) =
            log_refusal(app, context, (posted, known.as_ref(), refusal), now).await
    {
        return (known, Err(failure));
    }
    (known, outcome)
}

async fn attempt(
    app: &App,
    context: &Context,
    posted: &Posted,
    (known, now): (&mut Option<KnownClient>, Timestamp),
) -> Result<Map<String, Value>, Failure> {
    let parameters = posted.parameters.as_ref().map_err(Clone::clone)?;
    let proof = posted.credentials(parameters);
    let Authenticated { mut client, unspent } =
        authenticate_client(app, context, proof, now).await?;
    *known = Some(client.clone());
    spend_assertion(app, context, unspent, now).await?;
    let rules = tenant_rules(app, context);
    let signed = opened(app, context, (&client, posted, parameters), now).await?;
    let (posted, signature) = match &signed {
        Some((inside, unspent)) => (inside, Some(*unspent)),
        None => (posted, None),
    };
    let parameters = posted.parameters.as_ref().map_err(Clone::clone)?;
    let (mut request_token, mut hint_token) = (OnceOnly::default(), OnceOnly::default());
    let (mut bond, mut is_code_checked) = (Bond::default(), false);
    for _ in 0..DECIDE_TRIES {
        let shaped = request::shape(parameters, client.client(), &rules)?;
        let repeat = idempotency::find(app, context, (&client, posted), now).await?;
        if let Some(answer) = repeat.answer() {
            return Ok(answer);
        }
        let unspent = (signature, Reason::BadSignedRequest);
        request_token.spend(app, context, unspent, now).await?;
        let (asked, devices, token) = decide(app, context, (&client, shaped, &rules), now).await?;
        if !is_code_checked {
            let coded = (&client, &asked.user_id, parameters);
            Box::pin(user_code::check(app, context, coded, now)).await?;
            is_code_checked = true;
        }
        let notice_token = request::notification_token(parameters, client.client())?;
        hint_token.spend(app, context, (token, Reason::BadHintToken), now).await?;
        let binding = match asked.delivery {
            Mode::Push => {
                let asking = (At::Backchannel, client.client(), None, &posted.meta);
                bond.of(app, context, asking, now).await?
            }
            Mode::Poll | Mode::Ping => None,
        };
        let notice = notice_token.as_ref().map(|token| (token, binding));
        let order = (&client, (asked, notice), devices, posted, repeat);
        if let Some(answer) = start(app, context, order, now).await? {
            return Ok(answer);
        }
        // The client may be what changed: it proves itself again. Its assertion is spent.
        client = authenticate_client(app, context, proof, now).await?.client;
        *known = Some(client.clone());
    }
    Err(Refusal::unavailable(1).noting("overtaken by one change after another").into())
}

/// What was posted, with the parameters of its signed request if it has one, whose `jti` is still
/// to be spent.
async fn opened(
    app: &App,
    context: &Context,
    (client, posted, parameters): (&KnownClient, &Posted, &Parameters),
    now: Timestamp,
) -> Result<Option<(Posted, Unspent)>, Refusal> {
    if client.client().profile.rules().signed_requests == SignedRequests::Ignored {
        return Ok(None);
    }
    let issuers = &context.base.all;
    let mut keys = client.request_keys(now);
    if client.client().jwks_uri.is_some()
        && let Ok(Some(jwt)) = parameters.optional("request")
    {
        let named = key_sets::request_keys(app, context, client, jwt, now);
        keys.extend(Box::pin(named).await?);
    }
    let opened = signed_request::open(parameters, client.client(), &keys, issuers, now)?;
    Ok(opened.map(|opened| {
        let name = format!("request\n{}\n{}", client.client().id, opened.jti);
        let unspent = (Fingerprint::of(name.as_bytes()), opened.expires_at);
        (Posted { parameters: Ok(opened.parameters), ..posted.clone() }, unspent)
    }))
}

fn tenant_rules<'a>(app: &'a App, context: &'a Context) -> TenantRules<'a> {
    let settings = &context.tenant.settings;
    TenantRules {
        issuer: &context.base.issuer,
        issuers: &context.base.all,
        default_expiry_s: app.config.ciba.default_expiry_s.into(),
        is_resource_compatible: settings.resource_parameter_profile == "compatibility",
        is_audience_none_lenient: settings.lenient_audience_none,
        is_push_enabled: settings.push_factor,
    }
}

/// An API that was named, and the client's grant on it.
type Named = (KnownApi, Option<Arc<ClientGrant>>);

/// What is known of an API of this name.
async fn named(
    app: &App,
    context: &Context,
    (client, audience): (&ClientId, &str),
    now: Timestamp,
) -> Result<Option<Named>, Failure> {
    let tenant = &context.tenant.id;
    let Some(api) = app.api(tenant, audience, now).await? else { return Ok(None) };
    let grant = app.grant(tenant, client, audience, SubjectType::User, now).await?;
    Ok(Some((api, grant)))
}

/// Looks up the APIs and the person, and lets the rules decide.
async fn decide(
    app: &App,
    context: &Context,
    (client, shaped, rules): (&KnownClient, Shaped, &TenantRules<'_>),
    now: Timestamp,
) -> Result<(Asked, Vec<Device>, Option<Unspent>), Failure> {
    let id = &client.client().id;
    let mut apis = Vec::new();
    for audience in shaped.audiences() {
        apis.extend(named(app, context, (id, audience), now).await?);
    }
    let targets: Vec<_> =
        apis.iter().map(|(api, grant)| Target { api, grant: grant.as_deref() }).collect();
    let whom = whom::meant(app, context, (client, shaped.hint()), now).await?;
    let wants_match = shaped.wants_match();
    let (facts, mut devices) = match &whom.user {
        Some(user) => facts(app, context, user, now).await?,
        None => (None, Vec::new()),
    };
    let (mut facts, refuses) = facts.map(|(facts, person)| (facts, person.refuses(id))).unzip();
    if wants_match {
        devices.retain(Device::takes_numbers); // decision 14
        facts = facts.map(|facts| UserFacts { push_devices: devices.len(), ..facts });
    }
    let found = Found { targets: &targets, user: whom.user.as_ref().zip(facts) };
    let mut asked = request::decide(shaped, client.client(), rules, &found)?;
    if refuses == Some(true) {
        return Err(Refusal::from(Reason::Reported).into());
    }
    if wants_match {
        let number = u64::from_be_bytes(app.entropy.bytes()) % 100;
        asked.beyond.match_code = Some(format!("{number:02}"));
    }
    Ok((asked, devices, whom.unspent))
}

/// What is known of a person, if there is one, and the devices that can be asked.
async fn facts(
    app: &App,
    context: &Context,
    user: &UserId,
    now: Timestamp,
) -> Result<(Option<(UserFacts<'static>, Person)>, Vec<Device>), Failure> {
    let tenant = &context.tenant.id;
    let Some(mut person) = enrollments::person(&app.database, tenant, user).await? else {
        return Ok((None, Vec::new()));
    };
    let mut devices = std::mem::take(&mut person.devices);
    if app.gives_virtual_phones.load(Ordering::Relaxed) {
        devices = with_virtual_phone(app, context, user, now).await?;
    }
    devices.retain(Device::is_reachable);
    let has_pending_enrollment = devices.is_empty()
        && !tickets::pending_of_user(&app.database, tenant, user, now).await?.is_empty();
    let facts = UserFacts {
        is_blocked: person.is_blocked,
        push_devices: devices.len(),
        has_pending_enrollment,
        permissions: &[],
    };
    Ok((Some((facts, person)), devices))
}

/// The person's devices, a virtual phone among them (`aizuchi dev --virtual-phones`).
async fn with_virtual_phone(
    app: &App,
    context: &Context,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Device>, Failure> {
    dev::give_phone(app, context, user, now)
        .await
        .map_err(|refused| Broken::because(format!("no virtual phone: {refused:?}")))?;
    Ok(enrollments::of_user(&app.database, &context.tenant.id, user).await?)
}

/// What a client that is notified wants to be shown, and what its tokens will be bound to.
type Promise<'a> = (&'a NotificationToken, Option<&'a Binding>);
type Start<'a> = (&'a KnownClient, (Asked, Option<Promise<'a>>), Vec<Device>, &'a Posted, Repeat);

/// One write: the limit of the user, the request, the log event. `None`: something changed since it
/// was read, and nothing was written.
async fn start(
    app: &App,
    context: &Context,
    (client, (asked, promise), devices, posted, repeat): Start<'_>,
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, Failure> {
    admit::admit_request(app, (context, &posted.meta), &asked.user_id, now).await?;
    let tenant = &context.tenant.id;
    let New { id, begun, tokens } = {
        let txn = TransactionId::begun_at(now, app.entropy.bytes());
        let client = client.client();
        let names = (txn, client.profile.rules().auth_req_id);
        let interval_s = context.tenant.settings.interval_s(app.config.ciba.interval_s);
        new_transaction(app, (&client.id, interval_s), names, (asked, &devices), now)
    };
    let facts = begun.facts();
    let push_due_at = now.plus_ms(PUSH_LEASE_MS);
    let mut write = transactions::begin(tenant, &begun, client.updated_at(), Some(push_due_at));
    let limit = app.config.limits.prompts_per_user_per_minute;
    if limit <= COUNTED_PROMPTS {
        write = user_limits::admit(tenant, facts.user_id(), window(limit), now).and(write);
    }
    if let Some(key) = repeat.row(facts.auth_req_hash, facts.expires_at) {
        write = write.and(idempotency_keys::remember(tenant, &client.client().id, &key, now));
    }
    let limits = Limits::of(context, client, facts.user_id());
    if let Some(limits) = &limits {
        Box::pin(limits.check_wait(app, context, now)).await?;
        write = limits.counted(context, write, now);
    }
    if let Some(promise) = promise {
        write = write.and(notices::promised(app, tenant, facts, promise)?);
    }
    let told = Entry::new(
        "ciba_start_succeeded",
        "A CIBA request was accepted and its person is asked",
        json!({
            "body": logged_body(posted.parameters.as_ref().ok()),
            "notification_channel": facts.asked.channel.as_str(),
            "transaction_linking_id": facts.consent_id.as_str(),
            "txn": facts.txn.to_string(),
        }),
    );
    let told = told.of_client(client.client()).of_user(facts.user_id());
    let event = log::event(app, &posted.meta, told, now);
    match app.database.run(log_events::append(write, tenant, &event)).await? {
        Written::Done => {}
        Written::Overtaken => {
            return overtaken(app, context, (client, &begun, posted), now).await;
        }
    }
    let answer = answer(&id, &begun);
    announce(app, context, (client, begun, (devices, tokens), posted), now);
    Ok(Some(answer))
}

/// A request that nobody knows of yet.
pub(super) struct New {
    /// Its `auth_req_id`.
    pub(super) id: String,
    /// What its row will hold.
    pub(super) begun: Begun,
    /// What its pushes will carry.
    pub(super) tokens: DeviceTokens,
}

/// A new transaction of this name, with a challenge for each device; its client may poll it so often.
pub(super) fn new_transaction(
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
                receipt: Receipt::first_of(device.push_service),
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
    if let Some(code) = &begun.facts().asked.beyond.match_code {
        answer.insert(String::from("match_code"), code.as_str().into());
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
    app.open.insert(
        facts.auth_req_hash,
        OpenTransaction {
            tenant: context.tenant.id.clone(),
            client: facts.client_id.clone(),
            expires_at: facts.expires_at,
            pacing: Pacing::fresh(begun.interval_s()),
        },
    );
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
pub(super) async fn user_limit_reached(
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

async fn log_refusal(
    app: &App,
    context: &Context,
    (posted, known, refusal): (&Posted, Option<&KnownClient>, &Refusal),
    now: Timestamp,
) -> Result<(), Failure> {
    let mut details = json!({
        "error": { "message": refusal.to_string() },
        "body": logged_body(posted.parameters.as_ref().ok()),
    });
    if let (Some(members), Some(note)) = (details.as_object_mut(), &refusal.note) {
        let name = if known.is_none() { "client_authentication_error" } else { "reason" };
        members.insert(name.to_owned(), note.as_ref().into());
    }
    let entry = Entry::new("ciba_start_failed", "A CIBA request was refused", details);
    let entry = match known {
        Some(known) => entry.of_client(known.client()),
        None => entry,
    };
    Ok(log::tell(app, (&context.tenant.id, &posted.meta), entry, now).await?)
}

/// Of the body only what W283 lists: no binding message, no secret, nothing unbounded.
fn logged_body(parameters: Option<&Parameters>) -> Value {
    const LOGGED_CHARS: usize = 512;
    let mut body = Map::new();
    for name in ["audience", "login_hint", "scope"] {
        let value = parameters.and_then(|parameters| parameters.optional(name).ok().flatten());
        if let Some(value) = value {
            let value: String = value.chars().take(LOGGED_CHARS).collect();
            body.insert(name.to_owned(), value.into());
        }
    }
    Value::Object(body)
}
