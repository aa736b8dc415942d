//! What the command tests share: running the binary, a development server, plain HTTP to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// How long a command may take before the test that waits for it fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The one JSON document on standard output (O4).
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one document on one line: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The same, of a command that must have succeeded.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// Runs `aizuchi` to its end.
pub(crate) fn aizuchi(arguments: &[&str]) -> Said {
    said(command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// The command, not yet started; nothing of the environment configures it.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aizuchi"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _value) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AIZUCHI_") {
            command.env_remove(name);
        }
    }
    command
}

/// The PostgreSQL of the gate's second pass.
#[expect(clippy::disallowed_methods, reason = "the one variable that chooses the engine")]
pub(crate) fn postgres_server() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok()
}

/// The database of a test on PostgreSQL: a schema of its own, as `--database`.
pub(crate) fn postgres_database() -> Option<String> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let url = postgres_server()?;
    let joint = if url.contains('?') { '&' } else { '?' };
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    Some(format!("{url}{joint}schema=cli_{}_{number}", std::process::id()))
}

/// A port that nobody listens on, and none that the system gives to whoever asks for any: a connection of another test
/// would hold it when the server (or the one after it) wants it.
pub(crate) fn free_port() -> u16 {
    /// Below those that the system gives.
    const FIRST: u32 = 12_000;
    const PORTS: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id() * 128 % PORTS + NEXT.fetch_add(1, Ordering::SeqCst);
        let port = u16::try_from(FIRST + number % PORTS).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A development server; ended when dropped.
pub(crate) struct Dev {
    child: Child,
    /// The line that it printed.
    pub(crate) line: String,
    /// The same, read.
    pub(crate) card: Value,
    /// Its data folder, with whatever a test keeps beside the data.
    pub(crate) folder: TempDir,
    /// `--database`, if it is not a file in the folder.
    pub(crate) database: Option<String>,
}

impl Dev {
    /// Starts one in a fresh folder, on free ports.
    pub(crate) fn start(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), postgres_database(), more)
    }

    /// The same, on whatever ports it takes itself.
    pub(crate) fn start_anywhere() -> Self {
        Self::start_on(("0", "0"), tempfile::tempdir().unwrap(), postgres_database(), &[])
    }

    /// Starts one on the data of `folder`.
    pub(crate) fn start_in(folder: TempDir, database: Option<String>, more: &[&str]) -> Self {
        let [https, http] = [free_port(), free_port()].map(|port| port.to_string());
        Self::start_on((&https, &http), folder, database, more)
    }

    /// Starts it again on the ports that its card named.
    pub(crate) fn start_again(
        folder: TempDir,
        database: Option<String>,
        card: &Value,
        more: &[&str],
    ) -> Self {
        let port = |name: &str| {
            let address = card[name].as_str().unwrap().trim_end_matches('/').to_owned();
            address.rsplit(':').next().unwrap().to_owned()
        };
        Self::start_on((&port("issuer"), &port("http")), folder, database, more)
    }

    fn start_on(
        (https, http): (&str, &str),
        folder: TempDir,
        database: Option<String>,
        more: &[&str],
    ) -> Self {
        let data = data(&folder);
        let mut arguments = vec!["dev", "--json", "--data", data.as_str()];
        arguments.extend(["--https-port", https, "--http-port", http]);
        arguments.extend(["--set", "ciba.interval_s=1"]);
        if let Some(url) = &database {
            arguments.extend(["--database", url]);
        }
        arguments.extend_from_slice(more);
        let mut child =
            command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let card = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            panic!("no card but {line:?}; {told}")
        });
        // Drained, so that a talkative server never waits for us.
        let mut logs = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut logs, &mut std::io::sink()));
        Self { child, line, card, folder, database }
    }

    /// A text of the card.
    pub(crate) fn text(&self, pointer: &str) -> String {
        self.card.pointer(pointer).and_then(Value::as_str).expect("in the card").to_owned()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> String {
        data(&self.folder)
    }

    /// A file beside the data.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Runs an administration command on its data.
    pub(crate) fn administer(&self, arguments: &[&str]) -> Said {
        let data = self.data();
        let mut all = arguments.to_vec();
        all.extend(["--data", data.as_str(), "--json"]);
        if let Some(url) = &self.database {
            all.extend(["--database", url]);
        }
        aizuchi(&all)
    }

    /// `aizuchi ask --json` as the card's client asks the card's user.
    pub(crate) fn ask(&self, message: &str, more: &[&str]) -> Command {
        self.ask_in_words(message, &[&["--json"], more].concat())
    }

    /// The same for people.
    pub(crate) fn ask_in_words(&self, message: &str, more: &[&str]) -> Command {
        let (issuer, ca) = (self.text("/issuer"), self.text("/ca_file"));
        let (id, secret) = (self.text("/client/client_id"), self.text("/client/client_secret"));
        let user = self.text("/user/user_id");
        let mut arguments = vec!["ask", "--issuer", &issuer, "--ca", &ca];
        arguments.extend(["--client-id", &id, "--client-secret", &secret, "--user", &user]);
        arguments.extend(["--message", message]);
        arguments.extend_from_slice(more);
        let mut command = command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Enrolls a phone for the card's user; its state file.
    pub(crate) fn enroll(&self, name: &str, more: &[&str]) -> String {
        let ticket =
            self.administer(&["user", "ticket", &self.text("/user/user_id")]).done().json();
        let (state, ca) = (self.file(name), self.text("/ca_file"));
        let url = ticket["ticket_url"].as_str().expect("a ticket").to_owned();
        let mut arguments = vec!["phone", "enroll", &url, "--ca", &ca, "--state", &state];
        arguments.extend_from_slice(more);
        aizuchi(&arguments).done();
        state
    }

    /// The card's user says yes on the phone kept in `state`; the tokens.
    pub(crate) fn approved(&self, state: &str, more: &[&str]) -> Value {
        let asking = self.ask("Pay 20 EUR", more).spawn().unwrap();
        let phone =
            ["phone", "watch", "--count", "1", "--answer", "approve", "--state", state, "--json"];
        let mut watching = command(&phone).stdout(Stdio::piped()).spawn().unwrap();
        let asked = said(asking);
        if asked.code == 0 {
            // Ends by itself once the answer is remembered.
            said(watching).done();
        } else {
            // A request that was never made would be watched for without an end.
            drop(watching.kill());
            drop(watching.wait());
        }
        asked.done().json()
    }

    /// One request on the plain listener: status and body.
    pub(crate) fn http(&self, method: &str, path: &str) -> (u16, String) {
        http(&self.text("/http"), (method, path), "")
    }

    /// The same with a header line.
    pub(crate) fn http_with(&self, method: &str, path: &str, header: &str) -> (u16, String) {
        http(&self.text("/http"), (method, path), &format!("{header}\r\n"))
    }

    /// A form on the plain listener by the card's client: status and JSON.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        self.try_form(path, fields).expect("an answer")
    }

    /// The same with a server that may be gone.
    pub(crate) fn try_form(&self, path: &str, fields: &[(&str, &str)]) -> Option<(u16, Value)> {
        let (id, secret) = (self.text("/client/client_id"), self.text("/client/client_secret"));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", &id), ("client_secret", &secret)])
            .extend_pairs(fields)
            .finish();
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        let (status, body) = try_exchange(&self.text("/http"), ("POST", path), headers, &body)?;
        Some((status, serde_json::from_str(&body).ok()?))
    }

    /// Starts a request for the card's user; its `auth_req_id`.
    pub(crate) fn begin(&self, message: &str) -> String {
        let user = self.text("/user/user_id");
        let issuer = self.text("/issuer");
        let hint = serde_json::json!({"format": "iss_sub", "iss": issuer, "sub": user}).to_string();
        let fields = [("scope", "openid"), ("binding_message", message), ("login_hint", &hint)];
        let (status, body) = self.form("/bc-authorize", &fields);
        assert_eq!(status, 200, "{body}");
        body["auth_req_id"].as_str().unwrap().to_owned()
    }

    /// One poll: status, and `error` or `tokens`.
    pub(crate) fn poll(&self, auth_req_id: &str) -> (u16, String) {
        let grant = ("grant_type", "urn:openid:params:grant-type:ciba");
        let (status, body) = self.form("/oauth/token", &[grant, ("auth_req_id", auth_req_id)]);
        (status, body["error"].as_str().unwrap_or("tokens").to_owned())
    }

    /// Asks it to end, as Ctrl-C or a service manager does.
    pub(crate) fn stop(self, name: &str) -> (ExitStatus, TempDir, Option<String>) {
        signal(&self.child, name);
        self.ended()
    }

    /// The process.
    pub(crate) const fn child(&self) -> &Child {
        &self.child
    }

    /// Waits for the end of a process that was signalled.
    pub(crate) fn ended(mut self) -> (ExitStatus, TempDir, Option<String>) {
        let status = self.child.wait().unwrap();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        (status, folder, self.database.take())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Already gone after `stop`.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn data(folder: &TempDir) -> String {
    folder.path().join("data").to_string_lossy().into_owned()
}

/// One plain HTTP/1.1 request to `base` (`http://localhost:PORT/`).
pub(crate) fn http(base: &str, request: (&str, &str), headers: &str) -> (u16, String) {
    exchange(base, request, headers, "")
}

fn exchange(base: &str, request: (&str, &str), headers: &str, body: &str) -> (u16, String) {
    try_exchange(base, request, headers, body).expect("an answer")
}

/// The same with a server that may be gone; an answer that broke off is none.
pub(crate) fn try_exchange(
    base: &str,
    (method, path): (&str, &str),
    headers: &str,
    body: &str,
) -> Option<(u16, String)> {
    let authority = base.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(authority).ok()?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok())?;
    Some((status, body.to_owned()))
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

/// Waits for the end of a child, and not for ever; what it said.
pub(crate) fn said(child: Child) -> Said {
    let pid = child.id();
    let (ended, end) = mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        let late = end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            drop(Command::new("kill").args(["-KILL", &pid.to_string()]).status());
        }
        late
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!guard.join().unwrap(), "did not end within {PATIENCE:?}: {out}{err}");
    Said { code: output.status.code().expect("ended by itself"), out, err }
}

/// Whether only its owner may read a file.
pub(crate) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode().trailing_zeros() >= 6
}

/// The paths in a folder.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
