//! C30: the words on both devices, and the scripts that a client opens for them.

use serde_json::json;

use super::{is_refused, world};

const JAPANESE: &str = "¥24,800 を書店へ、カードで。";

/// C30, N25: words in another script are taken from a client that opened it, as they are; wide
/// characters take two of 64 cells, and what deceives is refused whatever is open.
#[tokio::test]
async fn a_client_opens_scripts_for_its_words() {
    let world = world().await;
    let closed = world.client();
    is_refused(&closed, &world, closed.asking("alice").with("binding_message", JAPANESE), BAD)
        .await;
    drop(world.registers("shop", json!({ "binding_message_scripts": ["Jpan", "Latn"] })).await);
    let open = world.registered("shop");
    for bad in [
        "払う😀".to_owned(),
        "払う\u{202e}002".to_owned(),
        "払\u{200b}う".to_owned(),
        "p\u{430}ypal".to_owned(),
        "カ\u{3099}".to_owned(),
        "書".repeat(33),
        "x".repeat(65),
    ] {
        is_refused(&open, &world, open.asking("alice").with("binding_message", &bad), BAD).await;
    }
    for good in [JAPANESE, &"書".repeat(32), "Crème brûlée 20.00"] {
        let id = open.asks_with("alice", |form| form.with("binding_message", good)).await;
        let consent = world.phone_of("alice").consent_of(&id).await;
        assert_eq!(consent["requested_details"]["binding_message"], good);
        world.phone_of("alice").denies(&id).await;
    }
}

/// N25: an empty message is none; a client whose policy wants one must send one.
#[tokio::test]
async fn an_empty_message_is_none_and_may_be_too_little() {
    let world = world().await;
    let client = world.client();
    let form = client.asking("alice").with("binding_message", "");
    assert_eq!(client.starts(form).await.status, 200);
    drop(world.registers("strict", json!({ "binding_message_required": true })).await);
    let strict = world.registered("strict");
    world.advance_seconds(60);
    for form in [
        strict.asking("alice").with("binding_message", ""),
        strict.asking("alice").without("binding_message"),
    ] {
        assert_eq!(strict.starts(form).await.summary(), "400 invalid_request");
    }
}

/// C30: a script is named by its code.
#[tokio::test]
async fn a_script_that_does_not_exist_cannot_be_opened() {
    let world = world().await;
    let body = json!({ "name": "x", "binding_message_scripts": ["Klingon"] });
    let answer = world.operator().posts("clients", &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}

const BAD: &str = "400 invalid_binding_message";
