//! O114: one push to try out credentials, and the service's own answer.

use serde_json::{Value, json};
use server::admin::{Command, PushAddress, Refused, execute};
use testkit::World;
use testkit::push_services::Reply;

use super::{enrolled, is_reachable, world_with_services};

async fn tries(world: &World, address: PushAddress) -> Result<Value, Refused> {
    let command = Command::PushTest { tenant: world.tenant_id().to_string(), address };
    execute(&world.app(), command, world.now()).await
}

fn to(service: &str, token: &str) -> PushAddress {
    PushAddress::Token { service: service.to_owned(), token: token.to_owned() }
}

/// O114: what was taken, with the provider's id; by token and by device.
#[tokio::test]
async fn a_push_that_is_taken_shows_the_providers_id() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    let said = tries(&world, to("APNS", &token)).await.unwrap();
    assert_eq!((&said["provider"], &said["outcome"]), (&json!("apns"), &json!("accepted")));
    assert_eq!(said["id"].as_str().unwrap().len(), 36, "{said}");
    let user = world.user_id("alice");
    let app = world.app();
    let devices = store::enrollments::of_user(&app.database, world.tenant_id(), &user).await;
    let device = devices.unwrap()[0].id.to_string();
    assert_eq!(tries(&world, PushAddress::Device(device)).await.unwrap()["outcome"], "accepted");
    assert_eq!(services.apns.received().len(), 2);
}

/// O114: what was refused, with the provider's own words; the device keeps its token.
#[tokio::test]
async fn a_push_that_is_refused_shows_the_providers_words() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    for (status, reason, outcome) in [
        (403, "InvalidProviderToken", "refused"),
        (410, "Unregistered", "gone"),
        (503, "Shutdown", "later"),
    ] {
        services.apns.replies(&token, Reply::Refuse(status, reason, Vec::new()));
        let said = tries(&world, to("APNS", &token)).await.unwrap();
        assert_eq!(
            (&said["outcome"], &said["status"]),
            (&json!(outcome), &json!(status)),
            "{said}"
        );
        assert_eq!(said["reason"], reason);
        assert!(said["message"].as_str().unwrap().contains(reason), "{said}");
    }
    assert!(is_reachable(&world, "alice").await);
}

/// O114: a device that is not there, and a service that is none.
#[tokio::test]
async fn what_cannot_be_tried_says_why() {
    let (world, _services) = world_with_services().await;
    let unknown = tries(&world, PushAddress::Device(String::from("dev_none"))).await.unwrap_err();
    assert!(unknown.0.contains("no device dev_none"), "{unknown}");
    let none = tries(&world, to("PIGEON", "x")).await.unwrap_err();
    assert!(none.0.contains("APNS or GCM"), "{none}");
}
