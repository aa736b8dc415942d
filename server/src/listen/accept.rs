//! The accept loop: handshakes in the connection's own task, limits on connections, header time
//! and streams, and a drain that lets running requests end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::certificates::CHALLENGE_PROTOCOL;
use super::client_certificates::PeerCertificates;
use super::tls::Offered;

/// How long a listener waits after it could not accept a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// What one listener bears.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// A handshake that takes longer is dropped.
    pub handshake: Duration,
    /// Headers that take longer to arrive are answered 408 by closing.
    pub headers: Duration,
    /// Streams at a time on one HTTP/2 connection.
    pub streams: u32,
    /// How long running requests may take to end once a drain begins.
    pub drain: Duration,
}

impl Limits {
    /// What every listener gets unless the configuration says otherwise.
    pub const DEFAULT: Self = Self {
        connections: 10_000,
        handshake: Duration::from_secs(10),
        headers: Duration::from_secs(15),
        streams: 250,
        drain: Duration::from_secs(20),
    };
}

/// Tells every listener to stop taking connections and to let the running ones end.
#[derive(Clone, Debug)]
pub struct Drain {
    begun: watch::Sender<bool>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { begun: watch::Sender::new(false) }
    }
}

impl Drain {
    /// Begins the drain; again is no different.
    pub fn begin(&self) {
        self.begun.send_replace(true);
    }

    /// Returns when the drain has begun.
    pub async fn wait(&self) {
        let mut begun = self.begun.subscribe();
        // An error means that the sender is gone, and with it the server.
        drop(begun.wait_for(|begun| *begun).await);
    }
}

/// Serves `router` on `listener`, over TLS where something is offered, until `drain` begins
/// and the running connections have ended or the limit on draining has passed.
pub async fn serve_connections(
    listener: TcpListener,
    tls: Option<Offered>,
    router: Router,
    limits: Limits,
    drain: Drain,
) {
    let room = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        let (socket, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors or a connection reset before it was taken: the
                    // next one may do better, but not in a busy loop.
                    tracing::warn!(%error, "a connection could not be accepted");
                    drop(permit);
                    if tokio::time::timeout(PAUSE, drain.wait()).await.is_ok() {
                        break;
                    }
                    continue;
                }
            },
            () = drain.wait() => break,
        };
        let acceptor = tls.as_ref().map(|offered| TlsAcceptor::from(offered.now()));
        let (router, drain) = (router.clone(), drain.clone());
        tokio::spawn(async move {
            serve_one(socket, peer, acceptor, router, limits, drain).await;
            drop(permit);
        });
    }
    // Whoever comes now is refused at once, and does not wait for nobody.
    drop(listener);
    let everyone = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits.drain, room.acquire_many(everyone)).await.is_err() {
        tracing::warn!("connections were cut off: they outlived the drain");
    }
}

async fn serve_one(
    socket: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    drain: Drain,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket refuses TCP_NODELAY");
    }
    match acceptor {
        None => serve_stream(socket, (peer, None), router, limits, drain).await,
        Some(acceptor) => {
            match tokio::time::timeout(limits.handshake, acceptor.accept(socket)).await {
                // The handshake was all that the authority wanted (RFC 8737 3).
                Ok(Ok(stream))
                    if stream.get_ref().1.alpn_protocol() == Some(CHALLENGE_PROTOCOL) => {}
                Ok(Ok(stream)) => {
                    let certificates = stream.get_ref().1.peer_certificates();
                    let certificates = certificates.map(|all| PeerCertificates(all.into()));
                    serve_stream(stream, (peer, certificates), router, limits, drain).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        }
    }
}

async fn serve_stream<S>(
    stream: S,
    (peer, certificates): (SocketAddr, Option<PeerCertificates>),
    router: Router,
    limits: Limits,
    drain: Drain,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = tower::ServiceExt::<http::Request<hyper::body::Incoming>>::map_request(
        router,
        move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(certificates) = &certificates {
                request.extensions_mut().insert(certificates.clone());
            }
            request
        },
    );
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = drain.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
