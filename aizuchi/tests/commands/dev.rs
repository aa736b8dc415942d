//! The development server as scripts use it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::common::{Dev, aizuchi, http, said, signal};

/// O25, O27, O28: one line with every fact; free ports, named in the card; the issuer's certificate
/// is the CA file's.
#[test]
fn the_card_names_the_ports_that_were_taken() {
    let dev = Dev::start_anywhere();
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
        "/enrollment",
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

/// O31: the sample client as the card promises it, and that it completes the loop.
/// O32: the sample API with its scopes; the sample user without a device.
#[test]
fn the_samples_are_what_the_card_promises() {
    let dev = Dev::start(&[]);
    let asked = said(dev.ask("No phone yet", &[]).spawn().unwrap());
    assert!(asked.code == 3 && asked.err.contains("No eligible"), "{asked:?}");
    let client = dev.administer(&["client", "show", &dev.text("/client/client_id")]).done().json();
    let grants = client["grant_types"].as_array().unwrap();
    for grant in ["urn:openid:params:grant-type:ciba", "refresh_token"] {
        assert!(grants.contains(&grant.into()), "{client}");
    }
    assert!(matches!(client["profile"].as_str(), None | Some("auth0")), "{client}");
    assert_ne!(client["token_endpoint_auth_method"], "none", "confidential: {client}");
    let channels = &client["async_approval_notification_channels"];
    assert_eq!(*channels, serde_json::json!(["guardian-push"]));
    let api = dev.administer(&["api", "show", &dev.text("/api/identifier")]).done().json();
    assert_eq!(api["allow_offline_access"], true, "{api}");
    let scopes = api["scopes"].as_array().unwrap().iter();
    let scopes: Vec<_> = scopes.map(|scope| scope["value"].as_str().unwrap()).collect();
    assert_eq!(scopes, ["read:balance", "transfer:funds"]);
    let state = dev.enroll("phone.json", &[]);
    let audience = dev.text("/api/identifier");
    let scope = "openid offline_access transfer:funds";
    let tokens = dev.approved(&state, &["--scope", scope, "--audience", &audience]);
    for token in ["access_token", "id_token", "refresh_token"] {
        assert!(tokens[token].is_string(), "{token}: {tokens}");
    }
}

/// O42: what was begun when the signal came is answered; nobody else is; the file is closed.
#[test]
fn requests_in_flight_are_answered_when_the_end_is_asked_for() {
    for name in ["-INT", "-TERM"] {
        let dev = Dev::start(&[]);
        let authority = dev.text("/http").replace("http://", "").replace('/', "");
        let mut begun = TcpStream::connect(&authority).unwrap();
        let body = "grant_type=nonsense&client_id=nobody";
        let head = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        begun.write_all(head.as_bytes()).unwrap();
        // The server has read the head and waits for the body.
        let mut goes_on = [0; 25];
        begun.read_exact(&mut goes_on).unwrap();
        assert!(goes_on.starts_with(b"HTTP/1.1 100"), "{goes_on:?}");
        signal(dev.child(), name);
        while TcpStream::connect(&authority).is_ok() {}
        begun.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        begun.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let (status, folder, database) = dev.ended();
        assert_eq!(status.code(), Some(0), "{name}");
        let log = folder.path().join("data/aizuchi.db-wal");
        assert!(database.is_some() || !log.exists(), "the file is closed and its log folded in");
    }
}

/// `localhost` is two addresses: both answer, where the machine has both.
#[test]
fn both_addresses_of_localhost_answer() {
    let dev = Dev::start(&[]);
    let port = dev.text("/http").trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let mut hosts = vec!["127.0.0.1"];
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        hosts.push("[::1]");
    }
    for host in hosts {
        let base = format!("http://{host}:{port}/");
        assert_eq!(http(&base, ("GET", "/.well-known/jwks.json"), "").0, 200, "{host}");
    }
}

/// A server that comes back on other ports has one Management API, at its present address.
#[test]
fn other_ports_leave_no_former_management_api() {
    let dev = Dev::start(&[]);
    let former = dev.text("/management/audience");
    let (_, folder, database) = dev.stop("-TERM");
    let dev = Dev::start_in(folder, database, &[]);
    let apis = dev.administer(&["api", "list"]).done().json();
    let identifiers: Vec<&str> =
        apis.as_array().unwrap().iter().filter_map(|api| api["identifier"].as_str()).collect();
    assert_eq!(identifiers.len(), 2, "{apis}");
    assert!(identifiers.contains(&dev.text("/management/audience").as_str()), "{apis}");
    assert!(!identifiers.contains(&former.as_str()), "{apis}");
}

/// Two servers do not take each other's admin socket, whatever keeps the database.
#[test]
fn a_second_server_on_a_folder_is_refused() {
    let dev = Dev::start(&[]);
    let data = dev.data();
    let mut arguments = vec!["dev", "--data", data.as_str(), "--https-port", "0"];
    arguments.extend(["--http-port", "0", "--mtls-port", "0"]);
    if let Some(url) = &dev.database {
        arguments.extend(["--database", url]);
    }
    let second = aizuchi(&arguments);
    assert_eq!(second.code, 1, "{second:?}");
    let why = ["another server runs on this folder", "in use by process"];
    assert!(why.iter().any(|why| second.err.contains(why)), "{second:?}");
    let users = dev.administer(&["user", "list"]).done();
    assert!(users.err.is_empty(), "the first one still answers: {users:?}");
}
