//! What devices sign, against the recordings of the Guardian SDK for Android and changes of them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::panic_in_result_fn,
    reason = "helpers of tests"
)]

use device_protocol::guardian::errors::Code;
use device_protocol::guardian::{account, proof, resolve};
use domain::guardian::{
    AccountRules, Answer, AnswerRules, ProofRules, Refused, check_account_token, check_answer,
    check_proof, device_key, is_jwt,
};
use domain::jose::{Algorithm, KeyType, PublicKey, SigningKey};
use domain::{DeviceId, Timestamp, UserId};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_ms(1_795_409_781_000);
const BASE: &str = "https://localhost:8443/";
const RESOLVE: &str = "https://localhost:8443/appliance-mfa/api/resolve-transaction";
const CONSENT: &str = "cns_AbCdEfGhIjKlMnOpQrStUv";
const TXTKN: &str = "aValidTransactionToken";

fn recordings() -> Value {
    serde_json::from_str(include_str!("../../testkit/vectors/guardian-android.json")).unwrap()
}

fn rsa_key() -> SigningKey {
    SigningKey::from_pem(include_str!("../../testkit/vectors/guardian-android-key.pem")).unwrap()
}

fn ec_key() -> SigningKey {
    SigningKey::generate(KeyType::P256).unwrap()
}

fn bases(base: &str) -> Vec<String> {
    vec![base.to_owned()]
}

fn sign_with(key: &SigningKey, algorithm: Algorithm, header: &str, claims: &str) -> String {
    key.sign_compact(algorithm, header, claims).unwrap()
}

/// Signs an answer as a device does, with the key's own algorithm.
fn signed(key: &SigningKey, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    let header = resolve::header(algorithm.name()).to_string();
    sign_with(key, algorithm, &header, &claims.to_string())
}

fn good_answer() -> Value {
    resolve::Answer {
        identifier: "a1b2c3d4e5f60718",
        challenge: "the-challenge",
        url: RESOLVE,
        issued_at: NOW.seconds(),
        decision: resolve::Decision::Accepted,
    }
    .claims()
}

fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn answer_of(jwt: &str, key: &PublicKey) -> Result<Answer, Refused> {
    strict_answer_of(jwt, key, false)
}

fn strict_answer_of(jwt: &str, key: &PublicKey, strict: bool) -> Result<Answer, Refused> {
    let bases = bases(BASE);
    let rules = AnswerRules {
        key,
        challenge: "the-challenge",
        bases: &bases,
        identifier: "a1b2c3d4e5f60718",
        is_identifier_strict: strict,
    };
    check_answer(jwt, &rules, NOW)
}

#[track_caller]
fn assert_code<T: std::fmt::Debug>(result: Result<T, Refused>, code: Code, what: &str) {
    assert_eq!(result.map_err(|refused| refused.code).unwrap_err(), code, "{what}");
}

/// The answer is refused as no valid token, with RSA and with P-256.
#[track_caller]
fn assert_answer_refused(claims: &Value) {
    let key = rsa_key();
    let what = claims.to_string();
    assert_code(answer_of(&signed(&key, claims), key.public()), Code::InvalidToken, &what);
}

#[track_caller]
fn assert_answer_taken(claims: &Value) -> Answer {
    let key = rsa_key();
    answer_of(&signed(&key, claims), key.public()).unwrap()
}

struct Recorded {
    kind: String,
    raw: String,
    made_at: Timestamp,
    run: Value,
    case: Value,
}

fn recorded_jwts() -> Vec<Recorded> {
    let file = recordings();
    let mut found = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let runs = file["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["name"] == case["run"]).unwrap();
        for jwt in case["jwts"].as_array().unwrap() {
            found.push(Recorded {
                kind: case["operation"].as_str().unwrap().to_owned(),
                raw: jwt["raw"].as_str().unwrap().to_owned(),
                made_at: Timestamp::from_ms(0).plus_seconds(jwt["made_at"].as_i64().unwrap()),
                run: run.clone(),
                case: case.clone(),
            });
        }
    }
    found
}

impl Recorded {
    fn base(&self) -> String {
        self.run["api_base"].as_str().unwrap().strip_suffix("appliance-mfa").unwrap().to_owned()
    }

    fn transaction(&self) -> Value {
        let txtkn = self.case["request"]["credential"]["value"].as_str().unwrap();
        let transactions = self.run["transactions"].as_array().unwrap();
        transactions.iter().find(|known| known["txtkn"] == txtkn).unwrap().clone()
    }

    fn check(&self, base: &str, key: &PublicKey, now: Timestamp) -> Result<(), Refused> {
        let bases = bases(base);
        match self.kind.as_str() {
            "allow" | "reject" => {
                let transaction = self.transaction();
                let rules = AnswerRules {
                    key,
                    challenge: transaction["challenge"].as_str().unwrap(),
                    bases: &bases,
                    identifier: "a1b2c3d4e5f60718",
                    is_identifier_strict: true,
                };
                check_answer(&self.raw, &rules, now).map(|answer| {
                    assert_eq!(answer.accepted, self.kind == "allow");
                })
            }
            "fetch_consent" => {
                let transaction = self.transaction();
                let rules = ProofRules {
                    key,
                    txtkn: transaction["txtkn"].as_str().unwrap(),
                    consent_id: transaction["consent_id"].as_str().unwrap(),
                    bases: &bases,
                };
                check_proof(Some(&self.raw), &rules, now).map(|_held| ())
            }
            "update_device" | "delete_device" => {
                let path = self.case["request"]["path"].as_str().unwrap();
                let device = DeviceId::new(path.rsplit('/').next().unwrap());
                let user = UserId::new("auth0|u1");
                let rules = AccountRules { key, device: &device, user: &user, bases: &bases };
                check_account_token(&self.raw, &rules, now)
            }
            other => panic!("{other}"),
        }
    }
}

/// Part of G101: each signature of the recordings holds at its time and address, and not with
/// another key, at another time or at another address.
#[test]
fn every_recorded_token_holds_at_its_time_and_address_and_nowhere_else() {
    let (key, other) = (rsa_key(), ec_key());
    let recorded = recorded_jwts();
    assert_eq!(recorded.len(), 28);
    for jwt in recorded {
        jwt.check(&jwt.base(), key.public(), jwt.made_at).unwrap();
        let late = jwt.made_at.plus_seconds(account::LIFETIME_SECONDS + 61);
        let early = jwt.made_at.plus_seconds(-301);
        assert!(jwt.check(&jwt.base(), other.public(), jwt.made_at).is_err());
        assert!(jwt.check(&jwt.base(), key.public(), late).is_err());
        assert!(jwt.check(&jwt.base(), key.public(), early).is_err());
        assert!(jwt.check("https://other.example/", key.public(), jwt.made_at).is_err());
        assert!(jwt.check(&format!("{}x/", jwt.base()), key.public(), jwt.made_at).is_err());
    }
}

/// G79: fractional `iat` and `exp`, as iOS writes them.
#[test]
fn an_answer_with_fractional_times_is_taken() {
    let claims = with(&good_answer(), "iat", 1_795_409_781.123_456);
    let answer = assert_answer_taken(&with(&claims, "exp", 1_795_409_811.123_456));
    assert!(answer.accepted && answer.identifier_matches);
    assert_eq!(answer.reason, None);
}

/// G80: escaped slashes, a newline after the last brace, another order of members.
#[test]
fn an_answer_may_be_written_in_unusual_json() {
    let key = rsa_key();
    let text = good_answer().to_string().replace('/', "\\/") + "\n";
    let jwt = sign_with(&key, Algorithm::Rs256, r#"{"typ":"JWT","alg":"RS256"}"#, &text);
    assert!(answer_of(&jwt, key.public()).unwrap().accepted);
    let mut members: Vec<_> = good_answer().as_object().unwrap().clone().into_iter().collect();
    members.reverse();
    let body: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    let text = format!("{{ {} }}", body.join(" , "));
    let jwt = sign_with(&key, Algorithm::Rs256, r#"{"alg":"RS256"}"#, &text);
    assert!(answer_of(&jwt, key.public()).unwrap().accepted);
}

/// G81: claims and header members that nobody knows.
#[test]
fn an_answer_may_say_more_than_we_know() {
    let key = rsa_key();
    let claims = with(&good_answer(), "auth0_consent_signature", json!({ "a": [1] }));
    let header = r#"{"alg":"RS256","typ":"JWT","x-app":{"v":1},"kid":"k"}"#;
    let jwt = sign_with(&key, Algorithm::Rs256, header, &claims.to_string());
    assert!(answer_of(&jwt, key.public()).unwrap().accepted);
}

/// Part of G83: another host or path, an array, the bare base.
#[test]
fn an_answer_for_another_address_is_refused() {
    for audience in [
        json!("https://evil.example/appliance-mfa/api/resolve-transaction"),
        json!("https://localhost:8443/appliance-mfa/api/enroll"),
        json!("https://localhost:8443/appliance-mfa"),
        json!("https://localhost:8443/"),
        json!([RESOLVE]),
        json!(7),
    ] {
        assert_answer_refused(&with(&good_answer(), "aud", audience));
    }
}

/// Part of G84 and G85: another `iss` counts as a deviation, and refuses only where the tenant is strict.
#[test]
fn another_identifier_refuses_only_where_the_tenant_is_strict() {
    let key = rsa_key();
    for issuer in ["another-identifier", "dev_AbCdEfGh01234567"] {
        let jwt = signed(&key, &with(&good_answer(), "iss", issuer));
        assert!(!answer_of(&jwt, key.public()).unwrap().identifier_matches);
        assert_code(strict_answer_of(&jwt, key.public(), true), Code::InvalidToken, issuer);
    }
    let jwt = signed(&key, &good_answer());
    assert!(strict_answer_of(&jwt, key.public(), true).unwrap().identifier_matches);
}

/// Part of G86: another challenge.
#[test]
fn an_answer_to_another_challenge_is_refused() {
    for challenge in ["the-challeng", "the-challenge ", "THE-CHALLENGE", ""] {
        assert_answer_refused(&with(&good_answer(), "sub", challenge));
    }
}

/// Part of G87: `exp` up to 60 s in the past.
#[test]
fn an_answer_may_have_expired_a_minute_ago() {
    let now = NOW.seconds();
    assert!(assert_answer_taken(&with(&good_answer(), "exp", now - 60)).accepted);
    assert_answer_refused(&with(&good_answer(), "exp", now - 61));
    assert_answer_refused(&with(&good_answer(), "exp", 1_795_409_720.999));
    assert_answer_refused(&without(&good_answer(), "exp"));
}

/// G88: `iat` up to 300 s in the future.
#[test]
fn an_answer_may_be_dated_five_minutes_ahead() {
    let now = NOW.seconds();
    assert!(assert_answer_taken(&with(&good_answer(), "iat", now + 300)).accepted);
    assert_answer_refused(&with(&good_answer(), "iat", now + 301));
}

/// Part of G89: other keys and algorithms than the device's own.
#[test]
fn an_answer_must_be_signed_by_the_device_with_the_algorithm_of_its_key() {
    let (key, ec) = (rsa_key(), ec_key());
    let claims = good_answer().to_string();
    assert_code(answer_of(&signed(&ec, &good_answer()), key.public()), Code::InvalidToken, "ES");
    assert_code(answer_of(&signed(&key, &good_answer()), ec.public()), Code::InvalidToken, "RS");
    for alg in ["none", "HS256", "RS384", "PS256", "ES256"] {
        let header = format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
        let jwt = sign_with(&key, Algorithm::Rs256, &header, &claims);
        assert_code(answer_of(&jwt, key.public()), Code::InvalidToken, alg);
        let unsigned = format!("{}.", jwt.rsplit_once('.').unwrap().0);
        assert_code(answer_of(&unsigned, key.public()), Code::InvalidToken, alg);
    }
    let ps = sign_with(&key, Algorithm::Ps256, r#"{"alg":"PS256"}"#, &claims);
    assert_code(answer_of(&ps, key.public()), Code::InvalidToken, "a real PS256");
    for text in ["", "a.b", "a.b.c", "....", "\u{1F600}.a.b"] {
        assert_code(answer_of(text, key.public()), Code::InvalidToken, text);
    }
}

/// G90: a P-256 key answers with ES256.
#[test]
fn a_p256_device_answers_with_es256() {
    let key = ec_key();
    assert!(answer_of(&signed(&key, &good_answer()), key.public()).unwrap().accepted);
}

/// G91: no clear yes or no, or another method than `push`.
#[test]
fn an_answer_that_does_not_say_yes_or_no_is_refused() {
    let good = good_answer();
    assert_answer_refused(&without(&good, "auth0_guardian_accepted"));
    for value in [json!("true"), json!(1), json!(null)] {
        assert_answer_refused(&with(&good, "auth0_guardian_accepted", value));
    }
    assert_answer_refused(&with(&good, "auth0_guardian_method", "otp"));
    assert_answer_refused(&without(&good, "auth0_guardian_method"));
}

/// Part of G77: the reason of a refusal is kept.
#[test]
fn the_reason_of_a_refusal_is_kept() {
    let denied = with(&good_answer(), "auth0_guardian_accepted", false);
    let answer = assert_answer_taken(&with(&denied, "auth0_guardian_reason", "hack"));
    assert_eq!((answer.accepted, answer.reason.as_deref()), (false, Some("hack")));
}

fn good_proof() -> Value {
    let url = format!("{BASE}rich-consents/{CONSENT}");
    let jti = "C3163287-43E6-44D9-B573-318337C29C75";
    proof::Proof { url: &url, txtkn: TXTKN, jti, issued_at: NOW.seconds() }.claims()
}

/// The key as both SDKs send it: `n` with a leading zero byte, `alg` and `use` beside it.
fn jwk_as_sent() -> Value {
    recordings()["key"]["public_jwk_as_sent"].clone()
}

fn proof_with(key: &SigningKey, typ: &str, jwk: &Value, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    let header = json!({ "typ": typ, "alg": algorithm.name(), "jwk": jwk }).to_string();
    sign_with(key, algorithm, &header, &claims.to_string())
}

fn check(proof: &str, key: &PublicKey) -> Result<(), Refused> {
    let bases = bases(BASE);
    let rules = ProofRules { key, txtkn: TXTKN, consent_id: CONSENT, bases: &bases };
    check_proof(Some(proof), &rules, NOW).map(|_held| ())
}

/// G109: leading-zero `n`, `jti` in either case, fractional `iat`, no `exp`, no `nonce`.
#[test]
fn a_proof_as_the_sdks_write_it_holds() {
    let key = rsa_key();
    for jti in ["C3163287-43E6-44D9-B573-318337C29C75", "c3163287-43e6-44d9-b573-318337c29c75"] {
        let claims = with(&good_proof(), "jti", jti);
        let claims = with(&claims, "iat", 1_795_409_781.5);
        check(&proof_with(&key, "dpop+jwt", &jwk_as_sent(), &claims), key.public()).unwrap();
    }
}

/// G111: the pair of the iOS fixture.
#[test]
fn the_hash_of_a_transaction_token_is_the_one_ios_computes() {
    assert_eq!(proof::ath(TXTKN), "CzMD9-OOC7tzMpYDBdgrSUtmhx8Jw9cZMSf4KXVRC5A");
    assert_eq!(good_proof()["ath"], "CzMD9-OOC7tzMpYDBdgrSUtmhx8Jw9cZMSf4KXVRC5A");
}

/// Part of G112: what is wrong with a proof is one and the same code.
#[test]
fn a_proof_with_anything_wrong_does_not_hold() {
    let key = rsa_key();
    let refuse = |claims: &Value| {
        let proof = proof_with(&key, "dpop+jwt", &jwk_as_sent(), claims);
        let what = claims.to_string();
        assert_code(check(&proof, key.public()), Code::InvalidDpopAssertion, &what);
    };
    let good = good_proof();
    let now = NOW.seconds();
    refuse(&with(&good, "htm", "POST"));
    refuse(&without(&good, "htm"));
    refuse(&with(&good, "htu", "https://evil.example/rich-consents/x"));
    refuse(&with(&good, "htu", format!("{BASE}rich-consents/cns_other")));
    refuse(&with(&good, "ath", proof::ath("another")));
    refuse(&without(&good, "ath"));
    refuse(&without(&good, "jti"));
    refuse(&with(&good, "jti", ""));
    refuse(&with(&good, "iat", now - 301));
    refuse(&with(&good, "iat", now + 301));
    refuse(&without(&good, "iat"));
    let holds = |claims: &Value| {
        check(&proof_with(&key, "dpop+jwt", &jwk_as_sent(), claims), key.public()).unwrap();
    };
    holds(&with(&good, "iat", now - 300));
    holds(&with(&good, "iat", now + 300));
    let other_type = proof_with(&key, "JWT", &jwk_as_sent(), &good);
    assert_code(check(&other_type, key.public()), Code::InvalidDpopAssertion, "typ");
    let proof = proof_with(&key, "dpop+jwt", &jwk_as_sent(), &good);
    let forged =
        format!("{}AAAA", proof.strip_suffix(proof.get(proof.len() - 4..).unwrap()).unwrap());
    assert_code(check(&forged, key.public()), Code::InvalidDpopAssertion, "signature");
    assert_code(check("", key.public()), Code::InvalidDpopAssertion, "empty");
    let bases = bases(BASE);
    let rules = ProofRules { key: key.public(), txtkn: TXTKN, consent_id: CONSENT, bases: &bases };
    assert_code(check_proof(None, &rules, NOW), Code::InvalidDpopAssertion, "missing");
}

/// Part of G113: another key, shown by its own `jwk`, and a foreign `jwk` over the device's key.
#[test]
fn a_proof_by_another_key_does_not_hold() {
    let (key, other) = (rsa_key(), ec_key());
    let own = other.public().to_jwk(None, None);
    let proof = proof_with(&other, "dpop+jwt", &own, &good_proof());
    assert_code(check(&proof, key.public()), Code::InvalidDpopAssertion, "its own jwk");
    let proof = proof_with(&other, "dpop+jwt", &jwk_as_sent(), &good_proof());
    assert_code(check(&proof, key.public()), Code::InvalidDpopAssertion, "our jwk");
}

/// Part of G115: a P-256 device proves with ES256.
#[test]
fn a_p256_device_proves_with_es256() {
    let key = ec_key();
    let jwk = key.public().to_jwk(None, Some(Algorithm::Es256));
    check(&proof_with(&key, "dpop+jwt", &jwk, &good_proof()), key.public()).unwrap();
}

fn check_account(claims: &Value, key: &SigningKey, signer: &SigningKey) -> Result<(), Refused> {
    let (device, user) = (DeviceId::new("dev_AbCdEfGh01234567"), UserId::new("auth0|u1"));
    let bases = bases(BASE);
    let rules = AccountRules { key: key.public(), device: &device, user: &user, bases: &bases };
    check_account_token(&signed(signer, claims), &rules, NOW)
}

fn good_account() -> Value {
    account::Credential {
        device: "dev_AbCdEfGh01234567",
        user: "auth0|u1",
        url: "https://localhost:8443/appliance-mfa/api/device-accounts",
        issued_at: NOW.seconds(),
    }
    .claims()
}

/// Part of G50: each claim that deviates, the signature of another key.
#[test]
fn an_account_token_speaks_for_its_own_enrollment_only() {
    let key = rsa_key();
    let good = good_account();
    let now = NOW.seconds();
    check_account(&good, &key, &key).unwrap();
    check_account(&with(&good, "exp", now - 60), &key, &key).unwrap();
    check_account(&with(&good, "iat", now + 60), &key, &key).unwrap();
    for claims in [
        with(&good, "iss", "dev_another000000000"),
        with(&good, "sub", "auth0|u2"),
        with(&good, "aud", format!("{BASE}appliance-mfa/api/device-accounts/dev_AbCdEfGh01234567")),
        with(&good, "aud", "https://evil.example/appliance-mfa/api/device-accounts"),
        with(&good, "exp", now - 61),
        with(&good, "iat", now + 61),
        without(&good, "exp"),
        without(&good, "iss"),
    ] {
        let what = claims.to_string();
        assert_code(check_account(&claims, &key, &key), Code::InvalidToken, &what);
    }
    assert_code(check_account(&good, &key, &ec_key()), Code::InvalidToken, "another key");
    assert_code(check_account(&good, &ec_key(), &key), Code::InvalidToken, "RS256 for P-256");
}

/// G51: fractional times in the credential of an account.
#[test]
fn an_account_token_may_have_fractional_times() {
    let claims = with(&good_account(), "iat", 1_795_409_781.25);
    check_account(&with(&claims, "exp", 1_795_416_981.25), &rsa_key(), &rsa_key()).unwrap();
}

#[test]
fn an_opaque_token_is_told_from_a_jwt_by_its_shape() {
    assert!(is_jwt("a.b.c"));
    for text in ["", "abc", "a.b", "a.b.c.d"] {
        assert!(!is_jwt(text), "{text}");
    }
}

/// Part of G28 and G29: with and without the leading zero byte, it is one key.
#[test]
fn the_leading_zero_of_the_sdks_makes_no_other_key() {
    let key = recordings()["key"].clone();
    let sent = device_key(key["public_jwk_as_sent"].as_object().unwrap()).unwrap();
    let canonical = device_key(key["public_jwk"].as_object().unwrap()).unwrap();
    assert_eq!(sent.canonical_json(), canonical.canonical_json());
    assert_eq!(sent.thumbprint(), key["thumbprint_sha256"]);
}

/// Part of G31: other kinds of keys are no device keys.
#[test]
fn keys_of_other_kinds_are_refused() {
    let ec = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig" });
    let mut good = ec_key().public().to_jwk(None, None);
    good.as_object_mut().unwrap().extend(ec.as_object().unwrap().clone());
    device_key(good.as_object().unwrap()).unwrap();
    for kind in [KeyType::P384, KeyType::Ed25519] {
        let jwk = SigningKey::generate(kind).unwrap().public().to_jwk(None, None);
        let refused = device_key(jwk.as_object().unwrap());
        assert_code(refused, Code::InvalidBody, &jwk.to_string());
    }
    for jwk in [json!({}), json!({ "kty": "oct", "k": "AAAA" }), json!({ "kty": 1 })] {
        assert_code(device_key(jwk.as_object().unwrap()), Code::InvalidBody, &jwk.to_string());
    }
}
