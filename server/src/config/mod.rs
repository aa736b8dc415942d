//! The only reader of the configuration file and of the environment: both become one [`Config`].
//!
//! Order: the defaults, the file, `AIZUCHI_SECTION__KEY` from the environment, `--set` from the
//! command line. A key that nothing knows is an error that names the nearest one.

mod limits;
mod network;
mod overlay;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::outside::Allowed;

pub use limits::{Allowance, Limits, Rhythm};
pub use network::Network;
pub use overlay::Setting;

/// Where systemd puts a service's credentials (`LoadCredential=`).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// The credential that holds the root key.
const ROOT_CREDENTIAL: &str = "aizuchi.root";

/// Everything that can be configured, with its defaults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who we are and where our files are.
    pub server: Server,
    /// Where we listen.
    pub listen: Listen,
    /// Certificates.
    pub tls: Tls,
    /// Certificates that we fetch.
    pub acme: Acme,
    /// Storage.
    pub database: DatabaseSettings,
    /// The key that seals what must be read again.
    pub keys: Keys,
    /// How much is allowed.
    pub limits: Limits,
    /// Backchannel authentication.
    pub ciba: Ciba,
    /// The proxy in front of us.
    pub proxy: Proxy,
    /// What we may call.
    pub outbound: Outbound,
    /// The app that tenants without credentials of their own send pushes to.
    pub push: Push,
    /// What we tell.
    pub log: Log,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// The https address that clients and devices use, and so the issuer of the first tenant.
    pub public_url: String,
    /// The https address of `listen.mtls`; empty: the host of `public_url` with that port.
    pub mtls_url: String,
    /// The folder of our files: database, admin socket, development certificates.
    pub data_dir: PathBuf,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            public_url: String::from("https://localhost:8443/"),
            mtls_url: String::new(),
            data_dir: PathBuf::from("aizuchi-data"),
        }
    }
}

/// `[listen]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// HTTPS for everyone; empty: none.
    pub https: String,
    /// HTTPS that asks for client certificates (RFC 8705); empty: none.
    pub mtls: String,
    /// Plain HTTP: for the proxies of `proxy.trusted` only, or for localhost in `dev`; empty: none.
    pub http: String,
    /// Health and metrics, for operators; empty: none.
    pub ops: String,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: String::from("0.0.0.0:8443"),
            mtls: String::new(),
            http: String::new(),
            ops: String::from("127.0.0.1:9464"),
        }
    }
}

/// `[tls]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the server's certificate chain.
    pub certificate_file: PathBuf,
    /// PEM file with its private key.
    pub key_file: PathBuf,
    /// Folder with certificates for further host names, `NAME.pem` with `NAME.key`; empty: none.
    pub folder: PathBuf,
    /// PEM file with the authorities that vouch for clients (`tls_client_auth`).
    pub client_ca_file: PathBuf,
}

/// `[acme]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The authority's directory (RFC 8555); empty: nothing is fetched.
    pub directory: String,
    /// The e-mail address that the authority may write to.
    pub contact: String,
    /// That you have read the authority's terms and agree.
    pub terms_agreed: bool,
    /// Hosts beside those of `public_url`, `mtls_url` and the tenants.
    pub hosts: Vec<String>,
}

/// `[database]`
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `sqlite:PATH` (relative to the data folder) or `postgres://…`.
    pub url: String,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self { url: String::from("sqlite:aizuchi.db") }
    }
}

impl fmt::Debug for DatabaseSettings {
    /// The engine only: an address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = self.url.split_once(':').map(|(engine, _)| engine);
        f.debug_struct("DatabaseSettings").field("engine", &engine).finish_non_exhaustive()
    }
}

/// `[keys]`
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The root key, 64 hex digits, and former ones behind it. Better in a file or a systemd
    /// credential.
    pub root: String,
    /// File that holds the same, a key a line; the systemd credential `aizuchi.root` is such a file.
    /// `serve` refuses to start without one of these.
    pub root_file: PathBuf,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("root_file", &self.root_file).finish_non_exhaustive()
    }
}

/// `[ciba]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ciba {
    /// Seconds a client must wait between two polls (W52).
    pub interval_s: u32,
    /// Seconds a request lives unless it asks otherwise (W53).
    pub default_expiry_s: u32,
    /// Seconds for which an expired ID token is still good as `id_token_hint` (C49).
    pub id_token_hint_age_s: u32,
    /// Whether `DPoP` proofs must carry a nonce of ours (RFC 9449 8).
    pub dpop_nonce_required: bool,
}

impl Default for Ciba {
    fn default() -> Self {
        Self {
            interval_s: 5,
            default_expiry_s: 300,
            id_token_hint_age_s: 2_592_000,
            dpop_nonce_required: false,
        }
    }
}

/// `[proxy]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// Addresses and networks of the peers that may speak plain HTTP to us (decision 9), and
    /// whose headers tell whom they speak for.
    pub trusted: Vec<Network>,
    /// The headers in which they name the client and the host it asked for.
    pub headers: ForwardedHeaders,
    /// The headers in which they pass on client certificates.
    pub client_certificate: CertificateHeaders,
}

/// Headers in which a trusted proxy names the client and the host it asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeaders {
    /// It names neither.
    None,
    /// `X-Forwarded-For`, `X-Forwarded-Host`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Headers in which a trusted proxy passes on client certificates. A proxy that does must take
/// these headers away from what it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateHeaders {
    /// It does not.
    #[default]
    None,
    /// `client-certificate` and `client-certificate-ca-verified`, as nginx can write them.
    Plain,
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    Rfc9440,
}

/// `[outbound]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// `host:port`, host or CIDR that may be called although it is not public.
    pub allow: Vec<String>,
    /// PEM file with further roots for outbound TLS.
    pub ca_file: PathBuf,
}

/// `[push]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Apple's `.p8` file with the key that signs provider tokens.
    pub apns_key_file: PathBuf,
    /// The key's id.
    pub apns_key_id: String,
    /// The team's id.
    pub apns_team_id: String,
    /// The app's bundle id.
    pub apns_bundle_id: String,
    /// Whether the app was built for development.
    pub apns_sandbox: bool,
    /// Google's JSON file of a service account that may send messages.
    pub fcm_service_account_file: PathBuf,
    /// Where Apple's service is.
    pub apns_url: String,
    /// Where Apple's service for development is.
    pub apns_sandbox_url: String,
    /// Where Google's service is.
    pub fcm_url: String,
    /// Hosts that Web Push and `UnifiedPush` go to, `*.` for all names below one; empty: any public one.
    pub web_push_hosts: Vec<String>,
    /// Whom browsers' push services may write to: `mailto:` or `https:`; empty: the tenant's issuer.
    pub contact: String,
}

impl Default for Push {
    fn default() -> Self {
        Self {
            apns_key_file: PathBuf::new(),
            apns_key_id: String::new(),
            apns_team_id: String::new(),
            apns_bundle_id: String::new(),
            apns_sandbox: false,
            fcm_service_account_file: PathBuf::new(),
            apns_url: String::from("https://api.push.apple.com/"),
            apns_sandbox_url: String::from("https://api.sandbox.push.apple.com/"),
            fcm_url: String::from("https://fcm.googleapis.com/"),
            web_push_hosts: Vec::new(),
            contact: String::new(),
        }
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: String,
    /// What is told: `info`, `debug`, or a filter such as `info,server=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: String::from("text"), level: String::from("info") }
    }
}

/// Why the configuration cannot be used: one sentence that says what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads `file` if one is named, lays the environment and then `settings` over it, and checks
    /// the values.
    pub fn read(file: Option<&Path>, settings: &[Setting]) -> Result<Self, ConfigError> {
        let text = match file {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ConfigError(format!("{}: {error}", path.display())))?,
        };
        let mut all = Setting::from_environment(std::env::vars_os());
        all.extend_from_slice(settings);
        let mut config = Self::from_parts(&text, &all)?;
        if config.keys.root.is_empty() && config.keys.root_file.as_os_str().is_empty() {
            let folder = std::env::vars_os().find(|(name, _)| name == CREDENTIALS_DIRECTORY);
            let file = folder.map(|(_, folder)| Path::new(&folder).join(ROOT_CREDENTIAL));
            config.keys.root_file = file.filter(|file| file.exists()).unwrap_or_default();
        }
        Ok(config)
    }

    /// The configuration of a file's text with `settings` laid over it, in order.
    pub fn from_parts(text: &str, settings: &[Setting]) -> Result<Self, ConfigError> {
        let table = overlay::merge(text, settings)?;
        let mut config: Self = table.try_into().map_err(|error: toml::de::Error| {
            // The key stands on a line of its own.
            ConfigError(format!("configuration: {}", error.to_string().trim().replace('\n', " ")))
        })?;
        config.check()?;
        for address in [&mut config.server.public_url, &mut config.server.mtls_url] {
            // Every path is told as what follows it.
            if !address.is_empty() && !address.ends_with('/') {
                address.push('/');
            }
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        public_address("server.public_url", &self.server.public_url)?;
        if !self.server.mtls_url.is_empty() {
            public_address("server.mtls_url", &self.server.mtls_url)?;
        }
        for (key, address) in [
            ("listen.https", &self.listen.https),
            ("listen.mtls", &self.listen.mtls),
            ("listen.http", &self.listen.http),
            ("listen.ops", &self.listen.ops),
        ] {
            if !address.is_empty() && address.parse::<SocketAddr>().is_err() {
                return Err(ConfigError(format!(
                    "{key}: `{address}` is no address and port; write for example 0.0.0.0:8443"
                )));
            }
        }
        if !self.acme.directory.is_empty() {
            let is_https = self.acme.directory.starts_with("https://");
            if !is_https || url::Url::parse(&self.acme.directory).is_err() {
                let told = "acme.directory: must be an https address";
                return Err(ConfigError(String::from(told)));
            }
            if !self.acme.terms_agreed {
                let told = "acme.terms_agreed: read the authority's terms, and set it to true";
                return Err(ConfigError(String::from(told)));
            }
        }
        for (key, address) in [
            ("push.apns_url", &self.push.apns_url),
            ("push.apns_sandbox_url", &self.push.apns_sandbox_url),
            ("push.fcm_url", &self.push.fcm_url),
        ] {
            if url::Url::parse(address).map_or(true, |url| url.scheme() != "https") {
                return Err(ConfigError(format!("{key}: must be an https address")));
            }
        }
        let contact = &self.push.contact;
        let is_contact = contact.starts_with("mailto:") || contact.starts_with("https://");
        if !contact.is_empty() && !is_contact {
            let told = "push.contact: must begin with mailto: or https://";
            return Err(ConfigError(String::from(told)));
        }
        for text in &self.outbound.allow {
            if Allowed::parse(text).is_none() {
                return Err(ConfigError(format!(
                    "outbound.allow: `{text}` is no host, host:port, address or CIDR block"
                )));
            }
        }
        if !matches!(self.log.format.as_str(), "text" | "json") {
            return Err(ConfigError(String::from("log.format: must be `text` or `json`")));
        }
        let zero = [
            ("ciba.interval_s", self.ciba.interval_s == 0),
            ("ciba.default_expiry_s", self.ciba.default_expiry_s == 0),
            ("limits.prompts_per_user_per_minute", self.limits.prompts_per_user_per_minute == 0),
            ("limits.connections", self.limits.connections == 0),
        ];
        match zero.iter().find(|(_, is_zero)| *is_zero) {
            Some((key, _)) => Err(ConfigError(format!("{key}: must be at least 1, not 0"))),
            None => Ok(()),
        }
    }
}

fn public_address(key: &str, address: &str) -> Result<(), ConfigError> {
    let url = url::Url::parse(address).map_err(|error| ConfigError(format!("{key}: {error}")))?;
    let has_more = url.query().is_some() || url.fragment().is_some();
    if url.scheme() != "https" || has_more || !url.path().ends_with('/') {
        let told = format!("{key}: must be an https address that ends with a slash");
        return Err(ConfigError(told));
    }
    Ok(())
}
