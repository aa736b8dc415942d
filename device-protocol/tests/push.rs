//! G58 to G74, the push payload, in the order of the requirements.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::collections::BTreeMap;

use device_protocol::guardian::push::{
    CATEGORY, Location, MAX_PAYLOAD_BYTES, Named, Push, Source, Unsendable, server_host,
};
use serde_json::Value;

const KEYS: [&str; 8] = ["c", "d", "dai", "l", "s", "sh", "txlnkid", "txtkn"];

fn push() -> Push {
    Push {
        server_host: "tenant.example.com".into(),
        device: "dev_GoldMainAndroidA".into(),
        txtkn: "golden-txtkn".into(),
        challenge: "golden-challenge".into(),
        started_at_iso: "2026-11-23T05:00:00.123Z".into(),
        consent_id: "cns_GoldenMainConsent0001A".into(),
        source: Source {
            browser: Named { name: "Firefox".into(), version: Some("145.0".into()) },
            os: Some(Named { name: "Linux".into(), version: Some("6.1".into()) }),
        },
        location: Location { name: "Tokyo, Japan".into(), coordinates: Some((35.68, 139.69)) },
        title: "Example".into(),
        body: "Shop asks for your approval".into(),
    }
}

fn vectors() -> Vec<Value> {
    let text = include_str!("../../testkit/vectors/guardian-push-parse.json");
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn vector(name: &str) -> Value {
    vectors().into_iter().find(|case| case["name"] == name).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// G59: the eight keys at the top level, every value a string, `s` and `l` JSON text.
#[test]
fn the_fcm_data_map_holds_eight_texts() {
    let data = push().fcm_data().unwrap();
    assert_eq!(data.keys().copied().collect::<Vec<_>>(), KEYS);
    assert_eq!(json(&data["s"])["b"]["n"], "Firefox");
    assert_eq!(json(&data["l"])["n"], "Tokyo, Japan");
}

/// G60, G61: alert and category under `aps`, the eight keys under `mfa`, `s` and `l` objects.
#[test]
fn the_apns_payload_holds_the_eight_keys_under_mfa() {
    let payload = push().apns_json().unwrap();
    assert_eq!(payload["aps"]["category"], CATEGORY);
    assert_eq!(CATEGORY, "com.auth0.notification.authentication");
    assert_eq!(payload["aps"]["alert"]["title"], "Example");
    assert_eq!(payload["aps"]["alert"]["body"], "Shop asks for your approval");
    let mfa = payload["mfa"].as_object().unwrap();
    assert_eq!(mfa.keys().map(String::as_str).collect::<Vec<_>>(), KEYS);
    assert!(mfa["s"].is_object() && mfa["l"].is_object());
}

/// G63: any other form of the start is refused, whole and tenth seconds with three digits are not.
#[test]
fn the_start_is_written_in_the_one_form_that_android_reads_rightly() {
    for text in ["2026-11-23T05:00:00.000Z", "2026-11-23T05:00:00.600Z"] {
        let push = Push { started_at_iso: text.into(), ..push() };
        assert_eq!(push.fcm_data().unwrap()["d"], text);
    }
    for case in vectors() {
        let text = case["payload"]["d"].as_str().unwrap_or_default();
        let is_misread = case["name"].as_str().unwrap().starts_with("date_")
            && case["name"] != "date_impossible";
        if is_misread {
            let push = Push { started_at_iso: text.into(), ..push() };
            assert_eq!(push.fcm_data(), Err(Unsendable::Date), "{text}");
            assert_eq!(push.apns_json(), Err(Unsendable::Date), "{text}");
        }
    }
}

/// G64: a bare host for https on port 443 without a path, else a full URL.
#[test]
fn the_server_host_is_bare_only_where_android_can_read_it() {
    for (base, expected) in [
        ("https://login.example.com", "login.example.com"),
        ("https://login.example.com/", "login.example.com"),
        ("https://Login.Example.com:443/", "login.example.com"),
        ("https://localhost:8443", "https://localhost:8443"),
        ("https://auth.example.com/t/acme", "https://auth.example.com/t/acme"),
        ("https://auth.example.com/t/acme/", "https://auth.example.com/t/acme"),
        ("https://httpbin.example.com", "https://httpbin.example.com"),
        ("https://HTTPbin.example.com", "https://httpbin.example.com"),
        ("http://login.example.com", "http://login.example.com"),
        ("https://[::1]", "https://[::1]"),
    ] {
        assert_eq!(server_host(base).unwrap(), expected, "{base}");
    }
    assert!(server_host("login.example.com").is_err());
}

/// G65: `s` has `b.n`, `l` has `n`, coordinates both as numbers or both absent.
#[test]
fn source_and_location_are_always_there() {
    let data = push().fcm_data().unwrap();
    assert!(json(&data["l"])["lat"].is_number() && json(&data["l"])["long"].is_number());
    for coordinates in [None, Some((f64::NAN, 1.0)), Some((1.0, f64::INFINITY))] {
        let push = Push {
            source: Source { browser: Named::new("Shop"), os: None },
            location: Location { coordinates, ..Location::unknown() },
            ..push()
        };
        let data = push.fcm_data().unwrap();
        assert_eq!(data["s"], r#"{"b":{"n":"Shop"}}"#);
        assert_eq!(data["l"], r#"{"n":"unknown"}"#);
    }
}

/// G70: long names are cut, not sent; what cannot be cut is an error and never a payload.
#[test]
fn no_payload_reaches_4096_bytes() {
    let long = "\"\u{1F600}\u{0}".repeat(500);
    let push = Push {
        server_host: format!("https://{}.example/{}", "h".repeat(63), "t".repeat(190)),
        txtkn: "t".repeat(1023),
        challenge: "c".repeat(43),
        source: Source {
            browser: Named { name: long.clone(), version: Some("1".repeat(500)) },
            os: Some(Named::new(long.clone())),
        },
        location: Location { name: long.clone(), coordinates: Some((1.5, 2.5)) },
        title: long.clone(),
        body: long,
        ..push()
    };
    let size = |data: &BTreeMap<&str, String>| serde_json::to_string(data).unwrap().len();
    assert!(size(&push.fcm_data().unwrap()) < MAX_PAYLOAD_BYTES);
    assert!(push.apns_json().unwrap().to_string().len() < MAX_PAYLOAD_BYTES);

    let hopeless = Push { txtkn: "t".repeat(4000), ..push };
    assert!(matches!(hopeless.fcm_data(), Err(Unsendable::TooLarge(_))));
    assert!(matches!(hopeless.apns_json(), Err(Unsendable::TooLarge(_))));
}

/// G71: the key is `txlnkid`; there is no `txlinkid`, no `ai`, no `ca`.
#[test]
fn the_consent_id_is_spelt_as_the_sdks_spell_it() {
    let data = push().fcm_data().unwrap();
    assert_eq!(data["txlnkid"], "cns_GoldenMainConsent0001A");
    for key in ["txlinkid", "ai", "ca"] {
        assert!(!data.contains_key(key));
    }
}

/// G74: what we build has the keys, types and texts of a payload that the SDK's parser took.
#[test]
fn a_payload_agrees_in_form_with_what_androids_parser_took() {
    let accepted = vector("s_and_l_as_json_text");
    assert_eq!(accepted["accepted"], true);
    assert_eq!(accepted["date_as_meant"], true);
    let theirs = accepted["payload"].as_object().unwrap();
    let ours = push().fcm_data().unwrap();
    let their_keys: std::collections::BTreeSet<&str> = theirs.keys().map(String::as_str).collect();
    assert_eq!(their_keys, ours.keys().copied().collect());
    for (key, text) in theirs {
        let text = text.as_str().unwrap();
        if key != "l" {
            assert_eq!(ours[key.as_str()], text, "{key}");
        }
    }
    // coordinates as numbers inside the text: taken too
    let numbers = vector("l_numbers");
    assert_eq!((&numbers["accepted"], &numbers["date_as_meant"]), (&true.into(), &true.into()));
    let theirs = json(numbers["payload"]["l"].as_str().unwrap());
    let ours = json(&ours["l"]);
    assert!(theirs["lat"].is_number() && ours["lat"] == theirs["lat"]);
    assert!(theirs["long"].is_number() && ours["long"] == theirs["long"]);
    // the place alone, and a full URL as host
    for name in ["l_name_only", "sh_https_url", "sh_https_url_path", "sh_http_url"] {
        assert_eq!(vector(name)["accepted"], true, "{name}");
        assert_eq!(vector(name)["date_as_meant"], true, "{name}");
    }
}
