//! O50, O52, G15: the listener itself, over a socket.

use std::sync::Arc;

use http::StatusCode;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use server::listen::{DevCa, Drain, Limits, serve_connections, server_config_from_pem};
use testkit::World;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

struct Listening {
    address: std::net::SocketAddr,
    ca: CertificateDer<'static>,
    drain: Drain,
    _folder: tempfile::TempDir,
}

/// The World's public router behind a TLS listener.
async fn listen(world: &World) -> Listening {
    let folder = tempfile::tempdir().unwrap();
    let ca = DevCa::open(folder.path()).unwrap();
    let (chain, key) = ca.issue(&["localhost"]).unwrap();
    let tls = server_config_from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
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
    Listening { address, ca, drain, _folder: folder }
}

async fn connect(
    to: &Listening,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    connect_for(to, versions, "http/1.1").await
}

async fn connect_for(
    to: &Listening,
    versions: &[&'static SupportedProtocolVersion],
    protocol: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(to.ca.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(to.address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

/// Sends bytes and reads the status of what comes back.
async fn asks(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> StatusCode {
    // The server may answer and close before all of it is sent.
    drop(stream.write_all(request).await);
    let mut answer = [0; 512];
    let length = stream.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..length]).into_owned();
    text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

const GET: &[u8] = b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// O50: TLS 1.2 and 1.3; a hello that offers TLS 1.1 gets a fatal alert.
#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_older_ones_refused() {
    let world = World::new().await;
    let listening = listen(&world).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = connect(&listening, &[version]).await.unwrap();
        let spoken = stream.get_ref().1.protocol_version();
        assert_eq!(spoken, Some(version.version));
        assert_eq!(asks(stream, GET).await, StatusCode::OK);
    }
    let mut old = TcpStream::connect(listening.address).await.unwrap();
    old.write_all(&hello_of_tls_1_1()).await.unwrap();
    let mut alert = [0; 7];
    old.read_exact(&mut alert).await.unwrap();
    assert_eq!((alert[0], alert[5]), (21, 2), "a fatal alert, not {alert:?}");
    assert!([40, 70].contains(&alert[6]), "handshake_failure or protocol_version: {alert:?}");
    listening.drain.begin();
}

/// The status of the same request in HTTP/2 (RFC 9113); one of few that has a byte of its own.
async fn asks_in_frames(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> u8 {
    let mut block = vec![0x82, 0x87, 0x41, 9];
    block.extend(b"localhost");
    block.extend([0x44, 22]);
    block.extend(b"/.well-known/jwks.json");
    let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frames.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    frames.extend([0, 0, u8::try_from(block.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    frames.extend(block);
    stream.write_all(&frames).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == 1 {
            return payload[0];
        }
    }
}

/// G15: the listener answers over TLS 1.2 and 1.3, in HTTP/1.1 and HTTP/2.
#[tokio::test]
async fn both_versions_of_http_are_spoken_over_both_versions_of_tls() {
    const STATUS_200: u8 = 0x88;
    let world = World::new().await;
    let listening = listen(&world).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = connect_for(&listening, &[version], "http/1.1").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        assert_eq!(asks(stream, GET).await, StatusCode::OK);
        let stream = connect_for(&listening, &[version], "h2").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        assert_eq!(asks_in_frames(stream).await, STATUS_200);
    }
    listening.drain.begin();
}

/// A `ClientHello` (RFC 4346) that offers TLS 1.1 and one suite.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

/// O52: too long a body, too many header bytes; and the server goes on.
#[tokio::test]
async fn what_is_too_long_is_refused_before_it_is_read() {
    let world = World::new().await;
    let listening = listen(&world).await;
    let both = [&rustls::version::TLS12, &rustls::version::TLS13];
    // A gigabyte is announced, and 70 kB of it sent: the answer does not wait for the rest.
    let mut long =
        b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            .to_vec();
    long.extend(vec![b'x'; 70_000]);
    let stream = connect(&listening, &both).await.unwrap();
    assert_eq!(asks(stream, &long).await, StatusCode::PAYLOAD_TOO_LARGE);
    let mut headers = b"GET / HTTP/1.1\r\nHost: localhost\r\n".to_vec();
    for number in 0..500 {
        headers.extend(format!("X-{number}: {}\r\n", "x".repeat(1_000)).into_bytes());
    }
    headers.extend(b"\r\n");
    let stream = connect(&listening, &both).await.unwrap();
    assert_eq!(asks(stream, &headers).await, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let stream = connect(&listening, &both).await.unwrap();
    assert_eq!(asks(stream, GET).await, StatusCode::OK);
    listening.drain.begin();
}

/// O196: a request that never ends is cut off after the limit.
#[tokio::test]
async fn a_drain_has_an_end() {
    let world = World::new().await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, drain) = (socket.local_addr().unwrap(), Drain::default());
    let limits = Limits { drain: std::time::Duration::from_millis(100), ..Limits::DEFAULT };
    let router = server::http::router(world.app());
    let serving = tokio::spawn(serve_connections(socket, None, router, limits, drain.clone()));
    let mut endless = TcpStream::connect(address).await.unwrap();
    let head = b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
    endless.write_all(head).await.unwrap();
    let other = TcpStream::connect(address).await.unwrap();
    assert_eq!(asks(other, GET).await, StatusCode::OK, "the head was read by then");
    drain.begin();
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
