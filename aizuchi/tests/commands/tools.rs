//! The development tools, on the plain listener as scripts use them.

use serde_json::Value;

use crate::common::{Dev, said};

/// O33: the newest twenty pushes of a token, newest first.
#[test]
fn the_tray_keeps_the_newest_twenty_pushes() {
    let dev = Dev::start(&["--set", "limits.prompts_per_user_per_minute=1000"]);
    let state = dev.enroll("phone.json", &[]);
    let state: Value = serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
    let token = state["push_token"].as_str().unwrap();
    let tray = || -> Vec<Value> {
        let (status, body) = dev.http("GET", &format!("/dev/tray/{token}"));
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    };
    assert!(tray().is_empty());
    assert_eq!(dev.http("GET", "/dev/tray/nobody").1, "[]");
    let mut newest = String::new();
    for _ in 0..22 {
        dev.begin("Again");
        // Pushes are handed over after the answer: wait for this one.
        let is_new = |push: &Value| push["payload"]["txlnkid"] != newest.as_str();
        let arrived = (0..10_000).find_map(|_| tray().into_iter().next().filter(is_new));
        newest = arrived.unwrap()["payload"]["txlnkid"].as_str().unwrap().to_owned();
    }
    let pushes = tray();
    assert_eq!(pushes.len(), 20);
    for push in &pushes {
        assert_eq!((&push["service"], &push["token"]), (&"GCM".into(), &token.into()));
        assert!(push["sent_at"].is_string() && push["payload"]["txtkn"].is_string(), "{push}");
    }
    let times: Vec<&str> = pushes.iter().map(|push| push["sent_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
}

/// O34: a virtual phone says yes or no by the path of any device.
#[test]
fn a_virtual_phone_allows_and_denies() {
    let dev = Dev::start(&["--virtual-phones"]);
    let (yes, no) = (dev.begin("Yes"), dev.begin("No"));
    assert_eq!(dev.poll(&yes).1, "authorization_pending");
    assert_eq!(dev.http("POST", &format!("/dev/ciba/{yes}/allow")).0, 204);
    assert_eq!(dev.http("POST", &format!("/dev/ciba/{no}/deny")).0, 204);
    assert_eq!(dev.poll(&yes), (200, String::from("tokens")));
    assert_eq!(dev.poll(&no), (400, String::from("access_denied")));
}

/// O35: what cannot be answered says what is missing.
#[test]
fn an_answer_that_cannot_be_given_says_why() {
    let dev = Dev::start(&[]);
    dev.enroll("phone.json", &[]);
    let id = dev.begin("No virtual phone");
    let (status, why) = dev.http("POST", &format!("/dev/ciba/{id}/allow"));
    assert!((400..500).contains(&status) && why.contains("phone"), "{status} {why}");
    let path = format!("/dev/users/{}/phone", dev.text("/user/user_id").replace('|', "%7C"));
    assert_eq!(dev.http("POST", &path).0, 204);
    let id = dev.begin("Over");
    assert_eq!(dev.http("POST", &format!("/dev/ciba/{id}/deny")).0, 204);
    let (status, why) = dev.http("POST", &format!("/dev/ciba/{id}/allow"));
    assert!((400..500).contains(&status) && why.contains("answered"), "{status} {why}");
    assert_eq!(dev.http("POST", "/dev/ciba/unknown/allow").0, 404);
    assert_eq!(dev.http("POST", "/dev/users/unknown/phone").0, 404);
}

/// O36: a virtual phone makes eligible and does not count as the first device.
#[test]
fn a_user_gets_a_virtual_phone_once() {
    let dev = Dev::start(&[]);
    let path = format!("/dev/users/{}/phone", dev.text("/user/user_id").replace('|', "%7C"));
    for _ in 0..2 {
        assert_eq!(dev.http("POST", &path).0, 204);
    }
    dev.begin("Eligible");
    dev.enroll("phone.json", &[]);
}

/// O37: with `--virtual-phones` every user has one, also those that come later.
#[test]
fn every_user_may_have_a_virtual_phone() {
    let dev = Dev::start(&["--virtual-phones"]);
    let asked = said(dev.ask("The first", &["--expiry", "1"]).spawn().unwrap());
    assert_eq!(asked.code, 2, "{asked:?}");
    let bob = dev.administer(&["user", "create", "bob@example.com"]).done().json();
    let mut dev = dev;
    dev.card["user"] = bob;
    dev.begin("The second");
}
