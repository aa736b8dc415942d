//! Sessions of operators in the console.

use domain::{Fingerprint, TenantId, Timestamp};

use crate::operators::Operator;
use crate::{Database, Error, Write};

/// Most sessions of one operator; one more takes the place of the oldest.
pub const SESSION_LIMIT: i64 = 10;

/// How an operator came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a one-time link.
    Link,
    /// By a passkey.
    Passkey,
}

impl Method {
    /// Its name in rows and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Passkey => "passkey",
        }
    }
}

/// A session as it is stored: its token is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of its token.
    pub fingerprint: Fingerprint,
    /// Whose it is.
    pub operator: Operator,
    /// How they came in.
    pub method: Method,
    /// When it began.
    pub created_at: Timestamp,
    /// The first moment at which it is over, unless it is used before.
    pub expires_at: Timestamp,
}

/// The session of this token, if it is not over and its operator still is one.
pub async fn find(
    database: &Database,
    tenant: &TenantId,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<Option<Session>, Error> {
    const READ: &str = "
        SELECT o.id, o.name, o.created_at, s.method, s.created_at, s.expires_at
        FROM operator_sessions s
        JOIN operators o ON o.tenant_id = s.tenant_id AND o.id = s.operator_id
        WHERE s.tenant_id = $1 AND s.hash = $2 AND s.expires_at > $3";
    let params = [tenant.into(), fingerprint.into(), now.into()];
    let Some(row) = database.one(READ, &params).await? else { return Ok(None) };
    let method = match row.text(3)? {
        "link" => Method::Link,
        "passkey" => Method::Passkey,
        other => {
            return Err(Error::Inconsistent { table: "operator_sessions", id: other.to_owned() });
        }
    };
    Ok(Some(Session {
        fingerprint: *fingerprint,
        operator: Operator {
            id: row.text(0)?.to_owned(),
            name: row.text(1)?.to_owned(),
            created_at: row.time(2)?,
        },
        method,
        created_at: row.time(4)?,
        expires_at: row.time(5)?,
    }))
}

/// Begins a session, behind the step that proves who it is. `Overtaken`: the operator is gone.
pub fn begin(tenant: &TenantId, session: &Session) -> Write {
    const MAKE_ROOM: &str = "
        DELETE FROM operator_sessions
        WHERE tenant_id = $1 AND operator_id = $2 AND {guard} AND hash NOT IN
            (SELECT s.hash FROM operator_sessions s
            WHERE s.tenant_id = $1 AND s.operator_id = $2
            ORDER BY s.created_at DESC, s.hash LIMIT $3)";
    const BEGIN: &str = "
        INSERT INTO operator_sessions
            (tenant_id, hash, operator_id, method, created_at, expires_at)
        SELECT $1, $2, $3, $4, $5, $6
        WHERE {guard} AND EXISTS (SELECT 1 FROM operators WHERE tenant_id = $1 AND id = $3)";
    let operator = &session.operator.id;
    let params = [
        tenant.into(),
        session.fingerprint.into(),
        operator.into(),
        session.method.name().into(),
        session.created_at.into(),
        session.expires_at.into(),
    ];
    Write::new()
        .also(MAKE_ROOM, [tenant.into(), operator.into(), (SESSION_LIMIT - 1).into()])
        .exactly(1, BEGIN, params)
}

/// Lets a session that is used live longer. `Overtaken`: it was ended.
pub fn extend(tenant: &TenantId, fingerprint: &Fingerprint, expires_at: Timestamp) -> Write {
    const EXTEND: &str = "
        UPDATE operator_sessions SET expires_at = $3 WHERE tenant_id = $1 AND hash = $2";
    Write::new().exactly(1, EXTEND, [tenant.into(), fingerprint.into(), expires_at.into()])
}

/// Ends a session. `Overtaken`: it was ended before.
pub fn end(tenant: &TenantId, fingerprint: &Fingerprint) -> Write {
    const END: &str = "DELETE FROM operator_sessions WHERE tenant_id = $1 AND hash = $2";
    Write::new().exactly(1, END, [tenant.into(), fingerprint.into()])
}
