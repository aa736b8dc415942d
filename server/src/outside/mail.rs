//! Handing mail to a tenant's SMTP server: the address that was checked is the one that is dialled,
//! and nothing is said before the connection is encrypted.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsVersion,
};
use lettre::transport::smtp::extension::ClientId;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::timeout;

use super::http::{DialError, checked_addresses, system_roots};
use crate::config;

/// Everything about one mail, from the look-up of the name to the server's last word.
const WITHIN: Duration = Duration::from_secs(20);
/// One connection, and each answer on it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Where TLS begins at once (RFC 8314 3.3).
const IMPLICIT_TLS: u16 = 465;
/// Longest text of others that goes into a record or a log.
const TOLD_CHARS: usize = 200;

/// An account at an SMTP server.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpAccount {
    /// The server's name.
    pub host: String,
    /// Its port: 465 begins with TLS, any other asks for it (`STARTTLS`).
    pub port: u16,
    /// Name and password; `None`: the server takes mail from whoever reaches it.
    pub login: Option<(String, String)>,
    /// From whom mail comes.
    pub from: String,
}

impl fmt::Debug for SmtpAccount {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpAccount")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// What follows from it.
    pub receipt: MailReceipt,
    /// The server's status; `None` without an answer.
    pub status: Option<u16>,
}

/// What follows from a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailReceipt {
    /// The server took it.
    Accepted,
    /// It will never take this one, and why.
    Refused(String),
    /// Not now, and why.
    Later(String),
}

/// Who we are in the conversation, and what the operator allows.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// What may be called although it is not public, and whom TLS trusts.
    pub outbound: &'a config::Outbound,
    /// Whether this machine may be called.
    pub is_dev: bool,
    /// Our own name.
    pub host: &'a str,
}

/// Hands one mail over, and reads what became of it.
pub async fn post(sender: Sender<'_>, account: &SmtpAccount, message: &Message) -> Posted {
    match timeout(WITHIN, hand_over(sender, account, message)).await {
        Ok(Ok(status)) => Posted { receipt: MailReceipt::Accepted, status: Some(status) },
        Ok(Err(posted)) => posted,
        Err(_elapsed) => later("no answer in time"),
    }
}

async fn hand_over(
    sender: Sender<'_>,
    account: &SmtpAccount,
    message: &Message,
) -> Result<u16, Posted> {
    let to = (account.host.as_str(), account.port);
    let addresses = checked_addresses(sender.outbound, sender.is_dev, to).await;
    let addresses = addresses.map_err(|error| match error {
        DialError::Forbidden(why) => refused(&why),
        DialError::Unreachable(why) => later(&why),
    })?;
    let tls = parameters(&account.host, sender.outbound).map_err(|why| refused(&why))?;
    let mut connection = connected(&addresses, (sender, account), tls).await?;
    if let Some((name, password)) = &account.login {
        let credentials = Credentials::new(name.clone(), password.clone());
        let answer = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        answer.map_err(|error| told("the name and password: ", &error))?;
    }
    let answer = connection.send(message.envelope(), &message.formatted()).await;
    let answer = answer.map_err(|error| told("", &error))?;
    connection.abort().await;
    Ok(answer.code().into())
}

/// A connection that is encrypted, whatever the port.
async fn connected(
    addresses: &[SocketAddr],
    (sender, account): (Sender<'_>, &SmtpAccount),
    tls: TlsParameters,
) -> Result<AsyncSmtpConnection, Posted> {
    let hello = ClientId::Domain(sender.host.to_owned());
    let is_implicit = account.port == IMPLICIT_TLS;
    let at_once = is_implicit.then(|| tls.clone());
    let within = Some(ANSWER_WITHIN);
    let connecting =
        AsyncSmtpConnection::connect_tokio1(addresses, within, &hello, at_once, None).await;
    let mut connection = connecting.map_err(|error| told("", &error))?;
    if !is_implicit {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(refused("the server offers no STARTTLS; mail is not sent unencrypted"));
        }
        connection.starttls(tls, &hello).await.map_err(|error| told("STARTTLS: ", &error))?;
    }
    Ok(connection)
}

/// TLS as for every other call: the system's authorities, and those of `outbound.ca_file`.
fn parameters(host: &str, outbound: &config::Outbound) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned())
        .certificate_store(CertificateStore::None)
        .set_min_tls_version(TlsVersion::Tlsv12);
    let own = Some(outbound.ca_file.as_path()).filter(|file| !file.as_os_str().is_empty());
    for file in system_roots().into_iter().chain(own) {
        for root in roots(file)? {
            builder = builder.add_root_certificate(root);
        }
    }
    builder.build_rustls().map_err(|error| format!("TLS: {error}"))
}

/// The certificates of a file that TLS can use; the others count for nothing.
fn roots(file: &Path) -> Result<Vec<Certificate>, String> {
    let named = |what: &dyn fmt::Display| format!("{}: {what}", file.display());
    let found = CertificateDer::pem_file_iter(file).map_err(|error| named(&error))?;
    let is_usable = |one: &CertificateDer<'static>| RootCertStore::empty().add(one.clone()).is_ok();
    let usable = found.filter_map(Result::ok).filter(is_usable);
    usable.map(|one| Certificate::from_der(one.to_vec()).map_err(|error| named(&error))).collect()
}

/// What an error of the conversation means: a final word of the server, or something for later.
fn told(about: &str, error: &lettre::transport::smtp::Error) -> Posted {
    let status = error.status().map(u16::from);
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let said: String =
        deepest.to_string().chars().filter(|c| !c.is_control()).take(TOLD_CHARS).collect();
    let code = status.map(|status| format!("{status} ")).unwrap_or_default();
    let why = format!("SMTP: {about}{code}{said}");
    let receipt = if error.is_permanent() || error.is_client() {
        MailReceipt::Refused(why)
    } else {
        MailReceipt::Later(why)
    };
    Posted { receipt, status }
}

fn refused(why: &str) -> Posted {
    Posted { receipt: MailReceipt::Refused(format!("SMTP: {why}")), status: None }
}

fn later(why: &str) -> Posted {
    Posted { receipt: MailReceipt::Later(format!("SMTP: {why}")), status: None }
}
