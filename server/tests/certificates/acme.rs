//! Certificates that we fetch, from a stand-in of an authority over TLS (O200 to O203).

use std::net::SocketAddr;
use std::sync::Arc;

use server::acme::Acme;
use server::listen::{
    Certificates, ClientCertificates, Drain, Limits, serve_connections, server_config,
};
use server::outside::Window;
use store::acme::HostRow;
use testkit::World;
use tokio::net::TcpListener;

use super::stand_in::{Mood, StandIn, start};

const HOST: &str = "login.example.com";

fn outbound(world: &World) -> Arc<Window> {
    Arc::new(Window::configured(&world.app().config.outbound).unwrap())
}

/// A server that fetches its certificates, and the authority it fetches them from.
struct Fetching {
    world: World,
    authority: StandIn,
    certificates: Arc<Certificates>,
    address: SocketAddr,
    acme: Acme,
    drain: Drain,
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.drain.begin();
    }
}

impl Fetching {
    async fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let authority = start(address).await;
        let (directory, ca_file) = (authority.directory.clone(), authority.ca_file.clone());
        let world = World::builder()
            .on_sqlite()
            .configured(move |config| {
                config.acme.directory = directory;
                config.outbound.ca_file = ca_file;
                config.outbound.allow = vec![String::from("localhost")];
                config.acme.terms_agreed = true;
                config.acme.contact = String::from("operator@example.com");
            })
            .start()
            .await;
        let (certificates, drain) = (Arc::new(Certificates::default()), Drain::default());
        let tls = server_config(Arc::clone(&certificates), ClientCertificates::Unasked).unwrap();
        let router = server::http::router(world.app());
        let served =
            serve_connections(socket, Some(tls.into()), router, Limits::DEFAULT, drain.clone());
        tokio::spawn(served);
        let acme = Acme::new(world.app(), Arc::clone(&certificates), outbound(&world));
        Self { world, authority, certificates, address, acme, drain }
    }

    async fn work(&mut self) {
        Box::pin(self.acme.work(self.world.now(), &self.drain)).await;
    }

    async fn row(&self) -> HostRow {
        let rows = store::acme::hosts(&self.world.app().database).await.unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    }

    /// Whether the host is shown a certificate of the stand-in.
    async fn serves(&self) -> bool {
        super::connection::shows(self.address, HOST).await.is_some()
    }
}

/// O200: account, order, proof, certificate; kept sealed, served, and again after a restart.
#[tokio::test]
async fn a_certificate_is_fetched_kept_and_served() {
    let mut fetching = Fetching::new().await;
    assert!(!fetching.serves().await, "there is none yet");
    fetching.work().await;
    let row = fetching.row().await;
    assert_eq!((row.host.as_str(), row.problem, row.attempts), (HOST, None, 0));
    assert!(fetching.serves().await);
    let (chain, sealed) = row.certificate.unwrap();
    assert!(chain.contains("BEGIN CERTIFICATE"));
    assert!(!String::from_utf8_lossy(&sealed).contains("PRIVATE KEY"), "sealed");
    fetching.work().await;
    assert_eq!(fetching.authority.state.orders(), 1, "nothing is due");
    let app = fetching.world.app();
    let left = store::acme::challenges(&app.database, fetching.world.now()).await.unwrap();
    assert_eq!(left, [], "nothing is left of the proof");
    let (again, drain) = (Arc::new(Certificates::default()), Drain::default());
    let mut restarted =
        Acme::new(fetching.world.app(), Arc::clone(&again), outbound(&fetching.world));
    Box::pin(restarted.work(fetching.world.now(), &drain)).await;
    assert!(format!("{again:?}").contains(HOST), "another node serves the same: {again:?}");
    assert_eq!(fetching.authority.state.orders(), 1);
    assert!(format!("{:?}", fetching.certificates).contains(HOST));
}

/// O201: before it ends, with the account it has.
#[tokio::test]
async fn a_certificate_is_renewed_when_two_thirds_of_its_time_are_over() {
    let mut fetching = Fetching::new().await;
    fetching.work().await;
    let first = fetching.row().await;
    let days = |from: i64| from / 86_400_000;
    let now = fetching.world.now();
    let (end, next) = (first.expires_at.unwrap(), first.next_at);
    assert_eq!((days(end.ms_since(now)), days(next.ms_since(now))), (67, 45));
    fetching.world.set_time(next.plus_seconds(-1));
    fetching.work().await;
    assert_eq!(fetching.authority.state.orders(), 1);
    fetching.world.set_time(next);
    fetching.work().await;
    assert_eq!(fetching.authority.state.orders(), 2);
    assert_eq!(fetching.authority.state.accounts(), 1, "the account was kept");
    assert_ne!(fetching.row().await.certificate, first.certificate);
    assert!(fetching.serves().await);
}

/// O202: what goes wrong is told and tried again later; what is served stays.
#[tokio::test]
async fn a_failure_is_told_tried_again_and_harms_nothing() {
    let mut fetching = Fetching::new().await;
    fetching.work().await;
    let good = fetching.row().await.certificate;
    let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let here = fetching.address;
    let mut attempts = 0;
    fetching.world.set_time(fetching.row().await.next_at);
    for (mood, hosts_at, told) in [
        (Mood::Busy, here, "come back tomorrow"),
        (Mood::Kind, nowhere, "refused"),
        (Mood::Stern, here, "no host of yours"),
        (Mood::Confused, here, "not for login.example.com"),
        (Mood::Broken, here, "expected"),
    ] {
        fetching.authority.state.set(mood, hosts_at);
        fetching.work().await;
        attempts += 1;
        let row = fetching.row().await;
        let problem = row.problem.unwrap();
        assert!(problem.contains(told), "{mood:?}: {problem}");
        assert_eq!((row.attempts, &row.certificate), (attempts, &good), "{mood:?}");
        let wait_s = row.next_at.ms_since(fetching.world.now()) / 1000;
        assert_eq!(wait_s, 300 << (attempts - 1), "{mood:?}");
        assert!(fetching.serves().await, "{mood:?}");
        fetching.world.set_time(row.next_at);
    }
    fetching.authority.state.set(Mood::Forgetful, here);
    fetching.work().await;
    let row = fetching.row().await;
    assert_eq!((row.problem, row.attempts), (None, 0), "a nonce is asked for again");
    assert_ne!(row.certificate, good);
}

/// O203: a host of a tenant wants one, too, and a host that leads nowhere holds up no other.
#[tokio::test]
async fn hosts_of_tenants_get_certificates_of_their_own() {
    let mut fetching = Fetching::new().await;
    let acme = fetching.world.second_tenant("acme").await;
    let app = fetching.world.app();
    for host in ["login.acme.example", "203.0.113.7", "localhost"] {
        let added = store::tenants::add_host(acme.tenant_id(), host);
        assert_eq!(app.database.run(added).await, Ok(store::Written::Done));
    }
    fetching.work().await;
    let rows = store::acme::hosts(&app.database).await.unwrap();
    let have: Vec<_> = rows.iter().map(|row| (row.host.as_str(), row.problem.clone())).collect();
    assert_eq!(have, [("login.acme.example", None), (HOST, None)], "no addresses, no localhost");
    for host in ["login.acme.example", HOST] {
        assert!(super::connection::shows(fetching.address, host).await.is_some(), "{host}");
    }
}
