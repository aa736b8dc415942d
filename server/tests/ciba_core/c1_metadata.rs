//! C1 to C6: provider metadata.

use serde_json::{Value, json};
use testkit::{Form, World};

use super::world;

async fn metadata(world: &World) -> Value {
    world.get(".well-known/openid-configuration").await.json()
}

/// C1, C4: where requests go, how results come, and the grant that fetches them.
#[tokio::test]
async fn the_endpoint_the_modes_and_the_grant_are_told() {
    let world = world().await;
    let metadata = metadata(&world).await;
    assert_eq!(metadata["backchannel_authentication_endpoint"], world.url("bc-authorize"));
    let modes = metadata["backchannel_token_delivery_modes_supported"].as_array().unwrap();
    assert!(modes.contains(&json!("poll")), "{modes:?}");
    for mode in modes {
        assert!(["poll", "ping", "push"].contains(&mode.as_str().unwrap()), "{mode}");
    }
    let grants = metadata["grant_types_supported"].as_array().unwrap();
    assert!(grants.contains(&json!("urn:openid:params:grant-type:ciba")), "{grants:?}");
}

/// C2: which algorithms a request may be signed with; nothing where no request may be signed.
#[tokio::test]
async fn the_algorithms_of_signed_requests_are_told() {
    let member = "backchannel_authentication_request_signing_alg_values_supported";
    let algorithms = metadata(&world().await).await[member].clone();
    assert_eq!(algorithms, json!(["PS256", "ES256", "Ed25519", "EdDSA"]));
    assert_eq!(metadata(&World::new().await).await.get(member), None);
}

/// C5, C12: no authentication metadata of its own: both endpoints take what the token endpoint's
/// says.
#[tokio::test]
async fn both_endpoints_take_the_same_authentication() {
    let world = world().await;
    let metadata = metadata(&world).await;
    for member in metadata.as_object().unwrap().keys() {
        assert!(!member.starts_with("backchannel_authentication_endpoint_auth"), "{member}");
    }
    let by_secret = world.client();
    let by_key =
        world.registers("Keyed", json!({"token_endpoint_auth_method": "private_key_jwt"})).await;
    let basic = by_secret.proving(testkit::Proof::Basic(by_secret.secret().to_owned()));
    for (method, client) in [
        ("client_secret_post", &by_secret),
        ("client_secret_basic", &basic),
        ("private_key_jwt", &by_key),
    ] {
        let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&json!(method)), "{method}");
        let started = client.posts("bc-authorize", Form::new()).await;
        assert_eq!(started.summary(), "400 invalid_request", "{method}");
        assert_eq!(client.polls("unknown").await, "400 invalid_grant", "{method}");
    }
    // registered for one method, authenticated by no other
    let secret = testkit::Proof::Secret(String::from("secret-of-Keyed"));
    let other = by_key.proving(secret);
    assert_eq!(other.posts("bc-authorize", Form::new()).await.summary(), "401 invalid_client");
    assert_eq!(other.polls("unknown").await, "401 invalid_client");
    let assertion = testkit::Proof::Assertion(testkit::client_key());
    let other = by_secret.proving(assertion);
    assert_eq!(other.posts("bc-authorize", Form::new()).await.summary(), "401 invalid_client");
    assert_eq!(other.polls("unknown").await, "401 invalid_client");
}
