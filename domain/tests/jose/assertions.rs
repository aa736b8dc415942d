//! W29 to W40: client assertions, without what needs storage.

use domain::jose::assertion::{Audience, Rejected, check, unverified_client};
use domain::jose::{Algorithm, HeaderFields, JwsError, KeyType, PublicKey, SigningKey, hs256};
use domain::{ClientId, Timestamp};
use serde_json::{Value, json};

use super::{b64, rsa_key, signed_as_is};

const CLIENT: &str = "goldenClientId0123456789abcdefgh";
const ISSUER: &str = "https://localhost:8443/";
const ENDPOINTS: [&str; 2] =
    ["https://localhost:8443/oauth/token", "https://localhost:8443/bc-authorize"];
const NOW: i64 = 1_795_409_516;
const STRICT: Audience<'_> = Audience::Strict { issuer: ISSUER };
const CIBA_2021: Audience<'_> = Audience::Ciba2021 { issuer: ISSUER, endpoints: &ENDPOINTS };

fn claims() -> Value {
    json!({ "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": NOW, "exp": NOW + 120, "jti": "j1" })
}

/// The good claims with one changed; `null` takes it out.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    members.remove(name);
    if !value.is_null() {
        members.insert(name.to_owned(), value);
    }
    claims
}

fn judged(assertion: &str, audience: &Audience<'_>) -> Result<String, Rejected> {
    let credentials = [(rsa_key().public().clone(), Algorithm::Rs256)];
    let now = Timestamp::from_ms(NOW * 1000);
    check(assertion, &ClientId::new(CLIENT), &credentials, audience, now).map(|good| good.jti)
}

fn strict(claims: &Value) -> Result<String, Rejected> {
    judged(&signed_as_is(r#"{"alg":"RS256"}"#, &claims.to_string()), &STRICT)
}

fn ciba_2021(claims: &Value) -> Result<String, Rejected> {
    judged(&signed_as_is(r#"{"alg":"RS256"}"#, &claims.to_string()), &CIBA_2021)
}

/// W29: every recorded assertion of the SDKs holds at its time, and none for anybody else.
#[test]
fn every_recorded_assertion_holds() {
    let file: Value =
        serde_json::from_str(include_str!("../../../testkit/vectors/auth0-sdk-requests.json"))
            .unwrap();
    let pem = file["client_assertion_key"]["public_pem"].as_str().unwrap();
    let credentials = [(PublicKey::from_pem(pem).unwrap(), Algorithm::Rs256)];
    let client = ClientId::new(file["values"]["client_id"].as_str().unwrap());
    let issuer = file["issuer"].as_str().unwrap();
    let audience = Audience::Strict { issuer };
    let mut seen = 0;
    for case in file["cases"].as_array().unwrap() {
        for request in case["requests"].as_array().unwrap() {
            for assertion in request["assertions"].as_array().into_iter().flatten() {
                let raw = assertion["raw"].as_str().unwrap();
                let now = Timestamp::from_ms(assertion["made_at"].as_i64().unwrap() * 1000);
                let checked = check(raw, &client, &credentials, &audience, now).unwrap();
                assert_eq!(checked.jti, assertion["claims"]["jti"].as_str().unwrap());
                let exp = assertion["claims"]["exp"].as_i64().unwrap();
                assert_eq!(checked.expires_at, Timestamp::from_ms(exp * 1000));
                assert_eq!(unverified_client(raw).as_ref(), Some(&client));
                let other = ClientId::new("somebody");
                let refused = check(raw, &other, &credentials, &audience, now);
                assert_eq!(refused, Err(Rejected::NotTheClient));
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 52);
}

/// W30: without `kid`, either of two credentials authenticates.
#[test]
fn either_of_two_credentials_authenticates() {
    let first = SigningKey::generate(KeyType::P256).unwrap();
    let credentials = [
        (first.public().clone(), Algorithm::Es256),
        (rsa_key().public().clone(), Algorithm::Rs256),
    ];
    let client = ClientId::new(CLIENT);
    let now = Timestamp::from_ms(NOW * 1000);
    let text = claims().to_string();
    let by_first = first.sign(Algorithm::Es256, &HeaderFields::default(), &text).unwrap();
    for token in [by_first, signed_as_is(r#"{"alg":"RS256"}"#, &text)] {
        assert!(check(&token, &client, &credentials, &STRICT, now).is_ok());
        assert_eq!(check(&token, &client, &[], &STRICT, now), Err(Rejected::Signature));
    }
}

/// W31: `typ` absent, `JWT` or `client-authentication+jwt`; any other is refused.
#[test]
fn three_kinds_of_typ_are_taken() {
    let typed = |typ: &str| {
        let header = format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#);
        judged(&signed_as_is(&header, &claims().to_string()), &STRICT)
    };
    assert!(strict(&claims()).is_ok());
    for typ in ["JWT", "jwt", "client-authentication+jwt"] {
        assert!(typed(typ).is_ok(), "{typ}");
    }
    for typ in ["dpop+jwt", "at+jwt", "txtkn+jwt", ""] {
        assert_eq!(typed(typ), Err(Rejected::Type), "{typ}");
    }
}

/// W32: with and without `nbf`, without `iat`, `auth_time` as text, 60, 120 and 180 seconds.
#[test]
fn what_sdks_leave_out_or_add_is_tolerated() {
    for lifetime in [60, 120, 180] {
        assert!(strict(&with("exp", json!(NOW + lifetime))).is_ok());
    }
    assert!(strict(&with("nbf", json!(NOW))).is_ok());
    assert!(strict(&with("iat", json!(null))).is_ok());
    assert!(strict(&with("auth_time", json!("1795409516"))).is_ok());
}

/// W33: the issuer as text or in an array of one; endpoints only with `ciba-2021`.
#[test]
fn the_audience_is_the_issuer_alone() {
    for audience in [json!(ISSUER), json!([ISSUER])] {
        assert!(strict(&with("aud", audience.clone())).is_ok());
        assert!(ciba_2021(&with("aud", audience)).is_ok());
    }
    for endpoint in ENDPOINTS {
        assert_eq!(strict(&with("aud", json!(endpoint))), Err(Rejected::Audience));
        assert!(ciba_2021(&with("aud", json!(endpoint))).is_ok());
    }
    for audience in [json!("https://localhost:8443"), json!("https://evil.example/"), json!("")] {
        assert_eq!(strict(&with("aud", audience.clone())), Err(Rejected::Audience));
        assert_eq!(ciba_2021(&with("aud", audience)), Err(Rejected::Audience));
    }
    for audience in [json!(null), json!([]), json!([ISSUER, 1]), json!(7)] {
        assert!(matches!(strict(&with("aud", audience)), Err(Rejected::Claim(_))));
    }
}

/// W34: two audiences only with `ciba-2021`, and only if both are ours.
#[test]
fn a_second_audience_must_be_ours_too() {
    let ours = with("aud", json!([ISSUER, ENDPOINTS[0]]));
    let theirs = with("aud", json!([ISSUER, "https://evil.example/"]));
    assert_eq!(strict(&ours), Err(Rejected::Audience));
    assert_eq!(strict(&theirs), Err(Rejected::Audience));
    assert!(ciba_2021(&ours).is_ok());
    assert_eq!(ciba_2021(&theirs), Err(Rejected::Audience));
}

/// W35: `exp` past, or more than 5 minutes ahead.
#[test]
fn an_assertion_lives_five_minutes_at_most() {
    assert!(strict(&with("exp", json!(NOW + 300))).is_ok());
    assert_eq!(strict(&with("exp", json!(NOW + 301))), Err(Rejected::TooLongLived));
    assert!(strict(&with("exp", json!(NOW + 1))).is_ok());
    assert_eq!(strict(&with("exp", json!(NOW))), Err(Rejected::Expired));
    assert_eq!(strict(&with("exp", json!(NOW - 1))), Err(Rejected::Expired));
    for exp in [json!(null), json!("1795409600"), json!([]), json!(-1)] {
        assert!(matches!(strict(&with("exp", exp)), Err(Rejected::Claim(_))));
    }
}

/// W36: `iat` and `nbf` up to 10 seconds ahead.
#[test]
fn clocks_may_differ_by_ten_seconds() {
    for name in ["iat", "nbf"] {
        assert!(strict(&with(name, json!(NOW + 10))).is_ok());
        assert_eq!(strict(&with(name, json!(NOW + 11))), Err(Rejected::NotYet(name)));
        assert!(matches!(strict(&with(name, json!("x"))), Err(Rejected::Claim(_))));
    }
}

/// No `jti` or one longer than 64 characters: part of W37.
#[test]
fn an_assertion_needs_a_name_of_its_own() {
    assert!(strict(&with("jti", json!("é".repeat(64)))).is_ok());
    assert_eq!(strict(&with("jti", json!("j".repeat(65)))), Err(Rejected::Jti));
    assert_eq!(strict(&with("jti", json!(""))), Err(Rejected::Jti));
    assert!(matches!(strict(&with("jti", json!(null))), Err(Rejected::Claim(_))));
    assert!(matches!(strict(&with("jti", json!(5))), Err(Rejected::Claim(_))));
}

/// W38: `iss` that is not `sub`, not the client, or longer than 64 characters.
#[test]
fn issuer_and_subject_are_the_client() {
    for name in ["iss", "sub"] {
        assert_eq!(strict(&with(name, json!("somebody"))), Err(Rejected::NotTheClient));
        assert!(matches!(strict(&with(name, json!(null))), Err(Rejected::Claim(_))));
    }
    let long = "c".repeat(65);
    let mut claims = with("iss", json!(long));
    claims["sub"] = json!(long);
    let token = signed_as_is(r#"{"alg":"RS256"}"#, &claims.to_string());
    let credentials = [(rsa_key().public().clone(), Algorithm::Rs256)];
    let now = Timestamp::from_ms(NOW * 1000);
    let refused = check(&token, &ClientId::new(long), &credentials, &STRICT, now);
    assert_eq!(refused, Err(Rejected::NotTheClient));
    assert_eq!(unverified_client(&token), None);
}

/// W39: only the credential's own algorithm, never `none` or HS256.
#[test]
fn the_algorithm_is_the_credentials() {
    let key = rsa_key();
    let client = ClientId::new(CLIENT);
    let now = Timestamp::from_ms(NOW * 1000);
    let text = claims().to_string();
    let algorithms = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Ps256];
    for registered in algorithms {
        let credentials = [(key.public().clone(), registered)];
        for used in algorithms {
            let token = key.sign(used, &HeaderFields::default(), &text).unwrap();
            let checked = check(&token, &client, &credentials, &STRICT, now);
            if used == registered {
                assert!(checked.is_ok());
            } else {
                assert_eq!(checked, Err(Rejected::Signature));
            }
        }
    }
    let unsigned = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(&text));
    assert_eq!(judged(&unsigned, &STRICT), Err(Rejected::Token(JwsError::Algorithm)));
    let secret = *key.public().fingerprint().as_bytes();
    let symmetric = hs256::sign(&secret, "JWT", &text);
    assert_eq!(judged(&symmetric, &STRICT), Err(Rejected::Token(JwsError::Algorithm)));
    let disguised = signed_as_is(r#"{"alg":"PS256"}"#, &text);
    assert_eq!(judged(&disguised, &STRICT), Err(Rejected::Signature));
}

/// W40: longer than 2048 bytes.
#[test]
fn an_assertion_is_at_most_2048_bytes_long() {
    let padded = |letters: usize| {
        let claims = with("pad", json!("x".repeat(letters)));
        signed_as_is(r#"{"alg":"RS256"}"#, &claims.to_string())
    };
    let longest = (0..2000).rev().map(padded).find(|token| token.len() <= 2048).unwrap();
    assert!(judged(&longest, &STRICT).is_ok());
    let longer = padded(1500);
    assert!(longer.len() > 2048);
    assert_eq!(judged(&longer, &STRICT), Err(Rejected::Token(JwsError::TooLong)));
}
