//! What both engines promise: together or not at all, and the rows touched are the answer.

use crate::common::{NOW, Place, insert, number};
use store::{Database, Error, Faults, Haste, Value, Write, Written};

const RAISE: &str = "UPDATE leases SET expires_at = expires_at + 1 WHERE name = $1";
const INSERT_GUARDED: &str = "
    INSERT INTO leases (name, holder, expires_at) SELECT $1, $2, $3 WHERE {guard}";
const RAISE_GUARDED: &str = "
    UPDATE leases SET expires_at = expires_at + $2 WHERE name = $1 AND {guard}";

#[tokio::test]
async fn what_was_written_is_read_back_as_it_was() {
    const WRITE: &str = "
        INSERT INTO transactions (tenant_id, auth_req_hash, txn, name_version, consent_id,
            txtkn_hash, client_id, user_id, request, challenges, state, created_at, expires_at,
            interval_s, push_attempts)
        VALUES ('acme', $1, $2, 1, $3, $4, '', '', $5, '', 'pending', $6, $7, 5, 0)";
    const READ: &str = "
        SELECT consent_id, auth_req_hash, created_at, txtkn_hash, decided_at, reason, request
        FROM transactions WHERE tenant_id = $1 AND auth_req_hash = $2";
    let place = Place::new();
    let database = place.open().await;
    let hash = domain::Fingerprint::of(b"id");
    let document = serde_json::json!({"scope": "openid", "é": [1, null]});
    let write = Write::new().exactly(
        1,
        WRITE,
        [
            hash.into(),
            domain::TransactionId::new([7; 16]).into(),
            "cns_ü".into(),
            None::<Vec<u8>>.into(),
            (&document).into(),
            NOW.into(),
            NOW.plus_seconds(300).into(),
        ],
    );
    assert_eq!(database.run(write).await, Ok(Written::Done));
    let row = database.one(READ, &["acme".into(), hash.into()]).await.unwrap().unwrap();
    assert_eq!(row.text(0), Ok("cns_ü"));
    assert_eq!(row.fingerprint(1), Ok(hash));
    assert_eq!(row.time(2), Ok(NOW));
    assert_eq!(row.optional_blob(3), Ok(None));
    assert_eq!(row.optional_time(4), Ok(None));
    assert_eq!(row.optional_text(5), Ok(None));
    assert_eq!(row.document(6), Ok(document));
    assert!(row.text(2).is_err() && row.int(0).is_err() && row.text(7).is_err());
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_durable_when_it_is_answered() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(database.run_in(Haste::WithOthers, insert("a", 1)).await, Ok(Written::Done));
    assert_eq!(number(&database, "a").await, Some(1));
    let again = database.run_in(Haste::WithOthers, insert("a", 2)).await;
    assert_eq!(again, Ok(Written::Overtaken));
    assert_eq!(number(&database, "a").await, Some(1));
}

#[tokio::test]
async fn a_step_that_touches_too_few_rows_undoes_all() {
    let place = Place::new();
    let database = place.open().await;
    let write = Write::new()
        .exactly(1, RAISE, ["nobody".into()])
        .also(INSERT_GUARDED, ["b".into(), "".into(), 1.into()]);
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
    assert_eq!(number(&database, "b").await, None);
}

#[tokio::test]
async fn a_step_that_touches_too_many_rows_undoes_all() {
    const RAISE_ALL: &str = "UPDATE leases SET expires_at = expires_at + 1";
    let place = Place::new();
    let database = place.open().await;
    for name in ["a", "b"] {
        assert_eq!(database.run(insert(name, 1)).await, Ok(Written::Done));
    }
    assert_eq!(database.run(Write::new().exactly(1, RAISE_ALL, [])).await, Ok(Written::Overtaken));
    assert_eq!(number(&database, "a").await, Some(1));
    assert_eq!(database.run(Write::new().exactly(2, RAISE_ALL, [])).await, Ok(Written::Done));
    assert_eq!(number(&database, "a").await, Some(2));
}

#[tokio::test]
async fn a_second_deciding_step_undoes_the_first() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
    let write = |other: &str| {
        Write::new()
            .exactly(1, RAISE, ["a".into()])
            .exactly(1, RAISE_GUARDED, [other.into(), 10.into()])
            .also(INSERT_GUARDED, ["c".into(), "me".into(), 3.into()])
    };
    assert_eq!(database.run(write("nobody")).await, Ok(Written::Overtaken));
    assert_eq!(number(&database, "a").await, Some(1));
    assert_eq!(database.run(insert("b", 1)).await, Ok(Written::Done));
    assert_eq!(database.run(write("b")).await, Ok(Written::Done));
    assert_eq!(number(&database, "a").await, Some(2));
    assert_eq!(number(&database, "b").await, Some(11));
    assert_eq!(number(&database, "c").await, Some(3));
}

#[tokio::test]
async fn a_unique_value_that_is_taken_overtakes_the_write_wherever_it_stands() {
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
    assert_eq!(database.run(insert("a", 2)).await, Ok(Written::Overtaken));
    let write = Write::new()
        .exactly(1, RAISE, ["a".into()])
        .also(INSERT_GUARDED, ["b".into(), "".into(), 1.into()])
        .also(INSERT_GUARDED, ["a".into(), "".into(), 1.into()]);
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
    assert_eq!(number(&database, "a").await, Some(1));
    assert_eq!(number(&database, "b").await, None);
}

#[tokio::test]
async fn a_broken_rule_of_the_schema_is_an_error_and_nothing_happens() {
    const BREAK: &str = "
        INSERT INTO signing_keys (tenant_id, kid, alg, stage, public_jwk, sealed_private,
            created_at)
        SELECT $1, '', '', 'lost', '', $2, 0 WHERE {guard}";
    let place = Place::new();
    let database = place.open().await;
    let write = insert("a", 1).also(BREAK, ["acme".into(), vec![0].into()]);
    assert!(matches!(database.run(write).await, Err(Error::Engine(_))));
    assert_eq!(number(&database, "a").await, None);
}

#[tokio::test]
async fn an_unguarded_step_behind_a_deciding_one_is_refused() {
    let place = Place::new();
    let database = place.open().await;
    let write = insert("a", 1).also("DELETE FROM leases", []);
    assert!(matches!(database.run(write).await, Err(Error::Engine(_))));
}

#[tokio::test]
async fn steps_without_a_deciding_one_happen_together() {
    const DELETE: &str = "DELETE FROM leases WHERE name = $1";
    const INSERT: &str = "INSERT INTO leases (name, holder, expires_at) VALUES ($1, '', 1)";
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
    let write = Write::new().also(DELETE, ["a".into()]).also(INSERT, ["b".into()]);
    assert_eq!(database.run(write).await, Ok(Written::Done));
    assert_eq!(database.run(Write::new().also(DELETE, ["a".into()])).await, Ok(Written::Done));
    let write = Write::new().also(DELETE, ["zzz".into()]).also(INSERT, ["b".into()]);
    assert_eq!(database.run(write).await, Ok(Written::Overtaken));
    assert_eq!(number(&database, "a").await, None);
    assert_eq!(number(&database, "b").await, Some(1));
}

#[tokio::test]
async fn a_list_comes_in_its_order_and_a_search_takes_its_own_text() {
    const LIST: &str = "SELECT name FROM leases WHERE expires_at > $1 ORDER BY name LIMIT $2";
    let place = Place::new();
    let database = place.open().await;
    for (name, at) in [("c", 3), ("a", 1), ("b", 2)] {
        assert_eq!(database.run(insert(name, at)).await, Ok(Written::Done));
    }
    let names = |rows: Vec<store::Row>| {
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let params = [Value::from(1), Value::from(10)];
    assert_eq!(names(database.all(LIST, &params).await.unwrap()), ["b", "c"]);
    assert_eq!(names(database.search(LIST.to_owned(), &params).await.unwrap()), ["b", "c"]);
    assert!(matches!(database.search(String::from("SELEC"), &[]).await, Err(Error::Engine(_))));
}

#[tokio::test]
async fn a_change_of_configuration_is_counted_when_it_happened() {
    let place = Place::new();
    let database = place.open().await;
    let change = || insert("a", 1).changes_configuration();
    assert_eq!(database.configuration_generation(), 0);
    assert_eq!(database.run(change()).await, Ok(Written::Done));
    assert_eq!(database.configuration_generation(), 1);
    assert_eq!(database.run(change()).await, Ok(Written::Overtaken));
    assert_eq!(database.run(insert("b", 1)).await, Ok(Written::Done));
    assert_eq!(database.configuration_generation(), 1);
}

#[tokio::test]
async fn health_is_a_write_that_works() {
    let place = Place::new();
    let empty = Database::open(&place.options).await.unwrap();
    assert!(empty.health().await.is_err(), "nothing is migrated yet");
    drop(empty);
    let database = place.open().await;
    assert_eq!(database.health().await, Ok(()));
    assert_eq!(database.health().await, Ok(()));
}

#[tokio::test]
async fn a_stopped_process_answers_nothing_and_keeps_what_it_committed() {
    let place = Place::new();
    drop(place.open().await);
    for (name, after_commit) in [("before", false), ("after", true)] {
        let faults = Faults::new();
        if after_commit {
            faults.stop_after_commit(2);
        } else {
            faults.stop_before_commit(2);
        }
        let database = Database::open_with_faults(&place.options, faults.clone()).await.unwrap();
        let first = format!("first {name}");
        assert_eq!(database.run(insert(&first, 1)).await, Ok(Written::Done));
        let stopped = Err(Error::Unavailable(String::from("stopped by fault")));
        assert_eq!(database.run(insert(name, 1)).await, stopped);
        assert!(faults.has_stopped());
        assert_eq!(database.run(insert("later", 1)).await, stopped);
        assert!(database.one("SELECT 1", &[]).await.is_err());
        assert_eq!(faults.writes(), 2);
        faults.end();
        assert!(database.one("SELECT 1", &[]).await.is_ok());
        drop(database);
        let database = place.open().await;
        assert_eq!(number(&database, &first).await, Some(1));
        assert_eq!(number(&database, name).await.is_some(), after_commit);
        assert_eq!(number(&database, "later").await, None);
    }
}
