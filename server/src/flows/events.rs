//! `GET /ciba/events` (decision 34): a client that waits is told the moment a request is decided.
//! The tokens are fetched once, at the token endpoint, as ever.

use std::sync::Arc;

use domain::ciba::transaction::{Stored, Transaction};
use domain::jose::auth_req_hash;
use domain::oauth::refusal::{Reason, Refusal};
use domain::{Fingerprint, TenantId, Timestamp};
use store::transactions;

use crate::App;
use crate::failure::Failure;
use crate::known::KnownClient;
use crate::tenancy::Context;
use crate::waiting::{Entered, Waiter, Woken};

/// Whoever finds no place to listen comes back after this long.
const FULL_RETRY_S: i64 = 5;

/// What became of a request, as the name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody said yes or no, or it failed.
    Decided,
    /// The client took it back.
    Withdrawn,
    /// Its time ran out.
    Expired,
}

impl Event {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// What a request has come to; none while it is undecided.
    pub(super) fn of(stored: Stored, now: Timestamp) -> Option<Self> {
        match stored.at(now) {
            Transaction::Pending(_) => None,
            Transaction::Approved(_)
            | Transaction::Denied(_)
            | Transaction::Failed(_)
            | Transaction::Redeemed(_) => Some(Self::Decided),
            Transaction::Withdrawn(_) => Some(Self::Withdrawn),
            Transaction::Expired(_) => Some(Self::Expired),
        }
    }
}

/// Listens for what becomes of one request.
#[derive(Debug)]
pub struct Listener {
    app: Arc<App>,
    tenant: TenantId,
    auth_req_hash: Fingerprint,
    waiter: Waiter,
}

/// Begins to listen for what becomes of this client's request.
pub async fn listen(
    app: &Arc<App>,
    context: &Context,
    (client, auth_req_id): (&KnownClient, &str),
    now: Timestamp,
) -> Result<Listener, Failure> {
    client.client().may_use_ciba()?;
    let tenant = context.tenant.id.clone();
    let hash = auth_req_hash(auth_req_id);
    let found = transactions::find(&app.database, &tenant, &hash).await?;
    let stored = found.ok_or_else(|| Refusal::from(Reason::UnknownRequest))?;
    let facts = stored.at(now).facts().clone();
    if facts.client_id != client.client().id {
        return Err(Refusal::from(Reason::UnknownRequest).into());
    }
    match app.listening.enter(&tenant, &hash, facts.expires_at) {
        Entered::Waits(waiter) => {
            Ok(Listener { app: Arc::clone(app), tenant, auth_req_hash: hash, waiter })
        }
        Entered::Taken => Err(Refusal::slow_down(FULL_RETRY_S).into()),
        Entered::Full | Entered::Closed => Err(Refusal::unavailable(FULL_RETRY_S).into()),
    }
}

impl Listener {
    /// The event, when it comes; none if the server stops first.
    pub async fn event(&self) -> Result<Option<Event>, Failure> {
        loop {
            // Looked at first: it may have been decided before anybody listened.
            let (app, hash) = (&self.app, &self.auth_req_hash);
            let found = transactions::find(&app.database, &self.tenant, hash).await?;
            let event = found.map_or(Some(Event::Expired), |s| Event::of(s, app.clock.now()));
            if event.is_some() {
                return Ok(event);
            }
            if self.waiter.wait().await == Woken::TimeUp && app.listening.is_closed() {
                return Ok(None);
            }
        }
    }
}
