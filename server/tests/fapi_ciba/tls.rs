//! F16, F38 and T30: real handshakes with a listener of a server that has a tenant of profile
//! `fapi-ciba`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::crypto::aws_lc_rs::cipher_suite as suites;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedCipherSuite};
use serde_json::json;
use server::listen::{
    Certificates, ClientCertificates, DevCa, Drain, Limits, Offered, Served, serve_connections,
};
use testkit::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

const ALLOWED: [SupportedCipherSuite; 2] =
    [suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384];
const ELSEWHERE_GOOD: [SupportedCipherSuite; 4] = [
    suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];
const NEWER: [SupportedCipherSuite; 2] =
    [suites::TLS13_AES_128_GCM_SHA256, suites::TLS13_AES_256_GCM_SHA384];

struct Listening {
    address: SocketAddr,
    ca: CertificateDer<'static>,
    drain: Drain,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.drain.begin();
    }
}

/// A listener of the server's, with an RSA certificate and, if it is to, an elliptic one before it.
async fn listen(world: &World, clients: ClientCertificates) -> Listening {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path()).unwrap();
    let (chain, key) = ca.issue_rsa(&["localhost"]).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certificates = Arc::new(Certificates::default());
    certificates.replace(&[Served::from_pem(chain.as_bytes(), key.as_bytes(), &provider).unwrap()]);
    assert!(certificates.are_rsa());
    let is_strict = Arc::clone(&world.app().narrows_tls);
    let offered = Offered::until_strict(&certificates, clients, is_strict).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, drain) = (socket.local_addr().unwrap(), Drain::default());
    let router = server::http::router(world.app());
    tokio::spawn(serve_connections(socket, Some(offered), router, Limits::DEFAULT, drain.clone()));
    Listening { address, ca: CertificateDer::from_pem_file(ca.file()).unwrap(), drain }
}

impl Listening {
    /// The version and suite of a handshake that offers these, for this host.
    async fn greets(
        &self,
        offered: &[SupportedCipherSuite],
        host: &str,
    ) -> Result<(ProtocolVersion, SupportedCipherSuite), String> {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.cipher_suites = offered.to_vec();
        let is_new = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        let versions: Vec<_> = [
            (offered.iter().any(is_new), &rustls::version::TLS13),
            (!offered.iter().all(is_new), &rustls::version::TLS12),
        ]
        .into_iter()
        .filter_map(|(is_offered, version)| is_offered.then_some(version))
        .collect();
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let socket = TcpStream::connect(self.address).await.unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let spoken = stream.get_ref().1;
        Ok((spoken.protocol_version().unwrap(), spoken.negotiated_cipher_suite().unwrap()))
    }

    /// Whether a hello of this version with these suites, by their numbers, gets a fatal alert.
    async fn alerts(&self, version: [u8; 2], offered: &[[u8; 2]]) -> bool {
        let mut body = version.to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend(u16::try_from(offered.len() * 2).unwrap().to_be_bytes());
        body.extend(offered.iter().flatten());
        body.extend([1, 0]);
        // Signatures by RSA, and the curves that every client knows.
        let extensions = [
            0, 13, 0, 8, 0, 6, 4, 1, 8, 4, 5, 1, //
            0, 10, 0, 6, 0, 4, 0, 23, 0, 29, //
            0, 11, 0, 2, 1, 0, //
        ];
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let length = u8::try_from(body.len()).unwrap();
        let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
        record.extend(body);
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(&record).await.unwrap();
        let mut answer = [0; 7];
        socket.read_exact(&mut answer).await.unwrap();
        (answer[0], answer[5]) == (21, 2)
    }
}

/// F16, T30: below TLS 1.3 the two suites and no other; TLS 1.3 where it is offered; nothing
/// older, on both listeners.
/// T2: what its probes of the resource endpoint look for: all endpoints stand behind one listener.
#[tokio::test]
async fn a_server_with_a_fapi_tenant_offers_what_fapi_allows() {
    let world = World::builder().profile("fapi-ciba").start().await;
    world.get(".well-known/openid-configuration").await;
    for clients in [ClientCertificates::Unasked, ClientCertificates::Asked] {
        let listening = listen(&world, clients).await;
        for suite in ALLOWED {
            let spoken = listening.greets(&[suite], "localhost").await.unwrap();
            assert_eq!(spoken, (ProtocolVersion::TLSv1_2, suite));
        }
        for suite in ELSEWHERE_GOOD {
            assert!(listening.greets(&[suite], "localhost").await.is_err(), "{suite:?}");
        }
        for suite in NEWER {
            let both = [ALLOWED[0], suite];
            let spoken = listening.greets(&both, "localhost").await.unwrap();
            assert_eq!(spoken, (ProtocolVersion::TLSv1_3, suite), "the newer one is preferred");
        }
        let (good, dhe, cbc, rsa, rc4) =
            ([0xc0, 0x2f], [0x00, 0x9e], [0xc0, 0x13], [0x00, 0x9c], [0x00, 0x05]);
        assert!(!listening.alerts([3, 3], &[good]).await, "the hello itself is good");
        for other in [dhe, cbc, rsa, rc4] {
            assert!(listening.alerts([3, 3], &[other]).await, "{other:?}");
        }
        for old in [[3, 0], [3, 1], [3, 2]] {
            assert!(listening.alerts(old, &[good, cbc, rsa]).await, "{old:?}");
        }
    }
}

/// F16: a client that checks whom it speaks to finds the name it asked for, and no other.
#[tokio::test]
async fn the_certificate_names_the_server() {
    let world = World::builder().profile("fapi-ciba").start().await;
    let listening = listen(&world, ClientCertificates::Unasked).await;
    assert!(listening.greets(&NEWER, "localhost").await.is_ok());
    let refused = listening.greets(&NEWER, "elsewhere.example").await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}

/// O352, F38: the listener narrows what it offers as soon as a tenant has the profile.
#[tokio::test]
async fn a_listener_narrows_when_a_tenant_takes_the_profile() {
    let world = World::new().await;
    let listening = listen(&world, ClientCertificates::Unasked).await;
    let chacha = ELSEWHERE_GOOD[0];
    assert_eq!(listening.greets(&[chacha], "localhost").await.unwrap().1, chacha);
    let body = json!({"profiles": ["auth0", "fapi-ciba"]});
    let changed = world.operator().patches("tenants/settings", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    world.get(".well-known/openid-configuration").await;
    assert!(listening.greets(&[chacha], "localhost").await.is_err());
    assert!(listening.greets(&[ALLOWED[1]], "localhost").await.is_ok());
}

/// O353: a tenant cannot take the profile where a certificate fits none of its suites.
#[tokio::test]
async fn a_tenant_cannot_take_the_profile_beside_an_elliptic_certificate() {
    let world = World::new().await;
    world.app().has_other_certificates.store(true, Ordering::Relaxed);
    let operator = world.operator();
    for (profiles, status) in
        [(json!(["auth0", "ciba"]), 200), (json!(["auth0", "fapi-ciba"]), 400)]
    {
        let changed = operator.patches("tenants/settings", &json!({"profiles": profiles})).await;
        assert_eq!(changed.status, status, "{}", changed.text());
        assert_eq!(changed.text().contains("RSA"), status == 400, "{}", changed.text());
    }
}
