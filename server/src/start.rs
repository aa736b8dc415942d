//! From a configuration to a running server, and back to nothing.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use domain::TenantId;
use serde_json::Value;
use store::{Database, DatabaseOptions, tenants};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::acme::Acme;
use crate::admin::AdminSocket;
use crate::app::{App, Parts};
use crate::config::{Config, ConfigError};
use crate::failure::Failure;
use crate::flows;
use crate::http;
use crate::listen::{
    CertificateFiles, Certificates, ClientCertificates, DevCa, Drain, Limits, Offered, Pair,
    Served, listen_on_loopback, serve_connections,
};
use crate::outside::{Clock, Courier, Entropy, Resolver, Tray, Window};
use crate::push_accounts::{services, services_of_dev};
use crate::secrets::Secrets;
use crate::tenancy::{FIRST_TENANT, PublicAddresses, Settings};
use crate::{certificates, dev, worker};

/// How the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In earnest.
    Serve,
    /// For developers: sample data, a development certificate, the tray and the other tools.
    Dev {
        /// Every user has a virtual phone.
        virtual_phones: bool,
        /// There is a tenant of profile `fapi-ciba`, with clients ready-made.
        fapi: bool,
    },
}

/// Why the server cannot start: one sentence that says what to do.
#[derive(Debug)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self(error.0)
    }
}

impl From<store::Error> for StartError {
    fn from(error: store::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Failure> for StartError {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

/// Where a running server listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    /// HTTPS.
    pub https: Option<SocketAddr>,
    /// HTTPS that asks for client certificates.
    pub mtls: Option<SocketAddr>,
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// Health.
    pub ops: Option<SocketAddr>,
}

/// A server that runs until it is stopped.
#[derive(Debug)]
pub struct Running {
    /// Its state.
    pub app: Arc<App>,
    /// Where it listens.
    pub addresses: Addresses,
    /// The development authority's certificate.
    pub ca_file: Option<PathBuf>,
    /// What `aizuchi dev` prints.
    pub card: Option<Value>,
    drain: Drain,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops taking connections, lets running requests end, and closes.
    pub async fn stop(mut self) {
        self.drain.begin();
        while self.tasks.join_next().await.is_some() {}
        tracing::info!("stopped");
    }
}

/// The sockets of a server, bound before anything else so that port 0 is known as what it became.
struct Sockets {
    https: Vec<TcpListener>,
    mtls: Vec<TcpListener>,
    http: Vec<TcpListener>,
    ops: Vec<TcpListener>,
}

impl Sockets {
    fn addresses(&self) -> Addresses {
        Addresses {
            https: address(&self.https),
            mtls: address(&self.mtls),
            http: address(&self.http),
            ops: address(&self.ops),
        }
    }
}

/// Starts the server.
pub async fn start(mut config: Config, mode: Mode) -> Result<Running, StartError> {
    let sockets = Sockets {
        https: bind("listen.https", &config.listen.https, mode).await?,
        mtls: bind("listen.mtls", &config.listen.mtls, mode).await?,
        http: bind("listen.http", &config.listen.http, mode).await?,
        ops: bind("listen.ops", &config.listen.ops, mode).await?,
    };
    let addresses = sockets.addresses();
    let is_dev = matches!(mode, Mode::Dev { .. });
    let mut plain = None;
    if is_dev {
        let port = |address: Option<SocketAddr>| address.map(|address| address.port());
        if let Some(port) = port(addresses.https) {
            config.server.public_url = format!("https://localhost:{port}/");
        }
        plain = port(addresses.http).map(|port| format!("http://localhost:{port}/"));
    }
    let public = public_addresses(&config, plain, addresses.mtls);
    make_folder(&config)?;
    // Files are looked at before the database, which a mistake in them leaves alone.
    let read = is_given(&config, is_dev)?.then(|| read_files(&config)).transpose()?;
    if !sockets.http.is_empty() && !is_dev && config.proxy.trusted.is_empty() {
        return Err(StartError(String::from(
            "listen.http: plain HTTP is for the proxies of proxy.trusted only, and it names none",
        )));
    }
    let (app, outgoing) = assemble(config, mode, public).await?;
    let own = || own_certificates(&app, mode);
    let Tls { certificates, files, ca_file } = read.map_or_else(own, |tls| checked(tls, &app))?;
    app.client_roots.read(&app.config.tls.client_ca_file)?;
    app.signing_keys(&TenantId::new(FIRST_TENANT), app.clock.now()).await.map_err(|error| {
        StartError(format!(
            "keys.root: the signing keys cannot be opened ({error}); put the root key that sealed \
             them behind the new one"
        ))
    })?;
    let socket = AdminSocket::open(&app.config.server.data_dir).map_err(|error| {
        let folder = app.config.server.data_dir.display();
        StartError(format!("server.data_dir: {folder}: the admin socket cannot be opened: {error}"))
    })?;
    let card = match mode {
        Mode::Serve => None,
        Mode::Dev { virtual_phones, fapi } => {
            app.gives_virtual_phones.store(virtual_phones, Ordering::Relaxed);
            Some(dev::prepare(&app, &addresses, (ca_file.as_deref(), fapi)).await?)
        }
    };
    let drain = Drain::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(worker::run(Arc::clone(&app), outgoing, drain.clone()));
    tasks.spawn(socket.serve(Arc::clone(&app), drain.clone()));
    listen(&app, sockets, certificates.as_ref(), &drain, &mut tasks)?;
    if let Some(certificates) = certificates {
        if !app.config.acme.directory.is_empty() {
            let outbound = Arc::new(Window::configured(&app.config.outbound)?);
            let acme = Acme::new(Arc::clone(&app), Arc::clone(&certificates), outbound);
            tasks.spawn(acme.keep(drain.clone()));
        }
        if let Some(files) = files {
            tasks.spawn(certificates::watch(Arc::clone(&app), files, certificates, drain.clone()));
        }
    }
    tracing::info!(
        https = ?addresses.https, mtls = ?addresses.mtls, http = ?addresses.http, ops = ?addresses.ops,
        issuer = app.addresses.https, "ready"
    );
    Ok(Running { app, addresses, ca_file, card, drain, tasks })
}

/// Opens the database for a command that runs without a server.
pub async fn open(config: Config, mode: Mode) -> Result<Arc<App>, StartError> {
    make_folder(&config)?;
    let public = public_addresses(&config, None, None);
    let (app, _outgoing) = assemble(config, mode, public).await?;
    Ok(app)
}

fn listen(
    app: &Arc<App>,
    sockets: Sockets,
    tls: Option<&Arc<Certificates>>,
    drain: &Drain,
    tasks: &mut JoinSet<()>,
) -> Result<(), StartError> {
    let limits = Limits { connections: app.config.limits.connections, ..Limits::DEFAULT };
    let public = http::router(Arc::clone(app));
    let mut serve = |sockets: Vec<TcpListener>, tls: Option<Offered>, router: &Router| {
        for socket in sockets {
            let (tls, router) = (tls.clone(), router.clone());
            tasks.spawn(serve_connections(socket, tls, router, limits, drain.clone()));
        }
    };
    for (sockets, clients) in
        [(sockets.https, ClientCertificates::Unasked), (sockets.mtls, ClientCertificates::Asked)]
    {
        if let Some(tls) = tls {
            let tls = Offered::until_strict(tls, clients, Arc::clone(&app.narrows_tls));
            serve(sockets, Some(tls.map_err(|error| StartError(error.to_string()))?), &public);
        }
    }
    serve(sockets.http, None, &http::behind_proxies(public, app));
    serve(sockets.ops, None, &http::ops_router(Arc::clone(app)));
    Ok(())
}

async fn assemble(
    config: Config,
    mode: Mode,
    addresses: PublicAddresses,
) -> Result<(Arc<App>, worker::Outbox), StartError> {
    let entropy = Entropy::system();
    let (courier, is_dev) = match mode {
        Mode::Serve => (Courier::Services(services(&config)?), false),
        Mode::Dev { .. } => (Courier::Tray(Tray::with_web(services_of_dev(&config)?)), true),
    };
    let has_root = !config.keys.root.is_empty() || !config.keys.root_file.as_os_str().is_empty();
    let secrets = if is_dev && !has_root {
        Secrets::open_or_make(&config.server.data_dir.join("root.key"), &entropy)?
    } else {
        Secrets::read(&config.keys)?
    };
    let clock = Clock::system();
    let now = clock.now();
    let outbound = config.outbound.clone();
    let database = Database::open(&database_options(&config)?).await?;
    database.migrate(now).await?;
    let (app, outbox) = App::assemble(Parts {
        config,
        database,
        clock,
        entropy,
        courier,
        outbound: Arc::new(Window::for_clients(&outbound, is_dev)?),
        resolver: Resolver::System,
        secrets,
        addresses,
        is_dev,
    });
    let first = TenantId::new(FIRST_TENANT);
    if app.tenant(&first, now).await?.is_none() {
        let settings = if is_dev { dev::tenant_settings() } else { Settings::default() };
        flows::create_tenant(&app, &first, ("Aizuchi", &settings), now).await?;
    }
    // Reading a tenant is what tells the listeners that it narrows them.
    for row in tenants::list(&app.database).await? {
        app.tenant(&row.id, now).await?;
        flows::renew_management_api(&app, &row.id, now).await?;
    }
    flows::find_open_transactions(&app, now).await?;
    Ok((app, outbox))
}

/// What `database.url` names; a relative SQLite path is below the data folder.
pub fn database_options(config: &Config) -> Result<DatabaseOptions, StartError> {
    let url = &config.database.url;
    let relative = url.strip_prefix("sqlite:").filter(|path| !path.starts_with('/'));
    match relative {
        Some(path) if !path.is_empty() => {
            Ok(DatabaseOptions::sqlite(config.server.data_dir.join(path)))
        }
        _ => DatabaseOptions::parse(url)
            .map_err(|error| StartError(format!("database.url: {error}"))),
    }
}

fn make_folder(config: &Config) -> Result<(), StartError> {
    let folder = &config.server.data_dir;
    std::fs::create_dir_all(folder).map_err(|error| {
        StartError(format!("server.data_dir: {} cannot be made: {error}", folder.display()))
    })
}

/// What is served over TLS, and where it comes from.
struct Tls {
    certificates: Option<Arc<Certificates>>,
    /// Files to watch.
    files: Option<CertificateFiles>,
    /// The development authority's certificate.
    ca_file: Option<PathBuf>,
}

/// Whether the certificates are in files; an error if there must be some and are none.
fn is_given(config: &Config, is_dev: bool) -> Result<bool, StartError> {
    let is_given = !config.tls.certificate_file.as_os_str().is_empty();
    let is_silent = config.listen.https.is_empty() && config.listen.mtls.is_empty();
    if is_dev || is_given || is_silent || !config.acme.directory.is_empty() {
        return Ok(is_given && (is_dev || !is_silent));
    }
    Err(StartError(String::from(
        "tls.certificate_file: names none; name the PEM file with your chain, or have one fetched \
         (acme.directory)",
    )))
}

fn read_files(config: &Config) -> Result<Tls, StartError> {
    let certificates = Arc::new(Certificates::default());
    let first =
        Pair { chain: config.tls.certificate_file.clone(), key: config.tls.key_file.clone() };
    let mut files = CertificateFiles::new(first, &config.tls.folder);
    let problems = certificates::read(&mut files, &certificates);
    if !problems.is_empty() {
        return Err(StartError(format!("tls: {}", problems.join("; "))));
    }
    Ok(Tls { certificates: Some(certificates), files: Some(files), ca_file: None })
}

/// F16: below TLS 1.3, a tenant of profile `fapi-ciba` needs certificates with RSA keys.
fn checked(tls: Tls, app: &App) -> Result<Tls, StartError> {
    let has_others = tls.certificates.as_ref().is_some_and(|certificates| !certificates.are_rsa());
    app.has_other_certificates.store(has_others, Ordering::Relaxed);
    if has_others && app.narrows_tls.load(Ordering::Relaxed) {
        return Err(StartError(String::from(
            "tls.certificate_file, tls.folder: a certificate has another key than RSA, and a tenant \
             has profile fapi-ciba, which allows RSA alone below TLS 1.3 (FAPI-CIBA 7.9); have it \
             made for an RSA key, or take the profile from the tenant",
        )));
    }
    Ok(tls)
}

/// What is served where no file says so: in `dev` a certificate of the development authority, else
/// those that are fetched, or none.
fn own_certificates(app: &App, mode: Mode) -> Result<Tls, StartError> {
    let certificates = Arc::new(Certificates::default());
    let Mode::Dev { fapi, .. } = mode else {
        let fetches = !app.config.acme.directory.is_empty();
        let is_silent = app.config.listen.https.is_empty() && app.config.listen.mtls.is_empty();
        let certificates = (fetches && !is_silent).then_some(certificates);
        return Ok(Tls { certificates, files: None, ca_file: None });
    };
    let told = |error: crate::listen::DevCaError| StartError(error.to_string());
    let ca = DevCa::open(&app.config.server.data_dir).map_err(told)?;
    let names = ["localhost", "127.0.0.1", "::1"];
    let is_strict = fapi || app.narrows_tls.load(Ordering::Relaxed);
    let issued = if is_strict { ca.issue_rsa(&names) } else { ca.issue(&names) };
    let (chain, key) = issued.map_err(told)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let served = Served::from_pem(chain.as_bytes(), key.as_bytes(), &provider);
    certificates.replace(&[served.map_err(|error| StartError(error.to_string()))?]);
    let ca_file = Some(ca.file().to_path_buf());
    Ok(Tls { certificates: Some(certificates), files: None, ca_file })
}

/// Listens; in `dev`, whose card says `localhost`, on both addresses of that name.
async fn bind(key: &str, address: &str, mode: Mode) -> Result<Vec<TcpListener>, StartError> {
    if address.is_empty() {
        return Ok(Vec::new());
    }
    let bound = match mode {
        Mode::Serve => TcpListener::bind(address).await.map(|listener| vec![listener]),
        Mode::Dev { .. } => listen_on_loopback(address).await,
    };
    bound.map_err(|error| {
        StartError(format!(
            "{key}: cannot listen on {address}: {error}; stop what uses the port or choose another"
        ))
    })
}

/// Where we can be reached; the listener for client certificates is beside `public_url` unless the
/// configuration names it, or a proxy asks for them in our place.
fn public_addresses(
    config: &Config,
    http: Option<String>,
    mtls: Option<SocketAddr>,
) -> PublicAddresses {
    let server = &config.server;
    let beside = mtls.and_then(|address| {
        let mut url = url::Url::parse(&server.public_url).ok()?;
        url.set_port(Some(address.port())).ok()?;
        Some(url.to_string())
    });
    let named = Some(server.mtls_url.clone()).filter(|named| !named.is_empty());
    PublicAddresses { https: server.public_url.clone(), http, mtls: named.or(beside) }
}

fn address(listeners: &[TcpListener]) -> Option<SocketAddr> {
    listeners.first().and_then(|listener| listener.local_addr().ok())
}
