//! O455 to O457: the ladder of a tenant, by the hand-moved clock.

use http::Method;
use serde_json::{Value, json};
use testkit::World;
use testkit::push_services::PushServices;
use testkit::smtp::Smtp;

use super::own::{Own, asked, enrolled as enrolled_own, subscribed};
use super::{advance, at_start, enrolled, logged, mail};

/// A World whose tenant has this ladder, with all services and a mail server.
async fn world_with(ladder: Value) -> (World, PushServices, Smtp) {
    let services = PushServices::start(at_start).await;
    let smtp = Smtp::start().await;
    let both = [services.ca_file(), smtp.ca_file()].map(|file| std::fs::read(file).unwrap());
    let folder = smtp.ca_file().parent().unwrap().join("both.pem");
    std::fs::write(&folder, both.concat()).unwrap();
    let builder = World::builder().configured(|config| {
        services.configure(config);
        config.outbound.ca_file = folder;
    });
    let builder = builder.settings(|settings| settings.wake_ladder = ladder);
    let world = builder.with_push_services().start().await;
    (world, services, smtp)
}

async fn later(world: &World, services: &PushServices, seconds: i64) {
    advance(world, services, seconds);
    world.run_worker().await;
}

fn fcm() -> Value {
    json!({ "kind": "fcm", "token": format!("{}:own", "g".repeat(150)) })
}

/// The device fetches the words of the one request it is asked.
async fn opens(world: &World, own: &Own) {
    let listed = own.calls(world, Method::GET, "device/v1/requests", "").await;
    let request = listed.json()["requests"][0]["request"].as_str().unwrap().to_owned();
    let path = format!("device/v1/requests/{request}");
    let shown = own.calls(world, Method::GET, &path, "").await;
    assert_eq!(shown.status, 200, "{}", shown.text());
}

fn two_steps() -> Value {
    json!({ "steps": [
        { "channels": ["web_push"], "wait_s": 20 },
        { "channels": ["fcm"] },
    ] })
}

/// O455: the second step comes after its wait, and a Guardian phone does not wait.
#[tokio::test]
async fn the_next_step_is_taken_when_nobody_opens_the_request() {
    let (world, services, _smtp) = world_with(two_steps()).await;
    let to = subscribed(&world, &services).await;
    enrolled_own(&world, "alice", to.channel("web_push")).await;
    enrolled_own(&world, "alice", fcm()).await;
    asked(&world, "alice").await;
    assert_eq!((services.web.count(), services.fcm.count()), (1, 0));
    later(&world, &services, 15).await;
    assert_eq!((services.web.count(), services.fcm.count()), (1, 0));
    later(&world, &services, 6).await;
    assert_eq!((services.web.count(), services.fcm.count()), (1, 1));
    later(&world, &services, 60).await;
    assert_eq!((services.web.count(), services.fcm.count()), (1, 1));
    enrolled(&world, "bob", "GCM").await;
    asked(&world, "bob").await;
    assert_eq!(services.fcm.count(), 2);
}

/// O455: a device that fetched the words is sign of life enough.
#[tokio::test]
async fn a_request_that_was_opened_climbs_no_further() {
    let (world, services, _smtp) = world_with(two_steps()).await;
    let to = subscribed(&world, &services).await;
    let own = enrolled_own(&world, "alice", to.channel("web_push")).await;
    enrolled_own(&world, "alice", fcm()).await;
    asked(&world, "alice").await;
    opens(&world, &own).await;
    for _ in 0..3 {
        later(&world, &services, 30).await;
    }
    assert_eq!((services.web.count(), services.fcm.count()), (1, 0));
}

/// O455: a channel that no step names is not used, and the device is asked all the same.
#[tokio::test]
async fn what_no_step_names_is_not_used() {
    let ladder = json!({ "steps": [{ "channels": ["apns"] }] });
    let (world, services, _smtp) = world_with(ladder).await;
    let own = enrolled_own(&world, "alice", fcm()).await;
    asked(&world, "alice").await;
    later(&world, &services, 60).await;
    assert_eq!(services.fcm.count(), 0);
    opens(&world, &own).await;
}

/// O456: so many reminders and no more; none once it was opened.
#[tokio::test]
async fn a_device_is_reminded_until_the_request_is_opened() {
    let ladder = json!({ "steps": [], "reminders": 2, "remind_every_s": 30 });
    let (world, services, _smtp) = world_with(ladder).await;
    let to = subscribed(&world, &services).await;
    let own = enrolled_own(&world, "alice", to.channel("web_push")).await;
    asked(&world, "alice").await;
    for count in [1, 1, 2, 2, 3, 3, 3] {
        assert_eq!(services.web.count(), count);
        later(&world, &services, 16).await;
    }
    let tries = logged(&world, "gd_send_pn").await[0]["attempts"].as_array().unwrap().len();
    assert_eq!(tries, 3);
    advance(&world, &services, 300);
    asked(&world, "alice").await;
    opens(&world, &own).await;
    later(&world, &services, 60).await;
    assert_eq!(services.web.count(), 4);
}

/// O457: the mail comes when no device gave a sign of life, to a verified address, with a link that
/// decides nothing.
#[tokio::test]
async fn a_mail_is_the_last_step() {
    let ladder = json!({ "steps": [
        { "channels": ["web_push"], "wait_s": 20 },
        { "channels": ["email"] },
    ] });
    let (world, services, smtp) = world_with(ladder).await;
    mail::sets_provider(&world, &smtp).await;
    let to = subscribed(&world, &services).await;
    let own = enrolled_own(&world, "alice", to.channel("web_push")).await;
    asked(&world, "alice").await;
    later(&world, &services, 10).await;
    assert!(smtp.taken().is_empty());
    later(&world, &services, 11).await;
    let [taken] = smtp.taken().try_into().unwrap();
    assert_eq!(taken.to, ["alice@example.com"]);
    let link = mail::link(&taken);
    let app = format!("{}authenticator/#/request/cns_", world.issuer());
    assert!(link.starts_with(&app), "{link}");
    let [event] = logged(&world, "gd_send_email").await.try_into().unwrap();
    assert_eq!(event["about"], "wake");
    advance(&world, &services, 300);
    asked(&world, "alice").await;
    opens(&world, &own).await;
    later(&world, &services, 60).await;
    assert_eq!(smtp.taken().len(), 1);
    enrolled(&world, "bob", "GCM").await;
    asked(&world, "bob").await;
    later(&world, &services, 60).await;
    assert_eq!(smtp.taken().len(), 1, "a Guardian phone has no inbox to look into");
}

/// O457: an address that nobody has verified gets no mail.
#[tokio::test]
async fn an_address_that_is_not_verified_gets_no_mail() {
    let ladder = json!({ "steps": [{ "channels": ["email"] }] });
    let (world, services, smtp) = world_with(ladder).await;
    mail::sets_provider(&world, &smtp).await;
    enrolled_own(&world, "alice", json!({ "kind": "none" })).await;
    let path = format!("users/{}", world.user_id("alice").as_str().replace('|', "%7C"));
    let change = json!({ "email_verified": false });
    assert_eq!(world.operator().patches(&path, &change).await.status, 200);
    asked(&world, "alice").await;
    later(&world, &services, 60).await;
    assert!(smtp.taken().is_empty());
    let change = json!({ "email_verified": true });
    assert_eq!(world.operator().patches(&path, &change).await.status, 200);
    asked(&world, "alice").await;
    assert_eq!(smtp.taken().len(), 1);
}

/// O455: set by the Management API, and refused where it is none.
#[tokio::test]
async fn a_ladder_is_a_setting_of_the_tenant() {
    let world = World::new().await;
    let operator = world.operator();
    let set = operator.patches("tenants/settings", &json!({ "wake_ladder": two_steps() })).await;
    assert_eq!(set.status, 200, "{}", set.text());
    let shown = operator.gets("tenants/settings").await.json();
    assert_eq!(shown["wake_ladder"], two_steps());
    for wrong in [json!({ "steps": [{ "channels": ["pigeon"] }] }), json!([]), json!({ "x": 1 })] {
        let refused = operator.patches("tenants/settings", &json!({ "wake_ladder": wrong })).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.text().contains("wake_ladder"), "{}", refused.text());
    }
}
