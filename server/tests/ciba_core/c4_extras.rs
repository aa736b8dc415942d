//! C3, C25: authentication context classes, and what this server does not read.

use serde_json::json;

use super::{is_refused, world};

const DEVICE: &str = "urn:aizuchi:acr:device";

/// C25: who asks for a class is told the one that was reached, in ID tokens of refreshes too.
#[tokio::test]
async fn who_asks_for_a_class_is_told_which_was_reached() {
    let world = world().await;
    let client = world.client();
    let acr = async |tokens: &serde_json::Value| {
        let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!(token.claims.get("nonce"), None);
        token.claims.get("acr").cloned()
    };
    let tokens = client.gets_tokens("alice", |form| form).await;
    assert_eq!(acr(&tokens).await, None);
    for values in [DEVICE, "urn:other urn:aizuchi:acr:device", "urn:other"] {
        let ask = |form: testkit::Form| {
            form.with("acr_values", values).with("scope", "openid offline_access")
        };
        let tokens = client.gets_tokens("alice", ask).await;
        assert_eq!(acr(&tokens).await, Some(json!(DEVICE)), "{values}");
        let again = client.refreshes(tokens["refresh_token"].as_str().unwrap()).await.json();
        assert_eq!(acr(&again).await, Some(json!(DEVICE)), "{values}");
    }
    let metadata = world.get(".well-known/openid-configuration").await.json();
    assert_eq!(metadata["acr_values_supported"], json!([DEVICE, "urn:aizuchi:acr:passkey"]));
    world.advance_seconds(60);
    let before = world.phone_of("alice").pushes().await.len();
    for bad in [" ", "a\u{7f}b", &"x".repeat(1025)] {
        let answer = client.starts(client.asking("alice").with("acr_values", bad)).await;
        assert_eq!(answer.summary(), "400 invalid_request", "{bad:?}");
    }
    assert_eq!(world.phone_of("alice").pushes().await.len(), before);
}

/// Where a request comes from, as a JSON object; a client's policy can require it, and the device is
/// told it.
#[tokio::test]
async fn where_a_request_comes_from_is_an_object() {
    let world = world().await;
    let client = world.client();
    for bad in ["x", "[]", "5", "{", "{\"a\":1,\"a\":2}"] {
        let form = client.asking("alice").with("request_context", bad);
        is_refused(&client, &world, form, "400 invalid_request").await;
    }
    let careful = world.registers("Careful", json!({"request_context_required": true})).await;
    is_refused(&careful, &world, careful.asking("alice"), "400 invalid_request").await;
    let context = json!({"place": {"country": "JP"}, "device": "kiosk"}).to_string();
    let id = careful.asks_with("alice", |form| form.with("request_context", &context)).await;
    let consent = world.phone_of("alice").consent_of(&id).await;
    assert_eq!(consent["requested_details"]["context"].to_string(), context);
}
