//! Which addresses a host name has.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long an answer is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Most addresses of one name that are looked at.
const ADDRESS_LIMIT: usize = 32;

/// Who is asked for the addresses of a name.
#[derive(Debug)]
pub enum Resolver {
    /// The operating system.
    System,
    /// What a test has written down; other names do not exist.
    Scripted(Mutex<BTreeMap<String, Vec<IpAddr>>>),
}

impl Resolver {
    /// One that knows no name yet.
    pub const fn scripted() -> Self {
        Self::Scripted(Mutex::new(BTreeMap::new()))
    }

    /// Gives a name its addresses; does nothing to the operating system's.
    pub fn says(&self, host: &str, addresses: &[IpAddr]) {
        match self {
            Self::System => {}
            Self::Scripted(names) => {
                let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
                names.insert(host.to_owned(), addresses.to_vec());
            }
        }
    }

    /// The addresses of `host`; none if it does not exist or nobody answers in time.
    pub async fn addresses(&self, host: &str) -> Vec<IpAddr> {
        match self {
            Self::Scripted(names) => {
                let names = names.lock().unwrap_or_else(PoisonError::into_inner);
                names.get(host).cloned().unwrap_or_default()
            }
            Self::System => {
                let looked_up = tokio::net::lookup_host((host, 443));
                match tokio::time::timeout(ANSWER_TIME, looked_up).await {
                    Ok(Ok(found)) => found.map(|to| to.ip()).take(ADDRESS_LIMIT).collect(),
                    Ok(Err(_)) | Err(_) => Vec::new(),
                }
            }
        }
    }
}
