//! Schemas: made once, by one node at a time, never by a binary that does not know them.

use crate::common::{NOW, Place};
use store::{Database, Error, Write, Written};

const ALL: [&str; 16] = [
    "0001_first_schema",
    "0003_push_providers",
    "0004_management",
    "0005_acme",
    "0006_operators",
    "0008_notices",
    "0009_hints",
    "0010_bound_tokens",
    "0011_registration",
    "0012_content",
    "0013_prompt_limits",
    "0017_own_devices",
    "0019_passkeys",
    "0021_wake_ups",
    "0022_prompt_waits",
    "0023_client_sites",
];

#[tokio::test]
async fn an_empty_database_gets_all_and_a_migrated_one_nothing() {
    let place = Place::new();
    let database = Database::open(&place.options).await.unwrap();
    let first = database.migrate(NOW).await.unwrap();
    assert_eq!(first.applied, ALL);
    let again = database.migrate(NOW).await.unwrap();
    assert_eq!((again.applied.len(), again.version), (0, first.version));
}

#[tokio::test]
async fn what_is_missing_can_be_asked_without_changing_anything() {
    let place = Place::new();
    let database = Database::open(&place.options).await.unwrap();
    for _ in 0..2 {
        assert_eq!(database.missing_migrations().await.unwrap(), ALL);
    }
    database.migrate(NOW).await.unwrap();
    assert!(database.missing_migrations().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_schema_of_tomorrow_is_left_alone() {
    let place = Place::new();
    let database = place.open().await;
    let write = Write::new().exactly(1, include_str!("tomorrow.sql"), []);
    assert_eq!(database.run(write).await, Ok(Written::Done));
    let refused = database.migrate(NOW).await;
    let Err(Error::Engine(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("9999_of_tomorrow"), "{why}");
}

#[tokio::test]
async fn a_migration_whose_text_changed_is_refused() {
    const ALTER: &str = "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1";
    let place = Place::new();
    let database = place.open().await;
    assert_eq!(database.run(Write::new().exactly(1, ALTER, [])).await, Ok(Written::Done));
    let refused = database.migrate(NOW).await;
    let Err(Error::Engine(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("differs from ours"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_migrate_once() {
    let place = Place::new();
    let first = Database::open(&place.options).await.unwrap();
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let node = if crate::common::is_postgres(&first) {
            Database::open(&place.options).await.unwrap()
        } else {
            first.clone()
        };
        starts.spawn(async move { node.migrate(NOW).await.unwrap() });
    }
    let applied: Vec<_> =
        starts.join_all().await.into_iter().flat_map(|node| node.applied).collect();
    assert_eq!(applied, ALL);
}
