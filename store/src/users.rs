//! Users and the accounts that make them up.

use domain::people::{Identity, User};
use domain::{TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Write};

/// Most users that one address gives.
pub const SAME_EMAIL_LIMIT: i64 = 100;

/// A user together with the text that is stored, so that a change can say what it changed.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredUser {
    /// The user.
    pub user: User,
    /// The document as stored.
    pub document: String,
}

/// The user of this id.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Option<User>, Error> {
    Ok(stored(database, tenant, user).await?.map(|stored| stored.user))
}

/// The user of this id, to be changed.
pub async fn stored(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Option<StoredUser>, Error> {
    const READ: &str = "SELECT user_id, document FROM users WHERE tenant_id = $1 AND user_id = $2";
    database.one(READ, &[tenant.into(), user.into()]).await?.as_ref().map(read).transpose()
}

/// The users with this lower-cased address, oldest first (W217).
pub async fn by_email(
    database: &Database,
    tenant: &TenantId,
    email: &str,
) -> Result<Vec<User>, Error> {
    const READ: &str = "
        SELECT user_id, document FROM users WHERE tenant_id = $1 AND email = $2
        ORDER BY created_at, user_id LIMIT $3";
    let params = [tenant.into(), email.into(), SAME_EMAIL_LIMIT.into()];
    let rows = database.all(READ, &params).await?;
    rows.iter().map(|row| Ok(read(row)?.user)).collect()
}

/// The users with this phone number, oldest first; one more than one is enough to know.
pub async fn by_phone(
    database: &Database,
    tenant: &TenantId,
    number: &str,
) -> Result<Vec<User>, Error> {
    const READ: &str = "
        SELECT user_id, document FROM users WHERE tenant_id = $1 AND phone_number = $2
        ORDER BY created_at, user_id LIMIT 2";
    let rows = database.all(READ, &[tenant.into(), number.into()]).await?;
    rows.iter().map(|row| Ok(read(row)?.user)).collect()
}

/// Whose account of `connection` has this lower-cased address.
pub async fn by_identity_email(
    database: &Database,
    tenant: &TenantId,
    connection: &str,
    email: &str,
) -> Result<Option<UserId>, Error> {
    const READ: &str = "
        SELECT user_id FROM user_identities
        WHERE tenant_id = $1 AND connection = $2 AND email = $3";
    let row = database.one(READ, &[tenant.into(), connection.into(), email.into()]).await?;
    row.map(|row| Ok(UserId::new(row.text(0)?))).transpose()
}

/// How many users were made on each day of a span, as days since 1970.
pub async fn created_per_day(
    database: &Database,
    tenant: &TenantId,
    (from, before): (Timestamp, Timestamp),
) -> Result<Vec<(i64, u64)>, Error> {
    const READ: &str = "
        SELECT created_at / 86400000, count(*) FROM users
        WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3
        GROUP BY created_at / 86400000 ORDER BY 1 LIMIT 1000";
    crate::daily(&database.all(READ, &[tenant.into(), from.into(), before.into()]).await?)
}

/// Adds a user with its accounts. `Overtaken`: the id, an account or its address is taken.
pub fn insert(tenant: &TenantId, user: &User, now: Timestamp) -> Write {
    const USER: &str = "
        INSERT INTO users
            (tenant_id, user_id, email, name, blocked, document, phone_number, created_at,
             updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8 WHERE {guard}";
    const IDENTITY: &str = "
        INSERT INTO user_identities (tenant_id, connection, identity_id, user_id, email)
        SELECT $1, $2, $3, $4, $5 WHERE {guard}";
    let first = Write::new().exactly(
        1,
        USER,
        [
            tenant.into(),
            user.id().into(),
            user.email().into(),
            user.name().into(),
            user.is_blocked().into(),
            user.to_stored().into(),
            user.phone_number().into(),
            now.into(),
        ],
    );
    user.identities().into_iter().fold(first, |write, identity: Identity| {
        let params = [
            tenant.into(),
            identity.connection.into(),
            identity.id.into(),
            user.id().into(),
            identity.email.into(),
        ];
        write.exactly(1, IDENTITY, params)
    })
}

/// Puts `user` in the place of what `was` stored. `Overtaken`: it is no longer stored, or the new
/// address is taken.
pub fn replace(tenant: &TenantId, was: &StoredUser, user: &User, now: Timestamp) -> Write {
    const USER: &str = "
        UPDATE users
        SET email = $4, name = $5, blocked = $6, document = $7, phone_number = $8, updated_at = $9
        WHERE tenant_id = $1 AND user_id = $2 AND document = $3";
    const ADDRESS: &str = "
        UPDATE user_identities SET email = $4
        WHERE tenant_id = $1 AND connection = $2 AND identity_id = $3 AND {guard}";
    let write = Write::new().exactly(
        1,
        USER,
        [
            tenant.into(),
            was.user.id().into(),
            (&was.document).into(),
            user.email().into(),
            user.name().into(),
            user.is_blocked().into(),
            user.to_stored().into(),
            user.phone_number().into(),
            now.into(),
        ],
    );
    match user.identities().into_iter().next() {
        Some(first) if was.user.email() != user.email() => {
            let params =
                [tenant.into(), first.connection.into(), first.id.into(), first.email.into()];
            write.exactly(1, ADDRESS, params)
        }
        Some(_) | None => write,
    }
}

/// Deletes a user with accounts, devices, tickets and tokens; open requests fail (W222).
/// `Overtaken`: there was no such user.
pub fn delete(tenant: &TenantId, user: &UserId, now: Timestamp) -> Write {
    const DELETE: &str = "DELETE FROM users WHERE tenant_id = $1 AND user_id = $2";
    const PARTS: [&str; 7] = [
        "DELETE FROM user_codes WHERE tenant_id = $1 AND user_id = $2 AND {guard}",
        "DELETE FROM user_identities WHERE tenant_id = $1 AND user_id = $2 AND {guard}",
        "DELETE FROM enrollments WHERE tenant_id = $1 AND user_id = $2 AND {guard}",
        "DELETE FROM passkeys WHERE tenant_id = $1 AND user_id = $2 AND {guard}",
        "DELETE FROM tickets WHERE tenant_id = $1 AND user_id = $2 AND {guard}",
        "DELETE FROM refresh_tokens WHERE tenant_id = $1 AND user_id = $2 AND {guard}",
        "DELETE FROM access_tokens WHERE tenant_id = $1 AND user_id = $2 AND {guard}",
    ];
    const FAIL: &str = "
        UPDATE transactions
        SET state = 'failed', decided_at = COALESCE(decided_at, $3), reason = 'user_deleted',
            push_due_at = NULL
        WHERE tenant_id = $1 AND user_id = $2 AND state IN ('pending', 'approved') AND {guard}";
    const NOTICES: &str = "
        UPDATE notices SET due_at = $3
        WHERE tenant_id = $1 AND user_id = $2 AND due_at IS NULL AND {guard}";
    let first = Write::new().exactly(1, DELETE, [tenant.into(), user.into()]);
    PARTS
        .iter()
        .fold(first, |write, part| write.also(part, [tenant.into(), user.into()]))
        .also(FAIL, [tenant.into(), user.into(), now.into()])
        .also(NOTICES, [tenant.into(), user.into(), now.into()])
}

pub(crate) fn read(row: &Row) -> Result<StoredUser, Error> {
    let document = row.text(1)?;
    let Some(user) = User::from_stored(document) else {
        return Err(Error::Inconsistent { table: "users", id: row.text(0)?.to_owned() });
    };
    Ok(StoredUser { user, document: document.to_owned() })
}
