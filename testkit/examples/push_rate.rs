//! How fast pushes go out: to the stand-ins on this machine, over one connection for each service,
//! and from the client's request to the push in Apple's hands. Figures for docs/performance.md.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what does not work here ends the measurement"
)]

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::Timestamp;
use server::config::Config;
use server::outside::{Clock, Courier, Parcel, Receipt, Stopwatch};
use server::push_accounts;
use testkit::World;
use testkit::push_services::PushServices;

const PUSHES: usize = 20_000;
const AT_ONCE: usize = 256;
const STARTS: usize = 500;

#[tokio::main]
async fn main() {
    let mut out = std::io::stdout();
    let services = PushServices::start(Clock::system).await;
    services.apns.only_counts();
    services.fcm.only_counts();
    for service in ["APNS", "GCM"] {
        let seconds = send_many(&services, service).await;
        let (count, connections) = match service {
            "APNS" => (services.apns.count(), services.apns.connections()),
            _ => (services.fcm.count(), services.fcm.connections()),
        };
        let rate = f64::from(u32::try_from(count).unwrap()) / seconds;
        writeln!(out, "{service}: {count} pushes, {rate:.0} a second, {connections} connections")
            .unwrap();
    }
    let mut waits = start_to_push().await;
    waits.sort_by(f64::total_cmp);
    let at = |part: usize| waits[waits.len() * part / 100] * 1000.0;
    writeln!(out, "start to push taken: p50 {:.1} ms, p99 {:.1} ms", at(50), at(99)).unwrap();
}

/// Seconds for all pushes of one service.
async fn send_many(services: &PushServices, service: &'static str) -> f64 {
    let mut config = Config::default();
    services.configure(&mut config);
    let senders = push_accounts::services(&config).unwrap();
    let accounts = Arc::clone(senders.own());
    let courier = Arc::new(Courier::Services(senders));
    let next = Arc::new(AtomicUsize::new(0));
    let watch = Stopwatch::start();
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (courier, accounts) = (Arc::clone(&courier), Arc::clone(&accounts));
            let next = Arc::clone(&next);
            tokio::spawn(async move {
                while next.fetch_add(1, Ordering::SeqCst) < PUSHES {
                    let now = Clock::system().now();
                    let sent = courier.deliver(parcel(service, now), &accounts, now).await;
                    assert_eq!(sent.receipt, Receipt::Accepted);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    watch.seconds()
}

fn parcel(service: &'static str, now: Timestamp) -> Parcel {
    let payload = match service {
        "APNS" => serde_json::json!({
            "aps": {"alert": {"title": "Bank", "body": "Bank asks for your approval"}},
            "mfa": {"txtkn": "x".repeat(700)},
        }),
        _ => serde_json::json!({ "txtkn": "x".repeat(700) }),
    };
    Parcel {
        service,
        token: "a1".repeat(32),
        payload,
        expires_at: now.plus_seconds(300),
        collapse_id: String::from("cns_0123456789012345678901"),
        way: server::outside::Way::App,
    }
}

/// Seconds from sending `/bc-authorize` until Apple took the push, one request after the other.
async fn start_to_push() -> Vec<f64> {
    let services = PushServices::start(Clock::system).await;
    let configured = World::builder().configured(|config| {
        services.configure(config);
        config.limits.prompts_per_user_per_minute = 1000;
    });
    let world = configured.starting_at(Clock::system().now()).with_push_services().start().await;
    world.phone_of("alice").enrolls_with(testkit::p256_key(), "APNS").await;
    let client = world.client();
    let mut waits = Vec::new();
    for number in 0..STARTS {
        let watch = Stopwatch::start();
        let answer = client.starts(client.asking("alice")).await;
        assert_eq!((answer.status, services.apns.count()), (200, number + 1));
        waits.push(watch.seconds());
    }
    waits
}
