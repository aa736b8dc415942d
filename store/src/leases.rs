//! Work that one node at a time does: whoever holds the lease, for as long as it says.

use domain::Timestamp;

use crate::Write;

/// Takes the lease, or keeps it. `Overtaken`: another holder has it until later than `now`.
pub fn take(name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Write {
    const TAKE: &str = "
        INSERT INTO leases (name, holder, expires_at) SELECT $1, $2, $3 WHERE {guard}
        ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, expires_at = excluded.expires_at
        WHERE leases.holder = excluded.holder OR leases.expires_at <= $4";
    const HELD: &str = "
        SELECT 1 FROM leases WHERE name = $1 AND holder = $2 AND expires_at = $3";
    Write::new()
        .exactly(1, TAKE, [name.into(), holder.into(), until.into(), now.into()])
        .recognised_by(HELD, [name.into(), holder.into(), until.into()])
}

/// Gives the lease back early, if it is still this holder's.
pub fn give_back(name: &str, holder: &str) -> Write {
    const GIVE_BACK: &str = "DELETE FROM leases WHERE name = $1 AND holder = $2 AND {guard}";
    Write::new().also(GIVE_BACK, [name.into(), holder.into()])
}
