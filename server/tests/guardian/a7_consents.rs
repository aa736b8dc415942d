//! G102 to G120: rich consents.

use device_protocol::guardian::proof::{self, Proof};
use device_protocol::guardian::resolve::Decision;
use domain::jose::SigningKey;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Phone, Push, World, device_key, p256_key};

use super::{assert_x, jwk_of, logged, signed, with, without};

const API: &str = "https://api.example.com/payments";

/// The claims of a good proof for `url`.
fn claims_for(world: &World, push: &Push, url: &str) -> Value {
    let jti = world.app().entropy.hex::<16>();
    Proof { url, txtkn: &push.txtkn, jti: &jti, issued_at: world.now().seconds() }.claims()
}

fn sign(key: &SigningKey, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    signed(key, &proof::header(algorithm.name(), &jwk_of(key)), claims)
}

/// A good proof for `url`.
pub(super) fn proof_for(world: &World, key: &SigningKey, push: &Push, url: &str) -> String {
    sign(key, &claims_for(world, push, url))
}

/// `GET` with these credentials.
pub(super) async fn read(world: &World, path: &str, txtkn: &str, proof: Option<&str>) -> Answer {
    let authorization = format!("MFA-DPoP {txtkn}");
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(proof.map(|proof| ("mfa-dpop", proof)));
    world.request(Method::GET, path, &headers, "").await
}

async fn asked(world: &World) -> (String, Phone<'_>, Push) {
    let id = world.client().asks_for("alice").await;
    let phone = world.phone_of("alice");
    let push = phone.push_of(&id).await;
    (id, phone, push)
}

fn path_of(push: &Push) -> String {
    format!("rich-consents/{}", push.consent_id)
}

/// Whether the text is `YYYY-MM-DDTHH:MM:SS.mmmZ`.
fn is_iso(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

/// G102, G103, G104: the record and the types of its members.
#[tokio::test]
async fn the_record_has_its_members_in_their_types() {
    let world = World::new().await;
    world.advance_ms(7);
    let client = world.client();
    world.phone_of("alice").is_ready().await;
    let answer = client.starts(client.asking("alice").with("requested_expiry", "120")).await;
    let phone = world.phone_of("alice");
    let push = phone.push_of(&answer.member("auth_req_id")).await;
    let answer = phone.reads(&push).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let record = answer.json();
    assert_eq!(record["id"], push.consent_id);
    let details = &record["requested_details"];
    assert_eq!(details["audience"], "https://login.example.com/userinfo");
    assert_eq!(details["scope"], json!(["openid"]));
    assert!(details["binding_message"].is_string());
    assert!(details.get("authorization_details").is_none());
    let (created, expires) = (&record["created_at"], &record["expires_at"]);
    assert!(is_iso(created.as_str().unwrap()) && is_iso(expires.as_str().unwrap()), "{record}");
    assert_eq!(created, "2026-11-23T05:00:00.007Z");
    assert_eq!(expires, "2026-11-23T05:02:00.007Z");
}

/// G105, G106: details as they were sent, words as they were sent.
#[tokio::test]
async fn details_and_words_are_shown_as_they_were_sent() {
    let world = World::new().await;
    let details = json!([
        { "type": "payment_initiation", "amount": { "n": 1.5, "z": null }, "b": true },
        { "type": "payment_initiation", "a": "second" },
    ]);
    let id = world
        .client()
        .asks_with("alice", |form| {
            form.with("audience", API)
                .with("authorization_details", details.to_string())
                .with("binding_message", "Pay 1-2 :. _")
        })
        .await;
    let shown = world.phone_of("alice").consent_of(&id).await["requested_details"].clone();
    assert_eq!(shown["authorization_details"], details);
    assert_eq!(shown["binding_message"], "Pay 1-2 :. _");
    assert_eq!(shown["audience"], API);
}

/// G107: where the API's policies bound people, the scopes that alice lacks are not shown.
#[tokio::test]
async fn the_scopes_are_those_that_will_be_granted() {
    let world = World::new().await;
    for (name, enforces, shown) in
        [("open", false, json!(["openid", "read:x"])), ("bound", true, json!(["openid"]))]
    {
        let api = format!("https://{name}.example.com/");
        world
            .registers_api(json!({
                "identifier": api, "name": name, "enforce_policies": enforces,
                "scopes": [{ "value": "read:x" }],
            }))
            .await;
        let asked =
            |form: testkit::Form| form.with("audience", &api).with("scope", "openid read:x");
        let id = world.client().asks_with("alice", asked).await;
        let consent = world.phone_of("alice").consent_of(&id).await;
        assert_eq!(consent["requested_details"]["scope"], shown, "{name}");
    }
}

/// G108: reading uses nothing up.
#[tokio::test]
async fn a_record_may_be_read_until_it_expires() {
    let world = World::new().await;
    let (id, phone, push) = asked(&world).await;
    for _ in 0..3 {
        assert_eq!(phone.reads(&push).await.status, 200);
    }
    phone.answers(&push, Decision::Accepted).await;
    assert_eq!(phone.reads(&push).await.status, 200);
    assert_eq!(world.client().polls(&id).await, "200");
    assert_eq!(phone.reads(&push).await.status, 200);
    world.advance_ms(299_999);
    assert_eq!(phone.reads(&push).await.status, 200);
    world.advance_ms(1);
    assert_x(&phone.reads(&push).await, 401, "invalid_token");
}

/// G109, G110: the proof as the SDKs write it; no answer asks for a nonce.
#[tokio::test]
async fn a_proof_as_the_sdks_write_it_is_taken() {
    let world = World::new().await;
    let phone = world.phone_of("alice");
    phone.enrolls_with(device_key(), "GCM").await;
    let (_, _, push) = asked(&world).await;
    let sent = testkit::vectors::guardian_android()["key"]["public_jwk_as_sent"].clone();
    let url = world.url(&path_of(&push));
    for jti in ["C3163287-43E6-44D9-B573-318337C29C75", "c3163287-43e6-44d9-b573-318337c29c76"] {
        let claims = with(&claims_for(&world, &push, &url), "jti", jti);
        let iat: f64 = format!("{}.123456", world.now().seconds()).parse().unwrap();
        let claims = with(&claims, "iat", iat);
        let header = json!({ "typ": "dpop+jwt", "alg": "RS256", "jwk": sent });
        let proof = signed(&device_key(), &header, &claims);
        let answer = read(&world, &path_of(&push), &push.txtkn, Some(&proof)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(!answer.headers.contains_key("dpop-nonce"));
    }
    let refused = read(&world, &path_of(&push), &push.txtkn, None).await;
    assert!(!refused.headers.contains_key("dpop-nonce"));
    assert!(!refused.headers.contains_key("www-authenticate"));
}

/// G112, G113: what is wrong with a proof, and a proof by another key.
#[tokio::test]
async fn a_proof_with_anything_wrong_is_refused() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    let (key, path) = (phone.key(), path_of(&push));
    let url = world.url(&path);
    let now = world.now().seconds();
    let good = || claims_for(&world, &push, &url);
    let mut proofs: Vec<String> = [
        with(&good(), "htm", "POST"),
        with(&good(), "htu", world.url("rich-consents/cns_other")),
        with(&good(), "htu", format!("https://evil.example/{path}")),
        with(&good(), "ath", proof::ath("another")),
        without(&good(), "jti"),
        with(&good(), "iat", now - 301),
        with(&good(), "iat", now + 301),
    ]
    .iter()
    .map(|claims| sign(&key, claims))
    .collect();
    proofs.push(signed(
        &key,
        &json!({ "typ": "JWT", "alg": "ES256", "jwk": jwk_of(&key) }),
        &good(),
    ));
    proofs.push(sign(&p256_key(), &good()));
    proofs.push(signed(
        &p256_key(),
        &json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk_of(&key) }),
        &good(),
    ));
    proofs.push(String::from("x"));
    for proof in &proofs {
        let answer = read(&world, &path, &push.txtkn, Some(proof)).await;
        assert_x(&answer, 401, "invalid_dpop_assertion");
    }
    let missing = read(&world, &path, &push.txtkn, None).await;
    assert_x(&missing, 401, "invalid_dpop_assertion");
    let answer = read(&world, &path, &push.txtkn, Some(&sign(&key, &good()))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// G114: the same proof a second time.
#[tokio::test]
async fn a_proof_is_good_once() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    let path = path_of(&push);
    let claims = claims_for(&world, &push, &world.url(&path));
    let proof = sign(&phone.key(), &with(&claims, "iat", world.now().seconds() + 299));
    assert_eq!(read(&world, &path, &push.txtkn, Some(&proof)).await.status, 200);
    for seconds in [0, 1, 290] {
        world.advance_seconds(seconds);
        world.run_worker().await;
        let again = read(&world, &path, &push.txtkn, Some(&proof)).await;
        assert_x(&again, 401, "invalid_dpop_assertion");
    }
}

/// G115: P-256 with ES256.
#[tokio::test]
async fn a_p256_device_reads_with_es256() {
    let world = World::new().await;
    world.phone_of("alice").enrolls_with(p256_key(), "GCM").await;
    let (_, phone, push) = asked(&world).await;
    assert_eq!(phone.reads(&push).await.status, 200);
}

/// G116: the host in another letter case, `:443`, an alias, a query.
#[tokio::test]
async fn the_address_may_be_spelt_in_several_ways() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    let path = path_of(&push);
    for url in [
        format!("https://LOGIN.Example.com/{path}"),
        format!("https://login.example.com:443/{path}"),
        format!("https://login.example.com/appliance-mfa/{path}"),
        format!("https://login.example.com/{path}?x=y"),
    ] {
        let proof = proof_for(&world, &phone.key(), &push, &url);
        let answer = read(&world, &path, &push.txtkn, Some(&proof)).await;
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
    }
}

/// G117, G118: the wrong scheme, and tokens that are none.
#[tokio::test]
async fn without_a_good_transaction_token_nothing_is_read() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    let path = path_of(&push);
    let proof = proof_for(&world, &phone.key(), &push, &world.url(&path));
    let bearer = format!("Bearer {}", push.txtkn);
    let headers = [("authorization", bearer.as_str()), ("mfa-dpop", proof.as_str())];
    let answer = world.request(Method::GET, &path, &headers, "").await;
    assert_x(&answer, 401, "invalid_token");
    let none = world.request(Method::GET, &path, &[("mfa-dpop", proof.as_str())], "").await;
    assert_x(&none, 401, "invalid_token");
    let forged = format!("{}x", push.txtkn);
    assert_x(&read(&world, &path, &forged, Some(&proof)).await, 401, "invalid_token");
    let key = phone.key();
    phone.unenrolls().await;
    let proof = proof_for(&world, &key, &push, &world.url(&path));
    assert_x(&read(&world, &path, &push.txtkn, Some(&proof)).await, 401, "invalid_token");
}

/// G119: consents of others, and those that nobody knows.
#[tokio::test]
async fn the_consent_of_another_is_not_found() {
    let world = World::new().await;
    let (_, phone, push) = asked(&world).await;
    let id = world.client().asks_for("bob").await;
    let of_bob = world.phone_of("bob").push_of(&id).await;
    let next = world.client().asks_for("alice").await;
    let own_next = phone.push_of(&next).await;
    for consent in [of_bob.consent_id.as_str(), &own_next.consent_id, "cns_0123456789012345678901"]
    {
        let path = format!("rich-consents/{consent}");
        let proof = proof_for(&world, &phone.key(), &push, &world.url(&path));
        let answer = read(&world, &path, &push.txtkn, Some(&proof)).await;
        assert_x(&answer, 404, "consent_not_found");
    }
}

/// G120: refusals are logged with the id that was asked for.
#[tokio::test]
async fn a_refused_read_is_told_to_the_log() {
    let world = World::new().await;
    let (_, _, push) = asked(&world).await;
    read(&world, &path_of(&push), &push.txtkn, None).await;
    let entries = logged(&world, "rich_consents_access_error").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["requestedRichConsentId"], push.consent_id);
    assert!(entries[0]["error"]["message"].as_str().unwrap().contains("MFA-DPoP"));
}
