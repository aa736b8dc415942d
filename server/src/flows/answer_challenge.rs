//! `POST …/api/resolve-transaction`: a device says yes or no (guardian B4).

use device_protocol::guardian::errors::Code;
use device_protocol::guardian::resolve::challenge_response;
use domain::ciba::transaction::{Facts, Transaction};
use domain::guardian::{self, AnswerRules, check_answer};
use domain::jose::hs256;
use domain::people::Device;
use domain::{DeviceId, Timestamp, UserId};
use store::{Write, enrollments, transactions, users};

use super::DECIDE_TRIES;
use super::change_device::{Sent, key_of};
use super::decision::{Outcome, Said, decide};
use super::device_log::{self, Refusal, invalid_token};
use super::number::{self, Entered};
use super::transaction_token;
use crate::App;
use crate::failure::{Broken, DeviceFailure};
use crate::tenancy::Context;

/// Takes an answer, once. The same answer by the same device again is no error (G95).
pub async fn answer_challenge(
    app: &App,
    context: &Context,
    sent: Sent<'_>,
    now: Timestamp,
) -> Result<(), DeviceFailure> {
    let meta = sent.meta;
    let mut user = None;
    let outcome = attempt(app, context, (sent, &mut user), now).await;
    if let Err(DeviceFailure::Refused(Code::InvalidToken, _)) = &outcome {
        let refusal = Refusal {
            kind: "gd_auth_failed",
            description: "An answer of a device was refused",
            user: user.as_ref(),
            meta,
            more: None,
        };
        return device_log::told(app, context, outcome, refusal, now).await;
    }
    outcome
}

async fn attempt(
    app: &App,
    context: &Context,
    (sent, user): (Sent<'_>, &mut Option<UserId>),
    now: Timestamp,
) -> Result<(), DeviceFailure> {
    let tenant = &context.tenant.id;
    let fingerprint = transaction_token::fingerprint(sent.bearer);
    let found = transactions::find_by_txtkn(&app.database, tenant, &fingerprint).await?;
    let Some(stored) = found else { return Err(unknown_token(app, context, sent.bearer, now)) };
    let transaction = stored.at(now);
    let facts = transaction.facts().clone();
    *user = Some(facts.user_id().clone());
    let body = sent.body?;
    let jwt = challenge_response(&body)
        .map_err(|error| DeviceFailure::refused(Code::InvalidBody, error.to_string()))?;
    let Some(challenge) = facts.challenge_by(&fingerprint) else {
        return Err(invalid_token("The transaction token is unknown"));
    };
    if facts.is_late(now) || !may_still_answer(&transaction, &challenge.device) {
        return Err(nothing_to_answer());
    }
    let enrolled = enrollments::one(&app.database, tenant, &challenge.device).await?;
    let (device, _) =
        enrolled.ok_or_else(|| invalid_token("This phone is not enrolled any more"))?;
    let key = key_of(&device)?;
    let rules = AnswerRules {
        key: &key,
        challenge: &challenge.challenge,
        bases: &context.base.all,
        identifier: &device.identifier,
        is_identifier_strict: context.tenant.settings.strict_device_identifier,
    };
    let answer = check_answer(jwt, &rules, now)?;
    warn_of_another_name(&device, &answer);
    check_was_read(context, &facts, &answer)?;
    let answer = numbered(app, context, (&facts, answer)).await?;
    let is_wrong = answer.reason.as_deref() == Some(number::WRONG);
    let mut transaction = transaction;
    for _ in 0..DECIDE_TRIES {
        let said = Said {
            device: &device,
            accepted: answer.accepted,
            reason: answer.reason.as_deref(),
            identifier_matches: answer.identifier_matches,
            // The dialect has no word for it.
            location: None,
        };
        let order = (transaction, said, sent.meta);
        match decide(app, context, order, (Write::new(), now)).await? {
            Outcome::Stands if is_wrong => return Err(wrong_number("The request was denied")),
            Outcome::Stands => return Ok(()),
            Outcome::Nothing => return Err(nothing_to_answer()),
            Outcome::Elsewhere(objection) => {
                let sentence = objection.sentence();
                return Err(DeviceFailure::refused(Code::FeatureDisabledByAdmin, sentence));
            }
            Outcome::Overtaken => {}
        }
        transaction = look_again(app, context, (&facts, &device), now).await?;
    }
    Err(Broken::because("a request changes faster than it can be answered").into())
}

/// Whether an answer of `device` can still be good: the request waits, or this device decided it.
fn may_still_answer(transaction: &Transaction, device: &DeviceId) -> bool {
    match transaction {
        Transaction::Pending(_) => true,
        Transaction::Approved(approved) => approved.decision().device == *device,
        Transaction::Denied(denied) => denied.decision().device == *device,
        Transaction::Redeemed(redeemed) => redeemed.decision().device == *device,
        Transaction::Failed(failed) => failed.device() == Some(device),
        Transaction::Withdrawn(_) | Transaction::Expired(_) => false,
    }
}

/// The request as it stands after an answer was overtaken: decided by another device in this
/// moment, by this one's own repetition, or as before. Nothing is left to answer if the person was
/// blocked or the device removed.
async fn look_again(
    app: &App,
    context: &Context,
    (facts, device): (&Facts, &Device),
    now: Timestamp,
) -> Result<Transaction, DeviceFailure> {
    let tenant = &context.tenant.id;
    let user = users::one(&app.database, tenant, facts.user_id()).await?;
    let enrolled = enrollments::one(&app.database, tenant, &device.id).await?;
    if user.is_none_or(|user| user.is_blocked()) || enrolled.is_none() {
        return Err(nothing_to_answer());
    }
    let stored = transactions::find(&app.database, tenant, &facts.auth_req_hash).await?;
    stored.map(|stored| stored.at(now)).ok_or_else(nothing_to_answer)
}

/// A token that no row knows is forged, foreign, or of a request that was swept long ago (GD5).
fn unknown_token(app: &App, context: &Context, token: &str, now: Timestamp) -> DeviceFailure {
    let unknown = || invalid_token("The transaction token is missing, unknown or forged");
    let mut keys = app.secrets.txtkns();
    let verified =
        |key| hs256::verify(key, transaction_token::TYP, token, transaction_token::MAX_BYTES).ok();
    let Some(claims) = keys.find_map(verified) else { return unknown() };
    let is_ours =
        claims.text("iss").is_ok_and(|issuer| context.base.all.iter().any(|base| base == issuer));
    let is_late = claims.numeric_date("exp").is_ok_and(|expires_at| expires_at <= now);
    if is_ours && is_late { nothing_to_answer() } else { unknown() }
}

fn warn_of_another_name(device: &Device, answer: &guardian::Answer) {
    if !answer.identifier_matches {
        tracing::warn!(
            device.id = %device.id,
            "the answer's iss is not the identifier that the device enrolled (GD7)"
        );
    }
}

/// C57: where the request has a number, nobody approves without it.
async fn numbered(
    app: &App,
    context: &Context,
    (facts, answer): (&Facts, guardian::Answer),
) -> Result<guardian::Answer, DeviceFailure> {
    if !answer.accepted {
        return Ok(answer);
    }
    let sent = (answer.number.as_deref(), Write::new());
    match number::entered(app, context, facts, sent).await? {
        Entered::Right => Ok(answer),
        Entered::Missing => {
            Err(wrong_number("The number that the other screen shows must be entered"))
        }
        Entered::Wrong => Err(wrong_number("This is not the number. There is one more try")),
        Entered::Last => {
            let reason = Some(String::from(number::WRONG));
            Ok(guardian::Answer { accepted: false, reason, ..answer })
        }
    }
}

fn wrong_number(sentence: &'static str) -> DeviceFailure {
    DeviceFailure::refused(Code::InvalidOtp, sentence)
}

/// Where the tenant demands it, nobody approves what no device has read.
fn check_was_read(
    context: &Context,
    facts: &Facts,
    answer: &guardian::Answer,
) -> Result<(), DeviceFailure> {
    let is_unread = facts.consent_read_at.is_none();
    if answer.accepted && is_unread && context.tenant.settings.require_consent_read {
        return Err(invalid_token(
            "The consent record must be read before this request can be approved",
        ));
    }
    Ok(())
}

fn nothing_to_answer() -> DeviceFailure {
    let sentence = "This request was answered, has expired or was withdrawn";
    DeviceFailure::refused(Code::LoginTransactionNotFound, sentence)
}
