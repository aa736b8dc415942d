//! The development tools that stand for a phone (interface, "aizuchi dev"; decision 19).

use std::sync::atomic::Ordering;

use http::Method;
use testkit::{Answer, World};

use super::{devices_of, enrolled};

async fn post(world: &World, path: &str) -> Answer {
    world.request(Method::POST, path, &[], "").await
}

async fn phone_for(world: &World, person: &str) -> Answer {
    let user = testkit::encoded(world.user_id(person).as_str());
    post(world, &format!("dev/users/{user}/phone")).await
}

async fn started(world: &World) -> String {
    let client = world.client();
    let answer = client.starts(client.asking("alice")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("auth_req_id")
}

#[tokio::test]
async fn a_virtual_phone_allows_and_denies() {
    let world = World::builder().dev().start().await;
    for _ in 0..2 {
        assert_eq!(phone_for(&world, "alice").await.status, 204);
    }
    assert_eq!(devices_of(&world, "alice").await.len(), 1);
    let id = started(&world).await;
    assert_eq!(post(&world, &format!("dev/ciba/{id}/allow")).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
    let id = started(&world).await;
    assert_eq!(post(&world, &format!("dev/ciba/{id}/deny")).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "400 access_denied");
    assert_eq!(post(&world, &format!("dev/ciba/{id}/allow")).await.status, 409);
}

#[tokio::test]
async fn a_virtual_phone_lives_on_after_a_restart() {
    let world = World::builder().dev().start().await;
    phone_for(&world, "alice").await;
    let id = started(&world).await;
    world.restart().await;
    assert_eq!(post(&world, &format!("dev/ciba/{id}/allow")).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
}

#[tokio::test]
async fn a_virtual_phone_does_not_keep_a_real_one_out() {
    let world = World::builder().dev().start().await;
    phone_for(&world, "alice").await;
    enrolled(&world, "alice").await;
    assert_eq!(devices_of(&world, "alice").await.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let world = World::builder().dev().start().await;
    assert_eq!(phone_for(&world, "nobody").await.status, 404);
    assert_eq!(post(&world, "dev/ciba/unknown/allow").await.status, 404);
    let id = world.client().asks_for("alice").await;
    assert_eq!(post(&world, &format!("dev/ciba/{id}/allow")).await.status, 409);
}

#[tokio::test]
async fn with_virtual_phones_everybody_can_be_asked() {
    let world = World::builder().dev().start().await;
    world.app().gives_virtual_phones.store(true, Ordering::Relaxed);
    let id = started(&world).await;
    assert_eq!(post(&world, &format!("dev/ciba/{id}/allow")).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "200");
}

#[tokio::test]
async fn a_server_in_earnest_has_none_of_these_tools() {
    let world = World::new().await;
    for path in ["dev/users/auth0%7Calice/phone", "dev/ciba/x/allow", "dev/clock/advance?seconds=1"]
    {
        assert_eq!(post(&world, path).await.status, 404, "{path}");
    }
    assert_eq!(world.get("dev/tray/x").await.status, 404);
}
