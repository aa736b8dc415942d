//! Dialling: resolves a name, checks every address, and connects to one that was checked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::Service;

use super::Guard;

/// Looking a name up, and each address of it.
const LOOKUP_WITHIN: Duration = Duration::from_secs(3);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Names looked up at a time; each holds a thread of the runtime.
const LOOKUPS: usize = 32;
/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// Dials for the window, and nothing that the guard refuses.
#[derive(Clone, Debug)]
pub(super) struct Dialler {
    guard: Arc<Guard>,
    lookups: Arc<Semaphore>,
}

/// Why nobody was connected to.
#[derive(Debug)]
pub(in crate::outside) enum DialError {
    /// It must not be.
    Forbidden(String),
    /// It cannot be.
    Unreachable(String),
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Forbidden(why) | Self::Unreachable(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for DialError {}

impl Dialler {
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        Self { guard, lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }

    async fn dial(self, uri: Uri) -> Result<TokioIo<TcpStream>, DialError> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(443);
        let passing = self.checked(host, port).await?;
        let mut last = String::from("no address");
        for address in passing {
            match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // A push is one small frame: it must not wait for a second one.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection without nodelay");
                    }
                    return Ok(TokioIo::new(stream));
                }
                Ok(Err(error)) => last = format!("{host}:{port}: {error}"),
                Err(_elapsed) => last = format!("{host}:{port}: no connection in time"),
            }
        }
        Err(DialError::Unreachable(last))
    }

    /// The addresses of a host that the guard lets pass; never none.
    pub(super) async fn checked(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, DialError> {
        let host = host.to_ascii_lowercase();
        let host = host.trim_matches(['[', ']']);
        let mut passing = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_name) => self.look_up(host, port).await?,
        };
        passing.retain(|found| self.guard.lets_pass(host, found.ip(), port));
        passing.truncate(ADDRESSES);
        if passing.is_empty() {
            return Err(DialError::Forbidden(format!(
                "{host}:{port} is not public; if it is meant, name it in outbound.allow"
            )));
        }
        Ok(passing)
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let unreachable = |why: String| DialError::Unreachable(format!("{host}: {why}"));
        let looking = async {
            let _place = self.lookups.acquire().await.map_err(|error| error.to_string())?;
            lookup_host((host, port))
                .await
                .map(Iterator::collect)
                .map_err(|error| error.to_string())
        };
        match timeout(LOOKUP_WITHIN, looking).await {
            Ok(found) => found.map_err(unreachable),
            Err(_elapsed) => Err(unreachable(String::from("the name was not resolved in time"))),
        }
    }
}

impl Service<Uri> for Dialler {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().dial(uri))
    }
}
