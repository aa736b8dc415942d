//! A mail server that takes mail as real ones do (RFC 5321, 3207, 4954): `EHLO`, `STARTTLS` or TLS at
//! once, `AUTH PLAIN` and `LOGIN`, and refusals where the order or a command is wrong. It delivers
//! nothing: tests read what it took.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use server::listen::DevCa;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The one account.
pub const SMTP_USER: &str = "mailer";
/// Its password.
pub const SMTP_PASS: &str = "correct horse";

/// A mail that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// `MAIL FROM`.
    pub from: String,
    /// `RCPT TO`.
    pub to: Vec<String>,
    /// Headers and body as they came, without the dots of the transport.
    pub data: String,
    /// Whether it came over TLS.
    pub is_encrypted: bool,
    /// Who signed in.
    pub user: Option<String>,
}

/// What the server does with the next mail.
#[derive(Clone, Copy, Debug)]
pub enum MailReply {
    /// Answers this to `RCPT TO`.
    RefuseRecipient(&'static str),
    /// Answers this to the end of the data.
    RefuseData(&'static str),
    /// Closes the connection at `MAIL FROM`.
    Close,
}

/// The server.
#[derive(Debug)]
pub struct Smtp {
    address: SocketAddr,
    book: Arc<Book>,
    ca: DevCa,
    _folder: tempfile::TempDir,
}

#[derive(Debug, Default)]
struct Book {
    taken: Mutex<Vec<Taken>>,
    replies: Mutex<VecDeque<MailReply>>,
    offers_tls: Mutex<bool>,
}

impl Smtp {
    /// Starts it on a free port of this machine; it offers `STARTTLS`.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = DevCa::open(folder.path()).unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls(&ca)));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let book = Arc::new(Book { offers_tls: Mutex::new(true), ..Book::default() });
        let known = Arc::clone(&book);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let (book, tls) = (Arc::clone(&known), tls.clone());
                tokio::spawn(async move { serve(stream, tls, &book).await });
            }
        });
        Self { address, book, ca, _folder: folder }
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// The PEM file of the authority that vouches for it.
    pub fn ca_file(&self) -> PathBuf {
        self.ca.file().to_path_buf()
    }

    /// The next mail gets this reply; calls add up.
    pub fn replies(&self, reply: MailReply) {
        self.book.replies.lock().unwrap().push_back(reply);
    }

    /// From now on `STARTTLS` is not offered.
    pub fn hides_tls(&self) {
        *self.book.offers_tls.lock().unwrap() = false;
    }

    /// What it took, oldest first.
    pub fn taken(&self) -> Vec<Taken> {
        self.book.taken.lock().unwrap().clone()
    }
}

fn tls(ca: &DevCa) -> ServerConfig {
    let (chain, key) = ca.issue(&["localhost", "127.0.0.1"]).unwrap();
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

/// How a part of the conversation ended.
enum Ended {
    Gone,
    StartTls,
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, book: &Book) {
    let mut plain = BufStream::new(stream);
    if say(&mut plain, "220 mail.example ESMTP").await.is_err() {
        return;
    }
    let Ok(Ended::StartTls) = talk(&mut plain, book, false).await else { return };
    let Ok(stream) = tls.accept(plain.into_inner()).await else { return };
    let mut secret = BufStream::new(stream);
    let _ended = talk(&mut secret, book, true).await;
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    line: &str,
) -> std::io::Result<()> {
    stream.write_all(line.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

async fn hear<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[derive(Default)]
struct Talk {
    has_greeted: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
    reply: Option<MailReply>,
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    book: &Book,
    is_encrypted: bool,
) -> std::io::Result<Ended> {
    let mut so_far = Talk::default();
    while let Some(line) = hear(stream).await? {
        let (verb, rest) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                so_far = Talk { has_greeted: true, ..Talk::default() };
                say(stream, "250-mail.example").await?;
                if is_encrypted {
                    say(stream, "250-AUTH PLAIN LOGIN").await?;
                } else if *book.offers_tls.lock().unwrap() {
                    say(stream, "250-STARTTLS").await?;
                }
                "250 8BITMIME"
            }
            "STARTTLS" if !is_encrypted => {
                say(stream, "220 go ahead").await?;
                return Ok(Ended::StartTls);
            }
            "QUIT" => {
                say(stream, "221 bye").await?;
                return Ok(Ended::Gone);
            }
            _ if !so_far.has_greeted => "503 EHLO first",
            _ if !is_encrypted => "530 must issue a STARTTLS command first",
            verb => match carry(stream, book, (&mut so_far, is_encrypted), (verb, rest)).await? {
                Some(answer) => answer,
                None => return Ok(Ended::Gone),
            },
        };
        say(stream, answer).await?;
    }
    Ok(Ended::Gone)
}

/// Answers the commands that carry a mail; `None`: the connection is closed.
async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    book: &Book,
    (so_far, is_encrypted): (&mut Talk, bool),
    (verb, rest): (&str, &str),
) -> std::io::Result<Option<&'static str>> {
    Ok(Some(match verb {
        "AUTH" => match signed_in(stream, rest).await? {
            Some(user) => {
                so_far.user = Some(user);
                "235 welcome"
            }
            None => "535 5.7.8 authentication credentials invalid",
        },
        "MAIL" if so_far.user.is_none() => "530 5.7.0 authentication required",
        "MAIL" => {
            so_far.reply = book.replies.lock().unwrap().pop_front();
            if matches!(so_far.reply, Some(MailReply::Close)) {
                return Ok(None);
            }
            so_far.from = address(rest, "FROM:");
            so_far.to.clear();
            if so_far.from.is_some() { "250 ok" } else { "501 no address" }
        }
        "RCPT" if so_far.from.is_none() => "503 MAIL first",
        "RCPT" => match (so_far.reply, address(rest, "TO:")) {
            (Some(MailReply::RefuseRecipient(line)), _) => line,
            (_, Some(to)) => {
                so_far.to.push(to);
                "250 ok"
            }
            (_, None) => "501 no address",
        },
        "DATA" if so_far.to.is_empty() => "503 RCPT first",
        "DATA" => {
            say(stream, "354 end with a dot").await?;
            let data = data(stream).await?;
            match so_far.reply {
                Some(MailReply::RefuseData(line)) => line,
                Some(MailReply::RefuseRecipient(_) | MailReply::Close) | None => {
                    book.taken.lock().unwrap().push(Taken {
                        from: so_far.from.take().unwrap(),
                        to: std::mem::take(&mut so_far.to),
                        data,
                        is_encrypted,
                        user: so_far.user.clone(),
                    });
                    "250 2.0.0 queued"
                }
            }
        }
        "RSET" | "NOOP" => "250 ok",
        _ => "500 unknown",
    }))
}

/// The address between the angle brackets behind `FROM:` or `TO:`.
fn address(rest: &str, behind: &str) -> Option<String> {
    let rest = rest.strip_prefix(behind)?.trim_start().strip_prefix('<')?;
    let (address, _) = rest.split_once('>')?;
    address.contains('@').then(|| address.to_owned())
}

async fn signed_in<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    rest: &str,
) -> std::io::Result<Option<String>> {
    let text = |line: &str| {
        let bytes = STANDARD.decode(line).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    };
    let (mechanism, first) = rest.split_once(' ').unwrap_or((rest, ""));
    if mechanism == "PLAIN" {
        let said = text(first);
        let mut parts = said.split('\0').skip(1);
        let (user, pass) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        return Ok((user == SMTP_USER && pass == SMTP_PASS).then(|| user.to_owned()));
    }
    say(stream, "334 VXNlcm5hbWU6").await?;
    let user = text(&hear(stream).await?.unwrap_or_default());
    say(stream, "334 UGFzc3dvcmQ6").await?;
    let pass = text(&hear(stream).await?.unwrap_or_default());
    Ok((user == SMTP_USER && pass == SMTP_PASS).then_some(user))
}

async fn data<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
) -> std::io::Result<String> {
    let mut data = String::new();
    while let Some(line) = hear(stream).await? {
        if line == "." {
            break;
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
        data.push('\n');
    }
    Ok(data)
}
