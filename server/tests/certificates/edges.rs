//! W42 to W44: the proxy in front of a custom domain, which proves itself by the domain's key.

use serde_json::json;
use testkit::{Client, World, encoded};

use super::authority::{Held, params, self_signed};
use super::proxies::{STRANGER, VERIFIED, takes};
use super::{client, subject, x509};

const FAILED: &str = "FAILED:self signed certificate";

/// Claims and verifies a domain; the key of its proxy, if it has one of its own.
async fn domain(world: &World, name: &str, kind: &str) -> Option<String> {
    world.app().resolver.says(name, &["192.0.2.1".parse().unwrap()]);
    world.app().resolver.says("login.example.com", &["192.0.2.1".parse().unwrap()]);
    let body = json!({ "domain": name, "type": kind });
    let claimed = world.operator().posts("custom-domains", &body).await;
    let path = format!("custom-domains/{}/verify", claimed.member("custom_domain_id"));
    let ready = world.operator().posts(&path, &json!({})).await.json();
    assert_eq!(ready["status"], "ready", "{ready}");
    ready["cname_api_key"].as_str().map(str::to_owned)
}

/// Whether the client is taken at `host` with this key and its certificate in the headers.
async fn taken(
    world: &World,
    client: &Client<'_>,
    (host, key): (&str, Option<&str>),
    (held, verdict): (&Held, &str),
) -> bool {
    let pem = encoded(&held.pem);
    let mut headers = vec![("host", host), ("client-certificate", &pem), (VERIFIED, verdict)];
    headers.extend(key.map(|key| ("cname-api-key", key)));
    takes((world, STRANGER), client, &headers).await
}

/// W42: an authority vouches for the certificate, as the domain's proxy says.
#[tokio::test]
async fn the_proxy_of_a_custom_domain_says_that_an_authority_vouches() {
    let world = World::new().await;
    let key = domain(&world, "pay.example", "self_managed_certs").await.unwrap();
    let held = self_signed(&params("bank"));
    let named = client(&world, "tls_client_auth", &[subject("CN=bank,O=Example")]).await;
    let edge = ("pay.example", Some(key.as_str()));
    assert!(taken(&world, &named, edge, (&held, "SUCCESS")).await);
    assert!(taken(&world, &named, ("Pay.Example:443", edge.1), (&held, "SUCCESS")).await);
    assert!(!taken(&world, &named, edge, (&held, FAILED)).await, "nobody vouches");
    let other = self_signed(&params("other"));
    assert!(!taken(&world, &named, edge, (&other, "SUCCESS")).await, "another subject");
}

/// W43: a registered certificate needs nobody to vouch for it.
#[tokio::test]
async fn the_proxy_of_a_custom_domain_passes_on_a_self_signed_certificate() {
    let world = World::new().await;
    let key = domain(&world, "pay.example", "self_managed_certs").await.unwrap();
    let (held, other) = (self_signed(&params("bank")), self_signed(&params("bank")));
    let pinned = client(&world, "self_signed_tls_client_auth", &[x509(&held)]).await;
    let edge = ("pay.example", Some(key.as_str()));
    assert!(taken(&world, &pinned, edge, (&held, FAILED)).await);
    assert!(!taken(&world, &pinned, edge, (&other, FAILED)).await, "another certificate");
}

/// W44: whoever does not know the key of this very domain is not believed.
#[tokio::test]
async fn without_the_key_of_the_domain_the_headers_count_for_nothing() {
    let world = World::new().await;
    let key = domain(&world, "pay.example", "self_managed_certs").await.unwrap();
    let others = domain(&world, "shop.example", "self_managed_certs").await.unwrap();
    assert_eq!(domain(&world, "plain.example", "auth0_managed_certs").await, None);
    let held = self_signed(&params("bank"));
    let pinned = client(&world, "self_signed_tls_client_auth", &[x509(&held)]).await;
    for (host, key) in [
        ("pay.example", None),
        ("pay.example", Some("")),
        ("pay.example", Some("wrong")),
        ("pay.example", Some(others.as_str())),
        ("plain.example", Some(key.as_str())),
        ("login.example.com", Some(key.as_str())),
        ("elsewhere.example", Some(key.as_str())),
    ] {
        assert!(!taken(&world, &pinned, (host, key), (&held, "SUCCESS")).await, "{host} {key:?}");
    }
    assert!(taken(&world, &pinned, ("pay.example", Some(&key)), (&held, "SUCCESS")).await);
}
