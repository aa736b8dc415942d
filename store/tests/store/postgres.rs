//! What is PostgreSQL's own: lost connections, lost answers, locks, a server that is away.
//!
//! These run where the gate names a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{Database, DatabaseOptions, Error, Write, Written};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::config::Host;

use crate::common::{NOW, Place, insert, number, postgres_url};

const HELD: &str = "SELECT 1 FROM leases WHERE name = $1 AND expires_at = $2";

fn recognisable(name: &str, number: i64) -> Write {
    insert(name, number).recognised_by(HELD, [name.into(), number.into()])
}

/// A connection beside the database under test.
async fn other(place: &Place) -> tokio_postgres::Client {
    let url = postgres_url().unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let schema = place.options.schema.as_ref().unwrap();
    client.batch_execute(&format!("SET search_path TO {schema}")).await.unwrap();
    client
}

/// A way to the server that can lose one answer, and with it the connection.
struct Wire {
    port: u16,
    loses_next_answer: Arc<AtomicBool>,
}

impl Wire {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let loses_next_answer = Arc::new(AtomicBool::new(false));
        let loses = Arc::clone(&loses_next_answer);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, Arc::clone(&loses)));
            }
        });
        Self { port, loses_next_answer }
    }

    fn options(&self, place: &Place) -> DatabaseOptions {
        let config: tokio_postgres::Config = postgres_url().unwrap().parse().unwrap();
        let user = config.get_user().unwrap();
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        let database = config.get_dbname().unwrap();
        let schema = place.options.schema.as_ref().unwrap();
        let port = self.port;
        let url =
            format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}?schema={schema}");
        let mut options = DatabaseOptions::parse(&url).unwrap();
        options.connections = 1;
        options
    }

    fn lose_next_answer(&self) {
        self.loses_next_answer.store(true, Ordering::SeqCst);
    }
}

async fn carry(near: TcpStream, loses: Arc<AtomicBool>) {
    let config: tokio_postgres::Config = postgres_url().unwrap().parse().unwrap();
    let host = match &config.get_hosts()[0] {
        Host::Tcp(host) => host.clone(),
        Host::Unix(_) => unreachable!("the gate names a host"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let far = TcpStream::connect((host.as_str(), port)).await.unwrap();
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let requests = tokio::spawn(async move {
        drop(tokio::io::copy(&mut near_read, &mut far_write).await);
    });
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = far_read.read(&mut buffer).await {
        let is_lost = loses.swap(false, Ordering::SeqCst);
        if is_lost || near_write.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    requests.abort();
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_recognised_and_not_repeated() {
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    let beside = place.open().await;
    let wire = Wire::new().await;
    let database = Database::open(&wire.options(&place)).await.unwrap();
    assert_eq!(database.run(recognisable("prepared", 1)).await, Ok(Written::Done));
    wire.lose_next_answer();
    assert_eq!(database.run(recognisable("lost", 7)).await, Ok(Written::Done));
    assert_eq!(number(&beside, "lost").await, Some(7));
    wire.lose_next_answer();
    let of_another = database.run(recognisable("lost", 8)).await;
    assert_eq!(of_another, Ok(Written::Overtaken));
    assert_eq!(number(&beside, "lost").await, Some(7));
}

#[tokio::test]
async fn a_write_that_cannot_be_recognised_is_not_repeated_either() {
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    let beside = place.open().await;
    let wire = Wire::new().await;
    let database = Database::open(&wire.options(&place)).await.unwrap();
    assert_eq!(database.run(insert("prepared", 1)).await, Ok(Written::Done));
    wire.lose_next_answer();
    assert!(matches!(database.run(insert("lost", 7)).await, Err(Error::Unavailable(_))));
    assert_eq!(number(&beside, "lost").await, Some(7), "it had happened");
    assert_eq!(database.run(insert("next", 1)).await, Ok(Written::Done), "it goes on by itself");
}

#[tokio::test]
async fn a_read_whose_answer_was_lost_is_asked_again() {
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    drop(place.open().await);
    let wire = Wire::new().await;
    let database = Database::open(&wire.options(&place)).await.unwrap();
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
    for _ in 0..2 {
        assert_eq!(number(&database, "a").await, Some(1));
        wire.lose_next_answer();
    }
    assert_eq!(number(&database, "a").await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_backends_are_replaced_while_writes_go_on() {
    const TERMINATE: &str = "
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = 'aizuchi' AND pid <> pg_backend_pid() AND query LIKE $1";
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    let database = place.open().await;
    let killer = other(&place).await;
    let mut writes = tokio::task::JoinSet::new();
    for racer in 0..100 {
        if racer % 20 == 10 {
            // Statements say which test they belong to by a comment that only they have.
            killer.query_one(TERMINATE, &[&"%of the terminated%"]).await.unwrap();
        }
        let database = database.clone();
        writes.spawn(async move {
            const INSERT: &str = "
                INSERT INTO leases (name, holder, expires_at) /* of the terminated */
                VALUES ($1, '', $2)";
            let name = format!("n{racer}");
            let write = Write::new()
                .exactly(1, INSERT, [name.as_str().into(), racer.into()])
                .recognised_by(HELD, [name.as_str().into(), racer.into()]);
            database.run(write).await
        });
    }
    for answer in writes.join_all().await {
        assert_eq!(answer, Ok(Written::Done));
    }
    let count = database.one("SELECT count(*) FROM leases", &[]).await.unwrap().unwrap();
    assert_eq!(count.int(0), Ok(100));
    assert_eq!(database.health().await, Ok(()));
}

/// Asks until a statement with these words waits for a lock.
async fn until_one_waits(beside: &tokio_postgres::Client, words: &str) {
    const WAITING: &str = "
        SELECT 1 FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()";
    for _ in 0..100_000 {
        if !beside.query(WAITING, &[&words]).await.unwrap().is_empty() {
            return;
        }
    }
    unreachable!("nothing ever waited");
}

#[tokio::test]
async fn the_victim_of_a_deadlock_is_run_again() {
    const FIRST: &str = "
        UPDATE leases SET expires_at = expires_at + 1 WHERE name = 'a'";
    const SECOND: &str = "
        UPDATE leases SET expires_at = expires_at + 1 /* of the second */
        WHERE name = 'b' AND {guard}";
    const THIRD: &str = "
        UPDATE leases SET expires_at = expires_at + 1 /* of the deadlock */
        WHERE name = 'c' AND {guard}";
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    drop(place.open().await);
    let mut options = place.options.clone();
    options.statement_ms = 60_000;
    let database = Database::open(&options).await.unwrap();
    for name in ["a", "b", "c"] {
        assert_eq!(database.run(insert(name, 0)).await, Ok(Written::Done));
    }
    let (rival, beside) = (other(&place).await, other(&place).await);
    let gate = other(&place).await;
    // PostgreSQL looks once for each that waits, a second after it begins, and lets the one fail that finds a
    // circle. The rival waits first, before there is any, and we close it: ours finds it, however long
    // the steps before took.
    gate.batch_execute("BEGIN; UPDATE leases SET holder = 'x' WHERE name = 'b'").await.unwrap();
    let hold =
        "SET deadlock_timeout = '600s'; BEGIN; UPDATE leases SET holder = 'x' WHERE name = 'c'";
    rival.batch_execute(hold).await.unwrap();
    let write = Write::new().exactly(1, FIRST, []).exactly(1, SECOND, []).exactly(1, THIRD, []);
    let ours = tokio::spawn({
        let database = database.clone();
        async move { database.run(write).await }
    });
    until_one_waits(&beside, "of the second").await;
    let crosses = tokio::spawn(async move {
        let cross = "UPDATE leases SET holder = 'x' /* of the rival */ WHERE name = 'a'; COMMIT";
        rival.batch_execute(cross).await.unwrap();
    });
    until_one_waits(&beside, "of the rival").await;
    gate.batch_execute("COMMIT").await.unwrap();
    crosses.await.unwrap();
    assert_eq!(ours.await.unwrap(), Ok(Written::Done));
    for name in ["a", "b", "c"] {
        assert_eq!(number(&database, name).await, Some(1));
    }
}

#[tokio::test]
async fn a_row_that_another_holds_too_long_is_unavailable() {
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    drop(place.open().await);
    let mut options = place.options.clone();
    // Long enough for what nobody holds, on the slowest machine.
    options.statement_ms = 1_000;
    let database = Database::open(&options).await.unwrap();
    assert_eq!(database.run(insert("held", 0)).await, Ok(Written::Done));
    let holder = other(&place).await;
    holder.batch_execute("BEGIN; UPDATE leases SET holder = 'x'").await.unwrap();
    let take = || Write::new().exactly(1, "UPDATE leases SET holder = 'y'", []);
    assert!(matches!(database.run(take()).await, Err(Error::Unavailable(_))));
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(database.run(take()).await, Ok(Written::Done));
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("postgres://me:hush@127.0.0.1:{port}/a");
    let refused = Database::open(&DatabaseOptions::parse(&url).unwrap()).await.unwrap_err();
    assert!(matches!(&refused, Error::Unavailable(why) if why.contains("refused")), "{refused}");
    assert!(!refused.to_string().contains("hush"));
}

#[tokio::test]
async fn a_migration_that_was_cut_short_is_finished() {
    if postgres_url().is_none() {
        return;
    }
    let place = Place::new();
    let database = place.open().await;
    let beside = other(&place).await;
    let undo = "
        DROP TABLE leases; DROP INDEX log_events_by_user; DROP TABLE log_events;
        UPDATE schema_migrations SET applied_at = NULL, statements = statements - 3
        WHERE version = 1";
    beside.batch_execute(undo).await.unwrap();
    assert_eq!(database.migrate(NOW).await.unwrap().applied, ["0001_first_schema"]);
    assert_eq!(database.run(insert("a", 1)).await, Ok(Written::Done));
}
