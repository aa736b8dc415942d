//! C57: number matching: a number that only the asking side shows, to be entered on the device.

use serde_json::{Value, json};
use testkit::{Client, World};

use super::is_refused;

/// A World whose people have virtual phones, which take numbers.
async fn world() -> World {
    let world = World::builder().profile("ciba").dev().start().await;
    for person in ["alice", "bob"] {
        let path = format!("dev/users/auth0|{person}/phone");
        assert_eq!(world.post_json(&path, &json!({}), &[]).await.status, 204);
    }
    world
}

async fn asks(client: &Client<'_>) -> (String, String) {
    let answer = client.starts(client.asking("alice").with("match", "true")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (answer.member("auth_req_id"), answer.member("match_code"))
}

async fn allows(world: &World, id: &str, number: &str) -> u16 {
    let path = format!("dev/ciba/{id}/allow{number}");
    world.post_json(&path, &json!({}), &[]).await.status
}

fn other(code: &str) -> String {
    format!("?match={:02}", (code.parse::<u32>().unwrap() + 1) % 100)
}

/// C57, N42: the acknowledgement has a number where client or request asks for one, and nowhere
/// else; without it, or with a wrong one, nothing is approved.
#[tokio::test]
async fn nobody_approves_without_the_number() {
    let world = world().await;
    let client = world.client();
    let plain = client.starts(client.asking("alice")).await.json();
    assert_eq!(plain.get("match_code"), None);
    let careful = world.registers("Careful", json!({"match_code_required": true})).await;
    let code = careful.starts(careful.asking("alice")).await.member("match_code");
    assert!(code.len() == 2 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    let (id, code) = asks(&client).await;
    assert_eq!(allows(&world, &id, "").await, 409);
    assert_eq!(allows(&world, &id, &other(&code)).await, 409);
    assert_eq!(client.polls(&id).await, "400 authorization_pending");
    assert_eq!(allows(&world, &id, &format!("?match={code}")).await, 204);
    world.advance_seconds(5);
    assert_eq!(client.polls(&id).await, "200");
    is_refused(&client, &world, client.asking("alice").with("match", "yes"), "400 invalid_request")
        .await;
}

/// N42: the second wrong number denies the request.
#[tokio::test]
async fn the_second_wrong_number_is_the_last() {
    let world = world().await;
    let client = world.client();
    let (id, code) = asks(&client).await;
    for _ in 0..2 {
        assert_eq!(allows(&world, &id, &other(&code)).await, 409);
    }
    assert_eq!(allows(&world, &id, &format!("?match={code}")).await, 409);
    assert_eq!(client.polls(&id).await, "400 access_denied");
}

/// Of two requests for one person, the number of one does not approve the other (of A3).
#[tokio::test]
async fn a_number_is_one_requests() {
    let world = world().await;
    let client = world.client();
    let (first, first_code) = asks(&client).await;
    let (second, second_code) = asks(&client).await;
    if first_code != second_code {
        assert_eq!(allows(&world, &second, &format!("?match={first_code}")).await, 409);
        assert_eq!(client.polls(&second).await, "400 authorization_pending");
    }
    assert_eq!(allows(&world, &second, &format!("?match={second_code}")).await, 204);
    assert_eq!(client.polls(&first).await, "400 authorization_pending");
}

/// Only devices that take numbers are asked (decision 14): a person who has none cannot be reached.
#[tokio::test]
async fn only_devices_that_take_numbers_are_asked() {
    let world = World::builder().profile("ciba").dev().start().await;
    world.phone_of("alice").is_ready().await;
    let client = world.client();
    let form = || client.asking("alice").with("match", "true");
    is_refused(&client, &world, form(), "400 unknown_user_id").await;
    let given = world.post_json("dev/users/auth0|alice/phone", &json!({}), &[]).await;
    assert_eq!(given.status, 204);
    assert_eq!(client.starts(form()).await.status, 200);
    assert!(world.phone_of("alice").pushes().await.is_empty());
    let members = json!({"match_code_required": true, "profile": "auth0"});
    let strict = world.registers("Strict", members).await;
    world.phone_of("bob").is_ready().await;
    assert_eq!(strict.starts(strict.asking("bob")).await.summary(), "400 invalid_request");
}

/// What is sent to a device tells that there is a number, and not which: the stored request is the
/// only place (of A2).
#[tokio::test]
async fn the_number_is_told_to_the_client_alone() {
    let world = world().await;
    let client = world.client();
    let answer: Value = client.starts(client.asking("alice").with("match", "true")).await.json();
    let (app, alice) = (world.app(), domain::UserId::new("auth0|alice"));
    let tray = app.courier.tray().unwrap();
    let devices = store::enrollments::of_user(&app.database, world.tenant_id(), &alice);
    let token = devices.await.unwrap()[0].push_token.clone().unwrap();
    let pushes = tray.pushes_to(&token);
    assert_eq!(pushes.len(), 1);
    let members = pushes[0].payload.as_object().unwrap();
    assert!(members.keys().all(|name| !name.contains("match")), "{members:?}");
    assert!(members.values().all(|value| *value != answer["match_code"]), "{members:?}");
}
