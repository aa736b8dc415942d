//! A1: whoever asks again and again until somebody says yes is slowed down, and can be shut out by
//! the person.

use device_protocol::guardian::resolve::Decision;
use serde_json::{Value, json};
use testkit::{Answer, Client, World};

use super::world;

async fn limited(world: &World, limits: Value) -> Client<'_> {
    world.registers("Pushy", json!({"prompt_limits": limits})).await
}

async fn asks(client: &Client<'_>) -> Answer {
    client.starts(client.asking("alice")).await
}

#[track_caller]
fn must_wait(answer: &Answer, seconds: &str) {
    assert_eq!(answer.summary(), "403 access_denied", "{}", answer.text());
    assert_eq!(answer.header("retry-after"), seconds);
}

/// A1: the sixth request of a minute, a second one while the first waits, and one too soon after a
/// no are refused, before and after a restart; and so is whatever a client asks whom the person
/// has shut out.
#[tokio::test]
async fn nobody_is_asked_until_they_give_in() {
    let world = world().await;
    let client = world.client();
    for _ in 0..5 {
        assert_eq!(asks(&client).await.status, 200);
    }
    for _ in 0..2 {
        must_wait(&asks(&client).await, "60");
        world.restart().await;
    }
    world.advance_seconds(60);
    let limits = json!({
        "pending_per_user": 1, "wait_after_refusal": 30, "wait_grows_to": 100,
    });
    let pushy = limited(&world, limits).await;
    let id = asks(&pushy).await.member("auth_req_id");
    for _ in 0..2 {
        must_wait(&asks(&pushy).await, "300");
        world.restart().await;
    }
    world.phone_of("alice").denies(&id).await;
    for _ in 0..2 {
        must_wait(&asks(&pushy).await, "30");
        world.restart().await;
    }
    world.advance_seconds(30);
    let id = asks(&pushy).await.member("auth_req_id");
    let push = world.phone_of("alice").push_of(&id).await;
    let report = Decision::Rejected { reason: Some("hack") };
    assert_eq!(world.phone_of("alice").answers(&push, report).await.status, 204);
    world.advance_seconds(1000);
    world.restart().await;
    let refused = asks(&pushy).await;
    assert_eq!(refused.summary(), "403 access_denied");
    assert_eq!(refused.header("retry-after"), "");
    assert_eq!(asks(&client).await.status, 200, "others may still ask");
}

/// O462: with `wait_grows_to` the wait after a no, a request that ran out or was taken back is
/// twice the one before, up to that; a yes, or a quiet day, ends it.
#[tokio::test]
async fn waits_grow_until_the_person_says_yes() {
    let world = world().await;
    let limits = json!({"wait_after_refusal": 60, "wait_grows_to": 200});
    let client = limited(&world, limits).await;
    for (wait, how) in [(60, "no"), (120, "late"), (200, "taken back"), (200, "no")] {
        let id = asks(&client).await.member("auth_req_id");
        match how {
            "no" => world.phone_of("alice").denies(&id).await,
            "late" => world.advance_seconds(300),
            _ => assert_eq!(client.cancels(&id).await.status, 204),
        }
        must_wait(&asks(&client).await, &wait.to_string());
        world.advance_seconds(wait - 1);
        must_wait(&asks(&client).await, "1");
        assert_eq!(client.starts(client.asking("bob")).await.summary(), "400 unknown_user_id");
        world.advance_seconds(1);
    }
    let id = asks(&client).await.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let id = asks(&client).await.member("auth_req_id");
    world.phone_of("alice").denies(&id).await;
    must_wait(&asks(&client).await, "60");
    world.advance_seconds(60);
    let id = asks(&client).await.member("auth_req_id");
    world.phone_of("alice").denies(&id).await;
    must_wait(&asks(&client).await, "120");
    world.advance_seconds(2 * 86_400);
    let id = asks(&client).await.member("auth_req_id");
    world.phone_of("alice").denies(&id).await;
    must_wait(&asks(&client).await, "60");
}

/// O463: `starts_per_user_per_minute` bounds how often one person is asked, and from `quiet_from`
/// to `quiet_to` nobody is.
#[tokio::test]
async fn a_person_is_asked_so_often_and_not_at_night() {
    let world = world().await;
    world.phone_of("bob").is_ready().await;
    let client = limited(&world, json!({"starts_per_user_per_minute": 1})).await;
    assert_eq!(asks(&client).await.status, 200);
    must_wait(&asks(&client).await, "60");
    assert_eq!(client.starts(client.asking("bob")).await.status, 200);
    // It is five o'clock (UTC).
    let night = json!({"prompt_limits": {"quiet_from": 22 * 60, "quiet_to": 5 * 60 + 10}});
    let answer = world.operator().patches("tenants/settings", &night).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let quiet = world.client();
    must_wait(&asks(&quiet).await, "600");
    world.advance_seconds(600);
    assert_eq!(asks(&quiet).await.status, 200);
    world.advance_seconds(17 * 3600);
    must_wait(&asks(&quiet).await, "25200");
    for bad in [json!({"quiet_from": 5}), json!({"wait_after_refusal": 9, "wait_grows_to": 8})] {
        let body = json!({"prompt_limits": bad});
        assert_eq!(world.operator().patches("tenants/settings", &body).await.status, 400, "{bad}");
    }
}

/// Of many starts at once after a wait, on two nodes where there can be two, all are of one turn:
/// the wait that follows is one step longer, not many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racers_are_one_turn() {
    let world = world().await;
    let client = limited(&world, json!({"wait_after_refusal": 60, "wait_grows_to": 600})).await;
    let other = world.second_node().await;
    let there = other.as_ref().map(|other| client.at(other));
    for wait in ["60", "120"] {
        let racers = (0..4).map(|n| asks(there.as_ref().filter(|_| n % 2 == 0).unwrap_or(&client)));
        let answers = futures_util::future::join_all(racers).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        // One that this node pushed.
        world.phone_of("alice").denies(&answers[1].member("auth_req_id")).await;
        must_wait(&asks(&client).await, wait);
        for node in std::iter::once(&world).chain(&other) {
            node.advance_seconds(120);
        }
    }
}
