//! A14, A15 and A20: people who are locked, other people, and other tenants.

use device_protocol::guardian::resolve::Decision;
use http::Method;
use serde_json::json;
use testkit::{Form, World};

use super::world;

async fn locks(world: &World, is_blocked: bool) {
    let body = json!({ "blocked": is_blocked });
    let answer = world.operator().patches("users/auth0%7Calice", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A14: a person who is locked between any two steps gets no further: nobody is asked, and nothing
/// is taken, exchanged, renewed or told.
#[tokio::test]
async fn a_lock_counts_between_any_two_steps() {
    let world = world().await;
    let (client, phone) = (world.client(), world.phone_of("alice"));
    locks(&world, true).await;
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.summary(), "400 unknown_user_id");
    locks(&world, false).await;
    let ask = |form: Form| form.with("scope", "openid offline_access");
    let id = client.asks_with("alice", ask).await;
    let push = phone.push_of(&id).await;

    locks(&world, true).await;
    for decision in [Decision::Accepted, Decision::Rejected { reason: None }] {
        assert!(phone.answers(&push, decision).await.status >= 400);
    }
    locks(&world, false).await;
    assert_eq!(phone.answers(&push, Decision::Accepted).await.status, 204);

    locks(&world, true).await;
    assert_eq!(client.polls(&id).await, "400 access_denied");
    locks(&world, false).await;
    let tokens = client.gets_tokens("alice", ask).await;
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());

    locks(&world, true).await;
    assert_eq!(client.refreshes(refresh).await.summary(), "400 access_denied");
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(world.request(Method::GET, "userinfo", &headers, "").await.status, 401);
    for token in [access, refresh] {
        let told = client.posts("oauth/introspect", Form::new().with("token", token)).await;
        assert_eq!(told.json(), json!({"active": false}));
    }
    locks(&world, false).await;
}

/// A15, C58: whoever holds the push, only a device of the person who was asked decides.
#[tokio::test]
async fn another_persons_device_decides_nothing() {
    let world = world().await;
    let (client, mallory) = (world.client(), world.phone_of("bob"));
    mallory.is_ready().await;
    let id = client.asks_for("alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    assert!(mallory.reads(&push).await.status >= 400);
    for decision in [Decision::Accepted, Decision::Rejected { reason: None }] {
        assert!(mallory.answers(&push, decision).await.status >= 400);
    }
    // A device of his own, enrolled since, is not one that was asked either.
    let second = world.second_phone_of("alice");
    second.is_ready().await;
    assert!(second.answers(&push, Decision::Accepted).await.status >= 400);
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    world.phone_of("alice").approves(&id).await;
    let tokens = client.redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["sub"], "auth0|alice");
}

/// A20: what belongs to one tenant is unknown in another, whoever asks: people, requests, consents,
/// transaction tokens, tokens.
#[tokio::test]
async fn nothing_crosses_from_one_tenant_to_another() {
    let world = World::builder().start().await;
    let other = world.second_tenant("other").await;
    let id = world.client().asks_for("alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    other.phone_of("alice").is_ready().await;
    for answer in [
        other.phone_of("alice").reads(&push).await,
        other.phone_of("alice").answers(&push, Decision::Accepted).await,
    ] {
        assert!([401, 404].contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(other.client().polls(&id).await, "403 invalid_grant");
    assert!(other.client().cancels(&id).await.status >= 400);
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    world.phone_of("alice").approves(&id).await;
    assert_eq!(other.client().polls(&id).await, "403 invalid_grant");
    let tokens = world.client().redeems(&id).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(world.request(Method::GET, "userinfo", &headers, "").await.status, 200);
    assert_eq!(other.request(Method::GET, "userinfo", &headers, "").await.status, 401);
    let form = other.client().asking("alice").with("login_hint", world.client().hint("alice"));
    assert!(other.client().starts(form).await.status >= 400, "a hint names its issuer");
}
