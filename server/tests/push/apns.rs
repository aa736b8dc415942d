//! O103, O106, O107, O110, O117: Apple.

use domain::Timestamp;
use domain::ciba::challenge::Receipt;
use domain::jose::auth_req_hash;
use serde_json::json;
use testkit::push_services::{PushServices, Reply, TOPIC};
use testkit::{START, World};

use super::{advance, asked, begins, enrolled, is_reachable, logged, world_with_services};

/// O106: the headers of GD8, and a provider token that the service takes.
#[tokio::test]
async fn a_push_reaches_apple_and_its_phone_can_approve() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    let id = asked(&world, "alice").await;
    let received = services.apns.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].token, token);
    let header = |name: &str| received[0].headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("apns-topic"), TOPIC);
    assert_eq!(header("apns-push-type"), "alert");
    assert_eq!(header("apns-priority"), "10");
    assert_eq!(header("apns-expiration"), (START / 1000 + 300).to_string());
    let body = &received[0].body;
    assert_eq!(header("apns-collapse-id"), body["mfa"]["txlnkid"].as_str().unwrap());
    assert_eq!(body["aps"]["category"], "com.auth0.notification.authentication");
    world.phone_of("alice").receives("APNS", body);
    world.phone_of("alice").approves(&id).await;
    assert_eq!(world.client().polls(&id).await, "200");
}

/// O110: the record on the transaction and in the log.
#[tokio::test]
async fn each_try_is_on_record() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    services.apns.replies(&token, Reply::Refuse(503, "Shutdown", Vec::new()));
    let id = asked(&world, "alice").await;
    assert!(logged(&world, "gd_send_pn").await.is_empty());
    advance(&world, &services, 2);
    world.run_worker().await;
    let events = logged(&world, "gd_send_pn").await;
    assert_eq!(events.len(), 1);
    let tries = events[0]["attempts"].as_array().unwrap();
    assert_eq!(tries.len(), 2);
    assert_eq!((&tries[0]["provider"], &tries[0]["status"]), (&json!("apns"), &json!(503)));
    assert_eq!(tries[0]["reason"], "Shutdown");
    assert_eq!(tries[0]["date"], Timestamp::from_ms(START).to_iso());
    assert_eq!((&tries[1]["status"], &tries[1]["reason"]), (&json!(200), &json!(null)));
    assert_eq!(tries[1]["id"].as_str().unwrap().len(), 36, "Apple's apns-id");
    let hash = auth_req_hash(&id);
    let stored = store::transactions::find(&world.app().database, world.tenant_id(), &hash).await;
    let domain::ciba::transaction::Transaction::Pending(pending) =
        stored.unwrap().unwrap().at(world.now())
    else {
        panic!("it is pending");
    };
    let challenge = &pending.facts().challenges[0];
    assert_eq!(challenge.receipt, Receipt::Sent { at: world.now() });
    assert_eq!(challenge.attempts.len(), 2);
    assert_eq!(challenge.attempts[0].reason.as_deref(), Some("Shutdown"));
}

/// O107: what is given up at once, with what to do.
#[tokio::test]
async fn what_apple_refuses_for_good_is_given_up_and_told() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    let refusals = [
        (400, "BadDeviceToken", "sandbox"),
        (400, "DeviceTokenNotForTopic", "bundle id"),
        (400, "BadCollapseId", "BadCollapseId"),
        (403, "InvalidProviderToken", "team's id"),
        (403, "BadCertificateEnvironment", "other environment"),
        (403, "SomethingNew", "credentials are not taken"),
        (404, "BadPath", "BadPath"),
        (413, "PayloadTooLarge", "4096 bytes"),
    ];
    for (number, (status, reason, told)) in refusals.into_iter().enumerate() {
        services.apns.replies(&token, Reply::Refuse(status, reason, Vec::new()));
        asked(&world, "alice").await;
        let failures = logged(&world, "gd_send_pn_failure").await;
        assert_eq!(failures.len(), number + 1, "{reason}");
        let newest = failures.iter().find(|event| event["attempts"][0]["reason"] == reason);
        let message = newest.unwrap()["error"]["message"].as_str().unwrap();
        assert!(message.contains(&status.to_string()) && message.contains(told), "{message}");
        assert!(is_reachable(&world, "alice").await, "{reason}: the device keeps its token");
        advance(&world, &services, 61);
    }
    assert_eq!(services.apns.count(), 0);
}

/// O107: gone means gone.
#[tokio::test]
async fn a_token_that_apple_calls_gone_is_dropped() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    services.apns.replies(&token, Reply::Refuse(410, "Unregistered", Vec::new()));
    asked(&world, "alice").await;
    assert!(!is_reachable(&world, "alice").await);
    let answer = world.client().starts(world.client().asking("alice")).await;
    assert_eq!(answer.status, 400, "no device is left that could be asked");
}

/// O117: Apple's timestamp lies before the enrollment.
#[tokio::test]
async fn a_token_that_was_gone_before_it_enrolled_stays() {
    let (world, services) = world_with_services().await;
    world.advance_seconds(60);
    let token = enrolled(&world, "alice", "APNS").await;
    services.apns.replies(&token, Reply::Refuse(410, "Unregistered", Vec::new()));
    asked(&world, "alice").await;
    assert_eq!(logged(&world, "gd_send_pn_failure").await.len(), 1);
    assert!(is_reachable(&world, "alice").await);
}

/// O107: what may pass is tried again, and not before `Retry-After`.
#[tokio::test]
async fn apple_is_asked_again_when_it_says_so() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    let after = vec![("retry-after", String::from("40"))];
    services.apns.replies(&token, Reply::Refuse(429, "TooManyRequests", after));
    services.apns.replies(&token, Reply::Refuse(500, "InternalServerError", Vec::new()));
    asked(&world, "alice").await;
    advance(&world, &services, 39);
    world.run_worker().await;
    assert!(logged(&world, "gd_send_pn").await.is_empty());
    for _ in 0..4 {
        advance(&world, &services, 2);
        world.run_worker().await;
    }
    let events = logged(&world, "gd_send_pn").await;
    let tries = events[0]["attempts"].as_array().unwrap();
    let statuses: Vec<_> = tries.iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [429, 500, 200]);
    assert!(is_reachable(&world, "alice").await);
}

/// O106: a provider token for 50 minutes, then another one; never two within twenty minutes.
#[tokio::test]
async fn the_provider_token_is_signed_anew_in_time() {
    let (world, services) = world_with_services().await;
    enrolled(&world, "alice", "APNS").await;
    let mut tokens = Vec::new();
    for _ in 0..14 {
        asked(&world, "alice").await;
        let newest = services.apns.received().pop().unwrap();
        tokens.push(newest.headers["authorization"].clone());
        advance(&world, &services, 310);
    }
    let changes = tokens.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!((tokens.len(), changes), (14, 1), "once in 72 minutes");
    assert_eq!(tokens.iter().position(|token| *token != tokens[0]), Some(10));
}

/// O106: a token that Apple holds for stale is replaced once, if it is old enough to be.
#[tokio::test]
async fn a_stale_provider_token_is_replaced_once() {
    let (world, services) = world_with_services().await;
    let token = enrolled(&world, "alice", "APNS").await;
    asked(&world, "alice").await;
    let stale = || Reply::Refuse(403, "ExpiredProviderToken", Vec::new());
    services.apns.replies(&token, stale());
    services.apns.replies(&token, stale());
    advance(&world, &services, 300);
    asked(&world, "alice").await;
    let failures = logged(&world, "gd_send_pn_failure").await;
    assert!(failures[0]["error"]["message"].as_str().unwrap().contains("clock"));
    advance(&world, &services, 1200);
    services.apns.replies(&token, stale());
    asked(&world, "alice").await;
    assert_eq!(services.apns.count(), 2, "a fresh token was taken");
}

/// O103: twenty people, one connection.
#[tokio::test]
async fn many_pushes_share_one_connection() {
    let (world, services) = world_with_services().await;
    for number in 0..20 {
        let name = format!("person{number}");
        world.adds_user(&name).await;
        enrolled(&world, &name, "APNS").await;
        begins(&world, &name).await;
    }
    world.run_worker().await;
    assert_eq!((services.apns.count(), services.apns.connections()), (20, 1));
}

/// Part of O107: what cannot be a device token is not sent as part of an address.
#[tokio::test]
async fn a_device_token_that_is_none_goes_nowhere() {
    let (world, services) = world_with_services().await;
    enrolled(&world, "alice", "GCM").await;
    let (app, user) = (world.app(), world.user_id("alice"));
    let devices = store::enrollments::of_user(&app.database, world.tenant_id(), &user).await;
    let was = devices.unwrap().remove(0);
    let mut device = was.clone();
    device.push_service = domain::people::PushService::Apns;
    device.push_token = Some(String::from("../../3/device/a?b#c"));
    let write = store::enrollments::change(world.tenant_id(), &was, &device);
    assert_eq!(app.database.run(write).await, Ok(store::Written::Done));
    asked(&world, "alice").await;
    assert_eq!(services.apns.connections(), 0);
    let failures = logged(&world, "gd_send_pn_failure").await;
    assert!(failures[0]["error"]["message"].as_str().unwrap().contains("malformed"));
}

/// Part of O106: without any account, the log says what to set.
#[tokio::test]
async fn without_credentials_the_log_says_what_to_set() {
    let services = PushServices::start(super::at_start).await;
    let world = World::builder()
        .configured(|config| services.point(config))
        .with_push_services()
        .start()
        .await;
    enrolled(&world, "alice", "APNS").await;
    asked(&world, "alice").await;
    let failures = logged(&world, "gd_send_pn_failure").await;
    let message = failures[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("push.apns_key_file") && message.contains("providers/apns"));
}
