//! Clients that register themselves, and show a certificate of their own set.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::jose::{Algorithm, PublicKey};
use serde_json::{Value, json};
use server::config::{CertificateHeaders, Config};
use server::outside::Outbound;
use testkit::push_services::Scripted;
use testkit::{Answer, Client, Form, Proof, World, client_key, encoded};

use super::authority::{Held, params, self_signed};
use super::proxies::{PROXY, VERIFIED, posts};

const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A World behind a proxy that passes certificates on, where clients may register themselves.
async fn world(is_open: bool, outbound: Option<Arc<dyn Outbound>>) -> World {
    let trusting = |config: &mut Config| {
        config.proxy.trusted = vec!["10.0.0.0/8".parse().unwrap()];
        config.proxy.client_certificate = CertificateHeaders::Plain;
    };
    let open = move |settings: &mut server::tenancy::Settings| settings.open_registration = is_open;
    let builder = World::builder().profile("fapi-ciba").configured(trusting).settings(open);
    match outbound {
        Some(outbound) => builder.outbound(outbound).start().await,
        None => builder.start().await,
    }
}

/// The key of a certificate as a set shows it, with the certificate or without.
fn jwk(held: &Held, has_certificate: bool) -> Value {
    let key = PublicKey::from_certificate(&held.chain[0]).unwrap();
    let mut jwk = key.to_jwk(Some("own"), None);
    if has_certificate {
        jwk["x5c"] = json!([STANDARD.encode(&held.chain[0])]);
    }
    jwk
}

async fn shows(world: &World, form: &Form, held: &Held) -> Answer {
    let pem = encoded(&held.pem);
    let headers = [("client-certificate", pem.as_str()), (VERIFIED, "FAILED")];
    posts(world, PROXY, ("oauth/token", form.encode()), &headers).await
}

async fn registers(world: &World, token: Option<&str>, metadata: &Value) -> Value {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let answer = world.post_json("oidc/register", metadata, &headers).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// R16: as certification registers: empty `response_types`, `jwks` in place, a certificate of its
/// own or PS256, bound tokens, with and without an initial access token; read, changed, deleted.
#[tokio::test]
async fn a_client_registers_as_certification_does() {
    let (held, other) = (self_signed(&params("bank")), self_signed(&params("thief")));
    let rsa = client_key();
    for is_open in [true, false] {
        let world = world(is_open, None).await;
        let made = world.operator().posts("initial-access-tokens", &json!({"uses": 9})).await;
        let token = (!is_open).then(|| made.member("token"));
        let metadata = |method: &str, keys: Value| {
            json!({
                "client_name": "Certified", "grant_types": [CIBA, "refresh_token"],
                "response_types": [], "redirect_uris": [],
                "token_endpoint_auth_method": method, "jwks": { "keys": keys },
                "backchannel_token_delivery_mode": "poll",
                "backchannel_authentication_request_signing_alg": "PS256",
                "id_token_signed_response_alg": "PS256",
                "tls_client_certificate_bound_access_tokens": true,
            })
        };
        for has_certificate in [true, false] {
            let keys = json!([jwk(&held, has_certificate)]);
            let metadata = metadata("self_signed_tls_client_auth", keys);
            let told = registers(&world, token.as_deref(), &metadata).await;
            for (name, value) in metadata.as_object().unwrap() {
                assert_eq!(&told[name], value, "{name}");
            }
            let id = told["client_id"].as_str().unwrap();
            let client = world.client_of(id, Proof::Nothing);
            let poll = client.credentials(client.polling("unknown")).0;
            assert_eq!(shows(&world, &poll, &held).await.summary(), "400 invalid_grant");
            assert_eq!(shows(&world, &poll, &other).await.summary(), "401 invalid_client");
        }
        let keys = json!([rsa.public().to_jwk(Some("rsa"), Some(Algorithm::Ps256))]);
        let mut metadata = metadata("private_key_jwt", keys);
        metadata["token_endpoint_auth_signing_alg"] = "PS256".into();
        let told = registers(&world, token.as_deref(), &metadata).await;
        let id = told["client_id"].as_str().unwrap();
        let client = world.client_of(id, Proof::Nothing);
        let jwt = Client::assertion_by(&rsa, Algorithm::Ps256, &client.assertion_claims(), None);
        let poll = client.with_assertion(client.polling("unknown"), jwt);
        assert_eq!(shows(&world, &poll, &held).await.summary(), "400 invalid_grant");
        let bearer = format!("Bearer {}", told["registration_access_token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let path = format!("oidc/register/{id}");
        metadata["client_id"] = id.into();
        metadata["client_name"] = "Renamed".into();
        let body = metadata.to_string();
        let changed = world.request(http::Method::PUT, &path, &headers, body).await;
        assert_eq!(changed.member("client_name"), "Renamed");
        let read = world.request(http::Method::GET, &path, &headers, "").await;
        assert_eq!(read.json(), changed.json());
        let gone = world.request(http::Method::DELETE, &path, &headers, "").await;
        assert_eq!(gone.status, 204);
    }
}

/// Of RFC 8705 2.2.2: the certificate's key may be at `jwks_uri`; a certificate that the set gives
/// must be the very one.
#[tokio::test]
async fn a_certificate_may_be_in_a_set_elsewhere() {
    let script = Arc::new(Scripted::new());
    let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
    let world = world(true, Some(outbound)).await;
    let (held, other) = (self_signed(&params("bank")), self_signed(&params("thief")));
    let metadata = json!({
        "client_name": "Elsewhere", "grant_types": [CIBA],
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks_uri": "https://bank.example.com/keys", "backchannel_token_delivery_mode": "poll",
    });
    let told = registers(&world, None, &metadata).await;
    let client = world.client_of(told["client_id"].as_str().unwrap(), Proof::Nothing);
    let poll = client.credentials(client.polling("unknown")).0;
    script.then(200, &json!({ "keys": [jwk(&held, true)] }));
    assert_eq!(shows(&world, &poll, &held).await.summary(), "400 invalid_grant");
    assert_eq!(shows(&world, &poll, &other).await.summary(), "401 invalid_client");
    // another certificate of the same key, and a set whose certificate is of another key
    world.advance_seconds(3_600);
    let mut wrong = jwk(&held, true);
    wrong["x5c"] = jwk(&other, true)["x5c"].clone();
    script.then(200, &json!({ "keys": [wrong] }));
    assert_eq!(shows(&world, &poll, &held).await.summary(), "401 invalid_client");
    assert_eq!(script.calls().len(), 2);
}

/// Of RFC 8705 2.1.2: the subject of certificates can be registered by name.
#[tokio::test]
async fn a_subject_may_be_registered() {
    let world = world(true, None).await;
    let held = self_signed(&params("bank"));
    let metadata = json!({
        "client_name": "Named", "grant_types": [CIBA], "backchannel_token_delivery_mode": "poll",
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": "CN=bank,O=Example", "use_mtls_endpoint_aliases": true,
    });
    let told = registers(&world, None, &metadata).await;
    assert_eq!(told["use_mtls_endpoint_aliases"], true);
    let client = world.client_of(told["client_id"].as_str().unwrap(), Proof::Nothing);
    let poll = client.credentials(client.polling("unknown")).0;
    let pem = encoded(&held.pem);
    for (verdict, expected) in [("SUCCESS", "400 invalid_grant"), ("FAILED", "401 invalid_client")]
    {
        let headers = [("client-certificate", pem.as_str()), (VERIFIED, verdict)];
        let answer = posts(&world, PROXY, ("oauth/token", poll.encode()), &headers).await;
        assert_eq!(answer.summary(), expected);
    }
}
