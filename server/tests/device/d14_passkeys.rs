//! D14, and D5 as far as a passkey confirms it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use device_protocol::aizuchi::passkey::Confirms;
use device_protocol::aizuchi::receipt;
use domain::TransactionId;
use domain::aizuchi::verify_receipt;
use domain::jose::Unverified;
use http::Method;
use serde_json::{Value, json};
use store::receipts;
use testkit::{Answer, Authenticator, World, p256_key};

use super::{
    Device, Said, algorithm, asks, assert_refused, enroll, enroll_body, enrolls, jwk_of, logged,
    short_ticket, signed, ticket_for, with, without,
};

pub(super) const PASSKEYS: &str = "device/v1/passkeys";
const OPTIONS: &str = "device/v1/passkeys/options";
const HOST: &str = "login.example.com";
const ORIGIN: &str = "https://login.example.com";

/// What a passkey answers on a page of `origin` to confirm something.
pub(super) fn confirms_from(key: &Authenticator, what: Confirms<'_>, origin: &str) -> Value {
    let challenge = URL_SAFE_NO_PAD.encode(what.challenge());
    key.answers(&json!({ "challenge": challenge, "rpId": HOST }), origin)
}

pub(super) fn confirms(key: &Authenticator, what: Confirms<'_>) -> Value {
    confirms_from(key, what, ORIGIN)
}

/// What registers a new passkey: the answer to what the options asked for.
fn made(key: &mut Authenticator, options: &Answer) -> Value {
    assert_eq!(options.status, 200, "{}", options.text());
    let begun = options.json();
    let credential = key.creates(&begun["options"], ORIGIN);
    json!({ "challenge": begun["challenge"], "credential": credential, "name": "Key ring" })
}

async fn options_under(world: &World, ticket: &str) -> Answer {
    world.post_json(OPTIONS, &json!({ "ticket": ticket }), &[]).await
}

/// A device that enrolls together with a passkey.
pub(super) async fn with_passkey<'w>(
    world: &'w World,
    person: &str,
    key: &mut Authenticator,
) -> Device<'w> {
    let ticket = ticket_for(world, person).await;
    let passkey = made(key, &options_under(world, &ticket).await);
    let device_key = p256_key();
    let body = with(&enroll_body(world, &ticket, &device_key), "passkey", passkey);
    let answer = enrolls(world, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    Device::from(world, &answer, device_key)
}

pub(super) async fn sends(
    device: &Device<'_>,
    request: &str,
    decision: &str,
    passkey: Value,
) -> Answer {
    let body = json!({ "decision": decision, "passkey": passkey });
    let path = format!("device/v1/requests/{request}/decision");
    device.calls(Method::POST, &path, Some(&body)).await
}

/// The newest request, and a signed yes to it.
pub(super) async fn signs(device: &Device<'_>, answer: Said) -> (String, String) {
    let request = device.inbox().await[0].clone();
    let words = device.reads(&request).await;
    let decision = device.decision_of(&device.decision_claims(&request, &words, answer));
    (request, decision)
}

async fn tenant_demands(world: &World, settings: Value) {
    let answer = world.operator().patches("tenants/settings", &settings).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// D14, O521: registered under the enrollment's ticket, it confirms an approval by the hash of exactly what
/// the device signed, with its person verified; anything else is refused and consumes nothing.
#[tokio::test]
async fn a_passkey_confirms_what_the_device_has_signed() {
    let world = World::new().await;
    let mut key = Authenticator::default();
    let device = with_passkey(&world, "alice", &mut key).await;
    let mut theirs = Authenticator::numbered(3);
    drop(with_passkey(&world, "bob", &mut theirs).await);
    tenant_demands(&world, json!({ "passkey_required": true })).await;
    let id = asks(&world, "alice").await;
    let (request, decision) = signs(&device, Said::Approve).await;
    let words = device.verified(&device.reads(&request).await);
    assert_eq!(words["user_verification"], "required");
    let (_, other) = signs(&device, Said::Approve).await;
    assert_refused(&device.sends(&request, &decision).await, 400, "passkey_required");
    let what = Confirms::Decision(&decision);
    key.verifies_user = false;
    let unverified = confirms(&key, what);
    key.verifies_user = true;
    let mut random = confirms(&key, what);
    random["response"]["signature"] = "AAAA".into();
    for wrong in [
        confirms(&key, Confirms::Decision(&other)),
        confirms(&key, Confirms::Key(&decision)),
        confirms(&theirs, what),
        confirms_from(&key, what, "https://evil.example"),
        unverified,
        random,
        json!({}),
        json!("yes"),
    ] {
        let refused = sends(&device, &request, &decision, wrong).await;
        assert_refused(&refused, 400, "passkey_invalid");
    }
    world.advance_seconds(5);
    assert_eq!(world.client().polls(&id).await, "400 authorization_pending");
    let good = confirms(&key, what);
    let answer = sends(&device, &request, &decision, good.clone()).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(sends(&device, &request, &decision, good.clone()).await.status, 204, "again");
    world.advance_seconds(5);
    let tokens = world.client().redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["amr"], json!(["swk", "mca", "mfa", "user"]));
    assert_eq!(token.claims.get("acr"), None, "nobody asked for a class");
    receipt_holds(&world, &good).await;
}

/// What others can verify of the passkey stands in the receipt.
async fn receipt_holds(world: &World, assertion: &Value) {
    let txn = logged(world, "gd_auth_succeed").await[0]["txn"].as_str().unwrap().to_owned();
    let id = TransactionId::new(u128::from_str_radix(&txn, 16).unwrap().to_be_bytes());
    let app = world.app();
    let kept = receipts::one(&app.database, world.tenant_id(), &id).await.unwrap().unwrap();
    let set = world.get(".well-known/jwks.json").await.json();
    let keys = domain::jose::parse_set(&set).unwrap();
    verify_receipt(&kept.receipt, &keys).unwrap();
    let presented = receipt::Presented::parse(&kept.receipt).unwrap();
    let claims = Unverified::parse(presented.jws, receipt::MAX_BYTES).unwrap();
    let claims = claims.unverified_claims().unwrap();
    let passkey = presented.read(claims.as_map()).unwrap().parts.passkey.unwrap();
    let said = &assertion["response"];
    assert_eq!(said["authenticatorData"], passkey.authenticator_data);
    assert_eq!(said["clientDataJSON"], passkey.client_data);
    assert_eq!(said["signature"], passkey.signature);
    assert_eq!((&passkey.key["kty"], &passkey.key["crv"]), (&json!("EC"), &json!("P-256")));
}

/// D14: where none is demanded none is taken, and a denial needs none.
#[tokio::test]
async fn a_passkey_is_asked_for_where_it_is_demanded() {
    let world = World::new().await;
    let mut key = Authenticator::default();
    let device = with_passkey(&world, "alice", &mut key).await;
    asks(&world, "alice").await;
    let (request, decision) = signs(&device, Said::Approve).await;
    let passkey = confirms(&key, Confirms::Decision(&decision));
    let refused = sends(&device, &request, &decision, passkey).await;
    assert_refused(&refused, 400, "passkey_invalid");
    assert_eq!(device.sends(&request, &decision).await.status, 204);

    tenant_demands(&world, json!({ "passkey_required": true })).await;
    world.advance_ms(1);
    let id = asks(&world, "alice").await;
    let (request, no) = signs(&device, Said::Deny(None)).await;
    assert_eq!(device.sends(&request, &no).await.status, 204);
    assert_eq!(world.client().polls(&id).await, "400 access_denied");
}

/// D14: a further passkey with one that is there, or with a new ticket; never by the device's proof
/// alone, and not under a link that a device made by it.
#[tokio::test]
async fn a_further_passkey_needs_more_than_the_devices_proof() {
    let world = World::new().await;
    let device = Device::of(&world, "alice").await;
    let asked = async || device.calls(Method::POST, OPTIONS, Some(&json!({}))).await;
    assert_refused(&asked().await, 400, "passkey_required");
    let lost = Device::of(&world, "alice").await;
    let replaces = json!({ "replaces": lost.id });
    let link = device.calls(Method::POST, "device/v1/tickets", Some(&replaces)).await;
    let by_device = short_ticket(&world, &link.member("ticket_id")).await;
    assert_refused(&options_under(&world, &by_device).await, 400, "passkey_required");

    let ticket = ticket_for(&world, "alice").await;
    let mut first = Authenticator::numbered(1);
    let new = made(&mut first, &options_under(&world, &ticket).await);
    let add = async |body: &Value| device.calls(Method::POST, PASSKEYS, Some(body)).await;
    assert_refused(&add(&new).await, 400, "passkey_required");
    let other = ticket_for(&world, "alice").await;
    let foreign = ticket_for(&world, "bob").await;
    assert_refused(&add(&with(&new, "ticket", other)).await, 400, "passkey_invalid");
    assert_refused(&add(&with(&new, "ticket", foreign)).await, 404, "not_found");
    let good = with(&new, "ticket", ticket.clone());
    let added = add(&good).await;
    assert_eq!(added.status, 201, "{}", added.text());
    assert_eq!((added.member("name"), added.member("id")), ("Key ring".into(), text(&first)));
    assert_refused(&add(&good).await, 404, "not_found");
    let spent = enrolls(&world, &enroll_body(&world, &ticket, &p256_key())).await;
    assert_refused(&spent, 404, "not_found");

    let mut second = Authenticator::numbered(2);
    let new = made(&mut second, &asked().await);
    let name = new["challenge"].as_str().unwrap();
    assert_refused(&add(&new).await, 400, "passkey_required");
    let wrong = with(&new, "passkey", confirms(&first, Confirms::Passkey("another")));
    assert_refused(&add(&wrong).await, 400, "passkey_invalid");
    let good = with(&new, "passkey", confirms(&first, Confirms::Passkey(name)));
    assert_eq!(add(&good).await.status, 201);
    assert_refused(&add(&good).await, 400, "passkey_invalid");
    let shown = device.gets(PASSKEYS).await.json();
    assert_eq!((&shown["rp_id"], shown["passkeys"].as_array().unwrap().len()), (&json!(HOST), 2));
    assert_eq!(shown["passkeys"][0]["last_used_at"], world.now().seconds());
    assert_eq!(logged(&world, "passkey_added").await.len(), 2);
}

fn text(key: &Authenticator) -> String {
    URL_SAFE_NO_PAD.encode(key.id)
}

/// O404: a challenge of a new passkey is answered once, in time, under the ticket it was begun for;
/// a refused passkey spends neither ticket nor challenge.
#[tokio::test]
async fn a_challenge_is_for_one_passkey_under_one_ticket() {
    let world = World::new().await;
    let (ticket, other) = (ticket_for(&world, "alice").await, ticket_for(&world, "alice").await);
    let options = options_under(&world, &ticket).await;
    let parameters = &options.json()["options"];
    assert_eq!(parameters["rp"]["id"], HOST);
    assert_eq!(parameters["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(parameters["user"]["name"], "alice@example.com");
    let mut key = Authenticator::default();
    let passkey = made(&mut key, &options);
    let body = async |ticket: &str, passkey: Value| {
        let body = enroll_body(&world, ticket, &p256_key());
        enrolls(&world, &with(&body, "passkey", passkey)).await
    };
    let evil = key.creates(parameters, "https://evil.example");
    for (ticket, passkey) in [
        (&other, passkey.clone()),
        (&ticket, with(&passkey, "credential", evil)),
        (&ticket, with(&passkey, "challenge", "unknown")),
        (&ticket, without(&passkey, "credential")),
        (&ticket, json!([])),
    ] {
        assert_refused(&body(ticket, passkey).await, 400, "passkey_invalid");
    }
    assert_eq!(body(&ticket, passkey.clone()).await.status, 201);
    assert_refused(&body(&other, passkey).await, 400, "passkey_invalid");
    let late = made(&mut Authenticator::numbered(4), &options_under(&world, &other).await);
    world.advance_seconds(300);
    let fresh = ticket_for(&world, "alice").await;
    assert_refused(&body(&fresh, late).await, 400, "passkey_invalid");
    for dead in ["unknown", other.as_str()] {
        assert_refused(&options_under(&world, dead).await, 404, "not_found");
    }
    let nobody = world.post_json(OPTIONS, &json!({}), &[]).await;
    assert_refused(&nobody, 401, "invalid_proof");
}

/// D5: a new key is signed by the old one, proven by the new, and confirmed by the passkey where its
/// person has one.
#[tokio::test]
async fn another_key_is_confirmed_by_the_passkey() {
    let world = World::new().await;
    let mut key = Authenticator::default();
    let mut device = with_passkey(&world, "alice", &mut key).await;
    let (new, path) = (p256_key(), "device/v1/device/key");
    let claims = enroll::device_claims(&device.id, &world.issuer(), world.now().seconds());
    let proof = signed(&new, &enroll::header(algorithm(&new)), &claims);
    let body = json!({ "key": jwk_of(&new), "proof": proof });
    let refused = device.calls(Method::POST, path, Some(&body)).await;
    assert_refused(&refused, 400, "passkey_required");
    let wrong = with(&body, "passkey", confirms(&key, Confirms::Decision(&proof)));
    let refused = device.calls(Method::POST, path, Some(&wrong)).await;
    assert_refused(&refused, 400, "passkey_invalid");
    assert_eq!(device.gets("device/v1/requests").await.status, 200);
    let good = with(&body, "passkey", confirms(&key, Confirms::Key(&proof)));
    let answer = device.calls(Method::POST, path, Some(&good)).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_refused(&device.gets("device/v1/requests").await, 401, "wrong_key");
    device.key = new;
    assert_eq!(device.gets("device/v1/requests").await.status, 200);
    // Name, channel and end need none.
    let name = json!({ "name": "A" });
    let renamed = device.calls(Method::PATCH, "device/v1/device", Some(&name)).await;
    assert_eq!(renamed.status, 200);
    assert_eq!(device.calls(Method::DELETE, "device/v1/device", None).await.status, 204);
}
