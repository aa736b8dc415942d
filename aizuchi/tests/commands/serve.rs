//! The production server as it is configured and started.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc;

use tempfile::TempDir;

use crate::common::{PATIENCE, aizuchi, command, free_port, http, postgres_database, signal};

/// A server in earnest; ended when dropped.
pub(crate) struct Serve {
    pub(crate) child: Child,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
    manager: UnixDatagram,
    logs: mpsc::Receiver<String>,
}

impl Serve {
    /// Starts one that listens as `listen` says, with `PORT` and `FOLDER` filled in.
    pub(crate) fn start(listen: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let certificates = folder.path().join("certificates");
        std::fs::create_dir(&certificates).unwrap();
        let ca = server::listen::DevCa::open(&certificates).unwrap();
        let (chain, key) = ca.issue(&["localhost"]).unwrap();
        std::fs::write(certificates.join("chain.pem"), chain).unwrap();
        std::fs::write(certificates.join("key.pem"), key).unwrap();
        let database = postgres_database().unwrap_or_else(|| String::from("sqlite:aizuchi.db"));
        let text = format!(
            "[server]\ndata_dir = \"FOLDER/data\"\npublic_url = \"https://localhost:PORT/\"\n\
             [keys]\nroot = \"{}\"\n[database]\nurl = \"{database}\"\n{listen}",
            "5a".repeat(32),
        );
        let text = text.replace("FOLDER", &folder.path().to_string_lossy());
        let config = folder.path().join("aizuchi.toml");
        std::fs::write(&config, text.replace("PORT", &port.to_string())).unwrap();
        let socket = folder.path().join("notify");
        let manager = UnixDatagram::bind(&socket).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut child = command(&["serve", "--config", &config.to_string_lossy()])
            .env("NOTIFY_SOCKET", socket)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut logs = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut told = Vec::new();
        while !told.last().is_some_and(|line: &String| line.contains("serving on")) {
            told.push(logs.next().unwrap_or_else(|| panic!("it does not start: {told:?}")));
        }
        let (tell, rest) = mpsc::channel();
        // Read to the end, so that a talkative server never waits for us.
        std::thread::spawn(move || logs.for_each(|line| drop(tell.send(line))));
        Self { child, port, folder, manager, logs: rest }
    }

    /// Waits until a line with these words is logged; the line.
    pub(crate) fn logs(&self, words: &str) -> String {
        loop {
            let line = self.logs.recv_timeout(PATIENCE).unwrap();
            if line.contains(words) {
                return line;
            }
        }
    }

    /// A file below its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The next thing that the service manager is told.
    pub(crate) fn tells_manager(&self) -> String {
        let mut text = [0; 64];
        let length = self.manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).trim().to_owned()
    }

    pub(crate) fn plain(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // Already gone where a test ended it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) const PLAIN: &str = "[listen]\nhttps = \"\"\nhttp = \"127.0.0.1:PORT\"\nops = \"\"\n";

/// O40: nothing of the development tools, in any method.
#[test]
fn serve_has_no_development_tools() {
    let mut serve = Serve::start(&format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{PLAIN}"));
    assert_eq!(http(&serve.plain(), ("GET", "/.well-known/jwks.json"), "").0, 200);
    for path in [
        "/dev/tray/abc",
        "/dev/ciba/abc/allow",
        "/dev/ciba/abc/deny",
        "/dev/users/abc/phone",
        "/dev/clock/advance?seconds=1",
        "/dev/resource",
        "/dev",
        "/dev/",
        "/dev/anything/else",
        "/t/default/dev/tray/abc",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            assert_eq!(http(&serve.plain(), (method, path), "").0, 404, "{method} {path}");
        }
    }
    signal(&serve.child, "-TERM");
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
}

/// O257: the service manager is told when everything listens, and when the end begins.
#[test]
fn the_service_manager_is_told() {
    let mut serve = Serve::start(&format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{PLAIN}"));
    assert_eq!(serve.tells_manager(), "READY=1");
    signal(&serve.child, "-TERM");
    assert_eq!(serve.tells_manager(), "STOPPING=1");
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
}

/// O220: the way into the console, as long as nobody has a passkey.
#[test]
fn serve_prints_a_link_to_the_console() {
    let serve = Serve::start(&format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{PLAIN}"));
    let line = serve.logs("console/sign-in?link=");
    let (_, query) = line.split_once("?link=").unwrap();
    let (status, page) =
        http(&serve.plain(), ("GET", &format!("/console/sign-in?link={query}")), "");
    assert!(status == 200 && page.contains("This link signs you in as"), "{page}");
}

/// O43, W18: HTTPS with the configured certificate; the issuer is that origin, with its port.
#[test]
fn serve_listens_with_the_configured_certificate() {
    let serve = Serve::start(
        "[tls]\ncertificate_file = \"FOLDER/certificates/chain.pem\"\n\
         key_file = \"FOLDER/certificates/key.pem\"\n\
         [listen]\nhttps = \"127.0.0.1:PORT\"\nhttp = \"\"\nops = \"\"\n",
    );
    let issuer = format!("https://localhost:{}/", serve.port);
    let ca = serve.folder.path().join("certificates/ca.pem").to_string_lossy().into_owned();
    let who = ["--client-id", "nobody", "--client-secret", "x", "--user", "u", "--message", "m"];
    let asked = aizuchi(&[&["ask", "--issuer", &issuer, "--ca", &ca][..], &who].concat());
    assert!(asked.err.contains("401"), "the server itself answered: {asked:?}");
}

/// O43, O44: plain HTTP for trusted peers only; others are refused and learn nothing.
#[test]
fn plain_http_is_for_trusted_proxies() {
    let serve = Serve::start(&format!("[proxy]\ntrusted = [\"192.0.2.1\"]\n{PLAIN}"));
    for path in ["/.well-known/openid-configuration", "/oauth/token", "/api/v2/users"] {
        let (status, body) = http(&serve.plain(), ("GET", path), "");
        assert_eq!(status, 403, "{path}");
        assert!(!body.contains("http://"), "{body}");
    }
    drop(serve);
    let serve = Serve::start(&format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{PLAIN}"));
    let (status, body) = http(&serve.plain(), ("GET", "/.well-known/openid-configuration"), "");
    assert_eq!(status, 200);
    assert!(!body.contains("http://"), "{body}");
}

/// O48: the environment overrides the file, `--set` overrides both.
#[test]
fn the_environment_overrides_the_file_and_set_overrides_both() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("aizuchi.toml");
    std::fs::write(&config, "[log]\nformat = \"file\"\n").unwrap();
    let config = config.to_string_lossy().into_owned();
    let complaint = |environment: Option<&str>, set: &[&str]| {
        let mut command = command(&[&["serve", "--config", &config][..], set].concat());
        command.envs(environment.map(|value| ("AIZUCHI_LOG__FORMAT", value)));
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    assert!(complaint(None, &[]).contains("log.format"));
    assert!(!complaint(Some("json"), &[]).contains("log.format"));
    assert!(complaint(Some("json"), &["--set", "log.format=cli"]).contains("log.format"));
}
