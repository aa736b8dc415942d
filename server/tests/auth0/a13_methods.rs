//! W226 and W255, O150: authentication methods one by one, and when a factor is asked for.

use http::Method;
use serde_json::{Value, json};
use testkit::World;

use super::a11_management::{assert_denied, denied, token_with};

async fn put(world: &World, path: &str, body: &Value) -> testkit::Answer {
    world.operator().request(Method::PUT, path, body).await
}

/// W226, O150: a device is shown, renamed and taken away as an authentication method.
#[tokio::test]
async fn a_device_is_renamed_and_replaced_by_nothing() {
    let world = World::new().await;
    let (operator, phone) = (world.operator(), world.phone_of("alice"));
    phone.enrolls().await;
    let all = "users/auth0%7Calice/authentication-methods";
    let one = format!("{all}/push%7C{}", phone.device_id());
    let shown = operator.gets(&one).await;
    assert_eq!((shown.status, shown.member("type")), (200, String::from("push")));
    assert_eq!(shown.member("id"), format!("push|{}", phone.device_id()));
    let renamed = operator.patches(&one, &json!({"name": "Alice's new phone"})).await;
    assert_eq!((renamed.status, renamed.member("name")), (200, String::from("Alice's new phone")));
    let again = put(&world, &one, &json!({"preferred_authentication_method": "voice"})).await;
    assert_eq!((again.status, again.member("name")), (200, String::from("Alice's new phone")));
    let enrollments = operator.gets("users/auth0%7Calice/enrollments").await.json();
    assert_eq!(enrollments[0]["name"], "Alice's new phone");
    let logged = operator.gets("logs?q=type:gd_update_device_account").await.json();
    assert_eq!(logged[0]["user_id"], "auth0|alice");

    denied(&put(&world, all, &json!([{"type": "phone"}])).await, 400, "invalid_body");
    denied(&put(&world, all, &json!({})).await, 400, "invalid_body");
    let none = put(&world, all, &json!([])).await;
    assert_eq!((none.status, none.json()), (200, json!([])));
    assert_eq!(operator.gets(all).await.json(), json!([]));
}

/// O150: what cannot be changed, and by whom.
#[tokio::test]
async fn a_method_of_somebody_else_is_not_found() {
    let world = World::new().await;
    let (operator, phone) = (world.operator(), world.phone_of("alice"));
    phone.enrolls().await;
    let device = phone.device_id();
    for path in [
        format!("users/auth0%7Cbob/authentication-methods/push%7C{device}"),
        format!("users/auth0%7Calice/authentication-methods/{device}"),
        String::from("users/auth0%7Calice/authentication-methods/push%7Cdev_unknown"),
    ] {
        let code = "inexistent_authentication_method";
        denied(&operator.gets(&path).await, 404, code);
        denied(&operator.patches(&path, &json!({"name": "x"})).await, 404, code);
    }
    let path = format!("users/auth0%7Calice/authentication-methods/push%7C{device}");
    for name in [json!(""), json!(7), json!("x".repeat(101)), json!(null)] {
        let refused = operator.patches(&path, &json!({"name": name})).await;
        denied(&refused, 400, "invalid_body");
    }
    let token = token_with(&world, "reader", &["read:authentication_methods"]).await;
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let path = format!("api/v2/{path}");
    let refused = world.request(Method::PATCH, &path, &headers, r#"{"name":"x"}"#).await;
    let text = "Insufficient scope, expected any of: update:authentication_methods";
    assert_denied(&refused, 403, text, Some("insufficient_scope"));
}

/// W255: policies are kept and shown.
#[tokio::test]
async fn policies_are_set_and_read() {
    let world = World::new().await;
    let operator = world.operator();
    assert_eq!(operator.gets("guardian/policies").await.json(), json!([]));
    for policies in [json!(["all-applications"]), json!(["confidence-score"]), json!([])] {
        let answer = put(&world, "guardian/policies", &policies).await;
        assert_eq!((answer.status, answer.json()), (200, policies.clone()));
        assert_eq!(operator.gets("guardian/policies").await.json(), policies);
    }
    for wrong in [json!(["never"]), json!([1]), json!({}), json!("all-applications")] {
        denied(&put(&world, "guardian/policies", &wrong).await, 400, "invalid_body");
    }
    let thrice = json!(["all-applications", "all-applications", "all-applications"]);
    denied(&put(&world, "guardian/policies", &thrice).await, 400, "invalid_body");
}
