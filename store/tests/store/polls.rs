//! Polls that many nodes share a database for: what one node took counts on the other.

use crate::common::{NOW, is_postgres};
use crate::transactions::{LIFE_S, acme, bank, begin, done, hash, later, tenant, withdrawn};
use domain::ciba::pacing::Pacing;
use domain::{ClientId, Fingerprint, Timestamp};
use store::polls::{self, Polled};
use store::{Database, Written, sweep, transactions};

async fn poll(database: &Database, number: u8, now: Timestamp) -> Option<Polled> {
    let (tenant, bank) = (acme(), bank());
    let polled = polls::exchange(database, (&tenant, &bank), &[hash(number)], now).await.unwrap();
    polled.get(&hash(number)).copied()
}

fn is_noted(polled: Option<Polled>) -> bool {
    polled.unwrap().is_noted
}

#[tokio::test]
async fn a_poll_counts_on_every_node_until_the_interval_is_over() {
    let (place, one_node) = tenant().await;
    if !is_postgres(&one_node) {
        return;
    }
    let other_node = Database::open(&place.options).await.unwrap();
    begin(&one_node, 1).await;
    assert!(is_noted(poll(&one_node, 1, NOW).await));
    assert_eq!(
        poll(&other_node, 1, later(3)).await,
        Some(Polled { pacing: Pacing::resumed(5, Some(NOW), None), is_noted: false })
    );
    assert!(is_noted(poll(&other_node, 1, later(5)).await));
    assert!(!is_noted(poll(&one_node, 1, later(9)).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_polls_on_two_nodes_at_once_one_is_in_time() {
    let (place, one_node) = tenant().await;
    if !is_postgres(&one_node) {
        return;
    }
    let other_node = Database::open(&place.options).await.unwrap();
    let hashes: Vec<Fingerprint> = (1..=50).map(hash).collect();
    let backwards: Vec<Fingerprint> = hashes.iter().rev().copied().collect();
    for number in 1..=50 {
        begin(&one_node, number).await;
    }
    let (tenant, bank) = (acme(), bank());
    let (one, other) = tokio::join!(
        polls::exchange(&one_node, (&tenant, &bank), &hashes, NOW),
        polls::exchange(&other_node, (&tenant, &bank), &backwards, NOW),
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(hashes.iter().all(|hash| one[hash].is_noted != other[hash].is_noted));
}

#[tokio::test]
async fn a_grown_interval_counts_from_the_poll_that_was_too_fast() {
    let (_place, database) = tenant().await;
    if !is_postgres(&database) {
        return;
    }
    begin(&database, 1).await;
    assert!(is_noted(poll(&database, 1, NOW).await));
    let grown = Pacing::resumed(10, Some(later(2)), Some(later(2)));
    done(&database, transactions::record_pacing(&acme(), &hash(1), &grown)).await;
    assert_eq!(poll(&database, 1, later(6)).await, Some(Polled { pacing: grown, is_noted: false }));
    assert!(is_noted(poll(&database, 1, later(12)).await));
}

#[tokio::test]
async fn what_is_foreign_late_or_unknown_is_not_answered() {
    let (_place, database) = tenant().await;
    if !is_postgres(&database) {
        return;
    }
    begin(&database, 1).await;
    assert_eq!(poll(&database, 2, NOW).await, None);
    assert_eq!(poll(&database, 1, later(LIFE_S)).await, None);
    let (tenant, stranger) = (acme(), ClientId::new("stranger"));
    let polled = polls::exchange(&database, (&tenant, &stranger), &[hash(1)], NOW).await;
    assert!(polled.unwrap().is_empty());
    assert!(is_noted(poll(&database, 1, NOW).await));
    let _is_unfinished = sweep::run(&database, later(LIFE_S)).await.unwrap();
    assert!(database.one("SELECT 1 FROM polls", &[]).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_decided_over_or_unknown_is_told_to_whoever_waits() {
    let (_place, database) = tenant().await;
    if !is_postgres(&database) {
        return;
    }
    for number in [1, 2] {
        begin(&database, number).await;
    }
    let over = async |hashes: &[Fingerprint], now| {
        polls::over(&database, &acme(), hashes, now).await.unwrap()
    };
    assert_eq!(over(&[hash(1), hash(3)], NOW).await, [hash(3)]);
    assert_eq!(over(&[hash(1)], later(LIFE_S)).await, [hash(1)]);
    let withdrawn = withdrawn(&database, 1, NOW).await;
    done(&database, transactions::withdraw(&acme(), &withdrawn)).await;
    assert_eq!(over(&[hash(1), hash(2)], NOW).await, [hash(1)]);
}

#[tokio::test]
async fn a_grown_interval_is_forgiven_after_a_long_wait() {
    let (_place, database) = tenant().await;
    if !is_postgres(&database) {
        return;
    }
    begin(&database, 1).await;
    assert!(is_noted(poll(&database, 1, NOW).await));
    let forgive = async || database.run(polls::forgive(&acme(), &hash(1), 30)).await.unwrap();
    assert_eq!(forgive().await, Written::Overtaken);
    let grown = Pacing::resumed(35, Some(later(2)), Some(later(2)));
    done(&database, transactions::record_pacing(&acme(), &hash(1), &grown)).await;
    assert!(!is_noted(poll(&database, 1, later(32)).await));
    assert_eq!(forgive().await, Written::Done);
    assert!(is_noted(poll(&database, 1, later(32)).await));
}
