//! A target file: how to talk to one server. The README lists its members.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::template::Names;

/// One server.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) base: String,
    pub(crate) client: Client,
    pub(crate) authorize: Endpoint,
    pub(crate) token: Endpoint,
    #[serde(default)]
    pub(crate) approve: Vec<Step>,
    /// How a user's device opens its stream of events, for `streams`.
    pub(crate) listen: Option<Step>,
    /// P-256 key that signs the device's answers: PKCS#8, path from the target file.
    device_key: Option<PathBuf>,
    /// Its public JWK, for `{device_jwk}`.
    #[serde(default)]
    pub(crate) device_jwk: Value,
    /// How many users `u0`, `u1` … to spread over, if there is no file of users.
    #[serde(default = "thousand")]
    users: usize,
    /// JSON lines, one user each: names for the templates, `user` among them.
    users_file: Option<PathBuf>,
    /// POSTed by `fill` before each memory reading, for servers with a hook for it.
    pub(crate) gc_path: Option<String>,
    /// How `seed` makes one user with a device.
    #[serde(default)]
    pub(crate) seed: Vec<Step>,
    #[serde(skip)]
    folder: PathBuf,
}

fn thousand() -> usize {
    1000
}

/// How the client authenticates.
#[derive(Deserialize)]
pub(crate) struct Client {
    /// `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`.
    pub(crate) method: String,
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    key: Option<PathBuf>,
    /// `ES256` (the default) or `RS256`.
    pub(crate) alg: Option<String>,
    pub(crate) kid: Option<String>,
    pub(crate) aud: Option<String>,
}

/// A path and what to send there besides the usual.
#[derive(Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) form: BTreeMap<String, String>,
}

/// One request on the way to a decision.
#[derive(Deserialize)]
pub(crate) struct Step {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) content_type: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<String>,
    /// What the compact ES256 JWS holds that `{jws}` stands for in this step.
    pub(crate) jws: Option<Jws>,
    #[serde(default = "ok")]
    pub(crate) expect: u16,
    /// Name to JSON pointer into the answer: `{name}` in the steps after this one.
    #[serde(default)]
    pub(crate) capture: BTreeMap<String, String>,
    /// JSON pointer to a time: ask again until it is not before this request was started.
    pub(crate) until_newer: Option<String>,
}

fn ok() -> u16 {
    200
}

/// Header and claims of a JWS.
#[derive(Deserialize)]
pub(crate) struct Jws {
    pub(crate) header: Value,
    pub(crate) payload: Value,
}

impl Target {
    pub(crate) fn read(path: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let mut target: Self =
            serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        target.folder = Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
        target.address().map(drop)?;
        Ok(target)
    }

    /// Host and port. Only loopback is ever loaded.
    pub(crate) fn address(&self) -> Result<&str, String> {
        let address = self.base.strip_prefix("http://").unwrap_or_default().trim_end_matches('/');
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let is_loopback = host == "localhost"
            || host == "[::1]"
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        if is_loopback { Ok(address) } else { Err("http:// on loopback only".to_owned()) }
    }

    pub(crate) fn client_key(&self) -> Result<Option<Vec<u8>>, String> {
        self.client.key.as_ref().map(|path| self.file(path)).transpose()
    }

    pub(crate) fn device_key(&self) -> Result<Option<Vec<u8>>, String> {
        self.device_key.as_ref().map(|path| self.file(path)).transpose()
    }

    pub(crate) fn users(&self) -> Result<Vec<Names>, String> {
        let Some(path) = &self.users_file else {
            let user = |n: usize| Names::from([("user".to_owned(), format!("u{n}"))]);
            return Ok((0..self.users).map(user).collect());
        };
        let text = String::from_utf8(self.file(path)?).map_err(|error| error.to_string())?;
        text.lines().map(|line| serde_json::from_str(line).map_err(|e| e.to_string())).collect()
    }

    fn file(&self, path: &Path) -> Result<Vec<u8>, String> {
        let path = self.folder.join(path);
        std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    }
}
