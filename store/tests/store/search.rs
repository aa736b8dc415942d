//! The user search: the same questions find the same users on both engines.

use crate::common::{NOW, Place};
use domain::people::User;
use domain::people::search::parse;
use domain::{TenantId, Timestamp};
use serde_json::{Value, json};
use store::users_search::{Search, SortField, count, find, newest};
use store::{Database, Written, users};

fn acme() -> TenantId {
    TenantId::new("acme")
}

async fn add(database: &Database, tenant: &str, body: &Value, at: Timestamp) {
    let user = User::created(body.as_object().unwrap(), "0", at).unwrap();
    let write = users::insert(&TenantId::new(tenant), &user, at);
    assert_eq!(database.run(write).await, Ok(Written::Done));
}

async fn people(database: &Database) {
    const DAY_MS: i64 = 86_400_000;
    let bodies = [
        json!({"connection": "db", "user_id": "alice", "email": "Alice@Example.com",
            "name": "Alice Élan", "username": "Alice", "nickname": "al",
            "user_metadata": {"team": "a", "deep": {"x": 5}, "list": ["p", "q"], "on": true},
            "app_metadata": {"plan": "gold", "score": 10, "rate": 1.5}}),
        json!({"connection": "db", "user_id": "bob", "email": "bob@other.org", "name": "Bob_50%",
            "blocked": true, "app_metadata": {"plan": "silver", "score": 9}}),
        json!({"connection": "google-oauth2", "user_id": "1", "email": "alice@example.com",
            "email_verified": true, "name": "testing [x]*", "app_metadata": {"score": "high"}}),
        json!({"connection": "corp", "provider": "samlp", "user_id": "dora", "name": "test",
            "user_metadata": {"team": {"a": "a"}, "none": null}}),
    ];
    for (body, day) in bodies.iter().zip(0..) {
        add(database, "acme", body, Timestamp::from_ms(NOW.ms() + day * DAY_MS)).await;
    }
    let foreign = json!({"connection": "db", "user_id": "alice", "name": "test"});
    add(database, "other", &foreign, NOW).await;
}

const ALICE: &str = "auth0|alice";
const BOB: &str = "auth0|bob";
const CAROL: &str = "google-oauth2|1";
const DORA: &str = "samlp|corp|dora";

async fn found(database: &Database, search: &Search) -> Vec<String> {
    let users = find(database, &acme(), search, 0, 50).await.unwrap();
    assert_eq!(count(database, &acme(), search).await, Ok(users.len() as u64));
    users.iter().map(|user| user.id().to_string()).collect()
}

async fn asked(database: &Database, q: &str) -> Vec<String> {
    let search = Search { query: Some(parse(q).unwrap()), ..Search::default() };
    found(database, &search).await
}

async fn check(cases: &[(&str, &[&str])]) {
    let place = Place::new();
    let database = place.open().await;
    people(&database).await;
    for (q, expected) in cases {
        assert_eq!(asked(&database, q).await, *expected, "{q}");
    }
}

#[tokio::test]
async fn case_matters_where_it_should() {
    check(&[
        ("email:\"Alice@Example.com\"", &[ALICE, CAROL]),
        ("name:\"ALICE éLAN\"", &[ALICE]),
        ("nickname:AL", &[ALICE]),
        ("username:Alice", &[ALICE]),
        ("username:alice", &[]),
        ("user_id:\"auth0|alice\"", &[ALICE]),
        ("user_id:\"AUTH0|alice\"", &[]),
        ("app_metadata.plan:Gold", &[]),
    ])
    .await;
}

#[tokio::test]
async fn nested_fields_arrays_numbers_and_booleans_match() {
    check(&[
        ("user_metadata.team:\"a\"", &[ALICE]),
        ("user_metadata.deep.x:5", &[ALICE]),
        ("user_metadata.list:q", &[ALICE]),
        ("user_metadata.on:true", &[ALICE]),
        ("user_metadata.none:null", &[]),
        ("app_metadata.plan:\"gold\"", &[ALICE]),
        ("app_metadata.rate:1.5", &[ALICE]),
        ("identities.connection:\"corp\"", &[DORA]),
        ("identities.provider:\"google-oauth2\"", &[CAROL]),
        ("identities.user_id:bob", &[BOB]),
        ("identities.isSocial:true", &[CAROL]),
        ("email.domain:\"example.com\"", &[ALICE, CAROL]),
        ("blocked:true", &[BOB]),
        ("email_verified:true", &[CAROL]),
        ("email_verified:false", &[ALICE, BOB]),
    ])
    .await;
}

#[tokio::test]
async fn and_or_not_and_brackets_work() {
    check(&[
        ("email:\"bob@other.org\" OR (name:\"test\" AND NOT blocked:true)", &[BOB, DORA]),
        ("NOT blocked:true", &[ALICE, CAROL, DORA]),
        ("NOT email:\"alice@example.com\"", &[BOB, DORA]),
        ("NOT (blocked:true OR name:test)", &[ALICE, CAROL]),
        ("name:(test OR \"Bob_50%\") AND blocked:true", &[BOB]),
        ("NOT NOT blocked:true", &[BOB]),
    ])
    .await;
}

#[tokio::test]
async fn existence_tells_absent_from_present() {
    check(&[
        ("_exists_:username", &[ALICE]),
        ("NOT _exists_:email", &[DORA]),
        ("_exists_:user_metadata", &[ALICE, DORA]),
        ("_exists_:user_metadata.team", &[ALICE, DORA]),
        ("_exists_:user_metadata.none", &[]),
        ("_exists_:app_metadata.score", &[ALICE, BOB, CAROL]),
        ("_exists_:identities.connection AND _exists_:created_at", &[ALICE, BOB, CAROL, DORA]),
        ("last_login:*", &[]),
    ])
    .await;
}

#[tokio::test]
async fn ranges_include_or_exclude_their_ends() {
    check(&[
        ("created_at:[2026-11-23 TO 2026-11-24}", &[ALICE]),
        ("created_at:[2026-11-23 TO 2026-11-24]", &[ALICE, BOB]),
        ("created_at:{2026-11-23 TO *]", &[BOB, CAROL, DORA]),
        ("updated_at:[* TO 2026-11-23T04:56:18Z]", &[ALICE]),
        ("app_metadata.score:[9 TO 10]", &[ALICE, BOB]),
        ("app_metadata.score:{9 TO 10]", &[ALICE]),
        ("app_metadata.score:[9.5 TO *]", &[ALICE]),
        ("app_metadata.plan:[g TO h]", &[ALICE]),
        ("user_id:[b TO h]", &[CAROL]),
        ("user_id:[1 TO 2]", &[]),
        ("name:{test TO *]", &[CAROL]),
    ])
    .await;
}

#[tokio::test]
async fn wildcards_match_and_their_neighbours_are_literal() {
    check(&[
        ("name:Test*", &[CAROL, DORA]),
        ("name:*ing*", &[CAROL]),
        ("name:*test", &[DORA]),
        ("name:b*50%", &[BOB]),
        ("name:bob_*", &[BOB]),
        ("name:bob.*", &[]),
        (r"name:*\[x\]\*", &[CAROL]),
        ("user_id:auth0*", &[ALICE, BOB]),
        ("user_id:AUTH0*", &[]),
        ("app_metadata.plan:*old", &[ALICE]),
        ("identities.connection:goo*", &[CAROL]),
    ])
    .await;
}

#[tokio::test]
async fn what_a_caller_writes_is_never_sql() {
    check(&[
        ("name:\"' OR 1=1 --\"", &[]),
        ("name:\"\\\"); DROP TABLE users; --\"", &[]),
        ("username:\"$1\"", &[]),
        ("name:*'%_\\\\*", &[]),
        ("user_metadata.team:\"a' OR '1'='1\"", &[]),
    ])
    .await;
}

#[tokio::test]
async fn pages_and_orders_cover_everybody_once() {
    let place = Place::new();
    let database = place.open().await;
    people(&database).await;
    let everybody = Search::default();
    assert_eq!(found(&database, &everybody).await, [ALICE, BOB, CAROL, DORA]);
    let page = find(&database, &acme(), &everybody, 2, 1).await.unwrap();
    assert_eq!(page[0].id().as_str(), CAROL);
    assert!(find(&database, &acme(), &everybody, 4, 1).await.unwrap().is_empty());
    let last = newest(&database, &acme(), 2).await.unwrap();
    assert_eq!([last[0].id().as_str(), last[1].id().as_str()], [DORA, CAROL]);
    for name in ["created_at", "updated_at"] {
        let sort = SortField::named(name).unwrap();
        let newest = Search { sort, is_descending: true, ..Search::default() };
        assert_eq!(found(&database, &newest).await, [DORA, CAROL, BOB, ALICE], "{name}");
    }
    let cases = [
        ("user_id", [ALICE, BOB, CAROL, DORA]),
        ("email", [ALICE, CAROL, BOB, DORA]),
        ("name", [ALICE, BOB, DORA, CAROL]),
        ("nickname", [ALICE, CAROL, BOB, DORA]),
        ("username", [ALICE, BOB, CAROL, DORA]),
        ("given_name", [ALICE, BOB, CAROL, DORA]),
        ("family_name", [ALICE, BOB, CAROL, DORA]),
    ];
    for (name, expected) in cases {
        let sort = SortField::named(name).unwrap();
        assert_eq!(
            found(&database, &Search { sort, ..Search::default() }).await,
            expected,
            "{name}"
        );
    }
    assert_eq!(SortField::named("password"), None);
    let connection = Some(String::from("db"));
    assert_eq!(found(&database, &Search { connection, ..Search::default() }).await, [ALICE, BOB]);
}

#[tokio::test]
async fn new_users_are_counted_by_day() {
    const DAY_MS: i64 = 86_400_000;
    let place = Place::new();
    let database = place.open().await;
    people(&database).await;
    let day = NOW.ms() / DAY_MS;
    let span = (Timestamp::from_ms(day * DAY_MS), Timestamp::from_ms((day + 2) * DAY_MS));
    let counted = users::created_per_day(&database, &acme(), span).await;
    assert_eq!(counted, Ok(vec![(day, 1), (day + 1, 1)]));
}
