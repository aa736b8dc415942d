//! The clients that a person reported ("this wasn't me", D16): a list in the person's row, so that
//! a start finds it without a further look. Each name stands between two spaces.

use domain::{ClientId, TenantId, UserId};

use crate::{Database, Error, Write};

/// The list grows no longer, in characters; a person who reports more is blocked by hand.
pub const LIST_CHARS: i64 = 16_000;

/// Adds a client to the list; behind the step that stores the no, only with it. Again is nothing.
pub fn add(tenant: &TenantId, user: &UserId, client: &ClientId) -> Write {
    const ADD: &str = "
        UPDATE users SET refused_clients = COALESCE(refused_clients, '') || ' ' || $3 || ' '
        WHERE tenant_id = $1 AND user_id = $2 AND {guard}
            AND length(COALESCE(refused_clients, '')) < $4
            AND replace(COALESCE(refused_clients, ''), ' ' || $3 || ' ', '')
                = COALESCE(refused_clients, '')";
    Write::new().also(ADD, [tenant.into(), user.into(), client.into(), LIST_CHARS.into()])
}

/// Takes a client from the list. `Overtaken`: it is not on it.
pub fn lift(tenant: &TenantId, user: &UserId, client: &ClientId) -> Write {
    const LIFT: &str = "
        UPDATE users SET refused_clients = replace(refused_clients, ' ' || $3 || ' ', '')
        WHERE tenant_id = $1 AND user_id = $2
            AND replace(refused_clients, ' ' || $3 || ' ', '') <> refused_clients";
    Write::new().exactly(1, LIFT, [tenant.into(), user.into(), client.into()])
}

/// The list of a person, if there is one.
pub async fn of_user(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Option<Vec<ClientId>>, Error> {
    const READ: &str = "
        SELECT refused_clients FROM users WHERE tenant_id = $1 AND user_id = $2";
    let row = database.one(READ, &[tenant.into(), user.into()]).await?;
    row.map(|row| Ok(row.optional_text(0)?.map(names).unwrap_or_default())).transpose()
}

/// The names of a list.
pub(crate) fn names(list: &str) -> Vec<ClientId> {
    list.split_whitespace().map(ClientId::new).collect()
}
