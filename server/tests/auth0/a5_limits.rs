//! W110 to W115: at most five requests a minute reach one user.

use serde_json::json;
use testkit::{Answer, World, assert_refused};

#[track_caller]
fn is_limited(answer: &Answer, wait: i64) {
    let text = format!("Too many requests for this user. Try again in {wait} seconds.");
    assert_refused(answer, 429, "too_many_requests", &text);
    assert_eq!(answer.number("retry-after"), wait);
}

/// W110: five requests pass, each pushed once to each device.
#[tokio::test]
async fn five_requests_a_minute_pass() {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    world.second_phone_of("alice").enrolls().await;
    let other = world.registers("Other", json!({})).await;
    for round in 0..5 {
        let client = if round % 2 == 0 { world.client() } else { other.clone() };
        assert_eq!(client.starts(client.asking("alice")).await.status, 200);
        world.advance_seconds(1);
    }
    assert_eq!(world.phone_of("alice").pushes().await.len(), 5);
    assert_eq!(world.second_phone_of("alice").pushes().await.len(), 5);
}

/// W111, W114: the sixth must wait until the oldest is a minute old, whoever asks, and no longer.
#[tokio::test]
async fn the_sixth_request_waits() {
    let world = World::new().await;
    let client = world.client();
    let other = world.registers("Other", json!({})).await;
    for _ in 0..5 {
        client.asks_for("alice").await;
        world.advance_seconds(4);
    }
    is_limited(&other.starts(other.asking("alice")).await, 40);
    world.restart().await;
    is_limited(&client.starts(client.asking("alice")).await, 40);
    world.advance_ms(38_500);
    is_limited(&client.starts(client.asking("alice")).await, 2);
    world.advance_ms(1_499);
    is_limited(&client.starts(client.asking("alice")).await, 1);
    assert_eq!(world.phone_of("alice").pushes().await.len(), 5);
    world.advance_ms(1);
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    is_limited(&client.starts(client.asking("alice")).await, 4);
}

/// W112: the other profiles say it with OAuth's words.
#[tokio::test]
async fn the_other_profiles_say_access_denied() {
    let world = World::builder()
        .settings(|settings| settings.profiles = ["auth0", "ciba"].map(String::from).to_vec())
        .start()
        .await;
    let client = world.registers("ciba-client", json!({"profile": "ciba"})).await;
    for _ in 0..5 {
        client.asks_for("alice").await;
    }
    let answer = client.starts(client.asking("alice")).await;
    let text = "Too many requests for this user. Try again in 60 seconds.";
    assert_refused(&answer, 403, "access_denied", text);
    assert_eq!(answer.number("retry-after"), 60);
}

/// W113: another user is another matter, also in another tenant.
#[tokio::test]
async fn others_are_not_limited() {
    let world = World::new().await;
    let client = world.client();
    for _ in 0..5 {
        client.asks_for("alice").await;
    }
    client.asks_for("bob").await;
    let acme = world.second_tenant("acme").await;
    acme.client().asks_for("alice").await;
    is_limited(&client.starts(client.asking("alice")).await, 60);
}

/// W114: what was refused does not count.
#[tokio::test]
async fn refused_requests_do_not_count() {
    let world = World::new().await;
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    for round in 0..12 {
        let wrong = client.asking("alice").with("scope", "profile");
        assert_eq!(client.starts(wrong).await.status, 400);
        if round % 3 == 0 {
            assert_eq!(client.starts(client.asking("alice")).await.status, 200);
        }
    }
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    is_limited(&client.starts(client.asking("alice")).await, 60);
}

/// W115: the headers are plain integers.
#[tokio::test]
async fn a_limit_tells_its_numbers() {
    let world = World::new().await;
    let client = world.client();
    for _ in 0..5 {
        client.asks_for("alice").await;
        world.advance_seconds(2);
    }
    let answer = client.starts(client.asking("alice")).await;
    is_limited(&answer, 50);
    assert_eq!(answer.number("x-ratelimit-limit"), 5);
    assert_eq!(answer.number("x-ratelimit-remaining"), 0);
    assert_eq!(answer.number("x-ratelimit-reset"), world.now().seconds() + 50);
}

/// W110: the number is a setting.
#[tokio::test]
async fn the_number_can_be_set() {
    let world = World::builder()
        .configured(|config| config.limits.prompts_per_user_per_minute = 2)
        .start()
        .await;
    let client = world.client();
    for _ in 0..2 {
        client.asks_for("alice").await;
    }
    is_limited(&client.starts(client.asking("alice")).await, 60);
}
