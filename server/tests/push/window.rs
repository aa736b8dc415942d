//! O100 to O103: the window for calls to others.

use std::time::Duration;

use http::Method;
use server::outside::{Allowed, Call, CallLimits, Lane, Outbound, Unanswered, Window};
use testkit::push_services::{PushServices, Reply};
use url::Url;

use super::at_start;

fn window(services: &PushServices, allow: &[&str]) -> Window {
    let allowed = allow.iter().map(|text| Allowed::parse(text).unwrap()).collect();
    Window::open(allowed, &services.ca_file()).unwrap()
}

fn call(url: &str) -> Call {
    Call {
        method: Method::POST,
        url: Url::parse(url).unwrap(),
        headers: Vec::new(),
        body: bytes::Bytes::from_static(b"{}"),
        lane: Lane { name: String::from("test"), identity: None, is_http2: true },
        limits: CallLimits { within: Duration::from_mins(1), answer_bytes: 1024 },
        is_repeatable: false,
    }
}

/// O102, A8: every way to write this machine or a private network, as an address or behind a name.
#[tokio::test]
async fn what_is_not_public_is_not_called() {
    let services = PushServices::start(at_start).await;
    let window = window(&services, &[]);
    let port = Url::parse(&services.apns.url()).unwrap().port().unwrap();
    let hosts = "localhost 127.0.0.1 127.1 2130706433 0x7f.0.0.1 0177.0.0.1 0x7f000001 0 0.0.0.0 \
        127.0.0.1. LOCALHOST localhost. [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] \
        [64:ff9b::7f00:1] 10.0.0.1 169.254.169.254 [fe80::1] [fd00::1] 100.64.0.1 %31%32%37.0.0.1 \
        ①②⑦.0.0.1";
    for host in hosts.split_whitespace() {
        let answered = window.call(call(&format!("https://{host}:{port}/3/device/a"))).await;
        let refused =
            matches!(answered, Err(Unanswered::Forbidden(_) | Unanswered::Unreachable(_)));
        assert!(refused, "{host}: {answered:?}");
    }
    assert_eq!(services.apns.connections(), 0, "nobody was dialled");
}

/// O101: what is allowed is called, and nothing beside it.
#[tokio::test]
async fn what_the_operator_allows_is_called() {
    let services = PushServices::start(at_start).await;
    let url = services.apns.url();
    let port = Url::parse(&url).unwrap().port().unwrap();
    let named = window(&services, &[&format!("localhost:{port}")]);
    assert_eq!(named.call(call(&url)).await.unwrap().status, 404);
    let other = format!("https://127.0.0.1:{port}/");
    assert!(matches!(named.call(call(&other)).await, Err(Unanswered::Forbidden(_))));
    let block = window(&services, &["127.0.0.0/8"]);
    assert_eq!(block.call(call(&other)).await.unwrap().status, 404);
}

/// O100, A8: https only, no redirect, a deadline, a limit on the body.
#[tokio::test]
async fn calls_have_limits() {
    let services = PushServices::start(at_start).await;
    let window = window(&services, &["localhost"]);
    let url = services.apns.url();
    let plain = window.call(call(&url.replace("https", "http"))).await;
    assert!(matches!(plain, Err(Unanswered::Forbidden(_))), "{plain:?}");
    let there = format!("{url}3/device/moved");
    services.apns.replies("moved", Reply::Redirect(format!("{url}elsewhere")));
    assert_eq!(window.call(call(&there)).await.unwrap().status, 307);
    services.apns.replies("large", Reply::Megabyte(200));
    let large = window.call(call(&format!("{url}3/device/large"))).await.unwrap();
    assert!(large.is_too_long && large.body.is_empty() && large.status == 200);
    services.apns.replies("mute", Reply::Hang);
    let mut hurried = call(&format!("{url}3/device/mute"));
    hurried.limits.within = Duration::from_millis(50);
    assert_eq!(window.call(hurried).await.unwrap_err(), Unanswered::TooSlow);
    services.apns.replies("cut", Reply::Close);
    let cut = window.call(call(&format!("{url}3/device/cut"))).await;
    assert!(matches!(cut, Err(Unanswered::Broken(_))), "{cut:?}");
    assert_eq!(window.call(call(&url)).await.unwrap().status, 404, "the window still works");
}

/// Part of O102: a certificate for another name, or of an unknown authority, is not enough.
#[tokio::test]
async fn a_server_must_prove_its_name() {
    let services = PushServices::start(at_start).await;
    let nobody = Window::open(vec![Allowed::parse("localhost").unwrap()], "".as_ref()).unwrap();
    let answered = nobody.call(call(&services.apns.url())).await;
    assert!(matches!(answered, Err(Unanswered::Unreachable(_))), "{answered:?}");
}

/// O103: a closed connection and one that asks us to leave are replaced, once the call may be
/// repeated.
#[tokio::test]
async fn a_repeatable_call_survives_its_connection() {
    let services = PushServices::start(at_start).await;
    let window = window(&services, &["localhost"]);
    for reply in [Reply::Close, Reply::GoAway] {
        services.apns.replies("a", reply.clone());
        let mut again = call(&format!("{}3/device/a", services.apns.url()));
        again.is_repeatable = true;
        let answered = window.call(again).await;
        assert_eq!(answered.map(|answer| answer.status), Ok(403), "{reply:?}");
    }
    assert_eq!(services.apns.connections(), 3);
}
