//! Access tokens that are bound to a client certificate (RFC 8705 3).

use http::{Method, Request};
use serde_json::json;
use server::config::{CertificateHeaders, Config};
use testkit::{Answer, Client, Form, World};

use super::authority::{Held, params, self_signed};
use super::proxies::{PROXY, VERIFIED, posts, sent_by};
use super::x509;
use testkit::encoded;

/// A client of profile `ciba` whose tokens are bound to its certificate.
async fn bound<'w>(world: &'w World, held: &Held) -> Client<'w> {
    let methods = json!({ "self_signed_tls_client_auth": { "credentials": [x509(held)] } });
    let body = json!({
        "name": "Bound", "oidc_conformant": true, "profile": "ciba",
        "grant_types": ["urn:openid:params:grant-type:ciba"],
        "tls_client_certificate_bound_access_tokens": true,
        "client_authentication_methods": methods,
    });
    let made = world.operator().posts("clients", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    world.client_of(&made.member("client_id"), testkit::Proof::Nothing)
}

async fn shows(
    world: &World,
    client: &Client<'_>,
    (path, form): (&str, Form),
    held: &Held,
) -> Answer {
    let pem = encoded(&held.pem);
    let headers = [("client-certificate", pem.as_str()), (VERIFIED, "FAILED")];
    posts(world, PROXY, (path, client.credentials(form).0.encode()), &headers).await
}

async fn userinfo(world: &World, token: &str, held: Option<&Held>) -> Answer {
    let mut request = Request::builder()
        .method(Method::GET)
        .uri("/userinfo")
        .header("authorization", format!("Bearer {token}"));
    if let Some(held) = held {
        request =
            request.header("client-certificate", encoded(&held.pem)).header(VERIFIED, "FAILED");
    }
    sent_by(world, PROXY, request.body(String::new().into()).unwrap()).await
}

/// R1, F25: the token names the certificate, opaque or signed, and is refused with any other.
#[tokio::test]
async fn a_token_is_bound_to_the_certificate_of_the_poll() {
    let trusting = |config: &mut Config| {
        config.proxy.trusted = vec!["10.0.0.0/8".parse().unwrap()];
        config.proxy.client_certificate = CertificateHeaders::Plain;
    };
    let world = World::builder().profile("ciba").configured(trusting).start().await;
    world.phone_of("alice").is_ready().await;
    let (held, other) = (self_signed(&params("bank")), self_signed(&params("thief")));
    let client = bound(&world, &held).await;
    for audience in [None, Some("https://api.example.com/payments")] {
        let mut form = client.asking("alice");
        if let Some(audience) = audience {
            form = form.with("audience", audience);
        }
        let message = form.get("binding_message").unwrap_or_default().to_owned();
        let started = shows(&world, &client, ("bc-authorize", form), &held).await;
        let id = started.member("auth_req_id");
        world.remember(&id, &message).await;
        world.phone_of("alice").approves(&id).await;
        let answer = shows(&world, &client, ("oauth/token", client.polling(&id)), &held).await;
        assert_eq!(answer.json()["token_type"], "Bearer", "{}", answer.text());
        let token = answer.member("access_token");
        let asking = Form::new().with("token", token.as_str());
        let told = shows(&world, &client, ("oauth/introspect", asking), &held).await.json();
        let certificate = domain::oauth::certificate::Certificate::from_pem(&held.pem).unwrap();
        assert_eq!(told["cnf"], json!({ "x5t#S256": certificate.thumbprint_text() }));
        if audience.is_some() {
            assert_eq!(world.verified(&token).await.claims["cnf"], told["cnf"]);
        }
        assert_eq!(userinfo(&world, &token, Some(&held)).await.status, 200);
        for stolen in [None, Some(&other)] {
            let answer = userinfo(&world, &token, stolen).await;
            assert_eq!(answer.summary(), "401 invalid_token");
        }
    }
}
