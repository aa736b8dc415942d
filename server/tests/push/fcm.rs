//! O104, O105: Google.

use serde_json::json;
use testkit::push_services::Reply;

use super::{advance, asked, begins, enrolled, is_reachable, logged, world_with_services};

/// O104: the message, and the access token that opens the service.
#[tokio::test]
async fn a_push_reaches_google_and_its_phone_can_approve() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "GCM").await;
    let id = asked(&world, "alice").await;
    let received = services.fcm.received();
    assert_eq!(received.len(), 1);
    let message = &received[0].body["message"];
    assert_eq!(message["token"], token);
    assert_eq!(message["android"], json!({"priority": "HIGH", "ttl": "300s"}));
    let members: Vec<_> = message.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["android", "data", "token"], "data only");
    let data = message["data"].as_object().unwrap();
    assert_eq!(data.len(), 8);
    assert!(data.values().all(serde_json::Value::is_string));
    world.phone_of("alice").receives("GCM", &message["data"]);
    world.phone_of("alice").approves(&id).await;
    assert_eq!(world.client().polls(&id).await, "200");
    let events = logged(&world, "gd_send_pn").await;
    let id = events[0]["attempts"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("projects/example-guardian/messages/"), "{id}");
}

/// O104: one access token for many pushes at once, until a minute before its end.
#[tokio::test]
async fn an_access_token_is_fetched_once_for_all() {
    let (world, services) = world_with_services().await;
    for name in ["alice", "bob", "carol", "dave"] {
        enrolled(&world, name, "GCM").await;
        world.second_phone_of(name).enrolls().await;
    }
    for name in ["alice", "bob", "carol", "dave"] {
        begins(&world, name).await;
    }
    world.run_worker().await;
    assert_eq!((services.fcm.count(), services.fcm.tokens()), (8, 1));
    assert_eq!(services.fcm.connections(), 2, "one for tokens, one for pushes");
    advance(&world, &services, 3530);
    asked(&world, "alice").await;
    assert_eq!(services.fcm.tokens(), 1);
    advance(&world, &services, 15);
    asked(&world, "alice").await;
    assert_eq!((services.fcm.count(), services.fcm.tokens()), (12, 2));
}

/// O104: a token that was taken back is replaced once.
#[tokio::test]
async fn an_access_token_that_is_refused_is_fetched_again() {
    let (world, services) = world_with_services().await;
    enrolled(&world, "alice", "GCM").await;
    asked(&world, "alice").await;
    services.fcm.forgets_tokens();
    asked(&world, "alice").await;
    assert_eq!((services.fcm.count(), services.fcm.tokens()), (2, 2));
}

/// O105: what is given up at once, with what to do; the device keeps its token.
#[tokio::test]
async fn what_google_refuses_for_good_is_given_up_and_told() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "GCM").await;
    let refusals = [
        (400, "INVALID_ARGUMENT", "malformed"),
        (403, "SENDER_ID_MISMATCH", "another Firebase project"),
        (401, "THIRD_PARTY_AUTH_ERROR", "APNs or Web Push credentials"),
        (403, "", "may not send messages"),
        (404, "", "does not exist"),
    ];
    for (number, (status, code, told)) in refusals.into_iter().enumerate() {
        services.fcm.replies(&token, Reply::Refuse(status, code, Vec::new()));
        asked(&world, "alice").await;
        let failures = logged(&world, "gd_send_pn_failure").await;
        assert_eq!(failures.len(), number + 1, "{status} {code}");
        let has = |event: &&serde_json::Value| {
            event["error"]["message"].as_str().is_some_and(|message| message.contains(told))
        };
        let newest = failures.iter().find(has);
        assert_eq!(newest.unwrap()["attempts"][0]["status"], status, "{code}");
        assert!(is_reachable(&world, "alice").await, "{code}");
        advance(&world, &services, 61);
    }
}

/// O105: gone means gone.
#[tokio::test]
async fn a_token_that_google_calls_gone_is_dropped() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "GCM").await;
    services.fcm.replies(&token, Reply::Refuse(404, "UNREGISTERED", Vec::new()));
    asked(&world, "alice").await;
    assert!(!is_reachable(&world, "alice").await);
    assert_eq!(logged(&world, "gd_send_pn_failure").await.len(), 1);
}

/// O105: what may pass is tried again; a quota without `Retry-After` after a minute.
#[tokio::test]
async fn google_is_asked_again_when_it_says_so() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "GCM").await;
    let date = vec![("retry-after", String::from("Mon, 23 Nov 2026 05:00:30 GMT"))];
    services.fcm.replies(&token, Reply::Refuse(503, "UNAVAILABLE", date));
    services.fcm.replies(&token, Reply::Refuse(429, "QUOTA_EXCEEDED", Vec::new()));
    services.fcm.replies(&token, Reply::Refuse(500, "INTERNAL", Vec::new()));
    asked(&world, "alice").await;
    let mut arrived = None;
    for second in 1..200 {
        advance(&world, &services, 1);
        world.run_worker().await;
        if services.fcm.count() == 1 {
            arrived = arrived.or(Some(second));
        }
    }
    let events = logged(&world, "gd_send_pn").await;
    let tries = events[0]["attempts"].as_array().unwrap();
    let at = |number: usize| tries[number]["date"].as_str().unwrap().to_owned();
    assert_eq!(tries.len(), 4);
    assert_eq!(at(1), "2026-11-23T05:00:30.000Z");
    assert_eq!(at(2), "2026-11-23T05:01:30.000Z");
    assert!((94..=97).contains(&arrived.unwrap()), "{arrived:?}");
}

/// O105: a service account that Google does not take.
#[tokio::test]
async fn a_service_account_that_is_refused_is_told() {
    let (world, services) = world_with_services().await;
    enrolled(&world, "alice", "GCM").await;
    services.fcm.clock.advance_ms(-86_400_000);
    asked(&world, "alice").await;
    let failures = logged(&world, "gd_send_pn_failure").await;
    let message = failures[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("invalid_grant") && message.contains("clock"), "{message}");
}
