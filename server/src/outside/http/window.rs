//! The real window: HTTP over TLS, by lanes of shared connections.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::{Host, Url};

use super::dial::{DialError, Dialler};
use super::{Allowed, Answer, Call, Calling, Guard, Lane, Outbound, Unanswered};
use crate::config::{self, ConfigError};

/// Calls under way at a time; more wait within their own time limit.
const CALLS: usize = 2048;
/// Lanes with connections of their own; beyond it the one that was idle longest is closed.
const LANES: usize = 128;
/// A connection that nobody used for this long is closed.
const IDLE: Duration = Duration::from_mins(10);
/// Idle connections of a lane that does not speak HTTP/2.
const IDLE_CONNECTIONS: usize = 8;
/// How often a quiet HTTP/2 connection is asked whether it lives, and how long it has to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(5);
/// Tries of a repeatable call whose connection broke.
const TRIES: usize = 3;
/// Headers of an answer, in bytes.
const HEADER_BYTES: u32 = 16 * 1024;
/// Where systems keep the certificates they trust.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// This machine, as `outbound.allow` would name it.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

/// Any public address.
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));

type Caller = Client<HttpsConnector<Dialler>, Full<Bytes>>;

/// Calls out.
pub struct Window {
    dialler: Dialler,
    roots: Arc<RootCertStore>,
    calls: Semaphore,
    lanes: Mutex<Lanes>,
}

#[derive(Default)]
struct Lanes {
    open: HashMap<String, (u64, Caller)>,
    turn: u64,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

impl Window {
    /// The window as the configuration wants it.
    pub fn configured(settings: &config::Outbound) -> Result<Self, ConfigError> {
        let allowed = settings.allow.iter().filter_map(|text| Allowed::parse(text)).collect();
        Self::open(allowed, &settings.ca_file)
            .map_err(|why| ConfigError(format!("outbound.ca_file: {why}")))
    }

    /// The window through which clients are called; in `dev` they may be on this machine.
    pub fn for_clients(settings: &config::Outbound, is_dev: bool) -> Result<Self, ConfigError> {
        Self::configured(&for_clients(settings, is_dev))
    }

    /// A window that trusts the system's authorities and those in `ca_file`, and lets pass what is
    /// public or allowed.
    pub fn open(allowed: Vec<Allowed>, ca_file: &Path) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        if let Some(system) = system_roots() {
            add_roots(&mut roots, system)?;
        }
        if !ca_file.as_os_str().is_empty() {
            add_roots(&mut roots, ca_file)?;
        }
        Ok(Self {
            dialler: Dialler::new(Arc::new(Guard::new(allowed))),
            roots: Arc::new(roots),
            calls: Semaphore::new(CALLS),
            lanes: Mutex::default(),
        })
    }

    async fn make(&self, call: &Call) -> Result<Answer, Unanswered> {
        if call.url.scheme() != "https" {
            return Err(Unanswered::Forbidden(format!("{} is not https", call.url)));
        }
        let _place = self.calls.acquire().await.map_err(|_closed| Unanswered::TooSlow)?;
        let caller = self.caller(&call.lane)?;
        let mut tries = 1;
        loop {
            match exchange(&caller, call).await {
                Err(Unanswered::Broken(_)) if call.is_repeatable && tries < TRIES => tries += 1,
                answered => return answered,
            }
        }
    }

    /// The connections of a lane, opened when it is first used.
    fn caller(&self, lane: &Lane) -> Result<Caller, Unanswered> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.turn += 1;
        let turn = lanes.turn;
        if let Some((used, caller)) = lanes.open.get_mut(&lane.name) {
            *used = turn;
            return Ok(caller.clone());
        }
        if lanes.open.len() >= LANES {
            let oldest = lanes.open.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                lanes.open.remove(&name);
            }
        }
        let caller = self.connector(lane)?;
        lanes.open.insert(lane.name.clone(), (turn, caller.clone()));
        Ok(caller)
    }

    fn connector(&self, lane: &Lane) -> Result<Caller, Unanswered> {
        let unusable = |error: rustls::Error| Unanswered::Unreachable(format!("TLS: {error}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(Arc::clone(&self.roots));
        let tls = match &lane.identity {
            None => tls.with_no_client_auth(),
            Some(identity) => tls
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .map_err(unusable)?,
        };
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_only();
        let connector = if lane.is_http2 {
            https.enable_http2().wrap_connector(self.dialler.clone())
        } else {
            https.enable_all_versions().wrap_connector(self.dialler.clone())
        };
        Ok(Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http2_only(lane.is_http2)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_WITHIN)
            .http2_keep_alive_while_idle(true)
            .http2_max_header_list_size(HEADER_BYTES)
            .build(connector))
    }
}

impl Outbound for Window {
    fn call(&self, call: Call) -> Calling<'_> {
        Box::pin(async move {
            match timeout(call.limits.within, self.make(&call)).await {
                Ok(answered) => answered,
                Err(_elapsed) => Err(Unanswered::TooSlow),
            }
        })
    }
}

/// The file with the certificates that this system trusts.
pub(in crate::outside) fn system_roots() -> Option<&'static Path> {
    SYSTEM_ROOTS.iter().map(Path::new).find(|path| path.exists())
}

/// The addresses of a mail server, each checked as for any other call: whoever connects takes one of
/// them, and asks for no name again.
pub(in crate::outside) async fn checked_addresses(
    settings: &config::Outbound,
    is_dev: bool,
    (host, port): (&str, u16),
) -> Result<Vec<SocketAddr>, DialError> {
    let allowed = for_clients(settings, is_dev).allow;
    let allowed = allowed.iter().filter_map(|text| Allowed::parse(text)).collect();
    Dialler::new(Arc::new(Guard::for_mail(allowed))).checked(host, port).await
}

fn for_clients(settings: &config::Outbound, is_dev: bool) -> config::Outbound {
    let mut settings = settings.clone();
    if is_dev {
        settings.allow.extend(LOOPBACK.map(String::from));
    }
    settings
}

/// Whether a client's address may be called, as far as it tells without asking for its name: what
/// a name stands for is checked at every call.
pub fn may_name(settings: &config::Outbound, is_dev: bool, url: &Url) -> bool {
    let allowed = for_clients(settings, is_dev).allow;
    let guard = Guard::new(allowed.iter().filter_map(|text| Allowed::parse(text)).collect());
    let (Some(host), port) = (url.host(), url.port_or_known_default().unwrap_or_default()) else {
        return false;
    };
    let name = host.to_string();
    match host {
        Host::Ipv4(address) => guard.lets_pass(&name, address.into(), port),
        Host::Ipv6(address) => guard.lets_pass(&name, address.into(), port),
        // RFC 6761 6.3. Any other name could be public.
        Host::Domain(domain) => {
            let domain = domain.trim_end_matches('.');
            let stands_for = if domain == "localhost" || domain.ends_with(".localhost") {
                IpAddr::from(Ipv4Addr::LOCALHOST)
            } else {
                PUBLIC
            };
            guard.lets_pass(domain, stands_for, port)
        }
    }
}

async fn exchange(caller: &Caller, call: &Call) -> Result<Answer, Unanswered> {
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = call
        .url
        .as_str()
        .parse()
        .map_err(|error| Unanswered::Forbidden(format!("{}: {error}", call.url)))?;
    request.headers_mut().extend(call.headers.iter().cloned());
    let response = caller.request(request).await.map_err(|error| explained(&error))?;
    let (head, body) = response.into_parts();
    let mut answer =
        Answer { status: head.status.as_u16(), headers: head.headers, ..Answer::default() };
    match Limited::new(body, call.limits.answer_bytes).collect().await {
        Ok(body) => answer.body = body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => answer.is_too_long = true,
        Err(error) => return Err(Unanswered::Broken(deepest(error.as_ref()))),
    }
    Ok(answer)
}

fn explained(error: &hyper_util::client::legacy::Error) -> Unanswered {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if let Some(DialError::Forbidden(why)) = one.downcast_ref::<DialError>() {
            return Unanswered::Forbidden(why.clone());
        }
        cause = one.source();
    }
    if error.is_connect() {
        Unanswered::Unreachable(deepest(error))
    } else {
        Unanswered::Broken(deepest(error))
    }
}

/// What is at the bottom of an error; the layers above say less.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

fn add_roots(roots: &mut RootCertStore, file: &Path) -> Result<(), String> {
    let named = |what: String| format!("{}: {what}", file.display());
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| named(error.to_string()))?;
    // A bundle may hold roots that rustls cannot use; the others count all the same.
    let (taken, _left_out) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(named(String::from("holds no usable certificate")));
    }
    Ok(())
}
