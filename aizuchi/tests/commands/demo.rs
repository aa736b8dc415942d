//! O4 to O7: the whole loop once.

use std::net::TcpListener;

use crate::common::{aizuchi, command, entries};

/// O5: approved, and the tokens verified; exit 0.
#[test]
fn the_demo_tells_the_whole_loop() {
    let said = aizuchi(&["demo"]).done();
    let steps = [
        "A server starts",
        "registers its client",
        "becomes a customer",
        "scans the code",
        "POST /bc-authorize",
        "authorization_pending",
        "phone buzzes",
        "reads what is asked",
        "says yes",
        "gets its tokens",
        "verifies them against the published keys",
    ];
    let mut rest = said.out.as_str();
    for step in steps {
        let (_, after) = rest.split_once(step).unwrap_or_else(|| panic!("{step}: {said:?}"));
        rest = after;
    }
    assert!(!said.out.contains('\u{1b}'), "no colours where nobody sees them");
}

/// O6: a second request is denied and the poll says so.
#[test]
fn the_demo_ends_with_a_refusal_as_one_json_document() {
    let told = aizuchi(&["demo", "--json"]).done().json();
    let last = told["steps"].as_array().unwrap().last().unwrap();
    assert!(last["facts"]["answer"].as_str().unwrap().contains("access_denied"), "{last}");
    assert_eq!((&told["approved"], &told["denied"]), (&true.into(), &true.into()));
}

/// O7: its folder is gone and its ports are free.
#[test]
fn the_demo_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let output = command(&["demo", "--json"]).env("TMPDIR", place.path()).output().unwrap();
    assert!(output.status.success());
    assert!(entries(place.path()).is_empty());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let issuer = told["steps"][0]["facts"]["tenant"].as_str().unwrap();
    let port = issuer.trim_end_matches('/').rsplit(':').next().unwrap();
    TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
}
