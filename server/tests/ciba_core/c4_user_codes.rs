//! C3, C11, C31: user codes.

use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Form, World};

use super::world;

async fn sets(world: &World, person: &str, code: &str) -> u16 {
    let path = format!("users/auth0|{person}/user-code");
    let body = json!({ "user_code": code });
    world.operator().request(Method::PUT, &path, &body).await.status
}

async fn takes_codes(world: &World) -> Client<'_> {
    world.registers("Codes", json!({"backchannel_user_code_parameter": true})).await
}

async fn told(client: &Client<'_>, person: &str, code: Option<&str>) -> String {
    let form = client.asking(person);
    let form = code.map_or(form.clone(), |code| form.with("user_code", code));
    client.starts(form).await.summary()
}

/// C31, C11, N34: missing, wrong, right, changed; a client that is not registered for codes and a
/// person who has none are exempt.
#[tokio::test]
async fn a_code_is_the_persons() {
    let world = world().await;
    world.phone_of("bob").is_ready().await;
    let (client, exempt) = (takes_codes(&world).await, world.client());
    assert_eq!(told(&client, "alice", None).await, "200");
    assert_eq!(sets(&world, "alice", "gold fish").await, 204);
    assert_eq!(told(&client, "alice", None).await, "400 missing_user_code");
    assert_eq!(told(&client, "alice", Some("")).await, "400 missing_user_code");
    for wrong in ["gold fisH", &"x".repeat(65)] {
        assert_eq!(told(&client, "alice", Some(wrong)).await, "400 invalid_user_code");
    }
    assert_eq!(told(&client, "alice", Some("gold fish")).await, "200");
    assert_eq!(told(&exempt, "alice", None).await, "200");
    assert_eq!(told(&exempt, "alice", Some("wrong")).await, "200");
    assert_eq!(told(&client, "bob", Some("anything")).await, "200");
    assert_eq!(sets(&world, "alice", "silver fish").await, 204);
    assert_eq!(told(&client, "alice", Some("gold fish")).await, "400 invalid_user_code");
    assert_eq!(told(&client, "alice", Some("silver fish")).await, "200");
    let path = "users/auth0|alice/user-code";
    assert_eq!(world.operator().deletes(path).await.status, 204);
    assert_eq!(world.operator().deletes(path).await.status, 204);
    world.advance_seconds(60);
    assert_eq!(told(&client, "alice", None).await, "200");
    let wanted =
        [(json!({}), 400), (json!({"user_code": "123"}), 400), (json!({"user_code": 5}), 400)];
    for (body, status) in wanted {
        assert_eq!(world.operator().request(Method::PUT, path, &body).await.status, status);
    }
    assert_eq!(sets(&world, "nobody", "1234").await, 404);
}

/// C31, N34: after five wrong codes the code waits a quarter of an hour, the right one too; who
/// asks without a code does not.
#[tokio::test]
async fn guessing_is_slow_and_locks_nobody_out() {
    let world = world().await;
    let (client, exempt) = (takes_codes(&world).await, world.client());
    sets(&world, "alice", "1234").await;
    for _ in 0..5 {
        assert_eq!(told(&client, "alice", Some("0000")).await, "400 invalid_user_code");
    }
    let refused = client.starts(client.asking("alice").with("user_code", "1234")).await;
    assert_eq!(refused.summary(), "403 access_denied");
    assert_eq!(refused.header("retry-after"), "900");
    let tokens = exempt.gets_tokens("alice", |form: Form| form).await;
    assert!(tokens["access_token"].is_string());
    world.advance_seconds(900);
    assert_eq!(told(&client, "alice", Some("1234")).await, "200");
}

/// C3, C31: that codes are supported is told; a code is in no log and no answer.
#[tokio::test]
async fn codes_are_told_to_be_supported_and_never_told() {
    let world = world().await;
    let metadata = world.get(".well-known/openid-configuration").await.json();
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], json!(true));
    let other = World::new().await.get(".well-known/openid-configuration").await.json();
    assert_eq!(other.get("backchannel_user_code_parameter_supported"), None);
    let client = takes_codes(&world).await;
    sets(&world, "alice", "gold-fish-7").await;
    assert_eq!(told(&client, "alice", Some("gold-fish-8")).await, "400 invalid_user_code");
    assert_eq!(told(&client, "alice", Some("gold-fish-7")).await, "200");
    let logs = world.operator().gets("logs?per_page=50").await.text();
    let user: Value = world.operator().gets("users/auth0|alice").await.json();
    assert!(!logs.contains("gold-fish") && !user.to_string().contains("gold-fish"), "{logs}");
}
