//! CIBA 10.3, 12 (C72 to C77): a client of push mode is sent its tokens, or why there are none.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_protocol::guardian::resolve::Decision;
use serde_json::{Value, json};
use testkit::{Form, World, p256_key};

use super::{NOTIFICATION_TOKEN, asks, asks_with, bodies, logged, notified, works};

fn half_hash(token: &Value) -> String {
    let hash = digest(&SHA256, token.as_str().unwrap().as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().split_at(16).0)
}

/// Whether an opaque access token opens `/userinfo`.
async fn opens(world: &World, token: &Value) -> u16 {
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    world.request(http::Method::GET, "userinfo", &headers, "").await.status
}

/// C72, C73, N1: the token response with the request's name; the ID token names the request and
/// both other tokens.
#[tokio::test]
async fn tokens_are_pushed_and_bound_to_their_request() {
    for alg in ["RS256", "PS256", "ES256"] {
        let (world, script) = notified("push", json!({"jwt_configuration": {"alg": alg}})).await;
        script.then(204, &Value::Null);
        let id = asks_with(&world, "alice", |f| f.with("scope", "openid offline_access")).await;
        world.phone_of("alice").approves(&id).await;
        works(&world, 20).await;
        let calls = script.calls();
        assert_eq!(calls.len(), 1);
        let bearer = format!("Bearer {NOTIFICATION_TOKEN}");
        assert_eq!(calls[0].headers[0].1.to_str().unwrap(), bearer);
        let body = &bodies(&script)[0];
        let names: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let expected =
            "access_token auth_req_id expires_in id_token refresh_token scope token_type";
        assert_eq!(names, expected.split(' ').collect());
        assert_eq!((&body["auth_req_id"], &body["token_type"]), (&json!(id), &json!("Bearer")));
        let id_token = world.verified(body["id_token"].as_str().unwrap()).await;
        assert_eq!(id_token.header["alg"], alg);
        let claim = |name: &str| id_token.claims[name].as_str().unwrap().to_owned();
        assert_eq!(claim("at_hash"), half_hash(&body["access_token"]));
        assert_eq!(claim("urn:openid:params:jwt:claim:rt_hash"), half_hash(&body["refresh_token"]));
        assert_eq!(claim("urn:openid:params:jwt:claim:auth_req_id"), id);
        assert_eq!(opens(&world, &body["access_token"]).await, 200);
        let refresh = body["refresh_token"].as_str().unwrap();
        assert_eq!(world.registered("shop").refreshes(refresh).await.status, 200);
    }
}

/// C73, N2: without a refresh token there is no hash of one.
#[tokio::test]
async fn without_a_refresh_token_there_is_no_hash_of_one() {
    let (world, script) = notified("push", json!({})).await;
    script.then(200, &json!({"any": "body"}));
    let id = asks(&world, "alice").await;
    world.phone_of("alice").approves(&id).await;
    works(&world, 5).await;
    let body = bodies(&script).remove(0);
    let id_token = world.verified(body["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token.claims["at_hash"], half_hash(&body["access_token"]));
    assert_eq!(id_token.claims["urn:openid:params:jwt:claim:rt_hash"], Value::Null);
    assert_eq!(body["refresh_token"], Value::Null);
}

/// C74, N3, P2: a denial, and what else goes wrong, is sent as an error; expiry is not.
#[tokio::test]
async fn what_brings_no_tokens_is_sent_as_an_error() {
    for (outcome, error) in [
        ("denied", "access_denied"),
        ("withdrawn", "transaction_failed"),
        ("blocked", "transaction_failed"),
        ("deleted", "transaction_failed"),
    ] {
        let (world, script) = notified("push", json!({})).await;
        script.then(204, &Value::Null);
        let id = asks(&world, "alice").await;
        let user = format!("users/{}", testkit::encoded(world.user_id("alice").as_str()));
        match outcome {
            "denied" => world.phone_of("alice").denies(&id).await,
            "withdrawn" => assert_eq!(world.registered("shop").cancels(&id).await.status, 204),
            "blocked" => {
                let push = world.phone_of("alice").push_of(&id).await;
                let answer = world.phone_of("alice").answers(&push, Decision::Accepted).await;
                assert_eq!(answer.status, 204);
                let blocked = world.operator().patches(&user, &json!({"blocked": true})).await;
                assert_eq!(blocked.status, 200, "{}", blocked.text());
            }
            _ => assert_eq!(world.operator().deletes(&user).await.status, 204),
        }
        works(&world, 20).await;
        let all = bodies(&script);
        assert_eq!(all.len(), 1, "{outcome}");
        assert_eq!((&all[0]["error"], &all[0]["auth_req_id"]), (&json!(error), &json!(id)));
        assert!(all[0]["error_description"].is_string() && all[0]["access_token"].is_null());
    }
    let (world, script) = notified("push", json!({})).await;
    asks(&world, "alice").await;
    works(&world, 320).await;
    assert!(script.calls().is_empty());
}

/// C75, P11, N4: a receiver that fails nine times and then works gets the same bytes ten times, of
/// one minting.
#[tokio::test]
async fn a_receiver_that_fails_nine_times_gets_one_set_of_tokens() {
    let (world, script) = notified("push", json!({})).await;
    for _ in 0..9 {
        script.then(503, &Value::Null);
    }
    script.then(204, &Value::Null);
    let id = asks_with(&world, "alice", |f| f.with("scope", "openid offline_access")).await;
    world.phone_of("alice").approves(&id).await;
    works(&world, 299).await;
    let calls = script.calls();
    assert_eq!(calls.len(), 10);
    assert!(calls.iter().all(|call| call.body == calls[0].body));
    assert_eq!(logged(&world, "ciba_exchange_succeeded").await.len(), 1);
    assert!(logged(&world, "ciba_notification_failed").await.is_empty());
    assert_eq!(opens(&world, &bodies(&script)[0]["access_token"]).await, 200);
}

/// N7, P1, P11: a restart between minting and delivery: the same payload arrives.
#[tokio::test]
async fn a_restart_between_minting_and_delivery_changes_nothing() {
    let (world, script) = notified("push", json!({})).await;
    script.then(500, &Value::Null);
    script.then(204, &Value::Null);
    let id = asks(&world, "alice").await;
    world.phone_of("alice").approves(&id).await;
    world.run_worker().await;
    assert_eq!(script.calls().len(), 1);
    world.restart().await;
    works(&world, 5).await;
    let calls = script.calls();
    assert_eq!((calls.len(), &calls[0].body), (2, &calls[1].body));
}

/// N5, P6, P12: what is refused for good, or redirected, is sent once, and its tokens are revoked;
/// the metric counts it.
#[tokio::test]
async fn tokens_that_cannot_be_delivered_are_revoked() {
    for status in [301, 400, 403] {
        let (world, script) = notified("push", json!({})).await;
        script.then(status, &Value::Null);
        let id = asks_with(&world, "alice", |f| f.with("scope", "openid offline_access")).await;
        world.phone_of("alice").approves(&id).await;
        works(&world, 30).await;
        let all = bodies(&script);
        assert_eq!(all.len(), 1, "{status}");
        assert_eq!(opens(&world, &all[0]["access_token"]).await, 401);
        let client = world.registered("shop");
        for name in ["access_token", "refresh_token"] {
            let form = Form::new().with("token", all[0][name].as_str().unwrap());
            let told = client.posts("oauth/introspect", form).await;
            assert_eq!((told.status, told.json()), (200, json!({"active": false})));
        }
        let refresh = all[0]["refresh_token"].as_str().unwrap();
        let refused = client.refreshes(refresh).await;
        assert_eq!(refused.summary(), "400 invalid_grant");
        assert_eq!(logged(&world, "ciba_notification_failed").await.len(), 1);
        let request = http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
        let metrics = world.send_to_ops(request).await.text();
        let counted = "aizuchi_notices_total{mode=\"push\",outcome=\"given_up\"} 1";
        assert!(metrics.contains(counted), "{metrics}");
    }
}

/// C75, P12: a receiver that never works: tries end with the request, and the tokens are revoked.
#[tokio::test]
async fn tokens_that_nobody_took_in_time_are_revoked() {
    let (world, script) = notified("push", json!({})).await;
    let id = asks_with(&world, "alice", |form| form.with("requested_expiry", "30")).await;
    world.phone_of("alice").approves(&id).await;
    works(&world, 60).await;
    let all = bodies(&script);
    assert!(all.len() > 2 && all.iter().all(|body| *body == all[0]));
    assert_eq!(opens(&world, &all[0]["access_token"]).await, 401);
}

/// N8, N9, C77: a push client is told no interval, and has no business at the token endpoint.
#[tokio::test]
async fn a_push_client_does_not_poll() {
    let (world, script) = notified("push", json!({})).await;
    script.then(204, &Value::Null);
    let client = world.registered("shop");
    world.phone_of("alice").is_ready().await;
    let form = client.asking("alice").with("client_notification_token", NOTIFICATION_TOKEN);
    let started = client.starts(form).await;
    assert_eq!((started.status, started.json().get("interval")), (200, None));
    let id = started.member("auth_req_id");
    assert_eq!(client.polls(&id).await, "400 unauthorized_client");
    world.phone_of("alice").approves(&id).await;
    assert_eq!(client.long_poll(&id, 30).await.summary(), "400 unauthorized_client");
    works(&world, 2).await;
    assert_eq!(client.polls(&id).await, "400 unauthorized_client");
    assert_eq!(script.calls().len(), 1);
}

/// P9, C77: what is approved in the last moment is minted then, and lives from then on.
#[tokio::test]
async fn a_token_lives_from_its_minting() {
    let (world, script) = notified("push", json!({})).await;
    script.then(204, &Value::Null);
    let id = asks(&world, "alice").await;
    world.advance_ms(299_999);
    let push = world.phone_of("alice").push_of(&id).await;
    let answer = world.phone_of("alice").answers(&push, Decision::Accepted).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    world.advance_seconds(7);
    let minted = world.now().seconds();
    world.run_worker().await;
    let body = bodies(&script).remove(0);
    let id_token = world.verified(body["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token.claims["iat"], minted);
    assert!(id_token.claims["auth_time"].as_i64().unwrap() < minted);
}

/// O304: two nodes with the same work deliver it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_deliver_once() {
    let (world, script) = notified("push", json!({})).await;
    let Some(other) = world.second_node().await else { return };
    script.then(204, &Value::Null);
    let id = asks(&world, "alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    let answer = world.phone_of("alice").answers(&push, Decision::Accepted).await;
    assert_eq!(answer.status, 204);
    tokio::join!(world.run_worker(), other.run_worker());
    works(&world, 5).await;
    assert_eq!(script.calls().len(), 1);
    assert_eq!(logged(&world, "ciba_exchange_succeeded").await.len(), 1);
}

/// C76, N10, P13: pushed tokens are bound to the key that the client showed when it asked.
#[tokio::test]
async fn pushed_tokens_are_bound_to_the_key_of_the_start() {
    let (world, script) = notified("push", json!({"dpop_bound_access_tokens": true})).await;
    script.then(204, &Value::Null);
    let (client, key) = (world.registered("shop"), p256_key());
    world.phone_of("alice").is_ready().await;
    let asking = || client.asking("alice").with("client_notification_token", NOTIFICATION_TOKEN);
    let unproven = client.starts(asking()).await;
    assert_eq!(unproven.summary(), "400 invalid_dpop_proof");
    assert!(world.phone_of("alice").pushes().await.is_empty());
    let audience = "https://api.example.com/payments";
    let bound = client.bound_to(&key);
    let id = bound.starts(asking().with("audience", audience)).await.member("auth_req_id");
    world.advance_seconds(60);
    let minted_at = world.now().seconds();
    world.phone_of("alice").approves(&id).await;
    works(&world, 5).await;
    let body = &bodies(&script)[0];
    assert_eq!(body["token_type"], "DPoP", "{body}");
    let token = world.verified(body["access_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["cnf"], json!({"jkt": key.public().thumbprint()}));
    let lifetime_s = body["expires_in"].as_i64().unwrap();
    assert_eq!(token.claims["exp"], json!(minted_at + lifetime_s));
}

/// N11, C72: details that were approved are pushed, in the answer and in the access token.
#[tokio::test]
async fn details_are_pushed_end_to_end() {
    let (world, script) = notified("push", json!({})).await;
    script.then(204, &Value::Null);
    let details = json!([{"type": "payment_initiation", "amount": "2500"}]);
    let ask = |form: Form| {
        form.with("audience", "https://api.example.com/payments")
            .with("authorization_details", details.to_string())
    };
    let id = asks_with(&world, "alice", ask).await;
    world.phone_of("alice").approves(&id).await;
    works(&world, 3).await;
    let body = &bodies(&script)[0];
    assert_eq!(body["authorization_details"], details);
    let token = world.verified(body["access_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["authorization_details"], details);
}
