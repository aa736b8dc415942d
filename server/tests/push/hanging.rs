//! A service that hangs, and the other one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::jose::web_push::Receiver;
use http::Method;
use serde_json::json;
use server::config::Config;
use server::outside::{
    Answer, Call, Calling, Courier, Endpoints, Outbound, Parcel, Receipt, Services, Way,
};
use server::push::{Accounts, web_push::WebWay};
use store::issuer_keys::Purpose;
use testkit::World;
use testkit::push_services::PushServices;
use tokio::task::JoinSet;

use super::at_start;

/// Apple never answers, Google always does.
#[derive(Debug)]
struct AppleHangs;

impl Outbound for AppleHangs {
    fn call(&self, call: Call) -> Calling<'_> {
        assert_eq!(call.method, Method::POST);
        Box::pin(async move {
            if call.url.path().starts_with("/3/device/") {
                std::future::pending::<()>().await;
            }
            let body = json!({ "access_token": "a", "expires_in": 3600, "name": "m" });
            Ok(Answer { status: 200, body: body.to_string().into(), ..Answer::default() })
        })
    }
}

/// One origin never answers, every other does.
#[derive(Debug, Default)]
struct OriginHangs {
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Outbound for OriginHangs {
    fn call(&self, call: Call) -> Calling<'_> {
        Box::pin(async move {
            if call.url.host_str() == Some("hanging.example") {
                let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
            Ok(Answer { status: 201, ..Answer::default() })
        })
    }
}

fn parcel(service: &'static str) -> Parcel {
    Parcel {
        service,
        token: String::from("ab01"),
        payload: json!({}),
        expires_at: at_start().now().plus_seconds(60),
        collapse_id: String::from("c"),
        way: Way::App,
    }
}

/// Who carries pushes through this window, and the accounts.
fn through(window: Arc<dyn Outbound>, stand_ins: &PushServices) -> (Arc<Courier>, Arc<Accounts>) {
    let mut config = Config::default();
    stand_ins.configure(&mut config);
    let accounts = Arc::new(server::push_accounts::own(&config).unwrap());
    let [apns, apns_sandbox, fcm] =
        ["a", "s", "g"].map(|name| format!("https://{name}.example/").parse().unwrap());
    let endpoints = Endpoints { apns, apns_sandbox, fcm };
    let services = Services::new(window, endpoints, (*accounts).clone());
    (Arc::new(Courier::Services(services)), accounts)
}

/// O275: Apple keeps many pushes waiting; those for Google go out, and Apple's next are put off.
#[tokio::test]
async fn a_service_that_hangs_leaves_room_for_the_other() {
    let stand_ins = PushServices::start(at_start).await;
    let (courier, accounts) = through(Arc::new(AppleHangs), &stand_ins);
    let mut hanging = JoinSet::new();
    for _ in 0..server::worker::PUSHES_AT_ONCE {
        let (courier, accounts) = (Arc::clone(&courier), Arc::clone(&accounts));
        let now = at_start().now();
        hanging.spawn(async move { courier.deliver(parcel("APNS"), &accounts, now).await });
    }
    // A quarter of them learns soon that there is no place, and leaves theirs to others.
    for _ in 0..server::worker::PUSHES_AT_ONCE / 4 {
        let put_off = hanging.join_next().await.unwrap().unwrap();
        assert!(matches!(put_off.receipt, Receipt::Later(_)), "{put_off:?}");
    }
    let sent = courier.deliver(parcel("GCM"), &accounts, at_start().now()).await;
    assert_eq!(sent.receipt, Receipt::Accepted, "{sent:?}");
    assert_eq!(hanging.len(), server::worker::PUSHES_AT_ONCE / 4 * 3, "Apple's still hang");
}

/// O491: devices name any address they like, and one of them hangs: it keeps a third of the places for
/// browsers at most, and pushes to others go out beside it.
#[tokio::test]
async fn an_origin_that_hangs_leaves_room_for_others() {
    const A_THIRD: usize = server::worker::PUSHES_AT_ONCE / 4;
    let stand_ins = PushServices::start(at_start).await;
    let world = World::new().await;
    let key = world.app().issuer_key(world.tenant_id(), Purpose::WebPush, world.now()).await;
    let to = stand_ins.web.subscribes(None);
    let way = WebWay {
        kind: "web_push",
        receiver: Receiver::parse(&to.p256dh, &to.auth).unwrap(),
        key: key.unwrap(),
        contact: String::from("mailto:operator@example.com"),
        random: world.app().entropy.bytes(),
    };
    let push = |origin: &str| Parcel {
        token: format!("https://{origin}/push/1"),
        way: Way::Web(Box::new(way.clone())),
        ..parcel("INBOX")
    };
    let outbound = Arc::new(OriginHangs::default());
    let window: Arc<dyn Outbound> = Arc::<OriginHangs>::clone(&outbound);
    let (courier, accounts) = through(window, &stand_ins);
    let mut hanging = JoinSet::new();
    for _ in 0..server::worker::PUSHES_AT_ONCE {
        let (courier, accounts) = (Arc::clone(&courier), Arc::clone(&accounts));
        let (parcel, now) = (push("hanging.example"), at_start().now());
        hanging.spawn(async move { courier.deliver(parcel, &accounts, now).await });
    }
    let first = hanging.join_next().await.unwrap().unwrap();
    assert!(matches!(first.receipt, Receipt::Later(_)), "{first:?}");
    for origin in ["other.example", "below.hanging.example", "third.example"] {
        let sent = courier.deliver(push(origin), &accounts, at_start().now()).await;
        assert_eq!(sent.receipt, Receipt::Accepted, "{origin}: {sent:?}");
    }
    let most = outbound.most.load(Ordering::SeqCst);
    assert!((1..=A_THIRD).contains(&most), "{most}");
}
