//! D20: approve, fetch the receipt, and check it when no server is there any more.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::{Dev, Said, aizuchi, command, said};

fn verifies(file: &str, jwks: &str, more: &[&str]) -> Said {
    aizuchi(&[&["verify", "receipt", file, "--jwks", jwks], more].concat())
}

/// D20, O381: a receipt that the phone fetched holds without the server, says who agreed to what and
/// what it does not prove; one changed byte, and it says where it fails; a client's view holds
/// and says what it hides.
#[test]
fn a_receipt_is_checked_without_the_server() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("own.json", &["--dialect", "aizuchi"]);
    let tokens = dev.approved(&state, &[]);
    assert!(tokens["id_token"].is_string());
    let (file, copy) = (dev.file("receipt.txt"), dev.file("copy.txt"));
    aizuchi(&["phone", "receipt", "--out", &file, "--state", &state]).done();
    let told = aizuchi(&["phone", "receipt", "--state", &state, "--json"]).done().json();
    let receipt = fs::read_to_string(&file).unwrap();
    assert_eq!(told["receipt"], receipt.as_str());
    let none = aizuchi(&["phone", "receipt", "cns_unknown", "--state", &state]);
    assert_eq!(none.code, 1, "{none:?}");

    let address = format!("{}.well-known/jwks.json", dev.text("/issuer"));
    let ca = dev.text("/ca_file");
    verifies(&file, &address, &["--ca", &ca]).done();
    let (status, set) = dev.http("GET", "/.well-known/jwks.json");
    assert_eq!(status, 200);
    let jwks = dev.file("jwks.json");
    fs::write(&jwks, set).unwrap();
    let path = told["url"].as_str().unwrap().strip_prefix(&dev.text("/issuer")).unwrap();
    let credentials =
        format!("{}:{}", dev.text("/client/client_id"), dev.text("/client/client_secret"));
    let basic = format!("Authorization: Basic {}", STANDARD.encode(credentials));
    let (status, view) = dev.http_with("GET", &format!("/{path}"), &basic);
    assert_eq!(status, 200, "{view}");
    let (user, issuer) = (dev.text("/user/user_id"), dev.text("/issuer"));
    // The folder outlives the server.
    let (_, folder, _) = dev.stop("-TERM");

    let held = verifies(&file, &jwks, &["--json"]).done().json();
    assert_eq!((&held["holds"], &held["decided"]), (&true.into(), &"approved".into()));
    assert_eq!((&held["by"], &held["issuer"]), (&user.as_str().into(), &issuer.as_str().into()));
    assert_eq!(held["content"]["binding_message"], "Pay 20 EUR");
    assert_eq!((&held["hidden"], held["device"]["id"].is_string()), (&0.into(), true));
    let words = verifies(&file, &jwks, &[]).done();
    for told in ["approved by", "Pay 20 EUR", "Example Bank", "unproven", "browser", "device "] {
        assert!(words.out.contains(told), "{told}: {words:?}");
    }

    fs::write(&copy, format!("{view}\n")).unwrap();
    let shown = verifies(&copy, &jwks, &["--json"]).done().json();
    assert_eq!((&shown["hidden"], &shown["device"]), (&2.into(), &serde_json::Value::Null));
    assert_eq!(shown["decided"], "approved");
    assert!(verifies(&copy, &jwks, &[]).done().out.contains("hidden    2 parts"));

    let places = [(3, "form"), (receipt.find('.').unwrap() + 9, "signature")];
    for (place, name) in places.into_iter().chain([(receipt.len() - 3, "signature")]) {
        let mut changed = receipt.clone().into_bytes();
        changed[place] ^= 1;
        fs::write(&copy, changed).unwrap();
        let refused = verifies(&copy, &jwks, &["--json"]);
        let json: serde_json::Value = serde_json::from_str(refused.out.trim()).unwrap();
        assert_eq!((refused.code, &json["holds"]), (1, &false.into()), "{refused:?}");
        assert!(["form", "signature"].contains(&json["place"].as_str().unwrap()), "{name}");
        assert!(refused.err.contains("does not hold"), "{refused:?}");
    }
    fs::write(&jwks, r#"{"keys":[]}"#).unwrap();
    let refused = verifies(&file, &jwks, &[]);
    assert!(refused.code == 1 && refused.err.contains("no key of the name"), "{refused:?}");
    for wrong in ["nothing.txt", "https://localhost:1/"] {
        assert_eq!(verifies(&file, wrong, &[]).code, if wrong.contains(':') { 64 } else { 1 });
    }
    drop(folder);
}

/// D17, O382: `ask --match` shows the number to whoever asked; the phone demands it, forgives one
/// wrong entry, and its receipt tells that it was entered.
#[test]
fn a_number_goes_from_one_screen_to_the_other() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("own.json", &["--dialect", "aizuchi"]);
    let client = dev.administer(&["client", "create", "Careful", "--set", "profile=ciba"]).done();
    let client = client.json();
    let text = |name: &str| client[name].as_str().unwrap().to_owned();
    let (issuer, ca, user) = (dev.text("/issuer"), dev.text("/ca_file"), dev.text("/user/user_id"));
    let (id, secret) = (text("client_id"), text("client_secret"));
    let mut ask = vec!["ask", "--issuer", &issuer, "--ca", &ca, "--client-id", &id, "--json"];
    ask.extend(["--client-secret", &secret, "--user", &user, "--message", "Pay", "--match"]);
    let mut asking = command(&ask).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(asking.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let code = line.trim().strip_prefix("the number to enter on the phone is ").unwrap().to_owned();
    assert_eq!(code.len(), 2, "{code}");

    let watch = ["phone", "watch", "--count", "1", "--state", &state, "--json"];
    let seen = aizuchi(&watch).done().json();
    assert_eq!(seen["requested_details"]["match"]["style"], "type");
    let approve = |more: &[&str]| {
        aizuchi(&[&["phone", "approve", "--state", &state, "--json"], more].concat())
    };
    let without = approve(&[]);
    assert!(without.code == 64 && without.err.contains("--match"), "{without:?}");
    let other = format!("{:02}", (code.parse::<u32>().unwrap() + 1) % 100);
    let wrong = approve(&["--match", &other]);
    assert!(wrong.code == 1 && wrong.err.contains("one more try"), "{wrong:?}");
    approve(&["--match", &code]).done();
    assert_eq!(said(asking).code, 0);

    let (file, jwks) = (dev.file("receipt.txt"), dev.file("jwks.json"));
    aizuchi(&["phone", "receipt", "--out", &file, "--state", &state]).done();
    fs::write(&jwks, dev.http("GET", "/.well-known/jwks.json").1).unwrap();
    let held = verifies(&file, &jwks, &["--json"]).done().json();
    assert_eq!(held["signed"]["match"], code.as_str());
}
