//! What is counted or held by one row: starts for a person, replays, leases.

use domain::{Fingerprint, TenantId, Timestamp, UserId};
use store::user_limits::{self, StartLimit};
use store::{Database, Faults, Guard, Write, Written, leases, replays};
use tokio::task::JoinSet;

use crate::common::{NOW, Place, number};

const FIVE_A_MINUTE: StartLimit = StartLimit { starts: 5, window_ms: 60_000 };

fn tenant() -> TenantId {
    TenantId::new("acme")
}

fn user(name: &str) -> UserId {
    UserId::new(format!("auth0|{name}"))
}

async fn starts(database: &Database, name: &str, now: Timestamp) -> bool {
    let write = user_limits::admit(&tenant(), &user(name), FIVE_A_MINUTE, now);
    database.run(write).await.unwrap() == Written::Done
}

async fn wait(database: &Database, name: &str, now: Timestamp) -> Option<i64> {
    let (tenant, user) = (tenant(), user(name));
    let next = user_limits::next_start_at(database, &tenant, &user, FIVE_A_MINUTE, now).await;
    next.unwrap().map(|at| at.ms_since(now))
}

#[tokio::test]
async fn five_starts_in_any_minute_and_not_one_more() {
    let place = Place::new();
    let database = place.open().await;
    for second in [0, 10, 20, 30, 40] {
        assert_eq!(wait(&database, "alice", NOW.plus_seconds(second)).await, None);
        assert!(starts(&database, "alice", NOW.plus_seconds(second)).await);
    }
    assert!(!starts(&database, "alice", NOW.plus_seconds(40)).await);
    assert_eq!(wait(&database, "alice", NOW.plus_seconds(40)).await, Some(20_000));
    assert!(!starts(&database, "alice", NOW.plus_ms(59_999)).await);
    assert!(starts(&database, "bob", NOW.plus_seconds(40)).await, "others have their own");
    assert!(starts(&database, "alice", NOW.plus_seconds(60)).await);
    assert!(!starts(&database, "alice", NOW.plus_ms(69_999)).await);
    assert!(starts(&database, "alice", NOW.plus_seconds(70)).await);
    let forget = user_limits::forget(&tenant(), &user("alice"));
    assert_eq!(database.run(forget).await, Ok(Written::Done));
    assert_eq!(wait(&database, "alice", NOW.plus_seconds(70)).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_starts_at_once_five_are_admitted() {
    const NOTE: &str = "
        INSERT INTO leases (name, holder, expires_at) SELECT $1, '', 0 WHERE {guard}";
    let place = Place::new();
    let database = place.open().await;
    let mut racers = JoinSet::new();
    for racer in 0..50 {
        let database = database.clone();
        racers.spawn(async move {
            let now = NOW.plus_ms(racer);
            let write = user_limits::admit(&tenant(), &user("alice"), FIVE_A_MINUTE, now)
                .also(NOTE, [format!("start {racer}").into()]);
            database.run(write).await.unwrap()
        });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| **answer == Written::Done).count(), 5);
    let noted = database.one("SELECT count(*) FROM leases", &[]).await.unwrap().unwrap();
    assert_eq!(noted.int(0), Ok(5), "what comes behind the limit happens five times too");
}

#[tokio::test]
async fn what_was_seen_once_is_refused_in_its_tenant() {
    let place = Place::new();
    let database = place.open().await;
    let seen = Fingerprint::of(b"jti");
    let first = |tenant: &str| replays::first_use(&TenantId::new(tenant), &seen, NOW);
    assert_eq!(database.run(first("acme")).await, Ok(Written::Done));
    assert_eq!(database.run(first("acme")).await, Ok(Written::Overtaken));
    assert_eq!(database.run(first("other")).await, Ok(Written::Done));
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_ends_or_is_given_back() {
    let place = Place::new();
    let database = place.open().await;
    let take = async |holder, now: Timestamp| {
        database.run(leases::take("sweep", holder, now, now.plus_seconds(30))).await.unwrap()
    };
    assert_eq!(take("a", NOW).await, Written::Done);
    assert_eq!(take("b", NOW.plus_seconds(29)).await, Written::Overtaken);
    assert_eq!(take("a", NOW.plus_seconds(29)).await, Written::Done, "the holder may go on");
    assert_eq!(take("b", NOW.plus_seconds(59)).await, Written::Done);
    let others = Write::new().and(leases::give_back("sweep", "a"));
    assert_eq!(database.run(others).await, Ok(Written::Done));
    assert!(number(&database, "sweep").await.is_some(), "a lease that ended is not a's any more");
    assert_eq!(database.run(leases::give_back("sweep", "b")).await, Ok(Written::Done));
    assert_eq!(number(&database, "sweep").await, None);
}

#[tokio::test]
async fn without_its_guard_a_limit_limits_nothing() {
    let place = Place::new();
    drop(place.open().await);
    for (guard, admitted) in [(Guard::UserLimit, 6), (Guard::DecideOnce, 0)] {
        let faults = Faults::without(guard);
        let database = Database::open_with_faults(&place.options, faults).await.unwrap();
        let mut starting = 0;
        for _ in 0..6 {
            starting += i32::from(starts(&database, "alice", NOW).await);
        }
        assert_eq!(starting, admitted, "{guard:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_comes_back() {
    let place = Place::new();
    drop(place.open().await);
    let faults = Faults::new();
    let database = Database::open_with_faults(&place.options, faults.clone()).await.unwrap();
    assert!(starts(&database, "alice", NOW).await);
    faults.set_away(true);
    let write = user_limits::admit(&tenant(), &user("alice"), FIVE_A_MINUTE, NOW);
    assert!(matches!(database.run(write).await, Err(store::Error::Unavailable(_))));
    faults.set_away(false);
    assert!(starts(&database, "alice", NOW).await);
}
