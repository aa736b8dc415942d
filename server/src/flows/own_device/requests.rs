//! `GET /device/v1/requests` and `…/{cns_…}`: what waits for the person, and one request in the words
//! that are shown (D8, D11).

use device_protocol::aizuchi::errors::Code;
use domain::ciba::transaction::{Facts, Stored, Transaction};
use domain::{ConsentId, Timestamp};
use serde_json::{Value, json};
use store::{inbox, transactions};

use super::content::content_of;
use super::{Call, invalid_body, known_device, not_found};
use crate::App;
use crate::failure::OwnFailure;
use crate::tenancy::Context;

/// Requests of a page, if its reader does not say.
const DEFAULT_TAKE: i64 = 20;

/// Which part of the list is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page<'a> {
    /// Where it begins: `next` of the page before.
    pub from: Option<&'a str>,
    /// How many it has at most.
    pub take: Option<&'a str>,
}

/// The requests that wait for this person on this device, newest first. Nothing of their words is
/// told here: what is shown is signed, and read one by one.
pub async fn list(
    app: &App,
    context: &Context,
    (call, page): (Call<'_>, Page<'_>),
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let behind = page.from.map(position).transpose()?;
    let take = page.take.map_or(Ok(DEFAULT_TAKE), str::parse);
    let take = take.ok().filter(|take| (1..=inbox::PAGE_LIMIT).contains(take));
    let take = take.ok_or_else(|| {
        invalid_body(format!("take must be a number from 1 to {}", inbox::PAGE_LIMIT))
    })?;
    let who = (&context.tenant.id, &known.device.id);
    let waiting = inbox::waiting(&app.database, who, (behind, take), now).await?;
    let facts: Vec<Facts> = waiting.into_iter().map(|stored| facts_of(stored, now)).collect();
    let is_full = i64::try_from(facts.len()).is_ok_and(|count| count == take);
    let last = facts.last().filter(|_| is_full);
    let next = last.map(|last| format!("{}-{}", last.created_at.ms(), last.consent_id));
    let requests: Vec<Value> = facts
        .iter()
        .map(|facts| {
            json!({
                "request": facts.consent_id.as_str(),
                "created_at": facts.created_at.seconds(),
                "expires_at": facts.expires_at.seconds(),
            })
        })
        .collect();
    Ok(json!({ "requests": requests, "next": next }))
}

fn facts_of(stored: Stored, now: Timestamp) -> Facts {
    stored.at(now).facts().clone()
}

/// The moment and the name that a page begins behind.
fn position(text: &str) -> Result<inbox::Position<'_>, OwnFailure> {
    let read = text.split_once('-').and_then(|(ms, name)| Some((ms.parse().ok()?, name)));
    let (ms, name) = read.ok_or_else(|| invalid_body("from must be `next` of a page"))?;
    Ok((Timestamp::from_ms(ms), name))
}

/// One request with its signed content, in the language asked for.
pub async fn show(
    app: &App,
    context: &Context,
    (call, id, language): (Call<'_>, &ConsentId, Option<&str>),
    now: Timestamp,
) -> Result<Value, OwnFailure> {
    let known = known_device(app, context, call, now).await?;
    let tenant = &context.tenant.id;
    let found = inbox::one(&app.database, (tenant, &known.device.id), id).await?;
    let transaction = found.ok_or_else(not_found)?.at(now);
    let facts = still_waiting(&transaction)?;
    let own = known.device.own.as_ref().map(|own| own.locale.as_str());
    let language = language.or(own).unwrap_or_default();
    let words = content_of(app, context, (facts, language), now).await?;
    let who = (tenant, &known.device.id);
    if inbox::opened_at(&app.database, who, id).await?.is_none() {
        let note = transactions::note_consent_read(tenant, &facts.auth_req_hash, now);
        let note = note.and(inbox::note_opened(who, id, now));
        let _noted = app.database.run(note).await?;
    }
    Ok(json!({ "request": id.as_str(), "content": words }))
}

/// The facts of a request that can still be answered; otherwise what became of it.
pub(super) fn still_waiting(transaction: &Transaction) -> Result<&Facts, OwnFailure> {
    let refused = |code, sentence: &str| Err(OwnFailure::refused(code, sentence));
    match transaction {
        Transaction::Pending(pending) => Ok(pending.facts()),
        Transaction::Approved(_)
        | Transaction::Denied(_)
        | Transaction::Failed(_)
        | Transaction::Redeemed(_) => refused(Code::Decided, "This request was answered"),
        Transaction::Withdrawn(_) => refused(Code::Withdrawn, "This request was taken back"),
        Transaction::Expired(_) => refused(Code::Expired, "The time for an answer is over"),
    }
}
