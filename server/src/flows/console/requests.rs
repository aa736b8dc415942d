//! What a person was asked lately, and what became of it.
//!
//! The tenant's log is the record: a request's row is swept minutes after its end. While the row is
//! there it says more: the message, the pushes, whether a device has read it.

use domain::ciba::challenge::{Challenge, Receipt};
use domain::ciba::transaction::{Decision, Transaction};
use domain::jose::{NameLength, auth_req_hash, auth_req_id};
use domain::people::PushService;
use domain::{DeviceId, LogEvent, TenantId, Timestamp, TransactionId, UserId};
use serde_json::Value;
use store::log_events::{self, LogPage, PAGE_LIMIT};
use store::{inbox, transactions};

use crate::App;
use crate::failure::Broken;

/// Most requests that are shown.
const SHOWN: usize = 20;
/// By what the log's entries about one request name it.
const LINK: &str = "transaction_linking_id";

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody has answered yet.
    Waiting,
    /// Yes; the client has not collected its tokens.
    Approved,
    /// Yes, and the client has its tokens.
    Completed,
    /// No.
    Denied,
    /// The client took it back.
    Withdrawn,
    /// It could not be completed.
    Failed,
    /// The time ran out.
    Expired,
}

/// What became of the pushes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushState {
    /// Not known any more.
    Unknown,
    /// Still to be sent.
    Waiting,
    /// At least one was taken by its push service.
    Sent,
    /// None was; what the last service said.
    Failed(String),
}

/// One request.
#[derive(Clone, Debug)]
pub struct RequestView {
    /// Its public name.
    pub txn: String,
    /// When it began.
    pub at: Timestamp,
    /// Who asked: the name, or the id where it has none.
    pub client: String,
    /// What became of it.
    pub outcome: Outcome,
    /// When that was known; for a waiting one, until when it waits.
    pub until: Option<Timestamp>,
    /// The message that the person sees, while it is kept.
    pub message: Option<String>,
    /// What became of its pushes.
    pub push: PushState,
    /// Whether a device has read it.
    pub is_read: bool,
    /// What became of it on each device, while that is kept.
    pub deliveries: Vec<DeliveryView>,
}

/// What became of a request on one device (D10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryView {
    /// Which device.
    pub device: DeviceId,
    /// What became of its push.
    pub became: Receipt,
    /// How often it was tried.
    pub tries: usize,
    /// By whom it went last: `web_push`, `apns` …
    pub provider: Option<String>,
    /// When the device fetched the words.
    pub opened_at: Option<Timestamp>,
    /// When it decided.
    pub decided_at: Option<Timestamp>,
}

/// The newest requests to this person.
pub(super) async fn recent(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<RequestView>, Broken> {
    let page = LogPage { offset: 0, limit: PAGE_LIMIT, newest_first: true };
    let events = log_events::list_of_user(&app.database, tenant, user, page).await?;
    let starts = events.iter().filter(|event| event.kind == "ciba_start_succeeded").take(SHOWN);
    let mut views = Vec::new();
    for start in starts {
        let Some(txn) = detail(start, "txn") else { continue };
        let name = detail(start, LINK);
        let of_it = |event: &&LogEvent| name.is_some() && detail(event, LINK) == name;
        let later: Vec<_> = events.iter().filter(of_it).collect();
        let mut view = from_log(start, txn, &later);
        if let Some(id) = TransactionId::from_hex(txn) {
            for length in NameLength::ALL {
                let hash = auth_req_hash(&auth_req_id(&app.secrets.auth_req_id, length, &id));
                if let Some(stored) = transactions::find(&app.database, tenant, &hash).await? {
                    let transaction = stored.at(now);
                    look(&mut view, &transaction);
                    view.deliveries = deliveries(app, tenant, &transaction).await?;
                    break;
                }
            }
        }
        views.push(view);
    }
    Ok(views)
}

/// What the log alone tells. A request whose end it does not know ran out of time.
fn from_log(start: &LogEvent, txn: &str, events: &[&LogEvent]) -> RequestView {
    let name = start.document.get("client_name").and_then(Value::as_str).unwrap_or_default();
    let id = start.client_id.as_ref().map(domain::ClientId::as_str).unwrap_or_default();
    let mut view = RequestView {
        txn: txn.to_owned(),
        at: start.at,
        client: if name.is_empty() { id.to_owned() } else { name.to_owned() },
        outcome: Outcome::Expired,
        until: None,
        message: None,
        push: PushState::Unknown,
        is_read: false,
        deliveries: Vec::new(),
    };
    for event in events {
        let outcome = match event.kind.as_str() {
            "gd_auth_succeed" => Outcome::Approved,
            "gd_auth_rejected" => Outcome::Denied,
            "ciba_exchange_succeeded" => Outcome::Completed,
            "ciba_withdrawn" => Outcome::Withdrawn,
            "gd_send_pn" => {
                view.push = PushState::Sent;
                continue;
            }
            "gd_send_pn_failure" if view.push != PushState::Sent => {
                view.push = PushState::Failed(String::new());
                continue;
            }
            _ => continue,
        };
        // Newest first, but in one moment in any order: an approval never hides that the tokens were
        // collected.
        if view.until.is_none() || outcome == Outcome::Completed {
            view.outcome = outcome;
            view.until = Some(event.at);
        }
    }
    view
}

/// What the row tells beyond that.
fn look(view: &mut RequestView, transaction: &Transaction) {
    let facts = transaction.facts();
    view.message.clone_from(&facts.asked.binding_message);
    view.is_read = facts.consent_read_at.is_some();
    view.push = pushes(&facts.challenges);
    let ends = Some(facts.expires_at);
    match transaction {
        Transaction::Pending(_) => (view.outcome, view.until) = (Outcome::Waiting, ends),
        Transaction::Approved(_) => view.outcome = Outcome::Approved,
        Transaction::Denied(_) => view.outcome = Outcome::Denied,
        Transaction::Withdrawn(_) => view.outcome = Outcome::Withdrawn,
        Transaction::Failed(_) => view.outcome = Outcome::Failed,
        Transaction::Expired(_) => (view.outcome, view.until) = (Outcome::Expired, ends),
        Transaction::Redeemed(_) => view.outcome = Outcome::Completed,
    }
}

/// What became of it on each device that was asked.
async fn deliveries(
    app: &App,
    tenant: &TenantId,
    transaction: &Transaction,
) -> Result<Vec<DeliveryView>, Broken> {
    let facts = transaction.facts();
    let decision = decision(transaction);
    let mut views = Vec::new();
    for challenge in &facts.challenges {
        let who = (tenant, &challenge.device);
        let opened_at = match challenge.service {
            PushService::Inbox => inbox::opened_at(&app.database, who, &facts.consent_id).await?,
            PushService::Apns | PushService::Gcm | PushService::Virtual => None,
        };
        let decided = decision.filter(|decision| decision.device == challenge.device);
        views.push(DeliveryView {
            device: challenge.device.clone(),
            became: challenge.receipt.clone(),
            tries: challenge.attempts.len(),
            provider: challenge.attempts.last().map(|last| last.provider.clone()),
            opened_at,
            decided_at: decided.map(|decision| decision.at),
        });
    }
    Ok(views)
}

/// Who decided it, and when.
const fn decision(transaction: &Transaction) -> Option<&Decision> {
    match transaction {
        Transaction::Approved(approved) => Some(approved.decision()),
        Transaction::Denied(denied) => Some(denied.decision()),
        Transaction::Redeemed(redeemed) => Some(redeemed.decision()),
        Transaction::Pending(_)
        | Transaction::Withdrawn(_)
        | Transaction::Failed(_)
        | Transaction::Expired(_) => None,
    }
}

fn pushes(challenges: &[Challenge]) -> PushState {
    let mut state = PushState::Waiting;
    for challenge in challenges {
        match &challenge.receipt {
            Receipt::Sent { .. } => return PushState::Sent,
            Receipt::Failed { reason, .. } => state = PushState::Failed(reason.clone()),
            Receipt::Waiting | Receipt::Unneeded => {}
        }
    }
    state
}

fn detail<'e>(event: &'e LogEvent, name: &str) -> Option<&'e str> {
    event.document.get("details")?.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_request_comes_back_from_its_digits() {
        let id = TransactionId::new([7; 16]);
        assert_eq!(TransactionId::from_hex(&id.to_string()), Some(id));
        assert_eq!(TransactionId::from_hex("07"), None);
        assert_eq!(TransactionId::from_hex(&"g".repeat(32)), None);
    }
}
