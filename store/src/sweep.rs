//! Deletes what has expired, in small batches, so that no table grows for ever and no write waits
//! long behind a sweep. Log events are not swept: they are the record.

use domain::Timestamp;

use crate::{Database, Error, Write};

/// Rows of one batch: one write.
const BATCH: i64 = 200;

/// The most batches of one table in one sweep; the next sweep goes on.
const BATCH_LIMIT: u32 = 50;

/// How long a transaction is kept after its end, for late polls (W137: ten minutes at least) and
/// for the operator.
const TRANSACTION_GRACE_MS: i64 = 11 * 60 * 1000;

/// How long a mail is kept after it is worth nothing: nobody took it.
const MAIL_GRACE_MS: i64 = 10 * 60 * 1000;

/// A table and its statements: is there anything, and delete a batch of it.
struct Swept {
    anything: &'static str,
    /// What goes with the batch.
    before: Option<&'static str>,
    delete: &'static str,
    grace_ms: i64,
}

macro_rules! swept {
    ($table:literal, $key:literal, $grace_ms:expr) => {
        Swept {
            anything: concat!("SELECT 1 FROM ", $table, " WHERE expires_at <= $1 LIMIT 1"),
            before: None,
            delete: concat!(
                "DELETE FROM ",
                $table,
                " WHERE (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " WHERE expires_at <= $1 ORDER BY expires_at, ",
                $key,
                " LIMIT $2)"
            ),
            grace_ms: $grace_ms,
        }
    };
}

/// A person's counted starts go with the last request that was counted: no row of `user_limits` is
/// looked for, and none outlives its requests. The batch is that of the transactions.
const FORGET_STARTS: &str = "
    DELETE FROM user_limits WHERE newest_at <= $1 AND (tenant_id, user_id) IN
        (SELECT tenant_id, user_id FROM transactions WHERE expires_at <= $1
        ORDER BY expires_at, tenant_id, auth_req_hash LIMIT $2)";

const TABLES: [Swept; 23] = [
    Swept {
        before: Some(FORGET_STARTS),
        ..swept!("transactions", "tenant_id, auth_req_hash", TRANSACTION_GRACE_MS)
    },
    swept!("further_txtkns", "tenant_id, txtkn_hash", TRANSACTION_GRACE_MS),
    Swept {
        // What is due is given up first, by whoever delivers it.
        anything: "SELECT 1 FROM notices WHERE expires_at <= $1 AND due_at IS NULL LIMIT 1",
        before: None,
        delete: "
            DELETE FROM notices WHERE (tenant_id, txn) IN
                (SELECT tenant_id, txn FROM notices WHERE expires_at <= $1 AND due_at IS NULL
                ORDER BY expires_at, tenant_id, txn LIMIT $2)",
        grace_ms: TRANSACTION_GRACE_MS,
    },
    swept!("polls", "tenant_id, auth_req_hash", 0),
    swept!("idempotency_keys", "tenant_id, client_id, key_hash", 0),
    swept!("refresh_tokens", "tenant_id, hash", 0),
    swept!("access_tokens", "tenant_id, hash", 0),
    swept!("replays", "tenant_id, hash", 0),
    swept!("tickets", "tenant_id, hash", 0),
    swept!("leases", "name", 0),
    swept!("prompt_starts", "tenant_id, name", 0),
    swept!("prompt_budgets", "tenant_id, name", 0),
    swept!("prompt_waits", "tenant_id, client_id, user_id", 0),
    swept!("operator_links", "tenant_id, hash", 0),
    swept!("operator_sessions", "tenant_id, hash", 0),
    swept!("operator_ceremonies", "tenant_id, hash", 0),
    swept!("passkey_ceremonies", "tenant_id, hash", 0),
    swept!("initial_tokens", "tenant_id, hash", 0),
    swept!("inbox", "tenant_id, device_id, consent_id", TRANSACTION_GRACE_MS),
    swept!("contents", "tenant_id, auth_req_hash, locale", TRANSACTION_GRACE_MS),
    swept!("receipts", "tenant_id, txn", 0),
    swept!("logos", "tenant_id, hash", 0),
    // Whoever sends them gives them up first.
    swept!("mails", "tenant_id, id", MAIL_GRACE_MS),
];

/// Sweeps every table once. True: there was more than one sweep takes, so sweep again soon.
pub async fn run(database: &Database, now: Timestamp) -> Result<bool, Error> {
    let mut is_unfinished = false;
    for table in TABLES {
        is_unfinished |= !sweep(database, &table, now).await?;
    }
    Ok(is_unfinished)
}

/// Whether the table is clean now.
async fn sweep(database: &Database, table: &Swept, now: Timestamp) -> Result<bool, Error> {
    let before = now.plus_ms(-table.grace_ms);
    for _ in 0..BATCH_LIMIT {
        if database.one(table.anything, &[before.into()]).await?.is_none() {
            return Ok(true);
        }
        let steps = table.before.into_iter().chain([table.delete]);
        let batch =
            steps.fold(Write::new(), |write, step| write.also(step, [before.into(), BATCH.into()]));
        let _happened = database.run(batch).await?;
    }
    Ok(false)
}
