//! O55 to O57: health, and a database that goes and comes back.

use axum::body::Body;
use device_protocol::guardian::resolve::Decision;
use http::{Method, Request};
use serde_json::json;
use store::Faults;
use testkit::{Answer, World};

async fn asked(world: &World, path: &str) -> Answer {
    let request = Request::builder().uri(path).body(Body::empty()).unwrap();
    world.send_to_ops(request).await
}

/// O55: alive and ready.
#[tokio::test]
async fn a_server_that_works_says_so() {
    let world = World::new().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = asked(&world, path).await;
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("UP")), "{path}");
    }
}

/// O56, O57: while the database is away everything that needs it is told to come back, and when it
/// is back the server works without a restart.
#[tokio::test]
async fn a_database_may_go_and_come_back() {
    let faults = Faults::new();
    let world = World::builder().faults(faults.clone()).start().await;
    let client = world.client();
    let (approved, open) = (client.asks_for("alice").await, client.asks_for("alice").await);
    world.phone_of("alice").approves(&approved).await;
    let push = world.phone_of("alice").push_of(&open).await;
    let token = world.operator().token().await;
    faults.set_away(true);
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    for answer in [
        client.starts(client.asking("alice")).await,
        client.poll(&approved).await,
        client.refreshes("v1.unknown").await,
        client.cancels(&open).await,
        world.phone_of("alice").reads(&push).await,
        world.phone_of("alice").answers(&push, Decision::Accepted).await,
        world.request(Method::GET, "api/v2/users", &headers, "").await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.number("retry-after") >= 1);
        assert!(!answer.text().contains("fault"), "insides are shown: {}", answer.text());
    }
    let ready = asked(&world, "/health/ready").await;
    assert_eq!((ready.status, ready.number("retry-after") >= 1), (503, true));
    let ready = ready.json();
    assert_eq!(ready["checks"][0]["name"], "database");
    assert_eq!(ready["checks"][0]["status"], "DOWN");
    assert_eq!(asked(&world, "/health/live").await.status, 200);
    faults.set_away(false);
    assert_eq!(asked(&world, "/health/ready").await.status, 200);
    assert_eq!(client.polls(&approved).await, "200");
    world.phone_of("alice").approves(&open).await;
    assert_eq!(client.polls(&open).await, "200");
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
}
