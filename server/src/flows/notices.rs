//! Telling clients of ping and push mode the outcome of a request: stored jobs through the one
//! window, tried again with growing pauses until the request ends (P1 to P14).

use std::time::Duration;

use bytes::Bytes;
use domain::ciba::delivery::{Mode, NotificationToken, Verdict};
use domain::ciba::transaction::{Facts, Stored, Transaction};
use domain::jose::NONCE_BYTES;
use domain::oauth::binding::Binding;
use domain::oauth::client::Client;
use domain::{TenantId, Timestamp};
use futures_util::future::try_join_all;
use http::{HeaderValue, Method, header};
use serde_json::json;
use store::notices::{self, NewNotice, Notice};
use store::sealed::{self, Place};
use store::{Write, Written, log_events, transactions};
use url::Url;

use super::DECIDE_TRIES;
use super::log::{self, Entry};
use super::push_tokens;
use super::send_pushes::next_try;
use crate::App;
use crate::failure::{Broken, Failure};
use crate::meta::Meta;
use crate::outside::{Call, CallLimits, Lane, Unanswered};

/// A node that took a notice has this long to deliver it.
const LEASE_MS: i64 = 30_000;
/// What calling a client may cost (P4).
const LIMITS: CallLimits = CallLimits { within: Duration::from_secs(5), answer_bytes: 64 * 1024 };

/// The row of a notice that a request will need: what the client wants to be shown is sealed.
pub(super) fn promised(
    app: &App,
    tenant: &TenantId,
    facts: &Facts,
    (token, binding): (&NotificationToken, Option<&Binding>),
) -> Result<Write, Broken> {
    let txn = facts.txn.to_string();
    let sealed_token = seal(app, Place::NoticeTokens, (tenant, &txn), token.reveal().as_bytes())?;
    let notice = NewNotice {
        txn: facts.txn,
        auth_req_hash: facts.auth_req_hash,
        user: facts.user_id(),
        sealed_token,
        confirmation: binding.map(|binding| binding.confirmation().to_string()),
        expires_at: facts.expires_at,
    };
    Ok(notices::insert(tenant, notice))
}

/// Takes notices that are due, so many at most; no other node delivers them meanwhile.
pub async fn take_due_notices(
    app: &App,
    room: usize,
    now: Timestamp,
) -> Result<Vec<Notice>, Failure> {
    let due = notices::due(&app.database, now).await?;
    let until = now.plus_ms(LEASE_MS);
    let taking = due.into_iter().take(room).map(async |notice| {
        let written = app.database.run(notices::lease(&notice, until)).await?;
        let is_ours = written == Written::Done;
        Ok::<_, Failure>(is_ours.then_some(Notice { due_at: until, ..notice }))
    });
    Ok(try_join_all(taking).await?.into_iter().flatten().collect())
}

/// Delivers one notice, or notes when to try again, or gives it up.
pub async fn deliver_notice(app: &App, notice: Notice, now: Timestamp) -> Result<(), Failure> {
    let tenant = &notice.tenant;
    let found = transactions::find(&app.database, tenant, &notice.auth_req_hash).await?;
    let Some(stored) = found else { return forget(app, &notice).await };
    let transaction = in_its_life(stored, now);
    let facts = transaction.facts().clone();
    let known = app.client(tenant, &facts.client_id, now).await?;
    let Some(known) = known else { return forget(app, &notice).await };
    let client = known.client();
    let about = About { notice: &notice, facts: &facts, client };
    if client.delivery_mode != facts.asked.delivery {
        return about.give_up(app, "the client was registered for another mode since", now).await;
    }
    let keys = app.secrets.of_request(&facts.txn, &facts.auth_req_hash);
    let id = keys.name(&facts.txn, &facts.auth_req_hash);
    let id = id.ok_or_else(|| Broken::because("the root key that named a request is gone"))?;
    let body = match facts.asked.delivery {
        Mode::Poll => None,
        Mode::Ping => Some(json!({ "auth_req_id": id }).to_string().into_bytes()),
        Mode::Push => {
            let order = (&notice, transaction, &known, id.as_str());
            match push_tokens::body(app, order, now).await? {
                push_tokens::Body::Ready(body) => Some(body),
                push_tokens::Body::NotYet => return about.try_again(app, now).await,
                push_tokens::Body::None => None,
            }
        }
    };
    let Some(body) = body else { return forget(app, &notice).await };
    let (verdict, why) = call(app, &about, body).await?;
    match verdict {
        Verdict::Delivered => about.delivered(app).await,
        Verdict::Later => about.later(app, &why, now).await,
        Verdict::Never => about.give_up(app, &why, now).await,
    }
}

/// The transaction now, or as it was when its time ran out: what was decided in the last moment is
/// told all the same (P9).
fn in_its_life(stored: Stored, now: Timestamp) -> Transaction {
    let expires_at = stored.clone().at(now).facts().expires_at;
    let moment = if now < expires_at { now } else { expires_at.plus_ms(-1) };
    stored.at(moment)
}

/// Calls the client's endpoint and nobody else (P3).
async fn call(app: &App, about: &About<'_>, body: Vec<u8>) -> Result<(Verdict, String), Failure> {
    let refused = |why: &str| Ok((Verdict::Never, why.to_owned()));
    let Some(endpoint) = &about.client.notification_endpoint else {
        return refused("the client has no notification endpoint");
    };
    let Ok(url) = Url::parse(endpoint) else {
        return refused("the notification endpoint is no address");
    };
    let notice = about.notice;
    let place = (&notice.tenant, notice.txn.as_str());
    let token = open(app, Place::NoticeTokens, place, &notice.sealed_token)?;
    let bearer = [b"Bearer ".as_slice(), &token].concat();
    let mut bearer = HeaderValue::from_bytes(&bearer).map_err(Broken::because)?;
    bearer.set_sensitive(true);
    let call = Call {
        method: Method::POST,
        url,
        headers: vec![
            (header::AUTHORIZATION, bearer),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ],
        body: Bytes::from(body),
        lane: Lane::clients(),
        limits: LIMITS,
        // The worker tries again, and keeps count.
        is_repeatable: false,
    };
    Ok(match app.outbound.call(call).await {
        Ok(answer) => (Verdict::of_status(answer.status), format!("status {}", answer.status)),
        Err(forbidden @ Unanswered::Forbidden(_)) => (Verdict::Never, forbidden.to_string()),
        Err(none @ (Unanswered::Unreachable(_) | Unanswered::Broken(_) | Unanswered::TooSlow)) => {
            (Verdict::Later, none.to_string())
        }
    })
}

/// What a notice is about.
struct About<'a> {
    notice: &'a Notice,
    facts: &'a Facts,
    client: &'a Client,
}

impl About<'_> {
    fn mode(&self) -> &'static str {
        self.facts.asked.delivery.as_str()
    }

    async fn delivered(&self, app: &App) -> Result<(), Failure> {
        forget(app, self.notice).await?;
        app.metrics.notice(self.mode(), "delivered");
        tracing::info!(
            client.id = %self.client.id, transaction.id = %self.facts.txn, mode = self.mode(),
            "the client was told the outcome"
        );
        Ok(())
    }

    async fn later(&self, app: &App, why: &str, now: Timestamp) -> Result<(), Failure> {
        if next_try(app, self.notice.attempts, now) >= self.facts.expires_at {
            return self.give_up(app, why, now).await;
        }
        app.metrics.notice(self.mode(), "later");
        self.try_again(app, now).await
    }

    async fn try_again(&self, app: &App, now: Timestamp) -> Result<(), Failure> {
        let next_at = next_try(app, self.notice.attempts, now);
        // Overtaken: another node delivered it.
        let _written = app.database.run(notices::again(self.notice, next_at)).await?;
        Ok(())
    }

    /// Gives up, loudly; tokens that nobody got are revoked first (P12).
    async fn give_up(&self, app: &App, why: &str, now: Timestamp) -> Result<(), Failure> {
        push_tokens::revoke(app, self.notice, self.client, now).await?;
        let details = json!({
            "mode": self.mode(),
            "transaction_linking_id": self.facts.consent_id.as_str(),
            "txn": self.facts.txn.to_string(),
            "attempts": self.notice.attempts.saturating_add(1),
            "error": { "message": why },
        });
        let description = "A client could not be told the outcome of a CIBA request";
        let entry = Entry::new("ciba_notification_failed", description, details)
            .of_client(self.client)
            .of_user(self.facts.user_id());
        for _ in 0..DECIDE_TRIES {
            let event = log::event(app, &Meta::default(), entry.clone(), now);
            let remove = notices::remove(self.notice);
            let write = log_events::append(remove, &self.notice.tenant, &event);
            // Overtaken: another node wrote an event of this id, or has given it up itself.
            if app.database.run(write).await? == Written::Done {
                app.metrics.notice(self.mode(), "given_up");
                tracing::warn!(
                    client.id = %self.client.id, transaction.id = %self.facts.txn,
                    mode = self.mode(), why, "the client could not be told the outcome"
                );
                break;
            }
        }
        Ok(())
    }
}

async fn forget(app: &App, notice: &Notice) -> Result<(), Failure> {
    // Overtaken: it is forgotten.
    let _written = app.database.run(notices::remove(notice)).await?;
    Ok(())
}

/// Seals for one row of the notices.
pub(super) fn seal(
    app: &App,
    place: Place,
    (tenant, txn): (&TenantId, &str),
    plain: &[u8],
) -> Result<Vec<u8>, Broken> {
    let nonce = app.entropy.bytes::<NONCE_BYTES>();
    let associated = sealed::associated(place, tenant, txn);
    app.secrets.sealing.seal(nonce, &associated, plain).map_err(Broken::because)
}

/// Opens what [`seal`] sealed.
pub(super) fn open(
    app: &App,
    place: Place,
    (tenant, txn): (&TenantId, &str),
    sealed: &[u8],
) -> Result<Vec<u8>, Broken> {
    let associated = sealed::associated(place, tenant, txn);
    let plain = app.secrets.sealing.open(&associated, sealed).map_err(Broken::because)?;
    Ok(plain.to_vec())
}
