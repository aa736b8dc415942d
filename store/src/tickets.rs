//! Enrollment tickets. A device that is not confirmed yet is its ticket.

use domain::people::{Ticket, TicketKind};
use domain::{DeviceId, Fingerprint, TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Write};

/// The most pending enrollments of one user that are listed.
pub const PENDING_LIMIT: i64 = 20;

/// Stores a new ticket.
pub fn insert(tenant: &TenantId, ticket: &Ticket) -> Write {
    const INSERT: &str = "
        INSERT INTO tickets (tenant_id, hash, kind, user_id, parent, enrollment_id, allow_multiple,
            created_at, expires_at, used_at, replaces, of_device)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 WHERE {guard}";
    let (kind, parent, enrollment) = match &ticket.kind {
        TicketKind::Web => ("web", None, None),
        TicketKind::Tx { parent, enrollment } => ("tx", parent.as_ref(), Some(enrollment)),
    };
    let params = [
        tenant.into(),
        ticket.fingerprint.into(),
        kind.into(),
        (&ticket.user).into(),
        parent.into(),
        enrollment.into(),
        ticket.allow_multiple.into(),
        ticket.created_at.into(),
        ticket.expires_at.into(),
        ticket.used_at.into(),
        ticket.replaces.as_ref().into(),
        ticket.is_of_device.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// The ticket of this fingerprint, used and expired ones too.
pub async fn find(
    database: &Database,
    tenant: &TenantId,
    fingerprint: &Fingerprint,
) -> Result<Option<Ticket>, Error> {
    const READ: &str = "
        SELECT hash, kind, user_id, parent, enrollment_id, allow_multiple, created_at, expires_at,
            used_at, replaces, of_device
        FROM tickets WHERE tenant_id = $1 AND hash = $2";
    let row = database.one(READ, &[tenant.into(), fingerprint.into()]).await?;
    row.map(TryFrom::try_from).transpose()
}

/// The ticket whose device is pending under this id.
pub async fn find_by_enrollment(
    database: &Database,
    tenant: &TenantId,
    enrollment: &DeviceId,
) -> Result<Option<Ticket>, Error> {
    const READ: &str = "
        SELECT hash, kind, user_id, parent, enrollment_id, allow_multiple, created_at, expires_at,
            used_at, replaces, of_device
        FROM tickets WHERE tenant_id = $1 AND enrollment_id = $2";
    let row = database.one(READ, &[tenant.into(), enrollment.into()]).await?;
    row.map(TryFrom::try_from).transpose()
}

/// The user's good tickets of QR codes: the devices that are pending, oldest first.
pub async fn pending_of_user(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Ticket>, Error> {
    const LIST: &str = "
        SELECT hash, kind, user_id, parent, enrollment_id, allow_multiple, created_at, expires_at,
            used_at, replaces, of_device
        FROM tickets
        WHERE tenant_id = $1 AND user_id = $2 AND kind = 'tx' AND used_at IS NULL
            AND expires_at > $3
        ORDER BY created_at, hash LIMIT $4";
    let params = [tenant.into(), user.into(), now.into(), PENDING_LIMIT.into()];
    database.few(LIST, &params).await?.into_iter().map(TryFrom::try_from).collect()
}

/// Spends the ticket of a QR code, with its web ticket; the step that enrolls comes behind.
///
/// `Overtaken`: it is no such ticket, it or its web ticket was used, its time is over, its user is
/// gone, or it allows one device only and the user has one under another `identifier`. Virtual
/// phones do not count (decision 19), nor does the device that this one replaces.
pub fn spend_for_enrollment(
    tenant: &TenantId,
    ticket: &Ticket,
    identifier: &str,
    now: Timestamp,
) -> Write {
    const SPEND: &str = "
        UPDATE tickets SET used_at = $3
        WHERE tenant_id = $1 AND hash = $2 AND kind = 'tx' AND used_at IS NULL
            AND expires_at > $3 AND {guard}
            AND (allow_multiple = 1 OR NOT EXISTS
                (SELECT 1 FROM enrollments e
                WHERE e.tenant_id = $1 AND e.user_id = tickets.user_id AND e.identifier <> $4
                    AND e.push_service <> 'virtual' AND e.id <> COALESCE(tickets.replaces, '')))";
    let spent = Write::new().exactly(
        1,
        SPEND,
        [tenant.into(), ticket.fingerprint.into(), now.into(), identifier.into()],
    );
    let spent = with_parent(spent, tenant, ticket, now);
    if ticket.allow_multiple { spent } else { spent.and(take_turn(tenant, &ticket.user)) }
}

/// Spends the ticket of a code, with its web ticket, for a passkey of who has a device; the step that
/// registers it comes behind. `Overtaken`: it is no such ticket, was used, or its time is over.
pub fn spend_for_passkey(tenant: &TenantId, ticket: &Ticket, now: Timestamp) -> Write {
    const SPEND: &str = "
        UPDATE tickets SET used_at = $3
        WHERE tenant_id = $1 AND hash = $2 AND kind = 'tx' AND used_at IS NULL
            AND expires_at > $3 AND of_device = 0 AND {guard}";
    let params = [tenant.into(), ticket.fingerprint.into(), now.into()];
    with_parent(Write::new().exactly(1, SPEND, params), tenant, ticket, now)
}

fn with_parent(spent: Write, tenant: &TenantId, ticket: &Ticket, now: Timestamp) -> Write {
    const SPEND_PARENT: &str = "
        UPDATE tickets SET used_at = $3
        WHERE tenant_id = $1 AND hash = $2 AND kind = 'web' AND used_at IS NULL AND {guard}";
    match &ticket.kind {
        TicketKind::Tx { parent: Some(parent), .. } => {
            spent.exactly(1, SPEND_PARENT, [tenant.into(), parent.into(), now.into()])
        }
        TicketKind::Tx { parent: None, .. } | TicketKind::Web => spent,
    }
}

/// Of two enrollments that both see no device and begin at once, one may go on: the one that waited
/// for the user's row finds a turn that its own look at the database does not know.
fn take_turn(tenant: &TenantId, user: &UserId) -> Write {
    const TAKE_TURN: &str = "
        UPDATE users SET enrollment_turn = enrollment_turn + 1
        WHERE tenant_id = $1 AND user_id = $2 AND {guard}
            AND enrollment_turn =
                (SELECT u.enrollment_turn FROM users u WHERE u.tenant_id = $1 AND u.user_id = $2)";
    Write::new().exactly(1, TAKE_TURN, [tenant.into(), user.into()])
}

/// Takes the ticket of a pending device back. `Overtaken`: it was used, or there is none.
pub fn withdraw(tenant: &TenantId, enrollment: &DeviceId) -> Write {
    const WITHDRAW: &str = "
        DELETE FROM tickets
        WHERE tenant_id = $1 AND enrollment_id = $2 AND used_at IS NULL AND {guard}";
    Write::new().exactly(1, WITHDRAW, [tenant.into(), enrollment.into()])
}

/// Deletes all tickets of a user, with the user.
pub fn delete_of_user(tenant: &TenantId, user: &UserId) -> Write {
    const DELETE: &str = "DELETE FROM tickets WHERE tenant_id = $1 AND user_id = $2 AND {guard}";
    Write::new().also(DELETE, [tenant.into(), user.into()])
}

impl TryFrom<Row> for Ticket {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let inconsistent = |user: &str| Error::Inconsistent {
            table: "tickets",
            id: format!("one of user {user}"),
        };
        let user = row.text(2)?;
        let kind = match (row.text(1)?, row.optional_text(4)?) {
            ("web", None) => TicketKind::Web,
            ("tx", Some(enrollment)) => TicketKind::Tx {
                parent: row.optional_fingerprint(3)?,
                enrollment: DeviceId::new(enrollment),
            },
            _ => return Err(inconsistent(user)),
        };
        Ok(Self {
            fingerprint: row.fingerprint(0)?,
            kind,
            user: UserId::new(user),
            allow_multiple: row.flag(5)?,
            created_at: row.time(6)?,
            expires_at: row.time(7)?,
            used_at: row.optional_time(8)?,
            replaces: row.optional_text(9)?.map(DeviceId::new),
            is_of_device: row.flag(10)?,
        })
    }
}
