//! D9, D10, O441 to O445: waking devices of our own dialect, by browsers' push services as the
//! stand-in of `testkit` plays them, and by Apple's and Google's.

use std::sync::Arc;

use device_protocol::aizuchi::{enroll, proof};
use domain::jose::SigningKey;
use http::Method;
use serde_json::{Value, json};
use server::admin::{Command, PushAddress, execute};
use testkit::push_services::{PushServices, Reply, Subscribed, TOPIC};
use testkit::{Answer, World, p256_key};

use super::{advance, at_start, begins, logged, world_with_services};

/// An own device as far as these tests need one.
pub(crate) struct Own {
    pub(crate) id: String,
    pub(crate) key: Arc<SigningKey>,
}

/// What a person's own device with this channel answers to its enrollment.
async fn enrolls(world: &World, person: &str, channel: Value) -> (Answer, Arc<SigningKey>) {
    let user = world.user_id(person);
    let body = json!({ "user_id": user.as_str(), "allow_multiple_enrollments": true });
    let answer = world.operator().posts("guardian/enrollments/ticket", &body).await;
    let authorization = format!("Ticket id=\"{}\"", answer.member("ticket_id"));
    let headers = [("authorization", authorization.as_str())];
    let path = "appliance-mfa/api/start-flow";
    let flow = world.post_json(path, &json!({ "state_transport": "polling" }), &headers).await;
    let (ticket, key) = (flow.member("enrollment_tx_id"), p256_key());
    let claims = enroll::ticket_claims(&ticket, &world.issuer(), world.now().seconds());
    let header = enroll::header("ES256").to_string();
    let algorithm = domain::jose::Algorithm::Es256;
    let body = json!({
        "ticket": ticket, "name": "own", "locale": "ja", "channel": channel,
        "key": serde_json::from_str::<Value>(key.public().canonical_json()).unwrap(),
        "proof": key.sign_compact(algorithm, &header, &claims.to_string()).unwrap(),
    });
    (world.post_json("device/v1/enrollments", &body, &[]).await, key)
}

pub(crate) async fn enrolled(world: &World, person: &str, channel: Value) -> Own {
    let (answer, key) = enrolls(world, person, channel).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    Own { id: answer.member("device"), key }
}

impl Own {
    pub(crate) async fn calls(
        &self,
        world: &World,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        let (url, jti) = (world.url(path), format!("{}-{path}-{}", self.id, world.now().ms()));
        let issued_at = world.now().seconds();
        let claims = proof::Proof {
            method: method.as_str(),
            url: &url,
            jti: &jti,
            issued_at,
            body: body.as_bytes(),
        }
        .claims();
        let header = proof::header("ES256", &self.id).to_string();
        let algorithm = domain::jose::Algorithm::Es256;
        let signed = self.key.sign_compact(algorithm, &header, &claims.to_string()).unwrap();
        let headers = [("content-type", "application/json"), ("device-proof", signed.as_str())];
        world.request(method, path, &headers, body.to_owned()).await
    }
}

/// Asks the person, who has no other phone, and sends what is due.
pub(crate) async fn asked(world: &World, person: &str) {
    begins(world, person).await;
    world.run_worker().await;
}

/// The tenant's key as browsers are told it.
async fn application_key(world: &World) -> String {
    let told = world.get("device/v1/configuration").await;
    assert_eq!(told.status, 200, "{}", told.text());
    told.json()["web_push"]["public_key"].as_str().unwrap().to_owned()
}

pub(crate) async fn subscribed(world: &World, services: &PushServices) -> Subscribed {
    services.web.subscribes(Some(&application_key(world).await))
}

/// `aizuchi push test` of a device.
async fn tries(world: &World, device: &str) -> Result<Value, String> {
    let address = PushAddress::Device(device.to_owned());
    let command = Command::PushTest { tenant: world.tenant_id().to_string(), address };
    execute(&world.app(), command, world.now()).await.map_err(|refused| refused.0)
}

/// Whether the Management API shows the person's first device as one that can be reached.
async fn is_shown_reachable(world: &World, person: &str) -> bool {
    let path = format!("users/{}/enrollments", world.user_id(person).as_str().replace('|', "%7C"));
    let answer = world.operator().gets(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()[0]["reachable"].as_bool().unwrap()
}

/// D9, O441: what a browser is sent, header by header, and what its push service may know.
#[tokio::test]
async fn a_browser_is_woken_and_its_push_service_learns_nothing() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    enrolled(&world, "alice", to.channel("web_push")).await;
    let client = world.client();
    let started = client.posts("bc-authorize", client.asking("alice")).await;
    assert_eq!(started.status, 200, "{}", started.text());
    world.run_worker().await;
    let [push] = services.web.received().try_into().unwrap();
    let sent = to.reads(&push.raw);
    assert_eq!(sent.as_object().unwrap().len(), 2, "{sent}");
    assert_eq!(sent["kind"], "request");
    let consent = sent["request"].as_str().unwrap();
    assert!(consent.starts_with("cns_"), "{sent}");
    assert_eq!(push.headers["topic"], consent);
    assert_eq!(
        (&push.headers["urgency"], &push.headers["ttl"]),
        (&"high".parse().unwrap(), &"300".parse().unwrap())
    );
    assert_eq!(push.headers["content-encoding"], "aes128gcm");
    let outside = format!("{:?}{}", push.headers, String::from_utf8_lossy(&push.raw));
    assert!(!outside.contains("alice") && !outside.contains("bank"), "{outside}");
    let [event] = logged(&world, "gd_send_pn").await.try_into().unwrap();
    assert_eq!(event["transaction_linking_id"], consent);
    let tries = &event["attempts"];
    assert_eq!((&tries[0]["provider"], &tries[0]["status"]), (&json!("web_push"), &json!(201)));
}

/// O441: two messages share nothing that an observer could see, and the key stays after a restart.
#[tokio::test]
async fn each_message_is_sealed_anew_under_a_key_that_stays() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    enrolled(&world, "alice", to.channel("web_push")).await;
    let key = application_key(&world).await;
    asked(&world, "alice").await;
    world.restart().await;
    assert_eq!(application_key(&world).await, key);
    asked(&world, "alice").await;
    let [first, second] = services.web.received().try_into().unwrap();
    assert_ne!(first.raw[..86], second.raw[..86]);
    assert_ne!(to.reads(&first.raw), to.reads(&second.raw));
}

/// O492: the signature for a push service is made once and shown until it is nearly over; another
/// contact, or a fresh start, has another.
#[tokio::test]
async fn a_push_service_is_shown_the_same_signature_for_a_while() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    enrolled(&world, "alice", to.channel("web_push")).await;
    for after_s in [0, 60, 10 * 3600, 3600] {
        advance(&world, &services, after_s);
        asked(&world, "alice").await;
    }
    let received = services.web.received();
    let shown: Vec<_> = received.iter().map(|push| &push.headers["authorization"]).collect();
    assert_eq!(shown.len(), 4);
    assert!(shown[0] == shown[1] && shown[1] == shown[2], "for eleven hours");
    assert_ne!(shown[2], shown[3], "and no longer");
    world.restart().await;
    asked(&world, "alice").await;
    assert_ne!(&services.web.received()[4].headers["authorization"], shown[3]);
}

/// O442, D9: `UnifiedPush`, Apple and Google carry the same few words.
#[tokio::test]
async fn every_kind_of_channel_carries_the_name_of_the_request_alone() {
    let (world, services) = world_with_services().await;
    let to = services.web.subscribes(None);
    enrolled(&world, "alice", to.channel("unified_push")).await;
    let (apple, google) = ("a".repeat(64), format!("{}:own", "g".repeat(150)));
    enrolled(&world, "alice", json!({ "kind": "apns", "token": apple, "topic": TOPIC })).await;
    enrolled(&world, "alice", json!({ "kind": "fcm", "token": google })).await;
    asked(&world, "alice").await;
    let unified = to.reads(&services.web.received()[0].raw);
    assert_eq!(unified["kind"], "request");
    let google = services.fcm.received()[0].body["message"].clone();
    assert_eq!(google["data"], unified);
    let apple = services.apns.received()[0].clone();
    assert_eq!(apple.headers["apns-topic"], TOPIC);
    let mut body = apple.body.as_object().unwrap().clone();
    let aps = body.remove("aps").unwrap();
    assert_eq!(Value::Object(body), unified);
    assert_eq!(aps["alert"], json!({ "loc-key": "AIZUCHI_REQUEST" }));
}

/// O443: what may be called is checked where it is said, and again where it is dialled.
#[tokio::test]
async fn an_endpoint_that_may_not_be_called_is_refused() {
    let services = PushServices::start(at_start).await;
    let builder = World::builder().configured(|config| {
        services.configure(config);
        config.push.web_push_hosts = vec!["localhost".into(), "*.push.example".into()];
    });
    let world = builder.with_push_services().start().await;
    let to = subscribed(&world, &services).await;
    for endpoint in [
        "https://169.254.169.254/latest",
        "https://[::1]:8443/",
        "https://10.0.0.1/",
        "https://other.example/1",
        "https://user:pw@localhost/1",
        "https://localhost/1#a",
        "https://",
    ] {
        let mut channel = to.channel("web_push");
        channel["endpoint"] = endpoint.into();
        let (refused, _) = enrolls(&world, "alice", channel).await;
        assert_eq!(refused.status, 400, "{endpoint}");
        assert_eq!(refused.member("code"), "invalid_body");
    }
    for (member, value) in [("p256dh", "BA"), ("auth", "AA")] {
        let mut channel = to.channel("unified_push");
        channel[member] = value.into();
        let (refused, _) = enrolls(&world, "alice", channel).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains(member), "{}", refused.text());
    }
    let own = enrolled(&world, "alice", to.channel("web_push")).await;
    let change = json!({ "channel": { "kind": "web_push", "endpoint": "https://10.0.0.1/",
        "p256dh": to.p256dh, "auth": to.auth } });
    let refused = own.calls(&world, Method::PATCH, "device/v1/device", &change.to_string()).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

/// O443: a redirect and a megabyte are answers like others, and lead nowhere.
#[tokio::test]
async fn a_redirect_is_a_refusal_and_a_long_answer_is_cut() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    enrolled(&world, "alice", to.channel("web_push")).await;
    services.web.replies(&to.token, Reply::Redirect(format!("{}elsewhere", services.apns.url())));
    asked(&world, "alice").await;
    let [event] = logged(&world, "gd_send_pn_failure").await.try_into().unwrap();
    let why = event["error"]["message"].as_str().unwrap();
    assert!(why.contains("307") && why.contains("redirects"), "{why}");
    services.web.replies(&to.token, Reply::Megabyte(201));
    asked(&world, "alice").await;
    assert_eq!(logged(&world, "gd_send_pn").await.len(), 1);
}

/// O444, O490: a subscription that is gone is dropped and shown (D10), also if the device says that it
/// has no other; it is asked all the same, and comes back with another.
#[tokio::test]
async fn a_channel_that_is_gone_is_dropped_and_shown() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    let own = enrolled(&world, "alice", to.channel("web_push")).await;
    assert!(is_shown_reachable(&world, "alice").await);
    services.web.forgets(&to.token);
    asked(&world, "alice").await;
    let [event] = logged(&world, "gd_send_pn_failure").await.try_into().unwrap();
    assert!(event["error"]["message"].as_str().unwrap().contains("410"), "{event}");
    assert!(!is_shown_reachable(&world, "alice").await);
    asked(&world, "alice").await;
    assert_eq!(logged(&world, "gd_send_pn_failure").await.len(), 1);
    let listed = own.calls(&world, Method::GET, "device/v1/requests", "").await;
    assert_eq!(listed.json()["requests"].as_array().unwrap().len(), 2, "{}", listed.text());
    // No address is none that could be called: only another one makes a difference.
    let none = json!({ "channel": { "kind": "none" }, "name": "Still lost" }).to_string();
    let changed = own.calls(&world, Method::PATCH, "device/v1/device", &none).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert!(!is_shown_reachable(&world, "alice").await);
    world.advance_ms(1);
    let back = subscribed(&world, &services).await;
    let change = json!({ "channel": back.channel("web_push") }).to_string();
    let changed = own.calls(&world, Method::PATCH, "device/v1/device", &change).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert!(is_shown_reachable(&world, "alice").await);
    asked(&world, "alice").await;
    assert_eq!(services.web.received()[0].token, back.token);
}

/// O444: a service that is busy is asked again when it says, and refusals stand in the log.
#[tokio::test]
async fn a_busy_service_is_left_alone_for_as_long_as_it_says() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    enrolled(&world, "alice", to.channel("web_push")).await;
    for status in [429, 503] {
        let wait = vec![("retry-after", String::from("40"))];
        services.web.replies(&to.token, Reply::Refuse(status, "busy", wait));
    }
    asked(&world, "alice").await;
    for (seconds, count) in [(30, 0), (11, 0), (30, 0), (11, 1)] {
        advance(&world, &services, seconds);
        world.run_worker().await;
        assert_eq!(services.web.count(), count, "{seconds}");
    }
    let tries = logged(&world, "gd_send_pn").await[0]["attempts"].clone();
    let statuses: Vec<_> =
        tries.as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [429, 503, 201]);
}

/// O444: a subscription that is bound to another key is refused by its service, and we say why.
#[tokio::test]
async fn a_refusal_stands_in_the_log_with_its_words() {
    let (world, services) = world_with_services().await;
    let to = services.web.subscribes(Some("another-key"));
    enrolled(&world, "alice", to.channel("web_push")).await;
    asked(&world, "alice").await;
    let [event] = logged(&world, "gd_send_pn_failure").await.try_into().unwrap();
    let why = event["error"]["message"].as_str().unwrap();
    assert!(why.contains("403") && why.contains("another key than the subscription's"), "{why}");
}

/// O445: a test push tells an own device no more than that.
#[tokio::test]
async fn a_test_push_goes_by_the_channel() {
    let (world, services) = world_with_services().await;
    let to = subscribed(&world, &services).await;
    let own = enrolled(&world, "alice", to.channel("web_push")).await;
    let none = enrolled(&world, "bob", json!({ "kind": "none" })).await;
    let said = tries(&world, &own.id).await.unwrap();
    assert_eq!((&said["provider"], &said["outcome"]), (&json!("web_push"), &json!("accepted")));
    assert_eq!(to.reads(&services.web.received()[0].raw), json!({ "kind": "test" }));
    services.web.forgets(&to.token);
    assert_eq!(tries(&world, &own.id).await.unwrap()["outcome"], "gone");
    let refused = tries(&world, &none.id).await.unwrap_err();
    assert!(refused.contains("nothing wakes"), "{refused}");
}
