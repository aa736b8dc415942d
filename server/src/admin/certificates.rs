//! The certificates that the server fetches, as an administrator sees them.

use domain::Timestamp;
use serde_json::{Value, json};
use store::{Database, acme};

use super::Refused;

/// Every host that wants one: until when what it has is good, and what went wrong last.
pub async fn fetched(database: &Database) -> Result<Value, Refused> {
    let rows = acme::hosts(database).await?;
    let shown = rows.iter().map(|row| {
        let end = row.expires_at.filter(|_| row.certificate.is_some());
        json!({
            "host": row.host,
            "good_until": end.map(Timestamp::to_iso),
            "attempts": row.attempts,
            "problem": row.problem,
            "next_at": row.next_at.to_iso(),
        })
    });
    Ok(shown.collect())
}
