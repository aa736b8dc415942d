//! O16 to O23: administration without a browser.

use std::path::Path;

use crate::common::{Dev, Said, aizuchi, is_private, said};
use serde_json::Value;

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
/// `ask` as another client, perhaps of another tenant.
fn ask_as(dev: &Dev, card: &Value) -> Said {
    let text = |at: &str| card.pointer(at).and_then(Value::as_str).unwrap().to_owned();
    let arguments = [
        "ask",
        "--json",
        "--issuer",
        &text("/issuer"),
        "--ca",
        &dev.text("/ca_file"),
        "--client-id",
        &text("/client/client_id"),
        "--client-secret",
        &text("/client/client_secret"),
        "--user",
        &text("/user/user_id"),
        "--message",
        "Hello",
    ];
    aizuchi(&arguments)
}

/// O16, O21, O23: made through the socket of the running server, which is its owner's alone.
#[test]
fn a_tenant_made_while_the_server_runs_can_be_used_at_once() {
    let dev = Dev::start(&[]);
    assert!(is_private(&Path::new(&dev.data()).join("admin.sock")));
    let card = dev.administer(&["tenant", "create", "acme"]).done().json();
    assert_eq!(card["issuer"], format!("{}t/acme/", dev.text("/issuer")));
    for at in ["/management/client_secret", "/management/audience", "/api/identifier"] {
        assert!(card.pointer(at).is_some_and(Value::is_string), "{at}: {card}");
    }
    let asked = ask_as(&dev, &card);
    assert!(asked.err.contains("No eligible"), "known client and user, no phone yet: {asked:?}");
    let again = dev.administer(&["tenant", "create", "acme"]);
    assert!(again.code == 1 && again.out.is_empty(), "{again:?}");
    let names: Vec<Value> = dev
        .administer(&["tenant", "list"])
        .done()
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|tenant| tenant["tenant"].clone())
        .collect();
    assert!(names.contains(&"acme".into()) && names.contains(&"default".into()), "{names:?}");
    let bad = dev.administer(&["tenant", "create", "No Good"]);
    assert_eq!(bad.code, 1, "{bad:?}");
}

/// O17, O18: a client made here asks; with a rotated secret only the new one works.
#[test]
fn a_client_made_here_asks_until_its_secret_is_rotated() {
    let dev = Dev::start(&[]);
    let client = dev.administer(&["client", "create", "Riverbank"]).done().json();
    let id = client["client_id"].as_str().unwrap().to_owned();
    let api =
        dev.administer(&["api", "create", "https://api.example.com/loans", "--scope", "sign"]);
    assert_eq!(api.done().json()["identifier"], "https://api.example.com/loans");
    let user =
        dev.administer(&["user", "create", "bob@example.com", "--name", "Bob"]).done().json();
    let shown = dev.administer(&["user", "show", user["user_id"].as_str().unwrap()]).done().json();
    assert_eq!(shown["email"], "bob@example.com");
    let shown = dev.administer(&["client", "show", &id]).done().json();
    assert!(shown.get("client_secret").is_none(), "{shown}");
    let mut card = dev.card.clone();
    card["client"] = client;
    assert!(ask_as(&dev, &card).err.contains("No eligible"));
    let rotated = dev.administer(&["client", "rotate-secret", &id]).done().json();
    assert!(ask_as(&dev, &card).err.contains("401"), "the old secret");
    card["client"] = rotated;
    assert!(ask_as(&dev, &card).err.contains("No eligible"), "the new secret");
    assert_eq!(dev.administer(&["client", "show", "nobody"]).code, 1);
    dev.administer(&["client", "delete", &id]).done();
    assert!(ask_as(&dev, &card).err.contains("401"), "a deleted client");
    assert_eq!(dev.administer(&["client", "show", &id]).code, 1);
}

/// O17: what was made can be listed, shown and deleted.
#[test]
fn users_and_apis_are_listed_shown_and_deleted() {
    let dev = Dev::start(&[]);
    let user = dev.administer(&["user", "create", "bob@example.com"]).done().json();
    let id = user["user_id"].as_str().unwrap();
    assert_eq!(dev.administer(&["user", "list"]).done().json().as_array().unwrap().len(), 2);
    dev.administer(&["user", "delete", id]).done();
    for gone in [["user", "show", id], ["user", "delete", id], ["user", "block", id]] {
        let said = dev.administer(&gone);
        assert!(said.code == 1 && said.err.lines().count() == 1, "{gone:?}: {said:?}");
    }
    let loans = "https://api.example.com/loans";
    dev.administer(&["api", "create", loans, "--scope", "sign:loans"]).done();
    let shown = dev.administer(&["api", "show", loans]).done().json();
    assert_eq!(shown["scopes"][0]["value"], "sign:loans");
    dev.administer(&["api", "delete", loans]).done();
    assert_eq!(dev.administer(&["api", "show", loans]).code, 1);
    let management = dev.text("/management/audience");
    assert_eq!(dev.administer(&["api", "delete", &management]).code, 1, "it could never come back");
}

/// O20: rotated keys stay listed, and nothing private is.
#[test]
fn rotated_keys_stay_published_and_nothing_private_is_listed() {
    let dev = Dev::start(&[]);
    let before = dev.administer(&["key", "list"]).done().json();
    let after = dev.administer(&["key", "rotate"]).done().json();
    let kids = |keys: &Value| -> Vec<String> {
        keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().into()).collect()
    };
    assert_eq!(kids(&after).len(), 2 * kids(&before).len());
    let (_, published) = dev.http("GET", "/.well-known/jwks.json");
    for kid in kids(&before).iter().chain(&kids(&after)) {
        assert!(published.contains(kid), "{kid}: {published}");
    }
    for key in after.as_array().unwrap() {
        let members: Vec<&String> = key.as_object().unwrap().keys().collect();
        for private in ["d", "p", "q", "private", "key"] {
            assert!(members.iter().all(|name| *name != private), "{key}");
        }
    }
}

/// O22, O30: where no server runs the database itself is used, and the next server sees it.
#[test]
fn without_a_server_the_database_itself_is_used() {
    let dev = Dev::start(&[]);
    let (_, folder, database) = dev.stop("-TERM");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut arguments = vec!["user", "create", "carol@example.com", "--data", &data, "--json"];
    if let Some(url) = &database {
        arguments.extend(["--database", url]);
    }
    let user = aizuchi(&arguments).done().json();
    let dev = Dev::start_in(folder, database, &[]);
    let users = dev.administer(&["user", "list"]).done().json();
    assert!(users.as_array().unwrap().iter().any(|one| one["user_id"] == user["user_id"]));
}

/// O17: a blocked user cannot be asked until unblocked.
#[test]
fn a_blocked_user_is_not_asked() {
    let dev = Dev::start(&[]);
    dev.enroll("phone.json", &[]);
    let user = dev.text("/user/user_id");
    dev.administer(&["user", "block", &user]).done();
    let refused = said(dev.ask("Blocked", &[]).spawn().unwrap());
    assert_eq!(refused.code, 3, "{refused:?}");
    dev.administer(&["user", "unblock", &user]).done();
    let expired = said(dev.ask("Unblocked", &["--expiry", "1"]).spawn().unwrap());
    assert_eq!(expired.code, 2, "{expired:?}");
}
