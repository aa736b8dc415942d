//! The CIBA grant at the token endpoint (W122 to W155): a poll, and the one redemption.

use domain::ciba::pacing::Pacing;
use domain::ciba::transaction::{Approved, Facts, PollAnswer, Transaction};
use domain::jose::auth_req_hash;
use domain::oauth::binding::Binding;
use domain::oauth::parameters::Parameters;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{ClientId, Fingerprint, TenantId, Timestamp, TransactionId};
use serde_json::{Map, Value, json};
use store::{Engine, Write, Written, enrollments, log_events, refresh_tokens, transactions, users};

use super::DECIDE_TRIES;
use super::authenticate_client::{
    Authenticated, note_assertion, spend_assertion, spend_noted_assertion,
};
use super::bind_token::{At, bind_token};
use super::exchange::living_user;
use super::log::{self, Entry};
use super::narrow::narrowed;
use super::tokens::{self, Granted, Order};
use crate::App;
use crate::failure::{Broken, Failure};
use crate::known::KnownClient;
use crate::meta::Meta;
use crate::open::Glance;
use crate::tenancy::Context;

/// An id that no row has is logged again after this long.
const UNKNOWN_LOGGED_S: i64 = 600;

type Asked<'a> = (&'a Authenticated, &'a Parameters, &'a Meta);

/// Which look at a request a poll takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The only one: it is answered at once.
    Single,
    /// The first one of a poll that waits.
    First,
    /// A further one, which counts as no poll.
    Woken,
}

/// Answers a poll: tokens once, "pending" for free, and the end of the story otherwise.
pub async fn redeem(
    app: &App,
    context: &Context,
    asked: Asked<'_>,
    (turn, now): (Turn, Timestamp),
) -> Result<Map<String, Value>, Failure> {
    if turn == Turn::Woken {
        return Box::pin(look(app, context, asked, (turn, now))).await;
    }
    let (authenticated, parameters, _meta) = asked;
    let auth_req_id = parameters.required("auth_req_id")?;
    let hash = auth_req_hash(auth_req_id);
    let client = authenticated.client.client();
    let rules = &client.profile.rules().pacing;
    let tenant = &context.tenant.id;
    let glance = match app.database.engine() {
        Engine::Sqlite => app.open.poll(&hash, tenant, &client.id, rules, now),
        Engine::Postgres => {
            app.polls.poll(&app.database, (tenant, &client.id), hash, (rules, now)).await?
        }
    };
    match glance {
        Glance::NotYet(pacing) if turn == Turn::Single && app.waiting.has(&hash) => {
            note_assertion(app, authenticated.unspent, now)?;
            let slowed = pacing.slowed(rules, now);
            app.open.pace(&hash, slowed);
            Box::pin(note_pacing(app, context, &hash, &slowed)).await?;
            return Err(Refusal::slow_down(slowed.interval_s()).into());
        }
        Glance::NotYet(_) => {
            note_assertion(app, authenticated.unspent, now)?;
            return Err(Refusal::from(Reason::Undecided).into());
        }
        Glance::TooFast { pacing, has_grown } => {
            note_assertion(app, authenticated.unspent, now)?;
            if has_grown {
                Box::pin(note_pacing(app, context, &hash, &pacing)).await?;
            }
            return Err(Refusal::slow_down(pacing.interval_s()).into());
        }
        Glance::AskDatabase => {}
    }
    // Apart, so that a poll that is told "pending", or waits, does not hold room for tokens.
    Box::pin(look(app, context, asked, (turn, now))).await
}

/// Looks at the request itself.
async fn look(
    app: &App,
    context: &Context,
    asked: Asked<'_>,
    (turn, now): (Turn, Timestamp),
) -> Result<Map<String, Value>, Failure> {
    let (authenticated, parameters, _) = asked;
    let hash = auth_req_hash(parameters.required("auth_req_id")?);
    let client = authenticated.client.client();
    let rules = &client.profile.rules().pacing;
    let tenant = &context.tenant.id;
    let found = transactions::find(&app.database, tenant, &hash).await?;
    let Some(stored) = found else {
        spend(app, context, authenticated, (turn, now)).await?;
        return Err(refused(app, context, (asked, &hash, Reason::UnknownRequest, None), now).await);
    };
    let transaction = stored.at(now);
    let logged = Some(transaction.facts().logged_refusal.clone().unwrap_or_default());
    let spent = spent_by(&client.id, &transaction);
    match transaction.poll(&client.id, rules, now) {
        PollAnswer::NotYet(_) | PollAnswer::TooFast(_) if turn == Turn::Woken => {
            Err(Refusal::from(Reason::Undecided).into())
        }
        PollAnswer::NotYet(pacing) => {
            note_assertion(app, authenticated.unspent, now)?;
            note_pacing(app, context, &hash, &pacing).await?;
            Err(Refusal::from(Reason::Undecided).into())
        }
        PollAnswer::TooFast(pacing) => {
            note_assertion(app, authenticated.unspent, now)?;
            note_pacing(app, context, &hash, &pacing).await?;
            Err(Refusal::slow_down(pacing.interval_s()).into())
        }
        PollAnswer::Over(reason) => {
            spend(app, context, authenticated, (turn, now)).await?;
            if let Some(txn) = spent.filter(|_| context.tenant.settings.reuse_revokes_grant) {
                let write = refresh_tokens::revoke_family(tenant, &txn.to_string(), now);
                // Overtaken: all of it is dead.
                let _written = app.database.run(write).await?;
            }
            Err(refused(app, context, (asked, &hash, reason, logged), now).await)
        }
        PollAnswer::Ready(approved) => {
            spend(app, context, authenticated, (turn, now)).await?;
            collect(app, context, (asked, approved), now).await
        }
    }
}

/// The name of a request whose tokens this client was given.
fn spent_by(client: &ClientId, transaction: &Transaction) -> Option<TransactionId> {
    let facts = transaction.facts();
    let is_spent = matches!(transaction, Transaction::Redeemed(_)) && facts.client_id == *client;
    is_spent.then_some(facts.txn)
}

/// Spends the client's assertion; a poll that waited has noted it before.
async fn spend(
    app: &App,
    context: &Context,
    authenticated: &Authenticated,
    (turn, now): (Turn, Timestamp),
) -> Result<(), Failure> {
    match turn {
        Turn::Single | Turn::First => {
            spend_assertion(app, context, authenticated.unspent, now).await
        }
        Turn::Woken => spend_noted_assertion(app, context, authenticated.unspent).await,
    }
}

async fn note_pacing(
    app: &App,
    context: &Context,
    hash: &Fingerprint,
    pacing: &Pacing,
) -> Result<(), Failure> {
    let write = transactions::record_pacing(&context.tenant.id, hash, pacing);
    // Overtaken: it was decided a moment ago; the next poll will tell.
    let _written = app.database.run(write).await?;
    Ok(())
}

/// Gives the tokens of an approval, to one poll.
async fn collect(
    app: &App,
    context: &Context,
    (asked, mut approved): (Asked<'_>, Approved),
    now: Timestamp,
) -> Result<Map<String, Value>, Failure> {
    let (client, audience) = (asked.0.client.client(), approved.facts().asked.audience.as_deref());
    let asking = (At::Token, client, audience, asked.2);
    let binding = bind_token(app, context, asking, now).await?;
    for _ in 0..DECIDE_TRIES {
        let hash = approved.facts().auth_req_hash;
        let order = (asked, binding.as_ref(), approved);
        if let Some(tokens) = hand_out(app, context, order, now).await? {
            return Ok(tokens);
        }
        match look_again(app, context, (&asked.0.client, &hash), now).await? {
            Again::Approved(again) => approved = again,
            // The client was changed meanwhile: it polls again, and is authenticated as it is now.
            Again::Refused(Reason::Undecided, _) => break,
            Again::Refused(reason, logged) => {
                return Err(refused(app, context, (asked, &hash, reason, logged), now).await);
            }
        }
    }
    Err(Refusal::from(Reason::Undecided).into())
}

/// Mints the tokens and spends the approval in one write: whoever is second gets nothing. `None`:
/// it could not be spent.
async fn hand_out(
    app: &App,
    context: &Context,
    (asked, binding, approved): (Asked<'_>, Option<&Binding>, Approved),
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, Failure> {
    let (authenticated, parameters, meta) = asked;
    let client = &authenticated.client;
    let (hash, logged) = (approved.facts().auth_req_hash, approved.facts().logged_refusal.clone());
    let collector =
        Collector { client, meta, binding, parameters: Some(parameters), pushed_as: None };
    let made = match make(app, context, (&collector, approved), now).await {
        Ok(made) => made,
        Err(Failure::Refused(refusal)) if refusal.reason == Reason::UserGone => {
            let gone = (asked, &hash, Reason::UserGone, Some(logged.unwrap_or_default()));
            return Err(refused(app, context, gone, now).await);
        }
        Err(failure) => return Err(failure),
    };
    match app.database.run(made.write).await? {
        Written::Done => {
            told(app, client, &made.facts);
            Ok(Some(made.answer))
        }
        Written::Overtaken => Ok(None),
    }
}

/// Who gets the tokens of an approval.
pub(super) struct Collector<'a> {
    pub(super) client: &'a KnownClient,
    pub(super) meta: &'a Meta,
    /// What the tokens are bound to.
    pub(super) binding: Option<&'a Binding>,
    /// What it asks for of what was granted; all, where they are pushed.
    pub(super) parameters: Option<&'a Parameters>,
    /// The `auth_req_id`, where they are pushed.
    pub(super) pushed_as: Option<&'a str>,
}

/// The tokens of an approval, good once `write` has happened.
pub(super) struct Made {
    pub(super) answer: Map<String, Value>,
    pub(super) write: Write,
    pub(super) facts: Facts,
}

/// Makes the tokens of an approval, and the write that spends it. An approval is spent within its
/// time: pushed tokens may be made a moment later (P9).
pub(super) async fn make(
    app: &App,
    context: &Context,
    (collector, approved): (&Collector<'_>, Approved),
    now: Timestamp,
) -> Result<Made, Failure> {
    let client = collector.client.client();
    let facts = approved.facts().clone();
    let user = living_user(app, context, facts.user_id()).await?;
    let details = facts.asked.details.as_deref().map(serde_json::from_str).transpose();
    let details = details.map_err(Broken::because)?;
    let granted = Granted {
        scope: facts.asked.scope.clone(),
        audience: facts.asked.audience.clone(),
        auth_time: approved.decision().at,
        txn: Some(facts.txn),
        authorization_details: details,
        acr: facts.asked.acr.clone(),
        is_verified: facts.asked.beyond.is_passkey_required,
        further_audiences: facts.asked.beyond.audiences.clone(),
        claims: facts.asked.beyond.claims.clone(),
    };
    let part = match collector.parameters {
        Some(wish) => narrowed(app, &context.tenant.id, (client, wish, &granted), now).await?,
        None => None,
    };
    // The request's own name, so that its reuse finds them (N49).
    let family = facts.txn.to_string();
    let order = Order {
        issuer: &facts.asked.issuer,
        client,
        user: &user,
        granted: &granted,
        gty: None,
        family: Some(&family),
        pushed: None,
        binding: collector.binding,
    };
    // A pushed ID token names the hash of the refresh token beside it.
    let early = collector.pushed_as.map(|_| tokens::refresh_token(app, &order, now));
    let named = early.as_ref().and_then(|early| early.as_ref()).map(|(token, _)| token.as_str());
    let pushed = collector.pushed_as.map(|id| (id, named));
    let asked_for = Order { pushed, granted: part.as_ref().unwrap_or(&granted), ..order };
    let minted = tokens::mint(app, context, &asked_for, now).await?;
    let mut answer = minted.answer;
    let redemption = app.entropy.bytes::<16>();
    let tenant = &context.tenant.id;
    let known_since = collector.client.updated_at();
    let moment = if facts.is_late(now) { facts.expires_at.plus_ms(-1) } else { now };
    let redeemed = approved.redeem(moment);
    let mut write = transactions::redeem(tenant, &redeemed, known_since, &redemption);
    write = write.and(minted.write);
    let refresh = early.unwrap_or_else(|| tokens::refresh_token(app, &order, now));
    if let Some((token, row)) = refresh {
        answer.insert(String::from("refresh_token"), token.into());
        write = write.and(tokens::store_refresh_token(context, &row));
    }
    let entry = Entry::new(
        "ciba_exchange_succeeded",
        "Tokens were issued for an approved CIBA request",
        json!({
            "notification_channel": facts.asked.channel.as_str(),
            "transaction_linking_id": facts.consent_id.as_str(),
            "txn": facts.txn.to_string(),
        }),
    );
    let audience = facts.asked.shown_audience();
    let entry = entry.of_client(client).of_user(facts.user_id()).with("audience", audience);
    let event = log::event(app, collector.meta, entry, now);
    Ok(Made { answer, write: log_events::append(write, tenant, &event), facts })
}

/// Counts and tells that tokens were issued.
pub(super) fn told(app: &App, client: &KnownClient, facts: &Facts) {
    app.metrics.step("redeemed");
    tracing::info!(
        client.id = %client.client().id, user.id = %facts.user_id(), transaction.id = %facts.txn,
        "tokens issued"
    );
}

/// What a second look at an approval finds that could not be spent a moment ago.
enum Again {
    /// Nothing stands in the way.
    Approved(Approved),
    /// Why not, and which refusals its row says are logged.
    Refused(Reason, Option<String>),
}

async fn look_again(
    app: &App,
    context: &Context,
    (client, hash): (&KnownClient, &Fingerprint),
    now: Timestamp,
) -> Result<Again, Failure> {
    let tenant = &context.tenant.id;
    let Some(stored) = transactions::find(&app.database, tenant, hash).await? else {
        return Ok(Again::Refused(Reason::UnknownRequest, None));
    };
    let id = &client.client().id;
    let transaction = stored.at(now);
    let logged = Some(transaction.facts().logged_refusal.clone().unwrap_or_default());
    let rules = &client.client().profile.rules().pacing;
    let approved = match transaction.poll(id, rules, now) {
        PollAnswer::Over(reason) => return Ok(Again::Refused(reason, logged)),
        PollAnswer::NotYet(_) | PollAnswer::TooFast(_) => {
            return Ok(Again::Refused(Reason::Undecided, logged));
        }
        PollAnswer::Ready(approved) => approved,
    };
    let user = users::one(&app.database, tenant, approved.facts().user_id()).await?;
    let device = enrollments::one(&app.database, tenant, &approved.decision().device).await?;
    if user.is_none_or(|user| user.is_blocked()) || device.is_none() {
        return Ok(Again::Refused(Reason::UserGone, logged));
    }
    let present = app.client(tenant, id, now).await?;
    let is_same = present.is_some_and(|present| present.updated_at() == client.updated_at());
    let changed = Again::Refused(Reason::Undecided, logged);
    Ok(if is_same { Again::Approved(approved) } else { changed })
}

/// Logs a refused exchange, at most once for each request and error (W286).
async fn refused(
    app: &App,
    context: &Context,
    (asked, hash, reason, logged): (Asked<'_>, &Fingerprint, Reason, Option<String>),
    now: Timestamp,
) -> Failure {
    let (authenticated, _, meta) = asked;
    let client = authenticated.client.client();
    let error = format!("{reason:?}");
    let has_no_row = reason == Reason::UnknownRequest && logged.is_none();
    let is_logged = if has_no_row {
        // There may be no row to note it on: this process's memory keeps the log from filling.
        !app.seen.first_use(*hash, now.plus_seconds(UNKNOWN_LOGGED_S), now)
    } else {
        is_told(logged.as_deref(), &error)
    };
    if !is_logged {
        let description = Refusal::from(reason).description(client.profile).into_owned();
        let details = json!({ "error": { "message": description } });
        let entry = Entry::new("ciba_exchange_failed", "A CIBA exchange was refused", details)
            .of_client(client);
        let tenant = &context.tenant.id;
        let told = if has_no_row {
            log::tell(app, (tenant, meta), entry, now).await.map_err(Failure::from)
        } else {
            tell_once(app, (tenant, meta), (hash, &error), (entry, now)).await
        };
        if let Err(failure) = told {
            return failure;
        }
    }
    Refusal::from(reason).into()
}

/// Tells the log of a refusal, and the row that it was told.
async fn tell_once(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    (hash, error): (&Fingerprint, &str),
    (entry, now): (Entry<'_>, Timestamp),
) -> Result<(), Failure> {
    for _ in 0..DECIDE_TRIES {
        let event = log::event(app, meta, entry.clone(), now);
        let first = transactions::note_refusal(tenant, hash, error);
        let write = log_events::append(first, tenant, &event);
        if app.database.run(write).await? == Written::Done {
            break;
        }
        // Another poll told it, unless the row still does not say so.
        let stored = transactions::find(&app.database, tenant, hash).await?;
        let logged = stored.and_then(|stored| stored.at(now).facts().logged_refusal.clone());
        if is_told(logged.as_deref(), error) {
            break;
        }
    }
    Ok(())
}

/// Whether a row says that this refusal was logged.
fn is_told(logged: Option<&str>, error: &str) -> bool {
    logged.is_some_and(|all| all.split(' ').any(|one| one == error))
}
