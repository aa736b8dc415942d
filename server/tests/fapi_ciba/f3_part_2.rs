//! F27, F28, F34 to F37: what FAPI 1.0 and FAPI 2.0 ask of clients and requests.

use std::sync::Arc;

use serde_json::json;
use testkit::{Client, Form, Proof};

use super::fixture::{Stage, VARIANTS, is_undecided};
use super::{Signer, is_invalid, world};

/// F25: no token that a thief could use: bound, or none.
#[tokio::test]
async fn tokens_are_bound_or_not_given() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let id = signer.starts(&signer.claims()).await.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let unbound = world.client_of(signer.client.id(), Proof::Assertion(Arc::clone(&signer.key)));
    assert_eq!(unbound.polls(&id).await, "400 invalid_request");
    world.advance_seconds(5);
    let tokens = signer.client.redeems(&id).await;
    assert_eq!(tokens["token_type"], "DPoP", "the request was kept");
    let form = Form::new().with("token", tokens["access_token"].as_str().unwrap());
    let told = signer.client.posts("oauth/introspect", form).await.json();
    assert_eq!(told["cnf"], json!({"jkt": signer.key.public().thumbprint()}));
}

/// F27: who says two names is nobody, nor is who takes another's beside its own request.
#[tokio::test]
async fn a_client_has_one_name() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let other = Signer::new(&world, "Other").await;
    let assertion = Client::assertion(&signer.key, &signer.client.assertion_claims(), None);
    let form = signer.client.with_assertion(Form::new(), assertion);
    let request = Client::assertion(&signer.key, &signer.claims(), None);
    let form = form.with("request", request).with("client_id", other.client.id());
    let answer = world.post_form("bc-authorize", &form, &[]).await;
    assert_eq!(answer.summary(), "401 invalid_client", "{}", answer.text());
}

/// F28: only what stands inside counts, and it is meant for us.
#[tokio::test]
async fn only_what_is_signed_counts() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let jwt = Client::assertion(&signer.key, &signer.claims_with("scope", json!(null)), None);
    let form = Form::new().with("request", jwt).with("scope", "openid");
    is_invalid(&world, signer.client.starts(form).await).await;
    is_invalid(&world, signer.starts(&signer.claims_with("scope", json!(null))).await).await;
    let audience = json!(["https://other.example/", world.issuer()]);
    assert_eq!(signer.starts(&signer.claims_with("aud", audience)).await.status, 200);
}

/// F36: a clock that is ahead a little, and one that is too far ahead.
#[tokio::test]
async fn clocks_may_differ_a_little() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let now = world.now().seconds();
    for name in ["iat", "nbf"] {
        is_invalid(&world, signer.starts(&signer.claims_with(name, json!(now + 61))).await).await;
    }
    for name in ["iat", "nbf"] {
        let answer = signer.starts(&signer.claims_with(name, json!(now + 8))).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
}

/// A registration for FAPI 2.0 cannot take the audiences of 2021.
#[tokio::test]
async fn audiences_of_2021_and_fapi_2_exclude_each_other() {
    let world = world().await;
    for (version, status) in [("1.0", 201), ("2.0", 400)] {
        let body = json!({
            "name": version, "profile": "fapi-ciba", "fapi_version": version,
            "assertion_audience": "ciba-2021",
        });
        assert_eq!(world.operator().posts("clients", &body).await.status, status, "{version}");
    }
}

/// N32: what the profile switches on unasked: no secrets, no RS256, bound tokens though the client
/// registered nothing of the kind, and a decision of the person for each request.
#[tokio::test]
async fn the_profile_is_strict_unasked() {
    let stage = Stage::new(VARIANTS[2]).await;
    let world = &stage.world;
    for (profile, expected) in [("ciba", "200"), ("fapi-ciba", "401 invalid_client")] {
        let by_secret = world.registers(profile, json!({ "profile": profile })).await;
        let answer = by_secret.starts(by_secret.asking("alice")).await;
        assert_eq!(answer.summary(), expected, "{}", answer.text());
    }
    let weak = json!({"token_endpoint_auth_method": "private_key_jwt"});
    for (profile, expected) in [("ciba", "200"), ("fapi-ciba", "401 invalid_client")] {
        // Its key is registered for RS256.
        let mut members = weak.clone();
        members["profile"] = profile.into();
        let client = world.registers(&format!("RS256 in {profile}"), members).await;
        let answer = client.starts(client.asking("alice")).await;
        assert_eq!(answer.summary(), expected, "{}", answer.text());
    }
    let unasked = json!({"tls_client_certificate_bound_access_tokens": false});
    let party = stage.party_with("plain", unasked).await;
    for _ in 0..2 {
        let id = party.begins(&party.claims()).await;
        world.advance_seconds(60);
        is_undecided(&party.polls(&id).await);
        stage.decides(&id, "allow").await;
        let tokens = party.is_good(&party.collects(&id).await).await;
        let form = Form::new().with("token", tokens["access_token"].as_str().unwrap());
        let told = party.posts("oauth/introspect", form).await.json();
        assert!(told["cnf"]["x5t#S256"].is_string(), "{told}");
    }
}
