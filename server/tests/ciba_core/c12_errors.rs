//! C78 to C85: errors of the endpoint, and what considerations ask.

use serde_json::json;

use super::{assert_error, world};

/// C78, N58: a sixth request in a minute, and a text that must be cleaned.
#[tokio::test]
async fn refusals_keep_to_their_alphabet_and_status() {
    let world = world().await;
    let client = world.client();
    let form = client.asking("alice").with("scope", "openid \"quoted\\ünheard\"");
    assert_error(&client.starts(form).await, "400 invalid_scope");
    let form = client.asking("alice").and("\"\\\r\n\t", "1").and("\"\\\r\n\t", "2");
    assert_error(&client.starts(form).await, "400 invalid_request");
    for _ in 0..5 {
        assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    }
    let answer = client.starts(client.asking("alice")).await;
    assert_error(&answer, "403 access_denied");
    assert!(answer.number("retry-after") > 0);
}

/// C85, N57, R19: no nonce, the moment of approval, and the class that was asked for.
#[tokio::test]
async fn an_id_token_tells_when_the_person_approved() {
    let world = world().await;
    let client = world.client();
    let id = client
        .asks_with("alice", |form| {
            form.with("nonce", "n").with("acr_values", "urn:aizuchi:acr:device")
        })
        .await;
    world.advance_seconds(7);
    let approved_at = world.now().seconds();
    world.phone_of("alice").approves(&id).await;
    world.advance_seconds(20);
    let tokens = client.redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["auth_time"], json!(approved_at));
    assert_eq!(token.claims["iat"], json!(world.now().seconds()));
    assert_eq!(token.claims["acr"], json!("urn:aizuchi:acr:device"));
    assert_eq!(token.claims.get("nonce"), None);
}
