//! C57 and C58: what the person does.

use device_protocol::guardian::resolve::Decision;
use serde_json::json;

use super::world;

/// C58: who was blocked after the request began can neither approve nor be redeemed, and nobody
/// else can approve.
#[tokio::test]
async fn who_is_blocked_counts_at_every_step() {
    let world = world().await;
    let client = world.client();
    let block = async |is_blocked: bool| {
        let body = json!({"blocked": is_blocked});
        let answer = world.operator().patches("users/auth0|alice", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    block(true).await;
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.summary(), "400 unknown_user_id");
    block(false).await;
    let id = client.asks_for("alice").await;
    let push = world.phone_of("alice").push_of(&id).await;
    world.phone_of("bob").is_ready().await;
    assert!(world.phone_of("bob").answers(&push, Decision::Accepted).await.status >= 400);
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    block(true).await;
    assert!(world.phone_of("alice").answers(&push, Decision::Accepted).await.status >= 400);
    block(false).await;
    world.phone_of("alice").approves(&id).await;
    block(true).await;
    assert_eq!(client.polls(&id).await, "400 access_denied");
}
