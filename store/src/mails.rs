//! Mail that is to be sent: a row until it is delivered or given up.

use domain::{Fingerprint, TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Write};

/// Rows that one call of [`due`] gives at most.
pub const PAGE_LIMIT: i64 = 100;
/// Tickets that wait to be mailed to one tenant's people, at most.
pub const WAITING_LIMIT: i64 = 10_000;

/// What a mail is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A link to an enrollment page, sealed with its address.
    Ticket {
        /// What [`crate::sealed::Place::Mails`] opens.
        sealed: Vec<u8>,
    },
    /// A request that waits.
    Wake {
        /// Which.
        auth_req_hash: Fingerprint,
    },
}

impl Subject {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Ticket { .. } => "ticket",
            Self::Wake { .. } => "wake",
        }
    }
}

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whose person it goes to.
    pub tenant: TenantId,
    /// Its name.
    pub id: String,
    /// Whom it goes to.
    pub user: UserId,
    /// What it is about.
    pub subject: Subject,
    /// When it is sent, or sent again: what a lease must find unchanged.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// After this it is worth nothing.
    pub expires_at: Timestamp,
}

/// Adds a mail; behind the step that makes it necessary, only with it. `Overtaken`: too many wait for
/// that of a ticket; a wake-up is left out then.
pub fn insert(mail: &Mail) -> Write {
    const INSERT: &str = "
        INSERT INTO mails (tenant_id, id, kind, user_id, auth_req_hash, sealed, due_at, attempts,
            expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, 0, $8
        WHERE (SELECT count(*) FROM mails WHERE tenant_id = $1) < $9 AND {guard}";
    let (hash, sealed) = match &mail.subject {
        Subject::Ticket { sealed } => (None, Some(sealed.as_slice())),
        Subject::Wake { auth_req_hash } => (Some(*auth_req_hash), None),
    };
    let params = [
        (&mail.tenant).into(),
        (&mail.id).into(),
        mail.subject.kind().into(),
        (&mail.user).into(),
        hash.into(),
        sealed.into(),
        mail.due_at.into(),
        mail.expires_at.into(),
        WAITING_LIMIT.into(),
    ];
    match &mail.subject {
        Subject::Ticket { .. } => Write::new().exactly(1, INSERT, params),
        Subject::Wake { .. } => Write::new().also(INSERT, params),
    }
}

/// The mails that are due, most overdue first.
pub async fn due(database: &Database, now: Timestamp) -> Result<Vec<Mail>, Error> {
    const DUE: &str = "
        SELECT tenant_id, id, user_id, auth_req_hash, sealed, due_at, attempts, expires_at
        FROM mails WHERE due_at <= $1 ORDER BY due_at, tenant_id, id LIMIT $2";
    let rows = database.all(DUE, &[now.into(), PAGE_LIMIT.into()]).await?;
    rows.iter().map(read).collect()
}

/// Takes a mail until `until`. `Overtaken`: another node took it.
pub fn lease(mail: &Mail, until: Timestamp) -> Write {
    const LEASE: &str = "
        UPDATE mails SET due_at = $4 WHERE tenant_id = $1 AND id = $2 AND due_at = $3";
    let params = [(&mail.tenant).into(), (&mail.id).into(), mail.due_at.into(), until.into()];
    Write::new().exactly(1, LEASE, params)
}

/// Has a mail tried again. `Overtaken`: another node tried in between.
pub fn again(mail: &Mail, due_at: Timestamp) -> Write {
    const AGAIN: &str = "
        UPDATE mails SET due_at = $4, attempts = attempts + 1
        WHERE tenant_id = $1 AND id = $2 AND attempts = $3";
    let params = [(&mail.tenant).into(), (&mail.id).into(), mail.attempts.into(), due_at.into()];
    Write::new().exactly(1, AGAIN, params)
}

/// Forgets a mail: it was delivered, given up or is not needed. `Overtaken`: it was before.
pub fn remove(mail: &Mail) -> Write {
    const REMOVE: &str = "DELETE FROM mails WHERE tenant_id = $1 AND id = $2";
    Write::new().exactly(1, REMOVE, [(&mail.tenant).into(), (&mail.id).into()])
}

fn read(row: &Row) -> Result<Mail, Error> {
    let id = row.text(1)?.to_owned();
    let subject = match (row.optional_blob(3)?, row.optional_blob(4)?) {
        (None, Some(sealed)) => Subject::Ticket { sealed: sealed.to_vec() },
        (Some(_), None) => Subject::Wake { auth_req_hash: row.fingerprint(3)? },
        (Some(_), Some(_)) | (None, None) => {
            return Err(Error::Inconsistent { table: "mails", id });
        }
    };
    Ok(Mail {
        tenant: TenantId::new(row.text(0)?),
        id,
        user: UserId::new(row.text(2)?),
        subject,
        due_at: row.time(5)?,
        attempts: row.int(6)?,
        expires_at: row.time(7)?,
    })
}
