//! The server under test, with everything outside of it in hand.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use domain::jose::{RootKey, SigningKey};
use domain::{TenantId, Timestamp, UserId};
use http::{Method, Request, Response, header};
use serde_json::Value;
use server::admin::Command;
use server::config::Config;
use server::outside::{Clock, Courier, Entropy, Outbound, Resolver, Tray};

use server::tenancy::{FIRST_TENANT, PublicAddresses, Settings};
use server::worker::Outbox;
use server::{App, Parts, Secrets};
use store::{Database, Faults};
use tower::ServiceExt;

use crate::answer::Answer;
use crate::browser::Browser;
use crate::client::{Client, Proof};
use crate::form::Form;
use crate::operator::Operator;
use crate::phone::{Phone, Pocket};
use crate::place::Place;
use crate::push_services::Scripted;
use crate::{seed, tokens};

/// When every World begins: 2026-11-23T05:00:00Z, in Unix milliseconds.
pub const START: i64 = 1_795_410_000_000;
/// The root key of every World.
pub const ROOT_KEY: [u8; 32] = [7; 32];

/// A future without its type: tests nest them deeply.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a World is made with.
#[derive(Debug)]
pub struct Builder {
    config: Config,
    settings: Settings,
    start: Timestamp,
    seed: u64,
    is_dev: bool,
    in_memory: bool,
    faults: Option<Faults>,
    courier: Option<MakeCourier>,
    outbound: Arc<dyn Outbound>,
}

/// Makes the courier of each start of the server.
type MakeCourier = fn(&Config) -> Courier;

impl Builder {
    /// With the real senders behind the configuration's addresses, not the tray.
    #[must_use]
    pub fn with_push_services(mut self) -> Self {
        self.courier = Some(|config| {
            Courier::Services(server::push_accounts::services(config).expect("push services"))
        });
        self
    }

    /// With clients behind this window.
    #[must_use]
    pub fn outbound(mut self, outbound: Arc<dyn Outbound>) -> Self {
        self.outbound = outbound;
        self
    }

    /// The public address, `https://…/`.
    #[must_use]
    pub fn public_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.config.server.public_url);
        self
    }

    /// Changes the configuration.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Changes the settings of the first tenant.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// With clients of this profile, unless they name another.
    #[must_use]
    pub fn profile(mut self, profile: &str) -> Self {
        profile.clone_into(&mut self.settings.default_profile);
        self.settings.profiles =
            domain::ciba::profile::Profile::ALL.map(|one| one.as_str().to_owned()).to_vec();
        self
    }

    /// The moment at which the clock stands at first.
    #[must_use]
    pub const fn starting_at(mut self, start: Timestamp) -> Self {
        self.start = start;
        self
    }

    /// Where randomness starts.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// With the development tools.
    #[must_use]
    pub const fn dev(mut self) -> Self {
        self.is_dev = true;
        self
    }

    /// On SQLite, whatever the environment says.
    #[must_use]
    pub const fn on_sqlite(mut self) -> Self {
        self.in_memory = true;
        self
    }

    /// With writes that can be made to stop; each restart takes the handle it is given.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    /// The World: a tenant with keys, the bank as default client, an administrator's program, the
    /// payments API, and the users alice, bob, carol and dave.
    pub fn start(self) -> Boxed<'static, World> {
        Box::pin(self.started())
    }

    async fn started(self) -> World {
        let place = if self.in_memory { Place::folder() } else { Place::new().await };
        let clock = AtomicI64::new(self.start.ms());
        let faults = self.faults.clone();
        let house = House {
            place: Arc::new(place),
            config: self.config,
            is_dev: self.is_dev,
            courier: self.courier,
            outbound: self.outbound,
            seed: AtomicU64::new(self.seed),
            roots: Mutex::new(vec![ROOT_KEY]),
            clock,
            node: Mutex::new(None),
            outbox: tokio::sync::Mutex::new(None),
        };
        let house = Arc::new(house);
        house.open(faults).await.expect("a fresh database opens");
        let tenant = TenantId::new(FIRST_TENANT);
        let pockets = Arc::new(Pocket::default());
        let profile = self.settings.default_profile.clone();
        let world = World { house, tenant, profile, prefix: String::new(), pockets };
        seed::tenant(&world, &self.settings).await;
        world
    }
}

/// One server process, which may be stopped and started on the same database.
#[derive(Debug)]
struct House {
    config: Config,
    is_dev: bool,
    courier: Option<MakeCourier>,
    outbound: Arc<dyn Outbound>,
    seed: AtomicU64,
    roots: Mutex<Vec<[u8; 32]>>,
    clock: AtomicI64,
    node: Mutex<Option<Node>>,
    outbox: tokio::sync::Mutex<Option<Outbox>>,
    /// Given back last.
    place: Arc<Place>,
}

#[derive(Clone, Debug)]
struct Node {
    app: Arc<App>,
    router: Router,
    ops: Router,
}

impl House {
    async fn open(&self, faults: Option<Faults>) -> Result<(), store::Error> {
        let options = self.place.options();
        let database = match faults {
            Some(faults) => Database::open_with_faults(&options, faults).await?,
            None => Database::open(&options).await?,
        };
        let now = Timestamp::from_ms(self.clock.load(Ordering::SeqCst));
        database.migrate(now).await?;
        // Another seed each time: a server that starts again must not repeat its names.
        let seed = self.seed.fetch_add(0x9e37_79b9, Ordering::SeqCst);
        let https = self.config.server.public_url.clone();
        let mtls = Some(self.config.server.mtls_url.clone()).filter(|url| !url.is_empty());
        let http = self.is_dev.then(|| String::from("http://localhost:8080/"));
        let roots = self.roots.lock().unwrap().clone();
        let mut roots: Vec<RootKey> = roots.into_iter().map(RootKey::new).collect();
        let newest = roots.remove(0);
        let secrets = Secrets::derive(&newest, &roots).unwrap();
        let (app, outbox) = App::assemble(Parts {
            config: self.config.clone(),
            database,
            clock: Clock::hand(now),
            entropy: Entropy::seeded(seed),
            courier: self
                .courier
                .map_or_else(|| Courier::Tray(Tray::default()), |make| make(&self.config)),
            outbound: Arc::clone(&self.outbound),
            resolver: Resolver::scripted(),
            secrets,
            addresses: PublicAddresses { https, http, mtls },
            is_dev: self.is_dev,
        });
        server::flows::find_open_transactions(&app, now)
            .await
            .map_err(|failure| store::Error::Unavailable(failure.to_string()))?;
        let router = server::http::router(Arc::clone(&app));
        let ops = server::http::ops_router(Arc::clone(&app));
        *self.outbox.lock().await = Some(outbox);
        *self.node.lock().unwrap() = Some(Node { app, router, ops });
        Ok(())
    }

    fn node(&self) -> Node {
        self.node.lock().unwrap().clone().expect("the server runs")
    }
}

/// A tenant of a server, and the people and programs around it.
#[derive(Debug)]
pub struct World {
    house: Arc<House>,
    tenant: TenantId,
    profile: String,
    prefix: String,
    pockets: Arc<Pocket>,
}

impl World {
    /// A World as most tests want it.
    pub async fn new() -> Self {
        Self::builder().start().await
    }

    /// A World still to be described.
    pub fn builder() -> Builder {
        let mut config = Config::default();
        config.server.public_url = String::from("https://login.example.com/");
        Builder {
            config,
            settings: Settings::default(),
            start: Timestamp::from_ms(START),
            seed: 1,
            is_dev: false,
            in_memory: false,
            faults: None,
            courier: None,
            outbound: Arc::new(Scripted::new()),
        }
    }

    /// The server's insides, for seeding and for looking at what is stored.
    pub fn app(&self) -> Arc<App> {
        self.house.node().app
    }

    /// The tenant.
    pub const fn tenant_id(&self) -> &TenantId {
        &self.tenant
    }

    /// The profile of clients that name none.
    pub(crate) fn profile(&self) -> &str {
        &self.profile
    }

    /// Another tenant of the same server, under `/t/{name}`, with people and programs of its own.
    pub async fn second_tenant(&self, name: &str) -> Self {
        let world = Self {
            house: Arc::clone(&self.house),
            tenant: TenantId::new(name),
            profile: Settings::default().default_profile,
            prefix: format!("t/{name}/"),
            pockets: Arc::new(Pocket::default()),
        };
        seed::tenant(&world, &Settings::default()).await;
        world
    }

    /// A second server on the same database, with a clock of its own; PostgreSQL only.
    pub async fn second_node(&self) -> Option<Self> {
        if !self.house.place.is_shareable() {
            return None;
        }
        let house = House {
            place: Arc::clone(&self.house.place),
            config: self.house.config.clone(),
            is_dev: self.house.is_dev,
            courier: self.house.courier,
            outbound: Arc::clone(&self.house.outbound),
            seed: AtomicU64::new(self.house.seed.load(Ordering::SeqCst) + 1),
            roots: Mutex::new(self.house.roots.lock().unwrap().clone()),
            clock: AtomicI64::new(self.now().ms()),
            node: Mutex::new(None),
            outbox: tokio::sync::Mutex::new(None),
        };
        house.open(None).await.expect("a second node opens");
        Some(Self {
            house: Arc::new(house),
            tenant: self.tenant.clone(),
            profile: self.profile.clone(),
            prefix: self.prefix.clone(),
            pockets: Arc::clone(&self.pockets),
        })
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.house.clock.load(Ordering::SeqCst))
    }

    /// Moves the clock.
    pub fn advance_seconds(&self, seconds: i64) {
        self.advance_ms(seconds * 1000);
    }

    /// Moves the clock.
    pub fn advance_ms(&self, ms: i64) {
        self.set_time(self.now().plus_ms(ms));
    }

    /// Moves the clock to a moment.
    pub fn set_time(&self, now: Timestamp) {
        self.house.clock.store(now.ms(), Ordering::SeqCst);
        if let Some(node) = self.house.node.lock().unwrap().as_ref() {
            node.app.clock.set(now);
        }
    }

    /// Stops the server and starts it again on the same database.
    pub async fn restart(&self) {
        self.restart_with(None).await.expect("the server starts again");
    }

    /// Stops the server and starts it again, with writes that `faults` may stop.
    pub async fn restart_with(&self, faults: Option<Faults>) -> Result<(), store::Error> {
        self.empty_trays();
        *self.house.outbox.lock().await = None;
        *self.house.node.lock().unwrap() = None;
        self.house.open(faults).await
    }

    /// Stops the server and starts it again with these root keys, the newest first.
    pub async fn restart_under(&self, roots: &[[u8; 32]]) {
        *self.house.roots.lock().unwrap() = roots.to_vec();
        self.restart().await;
    }

    /// Does the work that is due: pushes, sweeping.
    pub fn run_worker(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            let app = self.app();
            let mut outbox = self.house.outbox.lock().await;
            if let Some(outbox) = outbox.as_mut() {
                server::worker::run_once(&app, outbox).await;
            }
        })
    }

    /// Lets others go on until so many polls wait for their outcome.
    pub async fn until_polls_wait(&self, number: usize) {
        const TURNS: u32 = 20_000_000;
        for _ in 0..TURNS {
            if self.app().waiting.len() == number {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} polls wait, not {number}", self.app().waiting.len());
    }

    /// Takes what lies in the trays to the phones.
    pub(crate) fn empty_trays(&self) {
        if let Some(node) = self.house.node.lock().unwrap().as_ref()
            && let Some(tray) = node.app.courier.tray()
        {
            self.pockets.collect(tray);
        }
    }

    pub(crate) fn pockets(&self) -> &Pocket {
        &self.pockets
    }

    /// `https://T/` + `path`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.house.config.server.public_url, self.prefix)
    }

    /// `https://T/`.
    pub fn issuer(&self) -> String {
        self.url("")
    }

    /// The path of `path` (without its first slash) below the tenant's address.
    pub fn path(&self, path: &str) -> String {
        let url = url::Url::parse(&self.url("")).unwrap();
        format!("{}{path}", url.path())
    }

    /// Sends a request through the whole router, as the public listener would.
    pub fn send(&self, request: Request<Body>) -> Boxed<'_, Answer> {
        let response = self.response(request);
        Box::pin(async move { Answer::of(response.await).await })
    }

    pub(crate) fn response(&self, mut request: Request<Body>) -> Boxed<'_, Response<Body>> {
        if !request.headers().contains_key(header::HOST) {
            let url = url::Url::parse(&self.house.config.server.public_url).unwrap();
            let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
            request.headers_mut().insert(header::HOST, host.parse().unwrap());
        }
        let router = self.house.node().router;
        Box::pin(async move {
            let Ok(response) = router.oneshot(request).await;
            response
        })
    }

    /// Sends a request to the operators' listener.
    pub async fn send_to_ops(&self, request: Request<Body>) -> Answer {
        let Ok(response) = self.house.node().ops.oneshot(request).await;
        Answer::of(response).await
    }

    /// `GET` of a path below the tenant's address.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[], Vec::new()).await
    }

    /// Any method, headers and body, to a path below the tenant's address.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(self.path(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// `POST` of a form.
    pub async fn post_form(&self, path: &str, form: &Form, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        self.request(Method::POST, path, &all, form.encode()).await
    }

    /// `POST` of JSON.
    pub async fn post_json(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.request(Method::POST, path, &all, body.to_string()).await
    }

    /// The bank: a confidential client with a secret that may ask people and refresh tokens.
    pub fn client(&self) -> Client<'_> {
        Client::new(self, seed::BANK, Proof::Secret(seed::secret_of(seed::BANK)))
    }

    /// Notes a request that was started by other means, so that phones find its push.
    pub async fn remember(&self, auth_req_id: &str, message: &str) {
        self.pockets().remember(auth_req_id, message);
        self.run_worker().await;
    }

    /// A client by its id, which somebody else made.
    pub fn client_of(&self, id: &str, proof: Proof) -> Client<'_> {
        Client::new(self, id, proof)
    }

    /// Another client, registered with `members` beside those of the bank.
    pub async fn registers(&self, name: &str, members: Value) -> Client<'_> {
        let proof = seed::client(self, name, &members).await;
        Client::new(self, name, proof)
    }

    /// Another client, which authenticates with assertions by this key.
    pub async fn registers_with_key(
        &self,
        name: &str,
        key: Arc<SigningKey>,
        mut members: Value,
    ) -> Client<'_> {
        members["token_endpoint_auth_method"] = "private_key_jwt".into();
        let proof = seed::client_with_key(self, name, &members, key).await;
        Client::new(self, name, proof)
    }

    /// A client that was registered before, with its secret.
    pub fn registered(&self, name: &str) -> Client<'_> {
        Client::new(self, name, Proof::Secret(seed::secret_of(name)))
    }

    /// A client that was registered before, with its key.
    pub fn registered_with_key(&self, name: &str) -> Client<'_> {
        Client::new(self, name, Proof::Assertion(crate::keys::client_key()))
    }

    /// Registers another API.
    pub async fn registers_api(&self, document: Value) {
        seed::api(self, &document).await;
    }

    /// Grants an API to a client, `subject_type` being `user` or `client`.
    pub async fn grants(&self, client: &str, audience: &str, subject_type: &str, scope: &[&str]) {
        seed::grant(self, (client, audience), subject_type, scope).await;
    }

    /// Adds a user of that name.
    pub async fn adds_user(&self, name: &str) {
        seed::user(self, name).await;
    }

    /// A person's phone; it enrolls when it is first needed.
    pub fn phone_of(&self, person: &str) -> Phone<'_> {
        Phone::new(self, person, person)
    }

    /// A further phone of a person.
    pub fn second_phone_of(&self, person: &str) -> Phone<'_> {
        Phone::new(self, person, &format!("{person} (second)"))
    }

    /// An administrator's program.
    pub fn operator(&self) -> Operator<'_> {
        Operator::new(self, Proof::Secret(seed::secret_of(seed::ADMINISTRATION)))
    }

    /// A person's browser.
    pub fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    /// A one-time link to the console for the operator of this name.
    pub async fn console_link(&self, operator: &str) -> String {
        let tenant = self.tenant.to_string();
        let command = Command::ConsoleLink { tenant, name: operator.to_owned() };
        let made = server::admin::execute(&self.app(), command, self.now()).await.unwrap();
        made["link"].as_str().unwrap().to_owned()
    }

    /// The user id of a person.
    pub fn user_id(&self, person: &str) -> UserId {
        if person.contains('|') {
            UserId::new(person)
        } else {
            UserId::new(format!("auth0|{person}"))
        }
    }

    /// A token, its signature checked with the published keys.
    pub async fn verified(&self, token: &str) -> tokens::Token {
        tokens::verified(self, token).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() || Arc::strong_count(&self.house) > 1 {
            return;
        }
        if let Some(outbox) = self.house.outbox.try_lock().ok().and_then(|mut outbox| outbox.take())
        {
            assert!(outbox.is_empty(), "pushes are left over: call run_worker");
        }
    }
}
