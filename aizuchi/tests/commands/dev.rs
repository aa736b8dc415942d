//! The development server as scripts use it.

use crate::common::{Dev, aizuchi, http, said};

/// O27, O28: free ports, named in the card; the issuer's certificate is the CA file's.
#[test]
fn the_card_names_the_ports_that_were_taken() {
    let dev = Dev::start(&[]);
    assert_eq!(dev.line.matches('\n').count(), 1);
    let issuer = dev.text("/issuer");
    assert!(issuer.starts_with("https://localhost:") && issuer.ends_with('/'), "{issuer}");
    assert!(!issuer.contains(":0/"), "{issuer}");
    assert_eq!(dev.text("/management/audience"), format!("{issuer}api/v2/"));
    for at in ["/client/client_id", "/client/client_secret", "/user/email", "/ops"] {
        assert!(!dev.text(at).is_empty(), "{at}");
    }
    assert!(dev.card.get("mtls").is_none() && dev.card.get("console").is_none());
    // A client that trusts nothing but the CA file gets an answer from the issuer itself.
    let asked = said(dev.ask("No phone yet", &[]).spawn().unwrap());
    assert!(asked.err.contains("No eligible"), "{asked:?}");
    let (status, metadata) = dev.http("GET", "/.well-known/openid-configuration");
    assert_eq!(status, 200);
    assert!(metadata.contains(&issuer) && !metadata.contains("http://"), "{metadata}");
    assert_eq!(http(&dev.text("/ops"), "GET", "/health/ready").0, 200);
}

/// O30: the same CA, client and user after a restart.
#[test]
fn a_restart_on_the_same_folder_keeps_everything() {
    for signal in ["-INT", "-TERM"] {
        let dev = Dev::start(&[]);
        let before = dev.card.clone();
        let ca = std::fs::read_to_string(dev.text("/ca_file")).unwrap();
        let state = dev.enroll("phone.json", &[]);
        let (status, folder, database) = dev.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal}");
        let dev = Dev::start_in(folder, database, &[]);
        assert_eq!(dev.card["client"], before["client"]);
        assert_eq!(dev.card["user"], before["user"]);
        assert_eq!(dev.card["management"]["client_secret"], before["management"]["client_secret"]);
        assert_eq!(std::fs::read_to_string(dev.text("/ca_file")).unwrap(), ca);
        let users = dev.administer(&["user", "list"]).done().json();
        assert_eq!(users.as_array().unwrap().len(), 1);
        assert!(std::path::Path::new(&state).exists());
    }
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

/// O38: the clock can be moved, and requests expire by it.
#[test]
fn a_moved_clock_ends_requests() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("phone.json", &[]);
    let asking = dev.ask("Never answered", &[]).spawn().unwrap();
    aizuchi(&["phone", "watch", "--count", "1", "--state", &state]).done();
    assert!(dev.http("POST", "/dev/clock/advance?seconds=301").0 < 300);
    // Our own clock says that there was time left, so to the client this is a refusal.
    assert_eq!(said(asking).code, 1);
    let late = aizuchi(&["phone", "approve", "--state", &state]);
    assert_eq!(late.code, 1, "{late:?}");
}
