//! A listener that asks for certificates, and clients that show one.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use server::listen::{
    Certificates, ClientCertificates, DevCa, Drain, Limits, Served, serve_connections,
    server_config,
};
use testkit::{Client, Form, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::authority::Held;

/// The World's public router behind a TLS listener; ended when dropped.
pub(crate) struct Listening {
    address: SocketAddr,
    ca: CertificateDer<'static>,
    drain: Drain,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.drain.begin();
    }
}

pub(crate) async fn listen(world: &World, clients: ClientCertificates) -> Listening {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path()).unwrap();
    let (chain, key) = ca.issue(&["localhost"]).unwrap();
    let certificates = Arc::new(Certificates::default());
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let served = Served::from_pem(chain.as_bytes(), key.as_bytes(), &provider).unwrap();
    certificates.replace(&[served]);
    let tls = server_config(certificates, clients).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, drain) = (socket.local_addr().unwrap(), Drain::default());
    let router = server::http::router(world.app());
    tokio::spawn(serve_connections(
        socket,
        Some(tls.into()),
        router,
        Limits::DEFAULT,
        drain.clone(),
    ));
    let ca = CertificateDer::from_pem_file(ca.file()).unwrap();
    Listening { address, ca, drain }
}

pub(crate) const BOTH: [&SupportedProtocolVersion; 2] =
    [&rustls::version::TLS13, &rustls::version::TLS12];

/// Shows one certificate, whether or not the key is its own.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl rustls::client::ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Listening {
    /// Posts a form as `client`, showing `held` with the key of `signer`; the status and body.
    pub(crate) async fn posts(
        &self,
        (path, client, form): (&str, &Client<'_>, Form),
        held: Option<(&Held, &Held)>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match held {
            None => builder.with_no_client_auth(),
            Some((held, signer)) => {
                let key = provider.key_provider.load_private_key(signer.key()).unwrap();
                let shown = CertifiedKey::new(held.chain.clone(), key);
                builder.with_client_cert_resolver(Arc::new(Shows(Arc::new(shown))))
            }
        };
        let socket = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
        let (form, _) = client.credentials(form);
        let body = form.encode();
        let request = format!(
            "POST /{path} HTTP/1.1\r\nHost: login.example.com\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let text = String::from_utf8(answer).unwrap();
        Ok(text.strip_prefix("HTTP/1.1 ").unwrap_or_default().to_owned())
    }

    /// Whether `client` is authenticated at all endpoints by showing `held`.
    pub(crate) async fn takes(&self, client: &Client<'_>, held: &Held) -> bool {
        let mut taken = Vec::new();
        for (path, form, authenticated) in endpoints(client) {
            let said = self.posts((path, client, form), Some((held, held)), &BOTH).await.unwrap();
            taken.push(verdict(&said, authenticated));
        }
        assert!(taken.iter().all(|one| *one == taken[0]), "{taken:?}");
        taken[0]
    }
}

/// What each endpoint answers to an authenticated client that asks for nothing useful.
pub(crate) fn endpoints(client: &Client<'_>) -> [(&'static str, Form, &'static str); 3] {
    let start = Form::new().with("scope", "openid");
    let revoke = Form::new().with("token", "unknown");
    [
        ("bc-authorize", start, "400"),
        ("oauth/token", client.polling("unknown"), "403"),
        ("oauth/revoke", revoke, "200"),
    ]
}

/// Whether an answer is that to an authenticated client; any other must be that to a wrong secret.
pub(crate) fn verdict(said: &str, authenticated: &str) -> bool {
    if said.starts_with("401") {
        assert!(said.contains(r#""error":"access_denied""#) && said.contains("Unauthorized"));
        return false;
    }
    assert!(said.starts_with(authenticated), "{said}");
    true
}

/// The certificate that a client which asks for `host` is shown, if it names that host; nobody
/// vouches for it here.
pub(crate) async fn shows(at: SocketAddr, host: &str) -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(super::stand_in::Anything(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let socket = TcpStream::connect(at).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await.ok()?;
    let shown = stream.get_ref().1.peer_certificates()?[0].to_vec();
    let read = domain::oauth::certificate::Certificate::from_der(&shown)?;
    read.dns_names().contains(&host.to_owned()).then_some(shown)
}
