//! Everything that a flow may use, in one place.

use std::sync::Arc;

use domain::jose::jwk::PublicKey;
use domain::oauth::{Api, Client, ClientGrant};
use domain::{ClientId, Fingerprint, TenantId, Timestamp};
use store::Database;
use tokio::sync::{Notify, mpsc};

use crate::cache::Cache;
use crate::config::Config;
use crate::failure::Failure;
use crate::keyring::Keyring;
use crate::open::OpenTransactions;
use crate::outside::{Clock, Courier, Entropy};
use crate::push::Outgoing;
use crate::secrets::Secrets;
use crate::tenancy::{Base, Context, PublicAddresses, Tenant};

/// Pushes that wait in memory to be sent; more are found on their rows by the worker.
pub const OUTGOING_PUSHES: usize = 4096;

/// The server's state: what a flow gets as its first argument.
#[derive(Debug)]
pub struct App {
    /// Where facts are kept.
    pub database: Database,
    /// What time it is.
    pub clock: Clock,
    /// Random names and keys.
    pub entropy: Entropy,
    /// What is configured.
    pub config: Config,
    /// The keys that are ours alone.
    pub secrets: Secrets,
    /// Where we can be reached.
    pub addresses: PublicAddresses,
    /// Who carries pushes.
    pub courier: Courier,
    /// The undecided requests of this process (architecture 4: a pending poll costs no write).
    pub open: OpenTransactions,
    /// Pushes of requests that were just begun.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// Rung when a row has work that is due.
    pub bell: Notify,
    /// Whether the development tools are on.
    pub is_dev: bool,
    pub(crate) known: Known,
}
