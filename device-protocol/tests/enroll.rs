//! G18 to G57: the QR text, enrolling, and device accounts.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use device_protocol::guardian::account::{self, Patch};
use device_protocol::guardian::enroll::{
    EnrollRequest, Enrolled, Service, Totp, authorization, ticket_of,
};
use device_protocol::guardian::otpauth::{Enrollment, Otpauth};
use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

const TICKET: &str = "Gold3nTicketFullUri0000000000001";

fn recorded(operation: &str) -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("../../testkit/vectors/guardian-android.json")).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    let of_operation = |case: &Value| case["operation"] == operation && !case["request"].is_null();
    cases.into_iter().filter(of_operation).collect()
}

fn otpauth(account: &str, totp_secret: Option<&str>) -> String {
    Otpauth {
        issuer: "Acme & Co",
        account,
        enrollment_tx_id: TICKET,
        id: "dev_AbCdEfGh01234567",
        base_url: "https://login.example.com/appliance-mfa",
        totp_secret,
    }
    .to_string()
}

/// G18, G19: `otpauth://totp/<issuer>:<account>?…`, the label percent-encoded.
#[test]
fn the_label_is_percent_encoded() {
    let text = otpauth("auth0|abc@x y", None);
    assert!(text.starts_with("otpauth://totp/Acme%20%26%20Co:auth0%7Cabc%40x%20y?"), "{text}");
}

/// G20: nine parameters in their order, four of them without TOTP.
#[test]
fn the_parameters_stand_in_their_order() {
    let names = |text: &str| -> Vec<String> {
        let query = text.split_once('?').unwrap().1;
        query.split('&').map(|pair| pair.split('=').next().unwrap().to_owned()).collect()
    };
    let all = "secret enrollment_tx_id issuer id base_url algorithm digits period counter";
    assert_eq!(names(&otpauth("a", Some("JBSWY3DP"))).join(" "), all);
    assert_eq!(names(&otpauth("a", None)).join(" "), "enrollment_tx_id issuer id base_url");
    let query = otpauth("a", Some("JBSWY3DP"));
    assert!(query.ends_with("&algorithm=sha1&digits=6&period=30&counter=0"));
}

/// G21: the base URL, percent-encoded.
#[test]
fn the_base_url_is_percent_encoded() {
    let encoded = "base_url=https%3A%2F%2Flogin.example.com%2Fappliance-mfa";
    assert!(otpauth("a", None).contains(encoded));
}

#[test]
fn a_device_reads_the_uri_and_a_bare_ticket() {
    let scanned = Enrollment::parse(&otpauth("auth0|abc@x y", Some("JBSWY3DP"))).unwrap();
    assert_eq!(scanned.enrollment_tx_id, TICKET);
    assert_eq!(scanned.base_url.as_deref(), Some("https://login.example.com/appliance-mfa"));
    assert_eq!(scanned.issuer.as_deref(), Some("Acme & Co"));
    let typed = Enrollment::parse(&format!(" {TICKET}\n")).unwrap();
    assert_eq!(typed.enrollment_tx_id, TICKET);
    assert_eq!(typed.base_url, None);
    for text in [
        "",
        "https://login.example.com",
        "otpauth://hotp/a?enrollment_tx_id=abc",
        "otpauth://totp/a",
        "otpauth://totp/a?enrollment_tx_id=",
        "otpauth://totp/a?enrollment_tx_id=a-b",
        "otpauth://totp/a?enrollment_tx_id=%4",
        "otpauth://totp/a?enrollment_tx_id=a&enrollment_tx_id=b",
        "not a ticket",
    ] {
        assert!(Enrollment::parse(text).is_err(), "{text}");
    }
}

/// Part of G24: the ticket and the four body members as the SDK sends them are read.
#[test]
fn every_recorded_enrollment_is_read() {
    let cases = recorded("enroll");
    assert!(!cases.is_empty());
    for case in cases {
        let headers = case["request"]["headers"].as_array().unwrap();
        let header = headers.iter().find(|pair| pair[0] == "Authorization").unwrap();
        let ticket = ticket_of(header[1].as_str().unwrap()).unwrap();
        assert_eq!(ticket, case["request"]["credential"]["value"]);
        let body: Value = serde_json::from_str(case["request"]["body"].as_str().unwrap()).unwrap();
        let request = EnrollRequest::parse(&body).unwrap();
        assert_eq!(request.push_credentials.service, Service::Gcm);
        assert_eq!(request.to_json(), body);
    }
}

/// G26, G27: five strings and no null; TOTP whole or not at all, its algorithm in lower case.
#[test]
fn the_answer_has_five_strings_and_no_null() {
    let mut answer = Enrolled {
        id: "dev_AbCdEfGh01234567".into(),
        url: "https://login.example.com/appliance-mfa".into(),
        issuer: "Acme".into(),
        user_id: "auth0|u1".into(),
        token: "opaque".into(),
        totp: None,
    };
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 5);
    assert!(json.as_object().unwrap().values().all(Value::is_string));
    answer.totp = Some(Totp::new("JBSWY3DP"));
    let json = serde_json::to_value(&answer).unwrap();
    let expected = json!({ "secret": "JBSWY3DP", "algorithm": "sha1", "digits": 6, "period": 30 });
    assert_eq!(json["totp"], expected);
    assert!(!format!("{answer:?}").contains("opaque"));
}

fn good_body() -> Value {
    json!({
        "identifier": "a1b2c3d4e5f60718",
        "name": "Pixel",
        "push_credentials": { "service": "APNS", "token": "ABCDEF0123" },
        "public_key": { "kty": "RSA" },
    })
}

/// Part of G32: any service but `APNS` and `GCM` is refused.
#[test]
fn only_two_push_services_are_known() {
    for (service, is_good) in [("APNS", true), ("GCM", true), ("FCM", false), ("apns", false)] {
        let mut body = good_body();
        body["push_credentials"]["service"] = service.into();
        assert_eq!(EnrollRequest::parse(&body).is_ok(), is_good, "{service}");
    }
}

/// Part of G33: an APNs token is kept as sent, whatever its case and length.
#[test]
fn push_tokens_are_kept_as_sent() {
    for token in ["ab".repeat(32), "AB".repeat(32), "Ab".repeat(80)] {
        let mut body = good_body();
        body["push_credentials"]["token"] = token.clone().into();
        assert_eq!(EnrollRequest::parse(&body).unwrap().push_credentials.token, token);
    }
}

/// Part of G37 and G38: quotation marks and letter case of the scheme are free, the rest is not.
#[test]
fn the_ticket_header_is_read_with_tolerance_for_form_only() {
    assert_eq!(ticket_of(&authorization(TICKET)).unwrap(), TICKET);
    for header in ["Ticket id=\"t1\"", "ticket id=t1", "TICKET  id=\"t1\"", "Ticket id=t1 "] {
        assert_eq!(ticket_of(header).unwrap(), "t1", "{header}");
    }
    for header in [
        "",
        "Ticket",
        "Ticket ",
        "Ticket t1",
        "Ticket id=",
        "Ticket id=\"\"",
        "Ticket id=\"t1",
        "Bearer t1",
        "Bearer id=\"t1\"",
        "Ticket id=\"a b\"",
        "Ticket id=a\"",
    ] {
        assert!(ticket_of(header).is_err(), "{header}");
    }
}

/// Part of G39: a missing member or one of a wrong type is refused, by name.
#[test]
fn a_wrong_body_is_told_what_is_wrong() {
    let says = |change: fn(&mut Value)| {
        let mut body = good_body();
        change(&mut body);
        EnrollRequest::parse(&body).unwrap_err().to_string()
    };
    for name in ["identifier", "name", "push_credentials", "public_key"] {
        let mut body = good_body();
        body.as_object_mut().unwrap().remove(name);
        let error = EnrollRequest::parse(&body).unwrap_err().to_string();
        assert_eq!(error, format!("{name} is missing"));
        let mut body = good_body();
        body[name] = json!(7);
        let error = EnrollRequest::parse(&body).unwrap_err().to_string();
        assert!(error.starts_with(name) && error.ends_with("not a number"), "{error}");
    }
    assert_eq!(says(|b| b["name"] = json!(null)), "name must be a string, not null");
    assert_eq!(says(|b| b["name"] = json!("")), "name must not be empty");
    assert_eq!(
        says(|b| b["identifier"] = json!("x".repeat(129))),
        "identifier must not be longer than 128 bytes"
    );
    assert_eq!(
        says(|b| b["push_credentials"] = json!({ "service": "GCM" })),
        "push_credentials.token is missing"
    );
    assert_eq!(
        EnrollRequest::parse(&json!([])).unwrap_err().to_string(),
        "the body must be an object, not an array"
    );
}

/// Part of G44 and G51: the recorded claims are read, and so are fractional times.
#[test]
fn the_device_credentials_claims_are_read() {
    let mut seen = 0;
    for case in recorded("update_device").iter().chain(&recorded("delete_device")) {
        for jwt in case["jwts"].as_array().unwrap() {
            let claims = account::Presented::from_claims(jwt["claims"].as_object().unwrap());
            let claims = claims.unwrap();
            assert_eq!(claims.expires_at_ms - claims.issued_at_ms.unwrap(), 7_200_000);
            let again = account::Credential {
                device: &claims.device,
                user: &claims.user,
                url: &claims.audience,
                issued_at: claims.issued_at_ms.unwrap() / 1000,
            };
            assert_eq!(again.claims(), jwt["claims"]);
            seen += 1;
        }
    }
    assert!(seen > 0);
    let fractional = json!({
        "iss": "dev_1", "sub": "u", "aud": "https://h", "iat": 1.25, "exp": 1_795_406_008.123_456_f64
    });
    let claims = account::Presented::from_claims(fractional.as_object().unwrap()).unwrap();
    assert_eq!(claims.issued_at_ms, Some(1250));
    assert_eq!(claims.expires_at_ms, 1_795_406_008_123);
}

/// Part of G46: any subset of the members, also none.
#[test]
fn every_recorded_change_is_read() {
    for case in recorded("update_device") {
        let body: Value = serde_json::from_str(case["request"]["body"].as_str().unwrap()).unwrap();
        let patch = Patch::parse(&body).unwrap();
        assert_eq!(patch.identifier.as_deref(), body["identifier"].as_str());
        assert_eq!(patch.name.as_deref(), body["name"].as_str());
        assert_eq!(patch.push_credentials.is_some(), body.get("push_credentials").is_some());
    }
    assert_eq!(Patch::parse(&json!({})).unwrap(), Patch::default());
    assert_eq!(Patch::parse(&json!({ "other": 1 })).unwrap(), Patch::default());
}

/// Part of G49: a member of a wrong type, or half a `push_credentials`.
#[test]
fn a_change_of_a_wrong_type_is_refused() {
    for body in [
        json!({ "name": null }),
        json!({ "identifier": 7 }),
        json!({ "push_credentials": "token" }),
        json!({ "push_credentials": { "service": "GCM" } }),
        json!({ "push_credentials": { "token": "t" } }),
        json!({ "push_credentials": { "service": "GCM", "token": false } }),
        json!("text"),
    ] {
        assert!(Patch::parse(&body).is_err(), "{body}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in any::<String>()) {
        drop(Enrollment::parse(&text));
        drop(Enrollment::parse(&format!("otpauth://totp/x?enrollment_tx_id={text}")));
        let _read = ticket_of(&text);
        let _read = ticket_of(&format!("Ticket id={text}"));
        drop(device_protocol::guardian::url::normalized(&text));
        drop(device_protocol::guardian::url::normalized(&format!("https://{text}")));
    }
}
