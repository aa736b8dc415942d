//! Tenants and the host names they are found by.

use domain::{TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Most tenants that a list gives.
pub const TENANT_LIMIT: i64 = 1_000;

/// A tenant as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRow {
    /// Its short name.
    pub id: TenantId,
    /// What people see.
    pub display_name: String,
    /// What an administrator has set, as JSON text.
    pub settings: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its own host names, in order of the alphabet.
    pub hosts: Vec<String>,
}

/// The tenant of this name.
pub async fn one(database: &Database, tenant: &TenantId) -> Result<Option<TenantRow>, Error> {
    const READ: &str = "
        SELECT t.id, t.display_name, t.settings, t.created_at, h.host
        FROM tenants t LEFT JOIN tenant_hosts h ON h.tenant_id = t.id
        WHERE t.id = $1 ORDER BY h.host LIMIT 100";
    let rows = database.few(READ, &[tenant.into()]).await?;
    Ok(grouped(&rows)?.pop())
}

/// The name of the tenant that has this host name.
pub async fn by_host(database: &Database, host: &str) -> Result<Option<TenantId>, Error> {
    const READ: &str = "SELECT tenant_id FROM tenant_hosts WHERE host = $1";
    let row = database.one(READ, &[host.into()]).await?;
    row.map(|row| Ok(TenantId::new(row.text(0)?))).transpose()
}

/// All tenants, oldest first.
pub async fn list(database: &Database) -> Result<Vec<TenantRow>, Error> {
    const READ: &str = "
        SELECT t.id, t.display_name, t.settings, t.created_at, h.host
        FROM tenants t LEFT JOIN tenant_hosts h ON h.tenant_id = t.id
        WHERE t.id IN (SELECT id FROM tenants ORDER BY created_at, id LIMIT $1)
        ORDER BY t.created_at, t.id, h.host LIMIT 10000";
    grouped(&database.all(READ, &[TENANT_LIMIT.into()]).await?)
}

/// Makes a tenant with its hosts. `Overtaken`: the name or one of the hosts is taken.
pub fn create(tenant: &TenantRow) -> Write {
    const MAKE: &str = "
        INSERT INTO tenants (id, display_name, settings, created_at) VALUES ($1, $2, $3, $4)";
    let first = Write::new().exactly(
        1,
        MAKE,
        [
            (&tenant.id).into(),
            (&tenant.display_name).into(),
            (&tenant.settings).into(),
            tenant.created_at.into(),
        ],
    );
    let hosts = tenant.hosts.iter();
    hosts
        .fold(first, |write, host| write.exactly(1, ADD_HOST, [host.into(), (&tenant.id).into()]))
        .changes_configuration()
}

const ADD_HOST: &str = "
    INSERT INTO tenant_hosts (host, tenant_id) SELECT $1, $2 WHERE {guard}";

/// Gives a tenant one more host. `Overtaken`: it is taken.
pub fn add_host(tenant: &TenantId, host: &str) -> Write {
    Write::new().exactly(1, ADD_HOST, [host.into(), tenant.into()]).changes_configuration()
}

/// Takes a host from a tenant; only with the step before it, if there is one.
pub fn remove_host(tenant: &TenantId, host: &str) -> Write {
    const REMOVE: &str = "
        DELETE FROM tenant_hosts WHERE host = $1 AND tenant_id = $2 AND {guard}";
    Write::new().also(REMOVE, [host.into(), tenant.into()]).changes_configuration()
}

/// Changes what is set. `Overtaken`: `was` is no longer what is stored.
pub fn change_settings(tenant: &TenantId, was: &str, settings: &str) -> Write {
    const CHANGE: &str = "UPDATE tenants SET settings = $3 WHERE id = $1 AND settings = $2";
    Write::new()
        .exactly(1, CHANGE, [tenant.into(), was.into(), settings.into()])
        .changes_configuration()
}

/// Changes what is set together with what people see. `Overtaken`: `was` is no longer what is
/// stored.
pub fn change(tenant: &TenantId, was: &str, settings: &str, display_name: &str) -> Write {
    const CHANGE: &str = "
        UPDATE tenants SET settings = $3, display_name = $4 WHERE id = $1 AND settings = $2";
    let params = [tenant.into(), was.into(), settings.into(), display_name.into()];
    Write::new().exactly(1, CHANGE, params).changes_configuration()
}

/// Changes what people see. `Overtaken`: there is no such tenant.
pub fn rename(tenant: &TenantId, display_name: &str) -> Write {
    const CHANGE: &str = "UPDATE tenants SET display_name = $2 WHERE id = $1";
    Write::new().exactly(1, CHANGE, [tenant.into(), display_name.into()]).changes_configuration()
}

/// One tenant from the rows of its hosts, which follow one another.
fn grouped(rows: &[Row]) -> Result<Vec<TenantRow>, Error> {
    let mut tenants: Vec<TenantRow> = Vec::new();
    for row in rows {
        let id = TenantId::new(row.text(0)?);
        let host = row.optional_text(4)?.map(String::from);
        match tenants.last_mut().filter(|last| last.id == id) {
            Some(last) => last.hosts.extend(host),
            None => tenants.push(TenantRow {
                id,
                display_name: row.text(1)?.to_owned(),
                settings: row.text(2)?.to_owned(),
                created_at: row.time(3)?,
                hosts: host.into_iter().collect(),
            }),
        }
    }
    Ok(tenants)
}
