//! G58 to G74: the push payload.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use server::outside::Receipt;
use testkit::{Push, World, p256_key, vectors};

use super::{call, enrolled, logged};

const KEYS: [&str; 8] = ["sh", "dai", "txtkn", "c", "d", "txlnkid", "s", "l"];

async fn push_for(world: &World, person: &str) -> Push {
    let id = world.client().asks_for(person).await;
    world.phone_of(person).push_of(&id).await
}

fn claims_of(txtkn: &str) -> (Value, Value) {
    let part = |number: usize| {
        let text = txtkn.split('.').nth(number).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    (part(0), part(1))
}

/// G58, G59, G63: for FCM, eight strings at the top level.
#[tokio::test]
async fn an_fcm_push_is_eight_strings() {
    let world = World::new().await;
    world.advance_ms(600);
    let push = push_for(&world, "alice").await;
    assert_eq!(push.service, "GCM");
    let members = push.payload.as_object().unwrap();
    assert_eq!(members.len(), 8);
    for key in KEYS {
        assert!(members[key].is_string(), "{key}");
    }
    for key in ["s", "l"] {
        let inner: Value = serde_json::from_str(members[key].as_str().unwrap()).unwrap();
        assert!(inner.is_object());
    }
    assert_eq!(push.payload["d"], "2026-11-23T05:00:00.600Z");
}

/// G60, G61, G62: for APNs, alert and category beside the eight keys.
#[tokio::test]
async fn an_apns_push_has_its_alert_and_the_keys_under_mfa() {
    let world = World::new().await;
    world.phone_of("alice").enrolls_with(p256_key(), "APNS").await;
    let client = world.client();
    let form = client.asking("alice").with("binding_message", "secret-words-77");
    assert_eq!(client.starts(form).await.status, 200);
    let pushes = world.phone_of("alice").pushes().await;
    let push = &pushes[0];
    assert_eq!(push.service, "APNS");
    assert_eq!(push.payload["aps"]["category"], "com.auth0.notification.authentication");
    let mfa = push.payload["mfa"].as_object().unwrap();
    assert_eq!(mfa.len(), 8);
    for key in KEYS {
        assert!(mfa.contains_key(key), "{key}");
    }
    let alert = &push.payload["aps"]["alert"];
    assert_eq!(alert["title"], "Example");
    assert!(alert["body"].as_str().unwrap().starts_with("Bank"));
    assert!(!push.payload.to_string().contains("secret-words-77"));
}

/// G65: source and place are always there, without half a position.
#[tokio::test]
async fn source_and_place_are_always_told() {
    let world = World::new().await;
    let push = push_for(&world, "alice").await;
    let inner = |name: &str| -> Value {
        serde_json::from_str(push.payload[name].as_str().unwrap()).unwrap()
    };
    assert_eq!(inner("s"), json!({ "b": { "n": "Bank" }, "os": { "n": "unknown" } }));
    assert_eq!(inner("l"), json!({ "n": "unknown" }));
}

/// G64: a bare host where that is enough, else the full address.
#[tokio::test]
async fn the_host_is_written_so_that_android_can_read_it() {
    for (url, host) in [
        ("https://login.example.com/", "login.example.com"),
        ("https://localhost:8443/", "https://localhost:8443"),
        ("https://httpbin.example.com/", "https://httpbin.example.com"),
    ] {
        let world = World::builder().public_url(url).start().await;
        assert_eq!(push_for(&world, "alice").await.payload["sh"], host);
    }
    let world = World::new().await;
    let acme = world.second_tenant("acme").await;
    let push = push_for(&acme, "alice").await;
    assert_eq!(push.payload["sh"], "https://login.example.com/t/acme");
}

/// G66: what the transaction token is.
#[tokio::test]
async fn the_transaction_token_is_a_jwt_of_ours() {
    let world = World::new().await;
    let first = push_for(&world, "alice").await;
    let second = push_for(&world, "alice").await;
    let (header, claims) = claims_of(&first.txtkn);
    assert_eq!(header["typ"], "txtkn+jwt");
    assert_eq!(claims["sub"], "auth0|alice");
    assert_eq!(claims["aud"], "https://login.example.com/appliance-mfa");
    assert_eq!(claims["exp"], world.now().seconds() + 300);
    assert_ne!(claims["jti"], claims_of(&second.txtkn).1["jti"]);
    assert!(first.txtkn.len() < 1024);
}

/// Part of G67: as a bearer anywhere else it is no token.
#[tokio::test]
async fn the_transaction_token_opens_nothing_else() {
    let world = World::new().await;
    let push = push_for(&world, "alice").await;
    for path in ["userinfo", "api/v2/users"] {
        let answer = call(&world, Method::GET, path, &push.txtkn, None).await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text());
    }
}

/// G68, G69: the names of device and consent, and the challenge.
#[tokio::test]
async fn devices_share_the_consent_and_nothing_else() {
    let world = World::new().await;
    let (first, second) = (world.phone_of("alice"), world.second_phone_of("alice"));
    first.is_ready().await;
    second.is_ready().await;
    let id = world.client().asks_for("alice").await;
    let (a, b) = (first.push_of(&id).await, second.push_of(&id).await);
    assert_eq!((&a.device, &b.device), (&first.device_id(), &second.device_id()));
    assert_eq!(a.consent_id, b.consent_id);
    let rest = a.consent_id.strip_prefix("cns_").unwrap();
    assert_eq!(rest.len(), 22);
    assert!(rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    assert_ne!(a.challenge, b.challenge);
    assert_ne!(a.txtkn, b.txtkn);
    assert!(a.challenge.len() >= 22, "128 bits in base64url");
    let next = push_for(&world, "alice").await;
    assert_ne!(next.challenge, a.challenge);
    assert_ne!(next.consent_id, a.consent_id);
}

/// G70, G71: small, without what was asked, under the right names.
#[tokio::test]
async fn a_push_is_small_and_tells_nothing_of_what_is_asked() {
    let world = World::new().await;
    let name = "N".repeat(255);
    let client = world.registers("LongNameLongNameLongNameLongName", json!({ "name": name })).await;
    let details = json!([{ "type": "payment_initiation", "creditor": "Casa-Pop" }]);
    let form = client
        .asking("alice")
        .with("audience", "https://api.example.com/payments")
        .with("authorization_details", details.to_string())
        .with("scope", "openid transfer:funds")
        .with(
            "binding_message",
            "0123456789012345678901234567890123456789012345678901234567890123",
        );
    world.phone_of("alice").is_ready().await;
    let answer = client.starts(form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let pushes = world.phone_of("alice").pushes().await;
    let text = pushes[0].payload.to_string();
    assert!(text.len() < 4096, "{}", text.len());
    for absent in ["Casa-Pop", "transfer:funds", "01234567890123", "txlinkid", "\"ai\"", "\"ca\""] {
        assert!(!text.contains(absent), "{absent}");
    }
}

/// G72: in dev the tray shows what was handed over.
#[tokio::test]
async fn the_tray_shows_what_was_sent() {
    let world = World::builder().dev().start().await;
    enrolled(&world, "alice").await;
    let client = world.client();
    assert_eq!(client.starts(client.asking("alice")).await.status, 200);
    let tray = world.get("dev/tray/fcm-token").await.json();
    assert_eq!(tray.as_array().unwrap().len(), 1);
    assert_eq!((&tray[0]["service"], &tray[0]["token"]), (&json!("GCM"), &json!("fcm-token")));
    assert_eq!(tray[0]["payload"].as_object().unwrap().len(), 8);
}

/// G73: a push that was taken is logged.
#[tokio::test]
async fn a_push_that_was_taken_is_told_to_the_log() {
    let world = World::new().await;
    let push = push_for(&world, "alice").await;
    let entries = logged(&world, "gd_send_pn").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["transaction_linking_id"], push.consent_id);
    assert!(!entries[0].to_string().contains(&push.txtkn));
}

/// G74: every FCM payload has the form of one that the SDK accepts and dates rightly.
#[tokio::test]
async fn our_payloads_have_a_form_that_the_sdk_accepts() {
    let cases = vectors::guardian_push_parse();
    let accepted: Vec<&Value> = cases["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["accepted"] == true && case["date_as_meant"] == true)
        .map(|case| &case["payload"])
        .collect();
    let forms = |form: fn(&Value) -> String| -> Vec<String> {
        accepted.iter().map(|payload| form(payload)).collect()
    };
    for url in
        ["https://login.example.com/", "https://localhost:8443/", "https://httpbin.example.com/"]
    {
        let world = World::builder().public_url(url).start().await;
        let push = push_for(&world, "alice").await;
        for form in [keys_of, host_of, date_of, source_of, location_of] {
            let ours = form(&push.payload);
            assert!(forms(form).contains(&ours), "{url}: {ours}");
        }
    }
}

fn text(payload: &Value, name: &str) -> String {
    payload[name].as_str().unwrap_or_default().to_owned()
}

fn members_of(value: &Value) -> String {
    let mut names: Vec<_> =
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    names.sort();
    names.join(" ")
}

/// Which keys there are.
fn keys_of(payload: &Value) -> String {
    members_of(payload)
}

/// A bare name, or a full address with or without a port.
fn host_of(payload: &Value) -> String {
    let host = text(payload, "sh");
    let kind = if host.starts_with("https://") { "full" } else { "bare" };
    let is_plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:/".contains(&b));
    format!("{kind} {is_plain}")
}

/// The pattern of the date.
fn date_of(payload: &Value) -> String {
    text(payload, "d").chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

/// What is named in `s`.
fn source_of(payload: &Value) -> String {
    let source: Value = serde_json::from_str(&text(payload, "s")).unwrap_or_default();
    format!("{} {}", members_of(&source), source["b"]["n"].is_string())
}

/// What is named in `l`.
fn location_of(payload: &Value) -> String {
    let location: Value = serde_json::from_str(&text(payload, "l")).unwrap_or_default();
    members_of(&location)
}

async fn asks_alice(world: &World) -> u16 {
    let client = world.client();
    client.starts(client.asking("alice")).await.status
}

/// Makes the push service answer so to everything for alice's device.
fn service_says(world: &World, receipt: Receipt) {
    let app = world.app();
    app.courier.tray().unwrap().answer_with("fcm-token", receipt);
}

/// G73: a push that was refused is logged, and the device stays enrolled.
#[tokio::test]
async fn a_push_that_was_refused_is_told_to_the_log() {
    let world = World::new().await;
    enrolled(&world, "alice").await;
    service_says(&world, Receipt::Refused(String::from("no such project")));
    assert_eq!(asks_alice(&world).await, 200);
    let entries = logged(&world, "gd_send_pn_failure").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["error"]["message"], "no such project");
    let devices = super::devices_of(&world, "alice").await;
    assert_eq!(
        (&devices[0]["status"], &devices[0]["reachable"]),
        (&json!("confirmed"), &json!(true))
    );
    service_says(&world, Receipt::Accepted);
    assert_eq!(asks_alice(&world).await, 200);
    assert_eq!(logged(&world, "gd_send_pn").await.len(), 1);
}

/// Part of GD14: a token that the service calls gone.
#[tokio::test]
async fn a_device_whose_token_is_gone_cannot_be_asked_until_it_brings_a_new_one() {
    let world = World::new().await;
    let (_, device) = enrolled(&world, "alice").await;
    service_says(&world, Receipt::Gone(String::from("unregistered")));
    assert_eq!(asks_alice(&world).await, 200);
    let devices = super::devices_of(&world, "alice").await;
    assert_eq!(
        (&devices[0]["status"], &devices[0]["reachable"]),
        (&json!("confirmed"), &json!(false))
    );
    assert_eq!(asks_alice(&world).await, 400);
    let path = format!("appliance-mfa/api/device-accounts/{}", device["id"].as_str().unwrap());
    let change = json!({ "push_credentials": { "service": "GCM", "token": "fresh" } });
    let token = device["token"].as_str().unwrap();
    assert_eq!(call(&world, Method::PATCH, &path, token, Some(&change)).await.status, 200);
    assert_eq!(asks_alice(&world).await, 200);
}

#[tokio::test]
async fn a_service_that_is_down_is_tried_again_and_given_up_in_the_end() {
    let world = World::new().await;
    enrolled(&world, "alice").await;
    service_says(&world, Receipt::Later(String::from("503")));
    assert_eq!(asks_alice(&world).await, 200);
    assert_eq!(logged(&world, "gd_send_pn_failure").await.len(), 0);
    world.advance_seconds(2);
    service_says(&world, Receipt::Accepted);
    world.run_worker().await;
    assert_eq!(logged(&world, "gd_send_pn").await.len(), 1);
    service_says(&world, Receipt::Later(String::from("503")));
    assert_eq!(asks_alice(&world).await, 200);
    for _ in 0..11 {
        world.advance_seconds(26);
        world.run_worker().await;
    }
    assert_eq!(logged(&world, "gd_send_pn_failure").await.len(), 1);
}
