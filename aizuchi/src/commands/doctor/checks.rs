//! The checks of `aizuchi doctor`, in the order in which a server would stumble over them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use domain::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use serde_json::Value;
use server::Mode;
use server::admin::{self, Command};
use server::config::Config;
use server::listen::server_config_from_pem;

use super::super::{database, now};
use super::Verdict::{Fine, Note, Wrong};
use super::fetched;
use super::{Finding, Place, Verdict};

/// Names of the checks.
const CONFIGURATION: &str = "configuration";
const FOLDER: &str = "data folder";
const DATABASE: &str = "database";
const SCHEMA: &str = "schema";
const KEYS: &str = "keys";
const CLOCK: &str = "clock";
pub(super) const CERTIFICATE: &str = "certificate";
const PUSH: &str = "push credentials";

/// No machine of ours ran before this moment: 2026-01-01.
const EARLIEST_MS: i64 = 1_767_225_600_000;
/// The clock may be this far behind the newest file.
const BEHIND_MS: i64 = 60_000;
/// A certificate that ends within this time should be renewed: 14 days.
const RENEW_MS: i64 = 14 * 86_400_000;
/// Files of the data folder that nobody but their owner may read.
const PRIVATE: [&str; 4] = ["ca.key", "root.key", "aizuchi.db", "aizuchi.db-wal"];
/// The tenant that every installation has.
const FIRST_TENANT: &str = "default";

/// Everything, in order. What cannot be looked at because of an earlier finding says so.
pub(super) async fn all(place: &Place) -> Vec<Finding> {
    let config = match place.config() {
        Ok(config) => config,
        Err(failed) => return vec![Finding::new(CONFIGURATION, Wrong, failed.to_string())],
    };
    let mode = place.mode();
    let issuer = &config.server.public_url;
    let mut findings =
        vec![Finding::new(CONFIGURATION, Fine, format!("read; the issuer is {issuer}"))];
    findings.push(folder(&config));
    let (store, keys) = Box::pin(store_and_keys(&config, mode)).await;
    findings.extend(store);
    findings.push(keys);
    findings.push(clock(&config, now()));
    findings.push(if mode == Mode::Serve && fetched::applies(&config) {
        fetched::certificates(&config, now()).await
    } else {
        certificate(&config, mode, now())
    });
    findings.push(push(&config, mode));
    findings
}

fn folder(config: &Config) -> Finding {
    let folder = &config.server.data_dir;
    let named = folder.display();
    let Ok(metadata) = std::fs::metadata(folder) else {
        let told = format!("{named} does not exist; the server makes it when it first starts");
        return Finding::new(FOLDER, Note, told);
    };
    if !metadata.is_dir() {
        let told = format!("{named} is no folder; name another one as server.data_dir");
        return Finding::new(FOLDER, Wrong, told);
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        let told = format!("others may write to {named}; run `chmod go-w {named}`");
        return Finding::new(FOLDER, Wrong, told);
    }
    let mut files: Vec<PathBuf> = PRIVATE.iter().map(|name| folder.join(name)).collect();
    files.push(config.keys.root_file.clone());
    for file in files {
        let mode = std::fs::metadata(&file).map(|found| found.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            let file = file.display();
            let told = format!("others may read {file}; run `chmod go-rwx {file}`");
            return Finding::new(FOLDER, Wrong, told);
        }
    }
    Finding::new(FOLDER, Fine, format!("{named} and the secrets in it are its owner's alone"))
}

/// Database, schema and keys: through a running server, or on the database itself.
async fn store_and_keys(config: &Config, mode: Mode) -> (Vec<Finding>, Finding) {
    let list = Command::KeyList { tenant: FIRST_TENANT.to_owned() };
    let look = Command::KeyReseal { only_look: true };
    match admin::ask(&config.server.data_dir, &list).await {
        Some(Ok(keys)) => {
            let told = "a server runs on this data and answers from its database";
            let database = Finding::new(DATABASE, Fine, told);
            let schema = Finding::new(SCHEMA, Fine, "the running server has brought it up to date");
            let sealed = admin::ask(&config.server.data_dir, &look).await;
            let sealed = sealed.and_then(Result::ok).unwrap_or_default();
            (vec![database, schema], both(signing_keys(&keys), &sealed))
        }
        Some(Err(refused)) => {
            let told = format!("a server runs on this data but says: {refused}; look at its log");
            (vec![Finding::new(DATABASE, Wrong, told)], unseen(KEYS))
        }
        None => Box::pin(without_server(config, mode, list)).await,
    }
}

async fn without_server(config: &Config, mode: Mode, list: Command) -> (Vec<Finding>, Finding) {
    if let Some(file) = database::sqlite_file(config).filter(|file| !file.exists()) {
        let told = format!(
            "{} does not exist yet; a server or `aizuchi migrate` makes it",
            file.display()
        );
        return (vec![Finding::new(DATABASE, Note, told), unseen(SCHEMA)], unseen(KEYS));
    }
    let opened = match database::open(config).await {
        Ok(database) => database.missing_migrations().await.map_err(|error| error.to_string()),
        Err(failed) => Err(failed.to_string()),
    };
    match opened {
        Err(told) => (vec![Finding::new(DATABASE, Wrong, told), unseen(SCHEMA)], unseen(KEYS)),
        Ok(missing) => {
            let database = Finding::new(DATABASE, Fine, "opens and answers; no server runs on it");
            if missing.is_empty() {
                let schema = Finding::new(SCHEMA, Fine, "the newest");
                return (vec![database, schema], Box::pin(keys(config, mode, list)).await);
            }
            let told = format!(
                "{} missing; start the server or run `aizuchi migrate`",
                missing.join(", ")
            );
            (vec![database, Finding::new(SCHEMA, Note, told)], unseen(KEYS))
        }
    }
}

/// The schema is the newest, so opening changes nothing but may make the first tenant.
async fn keys(config: &Config, mode: Mode, list: Command) -> Finding {
    let root = &config.keys.root_file;
    let in_folder = config.server.data_dir.join("root.key");
    if mode != Mode::Serve
        && config.keys.root.is_empty()
        && root.as_os_str().is_empty()
        && !in_folder.exists()
    {
        let told = "there is no root key yet; `aizuchi dev` makes one when it first starts";
        return Finding::new(KEYS, Note, told);
    }
    let app = match Box::pin(server::open(config.clone(), mode)).await {
        Ok(app) => app,
        Err(error) => return Finding::new(KEYS, Wrong, error.to_string()),
    };
    let look = Command::KeyReseal { only_look: true };
    let sealed = Box::pin(admin::execute(&app, look, now())).await.unwrap_or_default();
    match Box::pin(admin::execute(&app, list, now())).await {
        Ok(keys) => both(signing_keys(&keys), &sealed),
        Err(refused) => Finding::new(KEYS, Wrong, refused.to_string()),
    }
}

fn signing_keys(keys: &Value) -> Finding {
    let keys = keys.as_array().map(Vec::as_slice).unwrap_or_default();
    let current: Vec<&str> = keys
        .iter()
        .filter(|key| key.get("stage").and_then(Value::as_str) == Some("current"))
        .filter_map(|key| key.get("alg").and_then(Value::as_str))
        .collect();
    if current.is_empty() {
        let told = "no key signs tokens; run `aizuchi key rotate`";
        return Finding::new(KEYS, Wrong, told);
    }
    let told = format!("tenant {FIRST_TENANT} signs with {}", current.join(" and "));
    Finding::new(KEYS, Fine, told)
}

/// What signs, and what opens it: a root key that is missing is worse than an old one.
fn both(signing: Finding, sealed: &Value) -> Finding {
    let number = |name: &str| sealed.get(name).and_then(Value::as_u64).unwrap_or_default();
    let closed = sealed.get("closed").and_then(Value::as_array).map_or(0, Vec::len);
    if closed > 0 {
        let told = format!(
            "the root key opens {closed} of the sealed values not; put the former root key behind \
             it in keys.root_file, restart, and run `aizuchi key reseal`"
        );
        return Finding::new(KEYS, Wrong, told);
    }
    if signing.verdict == Fine && number("former") > 0 {
        let told = format!(
            "{}; a former root key sealed {} values: run `aizuchi key reseal` before it goes",
            signing.sentence,
            number("former")
        );
        return Finding::new(KEYS, Note, told);
    }
    signing
}

/// A clock that stands behind what was written already is wrong for certain.
fn clock(config: &Config, now: Timestamp) -> Finding {
    let told = |what: &str| format!("{} UTC {what}", now.to_iso());
    if now.ms() < EARLIEST_MS {
        return Finding::new(CLOCK, Wrong, told("is long past; set the machine's clock (NTP)"));
    }
    let newest = database::sqlite_file(config)
        .and_then(|file| std::fs::metadata(file).ok()?.modified().ok())
        .and_then(|at| i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok());
    if newest.is_some_and(|newest| newest > now.ms() + BEHIND_MS) {
        let what = "lies before the last write to the database; set the machine's clock (NTP)";
        return Finding::new(CLOCK, Wrong, told(what));
    }
    Finding::new(CLOCK, Fine, told("by this machine; tokens are good for minutes, so keep NTP on"))
}

fn certificate(config: &Config, mode: Mode, now: Timestamp) -> Finding {
    let (chain, key) = (&config.tls.certificate_file, &config.tls.key_file);
    if chain.as_os_str().is_empty() {
        if mode != Mode::Serve {
            return Finding::new(
                CERTIFICATE,
                Fine,
                "of the development authority, made at each start",
            );
        }
        return if config.listen.https.is_empty() {
            Finding::new(CERTIFICATE, Note, "none: HTTPS ends at the proxies of proxy.trusted")
        } else {
            let told = "tls.certificate_file names none; name the PEM file with your chain";
            Finding::new(CERTIFICATE, Wrong, told)
        };
    }
    let read = |name: &str, file: &Path| {
        std::fs::read(file).map_err(|error| format!("{name}: {}: {error}", file.display()))
    };
    let usable = read("tls.certificate_file", chain).and_then(|chain| {
        let key = read("tls.key_file", key)?;
        server_config_from_pem(&chain, &key).map_err(|error| error.to_string())?;
        Ok(chain)
    });
    let chain = match usable {
        Ok(chain) => chain,
        Err(told) => return Finding::new(CERTIFICATE, Wrong, told),
    };
    let host = url::Url::parse(&config.server.public_url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    let (verdict, told) = judge(&chain, &host, now);
    Finding::new(CERTIFICATE, verdict, told)
}

/// Whether a client that trusts the last certificate of the chain would take the first, now and in
/// two weeks.
fn judge(chain: &[u8], host: &str, now: Timestamp) -> (Verdict, String) {
    let at = |moment: Timestamp| verify(chain, host, moment);
    match at(now) {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => (Wrong, String::from("the certificate has expired; renew it")),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => (Wrong, format!("the certificate is not for {host}; get one that names it")),
        Err(error) => {
            let told = format!(
                "loads, but its chain alone does not show that it is good ({error}); clients need the issuer"
            );
            (Note, told)
        }
        Ok(()) if at(now.plus_ms(RENEW_MS)).is_err() => {
            (Note, String::from("the certificate ends within 14 days; renew it"))
        }
        Ok(()) => (Fine, format!("good for {host}")),
    }
}

fn verify(chain: &[u8], host: &str, at: Timestamp) -> Result<(), rustls::Error> {
    let general = |told: String| rustls::Error::General(told);
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| general(error.to_string()))?;
    let (first, rest) = chain.split_first().ok_or_else(|| general(String::from("empty")))?;
    let mut roots = RootCertStore::empty();
    roots.add(rest.last().unwrap_or(first).clone())?;
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
        .build()
        .map_err(|error| general(error.to_string()))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| general(error.to_string()))?;
    let at = Duration::from_millis(u64::try_from(at.ms()).unwrap_or(0));
    let at = UnixTime::since_unix_epoch(at);
    verifier.verify_server_cert(first, rest, &name, &[], at).map(|_verified| ())
}

fn push(config: &Config, mode: Mode) -> Finding {
    if mode != Mode::Serve {
        return Finding::new(PUSH, Fine, "none needed: the development tray takes every push");
    }
    let accounts = match server::push_accounts::own(config) {
        Ok(accounts) => accounts,
        Err(error) => return Finding::new(PUSH, Wrong, error.to_string()),
    };
    let mut told = Vec::new();
    if let Ok(apns) = &accounts.apns {
        told.push(format!("APNs for {}", apns.topic()));
    }
    if let Ok(fcm) = &accounts.fcm {
        told.push(format!("FCM for project {}", fcm.project()));
    }
    if told.is_empty() {
        let told = "none in [push]: only tenants with credentials of their own send pushes";
        return Finding::new(PUSH, Note, told);
    }
    let told = format!("{}; `aizuchi push test` shows whether they are taken", told.join(", "));
    Finding::new(PUSH, Fine, told)
}

fn unseen(check: &'static str) -> Finding {
    Finding::new(check, Note, "not looked at, because of the line above")
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use serde_json::json;
    use server::Mode;
    use server::config::Config;
    use server::listen::DevCa;

    use super::super::Verdict;
    use super::{certificate, clock, folder, judge, signing_keys};

    const NOW: Timestamp = Timestamp::from_ms(1_795_410_000_000);

    fn config(folder: &std::path::Path) -> Config {
        let mut config = Config::default();
        config.server.data_dir = folder.to_path_buf();
        config
    }

    #[test]
    fn a_readable_secret_is_found_with_the_command_that_mends_it() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let secret = place.path().join("root.key");
        std::fs::write(&secret, "x").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
        let found = folder(&config(place.path()));
        assert_eq!(found.verdict, Verdict::Wrong);
        assert!(found.sentence.contains("chmod go-rwx"), "{}", found.sentence);
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(folder(&config(place.path())).verdict, Verdict::Fine);
    }

    #[test]
    fn a_clock_behind_the_data_is_found() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("aizuchi.db"), "x").unwrap();
        let config = config(place.path());
        assert_eq!(clock(&config, Timestamp::from_ms(0)).verdict, Verdict::Wrong);
        assert_eq!(clock(&config, Timestamp::from_ms(1_767_300_000_000)).verdict, Verdict::Wrong);
        assert_eq!(clock(&config, super::now()).verdict, Verdict::Fine);
    }

    #[test]
    fn certificates_are_judged_by_name_and_time() {
        let place = tempfile::tempdir().unwrap();
        let (chain, _key) = DevCa::open(place.path()).unwrap().issue(&["localhost"]).unwrap();
        let judged = |host, now| judge(chain.as_bytes(), host, now).0;
        assert_eq!(judged("localhost", NOW), Verdict::Fine);
        assert_eq!(judged("login.example.com", NOW), Verdict::Wrong);
        let end = Timestamp::from_ms(2_082_758_400_000);
        assert_eq!(judged("localhost", end.plus_seconds(-86_400)), Verdict::Note, "ends soon");
        assert_eq!(judged("localhost", end.plus_seconds(86_400)), Verdict::Wrong);
    }

    #[test]
    fn serving_needs_a_certificate_and_a_key_that_signs() {
        let found = certificate(&Config::default(), Mode::Serve, NOW);
        assert_eq!(found.verdict, Verdict::Wrong);
        assert_eq!(signing_keys(&json!([])).verdict, Verdict::Wrong);
        let keys = json!([{"kid": "a", "alg": "RS256", "stage": "current"}]);
        assert_eq!(signing_keys(&keys).verdict, Verdict::Fine);
    }
}
