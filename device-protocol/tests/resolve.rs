//! G75 to G116: answers and proofs, as the SDK recorded them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use device_protocol::guardian::proof::{self, Proof, ath};
use device_protocol::guardian::resolve::{Answer, Decision, Response, challenge_response, header};
use device_protocol::guardian::url::normalized;
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../testkit/vectors/guardian-android.json")).unwrap()
}

fn cases(file: &Value, operations: &[&str]) -> Vec<Value> {
    let cases = file["cases"].as_array().unwrap().iter();
    cases
        .filter(|case| operations.iter().any(|name| case["operation"] == *name))
        .filter(|case| !case["request"].is_null())
        .cloned()
        .collect()
}

/// Part of G75 and G77: the recorded bodies and claims are read; ours are the same, member for member.
#[test]
fn every_recorded_answer_is_read_and_rebuilt() {
    let cases = cases(&vectors(), &["allow", "reject"]);
    assert!(cases.len() > 3);
    for case in cases {
        let body: Value = serde_json::from_str(case["request"]["body"].as_str().unwrap()).unwrap();
        let jwt = &case["jwts"][0];
        assert_eq!(challenge_response(&body).unwrap(), jwt["raw"]);
        let response = Response::from_claims(jwt["claims"].as_object().unwrap()).unwrap();
        assert_eq!(response.accepted, case["operation"] == "allow");
        assert_eq!(response.audience, case["request"]["url"].as_str().unwrap());
        let reason = response.reason.as_deref();
        let decision =
            if response.accepted { Decision::Accepted } else { Decision::Rejected { reason } };
        let again = Answer {
            identifier: &response.identifier,
            challenge: &response.challenge,
            url: &response.audience,
            issued_at: response.issued_at_ms.unwrap() / 1000,
            decision,
        };
        assert_eq!(again.claims(), jwt["claims"]);
        assert_eq!(header("RS256"), jwt["header"]);
    }
}

/// Part of G91: `auth0_guardian_accepted` missing or no boolean, or another method.
#[test]
fn an_answer_without_a_clear_decision_is_none() {
    let good = Answer {
        identifier: "i",
        challenge: "c",
        url: "https://h/api/resolve-transaction",
        issued_at: 1_795_409_781,
        decision: Decision::Accepted,
    }
    .claims();
    let with = |name: &str, value: Option<Value>| {
        let mut claims = good.as_object().unwrap().clone();
        claims.remove(name);
        if let Some(value) = value {
            claims.insert(name.to_owned(), value);
        }
        Response::from_claims(&claims)
    };
    assert!(with("x", Some(json!(1))).is_ok());
    assert!(with("iat", None).is_ok());
    assert!(with("iat", Some(json!(1_795_406_008.5))).is_ok());
    for (name, value) in [
        ("auth0_guardian_accepted", None),
        ("auth0_guardian_accepted", Some(json!("true"))),
        ("auth0_guardian_accepted", Some(json!(1))),
        ("auth0_guardian_method", None),
        ("auth0_guardian_method", Some(json!("sms"))),
        ("auth0_guardian_reason", Some(json!(5))),
        ("aud", Some(json!(["https://h/api/resolve-transaction"]))),
        ("sub", None),
        ("exp", None),
        ("exp", Some(json!("1795409811"))),
        ("exp", Some(json!(-1))),
        ("exp", Some(json!(1e300))),
        ("iat", Some(json!(null))),
    ] {
        assert!(with(name, value.clone()).is_err(), "{name} {value:?}");
    }
}

/// Part of G92: a body without a string `challenge_response`.
#[test]
fn a_body_without_a_challenge_response_is_refused() {
    for body in [json!({}), json!([]), json!({ "challenge_response": 1 }), json!(null)] {
        assert!(challenge_response(&body).is_err(), "{body}");
    }
    assert!(challenge_response(&json!({ "challenge_response": "a".repeat(8193) })).is_err());
}

/// G111: a known pair, and all recorded ones.
#[test]
fn the_hash_of_a_transaction_token_is_the_sdks() {
    assert_eq!(ath("aValidTransactionToken"), "CzMD9-OOC7tzMpYDBdgrSUtmhx8Jw9cZMSf4KXVRC5A");
    for token in vectors()["transaction_tokens"].as_array().unwrap() {
        assert_eq!(ath(token["raw"].as_str().unwrap()), token["ath"]);
    }
}

#[test]
fn every_recorded_proof_is_read_and_rebuilt() {
    let file = vectors();
    let cases = cases(&file, &["fetch_consent"]);
    assert!(!cases.is_empty());
    for case in cases {
        let jwt = &case["jwts"][0];
        let presented = proof::Presented::from_claims(jwt["claims"].as_object().unwrap()).unwrap();
        let url = case["request"]["url"].as_str().unwrap();
        assert_eq!(normalized(&presented.url).unwrap(), normalized(url).unwrap());
        let txtkn = case["request"]["credential"]["value"].as_str().unwrap();
        assert_eq!(presented.ath, ath(txtkn));
        let again = Proof {
            url: &presented.url,
            txtkn,
            jti: &presented.jti,
            issued_at: presented.issued_at_ms / 1000,
        };
        assert_eq!(again.claims(), jwt["claims"]);
        assert_eq!(proof::header("RS256", &file["key"]["public_jwk_as_sent"]), jwt["header"]);
    }
}

/// Part of G112: no `jti`, or `htm` other than `GET`.
#[test]
fn a_proof_of_another_kind_is_refused() {
    let good = Proof { url: "https://h/x", txtkn: "t", jti: "j", issued_at: 1 }.claims();
    for (name, value) in [
        ("htm", json!("POST")),
        ("jti", json!("")),
        ("jti", json!("j".repeat(129))),
        ("iat", json!("1")),
        ("ath", json!(null)),
        ("htu", json!(["https://h/x"])),
    ] {
        let mut claims = good.as_object().unwrap().clone();
        claims.insert(name.to_owned(), value);
        assert!(proof::Presented::from_claims(&claims).is_err(), "{name}");
        claims.remove(name);
        assert!(proof::Presented::from_claims(&claims).is_err(), "{name}");
    }
    assert!(proof::Presented::from_claims(good.as_object().unwrap()).is_ok());
}
