//! What is the embedded engine's own: one process, durable groups, a full disk.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use crate::common::{NOW, Place, insert, number};
use store::{Database, DatabaseOptions, Error, Faults, Haste, Value, Write, Written};
use tokio::task::JoinSet;

fn file(place: &Place) -> std::path::PathBuf {
    place.folder.path().join("a.db")
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_file() {
    let place = Place::sqlite();
    let database = place.open().await;
    let refused = Database::open(&place.options).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("in use by process {}", std::process::id())), "{refused}");
    drop(database);
    assert!(Database::open(&place.options).await.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_file_and_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    std::fs::write(file(&place), "").unwrap();
    std::fs::set_permissions(file(&place), PermissionsExt::from_mode(0o644)).unwrap();
    let database = place.open().await;
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
    for name in ["a.db", "a.db-wal", "a.db.lock"] {
        let mode = std::fs::metadata(place.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named() {
    let options = DatabaseOptions::sqlite("/nowhere/at/all.db");
    let refused = Database::open(&options).await.unwrap_err();
    assert!(matches!(&refused, Error::Unavailable(why) if why.contains("/nowhere/at/all.db")));
}

/// Whoever is answered can be read by another connection at once: the commit came first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_answered_only_after_its_commit() {
    let place = Place::sqlite();
    let database = place.open().await;
    let mut asked = JoinSet::new();
    for number in 0..200 {
        let (database, path) = (database.clone(), file(&place));
        asked.spawn(async move {
            let name = format!("n{number}");
            assert_eq!(database.run(insert(&name, number)).await, Ok(Written::Done));
            let other = rusqlite::Connection::open(path).unwrap();
            let read = "SELECT expires_at FROM leases WHERE name = ?1";
            let found: i64 = other.query_row(read, [name], |row| row.get(0)).unwrap();
            assert_eq!(found, number);
        });
    }
    asked.join_all().await;
}

/// Asks once and looks no further: the write lies aside, and nobody's patience ends.
fn lay_aside<T>(write: Pin<&mut impl Future<Output = T>>) {
    assert!(matches!(write.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_shares_the_next_commit() {
    let place = Place::sqlite();
    let database = place.open().await;
    let mut first = pin!(database.run_in(Haste::WithOthers, insert("a", 1)));
    let mut taken = pin!(database.run_in(Haste::WithOthers, insert("b", 1)));
    lay_aside(first.as_mut());
    lay_aside(taken.as_mut());
    assert_eq!(number(&database, "a").await, None, "it asks for no commit of its own");
    assert_eq!(database.run(insert("b", 2)).await, Ok(Written::Done));
    assert_eq!(number(&database, "a").await, Some(1));
    assert_eq!(number(&database, "b").await, Some(2));
    assert_eq!(first.await, Ok(Written::Done));
    assert_eq!(taken.await, Ok(Written::Overtaken), "its name is taken");
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_written_before_the_file_is_closed() {
    let place = Place::sqlite();
    let database = place.open().await;
    {
        let mut given_up = pin!(database.run_in(Haste::WithOthers, insert("a", 1)));
        lay_aside(given_up.as_mut());
    }
    drop(database);
    assert_eq!(number(&place.open().await, "a").await, Some(1));
}

#[tokio::test]
async fn more_than_may_lie_aside_is_written_at_once() {
    let place = Place::sqlite();
    let database = place.open().await;
    let mut all: Vec<_> = (0..501)
        .map(|nth| Box::pin(database.run_in(Haste::WithOthers, insert(&format!("n{nth}"), nth))))
        .collect();
    let last = all.pop().unwrap();
    for one in &mut all {
        lay_aside(one.as_mut());
    }
    // The last finds no room, asks for a commit, and takes the others along.
    assert_eq!(last.await, Ok(Written::Done));
    assert_eq!(number(&database, "n0").await, Some(0));
    for one in all {
        assert_eq!(one.await, Ok(Written::Done));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_leaves_its_group_alone() {
    let place = Place::sqlite();
    let database = place.open().await;
    let mut asked = JoinSet::new();
    for number in 0..100 {
        let database = database.clone();
        asked.spawn(async move {
            let write = if number % 2 == 0 {
                insert(&format!("n{number}"), number)
            } else {
                insert("x", 1).also("INSERT INTO nothing SELECT 1 WHERE {guard}", [])
            };
            (number, database.run(write).await)
        });
    }
    for (number, answer) in asked.join_all().await {
        assert_eq!(answer.is_ok(), number % 2 == 0, "{number}: {answer:?}");
    }
    assert_eq!(number(&database, "n98").await, Some(98));
    assert_eq!(number(&database, "x").await, None);
}

/// Fills the database with rows of a few pages until there is no room.
async fn fill(database: &Database) -> Error {
    const INSERT: &str = "INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, 0)";
    for number in 0..1_000 {
        let params = [format!("big {number}").into(), "x".repeat(20_000).into()];
        if let Err(error) = database.run(Write::new().exactly(1, INSERT, params)).await {
            return error;
        }
    }
    unreachable!("there was always room")
}

#[tokio::test]
async fn a_full_disk_is_unavailable_until_there_is_room_again() {
    let place = Place::sqlite();
    let database = place.open().await;
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
    let limit = "PRAGMA max_page_count = 200";
    database.run(Write::new().also(limit, [])).await.unwrap_err();
    let full = fill(&database).await;
    assert!(matches!(&full, Error::Unavailable(why) if why.contains("full")), "{full:?}");
    assert_eq!(number(&database, "a").await, Some(1), "reading goes on");
    let deleted = Write::new().also("DELETE FROM leases WHERE name LIKE 'big%'", []);
    assert_eq!(database.run(deleted).await, Ok(Written::Done));
    assert_eq!(database.run(insert("b", 1)).await, Ok(Written::Done));
    assert_eq!(database.health().await, Ok(()));
}

#[tokio::test]
async fn a_lock_of_another_connection_is_unavailable_until_it_goes() {
    let place = Place::sqlite();
    drop(place.open().await);
    let mut options = place.options.clone();
    options.busy_ms = 1;
    let database = Database::open(&options).await.unwrap();
    let other = rusqlite::Connection::open(file(&place)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(database.run(insert("a", 1)).await, Err(Error::Unavailable(_))));
    assert!(matches!(database.health().await, Err(Error::Unavailable(_))));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
}

#[tokio::test]
async fn readers_cannot_write() {
    let place = Place::sqlite();
    let database = place.open().await;
    let delete = "DELETE FROM leases WHERE name = $1";
    assert!(database.one(delete, &[Value::from("a")]).await.is_err());
    assert!(database.migrate(NOW).await.unwrap().applied.is_empty());
}

/// One tenant may hold nearly all rows, so its name alone is no key.
#[tokio::test]
async fn what_belongs_to_a_person_is_found_by_the_persons_index() {
    const PLAN: &str = "EXPLAIN QUERY PLAN SELECT 1 FROM";
    let place = Place::sqlite();
    let database = place.open().await;
    for (table, column) in [
        ("users", "email"),
        ("user_identities", "user_id"),
        ("enrollments", "user_id"),
        ("tickets", "user_id"),
        ("refresh_tokens", "user_id"),
        ("refresh_tokens", "family"),
        ("log_events", "user_id"),
        ("client_credentials", "client_id"),
    ] {
        let text = format!("{PLAN} {table} WHERE tenant_id = $1 AND {column} = $2");
        let params = [Value::from("acme"), Value::from("alice")];
        let plan = database.search(text, &params).await.unwrap();
        let plan = plan[0].text(3).unwrap().to_owned();
        assert!(plan.contains(&format!("(tenant_id=? AND {column}=?)")), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_nobody_waits_for_gives_its_reader_back() {
    let (place, faults) = (Place::sqlite(), Faults::new());
    let database = Database::open_with_faults(&place.options, faults.clone()).await.unwrap();
    faults.set_endless_searches(true);
    for _ in 0..3 {
        let searches: Vec<_> = (0..4)
            .map(|_| {
                let database = database.clone();
                tokio::spawn(async move { database.search(String::from("SELECT 1"), &[]).await })
            })
            .collect();
        for search in searches {
            search.abort();
            assert!(search.await.is_err(), "it has no end");
        }
    }
    faults.set_endless_searches(false);
    let rows = database.search(String::from("SELECT 1"), &[]).await.unwrap();
    assert_eq!(rows.first().unwrap().int(0), Ok(1));
}
