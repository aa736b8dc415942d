//! What a full TLS 1.3 handshake with an ES256 certificate costs our listener, beside rustls alone
//! behind the smallest accept loop. CPU time of the server's thread; the client has a thread of its
//! own. `cargo run --release -p server --example handshake`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for measuring: it stops where something is wrong"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;

use axum::Router;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use server::listen::{
    Certificates, ClientCertificates, DevCa, Drain, Limits, Served, serve_connections,
    server_config,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Handshakes of one measurement.
const HANDSHAKES: u32 = 2_000;
/// Measurements of each, in turn.
const ROUNDS: usize = 7;

/// Which server.
#[derive(Clone, Copy)]
enum Which {
    Ours,
    RustlsAlone,
}

/// A server on a thread of its own: where it is, and the file that tells its CPU time.
struct Running {
    address: SocketAddr,
    times: String,
}

impl Running {
    fn start(which: Which, chain: String, key: String) -> Self {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let link = std::fs::read_link("/proc/thread-self").unwrap();
            let times = format!("/proc/{}/schedstat", link.display());
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(Self { address: socket.local_addr().unwrap(), times }).unwrap();
                match which {
                    Which::Ours => ours(socket, &chain, &key).await,
                    Which::RustlsAlone => rustls_alone(socket, &chain, &key).await,
                }
            });
        });
        told.recv().unwrap()
    }

    /// Nanoseconds on a CPU so far.
    fn spent(&self) -> u64 {
        let text = std::fs::read_to_string(&self.times).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

async fn ours(socket: TcpListener, chain: &str, key: &str) {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certificates = Arc::new(Certificates::default());
    let served = Served::from_pem(chain.as_bytes(), key.as_bytes(), &provider).unwrap();
    certificates.replace(&[served]);
    let tls = server_config(certificates, ClientCertificates::Unasked).unwrap();
    let router = Router::new();
    serve_connections(socket, Some(tls.into()), router, Limits::DEFAULT, Drain::default()).await;
}

async fn rustls_alone(socket: TcpListener, chain: &str, key: &str) {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (stream, _) = socket.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move { drop(acceptor.accept(stream).await) });
    }
}

/// One after another, each a full handshake; µs of the server's CPU for one.
fn measure(running: &Running, connector: &TlsConnector) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let before = running.spent();
    runtime.block_on(async {
        for _ in 0..HANDSHAKES {
            let socket = TcpStream::connect(running.address).await.unwrap();
            let stream = connector.connect(name.clone(), socket).await.unwrap();
            let kind = stream.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(rustls::HandshakeKind::Full));
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a minute at most")]
    let spent = (running.spent() - before) as f64;
    spent / 1000.0 / f64::from(HANDSHAKES)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    let folder = std::env::temp_dir().join(format!("handshake-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let ca = DevCa::open(&folder).unwrap();
    let (chain, key) = ca.issue(&["localhost"]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca.file()).unwrap()).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let ours = Running::start(Which::Ours, chain.clone(), key.clone());
    let alone = Running::start(Which::RustlsAlone, chain, key);
    let (mut of_ours, mut of_alone) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (a, b) = (measure(&ours, &connector), measure(&alone, &connector));
        // The first round warms both up.
        if round > 0 {
            println!("round {round}: ours {a:.1} µs, rustls alone {b:.1} µs, {:.3}", a / b);
            of_ours.push(a);
            of_alone.push(b);
        }
    }
    let (a, b) = (median(of_ours), median(of_alone));
    println!("median: ours {a:.1} µs, rustls alone {b:.1} µs, ratio {:.3}", a / b);
}
