//! O16 to O23: administration without a browser.

use std::path::Path;

use crate::common::{Dev, Said, aizuchi, is_private, said};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

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
    let asked = ask_as(&dev, &card);
    assert!(asked.err.contains("No eligible"), "{asked:?}");
    let rotated = dev.administer(&["client", "rotate-secret", &id]).done().json();
    assert!(ask_as(&dev, &card).err.contains("401"), "the old secret");
    card["client"] = rotated;
    let asked = ask_as(&dev, &card);
    assert!(asked.err.contains("No eligible"), "the new secret: {asked:?}");
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

/// O19: the next key signs, the former stays published, what it signed stays valid.
#[test]
fn a_rotated_key_stays_published_and_its_tokens_stay_valid() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("phone.json", &[]);
    let api = dev.text("/api/identifier");
    let before = dev.approved(&state, &["--audience", &api]);
    dev.administer(&["key", "rotate"]).done();
    let after = dev.approved(&state, &["--audience", &api]);
    let (_, published) = dev.http("GET", "/.well-known/jwks.json");
    let mut kids = Vec::new();
    for tokens in [&before, &after] {
        let token = tokens["access_token"].as_str().unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert!(published.contains(header["kid"].as_str().unwrap()), "{header}: {published}");
        kids.push(header["kid"].clone());
        let bearer = format!("Authorization: Bearer {token}");
        assert_eq!(dev.http_with("GET", "/userinfo", &bearer).0, 200);
    }
    assert_ne!(kids[0], kids[1]);
}

/// O20: each key's name, algorithm and stage; nothing private.
#[test]
fn keys_are_listed_without_anything_private() {
    let dev = Dev::start(&[]);
    dev.administer(&["key", "rotate"]).done();
    let keys = dev.administer(&["key", "list"]).done().json();
    assert_eq!(keys.as_array().unwrap().len(), 4, "{keys}");
    for key in keys.as_array().unwrap() {
        for member in ["kid", "alg", "stage"] {
            assert!(key[member].is_string(), "{key}");
        }
        let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let told = ["kid", "alg", "stage", "created_at", "retired_at", "revoked_at"];
        assert!(members.iter().all(|name| told.contains(name)), "{key}");
    }
}

/// O22: where no server runs the database itself is used, and the next server sees it.
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

/// O24: what a killed server left behind is said to be that, and the next server takes it over.
#[test]
fn a_socket_left_by_a_killed_server_is_taken_over() {
    let dev = Dev::start(&[]);
    let (_, folder, database) = dev.stop("-KILL");
    let socket = folder.path().join("data/admin.sock");
    assert!(socket.exists());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut arguments = vec!["user", "list", "--data", &data, "--json"];
    if let Some(url) = &database {
        arguments.extend(["--database", url]);
    }
    let told = aizuchi(&arguments).done();
    assert!(told.err.contains("no server answers"), "{told:?}");
    let dev = Dev::start_in(folder, database, &[]);
    let told = dev.administer(&["user", "list"]).done();
    assert!(told.err.is_empty(), "{told:?}");
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

/// O220, O221: a link in the card and by a command, while the server runs; operators come and go.
#[test]
fn operators_come_in_by_links_and_go_by_a_command() {
    let dev = Dev::start(&[]);
    let status = |link: &str| {
        let (_, path) = link.split_once("/console/").unwrap();
        let (status, page) = dev.http("GET", &format!("/console/{path}"));
        assert!(status == 404 || page.contains("This link signs you in as"), "{page}");
        status
    };
    let card = dev.text("/console");
    assert!(card.starts_with(&format!("{}console/sign-in?link=", dev.text("/http"))), "{card}");
    assert_eq!(status(&card), 200);
    let made = dev.administer(&["console", "link", "--name", "Mika"]).done().json();
    let link = made["link"].as_str().unwrap();
    assert_eq!((made["operator"].as_str(), status(link)), (Some("Mika"), 200));
    let list = dev.administer(&["console", "list"]).done().json();
    let names: Vec<_> = list.as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["Mika", "operator"]);
    dev.administer(&["console", "remove", "Mika"]).done();
    assert_eq!(status(link), 404);
    assert_eq!(dev.administer(&["console", "remove", "Mika"]).code, 1);
    assert_eq!(dev.administer(&["console", "list"]).done().json()[0]["passkeys"], 0);
}

/// O4: every command that takes `--json` says one document and nothing else.
#[test]
fn every_command_has_one_document() {
    let dev = Dev::start(&[]);
    let user = dev.text("/user/user_id");
    let client = dev.text("/client/client_id");
    let api = dev.text("/api/identifier");
    for command in [
        &["tenant", "create", "acme"][..],
        &["tenant", "list"],
        &["client", "create", "Riverbank"],
        &["client", "list"],
        &["client", "show", &client],
        &["client", "rotate-secret", &client],
        &["api", "list"],
        &["api", "show", &api],
        &["user", "create", "bob@example.com"],
        &["user", "list"],
        &["user", "show", &user],
        &["user", "ticket", &user],
        &["key", "list"],
        &["key", "rotate"],
        &["doctor"],
    ] {
        let said = dev.administer(command).done();
        assert!(said.json().is_object() || said.json().is_array(), "{command:?}: {said:?}");
    }
    let state = dev.enroll("phone.json", &["--json"]);
    for command in [&["phone", "inbox"][..], &["phone", "forget"]] {
        aizuchi(&[command, &["--state", &state, "--json"]].concat()).done().json();
    }
    aizuchi(&["demo", "--json"]).done().json();
}

/// O331: an invitation made here registers a client, once.
#[test]
fn an_invitation_registers_a_client() {
    let dev = Dev::start(&[]);
    let invited = ["client", "invite", "--expires-in", "600", "--set", "profile=ciba"];
    let token = dev.administer(&invited).done().json();
    assert!(token["token"].as_str().unwrap().starts_with("iat_"), "{token}");
    assert_eq!((&token["uses_left"], &token["metadata"]["profile"]), (&1.into(), &"ciba".into()));
    let refused = dev.administer(&["client", "invite", "--uses", "0"]);
    assert!(refused.code == 1 && refused.err.contains("uses"), "{refused:?}");
}
