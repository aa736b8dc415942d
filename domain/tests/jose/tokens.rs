//! Compact tokens: what is read, what is refused, whose signature counts.

use domain::Timestamp;
use domain::jose::{
    Algorithm, ClaimError, Claims, HeaderFields, JwsError, KeyType, SigningKey, Unverified, hs256,
    json,
};
use proptest::prelude::{any, proptest};
use serde_json::json;

use super::{b64, guardian, key_of, recorded_jwts, rsa_key, signed, signed_as_is, unb64};

const MOST: usize = 8192;

fn refused(token: &str) -> JwsError {
    Unverified::parse(token, MOST).unwrap_err()
}

#[test]
fn every_recorded_jwt_verifies_with_the_key_as_sent() {
    let file = guardian();
    let key = key_of(&file["key"]["public_jwk_as_sent"]);
    let jwts = recorded_jwts(&file);
    assert_eq!(jwts.len(), 28);
    let other = SigningKey::generate(KeyType::P256).unwrap();
    for jwt in jwts {
        let token = Unverified::parse(&jwt, MOST).unwrap();
        let claims = token.verify(&key, &[Algorithm::Rs256]).unwrap();
        assert!(claims.numeric_date("iat").is_ok());
        if token.header().is_type("dpop+jwt") {
            assert_eq!(token.header().jwk().unwrap().unwrap(), key);
        } else {
            assert!(token.header().is_type("jwt"));
            assert_eq!(token.header().jwk().unwrap(), None);
        }
        let not_allowed = Err(JwsError::AlgorithmNotAllowed);
        assert_eq!(token.verify(&key, &[Algorithm::Rs384, Algorithm::Es256]), not_allowed);
        assert_eq!(token.verify(other.public(), Algorithm::ALL), not_allowed);
        // one bit of the signature
        let (head, signature) = jwt.rsplit_once('.').unwrap();
        let mut signature = unb64(signature);
        signature[7] ^= 1;
        let forged = format!("{head}.{}", b64(signature));
        let forged = Unverified::parse(&forged, MOST).unwrap();
        assert_eq!(forged.verify(&key, &[Algorithm::Rs256]), Err(JwsError::Signature));
    }
}

#[test]
fn the_examples_of_the_rfcs_verify() {
    // RFC 7515, appendix A.3
    let key = key_of(&json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }));
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                 cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5d\
                 jxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let token = Unverified::parse(token, MOST).unwrap();
    assert_eq!(token.verify(&key, &[Algorithm::Es256]).unwrap().text("iss").unwrap(), "joe");
    // RFC 8037, appendix A.4 (its payload is no JSON)
    let key = key_of(&json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }));
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = unb64(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
    assert!(key.verifies(Algorithm::Ed25519, message, &signature));
}

#[test]
fn every_algorithm_signs_and_verifies_and_is_no_other() {
    let rsa = rsa_key();
    let p256 = SigningKey::generate(KeyType::P256).unwrap();
    let p384 = SigningKey::generate(KeyType::P384).unwrap();
    let edwards = SigningKey::generate(KeyType::Ed25519).unwrap();
    for algorithm in Algorithm::ALL {
        for key in [&rsa, &p256, &p384, &edwards] {
            let fields =
                HeaderFields { typ: Some("at+jwt"), kid: Some("k\"1"), jwk: Some(key.public()) };
            let token = key.sign(*algorithm, &fields, r#"{"sub":"u"}"#);
            assert_eq!(token.is_ok(), key.public().fits(*algorithm));
            let Ok(token) = token else { continue };
            let parsed = Unverified::parse(&token, MOST).unwrap();
            assert_eq!(parsed.header().algorithm, *algorithm);
            assert_eq!(parsed.header().kid.as_deref(), Some("k\"1"));
            assert_eq!(parsed.header().jwk().unwrap().as_ref(), Some(key.public()));
            let claims = parsed.verify(key.public(), &[*algorithm]).unwrap();
            assert_eq!(claims.text("sub"), Ok("u"));
            // the same bytes under another algorithm of the same key
            let input = token.rsplit_once('.').unwrap();
            for other in Algorithm::ALL.iter().filter(|other| *other != algorithm) {
                let signature = unb64(input.1);
                assert!(!key.public().verifies(*other, input.0.as_bytes(), &signature));
            }
        }
        for name in algorithm.accepted_names() {
            assert_eq!(Algorithm::from_name(name), Some(*algorithm));
        }
    }
    assert_eq!(Algorithm::from_name("EdDSA"), Some(Algorithm::Ed25519));
    for name in ["none", "None", "HS256", "rs256", "ES256K", ""] {
        assert_eq!(Algorithm::from_name(name), None);
    }
}

#[test]
fn headers_that_bend_the_rules_are_refused() {
    let with = |header: &str| refused(&signed_as_is(header, "{}"));
    assert_eq!(with(r#"{"alg":"none"}"#), JwsError::Algorithm);
    assert_eq!(with(r#"{"alg":"HS256"}"#), JwsError::Algorithm);
    assert_eq!(with(r#"{"typ":"JWT"}"#), JwsError::Algorithm);
    assert_eq!(with(r#"{"alg":7}"#), JwsError::HeaderMember("alg"));
    assert_eq!(with(r#"{"alg":"RS256","typ":null}"#), JwsError::HeaderMember("typ"));
    assert_eq!(with(r#"{"alg":"RS256","kid":1}"#), JwsError::HeaderMember("kid"));
    for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", "1"] {
        assert_eq!(with(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#)), JwsError::Critical);
    }
    assert!(matches!(with(r#"{"alg":"RS256","alg":"RS256"}"#), JwsError::Header(_)));
    assert!(matches!(with(r#"{"alg":"RS256","a":{"x":1,"x":2}}"#), JwsError::Header(_)));
    assert!(matches!(with("[]"), JwsError::Header(_)));
    assert!(matches!(with(""), JwsError::Header(_)));

    let private = signed_as_is(r#"{"alg":"RS256","jwk":{"kty":"oct","k":"AA"}}"#, "{}");
    let header_key = Unverified::parse(&private, MOST).unwrap();
    assert!(matches!(header_key.header().jwk(), Err(JwsError::Jwk(_))));
}

#[test]
fn other_shapes_than_three_parts_are_refused() {
    let good = signed_as_is(r#"{"alg":"RS256"}"#, "{}");
    let signing_input = good.rsplit_once('.').unwrap().0;
    for token in [
        String::new(),
        "..".to_owned(),
        good.replace('.', ""),
        format!("{good}."),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
    ] {
        let error = refused(&token);
        assert!(matches!(error, JwsError::Malformed | JwsError::Header(_)), "{token} {error}");
    }
    assert_eq!(refused("a.b.c.d.e"), JwsError::Encrypted);
    let unsigned = format!("{signing_input}.");
    let unsigned = Unverified::parse(&unsigned, MOST).unwrap();
    let key = rsa_key();
    assert_eq!(unsigned.verify(key.public(), Algorithm::ALL), Err(JwsError::Signature));
    assert_eq!(Unverified::parse(&good, good.len() - 1).unwrap_err(), JwsError::TooLong);
    assert!(Unverified::parse(&good, good.len()).is_ok());
}

/// JSON with `\/`, a newline after the last brace, members in any order: part of G80.
#[test]
fn claims_are_read_as_devices_write_them() {
    let key = rsa_key();
    let payload = "{\"aud\":\"https:\\/\\/h\\/p\",\"iat\":1795406008.123456,\"x\":[1]}\r\n \t\n";
    let token = signed_as_is(r#"{"typ":"JWT","alg":"RS256","extra":{"a":[]}}"#, payload);
    let token = Unverified::parse(&token, MOST).unwrap();
    let claims = token.verify(key.public(), &[Algorithm::Rs256]).unwrap();
    assert_eq!(claims.text("aud"), Ok("https://h/p"));
    assert_eq!(claims.numeric_date("iat"), Ok(Timestamp::from_ms(1_795_406_008_123)));
}

#[test]
fn ambiguous_or_deep_claims_are_refused() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let deeper = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for payload in [
        r#"{"sub":"a","sub":"b"}"#,
        r#"{"a":[{"b":1,"b":1}]}"#,
        r#"{"a":1} {"b":2}"#,
        r#"{"a":1e999}"#,
        "[]",
        "null",
        "\u{FEFF}{}",
        "",
        &deep,
        &deeper,
    ] {
        let token = signed_as_is(r#"{"alg":"RS256"}"#, payload);
        let token = Unverified::parse(&token, 200_000).unwrap();
        let claims = token.verify(rsa_key().public(), &[Algorithm::Rs256]);
        assert!(matches!(claims, Err(JwsError::Claims(ClaimError::NotAnObject(_)))));
        assert!(token.unverified_claims().is_err());
    }
}

#[test]
fn a_claim_of_a_wrong_type_is_an_error_and_not_an_absence() {
    let claims = Claims::parse(
        br#"{"n":null,"t":"5","b":true,"i":7,"f":1.5,"neg":-1,"far":1e13,"list":["a","b"],
            "mixed":["a",1],"none":[]}"#,
    )
    .unwrap();
    let wrong = |name, wanted| Err(ClaimError::WrongType { name, wanted });
    assert_eq!(claims.optional_text("absent"), Ok(None));
    assert_eq!(claims.optional_text("n"), wrong("n", "a string").map(|()| None));
    assert_eq!(claims.text("absent"), Err(ClaimError::Missing("absent")));
    assert_eq!(claims.text("i"), wrong("i", "a string").map(|()| ""));
    assert_eq!(claims.boolean("b"), Ok(true));
    assert!(claims.boolean("t").is_err());
    assert_eq!(claims.optional_boolean("absent"), Ok(None));
    assert_eq!(claims.optional_integer("i"), Ok(Some(7)));
    assert!(claims.optional_integer("f").is_err());
    assert_eq!(claims.numeric_date("f"), Ok(Timestamp::from_ms(1500)));
    for name in ["t", "n", "b", "neg", "far", "list"] {
        assert!(claims.numeric_date(name).is_err(), "{name}");
        assert!(claims.optional_numeric_date(name).is_err(), "{name}");
    }
    assert_eq!(claims.optional_numeric_date("absent"), Ok(None));
    let or_text = |name| claims.optional_numeric_date_or_text(name);
    assert_eq!(or_text("t"), Ok(Some(Timestamp::from_ms(5000))));
    assert_eq!(or_text("i"), Ok(Some(Timestamp::from_ms(7000))));
    assert!(or_text("n").is_err());

    let audience = |json: &str| {
        let claims = Claims::parse(json.as_bytes()).unwrap();
        claims.audience().map(|list| list.join(" "))
    };
    assert_eq!(audience(r#"{"aud":"a"}"#), Ok("a".to_owned()));
    assert_eq!(audience(r#"{"aud":["a","b"]}"#), Ok("a b".to_owned()));
    assert_eq!(audience("{}"), Err(ClaimError::Missing("aud")));
    for json in [r#"{"aud":[]}"#, r#"{"aud":["a",1]}"#, r#"{"aud":null}"#, r#"{"aud":{}}"#] {
        assert!(audience(json).is_err(), "{json}");
    }
    assert!(!format!("{claims:?}").contains('5'));
}

#[test]
fn numbers_that_readers_could_read_differently_are_found() {
    let exact = |text: &str| json::has_exact_numbers(&json::parse(text.as_bytes()).unwrap());
    for text in ["9007199254740992", "-9007199254740992", "0.1", "[1,{\"a\":2}]", "\"x\""] {
        assert!(exact(text), "{text}");
    }
    for text in ["9007199254740993", "-9007199254740993", "[1e300]", "{\"a\":18446744073709551616}"]
    {
        assert!(!exact(text), "{text}");
    }
}

#[test]
fn our_own_tokens_are_for_one_purpose_under_one_key() {
    let key = [7; 32];
    let token = hs256::sign(&key, "txtkn+jwt", r#"{"sub":"auth0|u1"}"#);
    let claims = hs256::verify(&key, "txtkn+jwt", &token, 1024).unwrap();
    assert_eq!(claims.text("sub"), Ok("auth0|u1"));
    assert_eq!(hs256::verify(&key, "other+jwt", &token, 1024), Err(JwsError::Type));
    assert_eq!(hs256::verify(&[8; 32], "txtkn+jwt", &token, 1024), Err(JwsError::Signature));
    assert_eq!(hs256::verify(&key, "txtkn+jwt", &token, 20), Err(JwsError::TooLong));
    // to the asymmetric side it is no token at all, and the reverse
    assert_eq!(refused(&token), JwsError::Algorithm);
    let theirs = signed(Algorithm::Rs256, &rsa_key(), "{}");
    assert_eq!(hs256::verify(&key, "txtkn+jwt", &theirs, MOST), Err(JwsError::Signature));
}

#[test]
fn a_recorded_transaction_token_shaped_like_a_jwt_is_not_ours() {
    for token in guardian()["transaction_tokens"].as_array().unwrap() {
        let raw = token["raw"].as_str().unwrap();
        assert!(hs256::verify(&[7; 32], "txtkn+jwt", raw, 1024).is_err());
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_token_parsers_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let parts = format!("{}.{}.{}", b64(&text), b64(&bytes), b64(&bytes));
        let behind_a_header = format!("{}.{}.AAAA", b64(r#"{"alg":"ES256"}"#), b64(&bytes));
        let key = SigningKey::generate(KeyType::P256).unwrap();
        for token in [&text, &parts, &behind_a_header] {
            if let Ok(token) = Unverified::parse(token, 1024) {
                drop(token.unverified_claims());
                drop(token.header().jwk());
                assert!(token.verify(key.public(), Algorithm::ALL).is_err());
            }
            assert!(hs256::verify(&[0; 32], "t", token, 1024).is_err());
        }
        drop(Claims::parse(&bytes));
        drop(Claims::parse(text.as_bytes()));
    }
}
