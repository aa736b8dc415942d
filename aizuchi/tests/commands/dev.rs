//! The development server as scripts use it.

use serde_json::Value;

use crate::common::{Dev, aizuchi, http, said};

/// O25, O27, O28: one line with every fact; free ports, named in the card; the issuer's certificate
/// is the CA file's.
#[test]
fn the_card_names_the_ports_that_were_taken() {
    let dev = Dev::start(&[]);
    assert_eq!(dev.line.matches('\n').count(), 1);
    let issuer = dev.text("/issuer");
    assert!(issuer.starts_with("https://localhost:") && issuer.ends_with('/'), "{issuer}");
    assert!(!issuer.contains(":0/"), "{issuer}");
    assert_eq!(dev.text("/management/audience"), format!("{issuer}api/v2/"));
    for at in [
        "/client/client_id",
        "/client/client_secret",
        "/management/client_id",
        "/management/client_secret",
        "/api/identifier",
        "/user/user_id",
        "/user/email",
        "/http",
        "/mtls",
        "/ca_file",
        "/ops",
        "/console",
    ] {
        assert!(!dev.text(at).is_empty() && !dev.text(at).contains(":0/"), "{at}");
    }
    assert!(dev.text("/mtls").starts_with("https://localhost:"));
    // A client that trusts nothing but the CA file gets an answer from the issuer itself.
    let asked = said(dev.ask("No phone yet", &[]).spawn().unwrap());
    assert!(asked.err.contains("No eligible"), "{asked:?}");
    let (status, metadata) = dev.http("GET", "/.well-known/openid-configuration");
    assert_eq!(status, 200);
    assert!(metadata.contains(&issuer) && !metadata.contains("http://"), "{metadata}");
    let alias = format!("{}oauth/token", dev.text("/mtls"));
    assert!(metadata.contains(&alias), "{metadata}");
    assert_eq!(http(&dev.text("/ops"), ("GET", "/health/ready"), "").0, 200);
}

/// O30: ended by either signal; the same CA, keys, client, user and device after a restart.
#[test]
fn a_restart_on_the_same_folder_keeps_everything() {
    let kids = |dev: &Dev| -> Vec<Value> {
        let keys = dev.administer(&["key", "list"]).done().json();
        keys.as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    };
    let dev = Dev::start(&[]);
    let (card, keys) = (dev.card.clone(), kids(&dev));
    let ca = std::fs::read_to_string(dev.text("/ca_file")).unwrap();
    let state = dev.enroll("phone.json", &[]);
    let (status, folder, database) = dev.stop("-INT");
    assert_eq!(status.code(), Some(0));
    let dev = Dev::start_again(folder, database, &card, &[]);
    for name in ["issuer", "http", "ca_file", "management", "client", "api", "user"] {
        assert_eq!(dev.card[name], card[name], "{name}");
    }
    assert_eq!(std::fs::read_to_string(dev.text("/ca_file")).unwrap(), ca);
    assert_eq!(kids(&dev), keys);
    assert!(dev.approved(&state, &[])["access_token"].is_string());

    let (status, folder, database) = dev.stop("-TERM");
    assert_eq!(status.code(), Some(0));
    let elsewhere = Dev::start_in(folder, database, &[]);
    assert_eq!(elsewhere.card["client"], card["client"], "also on other ports");
    assert_eq!(elsewhere.administer(&["user", "list"]).done().json().as_array().unwrap().len(), 1);
}

/// O39: `--set` overrides; an unknown key is refused with the nearest known one.
#[test]
fn settings_are_overridden_by_key() {
    let dev = Dev::start(&["--set", "ciba.default_expiry_s=1"]);
    dev.enroll("phone.json", &[]);
    assert_eq!(said(dev.ask("Gone in a second", &[]).spawn().unwrap()).code, 2);
    let refused = aizuchi(&["dev", "--set", "limits.prompts_per_user=1"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("limits.prompts_per_user_per_minute"), "{refused:?}");
}

/// O38: the clock can be moved: requests end by it, and limits pass.
#[test]
fn a_moved_clock_ends_requests_and_lets_limits_pass() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("phone.json", &[]);
    let asking = dev.ask("Never answered", &[]).spawn().unwrap();
    aizuchi(&["phone", "watch", "--count", "1", "--state", &state]).done();
    let (status, _) = dev.http("POST", "/dev/clock/advance?seconds=301");
    assert!((200..300).contains(&status), "{status}");
    // Our own clock says that there was time left, so to the client this is a refusal.
    assert_eq!(said(asking).code, 1);
    let late = aizuchi(&["phone", "approve", "--state", &state]);
    assert_eq!(late.code, 1, "{late:?}");

    let start = |_| dev.ask("One of six", &["--expiry", "1"]).spawn().unwrap();
    let all: Vec<_> = (0..6).map(start).collect();
    let codes: Vec<i32> = all.into_iter().map(|child| said(child).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 3).count(), 1, "the sixth: {codes:?}");
    dev.http("POST", "/dev/clock/advance?seconds=61");
    let next = said(dev.ask("After a minute", &["--expiry", "1"]).spawn().unwrap());
    assert!(next.code != 3, "{next:?}");
}

/// O29: the same paths on the plain listener of this machine, which no metadata names.
#[test]
fn the_plain_listener_serves_the_same_and_is_named_nowhere() {
    let dev = Dev::start(&[]);
    let (status, metadata) = dev.http("GET", "/.well-known/openid-configuration");
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    assert_eq!((status, metadata["issuer"].as_str()), (200, Some(dev.text("/issuer").as_str())));
    assert!(!metadata.to_string().contains("http://"), "{metadata}");
    assert_eq!(dev.http("GET", "/.well-known/jwks.json").0, 200);
    assert_eq!(dev.http("GET", "/mfa/enrollment?ticket=unknown").0, 404);
}
