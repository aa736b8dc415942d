//! What operators watch: counters and histograms in Prometheus' words (docs/operate.md lists them).
//!
//! Labels come from tables of ours (routes, error codes), never from what a caller sent, so their
//! number is bounded.

use std::fmt;
use std::fs;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::App;

/// Upper bounds in seconds: a poll takes less than the first, a statement that hangs reaches the last.
const SECONDS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The media type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    path: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    endpoint: &'static str,
    error: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivery {
    service: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Notice {
    mode: &'static str,
    outcome: &'static str,
}

/// The counters of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram>,
    in_flight: Gauge,
    refusals: Family<Refused, Counter>,
    transactions: Family<Outcome, Counter>,
    pushes: Family<Delivery, Counter>,
    notices: Family<Notice, Counter>,
    open: Gauge,
    polls: Gauge,
    streams: Gauge,
    waiting: Gauge,
    resident: Gauge,
    files: Gauge,
    started: Gauge<f64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(…)")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            in_flight: Gauge::default(),
            refusals: Family::default(),
            transactions: Family::default(),
            pushes: Family::default(),
            notices: Family::default(),
            open: Gauge::default(),
            polls: Gauge::default(),
            streams: Gauge::default(),
            waiting: Gauge::default(),
            resident: Gauge::default(),
            files: Gauge::default(),
            started: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

/// A request that is being answered; counted as such until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    fn register(&mut self) {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        self.registry.register(
            "aizuchi_build",
            "The version that runs",
            Info::new(version.to_vec()),
        );
        let ours = self.registry.sub_registry_with_prefix("aizuchi");
        ours.register("http_requests", "Answered requests", self.requests.clone());
        ours.register_with_unit(
            "http_request_duration",
            "Time from the end of a request's head to the beginning of its answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        ours.register("http_requests_in_flight", "Requests being answered", self.in_flight.clone());
        ours.register("refusals", "OAuth errors told to clients", self.refusals.clone());
        ours.register("transactions", "Steps of requests to people", self.transactions.clone());
        ours.register("pushes", "Pushes by what became of them", self.pushes.clone());
        // From the beginning, so that the first one given up is seen as a step.
        for mode in ["ping", "push"] {
            for outcome in ["delivered", "later", "given_up"] {
                drop(self.notices.get_or_create(&Notice { mode, outcome }));
            }
        }
        let notices = self.notices.clone();
        ours.register("notices", "Outcomes told to clients, by what became of it", notices);
        ours.register("open_transactions", "Undecided requests in memory", self.open.clone());
        ours.register("polls_waiting", "Polls waiting for their outcome", self.polls.clone());
        ours.register("event_streams", "Streams of events", self.streams.clone());
        ours.register("pushes_waiting", "Pushes waiting in memory", self.waiting.clone());
        let process = self.registry.sub_registry_with_prefix("process");
        process.register_with_unit(
            "resident_memory",
            "Memory the system gave us",
            Unit::Bytes,
            self.resident.clone(),
        );
        process.register("open_fds", "Open file descriptors", self.files.clone());
        process.register_with_unit(
            "start_time",
            "When the process started, in Unix time",
            Unit::Seconds,
            self.started.clone(),
        );
    }

    /// Notes when the server started, in Unix seconds.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century fit")]
    pub(crate) fn started_at(&self, now: domain::Timestamp) {
        self.started.set(now.ms() as f64 / 1000.0);
    }

    /// A request begins.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request of this route was answered.
    pub(crate) fn answered(&self, (method, path): (&'static str, &str), status: u16, seconds: f64) {
        let path = path.to_owned();
        self.seconds.get_or_create(&Route { path: path.clone() }).observe(seconds);
        self.requests.get_or_create(&Answered { method, path, status }).inc();
    }

    /// A client was told an OAuth error.
    pub(crate) fn refused(&self, endpoint: &'static str, error: &'static str) {
        self.refusals.get_or_create(&Refused { endpoint, error }).inc();
    }

    /// A request to a person took a step: `started`, `approved`, `denied`, `redeemed`, `withdrawn`.
    pub(crate) fn step(&self, outcome: &'static str) {
        self.transactions.get_or_create(&Outcome { outcome }).inc();
    }

    /// A push was `sent`, will be tried again (`later`), or was `given_up`.
    pub(crate) fn push(&self, service: &'static str, outcome: &'static str) {
        self.pushes.get_or_create(&Delivery { service, outcome }).inc();
    }

    /// A notice was `delivered`, will be tried again (`later`), or was `given_up`.
    pub(crate) fn notice(&self, mode: &'static str, outcome: &'static str) {
        self.notices.get_or_create(&Notice { mode, outcome }).inc();
    }

    /// Everything, as `/metrics` answers it; what the server holds is read now.
    pub(crate) fn render(&self, app: &App) -> Result<String, fmt::Error> {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.open.set(whole(app.open.len()));
        self.polls.set(whole(app.waiting.len()));
        self.streams.set(whole(app.listening.len()));
        let waiting = app.outgoing.max_capacity().saturating_sub(app.outgoing.capacity());
        self.waiting.set(whole(waiting));
        if let Some(bytes) = resident_bytes() {
            self.resident.set(bytes);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.files.set(whole(files.count()));
        }
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

/// What Linux tells of our memory; elsewhere the figure stays out.
fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}
