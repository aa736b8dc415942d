//! What both stand-ins share: TLS, HTTP/2, and ways to misbehave.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use server::listen::DevCa;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// The authority behind the client certificates of `testkit/push`.
const CLIENT_CA: &str = include_str!("../../push/apns-client-ca.pem");

/// What a stand-in does with a push to one device token.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Judges it as the real service would.
    Judge,
    /// Answers this status and code, with headers.
    Refuse(u16, &'static str, Vec<(&'static str, String)>),
    /// Never answers.
    Hang,
    /// Closes the connection.
    Close,
    /// Answers this status with a megabyte of body.
    Megabyte(u16),
    /// Asks the client to leave the connection, and does not answer.
    GoAway,
    /// Answers a redirect to another address.
    Redirect(String),
}

/// A push that a stand-in took.
#[derive(Clone, Debug)]
pub struct Received {
    /// The device token.
    pub token: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON.
    pub body: serde_json::Value,
    /// The body as it came.
    pub raw: Bytes,
    /// Over which connection it came.
    pub connection: usize,
}

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) connection: usize,
    pub(super) certificate: Option<Vec<u8>>,
}

/// What is to be done with a request.
pub(super) enum Act {
    Answer(Response<Full<Bytes>>),
    Hang,
    Close,
    GoAway,
}

/// Judges requests.
pub(super) type Judge = dyn Fn(&Asked) -> Act + Send + Sync;

/// Scripted replies and what came in.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) replies: Mutex<HashMap<String, VecDeque<Reply>>>,
    pub(super) received: Mutex<Vec<Received>>,
    pub(super) count: AtomicUsize,
    pub(super) connections: AtomicUsize,
    /// Keeps what comes in; a load test only counts.
    pub(super) is_counting: std::sync::atomic::AtomicBool,
}

impl Book {
    /// What to do with a push to `token`: the next scripted reply.
    pub(super) fn next_reply(&self, token: &str) -> Reply {
        let mut replies = self.replies.lock().unwrap();
        replies.get_mut(token).and_then(VecDeque::pop_front).unwrap_or(Reply::Judge)
    }

    pub(super) fn script(&self, token: &str, reply: Reply) {
        self.replies.lock().unwrap().entry(token.to_owned()).or_default().push_back(reply);
    }

    pub(super) fn keep(&self, token: &str, asked: &Asked) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.is_counting.load(Ordering::Relaxed) {
            return;
        }
        self.received.lock().unwrap().push(Received {
            token: token.to_owned(),
            headers: asked.headers.clone(),
            body: serde_json::from_slice(&asked.body).unwrap_or_default(),
            raw: asked.body.clone(),
            connection: asked.connection,
        });
    }
}

/// Listens on a free port of this machine.
pub(super) async fn listen(ca: &DevCa, book: Arc<Book>, judge: Arc<Judge>) -> SocketAddr {
    let (chain, key) = ca.issue(&["localhost", "127.0.0.1"]).unwrap();
    let tls = Arc::new(tls(&chain, &key));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let number = book.connections.fetch_add(1, Ordering::SeqCst);
            let (acceptor, judge) = (TlsAcceptor::from(Arc::clone(&tls)), Arc::clone(&judge));
            tokio::spawn(serve(stream, acceptor, number, judge));
        }
    });
    address
}

fn tls(chain: &str, key: &str) -> ServerConfig {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject as _;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CLIENT_CA.as_bytes()).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, number: usize, judge: Arc<Judge>) {
    stream.set_nodelay(true).unwrap();
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let certificate =
        stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|c| c.to_vec());
    let (close, go_away) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (Arc::clone(&close), Arc::clone(&go_away));
    let service = service_fn(move |request: Request<Incoming>| {
        let (judge, certificate) = (Arc::clone(&judge), certificate.clone());
        let (close, go_away) = signals.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let asked = Asked {
                method: head.method,
                path: head.uri.path().to_owned(),
                headers: head.headers,
                body,
                connection: number,
                certificate,
            };
            match judge(&asked) {
                Act::Answer(response) => return Ok::<_, hyper::Error>(response),
                Act::Hang => {}
                Act::Close => close.notify_one(),
                Act::GoAway => go_away.notify_one(),
            }
            std::future::pending().await
        }
    });
    let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(1000);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = close.notified() => return,
        () = go_away.notified() => {}
    }
    // GOAWAY; the stream that asked for it is cut with the connection right after.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = tokio::task::yield_now() => {}
    }
}

/// An answer with a JSON body.
pub(super) fn json(status: u16, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}

/// An answer of a megabyte.
pub(super) fn megabyte(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(vec![b'x'; 1024 * 1024])));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// An answer that points elsewhere.
pub(super) fn redirect(to: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert("location", to.parse().unwrap());
    response
}
