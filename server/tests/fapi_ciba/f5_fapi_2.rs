//! F18, F20, F34 to F39: clients of the working draft with FAPI 2.0.

use std::sync::Arc;

use domain::jose::{Algorithm, KeyType, SigningKey};
use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Form, Proof, World, client_key, dpop_proof, p256_key};

use super::{ALG, Signer, is_invalid, world};

async fn newer<'w>(world: &'w World, name: &str, mut members: Value) -> Signer<'w> {
    members["fapi_version"] = "2.0".into();
    Signer::with(world, name, members).await
}

/// The audiences of N33, and what each is called.
fn audiences(world: &World) -> [(&'static str, Value); 7] {
    let issuer = world.issuer();
    let alias = "https://mtls.login.example.com/oauth/token";
    [
        ("the issuer", json!(issuer)),
        ("the issuer in a list", json!([issuer])),
        ("the issuer and another", json!([issuer, "https://other.example/"])),
        ("the token endpoint", json!(world.url("oauth/token"))),
        ("the backchannel endpoint", json!(world.url("bc-authorize"))),
        ("the alias of the token endpoint", json!(alias)),
        ("the issuer without its slash", json!(issuer.trim_end_matches('/'))),
    ]
}

/// N33, F34, F20: whom an assertion may be meant for, under each rule.
#[tokio::test]
async fn an_assertion_is_for_the_issuer() {
    const EVERY: [bool; 7] = [true, true, false, true, true, true, false];
    const ISSUER: [bool; 7] = [true, true, false, false, false, false, false];
    const TEXT: [bool; 7] = [true, false, false, false, false, false, false];
    let world = World::builder()
        .profile("fapi-ciba")
        .settings(|settings| settings.mtls.enable_endpoint_aliases = true)
        .configured(|config| {
            config.server.mtls_url = String::from("https://mtls.login.example.com/");
        })
        .start()
        .await;
    for (name, members, expected) in [
        ("strict", json!({}), ISSUER),
        ("strict ciba", json!({"profile": "ciba"}), ISSUER),
        ("2021", json!({"assertion_audience": "ciba-2021"}), EVERY),
        ("2021 ciba", json!({"profile": "ciba", "assertion_audience": "ciba-2021"}), EVERY),
        ("newer", json!({"fapi_version": "2.0"}), TEXT),
    ] {
        let signer = Signer::with(&world, name, members).await;
        for (path, error) in [("bc-authorize", "400"), ("oauth/token", "400 invalid_grant")] {
            for ((what, audience), is_good) in audiences(&world).into_iter().zip(expected) {
                let mut claims = signer.client.assertion_claims();
                claims["aud"] = audience;
                let assertion = Client::assertion(&signer.key, &claims, None);
                let form = signer.client.with_assertion(signer.client.polling("none"), assertion);
                let told = world.post_form(path, &form, &[]).await.summary();
                let is_in = told.starts_with(error);
                assert_eq!(is_in, is_good, "{name}, {path}: {what}: {told}");
                assert!(is_in || told == "401 invalid_client", "{name}, {path}: {what}: {told}");
            }
        }
    }
}

/// F35, N59: a refresh token stays what it is; a registration cannot say otherwise.
#[tokio::test]
async fn refresh_tokens_are_not_rotated() {
    let world = world().await;
    let signer = newer(&world, "Newer", json!({})).await;
    let mut claims = signer.claims();
    claims["scope"] = "openid read:balance offline_access".into();
    claims["audience"] = "https://api.example.com/payments".into();
    let id = signer.starts(&claims).await.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let tokens = signer.client.redeems(&id).await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let mut seen = vec![tokens["access_token"].clone()];
    for _ in 0..3 {
        world.advance_seconds(3600);
        let answer = signer.client.refreshes(refresh).await.json();
        let another = answer.get("refresh_token").is_some_and(|one| *one != refresh);
        assert!(!another, "{answer}");
        assert!(!seen.contains(&answer["access_token"]), "{answer}");
        seen.push(answer["access_token"].clone());
    }
    let rotating = json!({"rotation_type": "rotating", "expiration_type": "expiring"});
    for (version, status) in [("1.0", 201), ("2.0", 400)] {
        let body = json!({
            "name": version, "profile": "fapi-ciba", "fapi_version": version,
            "refresh_token": rotating,
        });
        let made = world.operator().posts("clients", &body).await;
        assert_eq!(made.status, status, "{}", made.text());
        if status == 201 {
            let path = format!("clients/{}", made.member("client_id"));
            let changed = world.operator().patches(&path, &json!({"fapi_version": "2.0"})).await;
            assert_eq!(changed.status, 400, "also by a change");
        }
    }
}

/// N59: clocks of assertions and proofs: 8 seconds ahead are taken, more than 60 never.
#[tokio::test]
async fn assertions_and_proofs_may_be_a_little_ahead() {
    let world = world().await;
    let signer = newer(&world, "Newer", json!({})).await;
    let now = world.now().seconds();
    for name in ["iat", "nbf"] {
        for (ahead, expected) in [(8, "400 invalid_grant"), (61, "401 invalid_client")] {
            let mut claims = signer.client.assertion_claims();
            claims[name] = json!(now + ahead);
            claims["exp"] = json!(now + 200);
            let assertion = Client::assertion(&signer.key, &claims, None);
            let form = signer.client.with_assertion(signer.client.polling("none"), assertion);
            let proof = dpop_proof(&signer.key, &signer.client.proof_claims("oauth/token"));
            let told = world.post_form("oauth/token", &form, &[("dpop", &proof)]).await;
            assert_eq!(told.summary(), expected, "{name} {ahead}");
        }
    }
    for (ahead, expected) in [(8, "400 invalid_grant"), (61, "400 invalid_dpop_proof")] {
        let mut claims = signer.client.proof_claims("oauth/token");
        claims["iat"] = json!(now + ahead);
        let (form, _) = signer.client.credentials(signer.client.polling("none"));
        let proof = dpop_proof(&signer.key, &claims);
        let told = world.post_form("oauth/token", &form, &[("dpop", &proof)]).await;
        assert_eq!(told.summary(), expected, "{ahead}");
    }
}

/// F18: of FAPI 1.0 is kept what FAPI 2.0 does not contradict: no secrets, bound tokens, words on
/// both devices; only the signature of requests may be left out, and then all is as with it.
#[tokio::test]
async fn a_client_of_fapi_2_is_held_to_the_rest() {
    let world = world().await;
    let signer = newer(&world, "Newer", json!({})).await;
    let secret = world.registers("Secret", json!({"fapi_version": "2.0"})).await;
    assert_eq!(secret.starts(secret.asking("alice")).await.summary(), "401 invalid_client");
    let wordless = signer.client.asking("alice").without("binding_message");
    is_invalid(&world, signer.client.starts(wordless).await).await;
    for is_signed in [false, true] {
        let started = if is_signed {
            signer.starts(&signer.claims()).await
        } else {
            signer.client.starts(signer.client.asking("alice")).await
        };
        let id = started.member("auth_req_id");
        world.phone_of("alice").approves(&id).await;
        let bare = world.client_of(signer.client.id(), Proof::Assertion(Arc::clone(&signer.key)));
        assert_eq!(bare.polls(&id).await, "400 invalid_request", "unbound tokens are not given");
        world.advance_seconds(5);
        let tokens = signer.client.redeems(&id).await;
        assert_eq!(tokens["token_type"], "DPoP");
        let id_token = world.verified(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!(id_token.header["alg"], "ES256");
    }
    let push = json!({
        "name": "push", "profile": "fapi-ciba", "fapi_version": "2.0",
        "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": "https://client.example.com/cb",
    });
    assert_eq!(world.operator().posts("clients", &push).await.status, 400);
}

/// F37: requests and proofs by PS256, ES256 and Ed25519, and by nothing weaker; what is secret
/// has 128 bits at least.
#[tokio::test]
async fn three_algorithms_and_no_weaker_one() {
    let world = world().await;
    let keys = [
        (client_key(), Algorithm::Ps256),
        (p256_key(), Algorithm::Es256),
        (Arc::new(SigningKey::generate(KeyType::Ed25519).unwrap()), Algorithm::Ed25519),
    ];
    for (key, algorithm) in keys {
        let name = algorithm.name();
        let jwks = json!({"keys": [key.public().to_jwk(None, None)]});
        let mut members = json!({"fapi_version": "2.0", "jwks": jwks});
        members[ALG] = name.into();
        let own = p256_key();
        let client = world.registers_with_key(name, Arc::clone(&own), members).await;
        let client = client.bound_to(&key);
        let claims = client.request_claims(&client.asking("alice"));
        let jwt = Client::assertion_by(&key, algorithm, &claims, Some("oauth-authz-req+jwt"));
        let started = client.starts(Form::new().with("request", jwt)).await;
        assert_eq!(started.status, 200, "{name}: {}", started.text());
        let id = started.member("auth_req_id");
        assert!(id.len() * 6 >= 128, "{id}");
        world.phone_of("alice").approves(&id).await;
        let tokens = client.redeems(&id).await;
        assert_eq!(tokens["token_type"], "DPoP", "{name}");
        assert!(tokens["access_token"].as_str().unwrap().len() * 6 >= 128);
        let weak = [Algorithm::Rs256, Algorithm::Ps512, Algorithm::Rs512].into_iter();
        for other in weak.filter(|other| key.public().fits(*other)) {
            let claims = client.request_claims(&client.asking("alice"));
            let jwt = Client::assertion_by(&key, other, &claims, None);
            let refused = client.starts(Form::new().with("request", jwt)).await;
            assert_eq!(refused.summary(), "400 invalid_request", "{other:?}");
        }
    }
    for weak in ["RS256", "HS256", "none", "ES384"] {
        let body = json!({"name": weak, "profile": "fapi-ciba", ALG: weak});
        assert_eq!(world.operator().posts("clients", &body).await.status, 400, "{weak}");
    }
}

/// F39: the member is kept; signed requests may be typed, and live an hour at most.
#[tokio::test]
async fn what_message_signing_adds_is_taken() {
    let world = world().await;
    let signer = newer(&world, "Newer", json!({"use_mtls_endpoint_aliases": true})).await;
    let path = format!("clients/{}", signer.client.id());
    assert_eq!(world.operator().gets(&path).await.json()["use_mtls_endpoint_aliases"], true);
    let typed = Client::assertion(&signer.key, &signer.claims(), Some("oauth-authz-req+jwt"));
    assert_eq!(signer.sends(typed).await.status, 200);
    let now = world.now().seconds();
    let mut claims = signer.claims_with("nbf", json!(now - 30 * 60));
    claims["exp"] = json!(now + 31 * 60);
    assert_eq!(signer.starts(&claims).await.summary(), "400 invalid_request");
}

/// F31: whatever it is given for, an access token of such a client is bound.
#[tokio::test]
async fn no_grant_gives_an_unbound_token() {
    let world = world().await;
    for version in ["1.0", "2.0"] {
        let signer = Signer::with(&world, version, json!({"fapi_version": version})).await;
        world
            .grants(version, "https://api.example.com/payments", "client", &["read:balance"])
            .await;
        let mut claims = signer.claims();
        claims["scope"] = "openid read:balance offline_access".into();
        claims["audience"] = "https://api.example.com/payments".into();
        let id = signer.starts(&claims).await.member("auth_req_id");
        world.phone_of("alice").approves(&id).await;
        let bare = world.client_of(version, Proof::Assertion(Arc::clone(&signer.key)));
        assert_eq!(bare.polls(&id).await, "400 invalid_request");
        world.advance_seconds(5);
        let tokens = signer.client.redeems(&id).await;
        let refresh = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(bare.refreshes(refresh).await.summary(), "400 invalid_request");
        let renewed = signer.client.refreshes(refresh).await.json();
        let machine = bare.asks_for_itself("https://api.example.com/payments").await;
        assert_eq!(machine.summary(), "400 invalid_request");
        let machine = signer.client.asks_for_itself("https://api.example.com/payments").await;
        let bound = json!({"jkt": signer.key.public().thumbprint()});
        for answer in [tokens, renewed, machine.json()] {
            let token = world.verified(answer["access_token"].as_str().unwrap()).await;
            assert_eq!(token.claims["cnf"], bound);
        }
    }
}

/// F7, F14, O521: who decides proves the key of the enrolled device, and the ID token tells that level;
/// whoever else has what was pushed reads and decides nothing.
#[tokio::test]
async fn a_decision_is_signed_by_the_enrolled_key() {
    use device_protocol::guardian::resolve::{self, Decision};
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let class = world.get(".well-known/openid-configuration").await.json();
    let class = class["acr_values_supported"][0].as_str().unwrap().to_owned();
    let started = signer.starts(&signer.claims_with("acr_values", json!(class))).await;
    let id = started.member("auth_req_id");
    let phone = world.phone_of("alice");
    let push = phone.push_of(&id).await;
    let bearer = format!("Bearer {}", push.txtkn);
    let read = format!("rich-consents/{}", push.consent_id);
    let scheme = format!("MFA-DPoP {}", push.txtkn);
    let unproven = world.request(Method::GET, &read, &[("authorization", &scheme)], "").await;
    assert!(unproven.status >= 400, "{}", unproven.text());
    let claims = resolve::Answer {
        identifier: &phone.identifier(),
        challenge: &push.challenge,
        url: &world.url("appliance-mfa/api/resolve-transaction"),
        issued_at: world.now().seconds(),
        decision: Decision::Accepted,
    };
    let thief = p256_key();
    let header = resolve::header(Algorithm::Es256.name()).to_string();
    let jwt = thief.sign_compact(Algorithm::Es256, &header, &claims.claims().to_string()).unwrap();
    let body = resolve::body(&jwt);
    let path = "appliance-mfa/api/resolve-transaction";
    let refused = world.post_json(path, &body, &[("authorization", &bearer)]).await;
    assert!((400..500).contains(&refused.status), "{} {}", refused.status, refused.text());
    assert_eq!(signer.client.polls(&id).await, "400 authorization_pending");
    phone.approves(&id).await;
    world.advance_seconds(5);
    let tokens = signer.client.redeems(&id).await;
    let claims = world.verified(tokens["id_token"].as_str().unwrap()).await.claims;
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!(class), &json!(["swk", "mca"])));
}
