//! Signing in and out of the console.

use domain::{Fingerprint, TenantId, Timestamp};
use serde_json::json;
use store::operator_sessions::{self, Method, Session};
use store::operators::{self, Operator};
use store::{Write, Written, log_events};

use crate::App;
use crate::failure::Broken;
use crate::flows::log::{self, Entry};
use crate::meta::Meta;

/// Seconds after which an unused session is over.
pub const IDLE_S: i64 = 60 * 60;
/// Seconds after which any session is over.
pub const LONGEST_S: i64 = 12 * 60 * 60;
/// A session that is used is written again at most once in so many milliseconds.
const EXTENDED_EVERY_MS: i64 = 60_000;

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// What the browser keeps; here it is readable for the last time.
    pub token: String,
    /// Whose it is.
    pub operator: Operator,
}

/// Whom a link would let in; `None` if it was used, is too old or never was.
pub async fn operator_of_link(
    app: &App,
    tenant: &TenantId,
    link: &str,
    now: Timestamp,
) -> Result<Option<Operator>, Broken> {
    let fingerprint = Fingerprint::of(link.as_bytes());
    Ok(operators::by_link(&app.database, tenant, &fingerprint, now).await?)
}

/// Spends a one-time link; `None` as for [`operator_of_link`].
pub async fn sign_in_by_link(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    link: &str,
    now: Timestamp,
) -> Result<Option<NewSession>, Broken> {
    let Some(operator) = operator_of_link(app, tenant, link, now).await? else { return Ok(None) };
    let spent = operators::spend_link(tenant, &Fingerprint::of(link.as_bytes()), now);
    begin(app, (tenant, meta), (spent, operator, Method::Link), now).await
}

/// Begins a session behind `proof`, the steps that show who it is.
pub(super) async fn begin(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    (proof, operator, method): (Write, Operator, Method),
    now: Timestamp,
) -> Result<Option<NewSession>, Broken> {
    let token = app.entropy.base64url::<32>();
    let session = Session {
        fingerprint: Fingerprint::of(token.as_bytes()),
        operator,
        method,
        created_at: now,
        expires_at: now.plus_seconds(IDLE_S),
    };
    let details = json!({ "method": method.name() });
    let meta = meta.by(&session.operator);
    let entry = Entry::new("console_signed_in", "An operator signed in to the console", details);
    let event = log::event(app, &meta, entry, now);
    let write = proof.and(operator_sessions::begin(tenant, &session));
    match app.database.run(log_events::append(write, tenant, &event)).await? {
        Written::Done => {
            tracing::info!(
                tenant.id = %tenant, operator.id = session.operator.id, method = method.name(),
                "operator signed in"
            );
            Ok(Some(NewSession { token, operator: session.operator }))
        }
        Written::Overtaken => Ok(None),
    }
}

/// The session of this token; one that is used lives on.
pub async fn find_session(
    app: &App,
    tenant: &TenantId,
    token: &str,
    now: Timestamp,
) -> Result<Option<Session>, Broken> {
    let fingerprint = Fingerprint::of(token.as_bytes());
    let found = operator_sessions::find(&app.database, tenant, &fingerprint, now).await?;
    let Some(session) = found else { return Ok(None) };
    let end = session.created_at.plus_seconds(LONGEST_S);
    let extended = now.plus_seconds(IDLE_S).min(end);
    if extended.ms_since(session.expires_at) >= EXTENDED_EVERY_MS {
        let write = operator_sessions::extend(tenant, &fingerprint, extended);
        match app.database.run(write).await? {
            Written::Done => {}
            // Signed out in another window in this moment.
            Written::Overtaken => return Ok(None),
        }
    }
    Ok(Some(session))
}

/// Ends a session.
pub async fn sign_out(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    session: &Session,
    now: Timestamp,
) -> Result<(), Broken> {
    let entry = Entry::new("console_signed_out", "An operator signed out", json!({}));
    let event = log::event(app, &meta.by(&session.operator), entry, now);
    let write = operator_sessions::end(tenant, &session.fingerprint);
    match app.database.run(log_events::append(write, tenant, &event)).await? {
        // Ended already: what was asked for.
        Written::Done | Written::Overtaken => Ok(()),
    }
}
