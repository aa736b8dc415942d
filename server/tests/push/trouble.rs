//! O111, O112: push services that misbehave, and a server that dies in between.

use testkit::push_services::Reply;

use super::{advance, asked, begins, enrolled, logged, world_with_services};

/// O111: no answer, a closed connection, a megabyte: the client notices nothing, and the push
/// arrives in the end.
#[tokio::test]
async fn a_service_that_misbehaves_is_asked_again() {
    let (world, services) = world_with_services().await;
    let apple = enrolled(&world, "alice", "APNS").await;
    let google = enrolled(&world, "bob", "GCM").await;
    services.apns.replies(&apple, Reply::Hang);
    services.apns.replies(&apple, Reply::Megabyte(503));
    services.fcm.replies(&google, Reply::Megabyte(500));
    services.fcm.token_endpoint_replies(Reply::Megabyte(502));
    let client = world.client();
    let (first, second) = (client.asks_for("alice").await, client.asks_for("bob").await);
    assert_eq!(client.polls(&first).await, "400 authorization_pending");
    assert_eq!(client.polls(&second).await, "400 authorization_pending");
    for _ in 0..12 {
        world.run_worker().await;
        advance(&world, &services, 3);
    }
    assert_eq!((services.apns.count(), services.fcm.count()), (1, 1));
    let tries: Vec<usize> = logged(&world, "gd_send_pn")
        .await
        .iter()
        .map(|event| event["attempts"].as_array().unwrap().len())
        .collect();
    assert!(tries.len() == 2 && tries.iter().all(|tries| *tries >= 3), "{tries:?}");
}

/// Part of O103: a connection that breaks or is to be left costs no second try of the row.
#[tokio::test]
async fn a_broken_connection_is_replaced_at_once() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    for reply in [Reply::Close, Reply::GoAway] {
        services.apns.replies(&token, reply);
        asked(&world, "alice").await;
    }
    assert_eq!(services.apns.count(), 2);
    let events = logged(&world, "gd_send_pn").await;
    assert!(events.iter().all(|event| event["attempts"].as_array().unwrap().len() == 1));
}

/// O112: the process dies between the answer to the client and the push.
#[tokio::test]
async fn a_push_that_a_dead_process_held_goes_out_after_the_restart() {
    let (world, services) = world_with_services().await;
    enrolled(&world, "alice", "APNS").await;
    enrolled(&world, "bob", "GCM").await;
    begins(&world, "alice").await;
    begins(&world, "bob").await;
    world.restart().await;
    assert_eq!((services.apns.count(), services.fcm.count()), (0, 0));
    advance(&world, &services, 6);
    world.run_worker().await;
    assert_eq!((services.apns.count(), services.fcm.count()), (1, 1));
}

/// Part of O112: what waited in memory for longer than its lease is not sent twice.
#[tokio::test]
async fn a_push_that_waited_long_is_sent_once() {
    let (world, services) = world_with_services().await;
    enrolled(&world, "alice", "APNS").await;
    begins(&world, "alice").await;
    advance(&world, &services, 30);
    world.run_worker().await;
    world.run_worker().await;
    assert_eq!(services.apns.count(), 1);
}
