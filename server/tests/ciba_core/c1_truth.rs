//! C6, N64: what the metadata say is so, and what they do not say is refused, for each profile.

use std::sync::Arc;

use domain::ciba::profile::Profile;
use domain::jose::{Algorithm, KeyType, SigningKey};
use serde_json::{Value, json};
use testkit::{Client, Form, Proof, World, client_key, p256_key};

const SIGNING: &str = "backchannel_authentication_request_signing_alg";

async fn metadata(world: &World) -> Value {
    world.get(".well-known/openid-configuration").await.json()
}

pub(super) fn lists(metadata: &Value, member: &str, value: &str) -> bool {
    metadata[member].as_array().is_some_and(|list| list.contains(&json!(value)))
}

/// A World whose tenant has this profile and no other.
async fn world_of(profile: Profile) -> World {
    let only = move |settings: &mut server::tenancy::Settings| {
        settings.profiles = vec![profile.as_str().to_owned()];
    };
    World::builder().profile(profile.as_str()).settings(only).start().await
}

pub(super) fn key_for(algorithm: Algorithm) -> Arc<SigningKey> {
    match algorithm.key_type() {
        KeyType::Rsa => client_key(),
        KeyType::P256 => p256_key(),
        kind @ (KeyType::P384 | KeyType::Ed25519) => Arc::new(SigningKey::generate(kind).unwrap()),
    }
}

async fn makes(world: &World, mut body: Value) -> u16 {
    body["name"] = json!("Tried");
    world.operator().posts("clients", &body).await.status
}

/// Of C6: algorithms of signed requests and ID tokens, and delivery modes, can be registered exactly
/// where they are told.
#[tokio::test]
async fn what_can_be_registered_is_what_is_told() {
    for profile in Profile::ALL {
        let world = world_of(profile).await;
        let metadata = metadata(&world).await;
        let names = ["none", "HS256", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"];
        for name in names {
            let member = "backchannel_authentication_request_signing_alg_values_supported";
            let is_made = makes(&world, json!({ SIGNING: name })).await == 201;
            // Where requests are not signed at all, the member is kept and means nothing.
            if metadata.get(member).is_some() {
                assert_eq!(is_made, lists(&metadata, member, name), "{profile} requests {name}");
            }
            let body = json!({"jwt_configuration": {"alg": name}});
            let is_told = lists(&metadata, "id_token_signing_alg_values_supported", name);
            assert_eq!(makes(&world, body).await == 201, is_told, "{profile} tokens {name}");
        }
        for mode in ["poll", "ping", "push", "carrier-pigeon"] {
            let body = json!({
                "backchannel_token_delivery_mode": mode,
                "backchannel_client_notification_endpoint": "https://rp.example/told",
                "grant_types": ["urn:openid:params:grant-type:ciba"],
            });
            let is_told = lists(&metadata, "backchannel_token_delivery_modes_supported", mode);
            assert_eq!(makes(&world, body).await == 201, is_told, "{profile} {mode}");
        }
    }
}

/// Of C6: assertions by every kind of key, and secrets, are taken exactly where that is told.
#[tokio::test]
async fn who_can_authenticate_is_told() {
    for profile in Profile::ALL {
        let world = world_of(profile).await;
        let metadata = metadata(&world).await;
        let methods = "token_endpoint_auth_methods_supported";
        let by_secret = world.client();
        let basic = by_secret.proving(Proof::Basic(by_secret.secret().to_owned()));
        for (method, client) in
            [("client_secret_post", &by_secret), ("client_secret_basic", &basic)]
        {
            let is_taken = client.posts("bc-authorize", Form::new()).await.status == 400;
            assert_eq!(is_taken, lists(&metadata, methods, method), "{profile} {method}");
        }
        let member = "token_endpoint_auth_signing_alg_values_supported";
        for kind in [KeyType::Rsa, KeyType::P256, KeyType::P384, KeyType::Ed25519] {
            let algorithm = kind.default_algorithm();
            let key = key_for(algorithm);
            let name = format!("By {}", algorithm.name());
            let client = world.registers_with_key(&name, Arc::clone(&key), json!({})).await;
            let assertion = Client::assertion(&key, &client.assertion_claims(), None);
            let form = client.with_assertion(Form::new(), assertion);
            let answer = world.post_form("bc-authorize", &form, &[]).await;
            let is_told = lists(&metadata, member, algorithm.name());
            assert_eq!(answer.status == 400, is_told, "{profile} {}", algorithm.name());
        }
        assert!(lists(&metadata, methods, "private_key_jwt"));
        for never in ["none", "HS256", "HS512"] {
            assert!(!lists(&metadata, member, never), "{profile} {never}");
        }
    }
}
