//! Sweeping: what has expired goes, in batches; the log and what is still good stay.

use domain::{Fingerprint, LogEvent, TenantId, Timestamp, UserId};
use serde_json::json;
use store::user_limits::{self, StartLimit};
use store::{Database, Value, Write, Written, leases, log_events, replays, sweep};

use crate::common::{NOW, Place};

fn tenant() -> TenantId {
    TenantId::new("acme")
}

async fn rows(database: &Database, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    database.search(count, &[]).await.unwrap().first().unwrap().int(0).unwrap()
}

/// One row that expires at `at` in every table that has such rows.
fn one_of_each(mark: u8, at: Timestamp) -> Write {
    const TRANSACTION: &str = "
        INSERT INTO transactions (tenant_id, auth_req_hash, txn, name_version, consent_id,
            client_id, user_id, request, challenges, state, created_at, expires_at, interval_s,
            push_attempts)
        SELECT 'acme', $1, $1, 1, '', '', '', '{}', '{}', 'pending', 0, $2, 5, 0 WHERE {guard}";
    const TXTKN: &str = "
        INSERT INTO further_txtkns (tenant_id, txtkn_hash, auth_req_hash, expires_at)
        SELECT 'acme', $1, $1, $2 WHERE {guard}";
    const KEY: &str = "
        INSERT INTO idempotency_keys
            (tenant_id, client_id, key_hash, body_hash, auth_req_hash, expires_at)
        SELECT 'acme', '', $1, $1, $1, $2 WHERE {guard}";
    const REFRESH: &str = "
        INSERT INTO refresh_tokens (tenant_id, hash, id, family, client_id, user_id,
            grant_document, created_at, expires_at)
        SELECT 'acme', $1, '', '', '', '', '{}', 0, $2 WHERE {guard}";
    const ACCESS: &str = "
        INSERT INTO access_tokens
            (tenant_id, hash, client_id, user_id, scope, created_at, expires_at)
        SELECT 'acme', $1, '', '', '', 0, $2 WHERE {guard}";
    const TICKET: &str = "
        INSERT INTO tickets
            (tenant_id, hash, kind, user_id, allow_multiple, created_at, expires_at)
        SELECT 'acme', $1, 'web', '', 0, 0, $2 WHERE {guard}";
    const INBOX: &str = "
        INSERT INTO inbox
            (tenant_id, device_id, consent_id, auth_req_hash, created_at, expires_at)
        SELECT 'acme', CAST($2 AS TEXT), '', $1, 0, $2 WHERE {guard}";
    const CONTENT: &str = "
        INSERT INTO contents (tenant_id, auth_req_hash, locale, hash, content, expires_at)
        SELECT 'acme', $1, 'en', '', '', $2 WHERE {guard}";
    const RECEIPT: &str = "
        INSERT INTO receipts (tenant_id, txn, client_id, user_id, device_id, decision_hash,
            receipt, created_at, expires_at)
        SELECT 'acme', CAST($2 AS TEXT), '', '', '', $1, '', 0, $2 WHERE {guard}";
    let hash = Fingerprint::of(&[mark]);
    let params = || -> [Value; 2] { [hash.into(), at.into()] };
    [TRANSACTION, TXTKN, KEY, REFRESH, ACCESS, TICKET, INBOX, CONTENT, RECEIPT]
        .into_iter()
        .fold(replays::first_use(&tenant(), &hash, at), |write, insert| {
            write.exactly(1, insert, params())
        })
        .and(leases::take(&format!("lease {mark}"), "a", Timestamp::from_ms(0), at))
}

const TABLES: [&str; 11] = [
    "transactions",
    "further_txtkns",
    "idempotency_keys",
    "refresh_tokens",
    "access_tokens",
    "tickets",
    "replays",
    "leases",
    "inbox",
    "contents",
    "receipts",
];

/// O59: what is over goes, and only that.
#[tokio::test]
async fn every_table_loses_what_expired_and_keeps_the_rest() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(database.run(one_of_each(1, NOW.plus_ms(-700_000))).await, Ok(Written::Done));
    assert_eq!(database.run(one_of_each(2, NOW.plus_ms(1))).await, Ok(Written::Done));
    assert_eq!(sweep::run(&database, NOW).await, Ok(false));
    for table in TABLES {
        assert_eq!(rows(&database, table).await, 1, "{table}");
    }
}

#[tokio::test]
async fn a_transaction_can_be_asked_about_for_ten_minutes_after_its_end() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(database.run(one_of_each(1, NOW)).await, Ok(Written::Done));
    let eleven_minutes = NOW.plus_seconds(660);
    for (now, left) in [(eleven_minutes.plus_ms(-1), 1), (eleven_minutes, 0)] {
        assert_eq!(sweep::run(&database, now).await, Ok(false));
        assert_eq!(rows(&database, "transactions").await, left);
        assert_eq!(rows(&database, "access_tokens").await, 0);
    }
}

async fn starts(database: &Database, user: &str, created_at: Timestamp) {
    const TRANSACTION: &str = "
        INSERT INTO transactions (tenant_id, auth_req_hash, txn, name_version, consent_id,
            client_id, user_id, request, challenges, state, created_at, expires_at, interval_s,
            push_attempts)
        SELECT 'acme', $1, $1, 1, '', '', $2, '{}', '{}', 'pending', $3, $4, 5, 0
        WHERE {guard}";
    let name = Fingerprint::of(format!("{user} {}", created_at.ms()).as_bytes());
    let limit = StartLimit { starts: 5, window_ms: 60_000 };
    let user = UserId::new(user);
    let expires_at = created_at.plus_seconds(30);
    let params = [name.into(), (&user).into(), created_at.into(), expires_at.into()];
    let write =
        user_limits::admit(&tenant(), &user, limit, created_at).exactly(1, TRANSACTION, params);
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

/// O59: counted starts go with the last request that was counted, however many go at once.
#[tokio::test]
async fn counted_starts_go_with_the_last_request() {
    let place = Place::new();
    let database = place.open().await;
    for number in 0..450 {
        starts(&database, &format!("auth0|{number}"), NOW).await;
    }
    starts(&database, "auth0|1", NOW.plus_seconds(40)).await;
    let over_at = NOW.plus_seconds(30 + 660);
    for (now, left) in [(over_at.plus_ms(-1), 450), (over_at, 1), (over_at.plus_seconds(40), 0)] {
        assert_eq!(sweep::run(&database, now).await, Ok(false));
        assert_eq!(rows(&database, "user_limits").await, left);
        assert_eq!(rows(&database, "transactions").await, left.min(450) + i64::from(left == 450));
    }
}

#[tokio::test]
async fn more_than_one_batch_goes_in_one_sweep_and_the_log_stays() {
    let place = Place::new();
    let database = place.open().await;
    let event = LogEvent {
        id: 1,
        at: Timestamp::from_ms(0),
        kind: String::from("ciba_start_succeeded"),
        client_id: None,
        user_id: Some(UserId::new("auth0|alice")),
        document: json!({}),
    };
    let told = log_events::append(Write::new(), &tenant(), &event);
    assert_eq!(database.run(told).await, Ok(Written::Done));
    for number in 0..450_u32 {
        let seen = Fingerprint::of(&number.to_be_bytes());
        let write = replays::first_use(&tenant(), &seen, NOW.plus_ms(-i64::from(number)));
        assert_eq!(database.run(write).await, Ok(Written::Done));
    }
    assert_eq!(sweep::run(&database, NOW).await, Ok(false));
    assert_eq!(rows(&database, "replays").await, 0);
    assert_eq!(rows(&database, "log_events").await, 1);
}
