//! Of any number that race for one row, exactly one wins, on one node or on two.

use crate::common::{Place, insert, number};
use store::{Database, Write, Written};
use tokio::task::JoinSet;

const RACERS: i64 = 50;

async fn winners(databases: &[Database], write: impl Fn(i64) -> Write) -> usize {
    let mut racers = JoinSet::new();
    for (racer, database) in (0..RACERS).zip(databases.iter().cycle()) {
        let (database, write) = (database.clone(), write(racer));
        racers.spawn(async move { database.run(write).await.unwrap() });
    }
    racers.join_all().await.into_iter().filter(|written| *written == Written::Done).count()
}

/// One handle, or two nodes where the engine allows it.
async fn nodes(place: &Place) -> Vec<Database> {
    let first = place.open().await;
    let second =
        if crate::common::is_postgres(&first) { place.open().await } else { first.clone() };
    vec![first, second]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_fifty_guarded_updates_wins() {
    const SPEND: &str = "UPDATE leases SET holder = $2 WHERE name = $1 AND holder = ''";
    const NOTE: &str = "
        INSERT INTO leases (name, holder, expires_at) SELECT $1, 'winner', 0 WHERE {guard}";
    let place = Place::new();
    let nodes = nodes(&place).await;
    for round in 0..5 {
        let name = format!("prize {round}");
        assert_eq!(nodes[0].run(insert(&name, 1)).await, Ok(Written::Done));
        let spend = |racer: i64| {
            Write::new()
                .exactly(1, SPEND, [name.as_str().into(), format!("racer {racer}").into()])
                .also(NOTE, [format!("{name} {racer}").into()])
        };
        assert_eq!(winners(&nodes, spend).await, 1);
        let count = "SELECT count(*) FROM leases WHERE holder = 'winner'";
        let noted = nodes[0].one(count, &[]).await.unwrap().unwrap();
        assert_eq!(noted.int(0), Ok(round + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_fifty_inserts_of_one_key_wins() {
    let place = Place::new();
    let nodes = nodes(&place).await;
    assert_eq!(winners(&nodes, |racer| insert("same", racer)).await, 1);
    assert!(number(&nodes[1], "same").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_do_not_meet_all_happen() {
    let place = Place::new();
    let nodes = nodes(&place).await;
    let all = usize::try_from(RACERS).unwrap();
    assert_eq!(winners(&nodes, |racer| insert(&format!("own {racer}"), racer)).await, all);
    for racer in 0..RACERS {
        assert_eq!(number(&nodes[0], &format!("own {racer}")).await, Some(racer));
    }
}
