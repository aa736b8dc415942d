//! Certificates that we fetch ourselves (ACME, RFC 8555), proving hosts by TLS-ALPN-01 (RFC 8737):
//! the authority comes to the very port that serves, so nothing else need be open.
//!
//! What is fetched is kept in the database, sealed, for all nodes; one node at a time fetches.

mod order;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::jose::NONCE_BYTES;
use domain::oauth::certificate::Certificate;
use domain::{Fingerprint, TenantId, Timestamp};
use instant_acme::{Account, AccountCredentials, NewAccount};
use store::acme::HostRow;
use store::sealed::{Place, SealedValue};
use store::{Write, Written, acme, leases, tenants};
use tokio::time::MissedTickBehavior;

use crate::App;
use crate::listen::{Certificates, Drain, Served};
use crate::outside::Outbound;
use window::Authority;

/// How often rows are looked at: for what other nodes fetched, and what is due.
pub(crate) const TICK: Duration = Duration::from_secs(2);
/// The node that fetches keeps at it; another takes over when it was silent for this long.
const LEASE_MS: i64 = 300_000;
/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT_MS: i64 = 300_000;
/// After so many doublings the wait grows no more: about a day.
const WAIT_DOUBLINGS: i64 = 8;
/// Longest text that is kept of a problem.
const PROBLEM_CHARS: usize = 500;

/// The fetching of certificates, and what of it is being served.
#[derive(Debug)]
pub struct Acme {
    app: Arc<App>,
    certificates: Arc<Certificates>,
    outbound: Arc<dyn Outbound>,
    node: String,
    served: HashMap<String, Fingerprint>,
}

impl Acme {
    /// Serves by `certificates` what is fetched through `outbound`.
    pub fn new(
        app: Arc<App>,
        certificates: Arc<Certificates>,
        outbound: Arc<dyn Outbound>,
    ) -> Self {
        let node = app.entropy.hex::<8>();
        Self { app, certificates, outbound, node, served: HashMap::new() }
    }

    /// Works until the drain begins.
    pub(crate) async fn keep(mut self, drain: Drain) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let work = async {
                tick.tick().await;
                let now = self.app.clock.now();
                self.work(now, &drain).await;
            };
            tokio::select! {
                () = work => {}
                () = drain.wait() => break,
            }
        }
    }

    /// One look at the rows: serves what is there, and fetches what is due.
    pub async fn work(&mut self, now: Timestamp, drain: &Drain) {
        if let Err(problem) = self.serve(now).await {
            tracing::error!(problem, "fetched certificates cannot be read");
        }
        match Box::pin(self.fetch(now, drain)).await {
            Ok(false) => {}
            Ok(true) => {
                if let Err(problem) = self.serve(now).await {
                    tracing::error!(problem, "fetched certificates cannot be read");
                }
            }
            Err(problem) => tracing::error!(problem, "certificates cannot be fetched"),
        }
    }

    /// Serves what the rows hold: certificates, and what the authority is to be shown.
    async fn serve(&mut self, now: Timestamp) -> Result<(), String> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let rows = acme::hosts(&self.app.database).await.map_err(told)?;
        let chains: HashMap<String, Fingerprint> = rows
            .iter()
            .filter_map(|row| Some((row.host.clone(), print(&row.certificate.as_ref()?.0))))
            .collect();
        if chains != self.served {
            let mut all = Vec::new();
            for row in &rows {
                let Some((chain, sealed)) = &row.certificate else { continue };
                let key = self.open(Place::AcmeCertificates, &row.host, sealed)?;
                all.push(Served::from_pem(chain.as_bytes(), &key, &provider).map_err(told)?);
            }
            self.certificates.replace_fetched(all);
            self.served = chains;
        }
        let mut shown = Vec::new();
        for row in acme::challenges(&self.app.database, now).await.map_err(told)? {
            let key = self.open(Place::AcmeChallenges, &row.host, &row.sealed)?;
            let served = Served::challenge_from_pem(row.certificate.as_bytes(), &key, &provider);
            shown.push((row.host, served.map_err(told)?));
        }
        self.certificates.answer_challenges(shown);
        Ok(())
    }

    /// Fetches for every host that is due, one after another; whether there is anything new.
    async fn fetch(&self, now: Timestamp, drain: &Drain) -> Result<bool, String> {
        let (app, mut is_new) = (&self.app, false);
        let lease = leases::take("acme", &self.node, now, now.plus_ms(LEASE_MS));
        if self.write(lease).await? == Written::Overtaken {
            return Ok(false);
        }
        let wanted = self.wanted().await?;
        let rows = acme::hosts(&app.database).await.map_err(told)?;
        for host in wanted.iter().filter(|host| !rows.iter().any(|row| row.host == **host)) {
            match self.write(acme::want(host, now)).await? {
                // Overtaken: another node let it want one.
                Written::Done | Written::Overtaken => {}
            }
        }
        let rows = acme::hosts(&app.database).await.map_err(told)?;
        let is_due = |row: &&HostRow| row.next_at <= now && wanted.contains(&row.host);
        for row in rows.iter().filter(is_due) {
            match self.fetch_one(&row.host, now, drain).await {
                Ok(()) => is_new = true,
                Err(problem) => self.note(row, &problem, now).await?,
            }
        }
        Ok(is_new)
    }

    async fn fetch_one(&self, host: &str, now: Timestamp, drain: &Drain) -> Result<(), String> {
        let account = Box::pin(self.account(now)).await?;
        let (chain, key) = Box::pin(order::obtain(self, &account, (host, now), drain)).await?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let served = Served::from_pem(chain.as_bytes(), key.as_bytes(), &provider).map_err(told)?;
        let certificate = Certificate::from_pem(&chain).ok_or("no certificate was given")?;
        if !served.names().iter().any(|name| name == host) || !certificate.is_current(now) {
            return Err(format!("the certificate is not for {host}, or not good now"));
        }
        // When two thirds of its time are over, as RFC 9773 and the authorities advise.
        let end = certificate.not_after();
        let next_at = now.plus_ms(end.ms_since(now) / 3 * 2);
        let sealed = self.seal(Place::AcmeCertificates, host, key.as_bytes())?;
        let write = acme::obtained(host, (&chain, &sealed), end, next_at);
        if self.write(write).await? == Written::Overtaken {
            return Err(String::from("the host is gone"));
        }
        tracing::info!(host, good_until = end.to_iso(), "certificate fetched");
        Ok(())
    }

    async fn note(&self, row: &HostRow, problem: &str, now: Timestamp) -> Result<(), String> {
        let problem: String = problem.chars().take(PROBLEM_CHARS).collect();
        let attempts = row.attempts.saturating_add(1);
        let wait_ms = FIRST_WAIT_MS << row.attempts.clamp(0, WAIT_DOUBLINGS);
        let next_at = now.plus_ms(wait_ms);
        let host = &row.host;
        tracing::error!(
            host,
            problem,
            attempts,
            next_at = next_at.to_iso(),
            "no certificate could be fetched; the one before it, if any, is served on"
        );
        let write = acme::failed(host, &problem, attempts, next_at);
        self.write(write).await.map(|_written| ())
    }

    /// The hosts that want a certificate and have none in a file.
    async fn wanted(&self) -> Result<Vec<String>, String> {
        let config = &self.app.config;
        let of_url = |address: &str| {
            url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned))
        };
        let urls = [&config.server.public_url, &config.server.mtls_url];
        let mut hosts: Vec<String> = urls.into_iter().filter_map(|url| of_url(url)).collect();
        hosts.extend(config.acme.hosts.iter().map(|host| host.to_ascii_lowercase()));
        for tenant in tenants::list(&self.app.database).await.map_err(told)? {
            hosts.extend(tenant.hosts);
        }
        let is_name = |host: &str| {
            host.contains('.') && host.parse::<std::net::IpAddr>().is_err() && !host.contains('*')
        };
        hosts.retain(|host| is_name(host) && !self.certificates.is_in_files(host));
        hosts.sort();
        hosts.dedup();
        Ok(hosts)
    }

    /// The account at the configured directory, made when it is first needed.
    async fn account(&self, now: Timestamp) -> Result<Account, String> {
        let settings = &self.app.config.acme;
        let directory = &settings.directory;
        for _ in 0..2 {
            if let Some(sealed) =
                acme::account(&self.app.database, directory).await.map_err(told)?
            {
                let text = self.open(Place::AcmeAccounts, directory, &sealed)?;
                let kept: AccountCredentials = serde_json::from_slice(&text).map_err(told)?;
                let builder = Account::builder_with_http(Box::new(self.authority()));
                return builder.from_credentials(kept).await.map_err(told);
            }
            let contact = format!("mailto:{}", settings.contact);
            let contacts = [contact.as_str()];
            let new = NewAccount {
                contact: if settings.contact.is_empty() { &[] } else { &contacts },
                terms_of_service_agreed: settings.terms_agreed,
                only_return_existing: false,
            };
            let builder = Account::builder_with_http(Box::new(self.authority()));
            let (_account, kept) =
                builder.create(&new, directory.clone(), None).await.map_err(told)?;
            let text = serde_json::to_vec(&kept).map_err(told)?;
            let sealed = self.seal(Place::AcmeAccounts, directory, &text)?;
            match self.write(acme::keep_account(directory, &sealed, now)).await? {
                // Overtaken: another node made one at the same time; that one is read.
                Written::Done | Written::Overtaken => {}
            }
        }
        Err(String::from("the account was not kept"))
    }

    fn authority(&self) -> Authority {
        Authority(Arc::clone(&self.outbound))
    }

    async fn write(&self, write: Write) -> Result<Written, String> {
        self.app.database.run(write).await.map_err(told)
    }

    fn seal(&self, place: Place, id: &str, secret: &[u8]) -> Result<Vec<u8>, String> {
        let nonce = self.app.entropy.bytes::<NONCE_BYTES>();
        let value = value(place, id, &[]);
        self.app.secrets.sealing.seal(nonce, &value.associated(), secret).map_err(told)
    }

    fn open(&self, place: Place, id: &str, sealed: &[u8]) -> Result<Vec<u8>, String> {
        let value = value(place, id, sealed);
        let opened = self.app.secrets.sealing.open(&value.associated(), sealed).map_err(told)?;
        Ok(opened.to_vec())
    }
}

/// What no tenant owns is sealed in nobody's name.
fn value(place: Place, id: &str, sealed: &[u8]) -> SealedValue {
    SealedValue { place, tenant: TenantId::new(""), id: id.to_owned(), sealed: sealed.to_vec() }
}

fn print(chain: &str) -> Fingerprint {
    Fingerprint::of(chain.as_bytes())
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
