//! Whether the limits that an operator switched on let a call pass (W116 to W121, G57).

use domain::oauth::refusal::{Rate, Reason, Refusal};
use domain::{Timestamp, UserId};
use serde_json::json;
use store::transactions;

use super::begin_authentication::user_limit_reached;
use super::log::{self, Entry};
use crate::App;
use crate::failure::{Broken, Failure};
use crate::meta::Meta;
use crate::rate_limits::{Counted, Reached};
use crate::tenancy::Context;

/// Takes one of what `who` may have of `what`; who has none left is told to the log, as long as
/// that is news (W291).
pub async fn take(
    app: &App,
    (context, meta): (&Context, &Meta),
    (what, who): (Counted, &str),
    now: Timestamp,
) -> Result<Result<Option<Rate>, Reached>, Broken> {
    let taken = app.rate_limits.take(what, (&context.tenant.id, who), now);
    if let Err(reached) = &taken
        && reached.is_news
    {
        let limit = (what.name(), reached.rate.limit);
        Box::pin(tell(app, (context, meta), limit, now)).await?;
    }
    Ok(taken)
}

/// Tells the log that a limit was reached (W291).
async fn tell(
    app: &App,
    (context, meta): (&Context, &Meta),
    (limit, allowed): (&str, u32),
    now: Timestamp,
) -> Result<(), Broken> {
    let details = json!({ "limit": limit, "allowed": allowed });
    let entry = Entry::new("api_limit", "A limit was reached", details);
    log::tell(app, (&context.tenant.id, meta), entry, now).await
}

/// The same for a call of the Authentication API.
pub async fn admit(
    app: &App,
    (context, meta): (&Context, &Meta),
    (what, who): (Counted, &str),
    now: Timestamp,
) -> Result<(), Failure> {
    if !app.rate_limits.limits(what) {
        return Ok(());
    }
    match take(app, (context, meta), (what, who), now).await? {
        Ok(_) => Ok(()),
        Err(reached) => Err(refusal(&reached).into()),
    }
}

/// A start, before anything of it is read: the address and the tenant (W116, W119).
pub async fn admit_start(
    app: &App,
    (context, meta): (&Context, &Meta),
    now: Timestamp,
) -> Result<(), Failure> {
    if app.rate_limits.limits(Counted::StartsOfAddress) {
        let address = address_of(meta);
        admit(app, (context, meta), (Counted::StartsOfAddress, &address), now).await?;
    }
    admit(app, (context, meta), (Counted::Authentication, ""), now).await
}

/// A registration, before anything of it is read: the address.
pub async fn admit_registration(
    app: &App,
    (context, meta): (&Context, &Meta),
    now: Timestamp,
) -> Result<(), Failure> {
    let address = address_of(meta);
    admit(app, (context, meta), (Counted::RegistrationsOfAddress, &address), now).await
}

/// The address that a call counts for.
pub fn address_of(meta: &Meta) -> String {
    meta.ip.map(|ip| ip.to_string()).unwrap_or_default()
}

/// A start that nothing else forbids: the tenant's requests of a minute, and its open ones (W117,
/// W118). Where the person's own limit is reached too, that is the answer (W108).
pub async fn admit_request(
    app: &App,
    (context, meta): (&Context, &Meta),
    user: &UserId,
    now: Timestamp,
) -> Result<(), Failure> {
    let taken = take(app, (context, meta), (Counted::StartsOfTenant, ""), now).await?;
    let refused = match taken {
        Err(reached) => Some(refusal(&reached)),
        Ok(_) => too_many_open(app, (context, meta), now).await?,
    };
    let Some(refused) = refused else { return Ok(()) };
    Err(user_limit_reached(app, context, user, now).await?.unwrap_or(refused).into())
}

/// The refusal where the tenant has as many open requests as it may. Counted beside the write, not
/// in it: starts of the same instant may pass together.
async fn too_many_open(
    app: &App,
    (context, meta): (&Context, &Meta),
    now: Timestamp,
) -> Result<Option<Refusal>, Failure> {
    let Some(limit) = app.rate_limits.open_per_tenant() else { return Ok(None) };
    let tenant = &context.tenant.id;
    let open = transactions::open_of_tenant(&app.database, tenant, now).await?;
    let Some(first_end) = open.first_end.filter(|_| open.count >= u64::from(limit)) else {
        return Ok(None);
    };
    let wait_s = (first_end.ms_since(now).max(1) + 999) / 1000;
    let rate = Rate { limit, remaining: 0, reset_at_s: now.seconds() + wait_s };
    tell(app, (context, meta), ("open_per_tenant", limit), now).await?;
    Ok(Some(Refusal::rate_limit(rate, wait_s)))
}

fn refusal(reached: &Reached) -> Refusal {
    Refusal::rate_limit(reached.rate, reached.retry_after_s)
}

/// Whether the log has heard of a refusal already.
pub fn is_told(refusal: &Refusal) -> bool {
    refusal.reason == Reason::RateLimit
}
