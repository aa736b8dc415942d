//! D1 to D3: keys, tickets, channels.

use domain::jose::{KeyType, SigningKey};
use serde_json::{Value, json};
use testkit::{World, device_key, p256_key};

use super::{
    Device, ENROLLMENTS, algorithm, asks, assert_refused, ed25519_key, enroll, enroll_body,
    enrolls, logged, short_ticket, signed, ticket_for, web_ticket, with, without,
};

/// The keys of RFC 8291's example.
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

/// D1, O370: P-256 and Ed25519; an RSA key, one on P-384, a private one and nonsense are refused, and
/// told by their name.
#[tokio::test]
async fn keys_of_two_kinds_are_taken_and_others_refused_by_name() {
    let world = World::new().await;
    for key in [p256_key(), ed25519_key()] {
        let ticket = ticket_for(&world, "alice").await;
        let device = Device::by(&world, &ticket, key).await;
        assert_eq!(device.inbox().await, Vec::<String>::new());
    }
    let ticket = ticket_for(&world, "alice").await;
    let p384 = SigningKey::generate(KeyType::P384).unwrap();
    for (key, name) in [(&*device_key(), "RSA"), (&p384, "P-384")] {
        let refused = enrolls(&world, &enroll_body(&world, &ticket, key)).await;
        assert_refused(&refused, 400, "invalid_body");
        assert!(refused.text().contains(name), "{}", refused.text());
    }
    let good = enroll_body(&world, &ticket, &p256_key());
    for (key, name) in [
        (json!({ "kty": "oct", "k": "AAAA" }), "k"),
        (with(&good["key"], "d", "AAAA"), "d"),
        (json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }), "crv"),
        (json!({}), "kty"),
    ] {
        let refused = enrolls(&world, &with(&good, "key", key)).await;
        assert_refused(&refused, 400, "invalid_body");
        assert!(refused.text().contains(name), "{}", refused.text());
    }
    // Nothing of this has spent the ticket.
    assert_eq!(enrolls(&world, &good).await.status, 201);
}

/// D2: what is answered, and that each kind of channel is taken and kept.
#[tokio::test]
async fn a_device_is_enrolled_by_a_short_ticket_and_a_proof_of_its_key() {
    let world = World::new().await;
    let push = json!({ "endpoint": "https://push.example/1", "p256dh": P256DH, "auth": AUTH });
    for channel in [
        with(&push, "kind", "web_push"),
        with(&push, "kind", "unified_push"),
        json!({ "kind": "apns", "token": "aa", "topic": "com.example" }),
        json!({ "kind": "fcm", "token": "aa" }),
        json!({ "kind": "none" }),
    ] {
        let key = p256_key();
        let ticket = ticket_for(&world, "alice").await;
        let body = with(&enroll_body(&world, &ticket, &key), "channel", channel.clone());
        let answer = enrolls(&world, &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let said = answer.json();
        assert_eq!(said.as_object().unwrap().len(), 5, "{said}");
        assert!(said["device"].as_str().unwrap().starts_with("dev_"));
        assert_eq!(said["user"], world.user_id("alice").as_str());
        assert_eq!(said["issuer_url"], world.issuer());
        assert!(said["name"].is_string());
        assert_eq!(said["server_key"]["kty"], "EC");
        assert!(said["server_key"].get("d").is_none());
        let app = world.app();
        let id = domain::DeviceId::new(said["device"].as_str().unwrap());
        let (device, _) =
            store::enrollments::one(&app.database, world.tenant_id(), &id).await.unwrap().unwrap();
        assert_eq!(device.own.unwrap().channel.to_json(), channel);
    }
}

/// D2: the proof is by the new key, over this ticket, for this issuer, made just now.
#[tokio::test]
async fn without_a_good_proof_of_the_new_key_nobody_enrolls() {
    let world = World::new().await;
    let (key, other) = (p256_key(), p256_key());
    let ticket = ticket_for(&world, "alice").await;
    let good = enroll_body(&world, &ticket, &key);
    let header = enroll::header(algorithm(&key));
    let now = world.now().seconds();
    let claims = enroll::ticket_claims(&ticket, &world.issuer(), now);
    let with_proof = |proof: String| with(&good, "proof", proof);
    for (body, code) in [
        (with_proof(signed(&other, &header, &claims)), "wrong_key"),
        (with_proof(signed(&key, &json!({ "alg": "ES256" }), &claims)), "invalid_body"),
        (with_proof(signed(&key, &header, &with(&claims, "ticket", "other"))), "invalid_body"),
        (with_proof(signed(&key, &header, &with(&claims, "aud", "https://x/"))), "invalid_body"),
        (with_proof(signed(&key, &header, &with(&claims, "iat", now - 121))), "clock_off"),
        (with_proof(signed(&key, &header, &without(&claims, "iat"))), "invalid_body"),
        (with_proof(String::from("a.b")), "invalid_body"),
        (with(&good, "channel", json!({ "kind": "sms" })), "invalid_body"),
        (with(&good, "name", ""), "invalid_body"),
        (without(&good, "locale"), "invalid_body"),
        (with(&good, "passkey", json!({})), "passkey_invalid"),
        (json!([]), "invalid_body"),
    ] {
        let refused = enrolls(&world, &body).await;
        let status = if matches!(code, "wrong_key" | "clock_off") { 401 } else { 400 };
        assert_refused(&refused, status, code);
    }
    let headers: [(&str, &str); 0] = [];
    let nonsense = world.request(http::Method::POST, ENROLLMENTS, &headers, "{").await;
    assert_refused(&nonsense, 400, "invalid_body");
    assert!(!logged(&world, "gd_start_enroll_failed").await.is_empty());
    assert_eq!(enrolls(&world, &good).await.status, 201);
}

/// O371: used, too old, unknown, and a web ticket: one and the same answer.
#[tokio::test]
async fn a_ticket_that_is_not_good_tells_nothing_of_why() {
    let world = World::new().await;
    let key = p256_key();
    let used = ticket_for(&world, "alice").await;
    assert_eq!(enrolls(&world, &enroll_body(&world, &used, &key)).await.status, 201);
    let old = ticket_for(&world, "alice").await;
    world.advance_seconds(300);
    let more = json!({ "allow_multiple_enrollments": true });
    let web = web_ticket(&world, "alice", more).await;
    let mut answers = Vec::new();
    for ticket in [used.as_str(), &old, "AbCd0123", &web] {
        let refused = enrolls(&world, &enroll_body(&world, ticket, &key)).await;
        assert_refused(&refused, 404, "not_found");
        answers.push(refused.text());
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    // The web ticket makes a fresh one until a device is enrolled, also after the former grew old.
    let fresh = short_ticket(&world, &web).await;
    world.advance_seconds(300);
    let fresher = short_ticket(&world, &web).await;
    assert_refused(&enrolls(&world, &enroll_body(&world, &fresh, &key)).await, 404, "not_found");
    assert_eq!(enrolls(&world, &enroll_body(&world, &fresher, &key)).await.status, 201);
}

/// O371: a ticket for a first device enrolls no second one.
#[tokio::test]
async fn a_person_with_a_device_needs_a_ticket_for_a_further_one() {
    let world = World::new().await;
    let web = web_ticket(&world, "alice", json!({})).await;
    let (first, second) = (short_ticket(&world, &web).await, short_ticket(&world, &web).await);
    let more = web_ticket(&world, "alice", json!({})).await;
    let third = short_ticket(&world, &more).await;
    assert_eq!(enrolls(&world, &enroll_body(&world, &first, &p256_key())).await.status, 201);
    for ticket in [second, third] {
        let refused = enrolls(&world, &enroll_body(&world, &ticket, &p256_key())).await;
        assert_refused(&refused, 409, "enrolled");
    }
}

/// O372: an enrolled device makes its person one who can be asked, whatever its channel
/// (decision 13); it is asked once, and no push fails for want of an address.
#[tokio::test]
async fn a_device_without_any_push_can_be_asked() {
    let world = World::new().await;
    let client = world.client();
    let nobody = client.starts(client.asking("alice")).await;
    assert_eq!(nobody.status, 400, "{}", nobody.text());
    let device = Device::of(&world, "alice").await;
    asks(&world, "alice").await;
    assert_eq!(device.inbox().await.len(), 1);
    world.run_worker().await;
    assert_eq!(logged(&world, "gd_send_pn_failure").await, Vec::<Value>::new());
}

/// O372: the paths of Guardian phones know nothing of it.
#[tokio::test]
async fn a_device_of_our_own_dialect_has_no_guardian_account() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let path = format!("appliance-mfa/api/device-accounts/{}", device.id);
    let now = world.now().seconds();
    let claims = json!({
        "iss": device.id, "sub": device.user, "iat": now, "exp": now + 60,
        "aud": world.url("appliance-mfa/api/device-accounts"),
    });
    let jwt = signed(&device.key, &json!({ "alg": "ES256", "typ": "JWT" }), &claims);
    let bearer = format!("Bearer {jwt}");
    let headers = [("authorization", bearer.as_str())];
    let answer = world.request(http::Method::DELETE, &path, &headers, "").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(device.gets("device/v1/requests").await.status, 200);
}
