//! Everything that a flow may use, in one place.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use domain::ciba::transaction::Facts;
use store::Database;
use tokio::sync::{Notify, mpsc};

use crate::client_keys::ClientKeys;
use crate::client_roots::ClientRoots;
use crate::code_hashing::CodeHashing;
use crate::config::Config;
use crate::http::console::Throttle;
use crate::inboxes::Inboxes;
use crate::known::Known;
use crate::log_ids::LogIds;
use crate::metrics::Metrics;
use crate::open::OpenTransactions;
use crate::outside::{Clock, Courier, Entropy, Outbound, Resolver};
use crate::polls::Polls;
use crate::push::Outgoing;
use crate::rate_limits::RateLimits;
use crate::secrets::Secrets;
use crate::seen::SeenAssertions;
use crate::tenancy::PublicAddresses;
use crate::traces::Traces;
use crate::waiting::WaitingPolls;
use crate::worker::Outbox;

/// Pushes that wait in memory to be sent; more are found on their rows by the worker.
pub const OUTGOING_PUSHES: usize = 4096;

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// What is configured.
    pub config: Config,
    /// Where facts are kept; migrated.
    pub database: Database,
    /// What time it is.
    pub clock: Clock,
    /// Random names and keys.
    pub entropy: Entropy,
    /// Who carries pushes.
    pub courier: Courier,
    /// The window through which clients are called.
    pub outbound: Arc<dyn Outbound>,
    /// Who knows the addresses of host names.
    pub resolver: Resolver,
    /// The keys that are ours alone.
    pub secrets: Secrets,
    /// Where we can be reached.
    pub addresses: PublicAddresses,
    /// Whether the development tools are on.
    pub is_dev: bool,
}

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
    /// The window through which clients are called.
    pub outbound: Arc<dyn Outbound>,
    /// Who knows the addresses of host names.
    pub resolver: Resolver,
    /// The undecided requests of this process (architecture 4: a pending poll costs no write).
    pub open: OpenTransactions,
    /// Polls that wait for their outcome.
    pub waiting: Arc<WaitingPolls>,
    /// Streams of events that are open.
    pub listening: Arc<WaitingPolls>,
    /// Devices that listen for what they are asked.
    pub inboxes: Arc<Inboxes>,
    /// Client assertions that this process has seen.
    pub seen: SeenAssertions,
    /// Pushes of requests that were just begun.
    pub outgoing: mpsc::Sender<Outgoing>,
    /// Rung when a row has work that is due.
    pub bell: Notify,
    /// Rung when a client is to be told an outcome.
    pub notice_bell: Notify,
    /// Rung when a client names another logo or domain.
    pub site_bell: Notify,
    /// Whether the development tools are on.
    pub is_dev: bool,
    /// Whether our listeners offer no more than FAPI's suites: a tenant has asked for it (F16).
    pub narrows_tls: Arc<AtomicBool>,
    /// Whether a certificate that is served fits none of those suites.
    pub has_other_certificates: AtomicBool,
    /// Who vouches for the certificates of clients.
    pub client_roots: ClientRoots,
    /// Tries to sign in to the console.
    pub sign_ins: Throttle,
    /// The limits that are switched on.
    pub rate_limits: RateLimits,
    /// Hashes of what people remember.
    pub(crate) code_hashing: CodeHashing,
    /// Whether everybody who is asked is given a virtual phone (`aizuchi dev --virtual-phones`).
    pub gives_virtual_phones: AtomicBool,
    pub(crate) client_keys: ClientKeys,
    pub(crate) log_ids: LogIds,
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
    pub(crate) polls: Polls,
    pub(crate) known: Known,
}

impl App {
    /// A request is decided: polls need not look in the index, and whoever waits is told.
    pub fn decided(&self, facts: &Facts) {
        self.open.remove(&facts.auth_req_hash);
        self.waiting.ring(&facts.auth_req_hash);
        self.listening.ring(&facts.auth_req_hash);
        self.inboxes.ring_for(facts);
        if facts.asked.delivery.notifies() {
            self.notice_bell.notify_one();
        }
    }

    /// Puts the parts together; the worker empties the outbox.
    pub fn assemble(parts: Parts) -> (Arc<Self>, Outbox) {
        let (outgoing, outbox) = mpsc::channel(OUTGOING_PUSHES);
        let known = Known::new(parts.database.engine());
        let (metrics, traces) = (Metrics::default(), Traces::new(&parts.entropy));
        metrics.started_at(parts.clock.now());
        let limits = &parts.config.limits;
        let waiting = Arc::new(WaitingPolls::new(limits.waiting_polls));
        let listening = Arc::new(WaitingPolls::new(limits.event_streams));
        let inboxes = Arc::new(Inboxes::new(limits.device_streams));
        let app = Self {
            database: parts.database,
            clock: parts.clock,
            log_ids: LogIds::new(&parts.entropy),
            entropy: parts.entropy,
            rate_limits: RateLimits::new(&parts.config.limits),
            code_hashing: CodeHashing::default(),
            config: parts.config,
            secrets: parts.secrets,
            addresses: parts.addresses,
            courier: parts.courier,
            outbound: parts.outbound,
            resolver: parts.resolver,
            open: OpenTransactions::default(),
            waiting,
            listening,
            inboxes,
            seen: SeenAssertions::default(),
            outgoing,
            bell: Notify::new(),
            notice_bell: Notify::new(),
            site_bell: Notify::new(),
            is_dev: parts.is_dev,
            narrows_tls: Arc::default(),
            has_other_certificates: AtomicBool::new(false),
            client_keys: ClientKeys::default(),
            client_roots: ClientRoots::default(),
            sign_ins: Throttle::default(),
            gives_virtual_phones: AtomicBool::new(false),
            metrics,
            traces,
            polls: Polls::default(),
            known,
        };
        (Arc::new(app), outbox)
    }
}
