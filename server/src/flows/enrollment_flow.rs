//! What the enrollment page's program asks for (`auth0-guardian-js`, guardian B1.5): the start of
//! an enrollment, and how it stands. Asking an enrolled person is [`super::flow_push`]'s.

use device_protocol::guardian::errors::Code;
use domain::ciba::transaction::Transaction;
use domain::jose::{NameLength, auth_req_hash, auth_req_id, hs256};
use domain::people::Device;
use domain::{DeviceId, Fingerprint, Timestamp, TransactionId, UserId};
use serde_json::{Value, json};
use store::{enrollments, transactions};

use super::device_log::invalid_token;
use super::open_ticket::{self, Opening, open_ticket};
use crate::App;
use crate::failure::DeviceFailure;
use crate::meta::Meta;
use crate::tenancy::Context;

/// The `typ` of a transaction token, so that no other verifier takes it.
const FLOW_TYP: &str = "enrollment-flow+jwt";
/// The `typ` of what says that a flow was completed.
const RESULT_TYP: &str = "enrollment-result+jwt";
/// A flow ends this long after its code, so that the page still learns of a late scan.
const FLOW_GRACE_S: i64 = 60;
/// A flow without a code lives this long, in seconds.
const FLOW_LIFETIME_S: i64 = 300;
/// No such token is longer.
const MAX_FLOW_TOKEN_BYTES: usize = 2048;

/// A flow, as its token tells it.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) id: String,
    pub(super) user: UserId,
    /// The phone that is to be enrolled; `None` where the person is asked instead.
    pub(super) enrolling: Option<DeviceId>,
    pub(super) expires_at: Timestamp,
}

/// `POST …/api/start-flow`: opens a web ticket (G121 to G123).
pub async fn start_flow(
    app: &App,
    context: &Context,
    (ticket, meta): (&str, &Meta),
    now: Timestamp,
) -> Result<Value, DeviceFailure> {
    let id = format!("tx_{}", app.entropy.alphanumerics(24));
    let (flow, code, account) = match open_ticket(app, context, (ticket, meta), now).await? {
        Opening::Dead => return Err(dead_ticket()),
        Opening::Off => {
            let sentence = "Phones are switched off for this tenant";
            return Err(DeviceFailure::refused(Code::FeatureDisabledByAdmin, sentence));
        }
        Opening::Fresh(open_ticket::Code { enrollment_tx_id, device, user, expires_at }) => {
            let expires_at = expires_at.plus_seconds(FLOW_GRACE_S);
            // Without one-time codes both secrets are empty; the program only passes them on.
            let account = json!({ "id": device.as_str(), "otp_secret": "", "recovery_code": "" });
            let flow = Flow { id, user: user.id().clone(), enrolling: Some(device), expires_at };
            (flow, Some(enrollment_tx_id), account)
        }
        Opening::Enrolled(user, devices) => {
            let expires_at = now.plus_seconds(FLOW_LIFETIME_S);
            let flow = Flow { id, user: user.id().clone(), enrolling: None, expires_at };
            (flow, None, devices.first().map_or(Value::Null, account_of))
        }
    };
    let mut answer = json!({
        "transaction_token": flow_token(app, context, &flow, now),
        "available_enrollment_methods": ["push"],
        "available_authentication_methods": ["push"],
        "device_account": account,
    });
    if let (Some(code), Some(members)) = (code, answer.as_object_mut()) {
        members.insert(String::from("enrollment_tx_id"), code.into());
    }
    Ok(answer)
}

/// `POST …/api/transaction-state`: how a flow stands (G124, G125).
pub async fn transaction_state(
    app: &App,
    context: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Value, DeviceFailure> {
    let flow = flow_of(app, context, token, now)?;
    let tenant = &context.tenant.id;
    let (state, enrollment) = if let Some(device) = &flow.enrolling {
        let enrolled = enrollments::one(&app.database, tenant, device).await?;
        enrolled.map_or(("pending", Value::Null), |(device, _)| ("accepted", account_of(&device)))
    } else {
        let asked = transactions::find(&app.database, tenant, &row_of(app, &flow)).await?;
        (asked.map_or("pending", |stored| state_of(&stored.at(now))), Value::Null)
    };
    let mut answer = json!({ "id": flow.id, "state": state, "enrollment": enrollment });
    if let (true, Some(members)) = (state == "accepted", answer.as_object_mut()) {
        let claims = claims(context, &flow, now).to_string();
        let result = hs256::sign(&app.secrets.enrollment_flow, RESULT_TYP, &claims);
        members.insert(String::from("token"), result.into());
    }
    Ok(answer)
}

fn state_of(transaction: &Transaction) -> &'static str {
    match transaction {
        Transaction::Pending(_) => "pending",
        Transaction::Approved(_) | Transaction::Redeemed(_) => "accepted",
        Transaction::Denied(_)
        | Transaction::Withdrawn(_)
        | Transaction::Failed(_)
        | Transaction::Expired(_) => "rejected",
    }
}

/// The name of the request in which a flow asks its person: always the same, so that a page that
/// asks twice asks once.
pub(super) fn name_of(app: &App, flow: &Flow) -> TransactionId {
    let secret = &app.secrets.enrollment_flow;
    let digest = Fingerprint::of(&[b"flow:".as_slice(), secret, flow.id.as_bytes()].concat());
    let mut name = [0; 16];
    name.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    TransactionId::new(name)
}

/// The key of that request's row.
pub(super) fn row_of(app: &App, flow: &Flow) -> Fingerprint {
    auth_req_hash(&auth_req_id(&app.secrets.auth_req_id, NameLength::Long, &name_of(app, flow)))
}

/// The flow of a `transaction_token`.
pub(super) fn flow_of(
    app: &App,
    context: &Context,
    token: &str,
    now: Timestamp,
) -> Result<Flow, DeviceFailure> {
    let refuse = || invalid_token("The transaction token is missing, unknown or has expired");
    let verified = |key| hs256::verify(key, FLOW_TYP, token, MAX_FLOW_TOKEN_BYTES).ok();
    let claims = app.secrets.enrollment_flows().find_map(verified).ok_or_else(refuse)?;
    let is_here = claims.text("tenant").is_ok_and(|id| id == context.tenant.id.as_str());
    let expires_at = claims.numeric_date("exp").map_err(|_never| refuse())?;
    if !is_here || expires_at <= now {
        return Err(refuse());
    }
    let text = |name| claims.text(name).map_err(|_never| refuse());
    let enrolling = claims.optional_text("enrollment").map_err(|_never| refuse())?;
    Ok(Flow {
        id: text("txid")?.to_owned(),
        user: UserId::new(text("sub")?),
        enrolling: enrolling.map(DeviceId::new),
        expires_at,
    })
}

fn flow_token(app: &App, context: &Context, flow: &Flow, now: Timestamp) -> String {
    let claims = claims(context, flow, now).to_string();
    hs256::sign(&app.secrets.enrollment_flow, FLOW_TYP, &claims)
}

fn claims(context: &Context, flow: &Flow, now: Timestamp) -> Value {
    let mut claims = json!({
        "iss": context.base.issuer,
        "aud": context.base.url("appliance-mfa"),
        "tenant": context.tenant.id.as_str(),
        "sub": flow.user.as_str(),
        "txid": flow.id,
        "iat": now.seconds(),
        "exp": flow.expires_at.seconds(),
    });
    if let (Some(device), Some(members)) = (&flow.enrolling, claims.as_object_mut()) {
        members.insert(String::from("enrollment"), device.as_str().into());
    }
    claims
}

/// A device as the program shows it.
fn account_of(device: &Device) -> Value {
    json!({
        "id": device.id.as_str(),
        "status": "confirmed",
        "methods": ["push"],
        "available_methods": ["push"],
        "available_authenticator_types": ["push"],
        "name": device.name,
        "phone_number": "",
    })
}

fn dead_ticket() -> DeviceFailure {
    let sentence = "This link was used, has expired or never existed";
    DeviceFailure::refused(Code::EnrollmentTransactionNotFound, sentence)
}
