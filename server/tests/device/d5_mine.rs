//! What people do from a device of theirs beside deciding: end grants, set their code, show a name
//! for one request.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Form, World};

use super::{Device, Said, assert_refused, logged};

async fn world() -> World {
    World::builder().profile("ciba").start().await
}

async fn starts(world: &World, hint: &str) -> Answer {
    let client = world.client();
    client.starts(client.asking("alice").with("login_hint", hint)).await
}

async fn gets_tokens(world: &World, device: &Device<'_>) -> Value {
    let client = world.client();
    let form = client.asking("alice").with("scope", "openid profile offline_access");
    let answer = client.starts(form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.member("auth_req_id");
    assert_eq!(device.decides(Said::Approve).await.status, 204);
    client.redeems(&id).await
}

/// F29: a person reads scopes and details before they approve, sees afterwards who holds what, and
/// revokes it: refresh and access tokens are dead, and what the client asks or has not fetched ends.
#[tokio::test]
async fn a_person_sees_and_revokes_what_they_granted() {
    let world = world().await;
    let device = Device::of(&world, "alice").await;
    let client = world.client();
    let api = json!({
        "identifier": "https://pay.example/", "allow_offline_access": true,
        "scopes": [{"value": "pay", "description": "Pay from your account"}],
        "authorization_details": [
            {"type": "payment", "display": {"en": ["Pay {amount} yen to {to}"]}},
        ],
    });
    world.registers_api(api).await;
    let details = json!([{"type": "payment", "amount": "500", "to": "Bob"}]);
    let form = client
        .asking("alice")
        .with("scope", "openid pay")
        .with("audience", "https://pay.example/")
        .with("authorization_details", details.to_string());
    assert_eq!(client.starts(form).await.status, 200);
    let request = device.inbox().await[0].clone();
    let words = device.verified(&device.reads(&request).await);
    let scope = words["scope"].as_array().unwrap();
    assert!(scope.contains(&json!({"value": "pay", "description": "Pay from your account"})));
    assert_eq!(words["display"]["lines"], json!(["Pay 500 yen to Bob"]));
    assert_eq!(words["authorization_details"], details);
    assert_eq!(device.decides(Said::Deny(None)).await.status, 204);

    let tokens = gets_tokens(&world, &device).await;
    let grants = device.gets("device/v1/grants").await.json();
    let grant = &grants["grants"][0];
    assert_eq!(grant["client"]["id"], client.id());
    assert_eq!(grant["scope"], "openid profile offline_access");
    assert_eq!(grant["granted_at"], world.now().seconds());
    assert_eq!(grants["grants"].as_array().unwrap().len(), 1);
    let other = Device::of(&world, "bob").await;
    assert_eq!(other.gets("device/v1/grants").await.json(), json!({"grants": []}));
    let path = format!("device/v1/grants/{}", client.id());
    assert_eq!(other.calls(Method::DELETE, &path, None).await.status, 204);

    let waits = client.starts(client.asking("alice")).await.member("auth_req_id");
    let approved = client.starts(client.asking("alice")).await.member("auth_req_id");
    assert_eq!(device.decides(Said::Approve).await.status, 204);
    let refreshed = client.refreshes(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, 200, "bob revoked nothing of alice's");
    for _ in 0..2 {
        assert_eq!(device.calls(Method::DELETE, &path, None).await.status, 204);
    }
    for token in [&tokens["refresh_token"], &refreshed.json()["refresh_token"]] {
        let Some(token) = token.as_str() else { continue };
        assert_eq!(client.refreshes(token).await.summary(), "400 invalid_grant");
    }
    let bearer = format!("Bearer {}", refreshed.member("access_token"));
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(world.request(Method::GET, "userinfo", &headers, "").await.status, 401);
    for id in [waits, approved] {
        assert_eq!(client.polls(&id).await, "400 access_denied");
    }
    assert_eq!(device.gets("device/v1/grants").await.json(), json!({"grants": []}));
    assert_eq!(logged(&world, "gd_grant_revoked").await.len(), 3);
}

/// O465: a person sets, changes and removes their user code from a device of theirs; what is no
/// code, or comes without the device's proof, changes nothing.
#[tokio::test]
async fn a_person_sets_their_own_code() {
    let world = world().await;
    let device = Device::of(&world, "alice").await;
    let codes = json!({"backchannel_user_code_parameter": true});
    let client = world.registers("Codes", codes).await;
    let told = async |code: &str| {
        let form: Form = client.asking("alice").with("user_code", code);
        client.starts(form).await.summary()
    };
    let path = "device/v1/user-code";
    let sets = async |body: Value| device.calls(Method::PUT, path, Some(&body)).await;
    assert_eq!(sets(json!({"user_code": "gold fish"})).await.status, 204);
    assert_eq!(told("silver fish").await, "400 invalid_user_code");
    assert_eq!(told("gold fish").await, "200");
    for bad in [json!({}), json!({"user_code": "123"}), json!({"user_code": "x".repeat(65)})] {
        assert_refused(&sets(bad).await, 400, "invalid_body");
    }
    let bare = world.request(Method::PUT, path, &[], r#"{"user_code": "stolen"}"#).await;
    assert_refused(&bare, 401, "invalid_proof");
    assert_eq!(sets(json!({"user_code": "silver fish"})).await.status, 204);
    assert_eq!(told("gold fish").await, "400 invalid_user_code");
    for _ in 0..2 {
        assert_eq!(device.calls(Method::DELETE, path, None).await.status, 204);
    }
    assert_eq!(told("").await, "200");
    assert_eq!(logged(&world, "gd_user_code_set").await.len(), 2);
}

/// O466: a device makes a name by which its person can be asked once, within five minutes, in this
/// tenant; it says nothing of the person, and the client learns nothing it could use again.
#[tokio::test]
async fn a_device_shows_a_name_for_one_request() {
    let world = world().await;
    let device = Device::of(&world, "alice").await;
    let makes = async || {
        let made = device.calls(Method::POST, "device/v1/identifiers", None).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.json()["expires_at"], world.now().seconds() + 300);
        made.member("identifier")
    };
    let (first, second) = (makes().await, makes().await);
    assert!(first != second && !first.contains("alice") && first.len() < 200, "{first}");
    let wrapped = json!({"format": "opaque", "id": second}).to_string();
    for hint in [&first, &wrapped] {
        let id = starts(&world, hint).await.member("auth_req_id");
        assert_eq!(device.decides(Said::Approve).await.status, 204);
        let tokens = world.client().redeems(&id).await;
        let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!(token.claims["sub"], "auth0|alice");
        world.restart().await;
        assert_eq!(starts(&world, hint).await.summary(), "400 invalid_request");
    }
    let (late, gone) = (makes().await, makes().await);
    world.advance_seconds(300);
    let forged = late.replace("eph_", "eph_A");
    for hint in [late.as_str(), &forged, "eph_", "eph_AAAA"] {
        assert_eq!(starts(&world, hint).await.summary(), "400 invalid_request", "{hint}");
    }
    drop(gone);
    let of_removed = makes().await;
    assert_eq!(device.calls(Method::DELETE, "device/v1/device", None).await.status, 204);
    assert_eq!(starts(&world, &of_removed).await.summary(), "400 unknown_user_id");
}
