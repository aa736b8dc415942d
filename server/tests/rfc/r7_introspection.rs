//! R7: introspection (RFC 7662).

use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Form, Proof, World};

use super::{PAYMENTS, for_payments, introspected, text, world};

/// The API of the payments, as a client that may ask about its tokens.
async fn payments_api(world: &World) -> Client<'_> {
    let members = json!({"app_type": "resource_server", "resource_server_identifier": PAYMENTS});
    world.registers("Payments-API", members).await
}

#[track_caller]
fn is_inactive(answer: &Value) {
    assert_eq!(answer, &json!({"active": false}));
}

/// R7: an API's token, in both dialects, told to its client and to its API.
#[tokio::test]
async fn a_living_token_is_told_to_its_client_and_its_api() {
    let world = world().await;
    let modern = json!({"identifier": "https://modern.example", "token_dialect": "rfc9068_profile",
        "scopes": [{"value": "read:balance"}]});
    world.registers_api(modern).await;
    let (client, api) = (world.client(), payments_api(&world).await);
    let tokens = client.gets_tokens("alice", for_payments).await;
    let token = text(&tokens, "access_token");
    for asking in [&client, &api] {
        let told = introspected(asking, &token).await;
        assert_eq!(
            (&told["active"], &told["client_id"], &told["sub"], &told["scope"]),
            (&json!(true), &json!(client.id()), &json!("auth0|alice"), &tokens["scope"])
        );
        assert_eq!(told["iss"], json!(world.issuer()));
        assert_eq!(told["aud"][0], json!(PAYMENTS));
        let life = told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap();
        assert_eq!(json!(life), tokens["expires_in"]);
        assert!(told.get("azp").is_none(), "{told}");
    }
    let ask = |form: Form| form.with("audience", "https://modern.example");
    let tokens = client.gets_tokens("alice", ask).await;
    let token = text(&tokens, "access_token");
    let told = introspected(&client, &token).await;
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!(client.id())));
    is_inactive(&introspected(&api, &token).await);
}

/// R7: opaque tokens and refresh tokens are told to their client, and to nobody else.
#[tokio::test]
async fn what_only_we_can_read_is_told_to_its_client() {
    let world = world().await;
    let (client, other) = (world.client(), world.registers("Other", json!({})).await);
    let tokens = client.gets_tokens("alice", |form| form.with("scope", "openid email")).await;
    let opaque = text(&tokens, "access_token");
    let told = introspected(&client, &opaque).await;
    assert_eq!((&told["active"], &told["scope"]), (&json!(true), &json!("openid email")));
    assert_eq!(told["aud"], json!(world.url("userinfo")));
    let refresh = text(&client.gets_tokens("alice", for_payments).await, "refresh_token");
    let told = introspected(&client, &refresh).await;
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!("auth0|alice")));
    assert_eq!(told["auth_time"], json!(world.now().seconds()));
    for token in [&opaque, &refresh] {
        is_inactive(&introspected(&other, token).await);
    }
}

/// R7: what is over, revoked, made up, or a token of another kind is inactive, and no more is said.
#[tokio::test]
async fn nothing_is_told_of_a_dead_token() {
    let world = world().await;
    let client = world.client();
    let tokens = client.gets_tokens("alice", for_payments).await;
    let (access, id_token) = (text(&tokens, "access_token"), text(&tokens, "id_token"));
    let refresh = text(&tokens, "refresh_token");
    for token in [id_token.as_str(), "", "x", "a.b.c", &format!("{access}x")] {
        if token.is_empty() {
            let empty = client.posts("oauth/introspect", Form::new().with("token", "")).await;
            assert_eq!(empty.summary(), "400 invalid_request");
            continue;
        }
        is_inactive(&introspected(&client, token).await);
    }
    assert_eq!(client.revokes(&refresh).await.status, 200);
    is_inactive(&introspected(&client, &refresh).await);
    assert_eq!(introspected(&client, &access).await["active"], json!(true));
    world.advance_seconds(86_400);
    is_inactive(&introspected(&client, &access).await);
}

/// R7: the token of a person who was blocked is dead at once.
#[tokio::test]
async fn a_blocked_person_has_no_living_token() {
    let world = world().await;
    let client = world.client();
    let token = text(&client.gets_tokens("alice", for_payments).await, "access_token");
    let patched = world.operator().patches("users/auth0%7Calice", &json!({"blocked": true})).await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    is_inactive(&introspected(&client, &token).await);
}

/// R7: a client must prove itself, and sends a form by POST.
#[tokio::test]
async fn a_stranger_may_not_ask() {
    let world = world().await;
    let client = world.client();
    let wrong = client.proving(Proof::Secret(String::from("wrong")));
    let answer = wrong.posts("oauth/introspect", Form::new().with("token", "x")).await;
    assert_eq!(answer.summary(), "401 invalid_client");
    let missing = client.posts("oauth/introspect", Form::new()).await;
    assert_eq!(missing.summary(), "400 invalid_request");
    let twice = client.posts("oauth/introspect", Form::new().with("token", "x").and("token", "y"));
    assert_eq!(twice.await.summary(), "400 invalid_request");
    let json = client.posts_json("oauth/introspect", json!({"token": "x"})).await;
    assert_eq!(json.summary(), "400 invalid_request");
    let got = world.request(Method::GET, "oauth/introspect", &[], "").await;
    assert_eq!((got.status, got.header("allow")), (405, "POST"));
}

/// G67: a transaction token is no access token anywhere.
#[tokio::test]
async fn a_transaction_token_is_no_access_token() {
    let world = World::new().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    let txtkn = world.phone_of("alice").push_of(&id).await.txtkn;
    is_inactive(&introspected(&client, &txtkn).await);
    let bearer = format!("Bearer {txtkn}");
    for path in ["userinfo", "api/v2/users", "api/v2/logs"] {
        let answer = world.request(Method::GET, path, &[("authorization", &bearer)], "").await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text());
    }
}
