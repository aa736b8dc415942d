//! `GET /rich-consents/{id}`: a device reads what its person is asked (guardian B5).

use device_protocol::guardian::errors::Code;
use domain::ciba::request::WantedClaims;
use domain::ciba::transaction::{Facts, Stored};
use domain::guardian::{PROOF_MEMORY_S, ProofRules, check_proof};
use domain::{ConsentId, Timestamp, UserId};
use serde_json::{Map, Value, json};
use store::{Written, enrollments, replays, transactions};

use super::change_device::key_of;
use super::device_log::{self, Refusal, invalid_token};
use super::transaction_token;
use crate::App;
use crate::failure::DeviceFailure;
use crate::meta::Meta;
use crate::tenancy::Context;

/// The language of people of whose languages the templates have none.
const FALLBACK: &str = "en";

/// What a device sent.
#[derive(Clone, Copy, Debug)]
pub struct ConsentRequest<'a> {
    /// The consent's id, as it stands in the path.
    pub id: &'a ConsentId,
    /// The transaction token; empty if there was none.
    pub txtkn: &'a str,
    /// The proof of possession.
    pub proof: Option<&'a str>,
    /// `Accept-Language`.
    pub languages: &'a str,
    /// Who sent it.
    pub meta: &'a Meta,
}

/// The consent record. Reading uses up the proof and nothing else (G108, G114).
pub async fn read_consent(
    app: &App,
    context: &Context,
    sent: ConsentRequest<'_>,
    now: Timestamp,
) -> Result<Value, DeviceFailure> {
    let mut user = None;
    let outcome = attempt(app, context, (sent, &mut user), now).await;
    let refusal = Refusal {
        kind: "rich_consents_access_error",
        description: "A consent record was refused to a device",
        user: user.as_ref(),
        meta: sent.meta,
        more: Some(("requestedRichConsentId", shown_id(sent.id).into())),
    };
    device_log::told(app, context, outcome, refusal, now).await
}

async fn attempt(
    app: &App,
    context: &Context,
    (sent, user): (ConsentRequest<'_>, &mut Option<UserId>),
    now: Timestamp,
) -> Result<Value, DeviceFailure> {
    let fingerprint = transaction_token::fingerprint(sent.txtkn);
    let tenant = &context.tenant.id;
    let found = transactions::find_by_txtkn(&app.database, tenant, &fingerprint).await?;
    let transaction = found.map(|stored: Stored| stored.at(now));
    let facts = transaction.as_ref().map(domain::ciba::transaction::Transaction::facts);
    // An expired token is no token here: a 404 would make Android apps show a plain login (GD5).
    let facts = facts
        .filter(|facts| !facts.is_late(now))
        .ok_or_else(|| invalid_token("The transaction token is missing, unknown or has expired"))?;
    *user = Some(facts.user_id().clone());
    let device = match facts.challenge_by(&fingerprint) {
        Some(challenge) => enrollments::one(&app.database, tenant, &challenge.device).await?,
        None => None,
    };
    let (device, _) = device.ok_or_else(|| invalid_token("This phone is not enrolled any more"))?;
    let key = key_of(&device)?;
    let rules = ProofRules {
        key: &key,
        txtkn: sent.txtkn,
        consent_id: sent.id.as_str(),
        bases: &context.base.all,
    };
    let proof = check_proof(sent.proof, &rules, now)?;
    if facts.consent_id != *sent.id {
        let sentence = "There is no such consent for this phone";
        return Err(DeviceFailure::refused(Code::ConsentNotFound, sentence));
    }
    let forget_at = now.plus_seconds(PROOF_MEMORY_S);
    let mut write = replays::first_use(tenant, &proof.seen_as(&key), forget_at);
    if facts.consent_read_at.is_none() {
        write = transactions::note_consent_read(tenant, &facts.auth_req_hash, now).and(write);
    }
    match app.database.run(write).await? {
        Written::Done => Ok(record(facts, sent.languages)),
        Written::Overtaken => {
            let sentence = "This proof was used before. Sign a new one for each call";
            Err(DeviceFailure::refused(Code::InvalidDpopAssertion, sentence))
        }
    }
}

/// The record as both SDKs read it: times as strings, `scope` and `binding_message` always there,
/// `authorization_details` only where there are some (G103 to G107). Ours are `display`, the details
/// in the person's words, and `claims`, what is told of the person beyond the scopes.
fn record(facts: &Facts, languages: &str) -> Value {
    let asked = &facts.asked;
    let scope: Vec<&str> = asked.scope.iter().collect();
    let mut requested = json!({
        "audience": asked.shown_audience(),
        "scope": scope,
        "binding_message": asked.binding_message.as_deref().unwrap_or_default(),
    });
    let details =
        asked.details.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let (Some(details), Some(members)) = (details, requested.as_object_mut()) {
        members.insert(String::from("authorization_details"), details);
    }
    let beyond = &asked.beyond;
    if let (Some(display), Some(members)) = (&beyond.display, requested.as_object_mut()) {
        let words = in_words(display, languages);
        let shown = json!({ "locale": words.get("locale"), "lines": words.get("lines") });
        members.insert(String::from("display"), shown);
    }
    if let (Some(number), Some(members)) = (&beyond.number, requested.as_object_mut()) {
        members.insert(String::from("match"), number.asked());
    }
    if let (Some(context), Some(members)) = (&asked.request_context, requested.as_object_mut()) {
        let context = serde_json::from_str::<Value>(context).unwrap_or_default();
        members.insert(String::from("context"), context);
    }
    if let (false, Some(members)) = (beyond.claims.is_empty(), requested.as_object_mut()) {
        let named = beyond.claims.id_token.iter().chain(&beyond.claims.userinfo).copied();
        members.insert(String::from("claims"), WantedClaims::known(named).into());
    }
    json!({
        "id": facts.consent_id.as_str(),
        "requested_details": requested,
        "created_at": facts.created_at.to_iso(),
        "expires_at": facts.expires_at.to_iso(),
    })
}

/// What the templates say: `{locale, lines, template_sha256}`, in the first language of the device
/// that they have.
pub(super) fn in_words(display: &str, languages: &str) -> Value {
    let shown: Map<String, Value> = serde_json::from_str(display).unwrap_or_default();
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let mut wanted = languages.split(',').filter_map(|one| one.split(';').next()).map(str::trim);
    let has = |tag: &str| {
        let exact = shown.keys().find(|known| known.eq_ignore_ascii_case(tag));
        exact.or_else(|| shown.keys().find(|known| primary(known) == primary(tag)))
    };
    let chosen = wanted.find_map(has).or_else(|| has(FALLBACK)).or_else(|| shown.keys().next());
    let words = |name: &str| chosen.and_then(|language| shown.get(language)?.get(name));
    json!({ "locale": chosen, "lines": words("lines"), "template_sha256": words("template_sha256") })
}

/// What looks like an id of ours, no longer than one; anything else may be somebody's secret in the
/// wrong place (A6).
fn shown_id(id: &ConsentId) -> String {
    const SHOWN_CHARS: usize = 64;
    let shown = id.as_str().chars().take(SHOWN_CHARS).collect();
    Some(shown).filter(|shown: &String| shown.starts_with("cns_")).unwrap_or_default()
}
