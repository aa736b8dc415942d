//! In the headers of a proxy that is trusted, and of one that is not.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use device_protocol::guardian::resolve::Decision;
use http::Request;
use server::config::{CertificateHeaders, Config, ForwardedHeaders};
use store::log_events::{self, LogPage};
use store::{Written, tenants};
use testkit::{Answer, Client, World, encoded};

use super::authority::{Authority, Held, params, self_signed};
use super::connection::{endpoints, verdict};
use super::{client, subject, x509};

pub(super) const PROXY: &str = "10.1.2.3:40000";
pub(super) const STRANGER: &str = "192.0.2.9:40000";

async fn world(change: impl FnOnce(&mut Config)) -> World {
    let trusting = |config: &mut Config| {
        config.proxy.trusted = vec!["10.0.0.0/8".parse().unwrap()];
        change(config);
    };
    World::builder().configured(trusting).start().await
}

/// Posts a form through a peer that adds these headers.
pub(super) async fn posts(
    world: &World,
    peer: &str,
    (path, body): (&str, String),
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::post(format!("/{path}"))
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    sent_by(world, peer, request.body(body.into()).unwrap()).await
}

/// Sends a request as this peer does.
pub(super) async fn sent_by(world: &World, peer: &str, mut request: Request<Body>) -> Answer {
    request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    world.send(request).await
}

/// Whether `client` is authenticated at all endpoints with these headers.
pub(super) async fn takes(
    (world, peer): (&World, &str),
    client: &Client<'_>,
    headers: &[(&str, &str)],
) -> bool {
    let mut taken = Vec::new();
    for (path, form, authenticated) in endpoints(client) {
        let body = client.credentials(form).0.encode();
        let answer = posts(world, peer, (path, body), headers).await;
        taken.push(verdict(&format!("{} {}", answer.status, answer.text()), authenticated));
    }
    assert!(taken.iter().all(|one| *one == taken[0]), "{taken:?}");
    taken[0]
}

pub(super) const VERIFIED: &str = "client-certificate-ca-verified";

/// O187: as Auth0 documents them, and as nginx writes them.
#[tokio::test]
async fn a_trusted_proxy_passes_certificates_on_and_says_what_it_thinks_of_them() {
    let world = world(|config| config.proxy.client_certificate = CertificateHeaders::Plain).await;
    let held = self_signed(&params("bank"));
    let pinned = client(&world, "self_signed_tls_client_auth", &[x509(&held)]).await;
    let named = client(&world, "tls_client_auth", &[subject("CN=bank,O=Example")]).await;
    let pem = encoded(&held.pem);
    let with = |verified| [("client-certificate", pem.as_str()), (VERIFIED, verified)];
    let proxy = (&world, PROXY);
    assert!(takes(proxy, &named, &with("SUCCESS")).await);
    assert!(takes(proxy, &pinned, &with("SUCCESS")).await);
    for failed in ["FAILED", "FAILED:self signed certificate"] {
        assert!(takes(proxy, &pinned, &with(failed)).await, "{failed}");
        assert!(!takes(proxy, &named, &with(failed)).await, "{failed}");
    }
    assert!(!takes(proxy, &pinned, &with("NONE")).await);
    assert!(!takes(proxy, &pinned, &[("client-certificate", &pem)]).await, "no verdict");
}

/// W45: too long, or more than one.
#[tokio::test]
async fn only_the_first_certificate_of_at_most_4096_bytes_is_read() {
    let world = world(|config| config.proxy.client_certificate = CertificateHeaders::Plain).await;
    let (held, other) = (self_signed(&params("bank")), self_signed(&params("other")));
    let bank = client(&world, "self_signed_tls_client_auth", &[x509(&held)]).await;
    let proxy = (&world, PROXY);
    let with = async |pem: &str| {
        takes(proxy, &bank, &[("client-certificate", pem), (VERIFIED, "FAILED")]).await
    };
    let (first, second) = (encoded(&held.pem), encoded(&other.pem));
    assert!(with(&format!("{first}{second}")).await, "the first is the client's");
    assert!(!with(&format!("{second}{first}")).await, "the second is not read");
    let padding = "%0A".repeat((4096 - first.len()) / 3);
    assert!(with(&format!("{first}{padding}")).await, "4096 bytes or a few less");
    assert!(!with(&format!("{first}{padding}%0A%0A")).await, "more");
}

fn item(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

fn rfc9440(held: &Held) -> (String, String) {
    let mut ders = held.chain.iter().map(|der| item(der));
    let first = ders.next().unwrap();
    (first, ders.collect::<Vec<_>>().join(", "))
}

/// O188: RFC 9440 tells the chain and no verdict, so that we judge.
#[tokio::test]
async fn certificates_in_rfc_9440_headers_are_judged_by_us() {
    let world = world(|config| config.proxy.client_certificate = CertificateHeaders::Rfc9440).await;
    let root = Authority::root("root");
    world.app().client_roots.replace(root.pem().as_bytes()).unwrap();
    let held = root.below("between").vouches_for(&params("bank"));
    let named = client(&world, "tls_client_auth", &[subject("CN=bank,O=Example")]).await;
    let (first, chain) = rfc9440(&held);
    let proxy = (&world, PROXY);
    let both = [("client-cert", first.as_str()), ("client-cert-chain", chain.as_str())];
    assert!(takes(proxy, &named, &both).await);
    assert!(!takes(proxy, &named, &both[..1]).await, "without its chain");
    let own = self_signed(&params("bank"));
    let pinned = client(&world, "self_signed_tls_client_auth", &[x509(&own)]).await;
    assert!(takes(proxy, &pinned, &[("client-cert", &rfc9440(&own).0)]).await);
    assert!(!takes(proxy, &named, &[("client-cert", &rfc9440(&own).0)]).await, "self-signed");
    let twelve = [chain.as_str(); 12].join(", ");
    let long = [("client-cert", first.as_str()), ("client-cert-chain", twelve.as_str())];
    assert!(!takes(proxy, &named, &long).await, "too long a chain");
}

/// O189: strangers, forgeries and broken headers.
#[tokio::test]
async fn headers_that_nobody_vouches_for_count_for_nothing() {
    let plain = world(|config| config.proxy.client_certificate = CertificateHeaders::Plain).await;
    let held = self_signed(&params("bank"));
    let pinned = client(&plain, "self_signed_tls_client_auth", &[x509(&held)]).await;
    let pem = encoded(&held.pem);
    let good = [("client-certificate", pem.as_str()), (VERIFIED, "SUCCESS")];
    assert!(takes((&plain, PROXY), &pinned, &good).await);
    assert!(!takes((&plain, STRANGER), &pinned, &good).await, "not from a trusted peer");
    let (der, _) = rfc9440(&held);
    assert!(!takes((&plain, PROXY), &pinned, &[("client-cert", &der)]).await, "other headers");
    let twice = [good[0], good[0], good[1]];
    assert!(!takes((&plain, PROXY), &pinned, &twice).await, "twice");
    for broken in ["", "%", "%FF", "-----BEGIN%20CERTIFICATE-----", "nonsense"] {
        let headers = [("client-certificate", broken), good[1]];
        assert!(!takes((&plain, PROXY), &pinned, &headers).await, "{broken}");
    }
    let none = world(|_| ()).await;
    let pinned = client(&none, "self_signed_tls_client_auth", &[x509(&held)]).await;
    assert!(!takes((&none, PROXY), &pinned, &good).await, "none are configured");
    let rfc = world(|config| config.proxy.client_certificate = CertificateHeaders::Rfc9440).await;
    let pinned = client(&rfc, "self_signed_tls_client_auth", &[x509(&held)]).await;
    for broken in ["", ":", "::", ":AAAA:", "AAAA", ":A A:"] {
        assert!(!takes((&rfc, PROXY), &pinned, &[("client-cert", broken)]).await, "{broken}");
    }
}

/// The address that the log has of a refused start.
async fn logged(world: &World, peer: &str, headers: &[(&str, &str)]) -> String {
    world.advance_seconds(1);
    let bank = world.client();
    let body = bank.credentials(bank.asking("nobody")).0.encode();
    assert_ne!(posts(world, peer, ("bc-authorize", body), headers).await.status, 200);
    let (app, page) = (world.app(), LogPage { limit: 1, offset: 0, newest_first: true });
    let newest = log_events::list(&app.database, world.tenant_id(), page).await.unwrap();
    newest[0].document["ip"].as_str().unwrap().to_owned()
}

/// O190: who asked, as trusted proxies tell it.
#[tokio::test]
async fn the_clients_address_is_the_nearest_that_is_no_proxy_of_ours() {
    let world = world(|_| ()).await;
    let through =
        async |peer, header: &str| logged(&world, peer, &[("x-forwarded-for", header)]).await;
    assert_eq!(through(PROXY, "203.0.113.7").await, "203.0.113.7");
    assert_eq!(through(PROXY, "1.2.3.4, 203.0.113.7, 10.9.9.9").await, "203.0.113.7", "forged");
    assert_eq!(through(PROXY, "[2001:db8::7]:443").await, "2001:db8::7");
    assert_eq!(through(PROXY, "nonsense").await, "10.1.2.3");
    assert_eq!(through(STRANGER, "203.0.113.7").await, "192.0.2.9", "hearsay");
    let forwarded = [("forwarded", "for=203.0.113.8")];
    assert_eq!(logged(&world, PROXY, &forwarded).await, "10.1.2.3", "not configured");
    let rfc = self::world(|config| config.proxy.headers = ForwardedHeaders::Forwarded).await;
    let forwarded =
        [("forwarded", "for=1.2.3.4, for=\"[2001:db8::8]:443\";proto=https, for=10.0.0.1")];
    assert_eq!(logged(&rfc, PROXY, &forwarded).await, "2001:db8::8");
}

/// O190: the host that was asked for, as trusted proxies tell it.
#[tokio::test]
async fn a_trusted_proxy_names_the_host() {
    let world = world(|_| ()).await;
    let acme = world.second_tenant("acme").await;
    let host = tenants::add_host(acme.tenant_id(), "login.acme.example");
    assert_eq!(world.app().database.run(host).await, Ok(Written::Done));
    let issuer = async |peer: &str, name: &str| {
        let mut request = Request::get("/.well-known/openid-configuration")
            .header(name, "login.acme.example")
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        world.send(request).await.member("issuer")
    };
    let own = "https://login.acme.example/";
    assert_eq!(issuer(PROXY, "x-forwarded-host").await, own);
    assert_eq!(issuer(STRANGER, "x-forwarded-host").await, world.issuer(), "hearsay");
    assert_eq!(issuer(PROXY, "x-original-host").await, world.issuer());
}

/// W288: every entry of a request says who, where, through which SDK and with which certificate.
#[tokio::test]
async fn every_entry_of_a_request_says_with_which_certificate_it_came() {
    let world = world(|config| config.proxy.client_certificate = CertificateHeaders::Plain).await;
    world.phone_of("alice").is_ready().await;
    let held = self_signed(&params("bank"));
    let client = client(&world, "self_signed_tls_client_auth", &[x509(&held)]).await;
    let pem = encoded(&held.pem);
    let sdk = "eyJuYW1lIjoiYXV0aDAtcHl0aG9uIiwidmVyc2lvbiI6IjYuOC4wIn0";
    let headers =
        [("client-certificate", pem.as_str()), (VERIFIED, "SUCCESS"), ("auth0-client", sdk)];
    let send = async |path: &str, form: testkit::Form| {
        let body = client.credentials(form).0.encode();
        posts(&world, PROXY, (path, body), &headers).await
    };
    let form = client.asking("alice");
    let message = form.get("binding_message").unwrap().to_owned();
    let started = send("bc-authorize", form).await;
    assert_eq!(started.status, 200, "{}", started.text());
    assert_eq!(send("bc-authorize", client.asking("nobody")).await.status, 400);
    world.run_worker().await;
    let phone = world.phone_of("alice");
    for push in phone.pushes().await {
        let consent = phone.reads(&push).await.json();
        assert_eq!(consent["requested_details"]["binding_message"], message.as_str());
        assert_eq!(phone.answers(&push, Decision::Accepted).await.status, 204);
    }
    let id = started.member("auth_req_id");
    for status in [200, 403] {
        assert_eq!(send("oauth/token", client.polling(&id)).await.status, status);
    }
    let log = world.operator().gets("logs?per_page=100").await.json();
    let told: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["type"].as_str().unwrap().starts_with("ciba_"))
        .collect();
    assert_eq!(told.len(), 4, "a start, a refused one, tokens, a refused exchange: {log}");
    for entry in told {
        for member in ["client_name", "description", "hostname", "ip", "log_id"] {
            assert!(entry[member].is_string(), "{member}: {entry}");
        }
        assert!(entry["details"].is_object(), "{entry}");
        assert_eq!(entry["client_name"], "Certified");
        assert_eq!(entry["auth0_client"]["name"], "auth0-python");
        assert_eq!(
            entry["mtls_thumbprint_sha256"],
            super::listener::thumbprint(&held).as_str(),
            "{entry}"
        );
    }
}
