//! O13: the client side in a terminal and its exit codes.

use crate::common::{Dev, aizuchi, command, said};

/// O13: approved is 0 with the tokens, denied 1, expired 2, anything else 3.
#[test]
fn every_end_of_a_request_has_its_exit_code() {
    let dev = Dev::start(&[]);
    let nobody = said(dev.ask("No phone yet", &[]).spawn().unwrap());
    assert!(nobody.code == 3 && nobody.out.is_empty(), "{nobody:?}");
    assert!(nobody.err.contains("push notifications"), "{nobody:?}");

    let state = dev.enroll("phone.json", &[]);
    let answer = |reply: &str| {
        let asking = dev.ask("Pay 20 EUR", &["--scope", "openid"]).spawn().unwrap();
        let watch = ["phone", "watch", "--count", "1", "--answer", reply, "--state", &state];
        aizuchi(&watch).done();
        said(asking)
    };
    let approved = answer("approve");
    assert_eq!(approved.code, 0, "{approved:?}");
    assert!(approved.json()["id_token"].is_string(), "{approved:?}");
    let denied = answer("deny");
    assert_eq!(denied.code, 1, "{denied:?}");
    assert_eq!(denied.json()["outcome"], "denied");
    let told = dev.ask_in_words("In words", &[]).spawn().unwrap();
    aizuchi(&["phone", "watch", "--count", "1", "--answer", "approve", "--state", &state]).done();
    let told = said(told).done();
    assert!(told.err.contains("approved"), "{told:?}");
    assert!(!told.err.contains("between polls"), "never told to slow down: {told:?}");
    let expired = said(dev.ask("Too short", &["--expiry", "1"]).spawn().unwrap());
    assert_eq!(expired.code, 2, "{expired:?}");
    assert_eq!(expired.json()["outcome"], "expired");
}

/// O13: a secret is random text and a message anybody's: either may begin with a hyphen.
#[test]
fn a_value_that_begins_with_a_hyphen_is_no_option() {
    let dev = Dev::start(&[]);
    let (issuer, ca) = (dev.text("/issuer"), dev.text("/ca_file"));
    let asked = ["ask", "--issuer", &issuer, "--ca", &ca, "--client-id", "nobody"];
    let texts = ["--client-secret", "-secret", "--user", "auth0|1", "--message", "-5 degrees"];
    let refused = aizuchi(&[&asked[..], &texts[..]].concat());
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("Unauthorized"), "{refused:?}");
}

/// O13: the way there: credentials, authority, addresses.
#[test]
fn what_cannot_even_start_says_why() {
    let dev = Dev::start(&[]);
    let (issuer, ca) = (dev.text("/issuer"), dev.text("/ca_file"));
    let user = dev.text("/user/user_id");
    let ask = |more: &[&str]| {
        let mut arguments = vec!["ask", "--user", &user, "--message", "x"];
        arguments.extend_from_slice(more);
        said(
            command(&arguments)
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap(),
        )
    };
    let who = ["--client-id", "nobody", "--client-secret", "nothing"];
    let wrong = ask(&[&["--issuer", &issuer, "--ca", &ca][..], &who].concat());
    assert!(wrong.code == 3 && wrong.err.contains("401"), "{wrong:?}");
    let no_ca = ask(&[&["--issuer", &issuer][..], &who].concat());
    assert!(no_ca.code == 64 && no_ca.err.contains("--ca FILE"), "{no_ca:?}");
    let nowhere = ask(&[&["--issuer", "https://127.0.0.1:9/", "--ca", &ca][..], &who].concat());
    assert!(nowhere.code == 3 && nowhere.err.contains("cannot reach"), "{nowhere:?}");
    let foreign = dev.file("foreign.pem");
    let other = Dev::start(&[]);
    std::fs::copy(other.text("/ca_file"), &foreign).unwrap();
    let foreign = ask(&[&["--issuer", &issuer, "--ca", &foreign][..], &who].concat());
    assert!(foreign.code == 3 && foreign.err.contains("--ca did not sign"), "{foreign:?}");
}
