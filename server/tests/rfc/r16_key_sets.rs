//! Clients whose keys are in a set of their own, `jwks` or `jwks_uri` (RFC 7591 2; A9, N63, F33).

use std::sync::Arc;

use domain::jose::{Algorithm, HeaderFields, KeyType, SigningKey};
use serde_json::{Value, json};
use server::outside::{Outbound, Unanswered, Window};
use testkit::push_services::Scripted;
use testkit::{Answer, Form, World, client_key, p256_key};

use super::r16_registration::set_of;

const KEYS: &str = "https://shop.example.com/keys";
const ALG: &str = "backchannel_authentication_request_signing_alg";

/// A World whose clients' keys come from a script.
async fn scripted() -> (World, Arc<Scripted>) {
    let script = Arc::new(Scripted::new());
    let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
    let world = World::builder().profile("ciba").outbound(outbound).start().await;
    world.phone_of("alice").is_ready().await;
    (world, script)
}

/// Registers a client that proves itself by a set.
async fn registers(world: &World, name: &str, mut members: Value) {
    members["token_endpoint_auth_method"] = "private_key_jwt".into();
    if members.get("jwks").is_none() && members.get("jwks_uri").is_none() {
        members["jwks_uri"] = KEYS.into();
    }
    drop(world.registers(name, members).await);
}

fn signed(key: &SigningKey, kid: Option<&str>, claims: &Value) -> String {
    let algorithm = match key.public().key_type() {
        KeyType::Rsa => Algorithm::Ps256,
        other @ (KeyType::P256 | KeyType::P384 | KeyType::Ed25519) => other.default_algorithm(),
    };
    key.sign(algorithm, &HeaderFields { kid, ..HeaderFields::default() }, &claims.to_string())
        .unwrap()
}

/// A poll of an unknown request by a client that signs with this key under this name.
async fn polls(world: &World, name: &str, (key, kid): (&SigningKey, Option<&str>)) -> Answer {
    let client = world.registered(name);
    let jwt = signed(key, kid, &client.assertion_claims());
    let form = client.with_assertion(client.polling("unknown"), jwt);
    world.post_form("oauth/token", &form, &[]).await
}

const GOOD: &str = "400 invalid_grant";
const BAD: &str = "401 invalid_client";

/// A9: a set is fetched once while it is good, and a storm of unknown keys fetches it once more; a
/// failure stands for a while, and what is too large or no key set is refused.
#[tokio::test]
async fn a_key_set_is_fetched_no_more_often_than_a_client_could_need() {
    let (world, script) = scripted().await;
    let (one, two, stranger) = (p256_key(), p256_key(), p256_key());
    registers(&world, "shop", json!({})).await;
    script.then(200, &set_of(&one, "one"));
    for _ in 0..3 {
        assert_eq!(polls(&world, "shop", (&one, Some("one"))).await.summary(), GOOD);
    }
    assert_eq!(script.calls().len(), 1);
    assert_eq!(script.calls()[0].url.as_str(), KEYS);
    assert_eq!(script.calls()[0].limits.answer_bytes, 64 * 1024);
    // unknown keys: one reload, which finds the new key
    world.advance_seconds(61);
    script.then(200, &set_of(&two, "two"));
    let storm = (0..50).map(|number| {
        let (world, stranger) = (&world, &stranger);
        async move {
            let kid = format!("unknown {number}");
            polls(world, "shop", (stranger, Some(&kid))).await.summary()
        }
    });
    let told = futures_util::future::join_all(storm).await;
    assert!(told.iter().all(|one| one == BAD), "{told:?}");
    assert_eq!(script.calls().len(), 2);
    assert_eq!(polls(&world, "shop", (&two, Some("two"))).await.summary(), GOOD);
    assert_eq!(polls(&world, "shop", (&one, Some("one"))).await.summary(), BAD, "it is gone");
    assert_eq!(script.calls().len(), 2);
    // too old: fetched again, and a failure stands for half a minute
    world.advance_seconds(600);
    for _ in 0..3 {
        assert_eq!(polls(&world, "shop", (&two, Some("two"))).await.summary(), BAD);
    }
    assert_eq!(script.calls().len(), 3);
    world.advance_seconds(30);
    script.then(200, &set_of(&two, "two"));
    assert_eq!(polls(&world, "shop", (&two, Some("two"))).await.summary(), GOOD);
    // sets that are none
    let key = set_of(&one, "one")["keys"][0].clone();
    let huge: Vec<Value> = (0..10_000).map(|_| key.clone()).collect();
    for (number, (status, body)) in [
        (200, json!({ "keys": huge })),
        (200, json!({ "keys": (0..33).map(|_| key.clone()).collect::<Vec<_>>() })),
        (200, json!({ "keys": [{"kty": "oct", "k": "c2VjcmV0"}] })),
        (200, json!({ "keys": [] })),
        (200, json!("nonsense")),
        (302, set_of(&one, "one")),
        (404, set_of(&one, "one")),
        (500, set_of(&one, "one")),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("shop {number}");
        let address = format!("{KEYS}/{number}");
        registers(&world, &name, json!({ "jwks_uri": address })).await;
        script.then(status, &body);
        assert_eq!(polls(&world, &name, (&one, Some("one"))).await.summary(), BAD, "{number}");
    }
}

/// A reload that fails takes nothing away that is still good.
#[tokio::test]
async fn a_reload_that_fails_leaves_what_is_good() {
    let (world, script) = scripted().await;
    let (one, stranger) = (p256_key(), p256_key());
    registers(&world, "shop", json!({})).await;
    script.then(200, &set_of(&one, "one"));
    assert_eq!(polls(&world, "shop", (&one, Some("one"))).await.summary(), GOOD);
    world.advance_seconds(61);
    script.then_none(Unanswered::TooSlow);
    assert_eq!(polls(&world, "shop", (&stranger, Some("other"))).await.summary(), BAD);
    assert_eq!(polls(&world, "shop", (&one, Some("one"))).await.summary(), GOOD);
    assert_eq!(script.calls().len(), 2);
}

/// F33: several keys of one name are tried by what they are for; `x5u` and `jku` lead nowhere, and
/// addresses that are not https are no place for keys.
#[tokio::test]
async fn keys_of_one_name_are_told_apart_by_what_they_are() {
    let (world, script) = scripted().await;
    let (rsa, first, second) = (client_key(), p256_key(), p256_key());
    let named = |key: &SigningKey, alg| {
        let mut jwk = key.public().to_jwk(Some("same"), alg);
        jwk["x5u"] = "https://attacker.example.com/x5u".into();
        jwk["jku"] = "https://attacker.example.com/jku".into();
        jwk
    };
    let mut encryption = named(&p256_key(), None);
    encryption["use"] = "enc".into();
    let rsa_jwk = named(&rsa, Some(Algorithm::Ps256));
    let keys = [encryption, rsa_jwk, named(&first, Some(Algorithm::Es256)), named(&second, None)];
    registers(&world, "shop", json!({ ALG: "ES256" })).await;
    script.then(200, &json!({ "keys": keys }));
    for key in [&*rsa, &*first, &*second] {
        assert_eq!(polls(&world, "shop", (key, Some("same"))).await.summary(), GOOD);
        assert_eq!(polls(&world, "shop", (key, None)).await.summary(), GOOD);
    }
    assert_eq!(polls(&world, "shop", (&p256_key(), Some("same"))).await.summary(), BAD);
    let client = world.registered("shop");
    let other = rsa.sign(
        Algorithm::Ps384,
        &HeaderFields::default(),
        &client.assertion_claims().to_string(),
    );
    let form = client.with_assertion(client.polling("unknown"), other.unwrap());
    let answer = world.post_form("oauth/token", &form, &[]).await;
    assert_eq!(answer.summary(), BAD, "the set says PS256");
    assert_eq!(script.calls().len(), 1, "nothing else was fetched");
    let plain = json!({
        "name": "Plain", "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "http://shop.example.com/keys",
    });
    assert_eq!(world.operator().posts("clients", &plain).await.status, 400);
}

/// Of C34: the keys of signed requests come from the same place.
#[tokio::test]
async fn signed_requests_are_checked_by_fetched_keys() {
    let (world, script) = scripted().await;
    let key = p256_key();
    registers(&world, "shop", json!({ ALG: "ES256" })).await;
    script.then(200, &set_of(&key, "one"));
    let client = world.registered("shop");
    let starts = async |request_key: &SigningKey| {
        let asking = client.asking("alice");
        let message = asking.get("binding_message").unwrap().to_owned();
        let request = signed(request_key, Some("one"), &client.request_claims(&asking));
        let jwt = signed(&key, Some("one"), &client.assertion_claims());
        let form = client.with_assertion(Form::new().with("request", request), jwt);
        let answer = world.post_form("bc-authorize", &form, &[]).await;
        if answer.status == 200 {
            world.remember(&answer.member("auth_req_id"), &message).await;
        }
        answer.summary()
    };
    assert_eq!(starts(&key).await, "200");
    assert_eq!(starts(&p256_key()).await, "400 invalid_request");
    assert_eq!(script.calls().len(), 1);
}

/// N63: key sets at addresses that are not public are not registered, by nobody; those that stand
/// in the database all the same are not fetched, and the caller learns nothing of why.
#[tokio::test]
async fn key_sets_at_addresses_that_are_not_public_are_not_fetched() {
    let window = Window::open(Vec::new(), std::path::Path::new("")).unwrap();
    let outbound: Arc<dyn Outbound> = Arc::new(window);
    let open = |settings: &mut server::tenancy::Settings| settings.open_registration = true;
    let world = World::builder().profile("ciba").outbound(outbound).settings(open).start().await;
    let key = p256_key();
    let hosts = "127.0.0.1 [::1] localhost a.localhost localhost. 10.1.2.3 172.16.0.1 192.168.0.1 \
        169.254.169.254 [::ffff:127.0.0.1] [fe80::1] [fd00::1] 2130706433 0x7f.1 0177.0.0.1 127.1 \
        [64:ff9b::7f00:1] 0.0.0.0 8.8.8.8:25";
    let mut answers = Vec::new();
    for (number, host) in hosts.split_whitespace().enumerate() {
        let address = format!("https://{host}/keys");
        for (member, other) in
            [("jwks_uri", "x"), ("backchannel_client_notification_endpoint", "jwks_uri")]
        {
            let mut metadata = json!({
                "client_name": "Shop", "grant_types": ["urn:openid:params:grant-type:ciba"],
                "token_endpoint_auth_method": "private_key_jwt",
                "backchannel_token_delivery_mode": "ping",
                "backchannel_client_notification_endpoint": "https://shop.example.com/cb",
                "jwks_uri": "https://shop.example.com/keys",
            });
            metadata[member] = address.clone().into();
            if other == "jwks_uri" {
                metadata[other] = address.clone().into();
            }
            let answer = world.post_json("oidc/register", &metadata, &[]).await;
            assert_eq!(answer.summary(), "400 invalid_client_metadata", "{host} {member}");
        }
        if ["a.localhost", "localhost."].contains(&host) {
            continue; // whether there are such names, is the system's say
        }
        let name = format!("shop {number}");
        registers(&world, &name, json!({ "jwks_uri": address })).await;
        let answer = polls(&world, &name, (&key, Some("one"))).await;
        assert_eq!(answer.summary(), BAD, "{host}");
        answers.push(answer.text());
        let client = world.registered(&name);
        let jwt = signed(&key, Some("one"), &client.assertion_claims());
        let form = client.with_assertion(client.asking("alice"), jwt);
        let answer = world.post_form("bc-authorize", &form, &[]).await;
        assert_eq!(answer.text(), answers[0]);
        let told = world.operator().gets("logs?sort=date:-1&per_page=1").await.json();
        let why = told[0]["details"].to_string();
        assert!(why.contains("jwks_uri: not called: "), "{host}: {told}");
    }
    assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
}

/// O335: the methods of RFC 7591 with a client's own set can be had by the Management API too, and
/// want what they need.
#[tokio::test]
async fn administrators_register_sets_too() {
    let world = World::builder().profile("ciba").start().await;
    let key = p256_key();
    let jwks = set_of(&key, "one");
    let body = |members: Value| {
        let mut body = json!({"name": "Shop"});
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let method = "token_endpoint_auth_method";
    let operator = world.operator();
    for bad in [
        json!({ method: "private_key_jwt" }),
        json!({ method: "self_signed_tls_client_auth" }),
        json!({ method: "tls_client_auth" }),
        json!({ method: "tls_client_auth", "tls_client_auth_subject_dn": "nonsense" }),
        json!({ method: "private_key_jwt", "jwks": jwks, "jwks_uri": KEYS }),
        json!({ method: "private_key_jwt", "jwks_uri": "https://user@shop.example.com/" }),
    ] {
        let answer = operator.posts("clients", &body(bad.clone())).await;
        assert_eq!(answer.summary(), "400 invalid_body", "{bad}");
    }
    let made =
        operator.posts("clients", &body(json!({ method: "private_key_jwt", "jwks": jwks }))).await;
    assert_eq!((made.status, made.json().get("client_secret")), (201, None), "{}", made.text());
    let client = world.client_of(&made.member("client_id"), testkit::Proof::Nothing);
    let jwt = signed(&key, Some("one"), &client.assertion_claims());
    let form = client.with_assertion(client.polling("unknown"), jwt);
    let answer = world.post_form("oauth/token", &form, &[]).await;
    assert_ne!(answer.status, 401, "{}", answer.text());
}
