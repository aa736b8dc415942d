//! F2 to F17: FAPI-CIBA ID1.

use std::sync::Arc;

use domain::jose::Algorithm;
use serde_json::json;
use testkit::{Client, Form, World, client_key};

use super::{ALG, Signer, is_invalid, refuses_secrets, world};

/// F2, F26, C22: confidential clients only, and no secrets; which profile `ciba` takes.
#[tokio::test]
async fn a_client_proves_itself_with_a_key() {
    let world = world().await;
    refuses_secrets(&world).await;
    let ciba = world.registers("Ciba", json!({"profile": "ciba"})).await;
    assert_eq!(ciba.starts(ciba.asking("alice")).await.status, 200);
    let signer = Signer::new(&world, "Signer").await;
    assert_eq!(signer.starts(&signer.claims()).await.status, 200);
}

/// F3: words on both devices, unless the request says in detail what it is about.
#[tokio::test]
async fn a_request_has_words_or_details() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    is_invalid(&world, signer.starts(&signer.claims_with("binding_message", json!(null))).await)
        .await;
    is_invalid(&world, signer.starts(&signer.claims_with("binding_message", json!(""))).await)
        .await;
    let mut claims = signer.claims_with("binding_message", json!(null));
    claims["audience"] = json!("https://api.example.com/payments");
    claims["authorization_details"] = json!([{"type": "payment_initiation"}]);
    let answer = signer.starts(&claims).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// F6, F19, T28: an unsigned request is refused; under FAPI 2.0 both kinds work.
#[tokio::test]
async fn requests_are_signed() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    is_invalid(&world, signer.client.starts(signer.client.asking("alice")).await).await;
    let newer = Signer::with(&world, "Newer", json!({"fapi_version": "2.0"})).await;
    assert_eq!(newer.client.starts(newer.client.asking("alice")).await.status, 200);
    assert_eq!(newer.starts(&newer.claims()).await.status, 200);
    let now = world.now().seconds();
    let long = newer.starts(&newer.claims_with("exp", json!(now + 70 * 60))).await;
    assert_eq!(long.summary(), "400 invalid_request");
}

/// F9, T16, T20: a signed request lives an hour at most.
#[tokio::test]
async fn a_signed_request_lives_an_hour_at_most() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let now = world.now().seconds();
    for (name, value) in [("exp", now + 70 * 60), ("nbf", now - 70 * 60), ("nbf", now + 10 * 60)] {
        is_invalid(&world, signer.starts(&signer.claims_with(name, json!(value))).await).await;
    }
    let mut claims = signer.claims_with("nbf", json!(now - 30 * 60));
    claims["exp"] = json!(now + 40 * 60);
    is_invalid(&world, signer.starts(&claims).await).await;
    claims["exp"] = json!(now + 30 * 60);
    assert_eq!(signer.starts(&claims).await.status, 200);
}

/// F8: a class of authentication is told, asked for and in the ID token.
#[tokio::test]
async fn a_class_is_told_to_who_asks_for_it() {
    let world = world().await;
    let signer = Signer::new(&world, "Signer").await;
    let metadata = world.get(".well-known/openid-configuration").await.json();
    let class = metadata["acr_values_supported"][0].as_str().unwrap();
    let answer = signer.starts(&signer.claims_with("acr_values", json!(class))).await;
    let id = answer.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let tokens = signer.client.redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.claims["acr"], class);
}

/// F10: where a request comes from, inside it; a client's policy can require it.
#[tokio::test]
async fn a_client_can_have_to_say_where_a_request_comes_from() {
    let world = world().await;
    let members = json!({"request_context_required": true});
    let signer = Signer::with(&world, "Signer", members).await;
    is_invalid(&world, signer.starts(&signer.claims()).await).await;
    for bad in [json!("x"), json!([]), json!(5)] {
        is_invalid(&world, signer.starts(&signer.claims_with("request_context", bad)).await).await;
    }
    let context = json!({"device": "kiosk", "place": {"country": "JP"}});
    let answer = signer.starts(&signer.claims_with("request_context", context)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// F17, T24: PS256 and ES256; RS256 is refused for requests, assertions and ID tokens alike.
#[tokio::test]
async fn rs256_is_refused_everywhere() {
    let world = world().await;
    // its credential is for RS256
    let weak = world.registers("Weak", json!({"token_endpoint_auth_method": "private_key_jwt"}));
    let weak = weak.await;
    let answer = weak.starts(weak.asking("alice")).await;
    assert_eq!(answer.summary(), "401 invalid_client", "{}", answer.text());
    let jwks = json!({"keys": [client_key().public().to_jwk(None, None)]});
    let members = json!({ "jwks": jwks, ALG: "PS256" });
    let key = testkit::p256_key();
    let mixed = world.registers_with_key("Mixed", Arc::clone(&key), members).await;
    let mixed = mixed.bound_to(&key);
    let signed = |algorithm| {
        let claims = mixed.request_claims(&mixed.asking("alice"));
        let jwt = Client::assertion_by(&client_key(), algorithm, &claims, None);
        Form::new().with("request", jwt)
    };
    is_invalid(&world, mixed.starts(signed(Algorithm::Rs256)).await).await;
    let answer = mixed.starts(signed(Algorithm::Ps256)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.member("auth_req_id");
    world.phone_of("alice").approves(&id).await;
    let tokens = mixed.redeems(&id).await;
    let token = world.verified(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(token.header["alg"], "ES256");
    for (alg, status) in [("RS256", 400), ("RS512", 400), ("PS256", 201), ("ES256", 201)] {
        let body = json!({"name": alg, "jwt_configuration": {"alg": alg}, "profile": "fapi-ciba"});
        assert_eq!(world.operator().posts("clients", &body).await.status, status, "{alg}");
    }
}

/// T1, F30: the metadata of a tenant of the profile, as certification reads them, from both places
/// and from nowhere else.
#[tokio::test]
async fn the_metadata_are_what_certification_wants() {
    let mtls = |config: &mut server::config::Config| {
        config.server.mtls_url = String::from("https://mtls.example.com/");
    };
    let only = |settings: &mut server::tenancy::Settings| {
        settings.profiles = vec![String::from("fapi-ciba")];
        settings.mtls.enable_endpoint_aliases = true;
    };
    let builder = World::builder().profile("fapi-ciba").configured(mtls).settings(only);
    let world = builder.start().await;
    let answer = world.get(".well-known/openid-configuration").await;
    let told = answer.json();
    assert_eq!(
        world.url(".well-known/openid-configuration"),
        format!("{}.well-known/openid-configuration", told["issuer"].as_str().unwrap())
    );
    assert_eq!(world.get(".well-known/oauth-authorization-server").await.json(), told);
    for required in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "registration_endpoint",
        "backchannel_authentication_endpoint",
    ] {
        assert!(told[required].as_str().unwrap().starts_with("https://"), "{required}");
    }
    for list in ["scopes_supported", "response_types_supported", "subject_types_supported"] {
        assert!(told[list].as_array().is_some_and(|list| !list.is_empty()), "{list}");
    }
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(told["id_token_signing_alg_values_supported"], json!(["PS256", "ES256"]));
    assert_eq!(
        told["token_endpoint_auth_methods_supported"],
        json!(["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"])
    );
    let holds = |member: &str, value: &str| {
        told[member].as_array().is_some_and(|list| list.contains(&json!(value)))
    };
    for alg in ["PS256", "ES256"] {
        assert!(holds("token_endpoint_auth_signing_alg_values_supported", alg));
        assert!(holds("backchannel_authentication_request_signing_alg_values_supported", alg));
    }
    for mode in ["poll", "ping"] {
        assert!(holds("backchannel_token_delivery_modes_supported", mode));
    }
    assert!(holds("grant_types_supported", "urn:openid:params:grant-type:ciba"));
    assert!(told["backchannel_user_code_parameter_supported"].is_boolean());
    assert!(told["mtls_endpoint_aliases"]["backchannel_authentication_endpoint"].is_string());
    for other in ["webfinger?resource=acct:a@login.example.com", "host-meta", "openid-federation"] {
        assert_eq!(world.get(&format!(".well-known/{other}")).await.status, 404, "{other}");
    }
}
