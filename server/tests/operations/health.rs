//! O55 to O58: health, and a database that goes and comes back.

use serde_json::json;
use store::Faults;
use testkit::World;

use super::ops;

/// Part of O55: alive while the process serves, ready while the database answers with the newest schema.
#[tokio::test]
async fn a_server_is_alive_and_ready() {
    let world = World::new().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = ops(&world, path).await;
        assert_eq!((answer.status, answer.member("status").as_str()), (200, "UP"), "{path}");
    }
    let checks = ops(&world, "/health/ready").await.json()["checks"].clone();
    let up = |name: &str| json!({ "name": name, "status": "UP" });
    assert_eq!(checks, json!([up("database"), up("schema")]));
}

/// O57: the database back, the server works again without a restart.
#[tokio::test]
async fn a_database_that_comes_back_is_enough() {
    let faults = Faults::new();
    let world = World::builder().faults(faults.clone()).start().await;
    let client = world.client();
    let id = client.asks_for("alice").await;
    let token = world.operator().token().await;
    faults.stop_before_commit(faults.writes() + 1);
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(faults.has_stopped());
    assert!(answer.number("retry-after") > 0);
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let page = world.request(http::Method::GET, "api/v2/users", &headers, "").await;
    let flow = world.phone_of("alice").starts_flow("x").await;
    for answer in [page, flow] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.number("retry-after") > 0);
    }
    let ready = ops(&world, "/health/ready").await;
    assert_eq!((ready.status, ready.member("status").as_str()), (503, "DOWN"));
    assert_eq!(ready.json()["checks"][0]["name"], "database");
    assert_eq!(ops(&world, "/health/live").await.status, 200);
    faults.end();
    assert_eq!(ops(&world, "/health/ready").await.status, 200);
    world.phone_of("alice").approves(&id).await;
    assert_eq!(client.polls(&id).await, "200");
    let id = client.asks_for("alice").await;
    world.phone_of("alice").denies(&id).await;
    assert_eq!(client.polls(&id).await, "400 access_denied");
}

/// Part of O58: health is no business of the public listeners, in `dev` or not.
#[tokio::test]
async fn health_is_for_the_operators_listener_only() {
    for world in [World::new().await, World::builder().dev().start().await] {
        for path in ["health/live", "health/ready", "metrics"] {
            assert_eq!(world.get(path).await.status, 404, "{path}");
        }
        for path in ["/bc-authorize", "/oauth/token", "/api/v2/users", "/dev/tray/x"] {
            assert_eq!(ops(&world, path).await.status, 404, "{path}");
        }
    }
}
