//! N6, N15, C82: pushes and pings to endpoints that are not what they should be.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use server::listen::DevCa;
use server::outside::{Allowed, Clock, Outbound, Window};
use testkit::push_services::{PushServices, Reply};
use testkit::{World, p256_key};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{NOTIFICATION_TOKEN, asks_with, bodies, logged, notified, works};

/// A World that calls its clients over real sockets of this machine, trusting this authority.
async fn calling(ca_file: &Path, mode: &str, endpoint: &str) -> World {
    let allowed = vec![Allowed::parse("localhost").unwrap()];
    let outbound: Arc<dyn Outbound> = Arc::new(Window::open(allowed, ca_file).unwrap());
    let world = World::builder().profile("ciba").outbound(outbound).start().await;
    let members = json!({
        "backchannel_token_delivery_mode": mode,
        "backchannel_client_notification_endpoint": endpoint,
    });
    drop(world.registers("shop", members).await);
    world
}

/// N6: a push is not sent where a redirect points, and what it carried is revoked.
#[tokio::test]
async fn a_push_does_not_follow_a_redirect() {
    let services = PushServices::start(Clock::system).await;
    let elsewhere = format!("{}elsewhere", services.fcm.url());
    services.apns.replies("shop", Reply::Redirect(elsewhere));
    let endpoint = format!("{}3/device/shop", services.apns.url());
    let world = calling(&services.ca_file(), "push", &endpoint).await;
    let id = asks_with(&world, "alice", |form| form.with("scope", "openid offline_access")).await;
    world.phone_of("alice").approves(&id).await;
    works(&world, 5).await;
    assert_eq!((services.apns.connections(), services.fcm.connections()), (1, 0));
    let failed = logged(&world, "ciba_notification_failed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["details"]["error"]["message"], "status 307");
    assert_eq!(logged(&world, "ciba_exchange_succeeded").await.len(), 1, "they were minted");
    let living = world.operator().gets("users/auth0%7Calice/refresh-tokens").await;
    assert_eq!((living.status, &living.json()["tokens"]), (200, &json!([])));
}

/// What a TLS endpoint with a certificate for `name` was sent after its handshake.
async fn endpoint(ca: &DevCa, name: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let (chain, key) = ca.issue(&[name]).unwrap();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/cb", socket.local_addr().unwrap().port());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (acceptor, kept) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&sent));
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut bytes = vec![0; 16 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                kept.lock().unwrap().extend_from_slice(&bytes[..read]);
                if bytes[..read].ends_with(b"}") {
                    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                }
            }
        }
    });
    (url, sent)
}

/// N15, R18: a certificate that nobody vouches for, or of another name, is sent nothing at all, the
/// bearer least; the right one is.
#[tokio::test]
async fn an_endpoint_without_its_certificate_is_sent_no_bearer() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ours = DevCa::open(folder.path()).unwrap();
    let strangers = DevCa::open(other.path()).unwrap();
    for mode in ["ping", "push"] {
        for (ca, name, is_told) in [
            (&strangers, "localhost", false),
            (&ours, "shop.example.com", false),
            (&ours, "localhost", true),
        ] {
            let (url, sent) = endpoint(ca, name).await;
            let world = calling(ours.file(), mode, &url).await;
            let brief = |form: testkit::Form| form.with("requested_expiry", "1");
            let id = asks_with(&world, "alice", brief).await;
            world.phone_of("alice").approves(&id).await;
            world.run_worker().await;
            let text = String::from_utf8(sent.lock().unwrap().clone()).unwrap();
            assert_eq!(text.contains(NOTIFICATION_TOKEN), is_told, "{mode} {name}: {text}");
            assert_eq!(text.is_empty(), !is_told, "{mode} {name}: {text}");
            let failed = logged(&world, "ciba_notification_failed").await;
            assert_eq!(failed.is_empty(), is_told, "{mode} {name}: {failed:?}");
        }
    }
}

/// C82, A18: pushed tokens name each other and their request, and are bound to the client's key:
/// who intercepts them has nothing, and who swaps one is noticed.
#[tokio::test]
async fn pushed_tokens_hold_each_other() {
    let (world, script) = notified("push", json!({"dpop_bound_access_tokens": true})).await;
    for _ in 0..2 {
        script.then(204, &Value::Null);
    }
    let (client, key) = (world.registered("shop"), p256_key());
    world.phone_of("alice").is_ready().await;
    let client = client.bound_to(&key);
    for _ in 0..2 {
        let form = client.asking("alice").with("client_notification_token", NOTIFICATION_TOKEN);
        let form = form.with("scope", "openid offline_access");
        let id = client.starts(form).await.member("auth_req_id");
        world.phone_of("alice").approves(&id).await;
        works(&world, 2).await;
    }
    let all = bodies(&script);
    let mut bound = std::collections::BTreeSet::new();
    for body in &all {
        assert_eq!(body["token_type"], "DPoP");
        let token = world.verified(body["id_token"].as_str().unwrap()).await;
        let request = "urn:openid:params:jwt:claim:auth_req_id";
        assert_eq!(token.claims[request], body["auth_req_id"]);
        for name in ["at_hash", request, "urn:openid:params:jwt:claim:rt_hash"] {
            assert!(bound.insert(token.claims[name].as_str().unwrap().to_owned()), "{name}");
        }
        let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let stolen = world.request(http::Method::GET, "userinfo", &headers, "").await;
        assert_eq!(stolen.status, 401, "without the key it is worth nothing");
    }
    assert_eq!(bound.len(), 6);
}
