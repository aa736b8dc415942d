//! W180 to W186: how a person is reached.

use serde_json::{Value, json};
use testkit::World;

const MEMBER: &str = "async_approval_notification_channels";

/// W180: push is what a new client has.
#[tokio::test]
async fn a_new_client_reaches_people_by_push() {
    let world = World::new().await;
    for grants in [json!([]), json!(["urn:openid:params:grant-type:ciba"])] {
        let body = json!({"name": "new", "grant_types": grants});
        let answer = world.operator().posts("clients", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()[MEMBER], json!(["guardian-push"]));
    }
}

/// W181, W182: `null` is the default; three names, in any order.
#[tokio::test]
async fn channels_can_be_set() {
    let world = World::new().await;
    let path = format!("clients/{}", world.client().id());
    for channels in [json!(["email"]), json!(["my-account", "guardian-push", "email"]), json!([])] {
        let answer = world.operator().patches(&path, &json!({MEMBER: channels})).await;
        assert_eq!((answer.status, &answer.json()[MEMBER]), (200, &channels));
    }
    let answer = world.operator().patches(&path, &json!({MEMBER: Value::Null})).await;
    assert_eq!(answer.json()[MEMBER], json!(["guardian-push"]));
    for wrong in [json!(["sms"]), json!("email"), json!([7]), json!(["guardian-push", ""])] {
        let answer = world.operator().patches(&path, &json!({MEMBER: wrong})).await;
        assert_eq!(answer.summary(), "400 invalid_body", "{wrong}");
    }
}

/// W183: the first listed channel that can reach the user is used, however long the request lives.
#[tokio::test]
async fn the_first_channel_that_works_is_used() {
    let world = World::new().await;
    let members =
        json!({MEMBER: ["my-account", "email", "guardian-push"], "max_requested_expiry": 259_200});
    let client = world.registers("Any", members).await;
    client.asks_with("alice", |form| form.with("requested_expiry", "259200")).await;
    assert_eq!(world.phone_of("alice").pushes().await.len(), 1);
}
