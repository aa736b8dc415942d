//! O8 to O12: the authenticator in a terminal, against a development server.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{Dev, Said, aizuchi, command, is_private, said, signal, try_exchange};

fn phone(act: &[&str], state: &str) -> Said {
    let mut arguments = vec!["phone"];
    arguments.extend_from_slice(act);
    arguments.extend(["--state", state, "--json"]);
    aizuchi(&arguments)
}

/// O8, O12: enrolled by the text of a QR code with a key of its own; forgotten on both sides.
#[test]
fn a_phone_enrolls_by_the_qr_text_and_is_forgotten() {
    let dev = Dev::start(&[]);
    let user = dev.text("/user/user_id");
    let ticket = dev.administer(&["user", "ticket", &user]).done().json();
    let page_url = ticket["ticket_url"].as_str().unwrap();
    let path = page_url.strip_prefix(&dev.text("/issuer")).unwrap();
    // What the button of the page does.
    let (page, ticket) = path.split_once('?').unwrap();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let press = ("POST", &*format!("/{page}"));
    let (status, page) = try_exchange(&dev.text("/http"), press, form, ticket).unwrap();
    assert_eq!(status, 200);
    let (_, rest) = page.split_once("otpauth://").unwrap();
    let qr = format!("otpauth://{}", rest.split(['"', '<']).next().unwrap());
    let qr = qr.replace("&amp;", "&").replace("&#38;", "&");

    let (state, ca) = (dev.file("phone.json"), dev.text("/ca_file"));
    let enrolled = phone(&["enroll", &qr, "--ca", &ca], &state).done().json();
    assert_eq!(enrolled["user_id"], user);
    assert!(enrolled["id"].as_str().unwrap().starts_with("dev_"));
    assert!(is_private(Path::new(&state)));
    let again = phone(&["enroll", &qr, "--ca", &ca], &state);
    assert!(again.code == 1 && again.err.contains("is already a phone"), "{again:?}");

    phone(&["forget"], &state).done();
    assert!(!Path::new(&state).exists());
    let refused = said(dev.ask("Anyone there", &[]).spawn().unwrap());
    assert!(refused.code == 3 && refused.err.contains("No eligible"), "{refused:?}");
}

/// O9, O10: what waits is listed and read; the first answer counts, a later one is late.
#[test]
fn requests_are_listed_read_and_answered_once() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("phone.json", &[]);
    assert_eq!(phone(&["inbox"], &state).done().json(), serde_json::json!([]));
    let scope = "openid transfer:funds";
    let api = dev.text("/api/identifier");
    let asking = dev.ask("Pay 20 EUR", &["--scope", scope, "--audience", &api]).spawn().unwrap();

    let seen = phone(&["watch", "--count", "1"], &state).done().json();
    let id = seen["id"].as_str().unwrap().to_owned();
    let inbox = phone(&["inbox"], &state).done().json();
    assert_eq!(inbox[0]["id"], id.as_str());
    assert_eq!((&inbox[0]["state"], &inbox[0]["from"]), (&"open".into(), &"Example Bank".into()));
    let shown = phone(&["show"], &state).done().json();
    assert_eq!(shown["requested_details"]["binding_message"], "Pay 20 EUR");
    assert_eq!(shown["requested_details"]["audience"], api);
    let told = aizuchi(&["phone", "show", &id, "--state", &state]).done();
    assert!(told.out.contains("Pay 20 EUR") && told.out.contains("transfer:funds"), "{told:?}");

    assert_eq!(phone(&["approve", &id], &state).done().json()["answer"], "approved");
    let late = phone(&["deny", &id], &state);
    assert!(late.code == 1 && late.err.contains("too late"), "{late:?}");
    assert_eq!(said(asking).code, 0);
    assert_eq!(phone(&["inbox"], &state).done().json()[0]["state"], "approved");
    assert_eq!(phone(&["approve", "cns_unknown"], &state).code, 1);
}

/// O11: each new request is told once, until somebody ends the watch.
#[test]
fn watching_tells_each_request_once_until_it_is_interrupted() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("phone.json", &[]);
    let mut watch = command(&["phone", "watch", "--state", &state, "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&told.next().unwrap().unwrap()).unwrap() };
    let mut open = Vec::new();
    for message in ["First", "Second", "Third"] {
        // Those before are still open and in the tray when the next one comes.
        let asking = dev.ask(message, &[]).spawn().unwrap();
        let consent = next();
        assert_eq!(consent["requested_details"]["binding_message"], message);
        open.push((asking, consent["id"].as_str().unwrap().to_owned()));
    }
    for (asking, id) in open {
        phone(&["deny", &id], &state).done();
        assert_eq!(said(asking).code, 1);
    }
    signal(&watch, "-INT");
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}

#[test]
fn watching_may_answer_for_development() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("phone.json", &["--rsa"]);
    let first = dev.ask("First", &[]).spawn().unwrap();
    let told = phone(&["watch", "--count", "1", "--answer", "deny"], &state).done().json();
    assert_eq!(told["consent"]["requested_details"]["binding_message"], "First");
    assert_eq!(said(first).code, 1);
    assert!(dev.approved(&state, &[])["id_token"].is_string());
}

/// O11: a request that was answered elsewhere does not keep the watch from the next one.
#[test]
fn watching_goes_on_after_an_answer_that_came_too_late() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("phone.json", &[]);
    let copy = dev.file("copy.json");
    std::fs::copy(&state, &copy).unwrap();
    let first = dev.ask("First", &[]).spawn().unwrap();
    phone(&["watch", "--count", "1", "--answer", "deny"], &copy).done();
    assert_eq!(said(first).code, 1);
    let second = dev.ask("Second", &[]).spawn().unwrap();
    let watched = phone(&["watch", "--count", "1", "--answer", "approve"], &state);
    assert!(watched.err.contains("too late"), "{watched:?}");
    assert_eq!(watched.done().json()["consent"]["requested_details"]["binding_message"], "Second");
    assert_eq!(said(second).code, 0);
}

/// O377: in our own dialect the phone has an inbox, and answers over the words that it was shown.
#[test]
fn a_phone_of_our_own_dialect_needs_no_push() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("own.json", &["--dialect", "aizuchi"]);
    assert_eq!(phone(&["inbox"], &state).done().json(), serde_json::json!([]));
    let asking = dev.ask("Pay 20 EUR", &[]).spawn().unwrap();
    let seen = phone(&["watch", "--count", "1"], &state).done().json();
    let id = seen["id"].as_str().unwrap().to_owned();
    assert_eq!(seen["requested_details"]["binding_message"], "Pay 20 EUR");
    let inbox = phone(&["inbox"], &state).done().json();
    assert_eq!((&inbox[0]["id"], &inbox[0]["from"]), (&id.as_str().into(), &"Example Bank".into()));
    assert_eq!(phone(&["approve"], &state).done().json()["answer"], "approved");
    let late = phone(&["deny", &id], &state);
    assert_eq!(late.code, 1, "{late:?}");
    assert_eq!(said(asking).code, 0);
    assert_eq!(phone(&["inbox"], &state).done().json(), serde_json::json!([]));

    let asking = dev.ask("Not me", &[]).spawn().unwrap();
    phone(&["watch", "--count", "1"], &state).done();
    phone(&["deny", "--reason", "hack"], &state).done();
    assert_eq!(said(asking).code, 1);
    let refused = said(dev.ask("Again", &[]).spawn().unwrap());
    assert!(refused.code != 0 && refused.err.contains("denied"), "{refused:?}");
    phone(&["forget"], &state).done();
    assert!(!Path::new(&state).exists());
}

/// O383: on a terminal the phone of our own dialect shows an inbox that changes by itself, and one
/// key answers the request that is shown.
#[test]
fn a_terminal_shows_an_inbox_with_keys() {
    let dev = Dev::start(&[]);
    let state = dev.enroll("own.json", &["--dialect", "aizuchi"]);
    let watch = format!("{} phone watch --state {state}", env!("CARGO_BIN_EXE_aizuchi"));
    // `script` gives it a terminal.
    let mut terminal = Command::new("script")
        .args(["-qec", &watch, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut seen = String::new();
    let mut until = |wanted: &str, key: Option<u8>| {
        let mut bytes = [0; 4096];
        while !seen.contains(wanted) {
            let count = screen.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "{seen}");
            let drawn = String::from_utf8_lossy(&bytes[..count]).into_owned();
            // A key counts once the request was there for a moment.
            if let Some(key) = key.filter(|_| drawn.contains("wasn't me")) {
                keys.write_all(&[key]).unwrap();
            }
            seen.push_str(&drawn);
        }
        seen.clear();
    };
    until("nothing waits", None);
    let asking = dev.ask("Pay 20 EUR", &[]).spawn().unwrap();
    until("Pay 20 EUR", None);
    until("approved; `aizuchi phone receipt", Some(b'a'));
    assert_eq!(said(asking).code, 0);
    let asking = dev.ask("Not me", &[]).spawn().unwrap();
    until("denied and reported; ", Some(b'w'));
    assert_eq!(said(asking).code, 1);
    keys.write_all(b"q").unwrap();
    assert_eq!(terminal.wait().unwrap().code(), Some(0));
    phone(&["receipt"], &state).done();
}
