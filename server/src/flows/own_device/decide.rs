//! `POST /device/v1/requests/{cns_…}/decision`: a person's yes or no, over the words they saw (D13).

use device_protocol::aizuchi::decision::{Answer, Body, Reason, Said as Signed};
use device_protocol::aizuchi::errors::{Code, Refusal};
use device_protocol::aizuchi::receipt::{self as paper, Parts, Signer};
use domain::aizuchi::{DecisionRules, check_decision};
use domain::ciba::context_policy::Location;
use domain::ciba::transaction::{Facts, Transaction};
use domain::{ConsentId, Fingerprint, Timestamp, TransactionId};
use serde_json::Value;
use store::issuer_keys::Purpose;
use store::receipts::{self, ReceiptRow};
use store::{Write, contents, enrollments, inbox, replays, users};

use super::passkeys::{confirmed_decision, used};
use super::requests::still_waiting;
use super::{Call, Known, invalid_body, known_device, not_found, unknown_device};
use crate::App;
use crate::failure::{Broken, OwnFailure};
use crate::flows::DECIDE_TRIES;
use crate::flows::decision::{self, Outcome, Said};
use crate::flows::number::{self, Entered};
use crate::flows::relying_party::Confirmed;
use crate::tenancy::Context;

const DAY_S: i64 = 24 * 3600;

const MISSING: &str = "The number that the other screen shows must be entered";
const FIRST: &str = "This is not the number. There is one more try";
const LAST: &str = "This is not the number, and the request was denied";

/// Takes a decision, once; gives the name that its receipt is found by. The same signed decision
/// again is no error: its reply may be lost.
pub async fn decide(
    app: &App,
    context: &Context,
    (call, id, body): (Call<'_>, &ConsentId, Result<Value, Refusal>),
    now: Timestamp,
) -> Result<TransactionId, OwnFailure> {
    let tenant = &context.tenant.id;
    let known = known_device(app, context, call, now).await?;
    let body = Body::parse(&body?).map_err(invalid_body)?;
    let found = inbox::one(&app.database, (tenant, &known.device.id), id).await?;
    let mut transaction = found.ok_or_else(not_found)?.at(now);
    let facts = transaction.facts().clone();
    let rules = DecisionRules {
        key: &known.key,
        device: &known.device.id,
        user: &known.device.user,
        issuers: &context.base.all,
        request: id,
        asked_at: facts.created_at,
    };
    let signed = check_decision(&body.decision, &rules, now)?;
    known.check_unused(app, tenant).await?;
    if is_repeated(app, context, (&facts, &body.decision)).await? {
        return Ok(facts.txn);
    }
    still_waiting(&transaction)?;
    let asked = (&facts, &signed, &body);
    let mut confirmed = confirmed_decision(app, context, asked).await?;
    let words = words_shown(app, context, (&facts, &signed)).await?;
    let is_denied = numbered(app, context, (&facts, &signed, &body.decision)).await?;
    let by = (&known, confirmed.as_ref());
    let of = (by, &facts, words.as_str(), (body.decision.as_str(), &signed));
    let receipt = receipt(app, context, of, now).await?;
    let said = Said {
        device: &known.device,
        accepted: signed.answer == Answer::Approve && !is_denied,
        reason: if is_denied { Some(number::WRONG) } else { reason(&signed) },
        identifier_matches: true,
        location: body.location.as_ref().and_then(Location::of),
    };
    for _ in 0..DECIDE_TRIES {
        let used_up = known.used_up(tenant, now).and(used(confirmed.as_ref(), tenant, now));
        // The person has not said no: what they signed proves nothing.
        let kept = (!is_denied).then(|| receipts::insert(tenant, &facts.txn, &receipt));
        let more = kept.into_iter().fold(used_up, Write::and);
        let order = (transaction, said, call.meta);
        match decision::decide(app, context, order, (more, now)).await? {
            Outcome::Stands if is_denied => return Err(wrong_match(LAST)),
            Outcome::Stands => return Ok(facts.txn),
            Outcome::Nothing => return Err(not_found()),
            Outcome::Elsewhere(objection) => {
                return Err(OwnFailure::refused(Code::Disabled, objection.sentence()));
            }
            Outcome::Overtaken => {}
        }
        if is_repeated(app, context, (&facts, &body.decision)).await? {
            return Ok(facts.txn);
        }
        known.check_unused(app, tenant).await?;
        transaction = look_again(app, context, (&known, id), now).await?;
        still_waiting(&transaction)?;
        confirmed = confirmed_decision(app, context, asked).await?;
    }
    Err(Broken::because("a request changes faster than it can be answered").into())
}

/// The words that a decision is over.
async fn words_shown(
    app: &App,
    context: &Context,
    (facts, signed): (&Facts, &Signed),
) -> Result<String, OwnFailure> {
    let hash = signed.content_hash.replace('\0', " ");
    let shown = (&facts.auth_req_hash, hash.as_str());
    let found = contents::of_hash(&app.database, &context.tenant.id, shown).await?;
    found.ok_or_else(|| {
        let sentence = "content_hash is not of words that this request was shown in";
        OwnFailure::refused(Code::WrongHash, sentence)
    })
}

/// Whether this very decision stands already.
async fn is_repeated(
    app: &App,
    context: &Context,
    (facts, jws): (&Facts, &str),
) -> Result<bool, OwnFailure> {
    let kept = receipts::one(&app.database, &context.tenant.id, &facts.txn).await?;
    Ok(kept.is_some_and(|kept| kept.decision_hash.matches(jws.as_bytes())))
}

/// The request as it stands after a decision was overtaken. Nothing is left to answer if the person
/// was blocked or the device removed.
async fn look_again(
    app: &App,
    context: &Context,
    (known, id): (&Known, &ConsentId),
    now: Timestamp,
) -> Result<Transaction, OwnFailure> {
    let tenant = &context.tenant.id;
    let (device, user) = (&known.device.id, &known.device.user);
    if enrollments::one(&app.database, tenant, device).await?.is_none() {
        return Err(unknown_device());
    }
    let user = users::one(&app.database, tenant, user).await?;
    if user.is_none_or(|user| user.is_blocked()) {
        return Err(not_found());
    }
    let found = inbox::one(&app.database, (tenant, device), id).await?;
    Ok(found.ok_or_else(not_found)?.at(now))
}

/// D17: where the request has a number, nobody approves without it; true: too many wrong ones were
/// entered. The same decision sent again, because its reply was lost, counts once.
async fn numbered(
    app: &App,
    context: &Context,
    (facts, signed, jws): (&Facts, &Signed, &str),
) -> Result<bool, OwnFailure> {
    match signed.answer {
        Answer::Approve => {}
        Answer::Deny(_) => return Ok(false),
    }
    let tenant = &context.tenant.id;
    let seen = Fingerprint::of(format!("wrong number\n{jws}").as_bytes());
    let more = replays::first_use(tenant, &seen, facts.expires_at);
    let sent = (signed.match_code.as_deref(), more);
    match number::entered(app, context, facts, sent).await? {
        Entered::Right => Ok(false),
        Entered::Missing => Err(wrong_match(MISSING)),
        Entered::Wrong => Err(wrong_match(FIRST)),
        Entered::Last if replays::is_known(&app.database, tenant, &seen).await? => {
            Err(wrong_match(FIRST))
        }
        Entered::Last => Ok(true),
    }
}

fn wrong_match(sentence: &'static str) -> OwnFailure {
    OwnFailure::refused(Code::WrongMatch, sentence)
}

fn reason(signed: &Signed) -> Option<&'static str> {
    match signed.answer {
        Answer::Approve | Answer::Deny(None) => None,
        Answer::Deny(Some(reason)) => Some(Reason::as_str(reason)),
    }
}

/// Who decided: the device, and the passkey that confirmed it.
type By<'a> = (&'a Known, Option<&'a Confirmed>);

/// What can be shown to a third party: the words, the decision and the key it was made with (D18).
async fn receipt(
    app: &App,
    context: &Context,
    ((known, confirmed), facts, words, said): (By<'_>, &Facts, &str, (&str, &Signed)),
    now: Timestamp,
) -> Result<ReceiptRow, OwnFailure> {
    let tenant = &context.tenant.id;
    let server_key = app.issuer_key(tenant, Purpose::Content, now).await?;
    let receipt_key = app.issuer_key(tenant, Purpose::Receipt, now).await?;
    let (device, (jws, signed)) = (&known.device, said);
    let told = paper::Said {
        issuer: facts.asked.issuer.clone(),
        txn: facts.txn.to_string(),
        issued_at: now.seconds(),
        client: facts.client_id.to_string(),
        user: device.user.to_string(),
        is_approved: signed.answer == Answer::Approve,
        content: words.to_owned(),
        server_key: server_key.public_jwk().clone(),
    };
    let parts = Parts {
        decision: Some(jws.to_owned()),
        device: Some(Signer {
            id: device.id.to_string(),
            key: serde_json::from_str(&device.public_jwk).map_err(Broken::because)?,
            enrolled_at: device.enrolled_at.seconds(),
        }),
        passkey: confirmed.map(|confirmed| confirmed.proof.clone()),
    };
    let kept_days = i64::from(context.tenant.settings.receipt_lifetime_days);
    let salts = std::array::from_fn(|_| app.entropy.base64url::<16>());
    let draft = paper::draft(&told, &parts, &salts);
    Ok(ReceiptRow {
        client: facts.client_id.clone(),
        user: device.user.clone(),
        device: device.id.clone(),
        decision_hash: Fingerprint::of(jws.as_bytes()),
        receipt: draft.signed(&receipt_key.sign(paper::TYP, &draft.claims)?),
        created_at: now,
        expires_at: now.plus_seconds(kept_days * DAY_S),
    })
}
