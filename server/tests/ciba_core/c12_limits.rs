//! C78: limits of a client and of a tenant, off unless somebody sets them.

use serde_json::{Value, json};
use testkit::{Answer, Client, World};

async fn world() -> World {
    let world = World::builder().profile("ciba").start().await;
    for person in ["alice", "bob"] {
        world.phone_of(person).is_ready().await;
    }
    world
}

async fn limited(world: &World, limits: Value) -> Client<'_> {
    world.registers("Limited", json!({ "prompt_limits": limits })).await
}

async fn asks(client: &Client<'_>, person: &str) -> Answer {
    client.starts(client.asking(person)).await
}

#[track_caller]
fn is_told_to_wait(answer: &Answer, expected: &str, seconds: &str) {
    assert_eq!(answer.summary(), expected, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), seconds);
    assert!(answer.header("content-type").starts_with("application/json"));
}

/// N58: what concerns a client, or everybody, is 503; what concerns a person is 403; both say when
/// to come again.
#[tokio::test]
async fn limits_say_whom_they_are_about_and_for_how_long() {
    let world = world().await;
    let often = limited(&world, json!({"starts_per_minute": 2})).await;
    for _ in 0..2 {
        assert_eq!(asks(&often, "alice").await.status, 200);
        world.advance_seconds(10);
    }
    is_told_to_wait(&asks(&often, "bob").await, "503 temporarily_unavailable", "40");
    world.advance_seconds(40);
    assert_eq!(asks(&often, "bob").await.status, 200);
    let careful =
        world.registers("Careful", json!({"prompt_limits": {"pending_per_user": 1}})).await;
    let id = asks(&careful, "bob").await.member("auth_req_id");
    is_told_to_wait(&asks(&careful, "bob").await, "403 access_denied", "300");
    assert_eq!(asks(&careful, "alice").await.status, 200);
    world.phone_of("bob").approves(&id).await;
    assert_eq!(asks(&careful, "bob").await.status, 200);
}

/// Requests that wait at once, of a client: those that were answered, taken back or that are over
/// make room.
#[tokio::test]
async fn what_is_answered_makes_room() {
    let world = world().await;
    let client = limited(&world, json!({"pending": 2})).await;
    let first = asks(&client, "alice").await.member("auth_req_id");
    assert_eq!(asks(&client, "bob").await.status, 200);
    is_told_to_wait(&asks(&client, "bob").await, "503 temporarily_unavailable", "300");
    assert_eq!(client.cancels(&first).await.status, 204);
    assert_eq!(asks(&client, "alice").await.status, 200);
    is_told_to_wait(&asks(&client, "bob").await, "503 temporarily_unavailable", "300");
    world.advance_seconds(300);
    assert_eq!(asks(&client, "bob").await.status, 200);
}

/// Of many starts at once, on two nodes where there can be two, no more pass than the limit lets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_exact_among_racers() {
    let world = world().await;
    let limits = json!({"pending": 3, "pending_per_user": 2, "starts_per_minute": 5});
    let client = limited(&world, limits).await;
    let other = world.second_node().await;
    let there = other.as_ref().map(|other| client.at(other));
    let racers = (0..12).map(|n| {
        let client = there.as_ref().filter(|_| n % 2 == 0).unwrap_or(&client);
        asks(client, if n % 3 == 0 { "bob" } else { "alice" })
    });
    let answers = futures_util::future::join_all(racers).await;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((1..=3).contains(&passed), "{passed}");
    let refused = |answer: &&Answer| ![200, 403, 503].contains(&answer.status);
    assert_eq!(answers.iter().find(refused).map(Answer::text), None);
}

/// After a refusal, and after a request that ran out, a client waits where it is told to.
#[tokio::test]
async fn a_refusal_is_left_alone_for_a_while() {
    let world = world().await;
    let client = limited(&world, json!({"wait_after_refusal": 120})).await;
    let id = asks(&client, "alice").await.member("auth_req_id");
    world.phone_of("alice").denies(&id).await;
    world.advance_seconds(20);
    is_told_to_wait(&asks(&client, "alice").await, "403 access_denied", "100");
    assert_eq!(asks(&client, "bob").await.status, 200);
    assert_eq!(asks(&world.client(), "alice").await.status, 200);
    world.advance_seconds(300);
    is_told_to_wait(&asks(&client, "bob").await, "403 access_denied", "120");
    assert_eq!(asks(&client, "alice").await.status, 200);
}

/// "One at a time" for a person, whoever asks, is the tenant's to set.
#[tokio::test]
async fn a_tenant_bounds_all_its_clients() {
    let world = world().await;
    let limits = json!({"prompt_limits": {"pending_per_user": 1}});
    let answer = world.operator().patches("tenants/settings", &limits).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["prompt_limits"], json!({"pending_per_user": 1}));
    assert_eq!(asks(&world.client(), "alice").await.status, 200);
    let other = world.registers("Other", json!({})).await;
    is_told_to_wait(&asks(&other, "alice").await, "403 access_denied", "300");
    assert_eq!(asks(&other, "bob").await.status, 200);
    for bad in [json!({"pending_per_user": 0}), json!({"more": 1}), json!([])] {
        let answer =
            world.operator().patches("tenants/settings", &json!({"prompt_limits": bad})).await;
        assert_eq!(answer.status, 400);
    }
}
