//! C59 to C66: the token endpoint.

use serde_json::json;
use testkit::{Form, Proof, World};

use super::{assert_error, world};

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// C60: the grant and its id, from the client that was given it.
#[tokio::test]
async fn a_request_belongs_to_its_client() {
    let world = world().await;
    let client = world.client();
    let other = world.registers("Other", json!({})).await;
    let id = client.asks_for("alice").await;
    assert_error(&other.poll(&id).await, "400 invalid_grant");
    world.phone_of("alice").approves(&id).await;
    assert_error(&other.poll(&id).await, "400 invalid_grant");
    assert_error(&client.proving(Proof::Nothing).poll(&id).await, "401 invalid_client");
    assert!(client.redeems(&id).await["access_token"].is_string());
}

/// C61, N50: the tokens, once; of two racing polls one wins.
#[tokio::test]
async fn an_approval_gives_tokens_once() {
    let world = world().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    world.phone_of("alice").approves(&id).await;
    let (first, second) = tokio::join!(client.poll(&id), client.poll(&id));
    let mut told = [first.summary(), second.summary()];
    told.sort();
    assert_eq!(told, ["200", "400 invalid_grant"]);
    let tokens = if first.status == 200 { first } else { second };
    assert_eq!(tokens.header("cache-control"), "no-store");
    assert!(tokens.header("content-type").starts_with("application/json"));
    let body = tokens.json();
    for member in ["access_token", "id_token", "token_type"] {
        assert!(body[member].is_string(), "{member}: {body}");
    }
    assert!(body["expires_in"].as_i64().unwrap() > 0);
    assert_error(&client.poll(&id).await, "400 invalid_grant");
    world.advance_seconds(301);
    assert_error(&client.poll(&id).await, "400 invalid_grant");
}

/// C63, N44, N45: the first poll at once; too soon grows the interval by five seconds, for good.
#[tokio::test]
async fn polling_too_fast_only_slows_down() {
    let world = world().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    world.advance_seconds(1);
    assert_error(&client.poll(&id).await, "400 slow_down");
    world.advance_seconds(6);
    assert_error(&client.poll(&id).await, "400 slow_down");
    world.restart().await;
    world.advance_seconds(14);
    assert_eq!(client.polls(&id).await, "400 slow_down");
    world.advance_seconds(20);
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    for _ in 0..100 {
        assert_eq!(client.polls(&id).await, "400 slow_down");
    }
    world.phone_of("alice").approves(&id).await;
    assert_eq!(client.polls(&id).await, "200");
}

/// C66, N50, R15: what each end of the story is called.
#[tokio::test]
async fn every_outcome_has_its_error() {
    let world = world().await;
    let client = world.client();
    let denied = client.asks_for("alice").await;
    assert_error(&client.poll(&denied).await, "400 authorization_pending");
    world.phone_of("alice").denies(&denied).await;
    for _ in 0..3 {
        assert_error(&client.poll(&denied).await, "400 access_denied");
    }
    assert_error(&client.poll("unknown").await, "400 invalid_grant");
    let form = || Form::new().with("grant_type", CIBA).with("auth_req_id", &denied);
    for form in [
        form().without("auth_req_id"),
        form().with("auth_req_id", ""),
        form().without("grant_type"),
        form().and("grant_type", CIBA),
        form().and("auth_req_id", &denied),
    ] {
        assert_error(&client.posts("oauth/token", form).await, "400 invalid_request");
    }
    world.advance_seconds(300);
    assert_error(&client.poll(&denied).await, "400 expired_token");
    world.advance_seconds(599);
    world.run_worker().await;
    assert_error(&client.poll(&denied).await, "400 expired_token");
}

/// C66, N30: the grant was taken away, or the proof is none.
#[tokio::test]
async fn who_polls_must_still_be_allowed_to() {
    let world = world().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    let basic = client.proving(Proof::Basic(String::from("wrong")));
    let answer = basic.poll(&id).await;
    assert_error(&answer, "401 invalid_client");
    assert!(answer.header("www-authenticate").starts_with("Basic realm="));
    let answer = client.proving(Proof::Secret(String::from("wrong"))).poll(&id).await;
    assert_error(&answer, "401 invalid_client");
    assert_eq!(answer.header("www-authenticate"), "");
    takes_the_grant(&world).await;
    assert_error(&client.poll(&id).await, "400 unauthorized_client");
    assert_error(&client.starts(client.asking("alice")).await, "400 unauthorized_client");
    let without = world.registers("Without", json!({"grant_types": ["refresh_token"]})).await;
    assert_error(&without.starts(without.asking("alice")).await, "400 unauthorized_client");
}

async fn takes_the_grant(world: &World) {
    let path = format!("clients/{}", world.client().id());
    let body = json!({"grant_types": ["client_credentials"]});
    assert_eq!(world.operator().patches(&path, &body).await.status, 200);
}
